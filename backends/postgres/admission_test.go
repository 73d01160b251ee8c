package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// A service for tenants, a large one and a small one, whose indexes all begin with the tenant.
const tenantsSQL = `
CREATE TABLE person (
	id int PRIMARY KEY, org text NOT NULL, login text, active boolean, data jsonb, login_folded text COLLATE "C" GENERATED ALWAYS AS (lower(login)) STORED
);
INSERT INTO person SELECT i, CASE WHEN i % 20 = 0 THEN 'small' ELSE 'default' END, 'Login' || i, i % 7 > 0, jsonb_build_object('title', 'Title' || i,
	'emails', jsonb_build_array(jsonb_build_object('value', 'v' || i))) FROM generate_series(1, 8000) i;
CREATE TABLE phone (person int REFERENCES person, value text);
INSERT INTO phone SELECT id, '+1' || id FROM person;
CREATE INDEX ON phone (person);
CREATE INDEX ON person (org, login_folded);
CREATE INDEX ON person (org, id);
CREATE INDEX ON person (org, active);
CREATE INDEX ON person USING gin (data jsonb_path_ops);
ALTER TABLE person ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants ON person USING (org = current_setting('scim.tenant_id', true));
ANALYZE;
`

// What is counted is what a search reads: an index that is read for the tenant's name alone serves nobody.
func TestASearchIsAdmittedByWhatItReads(t *testing.T) {
	g := groundOn(t, pgtest.Locale{Collate: "C.utf8"}.Database(t, tenantsSQL), func(c *Config) { c.MaxScanRows = 500 })
	open := func(tenant string) *class {
		return g.classOf(tenant, "{table: person, key: id, version: '', where: 'org = {tenant}', document: data}", g.set("phones", "{rows: phone, on: person}", "value"))
	}
	large, small := open("default"), open("small")
	exact, fold := backends.CaseExact, backends.CaseIgnore
	login := eqTo("login", "LOGIN777", fold)
	oneByOne := []backends.Predicate{
		eqTo("data.emails.value", "v7", fold), eqTo("data.emails.value", "v7", exact),
		backends.Some{Attr: "data.emails", Where: eqTo("value", "v7", fold)},
		eqTo("data.displayName", "x", fold),
		backends.Not{Term: backends.Present{Attr: "data.title"}},
		backends.Contains{Attr: "data.title", Text: "77", Rule: fold},
		backends.Contains{Attr: "login", Text: "77", Rule: fold},
		backends.And{eqTo("active", "true", backends.BooleanRule), eqTo("data.title", "x", fold)},
		backends.Contains{Attr: "phones", Text: "777", Rule: exact},
		backends.Or{login, eqTo("data.title", "Title7", exact)},
	}
	served := []backends.Predicate{
		login,
		backends.And{login, backends.Contains{Attr: "data.title", Text: "7", Rule: fold}},
		backends.Prefix{Attr: "login", Text: "login777", Rule: fold},
		backends.And{backends.KeyIn{Keys: []backends.Key{"7"}}, oneByOne[0]},
		eqTo("id", "7", exact),
	}
	for _, limit := range []int{0, 10} {
		for _, p := range oneByOne {
			if err := asked(t, large, backends.Query{Where: p, Limit: limit}); !errors.Is(err, backends.ErrTooMany) {
				t.Errorf("%s, %d at most: %v", p, limit, err)
			}
			if err := asked(t, small, backends.Query{Where: p, Limit: limit}); err != nil && !strings.Contains(p.String(), "phones") {
				t.Errorf("%s in a small tenant, %d at most: %v", p, limit, err)
			}
		}
		for _, p := range served {
			for _, q := range []backends.Query{{Where: p, Limit: limit}, {Where: p, Limit: limit, After: "3"}, {Where: p, Limit: limit, Sort: &backends.Sort{Attr: "login", Rule: fold}}} {
				if err := asked(t, large, q); err != nil {
					t.Errorf("%s, %d at most: %v", p, limit, err)
				}
			}
		}
	}
	// A page of what most have is soon full; they are not soon counted.
	most := backends.Order{Attr: "login", Op: backends.Greater, Value: backends.String("login1"), Rule: fold}
	if err := asked(t, large, backends.Query{Where: most, Limit: 10}); err != nil {
		t.Error(err)
	}
	if _, _, err := large.Count(t.Context(), oneByOne[3], 0); !errors.Is(err, backends.ErrTooMany) {
		t.Errorf("counted: %v", err)
	}
	if n, _, err := large.Count(t.Context(), login, 0); n != 1 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
}

// asked is what becomes of a walk.
func asked(t *testing.T, c *class, q backends.Query) error {
	t.Helper()
	for _, err := range c.Walk(t.Context(), q) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAPlanSaysThatRowsAreReadOneByOne(t *testing.T) {
	g := groundOn(t, pgtest.Locale{Collate: "C.utf8"}.Database(t, tenantsSQL), nil)
	c := g.class("{table: person, key: id, version: '', where: 'org = {tenant}', document: data}")
	for p, want := range map[backends.Predicate]string{
		eqTo("data.displayName", "x", backends.CaseIgnore):                          "no index serves this test of data.displayName",
		backends.Not{Term: backends.Present{Attr: "data.title"}}:                    "no index serves this test of data.title",
		backends.Contains{Attr: "data.title", Text: "x", Rule: backends.CaseIgnore}: "no index serves this test of data.title",
		backends.Contains{Attr: "login", Text: "x", Rule: backends.CaseIgnore}:      "is not LEAKPROOF",
		eqTo("data.title", "x", backends.CaseExact):                                 "is not LEAKPROOF",
		eqTo("login", "x", backends.CaseIgnore):                                     "Index",
		backends.Prefix{Attr: "login", Text: "login", Rule: backends.CaseIgnore}:    "Index",
	} {
		lines, err := c.Plan(t.Context(), backends.Query{Where: p, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if last := lines[len(lines)-1]; !strings.Contains(last, want) || strings.Contains(last, "CREATE") {
			t.Errorf("%s: %q, want %s", p, lines, want)
		}
	}
}

// What one search was told says nothing of another that is written alike, whichever of them comes first, nor of itself when an index has been made.
func TestASearchIsAdmittedByItsOwnValues(t *testing.T) {
	db := pgtest.Locale{Collate: "C.utf8"}.Database(t, `CREATE TABLE person (id int PRIMARY KEY, login text, kind text, bare text);
		INSERT INTO person SELECT i, 'login' || i, CASE WHEN i % 100 = 0 THEN 'rare' ELSE 'common' END, 'bare' || i FROM generate_series(1, 8000) i;
		CREATE INDEX ON person (lower(login) text_pattern_ops); CREATE INDEX ON person (kind); ANALYZE`)
	exact, fold := backends.CaseExact, backends.CaseIgnore
	tooMany := func(c *class, p backends.Predicate) bool {
		_, _, err := c.Count(t.Context(), p, 0)
		if err != nil && !errors.Is(err, backends.ErrTooMany) {
			t.Fatal(err)
		}
		return err != nil
	}
	few, all := backends.Prefix{Attr: "login", Text: "login777", Rule: fold}, backends.Contains{Attr: "login", Text: "777", Rule: fold}
	rare, common := backends.And{eqTo("kind", "rare", exact), eqTo("bare", "x", exact)}, backends.And{eqTo("kind", "common", exact), eqTo("bare", "x", exact)}
	for _, order := range [][]backends.Predicate{{few, all, rare, common}, {common, rare, all, few}} {
		g := groundOn(t, db, func(c *Config) { c.MaxScanRows = 500 })
		c := g.class("{table: person, key: id, version: ''}")
		for range 2 {
			for _, p := range order {
				if many := p.String() == all.String() || p.String() == common.String(); tooMany(c, p) != many {
					t.Errorf("%s is refused: %v", p, !many)
				}
			}
		}
	}
	g := groundOn(t, db, func(c *Config) { c.MaxScanRows = 500 })
	c := g.class("{table: person, key: id, version: ''}")
	if p := eqTo("bare", "x", exact); !tooMany(c, p) {
		t.Error("no index, and yet it is admitted")
	} else if g.exec("CREATE INDEX ON person (bare)", "ANALYZE person"); tooMany(c, p) {
		t.Error("refused for an index that has been made since")
	}
}
