package pgjournal

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// codeOf is how the server refuses a statement; "" when it does not.
func (g *ground) codeOf(url, sql string) string {
	g.t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	must(g.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), sql)
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	must(g.t, err)
	return ""
}

const (
	forbidden = "42501"
	unchanged = "55000" // the triggers'
)

// aRow of each table that is never changed.
var aRow = []string{
	`INSERT INTO audit.intents (id, resource_type, action, "timestamp", writer, seq, digest, link, deadline) VALUES (gen_random_uuid(), 'User', 'patch', now(), 'w', 1, '\x00', '\x00', now())`,
	`INSERT INTO audit.events (resource_type, action, details) VALUES ('User', 'patch', '{}')`,
	`INSERT INTO audit.events (resource_type, action, kind) VALUES ('User', 'read', 'reads'), ('User', 'deny', 'refusals')`,
	`INSERT INTO audit.events (resource_type, action, "timestamp") VALUES ('User', 'patch', '1999-01-01')`,
	`INSERT INTO audit.keys (entry_id, "timestamp", key) VALUES (gen_random_uuid(), now(), '\x00')`,
	`INSERT INTO audit.checkpoints (writer, seq, link, key_id, signature) VALUES ('w', 1, '\x00', 'k', '\x00')`,
	`INSERT INTO audit.guard_uses (tenant_id, kind, client, amount, "timestamp", intent_id) VALUES ('a', 'delete', 'c', 1, now(), gen_random_uuid())`,
	`INSERT INTO audit.guard_approvals VALUES ('a', 'delete', '', 5, now(), now(), 'somebody')`,
	`INSERT INTO audit.guard_resets VALUES ('a', 'delete', '', now())`,
}

const anAnchor = `INSERT INTO audit.anchors VALUES ('w', 1, 2, '\x00', '\x00', '\x00', 'writes', '2020-01-01', now(), 'k', '\x00')`

func TestWhoServesAddsAndChangesNothing(t *testing.T) {
	g := newGround(t)
	serving := g.role("scim_app")
	for _, sql := range aRow {
		if code := g.codeOf(serving, sql); code != "" {
			t.Errorf("%s: %s", sql, code)
		}
	}
	month := time.Now().UTC().Format("_2006_01")
	for _, sql := range []string{
		anAnchor, "UPDATE audit.intents SET action = 'x'", "DELETE FROM audit.intents", "TRUNCATE audit.intents", "UPDATE audit.events SET action = 'x'", "DELETE FROM audit.events",
		"DELETE FROM audit.keys", "UPDATE audit.keys SET key = ''", "DELETE FROM audit.checkpoints", "DELETE FROM audit.guard_uses", "DELETE FROM audit.anchors", "DELETE FROM audit.migrations",
		"SELECT details FROM audit.events", "SELECT resource_id FROM audit.intents", "SELECT user_id FROM audit.events", "SELECT ip_address FROM audit.intents", "SELECT key FROM audit.keys",
		"SELECT seq FROM audit.events_writes" + month, "INSERT INTO audit.events_writes" + month + " (resource_type, action) VALUES ('User', 'x')", "SELECT seq FROM audit.events_default",
		"DROP TABLE audit.intents" + month, "SELECT audit.make_month('audit.intents', '2020-01-01')", "SELECT * FROM audit.wanted_months(3)", "SELECT body FROM backup.records",
		"DELETE FROM backup.snapshots", "CREATE TABLE audit.mine (id int)",
	} {
		if code := g.codeOf(serving, sql); code != forbidden {
			t.Errorf("%s: %q", sql, code)
		}
	}
	for _, sql := range []string{
		`SELECT id, tenant_id, "timestamp", writer, seq, digest, link, deadline FROM audit.intents`, `SELECT id, tenant_id, "timestamp", kind, writer, seq, digest, link, tx FROM audit.events`,
		"SELECT * FROM audit.checkpoints", "SELECT * FROM audit.anchors", "SELECT * FROM audit.guard_uses, audit.guard_approvals, audit.guard_resets",
		"INSERT INTO overlay.attributes VALUES ('a', 'c', 'User', 'k', 'x', 'v')", "UPDATE overlay.attributes SET value = 'w'", "DELETE FROM overlay.attributes",
	} {
		if code := g.codeOf(serving, sql); code != "" {
			t.Errorf("%s: %s", sql, code)
		}
	}
	reading := g.role("scim_audit")
	for _, table := range []string{"intents", "events", "keys", "checkpoints", "anchors", "guard_uses", "guard_approvals", "guard_resets", "migrations"} {
		if code := g.codeOf(reading, "SELECT * FROM audit."+table); code != "" {
			t.Errorf("who reads the journal reads no %s: %s", table, code)
		}
		if code := g.codeOf(reading, "DELETE FROM audit."+table); code != forbidden {
			t.Errorf("who reads the journal deletes %s: %q", table, code)
		}
	}
}

func TestNobodyChangesWhatIsWrittenDown(t *testing.T) {
	g := newGround(t)
	pgtest.Exec(t, g.db.Admin, append([]string{anAnchor}, aRow...)...)
	month := time.Now().UTC().Format("_2006_01")
	owner := g.role("scim_owner")
	for _, table := range []string{
		"intents", "intents" + month, "events", "events_writes" + month, "events_reads" + month, "events_refusals", "events_default", "checkpoints", "checkpoints" + month, "anchors",
		"guard_uses", "guard_uses" + month, "guard_approvals", "guard_resets", "keys", "keys_writes" + month,
	} {
		column := map[string]string{"anchors": "writer", "checkpoints": "writer", "guard": "tenant_id", "keys": "key"}[strings.SplitN(table, "_", 2)[0]]
		if column == "" {
			column = "action"
		}
		statements := []string{"UPDATE audit." + table + " SET " + column + " = " + column, "TRUNCATE audit." + table}
		if !strings.HasPrefix(table, "keys") { // that is how somebody is forgotten
			statements = append(statements, "DELETE FROM audit."+table)
		}
		for _, url := range []string{g.db.Admin, owner} {
			for _, sql := range statements {
				if code := g.codeOf(url, sql); code != unchanged {
					t.Errorf("%s: %q", sql, code)
				}
			}
		}
	}
	if code := g.codeOf(owner, "DELETE FROM audit.keys"); code != "" {
		t.Errorf("the owner forgets nobody: %s", code)
	}
}

func TestRowsWithoutAMonthMoveWhenItIsMade(t *testing.T) {
	g := newGround(t)
	future := time.Date(time.Now().Year()+2, 6, 30, 23, 59, 59, 999999000, time.UTC) // the last microsecond of its month
	j := g.open()
	for _, at := range []time.Time{future, future.Add(time.Microsecond), time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)} {
		in := change(func(in *journal.Intent) { in.Time, in.Deadline = at, at.Add(time.Minute) })
		must(t, j.Begin(t.Context(), in))
		must(t, j.Finish(t.Context(), in.ID, done()))
		note := change(func(in *journal.Intent) { in.Time, in.Action, in.Steps, in.Noted = at, journal.ActionDeny, nil, true })
		must(t, j.Note(t.Context(), note, done()))
	}
	const inRest = "SELECT concat_ws(' ', (SELECT count(*) FROM audit.intents_default), (SELECT count(*) FROM audit.events_default), (SELECT count(*) FROM audit.events_refusals_default), (SELECT count(*) FROM audit.keys_writes_default))"
	if got := g.ask(inRest); got != "3 3 3 3" {
		t.Errorf("without a month are %s", got)
	}
	before := g.ask("SELECT md5(string_agg(e::text, ',' ORDER BY seq)) FROM audit.events e")
	said := strings.Join(migrate(t, g.db.Admin), "\n")
	for _, want := range []string{
		"audit.intents" + future.Format("_2006_01") + " is made, 1 rows moved into it", "audit.events_writes" + future.AddDate(0, 0, 1).Format("_2006_01") + " is made, 1 rows",
		"audit.keys_refusals_2020_02 is made, 1 rows",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if got := g.ask(inRest); got != "0 0 0 0" {
		t.Errorf("still without a month are %s", got)
	}
	if after := g.ask("SELECT md5(string_agg(e::text, ',' ORDER BY seq)) FROM audit.events e"); after != before {
		t.Error("the rows are not what they were")
	}
	if chains := g.whole(); chains[j.Writer()] != 9 {
		t.Errorf("the chain has %v rows", chains)
	}
	if code := g.codeOf(g.db.Admin, "DELETE FROM audit.intents_default; TRUNCATE audit.intents_2020_02"); code != unchanged {
		t.Errorf("afterwards, changes are met with %q", code)
	}
}

func TestMonthsAreMadeWhileOthersWrite(t *testing.T) {
	g := newGround(t)
	j := g.open()
	var stop atomic.Bool
	written := make(chan error)
	far := time.Date(time.Now().Year()+3, 1, 15, 0, 0, 0, 0, time.UTC)
	go func() {
		for n := 0; ; n++ {
			at := far.AddDate(0, n%3, 0)
			in := change(func(in *journal.Intent) { in.Time, in.Deadline = at, at.Add(time.Minute) })
			err := j.Begin(context.Background(), in)
			if err == nil {
				err = j.Finish(context.Background(), in.ID, done())
			}
			if err != nil || stop.Load() && n > 20 {
				written <- err
				return
			}
		}
	}()
	for range 3 {
		migrate(t, g.db.Admin)
	}
	stop.Store(true)
	if err := <-written; err != nil {
		t.Error(err)
	}
	migrate(t, g.db.Admin)
	if got := g.ask("SELECT count(*)::text FROM audit.intents_default"); got != "0" {
		t.Errorf("%s intents are without a month", got)
	}
	g.whole()
}
