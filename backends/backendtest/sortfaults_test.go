package backendtest

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// sorting gives a backend that answers an ordered walk by rearranging all records, with their attributes, in a way of its own.
func sorting(arrange func(q backends.Query, all []backends.Record) []backends.Record) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			if q.Sort == nil {
				return b.Walk(ctx, q)
			}
			return func(yield func(backends.Record, error) bool) {
				var all []backends.Record
				for rec, err := range b.Walk(ctx, backends.Query{Where: q.Where, Attrs: []string{"*", q.Sort.Attr}}) {
					if err != nil {
						yield(rec, err)
						return
					}
					all = append(all, rec)
				}
				for i, rec := range arrange(q, all) {
					shown := backends.Attributes{}
					for _, attr := range q.Attrs {
						if values := rec.Attrs.Get(attr); len(values) > 0 {
							shown[attr] = values
						}
					}
					rec.Attrs = shown
					if q.Limit > 0 && i == q.Limit || !yield(rec, nil) {
						return
					}
				}
			}
		}
	})
}

// by arranges records by another comparison than the right one.
func by(compare func(by backends.Sort, a, b backends.Record) int) planter {
	return sorting(func(q backends.Query, all []backends.Record) []backends.Record {
		slices.SortStableFunc(all, func(a, b backends.Record) int { return compare(*q.Sort, a, b) })
		return all
	})
}

func right(by backends.Sort, a, b backends.Record) int { return by.Compare(by.Key(a), by.Key(b)) }

func TestARightArrangementPasses(t *testing.T) {
	h := memoryHarness(by(right))
	h.Many = 300
	for _, c := range sortChecks() {
		if err := c.run(newSuite(t.Context(), h, h.Open(t))); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
	}
}

func sortFaults() []fault {
	return []fault{
		{"the order is the other way round", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int { return right(by, b, a) })},
		{"descending is not looked at", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			by.Descending = false
			return right(by, a, b)
		})},
		{"those without a value come first", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			with, without := len(a.Attrs.Get(by.Attr)) > 0, len(b.Attrs.Get(by.Attr)) > 0
			if with != without {
				by.Descending = !by.Descending
			}
			return right(by, a, b)
		})},
		{"those without a value come last in the descending order", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			if len(a.Attrs.Get(by.Attr)) == 0 || len(b.Attrs.Get(by.Attr)) == 0 {
				by.Descending = false
			}
			return right(by, a, b)
		})},
		{"the highest value counts when descending", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			return right(by, highest(by, a), highest(by, b))
		})},
		{"numbers are ordered as texts", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			if by.Rule == backends.IntegerRule {
				by.Rule = backends.CaseExact
			}
			return right(by, a, b)
		})},
		{"letter case counts", (*suite).ordered, by(func(by backends.Sort, a, b backends.Record) int {
			if by.Rule == backends.CaseIgnoreSpace {
				by.Rule = backends.CaseExactSpace
			}
			return right(by, a, b)
		})},
		{"the limit is looked at before the order", (*suite).ordered, sorting(func(q backends.Query, all []backends.Record) []backends.Record {
			if q.Limit > 0 {
				all = all[:min(len(all), q.Limit)]
			}
			slices.SortStableFunc(all, func(a, b backends.Record) int { return right(*q.Sort, a, b) })
			return all
		})},
		{"records without the attribute are left out", (*suite).ordered, sorting(func(q backends.Query, all []backends.Record) []backends.Record {
			all = slices.DeleteFunc(all, func(r backends.Record) bool { return len(r.Attrs.Get(q.Sort.Attr)) == 0 })
			slices.SortStableFunc(all, func(a, b backends.Record) int { return right(*q.Sort, a, b) })
			return all
		})},
		{"each page is in order, and not the whole", (*suite).orderedPages, sorting(func(q backends.Query, all []backends.Record) []backends.Record {
			for page := range slices.Chunk(all, 250) {
				slices.SortStableFunc(page, func(a, b backends.Record) int { return right(*q.Sort, a, b) })
			}
			return all
		})},
		{"one order at a time", (*suite).orderedTogether, with(func(_ *Memory, h *hooked) {
			b, busy := h.Backend, make(chan struct{}, 1)
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				return func(yield func(backends.Record, error) bool) {
					select {
					case busy <- struct{}{}:
						defer func() { <-busy }()
					default:
						q.Sort = nil
					}
					for rec, err := range b.Walk(ctx, q) {
						if !yield(rec, err) {
							return
						}
						pause()
					}
				}
			}
		})},
	}
}

// A directory may be too busy for an order, and says so; see sortFaults for one that gives another order instead.
func TestADirectoryThatIsTooBusyToSortPasses(t *testing.T) {
	h := memoryHarness(with(func(_ *Memory, h *hooked) {
		b, busy := h.Backend, make(chan struct{}, 1)
		h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			return func(yield func(backends.Record, error) bool) {
				select {
				case busy <- struct{}{}:
					defer func() { <-busy }()
				default:
					yield(backends.Record{}, &backends.Error{Kind: backends.ErrUnavailable})
					return
				}
				for rec, err := range b.Walk(ctx, q) {
					if !yield(rec, err) {
						return
					}
					pause()
				}
			}
		}
	}))
	if err := (*suite).orderedTogether(newSuite(t.Context(), h, h.Open(t))); err != nil {
		t.Error(err)
	}
}

func TestADirectoryWithoutVersionsPasses(t *testing.T) {
	h := memoryHarness(with(func(m *Memory, _ *hooked) { m.Bare = true }))
	if err := (*suite).versions(newSuite(t.Context(), h, h.Open(t))); err != nil {
		t.Error(err)
	}
}

func findFaults() []fault {
	return []fault{
		{"Find gives no attributes", (*suite).findsWhatIsAsked, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.find = func(ctx context.Context, by string, names, _ []string) (map[string]backends.Record, error) {
				return b.Find(ctx, by, names, nil)
			}
		})},
		{"Find shows what it looks up by", (*suite).findsWhatIsAsked, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.find = func(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
				if by != "" {
					attrs = append(slices.Clip(attrs), by)
				}
				return b.Find(ctx, by, names, attrs)
			}
		})},
	}
}

// highest leaves a record the last of its values only.
func highest(by backends.Sort, r backends.Record) backends.Record {
	values := r.Attrs.Get(by.Attr).Clone()
	if !by.Descending || len(values) < 2 {
		return r
	}
	up := backends.Sort{Attr: by.Attr, Rule: by.Rule}
	slices.SortFunc(values, func(a, b backends.Value) int {
		one := func(v backends.Value) backends.SortKey {
			return up.Key(backends.Record{Attrs: backends.Attributes{by.Attr: {v}}})
		}
		return up.Compare(one(a), one(b))
	})
	return backends.Record{Key: r.Key, Attrs: backends.Attributes{by.Attr: values[len(values)-1:]}}
}
