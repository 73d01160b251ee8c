package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/adhocore/gronx"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
)

const (
	// lookAgain is how long the schedule sleeps at most: a clock that was set does not make it miss its time.
	lookAgain = time.Minute
	// snapshotAgain is how long after a snapshot that failed the next one is tried.
	snapshotAgain = 5 * time.Minute
)

// backupMetrics are what an alert on old snapshots reads. Every replica tells of the last snapshot there is, whoever made it.
type backupMetrics struct {
	last, duration *prometheus.GaugeVec
	made           *prometheus.CounterVec
}

func newBackupMetrics(registry prometheus.Registerer) backupMetrics {
	m := backupMetrics{
		prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scim_backup_last_success_timestamp_seconds", Help: "When the newest complete snapshot of a type was begun, whoever made it; 0: there is none. Only with backup.schedule.",
		}, []string{"type"}),
		prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "scim_backup_last_duration_seconds", Help: "How long the newest complete snapshot of a type took."}, []string{"type"}),
		prometheus.NewCounterVec(prometheus.CounterOpts{Name: "scim_backup_snapshots_total", Help: "Snapshots that this process has made by the schedule, or failed to, by result (made, failed)."}, []string{"type", "result"}),
	}
	registry.MustRegister(m.last, m.duration, m.made)
	return m
}

// backups makes snapshots at the times of backup.schedule. For each time there is one of each type, whichever replica makes it: the one that comes second finds
// the other at it, or done. A time that passed while no replica ran is made up for at the next start, once.
type backups struct {
	store    *backup.Store // while it runs
	database configs.Database
	config   configs.Backup
	tenant   string
	types    []*mapping.Mapping
	discreet *adapter.Discretion
	beside   adapter.BesideStore                           // nil: nothing is kept beside the directory
	answers  func(context.Context, *mapping.Mapping) error // whether the directory of a mapping does
	log      *slog.Logger
	metrics  backupMetrics
	now      func() time.Time
	sleep    func(context.Context, time.Duration)

	done      map[string]time.Time // by type: the time of the schedule for which there is a snapshot
	notBefore map[string]time.Time // by type: when the next attempt is due
	mayPrune  bool                 // as far as is known
}

// newBackups prepares what the schedule needs; nil where there is none. It does no I/O.
func (w *world) newBackups() *backups {
	if w.config.Backup.Schedule == "" {
		return nil
	}
	b := &backups{
		database: w.config.Database, config: w.config.Backup, tenant: w.config.MultiTenant.DefaultTenant, types: w.mappings.All(), discreet: w.discretion, log: w.log, metrics: newBackupMetrics(w.registry),
		answers: func(ctx context.Context, m *mapping.Mapping) error { return w.directories[m.BackendName()].Ping(ctx) },
		now:     time.Now, sleep: sleep, done: map[string]time.Time{}, notBefore: map[string]time.Time{}, mayPrune: true,
	}
	b.beside, _ = w.store.(adapter.BesideStore)
	for _, m := range b.types {
		b.metrics.last.WithLabelValues(m.ResourceType().Name).Set(0)
		b.metrics.duration.WithLabelValues(m.ResourceType().Name).Set(0)
		for _, result := range []string{"made", "failed"} {
			b.metrics.made.WithLabelValues(m.ResourceType().Name, result).Add(0)
		}
	}
	return b
}

// sleep waits, or not as long if ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// run keeps to the schedule until ctx ends. A snapshot that is under way then ends as failed.
func (b *backups) run(ctx context.Context) {
	if b == nil {
		return
	}
	store, err := backup.Open(ctx, b.database)
	if err != nil {
		b.log.Error("no snapshots are made", "error", err)
		return
	}
	defer store.Close()
	b.store = store
	for ctx.Err() == nil {
		b.sleep(ctx, b.round(ctx))
	}
}

// round makes the snapshots that are due, and says when to look again.
func (b *backups) round(ctx context.Context) (wait time.Duration) {
	now := b.now().UTC()
	if slot, err := gronx.PrevTickBefore(b.config.Schedule, now, true); err == nil { // else it has never come true yet
		slot = slot.Truncate(time.Minute)
		for _, m := range b.types {
			if typ := m.ResourceType().Name; ctx.Err() == nil && b.done[typ].Before(slot) && !b.notBefore[typ].After(now) {
				b.snapshot(ctx, m, slot)
			}
		}
	}
	wait = lookAgain
	if next, err := gronx.NextTickAfter(b.config.Schedule, b.now().UTC(), false); err == nil {
		wait = max(min(wait, next.Sub(b.now())), time.Millisecond)
	}
	return wait
}

// snapshot makes the snapshot of one type for a time of the schedule, unless there is one.
func (b *backups) snapshot(ctx context.Context, m *mapping.Mapping, slot time.Time) {
	typ := m.ResourceType().Name
	log := b.log.With("type", typ, "scheduled", slot)
	defer b.tell(ctx, typ)
	if err := b.answers(ctx, m); err != nil {
		b.notBefore[typ] = b.now().Add(lookAgain)
		log.Warn("no snapshot is made while the directory does not answer", "error", err)
		return
	}
	began := b.now()
	from := backup.Source{Tenant: b.tenant, Type: typ, Records: b.discreet.InSnapshot(b.tenant, typ, m.Backend()), Rate: b.config.Rate, Slot: slot}
	if b.beside != nil {
		from.Beside = b.discreet.BesideInSnapshot(b.tenant, typ, b.beside)
	}
	one, err := b.store.Create(ctx, from)
	switch {
	case errors.Is(err, backup.ErrMade):
		b.done[typ] = slot
		return
	case errors.Is(err, backup.ErrBusy): // if that one fails, this process goes on
		b.notBefore[typ] = b.now().Add(lookAgain)
		return
	case err != nil && ctx.Err() != nil:
		log.Info("a snapshot was not finished, because the process ends; it is made anew at the next start")
		return
	case err != nil:
		b.notBefore[typ] = b.now().Add(snapshotAgain)
		b.metrics.made.WithLabelValues(typ, "failed").Inc()
		log.Error("a snapshot failed; it is tried again", "after", snapshotAgain.String(), "error", err)
		return
	}
	b.done[typ] = slot
	b.metrics.made.WithLabelValues(typ, "made").Inc()
	log.Info("a snapshot was made", "snapshot", one.ID, "records", one.Records, "bytes", one.Bytes, "took", b.now().Sub(began).String())
	b.prune(ctx, typ)
}

// tell sets the metrics by what the database has.
func (b *backups) tell(ctx context.Context, typ string) {
	last, err := b.store.Last(ctx, b.tenant, typ)
	if err != nil {
		return // what was told before is still true, or not known to be wrong
	}
	b.metrics.last.WithLabelValues(typ).Set(float64(last.Started.Unix()))
	b.metrics.duration.WithLabelValues(typ).Set(last.Finished.Sub(last.Started).Seconds())
}

// prune takes away the snapshots of the schedule that need not be kept, where the role may: otherwise `backup prune` does it, in a role that may.
func (b *backups) prune(ctx context.Context, typ string) {
	if b.config.Keep == 0 || !b.mayPrune {
		return
	}
	gone, err := b.store.PruneSlots(ctx, b.tenant, typ, b.config.Keep)
	answer, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case answer != nil && answer.Code == "42501":
		b.mayPrune = false
		b.log.Warn("old snapshots are left to backup prune: to take them away the role must be a member of scim_owner", "keep", b.config.Keep)
	case err != nil && ctx.Err() == nil && !errors.Is(err, backup.ErrBusy):
		b.log.Warn("old snapshots were not taken away", "type", typ, "error", err)
	case gone > 0:
		b.log.Info("old snapshots were taken away", "type", typ, "snapshots", gone, "keep", b.config.Keep)
	}
}
