package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Whoever reads what is locked has not asked for too much, whatever he asks for.
func TestWaitingForALockIsNotTooMuch(t *testing.T) {
	g := groundOn(t, pgtest.Database(t, house), func(cfg *Config) { cfg.Timeout, cfg.MaxConnections, cfg.MinConnections = 400*time.Millisecond, 2, 0 })
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	ask := map[string]func() error{
		"Fetch":   func() error { _, err := c.Fetch(t.Context(), []backends.Key{ann.Key}, []string{"login"}); return err },
		"Has":     func() error { _, err := c.Has(t.Context(), ann.Key, "login", backends.Strings("ann")); return err },
		"Find":    func() error { _, err := c.Find(t.Context(), "login", []string{"ann"}, nil); return err },
		"Names":   func() error { _, err := c.Names(t.Context(), "name", []backends.Key{ann.Key}); return err },
		"Holders": func() error { _, err := c.Holders(t.Context(), "login", []string{"ann"}, nil); return err },
		"Count": func() error {
			_, _, err := c.Count(t.Context(), eqTo("login", "ann", backends.CaseIgnore), 0)
			return err
		},
		"Walk": func() error {
			for _, err := range c.Walk(t.Context(), backends.Query{Where: eqTo("login", "ann", backends.CaseIgnore), Limit: 2}) {
				return err
			}
			return nil
		},
	}
	for warm := range 2 { // the second time the statements, each another, are prepared
		other := g.connect()
		run(t, other, "BEGIN")
		run(t, other, "LOCK TABLE hr.person IN ACCESS EXCLUSIVE MODE")
		for what, do := range ask {
			if warm == 0 && what != "Fetch" {
				continue // it is waited for in vain on the client's side, which takes a second longer
			}
			err := do()
			var e *backends.Error
			if !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || errors.Is(err, backends.ErrTooMany) {
				t.Errorf("%s: %v", what, err)
			}
			if warm > 0 && e != nil && e.Detail != "Others are changing what was to be read." {
				t.Errorf("%s: %s", what, e.Detail)
			}
		}
		run(t, other, "COMMIT")
		for what, do := range ask {
			if err := do(); err != nil {
				t.Errorf("%s of what is free: %v", what, err)
			}
		}
	}
}

// A value that cannot be read is a fault of that value. The database is not away, and the connection is good.
func TestAValueThatCannotBeReadIsNoOutage(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann, bob := hire(t, c, "ann", nil), hire(t, c, "bob", nil)
	g.exec("SET max_stack_depth = '6MB'", `SET max_stack_depth = '6MB'; UPDATE hr.person SET data = ('{"x":' || repeat('[', 10001) || repeat(']', 10001) || '}')::jsonb WHERE login = 'ann'`)
	for claim, do := range map[string]func() error{
		"Fetch": func() error { _, err := c.Fetch(t.Context(), []backends.Key{ann.Key}, []string{"data.y"}); return err },
		"Walk": func() error {
			for _, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"data"}}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Modify": func() error {
			_, err := c.Modify(t.Context(), ann.Key, []backends.Change{change(backends.Replace, "title", "x")}, backends.Condition{}, []string{"data.y"})
			return err
		},
	} {
		err := do()
		var own *backends.Error
		if err == nil || errors.As(err, &own) || !strings.Contains(err.Error(), "data") || !strings.Contains(err.Error(), string(ann.Key)) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	fetch(t, c, bob.Key, "data.y")
	fetch(t, c, ann.Key, "login")
	if lost := g.d.lost.Load(); lost != 0 {
		t.Errorf("%d connections count as lost", lost)
	}
	g.is("-", "SELECT coalesce(title, '-') FROM hr.person WHERE login = 'ann'")
}

func TestBytesAreReadHoweverTheRoleShowsThem(t *testing.T) {
	g := newGround(t, `CREATE TABLE p (id int PRIMARY KEY, b bytea[], bb bytea); INSERT INTO p VALUES (1, ARRAY['\x00ff'::bytea], '\x00ff')`)
	g.exec("ALTER ROLE " + g.db.Role + " SET bytea_output = escape")
	r := fetch(t, g.class("{table: p, key: id}"), "1", "b", "bb")
	if want := backends.Bytes([]byte{0, 255}); r.Attrs["b"][0] != want || r.Attrs["bb"][0] != want {
		t.Error(r.Attrs)
	}
}

func TestAReadThatOthersGetInTheWayOfIsTriedAgain(t *testing.T) {
	g := newGround(t, `CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE SEQUENCE n; GRANT USAGE ON SEQUENCE n TO PUBLIC;
CREATE FUNCTION busy(code text, times int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
	IF nextval('n') <= times THEN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'in the way'; END IF; RETURN 'x'; END $$;
CREATE VIEW deadlock AS SELECT id, busy('40P01', 3) AS a FROM p; CREATE VIEW conflict AS SELECT id, busy('40001', 3) AS a FROM p;
CREATE VIEW always AS SELECT id, busy('40001', 1000000) AS a FROM p`)
	for _, table := range []string{"deadlock", "conflict"} {
		g.exec("SELECT setval('n', 1, false)")
		c := g.class("{table: " + table + ", key: id, version: ''}")
		if r := fetch(t, c, "1", "a"); len(r.Attrs) != 1 {
			t.Errorf("%s: %v", table, r)
		}
	}
	c := g.class("{table: always, key: id, version: ''}")
	_, err := c.Fetch(t.Context(), []backends.Key{"1"}, []string{"a"})
	var e *backends.Error
	if !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || e.Detail != "Others are changing what was to be read." {
		t.Error(err)
	}
	if n := g.ask("SELECT (last_value - 4)::text FROM n"); n != "5" {
		t.Errorf("it was tried %s times", n)
	}
}
