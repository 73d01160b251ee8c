package main

import (
	"context"
	"errors"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// maintainEvery is how often the months of the journal are looked after.
const maintainEvery = 24 * time.Hour

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
