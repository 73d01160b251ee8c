package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// A place is the transaction that wrote an event, and the event's number in the chain of its writer: all rows of a transaction are of one writer. Only what was
// written by transactions before the oldest that is still open is shown, because nothing can come in before it any more.
const settledOnly = " AND e.tx < pg_snapshot_xmin(pg_current_snapshot())"

// Follow gives what was settled after a place.
func (j *Journal) Follow(ctx context.Context, after journal.Place, limit int) ([]journal.Event, journal.Place, error) {
	tx, seq, err := placeOf(after)
	if err != nil {
		return nil, "", err
	}
	var events []journal.Event
	place := after
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		events, place = nil, after
		rows, err := conn.Query(ctx, selectSettled+settledOnly+" AND e.tx >= $1::text::xid8 AND (e.tx > $1::text::xid8 OR e.seq > $2) ORDER BY e.tx, e.seq LIMIT $3",
			strconv.FormatUint(tx, 10), seq, limit)
		if err != nil {
			return err
		}
		var in string
		var number int64
		list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (found, error) { return scanFound(r, &in, &number) })
		if err != nil || len(list) == 0 {
			return err
		}
		for _, f := range list {
			events = append(events, f.event())
		}
		place = placeAt(in, number)
		return nil
	})
	if err != nil {
		return nil, "", unread(err)
	}
	return events, place, nil
}

// End is the place of the last event that is settled.
func (j *Journal) End(ctx context.Context) (journal.Place, error) {
	var place journal.Place
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var in string
		var number int64
		err := conn.QueryRow(ctx, "SELECT e.tx::text, e.seq FROM audit.events e WHERE e.writer IS NOT NULL"+settledOnly+" ORDER BY e.tx DESC, e.seq DESC LIMIT 1").Scan(&in, &number)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		place = placeAt(in, number)
		return err
	})
	return place, unread(err)
}

func placeAt(tx string, seq int64) journal.Place {
	return journal.Place(tx + "/" + strconv.FormatInt(seq, 10))
}

func placeOf(p journal.Place) (tx uint64, seq int64, err error) {
	if p == "" {
		return 0, 0, nil
	}
	first, second, _ := strings.Cut(string(p), "/")
	tx, err = strconv.ParseUint(first, 10, 64)
	if err == nil {
		seq, err = strconv.ParseInt(second, 10, 64)
	}
	if err != nil || seq < 0 {
		return 0, 0, fmt.Errorf("%q is no place in this journal", p)
	}
	return tx, seq, nil
}
