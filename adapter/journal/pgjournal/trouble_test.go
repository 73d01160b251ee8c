package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// What a wire does with the next thing that is sent over it.
const (
	cutAfter  = iota + 1 // the server gets it, and its answer is lost
	cutBefore            // the server does not get it
)

// wire stands between a journal and its server.
type wire struct {
	listener net.Listener
	server   string
	next     atomic.Int32 // what becomes of the next thing that is sent
	down     atomic.Bool  // nobody gets through
	sent     atomic.Int64 // how often something was sent to the server
	mu       sync.Mutex
	conns    []net.Conn
}

// through puts a wire in front of a server.
func through(t testing.TB, server string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(server)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed with the test
	must(t, err)
	w := &wire{listener: l, server: u.Host}
	u.Host = l.Addr().String()
	u.RawQuery = "sslmode=disable"
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
	})
	return w, u.String()
}

// cut ends all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.conns {
		_ = conn.Close()
	}
	w.conns = nil
}

func (w *wire) carry(client net.Conn) {
	server, err := net.Dial("tcp", w.server) //nolint:noctx // it is closed with the test
	if err != nil || w.down.Load() {
		_ = client.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	w.mu.Unlock()
	var deaf atomic.Bool
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				_ = client.Close()
				return
			}
			if !deaf.Load() {
				_, _ = client.Write(buffer[:n])
			}
		}
	}()
	buffer := make([]byte, 1<<20)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			_ = server.Close()
			return
		}
		w.sent.Add(1)
		switch w.next.Swap(0) {
		case cutAfter:
			deaf.Store(true)
			_, _ = server.Write(buffer[:n])
			_ = client.Close()
			_ = server.(*net.TCPConn).CloseWrite()
			return
		case cutBefore:
			_ = client.Close()
			_ = server.Close()
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

// written says how often an intent is there.
func (g *ground) written(id journal.ID) string {
	return g.ask("SELECT count(*)::text FROM audit.intents WHERE id = $1", string(id))
}

func TestAnAnswerThatIsLost(t *testing.T) {
	for name, how := range map[string]int32{"after the commit": cutAfter, "before the commit": cutBefore} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t)
			w, url := through(t, g.url)
			j := g.open(func(o *Options) { o.Database.URL = options(url).Database.URL })
			for range 2 { // until all statements are prepared
				in := change(nil)
				must(t, errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, done())))
			}
			before := w.sent.Load()
			must(t, j.Begin(t.Context(), change(nil)))
			if trips := w.sent.Load() - before; trips != 1 {
				t.Errorf("an entry takes %d round trips", trips)
			}
			w.next.Store(how)
			in := change(nil)
			must(t, j.Begin(t.Context(), in))
			must(t, j.Finish(t.Context(), in.ID, done()))
			if n := g.written(in.ID); n != "1" {
				t.Errorf("it is there %s times", n)
			}
			if n := g.whole()[j.Writer()]; n != 7 {
				t.Errorf("%d rows, want 7", n)
			}
		})
	}
}

func TestWhoWaitsForALostAnswerMayLeave(t *testing.T) {
	for name, how := range map[string]int32{"it was written": cutAfter, "it was not written": cutBefore} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t)
			w, url := through(t, g.url)
			j := g.open(func(o *Options) { o.Database.URL = options(url).Database.URL })
			for range 2 {
				must(t, j.Begin(t.Context(), change(nil)))
			}
			w.down.Store(true)
			w.next.Store(how)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			lost := change(nil)
			err := j.Begin(ctx, lost)
			if !errors.Is(err, backends.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who waited heard %v", err)
			}
			began := time.Now()
			if err := j.Begin(t.Context(), change(nil)); !errors.Is(err, backends.ErrUnavailable) {
				t.Errorf("who came later heard %v", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("who came later waited for %s", took)
			}
			w.down.Store(false)
			again := change(nil)
			var heard error
			for range 50 {
				if heard = j.Begin(t.Context(), again); heard == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			must(t, heard)
			want := map[int32]string{cutAfter: "1", cutBefore: "0"}[how]
			if n := g.written(lost.ID); n != want {
				t.Errorf("it is there %s times, want %s", n, want)
			}
			g.whole()
			must(t, j.Begin(t.Context(), lost)) // who tries again is no stranger
			if n := g.written(lost.ID); n != "1" {
				t.Errorf("tried again it is there %s times", n)
			}
			g.whole()
		})
	}
}

// inNoMonth makes an intent of a time that has no month of its own: it lies in the part that these tests give a trigger.
func inNoMonth(action string) func(*journal.Intent) {
	return func(in *journal.Intent) { in.Action, in.Time = action, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }
}

func TestASlowCommitIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	pgtest.Exec(t, g.db.Admin, `CREATE FUNCTION audit.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF new.action = 'slow' THEN PERFORM pg_sleep(1); END IF; RETURN new; END $$`,
		"CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit.intents_default DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.slow()")
	w, url := through(t, g.url)
	j := g.open(func(o *Options) { o.Database.URL = options(url).Database.URL })
	for range 2 {
		must(t, j.Begin(t.Context(), change(nil)))
	}
	w.next.Store(cutAfter) // the commit goes on for a second after its connection was lost
	in := change(inNoMonth("slow"))
	began := time.Now()
	must(t, j.Begin(t.Context(), in))
	if took := time.Since(began); took < time.Second {
		t.Errorf("it took %s, and nothing is proved", took)
	}
	if n := g.written(in.ID); n != "1" {
		t.Errorf("it is there %s times", n)
	}
	if n := g.whole()[j.Writer()]; n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestARowThatEndsConnectionsEndsOnlyItself(t *testing.T) {
	g := newGround(t)
	pgtest.Exec(t, g.db.Admin, `CREATE FUNCTION audit.deadly() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			IF new.action = 'deadly' THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(5); END IF; RETURN new; END $$`,
		"CREATE CONSTRAINT TRIGGER deadly AFTER INSERT ON audit.intents_default DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.deadly()")
	j := g.open()
	must(t, j.Begin(t.Context(), change(nil)))
	if err := j.Begin(t.Context(), change(inNoMonth("deadly"))); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("Begin: %v", err)
	}
	in := change(nil)
	must(t, errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, done())))
	if n := g.whole()[j.Writer()]; n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestADeadConnectionIsMadeGood(t *testing.T) {
	g := newGround(t)
	j := g.open(func(o *Options) {
		o.Limits = []journal.Limit{{Kind: journal.GuardDelete, Count: 100, Window: time.Hour}}
	})
	heavy := func(in *journal.Intent) { in.Weights = []journal.Weight{{Kind: journal.GuardDelete, Count: 1}} }
	for n := range 3 {
		must(t, errors.Join(j.Begin(t.Context(), change(heavy)), j.Begin(t.Context(), change(nil))))
		for what, act := range map[string]func() error{
			"Begin":               func() error { return j.Begin(t.Context(), change(nil)) },
			"Begin with a weight": func() error { return j.Begin(t.Context(), change(heavy)) },
			"Ping":                func() error { return j.Ping(t.Context()) },
			"Save into an overlay": func() error {
				return j.Save(t.Context(), journal.Scope{}, "k", map[string]string{"a": fmt.Sprint(n)}, nil)
			},
		} {
			pgtest.Exec(t, g.db.Admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			if err := act(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if n := g.whole()[j.Writer()]; n != 12 {
		t.Errorf("%d rows, want 12", n)
	}
	if n := g.ask("SELECT count(*)::text FROM audit.guard_uses"); n != "6" {
		t.Errorf("%s uses, want 6", n)
	}
}

func TestAServerThatIsAway(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server of its own")
	}
	server := pgtest.StartServer(t)
	g := groundOn(t, server.Database(t))
	server.Stop()
	j := g.open()
	began := time.Now()
	for range 3 {
		for what, err := range map[string]error{"Begin": j.Begin(t.Context(), change(nil)), "Ping": j.Ping(t.Context()), "Note": j.Note(t.Context(), change(nil), done())} {
			if !errors.Is(err, backends.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, err := range j.Events(t.Context(), journal.Filter{}) {
			if !errors.Is(err, backends.ErrUnavailable) {
				t.Errorf("Events: %v", err)
			}
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a server that refuses connections was waited for, %s", took)
	}
	server.Start()
	in, out := change(nil), done()
	must(t, j.Begin(t.Context(), in))
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := j.Finish(ctx, in.ID, out); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("Finish: %v", err)
	}
	server.Start()
	must(t, j.Finish(t.Context(), in.ID, out))
	expect(t, j, in, &out)
	g.whole()
}

// Writers go on while the server is killed twice. What was acknowledged is there, nothing is there twice, and the chain is whole.
func TestAServerThatIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a server of its own")
	}
	server := pgtest.StartServer(t)
	g := groundOn(t, server.Database(t))
	j := g.open()
	const writers = 16
	acknowledged := make([][]journal.ID, writers)
	var count atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for !stop.Load() {
				in := change(nil)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				err := j.Begin(ctx, in)
				if err == nil {
					err = j.Finish(ctx, in.ID, done())
				}
				cancel()
				switch {
				case err == nil:
					acknowledged[w] = append(acknowledged[w], in.ID)
					count.Add(1)
				case !errors.Is(err, backends.ErrUnavailable):
					t.Error(err)
				default:
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	for range 2 {
		for target, deadline := count.Load()+100, time.Now().Add(time.Minute); count.Load() < target; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing is written any more")
			}
		}
		server.Kill()
		server.Start()
	}
	stop.Store(true)
	wg.Wait()
	there := map[journal.ID]int{}
	for e, err := range j.Events(t.Context(), journal.Filter{}) {
		must(t, err)
		if e.Outcome != nil {
			there[e.Intent.ID]++
		}
	}
	for _, ids := range acknowledged {
		for _, id := range ids {
			if there[id] != 1 {
				t.Errorf("%s was acknowledged, and is there %d times", id, there[id])
			}
		}
	}
	chains := g.whole()
	t.Log(fmt.Sprint(count.Load(), " acknowledged, rows: ", chains))
}
