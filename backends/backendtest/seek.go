package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

func seekChecks() []check {
	return []check{
		{"a walk by keys begins behind any key, there or not, and goes both ways, in one order for everybody", (*suite).seeks},
		{"a walk by keys leaves out what does not fit, before it skips and counts", (*suite).seeksWhatFits},
		{"a walk in an order begins behind any record, wherever that stands by now, and equal ones go by their keys", (*suite).seeksInOrder},
		{"page after page gives each record once, whatever is made and deleted meanwhile", (*suite).seeksWhileOthersWrite},
	}
}

// inKeyOrder makes n records and says in which order a walk gives them.
func (s *suite) inKeyOrder(n int) ([]backends.Key, error) {
	if !s.b.Capabilities().Seeks {
		return nil, notTested("this directory does not seek")
	}
	made := map[backends.Key]bool{}
	for range n {
		rec, err := s.person(nil)
		if err != nil {
			return nil, err
		}
		made[rec.Key] = true
	}
	keys, err := sought(s.ctx, s.b, backends.Query{})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		delete(made, key)
	}
	if len(keys) != n || len(made) > 0 {
		return nil, fmt.Errorf("Walk gave %d records, want the %d that there are", len(keys), n)
	}
	return keys, nil
}

// sought are the keys in the order of the walk.
func sought(ctx context.Context, b backends.Reader, q backends.Query) ([]backends.Key, error) {
	var keys []backends.Key
	for rec, err := range b.Walk(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("Walk after %q, reverse %v, skip %d, limit %d: %w", q.After, q.Reverse, q.Skip, q.Limit, err)
		}
		keys = append(keys, rec.Key)
	}
	return keys, nil
}

// expected is what a walk gives of keys that are in order; gone are those of them that are no longer there.
func expected(keys []backends.Key, q backends.Query, gone map[backends.Key]bool) []backends.Key {
	keys = slices.Clone(keys)
	if q.Reverse {
		slices.Reverse(keys)
	}
	keys = keys[slices.Index(keys, q.After)+1:]
	keys = slices.DeleteFunc(keys, func(key backends.Key) bool { return gone[key] })
	keys = keys[min(q.Skip, len(keys)):]
	if q.Limit > 0 {
		keys = keys[:min(q.Limit, len(keys))]
	}
	return keys
}

// seekable are queries that begin and end everywhere among the keys.
func seekable(keys []backends.Key) []backends.Query {
	var all []backends.Query
	n := len(keys)
	for _, after := range []backends.Key{"", keys[0], keys[1], keys[n/2], keys[n-2], keys[n-1]} {
		for _, reverse := range []bool{false, true} {
			for _, skip := range []int{0, 1, n / 3, n + 5} {
				for _, limit := range []int{0, 1, 7} {
					all = append(all, backends.Query{After: after, Reverse: reverse, Skip: skip, Limit: limit})
				}
			}
		}
	}
	return all
}

func (s *suite) seeks() error {
	const many = 23 // so that the last keys have one digit more than the first, if they are numbers
	keys, err := s.inKeyOrder(many)
	if err != nil {
		return err
	}
	if s.b.Sorts(backends.Sort{}) && !slices.IsSorted(keys) {
		return fmt.Errorf("the keys go %q, and are said to go as their texts do", keys)
	}
	gone := map[backends.Key]bool{}
	try := func() error {
		for _, q := range seekable(keys) {
			for _, b := range []backends.Backend{s.b, s.p.Second} {
				got, err := sought(s.ctx, b, q)
				if err != nil {
					return err
				}
				if want := expected(keys, q, gone); !slices.Equal(got, want) {
					return fmt.Errorf("Walk after %q, reverse %v, skip %d, limit %d with %d gone gave %q, want %q", q.After, q.Reverse, q.Skip, q.Limit, len(gone), got, want)
				}
			}
		}
		return nil
	}
	if err := try(); err != nil {
		return err
	}
	for _, key := range []backends.Key{keys[0], keys[1], keys[many/2], keys[many/2+1], keys[many-1]} {
		if err := s.b.Delete(s.ctx, key, backends.Condition{}); err != nil {
			return fmt.Errorf("Delete: %w", err)
		}
		gone[key] = true
	}
	if err := try(); err != nil {
		return err
	}
	// What a record holds has nothing to do with its place.
	if _, err := s.modify(keys[5], change(backends.Replace, s.a.Text, "changed")); err != nil {
		return err
	}
	return try()
}

func (s *suite) seeksWhatFits() error {
	const many = 30
	keys, err := s.inKeyOrder(many)
	if err != nil {
		return err
	}
	unfit := map[backends.Key]bool{}
	for i, key := range keys {
		if i%3 == 0 {
			unfit[key] = true
			continue
		}
		if _, err := s.modify(key, change(backends.Replace, s.a.Text, "fits")); err != nil {
			return err
		}
	}
	fits := s.eq(s.a.Text, "fits")
	if !s.exact(fits) {
		fits = backends.Present{Attr: s.a.Text}
	}
	for _, q := range seekable(keys) {
		q.Attrs = []string{s.a.Text}
		for p, out := range map[backends.Predicate]map[backends.Key]bool{fits: unfit, backends.Present{Attr: s.a.Must}: nil} {
			q.Where = p
			got, err := sought(s.ctx, s.b, q)
			if err != nil {
				return err
			}
			if want := expected(keys, q, out); !slices.Equal(got, want) {
				return fmt.Errorf("Walk %s after %q, reverse %v, skip %d, limit %d gave %q, want %q", p, q.After, q.Reverse, q.Skip, q.Limit, got, want)
			}
		}
	}
	return nil
}

// seeksWhileOthersWrite reads pages, each of which begins behind the last key of the one before, while others make and delete records. Who was there all
// the time comes once, whoever else may come.
func (s *suite) seeksWhileOthersWrite() error {
	const many = 60
	keys, err := s.inKeyOrder(many)
	if err != nil {
		return err
	}
	staying := map[backends.Key]bool{}
	var leaving []backends.Key
	for i, key := range keys {
		if i%3 == 1 {
			leaving = append(leaving, key)
		} else {
			staying[key] = true
		}
	}
	written := 0
	write := func() error { // a record comes, perhaps goes again, and one of those that were there goes
		if written++; written > 150 {
			return nil
		}
		id := fmt.Sprintf("late%d", written)
		rec, err := s.p.Second.Create(s.ctx, s.name(id), s.attrs(id, nil), nil)
		if err == nil && written%2 == 0 {
			err = s.p.Second.Delete(s.ctx, rec.Key, backends.Condition{})
		}
		if err == nil && written <= len(leaving) {
			err = s.p.Second.Delete(s.ctx, leaving[written-1], backends.Condition{})
		}
		return err
	}
	for _, reverse := range []bool{false, true, false} {
		if err := s.pages(reverse, staying, write); err != nil {
			return err
		}
	}
	return nil
}

// pages goes through all records in pages of seven. While each of them is read something is written, twice, and that is over before the next.
func (s *suite) pages(reverse bool, staying map[backends.Key]bool, write func() error) error {
	seen := map[backends.Key]bool{}
	q := backends.Query{Reverse: reverse, Limit: 7}
	for range 100 {
		wrote := make(chan error, 1)
		go func() { wrote <- errors.Join(write(), write()) }()
		page, err := sought(s.ctx, s.b, q)
		if err := errors.Join(err, <-wrote); err != nil {
			return err
		}
		for _, key := range page {
			if seen[key] {
				return fmt.Errorf("a walk by keys in pages gives %q twice", key)
			}
			seen[key] = true
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1]
	}
	for key := range staying {
		if !seen[key] {
			return fmt.Errorf("a walk by keys in pages, reverse %v, does not give %q, which was there all the time", reverse, key)
		}
	}
	return nil
}
