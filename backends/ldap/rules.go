package ldap

import (
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// coarse are matching rules that compare more loosely than the Rule that stands for them: an object class also matches by its superclasses
// and other names, an address line by line.
var coarse = map[string]bool{
	"objectidentifiermatch": true, "caseignorelistmatch": true, "caseignorelistsubstringsmatch": true,
}

// compareRules says how truly a comparison under has, the directory's rule called name, answers one under want.
func compareRules(want, has backends.Rule, name string) backends.Fidelity {
	fidelity := relate(want, has)
	if !coarse[strings.ToLower(name)] {
		return fidelity
	}
	if fidelity == backends.Exact || fidelity == backends.Superset {
		return backends.Superset
	}
	return backends.No
}

// traits are what a rule over text overlooks.
type traits struct{ letterCase, blanks, hyphens bool }

var overlooks = map[backends.Rule]traits{
	backends.NoRule:          {},
	backends.CaseExact:       {},
	backends.OctetRule:       {},
	backends.CaseIgnore:      {letterCase: true},
	backends.CaseExactSpace:  {blanks: true},
	backends.CaseIgnoreSpace: {letterCase: true, blanks: true},
	backends.TelRule:         {letterCase: true, blanks: true, hyphens: true},
}

func (t traits) covers(o traits) bool {
	return (t.letterCase || !o.letterCase) && (t.blanks || !o.blanks) && (t.hyphens || !o.hyphens)
}

func relate(want, has backends.Rule) backends.Fidelity {
	w, wantText := overlooks[want]
	h, hasText := overlooks[has]
	switch {
	case want == has:
		return backends.Exact
	case wantText && hasText && w == h:
		return backends.Exact
	case wantText && hasText && h.covers(w):
		return backends.Superset
	case wantText && hasText && w.covers(h):
		return backends.Subset
	case wantText && hasText:
		return backends.No
	case wantText:
		return backends.Superset // equal texts are equal numbers, names and times
	case hasText:
		return backends.Subset
	}
	return backends.No
}

// lent are the ordering rules that an extensible match may lend to an attribute without one, by how its values compare.
var lent = map[backends.Rule]string{
	backends.CaseIgnoreSpace: "caseIgnoreOrderingMatch",
	backends.CaseExactSpace:  "caseExactOrderingMatch",
	backends.IntegerRule:     "integerOrderingMatch",
	backends.TimeRule:        "generalizedTimeOrderingMatch",
	backends.NumericRule:     "numericStringOrderingMatch",
}

func (l lowering) order(a *schema.AttributeType, p backends.Order) lowered {
	rule := a.Ordering
	if rule == "" {
		rule = lent[l.schema.RuleOf(a.Equality)]
	}
	has := l.schema.RuleOf(rule)
	// Only the rule itself will do: in another order neither half of the answer is right.
	if rule == "" || has == backends.NoRule || relate(p.Rule, has) != backends.Exact {
		return no()
	}
	if _, ok := backends.Canonical(p.Rule, p.Value.Text()); !ok || p.Value.Kind() == backends.KindSecret {
		return exactly(constant(false))
	}
	value, ok := l.literal(a.Name(), has, p.Value)
	if !ok {
		// Nothing equals what the syntax cannot hold, but all there is stands before or after it: every title is above "".
		return no()
	}
	o := ordering{attr: p.Attr, value: value, single: a.Single, equality: a.Equality != "" && l.schema.RuleOf(a.Equality) == has}
	if l.schema.Applicable(rule, a.Name()) {
		o.less = extensible{p.Attr, rule, value}
	}
	if a.Ordering == "" {
		return o.lent(p.Op)
	}
	if has == backends.IntegerRule {
		return o.integer(p.Op)
	}
	return o.native(p.Op)
}

// ordering is an order test of one attribute.
type ordering struct {
	attr, value string
	single      bool   // one value at most
	equality    bool   // equality compares as the order does
	less        filter // value < literal, by an extensible match; nil where it cannot be used
}

func (o ordering) native(op backends.OrderOp) lowered {
	least, most, equal := test{o.attr, ">=", o.value}, test{o.attr, "<=", o.value}, test{o.attr, "=", o.value}
	switch op {
	case backends.GreaterEq:
		return exactly(least)
	case backends.LessEq:
		return exactly(most)
	case backends.Less:
		switch {
		case o.single && o.equality:
			return exactly(and(most, not(equal)))
		case o.less != nil:
			return exactly(o.less)
		}
		return lowered{most, backends.Superset}
	case backends.Greater:
		if o.single && o.equality {
			return exactly(and(least, not(equal)))
		}
		// Of several values one may be the literal and another above it.
		return lowered{least, backends.Superset}
	}
	return no()
}

// integer: there is nothing between two neighbours, so strict operators are plain ones.
func (o ordering) integer(op backends.OrderOp) lowered {
	switch op {
	case backends.Less:
		o.value, op = step(o.value, -1), backends.LessEq
	case backends.Greater:
		o.value, op = step(o.value, 1), backends.GreaterEq
	case backends.LessEq, backends.GreaterEq:
	}
	return o.native(op)
}

// lent: the attribute has no order of its own, and the rule that is lent to it tests "less than".
func (o ordering) lent(op backends.OrderOp) lowered {
	equal := test{o.attr, "=", o.value}
	switch {
	case o.less == nil:
	case op == backends.Less:
		return exactly(o.less)
	case op == backends.LessEq && o.equality:
		return exactly(or(o.less, equal))
	case op == backends.GreaterEq && o.single:
		return exactly(and(presence{o.attr}, not(o.less)))
	case op == backends.Greater && o.single && o.equality:
		return exactly(and(presence{o.attr}, not(o.less), not(equal)))
	}
	return no()
}

// valueText is a value as LDAP writes it (RFC 4517 §3.3).
func valueText(v backends.Value) string {
	switch v.Kind() {
	case backends.KindBool:
		if v.Bool() {
			return "TRUE"
		}
		return "FALSE"
	case backends.KindTime:
		return generalizedTime(v.Time())
	case backends.KindSecret:
		return v.Reveal()
	case backends.KindString, backends.KindBytes, backends.KindInt, backends.KindDecimal, backends.KindRow:
	}
	return v.Text()
}

// generalizedTime is RFC 4517 §3.3.13, in UTC, with as much of a fraction as there is.
func generalizedTime(t time.Time) string {
	return t.UTC().Format("20060102150405.999999999Z")
}
