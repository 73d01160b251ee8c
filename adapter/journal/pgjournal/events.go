package pgjournal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// keySize is that of AES-256.
const keySize = 32

func (j *Journal) newKey() ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(j.o.Random, key); err != nil {
		return nil, fmt.Errorf("a key for an entry of the journal: %w", err)
	}
	return key, nil
}

// Begin writes an intent. It is encoded here and now, so that the caller may change what it points to as soon as Begin is back, whether it succeeded or not.
func (j *Journal) Begin(ctx context.Context, in journal.Intent) error {
	id, err := uuidOf(in.ID)
	if err != nil {
		return err
	}
	old, tried := j.known.get(id)
	key := old.key
	if !tried {
		if key, err = j.newKey(); err != nil {
			return err
		}
	}
	r, d, err := intentRow(in, key)
	switch {
	case err != nil:
		return err
	case old.begun && bytes.Equal(old.row.digest, r.digest):
		return nil
	case old.begun:
		return fmt.Errorf("%w: %q in %s", journal.ErrConflict, in.ID, r.table)
	}
	now := intent{row: r, clear: d, key: key}
	now.row.details = nil // it is long
	j.known.put(id, now)  // also when nobody hears what becomes of it: who tries again tries with the same row
	c := &call{row: r, key: key}
	if len(in.Weights) > 0 && len(j.o.Limits) > 0 {
		c.weighs = &in
	}
	err = j.do(ctx, c)
	if errors.Is(err, errTaken) {
		return j.same(ctx, r, false, func(key []byte) (row, error) {
			r, _, err := intentRow(in, key)
			return r, err
		})
	}
	if err == nil {
		now.begun, now.stored, now.own = true, true, true
		j.known.put(id, now)
	}
	return err
}

// Finish closes an intent.
func (j *Journal) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	u, err := uuidOf(id)
	if err != nil {
		return fmt.Errorf("%w: %q", journal.ErrNoIntent, id)
	}
	in, found := j.known.get(u)
	if !found || !in.begun {
		if in, err = j.recall(ctx, u); err != nil {
			return err
		}
	}
	r, err := outcomeRow(in.row, in.clear, out, in.key)
	if err != nil {
		return err
	}
	c := &call{row: r}
	if out.Nothing() {
		c.gives = &in.row
	}
	if !in.stored {
		c.key = in.key
	}
	err = j.do(ctx, c)
	if errors.Is(err, errTaken) {
		return j.same(ctx, r, in.own, func(key []byte) (row, error) { return outcomeRow(in.row, in.clear, out, key) })
	}
	if err == nil && !in.stored {
		in.stored = true
		j.known.put(u, in)
	}
	return err
}

// Note writes an event that is no write: one row, which has its intent with it.
func (j *Journal) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	in.Noted = true
	key, err := j.newKey()
	if err != nil {
		return err
	}
	r, err := noteRow(in, out, key)
	if err != nil {
		return err
	}
	err = j.do(ctx, &call{row: r, key: key})
	if errors.Is(err, errTaken) {
		return j.same(ctx, r, false, func(key []byte) (row, error) { return noteRow(in, out, key) })
	}
	return err
}

// same says whether a row that is taken is this one: nil, or ErrConflict. Under the same key its digest tells, which is sure to be the same only for who has
// begun the entry or read it; under another, which lies in the database, it is made again with that. A role that may not read keys cannot tell: ids are made at random, and who sends one again, after a restart, sends the same entry again.
func (j *Journal) same(ctx context.Context, mine row, sure bool, again func(key []byte) (row, error)) error {
	var digest []byte
	var keys [][]byte
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		if err := conn.QueryRow(ctx, "SELECT digest FROM audit."+mine.table+` WHERE id = $1 AND "timestamp" = $2`, mine.id, mine.time).Scan(&digest); err != nil {
			return err
		}
		if sure || bytes.Equal(digest, mine.digest) {
			return nil
		}
		var err error
		keys, err = keysOf(ctx, conn, mine.id, mine.time)
		if hiddenFrom(err) {
			return nil
		}
		return err
	})
	if err != nil || bytes.Equal(digest, mine.digest) {
		return err
	}
	for _, other := range keys {
		r, err := again(other)
		if err != nil {
			return err
		}
		if bytes.Equal(digest, r.digest) {
			return nil
		}
	}
	if len(keys) == 0 && !sure {
		return nil
	}
	return fmt.Errorf("%w: %q in %s", journal.ErrConflict, mine.id, mine.table)
}
