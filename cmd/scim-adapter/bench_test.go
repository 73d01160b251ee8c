package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// benchConfig is the plain SCIM service, measured: no journal, nobody to authenticate.
const benchConfig = `
server: {listen: "127.0.0.1:0"}
auth: {enabled: false}
logging: {level: error, access_log: false}
monitoring: {metrics_port: 0}
journal: {kind: none}
backends:
  scim: {kind: postgres, url: %q}
mappings:
  - {mapping: User, preset: postgres-scim, at: {backend: scim}}
  - {mapping: Group, preset: postgres-scim, at: {backend: scim}}
`

// benchChunk is how many people are made at once.
const benchChunk = 50_000

// benchPeople fills the plain service with people from one number to another, and one group for each thousand of them, everybody in one. Triggers are
// left out: the rows are as the adapter would have made them.
const benchPeople = `
set session_replication_role = replica;
select set_config('scim.tenant_id', 'default', false);
with made as (
  insert into scim.users (id, tenant_id, external_id, username, data, created_at, updated_at)
  select gen_random_uuid(), 'default', 'e' || i, 'user' || lpad(i::text, 8, '0'),
    jsonb_build_object('name', jsonb_build_object('givenName', 'Given' || i, 'familyName', 'Family' || i %% 5000), 'displayName', 'Given' || i || ' Family', 'active', true,
      'emails', jsonb_build_array(jsonb_build_object('value', 'user' || i || '@example.org', 'type', 'work', 'primary', true)), 'title', 'Title ' || i %% 100),
    now(), now() from generate_series(%[1]d, %[2]d) i returning id, (right(username, 8)::int - 1) / 1000 as n
), teams as (
  insert into scim.groups (id, tenant_id, display_name, data, created_at, updated_at)
  select gen_random_uuid(), 'default', 'group' || n, '{}', now(), now() from (select distinct n from made) d returning id, substr(display_name, 6)::int as n
)
insert into scim.group_memberships (tenant_id, group_id, user_id) select 'default', teams.id, made.id from made join teams using (n)`

// question is what both the adapter and a program of its own ask: path asks the one, ask the other.
type question struct {
	name, path string
	ask        func(ctx context.Context, pool *pgxpool.Pool) error
}

// BenchmarkPlainService asks the adapter over HTTP and Postgres directly with pgx, one question at a time, under the same row-level security, for the same
// rows. What of the difference HTTP costs by itself is measured with a server that gives the adapter's answer without having to look for it. SCIM_BENCH_PEOPLE
// says of how many people; scripts/bench.sh runs it.
func BenchmarkPlainService(b *testing.B) {
	people, err := strconv.Atoi(cmp.Or(os.Getenv("SCIM_BENCH_PEOPLE"), "10000"))
	if err != nil {
		b.Fatal(err)
	}
	schema, err := os.ReadFile("../../deploy/scripts/init-db.sql")
	if err != nil {
		b.Fatal(err)
	}
	db := pgtest.Database(b, string(schema))
	for from := 1; from <= people; from += benchChunk {
		pgtest.Exec(b, db.Admin, fmt.Sprintf(benchPeople, from, min(people, from+benchChunk-1)))
	}
	for _, table := range []string{"users", "groups", "group_memberships"} {
		pgtest.Exec(b, db.Admin, "vacuum analyze scim."+table)
	}
	path := filepath.Join(b.TempDir(), "scim.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, benchConfig, db.URL), 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := load(path, quiet)
	if err != nil {
		b.Fatal(err)
	}
	w, err := build(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.close)
	server := httptest.NewServer(w.handler)
	b.Cleanup(server.Close)
	pool, err := pgxpool.New(b.Context(), db.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	for _, q := range questions(b, pool, people) {
		b.Run(q.name, func(b *testing.B) { compare(b, q, pool, server.URL+"/scim/v2"+q.path) })
	}
}

// compare asks one after the other, again and again, so that whatever else the machine does meanwhile falls on all alike. It gives the median of each in
// milliseconds, and how many times the direct one the adapter's is.
func compare(b *testing.B, q question, pool *pgxpool.Pool, url string) {
	answer := benchGet(b, url)
	floor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = w.Write(answer)
	}))
	defer floor.Close()
	sides := []struct {
		name string
		ask  func()
		took []time.Duration
	}{
		{name: "pgx", ask: func() {
			if err := q.ask(b.Context(), pool); err != nil {
				b.Fatal(err)
			}
		}},
		{name: "http", ask: func() { benchGet(b, floor.URL) }},
		{name: "adapter", ask: func() { benchGet(b, url) }},
	}
	for range 10 { // what the catalog has is read once, and a server makes a plan that it keeps after some times
		for i := range sides {
			sides[i].ask()
		}
	}
	for b.Loop() {
		for i := range sides {
			begun := time.Now()
			sides[i].ask()
			sides[i].took = append(sides[i].took, time.Since(begun))
		}
	}
	medians := map[string]float64{}
	for _, side := range sides {
		slices.Sort(side.took)
		medians[side.name] = side.took[len(side.took)/2].Seconds() * 1000
		b.ReportMetric(medians[side.name], side.name+"-ms")
	}
	b.ReportMetric(medians["adapter"]/medians["pgx"], "times")
}

func benchGet(b *testing.B, url string) []byte {
	b.Helper()
	resp, err := http.Get(url) //nolint:noctx,gosec // a measurement on loopback
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%d %v %.200s", resp.StatusCode, err, body)
	}
	return body
}

// benchRows are people as the adapter shows them: every column, the document, and the groups that each is in.
const benchRows = `select u.id::text, u.external_id, u.username, u.data::text, u.version, u.created_at, u.updated_at,
  array(select g.id::text || ' ' || g.display_name from scim.group_memberships m join scim.groups g on g.id = m.group_id where m.user_id = u.id)
from (select * from scim.users where tenant_id = 'default' and %s) u`

// directly asks all in one round trip, within the tenant, which policies need. There is no faster way to the same rows.
func directly(queries ...func(*pgx.Batch)) func(context.Context, *pgxpool.Pool) error {
	return func(ctx context.Context, pool *pgxpool.Pool) error {
		var batch pgx.Batch
		batch.Queue("select set_config('scim.tenant_id', 'default', true)")
		for _, q := range queries {
			q(&batch)
		}
		return pool.SendBatch(ctx, &batch).Close()
	}
}

// rowsDirectly reads every value of what a query finds, which must be something.
func rowsDirectly(sql string, args ...any) func(*pgx.Batch) {
	return func(batch *pgx.Batch) {
		batch.Queue(fmt.Sprintf(benchRows, sql), args...).Query(func(found pgx.Rows) error {
			people, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
			if err == nil && len(people) == 0 {
				err = errors.New("nobody")
			}
			return err
		})
	}
}

func countDirectly(batch *pgx.Batch) {
	var n int
	batch.Queue("select count(*) from scim.users where tenant_id = 'default'").QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
}

// pageDirectly reads a page and how many there are. What is left out is counted off by its keys alone, as the adapter does it.
func pageDirectly(offset int) func(context.Context, *pgxpool.Pool) error {
	return directly(countDirectly, rowsDirectly("id = any(array(select id from scim.users where tenant_id = 'default' order by id limit 100 offset $1)) order by id", offset))
}

func questions(b *testing.B, pool *pgxpool.Pool, people int) []question {
	b.Helper()
	var id, name string
	var batch pgx.Batch
	batch.Queue("select set_config('scim.tenant_id', 'default', true)")
	batch.Queue("select id::text, username from scim.users offset $1 limit 1", people/3).QueryRow(func(row pgx.Row) error { return row.Scan(&id, &name) })
	if err := pool.SendBatch(b.Context(), &batch).Close(); err != nil {
		b.Fatal(err)
	}
	return []question{
		{"GET by id", "/Users/" + id, directly(rowsDirectly("id = $1", id))},
		{"userName eq", "/Users?filter=userName%20eq%20%22" + name + "%22", directly(rowsDirectly("username_folded = lower($1)", name))},
		{"first page", "/Users?count=100", pageDirectly(0)},
		{"middle page", fmt.Sprintf("/Users?count=100&startIndex=%d", people/2+1), pageDirectly(people / 2)},
		{"last page", fmt.Sprintf("/Users?count=100&startIndex=%d", people-99), pageDirectly(people - 100)},
	}
}
