package adapter

import (
	"context"
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// What there is of a record beside the directory goes into snapshots with it: what clients keep of it (the overlay), and the id under which they know it where it was made again
// with another key. Who puts the record back gives it to them again.

// BesideStore is where that is kept.
type BesideStore interface {
	Kept(ctx context.Context, tenant, resourceType string, keys []string) ([]journal.Kept, error)
	AliasIDs(ctx context.Context, tenant, resourceType string, keys []backends.Key) (map[backends.Key]backends.Key, error)
}

// BesideInSnapshot gives what there is beside the directory of records of a type, by their keys there, as snapshots have it.
func (d *Discretion) BesideInSnapshot(tenant, typ string, from BesideStore) func(ctx context.Context, keys []backends.Key) (map[backends.Key]journal.Beside, error) {
	return func(ctx context.Context, keys []backends.Key) (map[backends.Key]journal.Beside, error) {
		ids, err := from.AliasIDs(ctx, tenant, typ, keys)
		if err != nil {
			return nil, err
		}
		beside := map[backends.Key]journal.Beside{}
		known, wanted := map[backends.Key]backends.Key{}, make([]string, len(keys))
		for i, key := range keys {
			id := key
			if other, ok := ids[key]; ok && other != key {
				id, beside[key] = other, journal.Beside{ID: other}
			}
			known[id], wanted[i] = key, string(id)
		}
		all, err := from.Kept(ctx, tenant, typ, wanted)
		if err != nil {
			return nil, err
		}
		for _, k := range all {
			key := known[backends.Key(k.Key)]
			attrs, err := d.image(typ, backends.Attributes{k.Attr: backends.Strings(k.Value)}, besideOf(tenant, typ, key, k.Client)...)
			if err != nil {
				return nil, err
			}
			one := beside[key]
			if one.Kept == nil {
				one.Kept = map[string]backends.Attributes{}
			}
			if one.Kept[k.Client] == nil {
				one.Kept[k.Client] = backends.Attributes{}
			}
			maps.Copy(one.Kept[k.Client], attrs)
			beside[key] = one
		}
		return beside, nil
	}
}

// BesideFromSnapshot is what a snapshot has of a record beside the directory, with what the vault opens of it: for whoever puts it back, and nobody else.
func (d *Discretion) BesideFromSnapshot(tenant, typ string, key backends.Key, beside journal.Beside) journal.Beside {
	kept := make(map[string]backends.Attributes, len(beside.Kept))
	for client, attrs := range beside.Kept {
		kept[client] = d.opened(attrs, besideOf(tenant, typ, key, client)...)
	}
	beside.Kept = kept
	return beside
}

func besideOf(tenant, typ string, key backends.Key, client string) []string {
	return []string{"snapshot", tenant, typ, string(key), "overlay", client}
}

// then is the id that a record with this key of the directory's had when the snapshot was made. The aliases of today may no longer know that key.
func (p *putting) then(ctx context.Context, c *class, key backends.Key) (backends.Key, error) {
	at := imageKey{c.Name(), key}
	if id, ok := p.ids[at]; ok {
		return id, nil
	}
	id, err := c.idOf(ctx, key)
	if err == nil && id == key && p.o.Beside != nil && p.o.Past[c.Name()] != nil {
		var beside journal.Beside
		if beside, err = p.o.Beside(c.Name(), key); beside.ID != "" {
			id = beside.ID
		}
	}
	if err == nil {
		p.ids[at] = id
	}
	return id, err
}

// giveBack gives clients again what they kept of a record then. What they have kept of it only since then stays.
func (p *putting) giveBack(ctx context.Context, r *rewind, id backends.Key) error {
	key, chosen := p.chosen[imageKey{r.c.Name(), id}]
	if p.o.Beside == nil || !chosen || len(r.c.extras) == 0 {
		return nil
	}
	beside, err := p.o.Beside(r.c.Name(), key)
	if err != nil {
		return err
	}
	for _, client := range slices.Sorted(maps.Keys(beside.Kept)) {
		if err := r.readExtras(ctx, client); err != nil {
			return err
		}
		want := r.own.then.extras[client]
		for attr, values := range beside.Kept[client] {
			known := slices.ContainsFunc(r.c.extras, func(a overlayAttr) bool { return a.name == attr })
			switch {
			case blank(values) && want[attr] != "": // it stays what it is
			case blank(values), !known:
				r.lose(attr)
			case len(values) > 0:
				want[attr] = values[0].Text()
			}
		}
	}
	return nil
}
