package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

func testNote(t *testing.T, p Place) {
	s, out := open(t, p), outcome()
	in := intent("noted")
	in.Action, in.Deadline = journal.ActionDeny, time.Time{}
	note := func() error { return s.Note(t.Context(), in, out) }
	if err := errors.Join(note(), note()); err != nil {
		t.Fatalf("Note, twice: %v", err)
	}
	want := in
	want.Noted = true
	expect(t, s, want, &out)
	if list, err := ids(t.Context(), s, journal.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("events: %q, %v; want one", list, err)
	}
	if list, err := ids(t.Context(), s, journal.Filter{Overdue: moment.Add(time.Hour)}); err != nil || len(list) != 0 {
		t.Errorf("overdue: %q, %v; want none", list, err)
	}
	other := in
	other.Client = "somebody else"
	if !p.Apart {
		wantError(t, "Note of something else under the same id", s.Note(t.Context(), other, out), journal.ErrConflict)
	}
	if err := s.Note(t.Context(), intent(""), out); err == nil {
		t.Error("a note without an id was accepted")
	}
	expect(t, s, want, &out)
}

// various are events that differ in what a Filter asks for, in the order in which they began.
func various() []journal.Event {
	var list []journal.Event
	add := func(change func(*journal.Event)) {
		e := journal.Event{Intent: intent(fmt.Sprintf("v%d", len(list)))}
		e.Intent.Undoes = ""
		e.Intent.Time = moment.Add(time.Duration(len(list)) * time.Minute)
		e.Intent.Deadline = e.Intent.Time.Add(30 * time.Second)
		out := journal.Outcome{Time: e.Intent.Time.Add(1500 * time.Millisecond), Status: journal.StatusDone, ResourceID: e.Intent.ResourceID, Version: "v2"}
		e.Outcome = &out
		change(&e)
		list = append(list, e)
	}
	add(func(*journal.Event) {})
	add(func(e *journal.Event) { e.Outcome = nil })
	add(func(e *journal.Event) { e.Intent.Tenant = "other" })
	add(func(e *journal.Event) { e.Intent.Client, e.Intent.Action = "entra", journal.ActionDelete })
	add(func(e *journal.Event) { e.Intent.Subject, e.Intent.ResourceType = "babs", "Group" })
	add(func(e *journal.Event) {
		e.Intent.ResourceID, e.Intent.Action, e.Outcome.ResourceID = "", journal.ActionCreate, "made"
	})
	add(func(e *journal.Event) { e.Intent.ResourceID, e.Outcome.Status = "made", journal.StatusFailed })
	add(func(e *journal.Event) { e.Intent.RequestID, e.Intent.ResourceID = "r-'2", "K1" })
	add(func(e *journal.Event) {
		e.Intent.Undoes, e.Intent.Action, e.Outcome.Status = id("v3"), journal.ActionUndo, journal.StatusUnknown
	})
	add(func(e *journal.Event) {
		e.Intent.Noted, e.Intent.Action, e.Outcome.Status = true, journal.ActionDeny, journal.StatusRefused
	})
	add(func(e *journal.Event) {
		e.Intent.Noted, e.Intent.Action, e.Intent.ResourceID, e.Outcome.ResourceID = true, journal.ActionList, "", ""
	})
	add(func(e *journal.Event) { e.Outcome, e.Intent.Deadline = nil, e.Intent.Time.Add(time.Hour) })
	return list
}

func testFilter(t *testing.T, p Place) {
	s, all := open(t, p), various()
	for _, e := range all {
		switch {
		case e.Intent.Noted:
			if err := s.Note(t.Context(), e.Intent, *e.Outcome); err != nil {
				t.Fatalf("Note: %v", err)
			}
			continue
		case e.Outcome == nil:
			begin(t, s, e.Intent)
			continue
		}
		begin(t, s, e.Intent)
		if err := s.Finish(t.Context(), e.Intent.ID, *e.Outcome); err != nil {
			t.Fatalf("Finish: %v", err)
		}
	}
	yes, no := true, false
	for claim, f := range map[string]journal.Filter{
		"since":                    {Since: all[4].Intent.Time},
		"since, a little later":    {Since: all[4].Intent.Time.Add(time.Nanosecond)},
		"until":                    {Until: all[4].Intent.Time},
		"until, a little later":    {Until: all[4].Intent.Time.Add(time.Nanosecond)},
		"a window in another zone": {Since: all[2].Intent.Time.In(time.FixedZone("", 3600)), Until: all[6].Intent.Time.In(time.FixedZone("", -7200))},
		"tenant":                   {Tenant: "other"},
		"actor, a client":          {Actor: "entra"},
		"actor, a subject":         {Actor: "babs"},
		"an action":                {Actions: []string{journal.ActionDelete}},
		"several actions":          {Actions: []string{journal.ActionCreate, journal.ActionUndo, journal.ActionDeny}},
		"all but some actions":     {Except: []string{journal.ActionDelete, journal.ActionList}},
		"resource type":            {ResourceType: "Group"},
		"resource":                 {ResourceID: "k1"},
		"a resource that was made": {ResourceType: "User", ResourceID: "made"},
		"a status":                 {Statuses: []string{journal.StatusFailed}},
		"open":                     {Statuses: []string{journal.StatusOpen}},
		"open or refused":          {Statuses: []string{journal.StatusOpen, journal.StatusRefused}},
		"request":                  {RequestID: "r-'2"},
		"undoes":                   {Undoes: id("v3")},
		"overdue":                  {Overdue: all[11].Intent.Time},
		"overdue, on the dot":      {Overdue: all[1].Intent.Deadline.Add(time.Nanosecond)},
		"noted":                    {Noted: &yes},
		"not noted":                {Noted: &no},
		"several":                  {Tenant: "default", Actor: "okta", Actions: []string{journal.ActionPatch}, ResourceType: "User", Statuses: []string{journal.StatusDone}, Noted: &no},
		"newest":                   {Newest: true, Actor: "okta"},
		"limit":                    {Limit: 3, ResourceType: "User"},
		"newest, not all actions":  {Newest: true, Limit: 2, Except: []string{journal.ActionList}},
		"newest, limited":          {Newest: true, Limit: 2, Noted: &no},
		"several, limited":         {Limit: 1, Statuses: []string{journal.StatusOpen}},
	} {
		var want []journal.Event
		for _, e := range all {
			if f.Matches(e) {
				want = append(want, e)
			}
		}
		if f.Newest {
			slices.Reverse(want)
		}
		if f.Limit > 0 {
			want = want[:f.Limit]
		}
		if len(want) == 0 || len(want) == len(all) {
			t.Fatalf("%s: the filter chooses %d of %d: the test sees nothing", claim, len(want), len(all))
		}
		var got []journal.Event
		for e, err := range s.Events(t.Context(), f) {
			if err != nil {
				t.Fatalf("%s: %v", claim, err)
			}
			got = append(got, e)
		}
		if diff := cmp.Diff(want, got, values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", claim, diff)
		}
	}
	if list, err := ids(t.Context(), s, journal.Filter{Tenant: "default' OR 'a' = 'a"}); err != nil || len(list) != 0 {
		t.Errorf("a tenant that is none: %q, %v", list, err)
	}
}

func testReaderSeesOneMoment(t *testing.T, p Place) {
	s := open(t, p)
	const before = 250 // more than anybody fetches at once
	at := func(name string, n int) journal.Intent {
		in := intent(name)
		in.Time = moment.Add(time.Duration(n) * time.Millisecond)
		return in
	}
	for i := range before {
		begin(t, s, at(fmt.Sprintf("b%d", i), i))
	}
	n := 0
	for e, err := range s.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Outcome != nil {
			t.Errorf("event %d was settled after the reader began, and he saw it", n)
		}
		if n++; n == 1 {
			begin(t, s, at("later", before+1))
			finish(t, s, fmt.Sprintf("b%d", before-1), outcome())
		}
	}
	if n != before {
		t.Errorf("the reader saw %d events, want %d", n, before)
	}
}

// follower reads what is settled, from a place on, until it has heard of so many events; it fails when it hears of one twice, or not of all in time.
func follower(t *testing.T, s Store, from journal.Place, want int) []journal.Event {
	t.Helper()
	var heard []journal.Event
	seen := map[journal.ID]bool{}
	for deadline := time.Now().Add(time.Minute); len(heard) < want; {
		events, next, err := s.Follow(t.Context(), from, 7)
		switch {
		case err != nil:
			t.Errorf("Follow(%q): %v", from, err)
			return heard
		case len(events) > 7:
			t.Errorf("Follow gave %d events, want 7 at most", len(events))
		case time.Now().After(deadline):
			t.Errorf("after a minute %d of %d events were heard of", len(heard), want)
			return heard
		case len(events) == 0:
			time.Sleep(2 * time.Millisecond)
		}
		for _, e := range events {
			if seen[e.Intent.ID] || e.Outcome == nil {
				t.Errorf("event %q came twice, or open", e.Intent.ID)
			}
			seen[e.Intent.ID] = true
		}
		heard, from = append(heard, events...), next
	}
	if events, _, err := s.Follow(t.Context(), from, 7); err != nil || len(events) != 0 {
		t.Errorf("behind everything: %v, %v", events, err)
	}
	return heard
}

func testFollow(t *testing.T, p Place) {
	const writers, each = 12, 20
	stores := []Store{open(t, p)}
	if p.Several {
		stores = append(stores, open(t, p), open(t, p))
	}
	var wg sync.WaitGroup
	for w := range writers {
		s := stores[w%len(stores)]
		wg.Go(func() {
			for i := range each {
				in := intent(fmt.Sprintf("w%d-%d", w, i))
				if i%4 == 3 {
					if err := s.Note(t.Context(), in, outcome()); err != nil {
						t.Errorf("Note: %v", err)
					}
					continue
				}
				if err := errors.Join(s.Begin(t.Context(), in), s.Finish(t.Context(), in.ID, outcome())); err != nil {
					t.Errorf("writing: %v", err)
				}
			}
		})
		if w%3 == 0 {
			begin(t, s, intent(fmt.Sprintf("open-%d", w))) // and nobody hears of it
		}
	}
	heard := follower(t, stores[0], "", writers*each)
	wg.Wait()
	again := follower(t, stores[len(stores)-1], "", writers*each)
	if diff := cmp.Diff(heard, again, values); diff != "" {
		t.Errorf("another follower hears something else (-first +second):\n%s", diff)
	}
	if _, _, err := stores[0].Follow(t.Context(), "no place", 1); err == nil {
		t.Error("a place that is none was accepted")
	}
}

func testEnd(t *testing.T, p Place) {
	s := open(t, p)
	if place, err := s.End(t.Context()); err != nil {
		t.Fatalf("End of an empty journal: %q, %v", place, err)
	} else if events, _, err := s.Follow(t.Context(), place, 10); err != nil || len(events) != 0 {
		t.Errorf("behind an empty journal: %v, %v", events, err)
	}
	begin(t, s, intent("first"))
	begin(t, s, intent("second"))
	finish(t, s, "first", outcome())
	follower(t, s, "", 1) // until it can be seen
	end, err := s.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	finish(t, s, "second", outcome())
	if heard := follower(t, s, end, 1); len(heard) != 1 || heard[0].Intent.ID != id("second") {
		t.Errorf("behind the end: %v", heard)
	}
}
