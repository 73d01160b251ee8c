package pgjournal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Tenants may have times of their own, and months are of all of them. A month goes when no tenant that has rows in it needs it any longer. Until then the keys of
// those whose time is over are destroyed, so that of their rows there is left what stands in clear; an event says so, up to which time.

// keptFor is how long a kind is kept.
func keptFor(r configs.Retention, kind string) time.Duration {
	return map[string]time.Duration{kindWrites: r.Writes, kindReads: r.Reads, kindRefusals: r.Refusals}[kind]
}

// over says that the time of what is kept so long has come for a month that ends then.
func (m Maintenance) over(ends time.Time, kept time.Duration) bool {
	return kept > 0 && !ends.Add(kept).After(m.Now())
}

// shortest is the time after which something of a group is to go; 0: never.
func (m Maintenance) shortest(g group) time.Duration {
	least := g.kept
	if g.chained == nil {
		return least
	}
	for tenant := range m.Retention.Tenants {
		if own := keptFor(m.Retention.Of(tenant), g.kind); own > 0 && (least == 0 || own < least) {
			least = own
		}
	}
	return least
}

// asker is a connection or a transaction.
type asker interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// needed says whether rows of a month are still to be kept. Tenants that have no time of their own have that of all.
func (m Maintenance) needed(ctx context.Context, conn asker, g group, chained []string, ends time.Time) (bool, error) {
	if len(chained) == 0 || len(m.Retention.Tenants) == 0 {
		return !m.over(ends, g.kept), nil
	}
	var done, others []string
	for tenant := range m.Retention.Tenants {
		if m.over(ends, keptFor(m.Retention.Of(tenant), g.kind)) {
			done = append(done, fitting(tenant, 255))
		} else {
			others = append(others, fitting(tenant, 255))
		}
	}
	keep, names := "coalesce(tenant_id, '') = ANY ($1)", others
	if !m.over(ends, g.kept) {
		keep, names = "coalesce(tenant_id, '') <> ALL ($1)", done
	} else if len(others) == 0 {
		return false, nil
	}
	var some, still []string
	for _, part := range chained {
		some = append(some, "EXISTS (SELECT FROM audit."+part+")")
		still = append(still, "EXISTS (SELECT FROM audit."+part+" WHERE "+keep+")")
	}
	var needed bool // a month without rows is nobody's, and goes with the time of all
	err := conn.QueryRow(ctx, "SELECT NOT ("+strings.Join(some, " OR ")+") AND $2 OR "+strings.Join(still, " OR "), names, !m.over(ends, g.kept)).Scan(&needed)
	return needed, err
}

// expire destroys the keys of those tenants whose time is over in months that others need.
func (m Maintenance) expire(ctx context.Context, conn *pgx.Conn) error {
	if len(m.Retention.Tenants) == 0 {
		return nil
	}
	var errs []error
	for _, kind := range []string{kindWrites, kindReads, kindRefusals} {
		tenants, err := m.tenants(ctx, conn, kind)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			kept := keptFor(m.Retention.Of(tenant), kind)
			if kept <= 0 {
				continue
			}
			if err := m.expireOf(ctx, conn, tenant, kind, monthOf(m.Now().Add(-kept))); err != nil {
				errs = append(errs, fmt.Errorf("destroying keys of %s of tenant %s: %w", kind, tenant, err))
			}
		}
	}
	return errors.Join(errs...)
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// tenants are those that have a time of their own, and those that have events: an index gives them one by one.
func (m Maintenance) tenants(ctx context.Context, conn *pgx.Conn, kind string) ([]string, error) {
	rows, err := conn.Query(ctx, `WITH RECURSIVE t (tenant) AS ((SELECT min(tenant_id) FROM audit.events WHERE kind = $1)
		UNION ALL SELECT (SELECT min(e.tenant_id) FROM audit.events e WHERE e.kind = $1 AND e.tenant_id > t.tenant) FROM t WHERE t.tenant IS NOT NULL)
		SELECT tenant FROM t WHERE tenant IS NOT NULL`, kind)
	if err != nil {
		return nil, err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[string])
	tenants = slices.AppendSeq(tenants, maps.Keys(m.Retention.Tenants))
	slices.Sort(tenants)
	return slices.Compact(tenants), err
}

// aboutSQL are the entries of a tenant ($1) and kind ($2) that began before a time ($3).
const aboutSQL = `WITH about AS (SELECT id, "timestamp" FROM audit.events WHERE tenant_id = $1 AND kind = $2 AND "timestamp" < $3
	UNION SELECT id, "timestamp" FROM audit.intents WHERE tenant_id = $1 AND $2 = 'writes' AND "timestamp" < $3)`

// expireOf destroys the keys of what began before a time. Where there are none any more nothing is noted.
func (m Maintenance) expireOf(ctx context.Context, conn *pgx.Conn, tenant, kind string, before time.Time) error {
	args := []any{fitting(tenant, 255), kind, before}
	day, n := before.Format(time.DateOnly), int64(0)
	if m.DryRun {
		const count = aboutSQL + ` SELECT count(DISTINCT k.entry_id) FROM audit.keys k JOIN about a ON k.entry_id = a.id AND k."timestamp" = a."timestamp" WHERE k.kind = $2 AND k."timestamp" < $3`
		err := conn.QueryRow(ctx, count, args...).Scan(&n)
		if err == nil && n > 0 {
			m.Say(fmt.Sprintf("the keys of %d entries of tenant %s (%s, before %s) would be destroyed", n, tenant, kind, day))
		}
		return err
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		const destroy = aboutSQL + `, gone AS (DELETE FROM audit.keys k USING about a WHERE k.entry_id = a.id AND k."timestamp" = a."timestamp" AND k.kind = $2 AND k."timestamp" < $3 RETURNING k.entry_id)
			SELECT count(DISTINCT entry_id) FROM gone`
		if err := tx.QueryRow(ctx, destroy, args...).Scan(&n); err != nil || n == 0 {
			return err
		}
		text, err := json.Marshal(map[string]any{"entries": n, "before": day})
		if err != nil {
			return err
		}
		return noteErasures(ctx, tx, []erasure{{
			action: journal.ActionExpire, tenant: tenant, typ: "journal", id: kind, by: m.By, change: journal.Change{Path: "expired", After: text}, what: erased{Kind: kind, Before: &before},
		}}, m.Now(), m.Sign)
	})
	if err == nil && n > 0 {
		m.Say(fmt.Sprintf("the keys of %d entries of tenant %s (%s, before %s) are destroyed", n, tenant, kind, day))
	}
	return err
}
