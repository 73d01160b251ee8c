package backends

import (
	"maps"
	"slices"
	"strings"
)

// Key is a directory's own immutable identifier in its canonical text form (a lower-case UUID for entryUUID). It is the SCIM id.
type Key string

// Record is what a directory holds about one thing.
type Record struct {
	Key     Key
	Name    string // the directory's own name for it: the DN; "" where there is none
	Version string // opaque; "" when the directory has none
	Attrs   Attributes
	Held    map[string][]Record // by words of Join: who holds its name
}

// Attributes maps an attribute's name to its values. Names are spelled as the caller asked for them; with "*" as the directory spells them.
type Attributes map[string]Values

// Values are the values of one attribute; the order means nothing.
type Values []Value

// Clone shares nothing with r.
func (r Record) Clone() Record {
	r.Attrs = r.Attrs.Clone()
	if r.Held != nil {
		held := make(map[string][]Record, len(r.Held))
		for word, records := range r.Held {
			held[word] = make([]Record, len(records))
			for i, other := range records {
				held[word][i] = other.Clone()
			}
		}
		r.Held = held
	}
	return r
}

// Clone shares nothing with a. nil stays nil.
func (a Attributes) Clone() Attributes {
	if a == nil {
		return nil
	}
	c := make(Attributes, len(a))
	for name, values := range a {
		c[name] = values.Clone()
	}
	return c
}

// Get gives the values of an attribute: under the very name if that is there, else under the same name in other letter case.
func (a Attributes) Get(name string) Values {
	if values, ok := a[name]; ok {
		return values
	}
	found := ""
	for other := range a {
		// The least of several spellings, so that the answer does not depend on the order of a map.
		if strings.EqualFold(other, name) && (found == "" || other < found) {
			found = other
		}
	}
	return a[found]
}

// Clone shares nothing with v. nil stays nil.
func (v Values) Clone() Values { return slices.Clone(v) }

// Texts are the texts of all values.
func (v Values) Texts() []string {
	texts := make([]string, len(v))
	for i, value := range v {
		texts[i] = value.Text()
	}
	return texts
}

// Lost names those attributes of a record, in order, that do not have the same values in another: what Restore could not put back. Of a secret
// that only says that it was there nobody can tell.
func Lost(was, is Record) []string {
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(was.Attrs)) {
		if !SameValues(CaseExact, was.Attrs[name], is.Attrs.Get(name)) {
			lost = append(lost, name)
		}
	}
	return lost
}

// SameValues says that two attributes have the same values under a rule, in whatever order. A secret that only says that it was there is the same as no other, because nobody
// can tell.
func SameValues(rule Rule, a, b Values) bool {
	if len(a) != len(b) {
		return false
	}
	left := make(map[string]int, len(a))
	for i := range a {
		if a[i].Kind() == KindSecret && a[i].Reveal() == "" || b[i].Kind() == KindSecret && b[i].Reveal() == "" {
			return false
		}
		left[Normalize(rule, a[i].Text())]++
		left[Normalize(rule, b[i].Text())]--
	}
	for _, n := range left {
		if n != 0 {
			return false
		}
	}
	return true
}
