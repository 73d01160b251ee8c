package adapter

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A reverse reference is read from the other side: a user's groups are those whose members name the user. Neither side's list is ever read.

// isReverse says whether a reference must be read from the other side, now.
func (s *Service) isReverse(ctx context.Context, c *class, r reference) (bool, error) {
	switch {
	case r.Reverse != "":
		return true, nil
	case r.OrReverse == "":
		return false, nil
	}
	kept, err := s.keeps(ctx, c, r)
	return !kept, err
}

// keeps finds out whether the directory itself maintains an attribute such as memberOf: its schema knows it, and somebody has it. That it
// does stays true; that it does not may only mean that there is no group yet, so it is asked again after a while.
func (s *Service) keeps(ctx context.Context, c *class, r reference) (bool, error) {
	if kept, sure := r.kept.known(s.o.Now(), s.o.NativeTTL); sure {
		return kept, nil
	}
	if !c.Backend().Syntax(r.Native).Known {
		return false, nil
	}
	n, exact, err := c.Backend().Count(ctx, backends.Present{Attr: r.Native}, 1)
	if err != nil {
		return false, err
	}
	kept := n > 0 || !exact
	r.kept.learn(kept, s.o.Now())
	return kept, nil
}

// nativeAttr remembers whether any record of a directory has an attribute.
type nativeAttr struct {
	mu     sync.Mutex
	kept   bool
	denied time.Time // when it was last found not to
}

func (a *nativeAttr) known(now time.Time, ttl time.Duration) (kept, sure bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept, a.kept || !a.denied.IsZero() && now.Sub(a.denied) < ttl
}

func (a *nativeAttr) learn(kept bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept = a.kept || kept; !kept {
		a.denied = now
	}
}

// other finds the reference that a reverse one turns around: "Group.members".
func (s *Service) other(r reference) (*class, reference, bool) {
	text := r.Reverse
	if text == "" {
		text = r.OrReverse
	}
	typ, attr, _ := strings.Cut(text, ".")
	c, ok := s.byName[typ]
	if !ok {
		return nil, reference{}, false
	}
	for _, ref := range c.refs {
		if strings.EqualFold(ref.Attr, attr) && ref.Native != "" {
			return c, ref, true
		}
	}
	return nil, reference{}, false
}

// pointing walks the records of c that point with r at a name, and gives their keys.
func pointing(ctx context.Context, c *class, r reference, name string) ([]backends.Key, error) {
	var keys []backends.Key
	rule := c.Backend().Syntax(r.Native).Equality
	if rule == backends.NoRule {
		rule = r.rule()
	}
	for rec, err := range c.Backend().Walk(ctx, backends.Query{Where: backends.Eq{Attr: r.Native, Value: backends.String(name), Rule: rule}}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, rec.Key)
	}
	return keys, nil
}

// ownNames gives what the records of a page are called by those who point at them.
func ownNames(ctx context.Context, c *class, by string, recs []backends.Record) (map[backends.Key]string, error) {
	names := map[backends.Key]string{}
	if by == "" {
		for _, rec := range recs {
			names[rec.Key] = rec.Name
		}
		return names, nil
	}
	keys := make([]backends.Key, len(recs))
	for i, rec := range recs {
		keys[i] = rec.Key
	}
	return c.Backend().Names(ctx, by, keys)
}

// turn fills a reverse reference of all resources of a page: one search for each, a few at a time.
func (s *Service) turn(ctx context.Context, c *class, r reference, base string, recs []backends.Record, resources []*scim.Object) error {
	there, back, ok := s.other(r)
	if !ok {
		return nil
	}
	names, err := ownNames(ctx, c, back.By, recs)
	if err != nil {
		return err
	}
	return s.parallel(ctx, len(recs), func(ctx context.Context, i int) error {
		// What the directory said itself is not mixed with what is found here.
		holder := holderOf(resources[i], r.URI, false)
		if holder != nil {
			holder.Delete(r.Attr)
		}
		name, ok := names[recs[i].Key]
		if !ok || name == "" {
			return nil
		}
		keys, err := pointing(ctx, there, back, name)
		if err != nil || len(keys) == 0 {
			return err
		}
		list := make([]any, len(keys))
		for n, key := range keys {
			list[n] = r.element(base, target{there, key}, nil)
		}
		holder = holderOf(resources[i], r.URI, true)
		if r.Multi {
			holder.Set(r.Attr, list)
		} else {
			holder.Set(r.Attr, list[0])
		}
		return nil
	})
}

// parallel runs do for 0 to n-1, a few at a time. The first error ends it and is given back.
func (s *Service) parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, s.o.Parallel) {
		wg.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
