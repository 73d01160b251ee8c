package adapter

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
)

const teamMapping = `
mapping: Group
at: {backend: teams, table: team}
delete: remove
attributes:
  displayName: cn
  members: memberUid | ref(User.uid)
`

// across has people in a directory with names, and teams in another one, of records without names whose keys are numbers: they point with what the
// people are called by another attribute.
var across = edit{
	group: func(string) string { return teamMapping },
	teams: func(m *backendtest.Memory) {
		m.Nameless, m.Numbered = true, true
		m.Schema["memberuid"] = backends.Syntax{Known: true, Equality: backends.CaseExact}
	},
}

// memberUids are what a team holds.
func (h *house) memberUids(id string) []string {
	h.t.Helper()
	recs, err := h.teams.Class(backendtest.Class{}).Fetch(h.t.Context(), []backends.Key{backends.Key(id)}, []string{"memberUid"})
	if err != nil || len(recs) != 1 {
		h.t.Fatalf("%d records: %v", len(recs), err)
	}
	texts := recs[0].Attrs.Get("memberUid").Texts()
	slices.Sort(texts)
	return texts
}

func TestGroupsInOneDirectoryHaveMembersInAnother(t *testing.T) {
	h := newHouse(t, across)
	ann, bob, cid := h.user("ann").ID, h.user("bob").ID, h.user("cid").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", bob).ID
	uids := func(id string, want ...string) {
		t.Helper()
		if got := h.memberUids(id); !slices.Equal(got, want) {
			t.Errorf("the team holds %v, want %v", got, want)
		}
	}
	found := func(typ, text string, want ...string) {
		t.Helper()
		got := idsOf(h.list(typ, text, 1, -1))
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := sortedValues(h.get("Group", one).Resource, "members"); !slices.Equal(got, []string{ann, bob}) {
		t.Errorf("members %v", got)
	}
	if got := at(h.get("Group", one).Resource, "members", 0, "$ref"); got != base+"/Users/"+ann {
		t.Errorf("$ref %v", got)
	}
	if got := sortedValues(h.get("User", bob).Resource, "groups"); !slices.Equal(got, []string{one, two}) {
		t.Errorf("groups %v", got)
	}
	found("Group", `members eq "`+ann+`"`, one)
	found("Group", `members.value eq "`+bob+`"`, one, two)
	found("Group", `members eq "nobody"`)
	found("User", `groups eq "`+one+`"`, ann, bob)
	found("User", `groups.value eq "`+two+`" and userName sw "b"`, bob)
	found("User", `groups pr`, ann, bob)
	found("User", `not (groups eq "`+one+`")`, cid)

	h.patch("Group", two, `{"op":"add","path":"members","value":[{"value":"`+cid+`"}]}`)
	uids(two, "bob", "cid")
	h.patch("Group", two, `{"op":"remove","path":"members[value eq \"`+bob+`\"]"}`)
	uids(two, "cid")
	h.rename(ann, "anna")
	uids(one, "anna", "bob")
	h.rename(bob, "b,o=b")
	uids(one, "anna", "b,o=b")
	if got := sortedValues(h.get("User", bob).Resource, "groups"); !slices.Equal(got, []string{one}) {
		t.Errorf("after a rename: groups %v", got)
	}
	h.remove(ann)
	uids(one, "b,o=b")
	h.patch("Group", one, `{"op":"replace","path":"members","value":[]}`)
	uids(one)
	_, err := h.tryPatch(h.req("Group"), one, `{"op":"add","path":"members","value":[{"value":"`+one+`"}]}`)
	wantStatus(t, err, http.StatusBadRequest, "invalidValue")
}

// A column of texts takes every spelling of a name. Who is shown by it can be removed by it.
func TestAMemberIsRemovedHoweverTheTableSpellsIt(t *testing.T) {
	for how, c := range map[string]struct{ ref, ann, bob string }{
		"names":  {"ref(User)", "UID=Ann , OU=People,DC=example,DC=org", "uid=bob,ou=people,dc=example,dc=org"},
		"logins": {"ref(User.uid)", "ANN", "bob"},
	} {
		t.Run(how, func(t *testing.T) {
			h := newHouse(t, across, edit{group: func(text string) string { return strings.ReplaceAll(text, "ref(User.uid)", c.ref) }})
			ann, bob := h.user("ann").ID, h.user("bob").ID
			one := h.group("one", bob).ID
			_, err := h.teams.Class(backendtest.Class{}).Modify(t.Context(), backends.Key(one),
				[]backends.Change{{Op: backends.Add, Attr: "memberUid", Values: backends.Strings(c.ann)}}, backends.Condition{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := sortedValues(h.get("Group", one).Resource, "members"); len(got) != 2 {
				t.Fatalf("members %v", got)
			}
			h.patch("Group", one, `{"op":"remove","path":"members[value eq \"`+ann+`\"]"}`)
			if got := h.memberUids(one); !slices.Equal(got, []string{c.bob}) {
				t.Errorf("the team holds %v", got)
			}
		})
	}
}

func TestMembersOfADirectoryThatIsAway(t *testing.T) {
	h := newHouse(t, across)
	ann := h.user("ann").ID
	one := h.group("one", ann).ID
	h.memory.SetAway(true)
	_, err := h.Get(t.Context(), h.req("Group"), one)
	wantStatus(t, err, http.StatusServiceUnavailable, "")
	_, err = h.tryList(h.req("Group"), `members eq "`+ann+`"`, 1, -1)
	wantStatus(t, err, http.StatusServiceUnavailable, "")
	if _, err = h.Get(t.Context(), h.shows("Group", "displayName"), one); err != nil {
		t.Errorf("without the members nobody need be asked: %v", err)
	}
	h.memory.SetAway(false)
	h.teams.SetAway(true)
	wantStatus(t, h.Delete(t.Context(), h.req("User"), ann), http.StatusServiceUnavailable, "")
	h.teams.SetAway(false)
	if h.native(ann).Key == "" {
		t.Error("the record has gone before it was known who points at it")
	}
}

// tables has people and teams in one directory of records without names, which point at each other with keys.
var tables = edit{
	user: func(string) string {
		return `
mapping: User
at: {backend: hr, table: people}
delete: remove
scan: 50
attributes:
  userName: uid
  externalId: overlay
  title: title
  groups: reverse(Group.members)
  enterprise:manager: boss | ref(User)
`
	},
	group: func(string) string {
		return `
mapping: Group
at: {backend: hr, table: team}
delete: remove
attributes:
  displayName: cn
  members: holds | ref(User)
`
	},
	memory: func(m *backendtest.Memory) {
		m.Nameless, m.Numbered, m.Transactional = true, true, true
		key := backends.Syntax{Known: true, Equality: backends.IntegerRule}
		m.Schema["holds"], m.Schema["boss"] = key, key
		m.Unique = []string{"uid"}
	},
}

func TestRecordsWithoutNames(t *testing.T) {
	h := newHouse(t, tables)
	ann := h.create("User", `{"userName":"ann","externalId":"x"}`).ID
	bob := h.create("User", `{"userName":"bob","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+ann+`"}}}`).ID
	_, err := h.tryCreate("User", `{"userName":"ann"}`)
	wantStatus(t, err, http.StatusConflict, "uniqueness")
	one := h.group("one", ann, bob).ID
	made := h.lastEvent()
	if len(made.Intent.Steps) != 1 || made.Intent.Steps[0].Name != "" || !slices.Equal(made.Intent.Steps[0].Attrs["holds"].Texts(), []string{ann, bob}) {
		t.Errorf("%+v", made.Intent.Steps)
	}
	before := len(h.events())
	h.rename(ann, "anna")
	for _, e := range h.events()[before:] {
		for _, step := range e.Intent.Steps {
			if step.Op == opMove || step.Backend != "User" {
				t.Errorf("a key does not change: %+v", step)
			}
		}
	}
	if got := sortedValues(h.get("User", bob).Resource, "groups"); !slices.Equal(got, []string{one}) {
		t.Errorf("groups %v", got)
	}
	if got := idsOf(h.list("User", `groups eq "`+one+`"`, 1, -1)); !slices.Equal(got, []string{ann, bob}) {
		t.Errorf("%v", got)
	}
	h.remove(ann)
	if got := h.native(one, "holds").Attrs.Get("holds").Texts(); !slices.Equal(got, []string{bob}) {
		t.Errorf("the team holds %v", got)
	}
	if got := at(h.get("User", bob).Resource, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "manager"); got != nil {
		t.Errorf("manager %v", got)
	}
}

func TestKeysAreNotReadAsNames(t *testing.T) {
	h := newHouse(t, tables)
	r := h.byName["Group"].refs[0]
	for _, tc := range []struct {
		a, b string
		rule backends.Rule
		same bool
	}{
		{"07", "7", backends.IntegerRule, true},
		{"7", "8", backends.IntegerRule, false},
		{"A=b, c", "a=B,c", backends.CaseExact, false},
		{"A=b, c", "a=B,c", backends.NoRule, false}, // where nothing is known of the column
		{"A=b,c", "A=b,c", backends.NoRule, true},
		{"x=1+y=2", "y=2+x=1", backends.NoRule, false},
		{"0ABC", "0abc", backends.CaseIgnore, true},
	} {
		h.memory.Schema["holds"] = backends.Syntax{Known: true, Equality: tc.rule}
		if (holder{class: h.byName["Group"], ref: r, name: tc.a}).calls(tc.b) != tc.same {
			t.Errorf("%q and %q under %v: same is not %t", tc.a, tc.b, tc.rule, tc.same)
		}
	}
	names := newHouse(t)
	r = names.byName["Group"].refs[0]
	if !(holder{class: names.byName["Group"], ref: r, name: "UID=x, dc=a"}).calls("uid=X,dc=a") {
		t.Error("two spellings of a DN are not the same")
	}
}
