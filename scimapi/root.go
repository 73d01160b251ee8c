package scimapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// A search at the root is over all resource types (RFC 7644 §3.4.2.1). It is put together from the searches of the types, in the order of the
// configuration, so that there is one way to search.

// share is what one resource type adds to a search at the root.
type share struct {
	search func(context.Context, scim.Request, scim.ListQuery) (*scim.List, error)
	req    scim.Request
	fitted scim.Fitted
	of     string // see scim.Part
}

// rootSearch is a search at the root on its way.
type rootSearch struct {
	shares []share
	page   scim.ListQuery
	count  int // how many resources may be on the page
}

func (h *Handler) findAll(r *http.Request, e *event, q url.Values) (*scim.List, error) {
	var s rootSearch
	var err error
	if s.page, err = pageQuery(q); err != nil {
		return nil, err
	}
	if s.count = s.page.Count; s.count < 0 {
		s.count = h.DefaultCount
	}
	s.count = min(s.count, h.MaxCount)
	text, err := filterText(q)
	if err != nil {
		return nil, err
	}
	fitted, of := make([]scim.Fitted, len(h.types)), "root"
	if text != "" {
		if fitted, err = scim.FitFilter(text, h.types); err != nil {
			return nil, err
		}
		if e, err := filter.Parse(text); err == nil { // however it is spelled
			of += " " + e.String()
		}
	}
	for i, rt := range h.types {
		req, err := h.request(r, e, rt, q)
		if err != nil {
			return nil, err
		}
		s.shares = append(s.shares, share{h.Service.List, req, fitted[i], of})
	}
	sorts, err := sortsOf(h.types, q.Get("sortBy"), q.Get("sortOrder"))
	switch {
	case err != nil:
		return nil, err
	case s.page.Cursor != nil && sorts != nil:
		return nil, scim.BadRequest(scim.InvalidValue, "At the root, pages by cursor have no sortBy: leave one of the two out, or search %s/.search and its like, type by type.", h.types[0].Endpoint)
	case s.page.Cursor != nil:
		return s.byCursor(r.Context())
	case sorts != nil:
		return s.sorted(r.Context(), sorts)
	}
	return s.byIndex(r.Context())
}

// list asks the type for its part. A type in which nobody can be found is not asked.
func (s share) list(ctx context.Context, q scim.ListQuery, part scim.Part) (*scim.List, error) {
	if s.fitted.Nobody {
		return &scim.List{StartIndex: q.StartIndex}, nil
	}
	part.Of = s.of
	q.Filter, q.Part = s.fitted.Filter, &part
	return s.search(ctx, s.req, q)
}

// byIndex cuts a page from the types' lists, laid end to end. A type behind the page is only counted; one before it is asked for the same page of its
// own, which is empty, because its total then comes from the list that earlier pages were cut from.
func (s rootSearch) byIndex(ctx context.Context) (*scim.List, error) {
	page := &scim.List{StartIndex: s.page.StartIndex}
	for _, share := range s.shares {
		start := max(1, s.page.StartIndex-page.TotalResults)
		got, err := share.list(ctx, scim.ListQuery{StartIndex: start, Count: s.count - len(page.Resources)}, scim.Part{Anew: start == 1})
		if err != nil {
			return nil, err
		}
		page.TotalResults += got.TotalResults
		page.Resources = append(page.Resources, got.Resources...)
	}
	return page, nil
}

// cursorSeparator stands between the name of the type whose turn it is and that type's own cursor. It may stand in a cursor (RFC 9865 §2) and not in
// a name.
const cursorSeparator = "."

// byCursor goes on with the type that the cursor names, and fills the page from those behind it.
func (s rootSearch) byCursor(ctx context.Context) (*scim.List, error) {
	first, cursor, err := s.at(*s.page.Cursor)
	if err != nil {
		return nil, err
	}
	if s.count == 0 {
		return s.counted(ctx, first, cursor)
	}
	page := &scim.List{TotalResults: -1}
	for i := first; i < len(s.shares); i++ {
		got, err := s.shares[i].list(ctx, scim.ListQuery{StartIndex: 1, Count: s.count - len(page.Resources), Cursor: &cursor}, scim.Part{})
		if err != nil {
			return nil, err
		}
		page.Resources = append(page.Resources, got.Resources...)
		if got.NextCursor != "" {
			page.NextCursor = s.shares[i].cursor(got)
			return page, nil
		}
		cursor = ""
		if len(page.Resources) < s.count {
			continue
		}
		if page.NextCursor, err = s.beginning(ctx, i+1); err != nil || page.NextCursor != "" {
			return page, err
		}
		break
	}
	if *s.page.Cursor == "" {
		page.TotalResults = len(page.Resources) // it all fitted on one page
	}
	return page, nil
}

// counted is the answer without resources. A cursor is looked at all the same.
func (s rootSearch) counted(ctx context.Context, i int, cursor string) (*scim.List, error) {
	if cursor != "" {
		if _, err := s.shares[i].list(ctx, scim.ListQuery{StartIndex: 1, Cursor: &cursor}, scim.Part{}); err != nil {
			return nil, err
		}
	}
	total, err := s.byIndex(ctx)
	if err != nil {
		return nil, err
	}
	total.StartIndex = 0
	return total, nil
}

// beginning is a cursor for the beginning of the next type, from the i-th on, in which somebody may be found; "" where there is none. The type makes it, so
// that it belongs to the search and the client, and ends, as any other does.
func (s rootSearch) beginning(ctx context.Context, i int) (string, error) {
	for _, share := range s.shares[i:] {
		if share.fitted.Nobody {
			continue
		}
		got, err := share.list(ctx, scim.ListQuery{StartIndex: 1, Cursor: new(string)}, scim.Part{})
		if err != nil {
			return "", err
		}
		return share.cursor(got), nil
	}
	return "", nil
}

// cursor is the root's own for where a page of the type goes on.
func (s share) cursor(page *scim.List) string {
	return s.req.Type.Name + cursorSeparator + page.NextCursor
}

// at finds where a cursor of byCursor goes on.
func (s rootSearch) at(cursor string) (i int, own string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	name, own, _ := strings.Cut(cursor, cursorSeparator)
	i = slices.IndexFunc(s.shares, func(s share) bool { return s.req.Type.Name == name && !s.fitted.Nobody })
	if i < 0 || own == "" {
		return 0, "", scim.BadRequest(scim.InvalidCursor, "The cursor is none of this search; begin anew with an empty one.")
	}
	return i, own, nil
}
