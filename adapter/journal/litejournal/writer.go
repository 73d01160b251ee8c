package litejournal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxBatch bounds how many writes share a transaction, and how many wait for the next.
const maxBatch = 256

// job is one write, waiting for its turn.
type job struct {
	do        func(ctx context.Context, conn *sql.Conn) error
	abandoned atomic.Bool // nobody waits for it; it need not be done
	done      chan error  // buffered: answering never blocks
}

// ErrInUse says that another process has the journal open.
var ErrInUse = errors.New("in use by another process")

var errClosed = errors.New("the journal is closed")

// inUse is what somebody reads who starts a second process.
func inUse(path, holder string) error {
	if holder == "" {
		holder = "unknown"
	}
	return fmt.Errorf("journal %s is %w (%s): an embedded journal serves one process; give this one another path", path, ErrInUse, holder)
}

// do queues a write and waits until it is durable or has failed. When ctx is done first, the write has not happened if it was still queued;
// else it may have.
func (j *Journal) do(ctx context.Context, write func(context.Context, *sql.Conn) error) error {
	jb := &job{do: write, done: make(chan error, 1)}
	if err := j.enqueue(ctx, jb); err != nil {
		return err
	}
	select {
	case err := <-jb.done:
		return err
	case <-ctx.Done():
		jb.abandoned.Store(true)
		return away(ctx.Err())
	}
}

func (j *Journal) enqueue(ctx context.Context, jb *job) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.closed {
		return away(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return away(err)
	}
	select {
	case j.queue <- jb:
		return nil
	case <-ctx.Done():
		return away(ctx.Err())
	}
}

// run is the writing goroutine: it lives until the queue is closed and empty.
func (j *Journal) run() {
	defer close(j.stopped)
	for first := range j.queue {
		batch := []*job{first}
	gather:
		for len(batch) < maxBatch {
			select {
			case next, open := <-j.queue:
				if !open {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		j.commit(batch)
	}
}

// commit does a batch in one transaction. A job that fails is taken back alone; when the commit fails, all have failed. The context is
// nobody's in particular: one caller's impatience must not spoil the others' writes.
func (j *Journal) commit(batch []*job) {
	ctx := context.Background()
	errs := make([]error, len(batch))
	err := j.inTransaction(ctx, func(conn *sql.Conn) error {
		for i, jb := range batch {
			if jb.abandoned.Load() {
				continue
			}
			var broken error
			if errs[i], broken = attempt(ctx, conn, jb); broken != nil {
				return broken
			}
		}
		return nil
	})
	for i, jb := range batch {
		if err != nil {
			errs[i] = away(err)
		}
		jb.done <- errs[i]
	}
}

// attempt does one job within a savepoint: failed is the job's own failure, broken means that the transaction cannot go on.
func attempt(ctx context.Context, conn *sql.Conn, jb *job) (failed, broken error) {
	if _, err := conn.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	if failed = jb.do(ctx, conn); failed != nil {
		if _, err := conn.ExecContext(ctx, "ROLLBACK TO job"); err != nil { // a disk that is full ends the transaction, too
			return failed, errors.Join(failed, err)
		}
	}
	_, broken = conn.ExecContext(ctx, "RELEASE job")
	return failed, broken
}

func (j *Journal) inTransaction(ctx context.Context, work func(*sql.Conn) error) (err error) {
	if err := j.isThere(); err != nil {
		return err
	}
	conn, err := j.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := begin(ctx, conn); err != nil {
		return err
	}
	if err := work(conn); err != nil {
		return errors.Join(err, rollback(ctx, conn))
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return errors.Join(err, rollback(ctx, conn))
	}
	return nil
}

// writePatience is how long a batch waits for the writes of other processes. Each caller waits as long as its own context lets it.
const writePatience = 30 * time.Second

// begin takes the right to write. SQLite itself would wait for it by looking ever more rarely, ten times a second in the end: beside somebody who writes all the
// time it would hardly ever look at the right moment. So this asks often.
func begin(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 5"); err != nil {
		return err
	}
	for deadline := time.Now().Add(writePatience); ; time.Sleep(time.Millisecond) {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		if busy, ok := errors.AsType[*sqlite.Error](err); !ok || busy.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
	}
}

func rollback(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// isThere notices that the file was deleted or replaced: SQLite would go on writing into what nobody will ever read.
func (j *Journal) isThere() error {
	now, err := os.Stat(j.path)
	if err != nil {
		return err
	}
	if !os.SameFile(now, j.file) {
		return fmt.Errorf("%s is no longer the file that was opened", j.path)
	}
	return nil
}
