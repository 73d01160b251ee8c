package adapter

import (
	"context"
	"slices"
	"sync"

	"github.com/scim-adapter/scim-adapter/backends"
)

// locks let one writer at a time have a name. They spare writers of this process a race that the directory would decide, too, but less
// kindly: of two creates with one userName and different RDNs it might accept both.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	token chan struct{} // holds one element while the lock is taken
	users int           // who has it or waits for it
}

func newLocks() *locks { return &locks{held: map[string]*lock{}} }

// take waits for all names, in one order whoever asks, so that nobody waits in a circle. The caller calls release when done.
func (l *locks) take(ctx context.Context, names ...string) (release func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var taken []string
	release = func() {
		for _, name := range taken {
			l.put(name)
		}
	}
	for _, name := range names {
		if err := l.one(ctx, name); err != nil {
			release()
			return nil, err
		}
		taken = append(taken, name)
	}
	return release, nil
}

func (l *locks) one(ctx context.Context, name string) error {
	l.mu.Lock()
	entry := l.held[name]
	if entry == nil {
		entry = &lock{token: make(chan struct{}, 1)}
		l.held[name] = entry
	}
	entry.users++
	l.mu.Unlock()
	select {
	case entry.token <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.leave(name, entry)
		return ctx.Err()
	}
}

func (l *locks) put(name string) {
	l.mu.Lock()
	entry := l.held[name]
	l.mu.Unlock()
	<-entry.token
	l.leave(name, entry)
}

func (l *locks) leave(name string, entry *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entry.users--; entry.users == 0 {
		delete(l.held, name)
	}
}

// flux is what this process is renaming or deleting: records, by their keys, and what they were called. Whoever wants to look up the name of
// such a record waits until it is settled. Those who are in it wait for nothing but directories and the journal, so that waiting for them
// closes no circle, whichever locks are held meanwhile.
type flux struct {
	mu   sync.Mutex
	busy map[string][]chan struct{} // closed when it is over
}

func newFlux() *flux { return &flux{busy: map[string][]chan struct{}{}} }

// enter says that what these words stand for is in flux, until leave is called.
func (f *flux) enter(words ...string) (leave func()) {
	over := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, word := range words {
		f.busy[word] = append(f.busy[word], over)
	}
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, word := range words {
			f.busy[word] = slices.DeleteFunc(f.busy[word], func(c chan struct{}) bool { return c == over })
			if len(f.busy[word]) == 0 {
				delete(f.busy, word)
			}
		}
		close(over)
	})
}

// wait returns when none of the words stands for something in flux, and says whether one did.
func (f *flux) wait(ctx context.Context, words ...string) (waited bool, err error) {
	for _, word := range words {
		for {
			f.mu.Lock()
			var over chan struct{}
			if busy := f.busy[word]; len(busy) > 0 {
				over = busy[0]
			}
			f.mu.Unlock()
			if over == nil {
				break
			}
			waited = true
			select {
			case <-over:
			case <-ctx.Done():
				return waited, ctx.Err()
			}
		}
	}
	return waited, nil
}

// fluxKey is what stands for a record in flux, and fluxName for what it is called.
func fluxKey(c *class, key string) string { return c.BackendName() + "\x00key\x00" + key }

func fluxName(c *class, r reference, name string) string {
	return c.BackendName() + "\x00name\x00" + r.By + "\x00" + backends.Normalize(r.rule(), name)
}

// inFlux are the words for a record of c that is pointed at in these ways.
func inFlux(c *class, key backends.Key, list []holder) []string {
	words := []string{fluxKey(c, string(key))}
	for _, h := range list {
		words = append(words, fluxName(c, h.ref, h.name))
	}
	slices.Sort(words)
	return slices.Compact(words)
}
