package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/spool"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	// spoolFile is where entries wait, below journal.path.
	spoolFile = "spool.sqlite"
	// mostSpooled is how long it may become, in bytes: some hundred thousand writes.
	mostSpooled = 1 << 30
)

// openSpool puts a spool before the journal in the database. It lies where it outlives the process, or is refused, and belongs to one process.
func openSpool(ctx context.Context, config *configs.Config, shared spool.Shared, log *slog.Logger) (store, error) {
	if faults := config.CheckSpool(); len(faults) > 0 {
		return nil, errors.Join(faults, shared.Close())
	}
	limits := journal.Divide(adapter.GuardLimits(config.Guard), max(config.Server.Replicas, 1))
	file, err := litejournal.OpenSpool(ctx, filepath.Join(config.Journal.Path, spoolFile), mostSpooled, limits...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal.path: %w", err), shared.Close())
	}
	s, err := spool.Open(ctx, spool.Options{Shared: shared, File: file, Limits: limits, Among: config.Server.Replicas, Refuse: config.Guard.WhenSpooling == configs.SpoolingRefuse, Logger: log})
	if err != nil {
		return nil, errors.Join(err, shared.Close(), file.Close())
	}
	return s, nil
}

// warnOfOverlays names the types of which not all can be written while the database is away, because some of it is kept there.
func (w *world) warnOfOverlays() {
	for _, m := range w.mappings.All() {
		if overlays := m.Overlays(); len(overlays) > 0 {
			w.log.Warn("journal.on_unavailable is spool, but resources of this type are partly kept in the journal's database: while that is away they are shown without these attributes and without ETag, and a PUT, a write with If-Match and one that names such an attribute are 503",
				"type", m.Name(), "overlay", fmt.Sprint(overlays))
		}
	}
}

// drainSpool takes what is spooled to the journal's database whenever that is there, until ctx ends.
func (w *world) drainSpool(ctx context.Context) {
	if s, ok := w.store.(*spool.Journal); ok {
		s.Run(ctx)
	}
}

// The metrics of the spool. They are there, and 0, where there is none.
var (
	spooling       = outcome("scim_journal_spooling", "1 while the journal's database is away and a spool takes what it would be told (journal.on_unavailable: spool), and until all of that is there.")
	spooledEntries = outcome("scim_journal_spooled_entries", "Intents, outcomes and notes in the spool that the journal's database has not been told yet.")
	spooledOldest  = outcome("scim_journal_spooled_oldest_seconds", "How long the first of them has been in the spool, in seconds.")
	spooledAside   = outcome("scim_journal_spool_rejected", "Entries of the spool that the journal's database will never take, because it has another under the same id; the log names them.")
)

// spoolCollector looks into the spool when it is scraped.
type spoolCollector struct{ *world }

// Describe is prometheus.Collector's.
func (spoolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{spooling, spooledEntries, spooledOldest, spooledAside} {
		ch <- d
	}
}

// scrapePatience is how long the spool may take to say what it holds.
const scrapePatience = 2 * time.Second

// Collect is prometheus.Collector's.
func (c spoolCollector) Collect(ch chan<- prometheus.Metric) {
	var state spool.State
	if s, ok := c.store.(*spool.Journal); ok {
		ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
		defer cancel()
		var err error
		if state, err = s.State(ctx); err != nil {
			c.log.Warn("the spool cannot be read", "error", err)
			return
		}
	}
	on, age := 0.0, 0.0
	if state.Spooling {
		on = 1
	}
	if !state.Since.IsZero() {
		age = time.Since(state.Since).Seconds()
	}
	for desc, value := range map[*prometheus.Desc]float64{spooling: on, spooledEntries: float64(state.Waiting), spooledOldest: age, spooledAside: float64(state.Aside)} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
