package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAKeyOfSeveralRowsIsNotWritten(t *testing.T) {
	g := newGround(t, `
		CREATE TABLE p (org text, no int, title text, gone boolean, UNIQUE (org, no)); INSERT INTO p VALUES ('a', 1, 'x'), ('b', 1, 'y'), ('a', 2, 'z');
		CREATE TABLE e (p int, a text);`)
	for _, at := range []string{"{table: p, key: no, version: ''}", "{table: p, key: no}", "{table: p, key: no, version: '', deleted: gone}"} {
		c := g.class(at, g.set("e", "{rows: e, on: p}", "a"))
		for _, err := range []error{
			modify(c, "1", change(backends.Replace, "title", "both")), modify(c, "1", change(backends.Add, "e", "v")), c.Delete(t.Context(), "1", backends.Condition{}),
		} {
			fails(t, err, backends.ErrRefused, "")
			if err != nil && !strings.Contains(err.Error(), "The key of p is not unique") {
				t.Errorf("%s: %v does not say what is wrong", at, err)
			}
		}
		_, err := c.Create(t.Context(), nil, backends.Attributes{"org": backends.Strings("b"), "no": backends.Strings("2")}, nil)
		fails(t, err, backends.ErrRefused, "")
		if err := modify(c, "2", change(backends.Replace, "title", "one")); err != nil {
			t.Error(err)
		}
	}
	g.is("a1x b1y a2one 0", "SELECT string_agg(org || no || title, ' ' ORDER BY no, org) || ' ' || (SELECT count(*) FROM e) FROM p")
}

func TestAWriteLeavesTheRecordWhereItIs(t *testing.T) {
	g := newGround(t, house)
	at := parse(t, `{table: hr.person, key: id, where: "tenant = {tenant} AND title IS DISTINCT FROM 'left' AND NOT EXISTS (SELECT FROM hr.skill WHERE person = t.id AND skill = 'odd')",
		version: version, insert: {kind: staff, tenant: "{tenant}"}, deleted: gone}`)
	c, faults := g.d.open(backends.Open{At: at, Tenant: "default", Protect: parse(t, "[admin]").Items(), Sets: g.personSets()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	ann := hire(t, c, "ann", nil)
	for attr, value := range map[string]string{"tenant": "other", "title": "left", "gone": "2024-01-01T00:00:00Z", "admin": "true", "skills": "odd"} {
		err := modify(c, ann.Key, change(backends.Replace, attr, value), change(backends.Replace, "name", "Else"))
		fails(t, err, backends.ErrRefused, "")
		_, err = c.Create(t.Context(), nil, backends.Attributes{
			"login": backends.Strings("bob"), "name": backends.Strings("Bob"), attr: backends.Strings(value),
		}, nil)
		fails(t, err, backends.ErrRefused, "")
	}
	g.is("default ann Name of ann 1 1 0", `SELECT concat_ws(' ', tenant, login, title, name, gone, admin, version, (SELECT count(*) FROM hr.person), (SELECT count(*) FROM hr.skill))
		FROM hr.person`)
	if err := modify(c, ann.Key, change(backends.Replace, "title", "Boss"), change(backends.Replace, "skills", "go")); err != nil {
		t.Error(err)
	}
}

func TestRightsToSomeColumnsAreEnough(t *testing.T) {
	g := newGround(t, house)
	g.exec("REVOKE ALL ON hr.person FROM "+g.db.Role,
		"GRANT SELECT (id, tenant, login, name, title, kind, version, data, changed_at), INSERT, UPDATE, DELETE ON hr.person TO "+g.db.Role)
	c := g.staff()
	ann := hire(t, c, "ann", backends.Attributes{"skills": backends.Strings("go")})
	for _, ch := range []backends.Change{
		change(backends.Add, "skills", "sql"), change(backends.Remove, "skills", "go"), change(backends.Replace, "emails", row("address", "a@x")), change(backends.Replace, "title", "Boss"),
	} {
		if err := modify(c, ann.Key, ch); err != nil {
			t.Errorf("%v: %v", ch, err)
		}
	}
	g.is("Boss sql a@x 5", "SELECT concat_ws(' ', title, skill, address, version) FROM hr.person p JOIN hr.skill ON skill.person = p.id JOIN hr.email ON email.person = p.id")
	if err := c.Delete(t.Context(), ann.Key, backends.Condition{}); err != nil {
		t.Error(err)
	}
	g.exec("CREATE TABLE hr.desk (id int PRIMARY KEY, room text, plate text)", "INSERT INTO hr.desk VALUES (1, 'r', 'p')", "CREATE TABLE hr.chair (desk int, kind text)",
		"REVOKE ALL ON hr.desk FROM "+g.db.Role, "GRANT SELECT, INSERT, DELETE, UPDATE (plate) ON hr.desk TO "+g.db.Role)
	desks := g.class("{table: hr.desk, key: id}", g.set("chairs", "{rows: hr.chair, on: desk}", "kind"))
	before := fetch(t, desks, "1")
	if err := modify(desks, "1", change(backends.Add, "chairs", "red")); err != nil {
		t.Error(err)
	}
	if after := fetch(t, desks, "1", "chairs"); after.Version == before.Version || len(after.Attrs["chairs"]) != 1 {
		t.Errorf("was %v and is %v", before, after)
	}
	fails(t, modify(desks, "1", change(backends.Replace, "room", "s")), backends.ErrRefused, "")
}

func TestARowThatComesWhileAWriterLooksIsWritten(t *testing.T) {
	g := newGround(t, house)
	c := g.class(`{table: hr.person, key: id, where: "(SELECT pg_advisory_xact_lock_shared(7)::text) = ''", version: version}`)
	const id = "11111111-1111-1111-1111-111111111111"
	if _, err := c.Fetch(t.Context(), []backends.Key{id}, nil); err != nil {
		t.Fatal(err)
	}
	other := g.connect()
	run(t, other, "SELECT pg_advisory_lock(7)")
	done := make(chan error, 1)
	go func() { done <- modify(c, id, change(backends.Replace, "title", "Boss")) }()
	// The statement that takes the row has begun, and so does not see what is made now.
	for g.ask("SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") != "1" {
		select {
		case err := <-done:
			t.Fatalf("nothing was waited for: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	g.exec("INSERT INTO hr.person (id, tenant, login, name) VALUES ('" + id + "', 'default', 'ann', 'Ann')")
	run(t, other, "SELECT pg_advisory_unlock(7)")
	if err := <-done; err != nil {
		t.Error(err)
	}
	g.is("Boss", "SELECT title FROM hr.person")
}
