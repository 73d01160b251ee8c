package backendtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/scim-adapter/scim-adapter/backends"
)

func conditionChecks() []check {
	return []check{
		{"every record has a version wherever it is read, or none ever has", (*suite).versions},
		{"a write conditional on a version that has passed does not happen", (*suite).staleVersion},
		{"a write conditional on an assertion that fails does not happen", (*suite).failedAssertion},
	}
}

// refusedUnder tries each kind of write under a condition; all must answer kind.
func (s *suite) refusedUnder(key backends.Key, cond backends.Condition, kind error) error {
	_, err := s.b.Modify(s.ctx, key, []backends.Change{change(backends.Replace, s.a.Text, "overwritten")}, cond, nil)
	if err := wants(err, kind, "Modify"); err != nil {
		return err
	}
	if s.b.Capabilities().Rename {
		if err := wants(s.b.Move(s.ctx, key, s.name("renamed"), cond), kind, "Move"); err != nil {
			return err
		}
	}
	return wants(s.b.Delete(s.ctx, key, cond), kind, "Delete")
}

// versions: whoever makes versions of the attributes instead must know that beforehand, and read them all.
func (s *suite) versions() error {
	versioned := s.b.Capabilities().Versioned
	made, err := s.create("v1", backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	is := func(how string, r backends.Record) error {
		if r.Key != made.Key || (r.Version != "") != versioned {
			return fmt.Errorf("%s gives %q the version %q, and Versioned is %v", how, r.Key, r.Version, versioned)
		}
		return nil
	}
	if err := is("Create", made); err != nil {
		return err
	}
	for _, attrs := range [][]string{nil, {s.a.Must}, {"*"}} {
		recs, err := s.b.Fetch(s.ctx, []backends.Key{made.Key}, attrs)
		if err == nil && len(recs) != 1 {
			err = fmt.Errorf("%d records", len(recs))
		}
		if err != nil {
			return fmt.Errorf("Fetch of %q: %w", attrs, err)
		}
		if err := is(fmt.Sprintf("Fetch of %q", attrs), recs[0]); err != nil {
			return err
		}
		for rec, err := range s.b.Walk(s.ctx, backends.Query{Attrs: attrs}) {
			if err == nil {
				err = is(fmt.Sprintf("Walk for %q", attrs), rec)
			}
			if err != nil {
				return err
			}
		}
	}
	found, err := s.b.Find(s.ctx, s.a.Name, []string{"v1"}, nil)
	if err != nil {
		return err
	}
	if err := is("Find", found["v1"]); err != nil {
		return err
	}
	fresh, err := s.b.Modify(s.ctx, made.Key, []backends.Change{change(backends.Replace, s.a.Text, "second")}, backends.Condition{}, nil)
	if err != nil {
		return err
	}
	return is("Modify", fresh)
}

func (s *suite) staleVersion() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	if made.Version == "" {
		return notTested("records here have no versions")
	}
	fresh, err := s.b.Modify(s.ctx, made.Key, []backends.Change{change(backends.Replace, s.a.Text, "second")}, backends.Condition{Version: made.Version}, s.all())
	if err != nil {
		return fmt.Errorf("Modify on the version just read: %w", err)
	}
	if fresh.Version == made.Version {
		return errors.New("Modify left the version as it was")
	}
	for _, version := range []string{made.Version, "never", "*", "*)(objectClass=*"} {
		if err := s.refusedUnder(made.Key, backends.Condition{Version: version}, backends.ErrChanged); err != nil {
			return fmt.Errorf("on version %q: %w", version, err)
		}
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if rec.Version != fresh.Version || rec.Name != made.Name {
		return fmt.Errorf("version %q became %q, name %q became %q by writes that were refused", fresh.Version, rec.Version, made.Name, rec.Name)
	}
	return steps(
		func() error { return s.holds(rec, s.a.Text, "second") },
		func() error { return s.b.Delete(s.ctx, made.Key, backends.Condition{Version: rec.Version}) },
		func() error { return s.gone(made.Key) },
	)
}

func (s *suite) failedAssertion() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("first")})
	if err != nil {
		return err
	}
	first := s.eq(s.a.Text, "first")
	if !s.exact(first) {
		first = backends.Present{Attr: s.a.Text}
	}
	for _, p := range []backends.Predicate{
		backends.Not{Term: first},
		backends.False{},
		backends.And{first, backends.Not{Term: backends.Present{Attr: s.a.Must}}},
		backends.KeyIn{Keys: []backends.Key{"nonsense"}},
	} {
		if err := s.refusedUnder(made.Key, backends.Condition{Assert: p}, backends.ErrChanged); err != nil {
			return fmt.Errorf("on %s: %w", backends.Describe(p), err)
		}
	}
	if made.Version != "" {
		both := backends.Condition{Version: made.Version, Assert: backends.False{}}
		if err := s.refusedUnder(made.Key, both, backends.ErrChanged); err != nil {
			return fmt.Errorf("on the right version and a false assertion: %w", err)
		}
	}
	rec, err := s.b.Modify(s.ctx, made.Key, []backends.Change{change(backends.Replace, s.a.Text, "second")}, backends.Condition{Assert: first}, s.all())
	if err != nil {
		return fmt.Errorf("Modify on %s: %w", backends.Describe(first), err)
	}
	if rec.Name != made.Name {
		return fmt.Errorf("a Move that was refused made %q of %q", rec.Name, made.Name)
	}
	return s.holds(rec, s.a.Text, "second")
}

func raceChecks() []check {
	return []check{
		{"of many writers on one version exactly one succeeds", (*suite).oneWriterWins},
		{"of many creators of one name exactly one succeeds", (*suite).oneCreatorWins},
		{"additions to one set at the same time are all there", (*suite).additionsAddUp},
		{"of many who delete one record exactly one does", (*suite).oneDeleterWins},
	}
}

const writers = 12

// race runs writers at once, alternately on two handles, and counts those that succeed. The others must fail with kind.
func (s *suite) race(kind error, write func(ctx context.Context, b backends.Backend, i int) error) (won int, err error) {
	errs := make([]error, writers)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range writers {
		b := s.p.Backend
		if i%2 == 1 {
			b = s.p.Second
		}
		wg.Go(func() {
			<-start
			errs[i] = write(s.ctx, b, i)
		})
	}
	close(start)
	wg.Wait()
	for _, e := range errs {
		switch {
		case e == nil:
			won++
		case kind == nil || !errors.Is(e, kind):
			err = errors.Join(err, fmt.Errorf("a writer in a race: %w", e))
		}
	}
	return won, err
}

func (s *suite) oneWriterWins() error {
	if !s.b.Capabilities().Conditional {
		return notTested("the directory does not enforce conditions itself")
	}
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("unclaimed")})
	if err != nil {
		return err
	}
	conditions := []backends.Condition{{Assert: s.eq(s.a.Text, "unclaimed")}}
	if made.Version != "" {
		conditions = append(conditions, backends.Condition{Version: made.Version})
	}
	for _, cond := range conditions {
		fresh, err := s.modify(made.Key, change(backends.Replace, s.a.Text, "unclaimed"), change(backends.Replace, s.a.Multi))
		if err != nil {
			return fmt.Errorf("Modify: %w", err)
		}
		if cond.Version != "" {
			cond.Version = fresh.Version
		}
		won, err := s.race(backends.ErrChanged, func(ctx context.Context, b backends.Backend, i int) error {
			claim := []backends.Change{change(backends.Replace, s.a.Text, "claimed "+strconv.Itoa(i)), change(backends.Add, s.a.Multi, strconv.Itoa(i))}
			_, err := b.Modify(ctx, made.Key, claim, cond, nil)
			return err
		})
		if err != nil {
			return err
		}
		rec, err := s.fetch(made.Key)
		if err != nil {
			return err
		}
		if won != 1 || len(rec.Attrs[s.a.Multi]) != 1 {
			return fmt.Errorf("%d of %d writers succeeded on %+v, %d left their mark; want exactly one", won, writers, cond, len(rec.Attrs[s.a.Multi]))
		}
	}
	return nil
}

func (s *suite) oneCreatorWins() error {
	for round := range 5 {
		names := []string{fmt.Sprintf("twin%d", round), fmt.Sprintf("TWIN%d", round)}
		if rule := s.rule(s.a.Name); backends.Normalize(rule, names[0]) != backends.Normalize(rule, names[1]) {
			names[1] = names[0]
		}
		won, err := s.race(backends.ErrExists, func(ctx context.Context, b backends.Backend, i int) error {
			id := names[i/2%2]
			_, err := b.Create(ctx, s.name(id), s.attrs(id, nil), nil)
			return err
		})
		if err != nil {
			return err
		}
		keys, err := s.walk(nil)
		if err != nil {
			return err
		}
		if won != 1 || len(keys) != round+1 {
			return fmt.Errorf("%d of %d creators succeeded and %d records are there, want 1 and %d", won, writers, len(keys), round+1)
		}
	}
	return nil
}

func (s *suite) additionsAddUp() error {
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	var want []string
	for i := range writers {
		want = append(want, "value"+strconv.Itoa(i))
	}
	won, err := s.race(nil, func(ctx context.Context, b backends.Backend, i int) error {
		_, err := b.Modify(ctx, made.Key, []backends.Change{change(backends.Add, s.a.Multi, want[i])}, backends.Condition{}, nil)
		return err
	})
	if err != nil || won != writers {
		return unlike(err, "%d of %d additions succeeded", won, writers)
	}
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	return s.holds(rec, s.a.Multi, want...)
}

func (s *suite) oneDeleterWins() error {
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	won, err := s.race(backends.ErrNotFound, func(ctx context.Context, b backends.Backend, _ int) error {
		return b.Delete(ctx, made.Key, backends.Condition{})
	})
	if err != nil {
		return err
	}
	if won != 1 {
		return fmt.Errorf("%d of %d deletions of one record succeeded", won, writers)
	}
	return s.gone(made.Key)
}
