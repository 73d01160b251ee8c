package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// wants reports that a field is needed for what is wanted. The elements of a multi-valued attribute are made whole,
// because which of them is primary depends on all; and whatever is derived of a reference takes its value.
func (a *attribute) wants(f *field, want func(scim.Ref) bool) bool {
	switch {
	case want == nil:
		return true
	case !want(a.ref()):
		if !a.complex() {
			return false
		}
	case !a.complex() || a.pub.MultiValued:
		return true
	}
	for _, sub := range a.pub.SubAttributes {
		needed := a.pub.MultiValued || f.path.sub.Name == sub.Name || f.isReference() && f == a.pointer() && a.derives(sub.Name)
		if needed && want(scim.Ref{URI: a.uri, Attr: a.pub, Sub: sub}) {
			return true
		}
	}
	return false
}

// Get makes the resource of a record: id, schemas, meta (resourceType, created, lastModified) and what is wanted of
// the mapped attributes. References hold the directory's names in their `value`. An attribute whose Get fails is left
// out and named in problems.
func (m *Mapping) Get(rec backends.Record, want func(scim.Ref) bool) (res *scim.Object, problems []Problem) {
	s := shower{m: m, rec: m.ours(rec), want: want}
	res = scim.NewObject()
	res.Set("schemas", []any{m.rt.Schema.ID})
	res.Set("id", string(rec.Key))
	meta := scim.NewObject()
	meta.Set("resourceType", m.name)
	extensions := map[string]*scim.Object{}
	for _, a := range m.attrs {
		v := s.attribute(a)
		switch {
		case v == nil:
		case a.pub.Name == "meta" && a.uri == "":
			for name, member := range v.(*scim.Object).All() {
				meta.Set(name, member)
			}
		case a.uri == "":
			res.Set(a.pub.Name, v)
		default:
			if extensions[a.uri] == nil {
				extensions[a.uri] = scim.NewObject()
			}
			extensions[a.uri].Set(a.pub.Name, v)
		}
	}
	urns := []any{m.rt.Schema.ID}
	for _, x := range m.rt.Extensions {
		if o := extensions[x.Schema.ID]; o != nil {
			res.Set(x.Schema.ID, o)
			urns = append(urns, x.Schema.ID)
		}
	}
	res.Set("schemas", urns)
	res.Set("meta", meta)
	return res, s.problems
}

// shower shows one record.
type shower struct {
	m        *Mapping
	rec      backends.Record
	want     func(scim.Ref) bool
	problems []Problem
}

// attribute gives an attribute's value, nil for none.
func (s *shower) attribute(a *attribute) any {
	switch {
	case !a.complex():
		return unwrap(s.values(a, a.fields[0]), a.pub.MultiValued)
	case a.pub.MultiValued:
		return s.elements(a)
	}
	o := scim.NewObject()
	for _, f := range a.fields {
		if values := s.values(a, f); len(values) > 0 {
			o.Set(f.path.sub.Name, values[0])
		}
	}
	return nonEmpty(o)
}

func unwrap(values []any, many bool) any {
	switch {
	case len(values) == 0:
		return nil
	case many:
		return values
	}
	return values[0]
}

func nonEmpty(o *scim.Object) any {
	if o.Len() == 0 {
		return nil
	}
	return o
}

// elements gives the elements of a multi-valued complex attribute, in the order of the mapping.
func (s *shower) elements(a *attribute) any {
	var list []any
	for _, e := range a.elements {
		switch {
		case e.rows != nil:
			list = append(list, s.rowElements(a, e)...)
			continue
		case e.repeat:
			list = append(list, s.repeated(a, e)...)
			continue
		}
		o := scim.NewObject()
		varying := false
		for _, f := range e.fields {
			if values := s.values(a, f); len(values) > 0 {
				o.Set(f.path.sub.Name, values[0])
				varying = varying || f.kind != fromConstant
			}
		}
		if varying {
			list = append(list, e.mark(o))
		}
	}
	if len(list) == 0 {
		return nil
	}
	if a.primary() {
		list[0].(*scim.Object).Set("primary", true)
	}
	return list
}

// repeated gives one element for each value.
func (s *shower) repeated(a *attribute, e *element) []any {
	values := s.values(a, e.part("value"))
	list := make([]any, 0, len(values))
	for _, v := range values {
		o := scim.NewObject()
		o.Set("value", v)
		for _, f := range e.fields {
			if f.kind == fromConstant {
				o.Set(f.path.sub.Name, f.constant)
			}
		}
		list = append(list, e.mark(o))
	}
	return list
}

// mark gives an element what the mapping chooses it by.
func (e *element) mark(o *scim.Object) *scim.Object {
	if e.choose.name != "" {
		o.Set(e.choose.name, e.choose.value)
	}
	return o
}

// values gives what a field shows; none when it is not wanted or cannot be read.
func (s *shower) values(a *attribute, f *field) []any {
	if !f.shown() || !a.wants(f, s.want) {
		return nil
	}
	values, attr, err := s.m.shown(f, s.rec)
	if err != nil {
		s.problems = append(s.problems, Problem{Path: f.path.String(), Attr: attr, Err: err})
	}
	if f.many() {
		slices.SortStableFunc(values, compareShown)
	}
	return values
}

// compareShown makes the order of an answer's values stable; the directory has none.
func compareShown(a, b any) int {
	x, ok := a.(string)
	y, both := b.(string)
	if !ok || !both {
		x, y = fmt.Sprint(a), fmt.Sprint(b)
	}
	return strings.Compare(x, y)
}

// shown gives what a field shows of a record, in the directory's order; attr is to blame for an error.
func (m *Mapping) shown(f *field, rec backends.Record) (values []any, attr string, err error) {
	switch f.kind {
	case fromConstant:
		return []any{f.constant}, "", nil
	case fromOverlay, fromReverse, fromRows: // rows are shown element by element
		return nil, "", nil
	case fromExpr:
		values, err = f.evaluate(rec)
	case fromDirectory:
		for _, p := range f.pipes {
			found, failed := p.get(m.visible(f, p.attr, rec))
			if failed == nil {
				found, failed = coerced(found, f)
			}
			if failed != nil {
				attr, err = p.attr, failed
				continue
			}
			if len(found) > 0 {
				values = found
				break
			}
		}
	}
	if len(values) == 0 && f.fallback != nil && err == nil {
		values = []any{f.fallback}
	}
	return values, attr, err
}

// ours is a record whose attributes are called as the mapping spells them: one look tells of each what it has, or that there is none. Nothing of the given one changes.
func (m *Mapping) ours(rec backends.Record) backends.Record {
	var renamed backends.Attributes
	for name := range rec.Attrs {
		if m.natives[name] {
			continue
		}
		ours, ok := m.spelled[strings.ToLower(name)]
		if !ok || renamed[ours] != nil || rec.Attrs[ours] != nil {
			continue
		}
		if renamed == nil {
			renamed = maps.Clone(rec.Attrs)
		}
		renamed[ours] = rec.Attrs.Get(ours)
	}
	if renamed != nil {
		rec.Attrs = renamed
	}
	return rec
}

// visible are an attribute's values without the placeholder, the one that names the record first. The record is one of ours.
func (m *Mapping) visible(f *field, attr string, rec backends.Record) backends.Values {
	values := rec.Attrs[attr]
	if f.placeholder != "" {
		values = m.withoutPlaceholder(f, attr, values)
	}
	if len(values) < 2 || f.many() || m.nameless() { // what is called Name there is the key's text
		return values
	}
	for i, v := range values {
		if i > 0 && names(rec.Name, attr, v.Text()) {
			return slices.Concat(backends.Values{v}, values[:i], values[i+1:])
		}
	}
	return values
}

// withoutPlaceholder takes the placeholder out of values; values are left alone.
func (m *Mapping) withoutPlaceholder(f *field, attr string, values backends.Values) (rest backends.Values) {
	rule := m.placeholderRule(attr)
	mine := backends.Normalize(rule, f.placeholder)
	for _, v := range values {
		if otherType(rule, v.Text(), mine) || backends.Normalize(rule, v.Text()) != mine {
			rest = append(rest, v)
		}
	}
	return rest
}

// otherType reports names that cannot be equal, by the first letter of their attribute types: reading a name whole is
// slow, and groups are large. An attribute type may also be a number (an OID).
func otherType(rule backends.Rule, a, b string) bool {
	letter := func(s string) byte {
		if s == "" {
			return 0
		}
		if c := s[0] | 0x20; c >= 'a' && c <= 'z' {
			return c
		}
		return 0
	}
	x, y := letter(a), letter(b)
	return rule == backends.NameRule && x != 0 && y != 0 && x != y
}

// placeholderRule is how the directory compares an attribute, for telling its placeholder from other values.
func (m *Mapping) placeholderRule(attr string) backends.Rule {
	switch s := m.backend.Syntax(attr); {
	case s.Equality != backends.NoRule:
		return s.Equality
	case s.Ref:
		return backends.NameRule
	}
	return backends.CaseExact
}

// names reports that a record's own name begins with attr=value.
func names(name, attr, value string) bool {
	head := attr + "=" + value
	if len(name) < len(head) || !strings.EqualFold(name[:len(head)], head) {
		return false
	}
	return len(name) == len(head) || name[len(head)] == ',' || name[len(head)] == '+'
}

// evaluate runs a `read:` expression.
func (f *field) evaluate(rec backends.Record) ([]any, error) {
	out, err := f.read.Eval(context.Background(), recordOf(rec.Attrs))
	if err != nil {
		return nil, err
	}
	list, ok := out.([]any)
	if !ok {
		if out == nil || out == "" {
			return nil, nil
		}
		list = []any{out}
	}
	return coerced(list, f)
}

func recordOf(attrs backends.Attributes) func(string) []string {
	return func(attr string) []string { return attrs.Get(attr).Texts() }
}

// coerced gives values as the attribute's type, or an error that names one that is not.
func coerced(values []any, f *field) ([]any, error) {
	t := f.path.leaf().Type
	if f.pub != nil {
		t = f.pub.Type
	}
	for i, v := range values {
		ok := true
		switch t {
		case scim.TypeString, scim.TypeReference, scim.TypeBinary, scim.TypeDateTime:
			_, ok = v.(string)
		case scim.TypeBoolean:
			_, ok = v.(bool)
		case scim.TypeInteger:
			_, ok = v.(int64)
		case scim.TypeDecimal:
			if n, whole := v.(int64); whole {
				values[i] = json.Number(strconv.FormatInt(n, 10))
			} else {
				_, ok = v.(json.Number)
			}
		case scim.TypeComplex:
		}
		if !ok {
			return nil, fmt.Errorf("it is %T, and the attribute is a %s", v, t)
		}
	}
	return values, nil
}
