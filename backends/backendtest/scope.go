package backendtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func scopeChecks() []check {
	return []check{
		{"a record of another class is not there, however it is asked for", (*suite).outsideIsNotThere},
		{"a record of another class cannot be written", (*suite).outsideIsNotWritten},
		{"a protected record is read and never written", (*suite).protectedStays},
	}
}

func (s *suite) outside(id string) (backends.Key, string, error) {
	if s.p.Outside == nil {
		return "", "", notTested("no place outside the class")
	}
	key, name, err := s.p.Outside(s.ctx, id)
	if err != nil {
		return "", "", fmt.Errorf("making a record outside the class: %w", err)
	}
	return key, name, nil
}

func (s *suite) outsideIsNotThere() error {
	key, name, err := s.outside("stranger")
	if err != nil {
		return err
	}
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	stranger := s.eq(s.a.Name, "stranger")
	if n, _, err := s.b.Count(s.ctx, nil, 0); err != nil || n != 1 {
		return unlike(err, "Count of everybody = %d, want 1", n)
	}
	recs, err := s.b.Fetch(s.ctx, []backends.Key{key, made.Key}, s.all())
	if err != nil || len(recs) != 1 || recs[0].Key != made.Key {
		return unlike(err, "Fetch of one inside and one outside gave %v", recs)
	}
	keys, err := s.keys("", []string{name})
	if err != nil || len(keys) != 0 {
		return unlike(err, "Find of a name outside gave %v", keys)
	}
	if keys, err = s.keys(s.a.Name, []string{"stranger"}); err != nil || len(keys) != 0 {
		return unlike(err, "Find by %s of a record outside gave %v", s.a.Name, keys)
	}
	for _, by := range []string{"", s.a.Name} {
		names, err := s.b.Names(s.ctx, by, []backends.Key{key, made.Key})
		if _, leaked := names[key]; err != nil || leaked || len(names) != 1 {
			return unlike(err, "Names by %q of one inside and one outside gave %v", by, names)
		}
	}
	if there, err := s.b.Has(s.ctx, key, s.a.Name, backends.Strings("stranger")); !errors.Is(err, backends.ErrNotFound) && (err != nil || there[0]) {
		return unlike(err, "Has of a record outside gave %v", there)
	}
	return steps(
		func() error { return s.gone(key) },
		func() error { return s.finds(nil, made.Key) },
		func() error { return s.finds(backends.KeyIn{Keys: []backends.Key{key}}) },
		func() error { return s.answers(stranger) },
		// An OR at the top must not reach around the scope.
		func() error { return s.answers(backends.Or{backends.True{}, stranger}, made.Key) },
		func() error { return s.answers(backends.Or{stranger, backends.Present{Attr: s.a.Must}}, made.Key) },
		func() error { return s.answers(backends.Not{Term: backends.False{}}, made.Key) },
	)
}

func (s *suite) outsideIsNotWritten() error {
	key, _, err := s.outside("stranger")
	if err != nil {
		return err
	}
	for range 2 { // a second time: what the first did not do in truth would show
		for _, cond := range []backends.Condition{{}, {Assert: backends.True{}}} {
			if err := s.refusedUnder(key, cond, backends.ErrNotFound); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) protectedStays() error {
	if s.p.Protected == nil {
		return notTested("no protected records here")
	}
	key, err := s.p.Protected(s.ctx, "root")
	if err != nil {
		return fmt.Errorf("making a protected record: %w", err)
	}
	before, err := s.fetch(key)
	if err != nil {
		return fmt.Errorf("a protected record is to be read: %w", err)
	}
	if is, err := s.b.Protected(s.ctx, key); err != nil || !is {
		return fmt.Errorf("Protected of a protected record: %t, %w", is, err)
	}
	if err := s.refusedUnder(key, backends.Condition{}, backends.ErrRefused); err != nil {
		return err
	}
	other, err := s.create("unguarded", nil)
	if err != nil {
		return err
	}
	if is, err := s.b.Protected(s.ctx, other.Key); err != nil || is {
		return fmt.Errorf("Protected of another record: %t, %w", is, err)
	}
	if err := s.b.Delete(s.ctx, other.Key, backends.Condition{}); err != nil {
		return err
	}
	if _, err := s.b.Protected(s.ctx, other.Key); !errors.Is(err, backends.ErrNotFound) {
		return fmt.Errorf("Protected of a record that is gone: %w", err)
	}
	if s.b.Capabilities().Secrets && s.a.Password != "" {
		set := backends.Change{Op: backends.SetPassword, Attr: s.a.Password, Values: backends.Values{backends.Secret("t4ken0ver!")}}
		if err := wants(second(s.modify(key, set)), backends.ErrRefused, "setting a password"); err != nil {
			return err
		}
	}
	after, err := s.fetch(key)
	if err != nil {
		return err
	}
	if before.Version != after.Version || before.Name != after.Name {
		return fmt.Errorf("%+v became %+v", before, after)
	}
	return s.finds(nil, key)
}

func resolverChecks() []check {
	return []check{
		{"names give keys and keys give names", (*suite).resolves},
		{"many names and keys are resolved at once", (*suite).resolvesMany},
		{"Find gives the attributes that were asked for, and only those", (*suite).findsWhatIsAsked},
	}
}

func (s *suite) resolves() error {
	one, err := s.create("Odd, One+x=1", nil)
	if err != nil {
		return err
	}
	two, err := s.create("two", nil)
	if err != nil {
		return err
	}
	unknown := strings.Replace(two.Name, "two", "nobody", 1)
	if !s.b.Capabilities().Rename {
		unknown = called(two) + "0"
	}
	names := []string{called(one), called(two), unknown, "garbage", "", "*", "=", called(one) + ",", "*)(uid=*"}
	loud := strings.ToUpper(called(two))
	if s.a.Ref != "" && s.rule(s.a.Ref) == backends.NameRule {
		names = append(names, loud)
	} else {
		loud = called(two)
	}
	keys, err := s.keys("", names)
	if err != nil {
		return fmt.Errorf("Find: %w", err)
	}
	want := map[string]backends.Key{called(one): one.Key, called(two): two.Key, loud: two.Key}
	if err := sameKeys(keys, want); err != nil {
		return fmt.Errorf("Find of %q: %w", names, err)
	}
	byName := []string{"Odd, One+x=1", "two", "TWO", "nobody", "*", "", "t*"}
	if keys, err = s.keys(s.a.Name, byName); err != nil {
		return fmt.Errorf("Find by %s: %w", s.a.Name, err)
	}
	want = map[string]backends.Key{"Odd, One+x=1": one.Key, "two": two.Key}
	if rule := s.rule(s.a.Name); backends.Normalize(rule, "TWO") == backends.Normalize(rule, "two") {
		want["TWO"] = two.Key
	}
	if err := sameKeys(keys, want); err != nil {
		return fmt.Errorf("Find by %s of %q: %w", s.a.Name, byName, err)
	}
	for by, want := range map[string][2]string{"": {called(one), called(two)}, s.a.Name: {"Odd, One+x=1", "two"}} {
		got, err := s.b.Names(s.ctx, by, []backends.Key{one.Key, two.Key, two.Key, "nonsense", ""})
		if err != nil || len(got) != 2 || got[one.Key] != want[0] || got[two.Key] != want[1] {
			return unlike(err, "Names by %q gave %v", by, got)
		}
	}
	for _, by := range []string{"", s.a.Name} {
		keys, err := s.keys(by, nil)
		if err != nil || len(keys) != 0 {
			return unlike(err, "Find of no names gave %v", keys)
		}
		names, err := s.b.Names(s.ctx, by, nil)
		if err != nil || len(names) != 0 {
			return unlike(err, "Names of no keys gave %v", names)
		}
	}
	return nil
}

// keys is Find without attributes.
func (s *suite) keys(by string, names []string) (map[string]backends.Key, error) {
	found, err := s.b.Find(s.ctx, by, names, nil)
	return keysOf(found), err
}

func keysOf(found map[string]backends.Record) map[string]backends.Key {
	keys := make(map[string]backends.Key, len(found))
	for name, rec := range found {
		keys[name] = rec.Key
	}
	return keys
}

func sameKeys(got, want map[string]backends.Key) error {
	if len(got) != len(want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	for name, key := range want {
		if got[name] != key {
			return fmt.Errorf("%q gave %q, want %q", name, got[name], key)
		}
	}
	return nil
}

func (s *suite) resolvesMany() error {
	const many = 250
	names, keys := make([]string, 0, many), make([]backends.Key, 0, many)
	for range many {
		rec, err := s.person(nil)
		if err != nil {
			return err
		}
		names, keys = append(names, called(rec)), append(keys, rec.Key)
	}
	gotKeys, err := s.keys("", names)
	if err != nil || len(gotKeys) != many {
		return unlike(err, "Find of %d names gave %d", many, len(gotKeys))
	}
	gotNames, err := s.b.Names(s.ctx, "", keys)
	if err != nil || len(gotNames) != many {
		return unlike(err, "Names of %d keys gave %d", many, len(gotNames))
	}
	for i, name := range names {
		if gotKeys[name] != keys[i] || gotNames[keys[i]] != name {
			return fmt.Errorf("%q and %q do not resolve to each other: %q, %q", name, keys[i], gotKeys[name], gotNames[keys[i]])
		}
	}
	return nil
}

// findsWhatIsAsked: whatever names are looked up by, by is shown only if it was asked for, and as it was spelled.
func (s *suite) findsWhatIsAsked() error {
	var names, ids []string
	for range 130 { // more than one search may take
		id := s.id()
		rec, err := s.create(id, backends.Attributes{s.a.Text: backends.Strings("Title of " + id), s.a.Multi: backends.Strings("one", "two")})
		if err != nil {
			return err
		}
		names, ids = append(names, called(rec)), append(ids, id)
	}
	loudText, loudName := strings.ToUpper(s.a.Text), strings.ToUpper(s.a.Name)
	for _, c := range []struct{ ask, show []string }{
		{nil, nil},
		{[]string{s.a.Text}, []string{s.a.Text}},
		{[]string{s.a.Text, s.a.Multi}, []string{s.a.Text, s.a.Multi}},
		{[]string{loudText}, []string{loudText}},
		{[]string{s.a.Name}, []string{s.a.Name}},
		{[]string{loudName}, []string{loudName}},
		{[]string{s.a.Text, s.a.Exact}, []string{s.a.Text}},
	} {
		for by, spelled := range map[string][]string{"": names, s.a.Name: ids, loudName: ids} {
			found, err := s.b.Find(s.ctx, by, spelled, c.ask)
			if err != nil || len(found) != len(spelled) {
				return unlike(err, "Find by %q of %d names gave %d records", by, len(spelled), len(found))
			}
			for i, name := range spelled {
				rec := found[name]
				got := slices.Sorted(maps.Keys(rec.Attrs))
				if want := slices.Sorted(slices.Values(c.show)); !slices.Equal(got, want) || called(rec) != names[i] || rec.Key == "" {
					return fmt.Errorf("Find by %q of %q asking for %q gave %+v", by, name, c.ask, rec)
				}
				if slices.Contains(c.show, s.a.Text) {
					if err := s.holds(rec, s.a.Text, "Title of "+ids[i]); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func errorChecks() []check {
	return []check{
		{"a value that the directory cannot hold is refused, and the attribute named", (*suite).invalidValues},
		{"an empty string is a value or none, and never another one", (*suite).emptyStrings},
	}
}

func (s *suite) invalidValues() error {
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	for attr, c := range map[string]backends.Change{
		s.a.Int: change(backends.Replace, s.a.Int, "forty"), s.a.Time: change(backends.Replace, s.a.Time, "today"),
		s.a.Bool: change(backends.Replace, s.a.Bool, "maybe"), s.a.Must: change(backends.Replace, s.a.Must),
		"noSuchAttribute": change(backends.Replace, "noSuchAttribute", "x"),
	} {
		if attr == "" {
			continue
		}
		_, err := s.modify(made.Key, c)
		if err := blames(err, attr, fmt.Sprintf("Modify %v", c)); err != nil {
			return err
		}
		if len(c.Values) == 0 {
			continue
		}
		_, err = s.create("invalid", backends.Attributes{attr: c.Values})
		if err := blames(err, attr, fmt.Sprintf("Create with %s: %v", attr, c.Values)); err != nil {
			return err
		}
	}
	if s.a.Int != "" && s.b.Syntax(s.a.Int).Single {
		_, err := s.modify(made.Key, change(backends.Replace, s.a.Int, "1", "2"))
		if err := blames(err, s.a.Int, "two values for one"); err != nil {
			return err
		}
	}
	bare := s.attrs("bare", nil)
	delete(bare, s.a.Must)
	_, err = s.b.Create(s.ctx, s.name("bare"), bare, nil)
	if err := blames(err, s.a.Must, "Create without "+s.a.Must); err != nil {
		return err
	}
	return s.finds(nil, made.Key)
}

// emptyStrings: LDAP has none, and writing one is to take the attribute away; a table may hold it, or refuse it. Nothing else may come of it.
func (s *suite) emptyStrings() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("there")})
	if err != nil {
		return err
	}
	want := [][]string{{}, {""}}
	if _, err := s.modify(made.Key, change(backends.Replace, s.a.Text, "")); err != nil {
		if wrong := blames(err, s.a.Text, "replacing by an empty string"); wrong != nil {
			return wrong
		}
		want = [][]string{{"there"}}
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if got := rec.Attrs[s.a.Text].Texts(); !slices.ContainsFunc(want, func(texts []string) bool { return slices.Equal(texts, got) }) {
		return fmt.Errorf("%s replaced by an empty string holds %q, want one of %q", s.a.Text, got, want)
	}
	all := []backends.Record{rec}
	for _, p := range []backends.Predicate{backends.Present{Attr: s.a.Text}, s.eq(s.a.Text, ""), backends.Contains{Attr: s.a.Text, Rule: s.rule(s.a.Text)}} {
		if err := errors.Join(s.compare(p, all), s.compare(backends.Not{Term: p}, all)); err != nil {
			return err
		}
	}
	nameless, err := s.create("", nil)
	if err == nil && !s.b.Capabilities().Rename { // it is an attribute as others are
		return s.holds(nameless, s.a.Name, "")
	}
	return steps(
		func() error { return wants(err, backends.ErrInvalid, "Create with an empty name") },
		func() error { return s.finds(nil, made.Key) },
	)
}
