package mapping

import (
	"errors"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// rowElement puts an element where it is kept in rows. One that has nothing but labels is none, and one that is there already is not wanted twice.
func (s *sorted) rowElement(e *element, o *scim.Object) {
	told := slices.ContainsFunc(e.fields, func(f *field) bool { return e.tells(f) && len(given(part(o, f.path.sub.Name))) > 0 })
	if told && !slices.ContainsFunc(s.rows[e], func(other *scim.Object) bool { return e.same(o, other) }) {
		s.rows[e] = append(s.rows[e], o)
	}
}

// same reports two elements that say the same. Not to be primary and to say nothing of it are one thing (RFC 7643 §2.4).
func (e *element) same(x, y *scim.Object) bool {
	return !slices.ContainsFunc(e.fields, func(f *field) bool { return !sameWish(e.wish(f, x), e.wish(f, y)) })
}

// wish is what an element wants of one part.
func (e *element) wish(f *field, o *scim.Object) []any {
	wish := given(part(o, f.path.sub.Name))
	if f.path.sub.IsPrimary() {
		return slices.DeleteFunc(wish, func(v any) bool { return v == false })
	}
	return wish
}

// sameElements compares two lists of elements, each of which is there once; their order means nothing.
func (e *element) sameElements(a, b []*scim.Object) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x *scim.Object) bool {
		return !slices.ContainsFunc(b, func(y *scim.Object) bool { return e.same(x, y) })
	})
}

// updateRows makes the rows of a kind of element show what is wanted, if they are to change and may.
func (d *draft) updateRows(e *element, before, after []*scim.Object) error {
	if e.sameElements(before, after) {
		return nil
	}
	switch e.mutability() {
	case scim.ReadOnly:
		if len(after) == 0 {
			return nil // as a field that is left out
		}
		return scim.BadRequest(scim.NotMutable, "%s: it is read-only.", e.name())
	case scim.Immutable:
		if len(after) == 0 {
			return nil
		}
		if len(before) > 0 {
			return scim.BadRequest(scim.NotMutable, "%s: it cannot be changed once it is set.", e.name())
		}
	case scim.ReadWrite, scim.WriteOnly:
	}
	return d.writeRows(e, after)
}

// mutability is that of the parts which an element is there with.
func (e *element) mutability() scim.Mutability {
	return together(slices.DeleteFunc(slices.Clone(e.fields), func(f *field) bool { return !e.tells(f) }))
}

// writeRows finds the rows that elements are kept in. A row that shows nothing, or what is wanted, stays as it is; of the others each that is most like a
// wanted element becomes that one, so that what the mapping does not show of it is kept; the rest goes. What is left of the elements is new.
func (d *draft) writeRows(e *element, wanted []*scim.Object) error {
	var after backends.Values
	var free []shownRow
	var open []*scim.Object
	stays := map[*scim.Object]bool{}
	for _, row := range d.rec.Attrs.Get(e.rows.name) {
		shown, _ := e.show(row)
		i := -1
		if shown != nil {
			i = slices.IndexFunc(wanted, func(o *scim.Object) bool { return e.same(o, shown) })
		}
		switch {
		case shown == nil:
			after = append(after, row)
		case i >= 0:
			stays[wanted[i]] = true
			after = append(after, row)
		default:
			free = append(free, shownRow{row, shown})
		}
	}
	for _, o := range wanted {
		if !stays[o] {
			open = append(open, o)
		}
	}
	for _, o := range open {
		var was backends.Value
		if i := d.m.likest(e, o, free); i >= 0 {
			was = free[i].row
			free = slices.Delete(free, i, i+1)
		}
		row, err := d.m.putRow(e, was, o)
		if err != nil {
			return err
		}
		if !slices.Contains(after, row) {
			after = append(after, row)
		}
	}
	d.put(e.fields[0], e.rows.name, after)
	d.sets[e.rows.name] = true
	return nil
}

// shownRow is a row and the element that it shows.
type shownRow struct {
	row   backends.Value
	shown *scim.Object
}

// likest is the index of the row that an element was before: one with the same value as the directory compares it, and where elements have no value one
// that has some part in common; of several the one with most. -1 for none.
func (m *Mapping) likest(e *element, o *scim.Object, rows []shownRow) int {
	best, most := -1, 0
	for i, r := range rows {
		if n := m.likeness(e, o, r.shown); n > most {
			best, most = i, n
		}
	}
	return best
}

// likeness counts the parts that two elements have in common; 0: they are not the same one.
func (m *Mapping) likeness(e *element, x, y *scim.Object) int {
	n := 0
	for _, f := range e.fields {
		a, b := e.wish(f, x), e.wish(f, y)
		switch equal := len(a) == 1 && len(b) == 1 && m.sameShown(f, a[0], b[0]); {
		case equal:
			n += 2
		case f.path.sub.Name == "value":
			return 0
		}
	}
	return n
}

// putRow gives the row that shows an element; what it does not show of the row before is kept. The zero Value before: a new row.
func (m *Mapping) putRow(e *element, before backends.Value, o *scim.Object) (backends.Value, error) {
	columns := before.Row()
	for _, f := range e.fields {
		p := f.pipes[0]
		shown, err := p.get(columns.Get(p.attr))
		if err == nil {
			shown, err = coerced(shown, f)
		}
		if err != nil {
			shown = nil
		}
		wish := given(part(o, f.path.sub.Name))
		unmarked := f.path.sub.IsPrimary() && len(wish) == 0
		if unmarked && m.backend.Syntax(p.native()).Always {
			wish = []any{false} // or the directory would say something of its own
		}
		switch {
		case sameWish(shown, wish), unmarked && (f.mutability() == scim.ReadOnly || sameWish(shown, []any{false})):
			continue
		case f.mutability() == scim.ReadOnly && (before.IsZero() || len(wish) == 0):
			continue // what a client says of it in a new element is passed over, as in a new resource (RFC 7643 §7)
		case f.mutability() == scim.ReadOnly:
			return before, immutable(f, "it is read-only")
		}
		after, err := m.putColumn(p, columns.Get(p.attr), wish)
		switch {
		case err != nil && unmarked:
			continue // the column has no way to say so: it says nothing
		case err != nil:
			return before, invalid(f.path.String(), "%v", err)
		}
		columns[p.attr] = after
	}
	return backends.Row(columns), nil
}

// putColumn makes a column show what is wanted. What it does not show (an unknown code) gives way where there is room for one value.
func (m *Mapping) putColumn(p pipe, before backends.Values, wish []any) (after backends.Values, err error) {
	if len(before) > 1 {
		after, err = putOne(p, before, wish)
	} else {
		after, err = p.put(before, wish)
	}
	if err != nil || len(after) < 2 || !m.backend.Syntax(p.native()).Single {
		return after, err
	}
	if after, err = p.put(nil, wish); err == nil && len(after) > 1 {
		err = errors.New("the column holds one value")
	}
	return after, err
}

// rowKinds are the kinds of element that are kept in rows.
func (m *Mapping) rowKinds() []*element {
	var kinds []*element
	for _, a := range m.attrs {
		for _, e := range a.elements {
			if e.rows != nil {
				kinds = append(kinds, e)
			}
		}
	}
	return kinds
}

// inRows reports an attribute whose values are rows of several columns.
func (m *Mapping) inRows(attr string) bool {
	return slices.ContainsFunc(m.fields, func(f *field) bool { return f.kind == fromRows && f.set.name == attr })
}
