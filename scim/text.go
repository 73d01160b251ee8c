package scim

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Normal is the form in which two strings of this attribute are compared.
func (a *Attribute) Normal(s string) string {
	switch {
	case a.Prep != nil:
		return a.Prep(s)
	case a.CaseExact || a.Type == TypeBinary:
		return s
	}
	return fold(s)
}

// fold maps strings that differ only in case to one: fold(a) == fold(b) exactly where strings.EqualFold(a, b). Unlike that, it can also be searched and ordered.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		} else if c >= 'A' && c <= 'Z' {
			return foldASCII(s, i)
		}
	}
	return s
}

func foldASCII(s string, from int) string {
	for i := from; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return lowerName(s)
}

// foldRune picks one of the runes that differ only in case: the small form of the smallest. So K, k and the Kelvin sign are all k.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r |= 0x20
		}
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if unicode.SimpleFold(least) == least {
		return least // İ has a small form, but is not equal to it
	}
	return unicode.ToLower(least)
}

// instant reads a dateTime (RFC 7643 §2.3.5, an xsd:dateTime). One without offset counts as UTC.
func instant(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if up := strings.ToUpper(s); up != s {
		return instant(up) // RFC 3339 §5.6 allows small t and z
	}
	return time.Time{}, false
}

// truth reads a boolean as clients write it: true, or the word in any case of letters.
func truth(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch {
		case sameName(v, "true"):
			return true, true
		case sameName(v, "false"):
			return false, true
		}
	}
	return false, false
}
