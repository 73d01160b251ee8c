package filter

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value reads a literal (RFC 7644 compValue). `true`, `false` and `null` are taken in any case of letters: clients write `True`.
func (p *parser) value() (any, error) {
	start := p.pos
	if start >= len(p.text) {
		return nil, p.fail(wantValue)
	}
	var v any
	switch c := p.text[start]; {
	case c == '"':
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		v = s
	case c == '-' || c >= '0' && c <= '9':
		n, ok := p.number()
		if !ok {
			return nil, p.fail("a number as JSON has them")
		}
		v = n
	case p.word("true"):
		v = true
	case p.word("false"):
		v = false
	case p.word("null"):
	default:
		return nil, p.fail(wantValue)
	}
	if p.pos < len(p.text) && (isWord(p.text[p.pos]) || p.at('"') || p.at('(') || p.at('[')) {
		return nil, p.fail("a blank, `)`, `]` or the end after the value")
	}
	return v, nil
}

// number reads a JSON number and keeps its digits: a float64 would lose integers above 2^53.
func (p *parser) number() (json.Number, bool) {
	start := p.pos
	if p.at('-') {
		p.pos++
	}
	if p.at('0') {
		p.pos++
	} else if !p.digits() {
		return "", false
	}
	if p.at('.') {
		if p.pos++; !p.digits() {
			return "", false
		}
	}
	if p.at('e') || p.at('E') {
		p.pos++
		if p.at('+') || p.at('-') {
			p.pos++
		}
		if !p.digits() {
			return "", false
		}
	}
	if p.pos < len(p.text) && isWord(p.text[p.pos]) {
		return "", false
	}
	return json.Number(p.text[start:p.pos]), true
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

// quoted reads a JSON string (RFC 8259 §7). Without escapes it is a piece of the text itself.
func (p *parser) quoted() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return p.text[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("no control character in a string, other than escaped")
		}
		p.pos++
	}
	return "", p.fail("a closing `\"`")
}

// escaped goes on with a string from its first backslash.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.text[start:p.pos])
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c < 0x20:
			return "", p.fail("no control character in a string, other than escaped")
		case c != '\\':
			b.WriteByte(c)
			p.pos++
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		}
	}
	return "", p.fail("a closing `\"`")
}

// escape reads one escape sequence; two \u that are a surrogate pair are one.
func (p *parser) escape() (rune, error) {
	const want = "an escape of JSON (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"
	if p.pos+1 >= len(p.text) {
		return 0, p.fail(want)
	}
	if i := strings.IndexByte(`"\/bfnrt`, p.text[p.pos+1]); i >= 0 {
		p.pos += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := p.unicode(p.pos)
	if !ok {
		return 0, p.fail(want)
	}
	if !utf16.IsSurrogate(r) {
		p.pos += 6
		return r, nil
	}
	low, ok := p.unicode(p.pos + 6)
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, p.fail("both halves of a surrogate pair")
	}
	p.pos += 12
	return r, nil
}

// unicode reads \uXXXX at i.
func (p *parser) unicode(i int) (rune, bool) {
	if i+6 > len(p.text) || p.text[i] != '\\' || p.text[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[i+2:i+6], 16, 16)
	return rune(n), err == nil
}
