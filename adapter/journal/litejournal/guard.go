package litejournal

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// What counts: a use that no reset of its client, or of all of them, has come after; and an approval likewise, until it ends.
const (
	usesThatCount = ` FROM guard_uses u WHERE u.tenant = ? AND u.kind = ? AND u.time > ? AND (? OR u.client = ?) AND NOT EXISTS
		(SELECT 1 FROM guard_resets r WHERE r.tenant = u.tenant AND r.kind = u.kind AND r.time >= u.time AND r.client IN ('', u.client))`
	approvalsThatCount = ` FROM guard_approvals a WHERE a.tenant = ? AND a.kind = ? AND a.until > ? AND NOT EXISTS
		(SELECT 1 FROM guard_resets r WHERE r.tenant = a.tenant AND r.kind = a.kind AND r.time >= a.time AND r.client IN ('', a.client))`
)

// asker is what reads: a transaction that writes, or the readers' connections.
type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// take holds an intent against the limits and notes what it uses of them. There is one writer: what it sees stays so until the commit.
func (j *Journal) take(ctx context.Context, conn *sql.Conn, in journal.Intent) error {
	err := journal.Judge(j.limits, in, func(l journal.Limit, client string) (journal.Taken, error) {
		return taken(ctx, conn, in.Tenant, l, client, in.Time)
	})
	if refusal, ok := errors.AsType[*journal.Refusal](err); ok {
		if refusal.Free, err = free(ctx, conn, in, refusal); err != nil {
			return away(err)
		}
		return refusal
	}
	if err != nil {
		return away(err)
	}
	return j.use(ctx, conn, in)
}

// use notes what an intent uses of the limits.
func (j *Journal) use(ctx context.Context, conn *sql.Conn, in journal.Intent) error {
	for _, w := range in.Weights {
		if w.Count <= 0 || !slices.ContainsFunc(j.limits, func(l journal.Limit) bool { return l.Kind == w.Kind }) {
			continue
		}
		const use = "INSERT INTO guard_uses (tenant, kind, client, amount, time, id) VALUES (?, ?, ?, ?, ?, ?)"
		if _, err := conn.ExecContext(ctx, use, in.Tenant, w.Kind, in.Client, w.Count, in.Time.UnixMicro(), string(in.ID)); err != nil {
			return away(err)
		}
	}
	return nil
}

// giveBack forgets what an intent of which nothing has happened uses of the limits.
func giveBack(ctx context.Context, conn *sql.Conn, id journal.ID) error {
	if _, err := conn.ExecContext(ctx, "DELETE FROM guard_uses WHERE id = ?", string(id)); err != nil {
		return away(err)
	}
	return nil
}

// within are the parameters of usesThatCount.
func within(tenant string, l journal.Limit, client string, now time.Time) []any {
	return []any{tenant, l.Kind, now.Add(-l.Window).UnixMicro(), !l.PerClient, client}
}

func taken(ctx context.Context, from asker, tenant string, l journal.Limit, client string, now time.Time) (t journal.Taken, err error) {
	if err := from.QueryRowContext(ctx, "SELECT coalesce(sum(u.amount), 0)"+usesThatCount, within(tenant, l, client, now)...).Scan(&t.Used); err != nil {
		return t, err
	}
	err = from.QueryRowContext(ctx, "SELECT coalesce(sum(a.count), 0)"+approvalsThatCount+" AND a.client = ?", tenant, l.Kind, now.UnixMicro(), client).Scan(&t.Approved)
	return t, err
}

// free is when so much has left the window that the write fits.
func free(ctx context.Context, from asker, in journal.Intent, r *journal.Refusal) (time.Time, error) {
	if r.Excess() <= 0 {
		return time.Time{}, nil
	}
	var last int64
	err := from.QueryRowContext(ctx, "SELECT time FROM (SELECT u.time AS time, sum(u.amount) OVER (ORDER BY u.time) AS so_far"+usesThatCount+") WHERE so_far >= ? ORDER BY time LIMIT 1",
		append(within(in.Tenant, r.Limit, r.Client, in.Time), r.Excess())...).Scan(&last)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(last).UTC().Add(r.Limit.Window), nil
}

// Uses gives each limit with what is used of it.
func (j *Journal) Uses(ctx context.Context, tenant string, now time.Time) ([]journal.Use, error) {
	var uses []journal.Use
	for _, l := range j.limits {
		clients := []string{""}
		if l.PerClient {
			clients = nil
			args := append(within(tenant, l, "", now), tenant, l.Kind, now.UnixMicro())
			args[3] = true // whoever has used any
			if err := j.query(ctx, func(rows *sql.Rows) error {
				var client string
				err := rows.Scan(&client)
				clients = append(clients, client)
				return err
			}, "SELECT u.client"+usesThatCount+" UNION SELECT a.client"+approvalsThatCount+" AND a.client <> '' ORDER BY 1", args...); err != nil {
				return nil, err
			}
		}
		for _, client := range clients {
			t, err := taken(ctx, j.read, tenant, l, client, now)
			if err != nil {
				return nil, away(err)
			}
			uses = append(uses, journal.Use{Limit: l, Client: client, Taken: t})
		}
	}
	return uses, nil
}

// Approve lets more happen.
func (j *Journal) Approve(ctx context.Context, a journal.Approval) error {
	if err := a.Check(); err != nil {
		return err
	}
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		const approve = "INSERT INTO guard_approvals (tenant, kind, client, count, time, until, approved_by) VALUES (?, ?, ?, ?, ?, ?, ?)"
		if _, err := conn.ExecContext(ctx, approve, a.Tenant, a.Kind, a.Client, a.Count, a.Time.UnixMicro(), a.Until.UnixMicro(), a.By); err != nil {
			return away(err)
		}
		return nil
	})
}

// Reset makes what counts of a kind count anew.
func (j *Journal) Reset(ctx context.Context, tenant, kind, client string, now time.Time) error {
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		const reset = "INSERT INTO guard_resets (tenant, kind, client, time) VALUES (?, ?, ?, ?)"
		if _, err := conn.ExecContext(ctx, reset, tenant, kind, client, now.UnixMicro()); err != nil {
			return away(err)
		}
		return nil
	})
}
