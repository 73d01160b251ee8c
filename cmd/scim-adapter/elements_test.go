package main

import (
	"net/url"
	"strings"
	"testing"
)

// What an element's type says is which of the directory's attributes it is kept in. Without it, it would become another.
func TestTheTypeOfAnElementIsNotTakenAway(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if h.tables != nil {
			return // a type is a value like any other
		}
		numbers := []map[string]any{{"type": "work", "value": "+1 1"}, {"type": "mobile", "value": "+1 2"}}
		u := h.user("someone", "phoneNumbers", numbers)
		for _, change := range []map[string]any{
			op("remove", `phoneNumbers[type eq "mobile"].type`, nil), op("remove", "phoneNumbers.type", nil), op("replace", `phoneNumbers[value eq "+1 2"].type`, ""),
			op("replace", `phoneNumbers[type eq "mobile"]`, map[string]any{"type": nil}),
		} {
			a := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "Boss"), change)).wantError(t, 400, "mutability")
			if detail := a.text("detail"); !strings.Contains(detail, "phoneNumbers.type") || !strings.Contains(detail, "work, mobile") {
				t.Error(detail)
			}
		}
		if got := h.do("GET", "/Users/"+u.id(), nil); got.raw != u.raw {
			t.Errorf("changed: %s", got.raw)
		}
		// A client that forgets the types in a PUT has not asked for the numbers to be others.
		put := h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "someone", "phoneNumbers": []map[string]any{{"value": "+1 2"}, {"value": "+1 3"}}}).want(t, 200)
		if entry := h.byID(t, put.id()); entry.GetAttributeValue("mobile") != "+1 2" || entry.GetAttributeValue("telephoneNumber") != "+1 3" {
			t.Errorf("%s", put.raw)
		}
	})
}

// A replace at a value that is not there has no target, and nothing else of the request is done (RFC 7644 §3.5.2.3).
func TestAReplaceOfAValueThatIsNotThere(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("someone", "title", "Boss", "emails", []map[string]any{{"type": "work", "value": "a@b.example"}})
		other := h.user("other")
		g := h.do("POST", "/Groups", map[string]any{"displayName": "staff", "members": []map[string]any{{"value": u.id()}}}).want(t, 201)
		u = h.do("GET", "/Users/"+u.id(), nil).want(t, 200) // with the group that it is in now
		for _, path := range []string{`emails[value eq "none@b.example"].value`, `emails[type eq "work" and value eq "none@b.example"].value`} {
			h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "Chief"), op("replace", path, "c@b.example"))).wantError(t, 400, "noTarget")
		}
		h.do("PATCH", "/Groups/"+g.id(), patch(op("replace", "displayName", "crew"), op("replace", `members[value eq "`+other.id()+`"].value`, u.id()))).wantError(t, 400, "noTarget")
		if got := h.do("GET", "/Users/"+u.id(), nil); got.raw != u.raw {
			t.Errorf("changed: %s", got.raw)
		}
		if got := h.do("GET", "/Groups/"+g.id(), nil); got.raw != g.raw {
			t.Errorf("changed: %s", got.raw)
		}
		h.do("PATCH", "/Users/"+u.id(), patch(op("replace", `emails[value eq "a@b.example"].value`, "c@b.example"))).want(t, 200)
	})
}

// Brackets behind an attribute of one value are a condition like any other.
func TestAFilterInBracketsBehindOneValue(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.user("ada", "name", map[string]any{"givenName": "Ada", "familyName": "Alpha"}, "emails", []map[string]any{{"type": "work", "value": "a@b.example"}, {"type": "work", "value": "b@b.example"}})
		h.user("bob", "name", map[string]any{"givenName": "Bob", "familyName": "Beta"})
		for text, want := range map[string]float64{
			`name[familyName eq "zzz"]`: 0, `name[familyName eq "alpha"]`: 1, `not (name[familyName eq "zzz"])`: 2, `name[familyName eq "zzz"].givenName eq "Ada"`: 0,
			`name[familyName ne "alpha"].givenName eq "Bob"`: 1, `meta[resourceType eq "Group"]`: 0, `schemas[value sw "urn:none"]`: 0,
			enterprise + `:manager[value eq "nope"]`: 0, `emails[primary eq false]`: 1, `emails[primary eq false].value eq "b@b.example"`: 1,
		} {
			a := h.do("GET", "/Users?filter="+url.QueryEscape(text), nil).want(t, 200)
			if got := a.at("totalResults"); got != want {
				t.Errorf("%s finds %v, want %v", text, got, want)
			}
		}
	})
}

// What /Schemas says of a group's name and of ids is what is done.
func TestSchemasTellOfUniqueNamesAndExactIds(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		schema := h.do("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", nil).want(t, 200)
		for _, says := range []string{`"uniqueness":"server"`, `"name":"displayName"`} {
			if !strings.Contains(schema.raw, says) {
				t.Errorf("%s is not in %s", says, schema.raw)
			}
		}
		h.user("staff")
		staff := h.do("POST", "/Groups", map[string]any{"displayName": "staff"}).want(t, 201) // of one name with a person
		crew := h.do("POST", "/Groups", map[string]any{"displayName": "crew"}).want(t, 201)
		for _, a := range []answer{
			h.do("POST", "/Groups", map[string]any{"displayName": "STAFF"}), h.do("PATCH", "/Groups/"+crew.id(), patch(op("replace", "displayName", "Staff"))),
		} {
			if a.wantError(t, 409, "uniqueness"); !strings.Contains(a.text("detail"), "displayName") {
				t.Error(a.raw)
			}
		}
		h.do("PATCH", "/Groups/"+staff.id(), patch(op("replace", "displayName", "Staff"))).want(t, 204)
		h.do("PATCH", "/Groups/"+staff.id(), patch(op("replace", "displayName", "people"))).want(t, 204)
	})
}
