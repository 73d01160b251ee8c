package adapter

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// restBatch is how many records are tested on the SCIM side at a time: their references are resolved together.
const restBatch = 200

// search is one List on its way.
type search struct {
	s     *Service
	c     *class
	req   scim.Request
	low   mapping.Lowered
	start int // from 1
	count int
	want  func(scim.Ref) bool
}

// List is a search (RFC 7644 §3.4.2). Its order is that of the keys, the same on every page, in every process and after a lease has ended.
func (s *Service) List(ctx context.Context, req scim.Request, q scim.ListQuery) (*scim.List, error) {
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	page, err := s.list(ctx, c, req, q)
	return page, s.translate(err, c, false)
}

func (s *Service) list(ctx context.Context, c *class, req scim.Request, q scim.ListQuery) (*scim.List, error) {
	f := &search{s: s, c: c, req: req, start: max(1, q.StartIndex), count: q.Count, want: c.wants(req.Projection)}
	if f.count < 0 {
		f.count = s.o.DefaultCount
	}
	f.count = min(f.count, s.o.MaxCount)
	who := req.Caller
	l := lease{tenant: who.Tenant, client: who.Client, subject: who.Subject, typ: c.Name()}
	if q.Filter != nil {
		l.filter = q.Filter.String()
	}
	if f.start > 1 && f.count > 0 {
		if snap := s.snaps.get(l); snap != nil {
			return f.cut(ctx, snap, nil)
		}
	}
	low, err := s.lower(ctx, c, req, q.Filter)
	if err != nil {
		return nil, err
	}
	f.low = low
	switch {
	case f.count == 0:
		total, err := f.total(ctx)
		return &scim.List{TotalResults: total, StartIndex: f.start}, err
	case f.start == 1:
		s.snaps.drop(l)
		return f.first(ctx, l)
	}
	keys, _, err := f.collect(ctx, 0)
	if err != nil {
		return nil, err
	}
	return f.cut(ctx, s.snaps.put(l, keys), nil)
}

// total counts without a page (RFC 7644 §3.4.2.4, count=0).
func (f *search) total(ctx context.Context) (int, error) {
	if f.low.Rest == nil {
		n, exact, err := f.c.Backend().Count(ctx, f.low.Where, 0)
		if err != nil || exact {
			return n, err
		}
	}
	keys, _, err := f.collect(ctx, 0)
	return keys.len(), err
}

// first is the first page. A result that fits on it is answered from the walk itself, and no snapshot is kept.
func (f *search) first(ctx context.Context, l lease) (*scim.List, error) {
	var recs []backends.Record
	if f.low.Rest == nil {
		few, err := f.few(ctx)
		if err != nil {
			return nil, err
		}
		if len(few) <= f.count {
			return f.page(ctx, few, len(few))
		}
		recs = few
	}
	keys, kept, err := f.collect(ctx, f.count)
	if err != nil {
		return nil, err
	}
	recs = append(recs, kept...)
	if keys.len() <= f.count && len(kept) == keys.len() {
		return f.page(ctx, kept, len(kept))
	}
	return f.cut(ctx, f.s.snaps.put(l, keys), recs)
}

// few reads whole records, one more than fit on the page.
func (f *search) few(ctx context.Context) ([]backends.Record, error) {
	q := backends.Query{Where: f.low.Where, Attrs: f.c.reads(f.want), Limit: f.count + 1}
	var recs []backends.Record
	for rec, err := range f.c.Backend().Walk(ctx, q) {
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	slices.SortFunc(recs, byKey)
	return slices.CompactFunc(recs, func(a, b backends.Record) bool { return a.Key == b.Key }), nil
}

func byKey(a, b backends.Record) int { return cmp.Compare(a.Key, b.Key) }

// collect walks the whole result and gives its keys in order. Where a rest must be tested, records are read anyway: the first `keep` of
// those that match, with all that the page needs, are given too.
func (f *search) collect(ctx context.Context, keep int) (keys keyList, kept []backends.Record, err error) {
	q := backends.Query{Where: f.low.Where}
	if f.low.Rest != nil {
		q.Attrs = f.c.reads(f.low.Wants)
		if keep > 0 {
			q.Attrs = f.c.reads(func(ref scim.Ref) bool { return f.want(ref) || f.low.Wants(ref) })
		}
	}
	if f.low.Rest == nil {
		for rec, err := range f.c.Backend().Walk(ctx, q) {
			if err != nil {
				return keyList{}, nil, err
			}
			keys.add(rec.Key)
		}
		keys.sort()
		return keys, nil, nil
	}
	for batch, err := range inBatches(f.c.Backend().Walk(ctx, q), restBatch, f.c.Scan()) {
		if err != nil {
			return keyList{}, nil, err
		}
		holds, err := f.s.matchRest(ctx, f.c, f.req, f.low, batch)
		if err != nil {
			return keyList{}, nil, err
		}
		for i, rec := range batch {
			if !holds[i] {
				continue
			}
			keys.add(rec.Key)
			if len(kept) < keep {
				kept = append(kept, rec)
			}
		}
	}
	keys.sort()
	slices.SortFunc(kept, byKey)
	kept = slices.CompactFunc(kept, func(a, b backends.Record) bool { return a.Key == b.Key })
	return keys, kept, nil
}

// inBatches groups what a walk yields. More than limit records are too many.
func inBatches(walk iter.Seq2[backends.Record, error], size, limit int) iter.Seq2[[]backends.Record, error] {
	return func(yield func([]backends.Record, error) bool) {
		var batch []backends.Record
		seen := 0
		for rec, err := range walk {
			if seen++; err == nil && seen > limit {
				err = tooMany(nil)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, rec); len(batch) < size {
				continue
			}
			if !yield(batch, nil) {
				return
			}
			batch = nil
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// cut takes a page from a snapshot. have are records that were read on the way here. Keys whose records are gone leave the snapshot, so that
// the page is filled from those that follow, and the client's next startIndex goes on where this page ends.
func (f *search) cut(ctx context.Context, snap *snapshot, have []backends.Record) (*scim.List, error) {
	select {
	case snap.gate <- struct{}{}:
		defer func() { <-snap.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	known := make(map[backends.Key]backends.Record, len(have))
	for _, rec := range have {
		known[rec.Key] = rec
	}
	var recs []backends.Record
	for len(recs) < f.count {
		at := f.start - 1 + len(recs)
		keys := snap.keys.slice(at, f.count-len(recs))
		if len(keys) == 0 {
			break
		}
		found, err := f.fetch(ctx, keys, known)
		if err != nil {
			return nil, err
		}
		var gone []int
		for i, key := range keys {
			if rec, ok := found[key]; ok {
				recs = append(recs, rec)
			} else {
				gone = append(gone, at+i)
			}
		}
		snap.keys.remove(gone)
	}
	return f.page(ctx, recs, snap.keys.len())
}

func (f *search) fetch(ctx context.Context, keys []backends.Key, known map[backends.Key]backends.Record) (map[backends.Key]backends.Record, error) {
	found := make(map[backends.Key]backends.Record, len(keys))
	var missing []backends.Key
	for _, key := range keys {
		if rec, ok := known[key]; ok {
			found[key] = rec
		} else {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	recs, err := f.c.Backend().Fetch(ctx, missing, f.c.reads(f.want))
	for _, rec := range recs {
		found[rec.Key] = rec
	}
	return found, err
}

// page shows the records of a page.
func (f *search) page(ctx context.Context, recs []backends.Record, total int) (*scim.List, error) {
	recs, err := f.s.versioned(ctx, f.c, recs)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(recs, byKey)
	page := &scim.List{TotalResults: total, StartIndex: f.start, Resources: []*scim.Object{}}
	if len(recs) == 0 {
		return page, nil
	}
	resources, err := f.s.dress(ctx, f.c, f.req, recs, f.want)
	if err != nil {
		return nil, err
	}
	for _, d := range resources {
		page.Resources = append(page.Resources, f.c.rt.Project(d.res, f.req.Projection))
	}
	return page, nil
}
