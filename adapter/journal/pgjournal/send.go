package pgjournal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// grace is how much later than the server's own this side's time for a transaction ends, so that the server says first that it is over.
const grace = time.Second

// sessionSQL begins a transaction that writes: it says how long a statement may take, a little less where it waits for a lock; that a commit is durable when it is
// answered, whatever the database is set to; and it takes locks, in their order.
const sessionSQL = `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
	set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)`

const lockSQL = "SELECT pg_advisory_xact_lock(n) FROM unnest($1::bigint[]) WITH ORDINALITY AS l (n, place) ORDER BY place"

func (j *Journal) session(b *pgx.Batch, locks []int64) {
	limit := j.o.Timeout.Milliseconds()
	b.Queue(sessionSQL, strconv.FormatInt(limit, 10), strconv.FormatInt(limit*9/10, 10))
	b.Queue(lockSQL, locks)
}

// chainLock is held by each transaction that adds to the chain of this process, so that whoever does not hear of a commit can wait for its end.
func (j *Journal) chainLock() []int64 { return []int64{lockOf("chain", j.o.Writer)} }

// lockOf is the number of an advisory lock.
func lockOf(words ...string) int64 {
	h := sha256.New()
	h.Write([]byte("scim-adapter"))
	for _, w := range words {
		_ = binary.Write(h, binary.BigEndian, uint64(len(w)))
		h.Write([]byte(w))
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil))) //nolint:gosec // it is a name and no quantity
}

// send links the rows of a batch into the chain and writes them. nil: they are durable and answered. errLost: nobody knows, and they are in j.lost. Anything else:
// nothing is written, and nobody is answered.
func (j *Journal) send(ctx context.Context, batch []*call) error {
	var w written
	dead := false
	write := func(ctx context.Context, conn *pgxpool.Conn) error {
		w = written{}
		err := j.write(ctx, conn, batch, &w)
		dead = err != nil && ctx.Err() == nil && gone(conn, err) && (!w.sent || pgconn.SafeToRetry(err))
		return err
	}
	err := j.with(ctx, write)
	if dead { // and was so before anything was asked of it
		err = j.with(ctx, write)
	}
	if err != nil && (!w.sent || undone(err)) {
		return err
	}
	for _, c := range w.turnedAway {
		answer([]*call{c}, c.refused)
	}
	if err == nil {
		j.landed(w.rows, w.top)
		return nil
	}
	j.o.Logger.Warn("the journal's database did not answer a commit; nothing else is written before it is known what came of it", "rows", len(w.rows), "error", err)
	j.lost, j.lostAt = w.rows, time.Now()
	return errLost
}

// written is what was made of a batch.
type written struct {
	rows, turnedAway []*call
	top              head // after rows
	sent             bool // so that it may be durable
}

// write writes a batch.
func (j *Journal) write(ctx context.Context, conn *pgxpool.Conn, batch []*call, w *written) error {
	if slices.ContainsFunc(batch, func(c *call) bool { return c.weighs != nil }) {
		return j.writeWeighed(ctx, conn, batch, w)
	}
	w.rows, w.top, w.sent = batch, j.number(batch), true
	b := &pgx.Batch{}
	j.session(b, j.chainLock())
	queueRows(b, batch)
	queueReturns(b, batch)
	return conn.SendBatch(ctx, b).Close()
}

// number gives the rows of a batch their places in the chain.
func (j *Journal) number(batch []*call) head {
	top := j.head()
	for _, c := range batch {
		top.seq++
		link := next(top.link, j.o.Writer, top.seq, c.row.table, c.row.digest)
		c.row.writer, c.row.seq, c.row.link = j.o.Writer, top.seq, link
		top.link = link
	}
	return top
}

// writeWeighed writes a batch of which something weighs: the guard counts and takes in the transaction that writes, and what it refuses has no number. An intent
// that is there already has been counted.
func (j *Journal) writeWeighed(ctx context.Context, conn *pgxpool.Conn, batch []*call, w *written) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}) // whoever had the lock before is to be seen, whatever the database is set to
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // where it does not come to its end
	locks := j.chainLock()
	var weighing []*call
	for _, c := range batch {
		c.refused = nil
		if c.weighs != nil {
			weighing = append(weighing, c)
			locks = append(locks, lockOf("guard", c.weighs.Tenant))
		}
	}
	slices.Sort(locks)
	b := &pgx.Batch{}
	j.session(b, slices.Compact(locks))
	known := map[uuid.UUID]bool{}
	queueKnown(b, weighing, known)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	for _, c := range weighing {
		if known[c.row.id] {
			c.refused = errTaken
		}
	}
	uses, err := j.take(ctx, tx, slices.DeleteFunc(weighing, func(c *call) bool { return c.refused != nil }))
	if err != nil {
		return err
	}
	for _, c := range batch {
		if c.refused != nil {
			w.turnedAway = append(w.turnedAway, c)
		} else {
			w.rows = append(w.rows, c)
		}
	}
	w.top = j.number(w.rows)
	if len(w.rows) == 0 {
		return nil
	}
	b = &pgx.Batch{}
	queueRows(b, w.rows)
	uses(b)
	queueReturns(b, w.rows)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	w.sent = true
	return tx.Commit(ctx)
}

// landed answers a batch that is durable.
func (j *Journal) landed(batch []*call, top head) {
	j.headMu.Lock()
	j.top = top
	j.headMu.Unlock()
	j.well()
	answer(batch, nil)
}

// maxLost is how often a row is written whose answers are lost, before its caller hears that it was not.
const maxLost = 3

// settle finds out what came of a commit that was not answered: it waits until that transaction is over, which holds the lock of the chain to its end, and
// looks for one of its rows. What is not there is written anew, unless nobody waits for it any more.
func (j *Journal) settle(ctx context.Context) error {
	last := j.lost[len(j.lost)-1].row
	there := false
	err := j.with(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var standby bool
		b := &pgx.Batch{}
		j.session(b, j.chainLock())
		b.Queue("SELECT pg_is_in_recovery(), EXISTS (SELECT FROM audit."+last.table+` WHERE id = $1 AND "timestamp" = $2 AND writer = $3 AND seq = $4 AND link = $5)`,
			last.id, last.time, last.writer, last.seq, last.link).QueryRow(func(r pgx.Row) error { return r.Scan(&standby, &there) })
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if standby { // it may not have heard of it yet
			return errStandby
		}
		return nil
	})
	if err != nil {
		return err
	}
	batch := j.lost
	j.lost = nil
	if there {
		j.landed(batch, head{last.seq, last.link})
		return nil
	}
	again := false
	for _, c := range batch {
		again = again || c.lost > 0
		if c.lost++; c.lost == maxLost { // it may be what loses the answers
			c.abandoned.Store(true)
			answer([]*call{c}, away(errLost))
		}
	}
	if again && !batch[0].history {
		j.each(batch)
	} else {
		j.commit(batch)
	}
	return nil
}

// with does something on a connection, within the time that a statement may take. What was prepared on the connection may be lost, behind a pooler: then it is
// done once more, for nothing has happened yet.
func (j *Journal) with(ctx context.Context, do func(context.Context, *pgxpool.Conn) error) error {
	return j.lend(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, j.o.Timeout+grace)
		defer cancel()
		err := do(ctx, conn)
		if unprepared(err) && conn.Conn().DeallocateAll(ctx) == nil {
			err = do(ctx, conn)
		}
		if err != nil && ctx.Err() == nil && gone(conn, err) {
			j.pool.Reset() // those that lie idle are as old
		}
		return err
	})
}

// ask is with for what may be done twice: a connection that turns out to be dead is made good once. Its errors are for callers.
func (j *Journal) ask(ctx context.Context, do func(context.Context, *pgxpool.Conn) error) error {
	dead := false
	try := func(ctx context.Context, conn *pgxpool.Conn) error {
		err := do(ctx, conn)
		dead = err != nil && ctx.Err() == nil && gone(conn, err)
		return err
	}
	err := j.with(ctx, try)
	if dead {
		err = j.with(ctx, try)
	}
	return translate(err)
}

// lend takes a connection from the pool for as long as do takes.
func (j *Journal) lend(ctx context.Context, do func(context.Context, *pgxpool.Conn) error) error {
	if j.life.Err() != nil {
		return errClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(j.life, func() { cancel(errClosed) })()
	conn, err := j.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := j.check(ctx, conn); err != nil {
		return err
	}
	return do(ctx, conn)
}

// once the server was found to be away, it is not waited for as long.
const shortPatience = time.Second

func (j *Journal) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	patience := j.o.Database.ConnectionTimeout
	if was, _ := j.down.Load().(fault); was.err != nil {
		patience = min(patience, shortPatience)
	}
	within, cancel := context.WithTimeoutCause(ctx, patience, errBusy)
	defer cancel()
	conn, err := j.pool.Acquire(within)
	if err != nil && within.Err() != nil {
		return nil, errors.Join(context.Cause(within), err)
	}
	return conn, err
}

// readable is the last migration that reading events needs.
const readable = "00002_audit.sql"

// check asks once whether the database has what this program needs.
func (j *Journal) check(ctx context.Context, conn *pgxpool.Conn) error {
	if j.ready.Load() {
		return nil
	}
	missing, err := Pending(ctx, conn.Conn())
	if err != nil {
		return fmt.Errorf("asking how new the journal's tables are: %w", err)
	}
	if j.o.Reading {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name > readable })
	}
	if len(missing) > 0 {
		return fmt.Errorf("the journal's database lacks %v: run scim-adapter migrate", missing)
	}
	j.ready.Store(true)
	return nil
}
