package scimapi

import (
	"net/http"
	"net/url"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// meMethods are those of /Me (RFC 7644 §3.11), an alias of the User whom the caller's credential speaks for. From the moment that the User is found,
// its own handlers serve it.
//
// POST is part of the RFC's table of methods, so it is 501 and not 405: it would create the caller's own resource, and here a credential names its
// subject before anybody can be found by it.
func (h *Handler) meMethods() methods {
	var users *scim.ResourceType
	for _, rt := range h.types {
		if rt.Name == "User" {
			users = rt
		}
	}
	if users == nil || h.Me.Attr == "" {
		return notImplemented("/Me is not served: set scim.me to the attribute of a User that holds the subject of a client's tokens, and name it with clients.<name>.subject.")
	}
	m := methods{http.MethodPost: notImplemented("Nobody is created through /Me: send the POST to " + users.Endpoint + ".")[http.MethodPost]}
	for method, handle := range h.resourceMethods(users) {
		m[method] = h.asMe(users, handle)
	}
	return m
}

// asMe serves a request to /Me as one to the resource itself. Location and meta.location name the resource's own URL (§3.11), and so does
// Content-Location.
func (h *Handler) asMe(users *scim.ResourceType, handle handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		id, err := h.me(r, e, users)
		if err != nil {
			return err
		}
		e.vars = map[string]string{"id": url.PathEscape(id)}
		w.Header().Set("Content-Location", h.baseURL(r)+users.Endpoint+"/"+url.PathEscape(id))
		if err := handle(w, r, e); err != nil {
			w.Header().Del("Content-Location") // an error is no representation of the resource
			return err
		}
		return nil
	}
}

// me finds the id of the one User who has the caller's subject. The filter is made as a tree: nothing in a subject can mean more than itself.
func (h *Handler) me(r *http.Request, e *event, users *scim.ResourceType) (string, error) {
	if e.caller.Subject == "" {
		return "", &scim.Error{Status: http.StatusNotFound, Detail: "The credential speaks for nobody, so there is no /Me; clients.<name>.subject says whom a client's tokens speak for."}
	}
	projection, err := users.ParseProjection("id", "")
	if err != nil {
		return "", err
	}
	found, err := h.Service.List(r.Context(), scim.Request{Caller: e.caller, Type: users, Projection: projection, Base: h.baseURL(r)}, scim.ListQuery{
		Filter: filter.Compare{Path: h.Me, Op: filter.Eq, Value: e.caller.Subject}, StartIndex: 1, Count: 2,
	})
	if err != nil {
		return "", err
	}
	switch {
	case found.TotalResults > 1 || len(found.Resources) > 1: // the page may be shorter than that; whoever acted on one of them might act on the wrong one
		return "", &scim.Error{Status: http.StatusConflict, Detail: "More than one " + users.Name + " has the credential's subject as its " + h.Me.String() + "; nothing was done."}
	case len(found.Resources) == 0:
		return "", &scim.Error{Status: http.StatusNotFound, Detail: "No " + users.Name + " has the credential's subject as its " + h.Me.String() + "."}
	}
	v, _ := found.Resources[0].Get("id")
	if id, ok := v.(string); ok {
		return id, nil
	}
	return "", &scim.Error{Status: http.StatusInternalServerError, Detail: fixedSentence}
}
