package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// rowPools are what rows are made of, by table and column. Some show nothing, some show the same as others.
var rowPools = map[string]map[string][]any{
	"hr.email": {"address": {"a@x", "A@x", "b@x", "b"}, "kind": {"W", "H", "X", "work", "WORK"}, "is_main": {"TRUE", "FALSE", "perhaps"}, "note": {"b", "x"}},
	"hr.home":  {"street": {"Weg", "weg"}, "town": {"Ulm", "ulm", "a b"}},
}

// drawRows draws rows of a table, with the columns that its set has.
func drawRows(t *rapid.T, m *Mapping, set string) (out backends.Values) {
	i := slices.IndexFunc(m.sets, func(s *rowSet) bool { return s.name == set })
	for range rapid.IntRange(0, 3).Draw(t, "rows") {
		columns := backends.Attributes{}
		for _, column := range m.sets[i].columns {
			if rapid.IntRange(0, 3).Draw(t, "filled") == 0 {
				continue
			}
			columns[column] = backends.Values{nativeValue(drawColumn(t, m, set, column))}
		}
		if row := backends.Row(columns); len(columns) > 0 && !slices.Contains(out, row) {
			out = append(out, row)
		}
	}
	return out
}

// drawColumn draws a value; a truth is one where values are typed.
func drawColumn(t *rapid.T, m *Mapping, set, column string) any {
	if column == "is_main" && m.typed() {
		return rapid.Bool().Draw(t, column)
	}
	return rapid.SampledFrom(rowPools[set][column]).Draw(t, column)
}

// typedUser has its emails' columns as they are.
var typedUser = strings.Replace(rowsUser, `type: "kind | enum(W=work, H=home)", primary: is_main | mark`, `type: kind, display: note, primary: is_main`, 1)

func typedTables() *directory {
	d := newTables()
	d.can.Typed = true
	d.syntax["hr.email.is_main"] = single(backends.Syntax{Known: true, Equality: backends.BooleanRule})
	return d
}

// rowWorlds are mappings with rows over tables whose values are texts, and over such whose values are typed.
func rowWorlds(t testing.TB) []world {
	texts, typed := newTables(), typedTables()
	return []world{
		{m: compile(t, texts, rowsUser).All()[0], d: texts},
		{m: compile(t, typed, typedUser).All()[0], d: typed},
	}
}

func TestLoweredTestsOfRowsAgreeWithTheMatcher(t *testing.T) {
	worlds := rowWorlds(t)
	native, rests := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.SampledFrom(worlds).Draw(t, "mapping")
		w := drawWorld(t, of.m, of.d)
		for range 20 {
			low := w.agree(t, drawFilter(t, w.m.rt, 3))
			if low.Rest == nil {
				native++
			} else {
				rests++
			}
		}
	})
	if native*4 < rests {
		t.Errorf("%d filters were answered by the directory alone, and %d were not: too few to be of use", native, rests)
	}
}

func TestTheDifferentialTestFindsFaultsPlantedInRows(t *testing.T) {
	plant := map[string]func(d *directory, m *Mapping){
		"no fault": nil,
		"the terms of one bracket are asked of several rows": func(d *directory, _ *Mapping) { d.apart = true },
		"a lens over a column claims to be exact": func(_ *directory, m *Mapping) {
			steps := m.find("", "emails").elements[0].part("type").pipes[0].steps
			steps[0].spec.Exact = true
			steps[0].lens = funcs{
				get: steps[0].lens.Get, put: steps[0].lens.Put,
				where: func(t Test) (backends.Predicate, bool) { return t.Next(filter.Pr, nil) },
			}
		},
		"more than was asked of a row is taken for exact": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.Superset, backends.Exact)
		},
		"less than was asked of a row is taken for more": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.Subset, backends.Superset)
		},
		"a row without a value is taken for an element": func(_ *directory, m *Mapping) {
			e := m.find("", "emails").elements[0]
			e.fields = append([]*field{}, e.fields...)
			value := *e.part("value")
			value.fallback = "b" // which lowering believes, and showing a row does not
			e.fields[0] = &value
		},
	}
	for name, fault := range plant {
		t.Run(name, func(t *testing.T) {
			d := newTables()
			m := compile(t, d, rowsUser).All()[0]
			if strings.Contains(name, "was asked of a row") {
				d = typedTables()
				m = compile(t, d, strings.Replace(typedUser, "emails: {", "emails: {caseExact: true, ", 1)).All()[0]
			}
			if fault != nil {
				fault(d, m)
			}
			caught, rounds := "", 30
			round := func() {
				rapid.Check(t, func(t *rapid.T) {
					if caught != "" {
						return
					}
					w := drawWorld(t, m, d)
					var filters []filter.Expr
					for range 50 {
						filters = append(filters, drawFilter(t, m.rt, 2))
					}
					caught = finds(w, filters)
				})
			}
			for round(); fault != nil && caught == "" && rounds > 0; rounds-- {
				round()
			}
			if (caught != "") != (fault != nil) {
				t.Errorf("caught: %q", caught)
			}
		})
	}
}

// drawElements draws what a client may want of emails.
func drawElements(t *rapid.T, before []any) []any {
	var list []any
	for _, v := range before {
		if rapid.Bool().Draw(t, "stays") {
			list = append(list, v.(*scim.Object).Clone())
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "new") {
		o := scim.NewObject()
		o.Set("value", rapid.SampledFrom([]string{"a@x", "A@x", "b@x", "c@x"}).Draw(t, "value"))
		if rapid.Bool().Draw(t, "typed") {
			o.Set("type", rapid.SampledFrom([]string{"work", "home"}).Draw(t, "type"))
		}
		if rapid.Bool().Draw(t, "marked") {
			o.Set("primary", rapid.Bool().Draw(t, "primary"))
		}
		list = append(list, o)
	}
	return list
}

// writtenRows makes the changes of rows in a record; each must change something.
func writtenRows(t fatal, rec backends.Record, changes []backends.Change) backends.Record {
	rec = rec.Clone()
	for _, c := range changes {
		for _, v := range c.Values {
			i := slices.Index(rec.Attrs[c.Attr], v)
			for column, values := range v.Row() {
				if len(values) > 1 {
					t.Fatalf("%s makes %s hold two values", rowChanges(changes), column)
				}
			}
			switch {
			case c.Op == backends.Remove && i >= 0:
				rec.Attrs[c.Attr] = slices.Delete(rec.Attrs[c.Attr], i, i+1)
			case c.Op == backends.Add && i < 0:
				rec.Attrs[c.Attr] = append(rec.Attrs[c.Attr], v)
			default:
				t.Fatalf("%s has no effect on %v", rowChanges(changes), rec.Attrs)
			}
		}
	}
	return rec
}

// TestRowsObeyTheLawsOfLenses: what was written is what shows; writing back what shows changes nothing; and what does not show stays.
func TestRowsObeyTheLawsOfLenses(t *testing.T) {
	worlds := rowWorlds(t)
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.SampledFrom(worlds).Draw(t, "mapping")
		e := of.m.find("", "emails").elements[0]
		for _, rec := range drawWorld(t, of.m, of.d).recs {
			if err := lawsOfRows(t, of.m, e, rec); err != "" {
				t.Fatalf("%v: %s", listed(rec.Attrs["hr.email"]), err)
			}
		}
	})
}

func lawsOfRows(t *rapid.T, m *Mapping, e *element, rec backends.Record) string {
	before, _ := m.Get(rec, nil)
	if again, err := m.Diff(rec, before, before.Clone(), nil); err != nil || !again.Empty() {
		return fmt.Sprintf("writing back would change %s %v", rowChanges(again.Changes), err)
	}
	after := before.Clone()
	list, _ := part(before, "emails").([]any)
	list = drawElements(t, list)
	after.Set("emails", list)
	update, err := m.Diff(rec, before, after, nil)
	if err != nil {
		return err.Error()
	}
	next := writtenRows(t, rec, update.Changes)
	shown, _ := m.Get(next, nil)
	s, err := m.sort(after, nil)
	if err != nil {
		return err.Error()
	}
	got, err := m.sort(shown, nil)
	if err != nil || !e.sameElements(s.rows[e], got.rows[e]) {
		return fmt.Sprintf("after %s it shows %s, wanted %s", rowChanges(update.Changes), printed(part(shown, "emails")), printed(list))
	}
	for _, row := range rec.Attrs["hr.email"] {
		o, _ := e.show(row)
		if kept := slices.Contains(next.Attrs["hr.email"], row); o == nil && !kept {
			return "what does not show is gone: " + listed(backends.Values{row})
		}
	}
	return ""
}
