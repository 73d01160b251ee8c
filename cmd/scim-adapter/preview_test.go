package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

const dryRunURN = "urn:scim-adapter:api:messages:1.0:DryRun"

// beside is a second adapter over what the house is over, with more in its configuration.
func (h *house) beside(t *testing.T, more string) *house {
	t.Helper()
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	second := *h
	second.config = filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(second.config, append(text, "\n"+more+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	second.serve(second.config, h.url)
	return &second
}

// events are those of the house's journal, with a status.
func (h *house) events(t *testing.T, status string) []journal.Event {
	t.Helper()
	var all []journal.Event
	for e, err := range h.world.store.Events(context.Background(), journal.Filter{Statuses: []string{status}}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// script is all that a plan would send.
func (a answer) script() string {
	var lines []string
	steps, _ := a.body["steps"].([]any)
	for _, s := range steps {
		for _, line := range s.(map[string]any)["script"].([]any) {
			lines = append(lines, line.(string))
		}
	}
	return strings.Join(lines, "\n")
}

// planned demands a dry run's answer.
func (a answer) planned(t *testing.T, status string) answer {
	t.Helper()
	a.want(t, 200)
	if a.text("schemas.0") != dryRunURN || a.text("status") != status || a.header.Get("Preference-Applied") != "dry-run" || a.header.Get("ETag") != "" {
		t.Fatalf("%v %s", a.header, a.raw)
	}
	return a
}

func TestADryRunTellsWhatAWriteWouldDoAndDoesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, first *house) {
		h := first.beside(t, "scim: {dry_run: true}")
		ann, ben := h.user("ann", "displayName", "Ann"), h.user("ben")
		group := h.group("crew", ann.id())
		before, events := h.everything(t), len(h.events(t, journal.StatusDone))
		dry := []string{"Prefer", "respond-async, DRY-RUN; wait=10"}

		made := h.do("POST", "/Users?dryRun=TRUE", map[string]any{
			"userName": "newcomer", "name": map[string]any{"familyName": "New"}, "password": "not-to-be-shown-1", "externalId": "e-1", "shoeSize": "44",
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"manager": map[string]any{"value": ann.id()}},
		}).planned(t, "201")
		if strings.Contains(made.raw, "not-to-be-shown") || made.at("resource.id") != nil || made.text("resource.userName") != "newcomer" || made.text("resource.externalId") != "e-1" ||
			made.text("resource.urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager.value") != ann.id() || made.at("resource.meta.location") != nil || made.at("resource.meta.version") != nil {
			t.Errorf("%s", made.raw)
		}
		if s := made.script(); !strings.Contains(s, "newcomer") || strings.Contains(s, "5ad05ad0") || !strings.Contains(s, h.pointer(t, ann.id())) {
			t.Errorf("the script:\n%s", s)
		}
		if mapped := h.tables != nil && h.tables.kind.everything; !mapped && !strings.Contains(made.raw, "shoeSize is not mapped") {
			t.Errorf("what would be dropped is not told: %s", made.raw)
		}

		changed := h.do("PATCH", "/Users/"+ann.id(), patch(op("replace", "displayName", "Anna")), dry...).planned(t, "200")
		if changed.text("resource.displayName") != "Anna" || changed.text("changes.0.path") != "displayName" || changed.text("changes.0.before") != "Ann" || changed.text("changes.0.after") != "Anna" || !strings.Contains(changed.script(), "Anna") {
			t.Errorf("%s", changed.raw)
		}
		renamed := h.do("PATCH", "/Users/"+ann.id(), patch(op("replace", "userName", "anna")), dry...).planned(t, "200")
		if renamed.text("resource.userName") != "anna" || !strings.Contains(renamed.script(), "anna") {
			t.Errorf("%s", renamed.raw)
		}
		replaced := h.do("PUT", "/Users/"+ann.id(), map[string]any{"userName": "ann", "name": map[string]any{"familyName": "Other"}}, dry...).planned(t, "200")
		if replaced.text("changes.0.path") == "" || replaced.text("resource.name.familyName") != "Other" {
			t.Errorf("%s", replaced.raw)
		}
		joined := h.do("PATCH", "/Groups/"+group.id(), patch(op("add", "members", []any{map[string]any{"value": ann.id()}, map[string]any{"value": ben.id()}})), dry...).planned(t, "204")
		if s := joined.script(); !strings.Contains(s, h.pointer(t, ben.id())) || strings.Contains(s, h.pointer(t, ann.id())) {
			t.Errorf("who is in the group already is planned again:\n%s", s)
		}
		gone := h.do("DELETE", "/Users/"+ann.id(), nil, dry...).planned(t, "204")
		if gone.at("resource") != nil || len(gone.body["steps"].([]any)) < 1 {
			t.Errorf("%s", gone.raw)
		}
		h.do("POST", "/Users", map[string]any{"userName": "ben"}, dry...).wantError(t, 409, "uniqueness")
		h.do("POST", "/Groups", map[string]any{"displayName": "x", "members": []any{map[string]any{"value": "nobody"}}}, dry...).wantError(t, 400, "invalidValue")
		if a := h.do("DELETE", "/Users/"+ann.id(), nil, append(dry, "If-Match", `W/"x"`)...).want(t, 412); a.header.Get("Preference-Applied") != "dry-run" {
			t.Errorf("%v", a.header)
		}
		h.do("PATCH", "/Users/nobody", patch(op("replace", "displayName", "x")), dry...).wantError(t, 404, "")

		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("a dry run has written (-before +after):\n%s", diff)
		}
		if now := len(h.events(t, journal.StatusDone)); now != events || len(h.events(t, journal.StatusShadow)) > 0 {
			t.Errorf("a dry run is journaled: %d events, %d before", now, events)
		}
	})
}

func TestABulkRequestIsPlannedOperationByOperation(t *testing.T) {
	everywhere(t, func(t *testing.T, first *house) {
		h := first.beside(t, "scim: {dry_run: true}")
		ann := h.user("ann")
		before := h.everything(t)
		a := h.do("POST", "/Bulk?dryRun=true", map[string]any{"Operations": []any{
			map[string]any{"method": "POST", "path": "/Users", "bulkId": "q", "data": map[string]any{"userName": "bulky"}},
			map[string]any{"method": "POST", "path": "/Groups", "bulkId": "g", "data": map[string]any{"displayName": "bulkies", "members": []any{map[string]any{"value": "bulkId:q"}}}},
			map[string]any{"method": "PATCH", "path": "/Users/" + ann.id(), "data": patch(op("replace", "displayName", "Anna"))},
			map[string]any{"method": "DELETE", "path": "/Users/" + ann.id()},
			map[string]any{"method": "DELETE", "path": "/Users/bulkId:q"},
		}}).want(t, 200)
		for i, want := range []string{"200 201", "409 ", "200 200", "200 204", "409 "} {
			path := fmt.Sprintf("Operations.%d.", i)
			got := a.text(path+"status") + " "
			if a.text(path+"response.schemas.0") == dryRunURN {
				got += a.text(path + "response.status")
			}
			if got != want || a.text(path+"location") != "" && i < 2 {
				t.Errorf("operation %d: %s, want %s", i, got, want)
			}
		}
		if a.text("Operations.0.response.resource.userName") != "bulky" || !strings.Contains(a.text("Operations.1.response.detail"), "dry run") || a.text("Operations.2.response.resource.displayName") != "Anna" {
			t.Errorf("%s", a.raw)
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("a dry run has written (-before +after):\n%s", diff)
		}
	})
}

func TestAShadowAnswersAndTouchesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, real *house) {
		ann := real.user("ann", "displayName", "Ann")
		crew := real.group("crew", ann.id())
		before := real.everything(t)
		h := real.beside(t, "scim: {mode: shadow, dry_run: true}")

		made := h.user("zoe", "displayName", "Zoe", "externalId", "e-1")
		id := made.id()
		if id == "" || made.header.Get("Location") != h.scimClient.base+"/Users/"+id || made.text("externalId") != "e-1" || made.header.Get("ETag") == "" {
			t.Fatalf("%v %s", made.header, made.raw)
		}
		got := h.do("GET", "/Users/"+id, nil).want(t, 200)
		if got.text("userName") != "zoe" || got.text("displayName") != "Zoe" || got.text("externalId") != "e-1" || got.header.Get("ETag") != made.header.Get("ETag") {
			t.Errorf("a shadow's own: %s\nmade as %s", got.raw, made.raw)
		}
		h.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "Zoë"), op("replace", "externalId", "e-2")), "If-Match", got.header.Get("ETag")).want(t, 200)
		h.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "late")), "If-Match", got.header.Get("ETag")).want(t, 412)
		h.do("PATCH", "/Users/"+id, patch(op("replace", "userName", "zora"))).want(t, 200)
		if a := h.do("GET", "/Users/"+id, nil).want(t, 200); a.text("displayName") != "Zoë" || a.text("userName") != "zora" || a.text("externalId") != "e-2" || a.text("name.familyName") != "Family" {
			t.Errorf("%s", a.raw)
		}
		team := h.group("team", id, ann.id())
		if a := h.do("GET", "/Groups/"+team.id(), nil).want(t, 200); len(a.body["members"].([]any)) != 2 {
			t.Errorf("%s", a.raw)
		}
		h.do("PATCH", "/Groups/"+crew.id(), patch(op("add", "members", []any{map[string]any{"value": id}}))).want(t, 204)
		if a := h.do("PATCH", "/Users/"+ann.id(), patch(op("replace", "displayName", "Anna"))).want(t, 200); a.text("displayName") != "Anna" || a.header.Get("ETag") != h.do("GET", "/Users/"+ann.id(), nil).header.Get("ETag") {
			t.Errorf("%v %s", a.header, a.raw)
		}
		h.do("PUT", "/Users/"+id, map[string]any{"userName": "zora", "name": map[string]any{"familyName": "Zed"}}).want(t, 200)
		h.do("DELETE", "/Users/"+ann.id(), nil).want(t, 204)
		h.do("POST", "/Users", map[string]any{"userName": "ann"}).wantError(t, 409, "uniqueness")
		if a := h.do("PATCH", "/Users/"+id+"?dryRun=true", patch(op("replace", "displayName", "never"))).planned(t, "200"); a.text("resource.displayName") != "never" || a.text("steps.0.id") != id {
			t.Errorf("%s", a.raw)
		}

		again := h.reopened(t)
		if a := again.do("GET", "/Users/"+id, nil).want(t, 200); a.text("name.familyName") != "Zed" || a.text("displayName") == "never" {
			t.Errorf("after a restart: %s", a.raw)
		}
		if a := again.do("GET", "/Groups/"+team.id(), nil).want(t, 200); len(a.body["members"].([]any)) != 2 {
			t.Errorf("after a restart: %s", a.raw)
		}
		if found, n := again.list("/Users", `userName eq "zora"`); n != 0 {
			t.Errorf("a search shows what is not there: %v", found)
		}
		again.do("DELETE", "/Users/"+id, nil).want(t, 204)
		again.do("GET", "/Users/"+id, nil).want(t, 404)
		again.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "x"))).want(t, 404)
		again.do("DELETE", "/Users/"+id, nil).want(t, 404)

		if diff := cmp.Diff(before, again.everything(t)); diff != "" {
			t.Errorf("the shadow has written (-before +after):\n%s", diff)
		}
		again.shadowEvents(t, id)
	})
}

// reopened is the same adapter over the same journal, in another process as it were.
func (h *house) reopened(t *testing.T) *house {
	t.Helper()
	h.world.close()
	second := *h
	p, err := load(h.config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	if second.world, err = build(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.world.close)
	server := httptest.NewServer(second.world.handler)
	t.Cleanup(server.Close)
	second.scimClient.base = server.URL + "/scim/v2"
	return &second
}

// shadowEvents demands that the journal has what was answered, and that nobody can take it back.
func (h *house) shadowEvents(t *testing.T, id string) {
	t.Helper()
	var actions []string
	for _, e := range h.events(t, journal.StatusShadow) {
		if e.ResourceID() == id {
			actions = append(actions, e.Intent.Action)
		}
		if len(e.Intent.Steps) == 0 || len(e.Outcome.Steps) != len(e.Intent.Steps) || e.Outcome.Error != "" {
			t.Errorf("%+v", e)
		}
		out, err := h.undoing(undoRun{yes: true}, func(u *undoRun) error { return u.undo(t.Context(), []string{string(e.Intent.ID)}) })
		if err != nil || !strings.Contains(out, "only planned") {
			t.Errorf("undo: %v %s", err, out)
		}
	}
	if !slices.Equal(actions, []string{"create", "patch", "patch", "replace", "delete"}) {
		t.Errorf("%v", actions)
	}
	if done := h.events(t, journal.StatusDone); len(done) > 0 {
		t.Errorf("%d events say that something was done", len(done))
	}
	if shadowed := h.world.service.Stats().Shadowed; shadowed != 1 {
		t.Errorf("%d writes are counted", shadowed)
	}
}

func TestTheGuardIsAskedAndNothingIsTaken(t *testing.T) {
	everywhere(t, func(t *testing.T, first *house) {
		real := first.beside(t, "scim: {dry_run: true}\nguard: {limits: [{kind: delete, count: 1}, {kind: remove_member, count: 1}]}")
		ann, ben := real.user("ann"), real.user("ben")
		crew := real.group("crew", ann.id(), ben.id())
		for range 3 {
			a := real.do("DELETE", "/Users/"+ann.id()+"?dryRun=true", nil).planned(t, "204")
			if !strings.Contains(a.raw, "delete: 1 in 1h for each client; this client has used 0, and this takes 1.") {
				t.Errorf("%s", a.raw)
			}
		}
		a := real.do("DELETE", "/Groups/"+crew.id()+"?dryRun=true", nil).wantError(t, 403, "")
		if !strings.Contains(a.text("detail"), "members") || a.header.Get("Preference-Applied") != "dry-run" {
			t.Errorf("%v %s", a.header, a.raw)
		}
		real.do("DELETE", "/Users/"+ann.id(), nil).want(t, 204)
		real.do("DELETE", "/Users/"+ben.id()+"?dryRun=true", nil).wantError(t, 403, "")
		if refused := real.events(t, journal.StatusRefused); len(refused) > 0 || real.world.service.Stats().Guarded[journal.GuardDelete] > 0 {
			t.Errorf("a dry run that the guard would refuse is journaled or counted: %+v", refused)
		}

		shadow := first.beside(t, "scim: {mode: shadow}\nguard: {limits: [{kind: delete, count: 1}, {kind: remove_member, count: 1}]}")
		for range 3 {
			shadow.do("DELETE", "/Users/"+ben.id(), nil).want(t, 204)
		}
		events := shadow.events(t, journal.StatusShadow)
		if len(events) != 3 || len(events[0].Intent.Weights) != 1 || events[0].Intent.Weights[0].Kind != journal.GuardDelete {
			t.Errorf("%+v", events)
		}
		more := real.user("more").id()
		real.do("PATCH", "/Groups/"+crew.id(), patch(op("add", "members", []any{map[string]any{"value": more}}))).want(t, 204)
		shadow.do("DELETE", "/Groups/"+crew.id(), nil).wantError(t, 403, "")
		if refused := shadow.events(t, journal.StatusRefused); len(refused) != 1 {
			t.Errorf("%+v", refused)
		}
		real.do("GET", "/Groups/"+crew.id(), nil).want(t, 200)
	})
}

func TestAShadowStandsInEitherJournal(t *testing.T) {
	everyJournal(t, "scim: {mode: shadow}\n", func(t *testing.T, a *audited) {
		id := a.person("zoe", "Zed")
		a.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "Zoë"))).want(t, 200)
		if got := a.do("GET", "/Users/"+id, nil).want(t, 200); got.text("displayName") != "Zoë" || got.text("name.familyName") != "Zed" {
			t.Errorf("%s", got.raw)
		}
		listed := eventsOf(t, a.audit("list", "--status", "shadow", "--output", "json"))
		if len(listed) != 2 || listed[0]["status"] != "shadow" || listed[1]["status"] != "shadow" {
			t.Errorf("%v", listed)
		}
		a.do("DELETE", "/Users/"+id, nil).want(t, 204)
		a.do("GET", "/Users/"+id, nil).want(t, 404)
		if _, n := a.list("/Users", ""); n != 0 {
			t.Errorf("%d users were made", n)
		}
	})
}
