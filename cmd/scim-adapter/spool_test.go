package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// spooledWorld serves with a spool over a server of its own.
func spooledWorld(t *testing.T, more string) (*journalWorld, *pgtest.Server) {
	t.Helper()
	server := pgtest.StartServer(t)
	db := server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	return serveSpooled(t, spoolConfig(t, startEmbedded(t).URL(), db, more), db), server
}

func serveSpooled(t *testing.T, path string, db pgtest.DB) *journalWorld {
	t.Helper()
	r := startServing(t, path)
	t.Cleanup(func() {
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
	return &journalWorld{r, scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}, db}
}

// gauge is a metric without labels.
func (w *journalWorld) gauge(name string) float64 {
	w.t.Helper()
	for _, f := range ours(w.t, w.world) {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	w.t.Fatalf("nobody has %s", name)
	return 0
}

// back waits until all that was spooled is in the database.
func (w *journalWorld) back() {
	w.t.Helper()
	eventuallyWithin(w.t, 20*time.Second, "the spool is empty", func() bool { return w.gauge("scim_journal_spooling") == 0 })
}

func TestWritesGoOnWhileTheJournalIsAwayAndAreInItAfterwards(t *testing.T) {
	w, server := spooledWorld(t, "")
	user := w.do("POST", "/Users", person("ada")).want(t, 201)
	if status, body := w.ready(t); status != 200 || strings.Contains(body, "spooling") {
		t.Errorf("ready is %d %s", status, body)
	}
	server.Kill()
	w.do("PATCH", "/Users/"+user.id(), patch(op("replace", "title", "Countess"))).want(t, 200)
	other := w.do("POST", "/Users", person("grace")).want(t, 201)
	w.do("GET", "/Users/"+other.id(), nil).want(t, 200)
	w.do("DELETE", "/Users/"+user.id(), nil).want(t, 204)
	if status, body := w.ready(t); status != 200 || !strings.Contains(body, `"state":"spooling"`) {
		t.Errorf("ready is %d %s", status, body)
	}
	if on, n, age := w.gauge("scim_journal_spooling"), w.gauge("scim_journal_spooled_entries"), w.gauge("scim_journal_spooled_oldest_seconds"); on != 1 || n != 6 || age <= 0 || age > 60 {
		t.Errorf("spooling: %v, %v entries, the oldest of %v seconds", on, n, age)
	}
	server.Start()
	w.back()
	if n := w.gauge("scim_journal_spooled_entries") + w.gauge("scim_journal_spooled_oldest_seconds") + w.gauge("scim_journal_spool_rejected"); n != 0 {
		t.Errorf("something is left: %v", n)
	}
	if got, want := w.ask("SELECT string_agg(action || ' ' || (details ->> 'status'), ', ' ORDER BY tx, seq) FROM audit.events"), "create done, patch done, create done, delete done"; got != want {
		t.Errorf("events: %s, want %s", got, want)
	}
	w.do("PATCH", "/Users/"+other.id(), patch(op("replace", "title", "Admiral"))).want(t, 200)
	if n := w.ask("SELECT count(*)::text FROM audit.events"); n != "5" {
		t.Errorf("%s events: the database is not told", n)
	}
}

// overlaidSpool is an adapter with a spool whose mappings keep the externalId of users in the database, as the preset does.
func overlaidSpool(t *testing.T) (*journalWorld, *pgtest.Server, string) {
	t.Helper()
	server := pgtest.StartServer(t)
	db := server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	path := spoolConfig(t, startEmbedded(t).URL(), db, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "\n    attributes: {externalId: null}", "", 1)), 0o600); err != nil { // of users
		t.Fatal(err)
	}
	return serveSpooled(t, path, db), server, path
}

// known is a person whom the client has a key of its own for.
func known(name, externalID string) map[string]any {
	p := person(name)
	p["externalId"] = externalID
	return p
}

// What is kept in the database is not there while it is away: what touches it is 503, before anything is begun.
func TestWhatIsKeptInTheDatabaseIsNotSpooled(t *testing.T) {
	w, server, _ := overlaidSpool(t)
	user := w.do("POST", "/Users", known("ada", "e1")).want(t, 201)
	server.Kill()
	title := patch(op("replace", "title", "x"))
	for _, c := range []struct {
		method, path string
		body         any
		headers      []string
	}{
		{"POST", "/Users", known("grace", "e2"), nil},
		{"PUT", "/Users/" + user.id(), person("ada"), nil},
		{"PATCH", "/Users/" + user.id(), patch(op("replace", "externalId", "e3")), nil},
		{"PATCH", "/Users/" + user.id(), patch(map[string]any{"op": "remove", "path": "externalId"}), nil},
		{"PATCH", "/Users/" + user.id() + "?attributes=externalId", title, nil},
		{"PATCH", "/Users/" + user.id(), title, []string{"If-Match", user.header.Get("ETag")}},
		{"DELETE", "/Users/" + user.id(), nil, []string{"If-Match", user.header.Get("ETag")}},
	} {
		if a := w.do(c.method, c.path, c.body, c.headers...).wantError(t, 503, ""); a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", c.method, c.path)
		}
	}
	if got := w.do("GET", "/Users/"+user.id(), nil).want(t, 200); strings.Contains(got.raw, "externalId") {
		t.Errorf("nobody can know that: %s", got.raw)
	}
	w.do("POST", "/Groups", map[string]any{"displayName": "g"}).want(t, 201) // groups have nothing there
	server.Start()
	w.back()
	if got := w.ask("SELECT string_agg(resource_type || ' ' || action, ', ' ORDER BY tx, seq) FROM audit.events"); got != "User create, Group create" {
		t.Errorf("events: %s", got)
	}
	if got := w.do("GET", "/Users/"+user.id(), nil).want(t, 200); got.text("externalId") != "e1" {
		t.Errorf("when it is back: %s", got.raw)
	}
}

// With the mapping that is shipped, users are made, changed and deleted while the database is away. It forgets what it kept of those who are gone when it is back.
func TestUsersOfWhomTheDatabaseKeepsSomethingAreWrittenWhileItIsAway(t *testing.T) {
	w, server, path := overlaidSpool(t)
	ada, bob := w.do("POST", "/Users", known("ada", "e1")).want(t, 201), w.do("POST", "/Users", known("bob", "e2")).want(t, 201)
	server.Kill()
	changed := w.do("PATCH", "/Users/"+ada.id(), patch(op("replace", "title", "Countess"))).want(t, 200)
	if changed.text("title") != "Countess" || strings.Contains(changed.raw, "externalId") || changed.header.Get("ETag") != "" {
		t.Errorf("ETag %q, %s", changed.header.Get("ETag"), changed.raw)
	}
	made := w.do("POST", "/Users", person("grace")).want(t, 201)
	if made.header.Get("Location") == "" || made.header.Get("ETag") != "" {
		t.Errorf("made: %v", made.header)
	}
	w.do("DELETE", "/Users/"+bob.id(), nil).want(t, 204)
	w.do("DELETE", "/Users/"+made.id(), nil).want(t, 204)
	if n := w.gauge("scim_journal_spooled_entries"); n != 10 { // four writes, and two that are to be forgotten
		t.Errorf("%v entries wait", n)
	}
	server.Start()
	w.back()
	if got := w.ask("SELECT string_agg(action || ' ' || (details ->> 'status'), ', ' ORDER BY tx, seq) FROM audit.events"); got != "create done, create done, patch done, create done, delete done, delete done" {
		t.Errorf("events: %s", got)
	}
	if got := w.ask("SELECT string_agg(key || ' ' || value, ', ') FROM overlay.attributes"); got != ada.id()+" e1" {
		t.Errorf("the overlay has %s", got)
	}
	eventually(t, "all of it is shown again", func() bool {
		got := w.do("GET", "/Users/"+ada.id(), nil).want(t, 200)
		return got.text("externalId") == "e1" && got.text("title") == "Countess" && got.header.Get("ETag") != ""
	})
	w.do("POST", "/Users", known("bobby", "e2")).want(t, 201)
	event := w.ask("SELECT id::text FROM audit.events WHERE action = 'delete' AND resource_id = '" + bob.id() + "'")
	if out, err := command("audit", "show", "--config", path, event); err != nil || !strings.Contains(out, "is not known, and cannot be put back") {
		t.Errorf("audit show: %v\n%s", err, out)
	}
	if out, _ := command("undo", "--config", path, "--yes", event); !strings.Contains(out, "externalId") {
		t.Errorf("undo of the delete does not say what is lost:\n%s", out)
	}
	if out, err := command("undo", "--config", path, "--yes", w.ask("SELECT id::text FROM audit.events WHERE action = 'patch'")); err != nil {
		t.Errorf("undo of the change: %v\n%s", err, out)
	}
	if got := w.do("GET", "/Users/"+ada.id(), nil).want(t, 200); got.text("title") == "Countess" || got.text("externalId") != "e1" {
		t.Errorf("taken back: %s", got.raw)
	}
	if page := w.do("GET", `/Users?filter=userName%20eq%20"bob"`, nil).want(t, 200); !strings.Contains(page.raw, `"totalResults":1`) {
		t.Errorf("made again: %s", page.raw)
	}
}

// An adapter that starts while the database is away serves, spools, and tells it later; so does the one after it, of what the first has left.
func TestAnAdapterStartsWhileTheJournalIsAway(t *testing.T) {
	server := pgtest.StartServer(t)
	db := server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	path := spoolConfig(t, startEmbedded(t).URL(), db, "")
	server.Kill()
	for i := range 2 {
		r := startServing(t, path)
		c := scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}
		c.do("POST", "/Users", person(fmt.Sprintf("early%d", i))).want(t, 201)
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
		r.world.close()
	}
	server.Start()
	w := serveSpooled(t, path, db)
	w.do("POST", "/Users", person("late")).want(t, 201)
	w.back()
	if got := w.ask("SELECT string_agg(details ->> 'status', ' ') || ' ' || count(DISTINCT writer) FROM audit.events"); got != "done done done 1" {
		t.Errorf("events and who wrote them: %s", got)
	}
	if out, err := command("audit", "verify", "--config", path); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
}

func TestTheGuardWhileTheJournalIsAway(t *testing.T) {
	for when, want := range map[string]struct {
		allowed int
		says    string
	}{
		"divide": {2, "until it is back each of 2 processes has its part of the limit"},
		"refuse": {0, "the journal's database, in which they are counted, is away"},
	} {
		t.Run(when, func(t *testing.T) {
			server := pgtest.StartServer(t)
			db := server.Database(t)
			pgtest.Exec(t, db.Admin, pgjournal.Script())
			path := spoolConfig(t, startEmbedded(t).URL(), db, "scim: {cursor_key: a-key-that-both-of-them-have-0123456789}\nguard: {when_spooling: "+when+", limits: [{kind: delete, count: 4}]}\n")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), "server: {", "server: {replicas: 2, ", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			w := serveSpooled(t, path, db)
			ids := w.people(6)
			server.Kill()
			for _, id := range ids[:want.allowed] {
				w.do("DELETE", "/Users/"+id, nil).want(t, 204)
			}
			w.do("PATCH", "/Users/"+ids[5], patch(op("replace", "title", "x"))).want(t, 200) // which weighs nothing
			refused := w.do("DELETE", "/Users/"+ids[4], nil).wantError(t, 403, "")
			if detail := refused.text("detail"); !strings.Contains(detail, want.says) || strings.Contains(detail, "guard approve") {
				t.Errorf("%s", detail)
			}
			server.Start()
			w.back()
			for _, id := range ids[want.allowed:4] {
				w.do("DELETE", "/Users/"+id, nil).want(t, 204)
			}
			refused = w.do("DELETE", "/Users/"+ids[4], nil).wantError(t, 403, "")
			if detail := refused.text("detail"); !strings.Contains(detail, "4 are used") {
				t.Errorf("%s", detail)
			}
			if got := w.ask("SELECT count(*)::text FROM audit.events WHERE action = 'delete' AND details ->> 'status' = 'refused'"); got != "2" {
				t.Errorf("%s refusals are noted", got)
			}
		})
	}
}

func TestASpoolThatDoesNotOutliveTheProcessIsRefused(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("nothing is known to be mounted in memory")
	}
	path := filepath.Join(t.TempDir(), "scim.yaml")
	text, err := os.ReadFile(writeConfig(t, "ldap://127.0.0.1:1", "database: {url: \"postgres://nobody@127.0.0.1:1/none\", connection_timeout: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := func(journal string) error {
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "journal: ") {
				lines[i] = "journal: " + journal
			}
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := command("check", "--config", path)
		return err
	}
	dir, err := os.MkdirTemp("/dev/shm", "scim-spool-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	err = in(fmt.Sprintf("{kind: postgres, on_unavailable: spool, path: %q}", dir))
	var faults configs.Faults
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != "journal.path" || !strings.Contains(err.Error(), "in memory (tmpfs)") {
		t.Errorf("check: %v", err)
	}
	if err := in(fmt.Sprintf("{kind: postgres, on_unavailable: spool, allow_ephemeral: true, path: %q}", dir)); err != nil {
		t.Errorf("check, where it may be: %v", err)
	}
}
