package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// broken is a rule of a database that a client breaks.
type broken struct {
	resource, attr string // /Users, and a path in it
	value          any
	status         int
	scimType, says string // says stands in the sentence that the client reads
}

// brokenRules are the rules of each world's tables, and some that are made for the test.
var brokenRules = map[string]struct {
	rules string
	cases map[string]broken
}{
	"postgres-scim": {
		rules: `CREATE UNIQUE INDEX users_nick_name ON scim.users (tenant_id, (data->>'nickName'));
CREATE UNIQUE INDEX users_family_name ON scim.users (tenant_id, lower(data->'name'->>'familyName'));
ALTER TABLE scim.users ADD CONSTRAINT no_root CHECK (username !~ '^root');
CREATE TABLE scim.known (external_id varchar(255) PRIMARY KEY);
INSERT INTO scim.known VALUES ('taken-1'), ('taken-2');
GRANT SELECT, REFERENCES ON scim.known TO PUBLIC;
ALTER TABLE scim.users ADD CONSTRAINT users_known FOREIGN KEY (external_id) REFERENCES scim.known`,
		cases: map[string]broken{
			"a name in other letters":  {"/Users", "userName", "TAKEN", 409, "uniqueness", "userName"},
			"an external id":           {"/Users", "externalId", "taken-1", 409, "uniqueness", "externalId"},
			"a place in the document":  {"/Users", "nickName", "Taken", 409, "uniqueness", "nickName"},
			"one further down":         {"/Users", "name.familyName", "tAKEN", 409, "uniqueness", "name.familyName"},
			"a check":                  {"/Users", "userName", "root", 400, "invalidValue", "userName"},
			"a reference to nothing":   {"/Users", "externalId", "nobody", 400, "invalidValue", "externalId"},
			"a name that is too long":  {"/Users", "userName", strings.Repeat("ö", 256), 400, "invalidValue", "userName"},
			"an id that is too long":   {"/Users", "externalId", strings.Repeat("x", 256), 400, "invalidValue", "externalId"},
			"a group in other letters": {"/Groups", "displayName", "TAKEN", 409, "uniqueness", "displayName"},
			"a group's external id":    {"/Groups", "externalId", "taken-1", 409, "uniqueness", "externalId"},
			"a group that is too long": {"/Groups", "displayName", strings.Repeat("x", 256), 400, "invalidValue", "displayName"},
			"a NUL in a column":        {"/Users", "userName", "a\x00b", 400, "invalidValue", "userName"},
			"a NUL in the document":    {"/Users", "displayName", "a\x00b", 400, "invalidValue", "displayName"},
			"a NUL in an element":      {"/Users", "emails", []any{map[string]any{"value": "a\x00@b"}}, 400, "invalidValue", "emails"},
			"a NUL in an external id":  {"/Users", "externalId", "a\x00b", 400, "invalidValue", "externalId"},
			"a NUL in a group's name":  {"/Groups", "displayName", "a\x00b", 400, "invalidValue", "displayName"},
		},
	},
	"hr-tables": {
		rules: `CREATE TABLE hr.cost_center (code varchar(40) PRIMARY KEY);
GRANT SELECT ON hr.cost_center TO PUBLIC;
ALTER TABLE hr.person ADD CONSTRAINT person_cost_center FOREIGN KEY (cost_center) REFERENCES hr.cost_center;
ALTER TABLE hr.person ADD CONSTRAINT person_language CHECK (language <> 'tlh')`,
		cases: map[string]broken{
			"a name in other letters":   {"/Users", "userName", "TAKEN", 409, "uniqueness", "userName"},
			"a check":                   {"/Users", "preferredLanguage", "tlh", 400, "invalidValue", "preferredLanguage"},
			"a check of other rows":     {"/Users", "emails", []any{map[string]any{"value": "nobody", "type": "work"}}, 400, "invalidValue", "emails"},
			"a reference to nothing":    {"/Users", enterpriseURN + ":costCenter", "4711", 400, "invalidValue", "costCenter"},
			"a name that is too long":   {"/Users", "userName", strings.Repeat("x", 256), 400, "invalidValue", "userName"},
			"a number that is too long": {"/Users", "phoneNumbers", []any{map[string]any{"value": strings.Repeat("1", 61), "type": "work"}}, 400, "invalidValue", "phoneNumbers"},
			"a group in other letters":  {"/Groups", "displayName", "TAKEN", 409, "uniqueness", "displayName"},
			"a group that is too long":  {"/Groups", "displayName", strings.Repeat("x", 256), 400, "invalidValue", "displayName"},
			"a NUL in a column":         {"/Users", "displayName", "a\x00b", 400, "invalidValue", "displayName"},
			"a NUL in a row":            {"/Users", "phoneNumbers", []any{map[string]any{"value": "1\x00", "type": "work"}}, 400, "invalidValue", "phoneNumbers"},
			"a NUL in what we keep":     {"/Users", "externalId", "a\x00b", 400, "invalidValue", "externalId"},
		},
	},
}

const enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// A rule of the database that a client breaks is told by the attribute that the client has sent, whichever way it came.
func TestARuleOfTheDatabaseIsToldByTheAttribute(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			rules := brokenRules[w.name]
			w.scripts = append(w.scripts, rules.rules)
			h := openTables(t, w)
			taken := map[string]any{"userName": "taken", "externalId": "taken-1"}
			if w.everything {
				maps.Copy(taken, map[string]any{"nickName": "Taken", "name": map[string]any{"familyName": "Taken"}})
			}
			h.do("POST", "/Users", taken).want(t, 201)
			h.do("POST", "/Groups", map[string]any{"displayName": "taken", "externalId": "taken-1"}).want(t, 201)
			mine := map[string]string{
				"/Users":  h.do("POST", "/Users", map[string]any{"userName": "mine"}).want(t, 201).text("id"),
				"/Groups": h.do("POST", "/Groups", map[string]any{"displayName": "mine"}).want(t, 201).text("id"),
			}
			for name, b := range rules.cases {
				t.Run(name, func(t *testing.T) { b.everyWay(t, h, mine[b.resource]) })
			}
			if _, n := h.list("/Users", ""); n != 2 {
				t.Errorf("%d users", n)
			}
		})
	}
}

// everyWay breaks the rule in each way in which a resource is written.
func (b broken) everyWay(t *testing.T, h *house, id string) {
	body := func(name string) map[string]any {
		resource := map[string]any{"userName": name}
		if b.resource == "/Groups" {
			resource = map[string]any{"displayName": name}
		}
		urn, attr, within := strings.Cut(b.attr, ":costCenter")
		first, sub, nested := strings.Cut(b.attr, ".")
		switch {
		case within && attr == "":
			resource[urn] = map[string]any{"costCenter": b.value}
		case nested:
			resource[first] = map[string]any{sub: b.value}
		default:
			resource[b.attr] = b.value
		}
		return resource
	}
	change := patch(op("replace", b.attr, b.value))
	for way, a := range map[string]answer{
		"POST":  h.do("POST", b.resource, body("fresh")),
		"PUT":   h.do("PUT", b.resource+"/"+id, body("mine")),
		"PATCH": h.do("PATCH", b.resource+"/"+id, change),
	} {
		if a.status != b.status || a.text("scimType") != b.scimType || !strings.Contains(a.text("detail"), b.says) {
			t.Errorf("%s: %d %s", way, a.status, a.raw)
		}
	}
	bulk := h.do("POST", "/Bulk", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []any{
		map[string]any{"method": "POST", "bulkId": "1", "path": b.resource, "data": body("fresh")},
		map[string]any{"method": "PATCH", "path": b.resource + "/" + id, "data": change},
	}}).want(t, 200)
	for i, each := range bulk.body["Operations"].([]any) {
		o, _ := each.(map[string]any)
		response, _ := o["response"].(map[string]any)
		if o["status"] != fmt.Sprint(b.status) || response["scimType"] != b.scimType || !strings.Contains(fmt.Sprint(response["detail"]), b.says) {
			t.Errorf("operation %d: %v", i+1, o)
		}
	}
}

// A document holds what a client has sent of an element, and nothing of whether it is primary unless that was said.
func TestADocumentHoldsOfAnElementWhatWasSent(t *testing.T) {
	h := openTables(t, tableWorlds(t)[0])
	a := h.user("ada", "phoneNumbers", []any{map[string]any{"value": "1", "type": "work"}, map[string]any{"value": "2", "primary": false}})
	const stored = "SELECT data->>'phoneNumbers' FROM scim.users WHERE id::text = $1"
	if got := h.tables.admin.texts(stored, a.id()); !slices.Equal(got, []string{`[{"type": "work", "value": "1"}, {"value": "2", "primary": false}]`}) {
		t.Errorf("stored is %s", got)
	}
	if strings.Count(a.raw, `"primary"`) != 1 {
		t.Errorf("answered: %s", a.raw)
	}
	h.do("PATCH", "/Users/"+a.id(), patch(op("replace", `phoneNumbers[type eq "work"].value`, "3"))).want(t, 200)
	if got := h.tables.admin.texts(stored, a.id()); !slices.Equal(got, []string{`[{"type": "work", "value": "3"}, {"value": "2", "primary": false}]`}) {
		t.Errorf("stored after a change is %s", got)
	}
}
