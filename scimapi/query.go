package scimapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/scim-adapter/scim-adapter/scim"
)

// parseQuery reads the query strictly: what cannot be read is 400, a parameter of ours given twice too. Parameters that SCIM does
// not know are passed over (CLIENTS.md, row 2).
func parseQuery(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, scim.BadRequest(scim.InvalidSyntax, "The query of the URL cannot be read: a percent sign must be followed by two hexadecimal digits, and a semicolon be written %%3B.")
	}
	for _, name := range []string{"filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"} {
		if len(q[name]) > 1 {
			return nil, scim.BadRequest(scim.InvalidSyntax, "The parameter %s is given more than once.", name)
		}
	}
	return q, nil
}

// listQuery reads the parameters of RFC 7644 §3.4.2.
func listQuery(rt *scim.ResourceType, q url.Values) (scim.ListQuery, error) {
	query := scim.ListQuery{StartIndex: 1, Count: -1}
	for _, name := range []string{"sortBy", "cursor"} {
		if q.Get(name) != "" {
			return query, scim.BadRequest(scim.InvalidValue, "The parameter %s is not supported; ServiceProviderConfig says what is.", name)
		}
	}
	if text := q.Get("filter"); text != "" {
		tree, err := rt.ParseFilter(text)
		if err != nil {
			return query, err
		}
		query.Filter = tree
	} else if q.Has("filter") {
		return query, scim.BadRequest(scim.InvalidFilter, "The filter is empty; leave the parameter out to list everything.")
	}
	start, err := integer(q, "startIndex", 1)
	if err != nil {
		return query, err
	}
	query.StartIndex = max(start, 1) // RFC 7644 §3.4.2.4: less than 1 is 1
	if query.Count, err = integer(q, "count", -1); err != nil {
		return query, err
	}
	if q.Get("count") != "" {
		query.Count = max(query.Count, 0) // a negative count is 0
	}
	return query, nil
}

func integer(q url.Values, name string, missing int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) && text[0] != '-' {
			return 1<<31 - 1, nil // far beyond the end of anything; answered as such
		}
		if errors.Is(err, strconv.ErrRange) {
			return 0, nil
		}
		return 0, scim.BadRequest(scim.InvalidValue, "The parameter %s must be a whole number; %q is not one.", name, text)
	}
	return n, nil
}
