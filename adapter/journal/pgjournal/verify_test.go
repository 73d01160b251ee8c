package pgjournal

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func signs(o *Options) {
	o.Sign, o.CheckpointInterval, o.Logger = signTest, time.Hour, slog.New(slog.DiscardHandler)
}

func signTest(message []byte) (string, []byte, error) {
	return "test", ed25519.Sign(testKey, message), nil
}

// write journals n writes: 2n rows.
func write(t testing.TB, j *Journal, n int) (ids []journal.ID) {
	t.Helper()
	for range n {
		in := change(func(in *journal.Intent) { in.Time = time.Now(); in.Deadline = in.Time.Add(time.Minute) })
		must(t, j.Begin(context.Background(), in))
		must(t, j.Finish(context.Background(), in.ID, done()))
		ids = append(ids, in.ID)
	}
	return ids
}

// verify gives what is found, and what was looked at.
func (g *ground) verify(changes ...func(*Verification)) ([]string, Verified) {
	g.t.Helper()
	var list []string
	v := Verification{
		Database: configs.NewSecret(g.role("scim_audit")), Keys: map[string]ed25519.PublicKey{"test": testKey.Public().(ed25519.PublicKey)}, //nolint:forcetypeassert // it is one
		Found: func(f Finding) { list = append(list, f.String()) },
	}
	for _, change := range changes {
		change(&v)
	}
	done, err := Verify(context.Background(), v)
	must(g.t, err)
	if done.Findings != len(list) {
		g.t.Errorf("%d findings are counted, and %d told", done.Findings, len(list))
	}
	return list, done
}

// tamper does what only a superuser can, past all triggers.
func (g *ground) tamper(sql string, args ...any) {
	g.t.Helper()
	conn := g.connect()
	must(g.t, pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), "SET LOCAL session_replication_role = replica"); err != nil {
			return err
		}
		tag, err := tx.Exec(context.Background(), sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			return fmt.Errorf("%s changes nothing", sql)
		}
		return err
	}))
}

func TestAJournalThatNobodyTouchedIsWhole(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	first, second := g.open(signs), g.open(signs)
	write(t, first, 130) // more than a page of each table
	write(t, second, 3)
	must(t, first.Note(context.Background(), change(func(in *journal.Intent) { in.Action = journal.ActionRead }), done()))
	must(t, first.Close())
	must(t, second.Close())
	found, v := g.verify()
	if len(found) > 0 {
		t.Errorf("found %q", found)
	}
	if v.Rows != 267 || v.Writers != 2 || v.Checkpoints != 3 || v.Unsigned != 0 || v.From.IsZero() || v.To.Before(v.From) {
		t.Errorf("looked at %+v", v)
	}
	if found, v := g.verify(func(v *Verification) { v.Since = time.Now().Add(time.Hour) }); len(found) > 0 || v.Rows != 0 {
		t.Errorf("since later: %q, %+v", found, v)
	}
	if found, v := g.verify(func(v *Verification) { v.Since = moment.Add(time.Second) }); len(found) > 0 || v.Rows == 0 {
		t.Errorf("since a while: %q, %+v", found, v)
	}
}

// Each is done to the rows of a writer that has written five changes (ten rows: intents have odd numbers) and signed the last. $1 is the writer; in what is
// wanted, {n} is the id of the row with number n.
var tamperings = []struct {
	name, sql string
	want      []string // the beginnings of what is found
}{
	{"a changed column", `UPDATE audit.intents SET resource_id = 'k2' WHERE writer = $1 AND seq = 3`, []string{"changed: intents {3}"}},
	{"a change in what stands in clear", `UPDATE audit.events SET details = details || '{"status": "failed"}' WHERE writer = $1 AND seq = 4`, []string{"changed: events {4}"}},
	{"another sealed text", `UPDATE audit.events SET details = details || '{"sealed": "AAAA"}' WHERE writer = $1 AND seq = 10`, []string{"changed: events {10}"}},
	{"no details", `UPDATE audit.events SET details = NULL WHERE writer = $1 AND seq = 4`, []string{"changed: events {4}"}},
	{"an address that has become a network", `UPDATE audit.intents SET ip_address = '192.0.2.1/24' WHERE writer = $1 AND seq = 1`, []string{"changed: intents {1}"}},
	{"another deadline", `UPDATE audit.intents SET deadline = 'infinity' WHERE writer = $1 AND seq = 1`, []string{"changed: intents {1}"}},
	{"another digest", `UPDATE audit.intents SET digest = sha256('x') WHERE writer = $1 AND seq = 5`, []string{"changed: intents {5}"}},
	{"another link", `UPDATE audit.intents SET link = sha256('x') WHERE writer = $1 AND seq = 5`, []string{"inserted: intents {5}"}},
	{"another last link", `UPDATE audit.events SET link = sha256('x') WHERE writer = $1 AND seq = 10`, []string{"inserted: events {10}", "changed: numbers 1 to 10 of writer"}},
	{"a removed event", `DELETE FROM audit.events WHERE writer = $1 AND seq = 6`, []string{"removed: number 6 of writer"}},
	{"a removed intent", `DELETE FROM audit.intents WHERE writer = $1 AND seq = 5`, []string{"removed: number 5 of writer", "orphan: events {5}"}},
	{"three removed events", `DELETE FROM audit.events WHERE writer = $1 AND seq IN (2, 4, 6)`, []string{"removed: number 2 of", "removed: number 4 of", "removed: number 6 of"}},
	{"a whole change removed", `WITH i AS (DELETE FROM audit.intents WHERE writer = $1 AND seq = 5) DELETE FROM audit.events WHERE writer = $1 AND seq = 6`, []string{"removed: numbers 5 to 6 of writer"}},
	{"the end cut off", `WITH i AS (DELETE FROM audit.intents WHERE writer = $1 AND seq > 7) DELETE FROM audit.events WHERE writer = $1 AND seq > 7`, []string{"cut off: numbers 8 to 10 of writer"}},
	{"everything removed", `WITH i AS (DELETE FROM audit.intents WHERE writer = $1) DELETE FROM audit.events WHERE writer = $1`, []string{"cut off: numbers 1 to 10 of writer"}},
	{"a row without a place", `INSERT INTO audit.events (resource_type, action, details) VALUES ('User', 'patch', ('{"writer": "' || $1 || '"}')::jsonb)`, []string{"inserted: events "}},
	{"a copy under another number", `INSERT INTO audit.intents SELECT gen_random_uuid(), tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp", writer, 11, digest, link, deadline
		FROM audit.intents WHERE writer = $1 AND seq = 9`, []string{"inserted: intents {11}"}},
	{"a second row with a number", `INSERT INTO audit.intents SELECT gen_random_uuid(), tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp", writer, 4, digest, link, deadline
		FROM audit.intents WHERE writer = $1 AND seq = 9`, []string{"inserted: intents"}},
	{"number 0", `INSERT INTO audit.intents SELECT gen_random_uuid(), tenant_id, user_id, resource_type, resource_id, action, details, ip_address, user_agent, "timestamp", writer, 0, digest, link, deadline
		FROM audit.intents WHERE writer = $1 AND seq = 9`, []string{"inserted: intents {0}"}},
	{"two neighbours swapped", `UPDATE audit.intents SET seq = 12 - seq WHERE writer = $1 AND seq IN (5, 7)`, []string{"inserted: intents {5}", "inserted: events {6}", "inserted: intents {7}"}},
	{
		"what two rows say swapped", `UPDATE audit.intents a SET resource_id = a.resource_id || 'x', id = b.id FROM audit.intents b WHERE a.writer = $1 AND b.writer = $1 AND a.seq IN (5, 7) AND b.seq = 12 - a.seq`,
		[]string{"changed: intents {5}", "changed: intents {7}"},
	},
	{"another seq in a checkpoint", `UPDATE audit.checkpoints SET seq = 8 WHERE writer = $1`, []string{"forged: number 8 of writer"}},
	{"another link in a checkpoint", `UPDATE audit.checkpoints SET link = sha256('x') WHERE writer = $1`, []string{"forged: number 10 of writer"}},
	{"a checkpoint of another key", `UPDATE audit.checkpoints SET key_id = 'other' WHERE writer = $1`, []string{"unknown key: number 10 of writer"}},
}

func TestWhatSomebodyDidToTheRowsIsNamed(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	for _, c := range tamperings {
		t.Run(c.name, func(t *testing.T) {
			g := *g
			g.t = t
			defer g.clear()
			j := g.open(signs)
			write(t, j, 5)
			must(t, j.Close())
			if found, _ := g.verify(); len(found) > 0 {
				t.Fatalf("before anything was done: %q", found)
			}
			g.tamper(c.sql, j.Writer())
			found, _ := g.verify()
			if !slices.ContainsFunc(c.want, isOrphan) { // where they only follow from what is wanted
				found = slices.DeleteFunc(found, isOrphan)
			}
			if len(found) != len(c.want) {
				t.Fatalf("found %d things, not %d: %s", len(found), len(c.want), strings.Join(found, "\n"))
			}
			for i, want := range c.want {
				for seq := range int64(12) {
					if mark := fmt.Sprintf("{%d}", seq); strings.Contains(want, mark) {
						want = strings.ReplaceAll(want, mark, g.idOf(j.Writer(), seq))
					}
				}
				if !strings.HasPrefix(found[i], want) || !strings.Contains(found[i], j.Writer()) && !strings.Contains(c.name, "without a place") {
					t.Errorf("found %q, not %q", found[i], want)
				}
			}
		})
	}
}

func isOrphan(f string) bool { return strings.HasPrefix(f, "orphan") }

func (g *ground) idOf(writer string, seq int64) string {
	return g.ask(`SELECT coalesce((SELECT id::text FROM audit.intents WHERE writer = $1 AND seq = $2 LIMIT 1), (SELECT id::text FROM audit.events WHERE writer = $1 AND seq = $2 LIMIT 1),
		(SELECT id::text FROM audit.events WHERE writer = $1 AND seq = $2 + 1 LIMIT 1), 'none')`, writer, seq)
}

// clear empties the journal for the next one.
func (g *ground) clear() {
	g.t.Helper()
	pgtest.Exec(g.t, g.db.Admin, "SET session_replication_role = replica", "DELETE FROM audit.intents", "DELETE FROM audit.events", "DELETE FROM audit.checkpoints")
}

func TestALogKnowsOfWhatTheDatabaseHasLost(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t)
			var log bytes.Buffer
			j := g.open(signs, func(o *Options) { o.Logger = slog.New(handler(&log)) })
			write(t, j, 5)
			must(t, j.Close())
			logged, err := ReadCheckpoints(strings.NewReader("somebody else's line\n" + log.String()))
			must(t, err)
			if len(logged) != 1 || !logged[0].Final || logged[0].Seq != 10 {
				t.Fatalf("the log has %+v", logged)
			}
			with := func(v *Verification) { v.Logged = logged }
			if found, _ := g.verify(with); len(found) > 0 {
				t.Errorf("found %q", found)
			}
			g.tamper("WITH a AS (DELETE FROM audit.checkpoints), b AS (DELETE FROM audit.events) DELETE FROM audit.intents")
			if found, _ := g.verify(); len(found) > 0 {
				t.Errorf("without the log, an empty journal is whole; found %q", found)
			}
			found, _ := g.verify(with)
			if len(found) != 1 || !strings.HasPrefix(found[0], "cut off: numbers 1 to 10 of writer "+j.Writer()) || !strings.Contains(found[0], "in the log") {
				t.Errorf("found %q", found)
			}
			logged[0].Seq = 9
			if found, _ := g.verify(with); len(found) != 1 || !strings.HasPrefix(found[0], "forged") {
				t.Errorf("a line that somebody wrote: %q", found)
			}
		})
	}
}

func TestALineThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`{"msg":"journal checkpoint","writer":"w","seq":"x"}`, `{"msg":"journal checkpoint"`, `time=x msg="journal checkpoint" writer=w seq=1 link=zz`} {
		if _, err := ReadCheckpoints(strings.NewReader("\n" + line)); err == nil || !strings.Contains(err.Error(), "line 2 ") {
			t.Errorf("%s: %v", line, err)
		}
	}
	list, err := ReadCheckpoints(strings.NewReader(`{"msg":"a journal checkpoint is nothing to me"}` + strings.Repeat("x", 3*longestLine) + "journal checkpoint"))
	if err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}
