package pgjournal

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// maxBatch bounds how many rows share a transaction, and how many wait for the next; maxBytes, how much they are: a statement that is sent whole is held whole, here
// and there.
const (
	maxBatch = 256
	maxBytes = 8 << 20
)

// call is one Begin, Finish or Note that waits for its turn.
type call struct {
	row       row
	key       []byte          // to be stored beside the row; nil: it is there already
	weighs    *journal.Intent // what the guard has to count; nil: nothing
	gives     *row            // the intent of which nothing has happened, so that what it took of the limits is given back; nil: none
	refused   error           // by the guard, in the attempt under way
	history   bool            // it has happened: the guard counts it and does not judge; its batch is written whole or not at all
	lost      int             // how often the answer to its commit was lost, and it turned out not to be there
	abandoned atomic.Bool     // nobody waits for it; it need not be written
	done      chan error      // buffered: answering never blocks
}

// do queues a row and waits until it is durable or has failed. When ctx is done first, the row is not written if it was still queued; else it may be.
func (j *Journal) do(ctx context.Context, c *call) error {
	c.done = make(chan error, 1)
	if err := j.enqueue(ctx, c); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		c.abandoned.Store(true)
		return away(ctx.Err())
	}
}

func (j *Journal) enqueue(ctx context.Context, c *call) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.closed {
		return away(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return away(err)
	}
	select {
	case j.queue <- c:
		return nil
	case <-ctx.Done():
		return away(ctx.Err())
	}
}

// run is the writing goroutine: it lives until the queue is closed and empty, and nothing is in doubt.
func (j *Journal) run() {
	defer close(j.stopped)
	pause, more := time.Duration(0), true
	for more || len(j.lost) > 0 {
		var batch []*call
		batch, more = j.gather(pause)
		if j.life.Err() != nil { // Close has waited long enough
			answer(batch, away(errClosed))
			answer(j.lost, away(errLost))
			j.lost = nil
			continue
		}
		if len(j.lost) > 0 {
			if err := j.settle(j.life); err != nil {
				answer(batch, j.failed(err))
				j.tire(err)
				pause = min(max(2*pause, 50*time.Millisecond), time.Second)
				continue
			}
		}
		pause = 0
		if len(j.lost) > 0 { // what was settled was written anew, and the answer lost again
			answer(batch, away(errLost))
			pause = 50 * time.Millisecond
			continue
		}
		j.commit(batch)
	}
}

// gather takes what has queued up, and waits for the first; while something is in doubt no longer than a pause. more is false when nothing will come any more.
func (j *Journal) gather(pause time.Duration) (batch []*call, more bool) {
	var late <-chan time.Time
	if len(j.lost) > 0 {
		late = time.After(pause)
	}
	select {
	case first, open := <-j.queue:
		if !open {
			j.rest(late)
			return nil, false
		}
		batch = append(batch, first)
	case history := <-j.history:
		return history, true
	case <-late:
		return nil, true
	}
	for size := len(batch[0].row.details); len(batch) < maxBatch && size < maxBytes; {
		select {
		case next, open := <-j.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, next)
			size += len(next.row.details)
		default:
			return batch, true
		}
	}
	return batch, true
}

// rest waits for the end of a pause, or until Close has waited long enough.
func (j *Journal) rest(late <-chan time.Time) {
	if late == nil {
		return
	}
	select {
	case <-late:
	case <-j.life.Done():
	}
}

// tire tells those who wait for a lost answer, when they have waited as long as for any, that nobody knows. If what they sent turns out to be durable, it stays.
func (j *Journal) tire(why error) {
	if time.Since(j.lostAt) < j.o.Timeout {
		return
	}
	for _, c := range j.lost {
		if !c.abandoned.Swap(true) {
			c.done <- away(errors.Join(errLost, why))
		}
	}
}

// answer tells those who still wait.
func answer(calls []*call, err error) {
	for _, c := range calls {
		select {
		case c.done <- err:
		default: // it has been told that nobody knows
		}
	}
}

// commit writes a batch in one transaction and answers it. Where one row's fault fails them all, each is written alone.
func (j *Journal) commit(batch []*call) {
	batch = slices.DeleteFunc(batch, func(c *call) bool { return c.abandoned.Load() })
	if len(batch) == 0 {
		return
	}
	err := j.send(j.life, batch)
	switch {
	case err == nil, errors.Is(err, errLost): // answered, or to be answered when it is known
	case (oneRow(err) || taken(err)) && len(batch) > 1 && !batch[0].history:
		j.each(batch)
	case taken(err):
		answer(batch, errTaken)
	default:
		answer(batch, j.failed(err))
	}
}

// each writes every row of a batch alone.
func (j *Journal) each(batch []*call) {
	for i, c := range batch {
		if len(j.lost) > 0 {
			answer(batch[i:], away(errLost)) // they were not sent
			return
		}
		j.commit([]*call{c})
	}
}

// failed is translate for what the writing goroutine met: that the journal is away is logged when it begins.
func (j *Journal) failed(err error) error {
	if oneRow(err) {
		return translate(err)
	}
	if was, _ := j.down.Swap(fault{err}).(fault); was.err == nil {
		j.o.Logger.Error("the journal cannot be written", "error", err)
	}
	if e := translate(err); !hiddenFrom(err) {
		return e
	}
	return away(err) // who may not write is to hear that it was not written
}

// well notes that the journal can be written.
func (j *Journal) well() {
	if was, _ := j.down.Load().(fault); was.err != nil {
		j.down.Store(fault{})
		j.o.Logger.Info("the journal can be written again")
	}
}
