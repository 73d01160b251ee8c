package embedded

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// attribute makes an attribute of values: each valid (21), no two equal (20), one at most where the type says so (19).
func (s *store) attribute(d description, values []string) (attribute, error) {
	a := attribute{description: d, values: slices.Clone(values)}
	for i, v := range values {
		if err := s.validValue(d, v); err != nil {
			return a, refuse(InvalidAttributeSyntax, "%s: value #%d invalid per syntax", d, i)
		}
	}
	if d.typ.Single && len(values) > 1 {
		return a, refuse(ConstraintViolation, "%s: multiple values provided", d)
	}
	a.normal = s.normalize(d, values)
	seen := make(map[string]bool, len(a.normal))
	for i, v := range a.normal {
		if seen[v] {
			return a, refuse(AttributeOrValueExists, "%s: value #%d provided more than once", d, i)
		}
		seen[v] = true
	}
	return a, nil
}

// validValue adds to the syntax that an object class must exist.
func (s *store) validValue(d description, v string) error {
	if d.typ.Name() == "objectClass" {
		if _, ok := s.schema.Class(v); !ok {
			return fmt.Errorf("no object class %q", v)
		}
	}
	return s.schema.Valid(d.typ.OID, v)
}

// normalize is nil for a type without an equality rule. A value that its rule cannot look at stands for itself.
func (s *store) normalize(d description, values []string) []string {
	if d.typ.Equality == "" {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		normal, err := s.schema.Normalize(d.typ.Equality, v)
		if err != nil {
			normal = v
		}
		out[i] = normal
	}
	return out
}

// classRules are what the object classes of an entry ask of it.
type classRules struct {
	structural string
	must       []*schema.AttributeType
	allowed    map[*schema.AttributeType]bool
	anything   bool // extensibleObject
	err        error
}

// check holds an entry to the schema: object classes (65), attributes they demand and allow (65), single values (19), and the values of its
// name among its attributes (64).
func (s *store) check(e *entry) error {
	oc, ok := s.schema.Attribute("objectClass")
	if !ok {
		return nil // a schema without classes asks nothing
	}
	classes := e.values(oc)
	if len(classes) == 0 {
		return refuse(ObjectClassViolation, "no objectClass attribute")
	}
	rules := s.rulesOf(classes)
	if rules.err != nil {
		return rules.err
	}
	present := map[*schema.AttributeType]bool{}
	for _, a := range e.attrs {
		present[a.typ] = true
		if !rules.anything && !rules.allowed[a.typ] && !a.typ.Operational() {
			return refuse(ObjectClassViolation, "attribute '%s' not allowed", a.typ.Name())
		}
		if a.typ.Single && len(a.values) > 1 {
			return refuse(ConstraintViolation, "attribute '%s' cannot have multiple values", a.typ.Name())
		}
	}
	for _, typ := range rules.must {
		if !present[typ] {
			return refuse(ObjectClassViolation, "object class '%s' requires attribute '%s'", rules.structural, typ.Name())
		}
	}
	return s.checkName(e)
}

// checkName wants the values of the entry's RDN among its attributes.
func (s *store) checkName(e *entry) error {
	for _, ava := range e.dn[0] {
		d, ok := s.describe(ava.Type)
		if !ok {
			return refuse(InvalidDNSyntax, "invalid DN")
		}
		a, ok := e.find(d)
		if !ok {
			return refuse(NamingViolation, "naming attribute '%s' is not present in entry", d)
		}
		if !slices.Contains(a.normal, s.normalize(d, []string{ava.Value})[0]) {
			return refuse(NamingViolation, "value of naming attribute '%s' is not present in entry", d)
		}
	}
	return nil
}

// rulesOf works out what a set of object classes asks, once for each set.
func (s *store) rulesOf(classes []string) *classRules {
	key := strings.ToLower(strings.Join(classes, " "))
	if r, ok := s.rules[key]; ok {
		return r
	}
	r := &classRules{allowed: map[*schema.AttributeType]bool{}}
	s.rules[key] = r
	if r.structural, r.err = s.structural(classes); r.err != nil {
		return r
	}
	for _, name := range s.schema.Must(classes...) {
		if typ, ok := s.schema.Attribute(name); ok {
			r.must = append(r.must, typ)
			r.allowed[typ] = true
		}
	}
	for _, name := range s.schema.May(classes...) {
		if typ, ok := s.schema.Attribute(name); ok {
			r.allowed[typ] = true
		}
	}
	for _, name := range classes {
		if c, ok := s.schema.Class(name); ok && strings.EqualFold(c.Name(), "extensibleObject") {
			r.anything = true
		}
	}
	return r
}

// structural is the one structural class that all others of an entry are above (RFC 4512 §2.4.2).
func (s *store) structural(classes []string) (string, error) {
	var leaf *schema.ObjectClass
	var chain []*schema.ObjectClass
	for _, name := range classes {
		c, ok := s.schema.Class(name)
		switch {
		case !ok:
			return "", refuse(ObjectClassViolation, "unrecognized objectClass '%s'", name)
		case c.Kind != schema.Structural || slices.Contains(chain, c):
			continue
		}
		up := s.schema.Superclasses(name)
		if leaf != nil && !slices.Contains(up, leaf) {
			return "", refuse(ObjectClassViolation, "invalid structural object class chain (%s/%s)", leaf.Name(), c.Name())
		}
		leaf, chain = c, up
	}
	if leaf == nil {
		return "", refuse(ObjectClassViolation, "no structural object class provided")
	}
	return leaf.Name(), nil
}

// parseDN reads a DN of a request: its types are known and its values valid, or it is no DN here (34).
func (s *store) parseDN(text string) (schema.DN, string, error) {
	dn, err := schema.ParseDN(text)
	if err == nil {
		_, err = s.schema.Normalize("distinguishedNameMatch", text)
	}
	if err != nil {
		return nil, "", refuse(InvalidDNSyntax, "invalid DN")
	}
	return dn, s.schema.NormalizeDN(dn), nil
}
