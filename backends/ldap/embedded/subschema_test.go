package embedded

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// published reads a directory's subschema entry as a client does.
func published(t *testing.T, c *ldap.Conn) *schema.Schema {
	t.Helper()
	r, err := c.Search(&ldap.SearchRequest{BaseDN: subschemaDN, Filter: "(objectClass=subschema)", Attributes: []string{"+", "*"}})
	must(t, err)
	texts := map[string][]string{}
	for _, a := range r.Entries[0].Attributes {
		texts[a.Name] = a.Values
	}
	s, err := schema.Parse(texts)
	must(t, err)
	return s
}

// TestStandardSchemaAsSlapd: of every type in the standard schema, slapd says the same.
func TestStandardSchemaAsSlapd(t *testing.T) {
	sameSchema(t, published(t, startSlapd(t, Generate(0, 0))))
}

// TestStandardSchemaAsPublished: the embedded directory publishes the schema it lives by.
func TestStandardSchemaAsPublished(t *testing.T) {
	sameSchema(t, published(t, client(t, start(t, Config{}))))
}

func sameSchema(t *testing.T, theirs *schema.Schema) {
	t.Helper()
	ours := schema.Standard()
	for _, a := range ours.Attributes() {
		if diff := cmp.Diff(theirs.Syntax(a.OID), ours.Syntax(a.OID)); diff != "" {
			t.Errorf("%s: %s", a.Name(), diff)
		}
		if theirs.Binary(a.OID) != ours.Binary(a.OID) {
			t.Errorf("%s is binary in one only", a.Name())
		}
		for _, rule := range []string{"caseExactMatch", "caseIgnoreOrderingMatch", "caseIgnoreIA5Match", "integerMatch", bitAnd, "distinguishedNameMatch"} {
			if theirs.Applicable(rule, a.OID) != ours.Applicable(rule, a.OID) {
				t.Errorf("%s applies to %s: slapd %v", rule, a.Name(), theirs.Applicable(rule, a.OID))
			}
		}
	}
	lower := cmpopts.AcyclicTransformer("lower", func(names []string) []string {
		out := slices.Clone(names)
		for i := range out {
			out[i] = strings.ToLower(out[i])
		}
		slices.Sort(out)
		return out
	})
	for _, class := range []string{"person", "inetOrgPerson", "groupOfNames", "groupOfUniqueNames", "posixAccount", "posixGroup", "organizationalUnit", "domain"} {
		if diff := cmp.Diff(theirs.Must(class), ours.Must(class), lower); diff != "" {
			t.Errorf("%s must: %s", class, diff)
		}
		if diff := cmp.Diff(theirs.May(class), ours.May(class), lower); diff != "" {
			t.Errorf("%s may: %s", class, diff)
		}
	}
}
