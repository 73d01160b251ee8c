package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// RunTests runs the mappings' own `tests:`. Each record must show at least what its resource says; writing that
// resource must leave the record as it is, and creating it must make the values that the record has.
func (s *Set) RunTests() configs.Faults {
	var faults configs.Faults
	for _, m := range s.all {
		for _, test := range m.tests {
			t := inlineTest{m: m, node: test}
			t.run()
			faults = append(faults, t.faults...)
		}
	}
	return faults
}

// inlineTest is one element of `tests:`.
type inlineTest struct {
	m      *Mapping
	node   configs.Node
	faults configs.Faults
}

func (t *inlineTest) fault(node configs.Node, remedy, format string, args ...any) {
	t.faults = append(t.faults, node.Fault(remedy, format, args...))
}

func (t *inlineTest) run() {
	t.faults = t.node.Only("record", "resource")
	record, resource := t.node.Get("record"), t.node.Get("resource")
	if record.Kind() != configs.Map || resource.Kind() != configs.Map {
		t.fault(t.node, "write record: {uid: [x], …} and resource: {userName: x, …}", "a test has a record and a resource")
		return
	}
	rec := backends.Record{Key: "test", Attrs: backends.Attributes{}}
	for key, value := range record.Pairs() {
		items := value.Items()
		if value.Kind() == configs.Map {
			items = []configs.Node{value}
		}
		for _, item := range items {
			rec.Attrs[key.Text()] = append(rec.Attrs[key.Text()], testValue(item))
		}
	}
	want := t.object(resource, "")
	if len(t.faults) > 0 {
		return
	}
	t.reading(rec, resource, want)
	t.writing(rec, resource, want)
	if t.m.Creates() {
		t.creating(rec, resource, want)
	}
}

// testValue is a value of the record of a test: a text, or a row as a map from its columns.
func testValue(node configs.Node) backends.Value {
	if node.Kind() != configs.Map {
		return backends.String(node.Text())
	}
	columns := backends.Attributes{}
	for column, value := range node.Pairs() {
		for _, item := range value.Items() {
			columns[column.Text()] = append(columns[column.Text()], backends.String(item.Text()))
		}
	}
	return backends.Row(columns)
}

// asTexts gives values as a test can write them, in which all are texts.
func asTexts(values backends.Values) backends.Values {
	out := make(backends.Values, len(values))
	for i, v := range values {
		if v.Kind() != backends.KindRow {
			out[i] = backends.String(v.Text())
			continue
		}
		columns := v.Row()
		for column, values := range columns {
			columns[column] = asTexts(values)
		}
		out[i] = backends.Row(columns)
	}
	return out
}

// listed is values in a message; a row is written as a test would write it.
func listed(values backends.Values) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text()
		if v.Kind() != backends.KindRow {
			continue
		}
		var columns []string
		for column, values := range v.Row() {
			columns = append(columns, column+": "+strings.Join(values.Texts(), ", "))
		}
		slices.Sort(columns)
		texts[i] = "{" + strings.Join(columns, ", ") + "}"
	}
	return strings.Join(texts, ", ")
}

// object reads the expected resource with the types of the schema.
func (t *inlineTest) object(node configs.Node, uri string) *scim.Object {
	out := scim.NewObject()
	for key, value := range node.Pairs() {
		name := key.Text()
		if uri == "" && strings.HasPrefix(strings.ToLower(name), "urn:") {
			out.Set(name, t.object(value, name))
			continue
		}
		raw, err := splitPath(name)
		if err != nil || raw.sub != "" || raw.choose.name != "" {
			t.fault(key, "write the resource as a client sees it: nested, with plain names", "%q is not the name of an attribute", name)
			continue
		}
		a := t.m.find(uri, name)
		if a == nil {
			var names []string
			for _, a := range t.m.attrs {
				names = append(names, a.pub.Name)
			}
			remedy := "map it, or take it out of the test"
			if best, ok := configs.Suggest(name, names); ok {
				remedy = "did you mean " + best + "?"
			}
			t.fault(key, remedy, "%s is not mapped", name)
			continue
		}
		if v := t.value(value, a.pub); v != nil {
			out.Set(a.pub.Name, v)
		}
	}
	return out
}

func (t *inlineTest) value(node configs.Node, attr *scim.Attribute) any {
	if attr.MultiValued && node.Kind() != configs.Map {
		var list []any
		one := *attr
		one.MultiValued = false
		for _, item := range node.Items() {
			list = append(list, t.value(item, &one))
		}
		return list
	}
	if attr.Type != scim.TypeComplex {
		v, err := coerce(node.Text(), attr.Type)
		if err != nil {
			t.fault(node, fmt.Sprintf("write a %s", attr.Type), "%s: %v", attr.Name, err)
		}
		return v
	}
	out := scim.NewObject()
	for key, value := range node.Pairs() {
		sub := subAttribute(attr, key.Text())
		if sub == nil {
			t.fault(key, "map it, or take it out of the test", "%s.%s is not mapped", attr.Name, key)
			continue
		}
		out.Set(sub.Name, t.value(value, sub))
	}
	return out
}

// reading checks that the record shows what is expected.
func (t *inlineTest) reading(rec backends.Record, node configs.Node, want *scim.Object) {
	got, problems := t.m.Get(rec, nil)
	for _, p := range problems {
		t.fault(node, "correct the record, or the mapping of "+p.Path, "%s cannot be read from %s: %v", p.Path, p.Attr, p.Err)
	}
	for name, w := range want.All() {
		g, _ := got.Get(name)
		if a := t.m.find("", name); a != nil && !a.fields[0].shown() || contains(g, w) {
			continue
		}
		t.fault(node.Get(name), "correct the test, or the mapping of "+name, "%s reads as %s, not %s", name, printed(g), printed(w))
	}
}

// contains reports that what is expected is there; what is not expected may be there too.
func contains(got, want any) bool {
	switch want := want.(type) {
	case *scim.Object:
		g, ok := got.(*scim.Object)
		if !ok {
			return false
		}
		for name, w := range want.All() {
			if !contains(part(g, name), w) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && len(g) == len(want) && !slices.ContainsFunc(want, func(w any) bool {
			return !slices.ContainsFunc(g, func(g any) bool { return contains(g, w) })
		})
	}
	return scim.Equal(got, want)
}

func printed(v any) string {
	if v == nil {
		return "nothing"
	}
	o := scim.NewObject()
	o.Set("v", v)
	text := string(o.AppendJSON(nil))
	return strings.TrimSuffix(strings.TrimPrefix(text, `{"v":`), "}")
}

// writing checks that writing the expected resource over the record changes nothing.
func (t *inlineTest) writing(rec backends.Record, node configs.Node, want *scim.Object) {
	before, _ := t.m.Get(rec, nil)
	after := before.Clone()
	for name, w := range want.All() {
		if a := t.m.find("", name); a != nil && a.pub.Mutability == scim.ReadOnly || a != nil && !a.fields[0].shown() {
			continue
		}
		if o, ok := w.(*scim.Object); ok {
			into, _ := part(after, name).(*scim.Object)
			if into == nil {
				into = scim.NewObject()
				after.Set(name, into)
			}
			for sub, v := range o.All() {
				into.Set(sub, v)
			}
			continue
		}
		after.Set(name, w)
	}
	update, err := t.m.Diff(rec, before, after, nil)
	if err != nil {
		t.fault(node, "correct the test, or the mapping", "the resource cannot be written back: %v", err)
		return
	}
	for _, c := range update.Changes {
		t.fault(node, "correct the test, or the mapping of "+c.Attr, "writing the resource back would change %s to %s", c.Attr, listed(c.Values))
	}
}

// creating checks that a new record of the resource has the values of the test's record.
func (t *inlineTest) creating(rec backends.Record, node configs.Node, want *scim.Object) {
	made, err := t.m.Create(want)
	if err != nil {
		t.fault(node, "correct the test, or the mapping", "the resource cannot be created: %v", err)
		return
	}
	for attr, values := range made.Attrs {
		have := rec.Attrs.Get(attr)
		made, there := asTexts(values), asTexts(have)
		if t.byItself(attr) || len(missing(made, there))+len(missing(there, made)) == 0 {
			continue
		}
		t.fault(node, "correct the test, or the mapping of "+attr, "creating the resource would make %s %s, and the record has %s",
			attr, listed(values), listed(have))
	}
}

// byItself reports an attribute that a new record gets without being asked for.
func (t *inlineTest) byItself(attr string) bool {
	return slices.ContainsFunc(t.m.set, func(s setAttr) bool { return strings.EqualFold(s.attr, attr) }) ||
		slices.ContainsFunc(t.m.fields, func(f *field) bool {
			return (f.placeholder != "" || f.onCreate != nil) && slices.ContainsFunc(f.writes(), func(a string) bool { return strings.EqualFold(a, attr) })
		})
}
