package mapping

import (
	"maps"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Diff gives the native changes from a record to the resource `after` (references already names; before is what Get
// made of rec, references still names). deltas are sets that were not read: their values are names too. An attempt to
// change a protected or read-only attribute is a *scim.Error.
func (m *Mapping) Diff(rec backends.Record, before, after *scim.Object, deltas []scim.SetDelta) (Update, error) {
	old, err := m.sort(before, nil)
	if err != nil {
		return Update{}, err
	}
	s, err := m.sort(after, before)
	if err == nil {
		err = m.checkPrimary(before, after)
	}
	if err != nil {
		return Update{}, err
	}
	// What is cleared and has an `onCreate` gets that again: mostly the directory demands the attribute (cn), and a PUT need not know.
	cleared := func(f *field) bool { return len(old.wishes[f]) > 0 && f.mutability() == scim.ReadWrite }
	if err := m.fillIn(s.wishes, m.slots(s.wishes), after, cleared); err != nil {
		return Update{}, err
	}
	out := Update{Dropped: s.dropped}
	rec.Attrs = maps.Clone(rec.Attrs)
	d := newDraft(m, rec)
	for _, f := range m.fields {
		if err := d.update(f, old.wishes[f], s.wishes[f]); err != nil {
			return Update{}, err
		}
		if d.stays(f, old.wishes[f], s.wishes[f]) {
			out.Kept = append(out.Kept, f.path.String())
		}
	}
	for _, e := range m.rowKinds() {
		if err := d.updateRows(e, old.rows[e], s.rows[e]); err != nil {
			return Update{}, err
		}
	}
	if out.Passwords, err = m.passwords(nil, after, s.wishes); err != nil {
		return Update{}, err
	}
	if out.Move, err = d.rename(old.wishes, s.wishes); err != nil {
		return Update{}, err
	}
	if out.Changes, err = d.changes(); err != nil {
		return Update{}, err
	}
	out.Again = d.again(out.Passwords)
	sets, err := m.deltas(deltas)
	if err != nil {
		return Update{}, err
	}
	out.Pure = len(sets) > 0 && out.Empty()
	out.Changes = append(out.Changes, sets...)
	return out, nil
}

// update writes one field, if it is to change and may.
func (d *draft) update(f *field, before, after []any) error {
	if sameWish(before, after) || f.kind == fromOverlay || f.password() {
		return nil
	}
	if len(after) == 0 && !f.shown() {
		return nil // it was never shown, so its absence asks for nothing
	}
	if len(after) == 0 && f.fallback != nil && f.path.leaf().Type == scim.TypeBoolean {
		return nil // nothing said of `active` enables nobody, though it would be shown as true: so do the lenses of states
	}
	switch f.mutability() {
	case scim.ReadOnly:
		if len(after) == 0 {
			return nil // a client that leaves it out has not asked for anything (RFC 7644 §3.5.1)
		}
		return immutable(f, "it is read-only")
	case scim.Immutable:
		if len(after) == 0 {
			return nil
		}
		if len(before) > 0 {
			return immutable(f, "it cannot be changed once it is set")
		}
	case scim.ReadWrite, scim.WriteOnly:
	}
	return d.write(f, after)
}

// stays reports a state that was to go and is shown as before: somebody who is inactive is neither enabled by that nor without a state. Where
// nothing stored shows the same, it is gone as far as it can be.
func (d *draft) stays(f *field, before, after []any) bool {
	if len(before) == 0 || len(after) > 0 || f.mutability() != scim.ReadWrite || f.path.sub != nil || f.path.attr.MultiValued || f.path.attr.Type != scim.TypeBoolean {
		return false
	}
	attrs := backends.Attributes{}
	for _, attr := range f.reads() {
		attrs[attr] = d.values(attr)
	}
	now, _, err := d.m.shown(f, backends.Record{Name: d.rec.Name, Attrs: attrs})
	bare, _, _ := d.m.shown(f, backends.Record{})
	return err == nil && sameWish(now, before) && !sameWish(bare, before)
}

func immutable(f *field, why string) error {
	return scim.BadRequest(scim.NotMutable, "%s: %s.", f.path, why)
}

// deltas are the values to add to and take from sets that were not read.
func (m *Mapping) deltas(deltas []scim.SetDelta) ([]backends.Change, error) {
	var out []backends.Change
	for _, delta := range deltas {
		f := m.setField(delta.Attr)
		if f == nil {
			return nil, scim.BadRequest(scim.InvalidPath, "%s is no set whose values can be added or removed by themselves.", delta.Attr)
		}
		attr := f.pipes[0].attr
		remove, add := backends.Strings(delta.Remove...), backends.Strings(delta.Add...)
		if f.placeholder != "" {
			remove = m.withoutPlaceholder(f, attr, remove)
			add = m.withoutPlaceholder(f, attr, add)
		}
		if len(remove)+len(add) == 0 {
			continue
		}
		if m.protected[strings.ToLower(attr)] {
			return nil, protected(f, attr)
		}
		if len(remove) > 0 {
			out = append(out, backends.Change{Op: backends.Remove, Attr: attr, Values: remove})
		}
		if len(add) > 0 {
			out = append(out, backends.Change{Op: backends.Add, Attr: attr, Values: add})
		}
	}
	return out, nil
}

// setField finds the writable set of references behind a canonical path.
func (m *Mapping) setField(name string) *field {
	for _, f := range m.fields {
		if r, ok := f.reference(); ok && r.Set && strings.EqualFold(f.owner.name(), name) {
			return f
		}
	}
	return nil
}
