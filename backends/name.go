package backends

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// nameTypes are the attribute types of RFC 4514 §3 under their other names: a DN may spell each as it likes.
var nameTypes = map[string]string{
	"commonname": "cn", "2.5.4.3": "cn",
	"localityname": "l", "2.5.4.7": "l",
	"stateorprovincename": "st", "2.5.4.8": "st",
	"organizationname": "o", "2.5.4.10": "o",
	"organizationalunitname": "ou", "2.5.4.11": "ou",
	"countryname": "c", "2.5.4.6": "c",
	"streetaddress": "street", "2.5.4.9": "street",
	"domaincomponent": "dc", "0.9.2342.19200300.100.1.25": "dc",
	"userid": "uid", "0.9.2342.19200300.100.1.1": "uid",
	"surname": "sn", "2.5.4.4": "sn",
}

// canonicalName normalises a distinguished name of RFC 4514: types in lower case and under their short names, values as caseIgnoreMatch
// sees them, the parts of a multi-valued RDN in order, escapes as few as may be. Blanks around separators are forgiven.
func canonicalName(s string) (string, bool) {
	if strings.Trim(s, " ") == "" {
		return "", true // the root
	}
	if !utf8.ValidString(s) {
		return s, false
	}
	var out strings.Builder
	p := nameParser{in: s}
	for {
		rdn, ok := p.rdn()
		if !ok {
			return s, false
		}
		out.WriteString(rdn)
		if p.done() {
			return out.String(), true
		}
		p.pos++ // the comma
		out.WriteByte(',')
	}
}

type nameParser struct {
	in  string
	pos int
}

func (p *nameParser) done() bool { return p.pos >= len(p.in) }

func (p *nameParser) blanks() {
	for !p.done() && p.in[p.pos] == ' ' {
		p.pos++
	}
}

// rdn reads type=value[+type=value…] up to a comma or the end.
func (p *nameParser) rdn() (string, bool) {
	var parts []string
	for {
		part, ok := p.typeAndValue()
		if !ok {
			return "", false
		}
		parts = append(parts, part)
		if p.done() || p.in[p.pos] == ',' {
			break
		}
		p.pos++ // the plus
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "+"), true
}

func (p *nameParser) typeAndValue() (string, bool) {
	p.blanks()
	equals := strings.IndexByte(p.in[p.pos:], '=')
	if equals < 0 {
		return "", false
	}
	kind := strings.ToLower(strings.TrimRight(p.in[p.pos:p.pos+equals], " "))
	if !isAttributeType(kind) {
		return "", false
	}
	if short, ok := nameTypes[kind]; ok {
		kind = short
	}
	p.pos += equals + 1
	p.blanks()
	if !p.done() && p.in[p.pos] == '#' {
		value, ok := p.hexValue()
		return kind + "=" + value, ok
	}
	value, ok := p.value()
	return kind + "=" + value, ok
}

// isAttributeType checks RFC 4512 §1.4: a descriptor or a numeric OID, both already in lower case.
func isAttributeType(s string) bool {
	if s == "" {
		return false
	}
	if s[0] >= '0' && s[0] <= '9' {
		return strings.Trim(s, "0123456789.") == "" && !strings.Contains(s, "..") && s[len(s)-1] != '.'
	}
	return s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// hexValue reads `#` and the BER of a value, which stays what it is: its syntax is not known here.
func (p *nameParser) hexValue() (string, bool) {
	start := p.pos
	for !p.done() && p.in[p.pos] != ',' && p.in[p.pos] != '+' {
		p.pos++
	}
	text := strings.ToLower(strings.TrimRight(p.in[start:p.pos], " "))
	raw, err := hex.DecodeString(text[1:])
	return text, err == nil && len(raw) > 0
}

// value reads a string value, undoes its escapes and writes it normalised.
func (p *nameParser) value() (string, bool) {
	var b strings.Builder
	kept := 0 // length up to which blanks are significant: those that were escaped
	for !p.done() && p.in[p.pos] != ',' && p.in[p.pos] != '+' {
		switch c := p.in[p.pos]; c {
		case '\\':
			char, ok := p.escaped()
			if !ok {
				return "", false
			}
			b.WriteByte(char)
			kept = b.Len()
			continue
		case '"', ';', '<', '>', 0:
			return "", false // RFC 4514 §3: only escaped
		default:
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
		}
		p.pos++
	}
	text := b.String()[:kept]
	if !utf8.ValidString(text) {
		return "", false
	}
	return EscapeName(Normalize(CaseIgnoreSpace, text)), true
}

// escaped reads `\,` or `\2c` and gives the byte it stands for.
func (p *nameParser) escaped() (byte, bool) {
	if p.pos+1 >= len(p.in) {
		return 0, false
	}
	if p.pos+2 < len(p.in) {
		if raw, err := hex.DecodeString(p.in[p.pos+1 : p.pos+3]); err == nil {
			p.pos += 3
			return raw[0], true
		}
	}
	c := p.in[p.pos+1]
	if !strings.ContainsRune(` "#+,;<=>\`, rune(c)) {
		return 0, false
	}
	p.pos += 2
	return c, true
}

// EscapeName quotes a value for its place in a distinguished name (RFC 4514 §2.4). It is the one such function: no DN is built otherwise.
func EscapeName(value string) string {
	var b strings.Builder
	b.Grow(len(value))
	for i := range len(value) {
		c := value[i]
		edge := i == 0 || i == len(value)-1
		switch {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.IndexByte(`"+,;<>\=`, c) >= 0, c == ' ' && edge, c == '#' && i == 0:
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
