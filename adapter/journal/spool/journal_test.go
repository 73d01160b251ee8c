package spool

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/journaltest"
	"github.com/scim-adapter/scim-adapter/backends"
)

func TestJournalWhileTheDatabaseIsThere(t *testing.T) {
	g := newGround(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	journaltest.Run(t, func(t testing.TB) journaltest.Place {
		g.empty()
		return journaltest.Place{Open: func(ctx context.Context, limits ...journal.Limit) (journaltest.Store, error) {
			j, err := g.build(ctx, limits, inThatMoment)
			if err == nil && j.spooling.Load() { // what was written while it was closed
				err = j.Drain(ctx)
			}
			if err != nil {
				return nil, err
			}
			return j, nil
		}}
	})
}

// What is written while the database is away is read when it was taken there.
func TestJournalWhileTheDatabaseIsAway(t *testing.T) {
	g := newGround(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	journaltest.Run(t, func(t testing.TB) journaltest.Place {
		g.empty()
		return journaltest.Place{Apart: true, Open: func(ctx context.Context, limits ...journal.Limit) (journaltest.Store, error) {
			j, err := g.build(ctx, limits, inThatMoment)
			if err != nil {
				return nil, err
			}
			a := &apart{Journal: j, t: t, line: g.line}
			a.part()
			return a, nil
		}}
	})
}

// inThatMoment is when everything happens in the suite.
func inThatMoment(o *Options) {
	o.Now = func() time.Time { return time.Date(2026, 11, 23, 10, 17, 0, 0, time.UTC) }
}

// apart is a journal whose database is away but for those who read.
type apart struct {
	*Journal
	t       testing.TB
	line    *line
	mu      sync.Mutex // held to come and go
	readers int
}

// part takes the database away, which is noticed.
func (a *apart) part() {
	a.line.cut()
	a.begin(errors.New("it was cut off"))
}

// reading has the database there, with all that was spooled, until left is called.
func (a *apart) reading() (left func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.readers == 0 {
		a.line.mend()
	}
	a.readers++
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := a.Drain(context.Background())
		if err == nil || time.Now().After(deadline) {
			break
		}
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.readers--; a.readers == 0 {
			a.part()
		}
	}
}

// Finish of what this process has not begun is for who has read the intent, and has the database.
func (a *apart) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	if !a.begun.has(id) {
		defer a.reading()()
	}
	return a.Journal.Finish(ctx, id, out)
}

// Begin is held against the whole limit here, as in a journal of one process.
func (a *apart) Begin(ctx context.Context, in journal.Intent) error {
	err := a.Journal.Begin(ctx, in)
	if r, ok := errors.AsType[*journal.Refusal](err); ok {
		if !r.Spooling {
			a.t.Errorf("the refusal does not say that it is one of the spool: %v", r)
		}
		r.Spooling = false
	}
	return err
}

func (a *apart) Keep(ctx context.Context, entries []journal.Entry) (map[int]error, error) {
	defer a.reading()()
	return a.Journal.Keep(ctx, entries)
}

func (a *apart) Ping(ctx context.Context) error {
	err := a.Journal.Ping(ctx)
	if errors.Is(err, journal.ErrSpooling) {
		return nil
	}
	return err
}

func (a *apart) Lookup(ctx context.Context, id journal.ID) (journal.Event, error) {
	defer a.reading()()
	return a.Journal.Lookup(ctx, id)
}

func (a *apart) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	return func(yield func(journal.Event, error) bool) {
		defer a.reading()()
		events := a.Journal.Events(ctx, f)
		if !f.Overdue.IsZero() { // which a spool does not tell while it spools
			events = a.Shared.Events(ctx, f)
		}
		for e, err := range events {
			if !yield(e, err) {
				return
			}
		}
	}
}

func (a *apart) Follow(ctx context.Context, after journal.Place, limit int) ([]journal.Event, journal.Place, error) {
	defer a.reading()()
	return a.Journal.Follow(ctx, after, limit)
}

func (a *apart) End(ctx context.Context) (journal.Place, error) {
	defer a.reading()()
	return a.Journal.End(ctx)
}

func (a *apart) Uses(ctx context.Context, tenant string, now time.Time) ([]journal.Use, error) {
	defer a.reading()()
	return a.Journal.Uses(ctx, tenant, now)
}

func (a *apart) Approve(ctx context.Context, of journal.Approval) error {
	defer a.reading()()
	return a.Journal.Approve(ctx, of)
}

func (a *apart) Load(ctx context.Context, s journal.Scope, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	defer a.reading()()
	return a.Journal.Load(ctx, s, keys)
}

func (a *apart) Save(ctx context.Context, s journal.Scope, key backends.Key, attrs map[string]string, unique []string) error {
	defer a.reading()()
	return a.Journal.Save(ctx, s, key, attrs, unique)
}

func (a *apart) Forget(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	defer a.reading()()
	return a.Journal.Forget(ctx, tenant, resourceType, key)
}

func (a *apart) LoadAll(ctx context.Context, tenant, resourceType string, key backends.Key) (map[string]map[string]string, error) {
	defer a.reading()()
	return a.Journal.LoadAll(ctx, tenant, resourceType, key)
}

func (a *apart) Kept(ctx context.Context, tenant, resourceType string, keys []string) ([]journal.Kept, error) {
	defer a.reading()()
	return a.Journal.Kept(ctx, tenant, resourceType, keys)
}

func (a *apart) Find(ctx context.Context, s journal.Scope, attr string, value *string) ([]backends.Key, error) {
	defer a.reading()()
	return a.Journal.Find(ctx, s, attr, value)
}

func (a *apart) SetAlias(ctx context.Context, tenant, resourceType string, id, key backends.Key) error {
	defer a.reading()()
	return a.Journal.SetAlias(ctx, tenant, resourceType, id, key)
}

func (a *apart) AliasKeys(ctx context.Context, tenant, resourceType string, ids []backends.Key) (map[backends.Key]backends.Key, error) {
	defer a.reading()()
	return a.Journal.AliasKeys(ctx, tenant, resourceType, ids)
}

func (a *apart) AliasIDs(ctx context.Context, tenant, resourceType string, keys []backends.Key) (map[backends.Key]backends.Key, error) {
	defer a.reading()()
	return a.Journal.AliasIDs(ctx, tenant, resourceType, keys)
}

func (a *apart) AllAliases(ctx context.Context, tenant, resourceType string) (map[backends.Key]backends.Key, error) {
	defer a.reading()()
	return a.Journal.AllAliases(ctx, tenant, resourceType)
}

func (a *apart) ForgetAlias(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	defer a.reading()()
	return a.Journal.ForgetAlias(ctx, tenant, resourceType, key)
}
