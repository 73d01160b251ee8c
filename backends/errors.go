package backends

import (
	"errors"
	"fmt"
	"strings"
)

// The closed set of what can go wrong. Test with errors.Is.
var (
	ErrNotFound    = errors.New("no such record")
	ErrExists      = errors.New("already exists")
	ErrChanged     = errors.New("changed since it was read")
	ErrInvalid     = errors.New("the directory cannot hold this value")
	ErrRefused     = errors.New("the directory refuses")
	ErrTooMany     = errors.New("more than the directory gives")
	ErrNoEffect    = errors.New("a value to add is there already, or one to remove is not")
	ErrUnavailable = errors.New("the directory is away")
	ErrUnknown     = errors.New("the write may or may not have happened")
)

// ErrHeld is the ErrRefused of a record that cannot go because others of the same database point at it: once they do not, it can.
var ErrHeld = fmt.Errorf("%w, because others point at the record", ErrRefused)

// ErrProtected is the ErrRefused of a record that the class protects: nobody may write it, whatever it is like.
var ErrProtected = fmt.Errorf("%w, because the record is protected", ErrRefused)

// Error wraps one of the errors above. Attr is the native attribute that is to blame, "" when unknown. Detail is a safe sentence for the
// client; Cause holds the server's own text, for the log.
type Error struct {
	Kind   error
	Attr   string
	Detail string
	Cause  error
}

// Error is for the log: all that is known, the server's own text included. A client reads Detail.
func (e *Error) Error() string {
	var parts []string
	if e.Kind != nil {
		parts = append(parts, e.Kind.Error())
	}
	if e.Attr != "" {
		parts = append(parts, e.Attr)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	if len(parts) == 0 {
		return "unknown error of a directory"
	}
	for i, part := range parts { // a server that has nothing to say ends with a colon all the same
		if parts[i] = strings.TrimRight(part, ": "); i < len(parts)-1 {
			parts[i] = strings.TrimSuffix(parts[i], ".")
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap makes errors.Is find both the kind and the cause, so that a cancelled context can be told from a server that is away.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}
