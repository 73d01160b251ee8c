package pgjournal

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// ground is a database with the journal's tables.
type ground struct {
	t   testing.TB
	db  pgtest.DB
	url string // of a role that may write the journal and read it
}

// mold has the journal's tables.
var mold = pgtest.Mold{Scripts: []string{Script()}}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := mold.Break(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func newGround(t testing.TB) *ground {
	t.Helper()
	return ready(t, mold.Database(t))
}

// groundOn makes the journal's tables in a database.
func groundOn(t testing.TB, db pgtest.DB) *ground {
	t.Helper()
	pgtest.Exec(t, db.Admin, Script())
	return ready(t, db)
}

func ready(t testing.TB, db pgtest.DB) *ground {
	t.Helper()
	g := &ground{t: t, db: db}
	g.url = g.role("scim_app", "scim_audit")
	return g
}

// role makes a role that is a member of these and no more, and gives the URL that it connects with.
func (g *ground) role(of ...string) string {
	g.t.Helper()
	name, password := "scim_test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	pgtest.Exec(g.t, g.db.Admin, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"' IN ROLE "+strings.Join(of, ", "))
	g.t.Cleanup(func() { pgtest.Exec(g.t, g.db.Admin, "DROP ROLE "+name) })
	u, err := url.Parse(g.db.Admin)
	if err != nil {
		g.t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

func options(url string) Options {
	return Options{Database: configs.Database{
		URL: configs.NewSecret(url), MaxConnections: 8, MinConnections: 0, ConnectionTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}}
}

// open opens the journal for the time of a test.
func (g *ground) open(changes ...func(*Options)) *Journal {
	g.t.Helper()
	o := options(g.url)
	for _, change := range changes {
		change(&o)
	}
	j, err := Open(context.Background(), o)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = j.Close() })
	return j
}

// ask reads a single text, as a superuser.
func (g *ground) ask(sql string, args ...any) string {
	g.t.Helper()
	conn, err := pgx.Connect(context.Background(), g.db.Admin)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var answer string
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&answer); err != nil {
		g.t.Fatal(err)
	}
	return answer
}

func newID() journal.ID { return journal.ID(uuid.Must(uuid.NewV7()).String()) }

var moment = time.Date(2026, 11, 23, 10, 17, 0, 123456789, time.UTC)

// change is the intent of a usual write.
func change(of func(*journal.Intent)) journal.Intent {
	in := journal.Intent{
		ID: newID(), Time: moment, Deadline: moment.Add(time.Minute), Writer: "host/1", RequestID: "r1", Tenant: "default", Client: "okta", Address: "192.0.2.1",
		UserAgent: "curl", Action: journal.ActionPatch, ResourceType: "User", ResourceID: "k1",
		Steps: []journal.Step{{
			Backend: "User", Op: "modify", Key: "k1", Name: "uid=x", Changes: []backends.Change{{Op: backends.Add, Attr: "mail", Values: backends.Strings("a@example.org")}},
			Before: backends.Attributes{"title": backends.Strings("Manager")},
		}},
	}
	if of != nil {
		of(&in)
	}
	return in
}

func done() journal.Outcome {
	return journal.Outcome{Time: moment.Add(time.Second), Status: journal.StatusDone, ResourceID: "k1", Version: "v2", Steps: []journal.StepOutcome{{Status: journal.StatusDone}}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whole fails unless each row has the digest of its columns and the rows of each writer are one chain without a gap; it gives how many there are.
func (g *ground) whole() map[string]int {
	g.t.Helper()
	const columns = `SELECT writer, seq, %s, id, "timestamp", %s, coalesce(tenant_id, ''), coalesce(user_id, ''), resource_type, coalesce(resource_id, ''), action,
		coalesce(host(ip_address), ''), coalesce(user_agent, ''), details, digest, link`
	rows, err := g.connect().Query(context.Background(), fmt.Sprintf(columns, "'intents'", "deadline, ''")+" FROM audit.intents UNION ALL "+
		fmt.Sprintf(columns, "'events'", "NULL, kind")+" FROM audit.events ORDER BY writer, seq")
	must(g.t, err)
	chains, last := map[string]int{}, make([]byte, 32)
	var r row
	var id pgUUID
	var deadline *time.Time
	var address string
	_, err = pgx.ForEachRow(rows, []any{
		&r.writer, &r.seq, &r.table, &id, &r.time, &deadline, &r.kind, &r.tenant, &r.user, &r.resourceType, &r.resourceID, &r.action, &address, &r.userAgent, &r.details, &r.digest, &r.link,
	}, func() error {
		r.id, r.deadline = id, time.Time{}
		if deadline != nil {
			r.deadline = *deadline
		}
		r.address, _ = netip.ParseAddr(address)
		if digest, err := digestOf(r); err != nil || !bytes.Equal(digest, r.digest) {
			g.t.Errorf("row %d of %s has another digest than its columns (%v)", r.seq, r.writer, err)
		}
		if chains[r.writer] == 0 {
			last = make([]byte, 32)
		}
		chains[r.writer]++
		if r.seq != int64(chains[r.writer]) {
			g.t.Errorf("row %d of %s has number %d", chains[r.writer], r.writer, r.seq)
		}
		if want := next(last, r.writer, r.seq, r.table, r.digest); !bytes.Equal(want, r.link) {
			g.t.Errorf("row %d of %s has another link", r.seq, r.writer)
		}
		last = slices.Clone(r.link)
		return nil
	})
	must(g.t, err)
	return chains
}

// connect is a connection of somebody else's.
func (g *ground) connect() *pgx.Conn {
	g.t.Helper()
	conn, err := pgx.Connect(context.Background(), g.db.Admin)
	must(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
