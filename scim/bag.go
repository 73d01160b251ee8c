package scim

import "slices"

// isKeyed is true of a multi-valued attribute whose elements are known by their `value` alone, since it cannot be edited: a group's members.
func isKeyed(a *Attribute) bool {
	if !a.MultiValued || a.Type != TypeComplex {
		return false
	}
	v := a.Sub(valueName)
	return v != nil && v.Mutability == Immutable
}

// bag is the values of a multi-valued attribute while they are edited. It finds the element that is the same as another one, and no element is in it twice:
// members are the same by `value`, other complex elements by `value` and `type` (or, without `value`, when all parts agree), simple ones when they compare equal.
// index maps such an identity to a position in list; it is built when it is first needed and thrown away when positions change.
type bag struct {
	attr  *Attribute
	keyed bool
	list  []any
	index map[identity]int
}

// identity is what the same elements have in common.
type identity struct{ value, kind string }

// newBag takes list over: it must belong to the caller.
func newBag(a *Attribute, list []any) *bag { return &bag{attr: a, keyed: isKeyed(a), list: list} }

// smallBag is up to where looking at every element is cheaper than an index.
const smallBag = 8

// find returns where the element is that is the same as e, or -1.
func (b *bag) find(e any) int {
	id, ok := b.identity(e)
	if !ok || len(b.list) <= smallBag {
		return slices.IndexFunc(b.list, func(have any) bool { return b.same(have, e) })
	}
	if b.index == nil {
		b.index = make(map[identity]int, len(b.list))
		for i, e := range slices.Backward(b.list) {
			if id, ok := b.identity(e); ok {
				b.index[id] = i // of several that are the same, the first
			}
		}
	}
	if i, ok := b.index[id]; ok {
		return i
	}
	return -1
}

func (b *bag) same(x, y any) bool {
	p, ok := b.identity(x)
	q, is := b.identity(y)
	if ok && is {
		return p == q
	}
	return ok == is && Equal(x, y)
}

// identity is e's, and ok false when e has none but itself.
func (b *bag) identity(e any) (id identity, ok bool) {
	o, complex := e.(*Object)
	if !complex {
		s, ok := e.(string)
		if ok {
			s = b.attr.normal(s)
		}
		return identity{value: s}, ok
	}
	sub := b.attr.Sub(valueName)
	s, ok := member(o, valueName).(string)
	if sub == nil || !ok {
		return identity{}, false
	}
	id.value = sub.normal(s)
	if kind := b.attr.Sub("type"); kind != nil && !b.keyed {
		s, _ := member(o, kind.Name).(string)
		id.kind = kind.normal(s)
	}
	return id, true
}

// add appends e unless it is there already; then nothing happens to a keyed one, and any other takes over the parts in which e differs. It returns the position.
func (b *bag) add(e any) int {
	i := b.find(e)
	if i < 0 {
		i = len(b.list)
		b.list = append(b.list, e)
		if id, ok := b.identity(e); ok && b.index != nil {
			b.index[id] = i
		}
		return i
	}
	have, _ := b.list[i].(*Object)
	more, _ := e.(*Object)
	if have != nil && !b.keyed {
		for name, v := range more.All() {
			if !sameValue(b.attr.Sub(name), member(have, name), v) {
				have.Set(name, v)
			}
		}
	}
	return i
}

// remove takes out the elements that gone says so of.
func (b *bag) remove(gone func(e any) bool) {
	b.list = slices.DeleteFunc(b.list, gone)
	b.index = nil
}
