package pgjournal

import (
	"bytes"
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/journaltest"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

func TestJournal(t *testing.T) {
	defer goleak.VerifyNone(t)
	g := newGround(t)
	journaltest.Run(t, func(t testing.TB) journaltest.Place {
		g.empty()
		return g.place()
	})
}

// place is the journal in a database; a crash is that the server ends all connections.
func (g *ground) place() journaltest.Place {
	return journaltest.Place{
		Open: func(ctx context.Context, limits ...journal.Limit) (journaltest.Store, error) {
			o := options(g.url)
			o.Limits = limits
			j, err := Open(ctx, o)
			if err != nil {
				return nil, err // not a nil *Journal in an interface
			}
			return j, nil
		},
		Several: true,
		Crash: func(t testing.TB) journaltest.Place {
			pgtest.Exec(t, g.db.Admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			return g.place()
		},
		Stored: func(testing.TB) []byte { return g.stored() },
	}
}

// empty takes away what an earlier test has written, as only a superuser can.
func (g *ground) empty() {
	g.t.Helper()
	script := "SET session_replication_role = replica" // which lets no trigger object; truncating all months would take longer
	for _, table := range []string{"intents", "events", "keys", "guard_uses", "guard_approvals", "guard_resets", "checkpoints"} {
		script += "; DELETE FROM audit." + table
	}
	pgtest.Exec(g.t, g.db.Admin, script+"; DELETE FROM overlay.attributes; DELETE FROM overlay.aliases")
}

// stored is every column of every row, and what was sealed once more as it reads when it is opened.
func (g *ground) stored() []byte {
	g.t.Helper()
	var all bytes.Buffer
	conn := g.connect()
	rows, err := conn.Query(context.Background(), `SELECT format('SELECT %L || t::text FROM %I.%I AS t', relname || ': ', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname IN ('audit', 'overlay', 'backup') AND relkind IN ('r', 'p') AND NOT relispartition`)
	must(g.t, err)
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(g.t, err)
	for _, statement := range statements {
		rows, err := conn.Query(context.Background(), statement)
		must(g.t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(g.t, err)
		for _, line := range lines {
			all.WriteString(line + "\n")
		}
	}
	rows, err = conn.Query(context.Background(), selectWrites)
	must(g.t, err)
	events, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (found, error) { return scanFound(r) })
	must(g.t, err)
	for _, f := range events {
		for table, d := range map[string]details{tableIntents: f.clear, tableEvents: f.closed} {
			for _, key := range f.keys {
				plain, _ := open(key, d.Sealed, row{table: table, id: f.row.id}.about())
				all.Write(plain)
			}
		}
	}
	return all.Bytes()
}
