package ldap

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// canonicalDN is a name in the form in which equal names are equal texts; ok is false for what is no name (RFC 4514), the root included:
// nothing here is ever named by it.
func canonicalDN(dn string) (canonical string, ok bool) {
	canonical, ok = backends.Canonical(backends.NameRule, dn)
	return canonical, ok && canonical != ""
}

func sameDN(a, b string) bool {
	x, okA := canonicalDN(a)
	y, okB := canonicalDN(b)
	return okA && okB && x == y
}

// within says whether a canonical name is base, also canonical, or below it. Commas and equals signs inside values are escaped in both, so
// the suffix cannot begin inside a value.
func within(dn, base string) bool {
	return dn == base || strings.HasSuffix(dn, ","+base)
}

// buildDN fills a template. A literal is DN text as it was configured; a slot's value is quoted (RFC 4514 §2.4), so that it can only ever be
// a value, or a part of one. ok is false when the outcome is not a name: an empty value, or a literal that is none.
func buildDN(t backends.Template) (dn string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if !t[i].Slot {
			b.WriteString(t[i].Text)
			continue
		}
		// Neighbouring slots make one value: a blank between them is not at its edge.
		var value strings.Builder
		for ; i < len(t) && t[i].Slot; i++ {
			value.WriteString(valueText(t[i].Value))
		}
		i--
		if value.Len() == 0 {
			return "", false
		}
		b.WriteString(backends.EscapeName(value.String()))
	}
	dn = b.String()
	_, ok = canonicalDN(dn)
	return dn, ok
}

func parseDN(dn string) (schema.DN, error) { return schema.ParseDN(dn) }
