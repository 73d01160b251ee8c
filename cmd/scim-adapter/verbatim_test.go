package main

import "testing"

const verbatimConfig = "../../configs/examples/openldap-verbatim.yaml"

// What the example says of itself: what is written is read as it was written, and what is removed is gone (RFC 7644 §3.5.2.2).
func TestAVerbatimMappingGivesBackWhatWasWritten(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouseFrom(t, verbatimConfig, d.url(t))
			h.do("POST", "/Users", map[string]any{"userName": "silent"}).wantError(t, 400, "invalidValue") // active is required
			ann := h.user("ann", "active", true, "displayName", "Ann")
			bob := h.user("bob", "active", true, "displayName", "Bob",
				"emails", []any{map[string]any{"value": "bob@example.org", "type": "work", "primary": false}},
				"phoneNumbers", []any{map[string]any{"value": "1", "type": "work"}, map[string]any{"value": "2", "type": "mobile", "primary": true}},
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", map[string]any{"manager": map[string]any{"value": ann.id()}})
			path := "/Users/" + bob.id()
			for what, want := range map[string]any{
				"emails.0.primary": false, "phoneNumbers.0.primary": nil, "phoneNumbers.1.primary": true, "name.formatted": nil,
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager.displayName": nil,
			} {
				if got := h.do("GET", path, nil).want(t, 200).at(what); got != want {
					t.Errorf("%s is %v, want %v", what, got, want)
				}
			}
			for _, what := range []string{"displayName", "name", "emails", "phoneNumbers"} {
				if a := h.do("PATCH", path, patch(op("remove", what, nil))).want(t, 200); a.at(what) != nil {
					t.Errorf("%s was removed, and is %v", what, a.at(what))
				}
				if a := h.do("GET", path, nil).want(t, 200); a.at(what) != nil {
					t.Errorf("%s was removed, and is read as %v", what, a.at(what))
				}
			}
			h.do("PATCH", path, patch(op("remove", "active", nil))).wantError(t, 400, "mutability")
			group := h.group("team", bob.id())
			if got := h.do("GET", "/Groups/"+group.id(), nil).want(t, 200).at("members.0.display"); got != nil {
				t.Errorf("a member is called %v", got)
			}
		})
	}
}
