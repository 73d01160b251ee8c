package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

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
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		return appendOnce(ctx, conn, "intents", in.ID, string(body))
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
		return appendOnce(ctx, conn, "outcomes", id, string(body))
	})
}

// appendOnce adds a row; the same row again is no fault, because a caller that heard nothing tries again.
func appendOnce(ctx context.Context, conn *sql.Conn, table string, id journal.ID, body string) error {
	switch there, found, err := lookup(ctx, conn, table, id); {
	case err != nil:
		return away(err)
	case found && there == body:
		return nil
	case found:
		return fmt.Errorf("%w: %q in %s", journal.ErrConflict, id, table)
	}
	if _, err := conn.ExecContext(ctx, "INSERT INTO "+table+" (id, body) VALUES (?, ?)", string(id), body); err != nil {
		return away(err)
	}
	return nil
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

// Events gives all events in the order in which they began. It sees the journal as it is when it starts.
func (j *Journal) Events(ctx context.Context) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) {
		rows, err := j.read.QueryContext(ctx, selectEvents+"ORDER BY i.seq")
		if err != nil {
			yield(journal.Event{}, away(err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err has all that matters
		for rows.Next() {
			event, err := scanEvent(rows)
			if !yield(event, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(journal.Event{}, away(err))
		}
	}
}

// scanEvent reads one row of selectEvents.
func scanEvent(row interface{ Scan(into ...any) error }) (event journal.Event, err error) {
	var intent string
	var outcome sql.NullString
	if err := row.Scan(&intent, &outcome); err != nil {
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
