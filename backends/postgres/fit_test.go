package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

const hr = `
CREATE SCHEMA hr; CREATE EXTENSION citext;
CREATE TYPE hr."Kind" AS ENUM ('a'); CREATE DOMAIN hr.short AS varchar(7) NOT NULL; CREATE DOMAIN hr.shorter AS hr.short DEFAULT 'x';
CREATE TABLE hr.person (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org text NOT NULL, "Login" citext, code hr.shorter, kind hr."Kind", tags varchar(9)[], kinds hr."Kind"[],
	loud text GENERATED ALWAYS AS (upper(org)) STORED, sorted text COLLATE "C", doc jsonb, old json, at timestamptz, flag boolean, n numeric(4,1), f char(3),
	UNIQUE (org, code), CHECK (n > 0)
);
CREATE UNIQUE INDEX person_login ON hr.person (org, lower("Login"::text)) WHERE at IS NULL;
CREATE INDEX person_doc ON hr.person USING gin (doc jsonb_path_ops);
CREATE TABLE hr.team (id bigint PRIMARY KEY);
CREATE TABLE hr.member (team bigint REFERENCES hr.team, person bigint REFERENCES hr.person (id), child bigint REFERENCES hr.team (id));
CREATE VIEW hr.people AS SELECT id, org, upper(org) AS loud FROM hr.person;
CREATE VIEW hr.counted AS SELECT org, count(*) AS n FROM hr.person GROUP BY org;
CREATE TABLE hr."Odd.Name" (id int PRIMARY KEY);
CREATE TABLE plain (id int, name text);
`

func shapeOf(t testing.TB, c *class) *shape {
	t.Helper()
	s, err := c.shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheCatalogSaysWhatColumnsAre(t *testing.T) {
	g := newGround(t, hr)
	s := shapeOf(t, g.class("{table: HR.Person, key: id}"))
	byDefault := collation{name: defaultCollation, deterministic: true}
	no := collation{deterministic: true}
	want := []*column{
		{name: "id", typ: "bigint", family: integer, notNull: true, defaulted: true, generated: true, always: true, collation: no},
		{name: "org", typ: "text", family: text, notNull: true, collation: byDefault},
		{name: "Login", typ: "citext", family: citext, collation: byDefault},
		{name: "code", typ: "character varying", family: text, length: 7, notNull: true, defaulted: true, collation: byDefault},
		{name: "kind", typ: `hr."Kind"`, family: enum, words: []string{"a"}, collation: no},
		{name: "tags", typ: "character varying", family: text, array: true, length: 9, collation: byDefault},
		{name: "kinds", typ: `hr."Kind"`, family: enum, words: []string{"a"}, array: true, collation: no},
		{name: "loud", typ: "text", family: text, defaulted: true, generated: true, made: "upper(org)", collation: byDefault},
		{name: "sorted", typ: "text", family: text, collation: collation{name: collationC, deterministic: true}},
		{name: "doc", typ: "jsonb", family: document, collation: no},
		{name: "old", typ: "json", family: document, collation: no},
		{name: "at", typ: "timestamp with time zone", family: instant, collation: no},
		{name: "flag", typ: "boolean", family: boolean, collation: no},
		{name: "n", typ: "numeric", family: decimal, precision: 4, scale: 1, collation: no},
		{name: "f", typ: "bpchar", family: text, length: 3, collation: byDefault},
	}
	for _, c := range want {
		c.readable, c.given, c.changed = true, true, true
	}
	opts := cmp.AllowUnexported(column{}, collation{}, constraint{}, index{}, indexKey{})
	if diff := cmp.Diff(want, s.rel.columns, opts, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(column{}, "uses")); diff != "" {
		t.Error(diff)
	}
	constraints := map[string]constraint{
		"person_pkey": {kind: 'p', columns: []string{"id"}}, "person_org_code_key": {kind: 'u', columns: []string{"org", "code"}},
		"person_n_check": {kind: 'c', columns: []string{"n"}}, "person_login": {kind: 'u', columns: []string{"org", "Login"}},
	}
	if diff := cmp.Diff(constraints, s.rel.constraints, opts, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	indexes := []index{
		{name: "person_doc", method: "gin", keys: []indexKey{{column: "doc", opclass: "jsonb_path_ops"}}},
		{name: "person_login", method: "btree", unique: true, partial: true, keys: []indexKey{
			{column: "org", collation: defaultCollation, opclass: "text_ops"},
			{expr: `lower("Login"::text)`, collation: defaultCollation, opclass: "text_ops"},
		}},
		{name: "person_org_code_key", method: "btree", unique: true, keys: []indexKey{
			{column: "org", collation: defaultCollation, opclass: "text_ops"}, {column: "code", collation: defaultCollation, opclass: "text_ops"},
		}},
		{name: "person_pkey", method: "btree", unique: true, keys: []indexKey{{column: "id", opclass: "int8_ops"}}},
	}
	if diff := cmp.Diff(indexes, s.rel.indexes, opts); diff != "" {
		t.Error(diff)
	}
	if !s.rel.writable || s.rel.owned || s.rel.rls || s.rel.kind != 'r' || s.rel.schema != "hr" || s.rel.name != "person" {
		t.Errorf("%+v", s.rel)
	}
}

func TestTheCatalogSaysWhatCanBeWritten(t *testing.T) {
	g := newGround(t, hr)
	for table, want := range map[string]bool{"hr.person": true, "hr.people": true, "hr.counted": false} {
		key := map[bool]string{true: "org", false: "id"}[table == "hr.counted"]
		s := shapeOf(t, g.class("{table: "+table+", key: "+key+", version: ''}"))
		if s.rel.writable != want {
			t.Errorf("%s: writable is %v", table, s.rel.writable)
		}
		if c := findColumn(s.rel.columns, "loud"); c != nil && !c.generated {
			t.Errorf("%s: loud can be written", table)
		}
	}
	g.exec("REVOKE INSERT, UPDATE, DELETE ON hr.person FROM "+g.db.Role, "REVOKE SELECT ON hr.person FROM "+g.db.Role, "GRANT SELECT (id, org) ON hr.person TO "+g.db.Role)
	c := g.class("{table: hr.person, key: id, version: ''}")
	if s := shapeOf(t, c); s.rel.writable || findColumn(s.rel.columns, "org").readable != true || findColumn(s.rel.columns, "Login").readable {
		t.Errorf("%+v", s.rel)
	}
	g.exec("INSERT INTO hr.person (org, code) VALUES ('o', 'c')")
	if r := fetch(t, c, "1", "*", "Login"); len(r.Attrs) != 1 || r.Attrs["org"][0].Text() != "o" {
		t.Errorf("what may be read: %v", r.Attrs)
	}
}

func TestEitherKnowsWhatItsColumnsPointAt(t *testing.T) {
	const one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	g := newGround(t, hr+`CREATE TABLE hr.guest (id uuid PRIMARY KEY);
		CREATE TABLE hr.crew (team bigint REFERENCES hr.team, guest uuid REFERENCES hr.guest (id), child bigint REFERENCES hr.team (id));
		INSERT INTO hr.team VALUES (1), (2), (3); INSERT INTO hr.guest VALUES ('`+one+"'), ('"+two+`');
		INSERT INTO hr.crew VALUES (1, '`+two+"', NULL), (1, NULL, 3), (2, '"+one+`', NULL), (1, NULL, NULL)`)
	members := g.set("members", "{rows: hr.crew, on: team, value: guest}", "guest", "child")
	members.Either = true
	c := g.class("{table: hr.team, key: id}", members)
	got := shapeOf(t, c).sets[0].refs
	want := []foreignKey{{`"hr"."guest"`, `"id"`}, {`"hr"."team"`, `"id"`}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(foreignKey{})); diff != "" {
		t.Error(diff)
	}
	if r := fetch(t, c, "1", "members"); !slices.Equal(slices.Sorted(slices.Values(r.Attrs["members"].Texts())), []string{two, "3"}) {
		t.Errorf("%v", r.Attrs)
	}
}

func TestWhatDoesNotFitIsSaidAndIsNeverNotFound(t *testing.T) {
	g := newGround(t, hr, "CREATE TABLE hidden (id int PRIMARY KEY)")
	g.exec("REVOKE ALL ON hidden FROM " + g.db.Role)
	rows := func(at string) backends.Set { return g.set("mails", at, "person") }
	either := g.set("members", "{rows: hr.member, on: team, value: [person, child]}", "person", "child")
	either.Either = true
	for claim, tc := range map[string]struct {
		at   string
		set  *backends.Set
		want string
	}{
		"no table":                {at: "{table: hr.persons, key: id}", want: "table: the database has no table or view hr.persons; create it, correct the name, or let"},
		"no key":                  {at: "{table: hr.person, key: idd}", want: "key: hr.person has no column idd; correct the name, or add the column"},
		"a key of no type":        {at: "{table: hr.person, key: flag}", want: "key: the column flag is of the type boolean, which is no key; take a column of uuid"},
		"no version":              {at: "{table: hr.person, key: id, version: xxx}", want: "version: hr.person has no column xxx; correct the name, or add the column"},
		"a version of text":       {at: "{table: hr.person, key: id, version: org}", want: "version: the column org is of the type text, which is no version; take"},
		"a view's version":        {at: "{table: hr.people, key: id}", want: "version: hr.people is no table, and has no xmin; name a column that changes with every write, or write version: ''"},
		"no document":             {at: "{table: hr.person, key: id, document: dok}", want: "document: hr.person has no column dok; write doc"},
		"a document of json":      {at: "{table: hr.person, key: id, document: old}", want: "document: the column old is of the type json; take a column of the type jsonb"},
		"deletion":                {at: "{table: hr.person, key: id, deleted: org}", want: "deleted: the column org is of the type text; take a column of the type boolean or timestamptz"},
		"insert":                  {at: "{table: hr.person, key: id, insert: {orgg: x}}", want: "insert.orgg: hr.person has no column orgg; write org"},
		"insert's kind":           {at: "{table: hr.person, key: id, insert: {n: abc}}", want: `insert.n: the column n is of the type numeric, and cannot have "abc": invalid input syntax for type numeric: "abc"; write a value`},
		"update's kind":           {at: "{table: hr.person, key: id, update: {org: x, at: scim}}", want: `update.at: the column at is of the type timestamp with time zone, and cannot have "scim"`},
		"update's function":       {at: "{table: hr.person, key: id, update: {flag: now()}}", want: "update.flag: the column flag is of the type boolean, and cannot have \"now()\": cannot cast type timestamp with time zone to boolean"},
		"a word of an enum":       {at: "{table: hr.person, key: id, insert: {kind: b}}", want: `insert.kind: the column kind is of the type hr."Kind", and cannot have "b"`},
		"a long text":             {at: "{table: hr.person, key: id, insert: {f: abcd}}", want: `insert.f: the column f holds 3 characters, and "abcd" is longer`},
		"many values":             {at: "{table: hr.person, key: id, insert: {tags: a}}", want: "insert.tags: the column tags holds several values, and this is one"},
		"a generated column":      {at: "{table: hr.person, key: id, insert: {loud: a}}", want: "insert.loud: the database keeps the column loud itself; take it away"},
		"a tenant's kind":         {at: "{table: hr.person, key: id, insert: {n: '{tenant}'}}", want: `insert.n: the column n is of the type numeric, and cannot have "{tenant}": invalid input syntax for type numeric: "default"`},
		"a tenant of a condition": {at: "{table: hr.person, key: id, where: 'n = {tenant}'}", want: `where: the database cannot read it: invalid input syntax for type numeric: "default"`},
		"a value of rows":         {at: "{table: hr.person, key: id}", set: new(rows("{rows: hr.member, on: person, where: {team: ja}}")), want: `where.team: the column team is of the type bigint, and cannot have "ja"`},
		"a condition":             {at: "{table: hr.person, key: id, where: 'orgg = {tenant}'}", want: `where: the database cannot read it: column "orgg" does not exist; write a condition on the columns of hr.person`},
		"half a condition":        {at: "{table: hr.person, key: id, where: 'org ='}", want: `where: the database cannot read it: syntax error at or near ")"`},
		"no right":                {at: "{table: hidden, key: id}", want: "table: the role " + g.db.Role + ` may not read hidden; GRANT SELECT ON "public"."hidden" TO `},
		"no rows":                 {at: "{table: hr.person, key: id}", set: new(rows("{rows: hr.none, on: person}")), want: "rows: the database has no table or view hr.none"},
		"no link":                 {at: "{table: hr.person, key: id}", set: new(rows("{rows: hr.member, on: persn}")), want: "on: hr.member has no column persn; write person"},
		"half a link":             {at: "{table: hr.person, key: [id, org]}", set: new(rows("{rows: hr.member, on: person}")), want: "on: 1 columns hold a key of 2; name as many columns as the key has, in its order"},
		"a link of its own":       {at: "{table: hr.person, key: org}", set: new(rows("{rows: hr.member, on: person}")), want: "on: the column person is of the type bigint, and the key's org of the type text; name the column that holds org"},
		"one of two columns":      {at: "{table: hr.team, key: id}", set: &either, want: "value: the columns person (bigint) and child (bigint) can hold the same value, and nobody could tell which record it means; give the tables keys of the type uuid, or map one of the columns only"},
		"a fixed column":          {at: "{table: hr.person, key: id}", set: new(rows("{rows: hr.member, on: person, where: {kind: x}}")), want: "where.kind: hr.member has no column kind"},
	} {
		g.d, g.log = openDirectory(t, g.db.URL, nil)
		var sets []backends.Set
		if tc.set != nil {
			sets = append(sets, *tc.set)
		}
		c := g.class(tc.at, sets...)
		for range 2 {
			_, err := c.Fetch(t.Context(), []backends.Key{"1", "1.1"}, nil)
			var e *backends.Error
			if !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || e.Detail != "The configuration does not fit the database." {
				t.Errorf("%s: %v", claim, err)
			}
		}
		if n := g.log.count("does not fit the database"); n != 1 {
			t.Errorf("%s: said %d times: %s", claim, n, g.log)
		}
		faults, _, err := g.d.Review(t.Context())
		if err != nil || len(faults) != 1 || !strings.Contains(faults.Error(), tc.want) || faults[0].Line == 0 {
			t.Errorf("%s: %v, %v", claim, faults, err)
		}
	}
}

func TestAnAlteredTableIsSeen(t *testing.T) {
	g := newGround(t, hr)
	g.exec("INSERT INTO plain VALUES (1, 'x')")
	now := time.Now()
	g.d.now = func() time.Time { return now }
	c := g.class("{table: plain, key: id}")
	if r := fetch(t, c, "1", "name", "label"); len(r.Attrs) != 1 {
		t.Fatal(r)
	}
	g.exec("ALTER TABLE plain ADD label text; UPDATE plain SET label = name")
	now = now.Add(fresh + time.Second)
	if r := fetch(t, c, "1", "name", "label"); len(r.Attrs) != 2 {
		t.Errorf("a column that came: %v", r.Attrs)
	}
	g.exec("ALTER TABLE plain ALTER label TYPE int USING 7")
	if r := fetch(t, c, "1", "label"); len(r.Attrs["label"]) != 1 || r.Attrs["label"][0].Text() != "7" {
		t.Errorf("a column of another type: %v", r.Attrs)
	}
	g.exec("ALTER TABLE plain ADD more text DEFAULT 'm'")
	if r := fetch(t, c, "1", "more"); len(r.Attrs) != 0 {
		t.Errorf("the catalog was asked again without need: %v", r.Attrs)
	}
	now = now.Add(fresh + time.Second)
	if r := fetch(t, c, "1", "more", "label"); len(r.Attrs) != 2 || r.Attrs["label"][0] != backends.Int(7) {
		t.Errorf("a column that came: %v", r.Attrs)
	}
	g.exec("ALTER TABLE plain RENAME TO gone")
	if _, err := c.Fetch(t.Context(), []backends.Key{"1"}, nil); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("a table that went: %v", err)
	}
	g.exec("ALTER TABLE gone RENAME TO plain")
	now = now.Add(respite + time.Second)
	fetch(t, c, "1")
}

func TestWhatARoleMayDoTooMuchIsSaid(t *testing.T) {
	const guarded = "CREATE TABLE person (id int PRIMARY KEY, org text); ALTER TABLE person ENABLE ROW LEVEL SECURITY; CREATE TABLE free (id int PRIMARY KEY); CREATE TABLE loose (id int)"
	db := pgtest.Database(t, guarded)
	alter := func(sql ...string) { pgtest.Exec(t, db.Admin, sql...) }
	review := func(url, table string) (string, string) {
		d, _ := openDirectory(t, url, nil)
		g := &ground{t: t, db: db, d: d}
		g.class("{table: " + table + ", key: id}")
		faults, warnings, err := d.Review(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return faults.Error(), strings.Join(warnings, "\n")
	}
	check := func(claim, url, table, fault, warning string) {
		t.Helper()
		faults, warnings := review(url, table)
		if (fault == "") != (faults == "") || !strings.Contains(faults, fault) {
			t.Errorf("%s: faults %q", claim, faults)
		}
		if (warning == "") != (warnings == "") || !strings.Contains(warnings, warning) {
			t.Errorf("%s: warnings %q", claim, warnings)
		}
	}
	check("as it should be", db.URL, "person", "", "")
	check("no policies", db.URL, "free", "", "")
	check("no index", db.URL, "loose", "nothing keeps two rows of loose from having the same key (id), and a write would be one of both; give it a unique index", "")
	check("a superuser and policies", db.Admin, "person", `table: "public"."person" has row-level security, which does not hold for the role`, "a superuser, who may do everything")
	check("a superuser", db.Admin, "free", "", "a superuser, who may do everything")
	alter("ALTER ROLE " + db.Role + " BYPASSRLS")
	check("BYPASSRLS and policies", db.URL, "person", "which does not hold for the role "+db.Role+"; connect as a role that is no superuser and has no BYPASSRLS", "")
	check("BYPASSRLS", db.URL, "free", "", "has BYPASSRLS")
	alter("ALTER ROLE "+db.Role+" NOBYPASSRLS", "ALTER TABLE person OWNER TO "+db.Role, "ALTER TABLE free OWNER TO "+db.Role)
	check("an owner and policies", db.URL, "person", "and could switch it off; connect as a role that does not own the table", "")
	check("an owner", db.URL, "free", "", `owns "public"."free" and could drop it`)
	alter("ALTER TABLE person OWNER TO postgres", "ALTER TABLE free OWNER TO postgres")
}

func TestWhichValuesAColumnCouldHave(t *testing.T) {
	g := newGround(t, hr)
	c := g.class("{table: hr.person, key: id}", g.set("members", "{rows: hr.member, on: person}", "team", "child"))
	if !c.Could("n", backends.String("x")) {
		t.Error("nothing is known before the database was met")
	}
	shapeOf(t, c)
	for attr, tc := range map[string]struct{ yes, no string }{
		"kind": {"a", "b"}, "n": {"1.5", "x"}, "at": {"2026-01-02T03:04:05Z", "now"}, "flag": {"TRUE", "ja"}, "f": {"abc", "abcd"}, "id": {"7", "-"}, "members.team": {"7", "x"}, "kinds": {"a", "A"},
	} {
		if !c.Could(attr, backends.String(tc.yes)) || c.Could(attr, backends.String(tc.no)) {
			t.Errorf("%s: %v, %v", attr, c.Could(attr, backends.String(tc.yes)), c.Could(attr, backends.String(tc.no)))
		}
	}
	if !c.Could("nothing", backends.String("x")) {
		t.Error("of what is no column nobody knows")
	}
}
