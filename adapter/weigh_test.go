package adapter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// limitedHouse is a house whose journal holds writes against limits.
func limitedHouse(t *testing.T, limits []journal.Limit, edits ...edit) *house {
	t.Helper()
	lite, err := litejournal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), litejournal.WithLimits(limits...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lite.Close(); err != nil {
			t.Error(err)
		}
	})
	book := &faultyJournal{Journal: lite}
	h := newHouse(t, append(edits, edit{options: func(o *Options) { o.Journal, o.Limits = book, limits }})...)
	h.lite, h.book = lite, book
	return h
}

// Count fails, or takes its time, when it is to.
func (f *faults) Count(ctx context.Context, p backends.Predicate, limit int) (int, bool, error) {
	if p == (backends.True{}) {
		f.count("count")
		if f.counting != nil {
			<-f.counting
		}
	}
	if f.uncounted != nil {
		return 0, false, f.uncounted
	}
	return f.Backend.Count(ctx, p, limit)
}

// farLimits are limits that stop nobody.
func farLimits() []journal.Limit {
	var limits []journal.Limit
	for _, kind := range guardKinds {
		limits = append(limits, journal.Limit{Kind: kind, Count: 1000, Window: time.Hour, PerClient: true})
	}
	return limits
}

func (h *house) delete(typ, id string) {
	h.t.Helper()
	if err := h.Delete(h.t.Context(), h.req(typ), id); err != nil {
		h.t.Fatalf("DELETE %s: %v", typ, err)
	}
}

func (h *house) put(typ, id, body string) {
	h.t.Helper()
	if _, err := h.Replace(h.t.Context(), h.req(typ), id, h.body(typ, body)); err != nil {
		h.t.Fatalf("PUT %s: %v", typ, err)
	}
}

func TestWhatWritesWeigh(t *testing.T) {
	disable := edit{user: func(s string) string { return strings.Replace(s, "delete: remove", "delete: disable", 1) }}
	away := edit{user: func(s string) string {
		return strings.Replace(s, "delete: remove", "delete: move\nto: ou=leavers,dc=example,dc=org", 1)
	}}
	plain := edit{user: func(s string) string {
		return strings.Replace(s, "active: pwdAccountLockedTime | locked", `active: "employeeType | bool(TRUE, FALSE)"`, 1)
	}}
	one := func(kind string, n int) []journal.Weight { return []journal.Weight{{Kind: kind, Count: n}} }
	active := func(v any) string { return fmt.Sprintf(`{"op":"replace","value":{"active":%v}}`, v) }
	for claim, c := range map[string]struct {
		edits []edit
		write func(h *house, u, g string) // u is a member of g, with three others
		want  []journal.Weight
	}{
		"a user is deleted; his memberships are not counted": {nil, func(h *house, u, _ string) { h.delete("User", u) }, one("delete", 1)},
		"a delete that moves him away":                       {[]edit{away}, func(h *house, u, _ string) { h.delete("User", u) }, one("delete", 1)},
		"a delete that disables":                             {[]edit{disable}, func(h *house, u, _ string) { h.delete("User", u) }, one("disable", 1)},
		"a group is deleted, with its members": {
			nil, func(h *house, _, g string) { h.delete("Group", g) },
			[]journal.Weight{{Kind: "delete", Count: 1}, {Kind: "remove_member", Count: 4}},
		},
		"an empty group is deleted": {nil, func(h *house, _, _ string) { h.delete("Group", h.group("empty").ID) }, one("delete", 1)},
		"PATCH disables":            {nil, func(h *house, u, _ string) { h.patch("User", u, active(false)) }, one("disable", 1)},
		"PUT disables": {nil, func(h *house, u, _ string) {
			h.put("User", u, `{"userName":"u","name":{"familyName":"x"},"active":false}`)
		}, one("disable", 1)},
		"PUT says nothing of active": {nil, func(h *house, u, _ string) { h.put("User", u, `{"userName":"u","name":{"familyName":"other"}}`) }, nil},
		"PATCH enables": {nil, func(h *house, u, _ string) {
			h.patch("User", u, active(false))
			h.patch("User", u, active(true))
		}, nil},
		"another attribute of who is inactive": {nil, func(h *house, u, _ string) {
			h.patch("User", u, active(false))
			h.patch("User", u, `{"op":"replace","path":"title","value":"x"}`)
		}, nil},
		"the state is taken out of the directory": {[]edit{plain}, func(h *house, u, _ string) {
			h.patch("User", u, active(true))
			h.patch("User", u, `{"op":"remove","path":"active"}`)
		}, one("disable", 1)},
		"PATCH takes a member out": {nil, func(h *house, u, g string) {
			h.patch("Group", g, `{"op":"remove","path":"members[value eq \"`+u+`\"]"}`)
		}, one("remove_member", 1)},
		"of those that PATCH lists only one is a member": {nil, func(h *house, u, g string) {
			h.patch("Group", g, `{"op":"remove","path":"members","value":[`+elements(u, h.user("x").ID, h.user("y").ID)+`]}`)
		}, one("remove_member", 1)},
		"PATCH takes all members out": {nil, func(h *house, _, g string) { h.patch("Group", g, `{"op":"remove","path":"members"}`) }, one("remove_member", 4)},
		"PATCH replaces the members": {nil, func(h *house, u, g string) {
			h.patch("Group", g, `{"op":"replace","path":"members","value":[`+elements(u, h.user("x").ID)+`]}`)
		}, one("remove_member", 3)},
		"PUT without members": {nil, func(h *house, _, g string) { h.put("Group", g, `{"displayName":"g"}`) }, one("remove_member", 4)},
		"PATCH adds a member": {nil, func(h *house, _, g string) {
			h.patch("Group", g, `{"op":"add","path":"members","value":[`+elements(h.user("x").ID)+`]}`)
		}, nil},
		"a member gets another name": {nil, func(h *house, u, _ string) { h.patch("User", u, `{"op":"replace","path":"userName","value":"v"}`) }, nil},
		"a create":                   {nil, func(h *house, _, _ string) { h.create("User", `{"userName":"x","active":false}`) }, nil},
	} {
		t.Run(claim, func(t *testing.T) {
			for _, limited := range []bool{true, false} {
				limits := farLimits()
				if !limited { // nothing is weighed for nobody
					limits, c.want = nil, nil
				}
				h := limitedHouse(t, limits, c.edits...)
				u := h.user("u").ID
				c.write(h, u, h.group("g", u, h.user("a").ID, h.user("b").ID, h.user("c").ID).ID)
				if diff := cmp.Diff(c.want, h.lastEvent().Intent.Weights); diff != "" {
					t.Errorf("with limits: %v (-want +got):\n%s", limited, diff)
				}
			}
		})
	}
}

func TestTheGuardStopsAWriteAndSaysWhy(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Count: 2, Window: time.Hour, PerClient: true}})
	var ids []string
	for i := range 4 {
		ids = append(ids, h.user(fmt.Sprintf("u%d", i)).ID)
	}
	h.group("g", ids...)
	h.delete("User", ids[0])
	h.clock.advance(time.Minute)
	h.delete("User", ids[1])
	before := h.native(ids[2])
	said := wantStatus(t, h.Delete(t.Context(), h.req("User"), ids[2]), http.StatusForbidden, "")
	want := "Nothing was changed: the guard allows each client 2 deletes in 1h; 2 are used, and this takes 1. There is room for it from 2026-11-23T11:00:00Z on." +
		" An administrator can allow more: scim-adapter guard approve --kind delete --client okta --count 1"
	if said.Detail != want {
		t.Errorf("the client reads\n%s\nwant\n%s", said.Detail, want)
	}
	if diff := cmp.Diff(before, h.native(ids[2]), cmp.Comparer(func(a, b backends.Value) bool { return a == b })); diff != "" {
		t.Errorf("the record has changed:\n%s", diff)
	}
	e := h.lastEvent()
	if !e.Intent.Noted || e.Status() != journal.StatusRefused || e.Intent.Action != journal.ActionDelete || e.Intent.ResourceID != ids[2] || e.Intent.Client != "okta" ||
		e.Intent.Refused == "" || len(e.Intent.Steps) == 0 || len(e.Intent.Steps[0].Before) > 0 || len(e.Intent.Weights) != 1 {
		t.Errorf("the journal has %+v", e)
	}
	other := h.req("User")
	other.Caller.Client = "entra"
	if err := h.Delete(t.Context(), other, ids[2]); err != nil {
		t.Errorf("another client: %v", err)
	}
	if diff := cmp.Diff(map[string]int64{"delete": 1, "disable": 0, "remove_member": 0}, h.Stats().Guarded); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if err := h.lite.Approve(t.Context(), journal.Approval{Tenant: "default", Kind: "delete", Client: "okta", Count: 1, Time: h.clock.Now(), Until: h.clock.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	h.delete("User", ids[3])
}

func TestARequestThatBeginsAnewIsCountedOnce(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Count: 2, Window: time.Hour}, {Kind: journal.GuardRemoveMember, Count: 3, Window: time.Hour}})
	changed := 0
	again := func() (error, bool) {
		changed++
		return &backends.Error{Kind: backends.ErrChanged}, changed < 3
	}
	g := h.group("g", h.user("a").ID, h.user("b").ID, h.user("c").ID)
	h.groups.modify = func([]backends.Change) (error, bool) { return again() }
	h.patch("Group", g.ID, `{"op":"replace","path":"members","value":[`+elements(h.user("a2").ID)+`]}`)
	if changed != 3 {
		t.Fatalf("it was tried %d times, want 3", changed)
	}
	changed, h.users.remove = 0, again
	h.delete("User", h.user("d").ID)
	if changed != 3 {
		t.Fatalf("it was tried %d times, want 3", changed)
	}
	h.delete("User", h.user("e").ID)
	uses, err := h.lite.Uses(t.Context(), "default", h.clock.Now())
	if err != nil || len(uses) != 2 || uses[0].Used != 2 || uses[1].Used != 3 {
		t.Errorf("used: %+v (%v)", uses, err)
	}
}

func TestWhatDidNotHappenTakesNothing(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Count: 1, Window: time.Hour, PerClient: true}})
	ann, ben := h.user("ann").ID, h.user("ben").ID
	for range 3 {
		for _, kind := range []error{backends.ErrRefused, backends.ErrProtected, backends.ErrInvalid} {
			h.users.remove = func() (error, bool) { return &backends.Error{Kind: kind}, true }
			wantStatus(t, h.Delete(t.Context(), h.req("User"), ann), http.StatusForbidden, "")
			if e := h.lastEvent(); e.Intent.Noted || len(e.Intent.Weights) != 1 || !e.Outcome.Nothing() {
				t.Fatalf("%v: %+v", kind, e)
			}
		}
	}
	h.users.remove = nil
	h.delete("User", ann)
	if said := wantStatus(t, h.Delete(t.Context(), h.req("User"), ben), http.StatusForbidden, ""); !strings.Contains(said.Detail, "1 are used") {
		t.Errorf("the second is told %q", said.Detail)
	}
}

func TestAGroupTooLargeToDeleteStands(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Count: 10, Window: time.Hour, PerClient: true}, {Kind: journal.GuardRemoveMember, Count: 2, Window: time.Hour}})
	g := h.group("g", h.user("a").ID, h.user("b").ID, h.user("c").ID)
	said := wantStatus(t, h.Delete(t.Context(), h.req("Group"), g.ID), http.StatusForbidden, "")
	if !strings.Contains(said.Detail, "all clients together 2 members taken out of groups in 1h; 0 are used, and this takes 3. An administrator can allow more: scim-adapter guard approve --kind remove_member --count 1") {
		t.Errorf("the client reads: %s", said.Detail)
	}
	h.get("Group", g.ID)
	_, err := h.tryPatch(h.req("Group"), g.ID, `{"op":"remove","path":"members"}`)
	wantStatus(t, err, http.StatusForbidden, "")
	if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 3 {
		t.Errorf("members %v", got)
	}
	h.delete("User", h.user("d").ID) // the refusals have taken nothing
}

func TestSharesAreOfAllThatItCouldHappenTo(t *testing.T) {
	var limits []journal.Limit
	for _, kind := range guardKinds {
		limits = append(limits, journal.Limit{Kind: kind, Percent: 100, Window: time.Hour})
	}
	h := limitedHouse(t, limits)
	var ids []string
	for i := range 5 {
		ids = append(ids, h.user(fmt.Sprintf("u%d", i)).ID)
	}
	g := h.group("g", ids...).ID
	of := func(kind string, want int) {
		t.Helper()
		for _, w := range h.lastEvent().Intent.Weights {
			if w.Kind == kind && w.Of != want {
				t.Errorf("a %s is one of %d, want %d", kind, w.Of, want)
			}
		}
	}
	h.delete("User", ids[0])
	of("delete", 6)
	h.patch("User", ids[1], `{"op":"replace","value":{"active":false}}`)
	of("disable", 5) // of users, counted before the delete, and believed for a while
	h.patch("Group", g, `{"op":"remove","path":"members[value eq \"`+ids[1]+`\"]"}`)
	of("remove_member", 6)
	h.clock.advance(populationTTL)
	h.delete("User", ids[1])
	of("delete", 5)
}

func TestAShareOfNobodyKnowsWhatStopsTheWrite(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Percent: 100, Window: time.Hour}})
	a, b := h.user("a").ID, h.user("b").ID
	h.user("c")
	h.groups.uncounted = errors.New("away")
	wantStatus(t, h.Delete(t.Context(), h.req("User"), a), http.StatusServiceUnavailable, "")
	h.groups.uncounted = nil
	wantStatus(t, h.Delete(t.Context(), h.req("User"), a), http.StatusServiceUnavailable, "") // nobody tries again at once
	h.clock.advance(populationPause)
	h.delete("User", a)
	h.clock.advance(2 * populationTTL)
	h.groups.uncounted = errors.New("away")
	h.delete("User", b) // the last number is better than none
}

func TestOneCountsForAllWhoWaitAndNobodyWaitsLongerThanHeWants(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Percent: 100, Window: time.Hour}})
	var ids []string
	for i := range 8 {
		ids = append(ids, h.user(fmt.Sprintf("u%d", i)).ID)
	}
	h.users.counting, h.users.calls = make(chan struct{}), nil
	gone, leave := context.WithCancel(t.Context())
	leave()
	wantStatus(t, h.Delete(gone, h.req("User"), ids[0]), http.StatusServiceUnavailable, "")
	var all sync.WaitGroup
	for _, id := range ids[1:] {
		all.Go(func() {
			if err := h.Delete(t.Context(), h.req("User"), id); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	close(h.users.counting)
	all.Wait()
	h.users.mu.Lock()
	defer h.users.mu.Unlock()
	if n := h.users.calls["count"]; n != 1 {
		t.Errorf("users were counted %d times", n)
	}
}

func TestRefusalsOfAClientFillNoJournal(t *testing.T) {
	h := limitedHouse(t, []journal.Limit{{Kind: journal.GuardDelete, Count: 1, Window: time.Hour, PerClient: true}}, edit{options: func(o *Options) { o.MaxRefusals = 3 }})
	a, b := h.user("a").ID, h.user("b").ID
	h.delete("User", a)
	refused := func() (noted []string) {
		h.t.Helper()
		for range 5 {
			wantStatus(t, h.Delete(t.Context(), h.req("User"), b), http.StatusForbidden, "")
		}
		for _, e := range h.events() {
			if e.Status() == journal.StatusRefused {
				noted = append(noted, e.Intent.Refused)
			}
		}
		return noted
	}
	if noted := refused(); len(noted) != 3 {
		t.Errorf("in a minute: %q", noted)
	}
	h.clock.advance(time.Minute)
	if noted := refused(); len(noted) != 6 || !strings.Contains(noted[3], "; 2 more of this client were refused before and are not in the journal") || strings.Contains(noted[4], "more of this client") {
		t.Errorf("in the next: %q", noted)
	}
	if n := h.Stats().Guarded[journal.GuardDelete]; n != 10 {
		t.Errorf("%d were counted", n)
	}
}

func TestLimitsAreThoseOfTheConfiguration(t *testing.T) {
	got := GuardLimits(configs.Guard{Limits: []configs.GuardLimit{
		{Kind: configs.GuardDelete, Count: 50, Window: time.Hour, Per: configs.GuardPerClient},
		{Kind: configs.GuardDisable, Percent: 2.5, Window: 24 * time.Hour, Per: configs.GuardPerAll},
		{Kind: configs.GuardRemoveMember, Count: 9, Percent: 1, Window: time.Minute, Per: configs.GuardPerAll},
	}})
	want := []journal.Limit{
		{Kind: journal.GuardDelete, Count: 50, Window: time.Hour, PerClient: true},
		{Kind: journal.GuardDisable, Percent: 2.5, Window: 24 * time.Hour},
		{Kind: journal.GuardRemoveMember, Count: 9, Percent: 1, Window: time.Minute},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAClientOfAnOddNameIsQuotedInTheCommand(t *testing.T) {
	r := &journal.Refusal{Limit: journal.Limit{Kind: journal.GuardDisable, PerClient: true}, Client: "o'kta; rm -rf /", Used: 3, Wanted: 4, Most: 5}
	if got, want := approveCommand(r), `scim-adapter guard approve --kind disable --client 'o'\''kta; rm -rf /' --count 2`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
