package backendtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

func restoreChecks() []check {
	return []check{
		{"what was deleted is restored as it was, and what is lost is said", (*suite).restores},
		{"nothing is restored in the place of what is there", (*suite).restoreExists},
		{"nothing is restored that the class would not let be written", (*suite).restoreScoped},
		{"of many who restore one record exactly one does", (*suite).oneRestorerWins},
	}
}

// furnishings are what a record can have, as far as it is tested here.
func (s *suite) furnishings() (backends.Attributes, error) {
	extra := backends.Attributes{
		s.a.Text: backends.Strings("Senior  Manager"), s.a.Multi: backends.Strings("one", "Two", "três"), s.a.Exact: backends.Strings("Case"),
		s.a.Int: backends.Strings("42"), s.a.Time: backends.Strings("20240131120000Z"), s.a.Bool: backends.Strings("TRUE"),
		s.a.Binary: {backends.Bytes([]byte{0xff, 0xd8, 0, 1})}, s.a.Rows.Attr: {s.row("a@example.com", "work", "TRUE"), s.row("b@example.com", "", "")},
		s.a.Doc.Text: backends.Strings("Ann"), s.a.Doc.Texts: backends.Strings("x", "y"), s.a.Doc.Bool: backends.Strings("TRUE"),
	}
	if s.a.Ref != "" {
		boss, err := s.create("the boss", nil)
		if err != nil {
			return nil, err
		}
		extra[s.a.Ref] = backends.Strings(boss.Name)
	}
	if s.a.Members != "" {
		members, err := s.members(3)
		if err != nil {
			return nil, err
		}
		extra[s.a.Members] = members
	}
	delete(extra, "")
	return extra, nil
}

// whole reads all that there is to a record, as it comes out of a journal.
func (s *suite) whole(key backends.Key) (backends.Record, error) {
	recs, err := s.b.Fetch(s.ctx, []backends.Key{key}, []string{"*", "+"})
	if err != nil || len(recs) != 1 {
		return backends.Record{}, unlike(err, "Fetch of all of %q gave %d records", key, len(recs))
	}
	text, err := json.Marshal(recs[0])
	if err != nil {
		return backends.Record{}, fmt.Errorf("a record cannot be journaled: %w", err)
	}
	var rec backends.Record
	return rec, json.Unmarshal(text, &rec)
}

// deleted makes a record, and gives all that there was to it when it was deleted.
func (s *suite) deleted(id string, extra backends.Attributes) (backends.Record, error) {
	made, err := s.create(id, extra)
	if err != nil {
		return made, err
	}
	if s.a.Password != "" && s.b.Capabilities().Secrets {
		set := backends.Change{Op: backends.SetPassword, Attr: s.a.Password, Values: backends.Values{backends.Secret("Tr0ub4dor&3")}}
		if _, err := s.modify(made.Key, set); err != nil {
			return made, fmt.Errorf("setting a password: %w", err)
		}
	}
	for _, attr := range []string{s.a.Bool, s.a.Time} { // a new password may have taken them away: pwdReset, pwdAccountLockedTime
		if given := extra[attr]; len(given) > 0 {
			if _, err := s.modify(made.Key, change(backends.Replace, attr, given.Texts()...)); err != nil {
				return made, fmt.Errorf("Modify: %w", err)
			}
		}
	}
	whole, err := s.whole(made.Key)
	if err != nil {
		return whole, err
	}
	if err := s.b.Delete(s.ctx, made.Key, backends.Condition{}); err != nil {
		return whole, fmt.Errorf("Delete: %w", err)
	}
	return whole, nil
}

func (s *suite) restores() error {
	extra, err := s.furnishings()
	if err != nil {
		return err
	}
	was, err := s.deleted("lazarus", extra)
	if err != nil {
		return err
	}
	made, lost, err := s.b.Restore(s.ctx, was, s.all())
	if err != nil {
		return fmt.Errorf("Restore: %w", err)
	}
	read, err := s.fetch(made.Key)
	if err != nil {
		return fmt.Errorf("after Restore: %w", err)
	}
	now, err := s.whole(made.Key)
	if err != nil {
		return err
	}
	for _, rec := range []backends.Record{made, read} {
		for attr, values := range s.attrs("lazarus", extra) {
			if _, base := s.a.Base[attr]; base {
				continue // objectClass may come back with more
			}
			if err := same(backends.Record{Key: rec.Key, Attrs: spelled(rec.Attrs, attr)}, attr, asGiven(s, attr, values, was)...); err != nil {
				return fmt.Errorf("after Restore: %w", err)
			}
			if slices.ContainsFunc(lost, func(name string) bool { return strings.EqualFold(name, attr) }) {
				return fmt.Errorf("Restore says that %s is lost, and it is there", attr)
			}
		}
	}
	if want := backends.Lost(was, now); !within(want, lost) {
		return fmt.Errorf("Restore says that %q is lost, and it is %q", lost, want)
	}
	for attr := range now.Attrs {
		if len(was.Attrs.Get(attr)) == 0 {
			return fmt.Errorf("after Restore there is a %s, which was not there before: %v", attr, now.Attrs[attr])
		}
	}
	switch {
	case made.Name != was.Name && s.b.Capabilities().Rename:
		return fmt.Errorf("Restore of %q gave %q", was.Name, made.Name)
	case made.Version != read.Version, s.b.Capabilities().Versioned && made.Version == was.Version:
		return fmt.Errorf("after Restore the version is %q, read as %q, and was %q", made.Version, read.Version, was.Version)
	}
	keys, err := s.keys("", []string{called(made)})
	if err != nil || keys[called(made)] != made.Key {
		return unlike(err, "after Restore, Find gives %v", keys)
	}
	return s.answers(s.eq(s.a.Name, "lazarus"), made.Key)
}

// spelled is one attribute under one spelling.
func spelled(attrs backends.Attributes, name string) backends.Attributes {
	return backends.Attributes{name: attrs.Get(name)}
}

// asGiven are the values that an attribute had before it was deleted: those that it was made with, as the directory keeps them.
func asGiven(s *suite, attr string, values backends.Values, was backends.Record) backends.Values {
	if kept := was.Attrs.Get(attr); len(kept) > 0 {
		return kept
	}
	return s.own(attr, values) // a place in the document
}

// within says that all of some names are among others.
func within(names, others []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(others, name) })
}

func (s *suite) restoreExists() error {
	was, err := s.deleted("phoenix", nil)
	if err != nil {
		return err
	}
	taken := func(rec backends.Record, what string) error {
		made, _, err := s.b.Restore(s.ctx, rec, nil)
		if err := wants(err, backends.ErrExists, what); err != nil {
			return fmt.Errorf("%w (it made %q)", err, made.Key)
		}
		return nil
	}
	other, err := s.create("phoenix", nil)
	if err != nil {
		return err
	}
	if err := taken(was, "Restore where another has the name"); err != nil {
		return err
	}
	if err := s.b.Delete(s.ctx, other.Key, backends.Condition{}); err != nil {
		return fmt.Errorf("Delete: %w", err)
	}
	made, _, err := s.b.Restore(s.ctx, was, nil)
	if err != nil {
		return fmt.Errorf("Restore where the name is free again: %w", err)
	}
	if err := taken(was, "Restore of what is restored"); err != nil {
		return err
	}
	now, err := s.whole(made.Key)
	if err != nil {
		return err
	}
	if s.b.Capabilities().Rename {
		if err := s.b.Move(s.ctx, made.Key, s.name("ash"), backends.Condition{}); err != nil {
			return fmt.Errorf("Move: %w", err)
		}
	}
	if err := taken(now, "Restore of what is there, whatever its name is by now"); err != nil {
		return err
	}
	return s.finds(nil, made.Key)
}

func (s *suite) restoreScoped() error {
	if s.p.Protected == nil {
		return notTested("no protected records here")
	}
	was, err := s.deleted("nobody", nil)
	if err != nil {
		return err
	}
	guarded, err := s.p.Protected(s.ctx, "guard")
	if err != nil {
		return fmt.Errorf("making a protected record: %w", err)
	}
	whole, err := s.whole(guarded)
	if err != nil {
		return err
	}
	// As the one that is gone, with what makes the other protected.
	for attr, values := range was.Attrs {
		if strings.EqualFold(attr, s.a.Name) || slices.Contains(s.b.Capabilities().Key, attr) || len(whole.Attrs.Get(attr)) == 0 {
			whole.Attrs[attr] = values
		}
	}
	whole.Key, whole.Name = was.Key, was.Name
	_, _, err = s.b.Restore(s.ctx, whole, nil)
	if err := wants(err, backends.ErrRefused, "Restore of a record that is protected"); err != nil {
		return err
	}
	if s.p.ReadOnly != nil {
		_, _, err := s.p.ReadOnly.Restore(s.ctx, was, nil)
		if err := wants(err, backends.ErrRefused, "Restore where nothing can be written"); err != nil {
			return err
		}
	}
	return s.finds(nil, guarded)
}

func (s *suite) oneRestorerWins() error {
	was, err := s.deleted("one and only", nil)
	if err != nil {
		return err
	}
	won, err := s.race(backends.ErrExists, func(ctx context.Context, b backends.Backend, _ int) error {
		_, _, err := b.Restore(ctx, was, nil)
		return err
	})
	if err != nil || won != 1 {
		return unlike(err, "%d of %d restored one record", won, writers)
	}
	keys, err := s.walk(nil)
	if err != nil || len(keys) != 1 {
		return unlike(err, "there are %d records then", len(keys))
	}
	return nil
}
