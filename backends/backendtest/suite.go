package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// suite is one check at work in one place.
type suite struct {
	ctx context.Context //nolint:containedctx // lives as long as the one check does
	h   Harness
	a   Attrs
	p   Place
	b   backends.Backend
	ids int
}

func newSuite(ctx context.Context, h Harness, p Place) *suite {
	if h.Many == 0 {
		h.Many = 2000
	}
	if h.Predicates == 0 {
		h.Predicates = 2000
	}
	if h.Seed == 0 {
		h.Seed = seed()
	}
	if p.Second == nil {
		p.Second = p.Backend
	}
	return &suite{ctx: ctx, h: h, a: h.Attrs, p: p, b: p.Backend}
}

// seed is that of the environment, so that one can look for faults with many, or a fixed one, so that a run can be told from the next.
func seed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("BACKENDTEST_SEED"), 10, 64); err == nil {
		return n
	}
	return 20_260
}

// id gives a name that this check has not used.
func (s *suite) id() string {
	s.ids++
	return fmt.Sprintf("person%d", s.ids)
}

// attrs is what a record called id is made with; extra comes on top.
func (s *suite) attrs(id string, extra backends.Attributes) backends.Attributes {
	attrs := s.a.Base.Clone()
	if attrs == nil {
		attrs = backends.Attributes{}
	}
	attrs[s.a.Name] = backends.Strings(id)
	attrs[s.a.Must] = backends.Strings("Jensen")
	for name, values := range extra {
		attrs[name] = values.Clone()
	}
	delete(attrs, "") // what is not tested here
	for name, values := range attrs {
		attrs[name] = s.own(name, values)
	}
	return attrs
}

// own are values of the kind that the attribute has, where values have kinds. What cannot be read stays a text.
func (s *suite) own(attr string, values backends.Values) backends.Values {
	if !s.b.Capabilities().Typed {
		return values
	}
	own := make(backends.Values, len(values))
	for i, v := range values {
		own[i] = v
		if v.Kind() == backends.KindString {
			own[i] = typedBy(s.rule(attr), v)
		}
	}
	return own
}

// all lists the attributes under test, the password left out.
func (s *suite) all() []string {
	names := []string{
		s.a.Name, s.a.Must, s.a.Text, s.a.Exact, s.a.Multi, s.a.Int, s.a.Time, s.a.Bool, s.a.Ref, s.a.Binary, s.a.Members, s.a.Rows.Attr,
		s.a.Doc.Text, s.a.Doc.Bool, s.a.Doc.Int, s.a.Doc.Texts, s.a.Doc.Objects,
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// create makes a record called id.
func (s *suite) create(id string, extra backends.Attributes) (backends.Record, error) {
	rec, err := s.b.Create(s.ctx, s.name(id), s.attrs(id, extra), s.all())
	if err != nil {
		return rec, fmt.Errorf("Create(%q): %w", id, err)
	}
	if rec.Key == "" {
		return rec, fmt.Errorf("Create(%q) gave a record without a key", id)
	}
	return rec, nil
}

// name is the name of a record called id; nil where records have none.
func (s *suite) name(id string) backends.Template {
	if !s.b.Capabilities().Rename || s.h.Name == nil {
		return nil
	}
	return s.h.Name(id)
}

// called is what records point at a record with, by the backend's own names: its key where it has none.
func called(rec backends.Record) string {
	if rec.Name == "" {
		return string(rec.Key)
	}
	return rec.Name
}

// person makes a record with an id of its own.
func (s *suite) person(extra backends.Attributes) (backends.Record, error) {
	return s.create(s.id(), extra)
}

// fetch reads one record, which must be there.
func (s *suite) fetch(key backends.Key) (backends.Record, error) {
	recs, err := s.b.Fetch(s.ctx, []backends.Key{key}, s.all())
	if err != nil {
		return backends.Record{}, fmt.Errorf("Fetch: %w", err)
	}
	if len(recs) != 1 || recs[0].Key != key {
		return backends.Record{}, fmt.Errorf("Fetch of %q gave %d records: %v", key, len(recs), recs)
	}
	return recs[0], nil
}

// gone says whether key is not there.
func (s *suite) gone(key backends.Key) error {
	recs, err := s.b.Fetch(s.ctx, []backends.Key{key}, nil)
	if err != nil {
		return fmt.Errorf("Fetch: %w", err)
	}
	if len(recs) != 0 {
		return fmt.Errorf("%q is still there", key)
	}
	return nil
}

// modify changes one record without a condition.
func (s *suite) modify(key backends.Key, changes ...backends.Change) (backends.Record, error) {
	for i, c := range changes {
		changes[i].Values = s.own(c.Attr, c.Values)
	}
	return s.b.Modify(s.ctx, key, changes, backends.Condition{}, s.all())
}

// walk gives the keys for which a predicate holds, sorted.
func (s *suite) walk(p backends.Predicate) ([]backends.Key, error) {
	var keys []backends.Key
	for rec, err := range s.b.Walk(s.ctx, backends.Query{Where: p}) {
		if err != nil {
			return nil, fmt.Errorf("Walk %s [%s]: %w", backends.Describe(p), s.b.Native(p), err)
		}
		keys = append(keys, rec.Key)
	}
	slices.Sort(keys)
	return keys, nil
}

// finds fails unless exactly these records are found.
func (s *suite) finds(p backends.Predicate, want ...backends.Key) error {
	got, err := s.walk(p)
	if err != nil {
		return err
	}
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		return fmt.Errorf("Walk %s [%s] found %q, want %q", backends.Describe(p), s.b.Native(p), got, want)
	}
	return nil
}

// rule is how the directory compares an attribute.
func (s *suite) rule(attr string) backends.Rule { return s.b.Syntax(attr).Equality }

func (s *suite) eq(attr, text string) backends.Predicate {
	return backends.Eq{Attr: attr, Value: backends.String(text), Rule: s.rule(attr)}
}

// exact says whether the directory answers p truly all by itself.
func (s *suite) exact(p backends.Predicate) bool { return fidelity(s.b, p) == backends.Exact }

// holds fails unless attr of rec has exactly these values, in any order, byte for byte; values that are no texts are written as their rule would
// have them.
func (s *suite) holds(rec backends.Record, attr string, want ...string) error {
	written := func(texts []string) []string {
		for i, text := range texts {
			if rule := s.rule(attr); s.b.Capabilities().Typed && typedBy(rule, backends.String(text)).Kind() != backends.KindString {
				texts[i] = backends.Normalize(rule, text)
			}
		}
		return slices.Sorted(slices.Values(texts))
	}
	got := written(rec.Attrs[attr].Texts())
	want = written(slices.Clone(want))
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s of %q holds %q, want %q", attr, rec.Name, got, want)
	}
	return nil
}

// wants fails unless err is of the kind.
func wants(err, kind error, what string) error {
	if errors.Is(err, kind) {
		return nil
	}
	return unlike(err, "%s did not fail with %q", what, kind)
}

// blames fails unless err is ErrInvalid and names the attribute.
func blames(err error, attr, what string) error {
	if wrong := wants(err, backends.ErrInvalid, what); wrong != nil {
		return wrong
	}
	var e *backends.Error
	if !errors.As(err, &e) || !strings.EqualFold(e.Attr, attr) {
		return fmt.Errorf("%s: the error does not name %s: %w", what, attr, err)
	}
	return nil
}

// unlike is the complaint about an answer that is not what it should be; err is what came with it, or nil.
func unlike(err error, format string, args ...any) error {
	complaint := fmt.Sprintf(format, args...)
	if err == nil {
		return errors.New(complaint)
	}
	return fmt.Errorf("%s: %w", complaint, err)
}

// steps runs one after another and stops at the first that fails.
func steps(all ...func() error) error {
	for _, step := range all {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
