package pgjournal

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

var update = flag.Bool("update", false, "write deploy/scripts/init-db.sql")

func TestInitDBIsMadeOfTheMigrations(t *testing.T) {
	const path = "../../../deploy/scripts/init-db.sql"
	if *update {
		if err := os.WriteFile(path, []byte(Script()), 0o644); err != nil { //nolint:gosec // it is a part of the repository
			t.Fatal(err)
		}
	}
	if fileText(t, path) != Script() {
		t.Errorf("%s is not what the migrations make: run go generate ./adapter/journal/pgjournal", path)
	}
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// guide is a database as the script of the production guide leaves it, with rows of 2024, of this month and of no time.
func guide(t *testing.T) pgtest.DB {
	t.Helper()
	return pgtest.Database(t, fileText(t, "../../../cmd/scim-adapter/testdata/postgres/guide.sql"), `INSERT INTO audit.events (tenant_id, resource_type, action, timestamp) VALUES
		('a', 'User', 'create', '2024-02-03'), ('a', 'User', 'read', '2024-03-01'), ('a', 'User', 'read', now()), ('a', 'User', 'delete', NULL)`)
}

// migrate runs Migrate and gives what it said.
func migrate(t testing.TB, url string) []string {
	t.Helper()
	var said []string
	must(t, Migrate(context.Background(), configs.NewSecret(url), func(line string) { said = append(said, line) }))
	return said
}

// dump is the schema of a database as pg_dump has it.
func dump(t *testing.T, db pgtest.DB) string {
	t.Helper()
	program, err := exec.LookPath("pg_dump")
	if err != nil && os.Getenv("SCIM_TEST_SERVERS") != "required" {
		t.Skip("there is no pg_dump")
	}
	must(t, err)
	out, err := exec.CommandContext(t.Context(), program, "--schema-only", "--dbname="+db.Admin).Output() //nolint:gosec // it is ours
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, exitText(err))
	}
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(string(out), db.Role, "THE_ROLE")) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) { // each dump has a word of its own there
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func exitText(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

func pending(t testing.TB, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	missing, err := Pending(context.Background(), conn)
	must(t, err)
	return missing
}

func TestMigrateAndInitDBMakeTheSame(t *testing.T) {
	for name, make := range map[string]func(*testing.T) pgtest.DB{
		"of nothing":     func(t *testing.T) pgtest.DB { t.Helper(); return pgtest.Database(t) },
		"of the guide's": guide,
		"of what was before": func(t *testing.T) pgtest.DB {
			t.Helper()
			return pgtest.Database(t, fileText(t, "testdata/former.sql"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			script, binary := make(t), make(t)
			if missing := pending(t, binary.Admin); !slices.Equal(missing, Migrations()) {
				t.Errorf("before anything, there lacks %v", missing)
			}
			pgtest.Exec(t, script.Admin, Script())
			said := migrate(t, binary.Admin)
			if !slices.Contains(said, "00002_audit.sql is done") {
				t.Errorf("it says %q", said)
			}
			want := dump(t, script)
			if !strings.Contains(want, "CREATE TABLE audit.intents") {
				t.Fatalf("the dump is not one:\n%s", want)
			}
			if diff := cmp.Diff(want, dump(t, binary)); diff != "" {
				t.Errorf("(-init-db.sql +migrate):\n%s", diff)
			}
			if said := migrate(t, script.Admin); !slices.Equal(said, []string{"every migration is there"}) {
				t.Errorf("after init-db.sql, migrate says %q", said)
			}
			pgtest.Exec(t, binary.Admin, Script()) // the other way round
			for _, db := range []pgtest.DB{script, binary} {
				if diff := cmp.Diff(want, dump(t, db)); diff != "" {
					t.Errorf("one after the other (-once +twice):\n%s", diff)
				}
				if missing := pending(t, db.Admin); len(missing) > 0 {
					t.Errorf("there still lacks %v", missing)
				}
			}
		})
	}
}

func TestRowsOfOldDatabasesLieInTheirMonths(t *testing.T) {
	old := &ground{t: t, db: guide(t)}
	migrate(t, old.db.Admin)
	const where = `SELECT string_agg(line, ', ' ORDER BY line) FROM (SELECT tableoid::regclass::text || ' ' || count(*) AS line FROM audit.events WHERE %s GROUP BY tableoid) AS l`
	if got := old.ask(strings.Replace(where, "%s", "timestamp < '2025-01-01'", 1)); got != "audit.events_default 1, audit.events_writes_2024_02 1, audit.events_writes_2024_03 1" {
		t.Errorf("the guide's rows lie in %s", got)
	}
	if got := old.ask("SELECT concat_ws(' ', count(*), count(writer), count(tx)) FROM audit.events"); got != "4 0 0" {
		t.Errorf("rows, those with a writer, those that a follower sees: %s", got)
	}
	former := &ground{t: t, db: pgtest.Database(t, fileText(t, "testdata/former.sql"))}
	migrate(t, former.db.Admin)
	if got := former.ask(strings.Replace(where, "%s", "true", 1)); got != "audit.events_writes_2024_03 2, audit.events_writes_2024_05 1" {
		t.Errorf("the former rows lie in %s", got)
	}
}

func TestPendingNamesWhatIsMissing(t *testing.T) {
	g := &ground{t: t, db: pgtest.Database(t)}
	migrate(t, g.db.Admin)
	serving := g.role("scim_app")
	if missing := pending(t, serving); len(missing) > 0 {
		t.Errorf("there lacks %v", missing)
	}
	pgtest.Exec(t, g.db.Admin, "DELETE FROM audit.migrations WHERE version_id = 4", "INSERT INTO audit.migrations (version_id, is_applied) VALUES (77, true)")
	if missing := pending(t, serving); !slices.Equal(missing, []string{"00004_overlay.sql"}) {
		t.Errorf("there lacks %v", missing)
	}
	stranger := g.role("pg_monitor")
	conn, err := pgx.Connect(t.Context(), stranger)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := Pending(t.Context(), conn); err == nil || !strings.Contains(err.Error(), "scim_app") {
		t.Errorf("whoever may not ask hears: %v", err)
	}
}

// TestMigrateAsAProcess is not a test but the process that TestProcessesMigrateAtOnce starts.
func TestMigrateAsAProcess(t *testing.T) {
	url := os.Getenv("SCIM_TEST_MIGRATE")
	if url == "" {
		t.Skip("for TestProcessesMigrateAtOnce")
	}
	migrate(t, url)
}

func TestProcessesMigrateAtOnce(t *testing.T) {
	for name, db := range map[string]pgtest.DB{"of nothing": pgtest.Database(t), "of the guide's": guide(t)} {
		t.Run(name, func(t *testing.T) {
			type end struct {
				out []byte
				err error
			}
			ends := make(chan end)
			for range 4 {
				go func() {
					cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateAsAProcess$", "-test.v") //nolint:gosec // this program
					cmd.Env = append(os.Environ(), "SCIM_TEST_MIGRATE="+db.Admin)
					out, err := cmd.CombinedOutput()
					ends <- end{out, err}
				}()
			}
			for range 4 {
				if e := <-ends; e.err != nil || !strings.Contains(string(e.out), "--- PASS") {
					t.Errorf("%v\n%s", e.err, e.out)
				}
			}
			if missing := pending(t, db.Admin); len(missing) > 0 {
				t.Errorf("there lacks %v", missing)
			}
			g := &ground{t: t, db: db}
			if got := g.ask("SELECT string_agg(version_id::text, ' ' ORDER BY id) FROM audit.migrations"); got != everyVersion() {
				t.Errorf("run were %s", got)
			}
		})
	}
}

func TestMigrateNamesTheRightThatIsMissing(t *testing.T) {
	empty := pgtest.Database(t)
	try := func(url string) string {
		t.Helper()
		err := Migrate(t.Context(), configs.NewSecret(url), func(string) {})
		lacks, ok := errors.AsType[*LackedRights](err)
		if !ok {
			t.Fatalf("%v is no lack of rights", err)
		}
		return lacks.Error()
	}
	if text := try(empty.URL); !strings.Contains(text, "GRANT CREATE ON DATABASE "+empty.Role+" TO "+empty.Role) || !strings.Contains(text, "GRANT scim_owner TO "+empty.Role) {
		t.Errorf("it says: %s", text)
	}
	pgtest.Exec(t, empty.Admin, "GRANT CREATE ON DATABASE "+empty.Role+" TO "+empty.Role, "GRANT scim_owner TO "+empty.Role)
	if text := try(empty.URL); !strings.HasSuffix(text, "lacks a right: to make a function in public: GRANT CREATE ON SCHEMA public TO "+empty.Role) {
		t.Errorf("then it says: %s", text)
	}
	pgtest.Exec(t, empty.Admin, "GRANT CREATE ON SCHEMA public TO "+empty.Role)
	migrate(t, empty.URL) // which is all that it takes
	if missing := pending(t, empty.Admin); len(missing) > 0 {
		t.Errorf("there lacks %v", missing)
	}
	g := &ground{t: t, db: empty}
	if owners := g.ask(`SELECT string_agg(DISTINCT relowner::regrole::text, ' ') FROM pg_class WHERE relnamespace::regnamespace::text IN ('scim', 'audit', '"overlay"', 'backup')`); owners != "scim_owner" {
		t.Errorf("the tables belong to %s", owners)
	}
	serving := g.role("scim_app")
	said := migrate(t, serving)
	if len(said) != 1 || !strings.Contains(said[0], "every migration is there") || !strings.Contains(said[0], "GRANT scim_owner") {
		t.Errorf("whoever finds nothing to do hears %q", said)
	}
}

func TestMigrateTellsWhatIsInTheWay(t *testing.T) {
	db := pgtest.Database(t, fileText(t, "../../../cmd/scim-adapter/testdata/postgres/guide.sql"),
		"INSERT INTO scim.users (tenant_id, username, data) VALUES ('acme', 'bob', '{}'), ('acme', 'BOB', '{}')")
	err := Migrate(t.Context(), configs.NewSecret(db.Admin), func(string) {})
	if err == nil || !strings.Contains(err.Error(), "00001_plain_service.sql: nothing of it was done") || !strings.Contains(err.Error(), "tenant acme, users: BOB, bob") ||
		!strings.Contains(err.Error(), "Rename or delete") {
		t.Errorf("it says: %v", err)
	}
	if missing := pending(t, db.Admin); !slices.Equal(missing, Migrations()) {
		t.Errorf("there lacks %v", missing)
	}
	pgtest.Exec(t, db.Admin, "DELETE FROM scim.users WHERE username = 'BOB'")
	migrate(t, db.Admin)
}

// everyVersion are the numbers of all migrations, and that of the table they are noted in.
func everyVersion() string {
	text := "0"
	for i := range Migrations() {
		text += fmt.Sprint(" ", i+1)
	}
	return text
}
