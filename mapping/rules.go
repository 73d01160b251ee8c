package mapping

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// wanted is the comparison that is right for an attribute which the directory compares by rule: the directory's own,
// unless SCIM's caseExact asks for the other kind of letter.
func wanted(rule backends.Rule, fold bool) backends.Rule {
	switch rule {
	case backends.CaseExact, backends.CaseIgnore, backends.NoRule:
		if fold {
			return backends.CaseIgnore
		}
		return backends.CaseExact
	case backends.CaseExactSpace, backends.CaseIgnoreSpace:
		if fold {
			return backends.CaseIgnoreSpace
		}
		return backends.CaseExactSpace
	case backends.TelRule:
		if !fold {
			return backends.CaseExact
		}
		return rule
	case backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.OctetRule, backends.NameRule,
		backends.NumericRule:
		return rule
	}
	return rule
}

// leaf makes the predicate on the attribute itself. equality is how texts compare.
func leaf(attr string, equality backends.Rule, op filter.Op, v any) (backends.Predicate, bool) {
	if op == filter.Pr {
		return backends.Present{Attr: attr}, true
	}
	value := nativeValue(v)
	rule := equality
	switch value.Kind() {
	case backends.KindInt, backends.KindDecimal:
		rule = backends.IntegerRule
	case backends.KindTime:
		rule = backends.TimeRule
	case backends.KindBytes:
		rule = backends.OctetRule
	case backends.KindBool:
		rule = backends.BooleanRule
	case backends.KindString, backends.KindSecret, backends.KindRow:
	}
	switch op {
	case filter.Eq:
		return backends.Eq{Attr: attr, Value: value, Rule: rule}, true
	case filter.Co, filter.Sw, filter.Ew:
		if value.Kind() != backends.KindString {
			return nil, false
		}
		switch text := value.Text(); op {
		case filter.Sw:
			return backends.Prefix{Attr: attr, Text: text, Rule: rule}, true
		case filter.Ew:
			return backends.Suffix{Attr: attr, Text: text, Rule: rule}, true
		default:
			return backends.Contains{Attr: attr, Text: text, Rule: rule}, true
		}
	case filter.Gt:
		return backends.Order{Attr: attr, Op: backends.Greater, Value: value, Rule: rule}, true
	case filter.Ge:
		return backends.Order{Attr: attr, Op: backends.GreaterEq, Value: value, Rule: rule}, true
	case filter.Lt:
		return backends.Order{Attr: attr, Op: backends.Less, Value: value, Rule: rule}, true
	case filter.Le:
		return backends.Order{Attr: attr, Op: backends.LessEq, Value: value, Rule: rule}, true
	case filter.Ne, filter.Pr:
	}
	return nil, false
}

// holds tests a value that the mapping itself knows (a constant, a default, a placeholder) as the matcher would.
func holds(op filter.Op, have, want any, norm func(string) string) bool {
	if op == filter.Pr {
		return true
	}
	if a, ok := have.(bool); ok {
		b, ok := want.(bool)
		return ok && op == filter.Eq && a == b
	}
	if a, ok := number(have); ok {
		b, ok := number(want)
		return ok && scim.Ordered(op, a.Cmp(b))
	}
	a, ok := have.(string)
	b, ok2 := want.(string)
	if !ok || !ok2 {
		return false
	}
	if s, err := time.Parse(time.RFC3339, a); err == nil {
		if t, err := time.Parse(time.RFC3339, b); err == nil {
			return scim.Ordered(op, s.Compare(t))
		}
	}
	return scim.TextStands(norm(a), op, norm(b))
}

// maxDigits bounds the numbers that are looked at: an exponent must not cost memory.
const maxDigits = 64

func number(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v), true
	case json.Number:
		mantissa, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		if n, err := strconv.Atoi(exponent); len(mantissa) > maxDigits || exponent != "" && (err != nil || n > maxDigits || n < -maxDigits) {
			return nil, false
		}
		return new(big.Rat).SetString(v.String())
	}
	return nil, false
}

// whole gives a comparison of integers that means the same as one with any number: n < 41.5 is n <= 41. ok is false
// where no integer fulfils it.
func whole(op filter.Op, v any) (_ filter.Op, _ any, ok bool) {
	r, ok := number(v)
	if !ok {
		return op, v, false
	}
	floor := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean, and the denominator is positive
	if r.IsInt() {
		return op, json.Number(floor.String()), true
	}
	switch op {
	case filter.Lt, filter.Le:
		return filter.Le, json.Number(floor.String()), true
	case filter.Gt, filter.Ge:
		return filter.Ge, json.Number(floor.Add(floor, big.NewInt(1)).String()), true
	default:
		return op, v, false
	}
}
