package scim

import (
	"errors"
	"testing"
)

func userType() *ResourceType {
	return &ResourceType{
		ID: "User", Name: "User", Endpoint: "/Users", Description: "A person.", Schema: UserSchema(),
		Extensions: []Extension{{Schema: EnterpriseUserSchema()}},
	}
}

func groupType() *ResourceType {
	return &ResourceType{ID: "Group", Name: "Group", Endpoint: "/Groups", Schema: GroupSchema()}
}

// badgeType is a type with one attribute of every kind that users and groups have none of.
func badgeType() *ResourceType {
	return &ResourceType{ID: "Badge", Name: "Badge", Endpoint: "/Badges", Schema: &Schema{ID: "urn:example:Badge", Name: "Badge", Attributes: []*Attribute{
		text("serial", "", immutable),
		attribute("level", TypeInteger, ""),
		attribute("weight", TypeDecimal, ""),
		attribute("valid", TypeDateTime, ""),
		attribute("print", TypeBinary, ""),
		text("colours", "", multi),
		text("tags", "", multi, immutable),
		text("maker", "", readOnly),
		text("hint", "", func(a *Attribute) { a.Returned = ReturnedRequest }),
		complexOf("case", "", []*Attribute{text("size", "", required), text("mark", "", immutable), text("note", "", secret)}),
		complexOf("doors", "", []*Attribute{text("name", ""), attribute("open", TypeBoolean, "")}, multi),
	}}}
}

func parse(t testing.TB, text string) *Object {
	t.Helper()
	o, err := ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// wantError fails unless err is a 400 of that scimType.
func wantError(t testing.TB, err error, scimType string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want 400 %s", err, scimType)
	}
	if e.Status != 400 || e.Type != scimType {
		t.Fatalf("error %v, want 400 %s", err, scimType)
	}
	if len(e.Detail) < 10 || len(e.Detail) > 400 {
		t.Errorf("not a sentence for a person: %q", e.Detail)
	}
	return e
}

// same fails unless two values are deeply equal.
func same(t testing.TB, what string, got, want *Object) {
	t.Helper()
	if !Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}
