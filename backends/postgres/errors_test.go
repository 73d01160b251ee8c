package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// people is a class as it might be, without a database.
func people() *shape {
	columns := []*column{
		{name: "id", typ: "uuid", family: uuid, notNull: true},
		{name: "tenant_id", typ: "text", family: text, notNull: true},
		{name: "org_id", typ: "bigint", family: integer},
		{name: "login", typ: "character varying", family: text, length: 20},
		{name: "kind", typ: `hr."Kind"`, family: enum},
		{name: "boss", typ: "uuid", family: uuid},
		{name: "age", typ: "integer", family: integer},
	}
	rel := &relation{schema: "hr", name: "people", kind: 'r', columns: columns, constraints: map[string]constraint{
		"people_pkey":   {kind: 'p', columns: []string{"tenant_id", "id"}},
		"people_login":  {kind: 'u', columns: []string{"tenant_id", "org_id", "login"}},
		"people_boss":   {kind: 'f', columns: []string{"tenant_id", "boss"}, target: "hr.people", targets: []string{"tenant_id", "id"}},
		"people_age":    {kind: 'c', columns: []string{"age"}},
		"people_period": {kind: 'x', columns: []string{"age"}},
	}}
	email := &relation{schema: "hr", name: "email", kind: 'r', columns: []*column{{name: "person"}, {name: "address"}, {name: "kind"}}, constraints: map[string]constraint{
		"email_address": {kind: 'u', columns: []string{"address"}},
	}}
	return &shape{
		class: &class{tenant: "acme", where: []piece{{sql: "tenant_id = "}, {tenant: true}, {sql: " AND age > 3"}}},
		rel:   rel, key: columns[:1], sets: []*set{{name: "emails", rel: email}},
	}
}

func TestTranslate(t *testing.T) {
	s, d := people(), &Directory{}
	answer := func(code, table, constraint, column, message string) error {
		return &pgconn.PgError{Code: code, SchemaName: "hr", TableName: table, ConstraintName: constraint, ColumnName: column, Message: message}
	}
	for _, c := range []struct {
		err  error
		kind error
		attr string
	}{
		{answer("23505", "people", "people_login", "", ""), backends.ErrExists, "login"},
		{answer("23505", "people", "people_pkey", "", ""), backends.ErrExists, "id"},
		{answer("23505", "email", "email_address", "", ""), backends.ErrExists, "emails"},
		{answer("23505", "people", "unheard_of", "", ""), backends.ErrExists, ""},
		{
			&pgconn.PgError{Code: "23505", SchemaName: "hr", TableName: "people", ConstraintName: "new_one", Detail: "Schlüssel »(tenant_id, lower(login))=(acme, login)«"},
			backends.ErrExists, "login",
		},
		{answer("23502", "people", "", "login", ""), backends.ErrInvalid, "login"},
		{answer("23502", "email", "", "address", ""), backends.ErrInvalid, "emails"},
		{answer("23503", "people", "people_boss", "", "insert or update on table"), backends.ErrInvalid, "boss"},
		{answer("23503", "people", "people_boss", "", `update or delete on table "people" violates`), backends.ErrRefused, ""},
		{answer("23503", "badge", "badge_person", "", ""), backends.ErrRefused, ""},
		{answer("23514", "people", "people_age", "", ""), backends.ErrInvalid, "age"},
		{answer("23P01", "people", "people_period", "", ""), backends.ErrInvalid, "age"},
		{answer("44000", "people", "", "", ""), backends.ErrRefused, ""},
		{answer("P0001", "", "", "", "no overtime in May"), backends.ErrInvalid, ""},
		{answer("22P02", "", "", "", `invalid input value for enum hr."Kind": "people"`), backends.ErrInvalid, "kind"},
		{answer("22001", "", "", "", "value too long for type character varying(20)"), backends.ErrInvalid, ""},
		{answer("22003", "", "", "", "integer out of range"), backends.ErrInvalid, ""},
		{answer("22021", "", "", "", "invalid byte sequence"), backends.ErrInvalid, ""},
		{answer("42501", "people", "", "", "permission denied for table people"), backends.ErrRefused, ""},
		{answer("42501", "people", "", "", "new row violates row-level security policy"), backends.ErrRefused, ""},
		{answer("0A000", "", "", "", "not in this version"), backends.ErrRefused, ""},
		{answer("0A000", "", "", "", "cached plan must not change result type"), backends.ErrUnavailable, ""},
		{answer("25006", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("40001", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("40P01", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("55P03", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("57014", "", "", "", ""), backends.ErrTooMany, ""},
		{answer("57P01", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("53300", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("08006", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("28P01", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("3D000", "", "", "", ""), backends.ErrUnavailable, ""},
		{answer("54000", "", "", "", "index row size"), backends.ErrInvalid, ""},
		{answer("42703", "", "", "", "column does not exist"), nil, ""},
		{answer("XX000", "", "", "", ""), nil, ""},
		{fmt.Errorf("closed pool"), backends.ErrUnavailable, ""},
		{fmt.Errorf("waiting: %w", context.DeadlineExceeded), backends.ErrUnavailable, ""},
	} {
		got := d.translate(c.err, s)
		if !errors.Is(got, c.err) {
			t.Errorf("%v: the cause is lost in %v", c.err, got)
		}
		said, ok := errors.AsType[*backends.Error](got)
		if c.kind == nil {
			if ok {
				t.Errorf("%v became %v, and nobody foresaw it", c.err, got)
			}
			continue
		}
		if !ok || !errors.Is(said, c.kind) || said.Attr != c.attr || said.Detail == "" {
			t.Errorf("%v became %v, want %v about %q", c.err, got, c.kind, c.attr)
		}
		if again := d.translate(got, s); again.Error() != got.Error() {
			t.Errorf("%v was translated twice: %v", got, again)
		}
		if bare := d.translate(c.err, nil); !errors.Is(bare, c.kind) && !errors.Is(c.kind, backends.ErrInvalid) {
			t.Errorf("%v without a shape became %v", c.err, bare)
		}
	}
	if d.translate(nil, s) != nil {
		t.Error("no error became one")
	}
}

// What the server says of a view that is written, and of reading what it has no way to read, has the same codes.
func TestWhatTheServerHasNoWayToDoIsSaid(t *testing.T) {
	g := newGround(t, `CREATE TABLE p (id int, a text, data jsonb);
CREATE VIEW computed AS SELECT id, a || 'x' AS a FROM p;
CREATE VIEW told AS SELECT DISTINCT id FROM p;
CREATE MATERIALIZED VIEW empty AS SELECT 1 AS x WITH NO DATA;
CREATE COLLATION loosely (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
	const view = "The records are rows of a view that cannot be written."
	for sql, c := range map[string]struct {
		kind error
		says string
	}{
		"UPDATE computed SET a = 'y'":         {backends.ErrRefused, view},
		"UPDATE told SET id = 1":              {backends.ErrRefused, view},
		"UPDATE empty SET x = 2":              {backends.ErrRefused, view},
		"SELECT * FROM empty":                 {backends.ErrUnavailable, "The database is not ready to do this."},
		"SELECT 'a' COLLATE loosely LIKE 'b'": {backends.ErrRefused, "The database has no way to do this with the columns that the records have."},
	} {
		conn, err := pgx.Connect(t.Context(), g.db.Admin)
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), sql)
		_ = conn.Close(t.Context())
		said, ok := errors.AsType[*backends.Error]((&Directory{}).translate(err, nil))
		if !ok || !errors.Is(said, c.kind) || said.Detail != c.says {
			t.Errorf("%s: %v became %v", sql, err, said)
		}
	}
}

func TestAnIndexOnAPlaceInADocumentBlamesThatPlace(t *testing.T) {
	g := newGround(t, "CREATE TABLE p (data jsonb, \"My Data\" jsonb)")
	for expr, want := range map[string]string{
		"data->>'nickName'":                       "data.nickName",
		"lower(data->'name'->>'family\"Na ''me')": `data.name."family""Na 'me"`,
		"data#>>'{name,givenName}'":               "data.name.givenName",
		`"My Data"->'urn:x:y'->>'a'`:              `My Data."urn:x:y".a`,
		"(data->'emails'->0->>'value')":           "",
		"data->>'a' || 'b'":                       "",
		"coalesce(data->>'a', data->>'b')":        "",
		`data#>>'{"a,b",c}'`:                      "",
		"((data->>'a'))::int4":                    "",
		"lower(upper(data->>'a'))":                "data.a",
		"data->'a'":                               "data.a",
		"md5(data->>'a')":                         "",
		"(data->>'a') COLLATE \"C\"":              "data.a",
		"data->>lower('a')":                       "",
		"(data->'a'->>'b') || (data->'a'->>'c')":  "",
	} {
		pgtest.Exec(t, g.db.Admin, "DROP INDEX IF EXISTS ix; CREATE INDEX ix ON p (("+expr+"))")
		conn, err := pgx.Connect(t.Context(), g.db.Admin)
		if err != nil {
			t.Fatal(err)
		}
		var printed string
		err = conn.QueryRow(t.Context(), "SELECT pg_get_indexdef('ix'::regclass, 1, true)").Scan(&printed)
		_ = conn.Close(t.Context())
		if got := documentPath(printed); err != nil || got != want {
			t.Errorf("%s, printed %s, is %q, want %q (%v)", expr, printed, got, want, err)
		}
	}
}

func TestFixed(t *testing.T) {
	tenant := piece{tenant: true}
	for _, c := range []struct {
		where []piece
		want  []string
	}{
		{nil, nil},
		{[]piece{{sql: "tenant_id = "}, tenant}, []string{"tenant_id=acme"}},
		{[]piece{{sql: "t.Login='it''s AND so' and tenant_id="}, tenant, {sql: " AND age = 7"}}, []string{"login=it's AND so", "tenant_id=acme", "age=7"}},
		{[]piece{{sql: `"login" = 'a' AND (age = 7 OR age = 8) AND kind = 'x'::text`}}, []string{"login=a", "kind=x"}},
		{[]piece{{sql: "login = 'a' OR tenant_id = "}, tenant}, nil},
		{[]piece{{sql: "age BETWEEN 1 AND 2 AND login = 'a'"}}, nil},
		{[]piece{{sql: "NOT login = 'a' AND lower(login) = 'b' AND login <> 'c' AND login = 'open"}}, nil},
		{[]piece{{sql: "unheard = 'a' AND borderland = 'x' AND login = 'l'"}}, []string{"login=l"}},
	} {
		s := people()
		s.class.where = c.where
		var got []string
		for _, f := range s.fixed() {
			got = append(got, f.column.name+"="+f.value)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v fixes %q, want %q", c.where, got, c.want)
		}
	}
}
