package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// exported are the lines of an export for a subject: the head, what was found by what it is, and the end.
type exported struct {
	head, end map[string]any
	events    map[string][]map[string]any // by why
	others    map[string][]map[string]any // snapshots, overlay
	text      string
}

func (a *audited) subject(id string, more ...string) exported {
	a.t.Helper()
	x := exported{events: map[string][]map[string]any{}, others: map[string][]map[string]any{}}
	x.text = a.audit(append([]string{"export", "--subject", "User/" + id}, more...)...)
	list := eventsOf(a.t, x.text)
	x.head, x.end = list[0], list[len(list)-1]
	if x.head["what"] == nil || x.end["found"] != "end" {
		a.t.Fatalf("it begins with %v and ends with %v", x.head, x.end)
	}
	for _, line := range list[1 : len(list)-1] {
		if line["found"] != "event" {
			kind := line["found"].(string) //nolint:forcetypeassert // it fails the test
			x.others[kind] = append(x.others[kind], line)
			continue
		}
		var because []string
		for _, b := range line["because"].([]any) { //nolint:forcetypeassert // it fails the test
			because = append(because, b.(string)) //nolint:forcetypeassert // it fails the test
		}
		why := strings.Join(because, " ")
		x.events[why] = append(x.events[why], line)
	}
	return x
}

// actions are what the events of a reason did.
func (x exported) actions(why string) string {
	var list []string
	for _, line := range x.events[why] {
		e := line["event"].(map[string]any) //nolint:forcetypeassert // it fails the test
		list = append(list, e["action"].(string)+" "+e["resource_type"].(string))
	}
	return strings.Join(list, ", ")
}

func membersOf(ids ...string) (list []any) {
	for _, id := range ids {
		list = append(list, map[string]any{"value": id})
	}
	return list
}

func TestAPersonIsToldWhatIsKept(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		ada, grace := a.person("ada", "Lovelace"), a.person("grace", "Hopper")
		a.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Countess"))).want(t, 200)
		a.do("PATCH", "/Users/"+grace, patch(op("replace", "title", "ada"))).want(t, 200) // the same word elsewhere is nobody
		crew := a.do("POST", "/Groups", map[string]any{"displayName": "crew", "members": membersOf(ada, grace)}).want(t, 201).id()
		a.do("PATCH", "/Groups/"+crew, patch(op("remove", `members[value eq "`+ada+`"]`, nil))).want(t, 204)
		a.do("PATCH", "/Groups/"+crew, patch(op("replace", "displayName", "team"))).want(t, 204)
		a.do("PATCH", "/Users/"+grace, patch(op("replace", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", map[string]any{"value": ada}))).want(t, 200)
		a.do("DELETE", "/Users/"+ada, nil).want(t, 204)

		x := a.subject(ada)
		if got := x.actions("subject"); got != "create User, patch User, delete User" {
			t.Errorf("its own events are %s\n%s", got, x.text)
		}
		values := x.actions("value")
		if !strings.HasPrefix(values, "create Group, patch Group") {
			t.Errorf("events that name it are %s\n%s", values, x.text)
		}
		if !strings.Contains(x.text, "Countess") || strings.Contains(x.text, "Hopper") || strings.Contains(x.text, `"`+grace+`"}`) {
			t.Errorf("it says too little, or of others:\n%s", x.text)
		}
		first := x.events["value"][0]["values"].([]any) //nolint:forcetypeassert // it fails the test
		if len(first) < 2 || !strings.Contains(x.text, `"where":"diff","attribute":"members","op":"add","value":{"value":"`+ada+`"`) {
			t.Errorf("where it is named: %v", first)
		}
		if names, _ := json.Marshal(x.head["names"]); !strings.Contains(string(names), "ada") {
			t.Errorf("its names are %s", names)
		}
		if x.end["events_as_subject"] != 3.0 || x.end["events_as_actor"] != 0.0 {
			t.Errorf("the end is %v", x.end)
		}
		x = a.subject(ada, "--as-actor", "tests", "--as-actor", "nobody")
		if got := x.actions("actor"); !strings.Contains(got, "create User, patch User") || len(x.events["subject actor"]) != 3 || strings.Contains(x.text, "Hopper") {
			t.Errorf("as actor: %s\n%s", got, x.text)
		}
		if none := a.subject("nobody-has-it"); len(none.events)+len(none.others) > 0 || none.end["events_as_subject"] != 0.0 {
			t.Errorf("of nobody there is\n%s", none.text)
		}
	})
}

func TestWhatSnapshotsAndTheOverlayHaveOfAPersonIsTold(t *testing.T) {
	everyJournal(t, "", func(t *testing.T, a *audited) {
		if a.admin == "" {
			t.Skip("snapshots lie in PostgreSQL")
		}
		ada, grace := a.person("ada", "Lovelace"), a.person("grace", "Hopper")
		for range 2 {
			if out, err := command("backup", "create", "--config", a.path, "--type", "User"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		store, scope := a.world.store, journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}
		for id, value := range map[string]string{ada: "e-1", grace: "e-2"} {
			if err := store.Save(t.Context(), scope, backends.Key(id), map[string]string{"externalId": value}, nil); err != nil {
				t.Fatal(err)
			}
		}
		x := a.subject(ada)
		if len(x.others["snapshot"]) != 1 || len(x.others["overlay"]) != 1 || !strings.Contains(x.text, `"attribute":"externalId","value":"e-1"`) || strings.Contains(x.text, "Hopper") {
			t.Fatalf("there is\n%s", x.text)
		}
		held := x.others["snapshot"][0]["snapshot"].(map[string]any)                                                                            //nolint:forcetypeassert // it fails the test
		if len(held["snapshots"].([]any)) != 2 || held["record"] == nil || x.end["snapshot_records"] != 1.0 || x.end["overlay_values"] != 1.0 { //nolint:forcetypeassert // it fails the test
			t.Errorf("the snapshots have %v, the end is %v", held, x.end)
		}
		if out, err := command("audit", "forget", "User/"+ada, "--config", a.path, "--database-url", a.admin, "--yes"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		x = a.subject(ada)
		if got := x.actions("subject"); got != "create User, forget User" || x.end["destroyed"] != 2.0 || len(x.others["overlay"]) != 0 || strings.Contains(x.text, "Lovelace") {
			t.Errorf("of who was forgotten there is %s\n%s", got, x.text)
		}
		if !strings.Contains(x.text, `"forgotten":true`) || !strings.Contains(x.text, `"destroyed":true`) {
			t.Errorf("what is destroyed is not named:\n%s", x.text)
		}
	})
}

func TestARequestForDataIsAboutEverything(t *testing.T) {
	config := configFor(t, pgtest.Database(t).Admin)
	for _, args := range [][]string{{"--subject", "ada"}, {"--subject", "User/"}, {"--subject", "User/a", "--since", "1h"}, {"--subject", "User/a", "-o", "csv"}, {"--subject", "User/a", "--to", "stdout"}, {"--as-actor", "a"}} {
		if code := run(t.Context(), slices.Concat([]string{"audit", "export", "--config", config}, args)); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	if _, faults := configs.Load(config); len(faults) > 0 {
		t.Fatal(faults)
	}
}
