package embedded

import (
	"math/big"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// compileSubstrings reads a substrings filter (RFC 4511 §4.5.1.7.2): at most one initial piece, which comes first, and one final, last.
func (s *store) compileSubstrings(p *ber.Packet) (filter, error) {
	if len(p.Children) != 2 {
		return nil, errFilter
	}
	pieces := p.Children[1].Children
	if len(pieces) == 0 { // (cn=**), which a grammar forbids and slapd lets pass as unanswerable
		return undefined, nil
	}
	for i, piece := range pieces {
		if piece.Tag > ber.Tag(schema.Final) || piece.Tag == ber.Tag(schema.Initial) && i > 0 || piece.Tag == ber.Tag(schema.Final) && i < len(pieces)-1 {
			return nil, errFilter
		}
	}
	d, ok := s.describe(text(p.Children[0]))
	if !ok || d.typ.Substr == "" {
		return undefined, nil
	}
	var pattern substrings
	for _, piece := range pieces {
		part := schema.Part(piece.Tag)
		normal, err := s.schema.NormalizePart(d.typ.Substr, part, text(piece))
		if err != nil {
			return undefined, nil //nolint:nilerr // a piece that no value can have makes the test undefined, not the request wrong
		}
		switch part {
		case schema.Initial:
			pattern.initial = normal
		case schema.Final:
			pattern.final = normal
		case schema.Any:
			pattern.any = append(pattern.any, normal)
		}
	}
	return test{store: s, description: d, rule: d.typ.Substr, holds: pattern.match}, nil
}

type substrings struct {
	initial, final string
	any            []string
}

// match looks for the pieces in a value one behind the other, without overlap.
func (p substrings) match(v string) bool {
	if len(v) < len(p.initial)+len(p.final) || !strings.HasPrefix(v, p.initial) || !strings.HasSuffix(v, p.final) {
		return false
	}
	v = v[len(p.initial) : len(v)-len(p.final)]
	for _, piece := range p.any {
		at := strings.Index(v, piece)
		if at < 0 {
			return false
		}
		v = v[at+len(piece):]
	}
	return true
}

// The parts of an extensible match (RFC 4511 §4.5.1.7.7).
const (
	tagRule ber.Tag = iota + 1
	tagType
	tagValue
	tagDNAttributes
)

// The bitwise rules of Active Directory, which slapd has too.
const (
	bitAnd = "1.2.840.113556.1.4.803"
	bitOr  = "1.2.840.113556.1.4.804"
)

func (s *store) compileExtensible(p *ber.Packet) (filter, error) {
	var rule, attr, value string
	var dn bool
	for _, part := range p.Children {
		switch part.Tag {
		case tagRule:
			rule = text(part)
		case tagType:
			attr = text(part)
		case tagValue:
			value = text(part)
		case tagDNAttributes:
			dn = strings.Trim(text(part), "\x00") != ""
		default:
			return nil, errFilter
		}
	}
	if rule == "" && attr == "" {
		return nil, errFilter
	}
	f := extensible{store: s, dn: dn}
	if attr != "" {
		d, ok := s.describe(attr)
		if !ok {
			return undefined, nil
		}
		f.attr = &d
		if rule == "" {
			rule = d.typ.Equality
		}
		if !s.applies(rule, d.typ) {
			return undefined, nil
		}
	}
	if !s.schema.HasRule(rule) {
		return undefined, nil
	}
	f.rule = rule
	if f.holds = s.assertion(rule, value); f.holds == nil {
		return undefined, nil
	}
	return f, nil
}

// applies says whether a rule may test a type: its own rules always.
func (s *store) applies(rule string, typ *schema.AttributeType) bool {
	return rule != "" && (strings.EqualFold(rule, typ.Equality) || strings.EqualFold(rule, typ.Ordering) || s.schema.Applicable(rule, typ.OID))
}

// assertion is a test of raw values under a rule: equality, less than for an ordering rule, bits for the bitwise ones. It is nil when the
// value cannot be asserted.
func (s *store) assertion(rule, value string) func(string) bool {
	r, ok := s.schema.Rule(rule)
	if !ok {
		return nil
	}
	if r.OID == bitAnd || r.OID == bitOr {
		return s.bits(r.OID, value)
	}
	want, err := s.schema.Normalize(rule, value)
	if err != nil {
		return nil
	}
	ordering := strings.HasSuffix(strings.ToLower(nameOf(r)), "orderingmatch")
	return func(v string) bool {
		have, err := s.schema.Normalize(rule, v)
		if err != nil {
			return false
		}
		if ordering {
			return s.schema.Compare(rule, have, want) < 0
		}
		return have == want
	}
}

func nameOf(r *schema.MatchingRule) string {
	if len(r.Names) > 0 {
		return r.Names[0]
	}
	return r.OID
}

func (s *store) bits(rule, value string) func(string) bool {
	if _, err := s.schema.Normalize("integerMatch", value); err != nil {
		return nil
	}
	mask, _ := new(big.Int).SetString(value, 10)
	return func(v string) bool {
		n, ok := new(big.Int).SetString(v, 10)
		if !ok {
			return false
		}
		both := new(big.Int).And(n, mask)
		if rule == bitAnd {
			return both.Cmp(mask) == 0
		}
		return both.Sign() != 0
	}
}

// extensible tests one attribute, or all that the rule applies to, and with dn also the values in the entry's name.
type extensible struct {
	store *store
	attr  *description
	rule  string
	dn    bool
	holds func(value string) bool
}

func (f extensible) eval(e *entry) truth {
	for _, a := range e.attrs {
		if f.meant(a.description) && f.any(a.values) {
			return isTrue
		}
	}
	if !f.dn {
		return isFalse
	}
	for _, rdn := range e.dn {
		for _, ava := range rdn {
			if d, ok := f.store.describe(ava.Type); ok && f.meant(d) && f.holds(ava.Value) {
				return isTrue
			}
		}
	}
	return isFalse
}

func (f extensible) meant(d description) bool {
	if f.attr != nil {
		return f.attr.covers(d)
	}
	return f.store.applies(f.rule, d.typ)
}

func (f extensible) any(values []string) bool {
	return slices.ContainsFunc(values, f.holds)
}
