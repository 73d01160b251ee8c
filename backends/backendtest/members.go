package backendtest

import (
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

func memberChecks() []check {
	return []check{
		{"a set of thousands is changed by one, without being read", (*suite).membersByThousands},
		{"members added to one set at the same time are all there", (*suite).membersAddUp},
	}
}

// thousands is how many members the large set has.
const thousands = 2000

// members are n values that the set of members can hold.
func (s *suite) members(n int) (backends.Values, error) {
	if s.a.Members == "" {
		return nil, notTested("no large sets here")
	}
	if s.p.Members == nil {
		var all backends.Values
		for i := range n {
			all = append(all, backends.String(fmt.Sprintf("member%d", i)))
		}
		return all, nil
	}
	texts, err := s.p.Members(s.ctx, n)
	if err != nil || len(texts) != n {
		return nil, unlike(err, "the place made %d of %d members", len(texts), n)
	}
	return s.own(s.a.Members, backends.Strings(texts...)), nil
}

func (s *suite) membersByThousands() error {
	values, err := s.members(thousands + 3)
	if err != nil {
		return err
	}
	first, last, in, out := values[0], values[thousands-1], values[thousands], values[thousands+1]
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	twin, err := s.person(backends.Attributes{s.a.Members: {first, out}})
	if err != nil {
		return err
	}
	version := made.Version
	for _, step := range []struct {
		what     string
		change   backends.Change
		noEffect bool
		there    map[backends.Value]bool
		left     int
	}{
		{"all at once", s.memberChange(backends.Add, values[:thousands]...), false, map[backends.Value]bool{first: true, last: true, in: false}, thousands},
		{"one more", s.memberChange(backends.Add, in), false, map[backends.Value]bool{in: true, out: false}, thousands + 1},
		{"one that is there", s.memberChange(backends.Add, out, last), true, map[backends.Value]bool{last: true, out: false}, thousands + 1},
		{"one away", s.memberChange(backends.Remove, last), false, map[backends.Value]bool{last: false, first: true}, thousands},
		{"one that is not there", s.memberChange(backends.Remove, first, out), true, map[backends.Value]bool{first: true, out: false}, thousands},
		{"half of them away", s.memberChange(backends.Remove, values[:thousands/2]...), false, map[backends.Value]bool{first: false, in: true}, thousands / 2},
		{"all but two", s.memberChange(backends.Replace, in, out), false, map[backends.Value]bool{first: false, in: true, out: true}, 2},
		{"none", s.memberChange(backends.Replace), false, map[backends.Value]bool{in: false, out: false}, 0},
	} {
		fresh, err := s.b.Modify(s.ctx, made.Key, []backends.Change{step.change}, backends.Condition{}, nil)
		if step.noEffect {
			fresh.Version, err = version+"!", wants(err, backends.ErrNoEffect, "Modify")
		}
		if err != nil || len(fresh.Attrs) > 0 || version != "" && fresh.Version == version {
			return unlike(err, "%s: %d attributes, version %q, before %q", step.what, len(fresh.Attrs), fresh.Version, version)
		}
		if !step.noEffect {
			version = fresh.Version
		}
		if err := s.memberHere(made.Key, step.there, step.left); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return s.memberHere(twin.Key, map[backends.Value]bool{first: true, out: true, in: false}, 2)
}

func (s *suite) memberChange(op backends.ChangeOp, values ...backends.Value) backends.Change {
	return backends.Change{Op: op, Attr: s.a.Members, Values: values}
}

// memberHere asks for single members, and then how many there are.
func (s *suite) memberHere(key backends.Key, there map[backends.Value]bool, left int) error {
	var ask backends.Values
	for v := range there {
		ask = append(ask, v)
	}
	got, err := s.b.Has(s.ctx, key, s.a.Members, ask)
	if err != nil || len(got) != len(ask) {
		return unlike(err, "Has of %d members gave %d answers", len(ask), len(got))
	}
	for i, v := range ask {
		if got[i] != there[v] {
			return fmt.Errorf("Has says %v of %v", got[i], v)
		}
		p := backends.And{backends.Eq{Attr: s.a.Members, Value: v, Rule: s.rule(s.a.Members)}, backends.KeyIn{Keys: []backends.Key{key}}}
		var want []backends.Key
		if there[v] {
			want = append(want, key)
		}
		if err := s.answers(p, want...); err != nil {
			return err
		}
	}
	rec, err := s.fetch(key)
	if err != nil || len(rec.Attrs[s.a.Members]) != left {
		return unlike(err, "there are %d members, want %d", len(rec.Attrs[s.a.Members]), left)
	}
	return nil
}

func (s *suite) membersAddUp() error {
	values, err := s.members(writers)
	if err != nil {
		return err
	}
	return s.addUp(s.a.Members, func(i int) backends.Value { return values[i] })
}
