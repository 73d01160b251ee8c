package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// moving serves the house with the mapping of the guide: people are below ou=people, and who is deleted goes to ou=leavers beside it.
func (h *house) moving(t *testing.T) (leavers string) {
	t.Helper()
	h.again(func(text string) string {
		text = strings.Replace(text, "    delete: remove\n", "    delete: {policy: move, to: \"ou=leavers,${LDAP_BASE}\"}\n", 1)
		return text + "\nscim: {dry_run: true}\n"
	})
	leavers = "ou=leavers," + h.base
	h.add(t, leavers, "objectClass", "organizationalUnit")
	return leavers
}

// pointsAt counts the groups that have one of these names as a member.
func (h *house) pointsAt(t *testing.T, names ...string) int {
	t.Helper()
	filter := "(|"
	for _, name := range names {
		filter += "(member=" + ldap.EscapeFilter(name) + ")"
	}
	return len(h.search(t, h.groups, ldap.ScopeWholeSubtree, filter+")"))
}

// deletion is the id of the last event of a DELETE that has moved somebody.
func (h *house) deletion(t *testing.T) string {
	t.Helper()
	for e, err := range h.world.store.Events(t.Context(), journal.Filter{Newest: true, Actions: []string{"delete"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(e.Intent.Steps, func(s journal.Step) bool { return s.Op == "move" }) {
			return string(e.Intent.ID)
		}
	}
	t.Fatal("nobody was moved")
	return ""
}

func TestWhoIsDeletedMovesToTheLeaversAndComesBack(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		leavers := h.moving(t)
		since := between()
		ada := h.user("ada", "title", "Countess").id()
		h.group("team", ada)
		h.group("others", ada, h.user("bob").id())
		old, away := "uid=ada,"+h.people, "uid=ada,"+leavers
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "Mathematician"))).want(t, 200)
		before, was, standing := h.everything(t), h.attributes(t, old), between()
		if a := h.do("DELETE", "/Users/"+ada+"?dryRun=true", nil).planned(t, "204"); !strings.Contains(a.script(), "changetype: modrdn\nnewrdn: uid=ada\ndeleteoldrdn: 1\nnewsuperior: "+leavers) {
			t.Errorf("the plan is\n%s", a.script())
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone := h.deletion(t)
		is := h.attributes(t, away)
		for _, attr := range []string{"entryUUID", "title", "sn", "cn", "uid", "mail"} {
			if diff := cmp.Diff(was[attr], is[attr]); diff != "" {
				t.Errorf("%s of who has left: %s", attr, diff)
			}
		}
		eventually(t, "nobody points at who has left", func() bool { return h.pointsAt(t, old, away) == 0 })
		if of := h.attributes(t, away)["memberOf"]; len(of) != 0 {
			t.Errorf("who has left is a member of %q", of)
		}
		h.do("GET", "/Users/"+ada, nil).want(t, 404)
		h.do("DELETE", "/Users/"+ada, nil).want(t, 404)
		h.do("PATCH", "/Users/"+ada, patch(op("replace", "title", "X"))).want(t, 404)
		heir := h.user("ada").id()
		if heir == ada {
			t.Error("the name's next owner has the id of the last")
		}
		h.do("DELETE", "/Users/"+heir+"?dryRun=true", nil).want(t, 409)
		if a := h.do("DELETE", "/Users/"+heir, nil).want(t, 409); !strings.Contains(a.text("detail"), "where it says (delete.to) there is an entry of the same name") {
			t.Errorf("two of a name at the same place: %s", a.raw)
		}
		h.do("GET", "/Users/"+heir, nil).want(t, 200)
		h.takenBack(t, undoRun{dryRun: true}, []string{gone}, false, "somebody else has its name")
		h.takenBack(t, undoRun{}, []string{gone}, false, "somebody else has its name")
		if err := h.ldap.Del(ldap.NewDelRequest(old, nil)); err != nil {
			t.Fatal(err)
		}
		h.takenBack(t, undoRun{dryRun: true}, []string{gone}, true, "dn: "+away+"\nchangetype: modrdn\n", "newsuperior: "+h.people)
		h.takenBack(t, undoRun{}, []string{gone}, true)
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("she is back: (-before +after):\n%s", diff)
		}
		h.do("GET", "/Users/"+ada, nil).want(t, 200)
		back := h.lastID(t)
		h.takenBack(t, undoRun{}, []string{back}, true)
		eventually(t, "nobody points at who has left again", func() bool { return h.pointsAt(t, old, away) == 0 })
		if h.entry(t, away) == nil {
			t.Error("the undo of the undo has not moved her away again")
		}
		h.putBack(t, undoRun{at: standing}, ada, true)
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("put back as she was: (-before +after):\n%s", diff)
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.takenBack(t, undoRun{since: since, dryRun: true}, nil, true)
	})
}

func TestOnlyADeleteLeavesTheMappingsPlace(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		leavers := h.moving(t)
		ada := h.user("ada").id()
		for _, name := range []string{"ada," + leavers, "ada,ou=leavers", "x+ou=leavers"} {
			h.do("PATCH", "/Users/"+ada, patch(op("replace", "userName", name))).want(t, 200)
			if dn := h.byID(t, ada).DN; !strings.HasSuffix(dn, ","+h.people) || strings.Count(dn, ",") != strings.Count(h.people, ",")+1+strings.Count(strings.TrimSuffix(dn, h.people), `\,`) {
				t.Errorf("renamed to %q she is %q", name, dn)
			}
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		if found := h.search(t, leavers, ldap.ScopeSingleLevel, "(entryUUID="+ada+")"); len(found) != 1 {
			t.Errorf("of a name with a plus in it there are %d", len(found))
		}
		gone := h.deletion(t)
		deeper := "ou=2026," + leavers
		h.add(t, deeper, "objectClass", "organizationalUnit")
		if err := h.ldap.ModifyDN(ldap.NewModifyDNRequest(h.byID(t, ada).DN, "uid=lovelace", true, deeper)); err != nil {
			t.Fatal(err)
		}
		h.takenBack(t, undoRun{}, []string{gone}, false, `now it is "uid=lovelace,`+deeper)
		h.takenBack(t, undoRun{force: true}, []string{gone}, true)
		if a := h.do("GET", "/Users/"+ada, nil).want(t, 200); a.text("userName") != "x+ou=leavers" {
			t.Errorf("back again she is %s", a.raw)
		}
		// Who is taken away from there is nobody's to bring back.
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		gone = h.deletion(t)
		if err := h.ldap.ModifyDN(ldap.NewModifyDNRequest(h.byID(t, ada).DN, "uid=ada", true, h.base)); err != nil {
			t.Fatal(err)
		}
		h.takenBack(t, undoRun{force: true}, []string{gone}, false, "move it back with the directory's own tools")
		h.removeTree(leavers)
		h.takenBack(t, undoRun{}, []string{gone}, false, "move it back with the directory's own tools")
	})
}

func TestAPlaceForLeaversThatIsNotThereIsTheConfigurationsFault(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		h.removeTree(h.moving(t))
		ada := h.user("ada").id()
		h.group("team", ada)
		for _, query := range []string{"?dryRun=true", ""} {
			if a := h.do("DELETE", "/Users/"+ada+query, nil).want(t, 500); !strings.Contains(a.text("detail"), "does not take it where the mapping says (delete.to); nothing was changed") {
				t.Errorf("%q: %s", query, a.raw)
			}
		}
		if n := h.pointsAt(t, "uid=ada,"+h.people); n != 1 {
			t.Errorf("she is in %d groups", n)
		}
		h.world.closeJournal()
		if _, err := check(t.Context(), h.config, true); err == nil || !strings.Contains(err.Error(), `the directory has no entry "ou=leavers,`+h.base+`"`) {
			t.Errorf("check --live: %v", err)
		}
	})
}

func TestAMoveToTheLeaversWithoutAnAnswerIsSettledWhereItWasSentTo(t *testing.T) {
	for claim, c := range map[string]struct {
		fault  embedded.Fault
		status int
		moved  bool
	}{
		"it was done":     {embedded.Fault{Op: embedded.ModifyDN, After: true, Drop: true, Times: 1}, 204, true},
		"it was not done": {embedded.Fault{Op: embedded.ModifyDN, Drop: true, Times: 1}, 503, false},
	} {
		t.Run(claim, func(t *testing.T) {
			server := startEmbedded(t)
			h := openHouse(t, server.URL())
			leavers := h.moving(t)
			ada := h.user("ada").id()
			server.Inject(c.fault)
			h.do("DELETE", "/Users/"+ada, nil).want(t, c.status)
			if moved := h.entry(t, "uid=ada,"+leavers) != nil; moved != c.moved {
				t.Errorf("moved is %v", moved)
			}
			h.do("GET", "/Users/"+ada, nil).want(t, map[bool]int{true: 404, false: 200}[c.moved])
		})
	}
}
