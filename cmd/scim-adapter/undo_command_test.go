package main

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

func TestUndoIsToldWhatToTakeBack(t *testing.T) {
	h := openHouse(t, serverURL("SCIM_TEST_LDAP_URL")(t))
	since := between()
	ada, bob := h.user("ada").id(), h.user("bob").id()
	for _, id := range []string{ada, bob} {
		h.do("PATCH", "/Users/"+id, patch(op("replace", "title", "Boss")), "X-Request-Id", "request-of-"+id).want(t, 200)
	}
	if a := h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", "bob"))); a.status != 409 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	for name, c := range map[string]struct {
		filter journal.Filter
		events int
	}{
		"one person":           {journal.Filter{ResourceID: ada}, 2},
		"one person of a type": {journal.Filter{ResourceType: "User", ResourceID: bob}, 2},
		"one action of one":    {journal.Filter{ResourceID: ada, Actions: []string{"patch"}}, 1},
		"what was done":        {journal.Filter{Statuses: []string{"done"}, Actions: []string{"patch"}}, 2},
	} {
		out := h.takenBack(t, undoRun{since: since, dryRun: true, filter: c.filter}, nil, true)
		if n := strings.Count(out, "# planned "); n != c.events {
			t.Errorf("%s: %d events, want %d:\n%s", name, n, c.events, out)
		}
	}
	var request string
	for e, err := range h.world.store.Events(t.Context(), journal.Filter{ResourceID: bob, Actions: []string{"patch"}}) {
		if err != nil {
			t.Fatal(err)
		}
		request = e.Intent.RequestID
	}
	h.takenBack(t, undoRun{since: since, dryRun: true, filter: journal.Filter{RequestID: request}}, nil, true, "planned: 1", "User/"+bob, "not User/"+ada)
	h.takenBack(t, undoRun{since: since, filter: journal.Filter{Actor: "nobody"}}, nil, true, `Nothing to take back: no event is like that; --actor "nobody" is compared letter by letter`)
	if _, err := h.undoing(undoRun{since: since, filter: journal.Filter{ResourceType: "Usr"}}, func(u *undoRun) error { return u.undo(t.Context(), nil) }); err == nil || !strings.Contains(err.Error(), `no mapping is called "Usr"; there are User, Group`) {
		t.Errorf("of a type that there is not: %v", err)
	}
	for _, args := range [][]string{{"--action", "delte"}, {"--status", "well"}} {
		if _, _, err := spoken(append([]string{"undo", "--config", h.config, "--since", "1h"}, args...)...); err == nil || !strings.Contains(err.Error(), args[0]+" is one of ") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := h.world.store.SetAlias(t.Context(), "default", "User", backends.Key(ada), "a-new-key"); err != nil {
		t.Fatal(err)
	}
	out := h.takenBack(t, undoRun{since: since, dryRun: true, filter: journal.Filter{ResourceID: "a-new-key"}}, nil, true)
	if strings.Count(out, "User/"+ada) != 2 || strings.Contains(out, bob) {
		t.Errorf("by the key that the record has now:\n%s", out)
	}
	_, said, err := spoken("undo", "--config", h.config, "--since", "1h", "--dry-run")
	if err == nil || !strings.Contains(err.Error(), "stop serve for as long as this takes") || strings.Contains(err.Error()+said, "another path") {
		t.Errorf("while the journal is another process's: %v %s", err, said)
	}
	h.world.closeJournal()
	list, _, err := spoken("audit", "list", "--config", h.config, "--id", "a-new-key", "-o", "csv")
	if n := strings.Count(list, ",User,"+ada+","); err != nil || n < 2 || strings.Contains(list, bob) {
		t.Errorf("listed by the key that the record has now: %v\n%s", err, list)
	}
}

func TestEventsOfAnotherTenantAreNoneOfUndosBusiness(t *testing.T) {
	h := openHouse(t, serverURL("SCIM_TEST_LDAP_PLAIN_URL")(t))
	since := between()
	ada := h.user("ada", "title", "Clerk").id()
	foreign := journal.ID(newID())
	replaced := []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings("Clerk")}}
	in := journal.Intent{
		ID: foreign, Time: time.Now(), Deadline: time.Now().Add(time.Minute), Tenant: "globex", Client: "okta", Action: journal.ActionPatch, ResourceType: "User", ResourceID: ada,
		Steps: []journal.Step{{Backend: "User", Op: "modify", Key: backends.Key(ada), Changes: replaced, Before: backends.Attributes{"title": backends.Strings("Theirs")}}},
	}
	if err := h.world.store.Begin(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out := journal.Outcome{Time: time.Now(), Status: journal.StatusDone, ResourceID: ada, Steps: []journal.StepOutcome{{Status: journal.StatusDone, Effective: replaced}}}
	if err := h.world.store.Finish(t.Context(), foreign, out); err != nil {
		t.Fatal(err)
	}
	if text := h.takenBack(t, undoRun{since: since, dryRun: true}, nil, true, "planned: 1"); strings.Contains(text, string(foreign)) {
		t.Errorf("a window has another tenant's event:\n%s", text)
	}
	if _, err := h.undoing(undoRun{yes: true, force: true}, func(u *undoRun) error { return u.undo(t.Context(), []string{string(foreign)}) }); err == nil || !strings.Contains(err.Error(), "the journal has no event "+string(foreign)) {
		t.Errorf("by its id: %v", err)
	}
	h.putBack(t, undoRun{at: since, force: true}, ada, false, "it was made after that time")
	if got := h.values(t, ada, "title"); !slices.Equal(got, []string{"Clerk"}) {
		t.Errorf("the title is %q", got)
	}
}

func TestWhoWasMovedAwayIsMovedBackByHand(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		if strings.HasSuffix(t.Name(), "/embedded") {
			t.Skip("it cannot tell who is below ou=leavers")
		}
		h.again(func(text string) string {
			text = strings.Replace(text, "    delete: remove\n", "    delete: {policy: move, to: \"ou=leavers,${LDAP_BASE}\"}\n", 1)
			return strings.Replace(text, "      base: ou=people,${LDAP_BASE}\n      filter: (objectClass=inetOrgPerson)\n",
				"      base: ${LDAP_BASE}\n      filter: (&(objectClass=inetOrgPerson)(!(entryDN:dnSubtreeMatch:=ou=leavers,${LDAP_BASE})))\n", 1)
		})
		leavers := "ou=leavers," + h.base
		h.add(t, leavers, "objectClass", "organizationalUnit")
		ada := h.user("ada").id()
		h.group("team", ada)
		before := h.everything(t)
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone := h.lastID(t)
		h.takenBack(t, undoRun{}, []string{gone}, false, `the delete moved it to "uid=ada,`+leavers+`", where the mapping does not look (delete: move); move it back with the directory's own tools`)
		if err := h.ldap.ModifyDN(ldap.NewModifyDNRequest("uid=ada,"+leavers, "uid=ada", true, h.people)); err != nil {
			t.Fatal(err)
		}
		h.takenBack(t, undoRun{force: true}, []string{gone}, true)
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("moved back by hand, and undone: (-before +after):\n%s", diff)
		}
		back := h.lastID(t)
		if back == gone { // the directory's own overlays have put her back already
			return
		}
		h.takenBack(t, undoRun{}, []string{back}, true)
		if found := h.search(t, h.groups, ldap.ScopeWholeSubtree, "(|(member=uid=ada,"+h.people+")(member=uid=ada,"+leavers+"))"); len(found) != 0 {
			t.Errorf("taken back itself, she is still in %d groups", len(found))
		}
	})
}

func TestThePlanOfARestoreDoesWhatItSaysWhenItIsHandedToLdapmodify(t *testing.T) {
	if _, err := exec.LookPath("ldapmodify"); err != nil {
		t.Skip("ldapmodify is not installed: make test installs it")
	}
	for name, write := range map[string]func(t *testing.T, h *house, ada string){
		"who was changed": func(t *testing.T, h *house, ada string) {
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "X"), op("replace", "userName", "other"))).want(t, 200)
		},
		"who went and came back": func(t *testing.T, h *house, ada string) {
			h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
			h.takenBack(t, undoRun{}, []string{h.lastID(t)}, true)
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "X"))).want(t, 200)
		},
		"who is gone": func(t *testing.T, h *house, ada string) {
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", "other"))).want(t, 200)
			h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, serverURL("SCIM_TEST_LDAP_PLAIN_URL")(t))
			ada := h.user("ada", "title", "Mathematician").id()
			h.group("team, of", ada)
			before, at := h.everything(t), between()
			write(t, h, ada)
			u := undoRun{at: at, dryRun: true}
			ldif, err := h.undoing(u, func(u *undoRun) error { return u.restore(t.Context(), "User", ada) })
			if err != nil {
				t.Fatalf("%v\n%s", err, ldif)
			}
			if name == "who is gone" {
				ldif = knownByAgain.Replace(ldif)
			}
			ldif, _, _ = strings.Cut(ldif, "\nplanned: ")
			if name == "who went and came back" && strings.Count(ldif, "replace: ") != 1 {
				t.Errorf("more is replaced than the title:\n%s", ldif)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "ldapmodify", "-x", "-H", h.url, "-D", adminDN, "-w", adminPassword, "-e", "relax")
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
