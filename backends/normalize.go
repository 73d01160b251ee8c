package backends

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Rule is how two values of an attribute compare. Normalize(rule, text) gives equal texts for equal values.
type Rule uint8

// The rules, after the matching rules of RFC 4517.
const (
	NoRule          Rule = iota
	CaseExact            // code point by code point
	CaseIgnore           // Unicode case folded
	CaseExactSpace       // RFC 4518: leading and trailing blanks gone, inner runs are one
	CaseIgnoreSpace      // both: LDAP's caseIgnoreMatch
	IntegerRule
	TimeRule // generalizedTime, timestamps: an instant
	BooleanRule
	OctetRule
	NameRule    // DN: compared by RDN, attribute type and value rules
	NumericRule // blanks gone
	TelRule     // telephoneNumberMatch: blanks and hyphens gone, case ignored
)

var ruleNames = [...]string{
	"noRule", "caseExact", "caseIgnore", "caseExactSpace", "caseIgnoreSpace", "integer", "time", "boolean", "octets", "name", "numeric", "telephone",
}

// String names the rule for explain and logs.
func (r Rule) String() string {
	if int(r) < len(ruleNames) {
		return ruleNames[r]
	}
	return "unknownRule"
}

// Normalize gives equal texts for values that are equal under rule, and different texts for different ones. It is idempotent. What cannot be
// read under the rule (a word where a number should be) comes back as it is and equals nothing that can.
func Normalize(rule Rule, s string) string {
	canonical, _ := Canonical(rule, s)
	return canonical
}

// Canonical is Normalize that also says whether s is a value under rule at all. A literal that is not can equal nothing: the test is
// constant false, and must be before a NOT is looked at, because a directory would call it undefined.
func Canonical(rule Rule, s string) (canonical string, ok bool) {
	switch rule {
	case NoRule, CaseExact, OctetRule:
		return s, true
	case CaseIgnore:
		return foldCase(s), true
	case CaseExactSpace:
		return trimBlanks(compose(s)), true
	case CaseIgnoreSpace:
		return trimBlanks(foldText(s)), true
	case IntegerRule:
		return canonicalInteger(s)
	case TimeRule:
		return canonicalTime(s)
	case BooleanRule:
		return canonicalBoolean(s)
	case NameRule:
		return canonicalName(s)
	case NumericRule:
		return canonicalNumeric(s)
	case TelRule:
		return canonicalTelephone(s), true
	}
	return s, false
}

// canonicalPart normalises a piece of a value for a substring test: blanks at its edges are part of what is looked for ("foo " is not in
// "foobar"), except where the edge is the value's own (initial, final), which has none.
func canonicalPart(rule Rule, s string, initial, final bool) (string, bool) {
	switch rule {
	case CaseExactSpace:
		return trimEdges(compose(s), initial, final), true
	case CaseIgnoreSpace:
		return trimEdges(foldText(s), initial, final), true
	case NumericRule, TelRule:
		canonical, ok := Canonical(rule, s)
		if canonical == " " {
			canonical = "" // only blanks: insignificant in a piece
		}
		return canonical, ok
	case NoRule, CaseExact, OctetRule, CaseIgnore:
		return Canonical(rule, s)
	case IntegerRule, TimeRule, BooleanRule, NameRule:
		return s, false // these are no strings: a piece of one means nothing
	}
	return s, false
}

// foldCase folds letter by letter, as directories and databases do: ß stays apart from ss, which RFC 3454's table would make equal and no
// server here does. Bytes that are not UTF-8 are left alone: mending them would make different values equal.
func foldCase(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	if !utf8.ValidString(s) {
		return s
	}
	return strings.Map(unicode.ToLower, s)
}

// compose is the Normalize step of RFC 4518 §2.3, form KC. Its Map step (soft hyphens, tabs) is left out, as OpenLDAP does: those
// characters stay significant.
func compose(s string) string {
	if isASCII(s) || !utf8.ValidString(s) {
		return s
	}
	return norm.NFKC.String(s)
}

// foldText folds, composes, and folds again what composing brought to light (ℂ is C is c).
func foldText(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return compose(foldCase(compose(foldCase(s))))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// trimBlanks is insignificant space handling, RFC 4518 §2.6.1: no blanks around, one inside. A value of blanks only is one blank, which
// keeps it apart from the empty string that no directory holds.
func trimBlanks(s string) string { return trimEdges(s, true, true) }

func trimEdges(s string, initial, final bool) string {
	collapsed := collapseBlanks(s)
	trimmed := collapsed
	if initial {
		trimmed = strings.TrimPrefix(trimmed, " ")
	}
	if final {
		trimmed = strings.TrimSuffix(trimmed, " ")
	}
	if trimmed == "" {
		return collapsed // "" or one blank
	}
	return trimmed
}

func collapseBlanks(s string) string {
	if !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	for i := range len(s) {
		if s[i] != ' ' || !blank {
			b.WriteByte(s[i])
		}
		blank = s[i] == ' '
	}
	return b.String()
}

// canonicalInteger reads RFC 4517 §3.3.16: digits and perhaps a minus; of any length.
func canonicalInteger(s string) (string, bool) {
	digits := strings.TrimPrefix(s, "-")
	if !isDigits(digits) {
		return s, false
	}
	stripped := strings.TrimLeft(digits, "0")
	switch {
	case stripped == "":
		return "0", true
	case len(digits) < len(s):
		return "-" + stripped, true
	}
	return stripped, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func canonicalBoolean(s string) (string, bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return "TRUE", true
	case strings.EqualFold(s, "false"):
		return "FALSE", true
	}
	return s, false
}

// canonicalNumeric reads RFC 4517 §3.3.23: digits and blanks.
func canonicalNumeric(s string) (string, bool) {
	digits := strings.ReplaceAll(s, " ", "")
	switch {
	case isDigits(digits):
		return digits, true
	case s != "" && digits == "":
		return " ", true
	}
	return s, false
}

func canonicalTelephone(s string) string {
	// Composed once more: a blank that goes away may have stood before a combining mark.
	number := compose(strings.NewReplacer(" ", "", "-", "").Replace(foldText(s)))
	if number == "" && s != "" {
		return " "
	}
	return number
}
