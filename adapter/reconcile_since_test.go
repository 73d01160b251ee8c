package adapter

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
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
		"a member was added, and got another name":    {"add a member", 1, renameBoss, "done"},
		"a member was not added, and was renamed":     {"add a member", 0, renameBoss, "failed"},
		"a member was added, and renamed by refint":   {"add a member", 1, renameAsRefint, "done"},
		"a member was added, and went":                {"add a member", 1, dropBoss, "done"},
		"a member was not added, and went":            {"add a member", 0, dropBoss, "unknown"},
		"it was made, and got another name":           {"create", 2, newcomer(`{"op":"replace","path":"userName","value":"newer"}`), "done"},
		"it was made, and changed":                    {"create", 2, newcomer(`{"op":"replace","path":"title","value":"other"},{"op":"replace","path":"externalId","value":"z"}`), "done"},
		"it was made in part, and changed":            {"create", 1, newcomer(`{"op":"replace","path":"title","value":"other"},{"op":"replace","path":"externalId","value":"z"}`), "unknown"},
		"it was made, renamed and deleted":            {"create", 2, madeAndGone, "done"},
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

// TestWhatSomebodySeesIsDoneWhoeverElseDiedOverIt: one process died before it wrote, another behind it, and each attribute, name and extra has the second one's value.
func TestWhatSomebodySeesIsDoneWhoeverElseDiedOverIt(t *testing.T) {
	const path = `{"op":"replace","path":"%s","value":"%s"}`
	for _, attr := range []string{"title", "userName", "externalId"} {
		for since, do := range map[string]func(h *house, u *scim.Result){
			"it stands there":                 func(*house, *scim.Result) {},
			"somebody has written over it":    func(h *house, u *scim.Result) { h.patch("User", u.ID, fmt.Sprintf(path, attr, "third")) },
			"it was deleted":                  func(h *house, u *scim.Result) { drop(h, u, nil, nil) },
			"the first one's value came back": func(h *house, u *scim.Result) { h.patch("User", u.ID, fmt.Sprintf(path, attr, "first")) },
		} {
			t.Run(attr+": "+since, func(t *testing.T) {
				h := newHouse(t)
				u, _, _ := h.setUp()
				before := len(h.events())
				h.dyingAfter(0)
				_, _ = h.tryPatch(h.req("User"), u.ID, fmt.Sprintf(path, attr, "first"))
				h = h.another()
				h.dyingAfter(1)
				_, _ = h.tryPatch(h.req("User"), u.ID, fmt.Sprintf(path, attr, "second"))
				h = h.another()
				do(h, u)
				h.clock.advance(time.Second)
				h.reconcile()
				first, second := h.events()[before], h.events()[before+1]
				if first.Status() == journal.StatusDone || second.Status() != journal.StatusDone {
					t.Errorf("the first is said to be %s, the second %s: %+v", first.Status(), second.Status(), second.Outcome)
				}
			})
		}
	}
	t.Run("two have written the same", func(t *testing.T) {
		h := newHouse(t)
		u, _, _ := h.setUp()
		before := len(h.events())
		for steps := range 2 {
			h.dyingAfter(steps)
			_, _ = h.tryPatch(h.req("User"), u.ID, fmt.Sprintf(path, "title", "same"))
			h = h.another()
		}
		h.clock.advance(time.Second)
		h.reconcile()
		if first, second := h.events()[before], h.events()[before+1]; first.Status() == journal.StatusDone || second.Status() == journal.StatusFailed {
			t.Errorf("the first is said to be %s, the second %s", first.Status(), second.Status())
		}
	})
}

// TestWhatSomebodyHasSeenSinceIsNotOutweighedByWhatStandsThereNow: a process died before it wrote, somebody went on and saw that, and by native tools it stands there now.
func TestWhatSomebodyHasSeenSinceIsNotOutweighedByWhatStandsThereNow(t *testing.T) {
	const path = `{"op":"replace","path":"%s","value":"%s"}`
	title := func(h *house, id, value string) {
		change := []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings(value)}}
		if _, err := h.memory.Class(backendtest.Class{}).Modify(h.t.Context(), backends.Key(id), change, backends.Condition{}, nil); err != nil {
			h.t.Fatal(err)
		}
	}
	uid := func(h *house, id, value string) {
		name := backends.Template{{Text: "uid=" + value + ",ou=people,dc=example,dc=org"}}
		if err := h.memory.Class(backendtest.Class{}).Move(h.t.Context(), backends.Key(id), name, backends.Condition{}); err != nil {
			h.t.Fatal(err)
		}
	}
	beside := func(h *house, id, value string) {
		scope, key := journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}, backends.Key(id)
		held, err := h.lite.Load(h.t.Context(), scope, []backends.Key{key})
		if err != nil || held[key].Attrs["externalId"] == "" {
			h.t.Fatalf("%+v, %v", held, err)
		}
		held[key].Attrs["externalId"] = value
		if err := h.lite.Save(h.t.Context(), scope, key, held[key].Attrs, nil); err != nil {
			h.t.Fatal(err)
		}
	}
	for attr, natively := range map[string]func(h *house, id, value string){"title": title, "userName": uid, "externalId": beside} {
		for since, do := range map[string]func(h *house, id string){
			"and it stands there": func(*house, string) {},
			"and somebody saw it": func(h *house, id string) { h.patch("User", id, fmt.Sprintf(path, attr, "third")) },
		} {
			t.Run(attr+" "+since, func(t *testing.T) {
				h := newHouse(t)
				u, _, _ := h.setUp()
				before := len(h.events())
				h.dyingAfter(0)
				_, _ = h.tryPatch(h.req("User"), u.ID, fmt.Sprintf(path, attr, "first"))
				h = h.another()
				h.patch("User", u.ID, fmt.Sprintf(path, attr, "second"))
				natively(h, u.ID, "first")
				do(h, u.ID)
				h.clock.advance(time.Second)
				h.reconcile()
				if e := h.events()[before]; e.Status() != journal.StatusFailed {
					t.Errorf("it is said to be %s: %+v", e.Status(), e.Outcome)
				}
			})
		}
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

func renameBoss(h *house, _, boss, _ *scim.Result) {
	h.patch("User", boss.ID, `{"op":"replace","path":"userName","value":"chief"}`)
}

// renameAsRefint renames where the directory itself is faster to rename who is a member.
func renameAsRefint(h *house, u, boss, g *scim.Result) {
	h.users.after = func(op string) {
		if op != "move" {
			return
		}
		changes := []backends.Change{
			{Op: backends.Remove, Attr: "member", Values: backends.Strings("uid=boss,ou=people,dc=example,dc=org")},
			{Op: backends.Add, Attr: "member", Values: backends.Strings("uid=chief,ou=people,dc=example,dc=org")},
		}
		if _, err := h.groups.Backend.Modify(h.t.Context(), backends.Key(g.ID), changes, backends.Condition{}, nil); err != nil {
			h.t.Error(err)
		}
	}
	renameBoss(h, u, boss, g)
	h.users.after = nil
}

func dropBoss(h *house, _, boss, g *scim.Result) { drop(h, boss, nil, g) }

// newcomer changes whoever was made, as a client does that looks for what came of its request.
func newcomer(ops string) func(h *house, u, boss, g *scim.Result) {
	return func(h *house, _, _, _ *scim.Result) {
		id, _ := at(h.list("User", `userName eq "new"`, 1, 10).Resources[0], "id").(string)
		h.patch("User", id, ops)
	}
}

func madeAndGone(h *house, _, _, _ *scim.Result) {
	id, _ := at(h.list("User", `userName eq "new"`, 1, 10).Resources[0], "id").(string)
	h.patch("User", id, `{"op":"replace","path":"userName","value":"newer"}`)
	if err := h.Delete(h.t.Context(), h.req("User"), id); err != nil {
		h.t.Fatal(err)
	}
}

// TestAnIntentOfATypeThatIsGoneIsNotReadForEachTime: the journal is not read for it, it is told once, and after a day it is said to be unknown.
func TestAnIntentOfATypeThatIsGoneIsNotReadForEachTime(t *testing.T) {
	h := newHouse(t)
	h.setUp()
	in := journal.Intent{
		ID: "00000000-0000-7000-8000-00000000aaaa", Time: h.clock.Now(), Deadline: h.clock.Now().Add(time.Minute), Writer: "dead", Tenant: "default", Client: "okta",
		Action: journal.ActionPatch, ResourceType: "Robot", ResourceID: "r1", Steps: []journal.Step{{Backend: "Robot", Op: opModify, Key: "r1"}},
	}
	if err := h.lite.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	h = h.another()
	h.log = slog.New(slog.NewTextHandler(&said, nil))
	reader := &sinceAsked{Reader: h.lite}
	for range 3 {
		h.clock.advance(time.Minute)
		if r, err := h.Reconcile(t.Context(), reader, h.clock.Now()); err != nil || r != (Reconciled{Left: 1}) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if reader.others > 0 || strings.Count(said.String(), "no mapping is called Robot") != 1 {
		t.Errorf("the journal was read %d times, and the log has\n%s", reader.others, said.String())
	}
	h.clock.advance(24 * time.Hour)
	if r := h.reconcile(); r != (Reconciled{Unknown: 1}) {
		t.Errorf("after a day: %+v", r)
	}
	if e, err := h.lite.Lookup(t.Context(), in.ID); err != nil || e.Status() != journal.StatusUnknown || !strings.Contains(e.Outcome.Error, "no mapping is called Robot, and nobody can read what came of it") {
		t.Errorf("%+v, %v", e.Outcome, err)
	}
}

// TestTheWordOfTheFirstHolds: another process has settled an intent since it was read.
func TestTheWordOfTheFirstHolds(t *testing.T) {
	h := newHouse(t)
	u, boss, g := h.setUp()
	h.dyingAfter(1)
	writes["modify"](h, u, boss, g)
	h = h.another()
	o := h.o
	o.Writer = "a third"
	third := New(o)
	h.users.fetch = func([]backends.Key, []string) (error, bool) { // the third one is through while this one still reads
		h.users.fetch = nil
		if r, err := third.Reconcile(t.Context(), h.lite, h.clock.Now()); err != nil || r != (Reconciled{Done: 1}) {
			t.Errorf("the first: %+v, %v", r, err)
		}
		return nil, false
	}
	if r := h.reconcile(); r != (Reconciled{Others: 1}) || h.Stats().Reconciled["done"] != 0 {
		t.Errorf("the second: %+v, %v", r, h.Stats().Reconciled)
	}
	if e := h.lastEvent(); !strings.Contains(e.Outcome.Error, "reconciled by a third") {
		t.Errorf("it says %q", e.Outcome.Error)
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
	since  []time.Time
	others int // how often for anything else
}

func (a *sinceAsked) Events(ctx context.Context, f journal.Filter) iter.Seq2[journal.Event, error] {
	if slices.Contains(f.Statuses, journal.StatusOpen) {
		a.since = append(a.since, f.Since)
	} else {
		a.others++
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
