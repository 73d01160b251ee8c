package postgres

import (
	"net/url"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// twoServers are a database on each of two servers, of one name and with one role, and the URL of both. Nothing copies rows from one to the other: each
// knows which it is.
func twoServers(t *testing.T) (first, second *pgtest.Server, db pgtest.DB) {
	t.Helper()
	first, second = pgtest.StartServer(t), pgtest.StartServer(t)
	tables := func(which string) string {
		return "CREATE TABLE person (id int PRIMARY KEY, name text); INSERT INTO person VALUES (1, '" + which + "')"
	}
	db = second.Database(t, tables("second"))
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	pgtest.Exec(t, first.URL, "CREATE ROLE "+db.Role+" LOGIN PASSWORD '"+password+"'", "CREATE DATABASE "+db.Role)
	admin, err := url.Parse(first.URL)
	if err != nil {
		t.Fatal(err)
	}
	admin.Path = u.Path
	pgtest.Exec(t, admin.String(), tables("first"), "GRANT SELECT, UPDATE ON person TO "+db.Role)
	u.Host = "127.0.0.1:" + first.Port() + "," + u.Host
	u.RawQuery = "sslmode=disable&target_session_attrs=read-write"
	db.URL = u.String()
	return first, second, db
}

// onlyReads makes a server what a standby is to whoever asks target_session_attrs=read-write, or a primary again, as a fail-over does.
func onlyReads(t *testing.T, s *pgtest.Server, yes bool) {
	t.Helper()
	value := map[bool]string{true: "on", false: "off"}[yes]
	pgtest.Exec(t, s.URL, "ALTER SYSTEM SET default_transaction_read_only = "+value, "SELECT pg_reload_conf()")
	eventually(t, func() bool {
		return (&ground{t: t, db: pgtest.DB{Admin: s.URL}}).ask("SHOW default_transaction_read_only") == value
	})
}

func TestOfSeveralHostsTheOneThatWritesIsTaken(t *testing.T) {
	t.Parallel()
	first, second, db := twoServers(t)
	read := func(b *class) string { return fetch(t, b, "1", "name").Attrs["name"].Texts()[0] }
	open := func() *class {
		d, _ := openDirectory(t, db.URL, nil)
		return (&ground{t: t, db: db, d: d}).class("{table: person, key: id, version: ''}")
	}
	onlyReads(t, first, true)
	if got := read(open()); got != "second" {
		t.Errorf("it reads from the %s, which writes nothing", got)
	}
	first.Stop()
	if got := read(open()); got != "second" {
		t.Errorf("it reads from the %s, which is away", got)
	}
	first.Start()
	onlyReads(t, first, false)
	onlyReads(t, second, true)
	if got := read(open()); got != "first" {
		t.Errorf("it reads from the %s", got)
	}
}

// TestAFailOverIsFollowed: the primary dies, and what was its standby takes over. Nobody starts the adapter anew.
func TestAFailOverIsFollowed(t *testing.T) {
	t.Parallel()
	first, second, db := twoServers(t)
	onlyReads(t, second, true)
	d, _ := openDirectory(t, db.URL, nil)
	g := &ground{t: t, db: db, d: d}
	c := g.class("{table: person, key: id, version: ''}")
	write := func(name string) error { return modify(c, "1", change(backends.Replace, "name", name)) }
	if err := write("written to the first"); err != nil {
		t.Fatal(err)
	}
	first.Kill()
	fails(t, write("written to nobody"), backends.ErrUnavailable, "")
	fails(t, d.Ping(t.Context()), backends.ErrUnavailable, "")
	onlyReads(t, second, false)
	if err := write("written to the second"); err != nil {
		t.Errorf("the next one writes: %v", err)
	}
	if got := fetch(t, c, "1", "name").Attrs["name"].Texts(); strings.Join(got, "") != "written to the second" {
		t.Error(got)
	}
	g.is("written to the second", "SELECT name FROM person")
	// The old primary comes back as what it is now. Nobody writes there.
	first.Start()
	onlyReads(t, first, true)
	for range 5 {
		if err := write("written to the second, again"); err != nil {
			t.Error(err)
		}
	}
	// It is given its place back in good order: the other one only reads from now on, under connections that stay.
	onlyReads(t, first, false)
	onlyReads(t, second, true)
	if err := write("written to the first, again"); err != nil {
		t.Errorf("it writes to the one that writes: %v", err)
	}
	g.is("written to the second, again", "SELECT name FROM person")
}
