package filter

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// How tightly an expression holds together where it is printed: what is looser than its surroundings gets parentheses.
const (
	levelOr = iota
	levelAnd
	levelTerm
)

// String prints the path as it would be written.
func (p Path) String() string { return string(p.appendTo(nil)) }

func (p Path) appendTo(dst []byte) []byte {
	dst = append(dst, p.URI...)
	if p.Attr == "" {
		return dst
	}
	if p.URI != "" {
		dst = append(dst, ':')
	}
	dst = append(dst, p.Attr...)
	if p.Filter != nil {
		dst = append(dst, '[')
		dst = p.Filter.appendTo(dst, levelOr)
		dst = append(dst, ']')
	}
	if p.Sub != "" {
		dst = append(dst, '.')
		dst = append(dst, p.Sub...)
	}
	return dst
}

func (e Compare) String() string { return string(e.appendTo(nil, levelOr)) }
func (e Has) String() string     { return string(e.appendTo(nil, levelOr)) }
func (e And) String() string     { return string(e.appendTo(nil, levelOr)) }
func (e Or) String() string      { return string(e.appendTo(nil, levelOr)) }
func (e Not) String() string     { return string(e.appendTo(nil, levelOr)) }

func (e Compare) appendTo(dst []byte, _ int) []byte {
	dst = e.Path.appendTo(dst)
	dst = append(dst, ' ')
	dst = append(dst, e.Op...)
	if e.Op == Pr {
		return dst
	}
	return appendValue(append(dst, ' '), e.Value)
}

func (e Has) appendTo(dst []byte, _ int) []byte { return e.Path.appendTo(dst) }

func (e And) appendTo(dst []byte, level int) []byte {
	return appendTerms(dst, e.Terms, " and ", levelAnd, level)
}

func (e Or) appendTo(dst []byte, level int) []byte {
	return appendTerms(dst, e.Terms, " or ", levelOr, level)
}

func (e Not) appendTo(dst []byte, _ int) []byte {
	dst = append(dst, "not ("...)
	dst = e.Term.appendTo(dst, levelOr)
	return append(dst, ')')
}

// appendTerms joins terms. Each is printed one level tighter than the chain itself, so that `(a or b) or c` stays two expressions.
func appendTerms(dst []byte, terms []Expr, word string, own, outer int) []byte {
	if outer > own {
		dst = append(dst, '(')
	}
	for i, t := range terms {
		if i > 0 {
			dst = append(dst, word...)
		}
		dst = t.appendTo(dst, own+1)
	}
	if outer > own {
		dst = append(dst, ')')
	}
	return dst
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendQuoted(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case json.Number:
		return append(dst, v...)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	default:
		return fmt.Append(dst, v)
	}
}

// appendQuoted writes s as a JSON string (RFC 8259 §7). Bytes that are no UTF-8 become U+FFFD, as a filter must be UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
