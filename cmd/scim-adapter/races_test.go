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
)

// raceRounds is how often each pair of requests is sent at a time. The race detector sees in a few what it can see.
const raceRounds = 30 / min(slowness, 3)

// race is two requests that overlap, and what must be true of the directory when both are answered.
type race struct {
	name  string
	nests bool // a group is a member of another
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
		later := map[string][]func() error{}
		for _, r := range h.races() {
			t.Run("one adapter/"+r.name, func(t *testing.T) { later["one adapter/"+r.name] = h.race(t, r, "a", h.scimClient) })
		}
		other := h.another(t)
		for _, r := range h.races() {
			t.Run("two adapters/"+r.name, func(t *testing.T) { later["two adapters/"+r.name] = h.race(t, r, "b", other) })
		}
		time.Sleep(300 * time.Millisecond) // refint
		for name, checks := range later {
			for round, check := range checks {
				if err := check(); err != nil {
					t.Errorf("%s, round %d, later: %v", name, round, err)
				}
			}
		}
	})
}

// another is a second adapter over the same directory, with a journal of its own; from then on both know that there are two.
func (h *house) another(t *testing.T) scimClient {
	t.Helper()
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "replicas.yaml")
	twice := strings.Replace(string(text), "\nserver:\n", "\nscim:\n  cursor_key: a-key-that-both-of-them-have-0123456789\nserver:\n  replicas: 2\n", 1)
	if err := os.WriteFile(config, []byte(twice), 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve(config, h.url)
	server := httptest.NewServer(startWorld(t, config, h.url, h.base).handler)
	t.Cleanup(server.Close)
	client := h.scimClient
	client.base = server.URL + "/scim/v2"
	return client
}

// race gives the checks of all rounds, which must hold later, too.
func (h *house) race(t *testing.T, r race, prefix string, other scimClient) (checks []func() error) {
	t.Helper()
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
		lead := time.Duration(round-raceRounds/3) * 12 * time.Millisecond / raceRounds
		wg.Go(func() { send(&h.scimClient, one, max(0, -lead)) })
		wg.Go(func() { send(&other, two, max(0, lead)) })
		wg.Wait()
		if err := check(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	return checks
}

const managerPath = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

// races are those that this house can have.
func (h *house) races() []race {
	return slices.DeleteFunc(races(), func(r race) bool { return r.nests && !h.nests() })
}

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
		{"a user is renamed and added", false, func(h *house, name string) (request, request, func() error) {
			u, g := h.user(name).id(), h.group(name).id()
			return rename("/Users/", u, "userName", name+"-new"), member(h, "add", g, u), h.holds(g, "members", u)
		}},
		{"a user is renamed and removed", false, func(h *house, name string) (request, request, func() error) {
			u := h.user(name).id()
			g := h.group(name, u).id()
			return rename("/Users/", u, "userName", name+"-new"), member(h, "remove", g, u), h.holds(g, "members")
		}},
		{"a group is renamed and added to another", true, func(h *house, name string) (request, request, func() error) {
			inner, g := h.group(name+"-inner").id(), h.group(name).id()
			return rename("/Groups/", inner, "displayName", name+"-new"), member(h, "add", g, inner), h.holds(g, "members", inner)
		}},
		{"a manager is renamed and appointed", false, func(h *house, name string) (request, request, func() error) {
			u, of := h.user(name).id(), h.user(name+"-of").id()
			return rename("/Users/", u, "userName", name+"-new"), manager(of, u), h.holds(of, "manager", u)
		}},
		{"a user is renamed and a group made with them", false, func(h *house, name string) (request, request, func() error) {
			u := h.user(name).id()
			made := request{"POST", "/Groups", map[string]any{"displayName": name, "members": []any{map[string]any{"value": u}}}, []int{201}}
			return rename("/Users/", u, "userName", name+"-new"), made, h.namedHolds(name, u)
		}},
		{"a user is deleted and added", false, func(h *house, name string) (request, request, func() error) {
			u, g := h.user(name).id(), h.group(name).id()
			return request{"DELETE", "/Users/" + u, nil, []int{204}}, orGone(member(h, "add", g, u)), h.holds(g, "members")
		}},
		{"a manager is deleted and appointed", false, func(h *house, name string) (request, request, func() error) {
			u, of := h.user(name).id(), h.user(name+"-of").id()
			return request{"DELETE", "/Users/" + u, nil, []int{204}}, orGone(manager(of, u)), h.holds(of, "manager")
		}},
	}
}

// holds checks that an attribute points at these as they are called now, and at nothing else.
func (h *house) holds(id, what string, ids ...string) func() error {
	return func() error {
		want := []string{}
		for _, id := range ids {
			want = append(want, h.pointer(h.t, id))
		}
		if got := h.kept(h.t, id, what); strings.Join(got, ";") != strings.Join(want, ";") {
			return fmt.Errorf("%s of %s is %q, want %q", what, id, got, want)
		}
		return nil
	}
}

// namedHolds is holds for a group that is only made in the race.
func (h *house) namedHolds(name string, ids ...string) func() error {
	return func() error {
		id, err := h.groupNamed(h.t, name)
		if err != nil {
			return err
		}
		return h.holds(id, "members", ids...)()
	}
}
