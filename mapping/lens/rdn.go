package lens

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// attributeType is the short name or number of an attribute type, RFC 4514 §3.
var attributeType = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)$`)

func newRDN(args []string) (mapping.Lens, error) {
	fresh := ""
	switch len(args) {
	case 0:
	case 2:
		if !attributeType.MatchString(args[0]) {
			return nil, fmt.Errorf("%q is no attribute type: write rdn(ou, \"ou=departments,dc=example,dc=org\")", args[0])
		}
		if _, ok := backends.Canonical(backends.NameRule, args[1]); !ok || args[1] == "" {
			return nil, fmt.Errorf("%q is no DN to stand under: write rdn(ou, \"ou=departments,dc=example,dc=org\")", args[1])
		}
		fresh = args[0] + "=x," + args[1]
	default:
		return nil, fmt.Errorf("write rdn, or rdn(TYPE, \"PARENT\") to say what a first value becomes")
	}
	return part{
		get: func(whole string) (string, error) {
			_, value, _, err := cutRDN(whole)
			return value, err
		},
		set: func(whole, value string) (string, error) {
			if value == "" {
				return "", nil // a name without its first part is another thing's name
			}
			if whole == "" {
				whole = fresh
			}
			if whole == "" {
				return "", fmt.Errorf(`cannot be set where there is no name yet: write rdn(TYPE, "PARENT") in the mapping to say what it becomes`)
			}
			head, _, tail, err := cutRDN(whole)
			return head + escapeValue(value) + tail, err
		},
	}, nil
}

// cutRDN takes a DN apart into `ou=`, the first value as plain text, and the rest. A value that is written in hexadecimal (#04…) has no
// plain text: it is an error.
func cutRDN(dn string) (head, value, tail string, err error) {
	fault := fmt.Errorf("%q is no distinguished name", clip(dn))
	if _, ok := backends.Canonical(backends.NameRule, dn); !ok {
		return "", "", "", fault
	}
	equals := strings.IndexByte(dn, '=')
	if equals < 0 {
		return "", "", "", fault
	}
	start := equals + 1
	for start < len(dn) && dn[start] == ' ' {
		start++
	}
	if strings.HasPrefix(dn[start:], "#") {
		return "", "", "", fmt.Errorf("the first value of %q is not written as text", clip(dn))
	}
	value, end, ok := readValue(dn, start)
	if !ok || !utf8.ValidString(value) {
		return "", "", "", fault
	}
	return dn[:start], value, dn[end:], nil
}

// readValue reads an attribute value of RFC 4514 §2.4 from dn[start:], up to the comma or plus that ends it. Blanks before that are not
// part of it, unless escaped.
func readValue(dn string, start int) (value string, end int, ok bool) {
	var b strings.Builder
	solid := 0 // length up to the last character that is no bare blank
	i := start
	for i < len(dn) && !strings.ContainsRune(",+;", rune(dn[i])) {
		c, size := dn[i], 1
		if c == '\\' {
			if c, size, ok = readEscape(dn[i:]); !ok {
				return "", 0, false
			}
		}
		b.WriteByte(c)
		if size > 1 || c != ' ' {
			solid = b.Len()
			end = i + size
		}
		i += size
	}
	if solid == 0 {
		end = start
	}
	return b.String()[:solid], end, true
}

// readEscape reads a backslash with a character or with two hexadecimal digits.
func readEscape(s string) (c byte, size int, ok bool) {
	if len(s) >= 3 {
		if b, err := hex.DecodeString(s[1:3]); err == nil {
			return b[0], 3, true
		}
	}
	if len(s) < 2 {
		return 0, 0, false
	}
	return s[1], 2, true
}

// escapeValue writes a value as RFC 4514 §2.4 wants.
func escapeValue(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.IndexByte(`"+,;<>\=`, c) >= 0, c == ' ' && (i == 0 || i == len(s)-1), c == '#' && i == 0:
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
