package backendtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func documentChecks() []check {
	return []check{
		{"places in a document are set, read, changed and cleared, each with its kind", (*suite).documentPlaces},
		{"records are found by what lies in their documents", (*suite).documentsFound},
		{"what nobody mentions in a document survives a change beside it", (*suite).documentNeighbours},
		{"a change of a document has its effect, wholly and on its condition, or none", (*suite).documentNoEffect},
		{"any member can be a place, and any text lie there", (*suite).oddPlaces},
	}
}

func (s *suite) documentTested() error {
	capable := s.b.Capabilities().Document
	if s.a.Doc.Text == "" && capable == "" {
		return notTested("no documents here")
	}
	attr, members, ok := backends.SplitPath(s.a.Doc.Text)
	if !ok || !strings.EqualFold(attr, capable) || len(members) < 2 {
		return fmt.Errorf("the document is %q, and the place of a text to be tested %q", capable, s.a.Doc.Text)
	}
	return nil
}

// beside is a place beside the text's.
func (s *suite) beside(member string) string {
	attr, members, _ := backends.SplitPath(s.a.Doc.Text)
	return backends.Path(attr, append(slices.Clone(members[:len(members)-1]), member)...)
}

// top is a place at the top of the document.
func (s *suite) top(members ...string) string {
	attr, _, _ := backends.SplitPath(s.a.Doc.Text)
	return backends.Path(attr, members...)
}

// inside is a place in each of the array of objects.
func (s *suite) inside() string {
	attr, members, _ := backends.SplitPath(s.a.Doc.Objects)
	return backends.Path(attr, append(members, "value")...)
}

// object is one of an array of objects.
func object(value, kind string, main bool) backends.Value {
	parts := backends.Attributes{"value": backends.Strings(value), "main": {backends.Bool(main)}}
	if kind != "" {
		parts["kind"] = backends.Strings(kind)
	}
	return backends.Row(parts)
}

// filled are the values of all places that are tested here.
func (s *suite) filled() backends.Attributes {
	attrs := backends.Attributes{
		s.a.Doc.Text: backends.Strings("Ann"), s.a.Doc.Bool: {backends.Bool(true)}, s.a.Doc.Int: {backends.Int(42)}, s.a.Doc.Texts: backends.Strings("one", "Two"),
		s.a.Doc.Objects: {object("a@x", "work", true), object("b@x", "", false)},
	}
	delete(attrs, "")
	return attrs
}

// lies fails unless a record, read now, has these values in its document, and nothing at the other places.
func (s *suite) lies(key backends.Key, want backends.Attributes) error {
	rec, err := s.fetch(key)
	if err != nil {
		return err
	}
	for place := range s.filled() {
		if err := same(rec, place, want[place]...); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) documentPlaces() error {
	if err := s.documentTested(); err != nil {
		return err
	}
	all := s.filled()
	made, err := s.person(all)
	if err != nil {
		return err
	}
	if err := s.lies(made.Key, all); err != nil {
		return fmt.Errorf("after Create: %w", err)
	}
	version := made.Version
	set := func(place string, values ...backends.Value) error {
		if place == "" {
			return nil
		}
		all[place] = values
		fresh, err := s.modify(made.Key, backends.Change{Op: backends.Replace, Attr: place, Values: values})
		if err != nil || version != "" && fresh.Version == version {
			return unlike(err, "replacing %s by %v: version %q, before %q", place, values, fresh.Version, version)
		}
		version = fresh.Version
		if err := errors.Join(same(fresh, place, values...), s.lies(made.Key, all)); err != nil {
			return fmt.Errorf("after %s was replaced by %v: %w", place, values, err)
		}
		return nil
	}
	d := s.a.Doc
	err = errors.Join(
		set(d.Text, backends.String("Bob")), set(d.Text, backends.String("true")), set(d.Text, backends.String("7")), set(d.Text),
		set(d.Text, backends.String("back")), set(d.Bool, backends.Bool(false)), set(d.Bool), set(d.Bool, backends.Bool(true)),
		set(d.Int, backends.Int(-7)), set(d.Int, backends.Int(1<<53+1)), set(d.Int), set(d.Int, backends.Int(0)),
		set(d.Texts, backends.Strings("three")...), set(d.Texts), set(d.Texts, backends.Strings("a", "b", "c")...),
		set(d.Objects, object("c@x", "home", false)), set(d.Objects), set(d.Objects, object("a@x", "work", true), object("c@x", "", false)),
	)
	if err != nil {
		return err
	}
	// A record that begins without a document has the places too.
	bare, err := s.person(nil)
	if err != nil {
		return err
	}
	var changes []backends.Change
	for place, values := range s.filled() {
		changes = append(changes, backends.Change{Op: backends.Add, Attr: place, Values: values})
	}
	if _, err = s.modify(bare.Key, changes...); err != nil {
		return fmt.Errorf("adding to an empty document: %w", err)
	}
	return errors.Join(s.lies(bare.Key, s.filled()), s.lies(made.Key, all))
}

func (s *suite) documentsFound() error {
	if err := s.documentTested(); err != nil {
		return err
	}
	d := s.a.Doc
	var all []backends.Record
	for _, extra := range []backends.Attributes{
		s.filled(),
		{d.Text: backends.Strings("ann"), d.Int: {backends.Int(9)}, d.Bool: {backends.Bool(false)}, d.Objects: {object("a@x", "home", true), object("b@x", "work", true)}},
		{d.Text: backends.Strings("100%"), d.Int: {backends.Int(10)}, d.Texts: backends.Strings("one")},
		{d.Text: backends.Strings("true"), d.Texts: backends.Strings("42", "null")},
		{d.Objects: {object("c'x", "", false)}},
		nil,
	} {
		rec, err := s.person(extra)
		if err != nil {
			return err
		}
		recs, err := s.b.Fetch(s.ctx, []backends.Key{rec.Key}, append(s.all(), s.inside()))
		if err != nil || len(recs) != 1 {
			return unlike(err, "Fetch gave %d records", len(recs))
		}
		all = append(all, recs[0])
	}
	for _, p := range s.documentPredicates() {
		for _, q := range []backends.Predicate{p, backends.Not{Term: p}, backends.Or{backends.Not{Term: p}, s.eq(s.a.Name, "person1")}} {
			if err := errors.Join(s.compare(q, all), s.compareCount(q, all)); err != nil {
				return err
			}
		}
	}
	for _, place := range []string{d.Text, d.Texts} {
		p := backends.Eq{Attr: place, Value: backends.String("one"), Rule: backends.CaseExact}
		if f := s.b.Fidelity(p); place != "" && f != backends.Exact && f != backends.Superset {
			return fmt.Errorf("fidelity of %s is %s: nobody would be found by it", p, f)
		}
	}
	return nil
}

// documentPredicates are conditions on what lies in documents.
func (s *suite) documentPredicates() []backends.Predicate {
	d := s.a.Doc
	var all []backends.Predicate
	add := func(place string, tests ...backends.Predicate) {
		if place != "" {
			all = append(all, append(tests, backends.Present{Attr: place})...)
		}
	}
	for _, place := range []string{d.Text, d.Texts} {
		for _, text := range []string{"ann", "Ann", "one", "two", "true", "42", "null", "%", "", "a\x00", `"`, "'; --"} {
			for _, rule := range []backends.Rule{backends.CaseExact, backends.CaseIgnore} {
				add(place, backends.Eq{Attr: place, Value: backends.String(text), Rule: rule}, backends.Prefix{Attr: place, Text: text, Rule: rule},
					backends.Suffix{Attr: place, Text: text, Rule: rule}, backends.Contains{Attr: place, Text: text, Rule: rule})
			}
		}
	}
	for _, value := range []backends.Value{backends.Bool(true), backends.String("FALSE"), backends.String("maybe"), backends.String("")} {
		add(d.Bool, backends.Eq{Attr: d.Bool, Value: value, Rule: backends.BooleanRule})
	}
	for _, value := range []backends.Value{backends.Int(9), backends.Int(42), backends.String("10"), backends.String("010"), backends.String("ten"), backends.String("99999999999999999999")} {
		add(d.Int, backends.Eq{Attr: d.Int, Value: value, Rule: backends.IntegerRule})
		for _, op := range []backends.OrderOp{backends.Less, backends.LessEq, backends.Greater, backends.GreaterEq} {
			add(d.Int, backends.Order{Attr: d.Int, Op: op, Value: value, Rule: backends.IntegerRule})
		}
	}
	if d.Objects == "" {
		return all
	}
	eq := func(part, text string) backends.Predicate {
		return backends.Eq{Attr: part, Value: backends.String(text), Rule: backends.CaseExact}
	}
	main := backends.Eq{Attr: "main", Value: backends.Bool(true), Rule: backends.BooleanRule}
	inside := s.inside()
	for _, where := range []backends.Predicate{
		backends.And{eq("value", "a@x"), eq("kind", "work")},
		backends.And{eq("value", "a@x"), backends.Not{Term: eq("kind", "work")}},
		backends.And{main, eq("kind", "home")},
		eq("value", "c'x"),
		backends.Not{Term: eq("kind", "work")},
		backends.Not{Term: backends.Present{Attr: "kind"}},
		backends.Not{Term: main},
		backends.True{},
		backends.Or{eq("kind", "home"), backends.Not{Term: main}},
		backends.Contains{Attr: "value", Text: "@", Rule: backends.CaseIgnore},
		eq("value", "nobody"), eq("value", "\x00"),
	} {
		add(d.Objects, backends.Some{Attr: d.Objects, Where: where})
	}
	add(inside, eq(inside, "a@x"), eq(inside, "nobody"), backends.Contains{Attr: inside, Text: "X", Rule: backends.CaseIgnore})
	add(s.beside("nobodyHasThis"), eq(s.beside("nobodyHasThis"), "x"))
	return all
}

func (s *suite) documentNeighbours() error {
	if err := s.documentTested(); err != nil {
		return err
	}
	if s.p.Plant == nil || s.p.Dig == nil {
		return notTested("nothing can be planted in documents")
	}
	made, err := s.person(s.filled())
	if err != nil {
		return err
	}
	planted := map[string]string{
		s.top("unknown"):   `{"deep": [1, [2, {"x": null}], {}], "n": 1.50, "none": null, "empty": "", "text": "a\"b\\c"}`,
		s.beside("beside"): `{"k": ["v", null]}`,
	}
	if s.a.Doc.Objects != "" {
		planted[s.a.Doc.Objects] = `[{"value": "a@x", "more": {"verified": [true, 7]}}, {"value": "b@x", "none": null}]`
	}
	for place, text := range planted {
		if err := s.p.Plant(s.ctx, made.Key, place, text); err != nil {
			return fmt.Errorf("planting %s at %s: %w", text, place, err)
		}
	}
	row := func(value string) backends.Value {
		return backends.Row(backends.Attributes{"value": backends.Strings(value)})
	}
	for _, c := range []backends.Change{
		{Op: backends.Replace, Attr: s.a.Doc.Text, Values: backends.Strings("new")},
		{Op: backends.Replace, Attr: s.a.Doc.Int, Values: backends.Values{backends.Int(8)}},
		{Op: backends.Add, Attr: s.a.Doc.Texts, Values: backends.Strings("more")},
		{Op: backends.Replace, Attr: s.a.Doc.Bool},
		{Op: backends.Replace, Attr: s.a.Doc.Text},
		{Op: backends.Replace, Attr: s.a.Text, Values: backends.Strings("outside of the document")},
		{Op: backends.Add, Attr: s.a.Doc.Objects, Values: backends.Values{row("c@x")}},
		{Op: backends.Remove, Attr: s.a.Doc.Objects, Values: backends.Values{row("b@x")}},
	} {
		if c.Attr == "" {
			continue
		}
		if _, err := s.modify(made.Key, c); err != nil {
			return fmt.Errorf("Modify %v: %w", c, err)
		}
		if c.Attr == s.a.Doc.Objects {
			planted[c.Attr] = map[backends.ChangeOp]string{
				backends.Add:    `[{"value": "a@x", "more": {"verified": [true, 7]}}, {"value": "b@x", "none": null}, {"value": "c@x"}]`,
				backends.Remove: `[{"value": "a@x", "more": {"verified": [true, 7]}}, {"value": "c@x"}]`,
			}[c.Op]
		}
		for place, text := range planted {
			got, err := s.p.Dig(s.ctx, made.Key, place)
			if err != nil || !sameJSON(got, text) {
				return unlike(err, "after Modify %v %s holds %s, want %s", c, place, got, text)
			}
		}
	}
	rec, err := s.fetch(made.Key)
	if err != nil || s.a.Doc.Objects == "" {
		return err
	}
	return same(rec, s.a.Doc.Objects, row("a@x"), row("c@x"))
}

// sameJSON: the order of members means nothing, and that of elements neither to a record.
func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

func (s *suite) documentNoEffect() error {
	if err := s.documentTested(); err != nil {
		return err
	}
	all := s.filled()
	made, err := s.person(all)
	if err != nil {
		return err
	}
	d := s.a.Doc
	replace := change(backends.Replace, d.Text, "new")
	for _, changes := range [][]backends.Change{
		{change(backends.Add, d.Text, "Ann")},
		{change(backends.Remove, d.Text, "Bob")},
		{change(backends.Remove, s.beside("nobodyHasThis"))},
		{change(backends.Add, d.Texts, "three", "one")},
		{replace, change(backends.Remove, d.Texts, "one", "three")},
		{change(backends.Remove, d.Texts, "ONE")},
		{replace, {Op: backends.Add, Attr: d.Objects, Values: backends.Values{object("c@x", "", true), object("a@x", "work", true)}}},
		{{Op: backends.Remove, Attr: d.Objects, Values: backends.Values{object("a@x", "", true)}}},
	} {
		if slices.ContainsFunc(changes, func(c backends.Change) bool { return c.Attr == "" }) {
			continue
		}
		_, err := s.b.Modify(s.ctx, made.Key, changes, backends.Condition{}, nil)
		if err := errors.Join(wants(err, backends.ErrNoEffect, "it"), s.lies(made.Key, all)); err != nil {
			return fmt.Errorf("Modify %v: %w", changes, err)
		}
	}
	conditions := []backends.Condition{{Assert: backends.False{}}}
	if exact := (backends.Eq{Attr: d.Text, Value: backends.String("Bob"), Rule: backends.CaseExact}); s.exact(exact) {
		conditions = append(conditions, backends.Condition{Assert: exact})
	}
	if made.Version != "" {
		conditions = append(conditions, backends.Condition{Version: made.Version})
		if _, err := s.modify(made.Key, change(backends.Replace, s.a.Text, "moves the version")); err != nil {
			return err
		}
	}
	for _, cond := range conditions {
		_, err := s.b.Modify(s.ctx, made.Key, []backends.Change{replace}, cond, nil)
		if err := errors.Join(wants(err, backends.ErrChanged, "it"), s.lies(made.Key, all)); err != nil {
			return fmt.Errorf("Modify of a document on %+v: %w", cond, err)
		}
	}
	return nil
}

// oddPlaces are members with metacharacters, and then texts with them.
func (s *suite) oddPlaces() error {
	if err := s.documentTested(); err != nil {
		return err
	}
	bystander, err := s.person(s.filled())
	if err != nil {
		return err
	}
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	for _, text := range oddTexts() {
		for _, place := range []string{s.top(text), s.beside(text), s.a.Doc.Text} {
			value := text
			if place != s.a.Doc.Text {
				value = "x"
			}
			rec, err := s.b.Modify(s.ctx, made.Key, []backends.Change{change(backends.Replace, place, value)}, backends.Condition{}, []string{place})
			if err != nil && mayRefuse(text) && wants(err, backends.ErrInvalid, "") == nil {
				continue
			}
			if err == nil {
				err = errors.Join(same(rec, place, backends.String(value)),
					s.answers(backends.Eq{Attr: place, Value: backends.String(value), Rule: backends.CaseExact}, made.Key),
					s.answers(backends.Not{Term: backends.Eq{Attr: place, Value: backends.String(value), Rule: backends.CaseExact}}, bystander.Key))
			}
			if err == nil {
				_, err = s.b.Modify(s.ctx, made.Key, []backends.Change{change(backends.Remove, place, value)}, backends.Condition{}, nil)
			}
			if err != nil {
				return fmt.Errorf("the text %.60q at %.60s: %w", value, place, err)
			}
		}
	}
	return errors.Join(s.lies(bystander.Key, s.filled()), s.lies(made.Key, nil))
}
