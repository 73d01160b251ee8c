package backendtest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Restore makes a record anew under its name, and under its key unless the directory gives new ones.
func (b *memoryClass) Restore(ctx context.Context, rec backends.Record, want []string) (made backends.Record, lost []string, err error) {
	r := &stored{Record: backends.Record{Key: rec.Key, Name: rec.Name, Attrs: backends.Attributes{}}}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if err := b.ready(ctx); err != nil {
		return made, nil, err
	}
	if b.c.ReadOnly {
		return backends.ReadOnly{}.Restore(ctx, rec, want)
	}
	if err := b.m.refill(r, rec.Attrs); err != nil {
		return made, nil, err
	}
	if err := b.m.recall(r); err != nil {
		return made, nil, err
	}
	if err := b.m.check(r); err != nil {
		return made, nil, err
	}
	if _, taken := b.m.records[r.Key]; taken {
		return made, nil, &backends.Error{Kind: backends.ErrExists, Detail: "A record has this key."}
	}
	if r.Key == "" || b.m.Rekeys {
		r.Key = b.m.key()
	}
	if b.m.Nameless {
		r.Name = string(r.Key)
	}
	switch {
	case !b.holds(r):
		return made, nil, &backends.Error{Kind: backends.ErrRefused, Detail: "The record would not be one of this class."}
	case b.m.match(b.c.Protect, r):
		return made, nil, &backends.Error{Kind: backends.ErrRefused, Detail: "The record would be one of those that are protected."}
	}
	r.Version = b.m.version()
	b.m.records[r.Key] = r
	return b.show(r, want), backends.Lost(rec, b.show(r, []string{"*", "+"})), nil
}

// refill gives a record those attributes of another that can be written. The caller holds the lock.
func (m *Memory) refill(r *stored, attrs backends.Attributes) error {
	r.doc = map[string]any{}
	for _, attr := range slices.Sorted(maps.Keys(attrs)) {
		values := slices.DeleteFunc(attrs[attr].Clone(), func(v backends.Value) bool { return v.Kind() == backends.KindSecret && content(v) == "" })
		switch {
		case m.syntax(attr).ReadOnly || len(values) == 0:
		case attr == m.Document && attr != "":
			decoder := json.NewDecoder(strings.NewReader(values[0].Text()))
			decoder.UseNumber()
			if err := decoder.Decode(&r.doc); err != nil {
				return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "This is no document.", Cause: err}
			}
		default:
			r.Attrs[attr] = values
		}
	}
	m.hide(r.Attrs)
	return nil
}

// recall gives a record its name back. The caller holds the lock.
func (m *Memory) recall(r *stored) error {
	if m.Nameless {
		return nil
	}
	canonical, ok := backends.Canonical(backends.NameRule, r.Name)
	if !ok || canonical == "" {
		return &backends.Error{Kind: backends.ErrInvalid, Detail: "This is no distinguished name."}
	}
	r.canonical = canonical
	r.rdn, _, _ = strings.Cut(r.Name, "=")
	for _, v := range r.Attrs.Get(r.rdn) {
		if strings.HasPrefix(canonical+",", backends.Normalize(backends.NameRule, r.rdn+"="+backends.EscapeName(v.Text()))+",") {
			r.rdnValue = v
		}
	}
	if r.rdnValue.IsZero() {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: r.rdn, Detail: "The record lacks the value that its name is made of."}
	}
	return nil
}
