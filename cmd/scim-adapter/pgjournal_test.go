package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// journalWorld is an adapter over a directory of its own, whose journal is in a database.
type journalWorld struct {
	*running
	scimClient
	db pgtest.DB
}

// journaledIn serves with its journal in db, as a role that may write it and read it.
func journaledIn(t *testing.T, db pgtest.DB, more string) *journalWorld {
	t.Helper()
	path := journalConfig(t, startEmbedded(t).URL(), db, more)
	r := startServing(t, path)
	t.Cleanup(func() {
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
	return &journalWorld{r, scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}, db}
}

// journalConfig is the configuration of an adapter whose journal is in db, as a role that may write it and read it.
func journalConfig(t *testing.T, ldapURL string, db pgtest.DB, more string) (path string) {
	t.Helper()
	path = writeConfig(t, ldapURL, "database: {url: \"${JOURNAL_URL}\", connection_timeout: 2}\n"+more)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "kind: embedded", "kind: postgres", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_URL", journalRole(t, db))
	return path
}

// journalRole makes a role that owns nothing and may write the journal and read it, as docs/journal.md has it, and gives the URL it connects with.
func journalRole(t *testing.T, db pgtest.DB) string {
	t.Helper()
	u, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	name, password := "scim_test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	pgtest.Exec(t, db.Admin, `DO $$ DECLARE name text; BEGIN
		FOREACH name IN ARRAY ARRAY['scim_app', 'scim_audit'] LOOP
			BEGIN EXECUTE format('CREATE ROLE %I', name); EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
		END LOOP; END $$`, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"' IN ROLE scim_app, scim_audit")
	t.Cleanup(func() { // on a server that a test has killed it stays
		if conn, err := pgx.Connect(context.Background(), db.Admin); err == nil {
			_, err = conn.Exec(context.Background(), "DROP ROLE "+name)
			if err = errors.Join(err, conn.Close(context.Background())); err != nil {
				t.Error(err)
			}
		}
	})
	u.User = url.UserPassword(name, password)
	return u.String()
}

func (w *journalWorld) ask(sql string) string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.Admin)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close(w.t.Context()) }()
	var answer string
	if err := conn.QueryRow(w.t.Context(), sql).Scan(&answer); err != nil {
		w.t.Fatal(err)
	}
	return answer
}

func TestWritesAreJournaledInPostgresAndAreRefusedWhileItIsAway(t *testing.T) {
	server := pgtest.StartServer(t)
	db := server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	w := journaledIn(t, db, "")
	user := w.do("POST", "/Users", map[string]any{"userName": "ada", "name": map[string]any{"familyName": "Lovelace"}}).want(t, 201)
	w.do("PATCH", "/Users/"+user.id(), patch(op("replace", "title", "Countess"))).want(t, 200)
	w.do("DELETE", "/Users/"+user.id(), nil).want(t, 204)

	if got := w.ask("SELECT string_agg(action || ' ' || resource_id || ' ' || (details ->> 'status'), ', ' ORDER BY seq) FROM audit.events"); got !=
		strings.ReplaceAll("create ID done, patch ID done, delete ID done", "ID", user.id()) {
		t.Errorf("events: %s", got)
	}
	if got := w.ask("SELECT count(*)::text FROM audit.intents i JOIN audit.events e USING (id, \"timestamp\") WHERE i.writer = e.writer"); got != "3" {
		t.Errorf("%s intents have the event that closes them", got)
	}
	if got := w.ask("SELECT (string_agg(details::text, ' ') ~* 'lovelace|countess')::text FROM (SELECT details FROM audit.events UNION ALL SELECT details FROM audit.intents) AS d"); got != "false" {
		t.Error("values of a person stand in details in clear")
	}

	bob := w.do("POST", "/Users", map[string]any{"userName": "bob", "externalId": "00u1", "name": map[string]any{"familyName": "Builder"}}).want(t, 201)
	server.Kill()
	read := w.do("GET", "/Users/"+bob.id(), nil).want(t, 200)
	if read.text("userName") != "bob" || read.text("externalId") != "" || read.header.Get("ETag") != "" {
		t.Errorf("while the overlay is away: %s %v", read.raw, read.header)
	}
	for _, path := range []string{"/Users/" + bob.id() + "?attributes=externalId", "/Users?filter=externalId+eq+%2200u1%22"} {
		if a := w.do("GET", path, nil).wantError(t, 503, ""); !strings.Contains(a.text("detail"), "The journal's database") {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	kept := w.do("GET", "/Users?count=1", nil).want(t, 200)
	refused := w.do("POST", "/Users", map[string]any{"userName": "grace", "name": map[string]any{"familyName": "Hopper"}}).wantError(t, 503, "")
	if refused.header.Get("Retry-After") == "" || !strings.Contains(refused.text("detail"), "nothing was changed") {
		t.Errorf("while the journal is away: %s", refused.raw)
	}
	if status, body := w.ready(t); status != 200 || !strings.Contains(body, "unavailable") || !strings.Contains(body, `"status":"partly"`) {
		t.Errorf("ready is %d %s", status, body)
	}
	server.Start()
	eventuallyWithin(t, 15*time.Second, "the journal is back", func() bool {
		a, err := w.try("POST", "/Users", map[string]any{"userName": "grace", "name": map[string]any{"familyName": "Hopper"}})
		return err == nil && a.status == 201
	})
	if got := w.do("GET", `/Users?count=0`, nil).want(t, 200); got.text("totalResults") != "2" {
		t.Errorf("two people were made, and there are %s (before: %s)", got.text("totalResults"), kept.text("totalResults"))
	}
}

func TestADatabaseThatLacksAMigrationIsSaidToAndIsUsedWhenItHasIt(t *testing.T) {
	db := pgtest.StartServer(t).Database(t)
	w := journaledIn(t, db, "")
	person := map[string]any{"userName": "ada", "name": map[string]any{"familyName": "Lovelace"}}
	w.do("POST", "/Users", person).wantError(t, 503, "")
	if status, body := w.ready(t); status != 200 || !strings.Contains(body, `"journal"`) {
		t.Errorf("ready is %d %s", status, body)
	}
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	eventuallyWithin(t, 10*time.Second, "the tables are there", func() bool { return w.do("POST", "/Users", person).status == 201 })
}
