package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// guardConfig is a configuration with several clients, and with limits.
func guardConfig(t *testing.T, ldapURL, limits string, edits ...string) (path string) {
	t.Helper()
	path = writeConfig(t, ldapURL, "guard:\n  limits:\n"+limits)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edits = append(edits, "clients: {tests: {tokens: [a-token-of-the-tests]}}",
		"clients: {tests: {tokens: [a-token-of-the-tests]}, okta: {tokens: [a-token-of-okta]}, entra: {tokens: [a-token-of-entra]}, sail: {tokens: [a-token-of-sail]}}")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(edits...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveGuarded serves until the test is over.
func serveGuarded(t *testing.T, path string) *running {
	t.Helper()
	r := startServing(t, path)
	t.Cleanup(func() {
		r.stop()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *running) as(t *testing.T, client string) *scimClient {
	t.Helper()
	return &scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-" + client}
}

// people makes so many users and gives their ids.
func (c *scimClient) people(n int) []string {
	c.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = c.do("POST", "/Users", map[string]any{"userName": fmt.Sprintf("u%02d", i), "name": map[string]any{"familyName": "x"}}).want(c.t, 201).id()
	}
	return ids
}

// spree deletes users from several sides at once, eight at a time each, and says how many were deleted and how many refused.
func spree(t *testing.T, ids []string, sides ...*scimClient) (deleted, refused int64) {
	t.Helper()
	return spreeOf(t, 8, ids, sides...)
}

// spreeOf is a spree of so many at a time.
func spreeOf(t *testing.T, width int, ids []string, sides ...*scimClient) (deleted, refused int64) {
	t.Helper()
	var wg sync.WaitGroup
	var gone, kept atomic.Int64
	work := make(chan int)
	for range width {
		wg.Go(func() {
			for i := range work {
				switch a, err := sides[i%len(sides)].try("DELETE", "/Users/"+ids[i], nil); {
				case err != nil:
					t.Errorf("DELETE: %v", err)
				case a.status == 204:
					gone.Add(1)
				case a.status == 403 && strings.Contains(a.raw, "scim-adapter guard approve --kind delete"):
					kept.Add(1)
				default:
					t.Errorf("DELETE is %d %s", a.status, a.raw)
				}
			}
		})
	}
	for i := range ids {
		work <- i
	}
	close(work)
	wg.Wait()
	return gone.Load(), kept.Load()
}

func (c *scimClient) left(want int) []string {
	c.t.Helper()
	page := c.do("GET", "/Users?count=1000&attributes=id", nil).want(c.t, 200)
	list, _ := page.body["Resources"].([]any)
	var ids []string
	for _, r := range list {
		id, _ := r.(map[string]any)["id"].(string)
		ids = append(ids, id)
	}
	if len(ids) != want {
		c.t.Errorf("%d users are left, want %d", len(ids), want)
	}
	return ids
}

// guardRefusals is the metric.
func (r *running) guardRefusals(t *testing.T, kind string) float64 {
	t.Helper()
	for _, f := range ours(t, r.world) {
		for _, m := range f.GetMetric() {
			if f.GetName() == "scim_guard_refused_total" && m.GetLabel()[0].GetValue() == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatal("nobody counts what the guard refuses")
	return 0
}

// counts fails unless a spree ended so.
func counts(t *testing.T, what string, deleted, refused int64, wantDeleted, wantRefused int64) {
	t.Helper()
	if deleted != wantDeleted || refused != wantRefused {
		t.Errorf("%s: %d deleted and %d refused, want %d and %d", what, deleted, refused, wantDeleted, wantRefused)
	}
}

const guardLimits = `    - {kind: delete, count: 10, window: 1h}
    - {kind: delete, count: 25, window: 1h, per: all}
    - {kind: disable, percent: 10, window: 1d}
`

func TestAClientThatDeletesTooManyIsStopped(t *testing.T) {
	path := guardConfig(t, startEmbedded(t).URL(), guardLimits)
	r := serveGuarded(t, path)
	okta, entra, sail := r.as(t, "okta"), r.as(t, "entra"), r.as(t, "sail")
	ids := (&scimClient{t: t, base: r.root + "/scim/v2", token: "a-token-of-the-tests"}).people(60)

	deleted, refused := spree(t, ids[:50], okta)
	counts(t, "fifty at once", deleted, refused, 10, 40)
	if n := r.guardRefusals(t, journal.GuardDelete); n != 40 {
		t.Errorf("the metric says %v", n)
	}
	rest := okta.left(50)

	for _, args := range [][]string{{"--count", "5"}, {"--client", "okta", "--count", "5", "--for", "1d"}} { // the first is for all clients together
		if out, err := command(append([]string{"guard", "approve", "--config", path, "--kind", "delete"}, args...)...); err != nil || !strings.Contains(out, "delete: 5 more for") {
			t.Fatalf("approve: %q, %v", out, err)
		}
	}
	deleted, refused = spree(t, rest[:8], okta)
	counts(t, "after five more were approved", deleted, refused, 5, 3)
	deleted, refused = spree(t, okta.left(45)[:15], entra)
	counts(t, "another client", deleted, refused, 10, 5)
	deleted, refused = spree(t, okta.left(35)[:8], sail)
	counts(t, "a third one, whom the limit of all stops", deleted, refused, 5, 3)

	out, err := command("guard", "status", "--config", path)
	want := `KIND     CLIENT  ALLOWED  WINDOW  USED  APPROVED  LEFT
delete   entra   10       1h      10    0         0
delete   okta    10       1h      15    5         0
delete   sail    10       1h      5     0         5
delete   (all)   25       1h      30    5         0
disable  (each)  10 %     24h     0     0         -
`
	if err != nil || out != want {
		t.Errorf("status: %v\n%s\nwant\n%s", err, out, want)
	}
	if !strings.Contains(page(t, "docs/guard.md"), want) {
		t.Errorf("docs/guard.md does not show\n%s", want)
	}
	if out, err := command("guard", "reset", "--config", path, "--kind", "delete"); err != nil || out != "delete: counted anew for all clients\n" {
		t.Errorf("reset: %q, %v", out, err)
	}
	deleted, refused = spree(t, okta.left(30)[:10], okta)
	counts(t, "after a reset", deleted, refused, 10, 0)
	noted(t, r)
}

// noted looks at what the journal has of refusals and of what the administrator did.
func noted(t *testing.T, r *running) {
	t.Helper()
	yes, n := true, map[string]int{}
	for e, err := range r.world.store.Events(t.Context(), journal.Filter{Noted: &yes}) {
		if err != nil {
			t.Fatal(err)
		}
		n[e.Intent.Action+" "+e.Status()]++
		if e.Intent.Action == journal.ActionGuard && (e.Intent.Client != journal.Operator || e.Intent.Subject == "" || len(e.Intent.Diff) != 1) {
			t.Errorf("the journal does not say who did what: %+v", e.Intent)
		}
	}
	if n["delete refused"] != 40+3+5+3 || n["guard done"] != 3 {
		t.Errorf("the journal has noted %v", n)
	}
}

func TestAClientThatNobodyIsIsRefused(t *testing.T) {
	path := guardConfig(t, startEmbedded(t).URL(), "    - {kind: delete, count: 5, percent: 50, window: 1h}\n")
	r := serveGuarded(t, path)
	okta := r.as(t, "okta")
	ids := okta.people(12)
	status := func(want string) {
		t.Helper()
		if out, err := command("guard", "status", "--config", path); err != nil || !strings.Contains(out, want+"\n") {
			t.Errorf("status: %v\n%s, want %s", err, out, want)
		}
	}
	for _, id := range ids[:3] {
		okta.do("DELETE", "/Users/"+id, nil).want(t, 204)
	}
	status("delete  okta    5, 50 %  1h      3     0         2 at most")
	for _, id := range ids[3:5] {
		okta.do("DELETE", "/Users/"+id, nil).want(t, 204)
	}
	status("delete  okta    5, 50 %  1h      5     0         0")
	for _, line := range []string{"approve --count 3", "reset"} {
		_, err := command(append(append([]string{"guard"}, strings.Fields(line)...), "--kind", "delete", "--client", "nobody", "--config", path)...)
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), `there is no client "nobody", and nothing is counted of one; clients has entra, okta, sail, tests`) {
			t.Errorf("%s: %v", line, err)
		}
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), "okta: {tokens: [a-token-of-okta]}, ", "", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := command("guard", "reset", "--kind", "delete", "--client", "okta", "--config", path); err != nil {
		t.Errorf("a client that has been taken out and is counted: %s, %v", out, err)
	}
}

func TestABulkRequestIsCountedLikeItsOperations(t *testing.T) {
	r := serveGuarded(t, guardConfig(t, startEmbedded(t).URL(), "    - {kind: delete, count: 3, window: 1h}\n"))
	okta := r.as(t, "okta")
	var operations []any
	for _, id := range okta.people(5) {
		operations = append(operations, map[string]any{"method": "DELETE", "path": "/Users/" + id})
	}
	a := okta.do("POST", "/Bulk", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations}).want(t, 200)
	if gone, kept := strings.Count(a.raw, `"204"`), strings.Count(a.raw, "the guard allows each client 3 deletes in 1h"); gone != 3 || kept != 2 {
		t.Errorf("%d operations were done and %d refused: %s", gone, kept, a.raw)
	}
	okta.left(2)
}

func TestThreeReplicasCountTogether(t *testing.T) {
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	t.Setenv("JOURNAL_URL", journalRole(t, db))
	directory := startEmbedded(t).URL()
	var sides []*scimClient
	var refusals float64
	var replicas []*running
	path := ""
	for range 3 {
		path = guardConfig(t, directory, "    - {kind: delete, count: 17, window: 1h}\n", "kind: embedded", "kind: postgres", "backends:", "database: {url: \"${JOURNAL_URL}\"}\nbackends:")
		r := serveGuarded(t, path)
		replicas, sides = append(replicas, r), append(sides, r.as(t, "okta"))
	}
	ids := sides[0].people(55)
	deleted, refused := spree(t, ids[:50], sides...)
	counts(t, "fifty on three replicas", deleted, refused, 17, 33)
	for _, r := range replicas {
		refusals += r.guardRefusals(t, journal.GuardDelete)
	}
	if refusals != 33 {
		t.Errorf("the replicas have counted %v refusals", refusals)
	}
	left := sides[0].left(38)
	if out, err := command("guard", "approve", "--config", path, "--kind", "delete", "--client", "okta", "--count", "4"); err != nil {
		t.Fatalf("approve: %q, %v", out, err)
	}
	deleted, refused = spree(t, left[:9], sides...)
	counts(t, "after four more were approved", deleted, refused, 4, 5)
	if out, err := command("guard", "status", "--config", path); err != nil || !strings.Contains(out, "delete  okta    17       1h      21    4         0") {
		t.Errorf("status: %v\n%s", err, out)
	}
}

func TestGuardCommandsThatMakeNoSense(t *testing.T) {
	path := guardConfig(t, "ldap://127.0.0.1:1", "    - {kind: delete, count: 10}\n    - {kind: disable, count: 10, per: all}\n")
	for line, want := range map[string]string{
		"approve --kind delete --client okta":                    "--count N is needed",
		"approve --kind delete --client okta --count -3":         "--count N is needed",
		"approve --kind delete --client okta --count 3 --for 0s": "--for 0s is no time",
		"approve --kind delete --client okta --count 3 --for 7x": "--for 7x is no time",
		"approve --kind deletes --client okta --count 3":         `--kind is one of delete, disable, remove_member, and not "deletes"`,
		"approve --client okta --count 3":                        `and not ""`,
		"approve --kind remove_member --client okta --count 3":   "guard.limits has none of kind remove_member",
		"reset --kind remove_member":                             "guard.limits has none of kind remove_member",
		"approve --kind delete --count 3":                        "every limit of delete is one of each client: say of which with --client",
		"approve --kind disable --client okta --count 3":         "every limit of disable is one of all clients together: leave out --client",
		"status --kind delete":                                   "unknown flag: --kind",
		"status more":                                            "unknown command",
	} {
		_, err := command(append(append([]string{"guard"}, strings.Fields(line)...), "--config", path)...)
		if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (usage: %t), want %s", line, err, usage, want)
		}
	}
	if _, err := command("guard", "status", "--config", path); err == nil || !strings.Contains(err.Error(), "there is no journal in") {
		t.Errorf("without a journal: %v", err)
	}
	none := writeConfig(t, "ldap://127.0.0.1:1", "")
	if out, err := command("guard", "status", "--config", none); err != nil || !strings.Contains(out, "The configuration has no limits") {
		t.Errorf("without limits: %q, %v", out, err)
	}
}
