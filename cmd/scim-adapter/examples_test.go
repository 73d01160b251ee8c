package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// TestTheExamplesAreGood holds each example to what `check` asks: it compiles, and its own tests hold.
func TestTheExamplesAreGood(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			url := "ldap://127.0.0.1:1"
			if base := filepath.Base(file); base == "postgres-scim.yaml" || base == "hr-tables.yaml" {
				url = "postgres://scim@127.0.0.1:1/scim"
			}
			environment(t, url, suffix)
			t.Setenv("TEAMS_DATABASE_URL", "postgres://scim@127.0.0.1:1/teams")
			if report, err := check(t.Context(), file, false); err != nil || !strings.Contains(report, "good") {
				t.Errorf("%s %v", report, err)
			}
		})
	}
}

// TestTheExamplesFitTheirTables is `check --live` for the examples whose tables the repository makes, with the data that it has for them.
func TestTheExamplesFitTheirTables(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			scripts := w.scripts
			if w.name == "hr-tables" {
				scripts = []string{script(t, "../../configs/examples/hr-tables/schema.sql"), script(t, "../../configs/examples/hr-tables/sample.sql")}
			}
			db := pgtest.Database(t, scripts...)
			environment(t, db.URL, "")
			if report, err := check(t.Context(), w.config, true); err != nil || !strings.Contains(report, "connected") {
				t.Errorf("%s %v", report, err)
			}
		})
	}
}

// What the sample of the personnel database looks like to a client.
func TestThePersonnelDatabaseAsAClientSeesIt(t *testing.T) {
	w := tableWorlds(t)[1]
	w.scripts = []string{script(t, "../../configs/examples/hr-tables/schema.sql"), script(t, "../../configs/examples/hr-tables/sample.sql")}
	h := openTables(t, w)
	people, total := h.list("/Users", "")
	if total != 4 {
		t.Errorf("%d people: %v", total, names(people, "userName"))
	}
	a := h.do("GET", "/Users/2", nil).want(t, 200)
	for path, want := range map[string]string{
		"userName": "BJensen", "name.familyName": "Jensen", "displayName": "Barbara Jensen", "active": "true", "userType": "Employee", enterprise + ".department": "R&D",
		enterprise + ".manager.value": "1", "addresses.0.locality": "Ulm", "meta.resourceType": "User",
	} {
		if got := a.text(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for filter, want := range map[string]string{
		`active eq false`: "m.o'brien", `emails[type eq "work" and value sw "barbara."]`: "BJensen", `emails[type eq "home" and primary eq true]`: "",
		`userName eq "M.O'BRIEN"`: "m.o'brien", `name.familyName eq "duarte"`: "oduarte", `roles.value eq "lead of Engineering"`: "BJensen", `userType eq "Contractor"`: "oduarte",
		enterprise + `:department eq "Finance"`: "m.o'brien", enterprise + `:manager eq "2"`: "oduarte", `phoneNumbers[type eq "mobile"]`: "BJensen",
	} {
		found, _ := h.list("/Users", filter)
		if got := strings.Join(names(found, "userName"), " "); got != want {
			t.Errorf("%s finds %q, want %q", filter, got, want)
		}
	}
	// A dissolved team is not there, and its name is free; one that is deleted stays for the time sheets.
	h.do("GET", "/Groups/3", nil).wantError(t, 404, "")
	h.do("POST", "/Groups", map[string]any{"displayName": "Year 2000"}).want(t, 201)
	h.do("DELETE", "/Groups/2", nil).want(t, 204)
	h.do("GET", "/Groups/2", nil).wantError(t, 404, "")
	h.tables.admin.holds("Board 2", "SELECT title || ' ' || (SELECT count(*) FROM hr.team_member m WHERE m.team_id = t.team_id) FROM hr.team t WHERE team_id = 2 AND dissolved_at IS NOT NULL")

	// Whoever changes an address's kind does not lose when it was verified, and who is deactivated has a last day.
	h.do("PATCH", "/Users/2", patch(op("replace", `emails[type eq "work"].type`, "other"), op("replace", "active", false))).want(t, 200)
	h.tables.admin.holds("O true", "SELECT kind || ' ' || (verified_at IS NOT NULL) FROM hr.person_email WHERE person_id = 2 AND is_main")
	h.tables.admin.holds("true scim", "SELECT (left_on BETWEEN current_date - 1 AND current_date + 1)::text || ' ' || modified_by FROM hr.person WHERE person_id = 2")
	h.do("PATCH", "/Users/2", patch(op("replace", "active", true))).want(t, 200)
	h.tables.admin.holds("true", "SELECT (left_on IS NULL)::text FROM hr.person WHERE person_id = 2")
	h.do("PATCH", "/Users/2", patch(op("replace", enterprise+":department", "Astrology"))).wantError(t, 400, "invalidValue")
	h.do("PATCH", "/Users/2", patch(op("add", "roles", []map[string]any{{"value": "king"}}))).wantError(t, 400, "mutability")
}
