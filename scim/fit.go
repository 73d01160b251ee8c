package scim

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Fitted is what a filter over several resource types comes to for one of them.
type Fitted struct {
	Filter filter.Expr // checked; nil: all resources of the type
	Nobody bool        // no resource of the type fulfils the filter, whatever it holds
}

// FitFilter parses one filter for several resource types, as a search at the root asks it (RFC 7644 §3.4.2.1), and gives what it comes to for each,
// in their order. An attribute that a type lacks counts as unassigned there, as Match has it, so such a term is constant and folded away: what is
// left is a filter that CheckFilter of the type lets pass. What no type has is 400 invalidFilter.
func FitFilter(text string, types []*ResourceType) ([]Fitted, error) {
	e, err := filter.Parse(text)
	if err != nil {
		return nil, BadRequest(InvalidFilter, "The filter cannot be read: at %s.", err).Wrap(err)
	}
	out := make([]Fitted, len(types))
	for i, rt := range types {
		f := fitter{rt: rt, types: types}
		c, err := f.expr(e)
		if err != nil {
			return nil, err
		}
		out[i] = Fitted{Filter: c.expr, Nobody: c.never()}
	}
	return out, nil
}

// fitter makes a filter over several types one for one of them.
type fitter struct {
	rt    *ResourceType
	types []*ResourceType
}

// condition is an expression, or where that is nil a constant.
type condition struct {
	expr  filter.Expr
	holds bool
}

func (c condition) always() bool { return c.expr == nil && c.holds }
func (c condition) never() bool  { return c.expr == nil && !c.holds }

func (c condition) not() condition {
	if c.expr == nil {
		return condition{holds: !c.holds}
	}
	return condition{expr: filter.Not{Term: c.expr}}
}

// conjunction is where all of the conditions hold; disjunction is where one does.
func conjunction(terms []condition) condition {
	if slices.ContainsFunc(terms, condition.never) {
		return condition{}
	}
	switch open := exprsOf(terms); len(open) {
	case 0:
		return condition{holds: true}
	case 1:
		return condition{expr: open[0]}
	default:
		return condition{expr: filter.And{Terms: open}}
	}
}

func disjunction(terms []condition) condition {
	if slices.ContainsFunc(terms, condition.always) {
		return condition{holds: true}
	}
	switch open := exprsOf(terms); len(open) {
	case 0:
		return condition{}
	case 1:
		return condition{expr: open[0]}
	default:
		return condition{expr: filter.Or{Terms: open}}
	}
}

func exprsOf(terms []condition) []filter.Expr {
	var open []filter.Expr
	for _, t := range terms {
		if t.expr != nil {
			open = append(open, t.expr)
		}
	}
	return open
}

// refit fits the terms of a compound expression with fit and joins them anew; a leaf is left to the caller.
func refit(e filter.Expr, fit func(filter.Expr) (condition, error)) (c condition, leaf bool, err error) {
	all := func(terms []filter.Expr) ([]condition, error) {
		out := make([]condition, len(terms))
		for i, t := range terms {
			var err error
			if out[i], err = fit(t); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch e := e.(type) {
	case filter.And:
		terms, err := all(e.Terms)
		return conjunction(terms), false, err
	case filter.Or:
		terms, err := all(e.Terms)
		return disjunction(terms), false, err
	case filter.Not:
		c, err := fit(e.Term)
		return c.not(), false, err
	default:
		return condition{}, true, nil
	}
}

func (f fitter) expr(e filter.Expr) (condition, error) {
	c, leaf, err := refit(e, f.expr)
	if !leaf {
		return c, err
	}
	refusal := f.rt.CheckFilter(e)
	if refusal == nil {
		return condition{expr: e}, nil
	}
	if err := f.someType(e); err != nil {
		return condition{}, err
	}
	c = f.leaf(e)
	if c.expr != nil && f.rt.CheckFilter(c.expr) != nil {
		return condition{}, refusal // the type has the attribute, and of another kind than the filter takes it for
	}
	return c, nil
}

// someType refuses a term that none of the types answers, with the sentence of one that knows the attribute.
func (f fitter) someType(e filter.Expr) error {
	var refusal error
	for _, rt := range f.types {
		err := rt.CheckFilter(e)
		if err == nil {
			return nil
		}
		if _, ok := rt.locate(pathOf(e)); ok && refusal == nil {
			refusal = err
		}
	}
	if refusal != nil {
		return refusal
	}
	path := pathOf(e)
	path.Filter = nil
	return BadRequest(InvalidFilter, "No resource type has an attribute %q that can be filtered on.", short(path.String()))
}

func pathOf(e filter.Expr) filter.Path {
	switch e := e.(type) {
	case filter.Compare:
		return e.Path
	case filter.Has:
		return e.Path
	default:
		return filter.Path{}
	}
}

// leaf fits a term of which the type lacks something: the attribute, or what stands in its brackets.
func (f fitter) leaf(e filter.Expr) condition {
	path := pathOf(e)
	ref, ok := f.rt.locate(path)
	if !ok || ref.Attr == nil {
		return unassigned(e)
	}
	if path.Filter != nil {
		switch inner := brackets(ref.Attr, path.Filter); {
		case inner.never():
			return unassigned(e)
		default:
			path.Filter = inner.expr // nil where all elements do
		}
	}
	switch e := e.(type) {
	case filter.Compare:
		e.Path = path
		return condition{expr: e}
	case filter.Has:
		if path.Filter == nil {
			return condition{expr: filter.Compare{Path: path, Op: filter.Pr, Pos: e.Pos}}
		}
		e.Path = path
		return condition{expr: e}
	default:
		return condition{expr: e}
	}
}

// brackets fits what stands in the brackets behind attr: a sub-attribute that its elements lack is unassigned in each of them.
func brackets(attr *Attribute, e filter.Expr) condition {
	c, leaf, _ := refit(e, func(e filter.Expr) (condition, error) { return brackets(attr, e), nil })
	if !leaf {
		return c
	}
	if _, ok := within(attr, pathOf(e)); !ok {
		return unassigned(e)
	}
	return condition{expr: e}
}

// unassigned is what a term comes to where its path leads to no value.
func unassigned(e filter.Expr) condition {
	c, ok := e.(filter.Compare)
	return condition{holds: ok && fulfils(c.Op, c.Value, func(func(*Attribute, any) bool) {})}
}
