package backends

import "errors"

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

// Error wraps one of the errors above. Attr is the native attribute that is to blame, "" when unknown. Detail is a safe sentence for the client; Cause holds the server's own text, for the log.
type Error struct {
	Kind   error
	Attr   string
	Detail string
	Cause  error
}
