package backendtest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// writing gives a backend to which something else is written than was said, by Modify, and by Create as far as attributes are concerned.
func writing(change func(c backends.Change) backends.Change) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
			var others []backends.Change
			for _, c := range changes {
				others = append(others, change(c.Clone()))
			}
			return b.Modify(ctx, key, others, cond, want)
		}
		h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
			others := backends.Attributes{}
			for attr, values := range attrs {
				c := change(backends.Change{Op: backends.Replace, Attr: attr, Values: values.Clone()})
				others[c.Attr] = c.Values
			}
			return b.Create(ctx, name, others, want)
		}
	})
}

// rowsWithout drops a part of all rows that are written.
func rowsWithout(part string) planter {
	return writing(func(c backends.Change) backends.Change {
		for i, v := range c.Values {
			if parts := v.Row(); v.Kind() == backends.KindRow {
				delete(parts, part)
				c.Values[i] = backends.Row(parts)
			}
		}
		return c
	})
}

// apart tests each part of a row by itself, so that another row may be meant.
func apart(p backends.Predicate) backends.Predicate {
	some, ok := p.(backends.Some)
	terms, and := some.Where.(backends.And)
	if !ok || !and || len(terms) == 0 {
		return p
	}
	var each backends.And
	for _, term := range terms {
		each = append(each, backends.Some{Attr: some.Attr, Where: term})
	}
	return each
}

// noneInstead takes a negation out of the row: no row is, instead of one that is not.
func noneInstead(p backends.Predicate) backends.Predicate {
	some, ok := p.(backends.Some)
	terms, and := some.Where.(backends.And)
	if !ok || !and || len(terms) != 1 {
		return p
	}
	if not, negated := terms[0].(backends.Not); negated {
		return backends.Not{Term: backends.Some{Attr: some.Attr, Where: not.Term}}
	}
	return p
}

// overwriting reads a set, adds to it and writes it back.
func overwriting(_ *Memory, h *hooked) {
	b := h.Backend
	h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
		attr := changes[0].Attr
		recs, err := b.Fetch(ctx, []backends.Key{key}, []string{attr})
		if err != nil || len(recs) != 1 {
			return backends.Record{}, err
		}
		pause()
		all := append(recs[0].Attrs[attr], changes[0].Values...)
		return b.Modify(ctx, key, []backends.Change{{Op: backends.Replace, Attr: attr, Values: all}}, cond, want)
	}
}

// afterwards spoils a record when it was changed.
func afterwards(spoil func(m *Memory, before, after *stored)) planter {
	return with(func(m *Memory, h *hooked) {
		b := h.Backend
		h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
			before := m.records[key]
			rec, err := b.Modify(ctx, key, changes, cond, want)
			if err == nil && before != nil {
				spoil(m, before, m.records[key])
				rec.Version = m.records[key].Version
			}
			return rec, err
		}
	})
}

func rowFaults() []fault {
	return []fault{
		{name: "a part of a row is lost", noticed: (*suite).rowsReadBack, plant: rowsWithout("kind")},
		{name: "quotes in a row are doubled", noticed: (*suite).rowsReadBack, plant: writing(func(c backends.Change) backends.Change {
			for i, v := range c.Values {
				if parts := v.Row(); v.Kind() == backends.KindRow {
					parts["address"] = backends.Strings(strings.ReplaceAll(parts["address"][0].Text(), "'", "''"))
					c.Values[i] = backends.Row(parts)
				}
			}
			return c
		})},
		{name: "the parts of a row are tested each by itself", noticed: (*suite).rowsFound, plant: asking(apart)},
		{name: "the parts of a row are tested each by itself, seen by the differential check", noticed: (*suite).differential, plant: asking(apart)},
		{name: "a negation in a row is of all rows", noticed: (*suite).rowsFound, plant: asking(noneInstead)},
		{name: "rows that are added take the place of the others", noticed: (*suite).rowsChange, plant: writing(func(c backends.Change) backends.Change {
			if c.Attr == "emails" && c.Op == backends.Add {
				c.Op = backends.Replace
			}
			return c
		})},
		{name: "a change of rows leaves the version as it was", noticed: (*suite).rowsChange, plant: afterwards(func(_ *Memory, before, after *stored) {
			after.Version = before.Version
		})},
		{name: "a row that is there already is passed over", noticed: (*suite).rowsNoEffect, plant: permissive},
		{name: "a change of rows does not look at the version", noticed: (*suite).rowsConditional, plant: unconditional(func(c *backends.Condition) { c.Version = "" })},
		{name: "a part that nobody knows is dropped", noticed: (*suite).rowsInvalid, plant: rowsWithout("noSuchPart")},
		{name: "writers on rows overwrite each other", noticed: (*suite).rowsAddUp, plant: with(overwriting)},
		{name: "writers on members overwrite each other", noticed: (*suite).membersAddUp, plant: with(overwriting)},
		{name: "only a thousand values are written at once", noticed: (*suite).membersByThousands, plant: writing(func(c backends.Change) backends.Change {
			c.Values = c.Values[:min(len(c.Values), 1000)]
			return c
		})},
		{name: "a member that is there already is passed over", noticed: (*suite).membersByThousands, plant: permissive},
		{name: "a set is shown to whoever changes it", noticed: (*suite).membersByThousands, plant: with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				return b.Modify(ctx, key, changes, cond, append(slices.Clip(want), changes[0].Attr))
			}
		})},
	}
}

func documentFaults() []fault {
	inDocument := func(c backends.Change) bool { return strings.HasPrefix(c.Attr, "data.") }
	return []fault{
		{name: "numbers in documents become texts", noticed: (*suite).documentPlaces, plant: writing(func(c backends.Change) backends.Change {
			if inDocument(c) {
				for i, v := range c.Values {
					if v.Kind() == backends.KindInt {
						c.Values[i] = backends.String(v.Text())
					}
				}
			}
			return c
		})},
		{name: "a neighbour in the document goes away", noticed: (*suite).documentPlaces, plant: afterwards(func(_ *Memory, before, after *stored) {
			if len(before.doc) > 0 && len(after.doc) > 1 {
				delete(after.doc, "flags")
			}
		})},
		{name: "the members of objects are tested each by itself", noticed: (*suite).documentsFound, plant: asking(apart)},
		{name: "only the first of an array counts", noticed: (*suite).documentsFound, plant: asking(func(p backends.Predicate) backends.Predicate {
			if eq, ok := p.(backends.Eq); ok && eq.Attr == "data.tags" && eq.Value.Text() != "one" {
				return backends.False{}
			}
			return p
		})},
		{name: "a document is written as far as it is understood", noticed: (*suite).documentNeighbours, plant: afterwards(func(_ *Memory, _, after *stored) {
			delete(after.doc, "unknown")
		})},
		{name: "objects are written as far as they are understood", noticed: (*suite).documentNeighbours, plant: afterwards(func(_ *Memory, _, after *stored) {
			posts, _ := after.doc["posts"].([]any)
			for _, post := range posts {
				if object, ok := post.(map[string]any); ok {
					delete(object, "more")
				}
			}
		})},
		{name: "what has no effect on a document is passed over", noticed: (*suite).documentNoEffect, plant: permissive},
		{name: "a change of a document looks at no condition", noticed: (*suite).documentNoEffect, plant: unconditional(func(c *backends.Condition) { *c = backends.Condition{} })},
		{name: "a quote in the name of a member is lost", noticed: (*suite).oddPlaces, plant: writing(func(c backends.Change) backends.Change {
			if inDocument(c) {
				c.Attr = strings.ReplaceAll(c.Attr, `""`, "")
			}
			return c
		})},
	}
}

// walking gives a backend whose walks are made of other ones.
func walking(walk func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error]) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] { return walk(b, ctx, q) }
	})
}

// arranged yields records that were read before.
func arranged(recs []backends.Record) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func collect(walk iter.Seq2[backends.Record, error]) []backends.Record {
	var recs []backends.Record
	for rec, err := range walk {
		if err == nil {
			recs = append(recs, rec)
		}
	}
	return recs
}

// behindPlace gives a backend that has an opinion of its own on who is behind a place.
func behindPlace(is func(q backends.Query, rec backends.Record) bool) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			if q.Sort == nil || q.After == "" {
				return b.Walk(ctx, q)
			}
			return func(yield func(backends.Record, error) bool) {
				given := 0
				for rec, err := range b.Walk(ctx, backends.Query{Where: q.Where, Attrs: []string{q.Sort.Attr}, Sort: q.Sort}) {
					if err == nil && !is(q, rec) {
						continue
					}
					if given++; !yield(rec, err) || given == q.Limit {
						return
					}
				}
			}
		}
	})
}

func seekFaults() []fault {
	return []fault{
		{"who is equal to the place in an order is left out", (*suite).seeksInOrder, behindPlace(func(q backends.Query, rec backends.Record) bool { return q.Sort.Compare(q.Sort.Key(rec), q.At) > 0 })},
		{"who is equal to the place in an order comes again", (*suite).seeksInOrder, behindPlace(func(q backends.Query, rec backends.Record) bool {
			return rec.Key != q.After && q.Sort.Compare(q.Sort.Key(rec), q.At) >= 0
		})},
		{"behind a place with a value nobody is who has none", (*suite).seeksInOrder, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				if _, there := q.At.Value(); there && q.After != "" {
					q.Where = backends.And{q.Where, backends.Present{Attr: q.Sort.Attr}}
				}
				return b.Walk(ctx, q)
			}
		})},
		{"where the record stands by now counts, and not where it stood", (*suite).seeksInOrder, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				if q.Sort != nil && q.After != "" {
					if recs, _ := b.Fetch(ctx, []backends.Key{q.After}, []string{q.Sort.Attr}); len(recs) == 1 {
						q.At = q.Sort.Key(recs[0])
					}
				}
				return b.Walk(ctx, q)
			}
		})},
		{"equal ones go by their keys one way only", (*suite).seeksInOrder, sorting(func(q backends.Query, all []backends.Record) []backends.Record {
			slices.SortStableFunc(all, func(a, b backends.Record) int { return right(*q.Sort, a, b) })
			return all
		})},
		{name: "behind a key that is gone a walk begins anew", noticed: (*suite).seeks, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			if recs, _ := b.Fetch(ctx, []backends.Key{q.After}, nil); len(recs) == 0 {
				q.After = ""
			}
			return b.Walk(ctx, q)
		})},
		{name: "keys are numbers in the order, and texts where a walk begins", noticed: (*suite).seeks, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			recs := slices.DeleteFunc(collect(b.Walk(ctx, backends.Query{Where: q.Where, Attrs: q.Attrs, Reverse: q.Reverse})), func(r backends.Record) bool {
				return q.After != "" && (!q.Reverse && r.Key <= q.After || q.Reverse && r.Key >= q.After)
			})
			recs = recs[min(len(recs), q.Skip):]
			if q.Limit > 0 {
				recs = recs[:min(len(recs), q.Limit)]
			}
			return arranged(recs)
		})},
		{name: "a page is turned round, and not the walk", noticed: (*suite).seeks, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			if !q.Reverse || q.After != "" {
				return b.Walk(ctx, q)
			}
			q.Reverse = false
			recs := collect(b.Walk(ctx, q))
			slices.Reverse(recs)
			return arranged(recs)
		})},
		{name: "a walk begins with the key that it is to begin behind", noticed: (*suite).seeks, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			first, _ := b.Fetch(ctx, []backends.Key{q.After}, nil)
			return arranged(append(first, collect(b.Walk(ctx, q))...))
		})},
		{name: "the limit is looked at before the predicate", noticed: (*suite).seeksWhatFits, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			where := q.Where
			q.Where, q.Attrs = nil, []string{"*"}
			return arranged(slices.DeleteFunc(collect(b.Walk(ctx, q)), func(r backends.Record) bool { return !backends.Match(where, r) }))
		})},
		{name: "pages are counted and not sought", noticed: (*suite).seeksWhileOthersWrite, plant: with(func(_ *Memory, h *hooked) {
			b, places := h.Backend, map[backends.Key]int{}
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				if q.Limit == 0 {
					return b.Walk(ctx, q)
				}
				if q.After != "" {
					q.Skip, q.After = places[q.After]+1, ""
				}
				recs := collect(b.Walk(ctx, q))
				for i, rec := range recs {
					places[rec.Key] = q.Skip + i
				}
				return arranged(recs)
			}
		})},
	}
}

func kindFaults() []fault {
	return []fault{
		{name: "everything is read as text", noticed: (*suite).typed, plant: with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				recs, err := b.Fetch(ctx, keys, attrs)
				for _, rec := range recs {
					for attr, values := range rec.Attrs {
						rec.Attrs[attr] = backends.Strings(values.Texts()...)
					}
				}
				return recs, err
			}
		})},
		{name: "a literal that cannot be sent is an error", noticed: (*suite).impossibleLiterals, plant: walking(func(b backends.Backend, ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
			if q.Where != nil && strings.Contains(q.Where.String(), `\x00`) {
				return func(yield func(backends.Record, error) bool) {
					yield(backends.Record{}, &backends.Error{Kind: backends.ErrInvalid})
				}
			}
			return b.Walk(ctx, q)
		})},
		{name: "long texts are cut", noticed: (*suite).longTexts, plant: writing(func(c backends.Change) backends.Change {
			for i, v := range c.Values {
				if text := v.Text(); len(text) > 4000 {
					c.Values[i] = backends.String(text[:4000])
				}
			}
			return c
		})},
		{name: "a name is given where there are none", noticed: (*suite).nameless, plant: with(func(_ *Memory, h *hooked) {
			h.move = func(context.Context, backends.Key, backends.Template, backends.Condition) error { return nil }
		})},
		{name: "a handle for reading only writes", noticed: (*suite).readOnly, plant: with(func(m *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				rec, err := b.Modify(ctx, key, changes, cond, want)
				if errors.Is(err, backends.ErrRefused) {
					return wide(m).Modify(ctx, key, changes, cond, want)
				}
				return rec, err
			}
		})},
		{name: "a walk backwards cannot be explained", noticed: (*suite).plans, plant: with(func(_ *Memory, h *hooked) {
			h.plan = func(_ context.Context, q backends.Query) ([]string, error) {
				if q.Reverse {
					return nil, &backends.Error{Kind: backends.ErrInvalid}
				}
				return []string{"Scan"}, nil
			}
		})},
	}
}
