package ldap

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// TestASlotIsOneValue: whatever stands in a slot, the name has as many RDNs as the template, and the value in it is that value.
func TestASlotIsOneValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(`,+"\<>;=# `+"\x00aé")))).Draw(t, "value")
		dn, ok := buildDN(template("uid=", value, ",ou=", value, ",dc=example"))
		if value == "" {
			if ok {
				t.Fatal("an empty value makes a name")
			}
			return
		}
		if !ok {
			t.Fatalf("%q makes no name", value)
		}
		parsed, err := schema.ParseDN(dn)
		if err != nil || len(parsed) != 3 || len(parsed[0]) != 1 || parsed[0][0].Value != value || parsed[1][0].Value != value {
			t.Fatalf("%q makes %q, read as %v (%v)", value, dn, parsed, err)
		}
		under, _ := canonicalDN("dc=example")
		if canonical, ok := canonicalDN(dn); !ok || !within(canonical, under) {
			t.Fatalf("%q is not under its base", dn)
		}
	})
}

func TestBuildDN(t *testing.T) {
	slot := func(v backends.Value) backends.Part { return backends.Part{Slot: true, Value: v} }
	for claim, tc := range map[string]struct {
		t    backends.Template
		want string
		ok   bool
	}{
		"no slot":                     {backends.Template{{Text: "cn=x,dc=y"}}, "cn=x,dc=y", true},
		"a number":                    {backends.Template{{Text: "uid="}, slot(backends.Int(7)), {Text: ",dc=y"}}, "uid=7,dc=y", true},
		"two slots that touch":        {backends.Template{{Text: "cn="}, slot(backends.String("a ")), slot(backends.String("b")), {Text: ",dc=y"}}, "cn=a b,dc=y", true},
		"a slot beside a literal":     {backends.Template{{Text: "cn=x-"}, slot(backends.String("a,b")), {Text: ",dc=y"}}, `cn=x-a\,b,dc=y`, true},
		"two values in one RDN":       {backends.Template{{Text: "cn="}, slot(backends.String("a")), {Text: "+uid="}, slot(backends.String("b+c")), {Text: ",dc=y"}}, `cn=a+uid=b\+c,dc=y`, true},
		"an empty slot":               {backends.Template{{Text: "cn="}, slot(backends.String("")), {Text: ",dc=y"}}, "", false},
		"a value that is not UTF-8":   {backends.Template{{Text: "cn="}, slot(backends.String("\xff")), {Text: ",dc=y"}}, "", false},
		"a literal that is no name":   {backends.Template{{Text: "nonsense"}}, "", false},
		"nothing":                     {nil, "", false},
		"a slot of more than a value": {backends.Template{slot(backends.String("cn=x,dc=y"))}, "", false},
	} {
		dn, ok := buildDN(tc.t)
		if ok != tc.ok || (ok && dn != tc.want) {
			t.Errorf("%s: %q %t", claim, dn, ok)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tc := range []struct {
		dn, base string
		want     bool
	}{
		{"uid=a,ou=People,dc=x", "OU=people, DC=x", true},
		{"ou=people,dc=x", "ou=people,dc=x", true},
		{"uid=a,ou=xpeople,dc=x", "ou=people,dc=x", false},
		{`cn=a\,ou\=people\,dc\=x`, "ou=people,dc=x", false},
		{`cn=a\,ou=people,dc=x`, "ou=people,dc=x", false},
		{"dc=x", "ou=people,dc=x", false},
	} {
		dn, _ := canonicalDN(tc.dn)
		base, _ := canonicalDN(tc.base)
		if within(dn, base) != tc.want {
			t.Errorf("%s within %s: %t", tc.dn, tc.base, !tc.want)
		}
	}
	if _, ok := canonicalDN(""); ok {
		t.Error("the root counts as a name")
	}
}
