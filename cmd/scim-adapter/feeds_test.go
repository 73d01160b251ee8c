package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

func feedDatabase(t *testing.T) pgtest.DB {
	t.Helper()
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	return db
}

// openFeed is the journal of one more process.
func openFeed(t *testing.T, db pgtest.DB) *pgjournal.Journal {
	t.Helper()
	j, err := pgjournal.Open(t.Context(), pgjournal.Options{Database: configs.Database{
		URL: configs.NewSecret(db.Admin), MaxConnections: 4, ConnectionTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// feedsIn counts the destinations that are so.
func feedsIn(t *testing.T, db pgtest.DB, are string) (n int) {
	t.Helper()
	c := connect(t, db.Admin)
	defer func() { _ = c.Close(context.Background()) }()
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM audit.feeds WHERE "+are).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// noteReads journals n events.
func noteReads(t *testing.T, j *pgjournal.Journal, n int) {
	t.Helper()
	for range n {
		in := journal.Intent{ID: journal.ID(newID()), Time: time.Now(), Tenant: "default", Client: "okta", Action: journal.ActionRead, ResourceType: "User", ResourceID: "k1"}
		if err := j.Note(t.Context(), in, journal.Outcome{Time: time.Now(), Status: journal.StatusDone}); err != nil {
			t.Fatal(err)
		}
	}
}

// siem counts what it is sent, by whichever process.
type siem struct {
	mu   sync.Mutex
	seen map[journal.ID]int
}

func (s *siem) Send(_ context.Context, list []export.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range list {
		s.seen[e.Event]++
	}
	return nil
}

func (*siem) Close() error   { return nil }
func (*siem) String() string { return "siem" }

func (s *siem) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// deaf does not want what it is sent.
type deaf struct{ siem }

func (*deaf) Send(context.Context, []export.Entry) error { return backoff.Permanent(errors.New("no")) }

func TestAReplicaThatCannotSendLetsAnotherTry(t *testing.T) {
	db := feedDatabase(t)
	to := &siem{seen: map[journal.ID]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	start := func(j *pgjournal.Journal, sink export.Sink) {
		f := &export.Feed{Reader: j, Kind: "postgres", Sink: sink, File: t.TempDir() + "/export/siem.json", Turns: j, Log: slog.New(slog.DiscardHandler)}
		running.Go(func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	first := openFeed(t, db)
	start(first, &deaf{})
	for end := time.Now().Add(20 * time.Second); feedsIn(t, db, "true") != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody has begun")
		}
	}
	noteReads(t, first, 3)
	start(openFeed(t, db), to)
	for end := time.Now().Add(20 * time.Second); to.count() < 3; time.Sleep(20 * time.Millisecond) { // before its time is over
		if time.Now().After(end) {
			t.Fatalf("%d were sent", to.count())
		}
	}
	cancel()
	running.Wait()
}

func TestReplicasSendEachEventOnceAndGoOnForOneAnother(t *testing.T) {
	db := feedDatabase(t)
	s := &siem{seen: map[journal.ID]int{}}
	type replica struct {
		j    *pgjournal.Journal
		stop func()
	}
	start := func() replica {
		j := openFeed(t, db)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		f := &export.Feed{Reader: j, Kind: "postgres", Sink: s, File: t.TempDir() + "/export/siem.json", Turns: j, Log: slog.New(slog.DiscardHandler)}
		go func() { ended <- f.Run(ctx) }()
		return replica{j, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}}
	}
	until := func(n int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); s.count() < n; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d of %d were sent", s.count(), n)
			}
		}
	}
	first, second := start(), start()
	for end := time.Now().Add(20 * time.Second); feedsIn(t, db, "true") != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody has begun")
		}
	}
	noteReads(t, first.j, 150)
	noteReads(t, second.j, 150)
	until(300)
	third := start()
	first.stop() // in its turn or not: another goes on at once
	noteReads(t, second.j, 50)
	until(350)
	second.stop()
	noteReads(t, third.j, 50)
	until(400)
	third.stop()
	for id, n := range s.seen {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if feedsIn(t, db, "until < now()") != 1 {
		t.Error("the last one has not given its turn back")
	}
}
