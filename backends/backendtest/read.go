package backendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func readChecks() []check {
	return []check{
		{"Fetch gives the attributes that were asked for, spelled as they were asked", (*suite).fetchesWhatIsAsked},
		{"Fetch skips keys that are unknown, malformed or there twice", (*suite).fetchSkips},
		{"a record shares no memory with the next one read", (*suite).recordsAreValues},
		{"equality follows the attribute's own rule", (*suite).equality},
		{"pieces of strings are found where they are", (*suite).pieces},
		{"numbers and instants are ordered as such", (*suite).order},
		{"an absent attribute is false, and true under NOT", (*suite).absence},
		{"what cannot be read under the rule is false, and true under NOT", (*suite).illegible},
		{"keys in a predicate are conditions like others", (*suite).keysInPredicates},
		{"Count counts, and says when it stopped", (*suite).counts},
		{"Has says which values are there", (*suite).has},
	}
}

func (s *suite) fetchesWhatIsAsked() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("Manager"), s.a.Multi: backends.Strings("one", "two")})
	if err != nil {
		return err
	}
	loud := strings.ToUpper(s.a.Text)
	for _, c := range []struct {
		ask  []string
		want []string
	}{
		{nil, nil},
		{[]string{s.a.Text}, []string{s.a.Text}},
		{[]string{loud}, []string{loud}},
		{[]string{s.a.Multi, s.a.Must}, []string{s.a.Multi, s.a.Must}},
	} {
		recs, err := s.b.Fetch(s.ctx, []backends.Key{made.Key}, c.ask)
		if err != nil || len(recs) != 1 {
			return unlike(err, "Fetch asking for %q gave %d records", c.ask, len(recs))
		}
		var got []string
		for name := range recs[0].Attrs {
			got = append(got, name)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			return fmt.Errorf("Fetch asking for %q gave %q", c.ask, got)
		}
		if recs[0].Name != made.Name || recs[0].Version != made.Version {
			return fmt.Errorf("Fetch asking for %q gave name %q, version %q; Create gave %q, %q", c.ask, recs[0].Name, recs[0].Version, made.Name, made.Version)
		}
	}
	recs, err := s.b.Fetch(s.ctx, []backends.Key{made.Key}, []string{"*"})
	if err != nil || len(recs) != 1 {
		return unlike(err, "Fetch asking for * gave %d records", len(recs))
	}
	if got := recs[0].Attrs.Get(s.a.Text).Texts(); !slices.Equal(got, []string{"Manager"}) {
		return fmt.Errorf("Fetch asking for * gave %q as %s", got, s.a.Text)
	}
	return nil
}

func (s *suite) fetchSkips() error {
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	dead, err := s.person(nil)
	if err != nil {
		return err
	}
	if err := s.b.Delete(s.ctx, dead.Key, backends.Condition{}); err != nil {
		return fmt.Errorf("Delete: %w", err)
	}
	odd := []backends.Key{
		dead.Key, "", " ", "*", "nonsense", "*)(uid=*", "00000000", "\x00", "\xff", "'; drop table person; --", made.Key + "0",
		backends.Key(strings.Repeat("9", 10_000)),
	}
	if made.Name != string(made.Key) {
		odd = append(odd, backends.Key(made.Name))
	}
	for _, key := range odd {
		recs, err := s.b.Fetch(s.ctx, []backends.Key{key}, nil)
		if err != nil || len(recs) != 0 {
			return unlike(err, "Fetch of the key %.40q gave %d records", key, len(recs))
		}
	}
	recs, err := s.b.Fetch(s.ctx, append(odd, made.Key, made.Key), nil)
	if err != nil || len(recs) != 1 || recs[0].Key != made.Key {
		return unlike(err, "Fetch of one good key twice among odd ones gave %v", recs)
	}
	recs, err = s.b.Fetch(s.ctx, nil, nil)
	if err != nil || len(recs) != 0 {
		return unlike(err, "Fetch of no keys gave %v", recs)
	}
	return nil
}

func (s *suite) recordsAreValues() error {
	given := s.attrs("original", backends.Attributes{s.a.Multi: backends.Strings("one", "two")})
	made, err := s.b.Create(s.ctx, s.name("original"), given, s.all())
	if err != nil {
		return fmt.Errorf("Create: %w", err)
	}
	given[s.a.Multi][0] = backends.String("changed by the caller after Create")
	made.Attrs[s.a.Multi][0] = backends.String("changed by the caller after reading")
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	rec.Attrs[s.a.Multi][0] = backends.String("changed again")
	if rec, err = s.fetch(made.Key); err != nil {
		return err
	}
	return s.holds(rec, s.a.Multi, "one", "two")
}

// cases says for literals whether they equal a stored value; what the claimed fidelity leaves open is not asked.
func (s *suite) cases(attr, value string, equal map[string]bool) error {
	made, err := s.person(backends.Attributes{attr: backends.Strings(value)})
	if err != nil {
		return err
	}
	other, err := s.person(nil)
	if err != nil {
		return err
	}
	for literal, holds := range equal {
		p := s.eq(attr, literal)
		found, left := []backends.Key{made.Key}, []backends.Key{other.Key}
		if !holds {
			found, left = nil, []backends.Key{made.Key, other.Key}
		}
		if err := s.answers(p, found...); err != nil {
			return err
		}
		if err := s.answers(backends.Not{Term: p}, left...); err != nil {
			return err
		}
	}
	return steps(
		func() error { return s.b.Delete(s.ctx, made.Key, backends.Condition{}) },
		func() error { return s.b.Delete(s.ctx, other.Key, backends.Condition{}) },
	)
}

func (s *suite) equality() error {
	for _, c := range []struct {
		attr, value string
		literals    []string
	}{
		{s.a.Text, "Senior Manager", []string{"Senior Manager", "senior manager", "SENIOR MANAGER", "Senior  Manager", " Senior Manager ", "Senior", "SeniorManager", ""}},
		{s.a.Text, "Ängström", []string{"ängström", "ÄNGSTRÖM", "A\u0308ngstro\u0308m", "Angstrom"}},
		{s.a.Text, "Straße", []string{"straße", "STRASSE"}},
		{s.a.Multi, "Fax", []string{"FAX", "fax", "fa"}},
		{s.a.Exact, "Case", []string{"Case", "case", "CASE", " Case"}},
		{s.a.Int, "42", []string{"42", "042", "-42", "4", "42.0", "forty-two", ""}},
		{s.a.Bool, "TRUE", []string{"TRUE", "true", "FALSE", "yes", ""}},
		{s.a.Time, "20240131120000Z", []string{"20240131120000Z", "2024-01-31T12:00:00Z", "20240131140000+0200", "20240131120001Z", "today"}},
	} {
		if c.attr == "" {
			continue
		}
		rule := s.rule(c.attr)
		want, equal := backends.Normalize(rule, c.value), map[string]bool{}
		for _, literal := range c.literals {
			got, ok := backends.Canonical(rule, literal)
			equal[literal] = ok && got == want
		}
		if err := s.cases(c.attr, c.value, equal); err != nil {
			return err
		}
	}
	if f := s.b.Fidelity(s.eq(s.a.Name, "x")); f != backends.Exact && f != backends.Superset {
		return fmt.Errorf("fidelity of equality on %s is %s: nobody would be found by name", s.a.Name, f)
	}
	return nil
}

func (s *suite) pieces() error {
	rule := s.b.Syntax(s.a.Text).Substr
	if rule == backends.NoRule {
		rule = s.rule(s.a.Text)
	}
	made := map[string]backends.Key{}
	for _, title := range []string{"manager", "Managing Director", "Line Manager", "100% man", "*man*", "a_b", `back\slash`, "foobar", "foo bar"} {
		rec, err := s.person(backends.Attributes{s.a.Text: backends.Strings(title)})
		if err != nil {
			return err
		}
		made[title] = rec.Key
	}
	bare, err := s.person(nil)
	if err != nil {
		return err
	}
	made[""] = bare.Key
	var all []backends.Key
	for _, key := range made {
		all = append(all, key)
	}
	for _, text := range []string{"man", "MAN", "*man", "*", "%", "_", `\`, "(", "foo ", " bar", "o b", " ", "\u00a0", "o\u00a0b", "director", "r", "zz", ""} {
		for _, p := range []backends.Predicate{
			backends.Prefix{Attr: s.a.Text, Text: text, Rule: rule},
			backends.Suffix{Attr: s.a.Text, Text: text, Rule: rule},
			backends.Contains{Attr: s.a.Text, Text: text, Rule: rule},
		} {
			var want, rest []backends.Key
			for title, key := range made {
				rec := backends.Record{Key: key, Attrs: backends.Attributes{}}
				if title != "" {
					rec.Attrs[s.a.Text] = backends.Strings(title)
				}
				if backends.Match(p, rec) {
					want = append(want, key)
				} else {
					rest = append(rest, key)
				}
			}
			if err := errors.Join(s.answers(p, want...), s.answers(backends.Not{Term: p}, rest...)); err != nil {
				return err
			}
		}
	}
	return s.answers(nil, all...)
}

func (s *suite) order() error {
	tested, err := s.textOrder()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		attr   string
		values []string // ascending
	}{
		{s.a.Int, []string{"-100", "-9", "0", "9", "10", "1000"}},
		{s.a.Time, []string{"19991231235959Z", "20240229000000Z", "20240301000000Z", "20380119031408Z"}},
	} {
		if c.attr == "" {
			continue
		}
		rule := s.b.Syntax(c.attr).Order
		if rule == backends.NoRule {
			continue
		}
		tested = true
		var keys []backends.Key
		for _, value := range c.values {
			rec, err := s.person(backends.Attributes{c.attr: backends.Strings(value)})
			if err != nil {
				return err
			}
			keys = append(keys, rec.Key)
		}
		for i, value := range c.values {
			for op, want := range map[backends.OrderOp][]backends.Key{
				backends.Less: keys[:i], backends.LessEq: keys[:i+1], backends.Greater: keys[i+1:], backends.GreaterEq: keys[i:],
			} {
				if err := s.answers(backends.Order{Attr: c.attr, Op: op, Value: backends.String(value), Rule: rule}, want...); err != nil {
					return err
				}
			}
		}
	}
	if !tested {
		return notTested("no attribute here has an order")
	}
	return nil
}

// textOrder: before every text stands the empty one, which is nobody's value.
func (s *suite) textOrder() (tested bool, err error) {
	rule := s.b.Syntax(s.a.Text).Order
	if rule == backends.NoRule {
		rule = s.rule(s.a.Text)
	}
	lower, err := s.person(backends.Attributes{s.a.Text: backends.Strings("apple")})
	if err != nil {
		return false, err
	}
	upper, err := s.person(backends.Attributes{s.a.Text: backends.Strings("Banana")})
	if err != nil {
		return false, err
	}
	both := []backends.Key{lower.Key, upper.Key}
	for _, c := range []struct {
		op      backends.OrderOp
		literal string
		want    []backends.Key
	}{
		{backends.Greater, "", both},
		{backends.GreaterEq, "", both},
		{backends.Less, "", nil},
		{backends.LessEq, "", nil},
		{backends.Greater, "APPLE", both[1:]},
		{backends.GreaterEq, "APPLE", both},
		{backends.Less, "b", both[:1]},
		{backends.LessEq, "banana", both},
	} {
		p := backends.Order{Attr: s.a.Text, Op: c.op, Value: backends.String(c.literal), Rule: rule}
		if err := s.answers(p, c.want...); err != nil {
			return false, err
		}
		tested = tested || fidelity(s.b, p) != backends.No
	}
	return tested, errors.Join(s.b.Delete(s.ctx, lower.Key, backends.Condition{}), s.b.Delete(s.ctx, upper.Key, backends.Condition{}))
}

func (s *suite) absence() error {
	with, err := s.person(backends.Attributes{s.a.Text: backends.Strings("there")})
	if err != nil {
		return err
	}
	bare, err := s.person(nil)
	if err != nil {
		return err
	}
	both := []backends.Key{with.Key, bare.Key}
	there, other := s.eq(s.a.Text, "there"), s.eq(s.a.Text, "elsewhere")
	return errors.Join(
		s.answers(backends.Present{Attr: s.a.Text}, with.Key),
		s.answers(backends.Not{Term: backends.Present{Attr: s.a.Text}}, bare.Key),
		s.answers(there, with.Key),
		s.answers(backends.Not{Term: there}, bare.Key),
		s.answers(backends.Not{Term: other}, both...),
		s.answers(backends.Not{Term: backends.Or{there, other}}, bare.Key),
		s.answers(backends.Not{Term: backends.And{there, other}}, both...),
		s.answers(backends.Not{Term: backends.Not{Term: there}}, with.Key),
		s.answers(backends.Not{Term: backends.Contains{Attr: s.a.Text, Text: "her", Rule: s.rule(s.a.Text)}}, bare.Key),
		s.answers(backends.True{}, both...), s.answers(backends.False{}), s.answers(backends.Not{Term: backends.True{}}),
		s.answers(backends.And{}, both...), s.answers(backends.Or{}), s.answers(nil, both...),
	)
}

func (s *suite) illegible() error {
	rec, err := s.person(nil)
	if err != nil {
		return err
	}
	for attr, garbage := range map[string][]string{
		s.a.Int: {"forty", "1e3", "+1", "", "99999999999999999999"}, s.a.Time: {"today", "2024", "20241301000000Z", ""},
		s.a.Bool: {"maybe", ""}, s.a.Ref: {"garbage", "=", "uid=x,,", "*)(uid=*", `uid=a\`, "uid=x;uid=y"},
	} {
		for _, text := range garbage {
			if attr == "" {
				continue
			}
			p := s.eq(attr, text)
			if err := errors.Join(s.answers(p), s.answers(backends.Not{Term: p}, rec.Key), s.answers(backends.Or{p, backends.KeyIn{Keys: []backends.Key{rec.Key}}}, rec.Key)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) keysInPredicates() error {
	one, err := s.person(nil)
	if err != nil {
		return err
	}
	two, err := s.person(nil)
	if err != nil {
		return err
	}
	in := func(keys ...backends.Key) backends.Predicate { return backends.KeyIn{Keys: keys} }
	if f := s.b.Fidelity(in(one.Key)); f != backends.Exact {
		return fmt.Errorf("fidelity of KeyIn is %s; every directory knows its own keys", f)
	}
	return errors.Join(
		s.answers(in(one.Key), one.Key),
		s.answers(in(one.Key, two.Key, one.Key), one.Key, two.Key),
		s.answers(in()),
		s.answers(in("nonsense", "*", "")),
		s.answers(in("nonsense", two.Key), two.Key),
		s.answers(backends.Not{Term: in(one.Key)}, two.Key),
		s.answers(backends.Not{Term: in("nonsense")}, one.Key, two.Key),
		s.answers(backends.And{in(one.Key), in(two.Key)}),
		s.answersMany(one.Key, two.Key),
	)
}

// answersMany asks for more keys than go into one filter of a directory that has a longest: of those that say they do not mind.
func (s *suite) answersMany(one, two backends.Key) error {
	most := min(s.b.Capabilities().MostKeys, 3000)
	if most == 0 {
		return nil
	}
	var others []backends.Key
	for i := range most / 2 { // some are keys here, and the others cannot be
		others = append(others, backends.Key(fmt.Sprintf("%08x-0000-4000-8000-00000000ffff", i)), backends.Key(fmt.Sprint(1_000_000_000+i)))
	}
	with := backends.OneOf(append(slices.Clone(others), one))
	return errors.Join(
		s.answers(with, one),
		s.answers(backends.Not{Term: with}, two),
		s.answers(backends.Or{with, backends.KeyIn{Keys: []backends.Key{two}}}, one, two),
		s.answers(backends.And{with, backends.Not{Term: backends.KeyIn{Keys: []backends.Key{two}}}}, one),
		s.answers(backends.OneOf(others)),
	)
}

func (s *suite) counts() error {
	for range 5 {
		if _, err := s.person(backends.Attributes{s.a.Text: backends.Strings("counted")}); err != nil {
			return err
		}
	}
	if _, err := s.person(nil); err != nil {
		return err
	}
	counted := s.eq(s.a.Text, "counted")
	if !s.exact(counted) {
		counted = backends.Present{Attr: s.a.Text}
	}
	for _, c := range []struct {
		p     backends.Predicate
		limit int
		n     int
		exact bool
	}{
		{nil, 0, 6, true},
		{counted, 0, 5, true},
		{counted, 100, 5, true},
		{counted, 6, 5, true},
		{counted, 4, 4, false},
		{counted, 1, 1, false},
		{backends.False{}, 0, 0, true},
		{backends.False{}, 1, 0, true},
	} {
		n, exact, err := s.b.Count(s.ctx, c.p, c.limit)
		if err != nil || n != c.n || exact != c.exact {
			return unlike(err, "Count %s with limit %d = %d, %v, want %d, %v", backends.Describe(c.p), c.limit, n, exact, c.n, c.exact)
		}
	}
	return nil
}

func (s *suite) has() error {
	rec, err := s.person(backends.Attributes{s.a.Multi: backends.Strings("One", "two", "a*b", "a,b")})
	if err != nil {
		return err
	}
	ask := []string{"One", "one", "two", "three", "a*b", "a*", "*", "a,b", "", "TWO", "two"}
	rule := s.rule(s.a.Multi)
	got, err := s.b.Has(s.ctx, rec.Key, s.a.Multi, backends.Strings(ask...))
	if err != nil || len(got) != len(ask) {
		return unlike(err, "Has of %d values gave %d answers", len(ask), len(got))
	}
	for i, text := range ask {
		want := backends.Match(backends.Eq{Attr: s.a.Multi, Value: backends.String(text), Rule: rule}, rec)
		if got[i] != want {
			return fmt.Errorf("Has says %v of %q; the values are %q", got[i], text, rec.Attrs[s.a.Multi].Texts())
		}
	}
	got, err = s.b.Has(s.ctx, rec.Key, s.a.Text, backends.Strings("x"))
	if err != nil || len(got) != 1 || got[0] {
		return unlike(err, "Has of an attribute that is not there: %v", got)
	}
	if got, err = s.b.Has(s.ctx, rec.Key, s.a.Multi, nil); err != nil || len(got) != 0 {
		return unlike(err, "Has of no values: %v", got)
	}
	return nil
}
