package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// raceRounds is how often each pair of requests is sent at a time.
const raceRounds = 30

// race is two requests that overlap, and what must be true of the directory when both are answered.
type race struct {
	name string
	// prepare makes what a round needs. one and two are sent together, each to an adapter of its own; check is asked then, and again at the end,
	// when the directory has done what it does later.
	prepare func(h *house, name string) (one, two request, check func() error)
}

type request struct {
	method, path string
	body         any
	want         []int
}

// TestReferencesSurviveRaces sends writes of references together with renames and deletes of what they point at: to one adapter, and to two that
// share a directory and nothing else.
func TestReferencesSurviveRaces(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		for _, r := range races() {
			t.Run("one adapter/"+r.name, func(t *testing.T) { h.race(t, r, "a", h.scimClient) })
		}
		other := h.another(t)
		for _, r := range races() {
			t.Run("two adapters/"+r.name, func(t *testing.T) { h.race(t, r, "b", other) })
		}
	})
}

// another is a second adapter over the same directory, with a journal of its own; from then on both know that there are two.
func (h *house) another(t *testing.T) scimClient {
	t.Helper()
	text, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "replicas.yaml")
	twice := strings.Replace(string(text), "\nserver:\n", "\nscim:\n  cursor_key: a-key-that-both-of-them-have-0123456789\nserver:\n  replicas: 2\n", 1)
	if err := os.WriteFile(config, []byte(twice), 0o600); err != nil {
		t.Fatal(err)
	}
	url := os.Getenv("LDAP_URL")
	h.serve(config, url)
	server := httptest.NewServer(startWorld(t, config, url, h.base).handler)
	t.Cleanup(server.Close)
	client := h.scimClient
	client.base = server.URL + "/scim/v2"
	return client
}

func (h *house) race(t *testing.T, r race, prefix string, other scimClient) {
	t.Helper()
	var checks []func() error
	for round := range raceRounds {
		one, two, check := r.prepare(h, fmt.Sprintf("%s-%s-%d", prefix, strings.ReplaceAll(r.name, " ", "-"), round))
		checks = append(checks, check)
		var wg sync.WaitGroup
		send := func(c *scimClient, q request, after time.Duration) {
			time.Sleep(after)
			a, err := c.try(q.method, q.path, q.body)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Contains(q.want, a.status) {
				t.Errorf("round %d: %s %s: status %d: %s", round, q.method, q.path, a.status, a.raw)
			}
		}
		// Each round begins them at another distance, so that every step of the one meets every step of the other.
		lead := time.Duration(round-raceRounds/3) * 400 * time.Microsecond
		wg.Go(func() { send(&h.scimClient, one, max(0, -lead)) })
		wg.Go(func() { send(&other, two, max(0, lead)) })
		wg.Wait()
		if err := check(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	time.Sleep(300 * time.Millisecond) // refint
	for round, check := range checks {
		if err := check(); err != nil {
			t.Errorf("round %d, later: %v", round, err)
		}
	}
}

const managerPath = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

func races() []race {
	// Who is deleted may be gone already for who looks them up.
	orGone := func(q request) request {
		q.want = append(q.want, 400)
		return q
	}
	rename := func(endpoint, id, attr, name string) request {
		return request{"PATCH", endpoint + id, patch(op("replace", attr, name)), []int{200, 204}}
	}
	member := func(h *house, kind, group, id string) request {
		if kind == "remove" {
			return request{"PATCH", "/Groups/" + group, patch(op("remove", `members[value eq "`+id+`"]`, nil)), []int{204}}
		}
		return request{"PATCH", "/Groups/" + group, patch(op("add", "members", []any{map[string]any{"value": id}})), []int{204}}
	}
	manager := func(of, id string) request {
		return request{"PATCH", "/Users/" + of, patch(op("replace", managerPath, map[string]any{"value": id})), []int{200}}
	}
	return []race{
		{"a user is renamed and added", func(h *house, name string) (request, request, func() error) {
			u, g := h.user(name).id(), h.group(name).id()
			return rename("/Users/", u, "userName", name+"-new"), member(h, "add", g, u), h.holds(g, "member", u)
		}},
		{"a user is renamed and removed", func(h *house, name string) (request, request, func() error) {
			u := h.user(name).id()
			g := h.group(name, u).id()
			return rename("/Users/", u, "userName", name+"-new"), member(h, "remove", g, u), h.holds(g, "member")
		}},
		{"a group is renamed and added to another", func(h *house, name string) (request, request, func() error) {
			inner, g := h.group(name+"-inner").id(), h.group(name).id()
			return rename("/Groups/", inner, "displayName", name+"-new"), member(h, "add", g, inner), h.holds(g, "member", inner)
		}},
		{"a manager is renamed and appointed", func(h *house, name string) (request, request, func() error) {
			u, of := h.user(name).id(), h.user(name+"-of").id()
			return rename("/Users/", u, "userName", name+"-new"), manager(of, u), h.holds(of, "manager", u)
		}},
		{"a user is renamed and a group made with them", func(h *house, name string) (request, request, func() error) {
			u := h.user(name).id()
			made := request{"POST", "/Groups", map[string]any{"displayName": name, "members": []any{map[string]any{"value": u}}}, []int{201}}
			return rename("/Users/", u, "userName", name+"-new"), made, h.namedHolds(name, u)
		}},
		{"a user is deleted and added", func(h *house, name string) (request, request, func() error) {
			u, g := h.user(name).id(), h.group(name).id()
			return request{"DELETE", "/Users/" + u, nil, []int{204}}, orGone(member(h, "add", g, u)), h.holds(g, "member")
		}},
		{"a manager is deleted and appointed", func(h *house, name string) (request, request, func() error) {
			u, of := h.user(name).id(), h.user(name+"-of").id()
			return request{"DELETE", "/Users/" + u, nil, []int{204}}, orGone(manager(of, u)), h.holds(of, "manager")
		}},
	}
}

// holds checks that an attribute of an entry holds the present DNs of these entries, and nothing else but a placeholder.
func (h *house) holds(id, attr string, ids ...string) func() error {
	return func() error { return h.compare(h.byID(h.t, id), attr, ids) }
}

// namedHolds is holds for a group that is only made in the race.
func (h *house) namedHolds(cn string, ids ...string) func() error {
	return func() error {
		e := h.entry(h.t, "cn="+cn+","+h.groups)
		if e == nil {
			return fmt.Errorf("there is no group %s", cn)
		}
		return h.compare(e, "member", ids)
	}
}

func (h *house) compare(e *ldap.Entry, attr string, ids []string) error {
	var got, want []string
	for _, dn := range e.GetAttributeValues(attr) {
		if dn != "cn=nobody" || len(ids) > 0 {
			got = append(got, dn)
		}
	}
	for _, id := range ids {
		want = append(want, h.byID(h.t, id).DN)
	}
	if strings.Join(got, ";") != strings.Join(want, ";") {
		return fmt.Errorf("%s of %s is %q, want %q", attr, e.DN, got, want)
	}
	return nil
}
