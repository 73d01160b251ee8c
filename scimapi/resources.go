package scimapi

import (
	"net/http"
	"net/url"

	"github.com/scim-adapter/scim-adapter/scim"
)

// request makes what every operation is asked with, from the parts of the HTTP request that all of them share.
func (h *Handler) request(r *http.Request, e *event, rt *scim.ResourceType, q url.Values) (scim.Request, error) {
	projection, err := rt.ParseProjection(q.Get("attributes"), q.Get("excludedAttributes"))
	if err != nil {
		return scim.Request{}, err
	}
	return scim.Request{Caller: e.caller, Type: rt, Projection: projection, Base: h.baseURL(r)}, nil
}

// resourceID is the id from the path. %2F and its kind arrive escaped and are part of the id.
func (e *event) resourceID() (string, error) {
	id, err := url.PathUnescape(e.vars["id"])
	if err != nil {
		return "", &scim.Error{Status: http.StatusNotFound, Detail: "No resource has this id."}
	}
	e.id = id
	return id, nil
}

func (h *Handler) get(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		q, err := parseQuery(r)
		if err != nil {
			return err
		}
		req, err := h.request(r, e, rt, q)
		if err != nil {
			return err
		}
		if req.IfMatch, err = condition(r, "If-Match"); err != nil {
			return err
		}
		id, err := e.resourceID()
		if err != nil {
			return err
		}
		res, err := h.Service.Get(r.Context(), req, id)
		if err != nil {
			return err
		}
		if err := checkRead(req.IfMatch, res.Version); err != nil {
			return err
		}
		if notModified(r, res.Version) {
			w.Header().Set("ETag", res.Version)
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		h.writeResult(w, r, http.StatusOK, res)
		return nil
	}
}

func (h *Handler) writeResult(w http.ResponseWriter, r *http.Request, status int, res *scim.Result) {
	if res.Version != "" {
		w.Header().Set("ETag", res.Version)
	}
	w.Header().Set("Location", res.Location)
	w.Header().Set("Content-Location", res.Location) // RFC 7643 §3.1: the same as meta.location
	writeObject(w, r, status, res.Resource)
}
