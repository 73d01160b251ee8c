package pgjournal

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// served writes a journal as a process that serves and a command do, of which the command signs its end and logs nothing; it gives the command's writer, and the
// checkpoints that the log of the other has.
func (g *ground) served() (command string, logged []Checkpoint) {
	g.t.Helper()
	var log bytes.Buffer
	serve := g.open(signs, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	write(g.t, serve, 2)
	undo := g.open(signs)
	write(g.t, undo, 4)
	must(g.t, undo.Close())
	must(g.t, serve.Close())
	logged, err := ReadCheckpoints(&log)
	must(g.t, err)
	return undo.Writer(), logged
}

func TestTheLogOfOneIsOverWhatAllWrote(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	var log bytes.Buffer
	serve := g.open(signs, func(o *Options) { o.Writer, o.Logger = "serve", slog.New(slog.NewJSONHandler(&log, nil)) })
	s := newSigner(serve)
	lines := func() string {
		list, err := ReadCheckpoints(&log)
		must(t, err)
		var text []string
		for _, c := range list {
			text = append(text, fmt.Sprintf("%s:%d", c.Writer, c.Seq))
		}
		return strings.Join(text, " ")
	}
	undo := g.open(signs, func(o *Options) { o.Writer = "undo" })
	write(t, undo, 1)
	must(t, undo.Close())
	in := g.heads()
	s.sign(context.Background(), false)
	if got := lines(); got != "undo:2" {
		t.Errorf("the log has %q", got)
	}
	if now := g.heads(); now != in {
		t.Errorf("the database had %s and has %s", in, now)
	}
	if s.sign(context.Background(), false); lines() != "" {
		t.Error("it is logged twice")
	}
	_, err := Forget(context.Background(), Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "k1", Sign: signTest})
	must(t, err)
	if s.sign(context.Background(), false); !strings.HasSuffix(lines(), ":1") {
		t.Error("what forget wrote is not logged")
	}
}

func TestWhatACommandWroteIsMissedWhereServesLogIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(g *ground, writer string)
		want []string
	}{
		"its rows and checkpoints": {func(g *ground, writer string) {
			g.tamper("WITH a AS (DELETE FROM audit.checkpoints WHERE writer = $1), b AS (DELETE FROM audit.events WHERE writer = $1) DELETE FROM audit.intents WHERE writer = $1", writer)
		}, []string{"cut off: numbers 1 to 8 of writer "}},
		"one change, and the rest linked anew": {func(g *ground, writer string) {
			g.tamper("DELETE FROM audit.checkpoints WHERE writer = $1", writer)
			g.tamper("WITH a AS (DELETE FROM audit.events WHERE writer = $1 AND seq = 4) DELETE FROM audit.intents WHERE writer = $1 AND seq = 3", writer)
			g.relink(writer)
		}, []string{"cut off: numbers 7 to 8 of writer "}},
		"another content, and all linked anew": {func(g *ground, writer string) {
			g.tamper("DELETE FROM audit.checkpoints WHERE writer = $1", writer)
			g.tamper("UPDATE audit.intents SET digest = sha256('x') WHERE writer = $1 AND seq = 3", writer)
			g.relink(writer)
		}, []string{"changed: intents ", "changed: numbers 1 to 8 of writer ", "removed: number 8 of writer "}},
		"all checkpoints": {func(g *ground, _ string) { g.tamper("DELETE FROM audit.checkpoints") }, []string{
			"removed: number 4 of writer ", "removed: number 8 of writer ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t)
			writer, logged := g.served()
			with := func(v *Verification) { v.Logged = logged }
			if found, _ := g.verify(with); len(found) > 0 {
				t.Fatalf("before: %q", found)
			}
			c.do(g, writer)
			found, _ := g.verify(with)
			if len(found) != len(c.want) {
				t.Fatalf("found %q", found)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(found[i], want) {
					t.Errorf("found %q, not %q", found[i], want)
				}
			}
		})
	}
}

// relink makes the chain of a writer anew, as somebody can who may write to the database.
func (g *ground) relink(writer string) {
	g.t.Helper()
	rows, err := g.connect().Query(context.Background(), `SELECT writer, seq, 'intents', digest, link FROM audit.intents WHERE writer = $1
		UNION ALL SELECT writer, seq, 'events', digest, link FROM audit.events WHERE writer = $1 ORDER BY 2`, writer)
	must(g.t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[chained])
	must(g.t, err)
	link := make([]byte, 32)
	for i, r := range list {
		link = next(link, writer, int64(i+1), r.Table, r.Digest)
		g.tamper("UPDATE audit."+r.Table+" SET seq = $3, link = $4 WHERE writer = $1 AND seq = $2", writer, r.Seq, int64(i+1), link)
	}
}

func TestAKeyThatNobodyNamedIsToldApartAndOnce(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	other := ed25519.NewKeyFromSeed(make([]byte, 32))
	j := g.open(signs, func(o *Options) {
		o.Writer, o.Sign = "w", func(m []byte) (string, []byte, error) { return "other", ed25519.Sign(other, m), nil }
	})
	s := newSigner(j)
	for range 3 {
		write(t, j, 1)
		s.sign(context.Background(), false)
	}
	must(t, j.Close())
	found, _ := g.verify()
	if len(found) != 1 || !strings.HasPrefix(found[0], "unknown key: numbers 2 to 6 of writer w: the checkpoint of ") || !strings.Contains(found[0], `, and 3 more,: signed with the key "other"`) {
		t.Errorf("found %q", found)
	}
}

func TestATableThatIsGoneIsOneFinding(t *testing.T) {
	t.Parallel()
	part := time.Now().UTC().Format("2006_01")
	for table, want := range map[string][]string{
		"events_writes": {"removed: numbers 2 to 58 of writer w: 29 of these rows are gone; there is no table audit.events_writes_" + part, "cut off: "},
		"intents": {
			"removed: numbers 1 to 59 of writer w: 30 of these rows are gone; there is no table audit.intents_" + part,
			"orphan: numbers 2 to 60 of writer w: 30 of these events close intents that are not there; there is no table audit.intents_" + part,
		},
		"keys_writes": {"destroyed: numbers 1 to 60 of writer w: the values of 60 of these rows cannot be read: their keys are gone or were changed, and no event says so; there is no table audit.keys_writes_" + part},
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			g := newGround(t)
			migrate(t, g.db.Admin)
			j := g.open(signs, func(o *Options) { o.Writer = "w" })
			write(t, j, 30)
			must(t, j.Close())
			pgtest.Exec(t, g.db.Admin, "DROP TABLE audit."+table+"_"+part)
			found, _ := g.verify()
			if len(found) != len(want) {
				t.Fatalf("found %d: %q", len(found), found)
			}
			for i := range want {
				if !strings.HasPrefix(found[i], want[i]) {
					t.Errorf("found %q, not %q", found[i], want[i])
				}
			}
		})
	}
}

// Before events of erasures named entries they named the resource: who was forgotten then is no finding.
func TestWhoWasForgottenWithoutAListIsNoFinding(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	ctx := context.Background()
	made := change(func(in *journal.Intent) { in.Action, in.ResourceID = journal.ActionCreate, "" })
	must(t, j.Begin(ctx, made))
	must(t, j.Finish(ctx, made.ID, done()))
	other := change(func(in *journal.Intent) { in.ResourceID = "k2" })
	must(t, j.Begin(ctx, other))
	forget := change(func(in *journal.Intent) { in.Action, in.Steps, in.Time = journal.ActionForget, nil, time.Now() })
	must(t, j.Note(ctx, forget, journal.Outcome{Time: time.Now(), Status: journal.StatusDone, ResourceID: "k1"}))
	later := change(func(in *journal.Intent) { in.Time = time.Now().Add(time.Second) })
	must(t, j.Begin(ctx, later))
	must(t, j.Close())
	g.tamper("DELETE FROM audit.keys WHERE entry_id = $1", string(made.ID))
	if found, v := g.verify(); len(found) > 0 || v.Erased != 2 {
		t.Errorf("found %q; %+v", found, v)
	}
	g.tamper("DELETE FROM audit.keys WHERE entry_id IN ($1, $2)", string(other.ID), string(later.ID))
	found, _ := g.verify()
	if len(found) != 2 || !strings.Contains(found[0], string(other.ID)) || !strings.Contains(found[1], string(later.ID)) {
		t.Errorf("of another, and of what came later: %q", found)
	}
}

// Rows and their checkpoints go when nobody need keep them any longer; the log goes on knowing them.
func TestCheckpointsThatWentWithTheirRowsAreNotMissed(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	var log bytes.Buffer
	old := time.Now().UTC().AddDate(0, -4, 0)
	j := g.open(signs, func(o *Options) {
		o.Now, o.Logger = func() time.Time { return old }, slog.New(slog.NewJSONHandler(&log, nil))
	})
	for range 3 {
		in := change(func(in *journal.Intent) { in.Time, in.Deadline = old, old.Add(time.Minute) })
		must(t, j.Begin(context.Background(), in))
		must(t, j.Finish(context.Background(), in.ID, done()))
	}
	must(t, j.Close())
	logged, err := ReadCheckpoints(&log)
	must(t, err)
	day := 24 * time.Hour
	must(t, Maintain(context.Background(), Maintenance{
		Database: configs.NewSecret(g.role("scim_owner")), Retention: configs.Retention{Writes: day, Reads: day, Refusals: day}, Sign: signTest,
	}))
	if n := g.ask("SELECT (SELECT count(*) FROM audit.checkpoints) || ' ' || (SELECT count(*) FROM audit.intents)"); n != "0 0" {
		t.Fatalf("there are still %s", n)
	}
	if found, v := g.verify(func(v *Verification) { v.Logged = logged }); len(found) > 0 || v.Logged != 1 || v.Anchors == 0 {
		t.Errorf("found %q, %+v", found, v)
	}
}
