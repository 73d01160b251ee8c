package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// limited serves the house anew, with limits that stop nobody.
func (h *house) limited(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	const limits = "\nguard: {limits: [{kind: delete, count: 1000}, {kind: disable, percent: 100}, {kind: remove_member, count: 1000}]}\n"
	path := filepath.Join(t.TempDir(), "limited.yaml")
	if err := os.WriteFile(path, append(text, limits...), 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve(path, h.url)
}

func TestMembersAreCountedInEveryDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.limited(t)
		ids := h.users(6)
		group := h.group("Counted", ids[:4]...).id()
		member := func(id string) string { return `members[value eq "` + id + `"]` }
		elements := func(ids ...string) (list []any) {
			for _, id := range ids {
				list = append(list, map[string]any{"value": id})
			}
			return list
		}
		for _, c := range []struct {
			claim              string
			method, path       string
			body               any
			deleted, taken, of int
		}{
			{"one member goes", "PATCH", "/Groups/" + group, patch(op("remove", member(ids[0]), nil)), 0, 1, 0},
			{"of two that are listed one is a member", "PATCH", "/Groups/" + group, patch(op("remove", "members", elements(ids[1], ids[5]))), 0, 1, 0},
			{"one stays of two, and one comes", "PATCH", "/Groups/" + group, patch(op("replace", "members", elements(ids[2], ids[4]))), 0, 1, 0},
			{"he is disabled", "PATCH", "/Users/" + ids[5], patch(op("replace", "active", false)), 0, 0, 6},
			{"a member is deleted", "DELETE", "/Users/" + ids[2], nil, 1, 0, 0},
			{"the group is deleted with its member", "DELETE", "/Groups/" + group, nil, 1, 1, 0},
		} {
			if a := h.do(c.method, c.path, c.body); a.status >= 300 {
				t.Fatalf("%s: %d %s", c.claim, a.status, a.raw)
			}
			var want []journal.Weight
			for _, w := range []journal.Weight{{Kind: journal.GuardDelete, Count: c.deleted}, {Kind: journal.GuardRemoveMember, Count: c.taken}} {
				if w.Count > 0 {
					want = append(want, w)
				}
			}
			all := h.intents()
			got := all[len(all)-1].Weights
			if c.of > 0 {
				want = []journal.Weight{{Kind: journal.GuardDisable, Count: 1, Of: c.of}}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.claim, diff)
			}
		}
	})
}
