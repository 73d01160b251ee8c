package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func rowChecks() []check {
	return []check{
		{"rows are stored and read back, part by part", (*suite).rowsReadBack},
		{"rows are found by what one and the same row is", (*suite).rowsFound},
		{"rows are added, removed and replaced, and the others stay", (*suite).rowsChange},
		{"adding a row that is there, or removing one that is not, has no effect at all", (*suite).rowsNoEffect},
		{"a change of rows moves the version and happens only on its condition", (*suite).rowsConditional},
		{"what is no row is refused, and nothing has changed then", (*suite).rowsInvalid},
		{"rows added to one record at the same time are all there", (*suite).rowsAddUp},
	}
}

func (s *suite) rowsTested() error {
	if s.a.Rows.Attr == "" {
		return notTested("no rows here")
	}
	return nil
}

// row makes a row of those parts that are tested here; "" leaves one out.
func (s *suite) row(text, kind, flag string) backends.Value {
	parts := backends.Attributes{s.a.Rows.Text: backends.Strings(text)}
	if s.a.Rows.Kind != "" && kind != "" {
		parts[s.a.Rows.Kind] = backends.Strings(kind)
	}
	if s.a.Rows.Bool != "" && flag != "" {
		parts[s.a.Rows.Bool] = backends.Strings(flag)
		if s.b.Capabilities().Typed {
			parts[s.a.Rows.Bool] = backends.Values{backends.Bool(flag == "TRUE")}
		}
	}
	return backends.Row(parts)
}

// rowChange is a change of the rows.
func (s *suite) rowChange(op backends.ChangeOp, rows ...backends.Value) backends.Change {
	return backends.Change{Op: op, Attr: s.a.Rows.Attr, Values: rows}
}

// withRows makes a record with these rows.
func (s *suite) withRows(rows ...backends.Value) (backends.Record, error) {
	return s.person(backends.Attributes{s.a.Rows.Attr: rows})
}

// same fails unless attr of rec has exactly these values, kind and all, in any order.
func same(rec backends.Record, attr string, want ...backends.Value) error {
	written := func(values []backends.Value) []string {
		var all []string
		for _, v := range values {
			all = append(all, v.GoString())
		}
		return slices.Sorted(slices.Values(all))
	}
	if got, want := written(rec.Attrs[attr]), written(want); !slices.Equal(got, want) {
		return fmt.Errorf("%s of %q holds %s, want %s", attr, rec.Key, got, want)
	}
	return nil
}

// hasRows fails unless a record, read now, has exactly these rows.
func (s *suite) hasRows(key backends.Key, want ...backends.Value) error {
	rec, err := s.fetch(key)
	if err != nil {
		return err
	}
	return same(rec, s.a.Rows.Attr, want...)
}

// partRule is how a part of the rows compares.
func (s *suite) partRule(part string) backends.Rule {
	switch rule := s.rule(backends.Path(s.a.Rows.Attr, part)); {
	case part == s.a.Rows.Bool:
		return backends.BooleanRule
	case rule != backends.NoRule:
		return rule
	}
	return backends.CaseExact
}

// part tests a part of a row.
func (s *suite) part(name, text string) backends.Predicate {
	if name == "" {
		return backends.True{}
	}
	return backends.Eq{Attr: name, Value: backends.String(text), Rule: s.partRule(name)}
}

func (s *suite) some(terms ...backends.Predicate) backends.Predicate {
	return backends.Some{Attr: s.a.Rows.Attr, Where: backends.And(terms)}
}

func (s *suite) rowsReadBack() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	want := []backends.Value{s.row("b@x", "work", "TRUE"), s.row("b@home", "home", ""), s.row("c@x", "", "FALSE"), s.row("d@x", "", "")}
	made, err := s.withRows(want...)
	if err != nil {
		return err
	}
	bare, err := s.withRows()
	if err != nil {
		return err
	}
	loud := strings.ToUpper(s.a.Rows.Attr)
	for _, attr := range []string{s.a.Rows.Attr, loud} {
		for rec, err := range s.b.Walk(s.ctx, backends.Query{Attrs: []string{s.a.Must, attr}}) {
			if err != nil {
				return fmt.Errorf("Walk: %w", err)
			}
			expected := want
			if rec.Key == bare.Key {
				expected = nil
			}
			if err := same(rec, attr, expected...); err != nil {
				return err
			}
		}
	}
	recs, err := s.b.Fetch(s.ctx, []backends.Key{made.Key}, []string{s.a.Must})
	if err != nil || len(recs) != 1 || len(recs[0].Attrs) != 1 {
		return unlike(err, "Fetch that asks for no rows gave %+v", recs)
	}
	return steps(
		func() error { return same(made, s.a.Rows.Attr, want...) },
		func() error { return s.hasRows(made.Key, want...) },
		func() error { return s.hasRows(bare.Key) },
		func() error { return s.oddRows() },
	)
}

// oddRows: what a text means to SQL or LDAP, a row does not care.
func (s *suite) oddRows() error {
	made, err := s.withRows()
	if err != nil {
		return err
	}
	var kept []backends.Value
	rule, taken := s.partRule(s.a.Rows.Text), map[string]bool{}
	for _, text := range oddTexts() {
		canonical := backends.Normalize(rule, text)
		if strings.TrimSpace(text) == "" || taken[canonical] {
			continue
		}
		taken[canonical] = true
		row := s.row(text, "work", "")
		if _, err := s.modify(made.Key, s.rowChange(backends.Add, row)); err != nil {
			if mayRefuse(text) && wants(err, backends.ErrInvalid, "") == nil {
				continue
			}
			return fmt.Errorf("adding the row %.60q: %w", row.Text(), err)
		}
		kept = append(kept, row)
		there, err := s.b.Has(s.ctx, made.Key, s.a.Rows.Attr, backends.Values{row, s.row("nobody", "work", "")})
		if err != nil || !slices.Equal(there, []bool{true, false}) {
			return unlike(err, "Has of the row %.60q gave %v", row.Text(), there)
		}
		if err := s.answers(s.some(s.part(s.a.Rows.Text, text), s.part(s.a.Rows.Kind, "work")), made.Key); err != nil {
			return err
		}
	}
	if err := s.hasRows(made.Key, kept...); err != nil {
		return err
	}
	for _, row := range kept {
		if _, err := s.modify(made.Key, s.rowChange(backends.Remove, row)); err != nil {
			return fmt.Errorf("removing the row %.60q: %w", row.Text(), err)
		}
	}
	return s.hasRows(made.Key)
}

func (s *suite) rowsFound() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	var all []backends.Record
	for _, rows := range [][]backends.Value{
		{s.row("b@x", "work", "TRUE"), s.row("b@home", "home", "")},
		{s.row("b@x", "home", "TRUE"), s.row("c@work", "work", "FALSE")},
		{s.row("d@x", "", "")},
		{s.row("b@x", "work", "FALSE"), s.row("b@x", "home", "FALSE"), s.row("100%_", "work", "")},
		nil,
	} {
		rec, err := s.withRows(rows...)
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	for _, p := range s.rowPredicates() {
		for _, q := range []backends.Predicate{
			p,
			backends.Not{Term: p},
			backends.And{p, backends.Present{Attr: s.a.Rows.Attr}},
			backends.Or{backends.Not{Term: p}, s.eq(s.a.Name, "person1")},
		} {
			if err := errors.Join(s.compare(q, all), s.compareCount(q, all)); err != nil {
				return err
			}
		}
	}
	if f := fidelity(s.b, s.some(s.part(s.a.Rows.Text, "b@x"), s.part(s.a.Rows.Kind, "work"))); f != backends.Exact && f != backends.Superset {
		return fmt.Errorf("fidelity of equality in rows is %s: nobody would be found by one", f)
	}
	return nil
}

// rowPredicates are conditions on rows.
func (s *suite) rowPredicates() []backends.Predicate {
	r := s.a.Rows
	text, kind := s.part(r.Text, "b@x"), s.part(r.Kind, "work")
	all := []backends.Predicate{
		s.some(text, kind), s.some(text, s.part(r.Kind, "home")), s.some(s.part(r.Text, "b@home"), kind), s.some(text, backends.Not{Term: kind}),
		s.some(backends.Not{Term: kind}), s.some(backends.Not{Term: backends.And{text, kind}}), s.some(backends.Or{s.part(r.Text, "d@x"), kind}),
		backends.And{s.some(text), s.some(kind)},
		backends.Some{Attr: r.Attr},
		s.some(), s.some(backends.False{}), s.some(backends.Not{Term: backends.True{}}),
		backends.Present{Attr: r.Attr},
		s.some(backends.Present{Attr: r.Text}), s.some(s.part(r.Text, "")), s.some(s.part(r.Text, "B@X")),
		s.some(s.part(r.Text, "b@x\x00")), s.some(backends.Not{Term: s.part(r.Text, "\x00")}), s.some(s.part(r.Text, "'; --")),
	}
	for _, piece := range []string{"b@", "@x", "%", "_", "", `\`, "home"} {
		rule := s.partRule(r.Text)
		all = append(all, s.some(backends.Contains{Attr: r.Text, Text: piece, Rule: rule}, kind), s.some(backends.Prefix{Attr: r.Text, Text: piece, Rule: rule}),
			s.some(backends.Not{Term: backends.Suffix{Attr: r.Text, Text: piece, Rule: rule}}))
	}
	if r.Kind != "" {
		all = append(all, s.some(backends.Not{Term: backends.Present{Attr: r.Kind}}), s.some(text, backends.Present{Attr: r.Kind}))
	}
	if r.Bool != "" {
		truth := s.part(r.Bool, "TRUE")
		all = append(all, s.some(truth), s.some(truth, kind), s.some(backends.Not{Term: truth}), s.some(backends.Not{Term: truth}, kind),
			s.some(s.part(r.Bool, "FALSE")), s.some(backends.Not{Term: backends.Present{Attr: r.Bool}}), s.some(s.part(r.Bool, "maybe")),
			s.some(backends.Not{Term: s.part(r.Bool, "maybe")}), s.some(backends.Eq{Attr: r.Bool, Value: backends.Bool(true), Rule: backends.BooleanRule}))
	}
	return all
}

func (s *suite) rowsChange() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	a, b, c := s.row("a@x", "work", "TRUE"), s.row("b@x", "home", ""), s.row("b@x", "work", "FALSE")
	made, err := s.withRows(a)
	if err != nil {
		return err
	}
	bystander, err := s.withRows(a, b)
	if err != nil {
		return err
	}
	version := made.Version
	for _, step := range []struct {
		do   backends.Change
		want []backends.Value
	}{
		{s.rowChange(backends.Add, b, c), []backends.Value{a, b, c}},
		{s.rowChange(backends.Remove, a, c), []backends.Value{b}},
		{s.rowChange(backends.Replace, a, b), []backends.Value{a, b}},
		{s.rowChange(backends.Replace, c), []backends.Value{c}},
		{s.rowChange(backends.Replace), nil},
		{s.rowChange(backends.Add, a), []backends.Value{a}},
		{s.rowChange(backends.Remove), nil},
		{s.rowChange(backends.Replace, b, a), []backends.Value{a, b}},
	} {
		answer, err := s.modify(made.Key, step.do)
		if err != nil {
			return fmt.Errorf("Modify %v: %w", step.do, err)
		}
		read, err := s.fetch(made.Key)
		if err != nil {
			return err
		}
		if err := errors.Join(same(answer, s.a.Rows.Attr, step.want...), same(read, s.a.Rows.Attr, step.want...)); err != nil {
			return fmt.Errorf("after Modify %v: %w", step.do, err)
		}
		if answer.Version != read.Version || version != "" && version == read.Version {
			return fmt.Errorf("after Modify %v: version %q, read %q, before %q", step.do, answer.Version, read.Version, version)
		}
		version = read.Version
	}
	_, err = s.modify(made.Key, s.rowChange(backends.Remove, a), change(backends.Replace, s.a.Text, "both"), s.rowChange(backends.Add, c))
	return steps(
		func() error { return err },
		func() error { return s.hasRows(made.Key, b, c) },
		func() error { return s.hasRows(bystander.Key, a, b) },
		func() error { return s.b.Delete(s.ctx, made.Key, backends.Condition{}) },
		func() error { return s.answers(s.some(s.part(s.a.Rows.Text, "b@x")), bystander.Key) },
	)
}

func (s *suite) rowsNoEffect() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	a, b, c := s.row("a@x", "work", "TRUE"), s.row("b@x", "home", ""), s.row("c@x", "", "")
	made, err := s.withRows(a, c)
	if err != nil {
		return err
	}
	for _, changes := range [][]backends.Change{
		{s.rowChange(backends.Add, a)},
		{s.rowChange(backends.Add, b, c)},
		{s.rowChange(backends.Remove, b)},
		{s.rowChange(backends.Remove, a, b)},
		{s.rowChange(backends.Remove, s.row("a@x", "", "TRUE"))}, // less than the row is
		{s.rowChange(backends.Remove, s.row("c@x", "work", ""))}, // and more
		{change(backends.Replace, s.a.Text, "new"), s.rowChange(backends.Remove, c), s.rowChange(backends.Add, b, a)},
	} {
		if s.a.Rows.Kind == "" && changes[0].Op == backends.Remove && len(changes[0].Values) == 1 && changes[0].Values[0] != b {
			continue // nothing tells these rows from those
		}
		_, err := s.modify(made.Key, changes...)
		if err := wants(err, backends.ErrNoEffect, fmt.Sprintf("Modify %v", changes)); err != nil {
			return err
		}
		rec, err := s.fetch(made.Key)
		if err != nil {
			return err
		}
		if err := errors.Join(same(rec, s.a.Rows.Attr, a, c), s.holds(rec, s.a.Text)); err != nil || rec.Version != made.Version {
			return unlike(err, "after %v, which had no effect: version %q, before %q", changes, rec.Version, made.Version)
		}
	}
	return nil
}

func (s *suite) rowsConditional() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	a, b := s.row("a@x", "work", "TRUE"), s.row("b@x", "home", "")
	made, err := s.withRows(a)
	if err != nil {
		return err
	}
	if made.Version == "" {
		return notTested("records here have no versions")
	}
	add := []backends.Change{s.rowChange(backends.Add, b)}
	fresh, err := s.b.Modify(s.ctx, made.Key, add, backends.Condition{Version: made.Version}, nil)
	if err != nil || fresh.Version == made.Version {
		return unlike(err, "a row added on version %q gave version %q", made.Version, fresh.Version)
	}
	conditions := []backends.Condition{{Version: made.Version}, {Version: fresh.Version, Assert: backends.False{}}}
	if known := s.some(s.part(s.a.Rows.Text, "b@x")); s.exact(known) {
		conditions = append(conditions, backends.Condition{Assert: backends.Not{Term: known}})
		if _, err := s.b.Modify(s.ctx, made.Key, []backends.Change{s.rowChange(backends.Replace, a, b)}, backends.Condition{Assert: known}, nil); err != nil {
			return fmt.Errorf("Modify on %s: %w", known, err)
		}
	}
	for _, cond := range conditions {
		for _, op := range []backends.ChangeOp{backends.Add, backends.Remove, backends.Replace} {
			row := map[backends.ChangeOp]backends.Value{backends.Add: s.row("c@x", "", ""), backends.Remove: b, backends.Replace: b}[op]
			_, err := s.b.Modify(s.ctx, made.Key, []backends.Change{s.rowChange(op, row)}, cond, nil)
			if err := wants(err, backends.ErrChanged, fmt.Sprintf("%s of rows on %+v", op, cond)); err != nil {
				return err
			}
		}
	}
	return s.hasRows(made.Key, a, b)
}

func (s *suite) rowsInvalid() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	a := s.row("a@x", "work", "TRUE")
	made, err := s.withRows(a)
	if err != nil {
		return err
	}
	bad := []backends.Value{
		backends.Row(backends.Attributes{s.a.Rows.Text: backends.Strings("b@x"), "noSuchPart": backends.Strings("x")}),
		backends.Row(backends.Attributes{s.a.Rows.Text: backends.Strings("b@x", "c@x")}),
		backends.String("b@x"),
	}
	if s.a.Rows.Bool != "" {
		bad = append(bad, backends.Row(backends.Attributes{s.a.Rows.Text: backends.Strings("b@x"), s.a.Rows.Bool: backends.Strings("maybe")}))
	}
	for _, row := range bad {
		for _, op := range []backends.ChangeOp{backends.Add, backends.Replace} {
			changes := []backends.Change{change(backends.Replace, s.a.Text, "new"), s.rowChange(backends.Remove, a), s.rowChange(op, s.row("d@x", "", ""), row)}
			_, err := s.modify(made.Key, changes...)
			if err := s.blamesRows(err, fmt.Sprintf("%s %#v", op, row)); err != nil {
				return err
			}
		}
		_, err := s.withRows(row)
		if err := s.blamesRows(err, fmt.Sprintf("Create with %#v", row)); err != nil {
			return err
		}
	}
	_, err = s.modify(made.Key, backends.Change{Op: backends.Replace, Attr: s.a.Text, Values: backends.Values{a}})
	if err := blames(err, s.a.Text, "a row for a text"); err != nil {
		return err
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if err := errors.Join(same(rec, s.a.Rows.Attr, a), s.holds(rec, s.a.Text)); err != nil || rec.Version != made.Version {
		return unlike(err, "after changes that were refused: version %q, before %q", rec.Version, made.Version)
	}
	return s.finds(nil, made.Key)
}

// blamesRows fails unless err is ErrInvalid and names the rows, or a part of them.
func (s *suite) blamesRows(err error, what string) error {
	if wrong := wants(err, backends.ErrInvalid, what); wrong != nil {
		return wrong
	}
	var e *backends.Error
	if !errors.As(err, &e) || !strings.EqualFold(e.Attr, s.a.Rows.Attr) && !strings.HasPrefix(e.Attr, s.a.Rows.Attr+".") {
		return fmt.Errorf("%s: the error does not name %s: %w", what, s.a.Rows.Attr, err)
	}
	return nil
}

func (s *suite) rowsAddUp() error {
	if err := s.rowsTested(); err != nil {
		return err
	}
	return s.addUp(s.a.Rows.Attr, func(i int) backends.Value { return s.row(strconv.Itoa(i)+"@x", "work", "") })
}

// addUp adds values to one record at the same time; all must be there then.
func (s *suite) addUp(attr string, value func(i int) backends.Value) error {
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	var want []backends.Value
	for i := range writers {
		want = append(want, value(i))
	}
	won, err := s.race(nil, func(ctx context.Context, b backends.Backend, i int) error {
		_, err := b.Modify(ctx, made.Key, []backends.Change{{Op: backends.Add, Attr: attr, Values: backends.Values{want[i]}}}, backends.Condition{}, nil)
		return err
	})
	if err != nil || won != writers {
		return unlike(err, "%d of %d additions succeeded", won, writers)
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	return same(rec, attr, want...)
}
