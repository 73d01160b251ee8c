package pgjournal

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

var values = cmp.Comparer(func(a, b backends.Value) bool { return a == b })

func expect(t *testing.T, j *Journal, in journal.Intent, out *journal.Outcome) {
	t.Helper()
	got, err := j.Lookup(t.Context(), in.ID)
	must(t, err)
	if diff := cmp.Diff(journal.Event{Intent: in, Outcome: out}, got, values); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	g := newGround(t)
	j, in, out := g.open(), change(nil), done()
	must(t, j.Ping(t.Context()))
	must(t, j.Begin(t.Context(), in))
	expect(t, j, in, nil)
	must(t, j.Finish(t.Context(), in.ID, out))
	expect(t, j, in, &out)
	for _, address := range []string{"2001:DB8:0:0:1:0:0:1", "::ffff:192.0.2.7", "[fe80::1%eth0]:443", "10.1.2.3:80", "", "unix"} {
		must(t, j.Note(t.Context(), change(func(in *journal.Intent) { in.Address, in.Action, in.Time = address, journal.ActionRead, time.Time{} }), journal.Outcome{}))
	}
	g.whole()
}

func TestManyShareATransaction(t *testing.T) {
	g := newGround(t)
	j := g.open()
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for w := range errs {
		wg.Go(func() {
			for range 10 {
				in := change(nil)
				errs[w] = errors.Join(errs[w], j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, done()))
			}
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	if n := g.whole()[j.Writer()]; n != 1280 {
		t.Errorf("%d rows, want 1280", n)
	}
	var transactions int
	if _, err := fmt.Sscan(g.ask("SELECT count(DISTINCT xmin::text)::text FROM (SELECT xmin FROM audit.intents UNION ALL SELECT xmin FROM audit.events) AS r"), &transactions); err != nil || transactions > 400 {
		t.Errorf("1280 rows took %d transactions (%v)", transactions, err)
	}
}

func TestTwoWritersKeepTwoChains(t *testing.T) {
	g := newGround(t)
	a, b := g.open(), g.open()
	var wg sync.WaitGroup
	for _, j := range []*Journal{a, b} {
		for range 8 {
			wg.Go(func() {
				for range 20 {
					in := change(nil)
					if err := errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, done())); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if chains := g.whole(); chains[a.Writer()] != 320 || chains[b.Writer()] != 320 {
		t.Errorf("chains: %v", chains)
	}
}

func TestOneBadRowFailsNobodyElse(t *testing.T) {
	g := newGround(t)
	j := g.open()
	must(t, j.Ping(t.Context()))
	// A digest is what no caller can spoil, and so the row is spoilt here.
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		wg.Go(func() {
			key, err := j.newKey()
			if err != nil {
				t.Error(err)
			}
			r, _, err := intentRow(change(nil), key)
			if err != nil {
				t.Error(err)
			}
			if i%10 == 3 {
				r.details = []byte(`{"text": "\u0000"}`)
			}
			errs[i] = j.do(t.Context(), &call{row: r, key: key})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i%10 == 3 && !errors.Is(err, backends.ErrInvalid) || i%10 != 3 && err != nil {
			t.Errorf("row %d: %v", i, err)
		}
	}
	if n := g.whole()[j.Writer()]; n != 36 {
		t.Errorf("%d rows, want 36", n)
	}
}

func TestWhatDoesNotFitIsCutAndFound(t *testing.T) {
	g := newGround(t)
	j := g.open()
	long, odd := strings.Repeat("ä", 300), "a\x00b\xff"
	in := change(func(in *journal.Intent) {
		in.Tenant, in.ResourceID, in.Client, in.RequestID, in.UserAgent, in.Address = long, long, "a\x00b", "r\x00", strings.Repeat("é", 400), "no address"
		in.ResourceType = strings.Repeat("T", 60)
		in.Steps[0].Backend, in.Steps[0].Key = odd, "k\x00"
	})
	in.Steps[0].Backend = "a\x00b"
	must(t, j.Begin(t.Context(), in))
	must(t, j.Finish(t.Context(), in.ID, done()))
	out := done()
	expect(t, j, in, &out)
	for name, f := range map[string]journal.Filter{
		"tenant": {Tenant: long}, "resource": {ResourceType: in.ResourceType, ResourceID: long}, "client": {Actor: in.Client}, "request": {RequestID: in.RequestID},
	} {
		n := 0
		for e, err := range j.Events(t.Context(), f) {
			must(t, err)
			if n++; e.Intent.ID != in.ID {
				t.Errorf("%s: found %v", name, e)
			}
		}
		if n != 1 {
			t.Errorf("%s: found %d", name, n)
		}
	}
	if got := g.ask("SELECT length(user_agent)::text || ' ' || octet_length(user_agent) || ' ' || right(resource_id, 1) || ' ' || coalesce(host(ip_address), 'none') FROM audit.intents"); got != "256 512 … none" {
		t.Errorf("stored: %s", got)
	}
}

// with is a URL that has one more parameter.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestHowStatementsAreSentIsTheURLsToSay(t *testing.T) {
	g := newGround(t)
	for n, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec"} {
		j := g.open(func(o *Options) {
			o.Database.URL = configs.NewSecret(with(t, g.url, "default_query_exec_mode", mode))
			o.Limits = []journal.Limit{{Kind: journal.GuardDelete, Count: 100, Window: time.Hour}}
		})
		in, out := change(func(in *journal.Intent) { in.Weights = []journal.Weight{{Kind: journal.GuardDelete, Count: 1}} }), done()
		note := change(nil)
		scope := journal.Scope{Tenant: "default", Client: mode, ResourceType: "User"}
		must(t, errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, out), j.Note(t.Context(), note, out)))
		expect(t, j, in, &out)
		f := journal.Filter{Tenant: "default", Actions: []string{in.Action}, ResourceID: "k1", Statuses: []string{out.Status}, Since: moment, Until: moment.Add(time.Hour), Newest: true}
		if events := listed(t, j, f); len(events) != 2*(n+1) {
			t.Errorf("%s: %d events", mode, len(events))
		}
		settled(t, j, "", 2*(n+1))
		must(t, j.Save(t.Context(), scope, "k1", map[string]string{"externalId": "x"}, []string{"externalId"}))
		if err := j.Save(t.Context(), scope, "k2", map[string]string{"externalId": "x"}, []string{"externalId"}); !errors.Is(err, backends.ErrExists) {
			t.Errorf("%s: %v", mode, err)
		}
		must(t, j.SetAlias(t.Context(), "default", "User", "old", "k1"))
		if keys, err := j.AliasKeys(t.Context(), "default", "User", []backends.Key{"old"}); err != nil || keys["old"] != "k1" {
			t.Errorf("%s: %v, %v", mode, keys, err)
		}
	}
	g.whole()
}

func TestLargeRowsDoNotShareAStatement(t *testing.T) {
	g := newGround(t)
	j := g.open()
	large := backends.Attributes{"member": backends.Strings(strings.Repeat("x", maxBytes))}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := j.Begin(t.Context(), change(func(in *journal.Intent) { in.Steps[0].Before = large })); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := g.ask("SELECT count(DISTINCT xmin::text)::text FROM audit.intents"); n != "3" {
		t.Errorf("three large rows in %s transactions", n)
	}
	g.whole()
}
