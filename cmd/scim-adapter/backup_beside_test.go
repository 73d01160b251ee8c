package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// beside is what every client keeps of a user.
func (h *house) keptBeside(t *testing.T, id string) string {
	t.Helper()
	all, err := h.world.store.LoadAll(t.Context(), "default", "User", backends.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}

func TestWhatClientsKeptBesideTheDirectoryComesBack(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if m, ok := h.world.mappings.Get("User"); !ok || len(m.Overlays()) == 0 {
			t.Skip("its externalId is in the table")
		}
		ada, grace, mary := h.user("ada", "externalId", "e-1").id(), h.user("grace", "externalId", "e-2").id(), h.user("mary").id()
		other := journal.Scope{Tenant: "default", Client: "other", ResourceType: "User"}
		if err := h.world.store.Save(t.Context(), other, backends.Key(ada), map[string]string{"externalId": "o-1"}, nil); err != nil {
			t.Fatal(err)
		}
		v := openVault(t, h)
		v.snapshot(t)
		const both = "map[other:map[externalId:o-1] provisioning:map[externalId:e-1]]"
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.do("PATCH", "/Users/"+grace, patch(op("replace", "externalId", "wrong")))
		h.do("PATCH", "/Users/"+mary, patch(op("replace", "externalId", "since")))
		var diff bytes.Buffer
		d := backupDiff{backupRun: v.run()}
		d.out, d.err = &diff, &diff
		one, err := v.store.Last(t.Context(), "default", "User")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.diff(t.Context(), []string{one.ID}); err != nil || strings.Count(diff.String(), "externalId (kept for provisioning)") != 2 {
			t.Errorf("diff: %v\n%s", err, diff.String())
		}
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, "latest"); err != nil || !strings.Contains(out, "externalId of User/"+grace+` becomes "e-2", for provisioning`) {
			t.Errorf("the plan: %v\n%s", err, out)
		}
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest"); err != nil || !strings.Contains(out, "1 made again, 1 changed, 1 unchanged") {
			t.Errorf("%v\n%s", err, out)
		}
		for id, want := range map[string]string{ada: both, grace: "map[provisioning:map[externalId:e-2]]", mary: "map[provisioning:map[externalId:since]]"} {
			if got := h.keptBeside(t, id); got != want {
				t.Errorf("of %s is kept %s, want %s", id, got, want)
			}
		}
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, "latest"); err != nil || !strings.Contains(out, "0 to make again, 0 to change, 3 unchanged") {
			t.Errorf("afterwards: %v\n%s", err, out)
		}
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.user("eve", "externalId", "e-1")
		out, err := v.restoring(t, backupRestore{undoRun: undoRun{yes: true}}, "latest", "User/"+ada)
		if got := h.keptBeside(t, ada); err != nil || !strings.Contains(out, "what provisioning kept of it is not put back") || got != "map[other:map[externalId:o-1]]" {
			t.Errorf("what somebody else has by now: %v, %s\n%s", err, got, out)
		}
	})
}

// born makes ada with a key.
func (h *house) born(t *testing.T, key, title string) {
	t.Helper()
	req := ldap.NewAddRequest("uid=ada,"+h.people, []ldap.Control{ldap.NewControlString("1.3.6.1.4.1.4203.666.5.12", true, "")}) // relax
	for attr, value := range map[string]string{"objectClass": "inetOrgPerson", "uid": "ada", "cn": "Ada", "sn": "King", "title": title, "entryUUID": key} {
		req.Attribute(attr, []string{value})
	}
	if err := h.ldap.Add(req); err != nil {
		t.Fatal(err)
	}
}

func TestARecordThatCameBackUnderAnotherKeyIsPutBackUnderItsID(t *testing.T) {
	for _, d := range directories[:2] {
		t.Run(d.name, func(t *testing.T) {
			h := openHouse(t, d.url(t))
			id, second, third := uuid.NewString(), uuid.NewString(), uuid.NewString()
			leads := func(key string) {
				t.Helper()
				if err := h.world.store.SetAlias(t.Context(), "default", "User", backends.Key(id), backends.Key(key)); err != nil {
					t.Fatal(err)
				}
			}
			leads(second)
			h.born(t, second, "Countess")
			h.do("PATCH", "/Users/"+id, patch(op("replace", "externalId", "e-1"))).want(t, 200)
			v := openVault(t, h)
			v.snapshot(t)
			h.removeTree("uid=ada," + h.people)
			leads(third)
			h.born(t, third, "Wrong")
			eventually(t, "the id leads to the third key", func() bool { return h.do("GET", "/Users/"+id, nil).status == 200 })
			out, err := v.restoring(t, backupRestore{all: true, others: true, undoRun: undoRun{yes: true}}, "latest")
			is := h.entry(t, "uid=ada,"+h.people)
			if err != nil || !strings.Contains(out, "0 made again, 1 changed, 0 unchanged\n") || is == nil || is.GetAttributeValue("entryUUID") != third || is.GetAttributeValue("title") != "Countess" {
				t.Fatalf("%v, %v\n%s", err, is, out)
			}
			h.do("DELETE", "/Users/"+id, nil).want(t, 204)
			if out, err := v.restoring(t, backupRestore{undoRun: undoRun{yes: true}}, "latest", "User/"+id); err != nil || !strings.Contains(out, "1 made again") {
				t.Fatalf("%v\n%s", err, out)
			}
			if a := h.do("GET", "/Users/"+id, nil).want(t, 200); a.text("externalId") != "e-1" || a.text("title") != "Countess" {
				t.Errorf("by its id: %s", a.raw)
			}
		})
	}
}

// answer says yes, a moment after something has happened.
type answering struct {
	before func()
	yes    *strings.Reader
}

func (a *answering) Read(p []byte) (int, error) {
	if a.before != nil {
		a.before()
		a.before = nil
	}
	return a.yes.Read(p)
}

func TestWhatHasChangedSinceThePlanIsLeftAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		var people []string
		for i := range 5 {
			people = append(people, h.user(fmt.Sprintf("person%d", i), "displayName", "Before", "externalId", fmt.Sprintf("e-%d", i)).id())
		}
		v := openVault(t, h)
		v.snapshot(t)
		for _, id := range people[:3] {
			h.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", "Wrong")))
		}
		h.do("DELETE", "/Users/"+people[4], nil).want(t, 204)
		stranger := ""
		in := &answering{yes: strings.NewReader("y\n"), before: func() {
			h.do("PATCH", "/Users/"+people[0], patch(op("replace", "displayName", "Meanwhile")))     // of what is to be changed
			h.do("PATCH", "/Users/"+people[3], patch(op("replace", "externalId", "meanwhile")))      // of what is unchanged
			h.do("PATCH", "/Users/"+people[2], patch(op("replace", "name.familyName", "Meanwhile"))) // another attribute
			stranger = h.user("stranger").id()
		}}
		out, err := v.restoring(t, backupRestore{all: true, others: true, undoRun: undoRun{in: in}}, "latest")
		if err == nil || strings.Count(out, "since the plan was made: make another plan") != 4 || !strings.Contains(out, "1 made again, 1 changed, 0 unchanged, 4 skipped") {
			t.Errorf("%v\n%s", err, out)
		}
		for i, want := range []string{"Meanwhile", "Before", "Wrong", "Before", "Before"} {
			if a := h.do("GET", "/Users/"+people[i], nil).want(t, 200); a.text("displayName") != want {
				t.Errorf("person%d: %s", i, a.raw)
			}
		}
		h.do("GET", "/Users/"+stranger, nil).want(t, 200)
		if a := h.do("GET", "/Users/"+people[3], nil).want(t, 200); a.text("externalId") != "meanwhile" {
			t.Error(a.raw)
		}
	})
}

func TestWhomSomebodyHasChangedSinceThePlanIsNotDeleted(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, groups := h.settle(3, 1)
		v := openVault(t, h)
		v.snapshot(t)
		late := map[string]string{}
		for _, name := range []string{"untouched", "changed", "emptied", "known", "gone"} {
			late[name] = h.user("late-"+name, "displayName", "Late", "title", "Clerk").id()
		}
		own, grown := h.group("lateteam", people[0], late["untouched"]).id(), h.group("grownteam", people[0]).id() // the one's member goes first, of our own doing
		in := &answering{yes: strings.NewReader("y\n"), before: func() {
			h.do("PATCH", "/Users/"+late["changed"], patch(op("replace", "displayName", "Meanwhile"))).want(t, 200)
			h.do("PATCH", "/Users/"+late["emptied"], patch(op("remove", "title", nil))).want(t, 200)
			h.do("PATCH", "/Users/"+late["known"], patch(op("replace", "externalId", "meanwhile"))).want(t, 200)
			h.do("DELETE", "/Users/"+late["gone"], nil).want(t, 204)
			h.do("PATCH", "/Groups/"+grown, patch(op("add", "members", []any{map[string]any{"value": people[1]}}))).want(t, 204)
		}}
		out, err := v.restoring(t, backupRestore{all: true, others: true, undoRun: undoRun{in: in}}, "latest")
		if err == nil || strings.Count(out, "somebody has changed it since the plan was made: make another plan") != 4 || !strings.Contains(out, "2 deleted") || !strings.Contains(out, "4 skipped") {
			t.Errorf("%v\n%s", err, out)
		}
		for path, status := range map[string]int{
			"/Users/" + late["untouched"]: 404, "/Users/" + late["changed"]: 200, "/Users/" + late["emptied"]: 200, "/Users/" + late["known"]: 200,
			"/Groups/" + own: 404, "/Groups/" + grown: 200, "/Groups/" + groups[0]: 200,
		} {
			h.do("GET", path, nil).want(t, status)
		}
	})
}
