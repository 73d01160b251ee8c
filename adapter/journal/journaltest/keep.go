package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

func began(in journal.Intent) journal.Entry { return journal.Entry{ID: in.ID, Intent: &in} }

func ended(name string, out journal.Outcome) journal.Entry {
	return journal.Entry{ID: id(name), Outcome: &out}
}

// keep fails unless exactly the entries in these places are unfit, for these reasons.
func keep(t *testing.T, s Store, want map[int]error, entries ...journal.Entry) {
	t.Helper()
	unfit, err := s.Keep(t.Context(), entries)
	if err != nil {
		t.Fatalf("Keep: %v", err)
	}
	for i := range entries {
		if !errors.Is(unfit[i], want[i]) {
			t.Errorf("entry %d is kept: %v, want %v", i, unfit[i], want[i])
		}
	}
}

func testKeep(t *testing.T, p Place) {
	s, out, noted := open(t, p), outcome(), intent("noted")
	noted.Action, noted.Deadline, noted.Time = journal.ActionDeny, time.Time{}, moment.Add(-time.Minute)
	begin(t, s, intent("begun"))
	finish(t, s, "begun", out)
	begin(t, s, intent("open"))
	all := []journal.Entry{began(intent("begun")), began(intent("kept")), ended("open", out), {ID: noted.ID, Intent: &noted, Outcome: &out}, ended("kept", out), began(intent("left open"))}
	for range 2 {
		keep(t, s, nil, all...)
		noted.Noted = true
		expect(t, s, intent("begun"), &out)
		expect(t, s, intent("open"), &out)
		expect(t, s, intent("kept"), &out)
		expect(t, s, noted, &out)
		expect(t, s, intent("left open"), nil)
		noted.Noted = false
		shut(t, s)
		s = open(t, p)
	}
	finish(t, s, "left open", out)
	begin(t, s, intent("kept")) // it is there
	if list, err := ids(t.Context(), s, journal.Filter{}); err != nil || len(list) != 5 {
		t.Errorf("events: %q, %v; want five", list, err)
	}
	keep(t, s, nil)

	other, failed := intent("kept"), outcome()
	other.Action, failed.Status = journal.ActionDelete, journal.StatusFailed
	keep(t, s, map[int]error{0: journal.ErrConflict, 1: journal.ErrNoIntent, 3: journal.ErrConflict},
		began(other), ended("never", out), began(intent("in between")), ended("open", failed), ended("in between", failed))
	expect(t, s, intent("kept"), &out)
	expect(t, s, intent("open"), &out)
	expect(t, s, intent("in between"), &failed)
}

func testKeepInOrder(t *testing.T, p Place) {
	s := open(t, p)
	var entries []journal.Entry
	var want []journal.ID
	for i := range 300 { // more than a batch
		in := intent(fmt.Sprintf("k%d", i))
		in.Time = moment.Add(time.Duration(i) * time.Microsecond)
		out := outcome()
		out.Time = in.Time
		entries, want = append(entries, began(in), ended(fmt.Sprintf("k%d", i), out)), append(want, in.ID)
	}
	if unfit, err := s.Keep(t.Context(), entries); err != nil || len(unfit) > 0 {
		t.Fatalf("Keep: %v, %v", unfit, err)
	}
	if list, err := ids(t.Context(), s, journal.Filter{}); err != nil || !slices.Equal(list, want) {
		t.Errorf("%d events come in another order, %v", len(list), err)
	}
	settled := []journal.ID{}
	for _, e := range follower(t, s, "", len(want)) { // which waits until they can be seen: a database may show them a moment later
		settled = append(settled, e.Intent.ID)
	}
	if !slices.Equal(settled, want) {
		t.Errorf("%d events were settled in another order", len(settled))
	}
}

// What is kept has happened: it is not held against limits, and counts for those that come.
func testKeptIsCounted(t *testing.T, p Place) {
	if p.Apart {
		t.Skip("who writes does not know of it")
	}
	l := deletes(3)
	s := open(t, p, l)
	begin(t, s, oneDelete("begun", "okta", 0))
	entries := []journal.Entry{began(oneDelete("begun", "okta", 0))}
	for i := range 4 {
		entries = append(entries, began(oneDelete(fmt.Sprint(i), "okta", i)))
	}
	keep(t, s, nil, entries...)
	keep(t, s, nil, entries...)
	refused(t, s, oneDelete("one more", "okta", 5), journal.Refusal{Limit: l, Client: "okta", Used: 5, Wanted: 1, Most: 3, Free: start.Add(61 * time.Minute)})
	begin(t, s, oneDelete("another client's", "entra", 5))
	uses, err := s.Uses(t.Context(), "default", start.Add(5*time.Minute))
	if err != nil || len(uses) != 2 || uses[1].Used != 5 {
		t.Errorf("uses: %+v, %v", uses, err)
	}
}
