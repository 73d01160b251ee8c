package adapter

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Options are what a Service is made of. Mappings, Journal and NewID are required; what is zero has a default.
type Options struct {
	Mappings *mapping.Set
	Journal  journal.Journal
	Overlay  journal.Overlay // nil: attributes with source `overlay` cannot be read or written
	Aliases  journal.Aliases // nil: a record that is made again and cannot have its key has another id from then on
	Tenant   string          // whose Aliases are; "default"
	Logger   *slog.Logger
	Now      func() time.Time
	NewID    func() string // UUIDv7, for intents
	Writer   string        // the process, as the journal names it

	DefaultCount  int           // resources on a page when the client does not say; 100
	MaxCount      int           // resources on a page at most; 1,000
	SnapshotBytes int           // bytes of keys that all snapshots together may hold; 64 MiB
	SnapshotTTL   time.Duration // how long a snapshot is kept after its last page; 5 minutes
	WriteTimeout  time.Duration // how long the steps of one intent may take; 30 seconds
	FinishTimeout time.Duration // how long closing an intent, or taking steps back, may take; 10 seconds
	PingTimeout   time.Duration // how long Ready waits for each; 2 seconds
	RetryAfter    time.Duration // what clients are told when something is away; 5 seconds
	SettleDelay   time.Duration // between attempts to read what came of a write; 200 milliseconds
	NativeTTL     time.Duration // how long "the directory does not keep this attribute" is believed; 5 seconds
	Parallel      int           // clean-up steps that one request runs at a time; 8

	Events journal.Reader // what Journal has written; nil: what only a shadow has made is nowhere, and nothing can wait for a review
	Guard  journal.Guard  // what is used of Limits, for dry runs; nil: the guard is not asked what it would say

	Limits      []journal.Limit // that Journal holds writes against: what has none is not weighed
	MaxRefusals int             // by the guard that are journaled of each client and minute; 60; negative: none

	Discretion *Discretion // what Journal is not told, and what it keeps in boxes; nil: it is told everything

	ReadOnly  bool     // clients write nothing
	Shadow    bool     // their writes are planned, journaled and answered as if they were done, and nothing is written; needs Events
	Protected []string // paths of attributes that clients cannot change, as ProtectedPath gives them

	Replicas  int           // processes like this one that write to the same directories; 1
	CursorKey []byte        // what cursors are encrypted with, the same on every replica; nil: one that is made now and dies with the process
	CursorTTL time.Duration // how long a cursor is good for; 1 hour
	MaxSort   int           // resources that one search may sort here; more of them only a directory that can; 100,000
}

func (o *Options) defaults() {
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&o.DefaultCount, 100)
	orInt(&o.MaxCount, 1000)
	orInt(&o.SnapshotBytes, 64<<20)
	orInt(&o.Parallel, 8)
	if o.MaxRefusals == 0 {
		o.MaxRefusals = 60
	}
	orInt(&o.MaxSort, 100_000)
	orTime(&o.CursorTTL, time.Hour)
	orTime(&o.SnapshotTTL, 5*time.Minute)
	orTime(&o.WriteTimeout, 30*time.Second)
	orTime(&o.FinishTimeout, 10*time.Second)
	orTime(&o.PingTimeout, 2*time.Second)
	orTime(&o.RetryAfter, 5*time.Second)
	orTime(&o.SettleDelay, 200*time.Millisecond)
	orTime(&o.NativeTTL, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tenant == "" {
		o.Tenant = "default"
	}
	if o.Overlay == nil {
		o.Overlay = noOverlay{}
	}
}

// Service does the operations of the API. It is safe for many goroutines.
type Service struct {
	o       Options
	log     *slog.Logger
	classes []*class // in the order of the configuration
	byName  map[string]*class
	snaps   *snapshots
	sorts   chan struct{} // holds an element for each search that is being sorted
	secret  []byte        // what the keys of cursors are derived from
	locks   *locks
	flux    *flux
	scale   *scale
	stats   *counters
	outage  *outage // of the overlay

	planning planning // what becomes of writes
	dry      *Service // plans what clients ask about; nil in one that plans itself
	shadow   *Service // plans everything, in shadow mode
	names    madeUpNames

	openSince atomic.Pointer[time.Time] // no intent that is older is open; nil: nobody has looked yet
	left      saidOf                    // of intents that Reconcile leaves open
}

// Stats counts what an operator should know of and no client is told.
type Stats struct {
	Unfinished  int64 // changes that stand while the journal could not be told; a reconciler closes their intents
	Unknown     int64 // writes of which nobody could say whether they happened
	Compensated int64 // writes that failed half-way and were taken back
	Stranded    int64 // writes that failed half-way and could not be taken back
	Problems    int64 // attributes that could not be shown
	Dangling    int64 // references to records that are gone, or have another name, that could not be brought up to date

	Guarded    map[string]int64 // writes that the guard has refused, by kind
	Reconciled map[string]int64 // intents that Reconcile has closed, by what it found: done, not_done, unknown
	Shadowed   int64            // writes that were planned and answered, and not done
	Overdue    int64            // that it has left open the last time
}

type counters struct {
	unfinished, unknown, compensated, stranded, problems, dangling atomic.Int64

	guarded    [3]atomic.Int64 // by place in guardKinds
	reconciled [3]atomic.Int64 // by place in verdicts
	overdue    atomic.Int64
	shadowed   atomic.Int64
}

// New makes a Service. It does no I/O.
func New(o Options) *Service {
	o.defaults()
	s := build(o, forReal)
	s.dry = s.twin(forAsking)
	if o.Shadow {
		s.shadow = s.twin(forShow)
	}
	return s
}

func build(o Options, p planning) *Service {
	s := &Service{o: o, planning: p, log: o.Logger, byName: map[string]*class{}, locks: newLocks(), flux: newFlux(), scale: newScale(o.Limits), stats: &counters{}, outage: &outage{}, snaps: newSnapshots(o.SnapshotBytes, o.SnapshotTTL, o.Now), secret: o.CursorKey}
	if p != forReal {
		s.o.Overlay, s.o.Journal = &plannedOverlay{o.Overlay, s}, plannedJournal{o.Journal, p == forAsking}
	}
	s.sorts = make(chan struct{}, mostSorts)
	if len(s.secret) == 0 {
		s.secret = []byte(rand.Text() + rand.Text())
	}
	for _, m := range o.Mappings.All() {
		c := newClass(m)
		if o.Aliases != nil {
			c.backend = &aliased{Backend: m.Backend(), a: &aliases{kept: o.Aliases, tenant: o.Tenant, typ: m.Name(), now: o.Now, ttl: o.NativeTTL, log: o.Logger}}
		}
		if p != forReal {
			c.backend = &planned{c.backend, s, c}
		}
		s.classes = append(s.classes, c)
		s.byName[m.Name()] = c
	}
	return s
}

// ResourceTypes are the types that are served, with only what is mapped.
func (s *Service) ResourceTypes() []*scim.ResourceType {
	types := make([]*scim.ResourceType, len(s.classes))
	for i, c := range s.classes {
		types[i] = c.rt
	}
	return types
}

// Stats says what has been counted since the start.
func (s *Service) Stats() Stats {
	guarded := map[string]int64{}
	for i, kind := range guardKinds {
		guarded[kind] = s.stats.guarded[i].Load()
	}
	reconciled := map[string]int64{}
	for i, v := range verdicts {
		reconciled[v] = s.stats.reconciled[i].Load()
	}
	return Stats{
		Guarded: guarded, Reconciled: reconciled, Overdue: s.stats.overdue.Load(), Unfinished: s.stats.unfinished.Load(), Unknown: s.stats.unknown.Load(), Compensated: s.stats.compensated.Load(),
		Shadowed: s.stats.shadowed.Load(), Stranded: s.stats.stranded.Load(), Problems: s.stats.problems.Load(), Dangling: s.stats.dangling.Load(),
	}
}

// class is one resource type: its mapping, and what is derived from it once.
type class struct {
	*mapping.Mapping
	backend backends.Backend // the mapping's own, or one in front of it
	rt      *scim.ResourceType
	refs    []reference
	extras  []overlayAttr
}

// Backend is where the records are, under the ids that clients know.
func (c *class) Backend() backends.Backend { return c.backend }

// transactional says that one operation of the directory can be about a password and other records, too.
func (c *class) transactional() bool { return c.Backend().Capabilities().Transactional }

// reference is a mapping.Reference with what this package needs to know of it.
type reference struct {
	mapping.Reference
	home *class          // whose reference it is
	attr *scim.Attribute // nil when the resource type does not show it
	kept *nativeAttr     // of OrReverse: does the directory keep Native?

	labelled bool // what the records are called is shown, in this request
}

func newClass(m *mapping.Mapping) *class {
	c := &class{Mapping: m, backend: m.Backend(), rt: m.ResourceType()}
	for _, r := range m.References() {
		ref := reference{Reference: r, home: c}
		if found, ok := c.rt.Resolve(filter.Path{URI: r.URI, Attr: r.Attr}); ok {
			ref.attr = found.Attr
		}
		if r.OrReverse != "" {
			ref.kept = &nativeAttr{}
		}
		c.refs = append(c.refs, ref)
	}
	for _, ref := range m.Overlays() {
		c.extras = append(c.extras, overlayAttr{Ref: ref, name: ref.String()})
	}
	return c
}

// class finds the mapping of the type that a request is about.
func (s *Service) class(req scim.Request) (*class, error) {
	if req.Type != nil {
		if c, ok := s.byName[req.Type.Name]; ok {
			return c, nil
		}
	}
	return nil, &scim.Error{Status: 404, Detail: "There is no such resource type."}
}

// wants says which attributes an answer needs.
func (c *class) wants(p scim.Projection) func(scim.Ref) bool { return p.Wants }

func (r reference) is(ref scim.Ref) bool {
	return ref.Attr != nil && strings.EqualFold(r.Attr, ref.Attr.Name) && strings.EqualFold(r.URI, ref.URI)
}

// ref is the attribute itself, as projections and mappings are asked for it.
func (r reference) ref() scim.Ref { return scim.Ref{URI: r.URI, Attr: r.attr} }

// Ready asks each directory for one record of each class and the journal for a sign of life, all at a time.
func (s *Service) Ready(ctx context.Context) []scim.Health {
	type probe struct {
		name, kind string
		asks       []func(context.Context) error // what is there of one class may be missing of another
	}
	var probes []*probe
	for _, c := range s.classes {
		i := slices.IndexFunc(probes, func(p *probe) bool { return p.name == c.BackendName() })
		if i < 0 {
			i = len(probes)
			probes = append(probes, &probe{name: c.BackendName(), kind: c.Backend().Capabilities().Kind})
		}
		probes[i].asks = append(probes[i].asks, func(ctx context.Context) error {
			_, _, err := c.Backend().Count(ctx, backends.True{}, 1)
			return err
		})
	}
	probes = append(probes, &probe{"journal", "journal", []func(context.Context) error{s.o.Journal.Ping}})
	health := make([]scim.Health, len(probes))
	var wg sync.WaitGroup
	for i, p := range probes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.o.PingTimeout)
			defer cancel()
			began := s.o.Now()
			failed := allAtOnce(ctx, p.asks)
			health[i] = scim.Health{Name: p.name, Kind: p.kind, OK: len(failed) == 0, Latency: s.o.Now().Sub(began)}
			if len(failed) == 1 && errors.Is(failed[0], journal.ErrSpooling) {
				health[i].OK, health[i].Spooled, health[i].Error = true, true, errorClass(backends.ErrUnavailable)
			} else if len(failed) > 0 {
				health[i].Partly, health[i].Error = len(failed) < len(p.asks), errorClass(failed[0])
			}
		})
	}
	wg.Wait()
	return health
}

// allAtOnce asks all, and gives the errors of those that fail.
func allAtOnce(ctx context.Context, asks []func(context.Context) error) (failed []error) {
	errs := make([]error, len(asks))
	var wg sync.WaitGroup
	for i, ask := range asks {
		wg.Go(func() { errs[i] = ask(ctx) })
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}
