package scim

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Unbracketed gives a checked filter that says the same and has no brackets behind attributes of one value. Such an attribute is one element, so that
// `name[X]` is `name pr and X` with the parts in X called by their whole paths: whoever asks a directory need not know two ways of writing one thing.
// Where only an element that is there can fulfil X, the `pr` is left out.
func (rt *ResourceType) Unbracketed(e filter.Expr) filter.Expr {
	switch e := e.(type) {
	case filter.And:
		return conjoin(eachTerm(e.Terms, rt.Unbracketed)...)
	case filter.Or:
		return filter.Or{Terms: eachTerm(e.Terms, rt.Unbracketed)}
	case filter.Not:
		return filter.Not{Term: rt.Unbracketed(e.Term)}
	case filter.Has:
		if !rt.isLone(e.Path) {
			return e
		}
		whole, inside := opened(e.Path)
		if demands(inside) {
			return inside
		}
		return conjoin(filter.Compare{Path: whole, Op: filter.Pr, Pos: e.Pos}, inside)
	case filter.Compare:
		if !rt.isLone(e.Path) {
			return e
		}
		var inside filter.Expr
		sub := e.Path.Sub
		e.Path, inside = opened(e.Path)
		e.Path.Sub = sub
		// `a[X].b ne v` is `not (a[X].b eq v)`, and true where X holds for nothing; `eq null` likewise.
		switch {
		case e.Op == filter.Ne && e.Value == nil:
			return conjoin(inside, presence(e))
		case e.Op == filter.Ne:
			e.Op = filter.Eq
			return filter.Not{Term: conjoin(inside, e)}
		case e.Op == filter.Eq && e.Value == nil:
			return filter.Not{Term: conjoin(inside, presence(e))}
		}
		return conjoin(inside, e)
	default:
		return e
	}
}

// isLone reports brackets behind an attribute that has one value.
func (rt *ResourceType) isLone(p filter.Path) bool {
	if p.Filter == nil {
		return false
	}
	ref, ok := rt.locate(p)
	return ok && ref.Attr != nil && !ref.Attr.MultiValued
}

// opened takes a path with brackets apart: the whole attribute, and what stands in the brackets said of the resource.
func opened(p filter.Path) (whole filter.Path, inside filter.Expr) {
	whole = filter.Path{URI: p.URI, Attr: p.Attr}
	var say func(filter.Expr) filter.Expr
	say = func(e filter.Expr) filter.Expr {
		switch e := e.(type) {
		case filter.And:
			return filter.And{Terms: eachTerm(e.Terms, say)}
		case filter.Or:
			return filter.Or{Terms: eachTerm(e.Terms, say)}
		case filter.Not:
			return filter.Not{Term: say(e.Term)}
		case filter.Compare:
			e.Path = filter.Path{URI: whole.URI, Attr: whole.Attr, Sub: e.Path.Attr}
			return e
		default:
			return e
		}
	}
	return whole, say(p.Filter)
}

// demands reports that only an attribute that is there can fulfil a filter about its parts.
func demands(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return slices.ContainsFunc(e.Terms, demands)
	case filter.Or:
		return !slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return !demands(t) })
	case filter.Compare:
		if e.Op == filter.Ne || e.Op == filter.Eq {
			return (e.Op == filter.Eq) == (e.Value != nil)
		}
		return true
	default:
		return false
	}
}

func presence(c filter.Compare) filter.Compare {
	c.Op, c.Value = filter.Pr, nil
	return c
}

// conjoin joins terms with `and`; one that is joined that way already gives its own.
func conjoin(terms ...filter.Expr) filter.Expr {
	var flat []filter.Expr
	for _, t := range terms {
		if and, ok := t.(filter.And); ok {
			flat = append(flat, and.Terms...)
		} else {
			flat = append(flat, t)
		}
	}
	return filter.And{Terms: flat}
}

func eachTerm(terms []filter.Expr, do func(filter.Expr) filter.Expr) []filter.Expr {
	out := make([]filter.Expr, len(terms))
	for i, t := range terms {
		out[i] = do(t)
	}
	return out
}
