package adapter

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// questions notes what is asked of a directory.
type questions struct {
	backends.Backend
	mu    sync.Mutex
	finds [][]string // the attributes of each Find
	walks [][]string // and of each Walk
	held  [][]string // and of each Holders
}

func (a *questions) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	a.mu.Lock()
	a.finds = append(a.finds, attrs)
	a.mu.Unlock()
	return a.Backend.Find(ctx, by, names, attrs)
}

func (a *questions) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	a.mu.Lock()
	a.held = append(a.held, attrs)
	a.mu.Unlock()
	return a.Backend.Holders(ctx, attr, names, attrs)
}

func (a *questions) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	a.mu.Lock()
	a.walks = append(a.walks, q.Attrs)
	a.mu.Unlock()
	return a.Backend.Walk(ctx, q)
}

// watch begins to note what is asked of both directories.
func (h *house) watch() (users, groups *questions) {
	users, groups = &questions{Backend: h.users.Backend}, &questions{Backend: h.groups.Backend}
	h.users.Backend, h.groups.Backend = users, groups
	return users, groups
}

func named() edit {
	return edit{user: func(m string) string {
		return strings.Replace(m, "  title: title\n", "  title: title\n  displayName: displayName\n", 1)
	}}
}

func (h *house) without(typ, excluded string) scim.Request {
	h.t.Helper()
	r := h.req(typ)
	var err error
	if r.Projection, err = r.Type.ParseProjection("", excluded); err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) text(req scim.Request, id, attr string) string {
	h.t.Helper()
	res, err := h.Get(h.t.Context(), req, id)
	if err != nil {
		h.t.Fatal(err)
	}
	v, _ := res.Resource.Get(attr)
	o := scim.NewObject()
	o.Set(attr, v)
	return string(o.AppendJSON(nil))
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func TestReferencesShowWhatTheirRecordsAreCalled(t *testing.T) {
	h := newHouse(t, named())
	ann := h.create("User", `{"userName":"ann","displayName":"Ann Lee"}`)
	bob := h.create("User", `{"userName":"bob","`+enterprise+`":{"manager":{"value":"`+ann.ID+`"}}}`)
	g := h.group("crew", ann.ID, bob.ID)
	member := func(id, name string) string {
		return `{"value":"` + id + `","$ref":"` + base + `/Users/` + id + `","type":"User","display":"` + name + `"}`
	}
	want := `{"members":[` + member(ann.ID, "Ann Lee") + `,` + member(bob.ID, "bob") + `]}`
	for _, attributes := range []string{"", "members", "members.value,members.$ref,members.type,members.display"} {
		if got := h.text(h.shows("Group", attributes), g.ID, "members"); got != want {
			t.Errorf("attributes=%s\n got %s\nwant %s", attributes, got, want)
		}
	}
	if got := at(g.Resource, "members", 0, "display"); got != "Ann Lee" {
		t.Errorf("the answer to the POST calls the first member %v", got)
	}
	for attributes, want := range map[string]string{
		"members.display": `{"members":[{"display":"Ann Lee"},{"display":"bob"}]}`,
		"members.value":   `{"members":[{"value":"` + ann.ID + `"},{"value":"` + bob.ID + `"}]}`,
		"members.type":    `{"members":[{"type":"User"},{"type":"User"}]}`,
	} {
		if got := h.text(h.shows("Group", attributes), g.ID, "members"); got != want {
			t.Errorf("attributes=%s\n got %s\nwant %s", attributes, got, want)
		}
	}
	want = `{"groups":[{"value":"` + g.ID + `","$ref":"` + base + `/Groups/` + g.ID + `","display":"crew","type":"direct"}]}`
	if got := h.text(h.req("User"), ann.ID, "groups"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	want = `{"` + enterprise + `":{"manager":{"value":"` + ann.ID + `","$ref":"` + base + `/Users/` + ann.ID + `","displayName":"Ann Lee"}}}`
	if got := h.text(h.req("User"), bob.ID, enterprise); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := h.text(h.shows("User", enterprise+":manager.displayName"), bob.ID, enterprise); got != `{"`+enterprise+`":{"manager":{"displayName":"Ann Lee"}}}` {
		t.Errorf("the manager's name alone: %s", got)
	}
}

func TestWhatRecordsAreCalledIsReadWithTheirIdsAndOnlyWhenItIsShown(t *testing.T) {
	h := newHouse(t, named())
	ann, bob := h.user("ann"), h.user("bob")
	g := h.group("crew", ann.ID, bob.ID)
	users, groups := h.watch()
	for name, c := range map[string]struct {
		id                string
		req               scim.Request
		ofUsers, ofGroups [][]string // what each Find of users, each Holders of groups reads
		noMember          bool
	}{
		"all of a group":            {id: g.ID, req: h.req("Group"), ofUsers: [][]string{{"displayName", "uid"}}},
		"members.value":             {id: g.ID, req: h.shows("Group", "members.value"), ofUsers: [][]string{nil}},
		"members.display":           {id: g.ID, req: h.shows("Group", "members.display"), ofUsers: [][]string{{"displayName", "uid"}}},
		"all but members.display":   {id: g.ID, req: h.without("Group", "members.display"), ofUsers: [][]string{nil}},
		"all but members":           {id: g.ID, req: h.without("Group", "members"), noMember: true},
		"the name of the group":     {id: g.ID, req: h.shows("Group", "displayName"), noMember: true},
		"all of a user":             {id: ann.ID, req: h.req("User"), ofGroups: [][]string{{"cn"}}},
		"groups.value":              {id: ann.ID, req: h.shows("User", "groups.value"), ofGroups: [][]string{nil}},
		"all but groups.display":    {id: ann.ID, req: h.without("User", "groups.display"), ofGroups: [][]string{nil}},
		"all but groups":            {id: ann.ID, req: h.without("User", "groups")},
		"the user's name, no group": {id: ann.ID, req: h.shows("User", "userName")},
	} {
		users.finds, groups.finds, groups.walks, groups.held = nil, nil, nil, nil
		h.groups.fetch = func(_ []backends.Key, attrs []string) (error, bool) {
			if c.noMember && slices.Contains(attrs, "member") {
				t.Errorf("%s: the list of members is read", name)
			}
			return nil, false
		}
		if _, err := h.Get(t.Context(), c.req, c.id); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(users.finds) != fmt.Sprint(c.ofUsers) || fmt.Sprint(groups.held) != fmt.Sprint(c.ofGroups) || len(groups.finds) > 0 || len(groups.walks) > 0 {
			t.Errorf("%s: Find of users %v, of groups %v; Walk of groups %v, Holders %v", name, users.finds, groups.finds, groups.walks, groups.held)
		}
	}
}

func TestDisplayCanBeSwitchedOff(t *testing.T) {
	h := newHouse(t, edit{
		user: func(m string) string {
			return strings.Replace(m, "enterprise:manager: manager | ref(User)", "enterprise:manager: {from: manager | ref(User), display: false}", 1)
		},
		group: func(m string) string {
			return strings.Replace(m, "placeholder: cn=nobody", "placeholder: cn=nobody, display: false", 1)
		},
	})
	ann := h.user("ann")
	bob := h.create("User", `{"userName":"bob","`+enterprise+`":{"manager":{"value":"`+ann.ID+`"}}}`)
	g := h.group("crew", ann.ID)
	users, _ := h.watch()
	if got, want := h.text(h.req("Group"), g.ID, "members"), `{"members":[{"value":"`+ann.ID+`","$ref":"`+base+`/Users/`+ann.ID+`","type":"User"}]}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := at(h.get("User", bob.ID).Resource, enterprise, "manager", "displayName"); got != nil {
		t.Errorf("the manager is called %v", got)
	}
	if fmt.Sprint(users.finds) != "[[] []]" {
		t.Errorf("Find reads %v", users.finds)
	}
	if got := at(h.get("User", ann.ID).Resource, "groups", 0, "display"); got != "crew" {
		t.Errorf("the group, which was not switched off, is called %v", got)
	}
	if _, _, err := h.byName["Group"].rt.DecodePatch(object(t, patchOf(`{"op":"add","path":"members.display","value":"x"}`)), scim.Profile{}); err == nil {
		t.Error("a path that /Schemas does not list is taken")
	}
}

func patchOf(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
}

// Clients send back what they have read, with the names of members as they were when they read them.
func TestNamesThatClientsSendBackAreIgnored(t *testing.T) {
	h := newHouse(t, named())
	ann := h.create("User", `{"userName":"ann","displayName":"Ann"}`)
	bob := h.create("User", `{"userName":"bob","`+enterprise+`":{"manager":{"value":"`+ann.ID+`","displayName":"Nobody"}}}`)
	g := h.group("crew", ann.ID, bob.ID)
	before := len(h.events())
	for typ, id := range map[string]string{"Group": g.ID, "User": bob.ID} {
		text := string(h.get(typ, id).Resource.AppendJSON(nil))
		for _, body := range []string{text, strings.ReplaceAll(text, `"Ann"`, `"Somebody else"`)} {
			res, dropped, err := h.byName[typ].rt.Decode(object(t, body))
			if err != nil || len(dropped) > 0 {
				t.Fatalf("%v, dropped %v", err, dropped)
			}
			after, err := h.Replace(t.Context(), h.req(typ), id, res)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(after.Resource.AppendJSON(nil)); got != text {
				t.Errorf("\n got %s\nwant %s", got, text)
			}
		}
	}
	if n := len(h.events()) - before; n != 0 {
		t.Errorf("%d writes", n)
	}
	h.patch("Group", g.ID, `{"op":"replace","path":"members","value":[{"value":"`+ann.ID+`","display":"x"},{"value":"`+bob.ID+`","display":"y"}]}`)
	if n := len(h.events()) - before; n != 0 {
		t.Errorf("%d writes", n)
	}
	for _, path := range []string{"members.display", `members[value eq \"` + ann.ID + `\"].display`} {
		_, _, err := h.byName["Group"].rt.DecodePatch(object(t, patchOf(`{"op":"replace","path":"`+path+`","value":"x"}`)), scim.Profile{})
		wantStatus(t, err, 400, scim.NotMutable)
	}
}

func TestMembersCanBeRemovedByWhatTheyAreCalled(t *testing.T) {
	h := newHouse(t, named())
	ann := h.create("User", `{"userName":"ann","displayName":"Ann"}`)
	bob := h.user("bob")
	inner := h.group("inner")
	g := h.group("crew", ann.ID, bob.ID, inner.ID)
	h.patch("Group", g.ID, `{"op":"remove","path":"members[display eq \"ann\"]"}`)
	if got := sortedValues(h.get("Group", g.ID).Resource, "members"); !slices.Equal(got, slices.Sorted(slices.Values([]string{bob.ID, inner.ID}))) {
		t.Errorf("members %v", got)
	}
	h.patch("Group", g.ID, `{"op":"remove","path":"members[type eq \"Group\"]"}`)
	if got := sortedValues(h.get("Group", g.ID).Resource, "members"); !slices.Equal(got, []string{bob.ID}) {
		t.Errorf("members %v", got)
	}
}

func TestNobodyIsFoundByTheNameOfWhatTheyPointAt(t *testing.T) {
	h := newHouse(t)
	g := h.group("crew", h.user("ann").ID)
	for typ, texts := range map[string][]string{
		"Group": {`members.display eq "ann"`, `members[display sw "a"]`, `not (members.display pr)`, `displayName eq "crew" and members.display eq "ann"`},
		"User":  {`groups.display eq "crew"`, enterprise + `:manager.displayName eq "ann"`},
	} {
		for _, text := range texts {
			_, err := h.tryList(h.req(typ), text, 1, 10)
			if e := wantStatus(t, err, 400, scim.InvalidFilter); !strings.Contains(e.Detail, "cannot be searched") {
				t.Errorf("%s: %s", text, e.Detail)
			}
		}
	}
	for text, want := range map[string]int{
		`members.type eq "User"`: 1, `members.type eq "Group"`: 0, `members.$ref ew "/` + at(g.Resource, "members", 0, "value").(string) + `"`: 1, `members.$ref eq "x"`: 0,
	} {
		if page := h.list("Group", text, 1, 10); page.TotalResults != want {
			t.Errorf("%s finds %d, want %d", text, page.TotalResults, want)
		}
	}
	for text, want := range map[string]int{`groups.type eq "direct"`: 1, `groups.type eq "indirect"`: 0, `groups[type eq "direct" and value eq "` + g.ID + `"]`: 1} {
		if page := h.list("User", text, 1, 10); page.TotalResults != want {
			t.Errorf("%s finds %d, want %d", text, page.TotalResults, want)
		}
	}
}

func TestAnElementThatContradictsItsIDIsRefused(t *testing.T) {
	h := newHouse(t)
	u, other := h.user("u"), h.user("other")
	inner, g := h.group("inner"), h.group("g")
	for _, said := range []string{
		`"value":"` + u.ID + `","type":"Group"`,
		`"value":"` + inner.ID + `","type":"user"`,
		`"value":"` + u.ID + `","$ref":"` + base + `/Groups/` + u.ID + `"`,
		`"value":"` + u.ID + `","$ref":"../Users/` + other.ID + `"`,
	} {
		for _, operation := range []string{
			`{"op":"add","path":"members","value":[{` + said + `}]}`,
			`{"op":"replace","path":"members","value":[{` + said + `}]}`,
		} {
			_, err := h.tryPatch(h.req("Group"), g.ID, operation)
			wantStatus(t, err, 400, scim.InvalidValue)
		}
		_, err := h.tryCreate("Group", `{"displayName":"new","members":[{`+said+`}]}`)
		wantStatus(t, err, 400, scim.InvalidValue)
	}
	if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 0 {
		t.Errorf("members %v", got)
	}
	for _, said := range []string{
		`"value":"` + u.ID + `","type":"USER"`,
		`"value":"` + u.ID + `","type":"direct"`,
		`"value":"` + u.ID + `","$ref":null,"type":""`,
		`"value":"` + u.ID + `","$ref":"http://elsewhere/Groups/scim/Users/` + u.ID + `"`,
		`"value":"` + u.ID + `","$ref":"https://elsewhere/people/7"`,
		`"value":"` + inner.ID + `","type":"Group","$ref":"` + base + `/Groups/` + inner.ID + `"`,
	} {
		h.patch("Group", g.ID, `{"op":"add","path":"members","value":[{`+said+`}]}`)
		h.patch("Group", g.ID, `{"op":"remove","path":"members","value":[{`+said+`}]}`)
	}
	// Of a manager, a PATCH leaves the parts of the old one that it does not mention.
	boss := h.create("User", `{"userName":"a","`+enterprise+`":{"manager":{"value":"`+u.ID+`"}}}`)
	h.patch("User", boss.ID, `{"op":"replace","path":"`+enterprise+`:manager.value","value":"`+other.ID+`"}`)
	if got := at(h.get("User", boss.ID).Resource, enterprise, "manager", "$ref"); got != base+"/Users/"+other.ID {
		t.Errorf("$ref %v", got)
	}
}

func TestUsersAreSortedByWhatTheirManagerIsCalled(t *testing.T) {
	h := newHouse(t, named())
	zoe, ann := h.create("User", `{"userName":"m1","displayName":"Zoe"}`), h.create("User", `{"userName":"m2","displayName":"Ann"}`)
	for name, boss := range map[string]string{"a": zoe.ID, "b": ann.ID} {
		h.create("User", `{"userName":"`+name+`","`+enterprise+`":{"manager":{"value":"`+boss+`"}}}`)
	}
	req := h.shows("User", "userName")
	by, err := req.Type.ParseSort(enterprise+":manager.displayName", "")
	if err != nil {
		t.Fatal(err)
	}
	page, err := h.List(t.Context(), req, scim.ListQuery{Sort: by, StartIndex: 1, Count: 2})
	if err != nil || len(page.Resources) != 2 {
		t.Fatal(page, err)
	}
	if got := fmt.Sprintf("%v%v", at(page.Resources[0], "userName"), at(page.Resources[1], "userName")); got != "ba" {
		t.Errorf("in the order %s, want b, whose manager is Ann, before a", got)
	}
}

// Which of nested groups are direct is a question for each user, so an order by groups is bounded as a scan is.
func TestAnOrderByNestedGroupsIsBounded(t *testing.T) {
	h := newHouse(t, nested(), edit{user: func(m string) string { return strings.Replace(m, "scan: 50", "scan: 2", 1) }})
	for i := range 3 {
		h.user(fmt.Sprint("u", i))
	}
	req := h.req("User")
	by, err := req.Type.ParseSort("groups.type", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.List(t.Context(), req, scim.ListQuery{Sort: by, StartIndex: 1, Count: 1})
	wantStatus(t, err, 400, scim.TooMany)
}
