package filter

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePath(t *testing.T) {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	work := eq("type", "work")
	for claim, c := range map[string]struct {
		text string
		want Path
	}{
		"an attribute":                       {`members`, Path{Attr: "members"}},
		"a sub-attribute":                    {`name.familyName`, Path{Attr: "name", Sub: "familyName"}},
		"a value path":                       {`addresses[type eq "work"]`, Path{Attr: "addresses", Filter: work}},
		"a value path's sub-attribute":       {`addresses[type eq "work"].country`, Path{Attr: "addresses", Filter: work, Sub: "country"}},
		"a colon within the brackets":        {`members[value eq "urn:a:b"]`, Path{Attr: "members", Filter: eq("value", "urn:a:b")}},
		"an attribute behind a URN":          {enterprise + `:department`, Path{URI: enterprise, Attr: "department"}},
		"a sub-attribute behind a URN":       {enterprise + `:manager.value`, Path{URI: enterprise, Attr: "manager", Sub: "value"}},
		"a value path behind a URN":          {`urn:x:y:1.0:T:a[type eq "work"].b`, Path{URI: "urn:x:y:1.0:T", Attr: "a", Filter: work, Sub: "b"}},
		"a bare URN looks like an attribute": {enterprise, Path{URI: "urn:ietf:params:scim:schemas:extension:enterprise:2.0", Attr: "User"}},
		"a URN that ends in a version":       {`urn:example:hr:2.0`, Path{URI: "urn:example:hr:2.0"}},
		"blanks around":                      {` members `, Path{Attr: "members"}},
	} {
		t.Run(claim, func(t *testing.T) {
			got, err := ParsePath(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, noPos); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if again, err := ParsePath(got.String()); err != nil || cmp.Diff(got, again, noPos) != "" {
				t.Errorf("%s prints as %s, which is %v, %v", c.text, got, again, err)
			}
		})
	}
}

func TestParsePathRefusals(t *testing.T) {
	for claim, text := range map[string]string{
		"nothing":                "",
		"an operator":            `userName eq "x"`,
		"two names":              "a b",
		"a trailing dot":         "name.",
		"a leading dot":          ".name",
		"a dot behind brackets":  `emails[type pr].`,
		"an unclosed bracket":    `emails[type eq "work"`,
		"a slash":                "/members/0",
		"a trailing colon":       "urn:a:b:",
		"a double colon":         "urn:a::b",
		"a bracket behind a URN": `urn:a:2.0[type pr]`,
		"a letter with a mark":   "naïve",
	} {
		t.Run(claim, func(t *testing.T) {
			p, err := ParsePath(text)
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("ParsePath(%q) = %+v, %v; want a SyntaxError", text, p, err)
			}
		})
	}
}

func TestWholeTellsAURNFromAnAttribute(t *testing.T) {
	const urn = "urn:ietf:params:scim:schemas:core:2.0:User"
	p, err := ParsePath(urn)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := p.Whole(); got != urn || !ok {
		t.Errorf("Whole() = %q, %v", got, ok)
	}
	p.Filter = pr("x")
	if _, ok := p.Whole(); ok {
		t.Error("a path with a filter cannot be a URN")
	}
}
