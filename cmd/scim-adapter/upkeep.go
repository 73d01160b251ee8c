package main

import (
	"context"
	"errors"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// maintainEvery is how often the months of the journal are looked after.
const maintainEvery = 24 * time.Hour

// reconcileEvery is how often intents are looked for whose writer has died.
const reconcileEvery = time.Minute

// reconciling settles open intents until ctx ends. Those of a directory that is away are left for the next time.
func (w *world) reconciling(ctx context.Context) {
	if w.store == nil {
		return
	}
	mayRead := true
	for {
		mayRead = w.reconcile(ctx, mayRead, time.Now())
		select {
		case <-time.After(reconcileEvery):
		case <-ctx.Done():
			return
		}
	}
}

// reconcile settles the open intents there are. A role that may not read the journal is told so once: it may read it some day.
func (w *world) reconcile(ctx context.Context, mayRead bool, now time.Time) bool {
	r, err := w.service.Reconcile(ctx, w.store, now)
	switch {
	case err == nil:
		if r != (adapter.Reconciled{}) {
			w.log.Info("intents without an outcome were looked at", "done", r.Done, "not_done", r.NotDone, "unknown", r.Unknown, "left", r.Left, "by_others", r.Others)
		}
		return true
	case ctx.Err() != nil:
	case errors.Is(err, backends.ErrRefused):
		if mayRead {
			w.log.Warn("writes that this process, or another, did not come to the end of are not settled: that needs a role that may read the journal", "error", err)
		}
		return false
	default:
		w.log.Warn("intents without an outcome could not be looked at", "error", err)
	}
	return mayRead
}

// upkeep does what the journal needs done from time to time, until ctx ends.
func (w *world) upkeep(ctx context.Context) {
	if w.config.Journal.Kind != configs.JournalPostgres || !w.config.Journal.Migrate {
		return
	}
	w.maintain(ctx)
	again := time.NewTicker(maintainEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			w.maintain(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// maintain makes the coming months and drops those that need not be kept, where the role may: otherwise `audit maintain` does it, in a role that may.
func (w *world) maintain(ctx context.Context) {
	m := pgjournal.Maintenance{
		Database: w.config.Database.URL, Retention: w.config.Audit.Retention,
		Say: func(line string) { w.log.Info("the journal's months: " + line) },
	}
	key, err := signingKey(w.config, true)
	if err != nil {
		w.log.Warn("without a key to sign with no month of the journal is dropped", "error", err)
	} else {
		m.Sign = signer(key)
	}
	err = pgjournal.Maintain(ctx, m)
	if lacks, ok := errors.AsType[*pgjournal.LackedRights](err); ok {
		w.log.Debug("the months of the journal are left to audit maintain", "because", lacks.Error())
		return
	}
	if err != nil && ctx.Err() == nil {
		w.log.Warn("the months of the journal were not looked after", "error", err)
	}
}
