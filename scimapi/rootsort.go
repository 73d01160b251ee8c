package scimapi

import (
	"context"
	"slices"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// mergeAgain is how often a page is merged anew because somebody whom it should show was gone.
const mergeAgain = 3

// sortsOf reads sortBy and sortOrder for each type; nil when nothing is to be sorted. A type that lacks the attribute has nil in its place; what no type
// has is refused.
func sortsOf(types []*scim.ResourceType, sortBy, sortOrder string) ([]*scim.Sort, error) {
	sorts := make([]*scim.Sort, len(types))
	var refusal error
	known := false
	for i, rt := range types {
		sort, err := rt.ParseSort(sortBy, sortOrder)
		switch {
		case err == nil && sort == nil:
			return nil, nil
		case err == nil:
			sorts[i], known = sort, true
		case has(rt, sortBy):
			return nil, err
		case refusal == nil:
			refusal = err
		}
	}
	if known {
		return sorts, nil
	}
	if _, err := filter.ParsePath(sortBy); err == nil {
		refusal = scim.BadRequest(scim.InvalidPath, "No resource type has an attribute %q that can be sorted by.", truncate(sortBy, 64))
	}
	return nil, refusal
}

// has says whether the type has the attribute, whatever else is wrong with sorting by it.
func has(rt *scim.ResourceType, sortBy string) bool {
	path, err := filter.ParsePath(sortBy)
	path.Filter = nil
	_, ok := rt.Resolve(path)
	return err == nil && ok
}

// ranked is the first part of a type's own order: as many places as the page could need.
type ranked struct {
	share
	sort  *scim.Sort // nil: the type lacks the attribute
	total int
	keys  []scim.SortKey
	from  int // how many of them stand before the page
	upTo  int // and how many up to its end
}

// sorted merges the sorted lists of the types. Each tells where its first resources stand, which it has kept since the first page; that says how many
// resources of each type the page has, and only those are then read. Types share a place in their own order.
func (s rootSearch) sorted(ctx context.Context, sorts []*scim.Sort) (*scim.List, error) {
	window := s.page.StartIndex - 1 + s.count
	switch {
	case s.count == 0:
		return s.byIndex(ctx)
	case window > scim.MaxPlaces:
		return nil, scim.BadRequest(scim.TooMany, "At the root, a sorted search shows its first %d resources only. Narrow the filter, or search one type at a time, as in %s/.search, where there is no such limit.",
			scim.MaxPlaces, s.shares[0].req.Type.Endpoint)
	}
	anew := s.page.StartIndex == 1
	for again := mergeAgain; ; again-- {
		page, whole, err := s.merged(ctx, sorts, window, anew)
		if err != nil || whole || again == 0 {
			return page, err
		}
		anew = false
	}
}

// merged is one try at a page. It is not whole where a list has changed while the page was put together: whoever turned out to be gone has left the list of
// the type, the places behind have moved up, and another type may have the next one.
func (s rootSearch) merged(ctx context.Context, sorts []*scim.Sort, window int, anew bool) (page *scim.List, whole bool, err error) {
	page, whole = &scim.List{StartIndex: s.page.StartIndex}, true
	lists := make([]*ranked, len(s.shares))
	for i, share := range s.shares {
		lists[i] = &ranked{share: share, sort: sorts[i]}
		if err := lists[i].read(ctx, window, anew, missing(sorts)); err != nil {
			return nil, false, err
		}
		page.TotalResults += lists[i].total
	}
	order := merge(lists, sorts[slices.IndexFunc(sorts, func(s *scim.Sort) bool { return s != nil })], s.page.StartIndex-1, window)
	resources := make(map[*ranked][]*scim.Object, len(lists))
	for _, l := range lists {
		if l.upTo == l.from {
			continue
		}
		got, err := l.list(ctx, scim.ListQuery{Sort: l.sort, StartIndex: l.from + 1, Count: l.upTo - l.from}, scim.Part{})
		if err != nil {
			return nil, false, err
		}
		resources[l], whole = got.Resources, whole && got.TotalResults == l.total
	}
	for _, l := range order {
		if rest := resources[l]; len(rest) > 0 {
			page.Resources, resources[l] = append(page.Resources, rest[0]), rest[1:]
		}
	}
	return page, whole, nil
}

// missing is the key of a resource without the attribute.
func missing(sorts []*scim.Sort) scim.SortKey {
	for _, sort := range sorts {
		if sort != nil {
			return sort.Key(scim.NewObject())
		}
	}
	return ""
}

// read fills in the places of the first `window` resources. Those of a type that lacks the attribute are known without reading.
func (l *ranked) read(ctx context.Context, window int, anew bool, none scim.SortKey) error {
	got, err := l.list(ctx, scim.ListQuery{Sort: l.sort, StartIndex: 1}, scim.Part{Anew: anew, Places: window})
	if err != nil {
		return err
	}
	l.total, l.keys = got.TotalResults, got.Places
	if l.sort == nil {
		l.keys = slices.Repeat([]scim.SortKey{none}, min(window, l.total))
	}
	return nil
}

// merge gives the list that each place of the page belongs to, from place `from` up to place `upTo` of the whole order, and notes in the lists which
// part of theirs that is.
func merge(lists []*ranked, by *scim.Sort, from, upTo int) []*ranked {
	var order []*ranked
	for place := range upTo {
		var least *ranked
		for _, l := range lists {
			if l.upTo < len(l.keys) && (least == nil || by.Compare(l.keys[l.upTo], least.keys[least.upTo]) < 0) {
				least = l
			}
		}
		if least == nil {
			break
		}
		least.upTo++
		if place < from {
			least.from = least.upTo
		} else {
			order = append(order, least)
		}
	}
	return order
}
