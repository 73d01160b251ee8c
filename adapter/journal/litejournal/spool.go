package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Spool is a file that keeps entries in the order in which they came until they have been taken elsewhere: what a journal in a database is told while that is away.
// Its writing goroutine, its lock and its guard are those of a journal. What is taken elsewhere is wiped from the file; what it has used of the limits stays and
// counts until it leaves the window, so that a database that comes and goes gives nobody a fresh allowance each time.
type Spool struct{ j *Journal }

// spoolSchema is what the file has beside the tables of a journal, which stay empty but for those of the guard. Time is in microseconds since 1970.
const spoolSchema = `
CREATE TABLE IF NOT EXISTS spooled (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	id      TEXT NOT NULL,
	closing INTEGER NOT NULL, -- 1: what came of an intent that began before
	time    INTEGER NOT NULL,
	body    TEXT NOT NULL CHECK (json_valid(body)),
	UNIQUE (id, closing)
) STRICT;
CREATE TABLE IF NOT EXISTS rejected (
	seq  INTEGER PRIMARY KEY,
	time INTEGER NOT NULL,
	body TEXT NOT NULL,
	why  TEXT NOT NULL
) STRICT;`

// pageSize is SQLite's own.
const pageSize = 4096

// OpenSpool opens the spool in a file, making it when there is none. It holds mostBytes, and less where the disk is full. A second process is refused.
func OpenSpool(ctx context.Context, path string, mostBytes int64, limits ...journal.Limit) (*Spool, error) {
	// The uses of the guard outlive their intents here, and nothing may be read in the file that was taken out of it.
	pragmas := []string{"synchronous(FULL)", "foreign_keys(0)", "secure_delete(1)", "max_page_count(" + strconv.FormatInt(max(mostBytes/pageSize, 64), 10) + ")"}
	j, err := Open(ctx, path, WithLimits(limits...), func(j *Journal) { j.pragmas = pragmas })
	if err != nil {
		return nil, err
	}
	if _, err := j.write.ExecContext(ctx, spoolSchema); err != nil {
		return nil, errors.Join(fmt.Errorf("spool %s: %w", j.path, err), j.Close())
	}
	return &Spool{j}, nil
}

// Close closes the file, with what it holds.
func (s *Spool) Close() error { return s.j.Close() }

// Ping says whether the file can be written.
func (s *Spool) Ping(ctx context.Context) error { return s.j.Ping(ctx) }

// Put adds an entry at the end; the same entry again changes nothing, and another under its id is journal.ErrConflict. What an intent weighs is held against the
// limits: a *journal.Refusal stores nothing.
func (s *Spool) Put(ctx context.Context, e journal.Entry) error {
	if e.ID == "" {
		return errors.New("an entry needs an id")
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("an entry that cannot be written down: %w", err)
	}
	closing := e.Intent == nil
	var in journal.Intent
	if !closing && e.Outcome == nil {
		in = *e.Intent
		in.Weights = slices.Clone(in.Weights) // the caller may change its own while this waits for its turn
	}
	return s.j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		var there string
		err := conn.QueryRowContext(ctx, "SELECT body FROM spooled WHERE id = ? AND closing = ?", string(e.ID), closing).Scan(&there)
		switch {
		case err == nil && there == string(body):
			return nil
		case err == nil:
			return fmt.Errorf("%w: %q in the spool", journal.ErrConflict, e.ID)
		case !errors.Is(err, sql.ErrNoRows):
			return away(err)
		}
		const put = "INSERT INTO spooled (id, closing, time, body) VALUES (?, ?, ?, ?)"
		if _, err := conn.ExecContext(ctx, put, string(e.ID), closing, time.Now().UnixMicro(), string(body)); err != nil {
			return away(err)
		}
		if closing && e.Outcome != nil && e.Outcome.Nothing() {
			return giveBack(ctx, conn, e.ID)
		}
		return s.j.take(ctx, conn, in)
	})
}

// mostPeeked bounds how much Peek gives at a time, in bytes; one entry may be longer.
const mostPeeked = 8 << 20

// Peek gives the first entries, and the number of the last of them for Drop.
func (s *Spool) Peek(ctx context.Context, limit int) (entries []journal.Entry, last int64, err error) {
	err = s.j.query(ctx, func(rows *sql.Rows) error {
		var body string
		var e journal.Entry
		if err := rows.Scan(&last, &body); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			return fmt.Errorf("entry %d of the spool: %w", last, err)
		}
		entries = append(entries, e)
		return nil
	}, `SELECT seq, body FROM (SELECT seq, body, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before FROM (SELECT seq, body FROM spooled ORDER BY seq LIMIT ?))
		WHERE before < ? ORDER BY seq`, limit, mostPeeked)
	return entries, last, err
}

// Drop takes away what Peek gave up to this number. Of those that nobody can take, why says so by their place in what Peek gave: they are put aside.
func (s *Spool) Drop(ctx context.Context, last int64, why map[int]error) error {
	return s.j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		for place, reason := range why {
			const aside = "INSERT OR IGNORE INTO rejected (seq, time, body, why) SELECT seq, time, body, ? FROM spooled ORDER BY seq LIMIT 1 OFFSET ?"
			if _, err := conn.ExecContext(ctx, aside, reason.Error(), place); err != nil {
				return away(err)
			}
		}
		if _, err := conn.ExecContext(ctx, "DELETE FROM spooled WHERE seq <= ?", last); err != nil {
			return away(err)
		}
		return nil
	})
}

// Waiting is how many entries there are, since when the first of them waits, and how many were put aside.
func (s *Spool) Waiting(ctx context.Context) (n int, since time.Time, aside int, err error) {
	var first sql.NullInt64
	row := s.j.read.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM spooled), (SELECT time FROM spooled ORDER BY seq LIMIT 1), (SELECT count(*) FROM rejected)")
	if err := row.Scan(&n, &first, &aside); err != nil {
		return 0, time.Time{}, 0, away(err)
	}
	if first.Valid {
		since = time.UnixMicro(first.Int64)
	}
	return n, since, aside, nil
}

// Tidy gives what an empty spool does not need back to the disk, and forgets what no limit can count any more.
func (s *Spool) Tidy(ctx context.Context, now time.Time) error {
	var longest time.Duration
	for _, l := range s.j.limits {
		longest = max(longest, l.Window)
	}
	err := s.j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "DELETE FROM guard_uses WHERE time <= ?", now.Add(-longest).UnixMicro())
		return err
	})
	if err != nil {
		return err
	}
	if _, err = s.j.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil { // the log may hold what was wiped from the file
		return away(err)
	}
	return nil
}
