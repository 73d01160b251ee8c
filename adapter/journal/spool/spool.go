// Package spool is a journal in a database that may be away: what it is told meanwhile it keeps in a file, and takes to the database when that is back.
//
// While the database answers, the file is empty and every call goes to the journal in it (Shared). When Begin, Finish or Note of that fails with
// backends.ErrUnavailable, or takes too long, the same entry under the same id goes into the file, flushed to the disk before anybody hears of it, and so does
// everything that comes after it: entries never overtake one another. An outcome follows its intent wherever that went. One whose intent this process has not begun is no
// business of the file: only the database knows whether there is such an intent.
//
// Run takes what the file holds to the database, the first first, page by page, with Keep: what is there already stays as it is, so an entry whose COMMIT was
// not answered, or that was taken there right before a crash, is there once. A page leaves the file when it is durable in the database. The last one is taken while nobody may
// write, and then calls go to the database again. Who dies in between finds the file at the next start, and goes on. What the database will never take, because another outcome is
// there by now, is put aside in the file and logged.
//
// Reading, the overlay, aliases and the guard's administration are those of the database, and need it; but what the overlay is to forget of a record that is deleted waits in
// the file as well (ForgetLater). The guard itself goes on in the file, with a part of each limit: processes
// cannot count together.
package spool

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Shared is the journal in the database.
type Shared interface {
	journal.Journal
	journal.Reader
	journal.Overlay
	journal.Aliases
	journal.Guard
	journal.Keeper
	journal.Subjects
	Feeds
	Stats() backends.Stats
	io.Closer
}

// Feeds are the turns of those who tell others of events (export.Turns): they stand in the database, and nobody feeds while that is away.
type Feeds interface {
	TakeFeed(ctx context.Context, name string) (place journal.Place, known, mine bool, err error)
	KeepFeed(ctx context.Context, name string, place journal.Place) (mine bool, err error)
	GiveFeed(ctx context.Context, name string) error
}

// File is where entries wait, and the guard that counts meanwhile: litejournal.Spool.
type File interface {
	Put(ctx context.Context, e journal.Entry) error
	Peek(ctx context.Context, limit int) (entries []journal.Entry, last int64, err error)
	Drop(ctx context.Context, last int64, why map[int]error) error
	Waiting(ctx context.Context) (n int, since time.Time, aside int, err error)
	Tidy(ctx context.Context, now time.Time) error
	Ping(ctx context.Context) error
	io.Closer
}

// Options are what a spool is made of. Shared and File are required; what is zero has a default.
type Options struct {
	Shared   Shared
	File     File
	Limits   []journal.Limit // of the guard, as File has them
	Refuse   bool            // what a limit counts is refused while the database is away
	Patience time.Duration   // how long the database may take for an entry before it goes into the file; 2 seconds
	Pause    time.Duration   // between attempts to reach the database; 1 second
	Among    int             // how many processes share the database, each with a file of its own; 1
	Settling time.Duration   // after the database was away, until other processes have taken what they kept to it; 1 minute
	Now      func() time.Time
	Logger   *slog.Logger
}

// Journal is a journal with a spool before it.
type Journal struct {
	Shared
	o     Options
	begun *recent // intents of this process

	mu       sync.RWMutex // held to put something into the file; exclusively to find it empty
	spooling atomic.Bool  // entries go into the file
	awayAt   atomic.Int64 // when the database was last found to be away, in nanoseconds; 0: never
	wake     chan struct{}
	stall    stall // of who drains
}

// Open opens a journal with a spool. What an earlier process has left in the file is taken to the database before anything else is written there.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.Patience <= 0 {
		o.Patience = 2 * time.Second
	}
	if o.Pause <= 0 {
		o.Pause = time.Second
	}
	if o.Settling <= 0 {
		o.Settling = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	j := &Journal{Shared: o.Shared, o: o, begun: newRecent(), wake: make(chan struct{}, 1)}
	n, since, aside, err := o.File.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		o.Logger.Warn("the spool holds what the journal's database has not been told yet", "entries", n, "since", since.UTC())
		j.spooling.Store(true)
		j.awaken()
	}
	if aside > 0 {
		o.Logger.Error("the spool holds entries that the journal's database will never take", "entries", aside)
	}
	return j, nil
}

// Close closes file and database. What waits is taken there after the next start.
func (j *Journal) Close() error { return errors.Join(j.o.Shared.Close(), j.o.File.Close()) }

// Begin writes an intent, to the database or into the file.
func (j *Journal) Begin(ctx context.Context, in journal.Intent) error {
	err := j.write(ctx, journal.Entry{ID: in.ID, Intent: &in}, func(ctx context.Context) error { return j.Shared.Begin(ctx, in) })
	if err == nil {
		j.begun.add(in.ID)
	}
	return err
}

// Finish closes an intent, in the database or by an entry of the file.
func (j *Journal) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	if !j.begun.has(id) {
		return j.noticed(j.Shared.Finish(ctx, id, out))
	}
	return j.write(ctx, journal.Entry{ID: id, Outcome: &out}, func(ctx context.Context) error { return j.Shared.Finish(ctx, id, out) })
}

// Note writes an event that is no write, to the database or into the file.
func (j *Journal) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	in.Noted = true
	return j.write(ctx, journal.Entry{ID: in.ID, Intent: &in, Outcome: &out}, func(ctx context.Context) error { return j.Shared.Note(ctx, in, out) })
}

var _ journal.Postponer = (*Journal)(nil)

// ForgetLater removes what every client kept of a key, or has the file remember it.
func (j *Journal) ForgetLater(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	e := journal.Entry{ID: journal.ID("forget-" + rand.Text()), Forget: &journal.Forgotten{Tenant: tenant, ResourceType: resourceType, Key: key}}
	return j.write(ctx, e, func(ctx context.Context) error { return j.Forget(ctx, tenant, resourceType, key) })
}

// write puts an entry into the file while there is anything in it; else it tells the database, and puts it there when that is away.
func (j *Journal) write(ctx context.Context, e journal.Entry, tell func(context.Context) error) error {
	if put, err := j.putBehind(ctx, e); put {
		return err
	}
	err := j.patiently(ctx, tell)
	if !errors.Is(err, backends.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	j.noticed(err) //nolint:errcheck // it is the same
	j.mu.RLock()
	defer j.mu.RUnlock()
	j.begin(err)
	spooled := j.put(ctx, e)
	if _, refused := errors.AsType[*journal.Refusal](spooled); refused {
		// It may stand in the database, as an intent that nobody has finished. Whoever tries again is refused without asking there.
		return err
	}
	return spooled
}

// putBehind puts an entry behind those that wait. False: none does.
func (j *Journal) putBehind(ctx context.Context, e journal.Entry) (bool, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if !j.spooling.Load() {
		return false, nil
	}
	return true, j.put(ctx, e)
}

// put writes an entry into the file, if the guard lets it.
func (j *Journal) put(ctx context.Context, e journal.Entry) error {
	if e.Intent != nil && e.Outcome == nil {
		if err := j.judge(*e.Intent); err != nil {
			return err
		}
	}
	err := j.o.File.Put(ctx, e)
	if refusal, ok := errors.AsType[*journal.Refusal](err); ok {
		refusal.Spooling = true
	}
	return err
}

// judge refuses what cannot be counted while the database is away: everything that is limited, where that is wanted, and a share of nobody knows how many. The rest the
// file counts.
func (j *Journal) judge(in journal.Intent) error {
	for _, part := range journal.Parts(j.o.Limits, in) {
		i := slices.IndexFunc(in.Weights, func(w journal.Weight) bool { return w.Kind == part.Limit.Kind })
		w := in.Weights[i]
		if j.o.Refuse || part.Limit.Count == 0 && w.Of == 0 {
			limit := part.Limit
			limit.Among = 0
			return &journal.Refusal{Limit: limit, Client: part.Client, Wanted: w.Count, Spooling: true}
		}
	}
	return nil
}

// leastPatience is what the database has in any case: whoever gives it less gives up himself, and does not have everybody spool.
const leastPatience = 500 * time.Millisecond

// patiently gives the database a part of the time that there is: the rest is for the file.
func (j *Journal) patiently(ctx context.Context, tell func(context.Context) error) error {
	patience := j.o.Patience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, max(time.Until(deadline)/2, leastPatience))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return tell(ctx)
}

// begin notes that entries go into the file from now on.
func (j *Journal) begin(why error) {
	if !j.spooling.Swap(true) {
		j.o.Logger.Warn("the journal's database is away; what it would be told is spooled until it is back", "error", why)
	}
	j.awaken()
}

func (j *Journal) awaken() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// noticed remembers that the database was away.
func (j *Journal) noticed(err error) error {
	if errors.Is(err, backends.ErrUnavailable) {
		j.awayAt.Store(j.o.Now().UnixNano())
	}
	return err
}

// Ping says whether entries are taken: nil by the database, journal.ErrSpooling by the file.
func (j *Journal) Ping(ctx context.Context) error {
	var away error
	if !j.spooling.Load() {
		if away = j.patiently(ctx, j.Shared.Ping); away == nil {
			return nil
		}
	}
	if err := j.o.File.Ping(ctx); err != nil {
		return err
	}
	if away != nil && !errors.Is(away, backends.ErrUnavailable) {
		return away
	}
	return errors.Join(journal.ErrSpooling, away)
}

// errIncomplete is why nothing is said that may not be true.
var errIncomplete = &backends.Error{Kind: journal.ErrAway, Detail: "It was away, and not everything that was spooled may be in it yet."}

// Events are those of the database. Whoever looks for intents without an outcome, or wants the whole, is sent away while events may still wait in a file, of this process or, for
// a moment after the database was away, of another.
func (j *Journal) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) {
		if !f.Overdue.IsZero() && j.incomplete() || f.Whole && (j.spooling.Load() || j.o.Among > 1 && j.incomplete()) {
			yield(journal.Event{}, errIncomplete)
			return
		}
		for e, err := range j.Shared.Events(ctx, f) {
			if !yield(e, j.noticed(err)) {
				return
			}
		}
	}
}

func (j *Journal) incomplete() bool {
	last := j.awayAt.Load()
	return j.spooling.Load() || last != 0 && j.o.Now().Sub(time.Unix(0, last)) < j.o.Settling
}

// State is what an operator is shown.
type State struct {
	Spooling bool
	Waiting  int       // entries
	Since    time.Time // when the first of them came
	Aside    int       // that the database will never take
}

// State says what waits.
func (j *Journal) State(ctx context.Context) (s State, err error) {
	s.Spooling = j.spooling.Load()
	s.Waiting, s.Since, s.Aside, err = j.o.File.Waiting(ctx)
	return s, err
}
