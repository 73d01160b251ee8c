package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// journaled is a configuration whose journal has three changes of each of two people, and the log of who wrote them.
func journaled(t *testing.T, db pgtest.DB) (config, log string, events []journal.ID) {
	t.Helper()
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	config = configFor(t, db.Admin)
	loaded, faults := configs.Load(config)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	key, err := signingKey(loaded, true)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	j, err := pgjournal.Open(t.Context(), pgjournal.Options{Database: loaded.Database, Sign: signer(key), Logger: slog.New(slog.NewJSONHandler(&lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, id := range []string{"ada", "grace"} {
			now := time.Now()
			in := journal.Intent{
				ID: journal.ID(uuid.Must(uuid.NewV7()).String()), Time: now, Deadline: now.Add(time.Minute), Tenant: "default", Client: "okta", Action: journal.ActionPatch,
				ResourceType: "User", ResourceID: id, Steps: []journal.Step{{Backend: "User", Op: "modify", Before: backends.Attributes{"title": backends.Strings("Countess")}}},
			}
			if err := j.Begin(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if err := j.Finish(t.Context(), in.ID, journal.Outcome{Time: now, Status: journal.StatusDone, ResourceID: id}); err != nil {
				t.Fatal(err)
			}
			events = append(events, in.ID)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	log = filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, log, events
}

func TestAuditVerifyAsAPersonTypesIt(t *testing.T) {
	db := pgtest.Database(t)
	config, log, events := journaled(t, db)
	out, err := command("audit", "verify", "--config", config)
	if err != nil || !strings.HasPrefix(out, "12 rows of 1 writers, ") || !strings.HasSuffix(out, "; 1 checkpoints, 0 anchors, 0 checkpoints of the log. The journal is whole.\n") {
		t.Errorf("untouched: %v\n%s", err, out)
	}
	if out, err = command("audit", "verify", "--config", config, "--checkpoints", log, "--since", "1h"); err != nil || !strings.Contains(out, "1 checkpoints of the log. The journal is whole.") {
		t.Errorf("with the log: %v\n%s", err, out)
	}
	pgtest.Exec(t, db.Admin, "SET session_replication_role = replica", "UPDATE audit.intents SET resource_id = 'eve' WHERE id = '"+string(events[2])+"'")
	out, err = command("audit", "verify", "--config", config)
	if err == nil || err.Error() != "the journal is not whole (findings: 1)" || !strings.HasPrefix(out, "changed: intents "+string(events[2])+" of ") || !strings.Contains(out, "Findings: 1.") {
		t.Errorf("after a change: %v\n%s", err, out)
	}
	if code := run(t.Context(), []string{"audit", "verify", "--config", config}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	pgtest.Exec(t, db.Admin, "SET session_replication_role = replica", "DELETE FROM audit.intents", "DELETE FROM audit.events", "DELETE FROM audit.checkpoints")
	out, err = command("audit", "verify", "--config", config, "--checkpoints", log)
	if err == nil || !strings.HasPrefix(out, "cut off: numbers 1 to 12 of writer ") {
		t.Errorf("after all was removed: %v\n%s", err, out)
	}
}

func TestAuditVerifyNeedsAKey(t *testing.T) {
	db := pgtest.Database(t)
	config, _, _ := journaled(t, db)
	path := filepath.Join(os.Getenv("SCIM_JOURNAL"), signingFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, faults := configs.Load(config)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	key, err := signingKey(loaded, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := command("audit", "verify", "--config", config); err == nil || !strings.Contains(err.Error(), "--public-key names one") {
		t.Errorf("without: %v", err)
	}
	public := hex.EncodeToString(key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
	if out, err := command("audit", "verify", "--config", config, "--public-key", public); err != nil {
		t.Errorf("with its public half: %v\n%s", err, out)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("A"), len(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command("audit", "verify", "--config", config); err == nil || !strings.Contains(out, "not known here (--public-key names further ones)") {
		t.Errorf("with another key: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"--public-key", "zz"}, {"--since", "tomorrow"}, {"--checkpoints", config}, {"--checkpoints", "nowhere"}} {
		if code := run(t.Context(), append([]string{"audit", "verify", "--config", config}, args...)); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

func TestWhoMakesASigningKeySaysSo(t *testing.T) {
	db := pgtest.Database(t)
	config := &configs.Config{
		Journal:  configs.Journal{Kind: configs.JournalPostgres, Path: t.TempDir()},
		Database: configs.Database{URL: configs.NewSecret(db.URL), MaxConnections: 2, ConnectionTimeout: 5 * time.Second},
	}
	for round, want := range []bool{true, false} {
		var log bytes.Buffer
		s, err := openStore(t.Context(), config, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))) // as commands log
		if err != nil {
			t.Fatal(err)
		}
		key, err := signingKey(config, false)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		public := hex.EncodeToString(key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
		if got := strings.Contains(log.String(), "a key is made") && strings.Contains(log.String(), public); got != want {
			t.Errorf("round %d: %s", round, log.String())
		}
	}
}

func TestAuditForgetAsAPersonTypesIt(t *testing.T) {
	db := pgtest.Database(t)
	config, log, events := journaled(t, db)
	out, err := command("audit", "forget", "User/ada", "--config", config, "--dry-run")
	if err != nil || !strings.HasPrefix(out, "User/ada: 3 events (3 keys), 0 overlay values, 0 aliases, 0 records of snapshots would be forgotten.\nNot reached: ") {
		t.Errorf("dry run: %v\n%s", err, out)
	}
	root := rootCommand()
	root.SetArgs([]string{"audit", "forget", "User/ada", "--config", config})
	root.SetIn(strings.NewReader("yes\n"))
	root.SetOut(&bytes.Buffer{})
	if err := root.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), "nothing was forgotten") {
		t.Errorf("a yes that is typed too soon: %v", err)
	}
	out, err = command("audit", "forget", "User/ada", "--config", config, "--yes")
	if err != nil || !strings.Contains(out, "0 records of snapshots are forgotten.\n") {
		t.Errorf("%v\n%s", err, out)
	}
	loaded, _ := configs.Load(config)
	j, err := openBeside(t.Context(), loaded)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range events {
		if e, err := j.Lookup(t.Context(), id); err != nil || e.Forgotten != (i%2 == 0) {
			t.Errorf("event %d: %+v, %v", i, e, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err = command("audit", "show", "--config", config, string(events[0])); err != nil || !strings.Contains(out, "\nForgotten: ") {
		t.Errorf("it is shown as %v\n%s", err, out)
	}
	if out, err = command("audit", "verify", "--config", config, "--checkpoints", log); err != nil || !strings.HasPrefix(out, "13 rows of 2 writers") {
		t.Errorf("verified: %v\n%s", err, out)
	}
	if out, err = command("audit", "forget", "User/ada", "--config", config, "--yes"); err != nil || out != "Nothing readable is kept of User/ada.\n" {
		t.Errorf("again: %v\n%s", err, out)
	}
	for resource, want := range map[string]string{
		"user/ada":  `user/ada: no mapping is called "user", and nothing is written down of such a type; there are `,
		"User/adah": "nothing was ever written down of User/adah (tenant default)",
	} {
		if _, err = command("audit", "forget", resource, "--config", config, "--yes"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", resource, err)
		}
	}
	if code := run(t.Context(), []string{"audit", "forget", "user/ada", "--config", config, "--yes"}); code != exitUsage {
		t.Errorf("a type that there is not: exit code %d", code)
	}
	if out, err = command("audit", "list", "--config", config, "--actor", journal.Operator, "-o", "json"); err != nil || !strings.Contains(out, `"action":"forget"`) {
		t.Errorf("what the operator did: %v\n%s", err, out)
	}
	_, err = command("audit", "forget", "User/grace", "--config", config, "--yes", "--database-url", db.URL)
	if err == nil || !strings.Contains(err.Error(), "GRANT scim_owner TO ") && !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("as somebody else: %v", err)
	}
	for _, args := range [][]string{{}, {"ada"}, {"User/"}, {"User/a", "User/b"}} {
		if code := run(t.Context(), append([]string{"audit", "forget", "--config", config}, args...)); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// The directory's own secrets never get as far as the journal, neither in what a change has touched nor in the picture of an entry that is deleted.
func TestNoSecretOfTheDirectoryIsWrittenDown(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	user := h.do("POST", "/Users", map[string]any{"userName": "ada", "name": map[string]any{"familyName": "Lovelace"}, "password": "zsecret-password"}).want(t, 201)
	found, err := h.ldap.Search(ldap.NewSearchRequest(h.people, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(uid=ada)", []string{"1.1"}, nil))
	if err != nil || len(found.Entries) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	change := ldap.NewModifyRequest(found.Entries[0].DN, nil)
	change.Replace("userPKCS12", []string{"zsecret-container"})
	if err := h.ldap.Modify(change); err != nil {
		t.Fatal(err)
	}
	h.do("PATCH", "/Users/"+user.id(), patch(op("replace", "password", "zsecret-other"))).want(t, 200)
	h.do("DELETE", "/Users/"+user.id(), nil).want(t, 204)
	n := 0
	for e, err := range h.world.store.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		text, err := json.Marshal(e)
		if err != nil || strings.Contains(strings.ToLower(string(text)), "zsecret") {
			t.Errorf("%v, the journal has %s", err, text)
		}
		if e.Intent.Action == journal.ActionDelete && (len(e.Intent.Steps[0].Before.Get("userPKCS12")) == 0 || len(e.Intent.Steps[0].Before.Get("userPassword")) == 0) {
			t.Errorf("that there were some is not told: %s", text)
		}
	}
	if n != 3 {
		t.Errorf("%d events", n)
	}
}

func TestSensitiveAttributesAreRedactedWhileServing(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	w := journaledIn(t, db, "audit: {sensitive: [title], reads: list}\n")
	user := w.do("POST", "/Users", map[string]any{"userName": "ada", "title": "Zcountess", "name": map[string]any{"familyName": "Lovelace"}}).want(t, 201)
	w.do("PATCH", "/Users/"+user.id(), patch(op("replace", "title", "Zduchess"))).want(t, 200)
	w.do("GET", "/Users?filter="+`title%20eq%20%22Zduchess%22`, nil).want(t, 200)
	w.do("DELETE", "/Users/"+user.id(), nil).want(t, 204)
	j, err := pgjournal.Open(t.Context(), pgjournal.Options{Database: configs.Database{URL: configs.NewSecret(db.Admin), MaxConnections: 2, ConnectionTimeout: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	n := 0
	for e, err := range j.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		text, err := json.Marshal(e)
		if err != nil || e.Forgotten || strings.Contains(string(text), "Zcountess") || strings.Contains(string(text), "Zduchess") {
			t.Errorf("%v, the journal has %s", err, text)
		}
	}
	if n != 4 {
		t.Errorf("%d events", n)
	}
}
