package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestARestoreOfWhoWasRenamedAndDeletedComesToTheSame: the names that a record has had on the way are its own, and so are its memberships under each of them.
func TestARestoreOfWhoWasRenamedAndDeletedComesToTheSame(t *testing.T) {
	called := func(name string) func(h *house, t *testing.T, id string) {
		return func(h *house, t *testing.T, id string) {
			h.do("PATCH", "/Users/"+id, patch(op("replace", "userName", name))).want(t, 200)
		}
	}
	deleted := func(h *house, t *testing.T, id string) { h.do("DELETE", "/Users/"+id, nil).want(t, 204) }
	undone := func(h *house, t *testing.T, _ string) { h.takenBack(t, undoRun{}, []string{h.lastID(t)}, true) }
	for name, acts := range map[string][]func(h *house, t *testing.T, id string){
		"renamed, deleted":                         {called("adaz"), deleted},
		"deleted, taken back, renamed":             {deleted, undone, called("adaz")},
		"renamed, deleted, taken back":             {called("adaz"), deleted, undone},
		"renamed, deleted, taken back, renamed":    {called("adaz"), deleted, undone, called("ada2")},
		"renamed, deleted, back, renamed, deleted": {called("adaz"), deleted, undone, called("ada2"), deleted},
	} {
		t.Run(name, func(t *testing.T) {
			overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
				ada := h.user("ada").id()
				h.group("g1", ada)
				h.group("g2", h.user("bob").id(), ada)
				before, at := h.everything(t), between()
				for _, act := range acts {
					act(h, t, ada)
				}
				says := []string{"done: 1"}
				for i := range 3 {
					h.putBack(t, undoRun{at: at}, ada, true, says...)
					if diff := cmp.Diff(before, h.everything(t)); diff != "" {
						t.Fatalf("run %d: (-before +after):\n%s", i+1, diff)
					}
					says = []string{"nothing: 1", "not stays", "not nobody"}
				}
			})
		})
	}
}

// TestARestoreOfWhoCameBackWithoutHisPasswordIsContentTheSecondTime: the loss is named, and nobody can do more. A password that only was changed is something else.
func TestARestoreOfWhoCameBackWithoutHisPasswordIsContentTheSecondTime(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		ada := h.user("ada", "password", "the first secret").id()
		at := between()
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "password", "another secret"))).want(t, 200)
		h.putBack(t, undoRun{at: at}, ada, false, "skipped: 1", "cannot be put back: userPassword")
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.putBack(t, undoRun{at: at}, ada, true, "done: 1", "cannot be put back: userPassword")
		for range 2 {
			h.putBack(t, undoRun{at: at}, ada, true, "nothing: 1", "cannot be put back: userPassword")
		}
	})
}
