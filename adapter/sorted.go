package adapter

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// placed is a record's key and where it stands in the order that is wanted.
type placed struct {
	key backends.Key
	by  scim.SortKey
}

// mostSorts is how many searches are sorted at a time; others wait for their turn. One holds the keys and places of up to Options.MaxSort resources: some
// 150 bytes each, and 1 KiB more at the very most, where they are sorted by texts that long.
const mostSorts = 4

// beginSort waits for a turn, before the walk that is to be sorted begins. Whoever has it gives it back with done.
func (s *Service) beginSort(ctx context.Context) (done func(), err error) {
	select {
	case s.sorts <- struct{}{}:
		return func() { <-s.sorts }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// sorter puts what a walk yields into the order of a search. Up to Options.MaxSort it sorts here, and so is right whatever the directory thinks of
// an order, which it is not even asked for: that is costly. When there are more, the walk is made again by a directory that walks in the order itself:
// only keys are kept then. Those that stand in one place are in the order of their keys, so that every walk, wherever it is made, gives the same list. A
// directory that seeks has its own order of keys, which nobody here knows: in that it has walked, and so they are left as they came.
type sorter struct {
	f     *search
	most  int
	own   *backends.Sort // the directory's order; nil where it has none
	all   []placed
	spilt bool // the directory sorts
	keys  keyList
	run   int          // where in keys those begin that stand where the last one stands
	last  scim.SortKey // where that is
	at    int          // how many are before the place where the page begins or ends
	ties  int          // of a directory that seeks: how many stand where the cursor's resource stood
	met   int          // and which of them that is, from 1
	note  int          // of how many keys the place is kept too
}

func (f *search) newSorter(ctx context.Context) (*sorter, error) {
	s := &sorter{f: f, most: f.s.o.MaxSort}
	if f.lease.part != "" && f.byIdx {
		s.note = scim.MaxPlaces
	}
	costly, err := f.s.searchesToLink(ctx, f.c, f.sort.Wants)
	if err != nil {
		return nil, err
	}
	if costly {
		s.most = min(s.most, f.c.Scan())
	}
	if by, ok := f.order(); ok && f.c.Backend().Sorts(by) {
		s.own = &by
	}
	return s, nil
}

// order is what the directory is asked for.
func (s *sorter) order() *backends.Sort {
	if s.spilt {
		return s.own
	}
	return nil
}

// errMore says that there are more than can be sorted here, and that the directory sorts.
var errMore = errors.New("more than can be sorted here")

// spill begins anew with a directory that sorts.
func (s *sorter) spill() { s.all, s.spilt = nil, true }

// add takes the next records of the walk.
func (s *sorter) add(ctx context.Context, recs []backends.Record) error {
	places, err := s.f.places(ctx, recs)
	if err != nil {
		return err
	}
	for _, p := range places {
		if s.spilt {
			s.push(p)
			continue
		}
		if s.all = append(s.all, p); len(s.all) <= s.most {
			continue
		}
		if s.own == nil {
			return s.refuse()
		}
		return errMore
	}
	return nil
}

func (s *sorter) refuse() error {
	if s.most < s.f.s.o.MaxSort {
		return tooMany(nil)
	}
	return scim.BadRequest(scim.TooMany, "The directory cannot sort by %s, and more than %d resources would have to be sorted here. "+
		"Narrow the search with a filter, or have scim.max_sort raised.", s.f.sort.By, s.most)
}

// push appends one to the keys.
func (s *sorter) push(p placed) {
	if s.keys.len() == 0 || p.by != s.last {
		s.endRun()
		s.run, s.last = s.keys.len(), p.by
	}
	s.keys.add(p.key)
	if len(s.keys.by) < s.note { // keys of one place are yet to be ordered among themselves
		s.keys.by = append(s.keys.by, p.by)
	}
	s.count(p)
}

// endRun puts those that stand in one place into the order of their keys.
func (s *sorter) endRun() {
	if !s.f.c.seeks() {
		s.keys.sortFrom(s.run)
	}
}

// count keeps at. It is a count and not the index of a key, because a record may have gone, or got another place, since it was on a page.
func (s *sorter) count(p placed) {
	from := s.f.from
	if from == nil {
		return
	}
	order := s.f.sort.Compare(p.by, from.by)
	if order == 0 && s.f.c.seeks() {
		if s.ties++; p.key == from.key {
			s.met = s.ties
		}
		return
	}
	if order = cmp.Or(order, cmp.Compare(p.key, from.key)); order < 0 || order == 0 && !from.back {
		s.at++
	}
}

// finish gives the keys in order. A record that was walked past twice, because it moved meanwhile, stays once; a directory that sorts or seeks shows each
// once.
func (s *sorter) finish(ctx context.Context) (keyList, error) {
	if !s.f.c.seeks() {
		slices.SortStableFunc(s.all, func(a, b placed) int { return cmp.Compare(a.key, b.key) })
		s.all = slices.CompactFunc(s.all, func(a, b placed) bool { return a.key == b.key })
	}
	s.f.inPlace(s.all)
	for _, p := range s.all {
		s.push(p)
	}
	s.endRun()
	before, err := s.tiesBefore(ctx)
	s.at += before
	return s.keys, err
}

// mostTied is how many keys are asked about at a time.
const mostTied = 10_000

// tiesBefore is how many of those that stand where the cursor's resource stood come before the page begins, or ends. Where that resource is no longer among
// them, the directory is asked who comes behind its key.
func (s *sorter) tiesBefore(ctx context.Context) (int, error) {
	from := s.f.from
	switch {
	case s.ties == 0:
		return 0, nil
	case s.met > 0 && from.back:
		return s.met - 1, nil
	case s.met > 0:
		return s.met, nil
	}
	before := s.ties
	for some := range slices.Chunk(s.keys.slice(s.at, s.ties), mostTied) {
		behind, err := s.f.readAll(ctx, backends.Query{Where: backends.OneOf(some), After: from.key, Reverse: s.f.desc})
		if err != nil {
			return 0, err
		}
		before -= len(behind)
	}
	return before, nil
}

// inPlace orders by sortBy, and those that are equal in it by their keys: in the order in which a directory that seeks has walked past them.
func (f *search) inPlace(all []placed) {
	slices.SortStableFunc(all, func(a, b placed) int {
		order := f.sort.Compare(a.by, b.by)
		if order == 0 && !f.c.seeks() {
			return cmp.Compare(a.key, b.key)
		}
		return order
	})
}

// places says where records stand. What must be asked for it (references, the overlay) is asked once for all of them.
func (f *search) places(ctx context.Context, recs []backends.Record) ([]placed, error) {
	recs, err := f.sortable(ctx, recs)
	if err != nil {
		return nil, err
	}
	resources, err := f.s.link(ctx, f.c, f.req, recs, f.sort.Wants)
	if err == nil && f.c.wantsDress(f.sort.Wants) {
		err = f.s.finishDress(ctx, f.c, f.req, recs, f.c.dependsOnExtras(f.sort.Wants), resources)
	}
	if err != nil {
		return nil, err
	}
	all := make([]placed, len(recs))
	for i, d := range resources {
		all[i] = placed{recs[i].Key, f.sort.Key(d.res)}
	}
	return all, nil
}

// sortable gives records with all that their place needs: an order by version needs what versions are made of.
func (f *search) sortable(ctx context.Context, recs []backends.Record) ([]backends.Record, error) {
	if !f.c.wantsMeta(f.sort.Wants, "version") {
		return recs, nil
	}
	return f.s.versioned(ctx, f.c, recs)
}

// order is the directory's for the one that is wanted; false where it has none. The text of a key of one attribute is that attribute's.
func (f *search) order() (backends.Sort, bool) {
	key := f.c.Backend().Capabilities().Key
	if byID(*f.sort) && len(key) == 1 {
		return backends.Sort{Attr: key[0], Rule: backends.CaseExact, Descending: f.sort.Descending}, true
	}
	return f.c.Sort(*f.sort)
}

// ownOrder is an order in which the directory walks and which is the very one that is wanted: what is shown of a record is the one value that the directory
// goes by.
func (f *search) ownOrder() (backends.Sort, bool) {
	by, ok := f.order()
	b := f.c.Backend()
	return by, ok && f.c.seeks() && b.Syntax(by.Attr).Single && b.Sorts(by)
}

// firstInOrder reads the first page of a sorted search as the directory walks, and counts the others: many clients look at no more. The list is made when a
// later page is asked for. False where the directory cannot, or has no time to, or turns out to see another order than the one that is shown.
func (f *search) firstInOrder(ctx context.Context) (page *scim.List, ok bool, err error) {
	if f.sort == nil || !f.byIdx || f.part != nil || f.low.Rest != nil {
		return nil, false, nil
	}
	q := f.query()
	by, ok := f.ownOrder()
	if !ok {
		return nil, false, nil
	}
	q.Sort, q.Limit, q.Reverse = &by, f.count+1, false
	recs, err := f.readAll(ctx, q)
	switch {
	case errors.Is(err, backends.ErrUnavailable):
		return nil, false, nil // who is away altogether says so again
	case err != nil:
		return nil, false, err
	case len(recs) <= f.count:
		page, err = f.whole(ctx, recs)
		return page, true, err
	}
	if recs, err = f.s.versioned(ctx, f.c, recs[:f.count]); err != nil {
		return nil, false, err
	}
	total, err := f.all(ctx)
	if err != nil {
		return nil, false, err
	}
	page, places, err := f.page(ctx, recs, max(total, f.count+1))
	if err != nil || !f.inOrder(places) {
		return nil, false, err
	}
	var head keyList
	for _, p := range places {
		head.add(p.key)
	}
	f.s.snaps.putHead(f.lease, head)
	return page, true, nil
}

// inOrder says that the places of a page come in the order that was asked for.
func (f *search) inOrder(places []placed) bool {
	return slices.IsSortedFunc(places, func(a, b placed) int { return f.sort.Compare(a.by, b.by) })
}

// seekInOrder has a walk by cursor go in the directory's own order, where that seeks in it: its pages then cost what they show, and no list is made. A walk
// goes on as it has begun: who is equal in the order comes first in the one and last in the other.
func (f *search) seekInOrder() {
	if f.sort == nil || f.part != nil || f.from != nil && !f.from.own {
		return
	}
	if by, ok := f.ownOrder(); ok && f.c.Backend().SeeksIn(by) {
		f.own, f.stood = &by, map[backends.Key]backends.SortKey{}
	}
}

// stand says where the walk goes on in the directory's order. False where that can no longer be said: the list knows about where.
func (f *search) stand(ctx context.Context) (ok bool, err error) {
	switch {
	case f.own == nil:
		return true, nil
	case !f.from.far:
		f.stood[f.from.key] = f.from.at
		return true, nil
	}
	recs, err := f.c.Backend().Fetch(ctx, []backends.Key{f.from.key}, []string{f.own.Attr})
	for _, rec := range recs {
		if value, _ := f.own.Key(rec).Value(); len(value) > longestPlace {
			f.note(recs)
			return true, nil
		}
	}
	f.own = nil
	return false, err
}

// begin has a walk begin behind a key, or go back from it; "" is the beginning of all.
func (f *search) begin(q *backends.Query, key backends.Key, back bool) {
	q.After, q.Reverse = key, f.desc != back
	if f.own == nil {
		return
	}
	by := *f.own
	by.Descending = by.Descending != back
	q.Sort, q.At, q.Reverse = &by, f.stood[key], false
	if !slices.Contains(q.Attrs, by.Attr) && q.Attrs != nil {
		q.Attrs = append(slices.Clip(q.Attrs), by.Attr)
	}
}

// note remembers where records stand in the directory's order: by what the walk has seen of them, for they may change until they are shown.
func (f *search) note(recs []backends.Record) {
	if f.own == nil {
		return
	}
	for _, rec := range recs {
		f.stood[rec.Key] = f.own.Key(rec)
	}
}

// arrange puts whole records into the order of the search: a page that holds all there is.
func (f *search) arrange(ctx context.Context, recs []backends.Record) ([]backends.Record, error) {
	recs, err := f.s.versioned(ctx, f.c, f.c.unique(recs))
	if err != nil || f.sort == nil {
		return recs, err
	}
	places, err := f.places(ctx, recs)
	if err != nil {
		return nil, err
	}
	byPlace := make(map[backends.Key]backends.Record, len(recs))
	for _, rec := range recs {
		byPlace[rec.Key] = rec
	}
	f.inPlace(places)
	sorted := make([]backends.Record, len(places))
	for i, p := range places {
		sorted[i] = byPlace[p.key]
	}
	return sorted, nil
}
