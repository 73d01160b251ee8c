package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// start is when the guard begins to count in these tests; a database keeps whole microseconds.
var start = moment.Truncate(time.Microsecond)

// deletes is a limit of so many deletes in an hour for each client.
func deletes(count int) journal.Limit {
	return journal.Limit{Kind: journal.GuardDelete, Count: count, Window: time.Hour, PerClient: true}
}

// inAll is the same limit for all clients together.
func inAll(l journal.Limit) journal.Limit {
	l.PerClient = false
	return l
}

// weighing is an intent of a client at a minute, with what it weighs.
func weighing(name, client string, minute int, weights ...journal.Weight) journal.Intent {
	in := intent(name)
	in.Client, in.Action, in.Weights, in.Time = client, journal.ActionDelete, weights, start.Add(time.Duration(minute)*time.Minute)
	in.Deadline = in.Time.Add(time.Minute)
	return in
}

func weight(kind string, count, of int) journal.Weight {
	return journal.Weight{Kind: kind, Count: count, Of: of}
}

func oneDelete(name, client string, minute int) journal.Intent {
	return weighing(name, client, minute, weight(journal.GuardDelete, 1, 0))
}

// refused fails unless the guard refuses an intent, for this reason, and nothing of it is stored.
func refused(t *testing.T, s Store, in journal.Intent, want journal.Refusal) {
	t.Helper()
	err := s.Begin(t.Context(), in)
	var r *journal.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("Begin: %v, want a refusal", err)
	}
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Errorf("the refusal (-want +got):\n%s", diff)
	}
	_, err = s.Lookup(t.Context(), in.ID)
	wantError(t, "Lookup of what was refused", err, journal.ErrNoIntent)
	for e, err := range s.Events(t.Context(), journal.Filter{}) {
		if err != nil || e.Intent.ID == in.ID {
			t.Errorf("what was refused is among the events, or %v", err)
		}
	}
}

func testLimit(t *testing.T, p Place) {
	l := deletes(3)
	s := open(t, p, l)
	for i := range 3 {
		begin(t, s, oneDelete(fmt.Sprint(i), "okta", i))
	}
	refused(t, s, oneDelete("fourth", "okta", 3), journal.Refusal{Limit: l, Client: "okta", Used: 3, Wanted: 1, Most: 3, Free: start.Add(time.Hour)})
	refused(t, s, weighing("two", "okta", 4, weight(journal.GuardDelete, 2, 0)),
		journal.Refusal{Limit: l, Client: "okta", Used: 3, Wanted: 2, Most: 3, Free: start.Add(61 * time.Minute)})
	refused(t, s, weighing("five", "entra", 4, weight(journal.GuardDelete, 5, 0)), journal.Refusal{Limit: l, Client: "entra", Wanted: 5, Most: 3})
	begin(t, s, oneDelete("another client's", "entra", 5))
	begin(t, s, weighing("of another kind", "okta", 5, weight(journal.GuardDisable, 9, 0)))
	begin(t, s, weighing("of no weight", "okta", 5))
	begin(t, s, weighing("of weight zero", "okta", 5, weight(journal.GuardDelete, 0, 0)))
	// What is noted is not held against limits: nothing is done.
	if err := s.Note(t.Context(), oneDelete("fourth", "okta", 6), outcome()); err != nil {
		t.Errorf("Note of what was refused: %v", err)
	}
}

func testLimitOfAll(t *testing.T, p Place) {
	each, all := deletes(3), inAll(deletes(4))
	s := open(t, p, each, all)
	for i, client := range []string{"okta", "okta", "entra", "sailpoint"} {
		begin(t, s, oneDelete(fmt.Sprint(i), client, i))
	}
	refused(t, s, oneDelete("fifth", "entra", 4), journal.Refusal{Limit: all, Used: 4, Wanted: 1, Most: 4, Free: start.Add(time.Hour)})
	refused(t, s, oneDelete("of nobody yet", "new", 4), journal.Refusal{Limit: all, Used: 4, Wanted: 1, Most: 4, Free: start.Add(time.Hour)})
}

func testLimitInPercent(t *testing.T, p Place) {
	share := journal.Limit{Kind: journal.GuardDelete, Percent: 1.5, Window: time.Hour, PerClient: true}
	both := journal.Limit{Kind: journal.GuardDisable, Count: 4, Percent: 10, Window: time.Hour, PerClient: true}
	s := open(t, p, share, both)
	of := func(kind string, count, of int) func(name string) journal.Intent {
		return func(name string) journal.Intent { return weighing(name, "okta", 0, weight(kind, count, of)) }
	}
	// One and a half percent of 100 is two: rounded up.
	begin(t, s, of(journal.GuardDelete, 2, 100)("two"))
	refused(t, s, of(journal.GuardDelete, 1, 100)("third"), journal.Refusal{Limit: share, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(time.Hour)})
	begin(t, s, of(journal.GuardDelete, 1, 200)("of more"))
	if !p.Apart {
		begin(t, s, of(journal.GuardDelete, 7, 0)("of nobody knows how many"))
	}
	begin(t, s, of(journal.GuardDisable, 1, 10)("one of ten"))
	refused(t, s, of(journal.GuardDisable, 1, 10)("the share is smaller"), journal.Refusal{Limit: both, Client: "okta", Used: 1, Wanted: 1, Most: 1, Free: start.Add(time.Hour)})
	begin(t, s, of(journal.GuardDisable, 3, 1000)("up to the number"))
	refused(t, s, of(journal.GuardDisable, 1, 1000)("the number is smaller"), journal.Refusal{Limit: both, Client: "okta", Used: 4, Wanted: 1, Most: 4, Free: start.Add(time.Hour)})
	refused(t, s, of(journal.GuardDisable, 1, 0)("the number alone"), journal.Refusal{Limit: both, Client: "okta", Used: 4, Wanted: 1, Most: 4, Free: start.Add(time.Hour)})
}

func testTwoLimits(t *testing.T, p Place) {
	members := journal.Limit{Kind: journal.GuardRemoveMember, Count: 10, Window: time.Hour, PerClient: true}
	short := deletes(2)
	short.Window = time.Minute
	s := open(t, p, deletes(3), short, members)
	group := func(name string, minute, n int) journal.Intent {
		return weighing(name, "okta", minute, weight(journal.GuardDelete, 1, 0), weight(journal.GuardRemoveMember, n, 0))
	}
	refused(t, s, group("too many members", 0, 11), journal.Refusal{Limit: members, Client: "okta", Wanted: 11, Most: 10})
	begin(t, s, group("g0", 0, 4))
	begin(t, s, group("g1", 0, 4))
	refused(t, s, oneDelete("within the minute", "okta", 0), journal.Refusal{Limit: short, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(time.Minute)})
	refused(t, s, group("members first", 2, 3), journal.Refusal{Limit: members, Client: "okta", Used: 8, Wanted: 3, Most: 10, Free: start.Add(time.Hour)})
	begin(t, s, group("g2", 2, 2))
	refused(t, s, group("fourth delete", 3, 1), journal.Refusal{Limit: deletes(3), Client: "okta", Used: 3, Wanted: 1, Most: 3, Free: start.Add(time.Hour)})
}

func testWindow(t *testing.T, p Place) {
	l := deletes(2)
	s := open(t, p, l)
	begin(t, s, oneDelete("0", "okta", 0))
	begin(t, s, oneDelete("30", "okta", 30))
	refused(t, s, oneDelete("59", "okta", 59), journal.Refusal{Limit: l, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(time.Hour)})
	begin(t, s, oneDelete("60", "okta", 60))
	refused(t, s, oneDelete("61", "okta", 61), journal.Refusal{Limit: l, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(90 * time.Minute)})
	begin(t, s, oneDelete("90", "okta", 90))
	// A clock that is behind the others must not open the gate.
	refused(t, s, oneDelete("behind", "okta", 61), journal.Refusal{Limit: l, Client: "okta", Used: 3, Wanted: 1, Most: 2, Free: start.Add(2 * time.Hour)})
}

func testCountedOnce(t *testing.T, p Place) {
	l := deletes(2)
	s := open(t, p, l)
	first := oneDelete("first", "okta", 0)
	begin(t, s, first)
	begin(t, s, first)
	begin(t, s, oneDelete("second", "okta", 1))
	begin(t, s, first) // it is there: the limit is nothing to it any more
	shut(t, s)
	s = open(t, p, l)
	begin(t, s, first)
	refused(t, s, oneDelete("third", "okta", 2), journal.Refusal{Limit: l, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(time.Hour)})
	if p.Apart {
		return
	}
	other := first
	other.RequestID = "another"
	wantError(t, "Begin of another intent under the same id", s.Begin(t.Context(), other), journal.ErrConflict)
}

// What nothing came of is given back when it is closed, once, and what is not certain to be nothing is not.
func testGivenBack(t *testing.T, p Place) {
	each, all := deletes(2), inAll(deletes(3))
	s := open(t, p, each, all)
	step := func(status string) []journal.StepOutcome {
		return []journal.StepOutcome{{Status: journal.StatusSkipped}, {Status: status}}
	}
	minute := 0
	try := func(client, status string, steps []journal.StepOutcome) {
		t.Helper()
		minute++
		in := weighing(fmt.Sprintf("%s %d", client, minute), client, minute, weight(journal.GuardDelete, 1, 0), weight(journal.GuardDisable, 1, 0))
		begin(t, s, in)
		out := journal.Outcome{Time: in.Time, Status: status, Steps: steps}
		for range 2 {
			if err := s.Finish(t.Context(), in.ID, out); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 4 {
		try("okta", journal.StatusFailed, step(journal.StatusFailed))
		try("okta", journal.StatusRefused, step(journal.StatusFailed))
		try("entra", journal.StatusFailed, nil)
	}
	try("okta", journal.StatusFailed, step(journal.StatusDone)) // it could not be taken back
	try("okta", journal.StatusUndone, step(journal.StatusUndone))
	refused(t, s, oneDelete("third", "okta", 20), journal.Refusal{Limit: each, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(73 * time.Minute)})
	try("entra", journal.StatusUnknown, step(journal.StatusUnknown))
	refused(t, s, oneDelete("fourth", "entra", 20), journal.Refusal{Limit: all, Used: 3, Wanted: 1, Most: 3, Free: start.Add(73 * time.Minute)})
	shut(t, s)
	s = open(t, p, each, all)
	refused(t, s, oneDelete("fifth", "new", 20), journal.Refusal{Limit: all, Used: 3, Wanted: 1, Most: 3, Free: start.Add(73 * time.Minute)})
	if p.Apart {
		return
	}
	uses, err := s.Uses(t.Context(), "default", start.Add(20*time.Minute))
	if err != nil || len(uses) != 3 || uses[0].Used != 1 || uses[1].Used != 2 || uses[2].Used != 3 {
		t.Errorf("uses: %+v, %v", uses, err)
	}
}

func testLimitsOfTenants(t *testing.T, p Place) {
	l := inAll(deletes(1))
	s := open(t, p, l)
	begin(t, s, oneDelete("one", "okta", 0))
	elsewhere := oneDelete("elsewhere", "okta", 0)
	elsewhere.Tenant = "other"
	begin(t, s, elsewhere)
	shut(t, s)
	s = open(t, p, l)
	refused(t, s, oneDelete("two", "okta", 1), journal.Refusal{Limit: l, Used: 1, Wanted: 1, Most: 1, Free: start.Add(time.Hour)})
}

func testApproval(t *testing.T, p Place) {
	if p.Apart {
		t.Skip("who writes does not know of it")
	}
	each, all := deletes(1), inAll(deletes(3))
	s := open(t, p, each, all)
	approve := func(client string, count, from, until int) {
		t.Helper()
		a := journal.Approval{
			Tenant: "default", Kind: journal.GuardDelete, Client: client, Count: count,
			Time: start.Add(time.Duration(from) * time.Minute), Until: start.Add(time.Duration(until) * time.Minute), By: "root",
		}
		if err := s.Approve(t.Context(), a); err != nil {
			t.Fatalf("Approve: %v", err)
		}
	}
	begin(t, s, oneDelete("0", "okta", 0))
	approve("entra", 7, 0, 60) // is no help to okta
	approve("okta", 1, 1, 30)
	approve("okta", 1, 1, 20) // together two
	begin(t, s, oneDelete("1", "okta", 2))
	begin(t, s, oneDelete("2", "okta", 2))
	refused(t, s, oneDelete("3", "okta", 3), journal.Refusal{Limit: each, Client: "okta", Used: 3, Wanted: 1, Most: 3, Approved: 2, Free: start.Add(62 * time.Minute)})
	approve("okta", 5, 4, 30)
	// Now it is the limit of all that stops it, and that needs an approval of its own.
	refused(t, s, oneDelete("4", "okta", 5), journal.Refusal{Limit: all, Used: 3, Wanted: 1, Most: 3, Free: start.Add(time.Hour)})
	approve("", 1, 5, 30)
	begin(t, s, oneDelete("5", "okta", 6))
	refused(t, s, oneDelete("6", "entra", 7), journal.Refusal{Limit: all, Used: 4, Wanted: 1, Most: 4, Approved: 1, Free: start.Add(62 * time.Minute)})
	refused(t, s, oneDelete("7", "okta", 40), journal.Refusal{Limit: each, Client: "okta", Used: 4, Wanted: 1, Most: 1, Free: start.Add(66 * time.Minute)})
	for _, bad := range []journal.Approval{
		{Tenant: "default", Kind: journal.GuardDelete, Count: 0, Time: start, Until: start.Add(time.Hour)},
		{Tenant: "default", Kind: journal.GuardDelete, Count: 1, Time: start, Until: start},
		{Tenant: "default", Count: 1, Time: start, Until: start.Add(time.Hour)},
	} {
		if err := s.Approve(t.Context(), bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func testReset(t *testing.T, p Place) {
	if p.Apart {
		t.Skip("who writes does not know of it")
	}
	each, all := deletes(2), inAll(deletes(4))
	s := open(t, p, each, all)
	reset := func(client string, minute int) {
		t.Helper()
		if err := s.Reset(t.Context(), "default", journal.GuardDelete, client, start.Add(time.Duration(minute)*time.Minute)); err != nil {
			t.Fatalf("Reset: %v", err)
		}
	}
	begin(t, s, oneDelete("0", "okta", 0))
	begin(t, s, oneDelete("1", "okta", 1))
	begin(t, s, oneDelete("2", "entra", 2))
	reset("sailpoint", 3)
	refused(t, s, oneDelete("3", "okta", 4), journal.Refusal{Limit: each, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(time.Hour)})
	if err := s.Approve(t.Context(), journal.Approval{Tenant: "default", Kind: journal.GuardDelete, Client: "okta", Count: 9, Time: start, Until: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	reset("okta", 5)
	for i := 6; i < 8; i++ { // of all clients one is used
		begin(t, s, oneDelete(fmt.Sprint(i), "okta", i))
	}
	refused(t, s, oneDelete("8", "okta", 8), journal.Refusal{Limit: each, Client: "okta", Used: 2, Wanted: 1, Most: 2, Free: start.Add(66 * time.Minute)})
	begin(t, s, oneDelete("9", "entra", 9))
	refused(t, s, oneDelete("10", "sailpoint", 10), journal.Refusal{Limit: all, Used: 4, Wanted: 1, Most: 4, Free: start.Add(62 * time.Minute)})
	reset("", 11)
	for i, client := range []string{"okta", "okta", "entra", "entra"} {
		begin(t, s, oneDelete(fmt.Sprintf("anew %d", i), client, 12))
	}
}

func testUses(t *testing.T, p Place) {
	each, all := deletes(5), inAll(deletes(9))
	disables := journal.Limit{Kind: journal.GuardDisable, Percent: 5, Window: 2 * time.Hour, PerClient: true}
	s := open(t, p, each, disables, all)
	uses := func(minute int, want ...journal.Use) {
		t.Helper()
		got, err := s.Uses(t.Context(), "default", start.Add(time.Duration(minute)*time.Minute))
		if err != nil {
			t.Fatalf("Uses: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("uses after %d minutes (-want +got):\n%s", minute, diff)
		}
	}
	uses(0, journal.Use{Limit: all})
	begin(t, s, oneDelete("0", "okta", 0))
	begin(t, s, oneDelete("1", "entra", 1))
	begin(t, s, oneDelete("2", "okta", 2))
	begin(t, s, weighing("3", "okta", 3, weight(journal.GuardDisable, 7, 1000)))
	a := journal.Approval{Tenant: "default", Kind: journal.GuardDelete, Count: 6, Time: start, Until: start.Add(30 * time.Minute), By: "root"}
	err := s.Approve(t.Context(), a)
	a.Client = "sailpoint"
	if err = errors.Join(err, s.Approve(t.Context(), a)); err != nil {
		t.Fatal(err)
	}
	taken := func(l journal.Limit, client string, used, approved int) journal.Use {
		return journal.Use{Limit: l, Client: client, Taken: journal.Taken{Used: used, Approved: approved}}
	}
	uses(4, taken(each, "entra", 1, 0), taken(each, "okta", 2, 0), taken(each, "sailpoint", 0, 6), taken(disables, "okta", 7, 0), taken(all, "", 3, 6))
	uses(61, taken(each, "okta", 1, 0), taken(disables, "okta", 7, 0), taken(all, "", 1, 0))
	if got, err := s.Uses(t.Context(), "other", start); err != nil || len(got) != 1 || got[0].Used != 0 {
		t.Errorf("uses of another tenant: %v, %v", got, err)
	}
}

func testGuardRace(t *testing.T, p Place) {
	const tries, allowed = 50, 17
	stores := []Store{open(t, p, deletes(allowed))}
	for p.Several && len(stores) < 3 {
		stores = append(stores, open(t, p, deletes(allowed)))
	}
	var wg sync.WaitGroup
	var through, stopped atomic.Int64
	for i := range tries * len(stores) {
		s := stores[i%len(stores)]
		wg.Go(func() {
			err := s.Begin(t.Context(), oneDelete(fmt.Sprint(i), "okta", 0))
			var r *journal.Refusal
			switch {
			case err == nil:
				through.Add(1)
			case errors.As(err, &r):
				stopped.Add(1)
			default:
				t.Errorf("Begin: %v", err)
			}
		})
	}
	wg.Wait()
	if through.Load() != allowed || stopped.Load() != int64(tries*len(stores)-allowed) {
		t.Errorf("%d got through and %d were stopped, want %d and the rest of %d", through.Load(), stopped.Load(), allowed, tries*len(stores))
	}
	for _, s := range stores {
		list, err := ids(t.Context(), s, journal.Filter{})
		if err != nil || len(list) != allowed || len(slices.Compact(slices.Sorted(slices.Values(list)))) != allowed {
			t.Errorf("the journal has %d events (%v), want %d", len(list), err, allowed)
		}
	}
}
