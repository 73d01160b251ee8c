package adapter

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// TestWhatWasWrittenSinceIsNotTakenForWhatADeadProcessDid: its client, or somebody else, goes on before anybody looks.
func TestWhatWasWrittenSinceIsNotTakenForWhatADeadProcessDid(t *testing.T) {
	title := func(text string) func(h *house, u, boss, g *scim.Result) {
		return func(h *house, u, _, _ *scim.Result) {
			h.patch("User", u.ID, `{"op":"replace","path":"title","value":"`+text+`"}`)
		}
	}
	again := func(h *house, u, boss, g *scim.Result) {
		if _, err := h.tryCreate("User", `{"userName":"new","title":"T","externalId":"y","active":false,"`+enterprise+`":{"manager":{"value":"`+boss.ID+`"}}}`); err != nil {
			h.t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		write  string
		steps  int // that the dead process came to
		since  func(h *house, u, boss, g *scim.Result)
		status string
	}{
		"it was done, and put back by somebody":       {"modify", 1, title("old"), "done"},
		"it was not done, and then by its client":     {"modify", 0, title("new"), "failed"},
		"it was done, and changed again":              {"modify", 1, title("third"), "done"},
		"it was not done, and something else was":     {"modify", 0, title("third"), "failed"},
		"nothing was made, and then by its client":    {"create", 0, again, "failed"},
		"a member was not added, and then was":        {"add a member", 0, addMember, "failed"},
		"a member was added, and taken out by others": {"add a member", 1, dropMember, "done"},
		"it was not deleted, and then by its client":  {"delete", 0, drop, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			u, boss, g := h.setUp()
			before := len(h.events())
			h.dyingAfter(tc.steps)
			writes[tc.write](h, u, boss, g)
			h = h.another()
			tc.since(h, u, boss, g)
			h.clock.advance(time.Second)
			h.reconcile()
			if e := h.events()[before]; e.Status() != tc.status {
				t.Errorf("it is said to be %s: %+v", e.Status(), e.Outcome)
			}
		})
	}
}

func addMember(h *house, _, boss, g *scim.Result) {
	h.patch("Group", g.ID, `{"op":"add","path":"members","value":[{"value":"`+boss.ID+`"}]}`)
}

func dropMember(h *house, _, boss, g *scim.Result) {
	h.patch("Group", g.ID, `{"op":"remove","path":"members[value eq \"`+boss.ID+`\"]"}`)
}

func drop(h *house, u, _, _ *scim.Result) {
	if err := h.Delete(h.t.Context(), h.req("User"), u.ID); err != nil {
		h.t.Fatal(err)
	}
}

// TestWhatCannotBeReadNowIsLeftForLater, and nothing is settled before its time.
func TestWhatCannotBeReadNowIsLeftForLater(t *testing.T) {
	h := newHouse(t)
	u, boss, g := h.setUp()
	h.dyingAfter(1)
	writes["modify"](h, u, boss, g)
	h = h.another()
	if r, err := h.Reconcile(t.Context(), h.lite, h.clock.Now().Add(-time.Minute-30*time.Second)); err != nil || r != (Reconciled{}) {
		t.Errorf("before its time: %+v, %v", r, err)
	}
	h.memory.SetAway(true)
	if r := h.reconcile(); r != (Reconciled{Left: 1}) || h.Stats().Overdue != 1 {
		t.Errorf("while the directory is away: %+v", r)
	}
	h.memory.SetAway(false)
	h.book.finish = failing(backends.ErrUnavailable)
	if r := h.reconcile(); r != (Reconciled{Left: 1}) {
		t.Errorf("while the journal cannot be told: %+v", r)
	}
	h.book.finish = nil
	if r := h.reconcile(); r != (Reconciled{Done: 1}) || h.Stats().Overdue != 0 || h.Stats().Reconciled["done"] != 1 {
		t.Errorf("when they are back: %+v, %+v", r, h.Stats())
	}
}

// TestANameThatIsSomebodysAgainIsNotCleanedUp: a membership under the name of a deleted record may be that of the next one who is called so.
func TestANameThatIsSomebodysAgainIsNotCleanedUp(t *testing.T) {
	for _, again := range []bool{false, true} {
		h := newHouse(t)
		u, boss, g := h.setUp()
		before := len(h.events())
		h.dyingAfter(1)
		writes["delete"](h, u, boss, g)
		h = h.another()
		if again {
			h.create("User", `{"userName":"a"}`)
		}
		h.reconcile()
		e := h.events()[before]
		member := h.native(g.ID, "member").Attrs.Get("member")
		held := len(member) > 0 && strings.HasPrefix(member[0].Text(), "uid=a,")
		if want := map[bool]string{false: journal.StatusDone, true: journal.StatusFailed}[again]; e.Status() != journal.StatusDone || e.Outcome.Steps[1].Status != want || held != again {
			t.Errorf("made again: %t; %+v, and the group has %v", again, e.Outcome, member)
		}
	}
}

// TestWhatWasReconciledCanBeUndone: what is said of the steps is enough to take them back.
func TestWhatWasReconciledCanBeUndone(t *testing.T) {
	h := newHouse(t)
	u, boss, g := h.setUp()
	before := len(h.events())
	h.dyingAfter(1)
	writes["delete"](h, u, boss, g)
	h = h.another()
	h.reconcile()
	done := h.Undo(t.Context(), h.req("User").Caller, h.events()[before:before+1], UndoOptions{Reader: h.lite})
	if len(done) != 1 || done[0].Result != UndoDone {
		t.Fatalf("%+v", done)
	}
	back := h.get("User", u.ID)
	if at(back.Resource, "title") != "old" {
		t.Errorf("it came back as %v", back.Resource)
	}
	if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 1 || got[0] != u.ID {
		t.Errorf("the group has %v", got)
	}
}

// TestTwoMayReconcileAtATime: the first one's word holds, and both go on.
func TestTwoMayReconcileAtATime(t *testing.T) {
	h := newHouse(t)
	u, boss, g := h.setUp()
	for _, write := range []string{"delete", "create"} {
		h.dyingAfter(1)
		writes[write](h, u, boss, g)
		h = h.another()
	}
	o := h.o
	o.Writer = "a third"
	ended := make(chan error, 2)
	for _, s := range []*Service{h.Service, New(o)} {
		go func() {
			_, err := s.Reconcile(t.Context(), h.lite, h.clock.Now())
			ended <- err
		}()
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if r := h.reconcile(); r != (Reconciled{}) {
		t.Errorf("something is left: %+v", r)
	}
	if members := h.native(g.ID, "member").Attrs.Get("member"); len(members) != 0 {
		t.Errorf("the group has %v", members)
	}
}

// sinceAsked keeps since when the journal was asked for what is open.
type sinceAsked struct {
	journal.Reader
	since []time.Time
}

func (a *sinceAsked) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	if slices.Contains(f.Statuses, journal.StatusOpen) {
		a.since = append(a.since, f.Since)
	}
	return a.Reader.Events(ctx, f)
}

func TestTheWholeJournalIsLookedThroughOnce(t *testing.T) {
	h := newHouse(t)
	u, _, _ := h.setUp()
	h.dyingAfter(0)
	_ = h.tryTitle(u.ID)
	begun := h.lastEvent().Intent.Time
	h = h.another()
	h.memory.SetAway(true)
	reader := &sinceAsked{Reader: h.lite}
	for range 3 {
		r, err := h.Reconcile(t.Context(), reader, h.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(reader.since) == 1 {
			if r.Left != 1 {
				t.Fatalf("while the directory is away: %+v", r)
			}
			h.memory.SetAway(false)
		}
	}
	want := []time.Time{{}, begun.Add(-lookBack), h.clock.Now().Add(-lookBack)}
	if len(reader.since) != 3 || !reader.since[0].IsZero() || !reader.since[1].Equal(want[1]) || reader.since[2].Before(want[1]) {
		t.Errorf("the journal was asked since %v, want %v", reader.since, want)
	}
	if got := h.lastEvent().Status(); got == journal.StatusOpen {
		t.Error("what was left for later was never settled")
	}
}
