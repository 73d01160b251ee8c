package backendtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func writeChecks() []check {
	return []check{
		{"what Create answers is what is read afterwards", (*suite).createReadsBack},
		{"a name that is taken is refused, in any letter case", (*suite).createTwice},
		{"Modify adds, removes and replaces, and answers with what is there then", (*suite).modifies},
		{"adding what is there, or removing what is not, has no effect at all", (*suite).noEffect},
		{"the changes of one Modify happen all or not at all", (*suite).allOrNothing},
		{"Move changes the name and keeps the key", (*suite).moves},
		{"Delete is for once", (*suite).deletes},
		{"a password can be set and never read", (*suite).secrets},
	}
}

func change(op backends.ChangeOp, attr string, texts ...string) backends.Change {
	return backends.Change{Op: op, Attr: attr, Values: backends.Strings(texts...)}
}

func (s *suite) createReadsBack() error {
	extra := backends.Attributes{s.a.Text: backends.Strings("Senior  Manager"), s.a.Multi: backends.Strings("one", "Two", "três")}
	for attr, text := range map[string]string{s.a.Exact: "Case", s.a.Int: "42", s.a.Time: "20240131120000Z", s.a.Bool: "TRUE"} {
		if attr != "" {
			extra[attr] = backends.Strings(text)
		}
	}
	made, err := s.create("bjensen", extra)
	if err != nil {
		return err
	}
	read, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	for _, rec := range []backends.Record{made, read} {
		for attr, values := range s.attrs("bjensen", extra) {
			if _, ours := s.a.Base[attr]; ours {
				continue // objectClass may come back with more
			}
			if err := s.holds(rec, attr, values.Texts()...); err != nil {
				return err
			}
		}
	}
	if made.Name != read.Name || made.Version != read.Version {
		return fmt.Errorf("Create gave name %q and version %q, Fetch %q and %q", made.Name, made.Version, read.Name, read.Version)
	}
	return s.finds(nil, made.Key)
}

func (s *suite) createTwice() error {
	made, err := s.create("Babs", backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	for _, id := range []string{"Babs", "babs", "BABS"} {
		if backends.Normalize(s.rule(s.a.Name), id) != backends.Normalize(s.rule(s.a.Name), "Babs") {
			continue // here it is another name
		}
		_, err := s.create(id, backends.Attributes{s.a.Text: backends.Strings("second")})
		if err := wants(err, backends.ErrExists, fmt.Sprintf("Create of %q beside Babs", id)); err != nil {
			return err
		}
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if err := s.holds(rec, s.a.Text, "first"); err != nil {
		return err
	}
	return s.finds(nil, made.Key)
}

func (s *suite) modifies() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("old"), s.a.Multi: backends.Strings("one", "two")})
	if err != nil {
		return err
	}
	version := made.Version
	for _, c := range []struct {
		do          []backends.Change
		text, multi []string
	}{
		{[]backends.Change{change(backends.Add, s.a.Multi, "three", "four")}, []string{"old"}, []string{"one", "two", "three", "four"}},
		{[]backends.Change{change(backends.Remove, s.a.Multi, "one", "four")}, []string{"old"}, []string{"two", "three"}},
		{[]backends.Change{change(backends.Replace, s.a.Text, "New")}, []string{"New"}, []string{"two", "three"}},
		{[]backends.Change{change(backends.Replace, s.a.Text, "new")}, []string{"new"}, []string{"two", "three"}},
		{[]backends.Change{change(backends.Replace, s.a.Multi, "Z"), change(backends.Replace, s.a.Text)}, nil, []string{"Z"}},
		{[]backends.Change{change(backends.Replace, s.a.Text)}, nil, []string{"Z"}},
		{[]backends.Change{change(backends.Remove, s.a.Multi, "z"), change(backends.Add, s.a.Multi, "Z")}, nil, []string{"Z"}},
		{[]backends.Change{change(backends.Remove, s.a.Multi)}, nil, nil},
		{[]backends.Change{change(backends.Add, s.a.Text, "back")}, []string{"back"}, nil},
	} {
		answer, err := s.modify(made.Key, c.do...)
		if err != nil {
			return fmt.Errorf("Modify %v: %w", c.do, err)
		}
		read, err := s.fetch(made.Key)
		if err != nil {
			return err
		}
		for _, rec := range []backends.Record{answer, read} {
			if err := steps(
				func() error { return s.holds(rec, s.a.Text, c.text...) },
				func() error { return s.holds(rec, s.a.Multi, c.multi...) },
			); err != nil {
				return fmt.Errorf("after Modify %v: %w", c.do, err)
			}
		}
		if answer.Key != made.Key || answer.Version != read.Version || (version != "" && version == read.Version && len(c.text)+len(c.multi) > 1) {
			return fmt.Errorf("after Modify %v: key %q, version %q, read %q, before %q", c.do, answer.Key, answer.Version, read.Version, version)
		}
		version = read.Version
	}
	return nil
}

func (s *suite) noEffect() error {
	made, err := s.person(backends.Attributes{s.a.Multi: backends.Strings("one", "two")})
	if err != nil {
		return err
	}
	for _, c := range []backends.Change{
		change(backends.Add, s.a.Multi, "one"),
		change(backends.Add, s.a.Multi, "three", "one"),
		change(backends.Add, s.a.Multi, "ONE"),
		change(backends.Remove, s.a.Multi, "three"),
		change(backends.Remove, s.a.Multi, "one", "three"),
		change(backends.Remove, s.a.Text, "x"),
		change(backends.Remove, s.a.Text),
	} {
		_, err := s.modify(made.Key, c)
		if err := wants(err, backends.ErrNoEffect, fmt.Sprintf("Modify %v", c)); err != nil {
			return err
		}
		rec, err := s.fetch(made.Key)
		if err != nil {
			return err
		}
		if err := s.holds(rec, s.a.Multi, "one", "two"); err != nil {
			return fmt.Errorf("after %v, which had no effect: %w", c, err)
		}
	}
	return nil
}

func (s *suite) allOrNothing() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("old"), s.a.Multi: backends.Strings("one")})
	if err != nil {
		return err
	}
	_, err = s.modify(made.Key, change(backends.Replace, s.a.Text, "new"), change(backends.Add, s.a.Multi, "two"), change(backends.Add, s.a.Multi, "one"))
	if err := wants(err, backends.ErrNoEffect, "Modify whose last change has no effect"); err != nil {
		return err
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.holds(rec, s.a.Text, "old") },
		func() error { return s.holds(rec, s.a.Multi, "one") },
	)
}

func (s *suite) moves() error {
	if !s.b.Capabilities().Rename {
		return notTested("records here cannot be renamed")
	}
	extra := backends.Attributes{s.a.Text: backends.Strings("kept")}
	boss, err := s.create("boss", nil)
	if err != nil {
		return err
	}
	if s.a.Ref != "" {
		extra[s.a.Ref] = backends.Strings(boss.Name)
	}
	made, err := s.create("maiden", extra)
	if err != nil {
		return err
	}
	if err := s.b.Move(s.ctx, made.Key, s.name("Married, Ann+B"), backends.Condition{}); err != nil {
		return fmt.Errorf("Move: %w", err)
	}
	moved, err := s.fetch(made.Key)
	if err != nil {
		return fmt.Errorf("after Move: %w", err)
	}
	if moved.Name == made.Name {
		return fmt.Errorf("after Move the name is still %q", moved.Name)
	}
	keys, err := s.keys("", []string{made.Name, moved.Name})
	if _, old := keys[made.Name]; err != nil || old || keys[moved.Name] != made.Key {
		return unlike(err, "after Move to %q, Find gives %v", moved.Name, keys)
	}
	return steps(
		func() error { return s.holds(moved, s.a.Name, "Married, Ann+B") },
		func() error { return s.holds(moved, s.a.Text, "kept") },
		func() error { return s.holds(moved, s.a.Ref, extra[s.a.Ref].Texts()...) },
		func() error { return s.answers(s.eq(s.a.Name, "maiden")) },
		func() error {
			err := s.b.Move(s.ctx, made.Key, s.name("BOSS"), backends.Condition{})
			return wants(err, backends.ErrExists, "Move onto a name that is taken")
		},
		func() error { // the same name in other letters is no collision with oneself
			return s.b.Move(s.ctx, boss.Key, s.name("Boss"), backends.Condition{})
		},
		func() error { return s.finds(nil, boss.Key, made.Key) },
	)
}

func (s *suite) deletes() error {
	made, err := s.create("leaver", nil)
	if err != nil {
		return err
	}
	other, err := s.person(nil)
	if err != nil {
		return err
	}
	if err := s.b.Delete(s.ctx, made.Key, backends.Condition{}); err != nil {
		return fmt.Errorf("Delete: %w", err)
	}
	for what, err := range map[string]error{
		"Delete of what is gone": s.b.Delete(s.ctx, made.Key, backends.Condition{}),
		"Move of what is gone":   s.b.Move(s.ctx, made.Key, s.name("ghost"), backends.Condition{}),
		"Delete of no key":       s.b.Delete(s.ctx, "*", backends.Condition{}),
		"Modify of what is gone": second(s.modify(made.Key, change(backends.Replace, s.a.Text, "x"))),
		"Modify of no key":       second(s.modify("*)(objectClass=*", change(backends.Replace, s.a.Text, "x"))),
	} {
		if strings.HasPrefix(what, "Move") && !s.b.Capabilities().Rename {
			continue
		}
		if err := wants(err, backends.ErrNotFound, what); err != nil {
			return err
		}
	}
	if err := s.gone(made.Key); err != nil {
		return err
	}
	again, err := s.create("leaver", nil)
	if err != nil {
		return fmt.Errorf("creating a name anew: %w", err)
	}
	if again.Key == made.Key {
		return fmt.Errorf("a new record has the key %q of one that was deleted", made.Key)
	}
	return s.finds(nil, other.Key, again.Key)
}

func second(_ backends.Record, err error) error { return err }

func (s *suite) secrets() error {
	if s.a.Password == "" || !s.b.Capabilities().Secrets {
		return notTested("no passwords here")
	}
	const password = "Tr0ub4dor&3"
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	set := backends.Change{Op: backends.SetPassword, Attr: s.a.Password, Values: backends.Values{backends.Secret(password)}}
	recs := make([]backends.Record, 0, 4)
	rec, err := s.b.Modify(s.ctx, made.Key, []backends.Change{set}, backends.Condition{}, []string{"*", "+", s.a.Password})
	if err != nil {
		return fmt.Errorf("Modify that sets a password: %w", err)
	}
	recs = append(recs, rec)
	fetched, err := s.b.Fetch(s.ctx, []backends.Key{made.Key}, []string{"*", "+", strings.ToUpper(s.a.Password)})
	if err != nil {
		return fmt.Errorf("Fetch: %w", err)
	}
	recs = append(recs, fetched...)
	for rec, err := range s.b.Walk(s.ctx, backends.Query{Attrs: []string{"*", s.a.Password}}) {
		if err != nil {
			return fmt.Errorf("Walk: %w", err)
		}
		recs = append(recs, rec)
	}
	for _, rec := range recs {
		for attr, values := range rec.Attrs {
			if strings.EqualFold(attr, s.a.Password) && slices.ContainsFunc(values, func(v backends.Value) bool { return v.Kind() != backends.KindSecret }) {
				return fmt.Errorf("%s came back as %v, want Secret", attr, values)
			}
		}
		text, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("a record cannot be journaled: %w", err)
		}
		if strings.Contains(string(text), password) || strings.Contains(fmt.Sprintf("%+v %#v", rec, rec), password) {
			return fmt.Errorf("the password can be read in %s", text)
		}
	}
	return nil
}
