package embedded

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

// The values that filters ask for are those that entries hold, their neighbours, and what no entry could hold.
var pools = map[string][]string{
	"cn":                      {"Foo  Bar", "foo bar", "FOO", "Zoë", "zoë b", "STRASSE", "straße", " a b ", "x,y", "a*b", `a\b`, "(p)", "Σίσυφος", "ﬁn", ""},
	"sn":                      {"Jensen", "JENSEN", "O'Brien", "de la Cruz", " "},
	"mail":                    {"a@b.c", "A@B.C", "x@example.org", "x  y @b.c", "", "é@b.c"},
	"telephoneNumber":         {"+49 30-12 34", "+493012 34", "555 0100", "-", "@", ""},
	"uidNumber":               {"7", "12", "-3", "007", "x"},
	"manager":                 {"uid=p1,ou=people,dc=example,dc=org", "UID=P2, OU=people,DC=example,DC=org", "cn=a+sn=b", "garbage", "foo=x", ""},
	"postalAddress":           {"Main Street 1$Town", "main  street 1 $ town", "a$b", `x\zz`},
	"employeeNumber":          {"1", "01", "E 1", "é"},
	"description":             {"one two  three", "ONE TWO THREE", "tab\there", "x"},
	"cn;lang-de":              {"Deutsch", "foo bar"},
	"pwdEndTime":              {"20200101000000Z", "20200101010000+0100", "20210101000000Z", "garbage", "2020"},
	"labeledURI":              {"http://A", "http://a"},
	"internationaliSDNNumber": {"12 34", "1234", "x"},
	"jpegPhoto":               {"abc"},
	"c":                       {"DE", "Germany"},
	"objectClass":             {"person", "inetOrgPerson", "posixAccount", "top", "groupOfNames", "nonsense", "2.5.6.6"},
	"name":                    {"deutsch", "foo bar", "jensen", "x"},
	"favouriteColour":         {"red"},
	"memberUid":               {"Ab", "ab", "é"},
	"uid":                     {"p1", "P2", "p"},
	"hasSubordinates":         {"TRUE", "FALSE", "maybe"},
	"entryDN":                 {"uid=p1,ou=people,dc=example,dc=org", "garbage"},
}

// held are the attributes that entries get values of.
var held = []string{
	"cn", "sn", "mail", "telephoneNumber", "uidNumber", "manager", "postalAddress", "employeeNumber", "description", "cn;lang-de",
	"pwdEndTime", "labeledURI", "internationaliSDNNumber", "jpegPhoto", "memberUid",
}

type maker struct{ *rand.Rand }

func oneOf[T any](m maker, from []T) T { return from[m.IntN(len(from))] }

// entries are people with values that both servers take: those that the store finds valid and different, which slapadd then confirms.
func (m maker) entries(t *testing.T, n int) []Entry {
	t.Helper()
	st := plainStore(t)
	out := Generate(0, 0)
	for i := range n {
		uid := fmt.Sprintf("p%d", i)
		e := Entry{DN: "uid=" + uid + "," + PeopleDN, Attrs: []Attr{
			{"objectClass", []string{"inetOrgPerson", "posixAccount", "extensibleObject"}},
			{"uid", []string{uid}},
			{"gidNumber", []string{"1"}},
			{"homeDirectory", []string{"/"}},
		}}
		for _, name := range held {
			d, _ := st.describe(name)
			need := name == "cn" || name == "sn" || name == "uidNumber"
			var values []string
			for range m.IntN(3) + 1 {
				if !need && m.IntN(2) == 0 {
					continue
				}
				if more := append(slices.Clone(values), oneOf(m, pools[name])); valid(st, d, more) {
					values = more
				}
			}
			if need && len(values) == 0 {
				values = []string{map[string]string{"uidNumber": "7"}[name] + ""}
				if name != "uidNumber" {
					values = []string{"plain"}
				}
			}
			if len(values) > 0 {
				e.Attrs = append(e.Attrs, Attr{name, values})
			}
		}
		out = append(out, e)
	}
	return out
}

func valid(st *store, d description, values []string) bool {
	_, err := st.attribute(d, values)
	return err == nil && !slices.Contains(values, "")
}

func (m maker) filter(depth int) string {
	if depth > 0 {
		switch m.IntN(6) {
		case 0:
			return "(&" + m.filter(depth-1) + m.filter(depth-1) + ")"
		case 1:
			return "(|" + m.filter(depth-1) + m.filter(depth-1) + ")"
		case 2, 3:
			return "(!" + m.filter(depth-1) + ")"
		}
	}
	var names []string
	for name := range pools {
		names = append(names, name)
	}
	slices.Sort(names)
	attr := oneOf(m, names)
	value := oneOf(m, pools[attr])
	switch m.IntN(9) {
	case 0:
		return "(" + attr + "=*)"
	case 1:
		return "(" + attr + ">=" + ldap.EscapeFilter(value) + ")"
	case 2:
		return "(" + attr + "<=" + ldap.EscapeFilter(value) + ")"
	case 3, 4:
		return "(" + attr + "=" + m.pieces(value) + ")"
	case 5:
		return "(" + attr + ":" + oneOf(m, extensibleRules) + ":=" + ldap.EscapeFilter(value) + ")"
	default:
		return "(" + attr + "=" + ldap.EscapeFilter(value) + ")"
	}
}

var extensibleRules = []string{
	"caseExactMatch", "caseIgnoreMatch", "caseIgnoreOrderingMatch", "caseExactOrderingMatch", "caseIgnoreIA5Match", "integerMatch",
	"integerOrderingMatch", "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804", "dn:caseIgnoreMatch", "noSuchMatch", "distinguishedNameMatch",
}

// pieces cuts a value at random and puts stars between.
func (m maker) pieces(value string) string {
	runes := []rune(value)
	var parts []string
	for range m.IntN(3) + 1 {
		from := m.IntN(len(runes) + 1)
		to := from + m.IntN(len(runes)-from+1)
		if to > from {
			parts = append(parts, ldap.EscapeFilter(string(runes[from:to])))
		}
	}
	text := strings.Join(parts, "*")
	switch m.IntN(3) {
	case 0:
		text = "*" + text
	case 1:
		text += "*"
	default:
		text = "*" + text + "*"
	}
	if strings.Trim(text, "*") == "" {
		return "*x*"
	}
	return text
}

func found(c *ldap.Conn, filter string) ([]string, error) {
	r, err := c.Search(&ldap.SearchRequest{BaseDN: DefaultSuffix, Scope: ldap.ScopeWholeSubtree, Filter: filter, Attributes: []string{"1.1"}})
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, e := range r.Entries {
		out = append(out, strings.ToLower(e.DN))
	}
	slices.Sort(out)
	return out, nil
}

// TestFiltersAsSlapd holds thousands of generated filters to what an installed slapd answers on the same entries.
func TestFiltersAsSlapd(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(4, 2))}
	entries := m.entries(t, 60)
	theirs := startSlapd(t, entries)
	ours := client(t, start(t, Config{Entries: entries}))
	filters := 4000
	if testing.Short() {
		filters = 500
	}
	matched, bad := 0, 0
	for range filters {
		filter := m.filter(3)
		want, err := found(theirs, filter)
		if err != nil {
			t.Fatalf("slapd: %s: %v", filter, err)
		}
		got, err := found(ours, filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-slapd +embedded)\n%s", filter, diff)
			if bad++; bad > 10 {
				t.Fatal("and perhaps more")
			}
		}
		if len(want) > 0 {
			matched++
		}
	}
	if matched < filters/4 {
		t.Errorf("only %d of %d filters found anything: the comparison says little", matched, filters)
	}
}
