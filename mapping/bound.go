package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
)

// bound is what the directory can say about a term of a filter: lo holds for no record that does not fulfil the term, hi for
// every record that does. Where the two are one predicate (exact), the directory answers the term.
type bound struct {
	lo, hi backends.Predicate
	exact  bool
	why    string // why it is not exact, for explain
	// exists: whoever fulfils the term has an element (inside brackets).
	exists bool
}

func exactly(p backends.Predicate) bound { return bound{lo: p, hi: p, exact: true} }

func constant(b bool) bound {
	if b {
		return exactly(backends.True{})
	}
	return exactly(backends.False{})
}

// nothing is known: the term is tested on the SCIM side, for every record.
func nothing(why string) bound { return bound{lo: backends.False{}, hi: backends.True{}, why: why} }

// atMost is known to hold for every record that fulfils the term, and perhaps for others.
func atMost(p backends.Predicate, why string) bound {
	return bound{lo: backends.False{}, hi: p, why: why}
}

func (b bound) not() bound {
	return bound{lo: negated(b.hi), hi: negated(b.lo), exact: b.exact, why: b.why}
}

func negated(p backends.Predicate) backends.Predicate {
	return backends.Simplify(backends.Not{Term: p})
}

// constantly reports a term that is known without looking at any record.
func (b bound) constantly() bool {
	switch b.hi.(type) {
	case backends.True, backends.False:
		return b.exact
	default:
		return false
	}
}

func all(terms ...bound) bound {
	out := bound{exact: true}
	lo, hi := backends.And{}, backends.And{}
	for _, t := range terms {
		lo, hi = append(lo, t.lo), append(hi, t.hi)
		out.exists = out.exists || t.exists
		out.blame(t)
	}
	return out.settle(backends.Simplify(lo), backends.Simplify(hi))
}

func either(terms ...bound) bound {
	out := bound{exact: true, exists: true}
	lo, hi := backends.Or{}, backends.Or{}
	for _, t := range terms {
		lo, hi = append(lo, t.lo), append(hi, t.hi)
		_, nobody := t.hi.(backends.False)
		out.exists = out.exists && (t.exists || nobody)
		out.blame(t)
	}
	return out.settle(backends.Simplify(lo), backends.Simplify(hi))
}

func (b *bound) blame(t bound) {
	b.exact = b.exact && t.exact
	if b.why == "" && !t.exact {
		b.why = t.why
	}
}

// settle notices when the two have met after all: nobody, or everybody.
func (b bound) settle(lo, hi backends.Predicate) bound {
	b.lo, b.hi = lo, hi
	_, nobody := hi.(backends.False)
	_, everybody := lo.(backends.True)
	switch {
	case nobody:
		b = bound{lo: hi, hi: hi, exact: true, exists: b.exists}
	case everybody:
		b = bound{lo: lo, hi: lo, exact: true, exists: b.exists}
	}
	return b
}

// sent is what is left of a predicate when each of its tests is answered by the directory as truly as it can.
func (m *Mapping) sent(p backends.Predicate) bound { return m.sentIn("", p) }

// sentIn is sent for tests of the rows of a set, and what it gives speaks of one row. "": of the record itself.
func (m *Mapping) sentIn(set string, p backends.Predicate) bound {
	switch p := backends.Simplify(p).(type) {
	case backends.And:
		return all(m.each(set, p)...)
	case backends.Or:
		return either(m.each(set, p)...)
	case backends.Not:
		return m.sentIn(set, p.Term).not()
	case backends.True, backends.False:
		return exactly(p)
	default:
		asked := p
		if set != "" {
			asked = backends.Some{Attr: set, Where: p}
		}
		switch m.backend.Fidelity(asked) {
		case backends.Exact:
			return exactly(p)
		case backends.Superset:
			return atMost(p, "the directory's own comparison finds more than was asked for")
		case backends.Subset:
			return bound{lo: p, hi: backends.True{}, why: "the directory's own comparison finds less than was asked for"}
		case backends.No:
		}
		return nothing("the directory has no comparison for this test")
	}
}

func (m *Mapping) each(set string, terms []backends.Predicate) []bound {
	out := make([]bound, len(terms))
	for i, t := range terms {
		out[i] = m.sentIn(set, t)
	}
	return out
}
