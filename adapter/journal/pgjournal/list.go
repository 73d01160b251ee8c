package pgjournal

import (
	"bytes"
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// pageful is how many events are fetched in one round trip: few enough for those that are large.
const pageful = 100

// Events gives those that f chooses, in the order of their times, and of their ids where these are the same. It sees the journal as it is when it starts.
func (j *Journal) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) {
		select {
		case j.walks <- struct{}{}:
			defer func() { <-j.walks }()
		case <-ctx.Done():
			yield(journal.Event{}, away(ctx.Err()))
			return
		}
		left := false
		err := j.lend(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
			tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has only read
			return j.walk(ctx, tx, f, func(e journal.Event) bool {
				left = !yield(e, nil)
				return !left
			})
		})
		if err != nil && !left {
			yield(journal.Event{}, unread(translate(err)))
		}
	}
}

// walk merges writes and notes.
func (j *Journal) walk(ctx context.Context, tx pgx.Tx, f journal.Filter, yield func(journal.Event) bool) error {
	// Whoever reads may take his time between two pages, and is not to be thrown out meanwhile. The planner is told how much of the answer will be fetched: the first
	// few of many, or all of the few that are found among all. Compiling a statement over so many parts takes longer than answering it.
	part := "0.1"
	if f.Limit > 0 {
		part = "0.0001"
	}
	if !f.Overdue.IsZero() {
		part = "1"
	}
	if _, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', '0', true), set_config('cursor_tuple_fraction', $2, true),"+
		" set_config('jit', 'off', true)",
		strconv.FormatInt(10*j.o.Timeout.Milliseconds(), 10), part); err != nil {
		return err
	}
	var lists []*list
	for _, l := range []*list{{name: "writes", newest: f.Newest}, {name: "notes", newest: f.Newest}} {
		noted := l.name == "notes"
		if f.Noted != nil && *f.Noted != noted || noted && !f.Overdue.IsZero() {
			continue
		}
		if err := l.declare(ctx, tx, f, noted); err != nil {
			return err
		}
		lists = append(lists, l)
	}
	for n := 0; f.Limit == 0 || n < f.Limit; {
		next, err := first(ctx, tx, lists)
		if err != nil || next == nil {
			return err
		}
		e := next.rows[0].event()
		next.rows = next.rows[1:]
		if !f.Matches(e) {
			continue
		}
		n++
		if !yield(e) {
			return nil
		}
	}
	return nil
}

// list is a cursor with the page of it that was fetched last.
type list struct {
	name   string
	newest bool
	rows   []found
	ended  bool
}

func (l *list) declare(ctx context.Context, tx pgx.Tx, f journal.Filter, noted bool) error {
	query, table, direction, args := selectWrites, "i", "", &arguments{}
	if noted {
		query, table = selectNotes, "e"
	}
	if l.newest {
		direction = " DESC"
	}
	query += conditions(f, table, noted, args) + " ORDER BY " + table + `."timestamp"` + direction + ", " + table + ".id" + direction
	_, err := tx.Exec(ctx, "DECLARE "+l.name+" NO SCROLL CURSOR FOR "+query, args.list...)
	return err
}

// fill fetches the next page when the last one is used up.
func (l *list) fill(ctx context.Context, tx pgx.Tx) error {
	if l.ended || len(l.rows) > 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "FETCH "+strconv.Itoa(pageful)+" FROM "+l.name)
	if err != nil {
		return err
	}
	l.rows, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (found, error) { return scanFound(r) })
	l.ended = len(l.rows) < pageful
	return err
}

// first is the list whose next event comes before those of the others; nil when there are none any more.
func first(ctx context.Context, tx pgx.Tx, lists []*list) (*list, error) {
	var best *list
	for _, l := range lists {
		if err := l.fill(ctx, tx); err != nil {
			return nil, err
		}
		if len(l.rows) > 0 && (best == nil || l.before(best)) {
			best = l
		}
	}
	return best, nil
}

func (l *list) before(other *list) bool {
	a, b := l.rows[0].row, other.rows[0].row
	order := a.time.Compare(b.time)
	if order == 0 {
		order = bytes.Compare(a.id[:], b.id[:])
	}
	return (order < 0) != l.newest
}

// arguments are the values of a statement, in the order of their numbers.
type arguments struct{ list []any }

func (a *arguments) add(v any) string {
	a.list = append(a.list, v)
	return "$" + strconv.Itoa(len(a.list))
}

// conditions are what of a filter the database can tell; Filter.Matches has the last word, for what was cut to fit its column.
func conditions(f journal.Filter, table string, noted bool, args *arguments) string {
	var b strings.Builder
	and := func(format string, value any) {
		b.WriteString(" AND " + strings.ReplaceAll(strings.ReplaceAll(format, "#", table), "?", args.add(value)))
	}
	cut := func(words []string, n int) []string {
		short := make([]string, len(words))
		for i, w := range words {
			short[i] = fitting(w, n)
		}
		return short
	}
	if !f.Since.IsZero() {
		and(`#."timestamp" >= ?`, stamp(f.Since))
	}
	if !f.Until.IsZero() {
		and(`#."timestamp" <= ?`, stamp(f.Until))
	}
	if f.Tenant != "" {
		and("#.tenant_id = ?", fitting(f.Tenant, 255))
	}
	if f.Actor != "" {
		and("? IN (#.details->>'client', #.details->>'subject')", clean(f.Actor))
	}
	if len(f.Actions) > 0 {
		and("#.action = ANY (?)", cut(f.Actions, 50))
	}
	if len(f.Except) > 0 {
		and("#.action <> ALL (?)", f.Except) // one that was cut is left to Filter.Matches
	}
	if f.ResourceType != "" {
		and("#.resource_type = ?", fitting(f.ResourceType, 50))
	}
	if f.ResourceID != "" {
		// Both tables have an index for it, and the one that made a resource has its id in the outcome only.
		same := " WHERE resource_id = " + args.add(fitting(f.ResourceID, 255))
		if f.ResourceType != "" {
			same += " AND resource_type = " + args.add(fitting(f.ResourceType, 50))
		}
		b.WriteString(" AND " + table + ".id IN (SELECT id FROM audit.intents" + same + " UNION SELECT id FROM audit.events" + same + ")")
	}
	if len(f.Statuses) > 0 {
		and("coalesce(e.details->>'status', 'open') = ANY (?)", cut(f.Statuses, 50))
	}
	if f.RequestID != "" {
		and("#.details->>'request_id' = ?", clean(f.RequestID))
	}
	if f.Undoes != "" {
		and("#.details->>'undoes' = ?", clean(string(f.Undoes)))
	}
	if !f.Overdue.IsZero() && !noted {
		and("e.id IS NULL AND i.deadline <= ?", stamp(f.Overdue))
	}
	return b.String()
}
