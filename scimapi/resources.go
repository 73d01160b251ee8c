package scimapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// request makes what every operation is asked with, from the parts of the HTTP request that all of them share.
func (h *Handler) request(r *http.Request, e *event, rt *scim.ResourceType, q url.Values) (scim.Request, error) {
	projection, err := rt.ParseProjection(q.Get("attributes"), q.Get("excludedAttributes"))
	if err != nil {
		return scim.Request{}, err
	}
	return scim.Request{
		Caller: e.caller, Type: rt, Projection: projection, Base: h.baseURL(r), IfMatch: entityTags(r.Header.Values("If-Match")),
	}, nil
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

func (h *Handler) list(rt *scim.ResourceType) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		q, err := parseQuery(r)
		if err != nil {
			return err
		}
		query, err := listQuery(rt, q)
		if err != nil {
			return err
		}
		req, err := h.request(r, e, rt, q)
		if err != nil {
			return err
		}
		page, err := h.Service.List(r.Context(), req, query)
		if err != nil {
			return err
		}
		e.isList, e.found = true, len(page.Resources)
		resources := make([]any, len(page.Resources))
		for i, res := range page.Resources {
			resources[i] = res
		}
		writeObject(w, r, http.StatusOK, listResponse(page.TotalResults, page.StartIndex, resources))
		return nil
	}
}

// listResponse is RFC 7644 §3.4.2's envelope. Resources is there also when it is empty (CLIENTS.md, row 1).
func listResponse(total, start int, resources []any) *scim.Object {
	o := scim.NewObject()
	o.Set("schemas", []any{scim.ListResponseURN})
	o.Set("totalResults", int64(total))
	o.Set("startIndex", int64(start))
	o.Set("itemsPerPage", int64(len(resources)))
	o.Set("Resources", resources)
	return o
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
		id, err := e.resourceID()
		if err != nil {
			return err
		}
		res, err := h.Service.Get(r.Context(), req, id)
		if err != nil {
			return err
		}
		if tags := entityTags(r.Header.Values("If-None-Match")); len(tags) > 0 && res.Version != "" && scim.MatchesVersion(tags, res.Version) {
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
	writeObject(w, r, status, res.Resource)
}

// entityTags splits If-Match or If-None-Match; nil when the header was not sent.
func entityTags(headers []string) []string {
	var tags []string
	for _, header := range headers {
		for tag := range strings.SplitSeq(header, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
