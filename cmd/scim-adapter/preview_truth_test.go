package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// strictRules refuse in each way that a mapping and the guard know.
const (
	strictRules = `      - {match: [enterprise:employeeNumber], then: link}
      - {match: [emails.value], then: conflict}
    protect:
      records: [(uid=boss)]
      attributes: [preferredLanguage]
`
	strictGuard = `
scim: {dry_run: true}
guard: {protected_attributes: [title], limits: [{kind: delete, count: 2}, {kind: disable, count: 1}, {kind: remove_member, count: 2}]}
`
)

var room = regexp.MustCompile(` There is room for it from [^ ]* on\.`)

// supposed is a write that is asked about, and then done.
type supposed struct {
	claim, method, path string
	body                any
	headers             []string
	want                int
}

// answered does both, and demands that the plan has said what came of it.
func (h *house) answered(t *testing.T, q supposed) {
	t.Helper()
	if q.headers == nil {
		q.headers = []string{}
	}
	before := h.everything(t)
	asked := h.do(q.method, q.path, q.body, append([]string{"Prefer", "dry-run"}, q.headers...)...)
	if diff := cmp.Diff(before, h.everything(t)); diff != "" {
		t.Errorf("%s: the dry run has written (-before +after):\n%s", q.claim, diff)
	}
	done := h.do(q.method, q.path, q.body, q.headers...)
	if done.status != q.want || asked.header.Get("Preference-Applied") != "dry-run" {
		t.Errorf("%s: %d %s", q.claim, done.status, done.raw)
	}
	if asked.text("schemas.0") != dryRunURN {
		// From when on there is room for it again is what only a guard finds out that counts.
		if asked.status != done.status || asked.raw != room.ReplaceAllString(done.raw, "") || asked.header.Get("Retry-After") != done.header.Get("Retry-After") {
			t.Errorf("%s: asked %d %s\ndone %d %s", q.claim, asked.status, asked.raw, done.status, done.raw)
		}
		return
	}
	if asked.text("status") != strconv.Itoa(done.status) || (asked.at("resource") != nil) != (done.body != nil) && done.status != http.StatusNoContent {
		t.Errorf("%s: asked %s\ndone %d %s", q.claim, asked.raw, done.status, done.raw)
		return
	}
	if done.body == nil {
		return
	}
	planned, _ := asked.at("resource").(map[string]any)
	if diff := cmp.Diff(lasting(planned), lasting(done.body)); diff != "" {
		t.Errorf("%s (-asked +done):\n%s", q.claim, diff)
	}
}

// lasting is what a plan can know of a resource.
func lasting(o map[string]any) map[string]any {
	o = maps.Clone(o)
	delete(o, "id")
	delete(o, "meta")
	return o
}

func TestADryRunSaysWhatTheWriteIsThenAnswered(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			path := withRules(t, exampleConfig, strictRules)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(text, strictGuard...), 0o600); err != nil {
				t.Fatal(err)
			}
			h := openHouseFrom(t, path, d.url(t))
			h.overlays = d.overlays
			for _, q := range h.strictQuestions(t) {
				h.answered(t, q)
			}
			for _, e := range h.events(t, journal.StatusUnknown) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// strictQuestions are writes of each kind that are done, and refused for each reason.
func (h *house) strictQuestions(t *testing.T) []supposed {
	t.Helper()
	dn := func(name string) string { return "uid=" + name + "," + h.people }
	h.add(t, dn("boss"), "objectClass", "inetOrgPerson", "uid", "boss", "cn", "Boss", "sn", "Boss", "preferredLanguage", "de")
	h.add(t, dn("twin1"), "objectClass", "inetOrgPerson", "uid", "twin1", "cn", "x", "sn", "x", "employeeNumber", "7")
	h.add(t, dn("twin2"), "objectClass", "inetOrgPerson", "uid", "twin2", "cn", "x", "sn", "x", "employeeNumber", "7")
	h.add(t, dn("clerk"), "objectClass", "inetOrgPerson", "uid", "clerk", "cn", "Clerk", "sn", "Clerk", "employeeNumber", "8", "mail", "clerk@example.org")
	_, boss := h.list("/Users", `userName eq "boss"`)
	if boss != 1 {
		t.Fatalf("%d bosses", boss)
	}
	bossID := h.do("GET", `/Users?filter=userName+eq+"boss"`, nil).want(t, 200).text("Resources.0.id")
	ann, ben, cat, dan, eve := h.user("ann", "title", "Clerk", "preferredLanguage", "en", "externalId", "e-ann"), h.user("ben"), h.user("cat"), h.user("dan"), h.user("eve")
	crew, team := h.group("crew", ann.id(), ben.id(), cat.id(), dan.id()), h.group("team", eve.id())
	old := ann.header.Get("ETag")
	mail := func(text string) []any { return []any{map[string]any{"type": "work", "value": text}} }
	phone := func(text string) []any { return []any{map[string]any{"type": "work", "value": text}} }
	member := func(id string) []any { return []any{map[string]any{"value": id}} }
	const users, groups = "/Users", "/Groups"
	one := func(id string) string { return users + "/" + id }
	change := func(ops ...map[string]any) any { return patch(ops...) }
	return []supposed{
		{"a new user", "POST", users, map[string]any{"userName": "fay", "name": map[string]any{"familyName": "Fay"}, "emails": mail("fay@example.org"), "externalId": "e-fay", "password": "s3cret-of-fay"}, nil, 201},
		{"its name again", "POST", users, map[string]any{"userName": "fay"}, nil, 409},
		{"its name in other letters", "POST", users, map[string]any{"userName": "FAY"}, nil, 409},
		{"its externalId again", "POST", users, map[string]any{"userName": "fay2", "externalId": "e-fay"}, nil, 409},
		{"its mail again", "POST", users, map[string]any{"userName": "fay3", "emails": mail("fay@example.org")}, nil, 409},
		{"no name", "POST", users, map[string]any{"displayName": "x"}, nil, 400},
		{"an unknown manager", "POST", users, map[string]any{"userName": "gus", enterprise: map[string]any{"manager": map[string]any{"value": "nobody"}}}, nil, 400},
		{"more than one who is like it", "POST", users, withNumber("twin", "7"), nil, 409},
		{"one that would be linked, and must be new", "POST", users, withNumber("scribe", "8"), []string{"If-None-Match", "*"}, 412},
		{"one that would be linked, by a name that is taken", "POST", users, withNumber("ann", "8"), nil, 409},
		{"one that is linked", "POST", users, withNumber("scribe", "8", "displayName", "Scribe"), nil, 201},
		{"a group with an unknown member", "POST", groups, map[string]any{"displayName": "new", "members": member("nobody")}, nil, 400},
		{"a group's name again", "POST", groups, map[string]any{"displayName": "Crew"}, nil, 409},
		{"a new group", "POST", groups, map[string]any{"displayName": "new", "members": member(ben.id())}, nil, 201},
		{"a change", "PATCH", one(ann.id()), change(op("replace", "displayName", "Anna"), op("add", "emails", mail("ann@example.org"))), nil, 200},
		{"a change of another version", "PATCH", one(ann.id()), change(op("replace", "displayName", "x")), []string{"If-Match", old}, 412},
		{"nothing to change", "PATCH", one(ann.id()), change(op("replace", "displayName", "Anna")), nil, 200},
		{"a rename", "PATCH", one(ann.id()), change(op("replace", "userName", "anna")), nil, 200},
		{"a rename to a name that is taken", "PATCH", one(ann.id()), change(op("replace", "userName", "ben")), nil, 409},
		{"a protected attribute of SCIM", "PATCH", one(ann.id()), change(op("replace", "title", "Chief")), nil, 403},
		{"a protected attribute of the directory", "PATCH", one(ann.id()), change(op("replace", "preferredLanguage", "fr")), nil, 403},
		{"a protected record", "PATCH", one(bossID), change(op("replace", "displayName", "x")), nil, 403},
		{"a rename of a protected record", "PATCH", one(bossID), change(op("replace", "userName", "boss2")), nil, 403},
		{"what is no boolean", "PATCH", one(ann.id()), change(op("replace", "active", "perhaps")), nil, 400},
		{"an unknown attribute", "PATCH", one(ann.id()), change(op("replace", "shoeSize", "44")), nil, 400},
		{"an id", "PATCH", one(ann.id()), change(op("replace", "id", "x")), nil, 400},
		{"a mail that its syntax does not allow", "PATCH", one(ann.id()), change(op("replace", "emails", mail("änn@example.org"))), nil, 400},
		{"a new user with such a mail", "POST", users, map[string]any{"userName": "gil", "emails": mail("gül@example.org")}, nil, 400},
		{"a telephone number that its syntax does not allow", "PATCH", one(ann.id()), change(op("add", "phoneNumbers", phone("+49 30 1234 #5"))), nil, 400},
		{"a telephone number that it does", "PATCH", one(ann.id()), change(op("add", "phoneNumbers", phone("+49 (30) 12-34.5"))), nil, 200},
		{"nobody", "PATCH", one("00000000-0000-4000-8000-000000000000"), change(op("replace", "displayName", "x")), nil, 404},
		{"a replacement", "PUT", one(cat.id()), map[string]any{"userName": "cat", "name": map[string]any{"familyName": "Cat"}, "displayName": "Cat"}, nil, 200},
		{"a replacement by a name that is taken", "PUT", one(cat.id()), map[string]any{"userName": "ben"}, nil, 409},
		{"a replacement by an externalId that is taken", "PUT", one(cat.id()), map[string]any{"userName": "cat", "externalId": "e-ann"}, nil, 409},
		{"a replacement of another version", "PUT", one(cat.id()), map[string]any{"userName": "cat"}, []string{"If-Match", old}, 412},
		{"a replacement without what is protected", "PUT", one(ann.id()), map[string]any{"userName": "anna"}, nil, 403},
		{"a replacement of a protected record", "PUT", one(bossID), map[string]any{"userName": "boss", "displayName": "x"}, nil, 403},
		{"a member more", "PATCH", groups + "/" + team.id(), change(op("add", "members", member(ann.id()))), nil, 204},
		{"a member who is unknown", "PATCH", groups + "/" + team.id(), change(op("add", "members", member("nobody"))), nil, 400},
		{"more members less than may be", "PATCH", groups + "/" + crew.id(), change(op("remove", "members", nil)), nil, 403},
		{"a member less", "PATCH", groups + "/" + crew.id(), change(op("remove", fmt.Sprintf(`members[value eq "%s"]`, dan.id()), nil)), nil, 204},
		{"one who is disabled", "PATCH", one(dan.id()), change(op("replace", "active", false)), nil, 200},
		{"one more who is disabled", "PATCH", one(eve.id()), change(op("replace", "active", false)), nil, 403},
		{"a delete of another version", "DELETE", one(ben.id()), nil, []string{"If-Match", old}, 412},
		{"a delete of a protected record", "DELETE", one(bossID), nil, nil, 403},
		{"a delete", "DELETE", one(dan.id()), nil, nil, 204},
		{"its delete again", "DELETE", one(dan.id()), nil, nil, 404},
		{"a second delete", "DELETE", one(eve.id()), nil, nil, 204},
		{"a third delete", "DELETE", one(cat.id()), nil, nil, 403},
	}
}

func TestADryRunOfABulkRequestSaysWhatEachOperationIsThenAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, first *house) {
		h := first.beside(t, "scim: {dry_run: true}\nguard: {limits: [{kind: delete, count: 1}]}")
		ann, ben, cat := h.user("ann"), h.user("ben"), h.user("cat")
		operation := func(method, path string, data any) any {
			o := map[string]any{"method": method, "path": path, "data": data}
			if method == "POST" {
				o["bulkId"] = path + fmt.Sprint(data)
			}
			return o
		}
		body := map[string]any{"Operations": []any{
			operation("POST", "/Users", map[string]any{"userName": "dan"}),
			operation("POST", "/Users", map[string]any{"userName": "BEN"}),
			operation("PATCH", "/Users/"+ann.id(), patch(op("replace", "displayName", "Anna"))),
			operation("PATCH", "/Users/"+ann.id(), patch(op("replace", "active", "perhaps"))),
			operation("PUT", "/Users/"+cat.id(), map[string]any{"userName": "ben"}),
			operation("PUT", "/Users/nobody", map[string]any{"userName": "nobody"}),
			operation("DELETE", "/Users/"+ben.id(), nil),
			operation("DELETE", "/Users/nobody", nil),
			operation("DELETE", "/Users/"+ann.id()+"?dryRun=true", nil),
		}}
		asked, done := h.do("POST", "/Bulk", body, "Prefer", "dry-run").want(t, 200), h.do("POST", "/Bulk", body).want(t, 200)
		for i := range 9 {
			at := fmt.Sprintf("Operations.%d.", i)
			planned := asked.text(at+"response.schemas.0") == dryRunURN
			said := asked.text(at + "status")
			if planned {
				said = asked.text(at + "response.status")
			}
			if said != done.text(at+"status") || !planned && room.ReplaceAllString(fmt.Sprint(done.at(at+"response")), "") != fmt.Sprint(asked.at(at+"response")) || strings.HasPrefix(said, "5") {
				t.Errorf("%d: asked %v\ndone %v", i, asked.at(fmt.Sprint("Operations.", i)), done.at(fmt.Sprint("Operations.", i)))
			}
		}
	})
}
