package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// knownByAgain does what a comment of the plan says about an entry that is made again.
var knownByAgain = strings.NewReplacer("# entryUUID: ", "entryUUID: ", "# createTimestamp: ", "createTimestamp: ", "# creatorsName: ", "creatorsName: ")

// TestThePlanOfAnUndoDoesWhatItSaysWhenItIsHandedToLdapmodify: what --dry-run prints is LDIF that comes to the same.
func TestThePlanOfAnUndoDoesWhatItSaysWhenItIsHandedToLdapmodify(t *testing.T) {
	if _, err := exec.LookPath("ldapmodify"); err != nil {
		t.Skip("ldapmodify is not installed: make test installs it")
	}
	for name, write := range map[string]func(h *house, ada, bob, team string){
		"a change": func(h *house, ada, _, _ string) {
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Gräfin : <x>"), op("add", "name.givenName", " Ada "))).want(t, 200)
		},
		"a rename": func(h *house, ada, _, _ string) {
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", "countess, of"), op("replace", "title", "Countess"))).want(t, 200)
		},
		"members": func(h *house, ada, bob, team string) {
			h.do("PATCH", "/Groups/"+team, patch(op("add", "members", []any{map[string]any{"value": bob}}))).want(t, 204)
			h.do("PATCH", "/Groups/"+team, patch(op("remove", `members[value eq "`+ada+`"]`, nil))).want(t, 204)
		},
		"a create": func(h *house, _, _, _ string) { h.user("carol", "title", "Clerk") },
		"a delete": func(h *house, ada, _, _ string) { h.do("DELETE", "/Users/"+ada, nil).want(t, 204) },
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, serverURL("SCIM_TEST_LDAP_PLAIN_URL")(t))
			ada, bob := h.user("ada", "title", "Mathematician").id(), h.user("bob").id()
			team := h.group("team", ada).id()
			before := h.everything(t)
			time.Sleep(5 * time.Millisecond)
			since := time.Now()
			write(h, ada, bob, team)
			out, err := h.undoing(undoRun{since: since.Format(time.RFC3339Nano), dryRun: true}, func(u *undoRun) error { return u.undo(t.Context(), nil) })
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			ldif, _, _ := strings.Cut(out, "\nplanned: ")
			if name == "a delete" {
				ldif = knownByAgain.Replace(ldif)
			}
			cmd := exec.Command("ldapmodify", "-x", "-H", h.url, "-D", adminDN, "-w", adminPassword, "-e", "relax")
			cmd.Stdin = strings.NewReader(ldif + "\n")
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("ldapmodify: %v\n%s\nof\n%s", err, said, ldif)
			}
			if diff := cmp.Diff(before, h.everything(t)); diff != "" {
				t.Errorf("(-before +after):\n%s\nby\n%s", diff, ldif)
			}
		})
	}
}
