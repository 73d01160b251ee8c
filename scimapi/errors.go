package scimapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/scim-adapter/scim-adapter/scim"
)

// fixedSentence is all that a client hears of a fault of ours; the cause is in the log under the request id.
const fixedSentence = "Something went wrong inside the service. Its log has the cause under the request id."

// writeError is where an error becomes an answer (RFC 7644 §3.12).
func (h *Handler) writeError(w http.ResponseWriter, e *event, err error) {
	e.err = err
	if e.status != 0 {
		return // the answer had begun; the connection is all that could still be closed
	}
	var known *scim.Error
	if !errors.As(err, &known) {
		known = h.translate(err)
	}
	if known.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(known.RetryAfter))
	}
	if known.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="scim"`
		if e.request.Header.Get("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeObject(w, e.request, known.Status, known.Object())
}

// translate is for what is no *scim.Error: a request whose client went away or took too long, or a fault of ours.
func (h *Handler) translate(err error) *scim.Error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &scim.Error{Status: http.StatusServiceUnavailable, Detail: "The request was not finished in time.", RetryAfter: 5, Cause: err}
	}
	return &scim.Error{Status: http.StatusInternalServerError, Detail: fixedSentence, Cause: err}
}
