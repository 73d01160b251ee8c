package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

const numbers = `CREATE TABLE number (id int PRIMARY KEY, half int, word text, pad text);
INSERT INTO number SELECT n, n / 2, 'word ' || n, repeat('x', 2000) FROM generate_series(1, 3000) n;`

func keysFromTo(from, to int) []backends.Key {
	var keys []backends.Key
	for n := from; n <= to; n++ {
		keys = append(keys, backends.Key(fmt.Sprint(n)))
	}
	return keys
}

func reversed(keys []backends.Key) []backends.Key {
	keys = slices.Clone(keys)
	slices.Reverse(keys)
	return keys
}

func TestWalksGoByKey(t *testing.T) {
	g := newGround(t, numbers)
	c := g.class("{table: number, key: id}")
	below := backends.Order{Attr: "id", Op: backends.LessEq, Value: backends.Int(20), Rule: backends.IntegerRule}
	// A comparison as telephone numbers is none that the database has.
	odd := backends.Contains{Attr: "word", Text: "word-1", Rule: backends.TelRule}
	for claim, tc := range map[string]struct {
		q    backends.Query
		want []backends.Key
	}{
		"all":                            {backends.Query{}, keysFromTo(1, 3000)},
		"some":                           {backends.Query{Where: below}, keysFromTo(1, 20)},
		"the first of them":              {backends.Query{Where: below, Limit: 3}, keysFromTo(1, 3)},
		"behind a key":                   {backends.Query{Where: below, After: "17"}, keysFromTo(18, 20)},
		"behind a key that is not there": {backends.Query{After: "-5", Limit: 2}, keysFromTo(1, 2)},
		"behind the last":                {backends.Query{After: "3000"}, nil},
		"the last ones":                  {backends.Query{Reverse: true, Limit: 3}, reversed(keysFromTo(2998, 3000))},
		"those before a key":             {backends.Query{Reverse: true, After: "3", Limit: 9}, reversed(keysFromTo(1, 2))},
		"without the first":              {backends.Query{Where: below, Skip: 18}, keysFromTo(19, 20)},
		"a page behind a key":            {backends.Query{After: "100", Skip: 10, Limit: 5}, keysFromTo(111, 115)},
		"more than a page":               {backends.Query{Limit: 1500}, keysFromTo(1, 1500)},
		"tested here":                    {backends.Query{Where: backends.And{below, odd}}, append(keysFromTo(1, 1), keysFromTo(10, 19)...)},
		"tested here, and no more":       {backends.Query{Where: backends.And{below, odd}, Limit: 2}, []backends.Key{"1", "10"}},
		"tested here, without the first": {backends.Query{Where: backends.And{below, odd}, Limit: 2, Skip: 9}, []backends.Key{"18", "19"}},
		"none":                           {backends.Query{Where: backends.False{}}, nil},
		"by what nobody has":             {backends.Query{Where: backends.Present{Attr: "nowhere"}}, nil},
		"without what nobody has":        {backends.Query{Where: backends.Not{Term: backends.Present{Attr: "nowhere"}}, Limit: 1}, keysFromTo(1, 1)},
	} {
		if got := walked(t, c, tc.q); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %d records, %.200q", claim, len(got), got)
		}
	}
	for r, err := range c.Walk(t.Context(), backends.Query{Where: backends.And{below, odd}, Attrs: []string{"half"}}) {
		if err != nil || len(r.Attrs) != 1 {
			t.Fatalf("%v, %v: nobody asked for more than half", r.Attrs, err)
		}
	}
	for _, err := range c.Walk(t.Context(), backends.Query{After: "x"}) {
		if !errors.Is(err, backends.ErrInvalid) {
			t.Errorf("behind what is no key: %v", err)
		}
	}
}

func TestAWalkThatIsLeftGivesItsConnectionBack(t *testing.T) {
	g := newGround(t, numbers)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.MaxConnections, c.MinConnections = 2, 0 })
	g.d = d
	c := g.class("{table: number, key: id}")
	for range 5 {
		for r, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"pad"}}) {
			if err != nil || r.Key != "1" {
				t.Fatal(r.Key, err)
			}
			// In the middle of one there is a connection for something else.
			if fetch(t, c, "7").Key != "7" {
				t.Error("nothing else can be asked")
			}
			break
		}
	}
	eventually(t, func() bool { return d.Stats().Active == 0 })
	if lost := d.lost.Load(); lost != 0 {
		t.Errorf("%d connections count as lost", lost)
	}
}

// eventually waits until something is true.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be")
		}
	}
}

func TestManyWalksShareTheConnections(t *testing.T) {
	g := newGround(t, numbers)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.MaxConnections, c.MinConnections = 4, 0 })
	g.d = d
	c := g.class("{table: number, key: id}")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n := 0
			for r, err := range c.Walk(t.Context(), backends.Query{}) {
				if err != nil {
					t.Error(err)
					return
				}
				if n++; n%1000 == 0 {
					if records, err := c.Fetch(t.Context(), []backends.Key{r.Key}, nil); err != nil || len(records) != 1 {
						t.Error(records, err)
					}
				}
			}
			if n != 3000 {
				t.Errorf("%d records", n)
			}
		})
	}
	wg.Wait()
}

func TestAWaitingWalkEndsWithItsContext(t *testing.T) {
	g := newGround(t, numbers)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) {
		c.MaxConnections, c.MinConnections, c.ConnectionTimeout = 2, 0, 300*time.Millisecond
	})
	g.d = d
	c := g.class("{table: number, key: id}")
	for _, err := range c.Walk(t.Context(), backends.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for claim, ctx := range map[string]context.Context{"nobody waits any more": ctx, "no place comes free": t.Context()} {
			begin := time.Now()
			for _, err := range c.Walk(ctx, backends.Query{}) {
				if !errors.Is(err, backends.ErrUnavailable) {
					t.Errorf("%s: %v", claim, err)
				}
			}
			if waited := time.Since(begin); waited > 3*time.Second {
				t.Errorf("%s: it took %s", claim, waited)
			}
		}
		break
	}
}

func TestWhatTakesTooLongIsTooMuch(t *testing.T) {
	g := newGround(t, numbers+`CREATE VIEW slow AS SELECT id, pg_sleep(30)::text AS nap FROM number`)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.Timeout = 300 * time.Millisecond })
	g.d = d
	c := g.class("{table: slow, key: id, version: ''}")
	// By its key nobody can ask for less.
	if _, err := c.Fetch(t.Context(), []backends.Key{"1"}, []string{"nap"}); !errors.Is(err, backends.ErrUnavailable) || errors.Is(err, backends.ErrTooMany) {
		t.Errorf("fetch: %v", err)
	}
	if _, err := c.Find(t.Context(), "nap", []string{"1"}, nil); !errors.Is(err, backends.ErrUnavailable) || errors.Is(err, backends.ErrTooMany) {
		t.Errorf("find: %v", err)
	}
	if _, _, err := c.Count(t.Context(), backends.Present{Attr: "nap"}, 0); !errors.Is(err, backends.ErrTooMany) {
		t.Errorf("count: %v", err)
	}
	for claim, tc := range map[string]struct {
		q    backends.Query
		want error
	}{
		"a page":        {backends.Query{Attrs: []string{"nap"}, Limit: 10}, backends.ErrUnavailable},
		"some of a few": {backends.Query{Where: backends.Present{Attr: "nap"}, Limit: 10}, backends.ErrTooMany},
		"an order":      {backends.Query{Sort: &backends.Sort{Attr: "nap", Rule: backends.CaseExact}, Limit: 10}, backends.ErrTooMany},
	} {
		for _, err := range c.Walk(t.Context(), tc.q) {
			if !errors.Is(err, tc.want) || errors.Is(err, backends.ErrTooMany) != errors.Is(tc.want, backends.ErrTooMany) {
				t.Errorf("%s: %v", claim, err)
			}
		}
	}
	// A long walk has as much time as it wants to, unless nothing comes.
	begin := time.Now()
	for _, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"nap"}}) {
		if !errors.Is(err, backends.ErrUnavailable) {
			t.Errorf("a walk: %v", err)
		}
	}
	if waited := time.Since(begin); waited > 5*time.Second {
		t.Errorf("it took %s", waited)
	}
	quick := g.class("{table: number, key: id}")
	n := 0
	for _, err := range quick.Walk(t.Context(), backends.Query{Attrs: []string{"pad"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%1000 == 0 {
			time.Sleep(500 * time.Millisecond) // whoever reads takes his time
		}
	}
	if n != 3000 {
		t.Errorf("%d records", n)
	}
}

// Pages of what is only tested here leave their connections as they were, and find what is far behind.
func TestPagesThatAreTestedHereCostNoConnection(t *testing.T) {
	g := newGround(t, numbers)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.MaxConnections, c.MinConnections = 2, 0 })
	g.d = d
	c := g.class("{table: number, key: id}")
	ends := func(text string) backends.Predicate {
		return backends.Suffix{Attr: "word", Text: text, Rule: backends.TelRule}
	}
	walked(t, c, backends.Query{Limit: 1})
	if c.Fidelity(ends("7")) == backends.Exact {
		t.Fatal("the database tests it itself, and nothing is proved")
	}
	pool, err := d.connections()
	if err != nil {
		t.Fatal(err)
	}
	before := pool.Stat().NewConnsCount()
	after := backends.Key("")
	for range 5 {
		got := walked(t, c, backends.Query{Where: ends("7"), Attrs: []string{"pad"}, Limit: 3, After: after})
		if len(got) != 3 {
			t.Fatal(got)
		}
		after = got[2]
	}
	if after != "147" {
		t.Errorf("five pages end at %s", after)
	}
	for claim, tc := range map[string]struct {
		q    backends.Query
		want []backends.Key
	}{
		"behind several pieces": {backends.Query{Where: ends("999"), Limit: 5}, []backends.Key{"999", "1999", "2999"}},
		"without the first":     {backends.Query{Where: ends("999"), Limit: 2, Skip: 1}, []backends.Key{"1999", "2999"}},
		"backwards":             {backends.Query{Where: ends("999"), Limit: 2, Skip: 1, Reverse: true}, []backends.Key{"1999", "999"}},
		"backwards from a key":  {backends.Query{Where: ends("999"), Limit: 2, Reverse: true, After: "2999"}, []backends.Key{"1999", "999"}},
		"nobody":                {backends.Query{Where: ends("x"), Limit: 2}, nil},
		"in an order": {
			backends.Query{Where: ends("999"), Limit: 1, Sort: &backends.Sort{Attr: "half", Rule: backends.IntegerRule}}, []backends.Key{"999"},
		},
	} {
		if got := walked(t, c, tc.q); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v", claim, got)
		}
	}
	if n := pool.Stat().NewConnsCount() - before; n > 1 { // the one in an order may have left more behind than a moment's
		t.Errorf("%d new connections", n)
	}
}

func TestASmallRestIsReadAndALargeOneIsNot(t *testing.T) {
	g := newGround(t, numbers)
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.MaxConnections, c.MinConnections = 2, 0 })
	g.d = d
	c := g.class("{table: number, key: id}")
	leave := func(q backends.Query) int64 {
		walked(t, c, backends.Query{Limit: 1})
		pool, err := d.connections()
		if err != nil {
			t.Fatal(err)
		}
		before := pool.Stat().NewConnsCount()
		for range 3 {
			for _, err := range c.Walk(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		walked(t, c, backends.Query{Limit: 1})
		return pool.Stat().NewConnsCount() - before
	}
	if n := leave(backends.Query{After: "2500"}); n != 0 {
		t.Errorf("a small rest: %d new connections", n)
	}
	if n := leave(backends.Query{}); n == 0 {
		t.Error("3000 rows are read that nobody wants")
	}
}
