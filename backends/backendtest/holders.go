package backendtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func holderChecks() []check {
	return []check{
		{"the holders of names are found, each name's own", (*suite).holders},
		{"Holders gives the attributes that were asked for, and only those", (*suite).holdersShowWhatIsAsked},
		{"a record of another class holds nothing", (*suite).outsideHoldsNothing},
		{"the holders of thousands of names are found at once", (*suite).holdersOfMany},
		{"the holders of members are found, however large their sets are", (*suite).holdersOfMembers},
	}
}

// holders: an attribute holds a name where Match says that it is equal by the attribute's own rule.
func (s *suite) holders() error {
	var all []backends.Record
	for _, held := range [][]string{{"Alpha", "beta", "a*b"}, {"ALPHA", "gamma"}, {"Beta, the second", `it's "so"`, `100%_\`}, {"x"}, nil} {
		rec, err := s.person(backends.Attributes{s.a.Multi: backends.Strings(held...)})
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	for _, names := range [][]string{
		{"Alpha", "alpha", "aLPHA", "beta", "BETA", "nobody", "a*b", "*", "a*", "", "x", "X", "x", "Beta, the second", `it's "so"`, `100%_\`, "100%", "%", "'", "a\x00b"},
		{"nobody"},
		{"gamma"},
		nil,
	} {
		if err := s.heldBy(s.a.Multi, names, all); err != nil {
			return err
		}
	}
	if held, err := s.b.Holders(s.ctx, "noSuchAttribute", []string{"Alpha", ""}, nil); err != nil || len(held) > 0 {
		return unlike(err, "Holders of an attribute that there is not gave %v", held)
	}
	return nil
}

// heldBy compares Holders with what Match says of all records.
func (s *suite) heldBy(attr string, names []string, all []backends.Record) error {
	held, err := s.b.Holders(s.ctx, attr, names, nil)
	if err != nil {
		return fmt.Errorf("Holders of %.200q: %w", names, err)
	}
	rule, known := s.rule(attr), 0
	seen := map[string]bool{}
	for _, name := range names {
		var want []backends.Key
		for _, rec := range all {
			if backends.Match(backends.Eq{Attr: attr, Value: backends.String(name), Rule: rule}, rec) {
				want = append(want, rec.Key)
			}
		}
		got := make([]backends.Key, len(held[name]))
		for i, rec := range held[name] {
			got[i] = rec.Key
		}
		slices.Sort(got)
		slices.Sort(want)
		_, there := held[name]
		if !slices.Equal(got, want) || there != (len(want) > 0) {
			return fmt.Errorf("%q is held by %v, want %v", name, got, want)
		}
		if there && !seen[name] {
			known++
		}
		seen[name] = true
	}
	if len(held) != known {
		return fmt.Errorf("Holders answers for %q, which were not asked for", slices.Sorted(maps.Keys(held)))
	}
	return nil
}

func (s *suite) holdersShowWhatIsAsked() error {
	made, err := s.person(backends.Attributes{s.a.Multi: backends.Strings("held", "other"), s.a.Text: backends.Strings("Title")})
	if err != nil {
		return err
	}
	for _, ask := range [][]string{nil, {s.a.Text}, {strings.ToUpper(s.a.Text)}, {s.a.Must, s.a.Text}, {s.a.Multi}, {s.a.Exact}} {
		held, err := s.b.Holders(s.ctx, s.a.Multi, []string{"held"}, ask)
		if err != nil || len(held["held"]) != 1 {
			return unlike(err, "Holders asking for %q gave %v", ask, held)
		}
		rec := held["held"][0]
		want := slices.DeleteFunc(slices.Sorted(slices.Values(ask)), func(attr string) bool { return attr == s.a.Exact })
		if got := slices.Sorted(maps.Keys(rec.Attrs)); !slices.Equal(got, want) || rec.Key != made.Key || rec.Name != made.Name || rec.Version != made.Version {
			return fmt.Errorf("Holders asking for %q gave %+v of %+v", ask, rec, made)
		}
		for attr, text := range map[string]string{s.a.Text: "Title", s.a.Must: "Jensen"} {
			if slices.Contains(want, attr) {
				if err := s.holds(rec, attr, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *suite) outsideHoldsNothing() error {
	if _, _, err := s.outside("stranger"); err != nil {
		return err
	}
	made, err := s.create("insider", nil)
	if err != nil {
		return err
	}
	return s.heldBy(s.a.Name, []string{"stranger", "insider"}, []backends.Record{made})
}

func (s *suite) holdersOfMany() error {
	const many = 3000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("name %d", i)
	}
	var all []backends.Record
	for _, held := range [][]string{{names[0], names[many-1]}, {strings.ToUpper(names[many/2]), names[many-1]}, {names[many/3]}} {
		rec, err := s.person(backends.Attributes{s.a.Multi: backends.Strings(held...)})
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	began := time.Now()
	if err := s.heldBy(s.a.Multi, names, all); err != nil {
		return err
	}
	if took := time.Since(began); took > 2*soon {
		return fmt.Errorf("it took %s to find who holds %d names", took, many)
	}
	return nil
}

// holdersOfMembers: the sets are as they are in groups, where one record is in several and one is large.
func (s *suite) holdersOfMembers() error {
	values, err := s.members(thousands + 1)
	if err != nil {
		return err
	}
	nobody := values[thousands]
	values = values[:thousands]
	var all []backends.Record
	for _, held := range []backends.Values{values, values[:2], values[1:3], nil} {
		rec, err := s.person(backends.Attributes{s.a.Members: held})
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	names := backends.Values{values[0], values[1], values[2], values[thousands-1], nobody}.Texts()
	return s.heldBy(s.a.Members, names, all)
}
