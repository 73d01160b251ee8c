package scim

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// decimal is a number taken apart: 0.DIGITS × 10^exp, the digits without leading or trailing zeros. It is never multiplied out,
// so that 1e999999999 costs no more than its text.
type decimal struct {
	negative bool
	digits   string // "" is zero
	exp      int64
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, json.Number:
		return true
	}
	return false
}

// compareNumbers orders two numbers (int64 or json.Number) exactly: -1, 0 or +1.
func compareNumbers(a, b any) int {
	if a, ok := a.(int64); ok {
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	}
	x, y := toDecimal(a), toDecimal(b)
	if x.negative != y.negative {
		if x.negative {
			return -1
		}
		return 1
	}
	c := compareMagnitudes(x, y)
	if x.negative {
		return -c
	}
	return c
}

func compareMagnitudes(x, y decimal) int {
	switch {
	case x.digits == "" || y.digits == "":
		return cmp.Compare(len(x.digits), len(y.digits)) // zero is the one without digits
	case x.exp != y.exp:
		return cmp.Compare(x.exp, y.exp)
	}
	return strings.Compare(x.digits, y.digits)
}

func toDecimal(v any) decimal {
	var s string
	switch v := v.(type) {
	case int64:
		s = strconv.FormatInt(v, 10)
	case json.Number:
		s = string(v)
	}
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		d.exp = exponent(s[i+1:])
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.exp += int64(len(whole))
	d.digits = whole + fraction
	trimmed := strings.TrimLeft(d.digits, "0")
	d.exp -= int64(len(d.digits) - len(trimmed))
	d.digits = strings.TrimRight(trimmed, "0")
	if d.digits == "" {
		return decimal{} // -0 and 0e9 are 0
	}
	return d
}

// farthest is where exponents end. What lies beyond is as good as infinite; within it, adding the length of a text cannot overflow.
const farthest = 1 << 62

func exponent(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil && strings.HasPrefix(s, "-"):
		return -farthest
	case err != nil:
		return farthest
	}
	return min(max(n, -farthest), farthest)
}
