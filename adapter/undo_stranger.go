package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// A before-image has names of records, and a name may be somebody else's by now: of a person who was hired since, or renamed. Whoever was not meant does not get what the dead have had.

// meant leaves out of names that an event has taken away those that are somebody else's by now, and says so. Which records the event was about says its own account, where it has one; of the rest
// is known who was made since.
func (r *rewind) meant(ctx context.Context, e journal.Event, attr string, values backends.Values, told map[string]bool) (backends.Values, error) {
	ref, points := r.c.pointsWith(attr)
	if !points || len(values) == 0 {
		return values, nil
	}
	strangers := map[string]string{}
	for _, typ := range ref.Types {
		of := r.s.byName[typ]
		if of == nil || ref.By == "" && !of.Backend().Capabilities().Rename { // there the name is the key
			continue
		}
		recs, err := of.Backend().Find(ctx, ref.By, values.Texts(), nil)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(recs)) {
			key := recs[name].Key
			if b := r.subjects[imageKey{typ, key}]; b != nil && b.then.looked && !b.then.there {
				continue // a dry run has taken him away by now
			}
			stranger := told != nil && !told[string(key)]
			if told == nil {
				if stranger, err = r.madeSince(ctx, e, typ, key); err != nil {
					return nil, err
				}
			}
			if stranger {
				strangers[name] = typ + "/" + string(key)
			}
		}
	}
	return slices.DeleteFunc(values.Clone(), func(v backends.Value) bool {
		who, stranger := strangers[v.Text()]
		if stranger {
			r.notes = append(r.notes, fmt.Sprintf("%s: %q is somebody else by now, %s, and not put back", attr, v.Text(), who))
		}
		return stranger
	}), nil
}

// holdPlaces leaves the name that stands in an empty set where it is, or puts it there, where nobody of those who were to come back does: a directory may not take a set without any.
func (b *subject) holdPlaces() {
	for _, ref := range b.c.writable() {
		lower := strings.ToLower(ref.Native)
		if !b.then.there || ref.Placeholder == "" {
			continue
		}
		name := backends.String(ref.Placeholder)
		had, _ := b.now.values(ref.Native)
		if a, known := b.then.whole[lower]; known && len(a.values) == 0 && (!b.now.there || len(had) > 0) {
			b.then.whole[lower] = attribute{ref.Native, backends.Values{name}}
		}
		comes := func(normal string, l listed) bool { return l.there && !b.now.listed[lower][normal].there }
		some := false
		for normal, l := range b.then.listed[lower] {
			some = some || comes(normal, l)
		}
		normal := b.c.normal(ref.Native, name)
		if l, known := b.then.listed[lower][normal]; known && !some && b.now.listed[lower][normal].there {
			l.there = true
			b.then.note(lower, normal, l)
		}
	}
}

// meantBy is meant for what takes a change back. What the change left where it was is none of its account.
func (r *rewind) meantBy(ctx context.Context, e journal.Event, change, back backends.Change) (backends.Values, error) {
	var gone, stayed backends.Values
	for _, v := range back.Values {
		left := slices.ContainsFunc(change.Values, func(left backends.Value) bool { return r.c.normal(change.Attr, left) == r.c.normal(change.Attr, v) })
		if left && change.Op == backends.Replace {
			stayed = append(stayed, v)
		} else {
			gone = append(gone, v)
		}
	}
	gone, err := r.meant(ctx, e, back.Attr, gone, r.c.told(e, change))
	return append(stayed, gone...), err
}

// meantAll is meant for all of a record that went.
func (r *rewind) meantAll(ctx context.Context, e journal.Event, before backends.Attributes) (_ backends.Attributes, err error) {
	before = before.Clone()
	for attr, values := range before {
		if before[attr], err = r.meant(ctx, e, attr, values, nil); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// madeSince says that the journal has an event since by which the record was made.
func (r *rewind) madeSince(ctx context.Context, e journal.Event, typ string, key backends.Key) (bool, error) {
	if r.o.Reader == nil {
		return false, nil
	}
	f := journal.Filter{Tenant: r.s.o.Tenant, Since: e.Intent.Time, ResourceType: typ, ResourceID: string(key), Actions: []string{journal.ActionCreate}}
	for made, err := range r.o.Reader.Events(ctx, f) {
		if err != nil {
			return false, err
		}
		if made.Intent.ID > e.Intent.ID && len(standing(made)) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// told are the ids of the records that a change has taken out of an attribute, by the event's own account; nil where it has none.
func (c *class) told(e journal.Event, change backends.Change) map[string]bool {
	ref, points := c.pointsWith(change.Attr)
	if !points || change.Op == backends.Remove && len(change.Values) == 0 {
		return nil
	}
	path := ref.Attr
	if ref.URI != "" {
		path = ref.URI + ":" + ref.Attr
	}
	var ids map[string]bool
	for _, change := range e.Intent.Diff {
		if !strings.EqualFold(change.Path, path) && !strings.EqualFold(change.Path, path+".value") {
			continue
		}
		for _, id := range idsIn(change.Before) {
			if ids == nil {
				ids = map[string]bool{}
			}
			ids[id] = true
		}
	}
	return ids
}

// idsIn are the ids in a value of an event's account: one, or those of elements.
func idsIn(text json.RawMessage) []string {
	var one string
	if json.Unmarshal(text, &one) == nil && one != "" {
		return []string{one}
	}
	var elements []struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(text, &elements) != nil {
		return nil
	}
	var ids []string
	for _, e := range elements {
		if e.Value != "" {
			ids = append(ids, e.Value)
		}
	}
	return ids
}
