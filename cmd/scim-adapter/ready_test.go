package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// readiness fails unless /ready has this status (0: any), and these states of the directories. It gives what it says.
func (h *house) readiness(t testing.TB, status int, want map[string]string) string {
	t.Helper()
	got, raw := h.askReady(t)
	var said struct {
		Checks []struct{ Name, Kind, State, Error string }
	}
	if err := json.Unmarshal([]byte(raw), &said); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	states := map[string]string{}
	for _, c := range said.Checks {
		if c.Kind != "journal" {
			states[c.Name] = c.State
		}
		if (c.State == "up") != (c.Error == "") {
			t.Errorf("%s is %s, and its error is %q", c.Name, c.State, c.Error)
		}
	}
	if status != 0 && got != status || !maps.Equal(states, want) {
		t.Errorf("/ready is %d %s, want %d and %v", got, raw, status, want)
	}
	return raw
}

// askReady gives the status of /ready, and what it says.
func (h *house) askReady(t testing.TB) (int, string) {
	t.Helper()
	resp, err := http.Get(strings.TrimSuffix(h.scimClient.base, "/scim/v2") + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestReadyAsksForEachTable: a database that answers may have lost what a class is of, and whoever watches is told before a client is. While there is another
// class that can be served the replica is ready.
func TestReadyAsksForEachTable(t *testing.T) {
	h := openTables(t, tableWorlds(t)[1])
	role := h.tables.db.Role
	h.readiness(t, 200, map[string]string{"hr": "up"})
	for name, c := range map[string]struct {
		harm, heal string
		lives      string // what is answered all the same
	}{
		"people may not be read": {"REVOKE SELECT ON hr.person FROM " + role, "GRANT SELECT ON hr.person TO " + role, "/Groups?excludedAttributes=members"},
		"teams may not be read":  {"REVOKE SELECT ON hr.team FROM " + role, "GRANT SELECT ON hr.team TO " + role, "/Users?excludedAttributes=groups"},
		"teams are gone":         {"ALTER TABLE hr.team RENAME TO team_of_old", "ALTER TABLE hr.team_of_old RENAME TO team", "/Users?excludedAttributes=groups"},
		"the schema is closed":   {"REVOKE USAGE ON SCHEMA hr FROM " + role, "GRANT USAGE ON SCHEMA hr TO " + role, ""},
		"the role may not log in": {
			"ALTER ROLE " + role + " NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role + "'", "ALTER ROLE " + role + " LOGIN", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			pgtest.Exec(t, h.tables.db.Admin, c.harm)
			status, state := 200, "partly"
			if c.lives == "" {
				status, state = 503, "down"
			}
			said := h.readiness(t, status, map[string]string{"hr": state})
			for _, secret := range []string{"127.0.0.1", "hr.", "scim_test", "person", "team", "SELECT"} {
				if strings.Contains(said, secret) {
					t.Errorf("/ready discloses %s: %s", secret, said)
				}
			}
			if c.lives != "" {
				if a := h.do("GET", c.lives, nil); a.status != 200 {
					t.Errorf("%s: %s", c.lives, a.raw)
				}
			}
			pgtest.Exec(t, h.tables.db.Admin, c.heal)
			// What a catalog says that does not fit is believed for some seconds, so that nobody asks for it with each request.
			eventually(t, "the database is ready again", func() bool {
				_, said := h.askReady(t)
				return !strings.Contains(said, "partly") && !strings.Contains(said, "down")
			})
			h.readiness(t, 200, map[string]string{"hr": "up"})
		})
	}
	h.user("ada")
}
