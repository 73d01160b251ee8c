package adapter

import (
	"context"
	"slices"
	"sync"
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
