package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Enough rows that an index is worth while, with the indexes that are promised to serve.
const crowdSQL = `
CREATE EXTENSION citext;
CREATE TABLE person (id uuid PRIMARY KEY, name text, login varchar(60), ci citext UNIQUE, age int, seen timestamptz, nicks text[], data jsonb, bare text);
INSERT INTO person SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'Name' || i, 'Login' || i, 'Mail' || i, i, '2024-01-01'::timestamptz + i * interval '1 s',
	ARRAY['Nick' || i, 'all'], jsonb_build_object('title', 'Title' || i, 'emails', jsonb_build_array(jsonb_build_object('value', 'v' || i, 'type', 'work'))), 'Bare' || i
	FROM generate_series(1, 8000) i;
CREATE INDEX person_name ON person (name);
CREATE INDEX person_login ON person (lower(login));
CREATE INDEX person_login_pattern ON person (lower(login) text_pattern_ops);
CREATE INDEX person_name_pattern ON person (name text_pattern_ops);
CREATE INDEX person_age ON person (age);
CREATE INDEX person_seen ON person (seen);
CREATE INDEX person_nicks ON person USING gin (nicks);
CREATE INDEX person_data ON person USING gin (data jsonb_path_ops);
CREATE TABLE mail (person_id uuid REFERENCES person, address text, kind text);
INSERT INTO mail SELECT id, 'v' || age, 'work' FROM person;
CREATE INDEX mail_address ON mail (address);
CREATE INDEX mail_person ON mail (person_id);
ANALYZE;
`

func crowd(t *testing.T, edit func(*Config)) (*ground, *class) {
	t.Helper()
	g := groundOn(t, pgtest.Locale{Collate: "C.utf8"}.Database(t, crowdSQL), edit)
	c := g.class("{table: person, key: id, version: '', document: data}", g.set("mails", "{rows: mail, on: person_id}", "address", "kind"),
		g.set("addresses", "{rows: mail, on: person_id}", "address"))
	return g, c
}

func eqTo(attr, text string, rule backends.Rule) backends.Predicate {
	return backends.Eq{Attr: attr, Value: backends.String(text), Rule: rule}
}

// served are conditions by the index that must serve them.
func served() map[string][]backends.Predicate {
	exact, fold := backends.CaseExact, backends.CaseIgnore
	return map[string][]backends.Predicate{
		"person_pkey":          {backends.KeyIn{Keys: []backends.Key{"00000000-0000-4000-8000-000000000007"}}, eqTo("id", "00000000-0000-4000-8000-000000000007", exact)},
		"person_name":          {eqTo("name", "Name7", exact), backends.Prefix{Attr: "name", Text: "Name777", Rule: exact}},
		"person_login":         {eqTo("login", "LOGIN7", fold)},
		"person_login_pattern": {backends.Prefix{Attr: "login", Text: "Login777", Rule: fold}},
		"person_ci_key":        {eqTo("ci", "MAIL7", fold), eqTo("ci", "Mail7", exact)},
		"person_age":           {eqTo("age", "7", backends.IntegerRule), backends.Order{Attr: "age", Op: backends.Less, Value: backends.Int(5), Rule: backends.IntegerRule}},
		"person_seen":          {eqTo("seen", "2024-01-01T00:00:07Z", backends.TimeRule), backends.Order{Attr: "seen", Op: backends.Less, Value: backends.String("2024-01-01T00:00:07Z"), Rule: backends.TimeRule}},
		"person_nicks":         {eqTo("nicks", "Nick7", exact)},
		"person_data": {
			eqTo("data.title", "Title7", exact), eqTo("data.emails.value", "v7", exact),
			backends.Some{Attr: "data.emails", Where: backends.And{eqTo("type", "work", exact), eqTo("value", "v7", exact), backends.Not{Term: eqTo("type", "x", exact)}}},
		},
		"mail_address": {eqTo("addresses", "v7", exact), backends.Some{Attr: "mails", Where: backends.And{eqTo("address", "v7", exact), eqTo("kind", "work", exact)}}},
	}
}

func TestIndexesServe(t *testing.T) {
	_, c := crowd(t, nil)
	for index, conditions := range served() {
		for _, p := range conditions {
			for _, q := range []backends.Query{{Where: p}, {Where: backends.And{p, backends.Not{Term: eqTo("bare", "x", backends.CaseExact)}}}} {
				lines, err := c.Plan(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				plan := strings.Join(lines, "\n")
				serves := strings.Contains(plan, "using "+index+" (") || strings.Contains(plan, "on "+index+" (") || strings.Contains(plan, "using "+index+"_pattern (")
				if !serves || strings.Contains(plan, "Seq Scan on") {
					t.Errorf("%s is not served by %s:\n%s\n%s", q.Where, index, c.Native(q.Where), plan)
				}
			}
		}
	}
}

func TestAPlanSaysWhichIndexWouldServe(t *testing.T) {
	_, c := crowd(t, nil)
	bare := func(p backends.Predicate, advice string) {
		t.Helper()
		lines, err := c.Plan(t.Context(), backends.Query{Where: p})
		if err != nil {
			t.Fatal(err)
		}
		if last := lines[len(lines)-1]; !strings.HasSuffix(last, advice) || !strings.HasPrefix(last, "person is read whole") {
			t.Errorf("%s: %q, want %s", p, lines, advice)
		}
	}
	bare(eqTo("bare", "x", backends.CaseExact), `: CREATE INDEX ON "public"."person" ("bare")`)
	bare(eqTo("bare", "x", backends.CaseIgnore), `: CREATE INDEX ON "public"."person" (lower("bare"))`)
	bare(backends.Prefix{Attr: "bare", Text: "x", Rule: backends.CaseIgnore}, `: CREATE INDEX ON "public"."person" (lower("bare") text_pattern_ops)`)
	bare(backends.Contains{Attr: "bare", Text: "xyz", Rule: backends.CaseExact}, `: CREATE INDEX ON "public"."person" USING gin ("bare" gin_trgm_ops)`)
	lines, err := c.Plan(t.Context(), backends.Query{Where: eqTo("login", "Login7", backends.CaseIgnore), Limit: 10})
	if err != nil || strings.Contains(strings.Join(lines, "\n"), "CREATE") {
		t.Errorf("%q, %v", lines, err)
	}
}

// The indexes that are advised serve, once they are made.
func TestAdviceIsTrue(t *testing.T) {
	g, c := crowd(t, nil)
	for _, p := range []backends.Predicate{
		eqTo("bare", "Bare7", backends.CaseExact), eqTo("bare", "bare7", backends.CaseIgnore), backends.Prefix{Attr: "bare", Text: "bare777", Rule: backends.CaseIgnore},
	} {
		lines, err := c.Plan(t.Context(), backends.Query{Where: p})
		if err != nil {
			t.Fatal(err)
		}
		_, create, advised := strings.Cut(lines[len(lines)-1], ": CREATE ")
		if !advised {
			t.Fatalf("%s: no advice in %q", p, lines)
		}
		g.exec("CREATE "+create, "ANALYZE person")
		c.forget()
		if lines, err = c.Plan(t.Context(), backends.Query{Where: p}); err != nil || strings.Contains(strings.Join(lines, "\n"), "Seq Scan") {
			t.Errorf("%s after CREATE %s: %q, %v", p, create, lines, err)
		}
	}
}

func TestASearchThatReadsTooManyRowsIsRefused(t *testing.T) {
	_, c := crowd(t, func(cfg *Config) { cfg.MaxScanRows = 4000 })
	s, err := c.shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admitted := func(q backends.Query) error {
		st := &statement{}
		if err := s.walkQuery(st, q); err != nil {
			t.Fatal(err)
		}
		return c.admit(t.Context(), s, st)
	}
	for _, q := range []backends.Query{{Where: eqTo("bare", "x", backends.CaseExact)}, {Where: eqTo("bare", "x", backends.CaseExact), Limit: 10}} {
		for range 2 { // the second time it is remembered
			err := admitted(q)
			var e *backends.Error
			if !errors.As(err, &e) || !errors.Is(err, backends.ErrTooMany) || !strings.Contains(e.Detail, "8000 rows of person") || !strings.Contains(e.Detail, "No index serves what it asks of bare.") {
				t.Errorf("%s: %v", q.Where, err)
			}
		}
	}
	for _, q := range []backends.Query{{Where: eqTo("name", "Name7", backends.CaseExact)}, {Limit: 10}, {}} {
		if err := admitted(q); err != nil {
			t.Errorf("%s: %v", backends.Describe(q.Where), err)
		}
	}
}

// A word, an address and a number are compared as what they are, without regard to letter case too: an index on the column serves, and what cannot be served is given
// no advice that could not be true.
func TestAnIndexOnAColumnOfItsTypeServes(t *testing.T) {
	g := newGround(t, `CREATE TYPE mood AS ENUM ('common', 'rare', 'Odd', 'oDD');
		CREATE TABLE person (id int PRIMARY KEY, mood mood, ip inet, n numeric, day date, ratio float8);
		INSERT INTO person SELECT i, (CASE WHEN i % 500 = 0 THEN 'rare' WHEN i % 500 = 1 THEN 'Odd' WHEN i % 500 = 2 THEN 'oDD' ELSE 'common' END)::mood,
			('10.0.' || i / 250 || '.' || i % 250)::inet, i, '2000-01-01'::date + i, i FROM generate_series(1, 8000) i; ANALYZE`)
	c := g.class("{table: person, key: id, version: ''}")
	served := []backends.Predicate{
		eqTo("mood", "RARE", backends.CaseIgnore), eqTo("mood", "rare", backends.CaseExact), eqTo("mood", "odd", backends.CaseIgnore), eqTo("ip", "10.0.1.7", backends.CaseIgnore),
		eqTo("n", "7", backends.CaseIgnore), eqTo("day", "2000-01-08", backends.CaseIgnore),
	}
	advised := map[string]bool{}
	for _, p := range served {
		lines, err := c.Plan(t.Context(), backends.Query{Where: p})
		if err != nil {
			t.Fatal(err)
		}
		_, create, ok := strings.Cut(lines[len(lines)-1], ": CREATE ")
		if !ok {
			t.Errorf("%s: no advice in %q", p, lines)
			continue
		}
		advised[create] = true
	}
	for create := range advised {
		g.exec("CREATE " + create)
	}
	g.exec("ANALYZE person")
	c.forget()
	for _, p := range served {
		if lines, err := c.Plan(t.Context(), backends.Query{Where: p}); err != nil || strings.Contains(strings.Join(lines, "\n"), "Seq Scan") {
			t.Errorf("%s after the advice: %q, %v\n%s", p, lines, err, c.Native(p))
		}
	}
	if n := len(walked(t, c, backends.Query{Where: served[2]})); n != 32 {
		t.Errorf("%d have a mood that is odd in whatever letters", n)
	}
	for _, p := range []backends.Predicate{eqTo("mood", "none", backends.CaseIgnore), eqTo("ratio", "7", backends.CaseIgnore), eqTo("ratio", "7", backends.IntegerRule)} {
		if lines, err := c.Plan(t.Context(), backends.Query{Where: p}); err != nil || strings.Contains(strings.Join(lines, "\n"), "CREATE") {
			t.Errorf("%s: %q, %v", p, lines, err)
		}
	}
	g.exec("ALTER TYPE mood ADD VALUE 'new'", "UPDATE person SET mood = 'new' WHERE id = 7")
	if got := walked(t, c, backends.Query{Where: eqTo("mood", "NEW", backends.CaseIgnore)}); len(got) != 1 || got[0] != "7" {
		t.Errorf("a word that was added since: %q", got)
	}
}
