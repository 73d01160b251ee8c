package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func fullUser() map[string]any {
	return map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise},
		"externalId": "hr-4711", "userName": "bjensen",
		"name":              map[string]any{"givenName": "Barbara", "familyName": "Jensen", "formatted": "Ms. Barbara J Jensen"},
		"displayName":       "Babs Jensen",
		"emails":            []map[string]any{{"value": "bjensen@example.com", "type": "work"}},
		"phoneNumbers":      []map[string]any{{"value": "+1 555 0100", "type": "work"}, {"value": "+1 555 0199", "type": "mobile"}},
		"addresses":         []map[string]any{{"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "postalCode": "91608"}},
		"active":            true,
		"userType":          "Employee",
		"password":          "correct horse battery",
		"preferredLanguage": "en-US",
		enterprise:          map[string]any{"employeeNumber": "701984"},
	}
}

func TestAUserFromCreateToDelete(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		created := h.do("POST", "/Users", fullUser()).want(t, 201)
		id := created.id()
		if got, want := created.header.Get("Location"), h.scimClient.base+"/Users/"+id; got != want || created.text("meta.location") != want {
			t.Errorf("Location %q, meta.location %q, want %q", got, created.text("meta.location"), want)
		}
		if strings.Contains(created.raw, "password") || strings.Contains(created.raw, "horse") {
			t.Errorf("the password came back: %s", created.raw)
		}
		for path, want := range map[string]string{
			"userName": "bjensen", "externalId": "hr-4711", "name.familyName": "Jensen", "name.givenName": "Barbara", "name.formatted": "Ms. Barbara J Jensen",
			"displayName": "Babs Jensen", "emails.0.value": "bjensen@example.com", "emails.0.type": "work", "active": "true",
			"addresses.0.locality": "Hollywood", "addresses.0.postalCode": "91608", enterprise + ".employeeNumber": "701984",
			"meta.resourceType": "User", "meta.version": created.header.Get("ETag"),
		} {
			if got := created.text(path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if want := "uid=bjensen," + h.people; h.tables == nil && h.pointer(t, id) != want {
			t.Errorf("DN %q, want %q", h.pointer(t, id), want)
		}
		for what, want := range map[string]string{
			"userName": "bjensen", "name.familyName": "Jensen", "name.givenName": "Barbara", "name.formatted": "Ms. Barbara J Jensen", "emails": "bjensen@example.com",
			"mobile": "+1 555 0199", "employeeNumber": "701984",
		} {
			h.keeps(t, id, what, want)
		}
		if h.passwords() && (!h.letsIn(t, id, "correct horse battery") || h.letsIn(t, id, "another")) {
			t.Error("the password is not the new one")
		}

		got := h.do("GET", "/Users/"+id, nil).want(t, 200)
		if got.raw != created.raw {
			t.Errorf("GET differs from what POST answered:\n%s\n%s", got.raw, created.raw)
		}

		body := fullUser()
		delete(body, "password")
		body["displayName"], body["phoneNumbers"] = "Barbara", []map[string]any{{"value": "+1 555 0100", "type": "work"}}
		put := h.do("PUT", "/Users/"+id, body).want(t, 200)
		if put.text("displayName") != "Barbara" || put.at("phoneNumbers.1") != nil {
			t.Errorf("PUT: %s", put.raw)
		}
		h.keeps(t, id, "mobile")
		h.keeps(t, id, "displayName", "Barbara")

		patched := h.do("PATCH", "/Users/"+id, patch(
			op("Replace", "name.familyName", "Smith"), op("add", `emails[type eq "work"].value`, "babs@example.com"), op("remove", "userType", nil),
		)).want(t, 200)
		if patched.text("name.familyName") != "Smith" || patched.text("emails.0.value") != "babs@example.com" || patched.at("userType") != nil {
			t.Errorf("PATCH: %s", patched.raw)
		}
		if patched.text("meta.version") == put.text("meta.version") {
			t.Error("the version did not move")
		}

		if a := h.do("DELETE", "/Users/"+id, nil).want(t, 204); a.raw != "" {
			t.Errorf("a body with 204: %q", a.raw)
		}
		h.do("GET", "/Users/"+id, nil).wantError(t, 404, "")
		h.do("DELETE", "/Users/"+id, nil).wantError(t, 404, "")
		h.do("POST", "/Users", fullUser()).want(t, 201)
	})
}

// bind tries a simple bind on a connection of its own.
func (h *house) bind(dn, password string) error {
	conn, err := ldap.DialURL(h.world.config.Backends["corp"].Get("url").Text())
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Bind(dn, password)
}

func TestActiveIsTheDirectorysLock(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		off := h.user("off", "active", false, "password", "long enough 1")
		on := h.user("on", "password", "long enough 1")
		if off.at("active") != false || on.at("active") != true {
			t.Fatalf("%s %s", off.raw, on.raw)
		}
		lock := func(id string) string {
			if h.tables != nil {
				return ""
			}
			return h.byID(t, id).GetAttributeValue("pwdAccountLockedTime")
		}
		if got := lock(off.id()); h.tables == nil && got != "000001010000Z" {
			t.Errorf("pwdAccountLockedTime %q", got)
		}
		for range 2 { // twice: the second changes nothing
			a := h.do("PATCH", "/Users/"+on.id(), patch(op("replace", "active", "False"))).want(t, 200)
			if a.at("active") != false {
				t.Errorf("%s", a.raw)
			}
		}
		found, _ := h.list("/Users", "active eq false")
		if got := names(found, "userName"); !slices.Equal(sorted(got), []string{"off", "on"}) {
			t.Errorf("inactive: %v", got)
		}
		if !h.passwords() {
			return
		}
		// A password policy lifts a lock when a password is set; who is inactive stays so all the same.
		a := h.do("PATCH", "/Users/"+on.id(), patch(op("replace", "password", "another long one"))).want(t, 200)
		if a.at("active") != false || h.overlays && h.letsIn(t, on.id(), "another long one") {
			t.Errorf("a new password has let somebody inactive in: %s", a.raw)
		}
		h.do("PATCH", "/Users/"+on.id(), patch(op("replace", "", map[string]any{"active": true}))).want(t, 200)
		if !h.letsIn(t, on.id(), "another long one") {
			t.Error("active again, and not let in")
		}
		if got := lock(on.id()); got != "" {
			t.Errorf("still locked: %q", got)
		}
		found, _ = h.list("/Users", "active eq true")
		if got := names(found, "userName"); !slices.Equal(got, []string{"on"}) {
			t.Errorf("active: %v", got)
		}
	})
}

func TestNamesAreUniqueInAnyCase(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.user("Alice")
		h.do("POST", "/Users", map[string]any{"userName": "aLICE"}).wantError(t, 409, "uniqueness")
		bob := h.user("bob")
		h.do("PATCH", "/Users/"+bob.id(), patch(op("replace", "userName", "ALICE"))).wantError(t, 409, "uniqueness")
		if got := h.do("GET", "/Users/"+bob.id(), nil).text("userName"); got != "bob" {
			t.Errorf("the refused rename changed the name to %q", got)
		}
		var wg sync.WaitGroup
		statuses := make([]int, 16)
		for i := range statuses {
			wg.Go(func() {
				a, err := h.try("POST", "/Users", map[string]any{"userName": []string{"carol", "CAROL"}[i%2]})
				if err != nil {
					t.Error(err)
				}
				statuses[i] = a.status
			})
		}
		wg.Wait()
		created := 0
		for _, s := range statuses {
			if s == 201 {
				created++
			} else if s != 409 {
				t.Errorf("status %d", s)
			}
		}
		if created != 1 {
			t.Errorf("%d of 16 concurrent creates succeeded", created)
		}
	})
}

func TestHostileNamesMeanThemselves(t *testing.T) {
	hostile := []string{
		`x,uid=admin`, `*)(uid=*`, `*`, `(&)`, `a\2cb`, `"quoted"`, `a+b=c`, `#hash`, `semi;colon`, `<angle>`, `per%cent_`, `slash/back\slash`,
		`Ünïcödé`, `日本語`, `emoji 🙂`, `two  blanks`, `admin,ou=people,dc=example,dc=org`, `../../etc`, `'; DROP TABLE users; --`,
	}
	everywhere(t, func(t *testing.T, h *house) {
		bystander := h.user("bystander")
		for i, name := range hostile {
			made := h.user(name, "displayName", name, "externalId", name)
			h.keeps(t, made.id(), "userName", name)
			if dn := h.pointer(t, made.id()); h.tables == nil && (!strings.HasSuffix(dn, h.people) || len(h.search(t, h.people, ldap.ScopeSingleLevel, "(uid=*)")) != i+2) {
				t.Errorf("%q stands at %s", name, dn)
			}
			for _, attr := range []string{"userName", "displayName", "externalId"} {
				found, total := h.list("/Users", attr+" eq "+quote(name))
				if total != 1 || found[0]["id"] != made.id() {
					t.Errorf("%s eq %q finds %d: %v", attr, name, total, names(found, "userName"))
				}
			}
			h.do("PATCH", "/Users/"+made.id(), patch(op("replace", "displayName", name+name))).want(t, 200)
		}
		if got := h.do("GET", "/Users/"+bystander.id(), nil); got.status != 200 || got.text("meta.version") != bystander.text("meta.version") {
			t.Errorf("the bystander was touched: %s", got.raw)
		}
	})
}

func TestWhatLiesOutsideTheMappingIsNotFound(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		outside, there := h.outsider(t)
		group := h.group("a group")
		for _, id := range []string{outside, group.id(), "no-uuid", "00000000-0000-0000-0000-000000000000", "*", "%2F", "..", "a%20b"} {
			for _, method := range []string{"GET", "DELETE"} {
				h.do(method, "/Users/"+id, nil).wantError(t, 404, "")
			}
			h.do("PUT", "/Users/"+id, map[string]any{"userName": "someone"}).wantError(t, 404, "")
			h.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "x"))).wantError(t, 404, "")
		}
		if !there() {
			t.Error("what the mapping leaves out was deleted")
		}
	})
}

func TestRenameMovesTheEntryAndKeepsTheID(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("old.name")
		g := h.group("team", u.id())
		a := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "userName", "new.name"), op("replace", "title", "Lead"))).want(t, 200)
		if a.id() != u.id() || a.text("userName") != "new.name" || a.text("title") != "Lead" {
			t.Errorf("%s", a.raw)
		}
		if dn := h.pointer(t, u.id()); h.tables == nil && dn != "uid=new.name,"+h.people {
			t.Errorf("DN %s", dn)
		}
		if got := h.do("GET", "/Groups/"+g.id(), nil); got.text("members.0.value") != u.id() || got.at("members.1") != nil {
			t.Errorf("the group does not follow the rename: %s", got.raw)
		}
		eventually(t, "the directory has settled, and nothing names the old one", func() bool {
			return slices.Equal(h.kept(t, g.id(), "members"), []string{h.pointer(t, u.id())})
		})
	})
}

func TestAManagerIsAReference(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		boss := h.user("boss")
		u := h.user("worker", enterprise, map[string]any{"manager": map[string]any{"value": boss.id()}})
		if u.text(enterprise+".manager.value") != boss.id() || u.text(enterprise+".manager.$ref") != h.scimClient.base+"/Users/"+boss.id() {
			t.Errorf("%s", u.raw)
		}
		h.keeps(t, u.id(), "manager", h.pointer(t, boss.id()))
		for filter, want := range map[string]int{
			enterprise + `:manager eq "` + boss.id() + `"`: 1, enterprise + `:manager.value eq "` + u.id() + `"`: 0,
			`not (` + enterprise + `:manager eq "garbage")`: 2, enterprise + `:manager pr`: 1, enterprise + `:manager ne "` + boss.id() + `"`: 1,
		} {
			if found, total := h.list("/Users", filter); total != want {
				t.Errorf("%s finds %v", filter, names(found, "userName"))
			}
		}
		h.do("PATCH", "/Users/"+u.id(), patch(op("add", enterprise+":manager", "00000000-0000-0000-0000-000000000000"))).wantError(t, 400, "invalidValue")
		h.do("DELETE", "/Users/"+boss.id(), nil).want(t, 204)
		eventually(t, "the manager is gone", func() bool {
			return len(h.kept(t, u.id(), "manager")) == 0
		})
	})
}

func TestExternalIDIsKeptForTheClient(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("ext", "externalId", "A-1")
		for filter, want := range map[string]int{`externalId eq "A-1"`: 1, `externalId eq "a-1"`: 0, `externalId pr`: 1, `not (externalId pr)`: 0, `externalId eq "A-1" and userName eq "EXT"`: 1} {
			if _, total := h.list("/Users", filter); total != want {
				t.Errorf("%s finds %d, want %d", filter, total, want)
			}
		}
		before := h.do("GET", "/Users/"+u.id(), nil)
		after := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "externalId", "B-2"))).want(t, 200)
		if after.text("externalId") != "B-2" || after.text("meta.version") == before.text("meta.version") {
			t.Errorf("%s", after.raw)
		}
		h.do("POST", "/Users", map[string]any{"userName": "ext2", "externalId": "B-2"}).wantError(t, 409, "uniqueness")
		if _, total := h.list("/Users", `userName eq "ext2"`); total != 0 {
			t.Error("the refused create left an entry behind")
		}
		h.do("DELETE", "/Users/"+u.id(), nil).want(t, 204)
		h.user("ext3", "externalId", "B-2")
	})
}

func TestConditionalRequests(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("etag")
		tag := u.header.Get("ETag")
		if !strings.HasPrefix(tag, `W/"`) {
			t.Fatalf("ETag %q", tag)
		}
		if a := h.do("GET", "/Users/"+u.id(), nil, "If-None-Match", tag).want(t, 304); a.raw != "" {
			t.Errorf("a body with 304")
		}
		h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "A")), "If-Match", tag).want(t, 200)
		h.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "B")), "If-Match", tag).wantError(t, 412, "")
		h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "etag"}, "If-Match", tag).wantError(t, 412, "")
		h.do("DELETE", "/Users/"+u.id(), nil, "If-Match", tag).wantError(t, 412, "")
		h.do("GET", "/Users/"+u.id(), nil, "If-None-Match", tag).want(t, 200)
		h.do("DELETE", "/Users/"+u.id(), nil, "If-Match", "*").want(t, 204)
	})
}

func TestConcurrentPatchesOfOneUserAllCount(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("busy")
		attrs := []string{"title", "displayName", "preferredLanguage", "name.givenName", "name.familyName"}
		var wg sync.WaitGroup
		for _, attr := range attrs {
			wg.Go(func() {
				for range 20 {
					a, err := h.try("PATCH", "/Users/"+u.id(), patch(op("replace", attr, "done")))
					if err != nil || a.status != http.StatusOK && a.status != http.StatusServiceUnavailable && a.status != http.StatusConflict {
						t.Errorf("%v %d %s", err, a.status, a.raw)
					}
					if a.status == 200 {
						return
					}
				}
				t.Errorf("%s never went through", attr)
			})
		}
		wg.Wait()
		got := h.do("GET", "/Users/"+u.id(), nil)
		for _, attr := range attrs {
			if got.text(attr) != "done" {
				t.Errorf("%s is %q", attr, got.text(attr))
			}
		}
	})
}

func TestAPutOfNextToNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		body := fullUser()
		u := h.do("POST", "/Users", body).want(t, 201)
		put := h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "bjensen"}).want(t, 200)
		for _, path := range []string{"title", "emails", "phoneNumbers", "addresses", "userType", "externalId", "name.familyName", "name.givenName", enterprise} {
			if put.at(path) != nil {
				t.Errorf("%s is still %v", path, put.at(path))
			}
		}
		if put.at("active") != true {
			t.Errorf("%s", put.raw)
		}
		h.do("PATCH", "/Users/"+u.id(), patch(op("remove", "name", nil), op("remove", "displayName", nil))).want(t, 200)
	})
}

func TestWhatIsNotMappedIsDroppedFromBodiesAndRefusedInPaths(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if h.tables != nil { // which hold more, each its own
			u := h.user("someone", "shoeSize", 44)
			if u.at("shoeSize") != nil {
				t.Errorf("%s", u.raw)
			}
			h.do("PATCH", "/Users/"+u.id(), patch(op("add", "shoeSize", 44))).wantError(t, 400, "invalidPath")
			return
		}
		u := h.user("someone", "shoeSize", 44, "nickName", "x", "emails", []map[string]any{{"type": "home", "value": "a@b"}, {"type": "work", "value": "c@d"}})
		if u.at("shoeSize") != nil || u.at("nickName") != nil || u.text("emails.0.value") != "c@d" || u.at("emails.1") != nil {
			t.Errorf("%s", u.raw)
		}
		for path, fault := range map[string]string{
			`emails[type eq "home"].value`: "noTarget", "nickName": "invalidPath", "shoeSize": "invalidPath", `roles[primary eq "True"].value`: "invalidPath",
		} {
			h.do("PATCH", "/Users/"+u.id(), patch(op("add", path, "x"))).wantError(t, 400, fault)
			h.do("PATCH", "/Users/"+u.id(), patch(op("replace", path, "x"))).wantError(t, 400, fault)
		}
		if got := h.do("GET", "/Users/"+u.id(), nil); got.raw != u.raw {
			t.Errorf("changed: %s", got.raw)
		}
	})
}

// An attribute without an equality rule (a fax number) cannot lose one value by name, only be replaced.
func TestAFaxNumberCanBeChangedAndRemoved(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		fax := func(number string) []map[string]any { return []map[string]any{{"type": "fax", "value": number}} }
		u := h.user("faxy", "phoneNumbers", fax("+1 9"))
		for _, change := range []map[string]any{
			op("replace", `phoneNumbers[type eq "fax"].value`, "+1 8"), op("add", "phoneNumbers", fax("+1 7")), op("remove", `phoneNumbers[type eq "fax"]`, nil), op("replace", "phoneNumbers", fax("+1 6")),
		} {
			h.do("PATCH", "/Users/"+u.id(), patch(change)).want(t, 200)
		}
		if got := h.do("GET", "/Users/"+u.id(), nil).text("phoneNumbers.0.value"); got != "+1 6" {
			t.Errorf("%q", got)
		}
		if put := h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "faxy"}).want(t, 200); put.at("phoneNumbers") != nil {
			t.Errorf("%s", put.raw)
		}
	})
}

func TestWhatTheDirectoryCannotHoldIs400AndNamesTheAttribute(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		u := h.user("someone")
		cases := map[string]struct{ attr, value, named string }{
			"a phone number of letters": {"phoneNumbers", "abc_é", `phoneNumbers[type eq "work"]`},
			"a mail address of Unicode": {"emails", "ü@example.org", `emails[type eq "work"]`},
		}
		bodies := []map[string]any{{"userName": "nul\x00l"}, {"userName": 5}, {"userName": []string{"a", "b"}}}
		if h.tables == nil {
			bodies = append(bodies, map[string]any{"userName": "   "})
		} else {
			clear(cases) // a text is a text
		}
		for claim, c := range cases {
			a := h.do("PATCH", "/Users/"+u.id(), patch(op("replace", c.attr, []map[string]any{{"type": "work", "value": c.value}}))).wantError(t, 400, "invalidValue")
			if !strings.Contains(a.text("detail"), c.named) {
				t.Errorf("%s: %s", claim, a.raw)
			}
		}
		for _, body := range bodies {
			h.do("POST", "/Users", body).wantError(t, 400, "invalidValue")
		}
		// How long a name may be is the directory's; whatever it is, too long a one is no outage.
		if a := h.do("POST", "/Users", map[string]any{"userName": strings.Repeat("q", 300)}); a.status != 201 {
			a.wantError(t, 400, "invalidValue")
		}
	})
}

func sorted(s []string) []string { slices.Sort(s); return s }

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
