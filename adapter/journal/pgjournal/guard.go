package pgjournal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// What counts: a use that no reset of its client, or of all of them, has come after; and an approval likewise, until it ends. q has whose it is: a tenant, a kind,
// a client, whether all clients count together, and since when.
const (
	usesThatCount = ` FROM audit.guard_uses u WHERE u.tenant_id = q.tenant AND u.kind = q.kind AND u."timestamp" > q.since AND (q.everybody OR u.client = q.client)
		AND NOT EXISTS (SELECT FROM audit.guard_resets r WHERE r.tenant_id = u.tenant_id AND r.kind = u.kind AND r."timestamp" >= u."timestamp" AND r.client IN ('', u.client))`
	approvalsThatCount = ` FROM audit.guard_approvals a WHERE a.tenant_id = q.tenant AND a.kind = q.kind AND a.until > q.now
		AND NOT EXISTS (SELECT FROM audit.guard_resets r WHERE r.tenant_id = a.tenant_id AND r.kind = a.kind AND r."timestamp" >= a."timestamp" AND r.client IN ('', a.client))`

	selectTaken = `SELECT (SELECT coalesce(sum(u.amount), 0)` + usesThatCount + `), (SELECT coalesce(sum(a.count), 0)` + approvalsThatCount + ` AND a.client = q.client)
		FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::timestamptz[], $6::timestamptz[]) WITH ORDINALITY AS q (tenant, kind, client, everybody, since, now, place) ORDER BY q.place`
	selectFree = `SELECT s."timestamp" FROM (SELECT u."timestamp", sum(u.amount) OVER (ORDER BY u."timestamp") AS so_far
		FROM (SELECT $1::text AS tenant, $2::text AS kind, $3::text AS client, $4::boolean AS everybody, $5::timestamptz AS since) AS q CROSS JOIN LATERAL (SELECT u.*` + usesThatCount + `) AS u) AS s
		WHERE s.so_far >= $6 ORDER BY s."timestamp" LIMIT 1`
	// Who has used nothing of it any more, because it was given back, has used nothing.
	selectClients = `SELECT u.client FROM (SELECT $1::text AS tenant, $2::text AS kind, '' AS client, true AS everybody, $3::timestamptz AS since) AS q CROSS JOIN LATERAL (SELECT u.client, u.amount` + usesThatCount + `) AS u
		GROUP BY u.client HAVING sum(u.amount) > 0 UNION SELECT a.client FROM (SELECT $1::text AS tenant, $2::text AS kind, $4::timestamptz AS now) AS q CROSS JOIN LATERAL (SELECT a.client` + approvalsThatCount + ` AND a.client <> '') AS a`
	// What is given back is a use of less than nothing at the same moment: it leaves every window with what it takes away, and whatever was counted anew.
	insertReturns = `INSERT INTO audit.guard_uses (tenant_id, kind, client, amount, "timestamp", intent_id)
		SELECT u.tenant_id, u.kind, u.client, -u.amount, u."timestamp", u.intent_id FROM unnest($1::uuid[], $2::timestamptz[]) AS i (id, at)
		JOIN audit.guard_uses u ON u.intent_id = i.id AND u."timestamp" = i.at AND u.amount > 0 ON CONFLICT DO NOTHING`
	insertUses = `INSERT INTO audit.guard_uses (tenant_id, kind, client, amount, "timestamp", intent_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[], $6::uuid[])`
)

// account is what is used of one limit by whoever it is of.
type account struct {
	journal.Use
	tenant     string
	since, now time.Time // what left the window by the earliest time of a batch has left it; an approval must last until the latest
	before     int       // used by those that are there
	later      []use     // by those of this batch
}

// use is what one intent takes of one limit.
type use struct {
	time   time.Time
	amount int
}

// accounts are those that a batch is held against.
type accounts struct {
	list []*account
	by   map[journal.Use]map[string]*account // by limit and client, then tenant
}

// of finds an account, or opens it.
func (a *accounts) of(tenant string, l journal.Limit, client string) *account {
	part := journal.Use{Limit: l, Client: client}
	if a.by[part] == nil {
		a.by[part] = map[string]*account{}
	}
	if a.by[part][tenant] == nil {
		a.by[part][tenant] = &account{Use: part, tenant: tenant}
		a.list = append(a.list, a.by[part][tenant])
	}
	return a.by[part][tenant]
}

// parameters of a statement about whose account it is, and since when it counts.
func (a *account) parameters() []any {
	return []any{fitting(a.tenant, 255), a.Limit.Kind, clean(a.Client), !a.Limit.PerClient, a.since}
}

// take holds the intents of a batch against the limits, each with what those before it take: refused says of which limit there was not enough. uses adds what the
// others take to the batch that writes them. The transaction holds the lock of each tenant's guard, and what it reads stays so.
func (j *Journal) take(ctx context.Context, tx pgx.Tx, batch []*call) (uses func(*pgx.Batch), err error) {
	known := accounts{by: map[journal.Use]map[string]*account{}}
	for _, c := range batch {
		now := stamp(c.weighs.Time)
		for _, part := range journal.Parts(j.o.Limits, *c.weighs) {
			a := known.of(c.weighs.Tenant, part.Limit, part.Client)
			if since := now.Add(-part.Limit.Window); a.since.IsZero() || since.Before(a.since) {
				a.since = since
			}
			if now.After(a.now) {
				a.now = now
			}
		}
	}
	if err := known.read(ctx, tx); err != nil {
		return nil, err
	}
	var through []*call
	for _, c := range batch {
		in := *c.weighs
		var err error
		if !c.history {
			err = journal.Judge(j.o.Limits, in, func(l journal.Limit, client string) (journal.Taken, error) {
				return known.of(in.Tenant, l, client).Taken, nil
			})
		}
		if refusal, ok := errors.AsType[*journal.Refusal](err); ok {
			if refusal.Free, err = known.of(in.Tenant, refusal.Limit, refusal.Client).free(ctx, tx, refusal); err != nil {
				return nil, err
			}
			c.refused = refusal
			continue
		}
		through = append(through, c)
		for _, part := range journal.Parts(j.o.Limits, in) {
			a := known.of(in.Tenant, part.Limit, part.Client)
			for _, w := range in.Weights {
				if w.Kind == part.Limit.Kind {
					a.Used, a.later = a.Used+w.Count, append(a.later, use{stamp(in.Time), w.Count})
				}
			}
		}
	}
	return func(b *pgx.Batch) { j.queueUses(b, through) }, nil
}

// reader is a transaction, or a connection outside of one.
type reader interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// read finds out what is used of each account, in one statement.
func (a *accounts) read(ctx context.Context, from reader) error {
	var tenants, kinds, clients []string
	var everybody []bool
	var since, now []time.Time
	for _, one := range a.list {
		tenants, kinds, clients = append(tenants, fitting(one.tenant, 255)), append(kinds, one.Limit.Kind), append(clients, clean(one.Client))
		everybody, since, now = append(everybody, !one.Limit.PerClient), append(since, one.since), append(now, one.now)
	}
	if len(a.list) == 0 {
		return nil
	}
	rows, err := from.Query(ctx, selectTaken, tenants, kinds, clients, everybody, since, now)
	if err != nil {
		return err
	}
	var i, used, approved int
	_, err = pgx.ForEachRow(rows, []any{&used, &approved}, func() error {
		a.list[i].Used, a.list[i].Approved, a.list[i].before = used, approved, used
		i++
		return nil
	})
	return err
}

// free is when so much has left the window that a write fits which was refused.
func (a *account) free(ctx context.Context, tx pgx.Tx, r *journal.Refusal) (time.Time, error) {
	excess := r.Excess()
	if excess <= 0 {
		return time.Time{}, nil
	}
	if sum := a.before; excess > sum { // some of it is taken by this batch, and not written yet
		for _, u := range a.later {
			if sum += u.amount; sum >= excess {
				return u.time.Add(r.Limit.Window), nil
			}
		}
	}
	var last time.Time
	if err := tx.QueryRow(ctx, selectFree, append(a.parameters(), excess)...).Scan(&last); err != nil {
		return time.Time{}, err
	}
	return last.UTC().Add(r.Limit.Window), nil
}

// queueUses adds what intents take of the limits. What no limit is of is not counted.
func (j *Journal) queueUses(b *pgx.Batch, batch []*call) {
	var tenants, kinds, clients []string
	var amounts []int
	var times []time.Time
	var ids []pgUUID
	limited := map[string]bool{}
	for _, l := range j.o.Limits {
		limited[l.Kind] = true
	}
	for _, c := range batch {
		for _, w := range c.weighs.Weights {
			if w.Count > 0 && limited[w.Kind] {
				tenants, kinds, clients = append(tenants, c.row.tenant), append(kinds, w.Kind), append(clients, clean(c.weighs.Client))
				amounts, times, ids = append(amounts, w.Count), append(times, c.row.time), append(ids, pgUUID(c.row.id))
			}
		}
	}
	if len(ids) > 0 {
		b.Queue(insertUses, tenants, kinds, clients, amounts, times, ids)
	}
}

// queueReturns gives back what intents have taken of which nothing has happened.
func queueReturns(b *pgx.Batch, batch []*call) {
	var ids []pgUUID
	var times []time.Time
	for _, c := range batch {
		if c.gives != nil {
			ids, times = append(ids, pgUUID(c.gives.id)), append(times, c.gives.time)
		}
	}
	if len(ids) > 0 {
		b.Queue(insertReturns, ids, times)
	}
}

// Uses gives each limit with what is used of it.
func (j *Journal) Uses(ctx context.Context, tenant string, now time.Time) ([]journal.Use, error) {
	var uses []journal.Use
	now = stamp(now)
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		known := accounts{by: map[journal.Use]map[string]*account{}}
		for _, l := range j.o.Limits {
			clients, since := []string{""}, now.Add(-l.Window)
			if l.PerClient {
				rows, err := conn.Query(ctx, selectClients, fitting(tenant, 255), l.Kind, since, now)
				if err != nil {
					return err
				}
				if clients, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
					return err
				}
				slices.Sort(clients)
			}
			for _, client := range clients {
				a := known.of(tenant, l, client)
				a.since, a.now = since, now
			}
		}
		if err := known.read(ctx, conn); err != nil {
			return err
		}
		uses = nil
		for _, a := range known.list {
			uses = append(uses, a.Use)
		}
		return nil
	})
	return uses, err
}

// Approve lets more happen.
func (j *Journal) Approve(ctx context.Context, a journal.Approval) error {
	if err := a.Check(); err != nil {
		return err
	}
	return j.change(ctx, []int64{lockOf("guard", a.Tenant)}, func(ctx context.Context, tx pgx.Tx) error {
		// Once, also when it is sent twice.
		_, err := tx.Exec(ctx, `WITH a AS (SELECT $1::text AS tenant_id, $2::text AS kind, $3::text AS client, $4::integer AS count, $5::timestamptz AS "timestamp", $6::timestamptz AS until, $7::text AS approved_by)
			INSERT INTO audit.guard_approvals (tenant_id, kind, client, count, "timestamp", until, approved_by) SELECT * FROM a WHERE NOT EXISTS (SELECT FROM audit.guard_approvals g
				WHERE (g.tenant_id, g.kind, g.client, g.count, g."timestamp", g.until, g.approved_by) = (a.tenant_id, a.kind, a.client, a.count, a."timestamp", a.until, a.approved_by))`,
			fitting(a.Tenant, 255), a.Kind, clean(a.Client), a.Count, stamp(a.Time), stamp(a.Until), clean(a.By))
		return err
	})
}

// Reset makes what counts of a kind count anew.
func (j *Journal) Reset(ctx context.Context, tenant, kind, client string, now time.Time) error {
	return j.change(ctx, []int64{lockOf("guard", tenant)}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO audit.guard_resets (tenant_id, kind, client, "timestamp") VALUES ($1, $2, $3, $4)`, fitting(tenant, 255), kind, clean(client), stamp(now))
		return err
	})
}

var _ journal.Guard = (*Journal)(nil)
