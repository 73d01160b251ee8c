package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// How long a number of resources is believed, how far they are counted (where there are more, a share is one of so many), how long counting may take, and how long
// nobody tries again when it has failed.
const (
	populationTTL   = 5 * time.Minute
	mostPopulation  = 2_000_000
	populationLimit = time.Minute
	populationPause = 5 * time.Second
)

// census knows how many resources of each type there are, as far as the guard needs it.
type census struct {
	mu     sync.Mutex
	counts map[string]*count // by type
}

// count is the number of a type's resources, or why nobody could say.
type count struct {
	n       int
	known   bool
	asked   time.Time // when n was found
	tried   time.Time // when it was last tried in vain
	err     error     // of then
	running chan struct{}
}

// population is how many resources a kind could happen to: all of them for deletes; those that can be inactive for disables; those that can be members for
// removals of members, because nobody can count memberships without reading every group.
func (s *Service) population(ctx context.Context, kind string) (int, error) {
	all := 0
	for _, c := range s.classes {
		if !s.concerns(kind, c) {
			continue
		}
		n, err := s.countOf(ctx, c)
		if err != nil {
			return 0, fmt.Errorf("counting %s: %w", c.Name(), err)
		}
		all += n
	}
	return all, nil
}

// countOf gives the number that is known of a type, or waits for the one that is being found: one request counts for all that come meanwhile, each of which waits no longer
// than it wants to. The last number will do where there is no new one.
func (s *Service) countOf(ctx context.Context, c *class) (int, error) {
	s.scale.census.mu.Lock()
	k := s.scale.census.counts[c.Name()]
	if k == nil {
		k = &count{}
		s.scale.census.counts[c.Name()] = k
	}
	now := s.o.Now()
	fresh := k.known && now.Sub(k.asked) < populationTTL
	paused := k.err != nil && now.Sub(k.tried) < populationPause
	if !fresh && !paused && k.running == nil {
		k.running = make(chan struct{})
		go s.count(context.WithoutCancel(ctx), c, k)
	}
	running := k.running
	s.scale.census.mu.Unlock()
	if !fresh && !paused {
		select {
		case <-running:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	s.scale.census.mu.Lock()
	defer s.scale.census.mu.Unlock()
	if k.known {
		return k.n, nil
	}
	return 0, k.err
}

// count finds a type's number.
func (s *Service) count(ctx context.Context, c *class, k *count) {
	ctx, cancel := context.WithTimeout(ctx, populationLimit)
	defer cancel()
	n, _, err := c.Backend().Count(ctx, backends.True{}, mostPopulation)
	s.scale.census.mu.Lock()
	defer s.scale.census.mu.Unlock()
	if err == nil {
		k.n, k.known, k.asked = n, true, s.o.Now()
	} else {
		k.tried = s.o.Now()
		s.log.LogAttrs(ctx, slog.LevelWarn, "resources could not be counted for the guard", slog.String("type", c.Name()), slog.String("error", err.Error()))
	}
	k.err = err
	close(k.running)
	k.running = nil
}
