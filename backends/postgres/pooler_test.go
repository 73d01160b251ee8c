package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// everyConnection does something on all connections that lie idle.
func (g *ground) everyConnection(do func(context.Context, *pgx.Conn) error) {
	g.t.Helper()
	pool, err := g.d.connections()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, conn := range pool.AcquireAllIdle(context.Background()) {
		if err := do(context.Background(), conn.Conn()); err != nil {
			g.t.Error(err)
		}
		conn.Release()
	}
}

func TestStatementsThatTheServerHasLostArePreparedAgain(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	fetch(t, c, ann.Key, "login")
	lose := func() {
		g.everyConnection(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "DEALLOCATE ALL", pgx.QueryExecModeSimpleProtocol)
			return err
		})
	}
	for i := range 3 {
		lose()
		fetch(t, c, ann.Key, "login")
		lose()
		if err := modify(c, ann.Key, change(backends.Replace, "title", fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
		lose()
		if n, _, err := c.Count(t.Context(), nil, 0); n != 1 || err != nil {
			t.Error(n, err)
		}
		lose()
		if _, _, err := g.d.Review(t.Context()); err != nil {
			t.Error(err)
		}
	}
	g.is("4 2", "SELECT version || ' ' || title FROM hr.person")
}

// Behind a pooler that gives each transaction another connection nothing may be prepared. Whose request it is, is said in the same transaction all the same.
func TestNothingNeedsToBePrepared(t *testing.T) {
	db := pgtest.Database(t, tenants, policies, "CREATE TABLE loose (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tags text[], n numeric, b bytea, doc jsonb, at timestamptz, ok boolean)")
	join := map[bool]string{true: "&", false: "?"}[strings.Contains(db.URL, "?")]
	db.URL += join + "default_query_exec_mode=exec"
	g := groundOn(t, db, nil)
	mails := g.set("mails", "{rows: mail, on: person_id, where: {tenant_id: '{tenant}'}}", "address")
	for tenant, want := range map[string][]backends.Key{"default": {"1", "3", "4"}, "other": {"2"}} {
		c := g.classOf(tenant, "{table: person, key: id}", mails)
		for range 3 {
			if got := walked(t, c, backends.Query{Attrs: []string{"*"}}); !slices.Equal(got, want) {
				t.Errorf("%s sees %v", tenant, got)
			}
		}
		if records, err := c.Fetch(t.Context(), []backends.Key{"1", "2", "3", "4"}, []string{"name", "mails"}); len(records) != len(want) || err != nil {
			t.Errorf("%s reads %v, %v", tenant, records, err)
		}
		if err := modify(c, want[0], change(backends.Add, "mails", "new@x")); err != nil {
			t.Error(err)
		}
	}
	if got := g.ask("SELECT string_agg(tenant_id, ' ' ORDER BY tenant_id) FROM mail WHERE address = 'new@x'"); got != "default other" {
		t.Error(got)
	}
	c := g.class("{table: loose, key: id, document: doc}")
	all := backends.Attributes{
		"tags": backends.Strings("a", "b'"), "n": {backends.Decimal("1.5")}, "b": {backends.Bytes([]byte{0, 255})}, "doc.x.y": backends.Strings("z"),
		"at": backends.Strings("2024-01-31T10:00:00Z"), "ok": {backends.Bool(true)},
	}
	r, err := c.Create(t.Context(), nil, all, []string{"*"})
	if err != nil || len(r.Attrs) != 6 {
		t.Fatal(r, err)
	}
	for _, p := range []backends.Predicate{
		eqTo("tags", "b'", backends.CaseExact),
		backends.Eq{Attr: "b", Value: backends.Bytes([]byte{0, 255}), Rule: backends.OctetRule},
		eqTo("doc.x.y", "Z", backends.CaseIgnore), eqTo("ok", "true", backends.BooleanRule),
		backends.Order{Attr: "at", Op: backends.Less, Value: backends.String("2025-01-01T00:00:00Z"), Rule: backends.TimeRule},
		eqTo("id", "1", backends.IntegerRule),
	} {
		if got := walked(t, c, backends.Query{Where: p, Limit: 5}); len(got) != 1 {
			t.Errorf("%s finds %v", p, got)
		}
	}
	held, err := c.Holders(t.Context(), "tags", []string{"a", "c"}, nil)
	if err != nil || len(held["a"]) != 1 || len(held) != 1 {
		t.Error(held, err)
	}
	g.everyConnection(func(ctx context.Context, conn *pgx.Conn) error {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*)::int FROM pg_prepared_statements").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d statements are prepared, %v", n, err)
		}
		return nil
	})
}

func TestAServerThatOnlyReadsIsLeftForOneThatWrites(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	readOnly := func(yes string) {
		g.everyConnection(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "SET default_transaction_read_only = "+yes)
			return err
		})
	}
	readOnly("on") // as a primary is that somebody has made a standby, under connections that stay
	if err := modify(c, ann.Key, change(backends.Replace, "title", "x")); err != nil {
		t.Errorf("the next connection would write: %v", err)
	}
	g.exec("ALTER ROLE " + g.db.Role + " SET default_transaction_read_only = on")
	readOnly("on")
	fails(t, modify(c, ann.Key, change(backends.Replace, "title", "y")), backends.ErrUnavailable, "")
	fetch(t, c, ann.Key, "title")
	g.exec("ALTER ROLE " + g.db.Role + " RESET default_transaction_read_only")
	if err := modify(c, ann.Key, change(backends.Replace, "title", "z")); err != nil {
		t.Errorf("it writes again: %v", err)
	}
	g.is("3 z", "SELECT version || ' ' || title FROM hr.person")
}
