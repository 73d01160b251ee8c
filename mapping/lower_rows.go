package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// rows lowers a test of elements that are rows. Each is tested whole, so that what stands in brackets is asked of one and the same row, and a negation
// of that row. A row that shows nothing is no element.
func (l *lowering) rows(a *attribute, e *element, inner filter.Expr) bound {
	b := l.telling(e)
	if inner != nil {
		if inside := (&within{lowering: l, a: a, e: e, single: true}).expr(inner); inside.exists {
			b = inside
		} else {
			b = all(b, inside)
		}
	}
	return l.some(e.rows, b)
}

// telling is what a row must fulfil to be an element.
func (l *lowering) telling(e *element) bound {
	var terms []bound
	for _, f := range e.fields {
		if e.tells(f) {
			terms = append(terms, l.field(f, filter.Pr, nil))
		}
	}
	return either(terms...)
}

// some makes what is known of one row a test of the record: some row fulfils it. Where nothing is asked of a row, it is asked whether there is one.
func (l *lowering) some(s *rowSet, b bound) bound {
	lo, hi := rowTest(s, b.lo), rowTest(s, b.hi)
	out := bound{lo: lo, hi: hi, exact: b.exact, why: b.why}
	there := l.m.sent(backends.Present{Attr: s.name})
	if _, any := b.lo.(backends.True); any {
		out.lo = there.lo
	}
	if _, any := b.hi.(backends.True); any {
		out.hi = there.hi
		out.blame(there)
	}
	return out.settle(out.lo, out.hi)
}

// rowTest is the test of a record that some row fulfils p.
func rowTest(s *rowSet, p backends.Predicate) backends.Predicate {
	return backends.Simplify(backends.Some{Attr: s.name, Where: p})
}
