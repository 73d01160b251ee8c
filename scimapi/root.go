package scimapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// A search at the root is over all resource types (RFC 7644 §3.4.2.1). It is put together from the searches of the types, in the order of the
// configuration, so that there is one way to search.

// share is what one resource type adds to a search at the root.
type share struct {
	search func(context.Context, scim.Request, scim.ListQuery) (*scim.List, error)
	req    scim.Request
	fitted scim.Fitted
}

// rootSearch is a search at the root on its way.
type rootSearch struct {
	shares []share
	page   scim.ListQuery
	count  int // how many resources may be on the page
	most   int // how many a type gives at a time
}

func (h *Handler) findAll(r *http.Request, e *event, q url.Values) (*scim.List, error) {
	s := rootSearch{most: h.MaxCount}
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
	fitted := make([]scim.Fitted, len(h.types))
	if text != "" {
		if fitted, err = scim.FitFilter(text, h.types); err != nil {
			return nil, err
		}
	}
	for i, rt := range h.types {
		req, err := h.request(r, e, rt, q)
		if err != nil {
			return nil, err
		}
		s.shares = append(s.shares, share{h.Service.List, req, fitted[i]})
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

// list asks the type for a page. A type in which nobody can be found is not asked.
func (s share) list(ctx context.Context, q scim.ListQuery) (*scim.List, error) {
	if s.fitted.Nobody {
		return &scim.List{StartIndex: q.StartIndex}, nil
	}
	q.Filter = s.fitted.Filter
	return s.search(ctx, s.req, q)
}

// byIndex cuts a page from the types' lists, laid end to end. A type behind the page is only counted; one before it is asked for the same page of its
// own, which is empty, because its total then comes from the snapshot that earlier pages were cut from.
func (s rootSearch) byIndex(ctx context.Context) (*scim.List, error) {
	page := &scim.List{StartIndex: s.page.StartIndex}
	for _, share := range s.shares {
		got, err := share.list(ctx, scim.ListQuery{
			StartIndex: max(1, s.page.StartIndex-page.TotalResults), Count: s.count - len(page.Resources),
		})
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
	if s.count == 0 {
		total, err := s.byIndex(ctx)
		if err == nil {
			total.StartIndex = 0
		}
		return total, err
	}
	first, cursor, err := s.at(*s.page.Cursor)
	if err != nil {
		return nil, err
	}
	page := &scim.List{TotalResults: -1}
	for i := first; i < len(s.shares); i++ {
		got, err := s.shares[i].list(ctx, scim.ListQuery{StartIndex: 1, Count: s.count - len(page.Resources), Cursor: &cursor})
		if err != nil {
			return nil, err
		}
		page.Resources = append(page.Resources, got.Resources...)
		name := s.shares[i].req.Type.Name + cursorSeparator
		if got.NextCursor != "" {
			page.NextCursor = name + got.NextCursor
			return page, nil
		}
		cursor = ""
		if len(page.Resources) >= s.count && i+1 < len(s.shares) {
			page.NextCursor = s.shares[i+1].req.Type.Name + cursorSeparator
			return page, nil
		}
	}
	if *s.page.Cursor == "" {
		page.TotalResults = len(page.Resources) // it all fitted on one page
	}
	return page, nil
}

// at finds where a cursor of byCursor goes on.
func (s rootSearch) at(cursor string) (share int, own string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	name, own, ok := strings.Cut(cursor, cursorSeparator)
	for i := range s.shares {
		if ok && s.shares[i].req.Type.Name == name {
			return i, own, nil
		}
	}
	return 0, "", scim.BadRequest(scim.InvalidCursor, "The cursor is none of this search; begin anew with an empty one.")
}
