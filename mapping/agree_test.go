package mapping

import (
	"strings"
	"testing"
)

// TestMappingsAgreeOnTheSchemasThatTheyMakeUp: two types may have attributes of one schema that only mappings know, if they mean the same by them.
func TestMappingsAgreeOnTheSchemasThatTheyMakeUp(t *testing.T) {
	user := func(lines string) string {
		return "mapping: User\nat: {backend: corp}\nschemas: {acme: \"urn:acme:Both\"}\nattributes:\n  userName: uid\n" + lines
	}
	group := func(lines string) string {
		return "mapping: Group\nat: {backend: corp}\nschemas: {other: \"urn:acme:Both\"}\nattributes:\n  displayName: cn\n" + lines
	}
	for claim, c := range map[string]struct{ user, group, says string }{
		"alike":                    {"  acme:number: uidNumber | int\n", "  other:number: gidNumber | int\n", ""},
		"different ones":           {"  acme:number: uidNumber | int\n", "  other:name: description\n", ""},
		"a number and a text":      {"  acme:number: uidNumber | int\n", "  other:number: description\n", "mapping1.yaml:6:17: attributes.other:number: urn:acme:Both:number is one string value, and mapping0.yaml:6 makes it one integer value; map both alike, or put one of them under another URN"},
		"in other letters":         {"  acme:number: uidNumber | int\n", "  other:NUMBER: description\n", "mapping0.yaml:6"},
		"a text and parts":         {"  acme:badge: title\n", "  other:badge.code: description\n", "urn:acme:Both:badge is one complex value, and mapping0.yaml:6 makes it one string value"},
		"parts alike":              {"  acme:badge.code: title\n", "  other:badge.code: description\n", ""},
		"different parts":          {"  acme:badge.code: title\n", "  other:badge.date: description\n", ""},
		"parts of different types": {"  acme:badge.code: uidNumber | int\n", "  other:badge.code: description\n", "urn:acme:Both:badge.code is one string value, and mapping0.yaml:6 makes it one integer value"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, faults := tryCompile(t, newDirectory(), user(c.user), group(c.group))
			got := ""
			if len(faults) > 0 {
				got = faults.Error()
			}
			if len(faults) > 1 || (got != "") != (c.says != "") || !strings.Contains(got, c.says) {
				t.Errorf("got %q, want %q", got, c.says)
			}
		})
	}
}
