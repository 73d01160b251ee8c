package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// settled says of how many connections that lie idle the server was told once what holds for all their transactions; want is how it has that.
func (g *ground) settled(want string) (n int) {
	g.t.Helper()
	g.everyConnection(func(ctx context.Context, conn *pgx.Conn) error {
		if conn.PgConn().CustomData()[settledMark] == true {
			n++
		}
		var got string
		err := conn.QueryRow(ctx, "SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('jit'), current_setting('bytea_output'))",
			pgx.QueryExecModeExec).Scan(&got)
		if got != want {
			g.t.Errorf("a connection has %s, want %s", got, want)
		}
		return err
	})
	return n
}

// However the role is set up.
func TestWhatHoldsForAllTransactionsIsSaidOnce(t *testing.T) {
	g := newGround(t, house)
	g.exec("ALTER ROLE " + g.db.Role + " SET bytea_output = escape; ALTER ROLE " + g.db.Role + " SET statement_timeout = '3s'; ALTER ROLE " + g.db.Role + " SET jit = on")
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	told := g.settled("10s 9s off hex")
	if told == 0 {
		t.Error("no connection was told")
	}
	for range 5 { // what each of them has prepared is among what is lost
		g.everyConnection(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "DISCARD ALL", pgx.QueryExecModeSimpleProtocol)
			return err
		})
		fetch(t, c, ann.Key, "login")
	}
	if n := g.settled("3s 0 on escape"); n >= told { // the one that was used knows
		t.Errorf("%d connections count as told, and have forgotten it", n)
	}
}

// A pooler's connections are others', too.
func TestAPoolerIsToldInEachTransaction(t *testing.T) {
	g := groundOn(t, pgtest.Pooled(t, pgtest.Database(t, house), nothingPrepared), nil)
	hire(t, g.staff(), "ann", nil)
	if n := g.settled("0 0 on hex"); n != 0 {
		t.Errorf("%d connections to a pooler count as told for good", n)
	}
}
