package schema

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normalize brings a value into the form in which a matching rule's equal values are equal texts. The error says that the value cannot be
// asserted under the rule: a directory answers Undefined.
func (s *Schema) Normalize(rule, value string) (string, error) {
	c := s.comparison(rule)
	if c == unknown {
		return "", fmt.Errorf("the matching rule %q is not known", rule)
	}
	if err := s.validSyntax(comparisons[c].assertion, value); err != nil {
		return "", err
	}
	return s.normal(c, value), nil
}

func (s *Schema) normal(c comparison, v string) string {
	switch c {
	case list:
		return prepareList(v)
	case name:
		return s.normalizeDNText(v)
	case nameUID:
		dn, bits := splitNameUID(v)
		return s.normalizeDNText(dn) + bits
	case instant:
		return normalTime(v)
	case identifier:
		return s.normalOID(v)
	default:
		return trim(c, normalPart(c, v), true, true)
	}
}

// trim takes the blanks off the ends of a text that are ends of the value too. Of a text that is nothing but what its rule ignores one
// blank remains, so that it is something to compare; only behind the last star it is nothing. All this is as slapd has it.
func trim(c comparison, v string, left, right bool) string {
	switch c {
	case exactIA5, ignoreIA5:
		return strings.Trim(v, " ") // in the middle of a value too
	case numeric, telephone:
		left, right = true, true
	case exactText, ignoreText, list:
	default:
		return v
	}
	if left {
		v = strings.TrimLeft(v, " ")
	}
	if v == "" {
		return " "
	}
	if right {
		v = strings.TrimRight(v, " ")
	}
	return v
}

// normalPart is the form of a value, or of a piece of one whose outer blanks still count.
func normalPart(c comparison, v string) string {
	switch c {
	case exactText, exactIA5:
		return squeeze(mapText(v, false))
	case ignoreText, ignoreIA5, list:
		return squeeze(mapText(v, true))
	case numeric:
		return strings.ReplaceAll(v, " ", "")
	case telephone:
		return strings.NewReplacer(" ", "", "-", "").Replace(v)
	case uuid:
		return strings.ToLower(v)
	default:
		return v
	}
}

// Compare orders two values that Normalize has brought into their form.
func (s *Schema) Compare(rule, a, b string) int {
	if s.comparison(rule) == integer {
		return bigInt(a).Cmp(bigInt(b))
	}
	return cmp.Compare(a, b)
}

// SameForm says whether two rules bring values into the same form: caseIgnoreMatch and caseIgnoreSubstringsMatch do.
func (s *Schema) SameForm(rule, other string) bool {
	c := s.comparison(rule)
	return c != unknown && c == s.comparison(other)
}

// Part is where a piece of a substring assertion stands.
type Part uint8

// The places of a piece.
const (
	Initial Part = iota
	Any
	Final
)

// NormalizePart brings a piece of a substring assertion into the form of Normalize. Blanks at the value's own ends mean nothing, blanks at
// the others are one blank (RFC 4518 §2.6.1).
func (s *Schema) NormalizePart(rule string, part Part, text string) (string, error) {
	c := s.comparison(rule)
	if !comparisons[c].parts {
		return "", fmt.Errorf("the matching rule %q does not look at parts", rule)
	}
	if err := s.validSyntax(comparisons[c].assertion, text); err != nil {
		return "", err
	}
	text = trim(c, normalPart(c, text), part == Initial, part == Final)
	return text, nil
}

// foldText is string preparation (RFC 4518) as slapd does it: compatibility composition, letters in lower case one by one (so ß is not ss),
// outer blanks gone and inner runs of them one.
func foldText(v string) string { return trim(ignoreText, squeeze(mapText(v, true)), true, true) }

func mapText(v string, fold bool) string {
	if isASCII(v) {
		if fold {
			return strings.ToLower(v)
		}
		return v
	}
	v = norm.NFKC.String(v)
	if fold {
		v = norm.NFKC.String(strings.Map(unicode.ToLower, v))
	}
	return v
}

func isASCII(v string) bool { return validIA5(v) == nil }

// squeeze makes runs of blanks one.
func squeeze(v string) string {
	if !strings.Contains(v, "  ") {
		return v
	}
	var b strings.Builder
	for i := range len(v) {
		if v[i] != ' ' || i == 0 || v[i-1] != ' ' {
			b.WriteByte(v[i])
		}
	}
	return b.String()
}

// prepareList prepares each line of a postal address by itself.
func prepareList(v string) string {
	lines := strings.Split(v, "$")
	for i, line := range lines {
		if line != "" {
			lines[i] = foldText(line)
		}
	}
	return strings.Join(lines, "$")
}

// normalTime is UTC down to the fraction, which has no trailing zeros; without the Z, so that bytes are in the order of time.
func normalTime(v string) string {
	t, err := ParseTime(v)
	if err != nil {
		return v
	}
	return t.Format("20060102150405.999999999")
}

func (s *Schema) normalizeDNText(v string) string {
	dn, err := ParseDN(v)
	if err != nil {
		return foldText(v)
	}
	return s.NormalizeDN(dn)
}

// normalOID is the OID behind a name of an attribute type or object class, so that both spellings are equal.
func (s *Schema) normalOID(v string) string {
	if c, ok := s.Class(v); ok {
		return c.OID
	}
	if a, ok := s.Attribute(v); ok {
		return a.OID
	}
	return strings.ToLower(v)
}
