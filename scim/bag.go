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

// bag is the values of a multi-valued attribute while they are edited. It finds the element that is the same as another one, and no element is added
// that is there already. Elements that a directory keeps beside each other stay so, though they may be alike (a row of A@x and one of a@x): whoever
// sends back what was shown loses nothing. A large bag has an index, since bodies come from strangers: what they cost must grow with their length, not with its square.
type bag struct {
	attr  *Attribute
	keyed bool
	list  []any
	index map[identity]int // where each identity is first in list; nil until it is needed, and again when positions change
}

// identity is what elements that are the same have in common: members their `value`, other complex elements `value` and `type`,
// those without `value` all of their parts, and simple ones what they compare by.
type identity struct {
	value, kind string
	parts       string // of a complex element without value
	exactly     string // of an element that is the very same, down to the case of its letters; nothing else is said then
}

// newBag takes list over: it must belong to the caller.
func newBag(a *Attribute, list []any) *bag { return &bag{attr: a, keyed: isKeyed(a), list: list} }

// smallBag is up to where looking at every element is cheaper than an index.
const smallBag = 8

// find returns where the element is that is the same as e, or -1; of several, the one that says exactly what e does.
func (b *bag) find(e any) int {
	if i := b.findExactly(e); i >= 0 {
		return i
	}
	return b.findBy(b.identity, e)
}

// findExactly returns where the element is that says what e does and nothing else, or -1.
func (b *bag) findExactly(e any) int {
	if b.keyed {
		return b.findBy(b.identity, e)
	}
	return b.findBy(b.exactly, e)
}

func (b *bag) findBy(identify func(e any) identity, e any) int {
	id := identify(e)
	if len(b.list) <= smallBag {
		return slices.IndexFunc(b.list, func(have any) bool { return identify(have) == id })
	}
	if b.index == nil {
		b.index = make(map[identity]int, 2*len(b.list))
		for i, e := range b.list {
			b.note(e, i)
		}
	}
	if i, ok := b.index[id]; ok {
		return i
	}
	return -1
}

// note puts an element into the index, behind all that are there.
func (b *bag) note(e any, i int) {
	for _, id := range [...]identity{b.identity(e), b.exactly(e)} {
		if _, ok := b.index[id]; !ok {
			b.index[id] = i
		}
	}
}

func (b *bag) identity(e any) identity {
	o, ok := e.(*Object)
	if !ok {
		return identity{value: textOf(b.attr, e)}
	}
	sub, v := b.attr.Sub(valueName), member(o, valueName)
	if sub == nil || v == nil {
		return identity{parts: b.parts(o)}
	}
	id := identity{value: textOf(sub, v)}
	if kind := b.attr.Sub("type"); kind != nil && !b.keyed {
		id.kind = textOf(kind, member(o, kind.Name))
	}
	return id
}

// exactly is the identity of what says the same in all parts. Not to be primary and to say nothing of it are one thing (RFC 7643 §2.4).
func (b *bag) exactly(e any) identity {
	o, ok := e.(*Object)
	if !ok {
		return identity{exactly: string(appendValue(nil, e))}
	}
	text := []byte("{")
	for _, sub := range b.attr.SubAttributes {
		if v := member(o, sub.Name); v != nil && (v != false || !sub.IsPrimary()) {
			text = appendString(text, sub.Name)
			text = appendValue(text, v)
		}
	}
	return identity{exactly: string(text)}
}

// parts is a text that two complex elements share whose parts are all the same.
func (b *bag) parts(o *Object) string {
	var text []byte
	for _, sub := range b.attr.SubAttributes {
		if v := member(o, sub.Name); v != nil {
			text = appendString(text, sub.Name)
			text = appendString(text, textOf(sub, v))
		}
	}
	return string(text)
}

// textOf is a text that two values of an attribute share that are the same.
func textOf(a *Attribute, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return a.Normal(v)
	default:
		return string(appendValue(nil, v))
	}
}

// add appends e unless it is there already; then nothing happens to a keyed one, and any other takes over the parts in which e differs.
// It returns the position.
func (b *bag) add(e any) int {
	i := b.find(e)
	if i < 0 {
		return b.push(e)
	}
	have, _ := b.list[i].(*Object)
	more, _ := e.(*Object)
	if have == nil || b.keyed {
		return i
	}
	if b.index != nil {
		delete(b.index, b.exactly(have))
	}
	for name, v := range more.All() {
		if !sameValue(b.attr.Sub(name), member(have, name), v) {
			have.Set(name, v)
		}
	}
	if b.index != nil {
		b.index[b.exactly(have)] = i
	}
	return i
}

// gather appends e unless the very same is there already: those that somebody lists beside each other are different ones, however alike.
func (b *bag) gather(e any) {
	if b.findExactly(e) < 0 {
		b.push(e)
	}
}

func (b *bag) push(e any) int {
	i := len(b.list)
	b.list = append(b.list, e)
	if b.index != nil {
		b.note(e, i)
	}
	return i
}

// remove takes out the elements that gone says so of.
func (b *bag) remove(gone func(e any) bool) {
	b.list = slices.DeleteFunc(b.list, gone)
	b.index = nil
}

// removeAt takes out the elements at these positions.
func (b *bag) removeAt(positions []int) {
	gone, i := asSet(positions), -1
	b.remove(func(any) bool {
		i++
		return gone[i]
	})
}

func asSet(positions []int) map[int]bool {
	set := make(map[int]bool, len(positions))
	for _, i := range positions {
		set[i] = true
	}
	return set
}

// maxByParts is how many elements a remove may list by anything but their value, as each must be held against every element that is there.
const maxByParts = 100

// removeListed takes out what a remove lists: elements with the same `value`, and the same `type` if that is said; without `value`,
// those with all the parts that are said.
func (b *bag) removeListed(listed []any) error {
	exact, anyKind := make(map[identity]bool), make(map[string]bool)
	var byParts []*Object
	for _, p := range listed {
		o, ok := p.(*Object)
		switch {
		case !ok || member(o, valueName) != nil && member(o, "type") != nil:
			exact[b.identity(p)] = true
		case member(o, valueName) != nil:
			anyKind[b.identity(p).value] = true
		default:
			byParts = append(byParts, o)
		}
	}
	if len(byParts) > maxByParts {
		return BadRequest(InvalidValue, "A remove may list at most %d elements of %s without their value.", maxByParts, b.attr.Name)
	}
	b.remove(func(e any) bool {
		id := b.identity(e)
		return exact[id] || id.parts == "" && anyKind[id.value] || slices.ContainsFunc(byParts, func(p *Object) bool { return b.fits(e, p) })
	})
	return nil
}

// fits says whether an element has all these parts.
func (b *bag) fits(e any, parts *Object) bool {
	for name, want := range parts.All() {
		if !sameValue(b.attr.Sub(name), member(e, name), want) {
			return false
		}
	}
	return true
}
