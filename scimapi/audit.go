package scimapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// Audited is a request that was answered, as whoever keeps an account of requests hears of it. Requests for /health and /ready are left out.
type Audited struct {
	Caller scim.Caller
	Method string
	Route  string             // the template of its path, below BasePath: "/Users/{id}"; "unmatched" for none
	Query  string             // of its URL, as it was sent; of a search in a body, what that would be in a URL
	Type   *scim.ResourceType // that the route is about; nil for none or several
	ID     string             // of the resource; "" for none
	List   bool               // it was answered with a page
	Status int
	Err    error // what went wrong; nil for a success
}

// audit tells of a request that was answered. Who was answered does not wait for it longer than for the end of the request itself.
func (h *Handler) audit(e *event) {
	if h.Audit == nil || isProbe(e.route) {
		return
	}
	a := Audited{
		Caller: e.caller, Method: e.request.Method, Route: strings.TrimPrefix(e.route, h.BasePath), Query: cmp.Or(e.asked, e.request.URL.RawQuery), ID: e.id, List: e.isList, Status: e.status, Err: e.err,
	}
	if a.Status == 0 {
		a.Status = http.StatusOK // nothing was written: net/http says 200
	}
	for _, t := range h.types {
		if a.Route == t.Endpoint || strings.HasPrefix(a.Route, t.Endpoint+"/") {
			a.Type = t
		}
	}
	h.Audit(context.WithoutCancel(e.request.Context()), a)
}
