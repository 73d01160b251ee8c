package scim

import (
	"encoding/json"
	"iter"
	"slices"
)

// Object is a JSON object whose members keep their order and whose names compare without case (RFC 7643 §2.1).
// A member's value is one of: string, bool, int64, json.Number (a decimal, or an integer beyond int64; digits kept), *Object, []any of these.
// A resource never holds null, which is absence (RFC 7643 §2.5); an object fresh from ParseObject may hold it, as nil, until Decode has seen it.
// References (`members[].value`) are plain strings.
type Object struct {
	members []pair
}

type pair struct {
	name  string
	value any
}

// someMembers is for how many members there is room in an object that gets its first.
const someMembers = 4

// NewObject returns an empty object.
func NewObject() *Object { return &Object{} }

func (o *Object) index(name string) int {
	if o == nil {
		return -1
	}
	for i := range o.members {
		if sameName(o.members[i].name, name) {
			return i
		}
	}
	return -1
}

// Get returns the member of that name. A nil object has none.
func (o *Object) Get(name string) (any, bool) {
	if i := o.index(name); i >= 0 {
		return o.members[i].value, true
	}
	return nil, false
}

// Set replaces the member in place, keeping its spelling, or appends it.
func (o *Object) Set(name string, v any) {
	if i := o.index(name); i >= 0 {
		o.members[i].value = v
		return
	}
	if o.members == nil {
		o.members = make([]pair, 0, someMembers)
	}
	o.members = append(o.members, pair{name, v})
}

// Delete takes the member away.
func (o *Object) Delete(name string) {
	if i := o.index(name); i >= 0 {
		o.members = slices.Delete(o.members, i, i+1)
	}
}

// Len is the number of members.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.members)
}

// All yields the members in their order. The member that is being looked at may be set anew meanwhile; none may be added or deleted.
func (o *Object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if o == nil {
			return
		}
		for i := range o.members {
			if !yield(o.members[i].name, o.members[i].value) {
				return
			}
		}
	}
}

// Clone copies the object and everything in it.
func (o *Object) Clone() *Object {
	if o == nil {
		return nil
	}
	c := &Object{members: make([]pair, len(o.members))}
	for i, m := range o.members {
		c.members[i] = pair{m.name, cloneValue(m.value)}
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case *Object:
		return v.Clone()
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = cloneValue(e)
		}
		return c
	default:
		return v
	}
}

// advance moves the member of that name, exactly so spelled, forward to position `to` and returns the position behind it; `to` when there is none.
func (o *Object) advance(name string, to int) int {
	i := slices.IndexFunc(o.members, func(m pair) bool { return m.name == name })
	if i < to {
		return to
	}
	m := o.members[i]
	copy(o.members[to+1:i+1], o.members[to:i])
	o.members[to] = m
	return to + 1
}

// Equal compares two values deeply and exactly (no schema, so letters count). The order of members does not matter, nor the order of a list's elements.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case *Object:
		b, ok := b.(*Object)
		return ok && equalObjects(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && equalLists(a, b)
	case int64:
		return isNumber(b) && compareNumbers(a, b) == 0
	case json.Number:
		return isNumber(b) && compareNumbers(a, b) == 0
	default:
		switch b.(type) {
		case *Object, []any:
			return false // not comparable with ==
		}
		return a == b
	}
}

func equalObjects(a, b *Object) bool {
	if a.Len() != b.Len() {
		return false
	}
	for n, v := range a.All() {
		w, ok := b.Get(n)
		if !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

// equalLists compares lists as bags. Elements usually stand in the same order, and long lists (members) are made of strings or of objects with
// a `value`, so candidates are found through an index rather than by trying every pair.
func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && Equal(a[i], b[i]) {
		i++
	}
	if i == len(a) {
		return true
	}
	left := make(map[any][]any, len(b)-i)
	for _, v := range b[i:] {
		k := bagKey(v)
		left[k] = append(left[k], v)
	}
	for _, v := range a[i:] {
		k := bagKey(v)
		j := slices.IndexFunc(left[k], func(w any) bool { return Equal(v, w) })
		if j < 0 {
			return false
		}
		left[k] = slices.Delete(left[k], j, j+1)
	}
	return true
}

// bagKey is something that equal values have in common.
func bagKey(v any) any {
	if o, ok := v.(*Object); ok {
		v, _ = o.Get("value")
	}
	switch v := v.(type) {
	case string, bool:
		return v
	default:
		return nil
	}
}
