package backends

import "strings"

// SortKey is where a record stands in an order: its lowest value of the attribute, or that it has none.
type SortKey struct {
	lowest string // canonical under the rule
	there  bool
}

// PlaceOf is the place of records whose lowest value is this one, as Value gives it.
func PlaceOf(value string) SortKey { return SortKey{lowest: value, there: true} }

// Value is the lowest value, as the rule of the order has it; false where there is none. PlaceOf makes the place of it again, in another process too.
func (k SortKey) Value() (value string, there bool) { return k.lowest, k.there }

// Key is where a record stands in the order s. A value that cannot be read under the rule counts as absent, and so does a Secret, whose
// place in a list would tell of what it holds.
func (s Sort) Key(r Record) SortKey {
	var k SortKey
	for _, v := range r.Attrs.Get(s.Attr) {
		canonical, ok := legible(s.Rule, v)
		if ok && (!k.there || compare(s.Rule, canonical, k.lowest) < 0) {
			k = SortKey{canonical, true}
		}
	}
	return k
}

// Compare is negative when a record at a comes before one at b in the order s, positive when it comes after, and zero when either may come first.
// Values are ordered as Match's Order orders them.
func (s Sort) Compare(a, b SortKey) int {
	order := 0
	switch {
	case a.there && b.there:
		order = compare(s.Rule, a.lowest, b.lowest)
	case a.there:
		order = -1
	case b.there:
		order = 1
	}
	if s.Descending {
		return -order
	}
	return order
}

// compareIntegers compares two canonical integers, of any length.
func compareIntegers(a, b string) int {
	x, negative := strings.CutPrefix(a, "-")
	y, alsoNegative := strings.CutPrefix(b, "-")
	switch {
	case negative && !alsoNegative:
		return -1
	case alsoNegative && !negative:
		return 1
	case negative:
		x, y = y, x
	}
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(x, y)
}
