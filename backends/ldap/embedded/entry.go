package embedded

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Entry is an entry as it is written down: in LDIF, by Generate, for Add.
type Entry struct {
	DN    string
	Attrs []Attr
}

// Attr is one attribute of an Entry.
type Attr struct {
	Name   string
	Values []string
}

// Get are the values of an attribute, by its exact name without regard to case.
func (e Entry) Get(name string) []string {
	for _, a := range e.Attrs {
		if strings.EqualFold(a.Name, name) {
			return a.Values
		}
	}
	return nil
}

// entry is what the store holds. It never changes: a write puts another one in its place.
type entry struct {
	id    uint64 // order of creation, which is the order of answers
	dn    schema.DN
	ndn   string // normalised
	attrs []attribute
}

// attribute is one attribute with its values, and their normal forms under the equality rule where it has one.
type attribute struct {
	description
	values []string
	normal []string // nil without an equality rule
}

// description is an attribute description (RFC 4512 §2.5): a type and its options.
type description struct {
	typ     *schema.AttributeType
	options []string // in lower case and in order
}

func (d description) String() string {
	return strings.Join(append([]string{d.typ.Name()}, d.options...), ";")
}

func (d description) same(o description) bool {
	return d.typ == o.typ && slices.Equal(d.options, o.options)
}

// covers says whether an attribute that o describes is meant by d: of d's type or a subtype, with all of d's options.
func (d description) covers(o description) bool {
	if !o.typ.Is(d.typ) {
		return false
	}
	for _, option := range d.options {
		if !slices.ContainsFunc(o.options, func(have string) bool { return optionCovers(option, have) }) {
			return false
		}
	}
	return true
}

// optionCovers lets a language range (lang-) stand for all languages that begin with it, as slapd does.
func optionCovers(want, have string) bool {
	return want == have || strings.HasSuffix(want, "-") && strings.HasPrefix(have, want)
}

// describe reads an attribute description. Options are language tags and binary; slapd knows no others unless told.
func (s *store) describe(text string) (description, bool) {
	parts := strings.Split(text, ";")
	typ, ok := s.schema.Attribute(parts[0])
	if !ok || strings.TrimSpace(parts[0]) != parts[0] {
		return description{}, false
	}
	d := description{typ: typ}
	for _, option := range parts[1:] {
		option = strings.ToLower(option)
		if option != "binary" && !strings.HasPrefix(option, "lang-") || strings.ContainsAny(option, " ,:=") {
			return description{}, false
		}
		d.options = append(d.options, option)
	}
	slices.Sort(d.options)
	d.options = slices.Compact(d.options)
	return d, true
}

// describeStored is describe for what is stored: a language range (lang-) can be asked for, not had.
func (s *store) describeStored(text string) (description, bool) {
	d, ok := s.describe(text)
	return d, ok && !slices.ContainsFunc(d.options, func(option string) bool { return strings.HasSuffix(option, "-") })
}

// find is the attribute with exactly this description.
func (e *entry) find(d description) (attribute, bool) {
	for _, a := range e.attrs {
		if a.same(d) {
			return a, true
		}
	}
	return attribute{}, false
}

// values are the values of a type, options aside, subtypes not included.
func (e *entry) values(typ *schema.AttributeType) []string {
	var out []string
	for _, a := range e.attrs {
		if a.typ == typ {
			out = append(out, a.values...)
		}
	}
	return out
}

// with is a copy of the entry in which an attribute has been put in place, or taken away when it has no values.
func (e *entry) with(a attribute) *entry {
	out := *e
	out.attrs = make([]attribute, 0, len(e.attrs)+1)
	done := false
	for _, have := range e.attrs {
		switch {
		case !have.same(a.description):
			out.attrs = append(out.attrs, have)
		case len(a.values) > 0:
			out.attrs = append(out.attrs, a)
			done = true
		}
	}
	if !done && len(a.values) > 0 {
		out.attrs = append(out.attrs, a)
	}
	return &out
}

// below says whether the entry is in the subtree of base, or base itself.
func below(ndn, base string) bool {
	return base == "" || ndn == base || strings.HasSuffix(ndn, ","+base)
}

// parentOf is the normalised DN above; separators in values are escaped away there, so the first comma is one.
func parentOf(ndn string) string {
	_, parent, _ := strings.Cut(ndn, ",")
	return parent
}
