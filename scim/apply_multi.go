package scim

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// multi does an operation on a multi-valued attribute: on the whole of it, or on those of its elements that the path chooses.
func (e *editor) multi(op operation) error {
	b := newBag(op.ref.Attr, e.list(op.ref))
	chosen := op.ref.Sub != nil || op.ref.Filter != nil
	var were []identity
	if chosen {
		were = b.identities()
	}
	var touched []int
	switch whole := op.ref.Filter == nil && op.ref.Sub == nil; {
	case whole && op.kind == opReplace:
		b = b.replacedBy(op.elements())
	case whole && op.kind == opAdd && e.fresh:
		for _, v := range op.elements() {
			b.gather(cloneValue(v))
		}
	case whole && op.kind == opAdd:
		for _, v := range op.elements() {
			// One that is there already and is not marked anew gives the mark up to one that is.
			if i := b.add(cloneValue(v)); member(v, "primary") == true {
				touched = append(touched, i)
			}
		}
	case whole && op.given:
		if err := b.removeListed(op.elements()); err != nil {
			return err
		}
	case whole:
		b.list = nil
	default:
		var err error
		if touched, err = b.edit(op, e.rt); err != nil {
			return err
		}
	}
	b.onePrimary(touched)
	if chosen {
		b.settle(touched, were)
	}
	e.put(op.ref, b.list)
	return nil
}

// replacedBy is a bag of other elements. Keyed ones that were there before stay as they are: their readOnly parts (a member's name) are still true.
// Of others that are the same there are as many as there were before, those first that are as they were, and one at least; what else is said of them adds to
// these. So whoever lists an address twice has it once, and whoever sends back what a directory has twice loses nothing.
func (b *bag) replacedBy(elements []any) *bag {
	after := newBag(b.attr, make([]any, 0, len(elements)))
	if b.keyed {
		for _, v := range elements {
			if i := b.find(v); i >= 0 {
				v = b.list[i]
			}
			after.add(cloneValue(v))
		}
		return after
	}
	stay, has, had := make([]bool, len(elements)), make(map[identity]int, len(elements)), make(map[identity]int, len(b.list))
	for _, id := range b.identities() {
		had[id]++
	}
	for i, v := range elements {
		if stay[i] = b.findExactly(v) >= 0; stay[i] {
			has[b.identity(v)]++
		}
	}
	var more []any
	for i, v := range elements {
		if id := b.identity(v); !stay[i] && has[id] > 0 && has[id] >= had[id] {
			more = append(more, v)
			continue
		} else if !stay[i] {
			has[id]++
		}
		after.gather(cloneValue(v))
	}
	for _, v := range more {
		after.add(cloneValue(v))
	}
	return after
}

// edit does an operation on the elements that its path chooses and says which. An add or replace that finds none makes one from the `eq` terms
// of the brackets, which is how Entra ID writes a new mail address. A replace that names an element by its value means that one and no other: where
// it is not there, there is no target (RFC 7644 §3.5.2.3).
func (b *bag) edit(op operation, rt *ResourceType) (touched []int, err error) {
	for i, e := range b.list {
		if op.ref.Filter == nil || matchElement(op.ref.Filter, b.attr, e) {
			touched = append(touched, i)
		}
	}
	switch {
	case len(touched) == 0 && op.kind == opRemove:
		return nil, nil
	case len(touched) == 0 && op.kind == opReplace && namesValue(op.ref.Filter):
		return nil, noTarget(op.ref)
	case len(touched) == 0:
		e, ok := b.create(op, rt)
		if o, is := e.(*Object); !ok || is && labelsOnly(o) { // {"type": "work", "primary": true} is no mail address
			return nil, noTarget(op.ref)
		}
		b.list = append(b.list, e)
		return []int{len(b.list) - 1}, nil
	case op.kind == opRemove && op.ref.Sub == nil:
		b.removeAt(touched)
		return nil, nil
	}
	for _, i := range touched {
		if err := b.editOne(i, op); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// editOne sets parts of one element, or a simple one whole.
func (b *bag) editOne(i int, op operation) error {
	o, ok := b.list[i].(*Object)
	if !ok {
		b.list[i] = cloneValue(op.value)
		return nil
	}
	parts := op.parts()
	for name, v := range parts.All() {
		sub, have := b.attr.Sub(name), member(o, name)
		if sub.Mutability == Immutable && present(have) && !sameValue(sub, have, v) {
			return BadRequest(NotMutable, "%s.%s cannot be changed once it is set: remove the element and add another.", op.ref.Top(), sub.Name)
		}
	}
	merge(b.attr, o, parts)
	return nil
}

// create makes the element that a path with brackets describes, with the operation's value in it; false when the brackets say more than `eq`.
func (b *bag) create(op operation, rt *ResourceType) (any, bool) {
	if b.attr.Type != TypeComplex {
		return op.value, op.ref.Filter == nil || matchElement(op.ref.Filter, b.attr, op.value)
	}
	o := NewObject()
	if op.ref.Filter != nil {
		c := coercer{rt: rt}
		if !c.fromTerms(b.attr, op.ref.Filter, o) || !matchElement(op.ref.Filter, b.attr, o) {
			return nil, false
		}
	}
	merge(b.attr, o, op.parts())
	return o, true
}

// namesValue reports brackets that choose an element by its value.
func namesValue(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return slices.ContainsFunc(e.Terms, namesValue)
	case filter.Compare:
		return e.Op == filter.Eq && e.Value != nil && e.Path.Attr == valueName
	default:
		return false
	}
}

// fromTerms fills o with what the terms say that its parts are equal to.
func (c *coercer) fromTerms(a *Attribute, e filter.Expr, o *Object) bool {
	switch e := e.(type) {
	case filter.And:
		return !slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return !c.fromTerms(a, t, o) })
	case filter.Compare:
		sub := a.Sub(e.Path.Attr)
		if e.Op != filter.Eq || sub.Mutability == ReadOnly {
			return false
		}
		v, err := c.value(sub, e.Value, sub.Name)
		if v == nil || err != nil {
			return false
		}
		o.Set(sub.Name, v)
		return true
	default:
		return false
	}
}

// onePrimary makes the elements that an operation touched, or has marked, the only ones that can be primary, if one of them is (RFC 7644 §3.5.2).
func (b *bag) onePrimary(touched []int) {
	isPrimary := func(i int) bool { return member(b.list[i], "primary") == true }
	if !slices.ContainsFunc(touched, isPrimary) {
		return
	}
	mine := asSet(touched)
	for i, e := range b.list {
		if o, ok := e.(*Object); ok && isPrimary(i) && !mine[i] {
			o.Set("primary", false)
		}
	}
}

// settle takes out the elements that an operation has left without anything but labels, as the mail address of {"type": "work"},
// and those that it has made the same as another. Those that were the same before, as a directory may keep them, stay while anything tells them apart.
func (b *bag) settle(touched []int, were []identity) {
	type step struct{ was, is identity }
	same, stayed, equal := make(map[identity]int, len(b.list)), make(map[step]int, len(b.list)), make(map[identity]int, len(b.list))
	count := func(i, by int) (step, identity) {
		e, s := b.list[i], step{}
		s.is = b.identity(e)
		if i < len(were) {
			s.was = were[i]
		}
		whole := b.exactly(e)
		same[s.is] += by
		stayed[s] += by
		equal[whole] += by
		return s, whole
	}
	for i := range b.list {
		count(i, 1)
	}
	var gone []int
	for _, i := range slices.Backward(touched) {
		s, whole := count(i, 0)
		o, ok := b.list[i].(*Object)
		if same[s.is] > stayed[s] || equal[whole] > 1 || ok && labelsOnly(o) {
			count(i, -1)
			gone = append(gone, i)
		}
	}
	b.removeAt(gone)
}

// identities are those of all elements, by position.
func (b *bag) identities() []identity {
	list := make([]identity, len(b.list))
	for i, e := range b.list {
		list[i] = b.identity(e)
	}
	return list
}
