package schema

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Syntax says what backends want to know of an attribute; of one that the schema lacks, that it is not Known. MaxLen stays 0: the bound
// that a description may carry is how much a server must at least take, not what it refuses (RFC 4512 §4.1.2).
func (s *Schema) Syntax(attr string) backends.Syntax {
	a, ok := s.Attribute(attr)
	if !ok {
		return backends.Syntax{}
	}
	return backends.Syntax{
		Known:    true,
		Equality: s.RuleOf(a.Equality),
		Order:    s.RuleOf(a.Ordering),
		Substr:   s.RuleOf(a.Substr),
		Single:   a.Single,
		ReadOnly: a.NoUser,
		Ref:      a.Syntax == syntaxDN || a.Syntax == syntaxNameUID,
		Octets:   a.Syntax == syntaxOctets,
	}
}

// binarySyntaxes hold bytes rather than text: audio, binary, the certificate syntaxes, fax, JPEG and octet string.
var binarySyntaxes = map[string]bool{
	syntaxPrefix + "4": true, syntaxPrefix + "5": true, syntaxPrefix + "8": true, syntaxPrefix + "9": true, syntaxPrefix + "10": true,
	syntaxPrefix + "23": true, syntaxPrefix + "28": true, syntaxOctets: true, syntaxPrefix + "49": true,
}

// Binary says whether an attribute's values are bytes rather than text. What the schema lacks is text.
func (s *Schema) Binary(attr string) bool {
	a, ok := s.Attribute(attr)
	if !ok {
		return false
	}
	if y, ok := s.syntaxes[a.Syntax]; ok && y.Binary {
		return true
	}
	return binarySyntaxes[a.Syntax]
}

// RuleOf is the comparison behind a matching rule, by name or OID; NoRule for one that compares in a way of its own.
func (s *Schema) RuleOf(name string) backends.Rule { return comparisons[s.comparison(name)].rule }

// compatible are syntaxes whose values a rule takes although its own assertion syntax is another: a telephone number, a country code and
// a printable string are text to the directory string rules.
var compatible = map[string][]string{
	syntaxDirectory: {syntaxCountry, syntaxPrintable, syntaxTelephone},
	syntaxIA5:       {syntaxCountry},
	syntaxNameUID:   {syntaxDN},
}

// Applicable says whether an extensible match may test attr with rule, as in (uid:caseIgnoreOrderingMatch:=m): the directory has the rule,
// and its matchingRuleUse lists the attribute or, where none is published for the rule, the syntaxes fit (RFC 4512 §4.1.4).
func (s *Schema) Applicable(rule, attr string) bool {
	r, ok := s.Rule(rule)
	if !ok {
		return false
	}
	a, ok := s.Attribute(attr)
	if !ok {
		return false
	}
	if u, ok := s.uses[strings.ToLower(r.OID)]; ok {
		return u.lists(a)
	}
	return r.fits(a.Syntax)
}

func (u *matchingUse) lists(a *AttributeType) bool {
	for _, name := range append([]string{a.OID}, a.Names...) {
		if u.applies[strings.ToLower(name)] {
			return true
		}
	}
	return false
}

func (r *MatchingRule) fits(syntax string) bool {
	if r.Syntax == syntax {
		return true
	}
	return slices.Contains(compatible[r.Syntax], syntax)
}
