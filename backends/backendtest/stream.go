package backendtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func streamChecks() []check {
	return []check{
		{"thousands of records are walked, counted and fetched, each once", (*suite).streams},
		{"who is no longer waited for comes back soon, and the backend goes on", (*suite).cancels},
		{"a directory that is away is unavailable, and serves again when it is back", (*suite).outage},
	}
}

// soon is how long an operation may take that nobody waits for any more, or whose directory is away.
const soon = 10 * time.Second

func (s *suite) streams() error {
	made := map[backends.Key]bool{}
	var keys []backends.Key
	for range s.h.Many {
		id := s.id()
		rec, err := s.b.Create(s.ctx, s.name(id), s.attrs(id, nil), nil)
		if err != nil {
			return fmt.Errorf("Create(%q): %w", id, err)
		}
		made[rec.Key] = true
		keys = append(keys, rec.Key)
	}
	return steps(
		func() error { return s.walksAll(made) },
		func() error { return s.stopsAtLimit(1, 7, s.h.Many-1, s.h.Many, s.h.Many+1) },
		func() error { return s.breaksOff(backends.Query{}) },
		func() error {
			n, exact, err := s.b.Count(s.ctx, nil, 0)
			if err != nil || n != s.h.Many || !exact {
				return unlike(err, "Count = %d, %v, want %d", n, exact, s.h.Many)
			}
			return nil
		},
		func() error {
			batch := append([]backends.Key{"nonsense"}, keys[:min(len(keys), 1000)]...)
			recs, err := s.b.Fetch(s.ctx, batch, []string{s.a.Name})
			if err != nil || len(recs) != len(batch)-1 {
				return unlike(err, "Fetch of %d keys gave %d records", len(batch)-1, len(recs))
			}
			for _, rec := range recs {
				if !made[rec.Key] || len(rec.Attrs[s.a.Name]) != 1 {
					return fmt.Errorf("Fetch gave %+v", rec)
				}
			}
			return nil
		},
		func() error { return s.stopsWhenCancelled() },
	)
}

func (s *suite) walksAll(made map[backends.Key]bool) error {
	seen := map[backends.Key]bool{}
	for rec, err := range s.b.Walk(s.ctx, backends.Query{Attrs: []string{s.a.Must}}) {
		switch {
		case err != nil:
			return fmt.Errorf("Walk: %w", err)
		case seen[rec.Key]:
			return fmt.Errorf("Walk gives %q twice", rec.Key)
		case !made[rec.Key]:
			return fmt.Errorf("Walk gives %q, which nobody made", rec.Key)
		case len(rec.Attrs[s.a.Must]) != 1 || len(rec.Attrs) != 1:
			return fmt.Errorf("Walk asking for %s gave %+v", s.a.Must, rec)
		}
		seen[rec.Key] = true
	}
	if len(seen) != len(made) {
		return fmt.Errorf("Walk gave %d of %d records", len(seen), len(made))
	}
	return nil
}

func (s *suite) stopsAtLimit(limits ...int) error {
	for _, limit := range limits {
		n := 0
		for _, err := range s.b.Walk(s.ctx, backends.Query{Limit: limit}) {
			if err != nil {
				return fmt.Errorf("Walk with limit %d: %w", limit, err)
			}
			n++
		}
		if n != min(limit, s.h.Many) {
			return fmt.Errorf("Walk with limit %d of %d records gave %d", limit, s.h.Many, n)
		}
	}
	return nil
}

// breaksOff leaves many walks in their middle; whatever they hold must be given back.
func (s *suite) breaksOff(q backends.Query) error {
	q.Attrs = []string{s.a.Name}
	before := runtime.NumGoroutine()
	for round := range 60 {
		n := 0
		for _, err := range s.b.Walk(s.ctx, q) {
			if err != nil {
				return fmt.Errorf("walk %d, after others were broken off: %w", round, err)
			}
			if n++; n == 3 {
				break
			}
		}
	}
	const slack = 20 // a pool may have grown; what a walk leaks comes sixty-fold
	deadline := time.Now().Add(3 * time.Second)
	for runtime.NumGoroutine() > before+slack {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d goroutines before 60 walks were broken off, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func (s *suite) stopsWhenCancelled() error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	n, after := 0, 0
	var failed error
	for _, err := range s.b.Walk(ctx, backends.Query{Attrs: []string{s.a.Name}}) {
		switch {
		case failed != nil:
			return errors.New("Walk goes on after an error")
		case err != nil:
			failed = err
			continue
		case ctx.Err() != nil:
			after++
		}
		if n++; n == 5 {
			cancel()
		}
	}
	// What was read already may still be given, but not thousands.
	if failed == nil && after > 1500 || failed == nil && n == s.h.Many && n > 1500 {
		return fmt.Errorf("Walk gave %d records after its context was cancelled", after)
	}
	if failed != nil {
		return abandoned(failed, "Walk")
	}
	return nil
}

// abandoned fails unless err says that nobody waits, or that nobody answers.
func abandoned(err error, what string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, backends.ErrUnavailable) || errors.Is(err, backends.ErrUnknown) {
		return nil
	}
	return unlike(err, "%s whose context is done gave no context's error and no %q", what, backends.ErrUnavailable)
}

// everything runs each operation once and gives its error.
func (s *suite) everything(ctx context.Context, key backends.Key) map[string]error {
	_, fetch := s.b.Fetch(ctx, []backends.Key{key}, nil)
	_, _, count := s.b.Count(ctx, nil, 0)
	_, has := s.b.Has(ctx, key, s.a.Must, backends.Strings("Jensen"))
	_, find := s.b.Find(ctx, s.a.Name, []string{"x"}, nil)
	_, names := s.b.Names(ctx, "", []backends.Key{key})
	_, holders := s.b.Holders(ctx, s.a.Multi, []string{"x", "y"}, nil)
	_, create := s.b.Create(ctx, s.name("late"), s.attrs("late", nil), nil)
	_, modify := s.b.Modify(ctx, key, []backends.Change{change(backends.Replace, s.a.Text, "late")}, backends.Condition{}, nil)
	errs := map[string]error{
		"Fetch": fetch, "Count": count, "Has": has, "Find": find, "Names": names, "Holders": holders, "Create": create, "Modify": modify,
		"Delete": s.b.Delete(ctx, key, backends.Condition{}),
		"Walk":   nil,
	}
	for _, err := range s.b.Walk(ctx, backends.Query{}) {
		errs["Walk"] = err
	}
	if s.b.Capabilities().Rename {
		errs["Move"] = s.b.Move(ctx, key, s.name("late2"), backends.Condition{})
	}
	return errs
}

func (s *suite) cancels() error {
	made, err := s.person(backends.Attributes{s.a.Text: backends.Strings("early")})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	began := time.Now()
	for what, err := range s.everything(ctx, made.Key) {
		if err := abandoned(err, what); err != nil {
			return err
		}
	}
	if took := time.Since(began); took > soon {
		return fmt.Errorf("operations whose context was done took %s", took)
	}
	// Nothing of it has happened, and the backend is as good as new.
	rec, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	return steps(
		func() error { return s.holds(rec, s.a.Text, "early") },
		func() error { return s.finds(nil, made.Key) },
		func() error { return second(s.person(nil)) },
	)
}

func (s *suite) outage() error {
	if s.p.Break == nil {
		return notTested("this directory cannot be taken away")
	}
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	mend := s.p.Break()
	began := time.Now()
	for what, err := range s.everything(s.ctx, made.Key) {
		if !errors.Is(err, backends.ErrUnavailable) && !errors.Is(err, backends.ErrUnknown) { // a write may have been under way
			mend()
			return unlike(err, "%s while the directory is away", what)
		}
	}
	took := time.Since(began)
	mend()
	if took > 3*soon {
		return fmt.Errorf("it took %s to learn that the directory is away", took)
	}
	for deadline := time.Now().Add(soon); ; time.Sleep(50 * time.Millisecond) {
		if err = s.finds(nil, made.Key); err == nil {
			return second(s.person(nil))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after the directory is back: %w", soon, err)
		}
	}
}
