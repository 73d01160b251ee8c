package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Whatever is asked, a column that was in use and went is no column without values.
func TestAColumnThatWentIsNeverAnAbsentValue(t *testing.T) {
	const table = "CREATE TABLE person (id int PRIMARY KEY, login text, name text, data jsonb, spare text); INSERT INTO person VALUES (1, 'boss', 'Ann', '{\"a\":{\"b\":\"x\"}}', 's')"
	is := func(attr, text string) backends.Predicate { return eqTo(attr, text, backends.CaseExact) }
	for claim, tc := range map[string]struct{ change, back, said string }{
		"renamed":  {"ALTER TABLE person RENAME login TO account", "ALTER TABLE person RENAME account TO login", "person has lost the column login, which is in use"},
		"dropped":  {"ALTER TABLE person DROP login", "ALTER TABLE person ADD login text; UPDATE person SET login = 'boss'", "person has lost the column login"},
		"retyped":  {"ALTER TABLE person ALTER data TYPE text", "ALTER TABLE person ALTER data TYPE jsonb USING data::jsonb", "the column data of person, of which places are in use, is no document any more"},
		"replaced": {"ALTER TABLE person RENAME TO old; CREATE TABLE person (id int PRIMARY KEY)", "DROP TABLE person; ALTER TABLE old RENAME TO person", "person has lost the column"},
	} {
		g := newGround(t, table)
		now := time.Now()
		g.d.now = func() time.Time { return now }
		c := g.class("{table: person, key: id}")
		fetch(t, c, "1", "*")
		for _, attr := range []string{"login", "data.a.b"} { // as a mapping is held against the schema
			if !c.Syntax(attr).Known {
				t.Fatalf("%s: %s is not known", claim, attr)
			}
		}
		g.exec(tc.change)
		now = now.Add(fresh + time.Second) // nobody noticed meanwhile
		ask := map[string]func() error{
			"Fetch": func() error {
				_, err := c.Fetch(t.Context(), []backends.Key{"1"}, []string{"login", "data.a.b"})
				return err
			},
			"Walk": func() error {
				for _, err := range c.Walk(t.Context(), backends.Query{Where: backends.Not{Term: is("login", "boss")}}) {
					return err
				}
				return nil
			},
			"Count": func() error { _, _, err := c.Count(t.Context(), is("data.a.b", "x"), 0); return err },
			"Find": func() error {
				_, err := c.Find(t.Context(), "login", []string{"boss"}, nil)
				return err
			},
			"Modify": func() error { return modify(c, "1", change(backends.Replace, "login", "x")) },
			"Ping":   func() error { return g.d.Ping(t.Context()) },
		}
		for what, do := range ask {
			var e *backends.Error
			if err := do(); !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || e.Detail != "The configuration does not fit the database." || !strings.Contains(err.Error(), tc.said) {
				t.Errorf("%s: %s: %v", claim, what, err)
			}
		}
		if !c.Syntax("login").Known || c.Fidelity(is("login", "x")) != backends.Exact {
			t.Errorf("%s: what is known without asking is what was known: a filter is not wrong because a column is away", claim)
		}
		if n := g.log.count(tc.said); n < 1 || n > 2 {
			t.Errorf("%s: said %d times: %s", claim, n, g.log)
		}
		g.exec(tc.back)
		now = now.Add(respite + time.Millisecond)
		for what, do := range ask {
			if err := do(); err != nil {
				t.Errorf("%s and put right: %s: %v", claim, what, err)
			}
		}
		if g.log.count("fits the database again") != 1 {
			t.Errorf("%s: %s", claim, g.log)
		}
	}
}

func TestAColumnThatNobodyAskedForMayGo(t *testing.T) {
	g := newGround(t, "CREATE TABLE person (id int PRIMARY KEY, login text, spare text); INSERT INTO person VALUES (1, 'boss', 's')")
	c := g.class("{table: person, key: id}")
	fetch(t, c, "1", "*", "login", "nowhere")
	g.exec("ALTER TABLE person DROP spare")
	if r := fetch(t, c, "1", "*", "login", "nowhere"); len(r.Attrs) != 2 {
		t.Error(r.Attrs)
	}
}

func TestAColumnThatMayNotBeReadAnyMoreIsMissed(t *testing.T) {
	g := newGround(t, "CREATE TABLE person (id int PRIMARY KEY, login text); INSERT INTO person VALUES (1, 'boss')")
	now := time.Now()
	g.d.now = func() time.Time { return now }
	c := g.class("{table: person, key: id, version: ''}")
	fetch(t, c, "1", "login")
	g.exec("REVOKE SELECT ON person FROM "+g.db.Role, "GRANT SELECT (id) ON person TO "+g.db.Role)
	now = now.Add(fresh + time.Second)
	_, err := c.Fetch(t.Context(), []backends.Key{"1"}, []string{"login"})
	if !errors.Is(err, backends.ErrUnavailable) || !strings.Contains(err.Error(), "may not read the column login of person any more") {
		t.Error(err)
	}
}
