package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// storm is many clients that write through two adapters over one directory and one journal, while the adapters and the journal's server are killed and come back.
type storm struct {
	t        *testing.T
	path     string // the adapters' configuration
	server   *pgtest.Server
	adapters [2]atomic.Pointer[process] // nil while it is dead
	enough   int64                      // so many writes
	begun    atomic.Int64               // writes that were answered with success, or of which nobody has heard
	over     atomic.Bool

	mu      sync.Mutex
	strokes map[string]stroke // by request id
	groups  []string          // ids
	kills   map[string]int    // by who died
	delay   [2]time.Duration  // between two kills, least and most
}

// stroke is what a client has heard of a write.
type stroke struct {
	status  int  // 0: nothing
	nothing bool // it was told that nothing was changed
}

// acknowledged says that the client was told that it is done.
func (s stroke) acknowledged() bool { return s.status/100 == 2 }

// TestEveryWriteIsAccountedForHoweverOftenAdaptersAndJournalAreKilled makes SCIM_TEST_KILLED_WRITES writes, 700 if that is not set. Afterwards every write that was acknowledged
// has one event that says so, one that was answered with "nothing was changed" has none, every intent is settled or said to be unknown, and what the events come to is what stands
// in the directory.
func TestEveryWriteIsAccountedForHoweverOftenAdaptersAndJournalAreKilled(t *testing.T) {
	writes, err := strconv.Atoi(cmp.Or(os.Getenv("SCIM_TEST_KILLED_WRITES"), "700"))
	if err != nil {
		t.Fatal(err)
	}
	url := serverURL("SCIM_TEST_LDAP_URL")(t)
	s := &storm{t: t, server: pgtest.StartServer(t), enough: int64(writes), strokes: map[string]stroke{}, kills: map[string]int{}, delay: [2]time.Duration{50 * time.Millisecond, 800 * time.Millisecond}}
	db := s.server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	h := openHouse(t, url) // for its subtree
	s.path = stormConfig(t, h, url, db)
	started := time.Now()
	s.rage()
	raged := time.Since(started)

	pgtest.Exec(t, db.Admin, "ANALYZE") // a server that crashed knows nothing of its tables any more
	r := serveGuarded(t, s.path)
	found, err := r.world.service.Reconcile(t.Context(), r.world.store, time.Now().Add(2*time.Minute))
	if err != nil || found.Left > 0 {
		t.Errorf("settling what is open: %+v, %v", found, err)
	}
	l := newLedger(t, h)
	for e, err := range r.world.store.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		l.enter(e)
	}
	s.compare(l)
	l.compare(r)
	t.Logf("%d writes (%d acknowledged, %d unheard of, %d answered otherwise) in %s, with kills of %v; of the intents %v; at the end %+v were settled", s.begun.Load(),
		s.count(stroke.acknowledged), s.count(func(k stroke) bool { return k.status == 0 }), s.count(func(k stroke) bool { return k.status >= 300 }), raged.Round(time.Second), s.kills, l.statuses, found)
	if out, err := command("audit", "verify", "--config", s.path); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
}

// stormConfig is the configuration of the adapters: one of two replicas, in the house's subtree.
func stormConfig(t *testing.T, h *house, url string, db pgtest.DB) string {
	t.Helper()
	path := journalConfig(t, url, db, "scim: {cursor_key: a-key-that-both-of-them-have-0123456789}\n")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("ou=people,"+suffix, h.people, "ou=groups,"+suffix, h.groups, "level: warn", "level: info", "server: {", "server: {replicas: 2, ").Replace(string(text))
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rage writes and kills until enough is written, and kills everybody at the end.
func (s *storm) rage() {
	s.t.Helper()
	for i := range s.adapters {
		s.adapters[i].Store(startProcess(s.t, s.path))
	}
	first := s.adapters[0].Load()
	for i := range 4 {
		s.groups = append(s.groups, first.do("POST", "/Groups", map[string]any{"displayName": fmt.Sprintf("g%d", i)}).want(s.t, 201).id())
	}
	var clients, killer sync.WaitGroup
	for i := range 12 {
		clients.Go(func() { s.client(i) })
	}
	killer.Go(s.killing)
	clients.Wait()
	s.over.Store(true)
	killer.Wait()
	s.server.Start()
	for i := range s.adapters {
		s.end(i)
	}
}

// end kills an adapter.
func (s *storm) end(i int) {
	if p := s.adapters[i].Swap(nil); p != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// killing kills one, or two at a time, and lets them come back, until the storm is over.
func (s *storm) killing() {
	r := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // as good as any
	wait := func(least, most time.Duration) { time.Sleep(least + time.Duration(r.Int64N(int64(most-least)))) }
	for !s.over.Load() {
		wait(s.delay[0], s.delay[1])
		victims := r.Perm(5)[:1+r.IntN(5)/4] // each adapter twice as often as the server
		for _, v := range victims {
			if v == 4 {
				s.server.Kill()
				s.kills["postgres"]++
				continue
			}
			s.end(v / 2)
			s.kills["adapter"]++
		}
		wait(time.Millisecond, 200*time.Millisecond)
		s.server.Start()
		for i := range s.adapters {
			if s.adapters[i].Load() != nil {
				continue
			}
			p, err := launch(s.t, s.path)
			if err != nil {
				s.t.Error(err)
				s.over.Store(true)
				return
			}
			s.adapters[i].Store(p)
		}
	}
}

// writer is one client: what it knows to be there, which only itself writes to, but for the groups.
type writer struct {
	s      *storm
	n, at  int
	r      *rand.Rand
	people []string
	in     map[[2]string]bool // user and group: whether he is in it; what is not known is not asked for again
	unsure map[[2]string]bool
}

func (s *storm) client(n int) {
	w := &writer{s: s, n: n, r: rand.New(rand.NewPCG(3, uint64(n))), in: map[[2]string]bool{}, unsure: map[[2]string]bool{}} //nolint:gosec // as good as any
	for s.begun.Load() < s.enough && !s.over.Load() {
		if err := w.write(); err != nil {
			s.t.Error(err)
			return
		}
	}
}

// write makes one write of some kind.
func (w *writer) write() error {
	w.at++
	mark := fmt.Sprintf("m%dx%d", w.n, w.at)
	if len(w.people) < 4 || w.r.IntN(8) == 0 {
		body := map[string]any{"userName": mark, "name": map[string]any{"familyName": "F"}, "externalId": "x" + mark}
		a, heard := w.send(mark, "POST", "/Users", body)
		if heard && a.status == 201 {
			w.people = append(w.people, a.id())
		}
		return nil
	}
	i := w.r.IntN(len(w.people))
	id, group := w.people[i], w.s.groups[w.r.IntN(len(w.s.groups))]
	pair := [2]string{id, group}
	switch k := w.r.IntN(16); {
	case k < 4:
		w.send(mark, "PATCH", "/Users/"+id, patch(op("replace", "title", mark)))
	case k < 6:
		w.send(mark, "PATCH", "/Users/"+id, patch(op("replace", "externalId", mark), op("replace", "name.givenName", mark)))
	case k < 7:
		w.send(mark, "PATCH", "/Users/"+id, patch(op("replace", "externalId", mark)))
	case k < 9:
		w.send(mark, "PATCH", "/Users/"+id, patch(op("replace", "userName", mark), op("replace", "title", mark)))
	case k < 10:
		if a, heard := w.send(mark, "DELETE", "/Users/"+id, nil); !heard || a.status == 204 {
			w.people = append(w.people[:i], w.people[i+1:]...)
		}
	case w.unsure[pair]:
	case w.in[pair]:
		a, heard := w.send(mark, "PATCH", "/Groups/"+group, patch(op("remove", `members[value eq "`+id+`"]`, nil)))
		w.in[pair], w.unsure[pair] = a.status/100 != 2, !heard
	default:
		a, heard := w.send(mark, "PATCH", "/Groups/"+group, patch(op("add", "members", []any{map[string]any{"value": id}})))
		w.in[pair], w.unsure[pair] = a.status/100 == 2, !heard
	}
	return nil
}

// send writes through an adapter that lives. heard: it was answered.
func (w *writer) send(mark, method, path string, body any) (a answer, heard bool) {
	var p *process
	for p == nil {
		if p = w.s.adapters[w.r.IntN(2)].Load(); p == nil {
			time.Sleep(5 * time.Millisecond)
		}
	}
	a, err := p.try(method, path, body, "X-Request-Id", mark)
	k := stroke{status: a.status}
	if err == nil {
		k.nothing = strings.Contains(a.raw, "othing was changed")
	} else {
		k.status = 0
	}
	w.s.mu.Lock()
	w.s.strokes[mark] = k
	w.s.mu.Unlock()
	if k.status == 0 || k.acknowledged() {
		w.s.begun.Add(1)
	} else {
		time.Sleep(50 * time.Millisecond)
	}
	return a, k.status != 0 && (k.acknowledged() || k.nothing)
}

func (s *storm) count(which func(stroke) bool) (n int) {
	for _, k := range s.strokes {
		if which(k) {
			n++
		}
	}
	return n
}

// compare holds what the clients were told against the journal.
func (s *storm) compare(l *ledger) {
	s.t.Helper()
	statuses, unsure := map[int]int{}, 0
	for mark, k := range s.strokes {
		statuses[k.status]++
		switch n := l.done[mark]; {
		case k.acknowledged() && n == 0 && l.unknown[mark] == 1: // the journal was away when it was done, and nobody can tell any more
			unsure++
		case k.acknowledged() && n != 1:
			s.t.Errorf("%s was acknowledged (%d), and %d events say that it was done: %v", mark, k.status, n, l.of[mark])
		case k.nothing && n+l.unknown[mark] > 0:
			s.t.Errorf("%s was told that nothing was changed (%d), and the events are %v", mark, k.status, l.of[mark])
		case n > 1:
			s.t.Errorf("%s was done %d times: %v", mark, n, l.of[mark])
		}
	}
	s.t.Logf("answers: %v; of %d that were acknowledged the journal cannot tell", statuses, unsure)
	if unsure > 2+len(s.strokes)/1000 {
		s.t.Errorf("of %d acknowledged writes nobody can tell what came of them", unsure)
	}
}
