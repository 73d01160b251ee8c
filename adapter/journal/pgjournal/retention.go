package pgjournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	// guardKept is how long is remembered what the guard has counted: its longest window is 31 days.
	guardKept = 62 * 24 * time.Hour
	// lockPatience is how long a change of tables waits for those who read: whoever comes after it waits for both.
	lockPatience = "2s"
	attempts     = 10
)

// Maintenance is what Maintain needs to know.
type Maintenance struct {
	Database  configs.Secret // the URL of a role in scim_owner
	Retention configs.Retention
	// Sign signs what is left of rows that are dropped. nil: nothing is dropped that has a chain.
	Sign   func(message []byte) (keyID string, signature []byte, err error)
	Now    func() time.Time // nil: time.Now
	By     string           // who does it, for the journal; "": the process itself
	DryRun bool             // only say what would be done
	Say    func(string)     // each step; nil: nobody wants to know

	lock pgx.Tx // while it is open nobody else is at it
}

// Maintain makes the tables of the coming months and drops the months of which nothing need be kept. A month goes whole, with the keys of its values, when its
// last day is longer ago than its kind is kept; an anchor of each run of rows stays. A month whose rows are not those that were written is kept (*BrokenError), the
// others go on. Only one process does it at a time: for a second one there is nothing to do. A role that may not gets a *LackedRights.
func Maintain(ctx context.Context, m Maintenance) (err error) {
	if m.Now == nil {
		m.Now = time.Now
	}
	if m.Say == nil {
		m.Say = func(string) {}
	}
	db, err := openForDDL(m.Database, m.Say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return onOne(ctx, db, func(lock *pgx.Conn) error {
		return onOne(ctx, db, func(conn *pgx.Conn) error { return m.run(ctx, lock, conn) })
	})
}

// onOne is within, without a result.
func onOne(ctx context.Context, db *sql.DB, do func(*pgx.Conn) error) error {
	_, err := within(ctx, db, func(conn *pgx.Conn) (struct{}, error) { return struct{}{}, do(conn) })
	return err
}

// run does it on one connection, while another one has the lock.
func (m Maintenance) run(ctx context.Context, lock, conn *pgx.Conn) (err error) {
	missing, err := Pending(ctx, conn)
	switch {
	case err != nil:
		return fmt.Errorf("asking what the database has: %w", err)
	case len(missing) > 0:
		return fmt.Errorf("the database lacks %s: run scim-adapter migrate first", strings.Join(missing, ", "))
	}
	if err := MayMaintain(ctx, conn); err != nil {
		return err
	}
	// The lock is a transaction's: behind a pooler that shares sessions a session's would stay with one of the pooler's connections, for good.
	if m.lock, err = lock.Begin(ctx); err != nil {
		return err
	}
	defer func() { _ = m.lock.Rollback(context.WithoutCancel(ctx)) }()
	var mine bool
	const take = "SELECT pg_try_advisory_xact_lock($1) FROM set_config('idle_in_transaction_session_timeout', '0', true)"
	if err := m.lock.QueryRow(ctx, take, migrationLock).Scan(&mine); err != nil {
		return err
	}
	if !mine {
		m.Say("somebody else is at it")
		return nil
	}
	if err := m.makeMonths(ctx, conn); err != nil {
		return err
	}
	dropping := m.dropMonths(ctx, conn)
	return errors.Join(dropping, m.expire(ctx, conn))
}

func (m Maintenance) makeMonths(ctx context.Context, conn *pgx.Conn) error {
	if !m.DryRun {
		return makeMonths(ctx, conn, m.Say)
	}
	wanted, err := wantedMonths(ctx, conn)
	for _, w := range wanted {
		m.Say(w.part() + " would be made")
	}
	return err
}

// group is tables whose months go together.
type group struct {
	kind    string
	chained []string // tables with a chain, by the name of the whole
	others  []string
	kept    time.Duration // 0: for ever
}

func (m Maintenance) groups() []group {
	r := m.Retention
	longest, ever := max(r.Writes, r.Reads, r.Refusals), min(r.Writes, r.Reads, r.Refusals) == 0
	for tenant := range r.Tenants {
		own := r.Of(tenant)
		longest, ever = max(longest, own.Writes, own.Reads, own.Refusals), ever || min(own.Writes, own.Reads, own.Refusals) == 0
	}
	if ever {
		longest = 0
	}
	return []group{
		{kindWrites, []string{"intents", "events_writes"}, []string{"keys_writes"}, r.Writes},
		{kindReads, []string{"events_reads"}, []string{"keys_reads"}, r.Reads},
		{kindRefusals, []string{"events_refusals"}, []string{"keys_refusals"}, r.Refusals},
		{"guard", nil, []string{"guard_uses"}, guardKept},
		{"checkpoints", nil, []string{"checkpoints"}, longest}, // they are over the rows of all kinds
	}
}

// partsSQL gives the months of a table.
const partsSQL = `SELECT w.relname, to_date(right(p.relname, 7), 'YYYY_MM') FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid JOIN pg_class w ON w.oid = i.inhparent
	WHERE w.relnamespace = 'audit'::regnamespace AND w.relname = ANY ($1) AND p.relname ~ ('^' || w.relname || '_\d{4}_\d{2}$') ORDER BY 2, 1`

// dropMonths drops what need not be kept. What is wrong with one month does not keep the others.
func (m Maintenance) dropMonths(ctx context.Context, conn *pgx.Conn) error {
	var errs []error
	for _, g := range m.groups() {
		shortest := m.shortest(g)
		if shortest <= 0 {
			continue
		}
		rows, err := conn.Query(ctx, partsSQL, append(append([]string{}, g.chained...), g.others...))
		if err != nil {
			return err
		}
		parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[month])
		if err != nil {
			return err
		}
		for len(parts) > 0 {
			n := 1
			for n < len(parts) && parts[n].Month.Equal(parts[0].Month) {
				n++
			}
			if !m.over(parts[0].Month.AddDate(0, 1, 0), shortest) {
				break
			}
			if _, err := m.lock.Exec(ctx, "SELECT"); err != nil {
				return errors.Join(append(errs, fmt.Errorf("the lock is lost: %w", err))...)
			}
			if err := m.dropMonth(ctx, conn, g, parts[:n]); err != nil {
				errs = append(errs, fmt.Errorf("dropping %s of %s: %w", g.kind, parts[0].Month.Format("2006-01"), err))
			}
			parts = parts[n:]
		}
	}
	return errors.Join(errs...)
}

// dropMonth drops one month of a group, in one transaction with its anchors.
func (m Maintenance) dropMonth(ctx context.Context, conn *pgx.Conn, g group, parts []month) error {
	var chained, all []string
	for _, p := range parts {
		all = append(all, "audit."+p.part())
		for _, whole := range g.chained {
			if p.Family == whole {
				chained = append(chained, p.part())
			}
		}
	}
	names, ends := strings.ReplaceAll(strings.Join(all, ", "), "audit.", ""), parts[0].Month.AddDate(0, 1, 0)
	needed, err := m.needed(ctx, conn, g, chained, ends)
	if err != nil || needed {
		return err
	}
	if m.DryRun {
		m.Say(names + " would be dropped")
		return nil
	}
	if m.Sign == nil && len(chained) > 0 {
		return errUnsigned
	}
	err = patiently(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(all, ", ")+" IN SHARE ROW EXCLUSIVE MODE"); err != nil { // nobody adds to what is looked through
			return err
		}
		if needed, err = m.needed(ctx, tx, g, chained, ends); err != nil || needed { // somebody has added a row meanwhile
			return err
		}
		if len(chained) > 0 {
			a := anchoring{tx: tx, parts: chained, sign: m.Sign, like: Anchor{Kind: g.kind, Month: parts[0].Month, Dropped: stamp(m.Now())}}
			if err := a.anchor(ctx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "DROP TABLE "+strings.Join(all, ", "))
		return err
	})
	if err == nil && !needed {
		m.Say(names + " dropped")
	}
	return err
}

// MayMaintain says whether the role may make and drop months; if not, which right it lacks (*LackedRights).
func MayMaintain(ctx context.Context, conn querier) error {
	rows, err := conn.Query(ctx, "SELECT format('to own the tables: GRANT scim_owner TO %I', current_user) WHERE NOT pg_has_role('scim_owner', 'USAGE')")
	if err != nil {
		return err
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(lacks) > 0 {
		err = &LackedRights{lacks}
	}
	return err
}

// patiently runs a transaction that locks whole tables. It does not wait long for a lock, and tries again a little later.
func patiently(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT set_config('lock_timeout', $1, true)", lockPatience); err != nil {
				return err
			}
			return do(tx)
		})
		answer, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || try == attempts || answer.Code != "55P03" && answer.Code != "40P01" { // a lock is held; two wait for each other
			return err
		}
		select {
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
