package backendtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func kindChecks() []check {
	return []check{
		{"values come back as what the attribute is", (*suite).typed},
		{"a literal that nothing can be equal to finds nothing, and its opposite all", (*suite).impossibleLiterals},
		{"a very long text is stored and found as it is, or refused", (*suite).longTexts},
		{"where records have no names, none is given one", (*suite).nameless},
		{"what is connected for reading only is read and never written", (*suite).readOnly},
		{"whatever can be asked can be explained", (*suite).plans},
	}
}

// typed: what a client sees as true must not be the text true, in a filter or in an answer.
func (s *suite) typed() error {
	if !s.b.Capabilities().Typed {
		return notTested("values here have no kinds")
	}
	instant := time.Date(2024, 1, 31, 12, 0, 0, 123_456_000, time.UTC)
	for attr, values := range map[string][]backends.Value{
		s.a.Bool: {backends.Bool(true), backends.Bool(false)},
		s.a.Int:  {backends.Int(42), backends.Int(-7), backends.Int(0)},
		s.a.Time: {backends.Time(instant), backends.Time(instant.AddDate(-30, 0, 0)), backends.Time(time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC))},
		s.a.Text: {backends.String("TRUE"), backends.String("42"), backends.String("2024-01-31T12:00:00Z")},
	} {
		if attr == "" {
			continue
		}
		for i, v := range values {
			if err := s.typedValue(attr, v, values[(i+1)%len(values)]); err != nil {
				return fmt.Errorf("%#v as %s: %w", v, attr, err)
			}
		}
	}
	return nil
}

// typedValue writes a value, looks at it from all sides, and replaces it by another.
func (s *suite) typedValue(attr string, v, other backends.Value) error {
	made, err := s.person(backends.Attributes{attr: {v}})
	if err != nil {
		return err
	}
	read, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	syntax := s.b.Syntax(attr)
	eq := func(v backends.Value) backends.Predicate {
		return backends.Eq{Attr: attr, Value: v, Rule: syntax.Equality}
	}
	there, err := s.b.Has(s.ctx, made.Key, attr, backends.Values{v, other})
	if err != nil || !slices.Equal(there, []bool{true, false}) {
		return unlike(err, "Has gave %v", there)
	}
	me := func(p backends.Predicate) backends.Predicate {
		return backends.And{p, s.eq(s.a.Name, read.Attrs[s.a.Name][0].Text())}
	}
	err = errors.Join(
		same(made, attr, v), same(read, attr, v),
		s.answers(me(eq(v)), made.Key), s.answers(me(eq(backends.String(v.Text()))), made.Key), s.answers(me(eq(other))), s.answers(me(backends.Not{Term: eq(other)}), made.Key),
	)
	if err != nil {
		return err
	}
	if syntax.Order != backends.NoRule && v.Kind() != backends.KindString {
		at := backends.Order{Attr: attr, Op: backends.GreaterEq, Value: v, Rule: syntax.Order}
		past := backends.Order{Attr: attr, Op: backends.Greater, Value: v, Rule: syntax.Order}
		if err := errors.Join(s.answers(me(at), made.Key), s.answers(me(past))); err != nil {
			return err
		}
	}
	fresh, err := s.b.Modify(s.ctx, made.Key, []backends.Change{{Op: backends.Replace, Attr: attr, Values: backends.Values{other}}}, backends.Condition{}, []string{attr})
	if err != nil {
		return err
	}
	if err := same(fresh, attr, other); err != nil {
		return err
	}
	if _, err := s.b.Modify(s.ctx, made.Key, []backends.Change{{Op: backends.Remove, Attr: attr, Values: backends.Values{other}}}, backends.Condition{}, nil); err != nil {
		return fmt.Errorf("removing %#v: %w", other, err)
	}
	return s.b.Delete(s.ctx, made.Key, backends.Condition{})
}

// impossibleLiterals: no directory can hold them, some cannot even be sent them.
func (s *suite) impossibleLiterals() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("a"), s.a.Multi: backends.Strings("b")})
	if err != nil {
		return err
	}
	for _, text := range []string{"\x00", "a\x00", "\x00a", "\xff", "a\xc3", "\xed\xa0\x80", strings.Repeat("a", 20_000)} {
		for _, attr := range []string{s.a.Name, s.a.Text, s.a.Multi, s.a.Exact} {
			if attr == "" {
				continue
			}
			rule := s.rule(attr)
			for _, p := range []backends.Predicate{
				s.eq(attr, text),
				backends.Prefix{Attr: attr, Text: text, Rule: rule},
				backends.Suffix{Attr: attr, Text: text, Rule: rule},
				backends.Contains{Attr: attr, Text: text, Rule: rule},
				backends.And{s.eq(attr, text), backends.Present{Attr: s.a.Must}},
			} {
				if err := errors.Join(s.answers(p), s.answers(backends.Not{Term: p}, made.Key)); err != nil {
					return fmt.Errorf("a literal that nobody can have: %w", err)
				}
			}
		}
		keys, err := s.keys(s.a.Name, []string{text, "person1"})
		if err != nil || len(keys) != 1 || keys["person1"] != made.Key {
			return unlike(err, "Find of %.20q and person1 gave %v", text, keys)
		}
		there, err := s.b.Has(s.ctx, made.Key, s.a.Multi, backends.Strings(text, "b"))
		if err != nil || !slices.Equal(there, []bool{false, true}) {
			return unlike(err, "Has of %.20q and b gave %v", text, there)
		}
		if err := s.answers(backends.KeyIn{Keys: []backends.Key{backends.Key(text), made.Key}}, made.Key); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) longTexts() error {
	bystander, err := s.person(backends.Attributes{s.a.Text: backends.Strings("x")})
	if err != nil {
		return err
	}
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	for _, n := range []int{300, 3_000, 9_000, 100_000} {
		text := strings.Repeat("long text ", n/10-1) + "tail 😀"
		attrs := map[string]func(backends.Record) error{
			s.a.Text:  func(rec backends.Record) error { return s.holds(rec, s.a.Text, text) },
			s.a.Multi: func(rec backends.Record) error { return s.holds(rec, s.a.Multi, text) },
		}
		for attr, holds := range attrs {
			rec, err := s.modify(made.Key, change(backends.Replace, attr, text))
			if err != nil {
				if wrong := blames(err, attr, fmt.Sprintf("a text of %d bytes", len(text))); wrong != nil {
					return wrong
				}
				continue
			}
			twin := backends.Eq{Attr: attr, Value: backends.String(text + "s"), Rule: s.rule(attr)}
			if err := errors.Join(holds(rec), s.answers(s.eq(attr, text), made.Key), s.answers(twin), s.answers(backends.Not{Term: s.eq(attr, text)}, bystander.Key)); err != nil {
				return fmt.Errorf("a text of %d bytes as %s: %w", len(text), attr, err)
			}
		}
	}
	return nil
}

func (s *suite) nameless() error {
	if s.b.Capabilities().Rename {
		return notTested("records here have names")
	}
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	name := backends.Template{{Text: s.a.Name + "="}, {Slot: true, Value: backends.String("x")}}
	if err := wants(s.b.Move(s.ctx, made.Key, name, backends.Condition{}), backends.ErrRefused, "Move"); err != nil {
		return err
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if called(rec) != string(made.Key) || called(made) != string(made.Key) || rec.Version != made.Version {
		return fmt.Errorf("%+v, read as %+v, has another name than its key", made, rec)
	}
	names, err := s.b.Names(s.ctx, "", []backends.Key{made.Key})
	if err != nil || names[made.Key] != string(made.Key) {
		return unlike(err, "Names gave %v of %q", names, made.Key)
	}
	return s.holds(rec, s.a.Name, "person1")
}

func (s *suite) readOnly() error {
	if s.b.Capabilities().ReadOnly {
		return errors.New("the place under test cannot be written")
	}
	if s.p.ReadOnly == nil {
		return notTested("no handle here is for reading only")
	}
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	writable := s.b
	s.b = s.p.ReadOnly
	if !s.b.Capabilities().ReadOnly {
		return errors.New("a handle for reading only says that it can write")
	}
	if _, err := s.create("second", nil); !errors.Is(err, backends.ErrRefused) {
		return unlike(err, "Create with a handle for reading only")
	}
	for _, cond := range []backends.Condition{{}, {Version: made.Version}} {
		if err := s.refusedUnder(made.Key, cond, backends.ErrRefused); err != nil {
			return err
		}
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	err = errors.Join(s.holds(rec, s.a.Text, "first"), s.answers(s.eq(s.a.Text, "first"), made.Key), s.finds(nil, made.Key))
	s.b = writable
	return errors.Join(err, s.finds(nil, made.Key))
}

// plans: what a directory can be asked it can be asked about, and asking changes nothing.
func (s *suite) plans() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("a")})
	if err != nil {
		return err
	}
	g := &generator{Rand: rand.New(rand.NewPCG(s.h.Seed, 13)), a: s.a, b: s.b, keys: []backends.Key{made.Key}, names: []string{called(made)}, s: s}
	told := false
	plan := func(q backends.Query) error {
		lines, err := s.b.Plan(s.ctx, q)
		if err != nil {
			return fmt.Errorf("Plan of %s [%s]: %w", backends.Describe(q.Where), s.b.Native(q.Where), err)
		}
		if told = told || len(lines) > 0; told && len(lines) == 0 && q.Where == nil {
			return errors.New("Plan tells of some queries, and not of the simplest")
		}
		return nil
	}
	for i := range 150 {
		if err := plan(backends.Query{Where: g.predicate(i % 3), Attrs: s.all(), Limit: i % 5}); err != nil {
			return err
		}
	}
	queries := []backends.Query{{}, {Attrs: []string{"*"}}}
	if s.b.Capabilities().Seeks {
		queries = append(queries, backends.Query{After: made.Key, Limit: 3}, backends.Query{After: made.Key, Reverse: true, Skip: 2})
	}
	if by := (backends.Sort{Attr: s.a.Text, Rule: s.b.Syntax(s.a.Text).Order}); s.b.Sorts(by) {
		queries = append(queries, backends.Query{Sort: &by, Limit: 3})
	}
	for _, q := range queries {
		if err := plan(q); err != nil {
			return err
		}
	}
	return s.finds(nil, made.Key)
}
