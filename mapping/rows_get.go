package mapping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// rowElements gives one element for each row that shows something, in an order that does not depend on the directory's. Rows that show the same are one.
func (s *shower) rowElements(a *attribute, e *element) []any {
	if f := e.fields[0]; !f.shown() || !a.wants(f, s.want) {
		return nil
	}
	var list []any
	for _, row := range s.rec.Attrs[e.rows.name] {
		o, problems := e.show(row)
		s.problems = append(s.problems, problems...)
		if o != nil {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(x, y any) int { return e.compare(x.(*scim.Object), y.(*scim.Object)) })
	return slices.CompactFunc(list, func(x, y any) bool { return scim.Equal(x, y) })
}

// show gives the element that a row shows, nil for none. A part that cannot be read is left out.
func (e *element) show(row backends.Value) (*scim.Object, []Problem) {
	var problems []Problem
	if row.Kind() != backends.KindRow {
		return nil, nil
	}
	o, columns, there := scim.NewObject(), row.Row(), false
	for _, f := range e.fields {
		p := f.pipes[0]
		values, err := p.get(columns.Get(p.attr))
		if err == nil {
			values, err = coerced(values, f)
		}
		if err != nil {
			problems = append(problems, Problem{Path: f.path.String(), Attr: p.native(), Err: err})
			continue
		}
		if len(values) > 0 {
			o.Set(f.path.sub.Name, values[0])
			there = there || e.tells(f)
		}
	}
	if !there {
		return nil, problems
	}
	return e.mark(o), problems
}

// labelNames are the parts that say something about an element and are none by themselves.
var labelNames = []string{"type", "primary", "display", "$ref"}

// tells reports a part that an element is there with: its value; of elements that have none any part but a label, and of those that are all labels any.
func (e *element) tells(f *field) bool {
	if e.part("value") != nil {
		return f.path.sub.Name == "value"
	}
	label := func(f *field) bool { return slices.Contains(labelNames, f.path.sub.Name) }
	return !label(f) || !slices.ContainsFunc(e.fields, func(f *field) bool { return !label(f) })
}

// compare puts elements in order by their value, then by their other parts as the mapping has them. Which one is primary decides nothing.
func (e *element) compare(x, y *scim.Object) int {
	order := 0
	if e.part("value") != nil {
		order = compareShown(part(x, "value"), part(y, "value"))
	}
	for _, f := range e.fields {
		if name := f.path.sub.Name; name != "primary" {
			order = cmp.Or(order, compareShown(shownPart(x, name), shownPart(y, name)))
		}
	}
	return cmp.Or(order, strings.Compare(printed(x), printed(y)))
}

// shownPart is a part of an element, "" for none.
func shownPart(o *scim.Object, name string) any {
	if v := part(o, name); v != nil {
		return v
	}
	return ""
}
