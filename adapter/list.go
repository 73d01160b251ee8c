package adapter

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// restBatch is how many records are tested on the SCIM side at a time: their references are resolved together.
const restBatch = 200

// search is one List on its way.
type search struct {
	s     *Service
	c     *class
	req   scim.Request
	low   mapping.Lowered
	sort  *scim.Sort // nil: in the order of the keys
	desc  bool       // keys go from the last to the first, where the directory seeks
	lease lease
	part  *scim.Part // nil: the search stands for itself
	byIdx bool       // pages by index, not by cursor
	anew  bool       // the page is the first of a new list
	from  *cursor    // where a walk by cursor goes on; nil at its beginning
	start int        // of pages by index, from 1
	count int
	want  func(scim.Ref) bool

	own   *backends.Sort                    // the directory's own order, where it seeks in that; nil: in the order of the keys, or with a list
	stood map[backends.Key]backends.SortKey // where records stood in it when they were walked past

	counted int // what the cursors of a directory that seeks carry along; -1 for nothing
}

// List is a search (RFC 7644 §3.4.2). Without sortBy its order is that of the keys (the directory's, where it seeks), the same on every page, in every
// process and after a lease has ended. A walk by cursor (RFC 9865) then shows each resource that is there throughout exactly once, whichever replicas its pages come from: a page is
// what matches now behind the last key. A snapshot only spares the search.
func (s *Service) List(ctx context.Context, req scim.Request, q scim.ListQuery) (*scim.List, error) {
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	page, err := s.list(ctx, c, req, q)
	return page, s.translate(err, c, false)
}

func (s *Service) list(ctx context.Context, c *class, req scim.Request, q scim.ListQuery) (*scim.List, error) {
	f, err := s.newSearch(c, req, q)
	if err != nil {
		return nil, err
	}
	switch {
	case f.part != nil && f.part.Places > 0 && f.byIdx:
		return f.overview(ctx, q.Filter)
	case f.part != nil && f.count == 0 && !f.byIdx:
		return f.standing()
	case !f.anew && f.count > 0 && !f.seeks():
		if page, ok, err := f.leased(ctx); ok || err != nil {
			return page, err
		}
	}
	if f.low, err = s.lower(ctx, c, req, q.Filter); err != nil {
		return nil, err
	}
	if f.seeks() {
		if page, ok, err := f.sought(ctx); ok || err != nil {
			return page, err
		}
	}
	switch {
	case f.count == 0:
		return f.total(ctx)
	case f.anew:
		s.snaps.drop(f.lease)
		return f.first(ctx)
	}
	return f.later(ctx)
}

// later is a page that is not the first, of a list that was not kept.
func (f *search) later(ctx context.Context) (*scim.List, error) {
	found, err := f.collect(ctx, 0)
	if err != nil {
		return nil, err
	}
	snap := f.s.snaps.put(f.lease, f.s.snaps.joined(f.lease, found.keys))
	defer snap.release()
	at, _ := f.place(&snap.keys)
	if f.from != nil && f.sort != nil {
		at = found.at
	}
	return f.cut(ctx, snap, at, nil)
}

func (s *Service) newSearch(c *class, req scim.Request, q scim.ListQuery) (*search, error) {
	f := &search{s: s, c: c, req: req, sort: q.Sort, start: max(1, q.StartIndex), count: q.Count, part: q.Part, byIdx: q.Cursor == nil, want: c.wants(req.Projection), counted: -1}
	if f.count < 0 {
		f.count = s.o.DefaultCount
	}
	f.count = min(f.count, s.o.MaxCount)
	who := req.Caller
	f.lease = lease{tenant: who.Tenant, client: who.Client, subject: who.Subject, typ: c.Name()}
	if q.Filter != nil {
		f.lease.filter = q.Filter.String()
	}
	if f.sort != nil {
		f.lease.sort, f.desc = f.sort.String(), f.sort.Descending && c.seeks()
		if f.part == nil && c.goesByID(*f.sort) {
			f.sort = nil // the order that a list has anyway, or its contrary; its length knows no bound
		}
	}
	if f.sort != nil {
		shown := f.want
		f.want = func(ref scim.Ref) bool { return shown(ref) || f.sort.Wants(ref) } // for what the cursors of the page say
	}
	f.anew = f.start == 1
	if f.part != nil {
		f.lease.part = f.part.Of
		f.anew = f.anew && f.part.Anew
	}
	if f.byIdx {
		return f, nil
	}
	f.start, f.anew = 1, true
	if *q.Cursor == "" {
		f.lease.walk = newWalk()
		f.seekInOrder()
		return f, nil
	}
	from, err := s.open(f.lease, *q.Cursor)
	f.lease.walk = from.walk
	if from.key != "" {
		f.from, f.anew, f.counted = &from, false, from.counted
		f.locate()
	}
	f.seekInOrder()
	return f, err
}

// byID says that an order is that of the ids, or the contrary.
func byID(by scim.Sort) bool { return by.By.URI == "" && by.By.Attr.Name == "id" }

// goesByID says that an order is the one that lists have without sortBy, or its contrary. An id is a text, in a filter and at the root as well; a directory
// that seeks has an order of keys of its own, in which 9 may come before 10.
func (c *class) goesByID(by scim.Sort) bool {
	switch {
	case !byID(by):
		return false
	case c.seeks():
		return c.Backend().Sorts(backends.Sort{})
	}
	return !by.Descending
}

// locate says where a cursor stands that was made when the search was in the order of the keys.
func (f *search) locate() {
	if f.sort != nil && f.from.by == "" && byID(*f.sort) {
		res := scim.NewObject()
		res.Set("id", string(f.from.key))
		f.from.by = f.sort.Key(res)
	}
}

// keeps says that the list is kept even if it fits on one page.
func (f *search) keeps() bool { return f.part != nil && f.byIdx }

// standing is the page by cursor without resources of a part: its next cursor is for where it stands itself.
func (f *search) standing() (*scim.List, error) {
	at, back := placed{}, false
	if f.from != nil {
		at, back = placed{f.from.key, f.from.by}, f.from.back
	}
	page := f.empty(-1)
	var err error
	page.NextCursor, err = f.cursor(at, back)
	return page, err
}

// overview says how many are in the list of a part, and where the first of them stand. The places are those of the moment in which the list was made, so
// that all its pages see one order. Where so many were deleted since that not enough places are left, the list is made anew.
func (f *search) overview(ctx context.Context, text filter.Expr) (*scim.List, error) {
	n := min(f.part.Places, scim.MaxPlaces)
	snap := f.s.snaps.get(f.lease)
	if snap != nil && !f.part.Anew {
		if err := snap.hold(ctx); err != nil {
			return nil, err
		}
		defer snap.release()
		if f.sort == nil || len(snap.keys.by) >= min(n, snap.keys.len()) {
			return f.placesOf(&snap.keys, n), nil
		}
	}
	var err error
	if f.low, err = f.s.lower(ctx, f.c, f.req, text); err != nil {
		return nil, err
	}
	if f.seeks() && f.low.Rest == nil {
		return f.outline(ctx)
	}
	found, err := f.collect(ctx, 0)
	if err != nil {
		return nil, err
	}
	fresh := f.s.snaps.put(f.lease, found.keys)
	defer fresh.release()
	return f.placesOf(&fresh.keys, n), nil
}

func (f *search) placesOf(keys *keyList, n int) *scim.List {
	list := f.empty(keys.len())
	list.Places = slices.Clone(keys.by[:min(n, len(keys.by))])
	return list
}

// leased cuts the page from a snapshot that is still kept; false when there is none that can say where the page begins.
func (f *search) leased(ctx context.Context) (*scim.List, bool, error) {
	snap := f.s.snaps.get(f.lease)
	if snap == nil || snap.head {
		return nil, false, nil
	}
	if err := snap.hold(ctx); err != nil {
		return nil, false, err
	}
	defer snap.release()
	at, ok := f.place(&snap.keys)
	if !ok {
		return nil, false, nil
	}
	page, err := f.cut(ctx, snap, at, nil)
	return page, true, err
}

// place is the position in a list where the page begins, or ends when it is one before. A list by sortBy has no places of those who are no longer in it.
func (f *search) place(keys *keyList) (at int, ok bool) {
	switch {
	case f.from == nil:
		return f.start - 1, true
	case f.sort == nil:
		return keys.before(f.from.key, !f.from.back), true
	}
	at = keys.index(f.from.key)
	if at < 0 || f.from.back {
		return at, at >= 0
	}
	return at + 1, true
}

// total counts without a page (RFC 7644 §3.4.2.4, count=0).
func (f *search) total(ctx context.Context) (*scim.List, error) {
	page := f.empty(0)
	if f.low.Rest == nil {
		n, exact, err := f.c.Backend().Count(ctx, f.low.Where, 0)
		if err != nil || exact {
			page.TotalResults = n
			return page, err
		}
	}
	f.sort = nil // a number has no order
	found, err := f.collect(ctx, 0)
	page.TotalResults = found.keys.len()
	return page, err
}

// first is the first page. A result that fits on it is answered from the walk itself, and no snapshot is kept, unless it is a part's.
func (f *search) first(ctx context.Context) (*scim.List, error) {
	if page, ok, err := f.firstInOrder(ctx); ok || err != nil {
		return page, err
	}
	var recs []backends.Record
	if f.low.Rest == nil {
		few, err := f.few(ctx)
		if err != nil {
			return nil, err
		}
		if len(few) <= f.count {
			return f.whole(ctx, few)
		}
		recs = few
	}
	found, err := f.collect(ctx, f.count)
	if err != nil {
		return nil, err
	}
	if found.keys.len() <= f.count && len(found.kept) == found.keys.len() {
		return f.whole(ctx, found.kept)
	}
	if recs, err = f.s.versioned(ctx, f.c, append(recs, found.kept...)); err != nil {
		return nil, err
	}
	snap := newSnapshot(f.lease, found.keys)
	if found.keys.len() > f.count || f.keeps() {
		snap = f.s.snaps.put(f.lease, found.keys)
	}
	defer snap.release()
	return f.cut(ctx, snap, 0, recs)
}

// whole is the page that holds all there is.
func (f *search) whole(ctx context.Context, recs []backends.Record) (*scim.List, error) {
	recs, err := f.arrange(ctx, recs)
	if err != nil {
		return nil, err
	}
	if f.keeps() {
		var keys keyList
		for _, rec := range recs {
			keys.add(rec.Key)
		}
		f.s.snaps.put(f.lease, keys).release()
	}
	page, _, err := f.page(ctx, recs, len(recs))
	return page, err
}

// few reads whole records, one more than fit on the page.
func (f *search) few(ctx context.Context) ([]backends.Record, error) {
	recs, err := f.readAll(ctx, backends.Query{Where: f.low.Where, Attrs: f.c.reads(f.want), Limit: f.count + 1, Reverse: f.desc})
	return f.c.unique(recs), err
}

// unique puts records into the order of their keys, each once. A directory that seeks has done so.
func (c *class) unique(recs []backends.Record) []backends.Record {
	if c.seeks() {
		return recs
	}
	slices.SortStableFunc(recs, byKey)
	return slices.CompactFunc(recs, func(a, b backends.Record) bool { return a.Key == b.Key })
}

func byKey(a, b backends.Record) int { return cmp.Compare(a.Key, b.Key) }

// found is the whole result of a search.
type found struct {
	keys keyList           // in order
	kept []backends.Record // some whole records, if they were read anyway
	at   int               // with sortBy, where the page of a cursor begins, or ends when it is one before
}

// collect walks the whole result. Where a rest must be tested, records are read anyway: the first `keep` of those that match are given too,
// with all that the page needs.
func (f *search) collect(ctx context.Context, keep int) (found, error) {
	if f.sort == nil {
		out, err := f.gather(ctx, keep, nil)
		if !f.seeks() {
			out.keys.sort()
		}
		return out, err
	}
	done, err := f.s.beginSort(ctx)
	if err != nil {
		return found{}, err
	}
	defer done()
	sorter, err := f.newSorter(ctx)
	if err != nil {
		return found{}, err
	}
	out, err := f.gather(ctx, keep, sorter)
	if errors.Is(err, errMore) {
		sorter.spill()
		out, err = f.gather(ctx, keep, sorter)
	}
	if err != nil {
		return found{}, err
	}
	out.keys, err = sorter.finish(ctx)
	out.at = sorter.at
	return out, err
}

// gather walks the whole result, and gives it to the sorter if there is one.
func (f *search) gather(ctx context.Context, keep int, sorter *sorter) (out found, err error) {
	q := backends.Query{Where: f.low.Where, Reverse: f.desc}
	linked := func(ref scim.Ref) bool {
		return f.low.Rest != nil && f.low.Wants(ref) || f.sort != nil && f.sort.Wants(ref)
	}
	w := inBatches{limit: math.MaxInt, over: tooMany(nil)}
	if w.apart, err = f.s.searchesToLink(ctx, f.c, linked); err != nil {
		return found{}, err
	}
	if sorter != nil {
		q.Sort, q.Attrs = sorter.order(), f.c.reads(f.sort.Wants)
		q.Reverse = q.Reverse && q.Sort == nil
		if w.apart {
			w.limit, w.over = sorter.most, sorter.refuse()
		}
	}
	if f.low.Rest != nil {
		w.limit, w.over = f.c.Scan(), tooMany(nil)
		q.Attrs = f.c.reads(func(ref scim.Ref) bool { return linked(ref) || keep > 0 && f.want(ref) })
	}
	walk := f.c.Backend().Walk(ctx, q)
	if f.c.seeks() && q.Sort == nil && f.asks(linked) {
		walk, w.apart = f.inPieces(ctx, q), false
	}
	for batch, err := range w.of(walk) {
		if err != nil {
			return found{}, err
		}
		if batch, err = f.matching(ctx, batch); err != nil {
			return found{}, err
		}
		if f.low.Rest != nil {
			out.kept = append(out.kept, batch[:min(len(batch), keep-len(out.kept))]...)
		}
		if sorter != nil {
			if err := sorter.add(ctx, batch); err != nil {
				return found{}, err
			}
			continue
		}
		for _, rec := range batch {
			out.keys.add(rec.Key)
		}
	}
	out.kept = f.c.unique(out.kept)
	return out, nil
}

// asks says whether more than records must be read to say what is wanted of them.
func (f *search) asks(want func(scim.Ref) bool) bool {
	return f.c.wantsDress(want) || slices.ContainsFunc(f.c.refs, func(r reference) bool { return r.attr != nil && want(r.ref()) })
}

// matching gives those records of a batch that fulfil what the directory could not test.
func (f *search) matching(ctx context.Context, batch []backends.Record) ([]backends.Record, error) {
	if f.low.Rest == nil {
		return batch, nil
	}
	holds, err := f.s.matchRest(ctx, f.c, f.req, f.low, batch)
	if err != nil {
		return nil, err
	}
	var matching []backends.Record
	for i, rec := range batch {
		if holds[i] {
			matching = append(matching, rec)
		}
	}
	return matching, nil
}

// inBatches groups what a walk yields, so that what must be asked of records is asked for many at once.
//
// A walk that is under way may hold one of few connections. If whoever takes a batch had to walk too, such walks could wait for one another for ever;
// apart, all records are read before the first batch is given.
type inBatches struct {
	limit int   // of records
	over  error // what more of them are
	apart bool
}

func (b inBatches) of(walk iter.Seq2[backends.Record, error]) iter.Seq2[[]backends.Record, error] {
	return func(yield func([]backends.Record, error) bool) {
		var batch []backends.Record
		seen := 0
		for rec, err := range walk {
			if seen++; err == nil && seen > b.limit {
				err = b.over
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, rec); b.apart || len(batch) < restBatch {
				continue
			}
			if !yield(batch, nil) {
				return
			}
			batch = nil
		}
		for piece := range slices.Chunk(batch, restBatch) {
			if !yield(piece, nil) {
				return
			}
		}
	}
}
