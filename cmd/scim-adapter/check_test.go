package main

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

func TestCheckLiveAsksTheJournalsDatabaseAndChangesNothing(t *testing.T) {
	server := pgtest.StartServer(t)
	db := server.Database(t)
	admin, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	path := journalConfig(t, startEmbedded(t).URL(), db, "")
	keeper := os.Getenv("JOURNAL_URL")
	says := func(claim, want string) {
		t.Helper()
		report, err := check(t.Context(), path, true)
		switch {
		case want == "" && (err != nil || !strings.Contains(report, "connected, schemas fit")):
			t.Errorf("%s: %q, %v", claim, report, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the journal's database (database.url)")):
			t.Errorf("%s: %q, %v", claim, report, err)
		}
	}
	says("without tables, as a role that cannot make them", "and serve cannot bring it up to date")
	t.Setenv("JOURNAL_URL", db.Admin)
	says("without tables, as a role that can make them", "")
	pgtest.Exec(t, db.Admin, `DO $$ BEGIN ASSERT to_regnamespace('audit') IS NULL, 'a check has made tables'; END $$`)

	pgtest.Exec(t, db.Admin, pgjournal.Script(), "DROP ROLE IF EXISTS journal_stranger", "DROP ROLE IF EXISTS journal_reader",
		"CREATE ROLE journal_stranger LOGIN PASSWORD 'kept'", "CREATE ROLE journal_reader LOGIN PASSWORD 'kept' IN ROLE scim_audit")
	as := func(role string) {
		u := *admin
		u.User = url.UserPassword(role, "kept")
		t.Setenv("JOURNAL_URL", u.String())
	}
	as("journal_stranger")
	says("as a role that may nothing", "GRANT scim_app TO journal_stranger")
	as("journal_reader")
	says("as a role that may only read", "GRANT scim_app TO journal_reader")
	t.Setenv("JOURNAL_URL", keeper)
	says("as a role that may write", "")
	pgtest.Exec(t, db.Admin, "DELETE FROM audit.migrations WHERE version_id = (SELECT max(version_id) FROM audit.migrations)")
	says("with a migration missing", "it lacks [")

	server.Kill()
	says("while it is away", "connect")
	if report, err := check(t.Context(), path, false); err != nil || !strings.Contains(report, "not connected; --live does") {
		t.Errorf("without --live: %q, %v", report, err)
	}
}
