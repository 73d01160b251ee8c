package backendtest

import (
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

func beyondChecks() []check {
	return []check{
		{"Move leaves the class for the one place that it is told, and for no other", (*suite).leaves},
		{"what has left the class comes back from that place, and by no other way", (*suite).comesBack},
	}
}

// leaver makes a record, and gives where it may be moved to.
func (s *suite) leaver() (made backends.Record, place string, name backends.Template, err error) {
	if s.p.Beyond == nil {
		return made, "", nil, notTested("no place outside the class to move to")
	}
	place, name = s.p.Beyond("leaver")
	made, err = s.create("leaver", backends.Attributes{s.a.Text: backends.Strings("kept")})
	return made, place, name, err
}

func (s *suite) leaves() error {
	made, place, away, err := s.leaver()
	if err != nil {
		return err
	}
	for what, c := range map[string]struct {
		name backends.Template
		cond backends.Condition
		want error
	}{
		"to outside, where it may not go":               {away, backends.Condition{}, backends.ErrRefused},
		"to outside, where it may go to somewhere else": {away, backends.Condition{Beyond: made.Name}, backends.ErrRefused},
		"to outside, as it was at another time":         {away, backends.Condition{Beyond: place, Assert: s.eq(s.a.Text, "lost")}, backends.ErrChanged},
		"back from outside, where it is not":            {s.name("other"), backends.Condition{Beyond: place}, backends.ErrNotFound},
		"to the place itself":                           {backends.Template{{Text: place}}, backends.Condition{Beyond: place}, backends.ErrRefused},
	} {
		if err := wants(s.b.Move(s.ctx, made.Key, c.name, c.cond), c.want, "Move "+what); err != nil {
			return err
		}
		rec, err := s.fetch(made.Key)
		if err != nil || rec.Name != made.Name || rec.Version != made.Version {
			return unlike(err, "after a Move %s, which was refused, there is %+v", what, rec)
		}
	}
	if err := s.b.Move(s.ctx, made.Key, away, backends.Condition{Beyond: place, Version: made.Version, Assert: s.eq(s.a.Text, "kept")}); err != nil {
		return fmt.Errorf("Move to outside: %w", err)
	}
	return steps(
		func() error { return s.gone(made.Key) },
		func() error { return s.finds(nil) },
		func() error { return s.refusedUnder(made.Key, backends.Condition{}, backends.ErrNotFound) },
		func() error { // it has left: nobody moves it about out there
			return wants(s.b.Move(s.ctx, made.Key, away, backends.Condition{Beyond: place}), backends.ErrNotFound, "a second Move to outside")
		},
		func() error {
			other, err := s.create("leaver", nil)
			if err != nil {
				return fmt.Errorf("creating the name anew: %w", err)
			}
			return steps(
				func() error {
					return wants(s.b.Move(s.ctx, other.Key, away, backends.Condition{Beyond: place}), backends.ErrExists, "Move to a name outside that is taken")
				},
				func() error { return s.finds(nil, other.Key) },
			)
		},
	)
}

func (s *suite) comesBack() error {
	made, place, away, err := s.leaver()
	if err != nil {
		return err
	}
	if err := s.b.Move(s.ctx, made.Key, away, backends.Condition{Beyond: place}); err != nil {
		return fmt.Errorf("Move to outside: %w", err)
	}
	back := func(cond backends.Condition) error { return s.b.Move(s.ctx, made.Key, s.name("leaver"), cond) }
	if err := wants(back(backends.Condition{}), backends.ErrNotFound, "Move of what is outside"); err != nil {
		return err
	}
	if err := wants(back(backends.Condition{Beyond: place, Assert: s.eq(s.a.Text, "lost")}), backends.ErrChanged, "Move back of what has changed"); err != nil {
		return err
	}
	heir, err := s.create("leaver", nil)
	if err != nil {
		return err
	}
	if err := wants(back(backends.Condition{Beyond: place}), backends.ErrExists, "Move back to a name that is taken"); err != nil {
		return err
	}
	if err := s.b.Delete(s.ctx, heir.Key, backends.Condition{}); err != nil {
		return err
	}
	if err := back(backends.Condition{Beyond: place}); err != nil {
		return fmt.Errorf("Move back: %w", err)
	}
	rec, err := s.fetch(made.Key)
	if err != nil || rec.Name != made.Name {
		return unlike(err, "after Move back there is %+v", rec)
	}
	return steps(
		func() error { return s.holds(rec, s.a.Text, "kept") },
		func() error { return s.holds(rec, s.a.Name, "leaver") },
		func() error { return s.finds(nil, made.Key) },
		func() error { // and is a record as others are
			_, err := s.modify(made.Key, change(backends.Replace, s.a.Text, "new"))
			return err
		},
	)
}
