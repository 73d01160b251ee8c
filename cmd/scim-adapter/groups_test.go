package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// memberIDs are the ids of a group's members, sorted.
func (h *house) memberIDs(id string) []string {
	h.t.Helper()
	a := h.do("GET", "/Groups/"+id, nil).want(h.t, 200)
	var ids []string
	members, _ := a.body["members"].([]any)
	for _, m := range members {
		ids = append(ids, fmt.Sprint(at(m, "value")))
	}
	slices.Sort(ids)
	return ids
}

func (h *house) users(n int) []string {
	h.t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, h.user(fmt.Sprintf("member%03d", i)).id())
	}
	slices.Sort(ids)
	return ids
}

func TestAGroupFromCreateToDelete(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := h.users(4)
		created := h.group("Engineers", ids[0], ids[1])
		id := created.id()
		if ref := created.text("members.0.$ref"); ref != h.scimClient.base+"/Users/"+created.text("members.0.value") {
			t.Errorf("$ref %q", ref)
		}
		if got := h.kept(t, id, "members"); len(got) != 2 {
			t.Errorf("what is stored has members %v", got)
		}
		steps := []struct {
			claim string
			ops   []map[string]any
			want  []string
		}{
			{"add one", []map[string]any{op("add", "members", []any{map[string]any{"value": ids[2]}})}, ids[:3]},
			{"add it again", []map[string]any{op("Add", "members", []any{map[string]any{"value": ids[2]}})}, ids[:3]},
			{"remove by filter", []map[string]any{op("remove", `members[value eq "`+ids[0]+`"]`, nil)}, ids[1:3]},
			{"remove a non-member", []map[string]any{op("remove", `members[value eq "`+ids[0]+`"]`, nil)}, ids[1:3]},
			{"remove an id that names nobody", []map[string]any{op("remove", `members[value eq "nobody"]`, nil)}, ids[1:3]},
			{"remove by a list of values", []map[string]any{op("Remove", "members", []any{map[string]any{"value": ids[1]}})}, ids[2:3]},
			{"remove and add in one request", []map[string]any{op("remove", `members[value eq "`+ids[2]+`"]`, nil), op("add", "members", []any{map[string]any{"value": ids[3]}, map[string]any{"value": ids[0]}})}, []string{ids[0], ids[3]}},
			{"add without path", []map[string]any{op("add", "", map[string]any{"members": []any{map[string]any{"value": ids[1]}}})}, []string{ids[0], ids[1], ids[3]}},
			{"replace", []map[string]any{op("replace", "members", []any{map[string]any{"value": ids[2]}})}, ids[2:3]},
			{"remove the last one", []map[string]any{op("remove", `members[value eq "`+ids[2]+`"]`, nil)}, nil},
			{"add to an empty group", []map[string]any{op("add", "members", []any{map[string]any{"value": ids[1]}})}, ids[1:2]},
			{"replace by nobody", []map[string]any{op("replace", "members", []any{})}, nil},
			{"add all", []map[string]any{op("add", "members", []any{map[string]any{"value": ids[0]}, map[string]any{"value": ids[1]}, map[string]any{"value": ids[2]}})}, ids[:3]},
			{"remove all", []map[string]any{op("remove", "members", nil)}, nil},
		}
		for _, s := range steps {
			if a := h.do("PATCH", "/Groups/"+id, patch(s.ops...)).want(t, 204); a.raw != "" {
				t.Errorf("%s: a body with 204", s.claim)
			}
			want := slices.Clone(s.want)
			slices.Sort(want)
			if got := h.memberIDs(id); !slices.Equal(got, want) {
				t.Errorf("%s: members %v, want %v", s.claim, got, want)
			}
		}
		h.do("PATCH", "/Groups/"+id, patch(op("add", "members", []any{map[string]any{"value": "00000000-0000-0000-0000-000000000000"}}))).wantError(t, 400, "invalidValue")
		h.do("PATCH", "/Groups/"+id, patch(op("replace", "displayName", "Builders"))).want(t, 204)
		if dn := h.pointer(t, id); h.tables == nil && dn != "cn=Builders,"+h.groups {
			t.Errorf("DN %s", dn)
		}
		put := h.do("PUT", "/Groups/"+id, map[string]any{"displayName": "Builders", "members": []any{map[string]any{"value": ids[3]}}}).want(t, 200)
		if put.text("members.0.value") != ids[3] || put.at("members.1") != nil {
			t.Errorf("PUT: %s", put.raw)
		}
		h.do("POST", "/Groups", map[string]any{"displayName": "builders"}).wantError(t, 409, "uniqueness")
		h.do("DELETE", "/Groups/"+id, nil).want(t, 204)
		h.do("GET", "/Groups/"+id, nil).wantError(t, 404, "")
	})
}

func TestGroupsOfAUserAreShownAndFound(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := h.users(2)
		a, b := h.group("alpha", ids[0]), h.group("beta", ids[0], ids[1])
		want := []string{a.id(), b.id()}
		slices.Sort(want)
		eventually(t, "the user shows both groups", func() bool {
			user := h.do("GET", "/Users/"+ids[0], nil)
			got := []string{user.text("groups.0.value"), user.text("groups.1.value")}
			slices.Sort(got)
			return slices.Equal(got, want)
		})
		for filter, count := range map[string]int{
			`groups eq "` + b.id() + `"`: 2, `groups.value eq "` + a.id() + `"`: 1, `not (groups eq "` + a.id() + `")`: 1, `groups eq "nobody"`: 0,
		} {
			if found, total := h.list("/Users", filter); total != count {
				t.Errorf("%s finds %v", filter, names(found, "userName"))
			}
		}
		for filter, count := range map[string]int{
			`members eq "` + ids[0] + `"`: 2, `members.value eq "` + ids[1] + `"`: 1, `members[value eq "` + ids[1] + `"]`: 1, `members eq "nobody"`: 0, `displayName eq "ALPHA"`: 1,
		} {
			if found, total := h.list("/Groups", filter); total != count {
				t.Errorf("%s finds %v", filter, names(found, "displayName"))
			}
		}
		found, _ := h.list("/Groups", "", "excludedAttributes", "members")
		for _, g := range found {
			if g["members"] != nil {
				t.Errorf("excluded members are shown: %v", g)
			}
		}
	})
}

func TestADeletedUserLeavesNoMembershipBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := h.users(2)
		both, alone := h.group("both", ids[0], ids[1]), h.group("alone", ids[0])
		h.do("DELETE", "/Users/"+ids[0], nil).want(t, 204)
		left := h.pointer(t, ids[1])
		eventually(t, "nothing names the deleted one", func() bool {
			return slices.Equal(h.kept(t, both.id(), "members"), []string{left}) && len(h.kept(t, alone.id(), "members")) == 0
		})
		if got := h.memberIDs(both.id()); !slices.Equal(got, ids[1:]) {
			t.Errorf("members %v", got)
		}
		if got := h.memberIDs(alone.id()); len(got) != 0 {
			t.Errorf("members %v", got)
		}
		if h.do("GET", "/Groups/"+alone.id(), nil).at("members") != nil {
			t.Error("the placeholder is shown")
		}
	})
}

func TestThePlaceholderStandsInEmptyGroupsOnly(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if h.tables != nil {
			return // an empty group has no rows
		}
		ids := h.users(2)
		g := h.group("fills up")
		members := func() int { return len(h.byID(t, g.id()).GetAttributeValues("member")) }
		if members() != 1 {
			t.Errorf("%d names in an empty group", members())
		}
		for want, id := range ids {
			h.do("PATCH", "/Groups/"+g.id(), patch(op("add", "members", []any{map[string]any{"value": id}}))).want(t, 204)
			if members() != want+1 {
				t.Errorf("%d names in a group of %d", members(), want+1)
			}
		}
		h.do("PATCH", "/Groups/"+g.id(), patch(op("add", "members", []any{map[string]any{"display": "nobody"}}))).wantError(t, 400, "invalidValue")
	})
}

func TestGroupsNest(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := []string{h.user("member", "displayName", "Given Family").id()}
		if !h.nests() {
			h.do("POST", "/Groups", map[string]any{"displayName": "outer", "members": refer(h.group("inner").id())}).wantError(t, 400, "invalidValue")
			return
		}
		inner := h.group("inner", ids...)
		outer := h.group("outer", inner.id(), ids[0])
		for i := range 2 {
			member := fmt.Sprintf("members.%d.", i)
			want := []string{"User", "/Users/" + ids[0], "Given Family"}
			if outer.text(member+"value") == inner.id() {
				want = []string{"Group", "/Groups/" + inner.id(), "inner"}
			}
			got := []string{outer.text(member + "type"), strings.TrimPrefix(outer.text(member+"$ref"), h.scimClient.base), outer.text(member + "display")}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		for filter, count := range map[string]int{
			`members eq "` + inner.id() + `"`: 1, `members[value eq "` + inner.id() + `" and type eq "Group"]`: 1, `members[value eq "` + inner.id() + `" and type eq "User"]`: 0,
			`members.type eq "Group"`: 1, `members.$ref eq "` + h.scimClient.base + `/Groups/` + inner.id() + `"`: 1,
		} {
			if found, total := h.list("/Groups", filter); total != count {
				t.Errorf("%s finds %v", filter, names(found, "displayName"))
			}
		}
		wrong := []any{map[string]any{"value": ids[0], "type": "Group"}}
		h.do("PATCH", "/Groups/"+inner.id(), patch(op("add", "members", wrong))).wantError(t, 400, "invalidValue")
		h.do("POST", "/Groups", map[string]any{"displayName": "wrong", "members": wrong}).wantError(t, 400, "invalidValue")

		// A group that is its own member is as good as any: the directories that we know allow it.
		h.do("PATCH", "/Groups/"+inner.id(), patch(op("add", "members", []any{map[string]any{"value": inner.id(), "type": "Group"}}))).want(t, 204)
		if got := h.memberIDs(inner.id()); len(got) != 2 {
			t.Errorf("members %v", got)
		}
		h.do("DELETE", "/Groups/"+inner.id(), nil).want(t, 204)
		eventually(t, "the group that is gone is nobody's member", func() bool {
			return slices.Equal(h.memberIDs(outer.id()), ids) && len(h.kept(t, outer.id(), "members")) == 1
		})
	})
}

func TestReferencesCarryTheNamesOfWhatTheyPointAt(t *testing.T) {
	const extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	everywhere(t, func(t *testing.T, h *house) {
		boss := h.user("boss", "displayName", "Barbara the Boss")
		report := h.user("report", extension, map[string]any{"manager": map[string]any{"value": boss.id(), "displayName": "somebody else"}})
		if got := report.text(extension + ".manager.displayName"); got != "Barbara the Boss" {
			t.Errorf("the manager is called %q", got)
		}
		g := h.group("Crew", boss.id())
		if got := g.text("members.0.display"); got != "Barbara the Boss" {
			t.Errorf("the member is called %q", got)
		}
		eventually(t, "the user shows what the group is called", func() bool {
			return h.do("GET", "/Users/"+boss.id(), nil).text("groups.0.display") == "Crew"
		})
		for path, endpoint := range map[string]string{g.id(): "/Groups/", report.id(): "/Users/", boss.id(): "/Users/"} {
			read := h.do("GET", endpoint+path, nil).want(t, 200)
			again := h.do("PUT", endpoint+path, read.body).want(t, 200)
			if again.text("meta.version") != read.text("meta.version") {
				t.Errorf("a PUT of what was read is a write: %s", again.raw)
			}
		}
		h.do("PATCH", "/Groups/"+g.id(), patch(op("replace", `members[value eq "`+boss.id()+`"].display`, "x"))).wantError(t, 400, "mutability")
		for _, path := range []string{"/Groups?filter=members.display+eq+%22x%22", "/Users?filter=groups.display+eq+%22x%22", "/Users?filter=manager.displayName+pr"} {
			h.do("GET", path, nil).wantError(t, 400, "invalidFilter")
		}
		// Who asks for less gets less, and a member list that is not shown has no display.
		if a := h.do("GET", "/Groups/"+g.id()+"?attributes=members.display", nil).want(t, 200); a.text("members.0.display") != "Barbara the Boss" || a.at("members.0.value") != nil {
			t.Errorf("%s", a.raw)
		}
		if a := h.do("GET", "/Groups/"+g.id()+"?attributes=members.value", nil).want(t, 200); a.at("members.0.display") != nil || a.text("members.0.value") != boss.id() {
			t.Errorf("%s", a.raw)
		}
		schema := h.do("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", nil).want(t, 200)
		if !strings.Contains(schema.raw, `"name":"display"`) {
			t.Errorf("/Schemas does not list display: %s", schema.raw)
		}
	})
}

func TestMembersOutsideTheMappingAreKeptAndNotShown(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := h.users(2)
		g := h.group("mixed", ids[0])
		stranger := h.stranger(t, g.id())
		if got := h.memberIDs(g.id()); !slices.Equal(got, ids[:1]) {
			t.Errorf("members %v", got)
		}
		h.do("PUT", "/Groups/"+g.id(), map[string]any{"displayName": "mixed", "members": []any{map[string]any{"value": ids[1]}}}).want(t, 200)
		if got := h.kept(t, g.id(), "members"); !slices.Contains(got, stranger) || len(got) != 2 {
			t.Errorf("what is stored has members %v", got)
		}
	})
}

func TestParallelMemberPatchesLoseNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ids := h.users(40)
		g := h.group("crowd")
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				a, err := h.try("PATCH", "/Groups/"+g.id(), patch(op("add", "members", []any{map[string]any{"value": id}})))
				if err != nil || a.status != 204 {
					t.Errorf("%v %d %s", err, a.status, a.raw)
				}
			})
		}
		wg.Wait()
		if got := h.memberIDs(g.id()); !slices.Equal(got, ids) {
			t.Errorf("%d members, want %d", len(got), len(ids))
		}
		var ops []map[string]any
		for _, id := range ids {
			ops = append(ops, op("remove", `members[value eq "`+id+`"]`, nil))
		}
		h.do("PATCH", "/Groups/"+g.id(), patch(ops...)).want(t, 204)
		if got := h.memberIDs(g.id()); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}
