package postgres

import (
	gobytes "bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text gobytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBook) count(what string) int { return strings.Count(b.String(), what) }

func parse(t testing.TB, yaml string) configs.Node {
	t.Helper()
	n, faults := configs.ParseNode("test.yaml", []byte(yaml))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return n
}

// openDirectory opens a directory with a configuration that edit has changed; it is closed when the test ends.
func openDirectory(t testing.TB, url string, edit func(*Config)) (*Directory, *logBook) {
	t.Helper()
	cfg := Defaults()
	cfg.URL = configs.NewSecret(url)
	if edit != nil {
		edit(&cfg)
	}
	book := &logBook{}
	d, faults := New(cfg, Options{Name: "hr", Logger: book.logger()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, book
}

// ground is a database with tables, and a directory on it as a role that owns nothing.
type ground struct {
	t   testing.TB
	db  pgtest.DB
	d   *Directory
	log *logBook
}

func newGround(t testing.TB, scripts ...string) *ground {
	t.Helper()
	return groundOn(t, pgtest.Database(t, scripts...), nil)
}

func groundOn(t testing.TB, db pgtest.DB, edit func(*Config)) *ground {
	t.Helper()
	d, book := openDirectory(t, db.URL, edit)
	return &ground{t: t, db: db, d: d, log: book}
}

// class opens a class of the tenant default.
func (g *ground) class(at string, sets ...backends.Set) *class {
	g.t.Helper()
	return g.classOf("default", at, sets...)
}

func (g *ground) classOf(tenant, at string, sets ...backends.Set) *class {
	g.t.Helper()
	c, faults := g.d.open(backends.Open{At: parse(g.t, at), Tenant: tenant, Sets: sets})
	if len(faults) > 0 {
		g.t.Fatal(faults)
	}
	return c
}

// sets is how a mapping declares a set.
func (g *ground) set(name, at string, columns ...string) backends.Set {
	g.t.Helper()
	return backends.Set{Name: name, At: parse(g.t, at), Columns: columns}
}

// exec runs SQL as the owner of the tables.
func (g *ground) exec(sql ...string) {
	g.t.Helper()
	pgtest.Exec(g.t, g.db.Admin, sql...)
}

// ask gives the one value that a query has, as text, to the owner of the tables.
func (g *ground) ask(sql string, args ...any) string {
	g.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, g.db.Admin)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var text string
	if err := conn.QueryRow(ctx, sql, args...).Scan(&text); err != nil {
		g.t.Fatal(err)
	}
	return text
}

// fetch reads one record, which must be there.
func fetch(t testing.TB, b interface {
	Fetch(context.Context, []backends.Key, []string) ([]backends.Record, error)
}, key backends.Key, attrs ...string,
) backends.Record {
	t.Helper()
	records, err := b.Fetch(t.Context(), []backends.Key{key}, attrs)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 {
		t.Fatalf("%q is %d records", key, len(records))
	}
	return records[0]
}

// walked are the keys of a walk, in its order.
func walked(t testing.TB, c *class, q backends.Query) []backends.Key {
	t.Helper()
	var keys []backends.Key
	for r, err := range c.Walk(t.Context(), q) {
		if err != nil {
			t.Fatalf("walk of %s: %v", backends.Describe(q.Where), err)
		}
		keys = append(keys, r.Key)
	}
	return keys
}
