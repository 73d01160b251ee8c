package adapter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

func sortedValues(o *scim.Object, attr string) []string {
	ids := values(o, attr)
	slices.Sort(ids)
	return ids
}

func TestGroupsFromTheOtherSide(t *testing.T) {
	h := newHouse(t)
	a, b, c := h.user("a"), h.user("b"), h.user("c")
	one, two := h.group("one", a.ID, b.ID), h.group("two", a.ID)
	both := []string{one.ID, two.ID}
	slices.Sort(both)
	if got := sortedValues(h.get("User", a.ID).Resource, "groups"); !slices.Equal(got, both) {
		t.Errorf("groups of a: %v", got)
	}
	if got := at(h.get("User", b.ID).Resource, "groups", 0, "$ref"); got != base+"/Groups/"+one.ID {
		t.Errorf("$ref of b's group: %v", got)
	}
	if got := at(h.get("User", b.ID).Resource, "groups", 0, "type"); got != "direct" {
		t.Errorf("type of b's group: %v", got)
	}
	if got := values(h.get("User", c.ID).Resource, "groups"); len(got) != 0 {
		t.Errorf("groups of c: %v", got)
	}
	for text, want := range map[string][]string{
		`groups eq "` + one.ID + `"`:                          {"a", "b"},
		`groups.value eq "` + two.ID + `"`:                    {"a"},
		`groups ne "` + two.ID + `"`:                          {"b", "c"},
		`groups[value eq "` + one.ID + `"]`:                   {"a", "b"},
		`groups pr`:                                           {"a", "b"},
		`not (groups pr)`:                                     {"c"},
		`groups eq "nobody"`:                                  {},
		`not (groups eq "nobody")`:                            {"a", "b", "c"},
		`groups eq "` + one.ID + `" and userName eq "b"`:      {"b"},
		`groups eq "` + two.ID + `" or userName sw "C"`:       {"a", "c"},
		`groups.$ref eq "` + base + `/Groups/` + two.ID + `"`: {"a"},
	} {
		t.Run(text, func(t *testing.T) {
			page := h.list("User", text, 1, 10)
			var names []string
			for _, res := range page.Resources {
				names = append(names, at(res, "userName").(string))
			}
			slices.Sort(names)
			if !slices.Equal(names, want) && len(names)+len(want) > 0 || page.TotalResults != len(want) {
				t.Errorf("found %v of %d, want %v", names, page.TotalResults, want)
			}
		})
	}
}

func TestGroupsThatTheDirectoryKeeps(t *testing.T) {
	h := newHouse(t)
	g := h.group("one")
	// A record that has memberOf, which this directory does not maintain but holds: from then on it is believed.
	_, err := h.memory.Class(backendtest.Class{}).Create(t.Context(), backends.Template{
		{Text: "uid="}, {Slot: true, Value: backends.String("kept")}, {Text: ",ou=people,dc=example,dc=org"},
	}, backends.Attributes{"sn": backends.Strings("x"), "cn": backends.Strings("x"), "memberOf": backends.Strings("cn=one,ou=groups,dc=example,dc=org")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.advance(h.o.NativeTTL) // the answer "no" is forgotten
	page := h.list("User", `groups eq "`+g.ID+`"`, 1, 10)
	if page.TotalResults != 1 || !slices.Equal(values(page.Resources[0], "groups"), []string{g.ID}) {
		t.Errorf("%d found", page.TotalResults)
	}
	if !h.byName["User"].refs[0].kept.kept && !h.byName["User"].refs[1].kept.kept {
		t.Error("it is not remembered")
	}
}

func TestFiltersByReference(t *testing.T) {
	h := newHouse(t)
	boss := h.user("boss")
	h.create("User", `{"userName":"a","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+boss.ID+`"}}}`)
	g := h.group("g", boss.ID)
	if got := h.list("User", `manager eq "`+boss.ID+`"`, 1, 10); got.TotalResults != 1 || at(got.Resources[0], "userName") != "a" {
		t.Errorf("%d have this manager", got.TotalResults)
	}
	if got := h.list("User", `not (manager eq "garbage")`, 1, 10); got.TotalResults != 2 {
		t.Errorf("%d do not have nobody as manager", got.TotalResults)
	}
	if got := h.list("Group", `members[value eq "`+boss.ID+`"]`, 1, 10); got.TotalResults != 1 {
		t.Errorf("%d have this member", got.TotalResults)
	}
	if got := h.list("Group", `members[value eq "`+boss.ID+`" and type eq "User"]`, 1, 10); got.TotalResults != 1 {
		t.Errorf("%d have this member of this type", got.TotalResults)
	}
	if got := h.list("Group", `members[value eq "`+boss.ID+`" and type eq "Group"]`, 1, 10); got.TotalResults != 0 {
		t.Errorf("%d have this member of another type", got.TotalResults)
	}
	_ = g
}

func TestMembersOfSeveralTypes(t *testing.T) {
	h := newHouse(t)
	u := h.user("u")
	inner := h.group("inner", u.ID)
	outer := h.group("outer", u.ID, inner.ID)
	got := map[string]string{}
	list, _ := h.get("Group", outer.ID).Resource.Get("members")
	for _, e := range list.([]any) {
		got[at(e.(*scim.Object), "value").(string)] = fmt.Sprint(at(e.(*scim.Object), "type"), " ", at(e.(*scim.Object), "$ref"))
	}
	want := map[string]string{u.ID: "User " + base + "/Users/" + u.ID, inner.ID: "Group " + base + "/Groups/" + inner.ID}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("members %v, want %v", got, want)
	}
}

// members reads the native list.
func (h *house) members(id string) []string {
	texts := h.native(id, "member").Attrs.Get("member").Texts()
	slices.Sort(texts)
	return texts
}

func TestMemberChangesNeverReadTheList(t *testing.T) {
	h := newHouse(t)
	a, b := h.user("a"), h.user("b")
	g := h.group("g", a.ID)
	h.groups.fetch = func(_ []backends.Key, attrs []string) (error, bool) {
		if slices.ContainsFunc(attrs, func(s string) bool { return strings.EqualFold(s, "member") }) {
			t.Errorf("Fetch of %v", attrs)
		}
		return nil, false
	}
	for _, op := range []string{
		`{"op":"add","path":"members","value":[{"value":"` + b.ID + `"}]}`,
		`{"op":"add","path":"members","value":[{"value":"` + b.ID + `"},{"value":"` + a.ID + `"}]}`, // again
		`{"op":"remove","path":"members[value eq \"` + a.ID + `\"]"}`,
		`{"op":"remove","path":"members[value eq \"` + a.ID + `\"]"}`, // again
		`{"op":"replace","path":"displayName","value":"g2"}`,
	} {
		h.patch("Group", g.ID, op)
	}
	h.groups.fetch = nil
	if got := h.members(g.ID); !slices.Equal(got, []string{"uid=b,ou=people,dc=example,dc=org"}) {
		t.Errorf("member %v", got)
	}
	// What took effect is journaled, not what was asked for.
	events := h.events()
	second := events[len(events)-4]
	if eff := second.Outcome.Steps[0].Effective; len(second.Intent.Steps[0].Changes) != 1 || len(eff) != 0 {
		t.Errorf("adding who is there took effect as %v", eff)
	}
}

func TestTheLastMember(t *testing.T) {
	h := newHouse(t)
	must := func(changes []backends.Change) (error, bool) {
		// As a groupOfNames refuses to lose its last member.
		removing, adding := false, false
		for _, c := range changes {
			removing = removing || c.Op == backends.Remove || c.Op == backends.Replace && len(c.Values) == 0
			adding = adding || c.Op == backends.Add || c.Op == backends.Replace && len(c.Values) > 0
		}
		return &backends.Error{Kind: backends.ErrInvalid, Attr: "member"}, removing && !adding
	}
	a := h.user("a")
	g := h.group("g", a.ID)
	h.groups.modify = must
	h.patch("Group", g.ID, `{"op":"remove","path":"members[value eq \"`+a.ID+`\"]"}`)
	if got := h.members(g.ID); !slices.Equal(got, []string{"cn=nobody"}) {
		t.Errorf("member %v", got)
	}
	if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 0 {
		t.Errorf("the placeholder is shown: %v", got)
	}
	h.groups.modify = nil
	h.patch("Group", g.ID, `{"op":"add","path":"members","value":[{"value":"`+a.ID+`"}]}`)
	if got := values(h.get("Group", g.ID).Resource, "members"); !slices.Equal(got, []string{a.ID}) {
		t.Errorf("members %v", got)
	}
	h.groups.modify = must
	other := h.group("other", a.ID)
	if err := h.Delete(t.Context(), h.req("User"), a.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.members(other.ID); !slices.Equal(got, []string{"cn=nobody"}) {
		t.Errorf("after the delete: member %v", got)
	}
}

func TestPutKeepsMembersThatAreNotShown(t *testing.T) {
	h := newHouse(t)
	a, b := h.user("a"), h.user("b")
	g := h.group("g", a.ID)
	outside := "cn=somebody,ou=elsewhere,dc=example,dc=org"
	_, err := h.groups.Backend.Modify(t.Context(), backends.Key(g.ID),
		[]backends.Change{{Op: backends.Add, Attr: "member", Values: backends.Strings(outside, "cn=nobody")}}, backends.Condition{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := h.Replace(t.Context(), h.req("Group"), g.ID, h.body("Group", `{"displayName":"g","members":[`+elements(b.ID, b.ID)+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := values(res.Resource, "members"); !slices.Equal(got, []string{b.ID}) {
		t.Errorf("members %v", got)
	}
	if got := h.members(g.ID); !slices.Contains(got, outside) || slices.Contains(got, "uid=a,ou=people,dc=example,dc=org") {
		t.Errorf("member %v", got)
	}
	if _, err := h.Replace(t.Context(), h.req("Group"), g.ID, h.body("Group", `{"displayName":"g"}`)); err != nil {
		t.Fatal(err)
	}
	if got := h.members(g.ID); !slices.Contains(got, outside) || slices.Contains(got, "uid=b,ou=people,dc=example,dc=org") {
		t.Errorf("member after an empty PUT: %v", got)
	}
}

func TestNothingPointsAtWhoIsGone(t *testing.T) {
	h := newHouse(t)
	u := h.user("leaver")
	report := h.create("User", `{"userName":"report","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+u.ID+`"}}}`)
	stays := h.user("stays")
	var groups []string
	for i := range 12 {
		groups = append(groups, h.group(fmt.Sprint("g", i), u.ID, stays.ID).ID)
	}
	if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range groups {
		if got := h.members(id); !slices.Equal(got, []string{"uid=stays,ou=people,dc=example,dc=org"}) {
			t.Errorf("member %v", got)
		}
	}
	if got := h.native(report.ID, "manager").Attrs.Get("manager"); len(got) != 0 {
		t.Errorf("manager %v", got)
	}
	e := h.lastEvent()
	if len(e.Intent.Steps) != 15 || e.Intent.Steps[0].Op != "delete" || len(e.Intent.Steps[0].Before.Get("uid")) != 1 {
		t.Errorf("%d steps: %+v", len(e.Intent.Steps), e.Intent.Steps[0])
	}
	for i, s := range e.Outcome.Steps {
		if s.Status != "done" {
			t.Errorf("step %d: %+v", i, s)
		}
	}
}

func TestWhoIsAddedWhileBeingDeletedIsRemovedToo(t *testing.T) {
	h := newHouse(t)
	u := h.user("leaver")
	g := h.group("g", h.user("stays").ID)
	name := h.native(u.ID).Name
	h.users.after = func(op string) {
		if op != "delete" {
			return
		}
		_, err := h.groups.Backend.Modify(context.Background(), backends.Key(g.ID),
			[]backends.Change{{Op: backends.Add, Attr: "member", Values: backends.Strings(name)}}, backends.Condition{}, nil)
		if err != nil {
			t.Error(err)
		}
	}
	if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.members(g.ID); slices.Contains(got, name) {
		t.Errorf("member %v", got)
	}
}

func TestManyMembersAtOnceAndAtATime(t *testing.T) {
	h := newHouse(t)
	g := h.group("g")
	var ids []string
	for i := range 105 {
		ids = append(ids, h.user(fmt.Sprint("u", i)).ID)
	}
	h.patch("Group", g.ID, `{"op":"add","path":"members","value":[`+elements(ids...)+`]}`)
	if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 105 {
		t.Fatalf("%d members", len(got))
	}
	other := h.group("other")
	var wg sync.WaitGroup
	for _, id := range ids[:40] {
		wg.Go(func() {
			if _, err := h.tryPatch(h.req("Group"), other.ID, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := slices.Sorted(slices.Values(ids[:40]))
	if got := sortedValues(h.get("Group", other.ID).Resource, "members"); !slices.Equal(got, want) {
		t.Errorf("%d members, want 40", len(got))
	}
}

func TestAPageOfReferencesIsOneQuery(t *testing.T) {
	h := newHouse(t)
	boss := h.user("boss")
	for i := range 20 {
		h.create("User", `{"userName":"u`+fmt.Sprint(i)+`","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+boss.ID+`"}}}`)
	}
	counted := &countingKeys{Backend: h.users.Backend}
	h.users.Backend = counted
	page := h.list("User", "", 1, 50)
	if len(page.Resources) != 21 || counted.keys != 1 {
		t.Errorf("%d resources with %d resolutions", len(page.Resources), counted.keys)
	}
}

func TestTheGroupsOfAPageOfUsersAreOneQuery(t *testing.T) {
	h := newHouse(t)
	ids := h.people(100)
	all, few, nobody := h.group("all", ids...).ID, h.group("few", ids[:10]...).ID, h.group("nobody").ID
	_, groups := h.watch()
	page := h.list("User", "", 1, 100)
	if len(page.Resources) != 100 || len(groups.held) != 1 || len(groups.walks) > 0 || len(groups.finds) > 0 {
		t.Errorf("%d users with Holders %v, Walk %v, Find %v of groups", len(page.Resources), groups.held, groups.walks, groups.finds)
	}
	for _, res := range page.Resources {
		id, _ := res.Get("id")
		want := []string{all}
		if slices.Contains(ids[:10], id.(string)) {
			want = slices.Sorted(slices.Values([]string{all, few}))
		}
		if got := sortedValues(res, "groups"); !slices.Equal(got, want) || slices.Contains(got, nobody) {
			t.Errorf("%v is in %v, want %v", id, got, want)
		}
	}
}

type countingKeys struct {
	backends.Backend
	keys int
}

func (c *countingKeys) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	c.keys++
	return c.Backend.Find(ctx, by, names, attrs)
}
