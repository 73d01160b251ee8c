package lens

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func numbers() []mapping.Spec {
	return []mapping.Spec{
		{
			Name: "int", Usage: "int", Type: scim.TypeInteger, Ops: onOrder, Exact: true, Monotone: backends.IntegerRule,
			Doc: "Digits ⇄ a whole number of any size.",
			New: noArgs(each{show: showInt, write: writeInt, where: whereInt}),
			Examples: []mapping.Example{
				{Native: []string{"42"}, Scim: []any{int64(42)}},
				{Native: []string{"007"}, Before: []string{"007"}, Scim: []any{int64(7)}},
			},
		},
		{
			Name: "bit", Usage: "bit(MASK[, NEW])", Type: scim.TypeBoolean, Ops: onState, Exact: true,
			Doc: "True when all bits of the mask are set in a number. Writing changes those bits and keeps the others. `NEW` is the number that a record has " +
				"which has none yet: it is what an absent attribute shows as, and what a first write starts from. Active Directory's disabled flag is `userAccountControl | bit(0x2, 512) | not`.",
			New: newBit,
			Examples: []mapping.Example{
				{Args: []string{"0x2"}, Native: []string{"514"}, Before: []string{"512"}, Scim: []any{true}},
				{Args: []string{"0x2"}, Native: []string{"66048"}, Before: []string{"66050"}, Scim: []any{false}},
				{Args: []string{"0x2", "512"}, Native: []string{"514"}, Scim: []any{true}},
				{Args: []string{"0x2", "512"}, Native: nil, Scim: []any{false}, OneWay: true},
			},
		},
	}
}

// integer reads LDAP's INTEGER (RFC 4517 §3.3.16): an int64, or a json.Number where that is too small.
func integer(v backends.Value) (any, error) {
	digits, ok := backends.Canonical(backends.IntegerRule, v.Text())
	if !ok {
		return nil, fmt.Errorf("%q is no whole number", clip(v.Text()))
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return n, nil
	}
	return json.Number(digits), nil
}

func showInt(v backends.Value) (any, bool, error) {
	n, err := integer(v)
	return n, false, err
}

// writeInt keeps a typed column typed; else a number is digits. It takes digits too: a lens on the right may have written them.
func writeInt(v any, like backends.Kind) (backends.Value, error) {
	if digits, ok := v.(string); ok {
		if canonical, ok := backends.Canonical(backends.IntegerRule, digits); ok {
			v = json.Number(canonical)
		}
	}
	n, ok := rational(v)
	if !ok || !n.IsInt() {
		return backends.Value{}, fmt.Errorf("must be a whole number, not %v", v)
	}
	if like == backends.KindInt && n.Num().IsInt64() {
		return backends.Int(n.Num().Int64()), nil
	}
	return backends.String(n.Num().String()), nil
}

func whereInt(t mapping.Test) (backends.Predicate, bool) {
	if t.Op == filter.Pr {
		if t.Syntax.Equality == backends.IntegerRule {
			return next(t, filter.Pr, nil)
		}
		return anyOf(say(next(t, filter.Ge, int64(0))), say(next(t, filter.Lt, int64(0)))) // not every text is a number
	}
	return whereNumber(t, t.Value)
}

// whereNumber compares whole numbers with any number: beyond 2, and beyond 2.5, is beyond 2.
func whereNumber(t mapping.Test, v any) (backends.Predicate, bool) {
	want, ok := rational(v)
	if !ok {
		return nil, false // too large to be written out
	}
	floor := new(big.Int).Div(want.Num(), want.Denom()) // Euclidean, so rounded down: the denominator is positive
	ceil := floor
	if !want.IsInt() {
		ceil = new(big.Int).Add(floor, big.NewInt(1))
	}
	switch t.Op {
	case filter.Eq:
		if !want.IsInt() {
			return backends.False{}, true
		}
		return next(t, filter.Eq, number(floor))
	case filter.Gt, filter.Le:
		return next(t, t.Op, number(floor))
	case filter.Ge, filter.Lt:
		return next(t, t.Op, number(ceil))
	default:
		return nil, false
	}
}

// number is n as SCIM has it.
func number(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return json.Number(n.String())
}

// rational reads a SCIM number. One of thousands of digits, or of an exponent that would take megabytes to write out, is none.
func rational(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v), true
	case json.Number:
		if len(v) > 400 {
			return nil, false
		}
		if _, exp, found := strings.Cut(strings.ToLower(string(v)), "e"); found {
			if e, err := strconv.Atoi(exp); err != nil || e > 400 || e < -400 {
				return nil, false
			}
		}
		return new(big.Rat).SetString(string(v))
	}
	return nil, false
}

// bit shows whether the bits of a mask are set.
type bit struct {
	mask  uint64
	fresh *int64 // what an absent number counts as; nil: it shows nothing
}

func newBit(args []string) (mapping.Lens, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, fmt.Errorf("write bit(MASK) or bit(MASK, NEW), for example bit(0x2, 512)")
	}
	mask, err := strconv.ParseUint(args[0], 0, 64)
	if err != nil || mask == 0 {
		return nil, fmt.Errorf("%q is no mask: write a number with at least one bit, for example 0x2", args[0])
	}
	b := bit{mask: mask}
	if len(args) == 2 {
		n, err := strconv.ParseInt(args[1], 0, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number for new records: write a whole number, for example 512", args[1])
		}
		b.fresh = &n
	}
	return b, nil
}

// flags reads the number. A directory may keep the highest bit as a sign.
func flags(v backends.Value) (int64, error) {
	n, err := integer(v)
	if err != nil {
		return 0, err
	}
	small, ok := n.(int64)
	if !ok {
		return 0, fmt.Errorf("%v is too large for flags", n)
	}
	return small, nil
}

func (b bit) set(n int64) bool { return uint64(n)&b.mask == b.mask }

func (b bit) Get(native backends.Values) ([]any, error) {
	if len(native) == 0 && b.fresh != nil {
		return []any{b.set(*b.fresh)}, nil
	}
	return each{show: func(v backends.Value) (any, bool, error) {
		n, err := flags(v)
		return b.set(n), false, err
	}}.Get(native)
}

// Put changes the bits in each number. A number that cannot be read stays, and the bits are written beside it.
func (b bit) Put(before backends.Values, values []any) (backends.Values, error) {
	if len(values) == 0 {
		return before, nil // not asked for anything: see state.Put
	}
	on, err := oneBool(values)
	if err != nil {
		return nil, err
	}
	var out backends.Values
	changed := false
	for _, v := range before {
		n, err := flags(v)
		if err != nil {
			out = append(out, v)
			continue
		}
		out = append(out, likeInt(v, b.with(n, on)))
		changed = true
	}
	if changed {
		return out, nil
	}
	var start int64
	if b.fresh != nil {
		start = *b.fresh
	}
	return append(out, backends.String(strconv.FormatInt(b.with(start, on), 10))), nil
}

// with is n with the bits changed. A number that shows as wanted already stays, whatever some of several bits are.
func (b bit) with(n int64, on bool) int64 {
	switch {
	case b.set(n) == on:
		return n
	case on:
		return int64(uint64(n) | b.mask)
	}
	return int64(uint64(n) &^ b.mask)
}

// likeInt writes n as v is written; v itself where nothing changes, however it is spelled.
func likeInt(v backends.Value, n int64) backends.Value {
	if old, err := flags(v); err == nil && old == n {
		return v
	}
	if v.Kind() == backends.KindInt {
		return backends.Int(n)
	}
	return backends.String(strconv.FormatInt(n, 10))
}

// Where needs an attribute that holds numbers only, and for the opposite of "some number has these bits" one that holds at most one.
func (b bit) Where(t mapping.Test) (backends.Predicate, bool) {
	if !bare(t) || t.Syntax.Equality != backends.IntegerRule {
		return nil, false
	}
	present := backends.Present{Attr: t.Attr}
	bits := backends.AllBits{Attr: t.Attr, Mask: b.mask}
	switch t.Op {
	case filter.Pr:
		if b.fresh != nil {
			return backends.True{}, true
		}
		return present, true
	case filter.Eq:
	default:
		return nil, false
	}
	want, ok := t.Value.(bool)
	switch {
	case !ok:
		return nil, false
	case want && b.fresh != nil && b.set(*b.fresh):
		return backends.Or{bits, backends.Not{Term: present}}, true
	case want:
		return bits, true
	case !t.Syntax.Single:
		return nil, false
	case b.fresh != nil && !b.set(*b.fresh):
		return backends.Not{Term: bits}, true
	}
	return backends.And{present, backends.Not{Term: bits}}, true
}

// clip shortens a value for a message.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
