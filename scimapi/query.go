package scimapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// parameters are those that SCIM knows, in a URL or in the body of a SearchRequest (RFC 7644 §3.4.2, §3.4.3; RFC 9865 §2).
var parameters = []string{"filter", "startIndex", "count", "cursor", "attributes", "excludedAttributes", "sortBy", "sortOrder"}

// maxParameters is as many as net/url reads, unless GODEBUG says otherwise.
const maxParameters = 10_000

// parseQuery reads the query strictly: what cannot be read is 400, a parameter of ours given twice too. Parameters that SCIM does
// not know are passed over (CLIENTS.md, row 2); one of ours counts in any case of letters, for `Filter=` passed over would be everybody.
func parseQuery(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && strings.Count(r.URL.RawQuery, "&") >= maxParameters {
		return nil, scim.BadRequest(scim.InvalidSyntax, "The query of the URL has %d parameters or more, which is more than is read.", maxParameters)
	}
	if err != nil {
		return nil, scim.BadRequest(scim.InvalidSyntax, "The query of the URL cannot be read: a percent sign must be followed by two hexadecimal digits, and a semicolon be written %%3B.")
	}
	for given, values := range q {
		for _, name := range parameters {
			if given != name && strings.EqualFold(given, name) {
				q[name] = append(q[name], values...)
			}
		}
	}
	for _, name := range parameters {
		if len(q[name]) > 1 {
			return nil, scim.BadRequest(scim.InvalidSyntax, "The parameter %s is given more than once.", name)
		}
	}
	return q, nil
}

// listQuery reads the parameters of a search among resources of one type.
func listQuery(rt *scim.ResourceType, q url.Values) (scim.ListQuery, error) {
	query, err := pageQuery(q)
	if err != nil {
		return query, err
	}
	text, err := filterText(q)
	if err != nil {
		return query, err
	}
	if text != "" {
		if query.Filter, err = rt.ParseFilter(text); err != nil {
			return query, err
		}
	}
	query.Sort, err = rt.ParseSort(q.Get("sortBy"), q.Get("sortOrder"))
	return query, err
}

// filterText is the filter; "" when there is none.
func filterText(q url.Values) (string, error) {
	text := q.Get("filter")
	if text == "" && q.Has("filter") {
		return "", scim.BadRequest(scim.InvalidFilter, "The filter is empty; leave the parameter out to list everything.")
	}
	return text, nil
}

// pageQuery reads which page of a search is wanted: by index (RFC 7644 §3.4.2.4), or by cursor where that parameter is given, empty for the first page
// (RFC 9865 §2).
func pageQuery(q url.Values) (scim.ListQuery, error) {
	query := scim.ListQuery{StartIndex: 1, Count: -1}
	badCount := scim.InvalidValue
	if q.Has("cursor") {
		cursor := q.Get("cursor")
		query.Cursor, badCount = &cursor, scim.InvalidCount
		if q.Get("startIndex") != "" {
			return query, scim.BadRequest(scim.InvalidValue, "Both cursor and startIndex are given: a page is found by one or the other.")
		}
	}
	start, err := integer(q, "startIndex", 1, scim.InvalidValue)
	if err != nil {
		return query, err
	}
	query.StartIndex = max(start, 1) // RFC 7644 §3.4.2.4: less than 1 is 1
	if query.Count, err = integer(q, "count", -1, badCount); err != nil {
		return query, err
	}
	if q.Get("count") != "" {
		query.Count = max(query.Count, 0) // a negative count is 0
	}
	return query, nil
}

func integer(q url.Values, name string, missing int, scimType string) (int, error) {
	text := q.Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) {
		n, err = 1<<31-1, nil // far beyond the end of anything; answered as such
		if text[0] == '-' {
			n = 0
		}
	}
	if err != nil {
		return 0, scim.BadRequest(scimType, "The parameter %s must be a whole number; %q is not one.", name, truncate(text, 64))
	}
	return min(n, 1<<31-1), nil
}
