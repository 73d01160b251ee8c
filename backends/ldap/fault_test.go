package ldap

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// faulty is a branch on an embedded server that fails on demand, with a time-out that tests can wait for.
func faulty(t *testing.T) (*embedded.Server, *branch, *class) {
	t.Helper()
	server := startEmbedded(t, nil)
	b := newBranch(t, "ldap://"+server.Addr())
	b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.Timeout = 400 * time.Millisecond })
	return server, b, b.open(t, "(objectClass=inetOrgPerson)")
}

// inject makes requests go wrong until the test ends.
func inject(t *testing.T, server *embedded.Server, f embedded.Fault) (remove func()) {
	t.Helper()
	remove = server.Inject(f)
	t.Cleanup(remove)
	return remove
}

func replaceSN(value string) []backends.Change {
	return []backends.Change{{Op: backends.Replace, Attr: "sn", Values: backends.Strings(value)}}
}

func TestAWriteWithoutAnAnswerIsSettledByReading(t *testing.T) {
	for claim, fault := range map[string]embedded.Fault{
		"the connection drops after the write": {After: true, Drop: true, Times: 1},
		"the answer never comes":               {After: true, Silent: true, Times: 1},
	} {
		t.Run(claim, func(t *testing.T) {
			server, b, c := faulty(t)
			ctx := t.Context()
			strike := func(op embedded.Op) {
				f := fault
				f.Op = op
				inject(t, server, f)
			}
			strike(embedded.AddOp)
			r, err := c.Create(ctx, template("uid=", "late", ","+b.base), personAttrs("late"), nil)
			if err != nil {
				t.Fatalf("create: %v", err)
			}
			strike(embedded.Modify)
			if _, err := c.Modify(ctx, r.Key, replaceSN("New"), backends.Condition{Version: r.Version}, nil); err != nil {
				t.Errorf("modify: %v", err)
			}
			strike(embedded.ModifyDN)
			if err := c.Move(ctx, r.Key, template("uid=", "later", ","+b.base), backends.Condition{}); err != nil {
				t.Errorf("move: %v", err)
			}
			strike(embedded.Delete)
			if err := c.Delete(ctx, r.Key, backends.Condition{}); err != nil {
				t.Errorf("delete: %v", err)
			}
			if n := b.log.count("shows that it was done"); n != 4 {
				t.Errorf("%d writes were settled, want 4:\n%s", n, b.log)
			}
		})
	}
}

func TestAWriteThatCannotBeSeenIsUnknown(t *testing.T) {
	for claim, fault := range map[string]embedded.Fault{
		"the connection drops before the write": {Drop: true, Times: 1},
		"the server does not get to it":         {Silent: true, Times: 1},
	} {
		t.Run(claim, func(t *testing.T) {
			server, b, c := faulty(t)
			ctx := t.Context()
			key := b.person(t, "p", nil)
			fault.Op = embedded.Modify
			inject(t, server, fault)
			start := time.Now()
			if _, err := c.Modify(ctx, key, replaceSN("New"), backends.Condition{}, nil); !errors.Is(err, backends.ErrUnknown) {
				t.Errorf("modify: %v", err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			fault.Op = embedded.AddOp
			inject(t, server, fault)
			if _, err := c.Create(ctx, template("uid=", "new", ","+b.base), personAttrs("new"), nil); !errors.Is(err, backends.ErrUnknown) {
				t.Errorf("create: %v", err)
			}
			if _, err := c.Modify(ctx, key, replaceSN("Newer"), backends.Condition{}, nil); err != nil {
				t.Errorf("the next write: %v", err)
			}
		})
	}
}

func TestAConnectionThatDroppedIsReplacedForReads(t *testing.T) {
	server, b, c := faulty(t)
	key := b.person(t, "p", nil)
	if err := b.dir.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		inject(t, server, embedded.Fault{Op: embedded.Search, Match: func(r embedded.Request) bool { return strings.HasSuffix(r.DN, suffix) }, Drop: true, Times: 1})
		if r, err := c.Fetch(t.Context(), []backends.Key{key}, nil); err != nil || len(r) != 1 {
			t.Errorf("fetch: %v %v", r, err)
		}
		server.CloseConnections()
		if got := walk(t.Context(), t, c, backends.Query{}); len(got) != 1 {
			t.Errorf("walk: %v", got)
		}
	}
}

func TestASearchOnAClosingConnectionIsNoEmptyAnswer(t *testing.T) {
	server, b, _ := faulty(t)
	b.person(t, "p", nil)
	lc, err := goldap.DialURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := lc.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := search(t.Context(), lc, goldap.NewSearchRequest(suffix, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", nil, nil))
	if !broken(err) {
		t.Errorf("found %d, error %v", len(f.entries), err)
	}
}

func TestAnOperationEndsWithItsContext(t *testing.T) {
	server, b, c := faulty(t)
	key := b.person(t, "p", nil)
	b.dir.cfg.Timeout = time.Minute
	if _, err := c.Fetch(t.Context(), []backends.Key{key}, nil); err != nil {
		t.Fatal(err)
	}
	inject(t, server, embedded.Fault{Match: func(r embedded.Request) bool { return r.Op != embedded.Bind }, Silent: true})
	for claim, f := range map[string]func(context.Context) error{
		"fetch": func(ctx context.Context) error { _, err := c.Fetch(ctx, []backends.Key{key}, nil); return err },
		"walk": func(ctx context.Context) error {
			for _, err := range c.Walk(ctx, backends.Query{}) {
				return err
			}
			return nil
		},
		"count": func(ctx context.Context) error { _, _, err := c.Count(ctx, nil, 0); return err },
		"modify": func(ctx context.Context) error {
			_, err := c.Modify(ctx, key, replaceSN("x"), backends.Condition{}, nil)
			return err
		},
		"create": func(ctx context.Context) error {
			_, err := c.Create(ctx, template("uid=", "n", ","+b.base), personAttrs("n"), nil)
			return err
		},
		"ping": b.dir.Ping,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		err := f(ctx)
		cancel()
		if !errors.Is(err, backends.ErrUnavailable) && !errors.Is(err, backends.ErrUnknown) {
			t.Errorf("%s: %v", claim, err)
		}
		if took := time.Since(start); took > 1500*time.Millisecond {
			t.Errorf("%s took %v", claim, took)
		}
	}
}

func TestTimeOut(t *testing.T) {
	server, b, c := faulty(t)
	key := b.person(t, "p", nil)
	if err := b.dir.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	inject(t, server, embedded.Fault{Op: embedded.Search, Delay: time.Second, Times: 1})
	start := time.Now()
	_, err := c.Fetch(t.Context(), []backends.Key{key}, nil)
	if took := time.Since(start); !errors.Is(err, backends.ErrUnavailable) || took > 900*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
	if _, err := c.Fetch(t.Context(), []backends.Key{key}, nil); err != nil {
		t.Errorf("the next: %v", err)
	}
}

func TestAwayIsSaidOnceAndEndsSoon(t *testing.T) {
	server := startEmbedded(t, nil)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	d, book := openDirectory(t, "ldap://"+server.Addr(), nil)
	c := openClass(t, d, suffix, "")
	var slowest time.Duration
	for range 50 {
		start := time.Now()
		if _, err := c.Fetch(t.Context(), []backends.Key{"58951f54-7b78-1041-819d-3f1b68af952f"}, nil); !errors.Is(err, backends.ErrUnavailable) {
			t.Fatalf("a server that is away: %v", err)
		}
		slowest = max(slowest, time.Since(start))
	}
	if slowest > 200*time.Millisecond {
		t.Errorf("failing took %v", slowest)
	}
	for range 2 {
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 2*time.Second, func() bool { return d.Ping(t.Context()) == nil })
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Second, func() bool { return d.Ping(t.Context()) != nil })
	}
	if away, back := book.count("directory is away"), book.count("directory is back"); away != 3 || back != 2 {
		t.Errorf("said away %d times and back %d times:\n%s", away, back, book)
	}
}

func eventually(t *testing.T, limit time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within %v", limit)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestSlapdKilledInTheMiddle(t *testing.T) {
	s := ownSlapd(t)
	b := newBranch(t, s.url())
	c := b.open(t, "")
	ctx := t.Context()
	keys := make([]backends.Key, 8)
	for i := range keys {
		keys[i] = b.person(t, string(rune('a'+i)), nil)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, key := range keys {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := c.Modify(ctx, key, replaceSN(time.Now().String()), backends.Condition{}, nil)
				if err != nil && !errors.Is(err, backends.ErrUnavailable) && !errors.Is(err, backends.ErrUnknown) {
					t.Errorf("while the server dies: %v", err)
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	s.kill()
	time.Sleep(300 * time.Millisecond)
	if err := b.dir.Ping(ctx); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("ping: %v", err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, func() bool { return b.dir.Ping(ctx) == nil })
	close(stop)
	wg.Wait()
	if _, err := c.Modify(ctx, keys[0], replaceSN("after"), backends.Condition{}, nil); err != nil {
		t.Errorf("after the return: %v", err)
	}
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	server := startEmbedded(t, nil)
	before := goleak.IgnoreCurrent()
	b := newBranch(t, "ldap://"+server.Addr())
	c := b.open(t, "")
	b.person(t, "p", nil)
	var wg sync.WaitGroup
	inject(t, server, embedded.Fault{Op: embedded.Modify, Silent: true})
	key := b.keyOf(t, "uid=p,"+b.base)
	for range 5 {
		wg.Go(func() { _, _ = c.Modify(t.Context(), key, replaceSN("x"), backends.Condition{}, nil) })
		wg.Go(func() {
			for _, err := range c.Walk(t.Context(), backends.Query{}) {
				_ = err // the directory is closed under it
				return
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if err := b.dir.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, err := c.Fetch(t.Context(), []backends.Key{key}, nil); !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	_ = b.lc.Close()
	_ = server.Close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
