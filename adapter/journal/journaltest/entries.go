package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

func testReadBack(t *testing.T, p Place) {
	s, out := open(t, p), outcome()
	in := intent("i1")
	begin(t, s, in)
	expect(t, s, in, nil)
	finish(t, s, "i1", out)
	expect(t, s, in, &out)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	_, err := s.Lookup(t.Context(), id("other"))
	wantError(t, "Lookup of what never began", err, journal.ErrNoIntent)
}

func testReopen(t *testing.T, p Place) {
	s, out := open(t, p), outcome()
	begin(t, s, intent("finished"))
	finish(t, s, "finished", out)
	begin(t, s, intent("open"))
	shut(t, s)
	s = open(t, p)
	expect(t, s, intent("finished"), &out)
	expect(t, s, intent("open"), nil)
	finish(t, s, "open", out)
	expect(t, s, intent("open"), &out)
}

func testCrash(t *testing.T, p Place) {
	if p.Crash == nil {
		t.Skip("this kind of journal cannot be looked at after a crash")
	}
	s, out := open(t, p), outcome()
	begin(t, s, intent("finished"))
	finish(t, s, "finished", out)
	begin(t, s, intent("open"))
	scope := journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}
	if err := s.Save(t.Context(), scope, "k1", map[string]string{"externalId": "x1"}, nil); err != nil {
		t.Fatalf("Save: %v", err)
	}
	after := open(t, p.Crash(t))
	expect(t, after, intent("finished"), &out)
	expect(t, after, intent("open"), nil)
	extras, err := after.Load(t.Context(), scope, []backends.Key{"k1"})
	if err != nil || extras["k1"].Attrs["externalId"] != "x1" {
		t.Errorf("Load after a crash gave %v: %v", extras, err)
	}
	finish(t, after, "open", out) // and life goes on
}

func testIdempotence(t *testing.T, p Place) {
	s, out := open(t, p), outcome()
	in := intent("i1")
	begin(t, s, in)
	begin(t, s, in)
	other := intent("i1")
	other.Action = "delete"
	wantError(t, "Begin of another intent under the same id", s.Begin(t.Context(), other), journal.ErrConflict)
	finish(t, s, "i1", out)
	finish(t, s, "i1", out)
	changed := outcome()
	changed.Status = "done"
	wantError(t, "Finish with another outcome", s.Finish(t.Context(), in.ID, changed), journal.ErrConflict)
	begin(t, s, in)
	expect(t, s, in, &out)
	if list, err := ids(t.Context(), s, journal.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("events: %q, %v; want one", list, err)
	}
}

func testUnknownIntent(t *testing.T, p Place) {
	s := open(t, p)
	wantError(t, "Finish of what never began", s.Finish(t.Context(), id("never"), outcome()), journal.ErrNoIntent)
	if list, err := ids(t.Context(), s, journal.Filter{}); err != nil || len(list) != 0 {
		t.Errorf("events: %q, %v; want none", list, err)
	}
	if err := s.Begin(t.Context(), intent("")); err == nil {
		t.Error("an intent without an id was accepted")
	}
}

func testOrder(t *testing.T, p Place) {
	s := open(t, p)
	var want []journal.ID
	for i, name := range []string{"c", "a", "b", "0", "z"} {
		in := intent(name)
		in.Time = moment.Add(time.Duration(i) * time.Microsecond)
		begin(t, s, in)
		want = append(want, in.ID)
	}
	finish(t, s, "b", outcome())
	got, err := ids(t.Context(), s, journal.Filter{})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("events: %q, %v; want %q", got, err, want)
	}
	n := 0
	for _, err := range s.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	begin(t, s, intent("after a reader broke off"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ids(ctx, s, journal.Filter{}); err == nil {
		t.Error("Events with a context that is done gave no error")
	}
}

func testEntriesAreValues(t *testing.T, p Place) {
	s := open(t, p)
	in := intent("i1")
	begin(t, s, in)
	in.Dropped[0] = "changed"
	in.Steps[0].Before["title"][0] = backends.String("changed")
	in.Steps[0].Changes[0].Values[0] = backends.String("changed")
	expect(t, s, intent("i1"), nil)
}

func testSecrets(t *testing.T, p Place) {
	const password, oversight = "correct-horse-battery", "staple-of-somebody-careless"
	s := open(t, p)
	in := intent("i1")
	set := backends.Change{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Values{backends.Secret(password)}}
	careless := backends.Change{Op: backends.SetPassword, Attr: "userPassword", Values: backends.Strings(oversight)}
	in.Steps[0].Changes = append(in.Steps[0].Changes, set, careless)
	in.Steps[0].Before["userPassword"] = backends.Values{backends.Secret(password)}
	begin(t, s, in)
	finish(t, s, "i1", journal.Outcome{Time: moment, Status: "done", Steps: []journal.StepOutcome{{Status: "done", Effective: []backends.Change{set}}}})
	event, err := s.Lookup(t.Context(), in.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := event.Intent.Steps[0].Before["userPassword"]; len(got) != 1 || got[0] != backends.Secret("") {
		t.Errorf("a secret came back as %#v, want a Secret without its text", got)
	}
	if p.Stored == nil {
		return
	}
	for _, secret := range []string{password, oversight} {
		if bytes.Contains(p.Stored(t), []byte(secret)) {
			t.Errorf("the secret %q is stored", secret)
		}
	}
	if !bytes.Contains(p.Stored(t), []byte("a@example.org")) {
		t.Error("nothing of the intent can be found where everything stored should be: the test sees nothing")
	}
}

func testConcurrency(t *testing.T, p Place) {
	const writers, each = 32, 20
	s := open(t, p)
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				in := intent(fmt.Sprintf("w%d-%d", w, i))
				errs[w] = errors.Join(errs[w], s.Begin(t.Context(), in), s.Finish(t.Context(), in.ID, outcome()))
			}
		})
	}
	// Others give up at every stage of the way; whatever became of their own entry, nobody else's may suffer.
	for i := range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
			defer cancel()
			if err := s.Begin(ctx, intent(fmt.Sprintf("hasty-%d", i))); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Begin with little time: %v", err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	finished := 0
	for event, err := range s.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Outcome != nil {
			finished++
		}
	}
	if finished != writers*each {
		t.Errorf("%d events have an outcome, want %d", finished, writers*each)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "Begin with a context that is done", s.Begin(ctx, intent("late")), context.Canceled)
	_, err := s.Lookup(t.Context(), id("late"))
	wantError(t, "Lookup of what was given up before it began", err, journal.ErrNoIntent)
}

func testClosed(t *testing.T, p Place) {
	s := open(t, p)
	var wg sync.WaitGroup
	accepted := make([]bool, 40)
	for i := range accepted {
		wg.Go(func() {
			accepted[i] = s.Begin(context.WithoutCancel(t.Context()), intent(fmt.Sprintf("i%d", i))) == nil
		})
	}
	shut(t, s)
	wg.Wait()
	wantError(t, "Begin after Close", s.Begin(t.Context(), intent("late")), backends.ErrUnavailable)
	wantError(t, "Ping after Close", s.Ping(t.Context()), backends.ErrUnavailable)
	shut(t, s) // twice is no fault
	s = open(t, p)
	for i, ok := range accepted {
		if _, err := s.Lookup(t.Context(), id(fmt.Sprintf("i%d", i))); ok != (err == nil) {
			t.Errorf("Begin of i%d succeeded: %v; it is there: %v", i, ok, err == nil)
		}
	}
}
