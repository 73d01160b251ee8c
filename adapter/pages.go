package adapter

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// cut takes a page from a snapshot that the caller holds. have are records that were read on the way here.
func (f *search) cut(ctx context.Context, snap *snapshot, at int, have []backends.Record) (*scim.List, error) {
	known := make(map[backends.Key]backends.Record, len(have))
	for _, rec := range have {
		known[rec.Key] = rec
	}
	var recs []backends.Record
	var err error
	if f.from != nil && f.from.back {
		if at, recs, err = f.backward(ctx, &snap.keys, at); err != nil {
			return nil, err
		}
	}
	if len(recs) == 0 { // also where all before are gone: this page is then the first
		if recs, err = f.forward(ctx, &snap.keys, at, known); err != nil {
			return nil, err
		}
	}
	page, places, err := f.page(ctx, recs, snap.keys.len())
	if err != nil || f.byIdx || len(recs) == 0 {
		return page, err
	}
	if at > 0 {
		if page.PreviousCursor, err = f.cursor(places[0], true); err != nil {
			return nil, err
		}
	}
	if at+len(recs) < snap.keys.len() {
		page.NextCursor, err = f.cursor(places[len(places)-1], false)
	}
	return page, err
}

// cursor is where the walk goes on from a resource of this page. It is as old as the page, so that a walk may last as long as it likes.
func (f *search) cursor(p placed, back bool) (string, error) {
	c := cursor{walk: f.lease.walk, made: f.s.o.Now(), back: back, key: p.key, by: p.by, counted: f.counted}
	if f.own != nil {
		c.own, c.at = true, f.stood[p.key]
		if value, _ := c.at.Value(); len(value) > longestPlace {
			c.far, c.at = true, backends.SortKey{}
		}
	}
	return f.s.seal(f.lease, c)
}

// forward gives the records from a position on. Keys whose records are gone leave the snapshot, so that the page is filled from those that follow, and the
// client's next startIndex goes on where this page ends.
func (f *search) forward(ctx context.Context, keys *keyList, at int, known map[backends.Key]backends.Record) (recs []backends.Record, err error) {
	for len(recs) < f.count {
		batch := keys.slice(at+len(recs), f.count-len(recs))
		if len(batch) == 0 {
			break
		}
		there, err := f.fetch(ctx, keys, at+len(recs), batch, known)
		if err != nil {
			return nil, err
		}
		recs = append(recs, there...)
	}
	return recs, nil
}

// backward gives the records before a position, and the position of the first of them. The page is filled from those before them.
func (f *search) backward(ctx context.Context, keys *keyList, end int) (at int, recs []backends.Record, err error) {
	for end > 0 && len(recs) < f.count {
		at := max(0, end-(f.count-len(recs)))
		there, err := f.fetch(ctx, keys, at, keys.slice(at, end-at), nil)
		if err != nil {
			return 0, nil, err
		}
		recs, end = append(there, recs...), at
	}
	return end, recs, nil
}

// fetch reads the records of the keys at a position, in their order, and takes the keys of those that are gone out of the list.
func (f *search) fetch(ctx context.Context, keys *keyList, at int, batch []backends.Key, known map[backends.Key]backends.Record) ([]backends.Record, error) {
	there := make(map[backends.Key]backends.Record, len(batch))
	var missing []backends.Key
	for _, key := range batch {
		if rec, ok := known[key]; ok {
			there[key] = rec
		} else {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		recs, err := f.c.Backend().Fetch(ctx, missing, f.s.readsJoined(f.c, f.want))
		if err == nil {
			recs, err = f.s.versioned(ctx, f.c, recs)
		}
		if err != nil {
			return nil, err
		}
		for _, rec := range recs {
			there[rec.Key] = rec
		}
	}
	var recs []backends.Record
	var gone []int
	for i, key := range batch {
		if rec, ok := there[key]; ok {
			recs = append(recs, rec)
		} else {
			gone = append(gone, at+i)
		}
	}
	keys.remove(gone)
	return recs, nil
}

// empty is a page without resources.
func (f *search) empty(total int) *scim.List {
	page := &scim.List{TotalResults: total, Resources: []*scim.Object{}}
	if f.byIdx {
		page.StartIndex = f.start
	}
	return page
}

// page shows the records of a page, which are in order and have their versions, and says where each stands.
func (f *search) page(ctx context.Context, recs []backends.Record, total int) (*scim.List, []placed, error) {
	page := f.empty(total)
	if len(recs) == 0 {
		return page, nil, nil
	}
	overlay := f.c.insists(f.req.Projection) || f.sort != nil && f.c.dependsOnExtras(f.sort.Wants)
	resources, err := f.s.dress(ctx, f.c, f.req, recs, f.want, overlay)
	if err != nil {
		return nil, nil, err
	}
	places := make([]placed, len(recs))
	for i, d := range resources {
		places[i].key = recs[i].Key
		if f.sort != nil {
			places[i].by = f.sort.Key(d.res)
		}
		page.Resources = append(page.Resources, f.c.rt.Project(d.res, f.req.Projection))
	}
	return page, places, nil
}
