package scimapi

import (
	"context"
	"net/http"

	"github.com/scim-adapter/scim-adapter/scim"
)

// decode makes the request for the service, and reads the body, of a write.
func (h *Handler) decode(w http.ResponseWriter, r *http.Request, e *event, rt *scim.ResourceType) (scim.Request, *scim.Object, error) {
	q, err := parseQuery(r)
	if err != nil {
		return scim.Request{}, nil, err
	}
	req, err := h.request(r, e, rt, q)
	if err != nil {
		return scim.Request{}, nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return scim.Request{}, nil, err
	}
	return req, body, nil
}

// write does one write, which came as a request of its own or as an operation of a bulk request: the one way from a body to the service. The names that
// it dropped are given with an error, too.
func (h *Handler) write(ctx context.Context, method string, req scim.Request, id string, body *scim.Object) (res *scim.Result, dropped []string, err error) {
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

// patchStatus is what a PATCH is answered with. A group's body may be a hundred thousand members that nobody asked for (CLIENTS.md, row 33).
func patchStatus(rt *scim.ResourceType, p scim.Projection) int {
	if rt.Name == "Group" && !p.Explicit() {
		return http.StatusNoContent
	}
	return http.StatusOK
}

func (h *Handler) create(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		req, body, err := h.decode(w, r, e, rt)
		if err != nil {
			return err
		}
		var result *scim.Result
		result, e.dropped, err = h.write(r.Context(), http.MethodPost, req, "", body)
		if err != nil {
			return unlessExists(r, err)
		}
		e.id = result.ID
		h.writeResult(w, r, http.StatusCreated, result)
		return nil
	}
}

func (h *Handler) replace(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		id, err := e.resourceID()
		if err != nil {
			return err
		}
		req, body, err := h.decode(w, r, e, rt)
		if err != nil {
			return err
		}
		var result *scim.Result
		result, e.dropped, err = h.write(r.Context(), http.MethodPut, req, id, body)
		if err != nil {
			return err
		}
		e.id = result.ID
		h.writeResult(w, r, http.StatusOK, result)
		return nil
	}
}

func (h *Handler) patch(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		id, err := e.resourceID()
		if err != nil {
			return err
		}
		req, body, err := h.decode(w, r, e, rt)
		if err != nil {
			return err
		}
		var result *scim.Result
		result, e.dropped, err = h.write(r.Context(), http.MethodPatch, req, id, body)
		if err != nil {
			return err
		}
		e.id = result.ID
		if status := patchStatus(rt, req.Projection); status == http.StatusNoContent {
			if result.Version != "" {
				w.Header().Set("ETag", result.Version)
			}
			w.WriteHeader(status)
			return nil
		}
		h.writeResult(w, r, http.StatusOK, result)
		return nil
	}
}

func (h *Handler) remove(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		id, err := e.resourceID()
		if err != nil {
			return err
		}
		req, err := h.request(r, e, rt, nil)
		if err != nil {
			return err
		}
		if _, _, err := h.write(r.Context(), http.MethodDelete, req, id, nil); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}
