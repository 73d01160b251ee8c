package ldap

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// filter is an LDAP filter (RFC 4511 §4.5.1.7) as typed nodes. Text is made of it in one place, which escapes every value; no filter is ever
// put together from strings.
type filter interface{ append(b *strings.Builder) }

type (
	// constant is (&) or (|), the absolute true and false of RFC 4526.
	constant bool
	// andFilter and orFilter have two terms at least.
	andFilter []filter
	orFilter  []filter
	notFilter struct{ term filter }
	// test is attr op value: =, >= or <=.
	test struct{ attr, op, value string }
	// part is a substring test; empty pieces are not sent.
	part struct{ attr, initial, middle, final string }
	// presence is (attr=*).
	presence struct{ attr string }
	// extensible is (attr:rule:=value).
	extensible struct{ attr, rule, value string }
	// verbatim is a filter from the configuration, which compiled when it was loaded.
	verbatim string
)

// text is the filter as it is sent.
func text(f filter) string {
	var b strings.Builder
	f.append(&b)
	return b.String()
}

func (f constant) append(b *strings.Builder) {
	if f {
		b.WriteString("(&)")
	} else {
		b.WriteString("(|)")
	}
}

func (f andFilter) append(b *strings.Builder) { appendSet(b, '&', f) }
func (f orFilter) append(b *strings.Builder)  { appendSet(b, '|', f) }

func appendSet(b *strings.Builder, op byte, terms []filter) {
	b.WriteByte('(')
	b.WriteByte(op)
	for _, term := range terms {
		term.append(b)
	}
	b.WriteByte(')')
}

func (f notFilter) append(b *strings.Builder) {
	b.WriteString("(!")
	f.term.append(b)
	b.WriteByte(')')
}

func (f test) append(b *strings.Builder) {
	b.WriteString("(" + f.attr + f.op)
	appendEscaped(b, f.value)
	b.WriteByte(')')
}

func (f part) append(b *strings.Builder) {
	b.WriteString("(" + f.attr + "=")
	appendEscaped(b, f.initial)
	b.WriteByte('*')
	if f.middle != "" {
		appendEscaped(b, f.middle)
		b.WriteByte('*')
	}
	appendEscaped(b, f.final)
	b.WriteByte(')')
}

func (f presence) append(b *strings.Builder) { b.WriteString("(" + f.attr + "=*)") }

func (f extensible) append(b *strings.Builder) {
	b.WriteString("(" + f.attr + ":" + f.rule + ":=")
	appendEscaped(b, f.value)
	b.WriteByte(')')
}

func (f verbatim) append(b *strings.Builder) { b.WriteString(string(f)) }

// appendEscaped writes a value so that it means itself (RFC 4515 §3): the special characters, control characters, blanks at the edges, and
// bytes that are not UTF-8 as hexadecimal pairs. U+FFFD is escaped too, because go-ldap takes it for bad UTF-8.
func appendEscaped(b *strings.Builder, value string) {
	const digits = "0123456789abcdef"
	escape := func(s string) {
		for i := range len(s) {
			b.WriteByte('\\')
			b.WriteByte(digits[s[i]>>4])
			b.WriteByte(digits[s[i]&15])
		}
	}
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		edge := i == 0 || i+size == len(value)
		if r == utf8.RuneError || r < ' ' || r == 0x7f || strings.ContainsRune(`*()\`, r) || (r == ' ' && edge) {
			escape(value[i : i+size])
		} else {
			b.WriteString(value[i : i+size])
		}
		i += size
	}
}

// and gives the conjunction, flat and without constants.
func and(terms ...filter) filter {
	var flat andFilter
	for _, term := range terms {
		switch t := term.(type) {
		case constant:
			if !t {
				return constant(false)
			}
		case andFilter:
			flat = append(flat, t...)
		default:
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return constant(true)
	case 1:
		return flat[0]
	}
	return flat
}

// or gives the disjunction, flat and without constants.
func or(terms ...filter) filter {
	var flat orFilter
	for _, term := range terms {
		switch t := term.(type) {
		case constant:
			if t {
				return constant(true)
			}
		case orFilter:
			flat = append(flat, t...)
		default:
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return constant(false)
	case 1:
		return flat[0]
	}
	return flat
}

// not gives the negation, which of a constant is the other one: a directory must not be asked (!(undefined)).
func not(term filter) filter {
	switch t := term.(type) {
	case constant:
		return !t
	case notFilter:
		return t.term
	}
	return notFilter{term}
}

// isDescription checks an attribute description (RFC 4512 §2.5): a name or an OID, and options.
func isDescription(s string) bool {
	name, options, tagged := strings.Cut(s, ";")
	if tagged {
		for option := range strings.SplitSeq(options, ";") {
			if option == "" || strings.Trim(strings.ToLower(option), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				return false
			}
		}
	}
	switch {
	case name == "":
		return false
	case name[0] >= '0' && name[0] <= '9':
		return strings.Trim(name, "0123456789.") == ""
	}
	lower := strings.ToLower(name)
	return lower[0] >= 'a' && lower[0] <= 'z' && strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
