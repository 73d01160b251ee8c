package mapping

import (
	"fmt"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// path is a key of `attributes:` resolved against the schemas: which attribute, which of its elements, which part.
type path struct {
	uri    string          // the extension's URN; "" for the core schema and the common attributes
	attr   *scim.Attribute // as the schema has it
	choose selector
	sub    *scim.Attribute // nil: the attribute itself is its value
}

// selector says which elements of a multi-valued attribute are meant: those whose sub-attribute name is value.
type selector struct{ name, value string }

// String is the path as SCIM writes it: emails[type eq "work"].value.
func (p path) String() string {
	var b strings.Builder
	if p.uri != "" {
		b.WriteString(p.uri + ":")
	}
	b.WriteString(p.attr.Name)
	if p.choose.name != "" {
		fmt.Fprintf(&b, "[%s eq %q]", p.choose.name, p.choose.value)
	}
	if p.sub != nil {
		b.WriteString("." + p.sub.Name)
	}
	return b.String()
}

// rawPath is a path's text taken apart.
type rawPath struct {
	prefix, attr string
	choose       selector
	sub          string
	whole        bool // a path without sub means all parts of the attribute
}

// splitPath takes `prefix:attr[name=value].sub` apart. The prefix may be a URN with colons and dots of its own.
func splitPath(text string) (rawPath, *syntaxError) {
	const remedy = `write attr, attr.sub, attr[type=work] or attr[type=work].sub, behind a schema's URN or prefix where it is not the core schema's`
	var p rawPath
	head, tail, bracket := strings.Cut(text, "[")
	if i := strings.LastIndexByte(head, ':'); i >= 0 {
		p.prefix, head = head[:i], head[i+1:]
	}
	if bracket {
		inside, after, closed := strings.Cut(tail, "]")
		if !closed {
			return p, syntaxf(remedy, "the bracket in %q is never closed", text)
		}
		name, value, ok := strings.Cut(inside, "=")
		p.choose = selector{strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)}
		if !ok || !attrName(p.choose.name) || p.choose.value == "" {
			return p, syntaxf(remedy, "%q does not say which elements are meant", "["+inside+"]")
		}
		if after != "" {
			if p.sub, ok = strings.CutPrefix(after, "."); !ok || p.sub == "" {
				return p, syntaxf(remedy, "%q follows the bracket in %q", after, text)
			}
		}
		p.attr = head
	} else {
		p.attr, p.sub, _ = strings.Cut(head, ".")
		if strings.HasSuffix(head, ".") {
			return p, syntaxf(remedy, "%q ends in a dot", text)
		}
	}
	if !attrName(p.attr) || p.sub != "" && !attrName(p.sub) {
		return p, syntaxf(remedy, "%q is not the path of an attribute", text)
	}
	return p, nil
}

// attrName reports a name by RFC 7643 §2.1: a letter, then letters, digits, - and _; $ref is the one exception.
func attrName(s string) bool {
	if s == "$ref" {
		return true
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		other := c >= '0' && c <= '9' || c == '-' || c == '_'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}
