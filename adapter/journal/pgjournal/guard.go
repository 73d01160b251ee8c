package pgjournal

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// use is what an intent takes of the limits of one kind.
type use struct {
	of   *call
	kind string
	took int
}

// A use counts while it is in the window, and until a reset of its client or of all; an approval until it ends, or a reset of whom it is for.
const takenSQL = `SELECT
	(SELECT coalesce(sum(u.amount), 0) FROM audit.guard_uses u WHERE u.tenant_id = $1 AND u.kind = $2 AND (NOT $3 OR u.client = $4) AND u."timestamp" > $5 AND NOT EXISTS (
		SELECT FROM audit.guard_resets r WHERE r.tenant_id = u.tenant_id AND r.kind = u.kind AND r.client IN ('', u.client) AND r."timestamp" >= u."timestamp")),
	(SELECT coalesce(sum(a.count), 0) FROM audit.guard_approvals a WHERE a.tenant_id = $1 AND a.kind = $2 AND a.client = $4 AND a."timestamp" <= $6 AND a.until > $6 AND NOT EXISTS (
		SELECT FROM audit.guard_resets r WHERE r.tenant_id = a.tenant_id AND r.kind = a.kind AND r.client IN ('', a.client) AND r."timestamp" >= a."timestamp"))`

// take holds calls against the limits, one after the other, in a transaction that has the locks of their tenants. It marks those that are refused, and gives what
// writes down what the others take.
func (j *Journal) take(ctx context.Context, tx pgx.Tx, calls []*call) (func(*pgx.Batch), error) {
	var uses []use
	for _, c := range calls {
		in := *c.weighs
		err := journal.Judge(j.o.Limits, in, func(l journal.Limit, client string) (journal.Taken, error) {
			var t journal.Taken
			since := c.row.time.Add(-l.Window)
			err := tx.QueryRow(ctx, takenSQL, in.Tenant, l.Kind, l.PerClient, client, since, c.row.time).Scan(&t.Used, &t.Approved)
			for _, u := range uses { // earlier in this batch
				if u.of.weighs.Tenant == in.Tenant && u.kind == l.Kind && (!l.PerClient || u.of.weighs.Client == client) && u.of.row.time.After(since) {
					t.Used += u.took
				}
			}
			return t, err
		})
		var refusal *journal.Refusal
		switch {
		case errors.As(err, &refusal):
			c.refused = refusal
			continue
		case err != nil:
			return nil, err
		}
		for _, w := range in.Weights {
			if w.Count > 0 {
				uses = append(uses, use{c, w.Kind, w.Count})
			}
		}
	}
	return func(b *pgx.Batch) {
		for _, u := range uses {
			const add = `INSERT INTO audit.guard_uses (tenant_id, kind, client, amount, "timestamp", intent_id) VALUES ($1, $2, $3, $4, $5, $6)`
			b.Queue(add, u.of.weighs.Tenant, u.kind, u.of.weighs.Client, u.took, u.of.row.time, pgUUID(u.of.row.id))
		}
	}, nil
}
