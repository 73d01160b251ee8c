package scimapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/scim-adapter/scim-adapter/scim"
)

// decode makes the request for the service, and reads the body, of a write. A DELETE has no body, and what its URL asks of the answer is nothing. What a
// POST creates has no version yet that anything could depend on.
func (h *Handler) decode(w http.ResponseWriter, r *http.Request, e *event, rt *scim.ResourceType, method string) (scim.Request, *scim.Object, error) {
	var q url.Values
	var err error
	if method != http.MethodDelete {
		if q, err = parseQuery(r); err != nil {
			return scim.Request{}, nil, err
		}
	}
	req, err := h.request(r, e, rt, q)
	switch {
	case err != nil:
	case method != http.MethodPost:
		err = conditions(r, &req)
	case ifNone(r):
		req.IfNoneMatch = []string{"*"} // nor may anything become what is to be made
	}
	if err != nil {
		return req, nil, err
	}
	if method == http.MethodDelete {
		return req, nil, h.dryRunInIdleBody(w, r)
	}
	body, err := h.readBody(w, r)
	return req, body, err
}

// write does one write, which came as a request of its own or as an operation of a bulk request: the one way from a body to the service. The names that
// it dropped are given with an error, too.
func (h *Handler) write(ctx context.Context, method string, req scim.Request, id string, body *scim.Object) (res *scim.Result, dropped []string, err error) {
	if err := scim.DryRunInBody(req.Type, method, body); err != nil {
		return nil, nil, err
	}
	switch method {
	case http.MethodPatch:
		var p scim.Patch
		if p, req.Dropped, err = req.Type.DecodePatch(body, req.Caller.Profile); err == nil {
			res, err = h.Service.Patch(ctx, req, id, p)
		}
	case http.MethodDelete:
		err = h.Service.Delete(ctx, req, id)
	default:
		var whole *scim.Object
		whole, req.Dropped, err = req.Type.Decode(body)
		switch {
		case err != nil:
		case method == http.MethodPost:
			res, err = h.Service.Create(ctx, req, whole)
		default:
			res, err = h.Service.Replace(ctx, req, id, whole)
		}
	}
	if err == nil && res != nil && len(res.Dropped) > 0 {
		return res, res.Dropped, nil // with what the service, too, had no place for
	}
	return res, req.Dropped, err
}

// statusOf is what a write that was done is answered with. A changed group's body may be a hundred thousand members that nobody asked for
// (CLIENTS.md, row 33).
func statusOf(method string, rt *scim.ResourceType, p scim.Projection) int {
	switch {
	case method == http.MethodPost:
		return http.StatusCreated
	case method == http.MethodDelete, method == http.MethodPatch && rt.Name == "Group" && !p.Explicit():
		return http.StatusNoContent
	}
	return http.StatusOK
}

// writing handles a method that writes.
func (h *Handler) writing(rt *scim.ResourceType, method string) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		id, err := e.resourceID() // "" of a POST
		if err != nil {
			return err
		}
		plan, err := h.preview(w, r, e)
		if err != nil {
			return err
		}
		req, body, err := h.decode(w, r, e, rt, method)
		if err != nil {
			return err
		}
		req.Preview = plan
		var result *scim.Result
		result, e.dropped, err = h.write(r.Context(), method, req, id, body)
		switch {
		case err != nil && method == http.MethodPost:
			return unlessExists(r, err)
		case err != nil:
			return err
		}
		status := statusOf(method, rt, req.Projection)
		if plan != nil {
			w.Header().Del("Content-Location") // of /Me: what is answered is no representation of the resource
			writeObject(w, r, http.StatusOK, previewed(plan, status, result, e.dropped))
			return nil
		}
		if result != nil {
			e.id = result.ID
			if result.Version != "" {
				w.Header().Set("ETag", result.Version)
			}
		}
		if status == http.StatusNoContent {
			w.WriteHeader(status)
			return nil
		}
		h.writeResult(w, r, status, result)
		return nil
	}
}
