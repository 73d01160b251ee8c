package scim

import (
	"encoding/binary"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// ParseSort reads the query's `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3); nil when there is no sortBy, without which sortOrder means nothing.
// What cannot be ordered by is an *Error, 400 invalidPath; an order that is none, 400 invalidValue.
func (rt *ResourceType) ParseSort(sortBy, sortOrder string) (*Sort, error) {
	if sortBy = strings.TrimSpace(sortBy); sortBy == "" {
		return nil, nil
	}
	path, err := filter.ParsePath(sortBy)
	if err != nil {
		return nil, BadRequest(InvalidPath, "sortBy is %q, which is no attribute: at %s.", short(sortBy), err).Wrap(err)
	}
	ref, err := rt.sortable(path)
	if err != nil {
		return nil, err
	}
	by := &Sort{By: ref}
	switch order := strings.TrimSpace(sortOrder); {
	case order == "" || strings.EqualFold(order, "ascending"):
	case strings.EqualFold(order, "descending"):
		by.Descending = true
	default:
		return nil, BadRequest(InvalidValue, "sortOrder is %q: write ascending or descending.", short(order))
	}
	return by, nil
}

// sortable finds what a path in sortBy means, and refuses what has no order.
func (rt *ResourceType) sortable(p filter.Path) (Ref, error) {
	if p.Filter != nil {
		p.Filter = nil
		return Ref{}, BadRequest(InvalidPath, "sortBy takes no brackets: sort by %s, of which each resource's primary or first value counts.", short(p.String()))
	}
	ref, ok := rt.Resolve(p)
	switch {
	case !ok:
		return Ref{}, BadRequest(InvalidPath, "%s has no attribute %q that can be sorted by.", rt.Name, short(p.String()))
	case ref.Attr == nil:
		return Ref{}, BadRequest(InvalidPath, "%q is a schema: sort by one of its attributes.", ref.URI)
	case hidden(ref.Attr) || hidden(ref.Target()):
		return Ref{}, BadRequest(InvalidPath, "Nothing may be sorted by %s, which is never shown.", ref)
	}
	if target := ref.Target(); target.Type == TypeComplex {
		value := target.Sub(valueName)
		if value == nil || value.Type == TypeComplex {
			return Ref{}, BadRequest(InvalidPath, "%s has parts and no value of its own: name the part to sort by, as in %s.part.", ref, ref)
		}
		if hidden(value) {
			return Ref{}, BadRequest(InvalidPath, "Nothing may be sorted by %s, which is never shown.", ref)
		}
	}
	return ref, nil
}

// String is the order in canonical names: `name.familyName descending`.
func (s *Sort) String() string {
	if s.Descending {
		return s.By.String() + " descending"
	}
	return s.By.String() + " ascending"
}

// leaf is the part of a complex attribute that is looked at; nil when the attribute is its own value.
func (s *Sort) leaf() *Attribute {
	if s.By.Sub == nil && s.By.Attr.Type == TypeComplex {
		return s.By.Attr.Sub(valueName)
	}
	return s.By.Sub
}

// Wants says whether an attribute, or a part of one, is looked at by the order, so that no more need be read. Of several elements, all of each is
// needed: which of them is primary depends on them all.
func (s *Sort) Wants(ref Ref) bool {
	if !names(ref, s.By.URI, s.By.Attr) {
		return false
	}
	leaf := s.leaf()
	return ref.Sub == nil || leaf == nil || s.By.Attr.MultiValued || sameName(ref.Sub.Name, leaf.Name)
}

// SortKey is where a resource stands in an order: the bytes of two keys compare as what they were made of does. It outlives its process, as
// a part of a cursor.
type SortKey string

const (
	noKey      SortKey = "\xff"  // of a resource without a value: greater than all others
	anyKey             = "\x01"  // before a key that is made of a value
	longestKey         = 1 << 10 // bytes of a text that are looked at, so that keys stay small enough for memory and for a URL
)

// Key is where the resource stands. Of several values the primary one counts, else the first. Strings compare by the attribute's Prep or caseExact,
// numbers exactly, dates as instants, false comes before true. What is absent, empty or not of the attribute's type is missing.
func (s *Sort) Key(res *Object) SortKey {
	if s.By.URI != "" {
		res, _ = member(res, s.By.URI).(*Object)
	}
	a, v := s.By.Attr, chosen(member(res, s.By.Attr.Name))
	if leaf := s.leaf(); leaf != nil {
		a, v = leaf, chosen(member(v, leaf.Name))
	}
	key, ok := sortKey(a, v)
	if !ok {
		return noKey
	}
	return SortKey(anyKey + key[:min(len(key), longestKey)])
}

// Compare orders two resources by their keys: -1, 0 or +1. A resource without a value is last, and first when descending.
func (s *Sort) Compare(a, b SortKey) int {
	if s.Descending {
		a, b = b, a
	}
	return strings.Compare(string(a), string(b))
}

// chosen is the one of several values that counts.
func chosen(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	for _, e := range list {
		if primary, _ := truth(member(e, "primary")); primary {
			return e
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// sortKey gives bytes that compare as values of the attribute do; false for what is no value of it.
func sortKey(a *Attribute, v any) (string, bool) {
	switch a.Type {
	case TypeBoolean:
		b, ok := truth(v)
		if b {
			return "1", ok
		}
		return "0", ok
	case TypeInteger, TypeDecimal:
		if !isNumber(v) {
			return "", false
		}
		return toDecimal(v).sortKey(), true
	case TypeDateTime:
		s, _ := v.(string)
		t, ok := instant(s)
		key := binary.BigEndian.AppendUint64(nil, bySize(t.Unix()))
		return string(binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))), ok //nolint:gosec // below 10⁹
	default:
		s, ok := v.(string)
		return a.Normal(s), ok && s != ""
	}
}

// bySize maps numbers to ones that compare alike without a sign.
func bySize(n int64) uint64 { return uint64(n) ^ 1<<63 } //nolint:gosec // its bits are meant

// sortKey gives bytes that compare as numbers do: sign, power of ten, digits. Those of a negative number are turned around, and a last byte
// puts the number with fewer digits, which is the greater one, behind.
func (d decimal) sortKey() string {
	if d.digits == "" {
		return "1"
	}
	key := append(binary.BigEndian.AppendUint64([]byte{'2'}, bySize(d.exp)), d.digits...)
	if !d.negative {
		return string(key)
	}
	key[0] = '0'
	for i := range key[1:] {
		key[1+i] = ^key[1+i]
	}
	return string(append(key, 0xff))
}
