package ldap

import (
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// standard lowers as against an OpenLDAP with the usual schema.
func standard() lowering {
	in := newInfo(schema.Standard(), true)
	c := &class{key: "entryUUID", uuid: true}
	return c.lowering(in)
}

const someKey = "58951f54-7b78-1041-819d-3f1b68af952f"

func TestLowering(t *testing.T) {
	const space = backends.CaseIgnoreSpace
	eq := func(attr, value string, rule backends.Rule) backends.Predicate {
		return backends.Eq{Attr: attr, Value: backends.String(value), Rule: rule}
	}
	order := func(attr string, op backends.OrderOp, v backends.Value, rule backends.Rule) backends.Predicate {
		return backends.Order{Attr: attr, Op: op, Value: v, Rule: rule}
	}
	for claim, tc := range map[string]struct {
		p        backends.Predicate
		want     string
		fidelity backends.Fidelity
	}{
		"equality":                                    {eq("uid", "bjensen", space), "(uid=bjensen)", backends.Exact},
		"a value means itself":                        {eq("uid", `*)(uid=*\`, space), `(uid=\2a\29\28uid=\2a\5c)`, backends.Exact},
		"blanks at the edges are written out":         {eq("uid", " a b ", space), `(uid=\20a b\20)`, backends.Exact},
		"a coarser rule finds more":                   {eq("uid", "x", backends.CaseExact), "(uid=x)", backends.Superset},
		"a number under text is compared as text":     {eq("uid", "7", backends.IntegerRule), "(uid=7)", backends.Subset},
		"a number is written canonically":             {eq("uidNumber", "007", backends.IntegerRule), "(uidNumber=7)", backends.Exact},
		"a word is no number":                         {eq("uidNumber", "seven", backends.IntegerRule), "(|)", backends.Exact},
		"a name that is none":                         {eq("manager", "garbage", backends.NameRule), "(|)", backends.Exact},
		"a name of a type that is unknown":            {eq("manager", "foo=bar", backends.NameRule), "(|)", backends.Exact},
		"not of what is nobody is everybody":          {backends.Not{Term: eq("manager", "garbage", backends.NameRule)}, "(&)", backends.Exact},
		"an accent cannot stand in an IA5 string":     {eq("mail", "é@x", space), "(|)", backends.Exact},
		"an unknown attribute is asked of nobody":     {eq("noSuch", "x", space), "(|)", backends.No},
		"an attribute that is none":                   {eq("a)(b", "x", space), "(|)", backends.No},
		"a secret is not tested":                      {eq("userPassword", "x", backends.OctetRule), "", backends.No},
		"a secret value is not asked for":             {backends.Eq{Attr: "uid", Value: backends.Secret("x"), Rule: space}, "", backends.No},
		"presence":                                    {backends.Present{Attr: "mail"}, "(mail=*)", backends.Exact},
		"presence of a supertype is looser":           {backends.Present{Attr: "name"}, "(name=*)", backends.Superset},
		"a prefix":                                    {backends.Prefix{Attr: "cn", Text: "b*", Rule: space}, `(cn=b\2a*)`, backends.Exact},
		"a suffix":                                    {backends.Suffix{Attr: "cn", Text: "sen", Rule: space}, "(cn=*sen)", backends.Exact},
		"a part":                                      {backends.Contains{Attr: "cn", Text: " x ", Rule: space}, `(cn=*\20x\20*)`, backends.Exact},
		"a part under a coarser rule loses its edges": {backends.Contains{Attr: "cn", Text: "b ", Rule: backends.CaseExact}, "(cn=*b*)", backends.Superset},
		"the empty part is in every value":            {backends.Contains{Attr: "cn", Text: "", Rule: space}, "(cn=*)", backends.Exact},
		"a suffix of blanks":                          {backends.Suffix{Attr: "cn", Text: "  ", Rule: space}, `(cn=\20)`, backends.Exact},
		"hyphens mean nothing in a telephone":         {backends.Contains{Attr: "telephoneNumber", Text: "-", Rule: backends.TelRule}, "(telephoneNumber=*)", backends.Exact},
		"names have no parts":                         {backends.Contains{Attr: "manager", Text: "uid", Rule: backends.CaseIgnoreSpace}, "", backends.No},
		"keys":                                        {backends.KeyIn{Keys: []backends.Key{someKey, "garbage", "*"}}, "(entryUUID=" + someKey + ")", backends.Exact},
		"no key that can be one":                      {backends.KeyIn{Keys: []backends.Key{"garbage"}}, "(|)", backends.Exact},
		"bits":                                        {backends.AllBits{Attr: "uidNumber", Mask: 6}, "(uidNumber:1.2.840.113556.1.4.803:=6)", backends.Exact},
		"bits of text":                                {backends.AllBits{Attr: "uid", Mask: 6}, "", backends.No},
		"a lent order tests less":                     {order("uid", backends.Less, backends.String("m"), space), "(uid:caseIgnoreOrderingMatch:=m)", backends.Exact},
		"or equal":                                    {order("uid", backends.LessEq, backends.String("m"), space), "(|(uid:caseIgnoreOrderingMatch:=m)(uid=m))", backends.Exact},
		"and of many values nothing more":             {order("uid", backends.Greater, backends.String("m"), space), "", backends.No},
		"of a single value its negation":              {order("displayName", backends.GreaterEq, backends.String("m"), space), "(&(displayName=*)(!(displayName:caseIgnoreOrderingMatch:=m)))", backends.Exact},
		"greater of a single value":                   {order("displayName", backends.Greater, backends.String("m"), space), "(&(displayName=*)(!(displayName:caseIgnoreOrderingMatch:=m))(!(displayName=m)))", backends.Exact},
		"an order in another case is another order":   {order("displayName", backends.Less, backends.String("m"), backends.CaseExact), "", backends.No},
		"time": {
			order("createTimestamp", backends.GreaterEq, backends.Time(time.Date(2020, 1, 2, 3, 4, 5, 500_000_000, time.UTC)), backends.TimeRule),
			"(createTimestamp>=20200102030405.5Z)", backends.Exact,
		},
		"before a time": {
			order("createTimestamp", backends.Less, backends.String("2020-01-02T03:04:05Z"), backends.TimeRule),
			"(&(createTimestamp<=20200102030405Z)(!(createTimestamp=20200102030405Z)))", backends.Exact,
		},
		"an object class has subclasses": {eq("objectClass", "person", backends.CaseIgnore), "(objectClass=person)", backends.Superset},
		"true":                           {nil, "(&)", backends.Exact},
		"false":                          {backends.False{}, "(|)", backends.Exact},
		"constants fold":                 {backends.And{backends.True{}, backends.Or{backends.False{}, eq("uid", "x", space)}}, "(uid=x)", backends.Exact},
		"nesting flattens":               {backends.And{eq("uid", "x", space), backends.And{eq("sn", "y", space), backends.True{}}}, "(&(uid=x)(sn=y))", backends.Exact},
	} {
		l := standard()
		if got := l.fidelityOf(tc.p); got != tc.fidelity {
			t.Errorf("%s: fidelity %d, want %d", claim, got, tc.fidelity)
		}
		f, exact := l.above(tc.p)
		switch {
		case tc.want == "" && (exact || text(f) != "(&)"):
			t.Errorf("%s: sends %s", claim, text(f))
		case tc.fidelity == backends.Subset:
			if below, _ := l.approach(tc.p, false); text(below) != tc.want {
				t.Errorf("%s: %s, want %s", claim, text(below), tc.want)
			}
		case tc.want != "" && text(f) != tc.want:
			t.Errorf("%s: %s, want %s", claim, text(f), tc.want)
		}
	}
}

func TestNotTurnsTheApproximationRound(t *testing.T) {
	l := standard()
	loose := backends.Eq{Attr: "uid", Value: backends.String("x"), Rule: backends.CaseExact}
	if f, exact := l.above(backends.Not{Term: loose}); exact || text(f) != "(&)" {
		t.Errorf("not of a superset: %s, exact %t", text(f), exact)
	}
	sure := backends.Eq{Attr: "sn", Value: backends.String("y"), Rule: backends.CaseIgnoreSpace}
	if f, exact := l.above(backends.And{backends.Not{Term: loose}, sure}); exact || text(f) != "(sn=y)" {
		t.Errorf("joined with what can be asked: %s, exact %t", text(f), exact)
	}
	if f, _ := l.above(backends.Or{loose, backends.Contains{Attr: "manager", Text: "x"}}); text(f) != "(&)" {
		t.Errorf("an or of which one part cannot be asked: %s", text(f))
	}
}

// TestAnyValueMeansItself: whatever a value is, the filter parses, and what the server reads is that value and nothing else.
func TestAnyValueMeansItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringOf(rapid.SampledFrom([]rune("*()\\ \x00=&|!:\uFFFDé")))).Draw(t, "value")
		p, err := goldap.CompileFilter(text(test{"uid", "=", value}))
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if int(p.Tag) != goldap.FilterEqualityMatch || octets(p.Children[1]) != value {
			t.Fatalf("%q is read as %q", value, octets(p.Children[1]))
		}
		if value == "" {
			return
		}
		p, err = goldap.CompileFilter(text(part{attr: "uid", initial: value, middle: value, final: value}))
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		for _, piece := range p.Children[1].Children {
			if octets(piece) != value {
				t.Fatalf("the part %q is read as %q", value, octets(piece))
			}
		}
		if len(p.Children[1].Children) != 3 {
			t.Fatalf("%q makes %d parts", value, len(p.Children[1].Children))
		}
	})
}

func TestDescriptions(t *testing.T) {
	for s, want := range map[string]bool{
		"uid": true, "cn;lang-de": true, "2.5.4.3": true, "userCertificate;binary": true, "ms-Mcs-AdmPwd": true,
		"": false, "a b": false, "a=b": false, "uid)(x": false, ";x": false, "cn;": false, "1x": false, "-a": false, "*": false, "a\x00": false,
	} {
		if isDescription(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}
