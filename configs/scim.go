package configs

import "time"

// SCIM is what of the protocol is a matter of choice.
type SCIM struct {
	DefaultCount       int      `config:"default_count"` // resources on a page when the client does not say
	MaxCount           int      `config:"max_count"`     // resources on a page at most
	MaxSort            int      `config:"max_sort"`      // resources that are sorted here, where the directory cannot
	CursorKey          Secret   `config:"cursor_key"`    // what cursors are encrypted with
	CursorTimeout      Duration `config:"cursor_timeout"`
	BulkMaxOperations  int      `config:"bulk_max_operations"` // 0: no /Bulk
	BulkMaxPayloadSize Size     `config:"bulk_max_payload_size"`
	Me                 string   `config:"me"`      // the attribute of a User that holds a caller's subject; "": no /Me
	Mode               string   `config:"mode"`    // what becomes of writes
	DryRun             bool     `config:"dry_run"` // whether a client may ask what a write would do
}

// What becomes of writes.
const (
	ModeNormal   = "normal"
	ModeShadow   = "shadow"    // they are planned and journaled, answered as if done, and touch nothing
	ModeReadOnly = "read_only" // they are refused
)

// minCursorKey is the fewest characters of a key that nobody guesses.
const minCursorKey = 32

// Validate checks the section. Whether Me is mapped is for whoever knows the mappings.
func (s SCIM) Validate() Faults {
	var faults Faults
	if s.MaxCount < 1 || s.MaxCount > 10_000 {
		faults = faults.add("max_count", "write a number in between", "must be from 1 to 10000")
	}
	if s.DefaultCount < 1 || s.DefaultCount > s.MaxCount {
		faults = faults.add("default_count", "write a number in between", "must be from 1 to max_count, which is %d", s.MaxCount)
	}
	if s.MaxSort < 1 {
		faults = faults.add("max_sort", "write how many resources may be sorted for one search", "must be more than 0")
	}
	if !s.CursorKey.IsZero() && len(s.CursorKey.Reveal()) < minCursorKey {
		faults = faults.add("cursor_key", "use openssl rand -hex 32", "has fewer than %d characters", minCursorKey)
	}
	if s.CursorTimeout < time.Second { // clients are told it in whole seconds (RFC 9865 §4)
		faults = faults.add("cursor_timeout", "write how many seconds a client may take between two pages", "must be 1s or more")
	}
	if s.BulkMaxOperations < 0 {
		faults = faults.add("bulk_max_operations", "write a number, or 0 for no /Bulk", "is negative")
	}
	if s.BulkMaxPayloadSize <= 0 {
		faults = faults.add("bulk_max_payload_size", "write a size such as 1MB", "must be more than 0")
	}
	return append(faults, oneOf("mode", s.Mode, []string{ModeNormal, ModeShadow, ModeReadOnly})...)
}
