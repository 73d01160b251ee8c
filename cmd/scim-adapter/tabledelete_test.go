package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Over tables a person goes along with what points at him, in one transaction.

// lastEvent is the last that a house's journal tells.
func (h *house) lastEvent() journal.Event {
	h.t.Helper()
	var last journal.Event
	for e, err := range h.world.store.Events(h.t.Context(), journal.Filter{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		last = e
	}
	return last
}

// TestATeamIsAnotherOneWhenAMemberIsDeleted: the foreign key would take the membership along, and nobody would see that the team has changed.
func TestATeamIsAnotherOneWhenAMemberIsDeleted(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			ids := h.users(2)
			g := h.group("both", ids[0], ids[1])
			etag := h.do("GET", "/Groups/"+g.id(), nil).header.Get("ETag")
			h.do("GET", "/Groups/"+g.id(), nil, "If-None-Match", etag).want(t, 304)
			h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
			if got := h.do("GET", "/Groups/"+g.id(), nil, "If-None-Match", etag).want(t, 200); strings.Contains(got.raw, ids[0]) || got.header.Get("ETag") == etag {
				t.Errorf("%s: %s", got.header.Get("ETag"), got.raw)
			}
			h.do("PATCH", "/Groups/"+g.id(), patch(op("replace", "displayName", "mine")), "If-Match", etag).want(t, 412)
			e := h.lastEvent()
			if e.Intent.Action != "delete" {
				t.Fatalf("the last event is %+v", e)
			}
			if e.Outcome == nil || len(e.Intent.Steps) < 2 || e.Intent.Steps[0].Backend != "Group" || e.Intent.Steps[1].Op != "delete" {
				t.Fatalf("the journal says %+v", e)
			}
			if done := e.Outcome.Steps[0]; len(done.Effective) != 1 || !slices.Equal(done.Effective[0].Values.Texts(), ids[:1]) {
				t.Errorf("of the membership it says %+v", done)
			}
		})
	}
}

// TestARefusedDeleteLeavesTheRowsOfAMembership: a table that no mapping knows of still refers to the person. What the mapping does not show of the membership
// is as it was, and so is the team.
func TestARefusedDeleteLeavesTheRowsOfAMembership(t *testing.T) {
	w := tableWorlds(t)[1]
	w.scripts = append(w.scripts, `ALTER TABLE hr.team_member DROP CONSTRAINT team_member_person_id_fkey, ADD FOREIGN KEY (person_id) REFERENCES hr.person;
CREATE TABLE hr.time_sheet (person_id bigint NOT NULL REFERENCES hr.person, hours int)`)
	h := openTables(t, w)
	ids := h.users(2)
	g := h.group("both", ids[0], ids[1])
	h.tables.admin.run("UPDATE hr.team_member SET is_lead = true, joined_on = '2001-02-03' WHERE person_id::text = $1", ids[0])
	h.tables.admin.run("INSERT INTO hr.time_sheet SELECT person_id, 8 FROM hr.person WHERE person_id::text = $1", ids[0])
	rows := func() string {
		return fmt.Sprint(h.tables.admin.texts("SELECT m::text || t.xmin::text FROM hr.team_member m JOIN hr.team t USING (team_id) ORDER BY 1"))
	}
	before := rows()
	if a := h.do("DELETE", "/Users/"+ids[0], nil).want(t, 403); !strings.Contains(a.raw, "time_sheet") {
		t.Errorf("%s", a.raw)
	}
	if now := rows(); now != before {
		t.Errorf("before %s, after the delete that was refused %s", before, now)
	}
	h.tables.admin.run("DELETE FROM hr.time_sheet WHERE hours > $1", 0)
	h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
	h.keeps(t, g.id(), "members", ids[1])
}

// TestWhoIsManagedIsAnotherOneWhenTheManagerIsDeleted: the holder is of the same table as the record.
func TestWhoIsManagedIsAnotherOneWhenTheManagerIsDeleted(t *testing.T) {
	h := openTables(t, tableWorlds(t)[1])
	boss := h.user("boss")
	a := h.user("ada", enterpriseURN, map[string]any{"manager": map[string]any{"value": boss.id()}})
	etag := h.do("GET", "/Users/"+a.id(), nil).header.Get("ETag")
	h.do("DELETE", "/Users/"+boss.id(), nil).want(t, 204)
	h.do("GET", "/Users/"+a.id(), nil, "If-None-Match", etag).want(t, 200)
	h.keeps(t, a.id(), "manager")
	if e := h.lastEvent(); e.Intent.Steps[0].Op != "modify" || string(e.Intent.Steps[0].Key) != a.id() || len(e.Outcome.Steps[0].Effective) != 1 {
		t.Errorf("the journal says %+v", e)
	}
}

// TestPeopleAreDeletedWhileTeamsChange: deletes of members and changes of their teams wait for each other, and all come to an end.
func TestPeopleAreDeletedWhileTeamsChange(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			ids := h.users(12)
			teams := []string{h.group("one", ids...).id(), h.group("two", ids...).id(), h.group("three").id()}
			var wg sync.WaitGroup
			for i, id := range ids[:8] {
				wg.Go(func() {
					if a := h.do("DELETE", "/Users/"+id, nil); a.status != 204 {
						t.Errorf("delete: %s", a.raw)
					}
				})
				wg.Go(func() {
					team := teams[i%3]
					for _, operation := range []string{"remove", "add"} {
						change := op(operation, "members", []any{map[string]any{"value": ids[8+i%4]}})
						if a := h.do("PATCH", "/Groups/"+team, patch(change)); a.status != 204 && a.status != 200 {
							t.Errorf("%s: %s", operation, a.raw)
						}
					}
				})
			}
			wg.Wait()
			for _, team := range teams {
				for _, member := range h.kept(t, team, "members") {
					if !slices.Contains(ids[8:], member) {
						t.Errorf("%s is a member still", member)
					}
				}
			}
		})
	}
}

// TestAPasswordIsNoSecondWrite: a person who gets a password with everything else is written once.
func TestAPasswordIsNoSecondWrite(t *testing.T) {
	h := openTables(t, tableWorlds(t)[0])
	const row = "SELECT version::text || ' ' || (created_at = updated_at)::text || ' ' || (password_hash IS NOT NULL)::text FROM scim.users WHERE id::text = $1"
	a := h.user("ada", "password", "t1meMa$heen")
	if got := h.tables.admin.texts(row, a.id()); !slices.Equal(got, []string{"1 true true"}) || a.at("meta.created") != a.at("meta.lastModified") {
		t.Errorf("a new row is %q: %s", got, a.raw)
	}
	first := h.tables.admin.texts("SELECT password_hash FROM scim.users WHERE id::text = $1", a.id())
	h.do("PATCH", "/Users/"+a.id(), patch(op("replace", "password", "an0ther one"), op("replace", "title", "x"))).want(t, 200)
	if got := h.tables.admin.texts(row, a.id()); !slices.Equal(got, []string{"2 false true"}) {
		t.Errorf("the changed row is %q", got)
	}
	if again := h.tables.admin.texts("SELECT password_hash FROM scim.users WHERE id::text = $1", a.id()); slices.Equal(again, first) {
		t.Error("the password is the old one")
	}
	if e := h.lastEvent(); len(e.Intent.Steps) != 1 || strings.Contains(fmt.Sprintf("%+v", e), "an0ther") {
		t.Errorf("the journal says %+v", e)
	}
}
