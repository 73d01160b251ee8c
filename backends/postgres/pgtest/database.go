// Package pgtest gives tests a PostgreSQL that is theirs: an empty database of a server that is shared by all ([Database]), or a server of their
// own that they may kill ([StartServer]). Both need PostgreSQL: where there is none a test is skipped, or fails when SCIM_TEST_SERVERS is "required", as in
// make test.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// DB is a database that is dropped at the end of the test.
type DB struct {
	Admin string // the URL of a superuser
	URL   string // the URL of Role
	Role  string // may log in, read and write rows in every schema; owns nothing, is no superuser, and row-level security holds for it
}

// Locale is how a database compares and folds text. The zero Locale is the server's own.
type Locale struct {
	Collate string // of libc, for order and letters: C, C.utf8, en_US.utf8
	ICU     string // a language tag, such as und or en-US: then ICU compares, and Collate is C unless it is said
}

// patience is how long the server may take for anything that is asked here.
const patience = time.Minute

// Database makes a fresh database on the server that SCIM_TEST_POSTGRES_URL names, whose user is a superuser, and runs the scripts in it, as that user.
func Database(t testing.TB, scripts ...string) DB {
	t.Helper()
	return Locale{}.Database(t, scripts...)
}

// Database is [Database] with a locale.
func (l Locale) Database(t testing.TB, scripts ...string) DB {
	t.Helper()
	return l.database(t, serverURL(t), scripts)
}

// serverURL is the shared server's.
func serverURL(t testing.TB) string {
	t.Helper()
	const variable = "SCIM_TEST_POSTGRES_URL"
	wanted, found := os.Getenv("SCIM_TEST_SERVERS"), os.Getenv(variable)
	if found == "" && wanted == "required" {
		t.Fatalf("%s is not set: run make test", variable)
	}
	if found == "" || wanted == "none" {
		t.Skipf("%s is not set: make test starts the servers", variable)
	}
	return found
}

// database makes a database and its role, both of one random name, so that tests in other processes do not meet.
func (l Locale) database(t testing.TB, server string, scripts []string) DB {
	t.Helper()
	db := create(t, server, "template0 ENCODING 'UTF8'"+l.options())
	Exec(t, db.Admin, defaults(db.Role)...)
	Exec(t, db.Admin, scripts...)
	Exec(t, db.Admin, strings.ReplaceAll(grants, "ROLE", db.Role))
	return db
}

// create makes a database of a template, and its role.
func create(t testing.TB, server, template string) DB {
	t.Helper()
	name, password := randomName(), rand.Text()
	db := DB{Admin: elsewhere(t, server, name, nil), URL: elsewhere(t, server, name, url.UserPassword(name, password)), Role: name}
	t.Cleanup(func() { drop(t, server, name) })
	Exec(t, server, "CREATE DATABASE "+name+" TEMPLATE "+template,
		"CREATE ROLE "+name+" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '"+password+"'")
	return db
}

func randomName() string { return "scim_test_" + strings.ToLower(rand.Text()[:16]) }

// defaults are for what the test itself makes later; what the scripts make is granted when they are through.
func defaults(role string) []string {
	return []string{
		"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO " + role,
		"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO " + role,
		"ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO " + role,
	}
}

// options are those of CREATE DATABASE.
func (l Locale) options() string {
	switch {
	case l.ICU != "":
		collate := l.Collate
		if collate == "" {
			collate = "C"
		}
		return " LOCALE_PROVIDER icu ICU_LOCALE " + quote(l.ICU) + " LC_COLLATE " + quote(collate) + " LC_CTYPE " + quote(collate)
	case l.Collate != "":
		return " LOCALE_PROVIDER libc LC_COLLATE " + quote(l.Collate) + " LC_CTYPE " + quote(l.Collate)
	}
	return ""
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// grants lets the role read and write rows wherever the scripts have made tables.
const grants = `DO $$
DECLARE s text;
BEGIN
	FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
		EXECUTE format('GRANT USAGE ON SCHEMA %I TO ROLE', s);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO ROLE', s);
		EXECUTE format('GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA %I TO ROLE', s);
	END LOOP;
END $$`

// elsewhere is a server's URL with another database and, unless user is nil, another user.
func elsewhere(t testing.TB, server, database string, user *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		t.Fatalf("SCIM_TEST_POSTGRES_URL is no URL: postgres://user@host:port/database is one")
	}
	u.Path = "/" + database
	if user != nil {
		u.User = user
	}
	return u.String()
}

// Exec connects, runs scripts of one or more statements each, and is gone.
func Exec(t testing.TB, url string, scripts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := execute(ctx, url, scripts...); err != nil {
		t.Fatal(err)
	}
}

func execute(ctx context.Context, url string, scripts ...string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, script := range scripts {
		if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// drop takes a database and its role away, whoever is still connected. A test that has ended is not failed by it.
func drop(t testing.TB, server, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := execute(ctx, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "DROP ROLE IF EXISTS "+name); err != nil {
		t.Logf("the database %s stays behind: %v", name, err)
	}
}
