package ldap

import (
	"math"
	"math/big"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// A predicate becomes a filter here. Each test is looked at under the schema: what would the server make of it? The answer is a filter and
// how truly it stands for the test. Three things make that more than spelling.
//
// A filter has a third truth value. (manager=garbage) is Undefined, and so is its negation, which therefore finds nobody and not everybody.
// So a literal that cannot be asserted under the attribute's rule, and a test of an attribute that the schema lacks, become constant false
// before any NOT is looked at. What is left is true or false on every entry, also where the attribute is absent.
//
// A directory compares by the attribute's rule and not by the one that is wanted: a coarser rule finds too many, a finer one too few.
//
// An ordering rule can be lent to an attribute that has none, but then tests "less than" and nothing else (RFC 4517 §4.1); over an attribute
// of several values, the other operators are not its negation.

// lowering compiles predicates for one class under what its server says of itself.
type lowering struct {
	*info
	key func(backends.Key) (filter, bool)
}

// lowered is a filter that stands for a test.
type lowered struct {
	filter
	fidelity backends.Fidelity
}

func exactly(f filter) lowered { return lowered{f, backends.Exact} }

// no stands for a test that cannot be sent.
func no() lowered { return lowered{nil, backends.No} }

// above gives a filter that holds wherever p does, and whether it holds nowhere else.
func (l lowering) above(p backends.Predicate) (f filter, exact bool) { return l.approach(p, true) }

// approach gives a filter that p implies (above), or that implies p.
func (l lowering) approach(p backends.Predicate, above bool) (f filter, exact bool) {
	switch p := p.(type) {
	case nil, backends.True:
		return constant(true), true
	case backends.False:
		return constant(false), true
	case backends.And:
		terms, exact := l.approachAll(p, above)
		return and(terms...), exact
	case backends.Or:
		terms, exact := l.approachAll(p, above)
		return or(terms...), exact
	case backends.Not:
		f, exact := l.approach(p.Term, !above)
		return not(f), exact
	}
	switch t := l.test(p); {
	case t.fidelity == backends.Exact:
		return t.filter, true
	case above && t.fidelity == backends.Superset, !above && t.fidelity == backends.Subset:
		return t.filter, false
	}
	return constant(above), false
}

func (l lowering) approachAll(terms []backends.Predicate, above bool) (filters []filter, exact bool) {
	exact = true
	for _, term := range terms {
		f, ok := l.approach(term, above)
		filters, exact = append(filters, f), exact && ok
	}
	return filters, exact
}

// fidelity is test's, but a test of what the schema lacks is No: it may be answered (nobody has it), yet whoever asks has a mistake to see.
func (l lowering) fidelityOf(p backends.Predicate) backends.Fidelity {
	for _, attr := range backends.AttrsOf(p) {
		if _, ok := l.schema.Attribute(attr); !ok {
			return backends.No
		}
	}
	switch p.(type) {
	case nil, backends.True, backends.False, backends.And, backends.Or, backends.Not:
		_, exact := l.above(p)
		if exact {
			return backends.Exact
		}
		return backends.Superset
	}
	return l.test(p).fidelity
}

// test lowers a leaf.
func (l lowering) test(p backends.Predicate) lowered {
	switch p := p.(type) {
	case backends.KeyIn:
		return l.keyIn(p)
	case backends.Present:
		return l.present(p.Attr)
	}
	attrs := backends.AttrsOf(p)
	if len(attrs) != 1 {
		return no()
	}
	a, ok := l.schema.Attribute(attrs[0])
	switch {
	case !isDescription(attrs[0]), !ok && l.live:
		return exactly(constant(false)) // nobody can have it
	case !ok, secret(a):
		return no()
	}
	switch p := p.(type) {
	case backends.Eq:
		return l.soften(a, l.eq(a, p))
	case backends.Prefix:
		return l.soften(a, l.substring(a, p.Attr, p.Rule, piece{p.Text, schema.Initial}))
	case backends.Suffix:
		return l.soften(a, l.substring(a, p.Attr, p.Rule, piece{p.Text, schema.Final}))
	case backends.Contains:
		return l.soften(a, l.substring(a, p.Attr, p.Rule, piece{p.Text, schema.Any}))
	case backends.Order:
		return l.soften(a, l.order(a, p))
	case backends.AllBits:
		return l.allBits(a, p)
	}
	return no()
}

// soften: a test of a supertype is a test of its subtypes too (RFC 4511 §4.5.1), whose values are read under their own names.
func (l lowering) soften(a *schema.AttributeType, t lowered) lowered {
	if _, folded := t.filter.(constant); folded || !l.supertypes[a.OID] {
		return t
	}
	switch t.fidelity {
	case backends.Exact:
		t.fidelity = backends.Superset
	case backends.Subset:
		return no()
	case backends.No, backends.Superset:
	}
	return t
}

func (l lowering) keyIn(p backends.KeyIn) lowered {
	var terms []filter
	for _, key := range p.Keys {
		if f, ok := l.key(key); ok {
			terms = append(terms, f)
		}
	}
	return exactly(or(terms...))
}

func (l lowering) present(attr string) lowered {
	a, ok := l.schema.Attribute(attr)
	switch {
	case !isDescription(attr), !ok && l.live:
		return exactly(constant(false))
	case !ok:
		return no()
	}
	return l.soften(a, exactly(presence{attr}))
}

func (l lowering) eq(a *schema.AttributeType, p backends.Eq) lowered {
	has := l.schema.RuleOf(a.Equality)
	if a.Equality == "" || has == backends.NoRule || p.Value.Kind() == backends.KindSecret {
		return no()
	}
	if _, ok := backends.Canonical(p.Rule, p.Value.Text()); !ok {
		return exactly(constant(false))
	}
	literal, ok := l.literal(a.Name(), has, p.Value)
	if !ok {
		return exactly(constant(false))
	}
	return lowered{test{p.Attr, "=", literal}, compareRules(p.Rule, has, a.Equality)}
}

// literal spells a value as the attribute's syntax wants it; false: no entry can hold it, and to ask would be Undefined.
func (l lowering) literal(attr string, has backends.Rule, v backends.Value) (string, bool) {
	value := valueText(v)
	if has == backends.TimeRule {
		t, ok := backends.ParseTime(v.Text())
		if !ok {
			return "", false
		}
		if !spelledForLDAP(value) {
			value = generalizedTime(t)
		}
	}
	if has == backends.IntegerRule || has == backends.BooleanRule {
		canonical, ok := backends.Canonical(has, v.Text())
		if !ok {
			return "", false
		}
		value = canonical
	}
	if l.schema.Assertable(attr, value) == nil {
		return value, true
	}
	// What is equal to it may be assertable where it is not itself: a full-width letter in an IA5 string.
	canonical, ok := backends.Canonical(has, value)
	return canonical, ok && l.schema.Assertable(attr, canonical) == nil
}

// spelledForLDAP: the time is in the two spellings that every server takes, to the minute or the second and in UTC, and is sent as it was given. A
// server that compares the letters only finds 000001010000Z no other way.
func spelledForLDAP(value string) bool {
	digits, utc := strings.CutSuffix(value, "Z")
	return utc && (len(digits) == len("200601021504") || len(digits) == len("20060102150405")) && strings.Trim(digits, "0123456789") == ""
}

// piece is a part of a value and where in it it stands.
type piece struct {
	text  string
	place schema.Part
}

func (l lowering) substring(a *schema.AttributeType, attr string, want backends.Rule, p piece) lowered {
	has := l.schema.RuleOf(a.Substr)
	if a.Substr == "" || has == backends.NoRule {
		return no()
	}
	switch backends.Simplify(backends.Contains{Attr: attr, Text: p.text, Rule: want}).(type) {
	case backends.False:
		return exactly(constant(false))
	case backends.Present:
		return exactly(presence{attr})
	}
	fidelity := compareRules(want, has, a.Substr)
	spaced := backends.Normalize(backends.CaseExactSpace, p.text) // as the server sees blanks: a no-break space is one
	blank := strings.Trim(spaced, " ") == ""
	switch {
	case blank && (has == backends.NumericRule || fidelity == backends.Superset):
		return lowered{presence{attr}, fidelity} // it means nothing there, and is in every value
	case blank && p.place != schema.Any && overlooks[has].blanks:
		// Only a value of nothing but blanks begins or ends with one. slapd takes (title=*\20) for (title=*), so ask for that value.
		if a.Equality == "" || l.schema.RuleOf(a.Equality) != has {
			return lowered{presence{attr}, backends.Superset}
		}
		return lowered{test{attr, "=", " "}, fidelity}
	case fidelity == backends.Superset:
		// A coarser rule drops blanks at the ends of a value, so it would miss "b " at the end of "ab ".
		p.text = spaced
	}
	if _, err := l.schema.NormalizePart(a.Substr, p.place, p.text); err != nil {
		if fidelity == backends.Exact {
			return exactly(constant(false))
		}
		return no()
	}
	switch p.place {
	case schema.Initial:
		return lowered{part{attr: attr, initial: p.text}, fidelity}
	case schema.Final:
		return lowered{part{attr: attr, final: p.text}, fidelity}
	case schema.Any:
	}
	return lowered{part{attr: attr, middle: p.text}, fidelity}
}

func (l lowering) allBits(a *schema.AttributeType, p backends.AllBits) lowered {
	if p.Mask > math.MaxInt64 || !l.schema.Applicable(ruleBitAnd, a.Name()) {
		return no()
	}
	return l.soften(a, exactly(extensible{p.Attr, ruleBitAnd, decimal(p.Mask)}))
}

// step is the canonical integer n away from value.
func step(value string, n int64) string {
	var x big.Int
	x.SetString(value, 10)
	return x.Add(&x, big.NewInt(n)).String()
}
