package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// things are attributes of types that the RFC's own schemas have few of.
const things = `
schemas:
  - id: urn:acme:Thing
    attributes:
      - {name: weight, type: decimal}
      - {name: born, type: dateTime}
      - {name: floor, type: integer}
      - {name: tags, multiValued: true}
      - {name: levels, type: integer, multiValued: true}
      - {name: vip, type: boolean}
      - {name: badge, type: complex, subAttributes: [{name: code, caseExact: true}, {name: room, type: integer}]}
      - {name: pin, mutability: writeOnly, returned: never}
resource_types:
  - {name: User, extensions: [{schema: "urn:acme:Thing"}, {schema: "` + scim.EnterpriseURN + `"}]}
`

// columnsUser has columns of all kinds without a lens, and the rest in a document.
const columnsUser = `
mapping: User
at: {backend: hr, table: hr.person, document: data}
schemas: {acme: "urn:acme:Thing"}
attributes:
  userName: login
  active: enabled
  title: {from: grade, caseExact: true}
  nickName: enabled_text
  meta.created: made_at
  enterprise:employeeNumber: emp_no
  acme:weight: weight
  acme:floor: floor
  "*": document
`

// newPeople is a table with columns of all kinds and a document, whose every comparison is as Match has it.
func newPeople() *directory {
	d := newDirectory()
	d.can = backends.Capabilities{Kind: "postgres", Typed: true, Document: "data"}
	number := backends.Syntax{Known: true, Equality: backends.IntegerRule, Order: backends.IntegerRule, Single: true}
	for _, attr := range []string{"emp_no", "grade", "floor"} {
		d.syntax[attr] = number
	}
	d.syntax["login"] = single(text(backends.CaseIgnore))
	for _, attr := range []string{"enabled", "enabled_text"} {
		d.syntax[attr] = backends.Syntax{Known: true, Equality: backends.BooleanRule, Single: true}
	}
	d.syntax["made_at"] = backends.Syntax{Known: true, Equality: backends.TimeRule, Order: backends.TimeRule, Single: true}
	d.syntax["weight"] = backends.Syntax{Known: true, Single: true}
	d.more = func(attr string) (backends.Syntax, bool) {
		return text(backends.CaseExact), strings.HasPrefix(attr, "data.")
	}
	d.fidelity = func(p backends.Predicate) backends.Fidelity {
		for _, attr := range backends.AttrsOf(p) {
			if !d.Syntax(attr).Known {
				return backends.No
			}
		}
		return backends.Exact
	}
	return d
}

func people(t *testing.T, doc string) (*Mapping, *directory) {
	t.Helper()
	d := newPeople()
	set, faults := compileOver(t, d, things, doc)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return set.All()[0], d
}

func compileOver(t *testing.T, d *directory, types, doc string) (*Set, configs.Faults) {
	t.Helper()
	node, faults := configs.ParseNode("hr.yaml", []byte(doc))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return Compile([]configs.Node{node}, lenses(), typesOf(t, types), func(configs.Node, backends.Open) (backends.Backend, error) { return d, nil })
}

// person is a record of typed values.
func person(attrs map[string]any) backends.Record {
	rec := backends.Record{Key: "k1", Name: "login=b", Attrs: backends.Attributes{}}
	for attr, v := range attrs {
		for _, v := range listOf(v) {
			if parts, ok := v.(map[string]any); ok {
				columns := backends.Attributes{}
				for name, part := range parts {
					columns[name] = backends.Values{nativeValue(part)}
				}
				v = backends.Row(columns)
			}
			rec.Attrs[attr] = append(rec.Attrs[attr], nativeValue(v))
		}
	}
	return rec
}

func TestAColumnIsShownByItsMeaning(t *testing.T) {
	m, _ := people(t, columnsUser)
	for name, c := range map[string]struct {
		attr string
		v    any
		path string
		want string
	}{
		"a number as text":             {"emp_no", 7, scim.EnterpriseURN, `{"employeeNumber":"7"}`},
		"a truth as text":              {"enabled_text", true, "nickName", `"true"`},
		"a truth":                      {"enabled", false, "active", `false`},
		"a word that means a truth":    {"enabled", "TRUE", "active", `true`},
		"a word that means none":       {"enabled", "perhaps", "active", `null`},
		"a time":                       {"made_at", mustTime("2026-01-02T03:04:05.25+01:00"), "meta", `{"resourceType":"User","created":"2026-01-02T02:04:05.25Z"}`},
		"a date":                       {"made_at", "2026-01-31", "meta", `{"resourceType":"User","created":"2026-01-31T00:00:00Z"}`},
		"a decimal":                    {"weight", json.Number("1.50"), "urn:acme:Thing", `{"weight":1.50}`},
		"a whole number for a decimal": {"weight", 3, "urn:acme:Thing", `{"weight":3}`},
		"a whole number":               {"floor", -2, "urn:acme:Thing", `{"floor":-2}`},
		"half a number for a whole":    {"floor", json.Number("1.5"), "urn:acme:Thing", `null`},
		"a part in the document":       {"data.name.givenName", "B", "name", `{"givenName":"B"}`},
		"an empty text in it":          {"data.name.givenName", "", "name", `null`},
		"a number as text in it":       {"data.displayName", 7, "displayName", `"7"`},
		"an array in it":               {`data."urn:acme:Thing".tags`, []any{"b", "a"}, "urn:acme:Thing", `{"tags":["a","b"]}`},
		"numbers in it":                {`data."urn:acme:Thing".levels`, []any{2, "1", "x"}, "urn:acme:Thing", `{"levels":[1,2]}`},
		"a time in it":                 {`data."urn:acme:Thing".born`, "2026-01-02T03:04:05+01:00", "urn:acme:Thing", `{"born":"2026-01-02T02:04:05Z"}`},
		"a truth in it":                {`data."urn:acme:Thing".vip`, true, "urn:acme:Thing", `{"vip":true}`},
		"the parts of an extension":    {`data."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".manager.value`, "k2", scim.EnterpriseURN, `{"manager":{"value":"k2"}}`},
		"objects in it": {
			"data.emails",
			[]any{map[string]any{"value": "a@x", "type": "work", "primary": true}, map[string]any{"value": "b@x", "primary": "false"}, map[string]any{"type": "home"}},
			"emails", `[{"value":"a@x","type":"work","primary":true},{"value":"b@x","primary":false}]`,
		},
		"objects without a value in it": {"data.addresses", map[string]any{"locality": "Ulm", "type": "work"}, "addresses", `[{"locality":"Ulm","type":"work"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			res, problems := m.Get(person(map[string]any{c.attr: c.v}), nil)
			if got := jsonOf(part(res, c.path)); got != c.want && (c.want != "null" || part(res, c.path) != nil) {
				t.Errorf("got %s, wanted %s (%v)", got, c.want, problems)
			}
		})
	}
}

func jsonOf(v any) string {
	o := scim.NewObject()
	o.Set("v", v)
	return strings.TrimSuffix(strings.TrimPrefix(string(o.AppendJSON(nil)), `{"v":`), "}")
}

func mustTime(text string) any {
	at, ok := moment(text)
	if !ok {
		panic(text)
	}
	return at
}

func TestWhatIsWrittenHasTheKindThatItIs(t *testing.T) {
	m, _ := people(t, columnsUser)
	got, err := m.Create(parse(t, `{"userName":"b","active":true,"title":"7","name":{"givenName":"B"},"emails":[{"value":"a@x","primary":true}],
		"urn:acme:Thing":{"weight":1.5,"floor":3,"born":"2026-01-02T03:04:05+01:00","tags":["a"],"levels":[1,2],"vip":false,"badge":{"code":"x","room":4}},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7","department":"d"}}`))
	if err != nil || got.Name != nil {
		t.Fatalf("%v %v", got.Name, err)
	}
	want := person(map[string]any{
		"login": "b", "enabled": true, "grade": "7", "data.name.givenName": "B", "data.emails": map[string]any{"value": "a@x", "primary": true},
		"weight": json.Number("1.5"), "floor": 3, `data."urn:acme:Thing".born`: "2026-01-02T02:04:05Z", `data."urn:acme:Thing".tags`: "a",
		`data."urn:acme:Thing".levels`: []any{1, 2}, `data."urn:acme:Thing".vip`: false, `data."urn:acme:Thing".badge.code`: "x", `data."urn:acme:Thing".badge.room`: 4,
		"emp_no": "7", `data."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".department`: "d",
	}).Attrs
	for attr, values := range want {
		if !slices.Equal(got.Attrs[attr], values) {
			t.Errorf("%s: got %#v, wanted %#v", attr, got.Attrs[attr], values)
		}
	}
	if len(got.Attrs) != len(want) {
		t.Errorf("got %v", got.Attrs)
	}
}

// Whoever says nothing of `active` enables nobody, though it is shown as true where nothing is kept.
func TestATruthWithADefaultIsNotCleared(t *testing.T) {
	m, _ := people(t, strings.Replace(columnsUser, "  active: enabled\n", "  active: {from: enabled, default: \"true\"}\n", 1))
	for name, c := range map[string]struct {
		rec         map[string]any
		value, want string
	}{
		"nothing said":            {map[string]any{"enabled": false}, "null", ""},
		"nothing kept, or said":   {nil, "null", ""},
		"what is shown":           {nil, "true", ""},
		"what is kept":            {map[string]any{"enabled": false}, "false", ""},
		"enabled":                 {map[string]any{"enabled": false}, "true", `=enabled backends.Bool("true")`},
		"disabled":                {nil, "false", `=enabled backends.Bool("false")`},
		"disabled while it is on": {map[string]any{"enabled": true}, "false", `=enabled backends.Bool("false")`},
	} {
		t.Run(name, func(t *testing.T) {
			rec := person(map[string]any{"login": "b"})
			if c.rec != nil {
				rec = person(map[string]any{"login": "b", "enabled": c.rec["enabled"]})
			}
			before, _ := m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, "active", c.value)
			got, err := m.Diff(rec, before, after, nil)
			if said := kindsOf(got.Changes); err != nil || said != c.want {
				t.Errorf("got %s, wanted %s (%v)", said, c.want, err)
			}
			if kept := len(got.Kept) == 1 && got.Kept[0] == "active"; kept != (name == "nothing said") {
				t.Errorf("kept are %q", got.Kept)
			}
		})
	}
}

func TestWhatChangesInColumnsAndDocuments(t *testing.T) {
	m, _ := people(t, columnsUser)
	rec := person(map[string]any{
		"login": "b", "emp_no": 7, "enabled": true, "made_at": mustTime("2026-01-02T03:04:05Z"), "data.name.givenName": "B", `data."urn:acme:Thing".tags`: []any{"a", "b"},
		"data.emails": []any{map[string]any{"value": "a@x", "type": "work"}, map[string]any{"value": "b@x"}}, `data."urn:acme:Thing".vip`: true,
	})
	for name, c := range map[string]struct{ path, value, want string }{
		"nothing":                   {"userName", `"b"`, ""},
		"a number that is the same": {scim.EnterpriseURN + "/employeeNumber", `"7"`, ""},
		"another number":            {scim.EnterpriseURN + "/employeeNumber", `"08"`, `=emp_no backends.String("08")`},
		"a truth":                   {"active", `false`, `=enabled backends.Bool("false")`},
		"a truth that goes":         {"active", `null`, `=enabled `},
		"a part":                    {"name/givenName", `"C"`, `=data.name.givenName backends.String("C")`},
		"a part that goes":          {"name/givenName", `null`, `=data.name.givenName `},
		"an array":                  {"urn:acme:Thing/tags", `["b","c"]`, `-data."urn:acme:Thing".tags backends.String("a") +data."urn:acme:Thing".tags backends.String("c")`},
		"an object of several": {
			"emails", `[{"value":"a@x","type":"home"},{"value":"b@x"}]`,
			`-data.emails backends.Row("{\"type\":[{\"string\":\"work\"}],\"value\":[{\"string\":\"a@x\"}]}") +data.emails backends.Row("{\"type\":[{\"string\":\"home\"}],\"value\":[{\"string\":\"a@x\"}]}")`,
		},
		"a truth in the document": {"urn:acme:Thing/vip", `false`, `=data."urn:acme:Thing".vip backends.Bool("false")`},
	} {
		t.Run(name, func(t *testing.T) {
			before, problems := m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, c.path, c.value)
			got, err := m.Diff(rec, before, after, nil)
			if said := kindsOf(got.Changes); err != nil || said != c.want || got.Move != nil {
				t.Errorf("got %s, wanted %s (%v, %v)", said, c.want, err, problems)
			}
		})
	}
}

func kindsOf(changes []backends.Change) string {
	var out []string
	for _, c := range changes {
		sign := map[backends.ChangeOp]string{backends.Add: "+", backends.Remove: "-", backends.Replace: "="}[c.Op]
		var values []string
		for _, v := range c.Values {
			values = append(values, fmt.Sprintf("%#v", v))
		}
		out = append(out, sign+c.Attr+" "+strings.Join(values, "|"))
	}
	return strings.Join(out, " ")
}

func TestTextsOfColumnsThatAreNoText(t *testing.T) {
	m, _ := people(t, columnsUser)
	for text, want := range map[string]string{
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "7"`:  `emp_no eq "7" (integer)`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "07"`: `false`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "x"`:  `false`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber sw "7"`:  `true, rest`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber gt "7"`:  `true, rest`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber pr`:      `emp_no pr`,
		`title eq "007"`:     `false`,
		`nickName eq "TRUE"`: `enabled_text eq "true" (boolean)`,
		`nickName eq "yes"`:  `false`,
		`active eq true`:     `enabled eq "true" (boolean)`,
		`active pr`:          `enabled pr`,
		`meta.created gt "2026-01-01T00:00:00+01:00"`:       `made_at gt "2025-12-31T23:00:00Z" (time)`,
		`meta.created lt "9999-12-31T23:59:59-01:00"`:       `made_at pr`,
		`name.givenName eq "B"`:                             `data.name.givenName eq "B" (caseIgnore)`,
		`name.givenName eq ""`:                              `false`,
		`name.givenName pr`:                                 `(data.name.givenName pr and not data.name.givenName eq "" (caseExact))`,
		`urn:acme:Thing:floor gt 1.5`:                       `floor ge "2" (integer)`,
		`urn:acme:Thing:vip eq true`:                        `data."urn:acme:Thing".vip eq "true" (boolean)`,
		`urn:acme:Thing:weight gt 1.5`:                      `true, rest`,
		`emails[type eq "work" and value co "@x"]`:          `data.emails[(type eq "work" (caseIgnore) and value co "@x" (caseIgnore))]`,
		`emails.primary eq true and emails[value eq "a@x"]`: ``,
	} {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		low, err := m.Lower(e, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := backends.Describe(low.Where)
		if low.Rest != nil {
			got += ", rest"
		}
		if got != want && want != "" {
			t.Errorf("%s\n got    %s\n wanted %s", text, got, want)
		}
	}
}

// typedPools are what columns and places of the document may hold: few values, so that they meet, of the right kind and of others.
var typedPools = map[string][]any{
	"login": {"b", "B", "bjensen"}, "enabled": {true, false}, "enabled_text": {true, false}, "grade": {7, 42}, "made_at": {mustTime("2020-01-01T00:00:00Z"), "2020-06-01"},
	"emp_no": {7, 1}, "weight": {json.Number("41.5"), 7}, "floor": {7, 42},
}

var anywhere = []any{"b", "B", "", "7", 7, 42, true, false, "true", json.Number("41.5"), "2020-01-01T00:00:00Z", "2020-06-01T00:00:00Z", "work", "a b"}

func drawPeople(t *rapid.T, m *Mapping, d *directory) world {
	w := world{m: m, d: d, external: map[backends.Key]string{}}
	for i := range 6 {
		rec := backends.Record{Key: backends.Key(fmt.Sprintf("k%d", i)), Attrs: backends.Attributes{}}
		for _, f := range m.fields {
			attr := f.reads()[0]
			switch {
			case rapid.IntRange(0, 2).Draw(t, "there") == 0 || len(rec.Attrs[attr]) > 0:
			case f.kind == fromRows:
				for range rapid.IntRange(1, 3).Draw(t, "rows") {
					columns := backends.Attributes{}
					for _, name := range f.set.columns {
						if rapid.Bool().Draw(t, "part") {
							columns[name] = backends.Values{nativeValue(rapid.SampledFrom(anywhere).Draw(t, name))}
						}
					}
					rec.Attrs[attr] = append(rec.Attrs[attr], backends.Row(columns))
				}
			case typedPools[attr] != nil:
				rec.Attrs[attr] = native([]any{rapid.SampledFrom(typedPools[attr]).Draw(t, attr)})
			default:
				rec.Attrs[attr] = native(rapid.SliceOfNDistinct(rapid.SampledFrom(anywhere), 1, manyOrOne(f), func(v any) string { return fmt.Sprint(v) }).Draw(t, attr))
			}
		}
		w.recs = append(w.recs, rec)
	}
	return w
}

func manyOrOne(f *field) int {
	if f.many() {
		return 3
	}
	return 1
}

func TestFiltersOnColumnsAndDocumentsAgreeWithTheMatcher(t *testing.T) {
	m, d := people(t, columnsUser)
	d.match = true
	rapid.Check(t, func(t *rapid.T) {
		w := drawPeople(t, m, d)
		for range 20 {
			w.agree(t, drawFilter(t, m.rt, 3))
		}
	})
}

func TestColumnsAndDocumentsKeepWhatTheyShow(t *testing.T) {
	m, d := people(t, columnsUser)
	rapid.Check(t, func(t *rapid.T) {
		for _, rec := range drawPeople(t, m, d).recs {
			for _, f := range m.fields {
				if f.mutability() == scim.ReadOnly { // nobody could make it
					delete(rec.Attrs, f.reads()[0])
				}
			}
			before, _ := m.Get(rec, nil)
			got, err := m.Diff(rec, before, parseAgain(t, before), nil)
			if err != nil || !got.Empty() {
				t.Fatalf("%v\nwritten back as it is, it changes %s %v", rec.Attrs, kindsOf(got.Changes), err)
			}
			if part(before, "userName") == nil {
				continue
			}
			made, err := m.Create(parseAgain(t, before))
			if err != nil {
				t.Fatalf("%s: %v", before.AppendJSON(nil), err)
			}
			again, problems := m.Get(backends.Record{Key: rec.Key, Attrs: made.Attrs}, nil)
			before.Delete("meta") // created is the database's own
			again.Delete("meta")
			if !sameResource(t, again, before) || len(problems) > 0 {
				t.Fatalf("%s\nis made as %v\nand shown as %s (%v)", before.AppendJSON(nil), made.Attrs, again.AppendJSON(nil), problems)
			}
		}
	})
}

// sameResource compares resources, of which lists have no order. `primary: false` says no more than its absence (RFC 7643 §2.4).
func sameResource(t fatal, a, b *scim.Object) bool {
	blank := func(o *scim.Object) string {
		o = parseAgain(t, o)
		for name, v := range o.All() {
			list, ok := v.([]any)
			if !ok {
				continue
			}
			texts := make([]any, len(list))
			for i, e := range list {
				texts[i] = strings.NewReplacer(`,"primary":false`, "", `"primary":false,`, "").Replace(printed(e))
			}
			slices.SortFunc(texts, compareShown)
			o.Set(name, slices.Compact(texts))
		}
		return printed(o)
	}
	return blank(a) == blank(b)
}
