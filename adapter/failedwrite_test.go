package adapter

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// finishing is a journal that does something when an intent is closed, before anybody looks again.
type finishing struct {
	journal.Journal
	do func()
}

func (f *finishing) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	f.do()
	return f.Journal.Finish(ctx, id, out)
}

// between is a second process on the same directory that does something whenever it closes an intent.
func between(h *house, replicas int, do func()) *house {
	return h.replica(func(o *Options) {
		o.Replicas, o.SettleDelay, o.Journal = replicas, 5*time.Millisecond, &finishing{o.Journal, do}
		impatient.options(o)
	})
}

func withID(operations, id string) string { return strings.ReplaceAll(operations, `"ID"`, `"`+id+`"`) }

const addAndRename = `{"op":"add","path":"members","value":[{"value":"ID"}]},{"op":"replace","path":"displayName","value":"new"}`

func TestAWriteThatNobodyKnowsOfIsNotTakenBack(t *testing.T) {
	for _, replicas := range []int{1, 2} {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g")
		r := between(h, replicas, func() { h.memory.SetAway(false) })
		h.groups.move = func() (error, bool) {
			h.groups.move = nil
			h.memory.SetAway(true)
			return failing(backends.ErrUnknown), true
		}
		before := len(h.events())
		if _, err := r.tryPatch(r.req("Group"), g.ID, withID(addAndRename, u.ID)); err == nil {
			t.Fatal("a write with an unknown outcome is answered as done")
		}
		if got := h.members(g.ID); len(got) != 1 || len(h.events()) != before+1 {
			t.Errorf("with %d replicas the group has %v, and the journal %d events", replicas, got, len(h.events())-before)
		}
	}
}

func TestAFailedWriteLeavesWhatAnotherProcessAddsMeanwhile(t *testing.T) {
	h := newHouse(t)
	u, g := h.user("a"), h.group("g")
	added := false
	r := between(h, 2, func() {
		if !added {
			added = true
			h.patch("Group", g.ID, withID(`{"op":"add","path":"members","value":[{"value":"ID"}]}`, u.ID))
		}
	})
	h.groups.move = func() (error, bool) {
		h.groups.move = nil
		return failing(backends.ErrRefused), true
	}
	if _, err := r.tryPatch(r.req("Group"), g.ID, withID(addAndRename, u.ID)); err == nil {
		t.Fatal("a refused rename is answered as done")
	}
	if got := h.members(g.ID); !added || len(got) != 1 {
		t.Errorf("added %t, and the group has %v", added, got)
	}
}

func TestARenameThatNobodyKnowsOfTakesItsReferencesAlong(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	g := h.group("g", u.ID)
	r := between(h, 1, func() { h.memory.SetAway(false) })
	name := backends.Template{{Text: "uid="}, {Slot: true, Value: backends.String("b")}, {Text: ",ou=people,dc=example,dc=org"}}
	h.users.move = func() (error, bool) {
		h.users.move = nil
		if err := h.users.Backend.Move(context.Background(), backends.Key(u.ID), name, backends.Condition{}); err != nil {
			t.Error(err)
		}
		h.memory.SetAway(true)
		return failing(backends.ErrUnknown), true
	}
	if _, err := r.tryPatch(r.req("User"), u.ID, `{"op":"replace","path":"userName","value":"b"}`); err == nil {
		t.Fatal("a rename with an unknown outcome is answered as done")
	}
	if got := h.members(g.ID); !slices.Equal(got, []string{h.native(u.ID).Name}) {
		t.Errorf("the record is %s, and the group points at %v", h.native(u.ID).Name, got)
	}
}
