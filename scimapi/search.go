package scimapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// finder answers a search that was read from a URL or from a body.
type finder func(r *http.Request, e *event, q url.Values) (*scim.List, error)

// byURL is a search whose parameters stand in the URL (RFC 7644 §3.4.2).
func (h *Handler) byURL(find finder) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		q, err := parseQuery(r)
		if err != nil {
			return err
		}
		return h.answerSearch(w, r, e, find, q)
	}
}

// byBody is a search whose parameters stand in a SearchRequest (RFC 7644 §3.4.3). They become what they would be in a URL, so that both are understood
// alike. What stands in the URL counts as well: `attributes` does so on every POST (§3.9).
func (h *Handler) byBody(find finder) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, e *event) error {
		q, err := parseQuery(r)
		if err != nil {
			return err
		}
		body, err := h.readBody(w, r)
		if err != nil {
			return err
		}
		if err := searchRequest(body, q); err != nil {
			return err
		}
		e.asked = q.Encode()
		return h.answerSearch(w, r, e, find, q)
	}
}

func (h *Handler) answerSearch(w http.ResponseWriter, r *http.Request, e *event, find finder, q url.Values) error {
	page, err := find(r, e, q)
	if err != nil {
		return err
	}
	e.isList, e.found = true, len(page.Resources)
	writeObject(w, r, http.StatusOK, listResponse(page))
	return nil
}

// findIn searches among the resources of one type.
func (h *Handler) findIn(rt *scim.ResourceType) finder {
	return func(r *http.Request, e *event, q url.Values) (*scim.List, error) {
		query, err := listQuery(rt, q)
		if err != nil {
			return nil, err
		}
		req, err := h.request(r, e, rt, q)
		if err != nil {
			return nil, err
		}
		return h.Service.List(r.Context(), req, query)
	}
}

// listResponse is RFC 7644 §3.4.2's envelope, and RFC 9865's of a page by cursor. Resources is there also when it is empty (CLIENTS.md, row 1).
func listResponse(page *scim.List) *scim.Object {
	o := scim.NewObject()
	o.Set("schemas", []any{scim.ListResponseURN})
	if page.TotalResults >= 0 {
		o.Set("totalResults", int64(page.TotalResults))
	}
	if page.StartIndex > 0 {
		o.Set("startIndex", int64(page.StartIndex))
	}
	o.Set("itemsPerPage", int64(len(page.Resources)))
	if page.PreviousCursor != "" {
		o.Set("previousCursor", page.PreviousCursor)
	}
	if page.NextCursor != "" {
		o.Set("nextCursor", page.NextCursor)
	}
	resources := make([]any, len(page.Resources))
	for i, res := range page.Resources {
		resources[i] = res
	}
	o.Set("Resources", resources)
	return o
}

// searchRequest adds the parameters of a SearchRequest to those of the URL. null is as if the member were not there; members that SCIM does not
// know are passed over, as in a URL.
func searchRequest(body *scim.Object, q url.Values) error {
	if err := scim.CheckMessage(body, scim.SearchRequestURN); err != nil {
		return err
	}
	for _, name := range parameters {
		v, ok := body.Get(name)
		if !ok || v == nil {
			continue
		}
		if q.Has(name) {
			return scim.BadRequest(scim.InvalidSyntax, "The parameter %s is given in the URL and in the body.", name)
		}
		text, err := parameterText(name, v)
		if err != nil {
			return err
		}
		q.Set(name, text)
	}
	return nil
}

// parameterText is a member of a SearchRequest as it would stand in a URL.
func parameterText(name string, v any) (string, error) {
	switch name {
	case "startIndex", "count":
		switch v := v.(type) {
		case int64:
			return strconv.FormatInt(v, 10), nil
		case json.Number:
			return v.String(), nil
		case string:
			return v, nil
		}
		return "", scim.BadRequest(scim.InvalidValue, "%s must be a whole number.", name)
	case "attributes", "excludedAttributes":
		if names, ok := listOfNames(v); ok {
			return names, nil
		}
		return "", scim.BadRequest(scim.InvalidValue, "%s must be a list of strings, each the name of an attribute.", name)
	}
	if text, ok := v.(string); ok {
		return text, nil
	}
	return "", scim.BadRequest(scim.InvalidValue, "%s must be a string.", name)
}

// listOfNames joins a list of names with commas. One string is a list of one, or of several with commas as clients know them from URLs.
func listOfNames(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []any:
		names := make([]string, len(v))
		for i, e := range v {
			var ok bool
			if names[i], ok = e.(string); !ok {
				return "", false
			}
		}
		return strings.Join(names, ","), true
	}
	return "", false
}
