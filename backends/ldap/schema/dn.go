package schema

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// DN is a distinguished name, the entry's own RDN first.
type DN []RDN

// RDN is a relative distinguished name: one type and value, or several joined by "+".
type RDN []AVA

// AVA is one attribute type and its value; the value is raw, without escapes.
type AVA struct{ Type, Value string }

var (
	errDNType   = errors.New("an attribute type and an equals sign were expected")
	errDNEscape = errors.New("a backslash stands before neither a special character nor two hexadecimal digits")
	errDNChar   = errors.New("a special character stands without a backslash")
	errDNEmpty  = errors.New("a value is empty")
	errDNUTF8   = errors.New("it is not UTF-8")
	errDNHex    = errors.New("a value in hexadecimal cannot be read as text")
	errDNQuote  = errors.New("a quote is not closed")
)

// ParseDN takes a DN apart (RFC 4514 §3). It also takes what RFC 2253 §4 asks to be understood: blanks around separators, semicolons for
// commas, values in quotes. The empty text is the empty DN.
func ParseDN(text string) (DN, error) {
	p := dnParser{text: text}
	p.blanks()
	if p.done() {
		return DN{}, nil
	}
	dn := DN{RDN{}}
	for {
		ava, err := p.ava()
		if err != nil {
			return nil, err
		}
		last := len(dn) - 1
		dn[last] = append(dn[last], ava)
		if p.done() {
			return dn, nil
		}
		if p.next() != '+' {
			dn = append(dn, RDN{})
		}
	}
}

type dnParser struct {
	text string
	at   int
}

func (p *dnParser) done() bool { return p.at >= len(p.text) }
func (p *dnParser) peek() byte { return p.text[p.at] }
func (p *dnParser) next() byte { p.at++; return p.text[p.at-1] }

func (p *dnParser) blanks() {
	for !p.done() && p.peek() == ' ' {
		p.at++
	}
}

// ava reads `type = value` up to the separator that ends it, which it leaves.
func (p *dnParser) ava() (AVA, error) {
	p.blanks()
	start := p.at
	for !p.done() && isTypeByte(p.peek()) {
		p.at++
	}
	name := p.text[start:p.at]
	p.blanks()
	if !validOID(name) || p.done() || p.next() != '=' {
		return AVA{}, errDNType
	}
	p.blanks()
	value, err := p.value()
	switch {
	case err != nil:
		return AVA{}, err
	case value == "":
		return AVA{}, errDNEmpty
	case !utf8.ValidString(value):
		return AVA{}, errDNUTF8
	}
	return AVA{Type: name, Value: value}, nil
}

func isTypeByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.'
}

func (p *dnParser) value() (string, error) {
	if p.done() {
		return "", nil
	}
	switch p.peek() {
	case '#':
		return p.hexValue()
	case '"':
		return p.quotedValue()
	}
	var out []byte
	kept := 0 // how much of out is not an unescaped trailing blank
	for !p.done() && !isSeparator(p.peek()) {
		switch c := p.next(); c {
		case '\\':
			b, err := p.escape()
			if err != nil {
				return "", err
			}
			out = append(out, b)
			kept = len(out)
		case '"', '<', '>', 0:
			return "", errDNChar
		case ' ':
			out = append(out, c)
		default:
			out = append(out, c)
			kept = len(out)
		}
	}
	return string(out[:kept]), nil
}

func isSeparator(c byte) bool { return c == ',' || c == ';' || c == '+' }

// escape reads what stands behind a backslash.
func (p *dnParser) escape() (byte, error) {
	if p.done() {
		return 0, errDNEscape
	}
	if strings.IndexByte(` "#+,;<=>\`, p.peek()) >= 0 {
		return p.next(), nil
	}
	if p.at+2 > len(p.text) {
		return 0, errDNEscape
	}
	b, err := hex.DecodeString(p.text[p.at : p.at+2])
	if err != nil {
		return 0, errDNEscape
	}
	p.at += 2
	return b[0], nil
}

// hexValue reads `#` and the BER encoding of a value, of which only short strings make sense as text.
func (p *dnParser) hexValue() (string, error) {
	p.at++
	start := p.at
	for !p.done() && !isSeparator(p.peek()) && p.peek() != ' ' {
		p.at++
	}
	b, err := hex.DecodeString(p.text[start:p.at])
	p.blanks()
	if err != nil || len(b) < 3 || b[1] > 127 || int(b[1]) != len(b)-2 || !p.atEnd() {
		return "", errDNHex
	}
	return string(b[2:]), nil
}

func (p *dnParser) quotedValue() (string, error) {
	p.at++
	var out []byte
	for !p.done() {
		switch c := p.next(); c {
		case '"':
			p.blanks()
			if !p.atEnd() {
				return "", errDNChar
			}
			return string(out), nil
		case '\\':
			b, err := p.escape()
			if err != nil {
				return "", err
			}
			out = append(out, b)
		default:
			out = append(out, c)
		}
	}
	return "", errDNQuote
}

func (p *dnParser) atEnd() bool { return p.done() || isSeparator(p.peek()) }

// EscapeRDNValue writes a value so that it means itself in a DN (RFC 4514 §2.4).
func EscapeRDNValue(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.IndexByte(`"+,;<>\=`, c) >= 0, c == '#' && i == 0, c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// String is the DN as RFC 4514 writes it.
func (d DN) String() string {
	parts := make([]string, len(d))
	for i, rdn := range d {
		parts[i] = rdn.String()
	}
	return strings.Join(parts, ",")
}

// String is the RDN as RFC 4514 writes it.
func (r RDN) String() string {
	parts := make([]string, len(r))
	for i, ava := range r {
		parts[i] = ava.Type + "=" + EscapeRDNValue(ava.Value)
	}
	return strings.Join(parts, "+")
}

// Parent is the DN of the entry above; that of the empty DN is the empty DN.
func (d DN) Parent() DN {
	if len(d) == 0 {
		return d
	}
	return d[1:]
}

// separators writes a value of a normalised RDN without any character that separates, so that cutting at commas is cutting at RDNs.
var separators = strings.NewReplacer(`\`, `\5c`, `,`, `\2c`, `+`, `\2b`, `=`, `\3d`)

// NormalizeDN brings a DN into a form in which names of one entry are equal texts: types by the name the schema gives them, values by their
// equality rule, parts of an RDN in order (RFC 4517 §4.2.15). A type that the schema lacks is compared without case.
func (s *Schema) NormalizeDN(d DN) string {
	parts := make([]string, len(d))
	for i, rdn := range d {
		parts[i] = s.normalizeRDN(rdn)
	}
	return strings.Join(parts, ",")
}

func (s *Schema) normalizeRDN(rdn RDN) string {
	parts := make([]string, len(rdn))
	for i, ava := range rdn {
		name, value := strings.ToLower(ava.Type), foldText(ava.Value)
		if a, ok := s.Attribute(ava.Type); ok {
			name = strings.ToLower(a.Name())
			if normal, err := s.Normalize(a.Equality, ava.Value); err == nil {
				value = normal
			}
		}
		parts[i] = name + "=" + separators.Replace(value)
	}
	slices.Sort(parts)
	return strings.Join(parts, "+")
}
