package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// connect is a connection of somebody else's.
func (g *ground) connect() *pgx.Conn {
	g.t.Helper()
	conn, err := pgx.Connect(context.Background(), g.db.Admin)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func run(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// waits returns when a statement of the adapter's waits for a lock.
func (g *ground) waits() {
	g.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if g.ask("SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user AND wait_event_type = 'Lock'") != "0" {
			return
		}
		if time.Now().After(deadline) {
			g.t.Fatal("nobody waits for a lock")
		}
	}
}

func TestDeadlockIsTriedAgain(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann, bob := hire(t, c, "ann", nil), hire(t, c, "bob", nil)
	other := g.connect()
	run(t, other, "BEGIN")
	run(t, other, "SELECT 1 FROM hr.person WHERE id::text = $1 FOR UPDATE", string(bob.Key))
	answer := make(chan error)
	go func() {
		answer <- modify(c, ann.Key, change(backends.Replace, "title", "x"), change(backends.Replace, "boss", string(bob.Key)))
	}()
	g.waits()
	run(t, other, "SELECT 1 FROM hr.person WHERE id::text = $1 FOR UPDATE", string(ann.Key)) // each waits for the other
	run(t, other, "COMMIT")
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	g.is("2 x", "SELECT version || ' ' || title FROM hr.person WHERE login = 'ann' AND boss IS NOT NULL")
	deadline := time.Now().Add(10 * time.Second)
	for g.ask("SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()") == "0" {
		if time.Now().After(deadline) {
			t.Fatal("there was no deadlock, and nothing is proved")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWriteThatTakesTooLong(t *testing.T) {
	db := pgtest.Database(t, house)
	g := groundOn(t, db, func(cfg *Config) { cfg.Timeout = 300 * time.Millisecond })
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	other := g.connect()
	run(t, other, "BEGIN")
	run(t, other, "SELECT 1 FROM hr.person FOR UPDATE")
	fails(t, modify(c, ann.Key, change(backends.Replace, "title", "late")), backends.ErrUnavailable, "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.Modify(ctx, ann.Key, []backends.Change{change(backends.Replace, "title", "late")}, backends.Condition{}, nil)
	fails(t, err, backends.ErrUnavailable, "")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not tell that nobody waited", err)
	}
	run(t, other, "COMMIT")
	if err := modify(c, ann.Key, change(backends.Replace, "age", "1")); err != nil {
		t.Fatal(err)
	}
	g.is("2 -", "SELECT version || ' ' || coalesce(title, '-') FROM hr.person")
}

// A COMMIT that is not answered may have been carried out.
func TestLostCommit(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	ann := hire(t, c, "ann", nil)
	g.exec(`CREATE FUNCTION hr.last() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF new.title = 'slow' THEN PERFORM pg_sleep(2); END IF;
			IF new.title = 'dead' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN new; END $$`,
		"CREATE CONSTRAINT TRIGGER last AFTER UPDATE ON hr.person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hr.last()")
	fails(t, modify(c, ann.Key, change(backends.Replace, "title", "dead")), backends.ErrUnknown, "")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := c.Modify(ctx, ann.Key, []backends.Change{change(backends.Replace, "title", "slow")}, backends.Condition{}, nil)
	fails(t, err, backends.ErrUnknown, "")
	if took := time.Since(began); took > 1900*time.Millisecond {
		t.Errorf("a caller who left was held up for %s", took)
	}
	if err := modify(c, ann.Key, change(backends.Replace, "title", "next")); err != nil {
		t.Error(err)
	}
}

// Each of 200 writes, in whose middle the server is killed, is wholly there or wholly not, and what was answered is true.
func TestKilledServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server of its own")
	}
	server := pgtest.StartServer(t)
	g := groundOn(t, server.Database(t, house), func(cfg *Config) { cfg.Timeout, cfg.ConnectionTimeout = 5*time.Second, 5*time.Second })
	c := g.staff()
	const writes, writers = 200, 8
	people := make([]backends.Record, writes/2)
	for i := range people {
		people[i] = hire(t, c, fmt.Sprintf("old%d", i), nil)
	}
	answers := make([]error, writes)
	var next, done atomic.Int64
	var down atomic.Bool
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < writes; i = int(next.Add(1)) - 1 {
				skills := backends.Strings(fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))
				email := row("address", fmt.Sprintf("e%d@x", i))
				if i%2 == 0 {
					answers[i] = modify(c, people[i/2].Key, change(backends.Replace, "title", fmt.Sprintf("t%d", i)), change(backends.Add, "emails", email),
						backends.Change{Op: backends.Add, Attr: "skills", Values: skills})
				} else {
					_, answers[i] = c.Create(context.Background(), nil, backends.Attributes{
						"login": backends.Strings(fmt.Sprintf("new%d", i)), "name": backends.Strings("x"), "title": backends.Strings(fmt.Sprintf("t%d", i)), "skills": skills, "emails": {email},
					}, nil)
				}
				done.Add(1)
				for answers[i] != nil && down.Load() { // so that all that is left does not fail at once
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for kill := range int64(3) {
		for done.Load() < (kill+1)*45 {
			time.Sleep(time.Millisecond)
		}
		down.Store(true)
		server.Kill()
		server.Start()
		down.Store(false)
	}
	wg.Wait()
	conn := g.connect()
	counts := map[string]int{}
	for i, err := range answers {
		var pieces string
		if err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM hr.person WHERE title = 't' || $1) || ' ' || (SELECT count(*) FROM hr.skill WHERE skill IN ('a' || $1, 'b' || $1)) || ' ' ||
			(SELECT count(*) FROM hr.email WHERE address = 'e' || $1 || '@x')`, fmt.Sprint(i)).Scan(&pieces); err != nil {
			t.Fatal(err)
		}
		there := pieces == "1 2 1"
		if !there && pieces != "0 0 0" {
			t.Errorf("write %d is there in part: %s", i, pieces)
		}
		switch {
		case err == nil:
			counts["done"]++
			if !there {
				t.Errorf("write %d was answered with success and is not there", i)
			}
		case errors.Is(err, backends.ErrUnknown):
			counts["unknown"]++
		case errors.Is(err, backends.ErrUnavailable):
			counts["unavailable"]++
			if there {
				t.Errorf("write %d is there, and was answered with %v", i, err)
			}
		default:
			t.Errorf("write %d: %v", i, err)
		}
	}
	t.Log(counts)
	if counts["done"] < writes/2 || counts["done"] == writes {
		t.Errorf("of %d writes these were answered: %v", writes, counts)
	}
}
