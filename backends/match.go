package backends

import (
	"slices"
	"strconv"
	"strings"
)

// Match says whether p holds for r. It is what a predicate means: every directory's answer is measured against it. An attribute is looked up
// under the very name of the predicate, else under the same name in other letter case.
func Match(p Predicate, r Record) bool {
	switch p := p.(type) {
	case nil, True:
		return true
	case False:
		return false
	case And:
		return !slices.ContainsFunc(p, func(term Predicate) bool { return !Match(term, r) })
	case Or:
		return slices.ContainsFunc(p, func(term Predicate) bool { return Match(term, r) })
	case Not:
		return !Match(p.Term, r)
	case KeyIn:
		return p.has(r.Key)
	case Present:
		return len(r.Attrs.Get(p.Attr)) > 0
	case Eq:
		return matchEq(p, r)
	case Order:
		return matchOrder(p, r)
	case Prefix:
		return matchPart(r, p.Attr, p.Rule, part{text: p.Text, initial: true}, strings.HasPrefix)
	case Suffix:
		return matchPart(r, p.Attr, p.Rule, part{text: p.Text, final: true}, strings.HasSuffix)
	case Contains:
		return matchPart(r, p.Attr, p.Rule, part{text: p.Text}, strings.Contains)
	case Some:
		return slices.ContainsFunc(r.Attrs.Get(p.Attr), func(v Value) bool {
			return v.Kind() == KindRow && Match(p.Where, Record{Attrs: v.Row()})
		})
	case AllBits:
		return slices.ContainsFunc(r.Attrs.Get(p.Attr), func(v Value) bool {
			n, err := strconv.ParseInt(v.Text(), 10, 64)
			return err == nil && uint64(n)&p.Mask == p.Mask // two's complement: AD keeps flags in signed numbers
		})
	}
	return false
}

// legible gives a value's canonical text under a rule; a Secret and a Row can be compared with nothing.
func legible(rule Rule, v Value) (string, bool) {
	if v.Kind() == KindSecret || v.Kind() == KindRow || v.IsZero() {
		return "", false
	}
	return Canonical(rule, v.Text())
}

func matchEq(p Eq, r Record) bool {
	values := r.Attrs.Get(p.Attr)
	if len(values) == 0 {
		return false
	}
	want, ok := legible(p.Rule, p.Value)
	return ok && slices.ContainsFunc(values, func(v Value) bool {
		got, ok := legible(p.Rule, v)
		return ok && got == want
	})
}

func matchOrder(p Order, r Record) bool {
	want, ok := legible(p.Rule, p.Value)
	return ok && slices.ContainsFunc(r.Attrs.Get(p.Attr), func(v Value) bool {
		got, ok := legible(p.Rule, v)
		return ok && p.Op.holds(compare(p.Rule, got, want))
	})
}

// compare orders two canonical texts: integers by number, all else by bytes (instants are written so that this is their order).
func compare(rule Rule, a, b string) int {
	if rule == IntegerRule {
		return compareIntegers(a, b)
	}
	return strings.Compare(a, b)
}

func (o OrderOp) holds(order int) bool {
	switch o {
	case Less:
		return order < 0
	case LessEq:
		return order <= 0
	case Greater:
		return order > 0
	case GreaterEq:
		return order >= 0
	}
	return false
}

// part is a piece of a value: its beginning, its end, or any.
type part struct {
	text           string
	initial, final bool
}

func matchPart(r Record, attr string, rule Rule, p part, holds func(value, text string) bool) bool {
	values := r.Attrs.Get(attr)
	if len(values) == 0 {
		return false
	}
	want, ok := canonicalPart(rule, p.text, p.initial, p.final)
	if ok && anything(rule, want) {
		return true
	}
	return ok && slices.ContainsFunc(values, func(v Value) bool {
		got, ok := legible(rule, v)
		return ok && holds(got, want)
	})
}

// anything says that a canonical piece is part of every value: the empty string is, and under rules whose values are any text there is then
// nothing left to compare.
func anything(rule Rule, piece string) bool { return piece == "" && rule != NumericRule }
