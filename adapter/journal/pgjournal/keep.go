package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Keep takes over what another journal was told: batch by batch, each in a transaction of its own that is written whole or not at all, so that nothing is there
// without what came before it. A row that is there already may be one whose commit was not answered, or that of whoever has reconciled the intent meanwhile.
func (j *Journal) Keep(ctx context.Context, entries []journal.Entry) (map[int]error, error) {
	unfit := map[int]error{}
	for first := 0; first < len(entries); first += maxBatch {
		if err := j.keepBatch(ctx, entries[first:min(first+maxBatch, len(entries))], first, unfit); err != nil {
			return nil, err
		}
	}
	return unfit, nil
}

// mostRaces is how often a batch is put together anew because somebody else was faster with one of its rows.
const mostRaces = 5

func (j *Journal) keepBatch(ctx context.Context, entries []journal.Entry, first int, unfit map[int]error) error {
	var err error
	for range mostRaces {
		bad := map[int]error{}
		if err = j.keepOnce(ctx, entries, first, bad); !errors.Is(err, errTaken) {
			if err == nil {
				maps.Copy(unfit, bad)
			}
			break
		}
	}
	switch {
	case errors.Is(err, errTaken):
		return away(err)
	case !errors.Is(err, backends.ErrInvalid):
		return err
	case len(entries) == 1:
		unfit[first] = err
		return nil
	}
	for i := range entries { // one of them cannot be written, and the database does not say which
		if err := j.keepBatch(ctx, entries[i:i+1], first+i, unfit); err != nil {
			return err
		}
	}
	return nil
}

// keeping is one entry on its way.
type keeping struct {
	place int
	call  *call
	in    *intent // of an entry that begins one: what Finish needs of it
	// again is the same row under another key; sure: the key of call is the one that it was written with, if it is there.
	again func(key []byte) (row, error)
	sure  bool
}

// keepOnce writes those of a batch that are not there, and finds those that cannot be written. errTaken: somebody else has written one of them meanwhile.
func (j *Journal) keepOnce(ctx context.Context, entries []journal.Entry, first int, unfit map[int]error) error {
	batch := keepBatch{j: j, begun: map[uuid.UUID]intent{}}
	if err := batch.look(ctx, entries); err != nil {
		return err
	}
	for i, e := range entries {
		k, err := batch.add(ctx, e)
		switch {
		case errors.Is(err, journal.ErrNoIntent), errors.Is(err, backends.ErrInvalid):
			unfit[first+i] = err
		case err != nil:
			return err
		default:
			k.place = first + i
		}
	}
	there, err := j.there(ctx, batch.list)
	if err != nil {
		return err
	}
	var calls []*call
	for _, k := range batch.list {
		if !there[k.call.row.table][k.call.row.id] {
			calls = append(calls, k.call)
			continue
		}
		err := j.same(ctx, k.call.row, k.sure, k.again)
		if errors.Is(err, journal.ErrConflict) {
			unfit[k.place] = err
		} else if err != nil {
			return err
		}
	}
	if err := j.doHistory(ctx, calls); err != nil {
		return err
	}
	for _, k := range batch.list {
		if k.in != nil && !there[tableIntents][k.call.row.id] {
			k.in.begun, k.in.stored, k.in.own = true, true, true
			j.known.put(k.call.row.id, *k.in)
		}
	}
	return nil
}

// keepBatch are the rows of a batch, as they are put together.
type keepBatch struct {
	j     *Journal
	list  []*keeping
	begun map[uuid.UUID]intent // by entries of this batch
	there map[uuid.UUID]bool   // intents that the database has and this process does not know
}

// look asks for the intents of a batch at once: most are not there, and need not be asked for one by one.
func (b *keepBatch) look(ctx context.Context, entries []journal.Entry) error {
	var strange []*call
	for _, e := range entries {
		id, err := uuidOf(e.ID)
		if err != nil || e.Intent == nil || e.Outcome != nil {
			continue
		}
		if _, tried := b.j.known.get(id); !tried {
			strange = append(strange, &call{row: row{id: id, time: stamp(e.Intent.Time)}})
		}
	}
	if len(strange) == 0 {
		return nil
	}
	return b.j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		b.there = map[uuid.UUID]bool{}
		batch := &pgx.Batch{}
		queueKnown(batch, strange, b.there)
		return conn.SendBatch(ctx, batch).Close()
	})
}

func (b *keepBatch) add(ctx context.Context, e journal.Entry) (*keeping, error) {
	id, err := uuidOf(e.ID)
	if err != nil {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: err.Error()}
	}
	var k *keeping
	switch {
	case e.Intent != nil && e.Outcome != nil:
		k, err = b.note(*e.Intent, *e.Outcome)
	case e.Intent != nil:
		k, err = b.intent(ctx, id, *e.Intent)
	case e.Outcome != nil:
		k, err = b.outcome(ctx, id, *e.Outcome)
	default:
		err = &backends.Error{Kind: backends.ErrInvalid, Detail: "An entry without an intent and an outcome."}
	}
	if err != nil {
		return nil, err
	}
	k.call.history = true
	b.list = append(b.list, k)
	return k, nil
}

// intent makes the row of an intent. One that was sent before has the key that it had then, here or in the database.
func (b *keepBatch) intent(ctx context.Context, id uuid.UUID, in journal.Intent) (*keeping, error) {
	old, tried := b.j.known.get(id)
	if !tried && b.there[id] {
		var err error
		if old, err = b.j.recall(ctx, id); err != nil {
			return nil, err
		}
		b.j.known.put(id, old)
	}
	key := old.key
	if key == nil {
		var err error
		if key, err = b.j.newKey(); err != nil {
			return nil, err
		}
	}
	r, clear, err := intentRow(in, key)
	if err != nil {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The journal cannot hold this entry.", Cause: err}
	}
	now := intent{row: r, clear: clear, key: key, stored: true}
	now.row.details = nil
	if old.begun {
		now = old
	}
	b.begun[id] = now
	k := &keeping{call: &call{row: r, key: key}, sure: old.own, again: func(key []byte) (row, error) {
		r, _, err := intentRow(in, key)
		return r, err
	}}
	if !old.begun {
		k.in = &now
	}
	if len(in.Weights) > 0 && len(b.j.o.Limits) > 0 {
		k.call.weighs = &in
	}
	return k, nil
}

func (b *keepBatch) outcome(ctx context.Context, id uuid.UUID, out journal.Outcome) (*keeping, error) {
	in, found := b.begun[id]
	if !found {
		if in, found = b.j.known.get(id); !found || !in.begun {
			var err error
			if in, err = b.j.recall(ctx, id); err != nil {
				return nil, err
			}
		}
	}
	r, err := outcomeRow(in.row, in.clear, out, in.key)
	if err != nil {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The journal cannot hold this entry.", Cause: err}
	}
	k := &keeping{call: &call{row: r}, sure: in.own, again: func(key []byte) (row, error) { return outcomeRow(in.row, in.clear, out, key) }}
	if !in.stored {
		k.call.key = in.key
	}
	if out.Nothing() {
		k.call.gives = &in.row
	}
	return k, nil
}

func (b *keepBatch) note(in journal.Intent, out journal.Outcome) (*keeping, error) {
	in.Noted = true
	key, err := b.j.newKey()
	if err != nil {
		return nil, err
	}
	r, err := noteRow(in, out, key)
	if err != nil {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The journal cannot hold this entry.", Cause: err}
	}
	return &keeping{call: &call{row: r, key: key}, again: func(key []byte) (row, error) { return noteRow(in, out, key) }}, nil
}

// there finds out which of these rows the database has, by table.
func (j *Journal) there(ctx context.Context, list []*keeping) (map[string]map[uuid.UUID]bool, error) {
	there := map[string]map[uuid.UUID]bool{}
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		there[tableIntents], there[tableEvents] = map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
		var intents, events []*call
		for _, k := range list {
			if k.call.row.table == tableIntents {
				intents = append(intents, k.call)
			} else {
				events = append(events, k.call)
			}
		}
		b := &pgx.Batch{}
		queueKnown(b, intents, there[tableIntents])
		queueClosed(b, events, there[tableEvents])
		return conn.SendBatch(ctx, b).Close()
	})
	return there, err
}

// queueClosed adds the statement that finds out which events are there.
func queueClosed(b *pgx.Batch, of []*call, there map[uuid.UUID]bool) {
	var rows rowArrays
	for _, c := range of {
		rows.add(c.row)
	}
	const closed = `SELECT e.id FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS w (id, at, kind) JOIN audit.events e ON e.id = w.id AND e."timestamp" = w.at AND e.kind = w.kind`
	b.Queue(closed, rows.id, rows.at, rows.kind).Query(func(r pgx.Rows) error {
		var id pgUUID
		_, err := pgx.ForEachRow(r, []any{&id}, func() error {
			there[id] = true
			return nil
		})
		return err
	})
}

// doHistory has the writing goroutine write rows as one batch, and waits. Every row hears the same, but for those that the database turns out to have.
func (j *Journal) doHistory(ctx context.Context, batch []*call) error {
	if len(batch) == 0 {
		return nil
	}
	for _, c := range batch {
		c.done = make(chan error, 1)
	}
	j.mu.RLock()
	closed := j.closed
	j.mu.RUnlock()
	if closed {
		return away(errClosed)
	}
	select {
	case j.history <- batch:
	case <-j.stopped:
		return away(errClosed)
	case <-ctx.Done():
		return away(ctx.Err())
	}
	var failed error
	for _, c := range batch {
		select {
		case err := <-c.done:
			failed = worse(failed, err)
		case <-ctx.Done():
			return away(fmt.Errorf("what became of it is not known: %w", ctx.Err()))
		}
	}
	return failed
}

// worse is the error that says more about a batch.
func worse(a, b error) error {
	if a == nil || errors.Is(a, errTaken) && b != nil {
		return b
	}
	return a
}
