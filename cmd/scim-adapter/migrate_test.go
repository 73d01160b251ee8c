package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
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
