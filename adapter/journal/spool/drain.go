package spool

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

const (
	page = 256 // entries that are taken to the database at a time
	// lastPatience is how long writers wait for the last page, and asking how it goes may take.
	lastPatience = 2 * time.Second
)

// Run takes what the file holds to the database whenever that is there, until ctx ends.
func (j *Journal) Run(ctx context.Context) {
	for {
		select {
		case <-j.wake:
		case <-ctx.Done():
			return
		}
		for j.spooling.Load() {
			err := j.Drain(ctx)
			if err == nil {
				break
			}
			j.stalled(ctx, err)
			select {
			case <-time.After(j.o.Pause):
			case <-ctx.Done():
				return
			}
		}
	}
}

// Drain takes all that waits to the database, after which entries go there again. An error leaves what is not there in the file. One at a time may do it.
func (j *Journal) Drain(ctx context.Context) error {
	asked, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	if err := j.noticed(j.Shared.Ping(asked)); err != nil {
		return err
	}
	for taken := 0; ; {
		n, err := j.pass(ctx)
		if err != nil {
			return err
		}
		taken += n
		if j.goesOn(n); n == page {
			continue
		}
		empty, n, err := j.last(ctx)
		if err != nil {
			return err
		}
		taken += n
		j.goesOn(n)
		if empty {
			j.stall = stall{}
			j.o.Logger.Info("the journal's database is back, and has all that was spooled", "entries", taken)
			return j.o.File.Tidy(ctx, j.o.Now())
		}
	}
}

// pass takes one page.
func (j *Journal) pass(ctx context.Context) (int, error) {
	entries, last, err := j.o.File.Peek(ctx, page)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	unfit, err := j.take(ctx, entries)
	if err != nil {
		return 0, j.noticed(err)
	}
	for place, why := range unfit {
		j.o.Logger.Error("the journal's database will never take an entry of the spool, which puts it aside", "event", string(entries[place].ID), "begins", entries[place].Intent != nil, "error", why)
	}
	return len(entries), j.o.File.Drop(ctx, last, unfit)
}

// take has the journal keep what it was told, and then the overlay forget what it is to forget, which may happen twice. Neither is about the other: what is kept of a
// record is never spooled.
func (j *Journal) take(ctx context.Context, entries []journal.Entry) (unfit map[int]error, err error) {
	var told []journal.Entry
	var places []int
	for i, e := range entries {
		if e.Forget == nil {
			told, places = append(told, e), append(places, i)
		}
	}
	unfit = map[int]error{}
	if len(told) > 0 {
		never, err := j.Keep(ctx, told)
		if err != nil {
			return nil, err
		}
		for i, why := range never {
			unfit[places[i]] = why
		}
	}
	for i, e := range entries {
		if f := e.Forget; f != nil {
			err := j.Forget(ctx, f.Tenant, f.ResourceType, f.Key)
			switch {
			case errors.Is(err, backends.ErrUnavailable), ctx.Err() != nil:
				return nil, cmp.Or(err, ctx.Err())
			case err != nil:
				unfit[i] = err
			}
		}
	}
	return unfit, nil
}

// last takes what came meanwhile while nobody may write, and ends the spooling if that was all.
func (j *Journal) last(ctx context.Context) (empty bool, n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	if n, err = j.pass(ctx); err != nil {
		return false, 0, err
	}
	left, _, err := j.o.File.Peek(ctx, 1)
	if err != nil || len(left) > 0 {
		return false, n, err
	}
	j.spooling.Store(false)
	return true, n, nil
}
