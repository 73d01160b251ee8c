package backendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// seeksInOrder walks in every order of the directory from everywhere.
func (s *suite) seeksInOrder() error {
	orders, err := s.orders()
	if err != nil {
		return err
	}
	for _, by := range orders {
		if s.b.SeeksIn(by) && !s.b.Capabilities().Seeks {
			return fmt.Errorf("SeeksIn says yes to %s, and the directory does not seek", by.Attr)
		}
	}
	if s.b.SeeksIn(backends.Sort{Attr: "noSuchAttribute", Rule: backends.CaseExact}) {
		return errors.New("SeeksIn says yes to an attribute that does not exist")
	}
	if !s.b.Capabilities().Seeks {
		return notTested("this directory does not seek")
	}
	g, all, err := s.populate(17)
	if err != nil {
		return err
	}
	for i, by := range orders {
		if err := s.seeksIn(by, g.predicate(i%3), all); err != nil {
			return fmt.Errorf("by %s under %s, descending %v: %w", by.Attr, by.Rule, by.Descending, err)
		}
	}
	return s.seeksBehindTheGone(orders)
}

// seeksIn holds walks that begin behind a place against the whole one, of which each must be a piece.
func (s *suite) seeksIn(by backends.Sort, p backends.Predicate, all []backends.Record) error {
	list, err := sought(s.ctx, s.b, backends.Query{Sort: &by})
	if err != nil {
		return err
	}
	turned := by
	turned.Descending = !by.Descending
	back, err := sought(s.ctx, s.p.Second, backends.Query{Sort: &turned})
	if err != nil {
		return err
	}
	if slices.Reverse(back); !slices.Equal(list, back) {
		return fmt.Errorf("the other way round gives %q, want %q", back, list)
	}
	seen := map[backends.Key]backends.Record{}
	for _, rec := range all {
		seen[rec.Key] = rec
	}
	fit := map[backends.Key]bool{}
	for _, rec := range all {
		fit[rec.Key] = backends.Match(p, rec)
	}
	for i, key := range list {
		if !telling(by, list, seen, i) {
			continue
		}
		rest := list[i+1:]
		for _, where := range []backends.Predicate{nil, p} {
			for _, limit := range []int{0, 4} {
				q := backends.Query{Where: where, Sort: &by, After: key, At: by.Key(seen[key]), Limit: limit}
				want := slices.DeleteFunc(slices.Clone(rest), func(key backends.Key) bool { return where != nil && !fit[key] })
				if limit > 0 {
					want = want[:min(limit, len(want))]
				}
				if err := s.gives(q, want); err != nil {
					return err
				}
			}
		}
	}
	// A page from the beginning is the beginning.
	return s.gives(backends.Query{Sort: &by, Limit: len(list)/2 + 1}, list[:len(list)/2+1])
}

// telling are the ends of the list, the places where records with a value meet those without, some of those where equal ones stand, and one in the middle.
func telling(by backends.Sort, list []backends.Key, seen map[backends.Key]backends.Record, i int) bool {
	if i == 0 || i == len(list)/2 || i == len(list)-1 {
		return true
	}
	before, at := by.Key(seen[list[i-1]]), by.Key(seen[list[i]])
	_, had := before.Value()
	_, has := at.Value()
	return had != has || has && i%3 == 0 && by.Compare(before, at) == 0
}

func (s *suite) gives(q backends.Query, want []backends.Key) error {
	got, err := sought(s.ctx, s.b, q)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		value, there := q.At.Value()
		return fmt.Errorf("Walk %s, at most %d, behind %q, which stood at %q (%v), gave %q, want %q", backends.Describe(q.Where), q.Limit, q.After, value, there, got, want)
	}
	return nil
}

// seeksBehindTheGone goes on behind records that are no longer where they were seen.
func (s *suite) seeksBehindTheGone(orders []backends.Sort) error {
	i := slices.IndexFunc(orders, func(by backends.Sort) bool { return by.Attr == s.a.Text })
	if i < 0 {
		return nil
	}
	for _, by := range orders[i : i+2] {
		made := map[string]backends.Record{}
		for _, text := range []string{"ka", "kb", "kc", "kd"} {
			rec, err := s.person(backends.Attributes{s.a.Text: backends.Strings(text)})
			if err != nil {
				return err
			}
			made[text] = rec
		}
		order := []string{"ka", "kb", "kc", "kd"}
		if by.Descending {
			slices.Reverse(order)
		}
		mine := backends.OneOf([]backends.Key{made["ka"].Key, made["kb"].Key, made["kc"].Key, made["kd"].Key})
		behind := func(text string) backends.Query {
			return backends.Query{Where: mine, Sort: &by, After: made[text].Key, At: by.Key(made[text]), Limit: 10}
		}
		if _, err := s.modify(made[order[1]].Key, change(backends.Replace, s.a.Text, strings.Repeat("z", 3))); err != nil {
			return err
		}
		if err := s.b.Delete(s.ctx, made[order[2]].Key, backends.Condition{}); err != nil {
			return fmt.Errorf("Delete: %w", err)
		}
		want := []backends.Key{made[order[3]].Key}
		if !by.Descending { // the second stands at the end now
			want = append(want, made[order[1]].Key)
		}
		for i, which := range map[int]string{1: "behind one that stands elsewhere", 2: "behind one that is gone"} {
			if err := s.gives(behind(order[i]), want); err != nil {
				return fmt.Errorf("%s: %w", which, err)
			}
		}
	}
	return nil
}
