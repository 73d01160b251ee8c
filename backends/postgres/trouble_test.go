package postgres

import (
	"errors"
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
