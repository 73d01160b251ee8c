package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/backends/postgres"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// The contract, held over tables of several makes in a real database.

// variant is a make of tables.
type variant struct {
	tables  string             // SQL; the search path is a schema of the place's own
	key     string             // as `at` has it
	version string             // as `at` has it
	insert  string             // as `at` has it
	on      string             // the columns of child rows that hold the key
	guarded string             // a condition
	members func(n int) string // SQL that makes n values that likes can hold, and selects them; nil: any text will do
	attrs   func(*backendtest.Attrs)
	through string // a pooler, with these parameters of the URL; "" for none
}

// numbered has a key of numbers that the database makes, a version column of numbers, texts that compare without case by their type, and child rows
// that go with their record.
var numbered = variant{
	tables: `
CREATE TABLE person (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, locked boolean NOT NULL DEFAULT false,
	uid public.citext NOT NULL UNIQUE, sn varchar(200) NOT NULL, title public.citext, gecos text, nicknames public.citext[],
	age integer, seen timestamptz, active boolean, photo bytea, password text, data jsonb, rev bigint NOT NULL DEFAULT 1
);
CREATE TABLE email (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person bigint NOT NULL REFERENCES person ON DELETE CASCADE,
	address public.citext NOT NULL, kind text, main boolean, verified timestamptz
);
CREATE TABLE likes (person bigint NOT NULL REFERENCES person ON DELETE CASCADE, thing text NOT NULL, PRIMARY KEY (person, thing));`,
	key: "id", version: "rev", on: "person", guarded: "locked",
}

// composite has a key of two columns, one of which the class fixes, the row's own system column as version, a set for the attribute of many values, and
// child rows that nothing deletes by itself.
var composite = variant{
	tables: `
CREATE TABLE person (
	org text NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), kind text NOT NULL, locked boolean NOT NULL DEFAULT false,
	uid text NOT NULL, sn text NOT NULL, title public.citext, gecos text COLLATE "C",
	age bigint, seen timestamptz, active boolean, photo bytea, password text, data jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (org, id), UNIQUE (org, uid)
);
CREATE TABLE nickname (org text NOT NULL, person uuid NOT NULL, name public.citext NOT NULL, UNIQUE (org, person, name), FOREIGN KEY (org, person) REFERENCES person);
CREATE TABLE email (
	org text NOT NULL, person uuid NOT NULL, address text NOT NULL, kind varchar(20), main boolean,
	UNIQUE (org, person, address, kind), FOREIGN KEY (org, person) REFERENCES person
);
CREATE TABLE likes (org text NOT NULL, person uuid NOT NULL, thing text NOT NULL, PRIMARY KEY (org, person, thing), FOREIGN KEY (org, person) REFERENCES person);`,
	key: "[org, id]", version: "xmin", on: "[org, person]", insert: "org: '{tenant}'", guarded: "locked",
	attrs: func(a *backendtest.Attrs) { a.Multi = "nicks" },
}

// pointing has a key of UUIDs, an instant as version, and members that are keys of other records.
var pointing = variant{
	tables: `
CREATE TABLE person (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), kind text NOT NULL, locked boolean NOT NULL DEFAULT false,
	uid public.citext NOT NULL UNIQUE, sn text NOT NULL, title public.citext, gecos varchar, nicknames public.citext[] NOT NULL DEFAULT '{}',
	age numeric(10), seen timestamp, active boolean, photo bytea, password text, data jsonb, changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE email (person uuid NOT NULL REFERENCES person ON DELETE CASCADE, address text NOT NULL, kind text, main boolean, n serial PRIMARY KEY);
CREATE TABLE likes (person uuid NOT NULL REFERENCES person, thing uuid NOT NULL REFERENCES person, PRIMARY KEY (person, thing));
CREATE INDEX ON likes (thing);`,
	key: "id", version: "changed_at", on: "person", guarded: "locked",
	members: func(n int) string {
		return "INSERT INTO person (kind, uid, sn) SELECT 'member', 'member ' || n, 'x' FROM generate_series(1, " + strconv.Itoa(n) + ") n RETURNING id::text"
	},
	attrs: func(a *backendtest.Attrs) { a.Int = "" },
}

// site is a database on which places are made, each in a schema of its own, and two directories on it.
type site struct {
	db            pgtest.DB
	first, second backends.Directory
	schemas       int
}

func newSite(t testing.TB, through string) *site {
	t.Helper()
	s := &site{db: pgtest.Database(t, "CREATE EXTENSION citext")}
	if through != "" {
		s.db = pgtest.Pooled(t, s.db, through)
	}
	open := func() backends.Directory {
		cfg := postgres.Defaults()
		cfg.URL = configs.NewSecret(s.db.URL)
		d, faults := postgres.New(cfg, postgres.Options{Name: "contract", Logger: slog.New(slog.DiscardHandler)})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d
	}
	s.first, s.second = open(), open()
	return s
}

func parseNode(t testing.TB, yaml string) configs.Node {
	t.Helper()
	n, faults := configs.ParseNode("contract.yaml", []byte(yaml))
	if len(faults) > 0 {
		t.Fatal(yaml, faults)
	}
	return n
}

// place is an empty class in a schema of its own. Its records are persons.
func (s *site) place(t testing.TB, v variant) backendtest.Place {
	t.Helper()
	s.schemas++
	schema := "place" + strconv.Itoa(s.schemas)
	pgtest.Exec(t, s.db.Admin, "CREATE SCHEMA "+schema+"; SET search_path = "+schema+";"+v.tables)
	open := func(d backends.Directory, kind, more string, protect ...configs.Node) backends.Backend {
		set := func(name, rows string, columns ...string) backends.Set {
			return backends.Set{Name: name, At: parseNode(t, "{rows: "+schema+"."+rows+", on: "+v.on+"}"), Columns: columns}
		}
		sets := []backends.Set{set("emails", "email", "address", "kind", "main"), set("likes", "likes", "thing")}
		if strings.Contains(v.tables, "TABLE nickname") {
			sets = append(sets, set("nicks", "nickname", "name"))
		}
		at := fmt.Sprintf("{table: %s.person, key: %s, version: %s, document: data, where: %q, insert: {%s}%s}", schema, v.key, v.version, kind, v.insert, more)
		b, err := d.Open(backends.Open{At: parseNode(t, at), Tenant: "default", Protect: protect, Sets: sets})
		if err != nil {
			t.Fatal(at, err)
		}
		return b
	}
	const persons = "kind = 'person'"
	guard := parseNode(t, v.guarded)
	p := backendtest.Place{
		Backend: open(s.first, persons, "", guard), Second: open(s.second, persons, "", guard), ReadOnly: open(s.first, persons, ", readOnly: true"),
		Break: s.cut(t),
	}
	make := func(b backends.Backend, extra backends.Attributes) func(context.Context, string) (backends.Key, error) {
		return func(ctx context.Context, id string) (backends.Key, error) {
			attrs := backends.Attributes{"uid": backends.Strings(id), "sn": backends.Strings("Other")}
			maps.Copy(attrs, extra)
			r, err := b.Create(ctx, nil, attrs, nil)
			return r.Key, err
		}
	}
	p.Protected = make(open(s.first, persons, ""), backends.Attributes{"locked": {backends.Bool(true)}})
	outside := make(open(s.first, "kind = 'leaver'", ""), nil)
	p.Outside = func(ctx context.Context, id string) (backends.Key, string, error) {
		key, err := outside(ctx, id)
		return key, string(key), err
	}
	if v.members != nil {
		p.Members = func(ctx context.Context, n int) ([]string, error) { return s.ask(ctx, schema, v.members(n)) }
	}
	p.Plant, p.Dig = s.plant(schema), s.dig(schema)
	return p
}

// whole is the condition for one record, $1, whatever columns its key is of: the last is different for each.
const whole = "$1 LIKE '%' || id"

func (s *site) plant(schema string) func(context.Context, backends.Key, string, string) error {
	return func(ctx context.Context, key backends.Key, place, json string) error {
		_, members, _ := backends.SplitPath(place)
		_, err := s.ask(ctx, schema, "UPDATE person SET data = jsonb_set(data, $2, $3::text::jsonb) WHERE "+whole+" RETURNING '1'", string(key), members, json)
		return err
	}
}

func (s *site) dig(schema string) func(context.Context, backends.Key, string) (string, error) {
	return func(ctx context.Context, key backends.Key, place string) (string, error) {
		_, members, _ := backends.SplitPath(place)
		found, err := s.ask(ctx, schema, "SELECT coalesce((data #> $2)::text, '') FROM person WHERE "+whole, string(key), members)
		if err != nil || len(found) != 1 {
			return "", fmt.Errorf("%d records: %w", len(found), err)
		}
		return found[0], nil
	}
}

// ask runs a statement in a schema as the owner of the tables, and gives the texts that it answers with.
func (s *site) ask(ctx context.Context, schema, sql string, args ...any) ([]string, error) {
	conn, err := pgx.Connect(ctx, s.db.Admin)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "SET search_path = "+schema); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// cut shuts the directories out of the database and ends what they have under way.
func (s *site) cut(t testing.TB) func() func() {
	return func() func() {
		pgtest.Exec(t, s.db.Admin, "ALTER ROLE "+s.db.Role+" NOLOGIN",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+s.db.Role+"'")
		return func() { pgtest.Exec(t, s.db.Admin, "ALTER ROLE "+s.db.Role+" LOGIN") }
	}
}

func runContract(t *testing.T, v variant) {
	t.Helper()
	t.Parallel()
	attrs := backendtest.Attrs{
		Name: "uid", Must: "sn", Text: "title", Exact: "gecos", Multi: "nicknames", Int: "age", Time: "seen", Bool: "active", Binary: "photo",
		Password: "password", Members: "likes", Rows: backendtest.Rows{Attr: "emails", Text: "address", Kind: "kind", Bool: "main"},
		Doc: backendtest.Doc{
			Text: "data.name.givenName", Bool: "data.state.active", Int: `data."urn:x:y".count`, Texts: "data.tags.all", Objects: "data.posts",
		},
	}
	if v.attrs != nil {
		v.attrs(&attrs)
	}
	s := newSite(t, v.through)
	backendtest.Run(t, backendtest.Harness{
		Open:  func(t testing.TB) backendtest.Place { return s.place(t, v) },
		Attrs: attrs,
		Many:  600, Predicates: 1000,
	})
}

func TestContractWithNumbersAsKeys(t *testing.T) { runContract(t, numbered) }

func TestContractWithCompositeKeys(t *testing.T) { runContract(t, composite) }

func TestContractWithMembersThatAreRecords(t *testing.T) { runContract(t, pointing) }

// TestContractThroughAPooler is where each transaction may have another connection. It runs where PgBouncer is installed, when it is asked for: what is
// particular to poolers is tried by TestThroughAPooler in a few seconds.
func TestContractThroughAPooler(t *testing.T) {
	if os.Getenv("SCIM_TEST_POOLER") == "" {
		t.Skip("it takes as long as the whole contract: SCIM_TEST_POOLER=1 runs it")
	}
	v := numbered
	v.through = "sslmode=disable&default_query_exec_mode=exec"
	runContract(t, v)
}
