package scimapi

import (
	"context"
	"slices"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// maxSortedRoot is how far into the merged order of all types a page may reach: up to there the keys of every type are read anew for each page.
const maxSortedRoot = 10_000

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

// ranked is the first part of a type's own order: as many keys as the page could need.
type ranked struct {
	share
	sort  *scim.Sort // nil: the type lacks the attribute
	total int
	keys  []scim.SortKey
	from  int // how many of them stand before the page
	upTo  int // and how many up to its end
}

// sorted merges the sorted lists of the types. The keys are read first, with nothing of the resources but the sorted attribute, whatever the client wants
// to see; they say how many resources of each type the page has, and only those are then read. Types share a rank in their own order.
func (s rootSearch) sorted(ctx context.Context, sorts []*scim.Sort) (*scim.List, error) {
	window := s.page.StartIndex - 1 + s.count
	switch {
	case s.count == 0:
		return s.byIndex(ctx)
	case window > maxSortedRoot:
		return nil, scim.BadRequest(scim.TooMany, "At the root, a sorted search shows its first %d resources only. Narrow the filter, or search one type at a time, as in %s/.search, where there is no such limit.",
			maxSortedRoot, s.shares[0].req.Type.Endpoint)
	}
	page := &scim.List{StartIndex: s.page.StartIndex}
	lists := make([]*ranked, len(s.shares))
	for i, share := range s.shares {
		lists[i] = &ranked{share: share, sort: sorts[i]}
		if err := lists[i].read(ctx, window, s.most, missing(sorts)); err != nil {
			return nil, err
		}
		page.TotalResults += lists[i].total
	}
	order := merge(lists, sorts[slices.IndexFunc(sorts, func(s *scim.Sort) bool { return s != nil })], s.page.StartIndex-1, window)
	resources := make(map[*ranked][]*scim.Object, len(lists))
	for _, l := range lists {
		if l.upTo == l.from {
			continue
		}
		got, err := l.list(ctx, scim.ListQuery{Sort: l.sort, StartIndex: l.from + 1, Count: l.upTo - l.from})
		if err != nil {
			return nil, err
		}
		resources[l] = got.Resources
	}
	for _, l := range order {
		if rest := resources[l]; len(rest) > 0 { // fewer where somebody was deleted meanwhile
			page.Resources, resources[l] = append(page.Resources, rest[0]), rest[1:]
		}
	}
	return page, nil
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

// read fills in the keys of the first `window` resources, `most` at a time. Those of a type that lacks the attribute are known without reading.
func (l *ranked) read(ctx context.Context, window, most int, none scim.SortKey) error {
	if l.sort == nil {
		got, err := l.list(ctx, scim.ListQuery{StartIndex: 1})
		if err != nil {
			return err
		}
		l.total, l.keys = got.TotalResults, slices.Repeat([]scim.SortKey{none}, min(window, got.TotalResults))
		return nil
	}
	bare := l.share
	var err error
	if bare.req.Projection, err = bare.req.Type.ParseProjection(l.sort.By.Top().String(), ""); err != nil {
		return err
	}
	for len(l.keys) < window {
		got, err := bare.list(ctx, scim.ListQuery{Sort: l.sort, StartIndex: len(l.keys) + 1, Count: min(most, window-len(l.keys))})
		if err != nil {
			return err
		}
		l.total = got.TotalResults
		for _, res := range got.Resources {
			l.keys = append(l.keys, l.sort.Key(res))
		}
		if len(got.Resources) == 0 || len(l.keys) >= l.total {
			return nil
		}
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
