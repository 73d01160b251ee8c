package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/scim-adapter/scim-adapter/backends"
)

// house has people with rows of their own, teams with members of two kinds, and documents.
const house = `
CREATE EXTENSION citext;
CREATE SCHEMA hr;
CREATE TYPE hr.kind AS ENUM ('staff', 'guest');
CREATE TABLE hr.person (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant text NOT NULL, login citext NOT NULL, name text NOT NULL, title varchar(20), kind hr.kind,
	age integer CHECK (age < 200), small smallint, weight numeric, active boolean, hired date, seen timestamptz, local timestamp, photo bytea, ip inet,
	boss uuid REFERENCES hr.person, tags text[], nicks citext[] NOT NULL DEFAULT '{}', numbers bigint[], password text, loud text GENERATED ALWAYS AS (upper(name)) STORED,
	data jsonb, version integer NOT NULL DEFAULT 1, changed_at timestamptz, gone timestamptz, admin boolean,
	UNIQUE (tenant, login));
CREATE TABLE hr.email (
	person uuid NOT NULL REFERENCES hr.person, medium text NOT NULL, address citext NOT NULL, kind text, main boolean NOT NULL DEFAULT false, verified text,
	UNIQUE (person, medium, address));
CREATE UNIQUE INDEX ON hr.email (person, medium) WHERE main;
CREATE TABLE hr.skill (person uuid NOT NULL REFERENCES hr.person, skill text NOT NULL UNIQUE, since date NOT NULL DEFAULT '2020-01-01', PRIMARY KEY (person, skill));
CREATE TABLE hr.team (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE, stamp timestamptz NOT NULL DEFAULT now());
CREATE TABLE hr.member (
	tenant text NOT NULL, team bigint NOT NULL REFERENCES hr.team, person uuid REFERENCES hr.person ON DELETE CASCADE, inner_team bigint REFERENCES hr.team,
	CHECK (num_nonnulls(person, inner_team) = 1), UNIQUE (team, person), UNIQUE (team, inner_team));
CREATE TABLE hr.badge (person uuid NOT NULL REFERENCES hr.person, number text);
`

const personAt = `{table: hr.person, key: id, where: "tenant = {tenant}", version: version, document: data, insert: {kind: staff}, update: {changed_at: now()}}`

// staff is the class of people.
func (g *ground) staff() *class {
	g.t.Helper()
	return g.class(personAt, g.personSets()...)
}

func (g *ground) personSets() []backends.Set {
	emails := g.set("emails", "{rows: hr.email, on: person, where: {medium: email}}", "address", "kind", "main")
	emails.Valued = true
	return []backends.Set{
		emails,
		g.set("skills", "{rows: hr.skill, on: person}", "skill"),
	}
}

// teams is the class of teams.
func (g *ground) teams() *class {
	g.t.Helper()
	members := g.set("members", `{rows: hr.member, on: team, where: {tenant: "{tenant}"}}`, "person", "inner_team")
	members.Either = true
	return g.class("{table: hr.team, key: id, version: stamp}", members)
}

// hire makes a person.
func hire(t testing.TB, c *class, login string, extra backends.Attributes) backends.Record {
	t.Helper()
	attrs := backends.Attributes{"login": backends.Strings(login), "name": backends.Strings("Name of " + login)}
	maps.Copy(attrs, extra)
	r, err := c.Create(t.Context(), nil, attrs, []string{"*", "emails", "skills"})
	if err != nil {
		t.Fatalf("Create(%s): %v", login, err)
	}
	return r
}

func change(op backends.ChangeOp, attr string, values ...any) backends.Change {
	ch := backends.Change{Op: op, Attr: attr}
	for _, v := range values {
		switch v := v.(type) {
		case string:
			ch.Values = append(ch.Values, backends.String(v))
		case backends.Value:
			ch.Values = append(ch.Values, v)
		default:
			panic(v)
		}
	}
	return ch
}

func row(parts ...string) backends.Value {
	attrs := backends.Attributes{}
	for i := 0; i < len(parts); i += 2 {
		attrs[parts[i]] = backends.Strings(parts[i+1])
	}
	return backends.Row(attrs)
}

func modify(c *class, key backends.Key, changes ...backends.Change) error {
	_, err := c.Modify(context.Background(), key, changes, backends.Condition{}, nil)
	return err
}

// fails holds an error to its kind and to the attribute that it blames.
func fails(t testing.TB, err, kind error, attr string) {
	t.Helper()
	said, ok := errors.AsType[*backends.Error](err)
	if !ok || !errors.Is(err, kind) || said.Attr != attr || said.Detail == "" {
		t.Errorf("the error is %v, want %v about %q", err, kind, attr)
	}
}

// is holds what a query gives to a text.
func (g *ground) is(want, sql string, args ...any) {
	g.t.Helper()
	if got := g.ask(sql, args...); got != want {
		g.t.Errorf("%s\n gives %s\n want  %s", sql, got, want)
	}
}

func TestCreateWritesEachType(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	r := hire(t, c, "ann", backends.Attributes{
		"title": backends.Strings(`It's "100%_\`), "age": backends.Strings("42"), "small": {backends.Int(-7)}, "weight": {backends.Decimal("61.50")},
		"active": backends.Strings("TRUE"), "hired": backends.Strings("2024-01-31"), "seen": backends.Strings("20240131120000.123456Z"),
		"local": backends.Strings("2024-01-31T14:00:00+02:00"), "photo": {backends.Bytes([]byte{0, 255})}, "ip": backends.Strings("10.0.0.1"),
		"tags": backends.Strings("a,b", `c"{}`, ""), "nicks": backends.Strings("Annie"), "numbers": {backends.Int(1), backends.Int(2)},
		"data.name.first": backends.Strings("Ann"), "data.level": {backends.Int(3)}, "data.labels": backends.Strings("x", "y"),
		"emails": {row("address", "ann@x", "kind", "work", "main", "true"), row("address", "a@y")}, "skills": backends.Strings("go", "sql"),
	})
	g.is(`ann|default|It's "100%_\|staff|42|-7|61.50|t|2024-01-31|2024-01-31 12:00:00.123456+00|2024-01-31 12:00:00|\x00ff|10.0.0.1|{"a,b","c\"{}"}|{Annie}|{1,2}|1|t`,
		`SELECT concat_ws('|', login, tenant, title, kind, age, small, weight, active, hired, seen AT TIME ZONE 'UTC' || '+00', local, photo, host(ip), tags, nicks, numbers, version,
		changed_at > now() - interval '1 minute') FROM hr.person WHERE id::text = $1`, string(r.Key))
	g.is(`{"name": {"first": "Ann"}, "level": 3, "labels": ["x", "y"]}`, "SELECT data::text FROM hr.person")
	g.is(`[["a@y", null, false], ["ann@x", "work", true]]`, "SELECT jsonb_agg(jsonb_build_array(address, kind, main) ORDER BY address)::text FROM hr.email WHERE medium = 'email'")
	if got := r.Attrs["emails"]; len(got) != 2 || len(r.Attrs["skills"]) != 2 || r.Version != "1" {
		t.Errorf("Create answers %+v", r)
	}
	for attr, wrong := range map[string]backends.Value{
		"age": backends.String("forty"), "small": backends.Int(40_000), "weight": backends.String("1,5"), "active": backends.String("maybe"), "hired": backends.String("2024-02-30"),
		"seen": backends.String("today"), "ip": backends.String("10.0.0.1; DROP"), "title": backends.String(strings.Repeat("x", 21)), "name": backends.String("a\x00b"),
		"login": backends.String("a\xff"), "kind": backends.String("robot"), "boss": backends.String("nobody"), "nosuch": backends.String("x"), "loud": backends.String("x"),
		"emails": backends.String("x"), "skills": row("skill", "x"), "data.n": backends.String("a\x00"), "numbers": backends.String("x"),
	} {
		attrs := backends.Attributes{"login": backends.Strings("bob"), "name": backends.Strings("Bob")}
		attrs[attr] = backends.Values{wrong}
		_, err := c.Create(t.Context(), nil, attrs, nil)
		fails(t, err, backends.ErrInvalid, attr)
		fails(t, modify(c, r.Key, backends.Change{Op: backends.Replace, Attr: attr, Values: backends.Values{wrong}}), backends.ErrInvalid, attr)
	}
	g.is("1", "SELECT count(*)::text FROM hr.person")
}

func TestConstraintsNameTheAttribute(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann, bob := hire(t, c, "ann", backends.Attributes{"skills": backends.Strings("go")}), hire(t, c, "bob", nil)
	create := func(attrs backends.Attributes) error {
		_, err := c.Create(t.Context(), nil, attrs, nil)
		return err
	}
	fails(t, create(backends.Attributes{"login": backends.Strings("ANN"), "name": backends.Strings("x")}), backends.ErrExists, "login")
	fails(t, create(backends.Attributes{"login": backends.Strings("carl")}), backends.ErrInvalid, "name")
	fails(t, create(backends.Attributes{"id": backends.Strings(string(ann.Key)), "login": backends.Strings("carl"), "name": backends.Strings("x")}), backends.ErrExists, "id")
	fails(t, modify(c, bob.Key, change(backends.Replace, "login", "Ann")), backends.ErrExists, "login")
	fails(t, modify(c, bob.Key, change(backends.Replace, "name")), backends.ErrInvalid, "name")
	fails(t, modify(c, bob.Key, change(backends.Replace, "age", "300")), backends.ErrInvalid, "age")
	fails(t, modify(c, bob.Key, change(backends.Replace, "boss", "00000000-0000-0000-0000-000000000001")), backends.ErrInvalid, "boss")
	fails(t, modify(c, bob.Key, change(backends.Add, "skills", "sql", "go")), backends.ErrExists, "skills")
	fails(t, modify(c, bob.Key, change(backends.Replace, "skills", "go")), backends.ErrExists, "skills")
	fails(t, modify(c, bob.Key, change(backends.Add, "age", "7"), change(backends.Add, "age", "8")), backends.ErrInvalid, "age")
	fails(t, modify(c, bob.Key, change(backends.Replace, "age", "7", "8")), backends.ErrInvalid, "age")
	fails(t, modify(c, bob.Key, change(backends.Replace, "id", string(ann.Key))), backends.ErrInvalid, "id")
	fails(t, modify(c, bob.Key, change(backends.Replace, "version", "7")), backends.ErrInvalid, "version")
	if err := modify(c, bob.Key, change(backends.Replace, "boss", string(ann.Key))); err != nil {
		t.Fatal(err)
	}
	fails(t, c.Delete(t.Context(), ann.Key, backends.Condition{}), backends.ErrRefused, "")
	g.exec("INSERT INTO hr.badge SELECT id FROM hr.person WHERE login = 'bob'")
	err := c.Delete(t.Context(), bob.Key, backends.Condition{})
	fails(t, err, backends.ErrRefused, "")
	if !strings.Contains(err.Error(), "badge") {
		t.Errorf("%v does not name the table", err)
	}
	g.exec("CREATE FUNCTION hr.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not in May'; END $$",
		"CREATE CONSTRAINT TRIGGER no AFTER UPDATE ON hr.person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hr.no()")
	fails(t, modify(c, bob.Key, change(backends.Replace, "title", "Boss")), backends.ErrInvalid, "") // the COMMIT says so
	g.is("2|2", "SELECT concat_ws('|', count(*), max(version)) FROM hr.person")
}

func TestModifyColumns(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	for i, s := range []struct {
		do   []backends.Change
		want string // title|age|active|tags|nicks|numbers
		kind error
		attr string
	}{
		{[]backends.Change{change(backends.Add, "title", "One"), change(backends.Replace, "age", "007")}, "One|7|-|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Add, "title", "One")}, "", backends.ErrNoEffect, "title"},
		{[]backends.Change{change(backends.Add, "title", "Two")}, "", backends.ErrInvalid, "title"},
		{[]backends.Change{change(backends.Add, "age", backends.Int(7))}, "", backends.ErrNoEffect, "age"},
		{[]backends.Change{change(backends.Remove, "title", "one")}, "", backends.ErrNoEffect, "title"},
		{[]backends.Change{change(backends.Remove, "title", "One"), change(backends.Add, "title", "Two")}, "Two|7|-|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Remove, "age", "7")}, "Two|-|-|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Remove, "age")}, "", backends.ErrNoEffect, "age"},
		{[]backends.Change{change(backends.Replace, "age")}, "Two|-|-|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Replace, "title", "")}, "-|-|-|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Add, "active", "true")}, "-|-|t|-|{}|-", nil, ""},
		{[]backends.Change{change(backends.Add, "active", backends.Bool(true))}, "", backends.ErrNoEffect, "active"},
		{[]backends.Change{change(backends.Add, "tags", "a", "b"), change(backends.Add, "nicks", "Ann")}, "-|-|t|{a,b}|{Ann}|-", nil, ""},
		{[]backends.Change{change(backends.Add, "tags", "A")}, "-|-|t|{a,b,A}|{Ann}|-", nil, ""},
		{[]backends.Change{change(backends.Add, "nicks", "ANN")}, "", backends.ErrNoEffect, "nicks"},
		{[]backends.Change{change(backends.Remove, "tags", "a", "A")}, "-|-|t|{b}|{Ann}|-", nil, ""},
		{[]backends.Change{change(backends.Remove, "nicks", "ann"), change(backends.Replace, "numbers", backends.Int(1), "2")}, "-|-|t|{b}|{}|{1,2}", nil, ""},
		{[]backends.Change{change(backends.Remove, "numbers", "1"), change(backends.Remove, "tags")}, "-|-|t|-|{}|{2}", nil, ""},
		{[]backends.Change{change(backends.Replace, "title", "kept"), change(backends.Remove, "numbers", "1")}, "", backends.ErrNoEffect, "numbers"},
		{[]backends.Change{change(backends.Add, "title", ""), change(backends.Remove, "age", "")}, "-|-|t|-|{}|{2}", nil, ""},
	} {
		before := fetch(t, c, key)
		err := modify(c, key, s.do...)
		if s.kind != nil {
			fails(t, err, s.kind, s.attr)
			if after := fetch(t, c, key); after.Version != before.Version {
				t.Errorf("%d: %v failed and moved the version", i, s.do)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d: %v: %v", i, s.do, err)
		}
		g.is(s.want, `SELECT concat_ws('|', coalesce(title, '-'), coalesce(age::text, '-'), coalesce(active::text, '-')::char, coalesce(tags::text, '-'), nicks, coalesce(numbers::text, '-')) FROM hr.person`)
	}
}

func TestDocuments(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	for i, s := range []struct {
		before string // "": as the last left it
		do     []backends.Change
		want   string
		kind   error
	}{
		{"", []backends.Change{change(backends.Replace, "data.a.b", "x"), change(backends.Add, `data."urn:x".n`, backends.Int(12345678901))}, `{"a": {"b": "x"}, "urn:x": {"n": 12345678901}}`, nil},
		{"", []backends.Change{change(backends.Remove, "data.a.b", "x")}, `{"urn:x": {"n": 12345678901}}`, nil},
		{"", []backends.Change{change(backends.Remove, "data.a.b")}, "", backends.ErrNoEffect},
		{"", []backends.Change{change(backends.Replace, `data."urn:x".n`)}, `{}`, nil},
		{`{"n": 1.10, "k": null, "d": {"e": []}}`, []backends.Change{change(backends.Add, "data.t", backends.Bool(true))}, `{"d": {"e": []}, "k": null, "n": 1.10, "t": true}`, nil},
		{"", []backends.Change{change(backends.Add, "data.n", backends.Decimal("1.1"))}, "", backends.ErrNoEffect},
		{"", []backends.Change{change(backends.Add, "data.n.m", "x")}, "", backends.ErrInvalid},
		{`{"l": ["a"], "s": "a"}`, []backends.Change{change(backends.Add, "data.l", "b"), change(backends.Add, "data.s", "b")}, `{"l": ["a", "b"], "s": ["a", "b"]}`, nil},
		{"", []backends.Change{change(backends.Remove, "data.l", "a"), change(backends.Replace, "data.s", "c")}, `{"l": ["b"], "s": ["c"]}`, nil},
		{"", []backends.Change{change(backends.Add, "data.l", "b")}, "", backends.ErrNoEffect},
		{"", []backends.Change{change(backends.Remove, "data.l", "b"), change(backends.Remove, "data.s")}, `{}`, nil},
		{"", []backends.Change{change(backends.Add, "data.o", row("v", "1", "t", "w"))}, `{"o": [{"t": "w", "v": "1"}]}`, nil},
		{
			`{"o": [{"v": "1", "t": "w", "hidden": {"x": 1}}, {"v": "2", "t": "h", "also": [1.50]}]}`,
			[]backends.Change{change(backends.Remove, "data.o", row("v", "1", "t", "w")), change(backends.Add, "data.o", row("v", "1", "t", "z", "n", "m"))},
			`{"o": [{"n": "m", "t": "z", "v": "1", "hidden": {"x": 1}}, {"t": "h", "v": "2", "also": [1.50]}]}`, nil,
		},
		{
			"",
			[]backends.Change{change(backends.Replace, "data.o", backends.Row(backends.Attributes{"v": backends.Strings("2"), "t": backends.Strings("h"), "also": {backends.Decimal("1.5")}}))},
			`{"o": [{"t": "h", "v": "2", "also": [1.50]}]}`, nil,
		},
		{"", []backends.Change{change(backends.Remove, "data.o", row("v", "2"))}, "", backends.ErrNoEffect},
		{"", []backends.Change{change(backends.Replace, "data", `{"whole": [1.0, {"a": "<&>"}]}`)}, `{"whole": [1.0, {"a": "<&>"}]}`, nil},
		{"", []backends.Change{change(backends.Replace, "data", `{"whole"`)}, "", backends.ErrInvalid},
		{"", []backends.Change{change(backends.Replace, "data", `{"whole": "\u0000"}`)}, "", backends.ErrInvalid},
		{"", []backends.Change{change(backends.Replace, "data")}, "-", nil},
	} {
		if s.before != "" {
			g.exec("UPDATE hr.person SET data = '" + s.before + "'")
		}
		before := g.ask("SELECT coalesce(data::text, '-') FROM hr.person")
		err := modify(c, key, s.do...)
		if s.kind != nil {
			fails(t, err, s.kind, s.do[0].Attr)
			s.want = before
		} else if err != nil {
			t.Errorf("%d: %v: %v", i, s.do, err)
		}
		g.is(s.want, "SELECT coalesce(data::text, '-') FROM hr.person")
	}
}

func TestPasswords(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", backends.Attributes{"password": {backends.Secret("first")}}).Key
	stored := func(plain string) {
		t.Helper()
		if hash := g.ask("SELECT password FROM hr.person"); bcrypt.CompareHashAndPassword([]byte(hash), []byte(plain)) != nil {
			t.Errorf("%q is no hash of %q", hash, plain)
		}
	}
	stored("first")
	set := func(c *class, plain string) error {
		return modify(c, key, backends.Change{Op: backends.SetPassword, Attr: "password", Values: backends.Values{backends.Secret(plain)}})
	}
	if err := set(c, "second"); err != nil {
		t.Fatal(err)
	}
	stored("second")
	fails(t, set(c, ""), backends.ErrInvalid, "password")
	fails(t, set(c, strings.Repeat("x", 73)), backends.ErrInvalid, "password")
	stored("second")
	if err := set(g.class("{table: hr.person, key: id, hash: plain}"), "third"); err != nil {
		t.Fatal(err)
	}
	g.is("third", "SELECT password FROM hr.person")
	if log := g.log.String(); strings.Contains(log, "first") || strings.Contains(log, "second") || strings.Contains(log, "third") {
		t.Errorf("a password is in the log: %s", log)
	}
}

func TestScopeAndConditions(t *testing.T) {
	g := newGround(t, house, `
		CREATE VIEW hr.guests AS SELECT * FROM hr.person WHERE kind = 'guest' WITH CHECK OPTION;
		CREATE VIEW hr.counts AS SELECT tenant, count(*) AS n FROM hr.person GROUP BY tenant;`)
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	other := g.classOf("other", personAt, g.personSets()...)
	fails(t, modify(other, ann.Key, change(backends.Replace, "title", "x")), backends.ErrNotFound, "")
	fails(t, other.Delete(t.Context(), ann.Key, backends.Condition{}), backends.ErrNotFound, "")
	fails(t, modify(c, "nonsense", change(backends.Replace, "title", "x")), backends.ErrNotFound, "")
	fails(t, modify(c, "nonsense", change(backends.Replace, "nosuch", "x")), backends.ErrNotFound, "")
	_, err := c.Create(t.Context(), nil, backends.Attributes{"login": backends.Strings("x"), "name": backends.Strings("x"), "tenant": backends.Strings("other")}, nil)
	fails(t, err, backends.ErrRefused, "")
	g.is("1", "SELECT count(*)::text FROM hr.person")
	fails(t, c.Move(t.Context(), ann.Key, nil, backends.Condition{}), backends.ErrRefused, "")
	for _, cond := range []backends.Condition{
		{Version: "7"},
		{Version: "'"},
		{Assert: backends.False{}},
		{Assert: backends.Present{Attr: "title"}},
		{Version: ann.Version, Assert: backends.Eq{Attr: "name", Value: backends.String("else"), Rule: backends.CaseExact}},
		{Assert: backends.Contains{Attr: "seen", Text: "1", Rule: backends.CaseExact}}, // no exact SQL: it is read and matched
	} {
		_, err := c.Modify(t.Context(), ann.Key, []backends.Change{change(backends.Replace, "title", "x")}, cond, nil)
		fails(t, err, backends.ErrChanged, "")
		fails(t, c.Delete(t.Context(), ann.Key, cond), backends.ErrChanged, "")
	}
	guests := g.class("{table: hr.guests, key: id, version: version, where: \"kind = 'guest'\"}")
	r, err := guests.Create(t.Context(), nil, backends.Attributes{"login": backends.Strings("gus"), "name": backends.Strings("Gus"), "tenant": backends.Strings("default")}, []string{"kind"})
	if err != nil || r.Attrs["kind"][0].Text() != "guest" {
		t.Fatalf("%+v, %v", r, err)
	}
	fails(t, modify(guests, r.Key, change(backends.Replace, "kind", "staff")), backends.ErrRefused, "")
	counts := g.class("{table: hr.counts, key: tenant, version: ''}")
	fails(t, modify(counts, "default", change(backends.Replace, "n", "7")), backends.ErrRefused, "")
	still := g.class("{table: hr.person, key: id, readOnly: true}")
	fails(t, modify(still, ann.Key, change(backends.Replace, "title", "7")), backends.ErrRefused, "")
	fails(t, still.Delete(t.Context(), ann.Key, backends.Condition{}), backends.ErrRefused, "")
	_, err = still.Create(t.Context(), nil, nil, nil)
	fails(t, err, backends.ErrRefused, "")
}

func TestProtectedAndDeleted(t *testing.T) {
	g := newGround(t, house)
	at := parse(t, "{table: hr.person, key: id, where: \"tenant = {tenant}\", version: changed_at, deleted: gone}")
	c, faults := g.d.open(backends.Open{At: at, Tenant: "default", Protect: parse(t, "[admin]").Items(), Sets: g.personSets()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	root, ann := hire(t, c, "root", nil), hire(t, c, "ann", backends.Attributes{"skills": backends.Strings("go")})
	g.exec("UPDATE hr.person SET admin = true WHERE login = 'root'")
	fails(t, modify(c, root.Key, change(backends.Replace, "title", "x")), backends.ErrRefused, "")
	fails(t, c.Delete(t.Context(), root.Key, backends.Condition{}), backends.ErrRefused, "")
	for range 3 {
		before := fetch(t, c, ann.Key)
		if err := modify(c, ann.Key, change(backends.Replace, "skills", "go")); err != nil {
			t.Fatal(err)
		}
		if after := fetch(t, c, ann.Key); after.Version <= before.Version || before.Version == "" {
			t.Errorf("the version was %q and is %q", before.Version, after.Version)
		}
	}
	if err := c.Delete(t.Context(), ann.Key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	fails(t, c.Delete(t.Context(), ann.Key, backends.Condition{}), backends.ErrNotFound, "")
	g.is("ann t go", "SELECT concat_ws(' ', login, (gone IS NOT NULL)::text::char, skill) FROM hr.person JOIN hr.skill ON person = id")
}

func TestPoliciesOfRows(t *testing.T) {
	g := newGround(t, house, `
		ALTER TABLE hr.person ENABLE ROW LEVEL SECURITY; ALTER TABLE hr.person FORCE ROW LEVEL SECURITY;
		CREATE POLICY tenant ON hr.person USING (tenant = current_setting('scim.tenant_id', true));
		CREATE POLICY still ON hr.person AS RESTRICTIVE FOR UPDATE USING (title IS DISTINCT FROM 'frozen') WITH CHECK (title IS DISTINCT FROM 'banned');`)
	at := "{table: hr.person, key: id, insert: {tenant: \"{tenant}\"}}"
	c, other := g.class(at, g.personSets()...), g.classOf("other", at, g.personSets()...)
	ann, bob := hire(t, c, "ann", nil), hire(t, other, "bob", nil)
	g.is("ann default,bob other", "SELECT string_agg(login || ' ' || tenant, ',' ORDER BY login) FROM hr.person")
	fails(t, modify(c, bob.Key, change(backends.Replace, "title", "x")), backends.ErrNotFound, "")
	_, err := c.Create(t.Context(), nil, backends.Attributes{"login": backends.Strings("x"), "name": backends.Strings("x"), "tenant": backends.Strings("other")}, nil)
	fails(t, err, backends.ErrRefused, "")
	fails(t, modify(c, ann.Key, change(backends.Replace, "title", "banned")), backends.ErrRefused, "")
	if err := modify(c, ann.Key, change(backends.Replace, "title", "frozen")); err != nil {
		t.Fatal(err)
	}
	fails(t, modify(c, ann.Key, change(backends.Replace, "title", "x")), backends.ErrRefused, "")
}

func TestWritersMeet(t *testing.T) {
	g := newGround(t, house)
	people, teams := g.staff(), g.teams()
	team, err := teams.Create(t.Context(), nil, backends.Attributes{"name": backends.Strings("all")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const many = 50
	keys := make([]string, many)
	for i := range keys {
		keys[i] = string(hire(t, people, fmt.Sprintf("p%d", i), nil).Key)
	}
	race := func(n int, do func(i int) error) []error {
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = do(i) })
		}
		wg.Wait()
		return errs
	}
	succeeded := func(errs []error, otherwise error) int {
		t.Helper()
		n := 0
		for _, err := range errs {
			if err == nil {
				n++
			} else if !errors.Is(err, otherwise) {
				t.Error(err)
			}
		}
		return n
	}
	if n := succeeded(race(many, func(i int) error { return modify(teams, team.Key, change(backends.Add, "members", keys[i])) }), nil); n != many {
		t.Errorf("%d of %d members were added", n, many)
	}
	g.is("50", "SELECT count(*)::text FROM hr.member")
	if n := succeeded(race(many, func(int) error { return modify(teams, team.Key, change(backends.Remove, "members", keys[0])) }), backends.ErrNoEffect); n != 1 {
		t.Errorf("%d removals of one member had an effect", n)
	}
	if n := succeeded(race(many, func(int) error { return modify(teams, team.Key, change(backends.Add, "members", keys[0])) }), backends.ErrNoEffect); n != 1 {
		t.Errorf("%d additions of one member had an effect", n)
	}
	version := fetch(t, teams, team.Key).Version
	if n := succeeded(race(many, func(i int) error {
		_, err := teams.Modify(context.Background(), team.Key, []backends.Change{change(backends.Remove, "members", keys[i])}, backends.Condition{Version: version}, nil)
		return err
	}), backends.ErrChanged); n != 1 {
		t.Errorf("%d of %d writers on one version succeeded", n, many)
	}
	// What was asserted of rows of another table is looked at when the row is free, and not when the waiting began.
	holds := backends.Condition{Assert: backends.Not{Term: backends.Present{Attr: "skills"}}}
	if n := succeeded(race(many, func(i int) error {
		_, err := people.Modify(context.Background(), backends.Key(keys[0]), []backends.Change{change(backends.Add, "skills", keys[i])}, holds, nil)
		return err
	}), backends.ErrChanged); n != 1 {
		t.Errorf("%d of %d writers succeeded who wanted to be the first", n, many)
	}
	if n := succeeded(race(many, func(int) error {
		return people.Delete(context.Background(), backends.Key(keys[1]), backends.Condition{})
	}), backends.ErrNotFound); n != 1 {
		t.Errorf("%d of %d deletions succeeded", n, many)
	}
	if !slices.Contains([]string{"48", "49"}, g.ask("SELECT count(*)::text FROM hr.member")) {
		t.Error("memberships were lost")
	}
}
