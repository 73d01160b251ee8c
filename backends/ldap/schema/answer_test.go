package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestSyntax(t *testing.T) {
	for sentence, c := range map[string]struct {
		attr string
		want backends.Syntax
	}{
		"cn inherits its rules from name": {"cn", backends.Syntax{
			Known: true, Equality: backends.CaseIgnoreSpace, Substr: backends.CaseIgnoreSpace,
		}},
		"another name of the type, in another case, with an option": {"CommonName;lang-de", backends.Syntax{
			Known: true, Equality: backends.CaseIgnoreSpace, Substr: backends.CaseIgnoreSpace,
		}},
		"an OID is a name too": {"0.9.2342.19200300.100.1.1", backends.Syntax{
			Known: true, Equality: backends.CaseIgnoreSpace, Substr: backends.CaseIgnoreSpace,
		}},
		"manager holds names of entries": {"manager", backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true}},
		"member inherits from distinguishedName": {
			"member", backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true},
		},
		"uniqueMember holds names with an optional UID": {"uniqueMember", backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true}},
		"entryUUID is the directory's own": {"entryUUID", backends.Syntax{
			Known: true, Equality: backends.CaseIgnore, Order: backends.CaseIgnore, Single: true, ReadOnly: true,
		}},
		"createTimestamp is ordered": {"createTimestamp", backends.Syntax{
			Known: true, Equality: backends.TimeRule, Order: backends.TimeRule, Single: true, ReadOnly: true,
		}},
		"uidNumber is a number": {"uidNumber", backends.Syntax{
			Known: true, Equality: backends.IntegerRule, Order: backends.IntegerRule, Single: true,
		}},
		"telephoneNumber has a rule of its own": {"telephoneNumber", backends.Syntax{
			Known: true, Equality: backends.TelRule, Substr: backends.TelRule,
		}},
		"jpegPhoto cannot be compared at all":     {"jpegPhoto", backends.Syntax{Known: true}},
		"a type that nobody defined is not known": {"favouriteColour", backends.Syntax{}},
	} {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Standard().Syntax(c.attr)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBinary(t *testing.T) {
	for attr, want := range map[string]bool{
		"jpegPhoto": true, "userPassword": true, "userCertificate;binary": true, "audio": true, "cn": false, "member": false, "nobody": false,
	} {
		if got := Standard().Binary(attr); got != want {
			t.Errorf("Binary(%s) = %v", attr, got)
		}
	}
}

func TestApplicable(t *testing.T) {
	published, err := Parse(map[string][]string{
		"attributeTypes": {
			"( 1.1 NAME 'listed' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )", "( 1.2 NAME 'unlisted' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )",
		},
		"matchingRules":   {"( 2.5.13.3 NAME 'caseIgnoreOrderingMatch' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"},
		"matchingRuleUse": {"( 2.5.13.3 NAME 'caseIgnoreOrderingMatch' APPLIES ( listed $ other ) )"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		schema     *Schema
		rule, attr string
		want       bool
	}{
		"a directory string orders without case":          {Standard(), "caseIgnoreOrderingMatch", "uid", true},
		"the rule may be named by OID":                    {Standard(), "2.5.13.3", "uid", true},
		"a telephone number is text":                      {Standard(), "caseIgnoreOrderingMatch", "telephoneNumber", true},
		"an IA5 string has other rules":                   {Standard(), "caseIgnoreOrderingMatch", "mail", false},
		"a bitwise rule tests integers":                   {Standard(), "1.2.840.113556.1.4.803", "uidNumber", true},
		"a bitwise rule does not test text":               {Standard(), "1.2.840.113556.1.4.803", "uid", false},
		"a rule that does not exist applies to nothing":   {Standard(), "caseSillyMatch", "uid", false},
		"a type that does not exist is tested by nothing": {Standard(), "caseExactMatch", "nobody", false},
		"what the directory published decides":            {published, "caseIgnoreOrderingMatch", "listed", true},
		"what it left out is left out":                    {published, "caseIgnoreOrderingMatch", "unlisted", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := c.schema.Applicable(c.rule, c.attr); got != c.want {
				t.Errorf("Applicable(%s, %s) = %v", c.rule, c.attr, got)
			}
		})
	}
}

func TestHasRule(t *testing.T) {
	for name, want := range map[string]bool{"caseIgnoreOrderingMatch": true, "CASEEXACTMATCH": true, "2.5.13.2": true, "caseSillyMatch": false, "": false} {
		if got := Standard().HasRule(name); got != want {
			t.Errorf("HasRule(%q) = %v", name, got)
		}
	}
}
