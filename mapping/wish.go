package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// wishes are what a resource wants of each field. What is not there is not wanted.
type wishes map[*field][]any

// sorted is a resource taken apart by fields.
type sorted struct {
	wishes  wishes
	rows    map[*element][]*scim.Object // of what is kept in rows of several columns: the elements themselves
	seen    map[*field]map[any]bool
	dropped []string // what nothing is mapped for
}

// sort takes a resource apart. before is what it was, nil on create: an element without a type stays where its value stood.
func (m *Mapping) sort(res, before *scim.Object) (sorted, error) {
	s := sorted{wishes: wishes{}, rows: map[*element][]*scim.Object{}, seen: map[*field]map[any]bool{}}
	for _, a := range m.attrs {
		v := valueOf(res, a)
		if v == nil {
			continue
		}
		if err := m.sortAttribute(&s, a, v, valueOf(before, a)); err != nil {
			return s, err
		}
	}
	return s, nil
}

func valueOf(res *scim.Object, a *attribute) any {
	if a.uri != "" {
		v, _ := res.Get(a.uri)
		var ok bool
		if res, ok = v.(*scim.Object); !ok {
			return nil
		}
	}
	v, _ := res.Get(a.pub.Name)
	return v
}

func (m *Mapping) sortAttribute(s *sorted, a *attribute, v, before any) error {
	switch {
	case !a.complex():
		s.wishes[a.fields[0]] = given(v)
	case a.pub.MultiValued:
		return m.sortElements(s, a, listOf(v), listOf(before))
	default:
		o, ok := v.(*scim.Object)
		if !ok {
			return invalid(a.name(), "it is complex")
		}
		s.parts(a.fields, o)
	}
	return nil
}

// parts takes a complex value apart.
func (s *sorted) parts(fields []*field, o *scim.Object) {
	for _, f := range fields {
		if v, ok := o.Get(f.path.sub.Name); ok {
			s.wishes[f] = given(v)
		}
	}
}

// given leaves out what means "no value" (RFC 7643 §2.5; an empty text is one too).
func given(v any) []any {
	return slices.DeleteFunc(slices.Clone(listOf(v)), func(v any) bool { return v == nil || v == "" })
}

// sameWish compares two lists of simple values; their order means nothing.
func sameWish(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	count := make(map[any]int, len(a))
	for _, v := range a {
		count[v]++
	}
	for _, v := range b {
		if count[v] == 0 {
			return false
		}
		count[v]--
	}
	return true
}

func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// sortElements gives each element to the part of the mapping that its type chooses. One without a type goes where it
// stood before, else to the first that still has room; one that nothing is mapped for is dropped and named.
func (m *Mapping) sortElements(s *sorted, a *attribute, list, before []any) error {
	var loose []*scim.Object
	for _, v := range list {
		o, ok := v.(*scim.Object)
		if !ok {
			return invalid(a.name(), "its elements are complex")
		}
		e, chosen := a.chosen(o)
		switch {
		case e == nil && chosen != "":
			s.dropped = append(s.dropped, chosen)
		case e == nil:
			loose = append(loose, o)
		default:
			switch {
			case m.room(s, e):
				s.element(e, o)
			case !m.twice(s, e, o):
				return m.full(e)
			}
		}
	}
	loose = slices.DeleteFunc(loose, func(o *scim.Object) bool {
		e := m.stood(a, o, before)
		if e == nil || !m.room(s, e) || e.repeat && s.seen[e.part("value")][part(o, "value")] {
			return false
		}
		s.element(e, o)
		return true
	})
	for _, o := range loose {
		i := slices.IndexFunc(a.elements, func(e *element) bool { return m.room(s, e) })
		switch {
		case i >= 0:
			s.element(a.elements[i], o)
		case !slices.ContainsFunc(a.elements, func(e *element) bool { return m.twice(s, e, o) }):
			return m.full(a.elements[0])
		}
	}
	return nil
}

// stood finds the kind of the element that a record had with the same value, or where it has none, with the same parts; nil for a new one.
func (m *Mapping) stood(a *attribute, o *scim.Object, before []any) *element {
	for _, v := range before {
		was, ok := v.(*scim.Object)
		if !ok {
			continue
		}
		e, _ := a.chosen(was)
		if e == nil {
			continue
		}
		fields := e.varying()
		if f := e.part("value"); f != nil {
			fields = []*field{f}
		}
		if !slices.ContainsFunc(fields, func(f *field) bool { return !m.sameShown(f, part(o, f.path.sub.Name), part(was, f.path.sub.Name)) }) {
			return e
		}
	}
	return nil
}

// sameShown compares two values of a field as a filter would.
func (m *Mapping) sameShown(f *field, x, y any) bool {
	a, text := x.(string)
	b, both := y.(string)
	if !text || !both {
		return scim.Equal(x, y)
	}
	rule, _ := m.rule(f)
	return backends.Normalize(rule, a) == backends.Normalize(rule, b)
}

// Chooses reports the part of an attribute's elements by which the mapping finds their place in the directory, and the words that have one:
// `phoneNumbers.type`, work and mobile. An element that loses it would become another.
func (m *Mapping) Chooses(ref scim.Ref) (words []string, ok bool) {
	a := m.find(ref.URI, ref.Attr.Name)
	if a == nil || ref.Sub == nil {
		return nil, false
	}
	for _, e := range a.elements {
		if e.choose.name != "" && strings.EqualFold(e.choose.name, ref.Sub.Name) {
			words = append(words, e.choose.value)
		}
	}
	return words, len(words) > 0
}

// chosen finds the element kind of an element: by its type, or the one kind that asks for none. Neither: it is loose,
// or, when it says a type, nobody's, which chosen then names.
func (a *attribute) chosen(o *scim.Object) (e *element, nobody string) {
	for _, e := range a.elements {
		if e.choose.name == "" {
			continue
		}
		v, ok := o.Get(e.choose.name)
		if !ok || v == "" {
			continue
		}
		if text, _ := v.(string); strings.EqualFold(text, e.choose.value) {
			return e, ""
		}
		nobody = fmt.Sprintf("%s[%s eq %q]", a.name(), e.choose.name, v)
	}
	for _, e := range a.elements {
		if e.choose.name == "" {
			return e, ""
		}
	}
	return nil, nobody
}

// room reports that the directory can hold one more of these elements.
func (m *Mapping) room(s *sorted, e *element) bool {
	if e.rows != nil {
		return true
	}
	if !e.repeat {
		return !slices.ContainsFunc(e.fields, func(f *field) bool { return len(s.wishes[f]) > 0 })
	}
	f := e.part("value")
	return len(s.wishes[f]) == 0 || f.kind != fromDirectory || !m.backend.Syntax(f.pipes[0].attr).Single
}

// twice reports an element whose value is wanted already, where the directory holds one: clients list an address again with another label.
func (m *Mapping) twice(s *sorted, e *element, o *scim.Object) bool {
	f := e.part("value")
	return f != nil && slices.ContainsFunc(s.wishes[f], func(v any) bool { return m.sameShown(f, v, part(o, "value")) })
}

func (m *Mapping) full(e *element) error {
	return invalid(e.name(), "the directory holds one value, and more than one was given")
}

// element puts an element's parts where they belong; a value that is there already is not wanted twice.
func (s *sorted) element(e *element, o *scim.Object) {
	switch {
	case e.rows != nil:
		s.rowElement(e, o)
		return
	case !e.repeat:
		s.parts(e.fields, o)
		return
	}
	f := e.part("value")
	v, _ := o.Get("value")
	if s.seen[f] == nil {
		s.seen[f] = map[any]bool{}
	}
	for _, v := range given(v) {
		if !s.seen[f][v] {
			s.seen[f][v] = true
			s.wishes[f] = append(s.wishes[f], v)
		}
	}
}

// invalid is 400 invalidValue that names a path.
func invalid(path, format string, args ...any) *scim.Error {
	return scim.BadRequest(scim.InvalidValue, "%s: %s.", path, strings.TrimSuffix(fmt.Sprintf(format, args...), "."))
}

// checkPrimary refuses a wish for another primary element than the one that is derived. A lone element, one that was
// primary before, and one that nothing is mapped for, ask for nothing.
func (m *Mapping) checkPrimary(before, after *scim.Object) error {
	for _, a := range m.attrs {
		if !a.complex() || !a.pub.MultiValued || !a.primary() {
			continue
		}
		list := slices.DeleteFunc(slices.Clone(listOf(valueOf(after, a))), func(v any) bool {
			o, _ := v.(*scim.Object)
			e, nobody := a.chosen(o)
			return e == nil && nobody != ""
		})
		if len(list) < 2 {
			continue
		}
		first, asked := a.derived(list), primaryOf(list)
		if asked != nil && first != nil && asked != first && !a.wasPrimary(before, asked, list) {
			return invalid(a.name()+".primary", "the directory does not keep which one is primary; it is the lowest value of the first type")
		}
	}
	return nil
}

// wasPrimary reports that an element of list is marked because the one that it was, or whose place it takes, was shown so
// before: a mobile number that was the only one is changed while a first type comes.
func (a *attribute) wasPrimary(before, asked *scim.Object, list []any) bool {
	was := primaryOf(listOf(valueOf(before, a)))
	if was == nil || sameValue(asked, was) {
		return was != nil
	}
	now, _ := a.chosen(asked)
	had, _ := a.chosen(was)
	return now == had && !slices.ContainsFunc(list, func(v any) bool {
		o, _ := v.(*scim.Object)
		return sameValue(o, was)
	})
}

// derived is the element that will be primary: the lowest of the first mapped kind that has any.
func (a *attribute) derived(list []any) *scim.Object {
	for _, e := range a.elements {
		var least *scim.Object
		for _, v := range list {
			o, _ := v.(*scim.Object)
			if mine, nobody := a.chosen(o); mine != e && (mine != nil || nobody != "") {
				continue
			}
			if least == nil || e.repeat && compareShown(part(o, "value"), part(least, "value")) < 0 || e.rows != nil && e.compare(o, least) < 0 {
				least = o
			}
		}
		if least != nil {
			return least
		}
	}
	return nil
}

// primaryOf is the element of a list that says it is primary.
func primaryOf(list []any) *scim.Object {
	for _, v := range list {
		if o, ok := v.(*scim.Object); ok && part(o, "primary") == true {
			return o
		}
	}
	return nil
}

func sameValue(a, b *scim.Object) bool { return scim.Equal(part(a, "value"), part(b, "value")) }

func part(o *scim.Object, name string) any {
	v, _ := o.Get(name)
	return v
}
