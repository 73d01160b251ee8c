package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/mapping/lens"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
	"github.com/scim-adapter/scim-adapter/scimapi"
	"github.com/scim-adapter/scim-adapter/scimapi/auth"
)

var _ scimapi.Service = (*adapter.Service)(nil)

// plan is a configuration read, checked and compiled, with its directories opened but not yet asked anything: what
// `check` and `explain` need, and what a world is made of.
type plan struct {
	config      *configs.Config
	directories map[string]backends.Directory
	mappings    *mapping.Set
	me          filter.Path // the attribute of a User that holds a caller's subject; zero: none
	protected   []string    // paths of attributes that clients cannot change
	discretion  *adapter.Discretion
	log         *slog.Logger
}

// load makes the plan of a configuration file. It does no I/O beyond reading files. logger makes the log from its
// section. The error is a configs.Faults.
func load(path string, logger func(configs.Logging) *slog.Logger) (*plan, error) {
	config, faults := configs.Load(path)
	if len(faults) > 0 {
		return nil, faults
	}
	log := logger(config.Logging)
	p := &plan{config: config, directories: map[string]backends.Directory{}, log: log}
	for _, name := range slices.Sorted(maps.Keys(config.Backends)) {
		directory, more := openDirectory(name, config.Backends[name], log)
		faults = append(faults, more...)
		if len(more) == 0 {
			p.directories[name] = directory
		}
	}
	types, more := mapping.CompileTypes(config.Schemas, config.ResourceTypes)
	if faults = append(faults, more...); len(faults) == 0 {
		p.mappings, faults = mapping.Compile(config.Mappings, lens.Table(), types, p.open)
	}
	if len(faults) == 0 {
		p.me, faults = findMe(config, p.mappings)
		var more configs.Faults
		p.protected, more = findProtected(config, p.mappings)
		p.discretion = discretion(config, p.mappings)
		faults = append(append(faults, more...), refuseReviews(config, p.mappings)...)
	}
	if len(faults) > 0 {
		faults.Sort()
		p.close()
		return nil, faults
	}
	return p, nil
}

// open opens one mapping's class of records in the backend it names.
func (p *plan) open(backend configs.Node, o backends.Open) (backends.Backend, error) {
	directory, ok := p.directories[backend.Text()]
	if !ok {
		names := slices.Sorted(maps.Keys(p.directories))
		return nil, configs.Faults{backend.Fault(fmt.Sprintf("backends has: %v", names), "there is no backend %q", backend.Text())}
	}
	o.Tenant = p.config.MultiTenant.DefaultTenant
	return directory.Open(o)
}

func (p *plan) close() {
	for name, directory := range p.directories {
		if err := directory.Close(); err != nil {
			p.log.Warn("closing a backend", "backend", name, "error", err)
		}
	}
}

// checkSchemas holds each mapping against its directory's schema. Its directory must have answered.
func (p *plan) checkSchemas() configs.Faults {
	var faults configs.Faults
	for _, m := range p.mappings.All() {
		faults = append(faults, m.CheckSchema()...)
	}
	faults.Sort()
	return faults
}

// world is a plan with its journal, its service and its HTTP face: all but the listeners.
type world struct {
	*plan
	journal  journal.Journal
	store    store // the same, with all that it can do; nil where the journal is none
	service  *adapter.Service
	handler  *scimapi.Handler
	gate     gate // in front of handler
	feeds    feeds
	auditor  *auditor
	backups  *backups // nil: without a schedule
	registry *prometheus.Registry
}

// build makes the world of a plan. It opens the journal and nothing else.
func build(ctx context.Context, p *plan) (*world, error) {
	w := &world{plan: p, registry: prometheus.NewRegistry()}
	if err := w.openJournal(ctx); err != nil {
		return nil, err
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "localhost"
	}
	choices := p.config.SCIM
	key, err := cursorKey(p.config)
	if err != nil {
		w.closeJournal()
		return nil, err
	}
	w.service = adapter.New(adapter.Options{
		Mappings: p.mappings, Journal: w.journal, Overlay: w.overlay(), Aliases: w.aliases(), Tenant: p.config.MultiTenant.DefaultTenant, Logger: p.log,
		Now: time.Now, NewID: newID, Writer: fmt.Sprintf("%s/%d", hostname, os.Getpid()),
		DefaultCount: choices.DefaultCount, MaxCount: choices.MaxCount, MaxSort: choices.MaxSort, CursorKey: key, CursorTTL: choices.CursorTimeout,
		Replicas: p.config.Server.Replicas, Limits: adapter.GuardLimits(p.config.Guard), MaxRefusals: cmp.Or(p.config.Audit.MaxRefusals, -1),
		Discretion: p.discretion, Events: w.events(), Guard: w.guard(),
		ReadOnly: choices.Mode == configs.ModeReadOnly, Shadow: choices.Mode == configs.ModeShadow, Protected: p.protected,
	})
	authenticate := auth.Anonymous
	if p.config.Auth.Enabled {
		authenticate = auth.NewTokens(p.config.Clients).Authenticate
	}
	w.auditor = &auditor{journal: w.journal, config: p.config.Audit, log: p.log, now: time.Now, newID: newID}
	w.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		poolCollector{w}, outcomeCollector{w.service.Stats}, w.auditor, buildInfo())
	w.backups = w.newBackups()
	server := p.config.Server
	w.handler = scimapi.New(scimapi.Options{
		Service: w.service, Authenticate: authenticate, Metrics: scimapi.NewMetrics(w.registry, time.Now), Logger: p.log, Audit: w.auditor.note,
		BasePath: server.BasePath, PublicURL: server.PublicURL, TrustedProxies: server.TrustedProxies,
		MaxRequestSize: int64(p.config.Security.MaxRequestSize), DefaultCount: choices.DefaultCount, MaxCount: choices.MaxCount,
		CursorTTL: choices.CursorTimeout, DryRun: choices.DryRun, Bulk: scimapi.Bulk{MaxOperations: choices.BulkMaxOperations, MaxPayload: int64(choices.BulkMaxPayloadSize)},
		Me: p.me, ChangePassword: mapsPassword(p.mappings), Anonymous: !p.config.Auth.Enabled,
		AccessLog: p.config.Logging.AccessLog, Health: p.config.Monitoring.HealthCheckEnabled, WriteTimeout: server.WriteTimeout,
		Now: time.Now, NewID: newID,
	})
	w.gate.Handler = w.handler
	return w, nil
}

// newID makes a UUIDv7: it sorts by time, and needs no coordination.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// close waits for the requests that are being answered, and closes what they use.
func (w *world) close() {
	if !w.gate.shut(lastMoments) {
		w.log.Error("a request has not come to its end; closing directories and journal all the same", "waited", lastMoments.String())
	}
	w.feeds.end()
	w.plan.close()
	w.closeJournal()
}

// mapsPassword says whether some type has a password that can be set.
func mapsPassword(set *mapping.Set) bool {
	for _, m := range set.All() {
		for _, a := range m.ResourceType().Schema.Attributes {
			if a.Name == "password" && a.Mutability == scim.WriteOnly {
				return true
			}
		}
	}
	return false
}

// connect waits until every directory answers, then holds what was opened in them against them. It gives nil when all is
// well, the faults when something does not fit, and ctx's error when it was told to stop.
func (p *plan) connect(ctx context.Context) error {
	for name, directory := range p.directories {
		if err := waitFor(ctx, name, directory, p.log); err != nil {
			return err
		}
	}
	return p.meet(ctx)
}

// waitFor pings until the directory answers; it says once that it waits.
func waitFor(ctx context.Context, name string, directory backends.Directory, log *slog.Logger) error {
	for said := false; ; {
		err := directory.Ping(ctx)
		if err == nil {
			if said {
				log.Info("the directory answers", "backend", name)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !said {
			said = true
			log.Warn("the directory does not answer; trying again until it does", "backend", name, "error", err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newLogger writes to stderr as the logging section says.
func newLogger(l configs.Logging) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.SlogLevel()}
	if l.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, options))
}

// closeErr is what an http.Server's end means: nil when it was asked to stop.
func closeErr(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
