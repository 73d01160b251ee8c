package embedded

import (
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// truth is what a filter says of an entry (RFC 4511 §4.5.1.7). The order matters: and is the least, or the greatest, not the mirror image.
type truth int

const (
	isFalse truth = iota
	isUndefined
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// filter is a compiled filter: types are looked up and assertions are in normal form, and what cannot be is undefined once and for all.
type filter interface {
	eval(e *entry) truth
}

type (
	andFilter   []filter
	orFilter    []filter
	notFilter   struct{ term filter }
	constFilter truth
)

func (f andFilter) eval(e *entry) truth {
	out := isTrue
	for _, term := range f {
		if out = min(out, term.eval(e)); out == isFalse {
			break
		}
	}
	return out
}

func (f orFilter) eval(e *entry) truth {
	out := isFalse
	for _, term := range f {
		if out = max(out, term.eval(e)); out == isTrue {
			break
		}
	}
	return out
}

func (f notFilter) eval(e *entry) truth { return isTrue - f.term.eval(e) }
func (f constFilter) eval(*entry) truth { return truth(f) }

// The tags of a filter's choices (RFC 4511 §4.5.1).
const (
	tagAnd ber.Tag = iota
	tagOr
	tagNot
	tagEquality
	tagSubstrings
	tagGreaterOrEqual
	tagLessOrEqual
	tagPresent
	tagApprox
	tagExtensible
)

// maxFilterDepth bounds nesting, so that a hostile filter ends in an error and not in a full stack.
const maxFilterDepth = 200

var errFilter = refuse(ProtocolError, "the filter cannot be read")

// compile reads a filter off the wire.
func (s *store) compile(p *ber.Packet, depth int) (filter, error) {
	if depth > maxFilterDepth || p.ClassType != ber.ClassContext {
		return nil, errFilter
	}
	switch p.Tag {
	case tagAnd, tagOr:
		return s.compileSet(p, depth)
	case tagNot:
		if len(p.Children) != 1 {
			return nil, errFilter
		}
		term, err := s.compile(p.Children[0], depth+1)
		return notFilter{term}, err
	case tagEquality, tagGreaterOrEqual, tagLessOrEqual, tagApprox:
		if len(p.Children) != 2 {
			return nil, errFilter
		}
		return s.compileTest(p.Tag, text(p.Children[0]), text(p.Children[1])), nil
	case tagPresent:
		return s.compilePresent(text(p)), nil
	case tagSubstrings:
		return s.compileSubstrings(p)
	case tagExtensible:
		return s.compileExtensible(p)
	default:
		return nil, errFilter
	}
}

func (s *store) compileSet(p *ber.Packet, depth int) (filter, error) {
	terms := make([]filter, 0, len(p.Children))
	for _, child := range p.Children {
		term, err := s.compile(child, depth+1)
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	if p.Tag == tagAnd {
		return andFilter(terms), nil
	}
	return orFilter(terms), nil
}

// undefined is what a test becomes whose type or rule is not known, or whose assertion is no value.
const undefined = constFilter(isUndefined)

func (s *store) compileTest(tag ber.Tag, attr, value string) filter {
	d, ok := s.describe(attr)
	if !ok {
		return undefined
	}
	rule := d.typ.Equality
	if tag == tagGreaterOrEqual || tag == tagLessOrEqual {
		rule = d.typ.Ordering
	}
	if rule == "" {
		return undefined
	}
	normal, err := s.schema.Normalize(rule, value)
	if err != nil {
		return undefined
	}
	t := test{store: s, description: d, rule: rule, normal: normal}
	switch {
	case tag == tagGreaterOrEqual:
		t.holds = func(v string) bool { return s.schema.Compare(rule, v, normal) >= 0 }
	case tag == tagLessOrEqual:
		t.holds = func(v string) bool { return s.schema.Compare(rule, v, normal) <= 0 }
	case isClassAttribute(d.typ):
		return s.classTest(t, value)
	default:
		// Approximate equality is plain equality, as RFC 4511 §4.5.1.7.6 leaves to the server.
		t.equality = true
		t.holds = func(v string) bool { return v == normal }
	}
	return t
}

func isClassAttribute(typ *schema.AttributeType) bool {
	return strings.EqualFold(typ.Name(), "objectClass") || strings.EqualFold(typ.Name(), "structuralObjectClass")
}

// classTest finds the entries of a class and of all below it: every inetOrgPerson is a person, written down or not. A class that does not
// exist cannot be tested for.
func (s *store) classTest(t test, class string) filter {
	want, ok := s.schema.Class(class)
	if !ok {
		return undefined
	}
	t.holds = func(oid string) bool {
		return slices.Contains(s.schema.Superclasses(oid), want)
	}
	return t
}

// test is a test of values: of the attribute, its subtypes and its variants with more options.
type test struct {
	description
	store    *store
	rule     string
	normal   string
	equality bool // holds is equality with normal: an index can find it
	holds    func(normal string) bool
}

func (t test) eval(e *entry) truth {
	for _, a := range e.attrs {
		if t.covers(a.description) && t.any(a) {
			return isTrue
		}
	}
	if isSubordinates(t.typ) {
		return truthOf(t.holds(subordinates(t.store, e)))
	}
	return isFalse
}

// any says whether one of an attribute's values passes. The values' normal forms serve if they were made as the test's rule makes them.
func (t test) any(a attribute) bool {
	if a.normal != nil && t.store.schema.SameForm(a.typ.Equality, t.rule) {
		return slices.ContainsFunc(a.normal, t.holds)
	}
	for _, v := range a.values {
		if normal, err := t.store.schema.Normalize(t.rule, v); err == nil && t.holds(normal) {
			return true
		}
	}
	return false
}

func isSubordinates(typ *schema.AttributeType) bool { return typ.Name() == "hasSubordinates" }

func subordinates(s *store, e *entry) string {
	if s.children.get(e.ndn) > 0 {
		return "TRUE"
	}
	return "FALSE"
}

type presentFilter struct{ description }

func (f presentFilter) eval(e *entry) truth {
	for _, a := range e.attrs {
		if f.covers(a.description) {
			return isTrue
		}
	}
	return truthOf(isSubordinates(f.typ))
}

func (s *store) compilePresent(attr string) filter {
	d, ok := s.describe(attr)
	if !ok {
		return undefined
	}
	return presentFilter{d}
}

// text is the content of a primitive BER element.
func text(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}
