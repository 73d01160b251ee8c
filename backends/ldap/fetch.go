package ldap

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// batch is how many keys, names or values one search asks for. BenchmarkKeys against slapd on two cores: 1,000 names take 40 ms in searches of 20
// to 500 entryDN tests, and 160 ms by a base search for each, four at a time.
const batch = 100

// inBatches calls do with pieces of items, a few at a time, and gives the first error.
func inBatches[T any](ctx context.Context, d *Directory, items []T, do func(context.Context, []T) error) error {
	if len(items) <= batch {
		if len(items) == 0 {
			return nil
		}
		return do(ctx, items)
	}
	return atOnce(ctx, d, d.cfg.Connections, slices.Chunk(items, batch), do)
}

// atOnce calls do with each of items, so many at a time, and gives the first error.
func atOnce[T any](ctx context.Context, d *Directory, most int, items iter.Seq[T], do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	free := make(chan struct{}, most)
	for item := range items {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			if err := do(ctx, item); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		if _, ok := errors.AsType[*backends.Error](cause); ok {
			return cause
		}
		return d.away(ctx, cause)
	}
	return nil
}

// find does one search of the class.
func (c *class) find(ctx context.Context, req *goldap.SearchRequest) (found, error) {
	f, err := read(ctx, c.d, func(ctx context.Context, lc *goldap.Conn) (found, error) {
		return search(ctx, lc, req)
	})
	if c.guest && errors.Is(err, backends.ErrNotFound) {
		return found{}, nil
	}
	if err != nil {
		return f, c.baseless(err)
	}
	c.referred(f)
	return f, nil
}

// baseless: a search whose base is not there found nothing, yet that is no answer: the configuration, or the directory, is wrong.
func (c *class) baseless(err error) error {
	if !errors.Is(err, backends.ErrNotFound) {
		return err
	}
	return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The directory has no entry where the mapping looks for records.", Cause: err}
}

// referred says once that part of the tree is elsewhere: nobody follows referrals with the bind account's password.
func (c *class) referred(f found) {
	if f.referred == 0 {
		return
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.d.once("part of the tree under " + c.base + " is in the care of other servers, and is not seen")
}

var errCut = &backends.Error{Kind: backends.ErrTooMany, Detail: "The directory limits the number of entries that it gives."}

// Fetch reads the records with these keys.
func (c *class) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	tests := c.keyTests(in, keys)
	v := c.view(in, attrs)
	var mu sync.Mutex
	var records []backends.Record
	err = inBatches(ctx, c.d, tests, func(ctx context.Context, tests []filter) error {
		f, err := c.find(ctx, c.search(c.scoped(or(tests...)), v.request))
		if err != nil {
			return err
		}
		if f.limited {
			return errCut
		}
		mu.Lock()
		defer mu.Unlock()
		records = append(records, v.records(f.entries)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// keyTests are tests for those keys that can be one, each once.
func (c *class) keyTests(in *info, keys []backends.Key) []filter {
	is := c.keyFilter(in)
	seen := make(map[backends.Key]bool, len(keys))
	tests := make([]filter, 0, len(keys))
	for _, key := range keys {
		if f, ok := is(key); ok && !seen[key] {
			seen[key] = true
			tests = append(tests, f)
		}
	}
	return tests
}

// fetchOne reads one record of the class, with what is in scope only.
func (c *class) fetchOne(ctx context.Context, in *info, key backends.Key, attrs []string, also ...filter) (backends.Record, error) {
	f, ok := c.keyFilter(in)(key)
	if !ok {
		return backends.Record{}, errGone
	}
	v := c.view(in, attrs)
	found, err := c.find(ctx, c.search(c.scoped(append([]filter{f}, also...)...), v.request))
	if err != nil {
		return backends.Record{}, err
	}
	records := v.records(found.entries)
	if len(records) == 0 {
		c.names.drop(key)
		return backends.Record{}, errGone
	}
	return records[0], nil
}

var errGone = &backends.Error{Kind: backends.ErrNotFound, Detail: "The directory has no such entry in the mapping's scope."}
