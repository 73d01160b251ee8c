package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// modified hands what a dry run of a window prints to ldapmodify.
func (h *house) modified(t *testing.T, since string, flags ...string) (ldif string) {
	t.Helper()
	out, err := h.undoing(undoRun{since: since, dryRun: true}, func(u *undoRun) error { return u.undo(t.Context(), nil) })
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ldif, _, _ = strings.Cut(out, "\nplanned: ")
	ldif = knownByAgain.Replace(ldif)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ldapmodify", append([]string{"-x", "-H", h.url, "-D", adminDN, "-w", adminPassword, "-e", "relax"}, flags...)...)
	cmd.Stdin = strings.NewReader(ldif + "\n")
	if said, err := cmd.CombinedOutput(); err != nil && len(flags) == 0 {
		t.Fatalf("ldapmodify: %v\n%s\nof\n%s", err, said, ldif)
	}
	return ldif
}

// TestThePlanOfAWindowIsOneThatLdapmodifyCanDo: each step is told under the names that those before it have made, and nothing is told twice. Where the server's refint has done a part by then,
// ldapmodify -c comes to the same.
func TestThePlanOfAWindowIsOneThatLdapmodifyCanDo(t *testing.T) {
	if _, err := exec.LookPath("ldapmodify"); err != nil {
		t.Skip("ldapmodify is not installed: make test installs it")
	}
	called := func(h *house, t *testing.T, id, name string) {
		h.do("PATCH", "/Users/"+id, patch(op("replace", "userName", name))).want(t, 200)
	}
	renamed := func(h *house, t *testing.T, id, name string) {
		h.do("PATCH", "/Groups/"+id, patch(op("replace", "displayName", name)))
	}
	joined := func(h *house, t *testing.T, group, id string) {
		h.do("PATCH", "/Groups/"+group, patch(op("add", "members", []any{map[string]any{"value": id}}))).want(t, 204)
	}
	left := func(h *house, t *testing.T, group, id string) {
		h.do("PATCH", "/Groups/"+group, patch(op("remove", `members[value eq "`+id+`"]`, nil))).want(t, 204)
	}
	deleted := func(h *house, t *testing.T, id string) { h.do("DELETE", "/Users/"+id, nil).want(t, 204) }
	for name, write := range map[string]func(t *testing.T, h *house, ada, bob, team string){
		"a member is renamed, and his group": func(t *testing.T, h *house, ada, _, team string) {
			called(h, t, ada, "ada2")
			renamed(h, t, team, "renamed, group")
		},
		"a group is renamed, and its member": func(t *testing.T, h *house, ada, _, team string) {
			renamed(h, t, team, "renamed, group")
			called(h, t, ada, "ada2")
		},
		"who is made joins": func(t *testing.T, h *house, _, _, team string) {
			joined(h, t, team, h.user("carol").id())
		},
		"who is made joins, is renamed, and goes": func(t *testing.T, h *house, _, _, team string) {
			carol := h.user("carol").id()
			joined(h, t, team, carol)
			called(h, t, carol, "carol2")
			deleted(h, t, carol)
		},
		"renamed twice": func(t *testing.T, h *house, ada, _, _ string) {
			called(h, t, ada, "ada2")
			called(h, t, ada, "ada3")
		},
		"renamed, and leaves": func(t *testing.T, h *house, ada, _, team string) {
			called(h, t, ada, "ada2")
			left(h, t, team, ada)
		},
		"leaves, is renamed, and goes": func(t *testing.T, h *house, ada, _, team string) {
			left(h, t, team, ada)
			called(h, t, ada, "ada2")
			deleted(h, t, ada)
		},
		"joins, is renamed, and leaves": func(t *testing.T, h *house, _, bob, team string) {
			joined(h, t, team, bob)
			called(h, t, bob, "bob2")
			left(h, t, team, bob)
		},
		"the group goes, and its member": func(t *testing.T, h *house, ada, _, team string) {
			renamed(h, t, team, "renamed, group")
			h.do("DELETE", "/Groups/"+team, nil).want(t, 204)
			deleted(h, t, ada)
		},
	} {
		for _, d := range directories[1:] {
			t.Run(name+"/"+d.name, func(t *testing.T) {
				h := openHouse(t, d.url(t))
				h.overlays = d.overlays
				ada, bob := h.user("ada").id(), h.user("bob").id()
				team := h.group("team", ada).id()
				before, since := h.everything(t), between()
				write(t, h, ada, bob, team)
				var flags []string
				if d.overlays {
					flags = []string{"-c"}
				}
				ldif := h.modified(t, since, flags...)
				if diff := cmp.Diff(before, h.everything(t)); diff != "" {
					t.Errorf("(-before +after):\n%s\nby\n%s", diff, ldif)
				}
			})
		}
	}
	t.Run("all kinds of changes", func(t *testing.T) {
		for seed := range uint64(4) {
			h := openHouse(t, serverURL("SCIM_TEST_LDAP_PLAIN_URL")(t))
			var people, groups []string
			for i := range 20 {
				people = append(people, h.user(fmt.Sprintf("person%d", i)).id())
			}
			for i := range 4 {
				groups = append(groups, h.group(fmt.Sprintf("team%d", i), people[i*4:i*4+6]...).id())
			}
			before, since := h.everything(t), between()
			h.mixed(rand.New(rand.NewPCG(7, seed)), 60, people, groups) //nolint:gosec // the same changes each time
			ldif := h.modified(t, since)
			if diff := cmp.Diff(before, h.everything(t)); diff != "" {
				t.Errorf("seed %d: (-before +after):\n%s\nby\n%s", seed, diff, ldif)
			}
		}
	})
}
