package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/scim-adapter/scim-adapter/backends"
)

func sortChecks() []check {
	return []check{
		{"an ordered walk yields records by their lowest values, those without any last, or first when descending", (*suite).ordered},
		{"thousands of records are walked in order, each once, however often a walk is broken off", (*suite).orderedPages},
		{"walks in order at the same time are in order, or the directory is too busy", (*suite).orderedTogether},
	}
}

// orders are those that the directory says it can walk in, of the attributes under test, both ways.
func (s *suite) orders() ([]backends.Sort, error) {
	// Some know what they can do only when they have met the directory.
	if _, _, err := s.b.Count(s.ctx, nil, 1); err != nil {
		return nil, fmt.Errorf("Count: %w", err)
	}
	var all []backends.Sort
	for _, attr := range s.all() {
		for rule := backends.NoRule; rule <= backends.TelRule; rule++ {
			up := backends.Sort{Attr: attr, Rule: rule}
			down := backends.Sort{Attr: attr, Rule: rule, Descending: true}
			if s.b.Sorts(up) != s.b.Sorts(down) {
				return nil, fmt.Errorf("Sorts by %s under %s says %v ascending and %v descending", attr, rule, s.b.Sorts(up), s.b.Sorts(down))
			}
			if s.b.Sorts(up) {
				all = append(all, up, down)
			}
		}
	}
	if s.b.Sorts(backends.Sort{Attr: "noSuchAttribute", Rule: backends.CaseIgnoreSpace}) || s.b.Sorts(backends.Sort{Rule: backends.CaseIgnoreSpace}) {
		return nil, errors.New("Sorts says yes to an attribute that does not exist")
	}
	if len(all) == 0 {
		return nil, notTested("this directory does not sort")
	}
	return all, nil
}

func (s *suite) ordered() error {
	orders, err := s.orders()
	if err != nil {
		return err
	}
	g, all, err := s.populate(11)
	if err != nil {
		return err
	}
	for _, by := range orders {
		for _, limit := range []int{0, 1, 7, populace - 1, populace, populace + 1} {
			if err := s.inOrder(backends.Query{Sort: &by, Limit: limit}, all); err != nil {
				return err
			}
		}
		for i := range 6 {
			p := g.predicate(i % 3)
			for _, limit := range []int{0, 2} {
				if err := s.inOrder(backends.Query{Where: p, Sort: &by, Limit: limit}, all); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// inOrder walks q, once without attributes, once with one that is not the order's and once with the order's own, and compares with what
// Match and Compare make of all records.
func (s *suite) inOrder(q backends.Query, all []backends.Record) error {
	place := map[backends.Key]backends.SortKey{}
	var want []backends.Key
	for _, rec := range all {
		place[rec.Key] = q.Sort.Key(rec)
		if backends.Match(q.Where, rec) {
			want = append(want, rec.Key)
		}
	}
	slices.SortStableFunc(want, func(a, b backends.Key) int { return q.Sort.Compare(place[a], place[b]) })
	if q.Limit > 0 {
		want = want[:min(len(want), q.Limit)]
	}
	for _, attrs := range [][]string{nil, {s.a.Must}, {q.Sort.Attr}} {
		q.Attrs = attrs
		what := fmt.Sprintf("Walk %s [%s] by %s under %s, descending %v, limit %d, attributes %q", backends.Describe(q.Where), s.b.Native(q.Where),
			q.Sort.Attr, q.Sort.Rule, q.Sort.Descending, q.Limit, attrs)
		got, err := s.walked(q)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := sameOrder(*q.Sort, got, want, place); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// walked gives the keys in the order of the walk. No record may come twice, match not, or show what was not asked for.
func (s *suite) walked(q backends.Query) ([]backends.Key, error) {
	var keys []backends.Key
	seen := map[backends.Key]bool{}
	for rec, err := range s.b.Walk(s.ctx, q) {
		switch {
		case err != nil:
			return nil, err
		case seen[rec.Key]:
			return nil, fmt.Errorf("%q comes twice", rec.Name)
		}
		for name := range rec.Attrs {
			if !slices.Contains(q.Attrs, name) {
				return nil, fmt.Errorf("%q shows %s, which nobody asked for", rec.Name, name)
			}
		}
		if slices.Contains(q.Attrs, s.a.Must) && len(rec.Attrs[s.a.Must]) != 1 {
			return nil, fmt.Errorf("%q does not show %s, which was asked for", rec.Name, s.a.Must)
		}
		seen[rec.Key] = true
		keys = append(keys, rec.Key)
	}
	return keys, nil
}

// sameOrder holds keys against wanted ones: each place must have a record that stands there. Which of several equal ones it is is open.
func sameOrder(by backends.Sort, got, want []backends.Key, place map[backends.Key]backends.SortKey) error {
	if len(got) != len(want) {
		return fmt.Errorf("gave %d records, want %d", len(got), len(want))
	}
	wanted := map[backends.Key]bool{}
	for _, key := range want {
		wanted[key] = true
	}
	for i, key := range got {
		if by.Compare(place[key], place[want[i]]) != 0 {
			return fmt.Errorf("%+v stands at place %d, want %+v", place[key], i, place[want[i]])
		}
		// The last ones may be others that are equal, where the limit cut between them.
		if !wanted[key] && by.Compare(place[key], place[want[len(want)-1]]) != 0 {
			return fmt.Errorf("%+v stands at place %d and should not be there", place[key], i)
		}
	}
	return nil
}

func (s *suite) orderedPages() error {
	orders, err := s.orders()
	if err != nil {
		return err
	}
	var all []backends.Record
	for i := range s.h.Many {
		extra := backends.Attributes{}
		n := i * 7919 % s.h.Many // all numbers, in no order that a directory would keep them in
		if i%5 > 0 {
			extra[s.a.Text] = backends.Strings(fmt.Sprintf("title %d", n%50))
			extra[s.a.Multi] = backends.Strings(fmt.Sprintf("m%05d", n), fmt.Sprintf("z%05d", s.h.Many-n))
		}
		if s.a.Int != "" && i%3 > 0 {
			extra[s.a.Int] = backends.Strings(strconv.Itoa(n))
		}
		rec, err := s.create(fmt.Sprintf("p%d", n), extra)
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	for _, by := range orders {
		if err := s.inOrder(backends.Query{Sort: &by}, all); err != nil {
			return err
		}
	}
	last := orders[len(orders)-1]
	return steps(
		func() error { return s.inOrder(backends.Query{Sort: &last, Limit: s.h.Many - 1}, all) },
		func() error { return s.breaksOff(backends.Query{Sort: &last}) },
		func() error {
			return s.inOrder(backends.Query{Where: backends.Present{Attr: s.a.Text}, Sort: &last, Limit: 3}, all)
		},
		func() error { return s.orderedInVain(last) },
	)
}

// orderedInVain: an ordered walk that nobody waits for says so.
func (s *suite) orderedInVain(by backends.Sort) error {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	for _, err := range s.b.Walk(ctx, backends.Query{Sort: &by}) {
		if err == nil {
			return errors.New("an ordered walk begins although its context is done")
		}
		return abandoned(err, "an ordered walk")
	}
	return errors.New("an ordered walk whose context is done is an empty answer")
}

func (s *suite) orderedTogether() error {
	orders, err := s.orders()
	if err != nil {
		return err
	}
	var all []backends.Record
	for i := range 40 {
		rec, err := s.create(fmt.Sprintf("p%d", i*7%40), backends.Attributes{s.a.Text: backends.Strings(fmt.Sprintf("t%d", i*11%40))})
		if err != nil {
			return err
		}
		all = append(all, rec)
	}
	const walkers = 12
	failed := make(chan error, walkers)
	for i := range walkers {
		go func() {
			by := orders[i%len(orders)]
			err := s.inOrder(backends.Query{Sort: &by}, all)
			if errors.Is(err, backends.ErrUnavailable) {
				err = nil
			}
			failed <- err
		}()
	}
	var first error
	for range walkers {
		if err := <-failed; err != nil && first == nil {
			first = err
		}
	}
	return first
}
