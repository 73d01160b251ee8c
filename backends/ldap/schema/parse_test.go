package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseAttributeTypes(t *testing.T) {
	for sentence, c := range map[string]struct {
		text string
		want AttributeType
	}{
		"as RFC 4512 writes it": {
			"( 1.2.3 NAME ( 'one' 'uno' ) DESC 'it''s' OBSOLETE EQUALITY caseIgnoreMatch ORDERING o SUBSTR s SYNTAX 1.3.6{64} SINGLE-VALUE NO-USER-MODIFICATION USAGE directoryOperation X-ORIGIN 'me' )",
			AttributeType{
				OID: "1.2.3", Names: []string{"one", "uno"}, Equality: "caseIgnoreMatch", Ordering: "o", Substr: "s", Syntax: "1.3.6", Bound: 64,
				Single: true, Obsolete: true, NoUser: true, Usage: "directoryOperation",
			},
		},
		"389's quoted words and lists of origins": {
			"( 2.16.840.1 NAME 'nsThing' SUP 'name' SYNTAX '1.3.6' X-ORIGIN ( '389 Directory Server' 'RFC 1' ) X-DS-USE 'internal' )",
			AttributeType{OID: "2.16.840.1", Names: []string{"nsThing"}, Syntax: "1.3.6"},
		},
		"an OID that is a word": {
			"( nsThing-oid NAME 'nsThing' SYNTAX 1.3.6 )", AttributeType{OID: "nsThing-oid", Names: []string{"nsThing"}, Syntax: "1.3.6"},
		},
		"Active Directory's, without rules": {
			"( 1.2.840 NAME 'objectGUID' SYNTAX '1.3.6' SINGLE-VALUE NO-USER-MODIFICATION )",
			AttributeType{OID: "1.2.840", Names: []string{"objectGUID"}, Syntax: "1.3.6", Single: true, NoUser: true},
		},
		"no blanks around parentheses, keywords in any case": {
			"(1.2 name('a' 'b')syntax 1.3{7} single-value)", AttributeType{OID: "1.2", Names: []string{"a", "b"}, Syntax: "1.3", Bound: 7, Single: true},
		},
		"a keyword that is not known is passed over": {
			"( 1.2 NAME 'a' X-FLAG X-TEXT 'SYNTAX 9' X-LIST ( 'a' 'b' ) SYNTAX 1.3 )",
			AttributeType{OID: "1.2", Names: []string{"a"}, Syntax: "1.3"},
		},
		"no name": {"( 1.2 SYNTAX 1.3 )", AttributeType{OID: "1.2", Syntax: "1.3"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			s, err := Parse(map[string][]string{"AttributeTypes": {strings.ReplaceAll(c.text, "it''s", `it\27s`)}})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := s.Attribute(c.want.OID)
			if !ok {
				t.Fatal("it was not found by OID")
			}
			if diff := cmp.Diff(c.want, *got, cmpopts.IgnoreUnexported(AttributeType{})); diff != "" {
				t.Error(diff)
			}
			for _, name := range c.want.Names {
				if found, _ := s.Attribute(strings.ToUpper(name) + ";x-option"); found != got {
					t.Errorf("it was not found as %s", name)
				}
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for sentence, text := range map[string]string{
		"no parentheses":            "1.2 NAME 'a'",
		"nothing in them":           "( )",
		"a list for an OID":         "( ( 1.2 ) NAME 'a' )",
		"a quote left open":         "( 1.2 NAME 'a )",
		"a list left open":          "( 1.2 NAME ( 'a' )",
		"a list in a list":          "( 1.2 NAME ( ( 'a' ) ) )",
		"a word in the wrong place": "( 1.2 NAME 'a' 'b' )",
	} {
		t.Run(sentence, func(t *testing.T) {
			s, err := Parse(map[string][]string{"attributeTypes": {text, "( 1.9 NAME 'good' SYNTAX 1.3 )"}})
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
				t.Errorf("the fault does not name the description: %v", err)
			}
			if _, ok := s.Attribute("good"); !ok {
				t.Error("the good one beside it is lost")
			}
		})
	}
}

func TestInheritance(t *testing.T) {
	s, err := Parse(map[string][]string{"attributeTypes": {
		"( 1.3 NAME 'grandchild' SUP child ORDERING own )",
		"( 1.2 NAME 'child' SUP parent EQUALITY own )",
		"( 1.1 NAME 'parent' EQUALITY theirs SUBSTR theirs SYNTAX 1.9{5} )",
		"( 1.4 NAME 'orphan' SUP nobody EQUALITY own )",
		"( 1.5 NAME 'narcissus' SUP narcissus EQUALITY own )",
		"( 1.6 NAME 'hen' SUP egg )",
		"( 1.7 NAME 'egg' SUP hen EQUALITY own )",
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) *AttributeType { a, _ := s.Attribute(name); return a }
	g := get("grandchild")
	if g.Equality != "own" || g.Ordering != "own" || g.Substr != "theirs" || g.Syntax != "1.9" || g.Bound != 5 {
		t.Errorf("%+v", g)
	}
	if !g.Is(get("parent")) || get("parent").Is(g) {
		t.Error("kinship runs the wrong way")
	}
	for _, name := range []string{"orphan", "narcissus", "egg"} {
		if got := get(name).Equality; got != "own" {
			t.Errorf("%s has %q", name, got)
		}
	}
	if get("hen").Is(get("orphan")) { // and comes to an end
		t.Error("a circle is kin to everybody")
	}
}

func TestObjectClasses(t *testing.T) {
	s := Standard()
	for sentence, c := range map[string]struct {
		classes     []string
		must        []string
		may, mayNot []string
	}{
		"those of the superclasses count too": {
			[]string{"inetOrgPerson"}, []string{"sn", "cn", "objectClass"}, []string{"mail", "title", "description", "uid"}, []string{"uidNumber", "member"},
		},
		"several classes add up": {
			[]string{"inetOrgPerson", "POSIXACCOUNT"},
			[]string{"sn", "cn", "objectClass", "uid", "uidNumber", "gidNumber", "homeDirectory"},
			[]string{"loginShell"},
			[]string{"uid", "cn"},
		},
		"a group needs members": {[]string{"2.5.6.9"}, []string{"member", "cn", "objectClass"}, []string{"description"}, []string{"mail"}},
		"a class nobody knows":  {[]string{"wizard"}, nil, nil, []string{"cn"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(c.must, s.Must(c.classes...), cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Error(diff)
			}
			may := s.May(c.classes...)
			for _, name := range c.may {
				if !slices.Contains(may, name) {
					t.Errorf("%s is not allowed", name)
				}
			}
			for _, name := range c.mayNot {
				if slices.Contains(may, name) {
					t.Errorf("%s is allowed", name)
				}
			}
		})
	}
}

// TestStandardIsWhole: whatever the standard schema refers to, it has.
func TestStandardIsWhole(t *testing.T) {
	s := Standard()
	for _, a := range s.Attributes() {
		if a.sup != "" && a.parent == nil {
			t.Errorf("%s: SUP %s is missing", a.Name(), a.sup)
		}
		if _, ok := s.syntaxes[a.Syntax]; !ok {
			t.Errorf("%s: syntax %q is missing", a.Name(), a.Syntax)
		}
		for _, rule := range []string{a.Equality, a.Ordering, a.Substr} {
			if rule != "" && !s.HasRule(rule) {
				t.Errorf("%s: rule %s is missing", a.Name(), rule)
			}
		}
	}
	for _, c := range s.classes {
		for _, attr := range slices.Concat(c.Must, c.May) {
			if _, ok := s.Attribute(attr); !ok {
				t.Errorf("%s: attribute %s is missing", c.Name(), attr)
			}
		}
		for _, sup := range c.Sup {
			if _, ok := s.Class(sup); !ok {
				t.Errorf("%s: SUP %s is missing", c.Name(), sup)
			}
		}
	}
}

// TestTextsAreTheSchema: what is published is the schema again.
func TestTextsAreTheSchema(t *testing.T) {
	again, err := Parse(Standard().Texts())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range Standard().Attributes() {
		if diff := cmp.Diff(Standard().Syntax(a.OID), again.Syntax(a.OID)); diff != "" {
			t.Errorf("%s: %s", a.Name(), diff)
		}
	}
}

func TestRead(t *testing.T) {
	for sentence, text := range map[string]string{
		"a line without a colon":          "attributeTypes\n",
		"a line that continues nothing":   "  x\n",
		"a description that is no better": "attributeTypes: nonsense\n",
	} {
		if _, err := Read(text); err == nil {
			t.Errorf("%s is taken", sentence)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range Standard().Texts()["attributeTypes"][:20] {
		f.Add(text)
	}
	f.Add(`( 1.2 NAME ( 'a' $ 'b' ) SUP ( c $ d ) X-Y "z" )`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(map[string][]string{"attributeTypes": {text}, "objectClasses": {text}, "matchingRuleUse": {text}})
		if err != nil {
			return
		}
		if len(s.Attributes()) != 1 {
			t.Errorf("%d attribute types", len(s.Attributes()))
		}
		s.Syntax(s.Attributes()[0].OID)
		s.Must(s.Attributes()[0].OID)
	})
}
