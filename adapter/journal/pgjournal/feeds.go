package pgjournal

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// feedLease is for how long a process that feeds a destination is waited for when it says nothing more. It is a row with a time in it and no lock: a lock would want
// a connection, or a transaction, for as long as the process lives.
const feedLease = time.Minute

// TakeFeed gives how far a destination is, and whether this process is the one that goes on from there: mine until feedLease is over, and longer while it asks or
// keeps. known is false where nobody has begun.
func (j *Journal) TakeFeed(ctx context.Context, name string) (place journal.Place, known, mine bool, err error) {
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		place, known, mine = "", false, false
		var holder string
		var over, late bool
		err := conn.QueryRow(ctx, "SELECT place, holder, until < now(), until < now() + $2::interval / 2 FROM audit.feeds WHERE name = $1", name, feedLease).Scan(&place, &holder, &over, &late)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			mine = true
			return nil
		case err != nil:
			return err
		}
		known = true
		if mine = holder == j.o.Writer && !late; mine || holder != j.o.Writer && !over {
			return nil
		}
		const take = "UPDATE audit.feeds SET holder = $2, until = now() + $3 WHERE name = $1 AND (holder = $2 OR until < now()) RETURNING place"
		err = conn.QueryRow(ctx, take, name, j.o.Writer, feedLease).Scan(&place)
		if mine = err == nil; errors.Is(err, pgx.ErrNoRows) { // somebody was quicker
			err = nil
		}
		return err
	})
	return place, known, mine, err
}

// KeepFeed writes down how far a destination is. mine is false, and nothing is written, where another process has gone on with it meanwhile.
func (j *Journal) KeepFeed(ctx context.Context, name string, place journal.Place) (mine bool, err error) {
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, `INSERT INTO audit.feeds AS f (name, place, holder, until) VALUES ($1, $2, $3, now() + $4)
			ON CONFLICT (name) DO UPDATE SET place = EXCLUDED.place, until = EXCLUDED.until WHERE f.holder = EXCLUDED.holder`, name, string(place), j.o.Writer, feedLease)
		mine = tag.RowsAffected() > 0
		return err
	})
	return mine, err
}

// GiveFeed lets another process go on at once.
func (j *Journal) GiveFeed(ctx context.Context, name string) error {
	return j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, "UPDATE audit.feeds SET until = '-infinity' WHERE name = $1 AND holder = $2", name, j.o.Writer)
		return err
	})
}
