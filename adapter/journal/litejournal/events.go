package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Begin writes an intent. It is encoded here and now, so that the caller may change what it points to as soon as Begin is back, whether it
// succeeded or not.
func (j *Journal) Begin(ctx context.Context, in journal.Intent) error {
	if in.ID == "" {
		return errors.New("an intent needs an id")
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("an intent that cannot be written down: %w", err)
	}
	in.Weights = slices.Clone(in.Weights) // the caller may change its own while this waits for its turn
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		added, err := appendOnce(ctx, conn, "intents", in.ID, string(body))
		if err != nil || !added {
			return err
		}
		return j.take(ctx, conn, in)
	})
}

// Finish closes an intent.
func (j *Journal) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("an outcome that cannot be written down: %w", err)
	}
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		switch _, found, err := lookup(ctx, conn, "intents", id); {
		case err != nil:
			return away(err)
		case !found:
			return fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
		}
		added, err := appendOnce(ctx, conn, "outcomes", id, string(body))
		if err != nil || !added || !out.Nothing() {
			return err
		}
		return giveBack(ctx, conn, id)
	})
}

// Note writes an event that is no write.
func (j *Journal) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	in.Noted = true
	if in.ID == "" {
		return errors.New("an event needs an id")
	}
	intent, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("an event that cannot be written down: %w", err)
	}
	outcome, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("an event that cannot be written down: %w", err)
	}
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := appendOnce(ctx, conn, "intents", in.ID, string(intent)); err != nil {
			return err
		}
		_, err := appendOnce(ctx, conn, "outcomes", in.ID, string(outcome))
		return err
	})
}

// appendOnce adds a row; the same row again is no fault, because a caller that heard nothing tries again.
func appendOnce(ctx context.Context, conn *sql.Conn, table string, id journal.ID, body string) (added bool, err error) {
	switch there, found, err := lookup(ctx, conn, table, id); {
	case err != nil:
		return false, away(err)
	case found && there == body:
		return false, nil
	case found:
		return false, fmt.Errorf("%w: %q in %s", journal.ErrConflict, id, table)
	}
	if _, err := conn.ExecContext(ctx, "INSERT INTO "+table+" (id, body) VALUES (?, ?)", string(id), body); err != nil {
		return false, away(err)
	}
	return true, nil
}

func lookup(ctx context.Context, conn *sql.Conn, table string, id journal.ID) (body string, found bool, err error) {
	err = conn.QueryRowContext(ctx, "SELECT body FROM "+table+" WHERE id = ?", string(id)).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return body, err == nil, err
}

const selectEvents = "SELECT i.body, o.body FROM intents i LEFT JOIN outcomes o ON o.id = i.id "

// Lookup gives one event.
func (j *Journal) Lookup(ctx context.Context, id journal.ID) (journal.Event, error) {
	event, err := scanEvent(j.read.QueryRowContext(ctx, selectEvents+"WHERE i.id = ?", string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return event, fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
	}
	return event, err
}

// conditions are what of a filter the file can tell, with an index where there is one. Filter.Matches has the last word.
func conditions(f journal.Filter) (where string, args []any) {
	where = "WHERE true"
	and := func(condition string, values ...any) {
		where += " AND " + condition
		args = append(args, values...)
	}
	is := func(member, value string) {
		if value != "" {
			and("i.body ->> '$."+member+"' = ?", value)
		}
	}
	const seconds = "CAST(strftime('%s', i.body ->> '$.time') AS INTEGER)"
	if !f.Since.IsZero() {
		and(seconds+" >= ?", f.Since.Unix())
	}
	if !f.Until.IsZero() {
		and(seconds+" <= ?", f.Until.Unix())
	}
	is("tenant", f.Tenant)
	is("resource_type", f.ResourceType)
	is("request_id", f.RequestID)
	is("undoes", string(f.Undoes))
	if f.ResourceID != "" {
		and("i.id IN (SELECT id FROM intents WHERE body ->> '$.resource_id' = ? UNION SELECT id FROM outcomes WHERE body ->> '$.resource_id' = ?)", f.ResourceID, f.ResourceID)
	}
	if !f.Overdue.IsZero() {
		and("o.id IS NULL")
	}
	return where, args
}

// Events gives those that f chooses, in the order in which they began. It sees the journal as it is when it starts.
func (j *Journal) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) {
		where, args := conditions(f)
		statement := selectEvents + where + " ORDER BY i.seq"
		if f.Newest {
			statement += " DESC"
		}
		rows, err := j.read.QueryContext(ctx, statement, args...)
		if err != nil {
			yield(journal.Event{}, away(err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err has all that matters
		for found := 0; (f.Limit == 0 || found < f.Limit) && rows.Next(); {
			event, err := scanEvent(rows)
			if err == nil && !f.Matches(event) {
				continue
			}
			found++
			if !yield(event, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(journal.Event{}, away(err))
		}
	}
}

// Follow gives what was settled after a place: the number of an outcome.
func (j *Journal) Follow(ctx context.Context, after journal.Place, limit int) ([]journal.Event, journal.Place, error) {
	from, err := placeOf(after)
	if err != nil {
		return nil, "", err
	}
	rows, err := j.read.QueryContext(ctx, "SELECT i.body, o.body, o.seq FROM outcomes o JOIN intents i ON i.id = o.id WHERE o.seq > ? ORDER BY o.seq LIMIT ?", from, limit)
	if err != nil {
		return nil, "", away(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err has all that matters
	var events []journal.Event
	for rows.Next() {
		event, err := scanEvent(rows, &from)
		if err != nil {
			return nil, "", err
		}
		events = append(events, event)
	}
	if err := rows.Err(); err != nil {
		return nil, "", away(err)
	}
	return events, journal.Place(strconv.FormatInt(from, 10)), nil
}

// End is the place of the last outcome.
func (j *Journal) End(ctx context.Context) (journal.Place, error) {
	var last int64
	if err := j.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM outcomes").Scan(&last); err != nil {
		return "", away(err)
	}
	return journal.Place(strconv.FormatInt(last, 10)), nil
}

func placeOf(p journal.Place) (int64, error) {
	if p == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no place in this journal", p)
	}
	return n, nil
}

// scanEvent reads one row of selectEvents, and what more was selected.
func scanEvent(row interface{ Scan(into ...any) error }, more ...any) (event journal.Event, err error) {
	var intent string
	var outcome sql.NullString
	if err := row.Scan(append([]any{&intent, &outcome}, more...)...); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return event, err
		}
		return event, away(err)
	}
	if err := json.Unmarshal([]byte(intent), &event.Intent); err != nil {
		return event, fmt.Errorf("a stored intent: %w", err)
	}
	if outcome.Valid {
		event.Outcome = new(journal.Outcome)
		if err := json.Unmarshal([]byte(outcome.String), event.Outcome); err != nil {
			return event, fmt.Errorf("the stored outcome of %q: %w", event.Intent.ID, err)
		}
	}
	return event, nil
}
