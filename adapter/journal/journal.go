// Package journal is the adapter's account of its writes: what is about to happen, in which order, what stood there before, and what came of
// each step.
//
// For every write the adapter calls Begin with an Intent, does the intent's steps, and calls Finish with their Outcome. Begin returns only when
// the intent is durable, and nothing is written to a directory before that; so whatever happened to the process in between, the journal knows
// what may be half done and how it looked before. Intents and outcomes are appended and never changed. The same store keeps the Overlay:
// attributes that clients want kept and the directory has no place for, and under which id a record was known before it was made again.
//
// What happens without a write (a read that is audited, a sign-in that was refused) is an event too: Note writes it whole. Begin holds every write
// against the guard's limits and takes what it needs of them in the same transaction (guard.go). Reader (reader.go) gives events back.
//
// litejournal keeps it all in one SQLite file, pgjournal in PostgreSQL, for any number of processes; journaltest is the suite that every journal passes.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// What can be wrong with a call; an overlay value that is taken is backends.ErrExists. ErrAway and ErrDenied are a backends.ErrUnavailable and a
// backends.ErrRefused, of which can be told that they are no directory's.
var (
	ErrNoIntent = errors.New("the journal has no such intent")
	ErrConflict = errors.New("the journal has another entry under this id")

	ErrAway   error = ours{"the journal's database cannot be used", backends.ErrUnavailable}
	ErrDenied error = ours{"the journal's database refuses", backends.ErrRefused}
)

// ours is an error of the closed set, in words of its own.
type ours struct {
	text string
	kind error
}

func (o ours) Error() string { return o.text }
func (o ours) Unwrap() error { return o.kind }

// ID names an intent: a UUIDv7, made by the caller.
type ID string

// Intent is the account of what is about to happen, written before it does. Nothing in it shares memory with what is changed later.
type Intent struct {
	ID           ID        `json:"id"`
	Time         time.Time `json:"time"`
	Deadline     time.Time `json:"deadline"` // after which its writer does nothing more for it
	Writer       string    `json:"writer"`   // the process that wrote it
	RequestID    string    `json:"request_id,omitempty"`
	Tenant       string    `json:"tenant"`
	Client       string    `json:"client,omitempty"`
	Subject      string    `json:"subject,omitempty"`
	Address      string    `json:"address,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	Action       string    `json:"action"` // one of the Action constants
	ResourceType string    `json:"resource_type"`
	ResourceID   string    `json:"resource_id,omitempty"` // "" on create
	Query        string    `json:"query,omitempty"`       // of a search or a read: what its URL asked
	Dropped      []string  `json:"dropped,omitempty"`
	Refused      string    `json:"refused,omitempty"` // why nothing will be done; "" normally
	Undoes       ID        `json:"undoes,omitempty"`  // the event that this one takes back
	Steps        []Step    `json:"steps,omitempty"`
	Diff         []Change  `json:"diff,omitempty"`    // what changes of the resource, as clients see it
	Weights      []Weight  `json:"weights,omitempty"` // what the guard counts of it
	Noted        bool      `json:"noted,omitempty"`   // written by Note: nothing was to be done to a directory
}

// Operator is the client of what is done by a command: who ran it is the subject.
const Operator = "operator"

// What an event is about.
const (
	ActionCreate  = "create"
	ActionReplace = "replace"
	ActionPatch   = "patch"
	ActionDelete  = "delete"
	ActionAdopt   = "adopt"   // a client's new resource became one that was there
	ActionUndo    = "undo"    // takes an event back
	ActionRestore = "restore" // puts a record back as it was at a time, or as a snapshot has it
	ActionRead    = "read"    // noted: one resource
	ActionList    = "list"    // noted: a search
	ActionDeny    = "deny"    // noted: a request that the caller may not make
	ActionSignIn  = "signin"  // noted: a sign-in that was refused
	ActionGuard   = "guard"   // noted: a limit was approved to be passed, or counts anew
	ActionReview  = "review"  // noted: a new resource is like one that is there, and waits for somebody's word, or has got it
	ActionForget  = "forget"  // noted: the keys under which values of a resource are kept were destroyed
	ActionExpire  = "expire"  // noted: those of a tenant's entries that need not be kept any longer
)

// What came of an intent, or of one of its steps.
const (
	StatusDone    = "done"
	StatusFailed  = "failed"  // nothing is changed
	StatusUndone  = "undone"  // it was taken back
	StatusUnknown = "unknown" // nobody can say
	StatusSkipped = "skipped" // of a step: it was not begun
	StatusRefused = "refused" // by the guard, or for want of a right
	StatusShadow  = "shadow"  // planned, and not done, because the adapter only shows what it would do
	StatusOpen    = "open"    // in a Filter: no outcome yet, or its writer died
)

// Change is what happens to one attribute of a resource: its path, and its values as JSON before and after; nil where there are none.
type Change struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Step is one operation that the intent will do, with the native before-image of what it touches.
type Step struct {
	Backend string              `json:"backend"` // name of the mapping (resource type) whose backend does it
	Op      string              `json:"op"`      // create, modify, move, delete, restore, overlay
	Key     backends.Key        `json:"key,omitempty"`
	Name    string              `json:"name,omitempty"` // the native name (DN) before, or the one to be made
	Changes []backends.Change   `json:"changes,omitempty"`
	Attrs   backends.Attributes `json:"attrs,omitempty"`  // create: what is made
	Before  backends.Attributes `json:"before,omitempty"` // values of what the step touches, before it
}

// Outcome closes an intent.
type Outcome struct {
	Time       time.Time     `json:"time"`
	Status     string        `json:"status"` // one of the Status constants
	ResourceID string        `json:"resource_id,omitempty"`
	Version    string        `json:"version,omitempty"`
	Error      string        `json:"error,omitempty"`
	Steps      []StepOutcome `json:"steps,omitempty"`
}

// StepOutcome is what came of one step; Effective is the delta that really took effect.
type StepOutcome struct {
	Status    string            `json:"status"`
	Effective []backends.Change `json:"effective,omitempty"`
	Error     string            `json:"error,omitempty"`
}

// Nothing says that nothing at all has happened, and that this is certain. What was taken back has happened.
func (o Outcome) Nothing() bool {
	return (o.Status == StatusFailed || o.Status == StatusRefused) && !slices.ContainsFunc(o.Steps, func(step StepOutcome) bool {
		return step.Status != StatusFailed && step.Status != StatusRefused && step.Status != StatusSkipped
	})
}

// Journal stores what is about to happen and what came of it. Finish of an intent of which Nothing has happened gives back what it took of the guard's limits. Begin returns only when the intent is durable and what it weighs is taken from the guard's
// limits; nothing is written to a directory before that. Each may be called again with the same content, which changes nothing; with other content it is
// ErrConflict. Finish of an intent that never began is ErrNoIntent. Begin of an intent that would pass a limit stores nothing and fails with a *Refusal.
type Journal interface {
	Begin(ctx context.Context, in Intent) error
	Finish(ctx context.Context, id ID, out Outcome) error
	// Note writes an event that is no write: its intent, with Noted set, and what came of it.
	Note(ctx context.Context, in Intent, out Outcome) error
	Ping(ctx context.Context) error
}
