package adapter

import (
	"context"
	"iter"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A directory that seeks by key needs no list of keys: a page is a walk that begins behind the key that the page before ended with, and costs what it
// shows. The order is the directory's own, which nobody here knows: integer keys go as numbers there and as texts would not. So keys are never compared
// here, only handed back.

// mostCounted is how many resources are counted at most for a page by cursor, which may do without totalResults (RFC 9865 §2): to count them all could
// cost far more than the page.
const mostCounted = 10_000

// seeks says that the search has an order in which the directory seeks.
func (f *search) seeks() bool { return f.own != nil || f.sort == nil && f.c.seeks() }

func (c *class) seeks() bool { return c.Backend().Capabilities().Seeks }

// sought answers a search of a directory that seeks; false where a list is needed all the same: to say how many there are in all of what must be tested
// here, each has to be looked at anyway.
func (f *search) sought(ctx context.Context) (page *scim.List, ok bool, err error) {
	switch {
	case f.count == 0:
		return nil, false, nil
	case !f.byIdx:
		return f.pageByCursor(ctx)
	case f.low.Rest == nil:
		page, err = f.pageByIndex(ctx)
		return page, true, err
	case f.anew:
		return nil, false, nil
	}
	return f.leased(ctx)
}

// stretch is a piece of a walk: those that match, in its order.
type stretch struct {
	recs []backends.Record
	more bool // others follow
}

// stretch gives n records at most of a walk. What is asked about records is asked when the walk that read them is over: a walk may hold one of few
// connections, and the next begins where it ended.
func (f *search) stretch(ctx context.Context, q backends.Query, n int) (got stretch, err error) {
	most, tested := f.c.Scan(), 0
	for {
		q.Limit = n + 1 - len(got.recs)
		if f.low.Rest != nil {
			q.Limit = max(1, min(restBatch, most-tested)) // one more tells whether that was all
		}
		batch, err := f.readAll(ctx, q)
		if err != nil {
			return stretch{}, err
		}
		ended := len(batch) < q.Limit
		if tested += len(batch); f.low.Rest != nil && tested > most {
			return stretch{}, tooMany(nil)
		}
		if len(batch) > 0 {
			q.After, q.Skip = batch[len(batch)-1].Key, 0
			f.note(batch)
			q.At = f.stood[q.After]
		}
		if batch, err = f.matching(ctx, batch); err != nil {
			return stretch{}, err
		}
		if batch, err = f.s.versioned(ctx, f.c, batch); err != nil {
			return stretch{}, err
		}
		got.recs = append(got.recs, batch...)
		switch {
		case len(got.recs) > n:
			return stretch{got.recs[:n], true}, nil
		case ended:
			return got, nil
		}
	}
}

func (f *search) readAll(ctx context.Context, q backends.Query) (recs []backends.Record, err error) {
	for rec, err := range f.c.Backend().Walk(ctx, q) {
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// query reads of each record what is needed for a page, and for what is left to test.
func (f *search) query() backends.Query {
	q := backends.Query{Where: f.low.Where, Reverse: f.desc}
	if f.low.Rest == nil {
		q.Attrs = f.s.readsJoined(f.c, f.want)
		return q
	}
	q.Attrs = f.c.reads(func(ref scim.Ref) bool { return f.want(ref) || f.low.Wants(ref) })
	return q
}

// pageByCursor is the page behind, or before, the key of a cursor. There is one before whatever was on an earlier page, without looking: if they have
// all gone since, the cursor leads to what is the first page then. False where the directory's own order turns out not to be the one that is shown.
func (f *search) pageByCursor(ctx context.Context) (page *scim.List, ok bool, err error) {
	q, first, back := f.query(), f.from == nil, false
	if f.begin(&q, "", false); !first {
		back = f.from.back
		if ok, err := f.stand(ctx); !ok || err != nil {
			return nil, ok, err
		}
		f.begin(&q, f.from.key, back)
	}
	got, err := f.stretch(ctx, q, f.count)
	if err == nil && back && len(got.recs) == 0 {
		first, back = true, false
		f.begin(&q, "", false)
		got, err = f.stretch(ctx, q, f.count)
	}
	if err == nil && f.from == nil {
		f.counted, err = f.known(ctx, got)
	}
	if err != nil {
		return nil, true, err
	}
	before, behind := !first, got.more
	if back {
		slices.Reverse(got.recs)
		before = got.more
		if behind, err = f.follows(ctx, got.recs[len(got.recs)-1].Key); err != nil {
			return nil, true, err
		}
	}
	page, places, err := f.page(ctx, got.recs, f.counted)
	switch {
	case err != nil || len(places) == 0:
		return page, true, err
	case f.own != nil && f.from == nil && !f.inOrder(places):
		f.own, f.counted = nil, -1
		return nil, false, nil
	case before:
		if page.PreviousCursor, err = f.cursor(places[0], true); err != nil {
			return nil, true, err
		}
	}
	if behind {
		page.NextCursor, err = f.cursor(places[len(places)-1], false)
	}
	return page, true, err
}

// follows says whether anybody stands behind a key. Where each would have to be tested here it is taken for granted: somebody stood there when the
// cursor was made that has led to this page.
func (f *search) follows(ctx context.Context, key backends.Key) (bool, error) {
	if f.low.Rest != nil {
		return true, nil
	}
	q := backends.Query{Where: f.low.Where, Limit: 1}
	f.begin(&q, key, false)
	recs, err := f.readAll(ctx, q)
	return len(recs) > 0, err
}

// known is how many the walk will show, if that is easily said at its beginning; -1 if not. The cursors carry it from page to page.
func (f *search) known(ctx context.Context, first stretch) (int, error) {
	switch {
	case !first.more:
		return len(first.recs), nil
	case f.part != nil, f.low.Rest != nil:
		return -1, nil
	}
	n, exact, err := f.c.Backend().Count(ctx, f.low.Where, mostCounted)
	if err != nil || !exact {
		return -1, err
	}
	return max(n, len(first.recs)+1), nil
}

// pageByIndex is the page from a position on. The lease knows behind which keys earlier pages ended, so that who goes on where a page ended sees everybody
// once who is there throughout, whoever is made or deleted meanwhile; any other page is counted off from the nearest of them.
func (f *search) pageByIndex(ctx context.Context) (*scim.List, error) {
	var from footing
	if f.anew {
		f.s.snaps.drop(f.lease)
	} else {
		from = f.s.snaps.follow(f.lease, f.start-1)
	}
	if from.leased() && f.start > from.total {
		return f.empty(from.total), nil // the last page has said so
	}
	q := f.query()
	q.After, q.Skip = from.key, f.start-1-from.end
	got, err := f.stretch(ctx, q, f.count)
	if err != nil {
		return nil, err
	}
	if from.total, err = f.totalFrom(ctx, &from, got); err != nil {
		return nil, err
	}
	page, _, err := f.page(ctx, got.recs, from.total)
	if fits := f.start == 1 && !got.more && !f.keeps(); err == nil && !fits {
		if len(got.recs) > 0 {
			from.mark = mark{f.start - 1 + len(got.recs), got.recs[len(got.recs)-1].Key}
		}
		f.s.snaps.leave(f.lease, from)
	}
	return page, err
}

// totalFrom is how many there are in all, for the page that begins at a footing. It stays what it was when the lease began, up to the page that would be
// the last. That one looks whether it is: who goes on until he has seen totalResults has then seen all, also those before whom somebody was put in
// meanwhile, and does not wait for those who have gone. The key that is the last of all at that moment is remembered, and whoever comes behind it later
// is not waited for either: where keys are numbers that grow, those who read could never come to an end otherwise.
func (f *search) totalFrom(ctx context.Context, from *footing, got stretch) (int, error) {
	end := f.start - 1 + len(got.recs)
	switch {
	case !got.more && (len(got.recs) > 0 || from.end == f.start-1):
		return end, nil
	case got.more && from.leased() && end < from.total:
		return from.total, nil
	case got.more && from.leased():
		if slices.ContainsFunc(got.recs, func(rec backends.Record) bool { return rec.Key == from.last }) {
			return end, nil
		}
		n, err := f.behind(ctx, got.recs[len(got.recs)-1].Key, from)
		return end + n, err
	case from.leased(): // so many have gone that the page is behind the end
		n, err := f.behind(ctx, from.key, from)
		return from.end + n, err
	}
	n, err := f.all(ctx)
	if got.more {
		n = max(n, end+1)
	}
	return n, err
}

// all counts those that match.
func (f *search) all(ctx context.Context) (int, error) {
	n, exact, err := f.c.Backend().Count(ctx, f.low.Where, 0)
	if err == nil && !exact {
		return f.behind(ctx, "", &footing{})
	}
	return n, err
}

// inPieces reads a walk in walks of a batch each, so that none is under way while a batch is looked at.
func (f *search) inPieces(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		for q.Limit = restBatch; ; {
			batch, err := f.readAll(ctx, q)
			if err != nil {
				yield(backends.Record{}, err)
				return
			}
			for _, rec := range batch {
				if !yield(rec, nil) {
					return
				}
				q.After = rec.Key
			}
			if len(batch) < q.Limit {
				return
			}
		}
	}
}

// behind counts those behind a key, up to the last one of a footing, or else up to the end, and remembers who is the last. They are few where this is asked:
// who has come since the lease began.
func (f *search) behind(ctx context.Context, key backends.Key, from *footing) (n int, err error) {
	last := from.last
	for rec, err := range f.c.Backend().Walk(ctx, backends.Query{Where: f.low.Where, After: key, Reverse: f.desc}) {
		if err != nil {
			return 0, err
		}
		n++
		if from.last = rec.Key; rec.Key == last {
			break
		}
	}
	return n, nil
}

// outline is what a part without an order of its own says of its list: how many there are. Where they stand follows from that.
func (f *search) outline(ctx context.Context) (*scim.List, error) {
	if !f.part.Anew {
		if from := f.s.snaps.follow(f.lease, 0); from.leased() {
			return f.empty(from.total), nil
		}
	}
	f.s.snaps.drop(f.lease)
	n, err := f.all(ctx)
	if err != nil {
		return nil, err
	}
	f.s.snaps.leave(f.lease, footing{total: n})
	return f.empty(n), nil
}
