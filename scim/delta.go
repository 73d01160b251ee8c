package scim

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// SetDelta is what a patch does to a multi-valued attribute that was not read: which values it adds and which it removes,
// the last operation on a value having won. Values are the elements' `value` (an id for members). Elements carries the added elements whole.
type SetDelta struct {
	Attr     string // canonical path, "members"
	Add      []string
	Remove   []string
	Elements []*Object // same order as Add
}

// Unread lists those of sets (canonical names of multi-valued attributes) that p only adds listed elements to or removes listed elements from,
// so that they need not be read. A set that p leaves alone is among them.
func (p Patch) Unread(sets []string) []string {
	var unread []string
	for _, set := range sets {
		reads := slices.ContainsFunc(p.ops, func(op operation) bool {
			return sameName(op.ref.Top().String(), set) && !op.listed()
		})
		if !reads {
			unread = append(unread, set)
		}
	}
	return unread
}

// listed is true of an operation that adds or removes elements it lists: what comes of it does not depend on which others are there.
// Only keyed elements (members) can be listed: others are more than their `value`.
func (op operation) listed() bool {
	if !isKeyed(op.ref.Attr) || op.ref.Sub != nil {
		return false
	}
	switch {
	case op.kind == opAdd && op.ref.Filter == nil:
		return !slices.ContainsFunc(op.elements(), func(e any) bool { return member(e, "primary") == true })
	case op.kind == opRemove && op.ref.Filter == nil:
		return op.given
	case op.kind == opRemove:
		_, ok := listedValues(op.ref.Filter)
		return ok
	default:
		return false
	}
}

// elements is the value of an operation on a whole multi-valued attribute.
func (op operation) elements() []any {
	list, _ := op.value.([]any)
	return list
}

// listedValues reads `value eq "a" or value eq "b" …`; false when a filter says anything else.
func listedValues(e filter.Expr) ([]string, bool) {
	switch e := e.(type) {
	case filter.Compare:
		s, ok := e.Value.(string)
		return []string{s}, ok && e.Op == filter.Eq && e.Path.Attr == valueName
	case filter.Or:
		var all []string
		for _, t := range e.Terms {
			values, ok := listedValues(t)
			if !ok {
				return nil, false
			}
			all = append(all, values...)
		}
		return all, true
	default:
		return nil, false
	}
}

// delta gathers listed operations on one attribute. Of several on one value the last wins, which is what doing them one by one comes to,
// and however many there are, the attribute's values are gone through once.
type delta struct {
	ref   Ref
	order []string          // the values as identities, as they first came
	last  map[string]lastOp // by identity
}

// lastOp is the last that was said of a value.
type lastOp struct {
	value   string
	element *Object // nil: it goes
}

func (d *delta) note(value string, element *Object) {
	id := d.ref.Attr.Sub(valueName).Normal(value)
	if _, ok := d.last[id]; !ok {
		d.order = append(d.order, id)
	}
	d.last[id] = lastOp{value, element}
}

// take notes what a listed operation says.
func (d *delta) take(op operation) {
	if op.ref.Filter != nil {
		values, _ := listedValues(op.ref.Filter)
		for _, v := range values {
			d.note(v, nil)
		}
		return
	}
	for _, e := range op.elements() {
		o, _ := e.(*Object)
		value, _ := member(o, valueName).(string)
		if op.kind == opRemove {
			o = nil
		}
		d.note(value, o)
	}
}

// set is the delta for who has not read the values.
func (d *delta) set() SetDelta {
	s := SetDelta{Attr: d.ref.Top().String()}
	for _, id := range d.order {
		if last := d.last[id]; last.element == nil {
			s.Remove = append(s.Remove, last.value)
		} else {
			s.Add = append(s.Add, last.value)
			s.Elements = append(s.Elements, last.element.Clone())
		}
	}
	return s
}

// applyTo edits the values themselves.
func (d *delta) applyTo(b *bag) {
	b.remove(func(e any) bool {
		last, said := d.last[b.identity(e).value]
		return said && last.element == nil
	})
	for _, id := range d.order {
		if last := d.last[id]; last.element != nil {
			b.add(last.element.Clone())
		}
	}
}
