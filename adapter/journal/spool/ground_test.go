package spool

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// mold has the journal's tables.
var mold = pgtest.Mold{Scripts: []string{pgjournal.Script()}}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := mold.Break(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// ground is a database with the journal's tables, a line to it that can be cut, and a place for the file.
type ground struct {
	t    testing.TB
	db   pgtest.DB
	line *line
	url  string // through the line, of a role that may write the journal and read it
	path string
}

func newGround(t testing.TB) *ground {
	t.Helper()
	g := &ground{t: t, db: mold.Database(t), path: filepath.Join(t.TempDir(), "spool.sqlite")}
	name, password := "scim_test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	pgtest.Exec(t, g.db.Admin, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"' IN ROLE scim_app, scim_audit")
	t.Cleanup(func() { pgtest.Exec(t, g.db.Admin, "DROP ROLE "+name) })
	u, err := url.Parse(g.db.Admin)
	must(t, err)
	g.line = newLine(t, u.Host)
	u.User, u.Host, u.RawQuery = url.UserPassword(name, password), g.line.listener.Addr().String(), "sslmode=disable"
	g.url = u.String()
	return g
}

// shared is the journal in the database.
func (g *ground) shared(ctx context.Context, limits ...journal.Limit) (*pgjournal.Journal, error) {
	return pgjournal.Open(ctx, pgjournal.Options{Limits: limits, Logger: slog.New(slog.DiscardHandler), Database: configs.Database{
		URL: configs.NewSecret(g.url), MaxConnections: 6, ConnectionTimeout: 2 * time.Second, IdleTimeout: time.Minute,
	}})
}

// build opens a spool over it.
func (g *ground) build(ctx context.Context, limits []journal.Limit, changes ...func(*Options)) (*Journal, error) {
	shared, err := g.shared(ctx, limits...)
	if err != nil {
		return nil, err
	}
	file, err := litejournal.OpenSpool(ctx, g.path, 1<<30, limits...)
	if err != nil {
		_ = shared.Close()
		return nil, err
	}
	o := Options{Shared: shared, File: file, Limits: limits, Pause: 10 * time.Millisecond}
	for _, change := range changes {
		change(&o)
	}
	return Open(ctx, o)
}

func (g *ground) open(limits []journal.Limit, changes ...func(*Options)) *Journal {
	g.t.Helper()
	j, err := g.build(context.Background(), limits, changes...)
	must(g.t, err)
	g.t.Cleanup(func() { _ = j.Close() })
	return j
}

// empty takes away what an earlier test has written, as only a superuser can.
func (g *ground) empty() {
	g.t.Helper()
	g.line.mend()
	g.path = filepath.Join(g.t.TempDir(), "spool.sqlite")
	script := "SET session_replication_role = replica" // which lets no trigger object
	for _, table := range []string{"intents", "events", "keys", "guard_uses", "guard_approvals", "guard_resets", "checkpoints"} {
		script += "; DELETE FROM audit." + table
	}
	pgtest.Exec(g.t, g.db.Admin, script+"; DELETE FROM overlay.attributes; DELETE FROM overlay.aliases")
}

// ask reads a single text, as a superuser who is not on the line.
func (g *ground) ask(sql string) string {
	g.t.Helper()
	conn, err := pgx.Connect(context.Background(), g.db.Admin)
	must(g.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var answer string
	must(g.t, conn.QueryRow(context.Background(), sql).Scan(&answer))
	return answer
}

// rows are those of the chains, in order: i and e, with the name of the event.
func (g *ground) rows() string {
	g.t.Helper()
	return g.ask(`SELECT coalesce(string_agg(t || coalesce(request_id, ''), ' ' ORDER BY writer, seq), '') FROM (
		SELECT 'i' AS t, writer, seq, details ->> 'request_id' AS request_id FROM audit.intents UNION ALL SELECT 'e', writer, seq, details ->> 'request_id' FROM audit.events) AS r`)
}

// line is the way to a server, which can be cut.
type line struct {
	listener net.Listener
	server   string
	down     atomic.Bool
	deaf     atomic.Bool // answers get lost; what is asked is heard
	mu       sync.Mutex
	conns    map[net.Conn]bool
}

func newLine(t testing.TB, server string) *line {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	l := &line{listener: listener, server: server, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		l.cut()
	})
	return l
}

// cut ends all connections, and lets nobody through until mend.
func (l *line) cut() {
	l.down.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		_ = conn.Close()
	}
}

func (l *line) mend() {
	l.deaf.Store(false)
	l.down.Store(false)
}

func (l *line) carry(client net.Conn) {
	server, err := net.Dial("tcp", l.server) //nolint:noctx // it is closed with the test
	if err != nil || l.down.Load() {
		_ = client.Close()
		return
	}
	l.mu.Lock()
	l.conns[client], l.conns[server] = true, true
	l.mu.Unlock()
	end := func() {
		_, _ = client.Close(), server.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, client)
		delete(l.conns, server)
	}
	if l.down.Load() {
		end()
		return
	}
	go func() {
		defer end()
		_, _ = io.Copy(server, client)
	}()
	defer end()
	_, _ = io.Copy(hearing{l, client}, server)
}

// hearing hands on what the server says, unless it gets lost.
type hearing struct {
	l  *line
	to io.Writer
}

func (h hearing) Write(p []byte) (int, error) {
	if h.l.deaf.Load() {
		return len(p), nil
	}
	return h.to.Write(p)
}

func newID() journal.ID { return journal.ID(uuid.Must(uuid.NewV7()).String()) }

// change is the intent of a usual write. name is its request id, which the tests tell it by.
func change(name string, weights ...journal.Weight) journal.Intent {
	now := time.Now()
	return journal.Intent{
		ID: newID(), Time: now, Deadline: now.Add(time.Minute), Writer: "host/1", RequestID: name, Tenant: "default", Client: "okta", Action: journal.ActionPatch,
		ResourceType: "User", ResourceID: "k1", Weights: weights,
		Steps: []journal.Step{{Backend: "User", Op: "modify", Key: "k1", Changes: []backends.Change{{Op: backends.Add, Attr: "mail", Values: backends.Strings("a@example.org")}}}},
	}
}

func done() journal.Outcome {
	return journal.Outcome{Time: time.Now(), Status: journal.StatusDone, ResourceID: "k1", Steps: []journal.StepOutcome{{Status: journal.StatusDone}}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
