package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/spool"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// spoolConfig is the configuration of an adapter with a spool, whose mappings keep nothing in the database.
func spoolConfig(t *testing.T, ldapURL string, db pgtest.DB, more string) (path string) {
	t.Helper()
	path = journalConfig(t, ldapURL, db, more)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("kind: postgres", "kind: postgres, on_unavailable: spool, allow_ephemeral: true", // where tests lie is nobody's disk
		"preset: openldap\n", "preset: openldap\n    attributes: {externalId: null}\n", "level: warn", "level: info").Replace(string(text))
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// siege is some clients that write through an adapter with a spool, while it and its journal's server are killed and come back.
type siege struct {
	t      *testing.T
	path   string // the adapter's configuration
	server *pgtest.Server
	p      atomic.Pointer[process] // nil while it is dead
	over   atomic.Bool

	mu           sync.Mutex
	acknowledged [][]string // request ids by client, in the order in which they were answered
	unheard      int        // writes of which the client has heard nothing
	refused      map[int]int
	kills        map[string]int
}

// TestNothingAcknowledgedIsLostHoweverOftenAdapterAndDatabaseAreKilled kills SCIM_TEST_SPOOL_KILLS times, 5 if that is not set. Afterwards the database has of every write that
// was acknowledged its intent and, once, that it was done, in the order in which its client made it.
func TestNothingAcknowledgedIsLostHoweverOftenAdapterAndDatabaseAreKilled(t *testing.T) {
	kills, err := strconv.Atoi(cmp.Or(os.Getenv("SCIM_TEST_SPOOL_KILLS"), "5"))
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{t: t, server: pgtest.StartServer(t), acknowledged: make([][]string, 6), refused: map[int]int{}, kills: map[string]int{}}
	db := s.server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	s.path = spoolConfig(t, startEmbedded(t).URL(), db, "")
	started := time.Now()
	s.rage(kills)
	raged := time.Since(started)

	r := startServing(t, s.path)
	t.Cleanup(func() {
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
	journaled := r.world.store.(*spool.Journal) //nolint:forcetypeassert // it is one
	left := s.drained(journaled)
	found, err := r.world.service.Reconcile(t.Context(), journaled.Shared, time.Now().Add(2*time.Minute))
	if err != nil || found.Left > 0 {
		t.Errorf("settling what is open: %+v, %v", found, err)
	}
	n := s.compare(journaled)
	w := journalWorld{r, scimClient{t: t}, db}
	if before := w.ask("SELECT count(*)::text FROM audit.intents i JOIN audit.events e USING (id) WHERE i.writer = e.writer AND i.seq > e.seq"); before != "0" {
		t.Errorf("%s events come before the intent that they close", before)
	}
	if out, err := command("audit", "verify", "--config", s.path); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
	writers := w.ask("SELECT count(DISTINCT writer)::text FROM audit.events")
	t.Logf("%d kills (%v) in %s: %d writes acknowledged, %d unheard of, otherwise answered %v; the last spool held %d entries; of %d events, by %s processes, at the end %+v were settled",
		kills, s.kills, raged.Round(time.Second), s.count(), s.unheard, s.refused, left, n, writers, found)
	if s.count() < 5*kills {
		t.Errorf("only %d writes were acknowledged", s.count())
	}
	if writers == "1" || left == 2*s.count() {
		t.Errorf("nobody but the last (%s) has reached the database: nothing was put to the test", writers)
	}
}

// rage writes and kills, and leaves everybody dead but the database.
func (s *siege) rage(kills int) {
	s.t.Helper()
	s.p.Store(startProcess(s.t, s.path))
	var clients sync.WaitGroup
	for i := range s.acknowledged {
		clients.Go(func() { s.client(i) })
	}
	r := rand.New(rand.NewPCG(5, 17)) //nolint:gosec // as good as any
	pause := func(most time.Duration) { time.Sleep(time.Duration(r.Int64N(int64(most)))) }
	for range kills {
		pause(2500 * time.Millisecond) // in which it may have taken all, or some, to the database
		switch who := r.IntN(3); {
		case s.kills["postgres while it spools"] <= s.kills["adapter"]/4 || who == 0: // it spools, and then has not taken everything back
			s.server.Kill()
			s.kills["postgres while it spools"]++
			pause(900 * time.Millisecond)
			if r.IntN(2) == 0 {
				s.fall()
				s.rise()
			}
			pause(300 * time.Millisecond)
			s.server.Start()
		case who == 1:
			s.fall()
			s.kills["adapter"]++
			s.rise()
		default:
			s.server.Kill()
			s.fall()
			s.kills["both"]++
			s.rise()
			pause(500 * time.Millisecond)
			s.server.Start()
		}
	}
	s.server.Kill() // the last of them find no database
	time.Sleep(300 * time.Millisecond)
	s.over.Store(true)
	clients.Wait()
	s.fall()
	s.server.Start()
}

func (s *siege) fall() {
	if p := s.p.Swap(nil); p != nil {
		p.kill()
	}
}

func (s *siege) rise() { s.p.Store(startProcess(s.t, s.path)) }

// client writes one thing after the other: a user is made, changed three times, and deleted.
func (s *siege) client(n int) {
	id, age := "", 0
	for at := 0; !s.over.Load(); at++ {
		p := s.p.Load()
		if p == nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		mark := fmt.Sprintf("c%dx%d", n, at)
		method, path, body := "POST", "/Users", any(person(mark))
		switch {
		case id != "" && age < 3:
			method, path, body = "PATCH", "/Users/"+id, patch(op("replace", "title", mark))
		case id != "":
			method, path, body = "DELETE", "/Users/"+id, nil
		}
		a, err := p.try(method, path, body, "X-Request-Id", mark)
		s.mu.Lock()
		switch {
		case err != nil:
			s.unheard++
			id = "" // nobody knows what stands there now
		case a.status/100 == 2:
			s.acknowledged[n] = append(s.acknowledged[n], mark)
			switch age++; method {
			case "POST":
				id, age = a.id(), 0
			case "DELETE":
				id = ""
			}
		default:
			s.refused[a.status]++
		}
		s.mu.Unlock()
	}
}

func (s *siege) count() (n int) {
	for _, list := range s.acknowledged {
		n += len(list)
	}
	return n
}

// drained waits until the spool is empty, and says how much was in it.
func (s *siege) drained(j *spool.Journal) (first int) {
	s.t.Helper()
	eventuallyWithin(s.t, time.Minute, "all that is spooled is in the database", func() bool {
		state, err := j.State(s.t.Context())
		if err != nil || state.Aside > 0 {
			s.t.Fatalf("%+v, %v", state, err)
		}
		first = max(first, state.Waiting)
		return !state.Spooling && state.Waiting == 0
	})
	return first
}

// compare holds what the clients were told against the journal, and gives how many events there are.
func (s *siege) compare(reader journal.Reader) (n int) {
	s.t.Helper()
	done, place := map[string][]int{}, journal.Place("")
	for {
		events, next, err := reader.Follow(s.t.Context(), place, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			n++
			if e.Intent.Noted || e.Intent.Action == "" {
				s.t.Errorf("%s has no intent: %+v", e.Intent.RequestID, e)
			}
			if e.Status() == journal.StatusDone {
				done[e.Intent.RequestID] = append(done[e.Intent.RequestID], n)
			}
		}
		place = next
	}
	for _, list := range s.acknowledged {
		var places []int
		for _, mark := range list {
			if len(done[mark]) != 1 {
				s.t.Errorf("%s was acknowledged, and %d events say that it was done", mark, len(done[mark]))
			}
			places = append(places, done[mark]...)
		}
		if !slices.IsSorted(places) {
			s.t.Errorf("what one client made in order was settled in another: %d", places)
		}
	}
	return n
}
