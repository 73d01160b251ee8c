package scim

import (
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// The scimType of an Error (RFC 7644 table 9).
const (
	InvalidFilter = "invalidFilter" // the filter cannot be read, or not be answered
	TooMany       = "tooMany"       // more results than the server is willing to give
	NotUnique     = "uniqueness"    // a value is taken
	NotMutable    = "mutability"    // an attribute may not be changed so
	InvalidSyntax = "invalidSyntax" // the body is not what the request needs
	InvalidPath   = "invalidPath"   // the path of a PATCH operation is malformed or names no attribute
	NoTarget      = "noTarget"      // the path of a PATCH operation finds nothing to work on
	InvalidValue  = "invalidValue"  // a required value is missing, or one does not fit its attribute
	InvalidVers   = "invalidVers"   // this version of the protocol is not spoken
	Sensitive     = "sensitive"     // the URL holds what does not belong into a URL

	InvalidCursor = "invalidCursor" // RFC 9865: the cursor is none of ours, or belongs to another query or caller
	ExpiredCursor = "expiredCursor" // RFC 9865: the cursor is too old
	InvalidCount  = "invalidCount"  // RFC 9865: a count that no page can have
)

// Error is the one error of the SCIM side. Detail is for the client; Cause for the log only.
type Error struct {
	Status     int    // HTTP status code
	Type       string // scimType: one of the constants above, or ""
	Detail     string // a sentence; clients show it to administrators
	RetryAfter int    // seconds; 0: none
	Cause      error
}

// Errorf makes an Error. typ is its scimType, "" for none.
func Errorf(status int, typ, format string, args ...any) *Error {
	return &Error{Status: status, Type: typ, Detail: fmt.Sprintf(format, args...)}
}

// BadRequest makes an Error with status 400.
func BadRequest(typ, format string, args ...any) *Error {
	return Errorf(http.StatusBadRequest, typ, format, args...)
}

// Wrap returns a copy of e that also carries the cause, for the log.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error is for the log: it has the cause, which the client does not get.
func (e *Error) Error() string {
	s := strconv.Itoa(e.Status)
	if e.Type != "" {
		s += " " + e.Type
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += " (" + e.Cause.Error() + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Object is the error as the client gets it (RFC 7644 §3.12): status is a string there.
func (e *Error) Object() *Object {
	o := NewObject()
	o.Set("schemas", []any{ErrorURN})
	o.Set("status", strconv.Itoa(e.Status))
	if e.Type != "" {
		o.Set("scimType", e.Type)
	}
	if e.Detail != "" {
		o.Set("detail", e.Detail)
	}
	return o
}

// maxShown is how much of a client's text an error repeats, in bytes.
const maxShown = 80

// short cuts a client's text for an error message.
func short(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
