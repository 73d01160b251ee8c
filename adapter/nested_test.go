package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

func nested() edit {
	return edit{user: func(m string) string {
		return strings.Replace(m, "groups: [memberOf | ref(Group), reverse(Group.members)]", "groups: {from: memberOf | ref(Group), nested: true}", 1)
	}}
}

// keptUser makes a user of whom the directory itself says which groups hold them.
func (h *house) keptUser(name string, groups ...string) string {
	h.t.Helper()
	rec, err := h.memory.Class(backendtest.Class{}).Create(h.t.Context(), backends.Template{
		{Text: "uid="}, {Slot: true, Value: backends.String(name)}, {Text: ",ou=people,dc=example,dc=org"},
	}, backends.Attributes{"uid": backends.Strings(name), "sn": backends.Strings("x"), "cn": backends.Strings("x"), "memberOf": backends.Strings(groups...)}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(rec.Key)
}

// kindsOf are a user's groups by name, and how the user is in them.
func kindsOf(res *scim.Object) string {
	var kinds []string
	v, _ := res.Get("groups")
	list, _ := v.([]any)
	for _, e := range list {
		o := e.(*scim.Object)
		kinds = append(kinds, fmt.Sprint(at(o, "display"), " ", at(o, "type")))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

func groupName(cn string) string { return "cn=" + cn + ",ou=groups,dc=example,dc=org" }

func TestOfNestedGroupsThoseThatNameTheUserAreDirect(t *testing.T) {
	h := newHouse(t, nested())
	ann := h.keptUser("ann", groupName("inner"), groupName("outer"), groupName("outmost"))
	bob := h.keptUser("bob", groupName("outer"), groupName("outmost"))
	cid := h.keptUser("cid")
	inner := h.group("inner", ann)
	outer := h.group("outer", inner.ID, bob)
	h.group("outmost", outer.ID)
	want := map[string]string{ann: "inner direct, outer indirect, outmost indirect", bob: "outer direct, outmost indirect", cid: ""}
	for id, kinds := range want {
		if got := kindsOf(h.get("User", id).Resource); got != kinds {
			t.Errorf("%s, want %s", got, kinds)
		}
	}
	users, groups := h.watch()
	page := h.list("User", "", 1, 10)
	for _, res := range page.Resources {
		id, _ := res.Get("id")
		if got := kindsOf(res); got != want[id.(string)] {
			t.Errorf("on a page: %s, want %s", got, want[id.(string)])
		}
	}
	if len(page.Resources) != 3 || len(groups.finds) != 1 || fmt.Sprint(groups.held) != "[[]]" || len(groups.walks) > 0 {
		t.Errorf("%d users with Find %v, Holders %v and Walk %v of groups: one search for all names, and one for all who have groups", len(page.Resources), groups.finds, groups.held, groups.walks)
	}
	groups.finds, groups.held = nil, nil
	for _, req := range []scim.Request{h.shows("User", "userName,groups.value,groups.display"), h.without("User", "groups.type")} {
		page, err := h.tryList(req, "", 1, 10)
		if err != nil || len(page.Resources) != 3 {
			t.Fatal(err)
		}
		if got := at(page.Resources[0], "groups", 0, "type"); got != nil {
			t.Errorf("type %v", got)
		}
	}
	if len(groups.finds) != 2 || len(groups.held) != 0 {
		t.Errorf("without type: Find %v, Holders %v", groups.finds, groups.held)
	}
	_, err := h.tryList(h.req("User"), `groups.type eq "indirect"`, 1, 10)
	wantStatus(t, err, 400, scim.InvalidFilter)
	if page := h.list("User", `groups eq "`+outer.ID+`"`, 1, 10); page.TotalResults != 2 {
		t.Errorf("%d are in the outer group", page.TotalResults)
	}
	_ = users
}

func TestNestedGroupsThatTheDirectoryTurnsOutNotToKeepAreAllDirect(t *testing.T) {
	h := newHouse(t, edit{user: func(m string) string {
		return strings.Replace(m, "groups: [memberOf | ref(Group), reverse(Group.members)]", "groups: {from: [memberOf | ref(Group), reverse(Group.members)], nested: true}", 1)
	}})
	ann := h.user("ann")
	inner := h.group("inner", ann.ID)
	h.group("outer", inner.ID)
	if got := kindsOf(h.get("User", ann.ID).Resource); got != "inner direct" {
		t.Errorf("groups %s", got)
	}
}

func TestAGroupInAGroup(t *testing.T) {
	h := newHouse(t)
	ann := h.user("ann")
	inner := h.group("inner", ann.ID)
	outer := h.group("outer", inner.ID, ann.ID)
	other := h.group("other", inner.ID)
	want := map[any]string{
		ann.ID:   "ann User " + base + "/Users/" + ann.ID,
		inner.ID: "inner Group " + base + "/Groups/" + inner.ID,
	}
	list, _ := h.get("Group", outer.ID).Resource.Get("members")
	if len(list.([]any)) != 2 {
		t.Errorf("members %v", list)
	}
	for _, e := range list.([]any) {
		o := e.(*scim.Object)
		if got := fmt.Sprint(at(o, "display"), " ", at(o, "type"), " ", at(o, "$ref")); got != want[at(o, "value")] {
			t.Errorf("%s, want %s", got, want[at(o, "value")])
		}
	}
	for text, want := range map[string]int{
		`members eq "` + inner.ID + `"`:                            2,
		`members[value eq "` + inner.ID + `" and type eq "Group"]`: 2,
		`members[value eq "` + inner.ID + `" and type eq "User"]`:  0,
		`members.type eq "Group"`:                                  2,
		`members.type eq "User"`:                                   2,
	} {
		if page := h.list("Group", text, 1, 10); page.TotalResults != want {
			t.Errorf("%s finds %d, want %d", text, page.TotalResults, want)
		}
	}
	if h.byName["Group"].rt.Schema.Attribute("groups") != nil {
		t.Error("a group has no groups in SCIM")
	}
	// A group may be a member of itself as far as the directory allows it.
	h.patch("Group", inner.ID, `{"op":"add","path":"members","value":[{"value":"`+inner.ID+`"}]}`)
	if got := sortedValues(h.get("Group", inner.ID).Resource, "members"); !slices.Contains(got, inner.ID) {
		t.Errorf("members %v", got)
	}
	if err := h.Delete(t.Context(), h.req("Group"), inner.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.members(outer.ID); !slices.Equal(got, []string{"uid=ann,ou=people,dc=example,dc=org"}) {
		t.Errorf("member of the outer group %v", got)
	}
	if got := h.members(other.ID); slices.Contains(got, groupName("inner")) {
		t.Errorf("member of the other group %v", got)
	}
}

// However long a page is, its references are one search for each type that they may point at, names and all.
func TestAPageCostsNoSearchForEachOfItsResources(t *testing.T) {
	h := newHouse(t, edit{user: func(m string) string {
		return strings.Replace(m, "groups: [memberOf | ref(Group), reverse(Group.members)]", "groups: memberOf | ref(Group)", 1)
	}})
	h.keptUser("kept", groupName("g0"))
	boss := h.user("boss")
	var ids []string
	for i := range 20 {
		ids = append(ids, h.create("User", `{"userName":"u`+fmt.Sprint(i)+`","`+enterprise+`":{"manager":{"value":"`+boss.ID+`"}}}`).ID)
	}
	last := boss.ID
	for i := range 20 {
		last = h.group(fmt.Sprint("g", i), append(ids[:i:i], last)...).ID
	}
	users, groups := h.watch()
	if page := h.list("User", "", 1, 50); len(page.Resources) != 22 || len(users.finds) != 1 || len(groups.finds) != 1 || len(groups.walks) != 0 {
		t.Errorf("%d users with Find of users %v, of groups %v, Walk of groups %v", len(page.Resources), users.finds, groups.finds, groups.walks)
	}
	users.finds, groups.finds = nil, nil
	if page := h.list("Group", "", 1, 50); len(page.Resources) != 20 || len(users.finds) != 1 || len(groups.finds) != 1 {
		t.Errorf("%d groups with Find of users %v, of groups %v", len(page.Resources), users.finds, groups.finds)
	}
}
