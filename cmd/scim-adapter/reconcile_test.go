package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// process is an adapter in a process of its own, which can be killed.
type process struct {
	scimClient
	cmd *exec.Cmd
}

var servingAt = regexp.MustCompile(`serving SCIM.* address=(\S+)`)

// startProcess serves a configuration that logs at level info.
func startProcess(t *testing.T, path string) *process {
	t.Helper()
	p, err := launch(t, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// launch is startProcess for goroutines, which end the process themselves.
func launch(t *testing.T, path string) (*process, error) {
	cmd := exec.Command("scim-adapter", "serve", "--config", path)
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if found := servingAt.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	select {
	case a := <-address:
		return &process{scimClient{t: t, base: "http://" + a + "/scim/v2", token: "a-token-of-the-tests"}, cmd}, nil
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		return nil, errors.New("it does not listen")
	}
}

// kill ends it as a crash would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

// attempt is a write that a client has asked for; stands says whether it is there.
type attempt struct {
	method, path string
	body         any
	stands       func(c *scimClient) bool
	acknowledged bool
}

func person(name string) map[string]any {
	return map[string]any{"userName": name, "name": map[string]any{"familyName": "F"}}
}

// attempts are ten times five kinds of writes, on resources that are made for them.
func attempts(c *scimClient) []*attempt {
	var all []*attempt
	has := func(c *scimClient, query string) bool {
		return c.do("GET", query, nil).want(c.t, 200).text("totalResults") == "1"
	}
	for i := range 10 {
		id := func(kind string) string {
			return c.do("POST", "/Users", person(fmt.Sprintf("%s%d", kind, i))).want(c.t, 201).id()
		}
		patched, leaver, member, renamed := id("patched"), id("leaver"), id("member"), id("renamed")
		group := c.do("POST", "/Groups", map[string]any{"displayName": fmt.Sprintf("g%d", i), "members": []any{map[string]any{"value": leaver}, map[string]any{"value": renamed}}}).want(c.t, 201).id()
		title, name, made := fmt.Sprintf("Title %d", i), fmt.Sprintf("other%d", i), fmt.Sprintf("made%d", i)
		all = append(all,
			&attempt{method: "POST", path: "/Users", body: person(made), stands: func(c *scimClient) bool {
				return has(c, "/Users?filter=userName+eq+%22"+made+"%22")
			}},
			&attempt{method: "PATCH", path: "/Users/" + patched, body: patch(op("replace", "title", title)), stands: func(c *scimClient) bool {
				return c.do("GET", "/Users/"+patched, nil).want(c.t, 200).text("title") == title
			}},
			&attempt{method: "DELETE", path: "/Users/" + leaver, stands: func(c *scimClient) bool {
				return c.do("GET", "/Users/"+leaver, nil).status == 404
			}},
			&attempt{method: "PATCH", path: "/Groups/" + group, body: patch(op("add", "members", []any{map[string]any{"value": member}})), stands: func(c *scimClient) bool {
				return strings.Contains(c.do("GET", "/Groups/"+group, nil).want(c.t, 200).raw, member)
			}},
			&attempt{method: "PATCH", path: "/Users/" + renamed, body: patch(op("replace", "userName", name), op("replace", "title", "Renamed")), stands: func(c *scimClient) bool {
				return c.do("GET", "/Users/"+renamed, nil).want(c.t, 200).text("userName") == name
			}})
	}
	return all
}

// slowly has every other write of a directory take its time before it happens, and the others before they are answered.
func slowly(directory *embedded.Server) (end func()) {
	var count atomic.Int64
	writes := []embedded.Op{embedded.AddOp, embedded.Modify, embedded.ModifyDN, embedded.Delete}
	before := directory.Inject(embedded.Fault{Delay: 60 * time.Millisecond, Match: func(r embedded.Request) bool { return slices.Contains(writes, r.Op) && count.Add(1)%2 == 0 }})
	after := directory.Inject(embedded.Fault{Delay: 60 * time.Millisecond, After: true, Match: func(r embedded.Request) bool { return slices.Contains(writes, r.Op) }})
	return func() {
		before()
		after()
	}
}

// TestWhatAKilledAdapterHasLeftOpenIsSettledTruthfully kills the adapter in the midst of fifty writes. Another one says of each what came of it, and the directory says the same.
func TestWhatAKilledAdapterHasLeftOpenIsSettledTruthfully(t *testing.T) {
	db := pgtest.StartServer(t).Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	directory := startEmbedded(t)
	path := journalConfig(t, directory.URL(), db, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "level: warn", "level: info", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, path)
	all, begun := attempts(&p.scimClient), time.Now()
	slow := slowly(directory)
	var clients sync.WaitGroup
	next := make(chan *attempt)
	for range 20 {
		clients.Go(func() {
			for a := range next {
				answer, err := p.try(a.method, a.path, a.body)
				a.acknowledged = err == nil && answer.status < 300
			}
		})
	}
	for i, a := range all {
		if next <- a; i == len(all)/2 {
			p.kill()
		}
	}
	close(next)
	clients.Wait()
	slow()

	r := startServing(t, path)
	t.Cleanup(func() {
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
	client := &scimClient{t: t, base: r.root + "/scim/v2", token: p.token}
	open := r.open(t, begun)
	if len(open) == 0 {
		t.Fatal("the adapter was killed, and left nothing open")
	}
	if !r.world.reconcile(t.Context(), true, time.Now()) || len(r.open(t, begun)) != len(open) {
		t.Error("intents are settled before their time")
	}
	found, err := r.world.service.Reconcile(t.Context(), r.world.store, time.Now().Add(2*time.Minute))
	if err != nil || found.Left > 0 || found.Done+found.NotDone+found.Unknown != len(open) || found.Done+found.NotDone == 0 {
		t.Errorf("%d were open: %+v, %v", len(open), found, err)
	}
	t.Logf("%d of %d writes were open: %+v", len(open), len(all), found)
	done := map[string]bool{}
	for e, err := range r.world.store.Events(t.Context(), journal.Filter{Since: begun}) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Status() {
		case journal.StatusOpen:
			t.Errorf("%s %s is still open", e.Intent.Action, e.ResourceID())
		case journal.StatusUnknown: // only of a rename, between its steps
			if steps := e.Outcome.Steps; len(steps) != 3 || steps[2].Status != journal.StatusSkipped || steps[0].Status != journal.StatusDone || steps[1].Status != journal.StatusFailed {
				t.Errorf("%s %s is said to be unknown: %+v", e.Intent.Action, e.ResourceID(), e.Outcome)
			}
		}
		if e.Status() == journal.StatusDone {
			done[told(e)] = true
		}
	}
	for _, a := range all {
		what := a.method + a.path
		if a.method == "POST" {
			what += a.body.(map[string]any)["userName"].(string) //nolint:forcetypeassert // it was made above
		}
		if stands := a.stands(client); stands != done[what] || a.acknowledged && !stands {
			t.Errorf("%s: acknowledged: %t, the journal says it is done: %t, and it stands: %t", what, a.acknowledged, done[what], stands)
		}
	}
	for verdict, n := range map[string]int64{"done": int64(found.Done), "not_done": int64(found.NotDone)} {
		if got := r.world.service.Stats().Reconciled[verdict]; got != n {
			t.Errorf("%s is counted %d times, and was %d times", verdict, got, n)
		}
	}
	if again, err := r.world.service.Reconcile(t.Context(), r.world.store, time.Now().Add(2*time.Minute)); err != nil || again != (adapter.Reconciled{}) {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

// told is how an attempt is found by its event.
func told(e journal.Event) string {
	switch e.Intent.Action {
	case journal.ActionCreate:
		return "POST/Users" + e.Intent.Steps[0].Attrs.Get("uid")[0].Text()
	case journal.ActionDelete:
		return "DELETE/Users/" + e.ResourceID()
	}
	return "PATCH/" + e.Intent.ResourceType + "s/" + e.ResourceID()
}

// open lists the intents of which nobody has said what came of them.
func (r *running) open(t *testing.T, since time.Time) (open []journal.Event) {
	t.Helper()
	for e, err := range r.world.store.Events(t.Context(), journal.Filter{Since: since, Statuses: []string{journal.StatusOpen}}) {
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, e)
	}
	return open
}
