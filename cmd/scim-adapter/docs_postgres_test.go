package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

func TestThePageOnTablesWorksAsWritten(t *testing.T) {
	text := page(t, "docs/postgres.md")
	db := pgtest.Database(t)
	admin, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := admin.User.Password()
	for name, value := range map[string]string{
		"PGHOST": admin.Hostname(), "PGPORT": admin.Port(), "PGUSER": admin.User.Username(), "PGPASSWORD": password,
		"SCIM_LISTEN": "127.0.0.1:0", "SCIM_METRICS_PORT": "0", "SCIM_JOURNAL": t.TempDir(), "SCIM_TOKEN": "a-token-of-the-tests",
	} {
		t.Setenv(name, value)
	}
	// The database is there already, under a name of its own, and so is a role that may log in.
	database, role := strings.TrimPrefix(admin.Path, "/"), db.Role
	here := strings.NewReplacer("-d scim_production", "-d "+database, "localhost:5432/scim_production", admin.Host+"/"+database,
		"CREATE ROLE scim LOGIN PASSWORD 'change-me' IN ROLE scim_app", "GRANT scim_app TO "+role+"; ALTER ROLE "+role+" PASSWORD 'change-me'",
		"scim:change-me@", role+":change-me@", "bin/scim-adapter", "scim-adapter")
	tried := 0
	for _, s := range sessions(text) {
		command := here.Replace(s.command)
		if exported, ok := strings.CutPrefix(command, "export DATABASE_URL="); ok {
			address, _, _ := strings.Cut(exported, " ")
			t.Setenv("DATABASE_URL", strings.Trim(address, "'"))
			continue
		}
		if strings.HasPrefix(command, "createdb") || strings.Contains(command, " serve ") {
			continue
		}
		tried++
		shell(t, repository, command)
	}
	if tried != 3 {
		t.Errorf("%d commands were tried, want two of psql and check --live", tried)
	}
}

func TestTheConfigurationOfThePageOnTablesPassesCheck(t *testing.T) {
	t.Setenv("HR_DATABASE_URL", "postgres://127.0.0.1:1/hr")
	snippets := blocks(page(t, "docs/postgres.md"), "yaml")
	if len(snippets) != 1 {
		t.Fatalf("%d configurations", len(snippets))
	}
	path := filepath.Join(t.TempDir(), "scim.yaml")
	text := "clients: {tests: {tokens: [a-token-of-the-tests]}}\njournal: {path: " + t.TempDir() + "}\n" + snippets[0]
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := check(t.Context(), path, false); err != nil {
		t.Error(err)
	}
}
