package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// command runs a command line within this process.
func command(args ...string) (stdout string, err error) {
	root := rootCommand()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	err = root.ExecuteContext(context.Background())
	return out.String(), err
}

// configFor is a configuration with a journal in a database, or in none.
func configFor(t *testing.T, url string) string {
	t.Helper()
	t.Setenv("JOURNAL_URL", url)
	for name, value := range map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/people", "SCIM_TOKEN": "a-token-of-the-tests", "SCIM_JOURNAL": t.TempDir()} {
		t.Setenv(name, value)
	}
	text := strings.Replace(script(t, "../../configs/examples/postgres-scim.yaml"), "  kind: embedded\n", "", 1)
	if url != "" {
		text += "\ndatabase: {url: \"${JOURNAL_URL}\"}\n"
	}
	path := filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMigrateAsAPersonTypesIt(t *testing.T) {
	db := pgtest.Database(t)
	config := configFor(t, db.URL) // who serves, and may not
	out, err := command("migrate", "--config", config, "--status")
	if err == nil || strings.Count(out, "missing") != len(pgjournal.Migrations()) {
		t.Errorf("before: %v\n%s", err, out)
	}
	out, err = command("migrate", "--config", config)
	if lacks, ok := errors.AsType[*pgjournal.LackedRights](err); !ok || !strings.Contains(lacks.Error(), "GRANT CREATE ON DATABASE") {
		t.Errorf("as who serves: %v\n%s", err, out)
	}
	out, err = command("migrate", "--config", config, "--database-url", db.Admin)
	if err != nil || !strings.Contains(out, "00001_plain_service.sql is done\n") || !strings.Contains(out, "audit.intents_") {
		t.Errorf("as who may: %v\n%s", err, out)
	}
	if out, err = command("migrate", "--database-url", db.Admin); err != nil || out != "every migration is there\n" {
		t.Errorf("again: %v\n%s", err, out)
	}
	pgtest.Exec(t, db.Admin, "GRANT scim_app TO "+db.Role)
	if out, err = command("migrate", "--config", config, "--status"); err != nil || strings.Count(out, "done") != len(pgjournal.Migrations()) {
		t.Errorf("after: %v\n%s", err, out)
	}
}

func TestMigrateNeedsADatabase(t *testing.T) {
	for want, args := range map[string][]string{
		"--config FILE or --database-url URL is needed": {"migrate"},
		"names no database":                             {"migrate", "--config", configFor(t, "")},
		`--database-url has the scheme "mysql"`:         {"migrate", "--database-url", "mysql://host/db"},
	} {
		var usage usageError
		if _, err := command(args...); !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if out, err := command("migrate", "--sql"); err != nil || out != script(t, initDB) {
		t.Errorf("--sql prints something else than init-db.sql: %v", err)
	}
}

func TestMaintainAsAPersonTypesIt(t *testing.T) {
	db := pgtest.Database(t, script(t, initDB),
		`INSERT INTO audit.intents (id, resource_type, action, "timestamp", writer, seq, digest, link, deadline) VALUES (gen_random_uuid(), 'User', 'patch', '2020-01-01', 'w', 1, '\x00', '\x00', now());
		INSERT INTO audit.events (resource_type, action, "timestamp") VALUES ('User', 'create', '2019-01-01')`)
	config := configFor(t, db.Admin)
	text := script(t, config) + "\naudit: {retention: {writes: 365d}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command("audit", "maintain", "--config", config, "--dry-run")
	if want := "audit.events_writes_2019_01 would be made\naudit.intents_2020_01 would be made\n"; err != nil || out != want {
		t.Errorf("--dry-run: %v\n%s", err, out)
	}
	if _, err := command("audit", "maintain", "--config", config); err == nil || !strings.Contains(err.Error(), "signing.key, which serve makes then, is not here") {
		t.Errorf("without a key: %v", err)
	}
	t.Setenv("KEY", strings.Repeat("0a", 32))
	if err := os.WriteFile(config, []byte(strings.Replace(text, "journal:\n", "journal:\n  signing_key: ${KEY}\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = command("audit", "maintain", "--config", config)
	if _, ok := errors.AsType[*pgjournal.BrokenError](err); !ok || !strings.Contains(err.Error(), "row 1 of writer w in intents_2020_01") {
		t.Errorf("a month that nobody of ours has written: %v", err)
	}
	if !strings.Contains(out, "events_writes_2019_01 dropped") {
		t.Errorf("it says\n%s", out)
	}
	if _, err = command("audit", "maintain", "--config", config, "--database-url", db.URL); err == nil || !strings.Contains(err.Error(), "GRANT scim_owner TO "+db.Role) {
		t.Errorf("as who may not: %v", err)
	}
}

func TestTheSigningKeyIsTheSameForWhoServesAndWhoMaintains(t *testing.T) {
	config := &configs.Config{Journal: configs.Journal{Path: t.TempDir()}}
	if _, err := signingKey(config, false); err == nil {
		t.Fatal("there is a key before anybody has made one")
	}
	made, err := signingKey(config, true)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if again, err := signingKey(config, false); err != nil || !made.Equal(again) {
			t.Errorf("%v, or another key", err)
		}
	}
	config.Journal.SigningKey = configs.NewSecret(strings.Repeat("0a", 32))
	own, err := signingKey(config, true)
	if err != nil || made.Equal(own) {
		t.Errorf("one of the configuration's own: %v", err)
	}
	id, signature, err := signer(own)([]byte("x"))
	public := own.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is one
	if err != nil || id != keyID(public) || !ed25519.Verify(public, []byte("x"), signature) {
		t.Errorf("%s, %v", id, err)
	}
	config.Journal.SigningKey = configs.NewSecret("short")
	if _, err := signingKey(config, true); err == nil || !strings.Contains(err.Error(), "journal.signing_key is not a key of 32 bytes") {
		t.Error(err)
	}
}
