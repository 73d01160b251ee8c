package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

const tenants = `
CREATE TABLE person (id int PRIMARY KEY, tenant_id text NOT NULL, name text, left_on timestamptz, gone boolean, admin boolean);
CREATE TABLE mail (person_id int, tenant_id text, address text);
INSERT INTO person VALUES (1, 'default', 'ann', NULL, NULL, NULL), (2, 'other', 'bob', NULL, NULL, NULL), (3, 'default', 'cid', now(), true, NULL), (4, 'default', 'dan', NULL, false, true);
INSERT INTO mail VALUES (1, 'default', 'a@x'), (1, 'other', 'hidden@x'), (2, 'other', 'b@x');
`

const policies = `
ALTER TABLE person ENABLE ROW LEVEL SECURITY; ALTER TABLE person FORCE ROW LEVEL SECURITY;
ALTER TABLE mail ENABLE ROW LEVEL SECURITY; ALTER TABLE mail FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON person USING (tenant_id = current_setting('scim.tenant_id', true)) WITH CHECK (tenant_id = current_setting('scim.tenant_id', true));
CREATE POLICY tenant_isolation ON mail USING (tenant_id = current_setting('scim.tenant_id', true)) WITH CHECK (tenant_id = current_setting('scim.tenant_id', true));
`

func TestPoliciesKeepTenantsApartWithoutAWhere(t *testing.T) {
	g := newGround(t, tenants, policies)
	mails := g.set("mails", "{rows: mail, on: person_id}", "address")
	for tenant, want := range map[string]struct {
		keys  []backends.Key
		mails []string
	}{
		"default": {[]backends.Key{"1", "3", "4"}, []string{"a@x"}}, "other": {[]backends.Key{"2"}, []string{"b@x"}}, "x' OR 'a'='a": {}, "": {},
	} {
		c := g.classOf(tenant, "{table: person, key: id}", mails)
		var keys []backends.Key
		var addresses []string
		for r, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"mails"}}) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, r.Key)
			addresses = append(addresses, r.Attrs["mails"].Texts()...)
		}
		if !slices.Equal(keys, want.keys) || !slices.Equal(addresses, want.mails) {
			t.Errorf("%q sees %v and %v", tenant, keys, addresses)
		}
		records, err := c.Fetch(t.Context(), []backends.Key{"1", "2", "3", "4"}, nil)
		if err != nil || len(records) != len(want.keys) {
			t.Errorf("%q: %d records, %v", tenant, len(records), err)
		}
		if n, _, err := c.Count(t.Context(), nil, 0); err != nil || n != len(want.keys) {
			t.Errorf("%q: counted %d, %v", tenant, n, err)
		}
		found, err := c.Find(t.Context(), "name", []string{"ann", "bob"}, nil)
		if err != nil || (found["ann"].Key != "") != (tenant == "default") || (found["bob"].Key != "") != (tenant == "other") {
			t.Errorf("%q: %v, %v", tenant, found, err)
		}
	}
	// What is said of the tenant is gone when the connection is used for somebody else.
	d, _ := openDirectory(t, g.db.URL, func(c *Config) { c.MaxConnections, c.MinConnections = 2, 0 })
	g.d = d
	ours, others := g.class("{table: person, key: id}"), g.classOf("other", "{table: person, key: id}")
	for range 4 {
		if a, b := walked(t, ours, backends.Query{}), walked(t, others, backends.Query{}); len(a) != 3 || len(b) != 1 {
			t.Errorf("%v and %v", a, b)
		}
	}
}

func TestTheScopeHoldsEverywhere(t *testing.T) {
	g := newGround(t, tenants)
	for at, want := range map[string][]backends.Key{
		"{table: person, key: id}":                                                           {"1", "2", "3", "4"},
		"{table: person, key: id, where: 'tenant_id = {tenant}'}":                            {"1", "3", "4"},
		"{table: person, key: id, where: 'tenant_id = {tenant} OR admin', deleted: left_on}": {"1", "4"},
		"{table: person, key: id, deleted: gone}":                                            {"1", "2", "4"},
		"{table: person, key: id, where: \"name <> 'x'';' AND not coalesce(admin, false)\"}": {"1", "2", "3"},
	} {
		c := g.class(at)
		all := []backends.Key{"1", "2", "3", "4"}
		records, err := c.Fetch(t.Context(), all, nil)
		var fetched []backends.Key
		for _, r := range records {
			fetched = append(fetched, r.Key)
		}
		slices.Sort(fetched)
		if err != nil || !slices.Equal(fetched, want) {
			t.Errorf("%s: fetched %v, %v", at, fetched, err)
		}
		if got := walked(t, c, backends.Query{Where: backends.Or{backends.True{}, backends.KeyIn{Keys: all}}}); !slices.Equal(got, want) {
			t.Errorf("%s: walked %v", at, got)
		}
		if n, exact, err := c.Count(t.Context(), nil, 0); n != len(want) || !exact || err != nil {
			t.Errorf("%s: counted %d, %v", at, n, err)
		}
		if n, exact, err := c.Count(t.Context(), nil, 1); n != 1 || exact || err != nil {
			t.Errorf("%s: counted %d (%v), %v", at, n, exact, err)
		}
		for _, key := range all {
			_, err := c.Has(t.Context(), key, "name", backends.Strings("ann"))
			if in := slices.Contains(want, key); in != (err == nil) || !in && !errors.Is(err, backends.ErrNotFound) {
				t.Errorf("%s: has %s: %v", at, key, err)
			}
		}
	}
}

func TestAServerThatComesBackIsMetAtOnce(t *testing.T) {
	server := pgtest.StartServer(t)
	g := groundOn(t, server.Database(t, tenants), nil)
	c := g.class("{table: person, key: id}")
	want := walked(t, c, backends.Query{})
	for name, end := range map[string]func(){"stopped": server.Stop, "killed": server.Kill} {
		for range 3 { // several connections that will be dead
			fetch(t, c, "1")
		}
		end()
		begin := time.Now()
		for claim, err := range map[string]error{
			"ping":  g.d.Ping(t.Context()),
			"fetch": func() error { _, err := c.Fetch(t.Context(), []backends.Key{"1"}, nil); return err }(),
			"walk": func() error {
				for _, err := range c.Walk(t.Context(), backends.Query{}) {
					return err
				}
				return nil
			}(),
		} {
			var e *backends.Error
			if !errors.As(err, &e) || !errors.Is(err, backends.ErrUnavailable) || strings.Contains(e.Detail, "127.0.0.1") {
				t.Errorf("%s: %s: %v", name, claim, err)
			}
		}
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%s: it took %s to say so", name, took)
		}
		server.Start()
		if got := walked(t, c, backends.Query{}); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
		// Nobody asked while it was away.
		fetch(t, c, "1")
		end()
		server.Start()
		for range 5 {
			fetch(t, c, "1")
		}
		if err := g.d.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWalkThatLosesItsServerSaysSo(t *testing.T) {
	server := pgtest.StartServer(t)
	g := groundOn(t, server.Database(t, numbers), nil)
	c := g.class("{table: number, key: id}")
	n := 0
	var last error
	for _, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"pad"}}) {
		if last = err; err != nil {
			break
		}
		if n++; n == 1 {
			server.Kill()
		}
	}
	if !errors.Is(last, backends.ErrUnavailable) {
		t.Errorf("after %d records: %v", n, last)
	}
	server.Start()
	if got := walked(t, c, backends.Query{Limit: 2}); len(got) != 2 {
		t.Error(got)
	}
}

func TestADirectoryThatIsAwayIsMetLater(t *testing.T) {
	server := pgtest.StartServer(t)
	db := server.Database(t, tenants)
	server.Stop()
	g := groundOn(t, db, nil)
	c := g.class("{table: person, key: id}")
	if _, err := c.Fetch(t.Context(), []backends.Key{"1"}, nil); !errors.Is(err, backends.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := c.Fetch(t.Context(), []backends.Key{"", "\x00"}, nil); err != nil {
		t.Errorf("what cannot be a key needs no database: %v", err)
	}
	if c.known() != nil {
		t.Error("what the catalog says is not known yet")
	}
	if _, _, err := g.d.Review(t.Context()); !errors.Is(err, backends.ErrUnavailable) {
		t.Error(err)
	}
	server.Start()
	fetch(t, c, "1")
	if c.known() == nil {
		t.Error("the catalog was met")
	}
}

func TestAServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	d, _ := openDirectory(t, "postgres://scim:pw@"+listener.Addr().String()+"/hr?sslmode=disable", func(c *Config) {
		c.ConnectionTimeout, c.MinConnections = 300*time.Millisecond, 0
	})
	begin := time.Now()
	if err := d.Ping(t.Context()); !errors.Is(err, backends.ErrUnavailable) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Ping(ctx); !errors.Is(err, backends.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAWrongPasswordIsNoSecret(t *testing.T) {
	g := newGround(t)
	d, _ := openDirectory(t, strings.Replace(g.db.URL, "@", "wrong@", 1), nil)
	err := d.Ping(t.Context())
	var e *backends.Error
	if errors.As(err, &e) && errors.Is(err, backends.ErrUnavailable) && e.Detail == "The database does not let the adapter in." {
		return
	}
	if err != nil { // a server that trusts everybody lets him in
		t.Error(err)
	}
}

func TestAClosedDirectoryAnswersNobody(t *testing.T) {
	g := newGround(t, numbers)
	c := g.class("{table: number, key: id}")
	fetch(t, c, "1")
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		var last error
		for _, err := range c.Walk(context.Background(), backends.Query{Attrs: []string{"pad"}}) {
			if started != nil {
				close(started)
				started = nil
				time.Sleep(100 * time.Millisecond)
			}
			last = err
		}
		done <- last
	}()
	<-started
	if err := g.d.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, backends.ErrUnavailable) {
		t.Errorf("a walk under way: %v", err)
	}
	if _, err := c.Fetch(t.Context(), []backends.Key{"1"}, nil); !errors.Is(err, backends.ErrUnavailable) {
		t.Error(err)
	}
	if err := g.d.Ping(t.Context()); !errors.Is(err, backends.ErrUnavailable) {
		t.Error(err)
	}
}

func TestValuesMeanThemselves(t *testing.T) {
	odd := []string{
		"it's", `a\b`, `"`, "100%", "a_b", "x'; DROP TABLE person; --", "$1", "{tenant}", "é", "\u2028", "E'\\''", "--", "/*", "''", "null", "a\nb", " ",
	}
	g := newGround(t, "CREATE TABLE person (id int PRIMARY KEY, name text, tags text[], doc jsonb); CREATE TABLE mail (person_id int, address text)")
	c := g.class("{table: person, key: id, document: doc}", g.set("mails", "{rows: mail, on: person_id}", "address"))
	for i, value := range odd {
		quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
		g.exec(fmt.Sprintf("INSERT INTO person VALUES (%d, %s, ARRAY[%[2]s, 'other'], jsonb_build_object('v', %[2]s)); INSERT INTO mail VALUES (%[1]d, %[2]s)", i, quoted))
	}
	for i, value := range odd {
		key := backends.Key(fmt.Sprint(i))
		r := fetch(t, c, key, "name", "tags", "doc.v", "mails")
		for _, attr := range []string{"name", "tags", "doc.v", "mails"} {
			if !slices.Contains(r.Attrs[attr].Texts(), value) {
				t.Errorf("%s holds %q, and not %q", attr, r.Attrs[attr], value)
			}
			for p, want := range map[backends.Predicate]int{
				backends.Eq{Attr: attr, Value: backends.String(value), Rule: backends.CaseExact}:          1,
				backends.Eq{Attr: attr, Value: backends.String(value + "\x00"), Rule: backends.CaseExact}: 0,
			} {
				got := walked(t, c, backends.Query{Where: p})
				if len(got) != want || want == 1 && got[0] != key {
					t.Errorf("%v finds %v", p, got)
				}
			}
		}
		found, err := c.Find(t.Context(), "name", []string{value, value + "\x00"}, nil)
		if err != nil || len(found) != 1 || found[value].Key != key {
			t.Errorf("%q is found as %v, %v", value, found, err)
		}
	}
}

func TestASilentDatabaseIsWaitedForTogether(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	const patience = 500 * time.Millisecond
	g := &ground{t: t}
	g.d, g.log = openDirectory(t, "postgres://scim:pw@"+listener.Addr().String()+"/hr?sslmode=disable", func(c *Config) {
		c.ConnectionTimeout, c.MinConnections = patience, 0
	})
	c := g.class("{table: person, key: id}")
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 20 * time.Millisecond)
			if _, err := c.Fetch(t.Context(), []backends.Key{"1"}, nil); !errors.Is(err, backends.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(begin); took > 3*patience {
		t.Errorf("the last was told after %s", took)
	}
	// One who does not wait is no reason for the others.
	server := newGround(t, tenants)
	c = server.class("{table: person, key: id}")
	c.meeting <- struct{}{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Fetch(gone, []backends.Key{"1"}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-c.meeting
	fetch(t, c, "1")
}
