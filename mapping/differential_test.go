package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// A world is a mapping, some records, and what the adapter would add to their resources.
type world struct {
	m    *Mapping
	d    *directory
	recs []backends.Record
	// byKey is the overlay's externalId.
	external map[backends.Key]string
}

// pools are the values that records are made of and filters ask for: few, so that they meet; with letter case, blanks
// and what lenses treat in their own way.
var pools = map[string][]string{
	"uid": {"b", "B", "bjensen", "a  b"}, "cn": {"Babs", "babs", "a b", "b"}, "sn": {"-", "Jensen", "x-y"}, "givenName": {"B", "b"},
	"displayName": {"Babs", "b"}, "title": {"Boss", "boss"}, "employeeType": {"E", "C", "e", "X"}, "preferredLanguage": {"en", "de", "EN"},
	"l": {"Ulm", "ulm", "a  b"}, "mail": {"a@x", "A@x", "b@x", "b"}, "telephoneNumber": {"+1 2", "+1-2", "3"}, "mobile": {"+12", "3"},
	"postalCode": {"1", "2"}, "pwdAccountLockedTime": {"000001010000Z"}, "memberOf": {"cn=a,dc=x", "cn=b,dc=x"},
	"createTimestamp": {"20200101000000Z", "20210101000000Z"}, "employeeNumber": {"7", "b"}, "description": {"dep-b", "b", "DEP-b", "dep-Ulm"},
	"manager": {"uid=m,dc=x"}, "uidNumber": {"7", "42"}, "homeDirectory": {"/home/b", "/home/B"},
	"member": {"cn=nobody", "uid=a,dc=x", "uid=b,dc=x"}, "carLicense": {"b", "B", "x"}, "street": {"b", "Ulm"},
	"st": {"b", "x"}, "internationalISDNNumber": {"TRUE", "FALSE", "perhaps"}, "x121Address": {"TRUE", "FALSE", "b"}, "initials": {"b", "x"}, "physicalDeliveryOfficeName": {"b", "x"},
	"roomNumber": {"7", "42"}, "hr.phone": {"+1 2", "3"}, "hr.phone/2": {"+12", "3"},
}

// shapes are what the RFC's own schemas have none of: attributes with several simple values, complex ones with one value that has no name of its
// own, and elements whose `primary` is mapped, for some of them.
const (
	shapes = `
schemas:
  - id: urn:acme:Shape
    attributes:
      - {name: tags, multiValued: true}
      - {name: badge, type: complex, subAttributes: [{name: code, caseExact: true}, {name: room, type: integer}]}
      - {name: seal, type: complex, subAttributes: [{name: value}, {name: primary, type: boolean}]}
      - {name: lamps, type: complex, multiValued: true, subAttributes: [{name: value}, {name: type}, {name: primary, type: boolean}]}
resource_types:
  - {name: User, extensions: [{schema: "urn:acme:Shape"}, {schema: "` + scim.EnterpriseURN + `"}]}
`
	shapesYAML = `  urn:acme:Shape:tags: carLicense
  urn:acme:Shape:badge.code: street
  urn:acme:Shape:badge.room: roomNumber | int
  urn:acme:Shape:seal.value: st
  urn:acme:Shape:seal.primary: x121Address | mark
  urn:acme:Shape:lamps[type=work].value: initials
  urn:acme:Shape:lamps[type=work].primary: internationalISDNNumber | mark
  urn:acme:Shape:lamps[type=home].value: physicalDeliveryOfficeName
`
)

// multi are the attributes of which a record may have several values. Those behind a SCIM attribute with one value
// have one here: what a filter says of others is told in the package's documentation.
var multi = map[string]bool{"mail": true, "telephoneNumber": true, "mobile": true, "memberOf": true, "member": true, "carLicense": true, "hr.phone": true, "hr.phone/2": true}

func drawWorld(t *rapid.T, m *Mapping, d *directory) world {
	w := world{m: m, d: d, external: map[backends.Key]string{}}
	for i := range 12 {
		rec := backends.Record{Key: backends.Key(fmt.Sprintf("k%d", i)), Attrs: backends.Attributes{}}
		for _, attr := range m.Reads(nil) {
			if rowPools[attr] != nil {
				rec.Attrs[attr] = drawRows(t, m, attr)
				continue
			}
			n := 1
			if multi[attr] {
				n = 2
			}
			seen := map[string]bool{}
			for range rapid.IntRange(0, n).Draw(t, "values") {
				v := rapid.SampledFrom(pools[attr]).Draw(t, attr)
				if key := backends.Normalize(d.Syntax(attr).Equality, v); !seen[key] {
					seen[key] = true
					rec.Attrs[attr] = append(rec.Attrs[attr], backends.String(v))
				}
			}
		}
		if rapid.Bool().Draw(t, "external") {
			w.external[rec.Key] = rapid.SampledFrom([]string{"e", "E", "f"}).Draw(t, "externalId")
		}
		w.recs = append(w.recs, rec)
	}
	return w
}

// resource is what the adapter would test: the mapping's resource with what is known of its groups, and the overlay laid over it.
func (w world) resource(rec backends.Record, want func(scim.Ref) bool) *scim.Object {
	res, _ := w.m.Get(rec, want)
	if groups, _ := res.Get("groups"); groups != nil {
		for _, e := range groups.([]any) {
			e.(*scim.Object).Set("type", "direct")
		}
	}
	if len(w.m.Overlays()) == 0 || want != nil && !want(w.m.Overlays()[0]) {
		return res
	}
	if e, ok := w.external[rec.Key]; ok {
		res.Set("externalId", e)
	}
	return res
}

// know answers the unknown terms. A name is its own id here.
func (w world) know(e filter.Expr) Known {
	known := Known{}
	for _, u := range w.m.Unknowns(e) {
		var a Answer
		if id, ok := u.Term.Value.(string); ok && u.Kind == RefTerm {
			a.Names = []string{id}
		}
		for _, rec := range w.recs {
			if u.Kind == OverlayTerm && scim.Match(u.Term, w.m.rt, w.resource(rec, nil)) {
				a.Keys = append(a.Keys, rec.Key)
			}
		}
		known[u.Key] = a
	}
	return known
}

var literals = []any{
	"b", "B", "bjensen", "a b", " a  b ", "Babs", "-", "x", "", "Jensen", "Boss", "Employee", "contractor", "en", "de", "en-GB", "Ulm", "a@x", "@x",
	"work", "WORK", "home", "mobile", "+12", "+1 2", "1", "cn=a,dc=x", "uid=m,dc=x", "uid=a,dc=x", "k3", "e", "true", "User", "/home/b",
	"2020-01-01T00:00:00Z", "2020-06-01T02:00:00+02:00", "urn:acme:User", scim.UserURN, true, false, json.Number("7"), json.Number("41.5"), nil,
}

var allOps = []filter.Op{filter.Eq, filter.Ne, filter.Co, filter.Sw, filter.Ew, filter.Gt, filter.Ge, filter.Lt, filter.Le, filter.Pr}

// drawFilter makes a filter that the resource type takes.
func drawFilter(t *rapid.T, rt *scim.ResourceType, depth int) filter.Expr {
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case depth > 0 && kind < 2:
		return filter.Not{Term: drawFilter(t, rt, depth-1)}
	case depth > 0 && kind < 4:
		return filter.And{Terms: []filter.Expr{drawFilter(t, rt, depth-1), drawFilter(t, rt, depth-1)}}
	case depth > 0 && kind < 6:
		return filter.Or{Terms: []filter.Expr{drawFilter(t, rt, depth-1), drawFilter(t, rt, depth-1)}}
	}
	for range 50 {
		if e := drawTerm(t, rt); rt.CheckFilter(e) == nil && !asksLabel(e) {
			return e
		}
	}
	return filter.Compare{Path: filter.Path{Attr: "id"}, Op: filter.Pr}
}

// asksLabel reports a term that asks what the record behind a reference is called, which is refused.
func asksLabel(e filter.Expr) bool {
	text := e.String()
	return strings.Contains(text, ".display ") || strings.Contains(text, "[display ") || strings.Contains(text, "(display ") ||
		strings.Contains(text, " display ") || strings.Contains(text, "manager") && strings.Contains(text, "displayName")
}

func drawTerm(t *rapid.T, rt *scim.ResourceType) filter.Expr {
	uri, attrs := "", append(append([]*scim.Attribute{}, rt.Common...), rt.Schema.Attributes...)
	if len(rt.Extensions) > 0 && rapid.IntRange(0, 2).Draw(t, "extension") == 0 {
		x := rapid.SampledFrom(rt.Extensions).Draw(t, "urn").Schema
		uri, attrs = x.ID, x.Attributes
	}
	a := rapid.SampledFrom(attrs).Draw(t, "attribute")
	p := filter.Path{URI: uri, Attr: a.Name}
	if len(a.SubAttributes) > 0 && rapid.Bool().Draw(t, "sub") {
		p.Sub = rapid.SampledFrom(a.SubAttributes).Draw(t, "part").Name
	}
	if (a.MultiValued || len(a.SubAttributes) > 0) && rapid.Bool().Draw(t, "brackets") {
		p.Filter = drawBrackets(t, a, 2)
		if p.Sub == "" && rapid.IntRange(0, 3).Draw(t, "bare") > 0 {
			return filter.Has{Path: p}
		}
	}
	leaf := a
	if p.Sub != "" {
		leaf = a.Sub(p.Sub)
	}
	return drawCompare(t, p, leaf)
}

func drawBrackets(t *rapid.T, a *scim.Attribute, depth int) filter.Expr {
	switch kind := rapid.IntRange(0, 5).Draw(t, "inside"); {
	case depth > 0 && kind == 0:
		return filter.Not{Term: drawBrackets(t, a, depth-1)}
	case depth > 0 && kind == 1:
		return filter.And{Terms: []filter.Expr{drawBrackets(t, a, depth-1), drawBrackets(t, a, depth-1)}}
	case depth > 0 && kind == 2:
		return filter.Or{Terms: []filter.Expr{drawBrackets(t, a, depth-1), drawBrackets(t, a, depth-1)}}
	}
	if len(a.SubAttributes) == 0 {
		return drawCompare(t, filter.Path{Attr: "value"}, a)
	}
	part := rapid.SampledFrom(a.SubAttributes).Draw(t, "part")
	return drawCompare(t, filter.Path{Attr: part.Name}, part)
}

// drawCompare tests a path, of a boolean with what there is to ask of one.
func drawCompare(t *rapid.T, p filter.Path, leaf *scim.Attribute) filter.Compare {
	c := filter.Compare{Path: p, Op: rapid.SampledFrom(allOps).Draw(t, "op")}
	if leaf.Type == scim.TypeBoolean && rapid.Bool().Draw(t, "boolean") {
		c.Op, c.Value = rapid.SampledFrom([]filter.Op{filter.Eq, filter.Ne}).Draw(t, "is"), rapid.Bool().Draw(t, "truth")
		return c
	}
	if c.Op != filter.Pr {
		c.Value = rapid.SampledFrom(literals).Draw(t, "literal")
	}
	return c
}

// fatal is how a check says what it found.
type fatal interface{ Fatalf(string, ...any) }

// agree compares both halves of the lowered filter with the matcher over everything, for each record.
func (w world) agree(t fatal, e filter.Expr) Lowered {
	low, err := w.m.Lower(e, w.know(e))
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	for _, rec := range w.recs {
		want := scim.Match(e, w.m.rt, w.resource(rec, nil))
		got := w.d.answer(t, low.Where, rec)
		if got && low.Rest != nil {
			got = scim.Match(low.Rest, w.m.rt, w.resource(rec, low.Wants))
		}
		if got != want {
			t.Fatalf("%s\nrecord %v\nmatches %v, but %s and rest %v say %v\nresource %s",
				e, rec.Attrs, want, ldapText(low.Where), low.Rest, got, w.resource(rec, nil).AppendJSON(nil))
		}
	}
	return low
}

func TestLoweredPredicateAndRestAgreeWithTheMatcher(t *testing.T) {
	d := newDirectory()
	set, faults := tryWithTypes(t, shapes, userYAML+shapesYAML, groupYAML)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	native, rests := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.SampledFrom(set.All()).Draw(t, "mapping"), d)
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

// recorder notes that a check failed, where the test wants it to.
type recorder struct{ said string }

type found struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(found{})
}

// finds reports whether the differential test finds a fault.
func finds(w world, filters []filter.Expr) (said string) {
	r := &recorder{}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(found); !ok {
				panic(p)
			}
			said = r.said
		}
	}()
	for _, e := range filters {
		w.agree(r, e)
	}
	return ""
}

// TestTheDifferentialTestFindsPlantedFaults plants a fault in a copy of the house and expects the comparison to see it.
func TestTheDifferentialTestFindsPlantedFaults(t *testing.T) {
	plant := map[string]func(d *directory, m *Mapping){
		"no fault": nil,
		"a lens claims to be exact and is not": func(_ *directory, m *Mapping) {
			m.find("", "userType").fields[0].pipes[0].steps[0].spec.Exact = true
			spec := m.find(scim.EnterpriseURN, "department").fields[0].pipes[0].steps[0].spec
			spec.Exact = true
		},
		"a lens finds the opposite": func(_ *directory, m *Mapping) {
			p := &m.find("", "active").fields[0].pipes[0]
			honest := p.steps[0].lens.(funcs)
			turned := honest
			turned.where = func(t Test) (backends.Predicate, bool) {
				p, ok := honest.where(t)
				return backends.Not{Term: p}, ok
			}
			p.steps = []step{{p.steps[0].spec, turned}}
		},
		"more than was asked for is taken for exact": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.Superset, backends.Exact)
		},
		"less than was asked for is taken for more": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.Subset, backends.Superset)
		},
		"more than was asked for is taken for less": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.Superset, backends.Subset)
		},
		"what cannot be sent is sent": func(d *directory, _ *Mapping) {
			d.fidelity = swap(d, backends.No, backends.Exact)
		},
		"the matcher compares otherwise than the directory": func(_ *directory, m *Mapping) {
			m.find("", "userName").pub.Prep = nil
		},
	}
	for name, fault := range plant {
		t.Run(name, func(t *testing.T) {
			d := newDirectory()
			m := compile(t, d, userYAML, groupYAML).All()[0]
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
			// Some faults show only in a filter that is rare; one of many rounds draws it.
			for round(); fault != nil && caught == "" && rounds > 0; rounds-- {
				round()
			}
			if (caught != "") != (fault != nil) {
				t.Errorf("caught: %q", caught)
			}
		})
	}
}

func swap(d *directory, from, to backends.Fidelity) func(backends.Predicate) backends.Fidelity {
	return func(p backends.Predicate) backends.Fidelity {
		if f := d.honest(p); f != from {
			return f
		}
		return to
	}
}

// checkRecords runs a check over generated records.
func checkRecords(t *testing.T, set *Set, d *directory, check func(fatal, *Mapping, backends.Record)) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.SampledFrom(set.All()).Draw(t, "mapping"), d)
		for _, rec := range w.recs {
			check(t, w.m, rec)
		}
	})
}

func parseAgain(t fatal, o *scim.Object) *scim.Object {
	again, err := scim.ParseObject(o.AppendJSON(nil))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return again
}
