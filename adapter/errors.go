package adapter

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// fixedSentence is all that a client hears of a fault of ours.
const fixedSentence = "Something went wrong inside the service. Its log has the cause under the request id."

// unsettled is a write of which nobody could say whether it happened. It names the journal's event, where the answer will stand one day.
type unsettled struct {
	event string
	cause error
}

func (e *unsettled) Error() string { return "event " + e.event + ": " + e.cause.Error() }
func (e *unsettled) Unwrap() error { return e.cause }

// stranded is a write that failed half-way and could not be taken back.
type stranded struct {
	event string
	cause error
}

func (e *stranded) Error() string { return "event " + e.event + " stands half-way: " + e.cause.Error() }
func (e *stranded) Unwrap() error { return e.cause }

// translate is the one place where what a directory, the journal or a context says becomes what a client reads. conditional says that the
// client made its write depend on a version.
func (s *Service) translate(err error, c *class, conditional bool) error {
	var known *scim.Error
	var lost *unsettled
	var half *stranded
	switch {
	case err == nil:
		return nil
	case errors.As(err, &half):
		return s.away(err, http.StatusInternalServerError, "The change failed half-way and could not be taken back. The journal has it as event "+half.event+".")
	case errors.As(err, &lost):
		return s.away(err, http.StatusServiceUnavailable, "Nobody can say whether the change was made. The journal has it as event "+lost.event+"; read the resource before you try again.")
	case errors.As(err, &known):
		return err
	}
	var native *backends.Error
	errors.As(err, &native)
	switch {
	case errors.Is(err, backends.ErrUnknown):
		return s.away(err, http.StatusServiceUnavailable, "Nobody can say whether the change was made; read the resource before you try again.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return s.away(err, http.StatusServiceUnavailable, "The request was not finished in time.")
	case errors.Is(err, journal.ErrAway), errors.Is(err, journal.ErrDenied):
		return s.away(err, http.StatusServiceUnavailable, "The journal's database, which keeps what the directory has no place for, cannot be used at the moment.")
	case errors.Is(err, backends.ErrUnavailable):
		return s.away(err, http.StatusServiceUnavailable, "The directory cannot be reached at the moment.")
	case errors.Is(err, backends.ErrNotFound):
		return notFound(err)
	case errors.Is(err, backends.ErrExists):
		return taken(s.pathOf(c, native), err)
	case errors.Is(err, backends.ErrChanged) && conditional:
		return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since the version in If-Match.", Cause: err}
	case errors.Is(err, backends.ErrChanged):
		// RFC 7644 §3.12 has 409 for versions that do not match. There is no scimType for it.
		return &scim.Error{Status: http.StatusConflict, Detail: "Others keep changing this resource; nothing was changed. Try again.", Cause: err}
	case errors.Is(err, backends.ErrInvalid), errors.Is(err, backends.ErrNoEffect):
		return &scim.Error{Status: http.StatusBadRequest, Type: scim.InvalidValue, Detail: s.blame(c, native, "The directory cannot hold this value"), Cause: err}
	case errors.Is(err, backends.ErrProtected):
		return &scim.Error{Status: http.StatusForbidden, Detail: "The mapping protects this resource, or one that would have to change with it (protect.records); nothing was changed.", Cause: err}
	case errors.Is(err, backends.ErrRefused):
		return &scim.Error{Status: http.StatusForbidden, Detail: s.blame(c, native, "The directory refuses this"), Cause: err}
	case errors.Is(err, backends.ErrTooMany):
		return tooMany(err)
	}
	return &scim.Error{Status: http.StatusInternalServerError, Detail: fixedSentence, Cause: err}
}

// away is an answer that says when to try again.
func (s *Service) away(cause error, status int, detail string) error {
	return &scim.Error{Status: status, Detail: detail, RetryAfter: max(1, int(s.o.RetryAfter/time.Second)), Cause: cause}
}

func notFound(cause error) error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "No resource has this id.", Cause: cause}
}

// taken is a value that must be unique and is not. Where it is the directory that says so, and not a search, a record may have it that is no resource.
func taken(path string, cause error) error {
	detail := "Another resource has this name already"
	if path != "" {
		detail = "Another resource has the same value in " + path + " already"
	}
	if errors.Is(cause, backends.ErrExists) {
		detail += ", or a record of the directory that is not shown here"
	}
	detail += "."
	return &scim.Error{Status: http.StatusConflict, Type: scim.NotUnique, Detail: detail, Cause: cause}
}

func tooMany(cause error) error {
	return &scim.Error{
		Status: http.StatusBadRequest, Type: scim.TooMany, Cause: cause,
		Detail: "The search would have to look at more resources than it may. Narrow it: add a term that the directory has an index for.",
	}
}

func invalidValue(format string, args ...any) error {
	return scim.BadRequest(scim.InvalidValue, format, args...)
}

// blame is a sentence that names the attribute, as the client knows it, and says what the directory has against it.
func (s *Service) blame(c *class, e *backends.Error, sentence string) string {
	if path := s.pathOf(c, e); path != "" {
		sentence += ": " + path
	}
	sentence += "."
	if e != nil && e.Detail != "" {
		sentence += " " + e.Detail
	}
	return sentence
}

// pathOf gives the SCIM attribute that writes the native one which an error names; "" when there is none.
func (s *Service) pathOf(c *class, e *backends.Error) string {
	if c == nil || e == nil || e.Attr == "" {
		return ""
	}
	return c.Writes(e.Attr)
}

// errorClass is what /ready says of an error: a word, never an address.
func errorClass(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, backends.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, backends.ErrRefused):
		return "refused"
	case errors.Is(err, backends.ErrNotFound):
		return "notFound"
	}
	return "error"
}
