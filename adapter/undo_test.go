package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

var operator = scim.Caller{Tenant: "default", Client: "operator", Subject: "root"}

// undo takes the last n events back.
func (h *house) undo(n int, o UndoOptions) []Undone {
	h.t.Helper()
	all := h.events()
	slices.Reverse(all)
	o.Reader = h.lite
	return h.Undo(h.t.Context(), operator, all[:n], o)
}

// undone takes the last event back, and wants it done.
func (h *house) undone() Undone {
	h.t.Helper()
	u := h.undo(1, UndoOptions{})[0]
	if u.Result != UndoDone {
		h.t.Fatalf("undone: %+v", u)
	}
	return u
}

// snapshot is everything that stands in the directory, and what is kept beside it, without versions.
func (h *house) snapshot() string {
	h.t.Helper()
	var lines []string
	for rec, err := range h.memory.Class(backendtest.Class{}).Walk(h.t.Context(), backends.Query{Attrs: []string{"*"}}) {
		if err != nil {
			h.t.Fatal(err)
		}
		for _, attr := range slices.Sorted(maps.Keys(rec.Attrs)) {
			texts := rec.Attrs[attr].Texts()
			slices.Sort(texts)
			lines = append(lines, fmt.Sprintf("%s %s: %s %q", rec.Key, rec.Name, strings.ToLower(attr), texts))
		}
		for _, typ := range []string{"User", "Group"} {
			held, err := h.lite.Load(h.t.Context(), journal.Scope{Tenant: "default", Client: "okta", ResourceType: typ}, []backends.Key{rec.Key})
			if err != nil {
				h.t.Fatal(err)
			}
			if len(held) > 0 {
				lines = append(lines, fmt.Sprint(rec.Key, " ", held[rec.Key].Attrs))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestEveryKindOfEventIsTakenBackAndBackAgain(t *testing.T) {
	for name, write := range map[string]func(h *house, alice, bob, staff string){
		"a create": func(h *house, _, _, _ string) {
			h.create("User", `{"userName":"carol","title":"Boss","externalId":"c1"}`)
		},
		"a group made with members": func(h *house, alice, _, _ string) { h.group("crew", alice) },
		"an attribute that is new": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"add","path":"title","value":"Boss"}`)
		},
		"an attribute that is other": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"replace","path":"name.familyName","value":"Other"}`)
		},
		"an attribute that goes": func(h *house, alice, _, _ string) { h.patch("User", alice, `{"op":"remove","path":"name.givenName"}`) },
		"a disable": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"replace","path":"active","value":false}`)
		},
		"a member more": func(h *house, _, bob, staff string) {
			h.patch("Group", staff, `{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)
		},
		"the last member": func(h *house, alice, _, staff string) {
			h.patch("Group", staff, `{"op":"remove","path":"members[value eq \"`+alice+`\"]"}`)
		},
		"a manager": func(h *house, alice, bob, _ string) {
			h.patch("User", alice, `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"value":"`+bob+`"}}`)
		},
		"a rename": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"alicia"},{"op":"add","path":"title","value":"X"}`)
		},
		"the rename of a group": func(h *house, _, _, staff string) {
			h.patch("Group", staff, `{"op":"replace","path":"displayName","value":"team"}`)
		},
		"what is beside": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"replace","path":"externalId","value":"a2"}`)
		},
		"a delete of a group member": func(h *house, alice, _, _ string) { h.remove(alice) },
		"a delete of a manager":      func(h *house, _, bob, _ string) { h.remove(bob) },
		"a delete of a group":        func(h *house, _, _, staff string) { h.removeGroup(staff) },
		"a rename and what is beside": func(h *house, alice, _, _ string) {
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"al"},{"op":"remove","path":"externalId"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			bob := h.user("bob").ID
			alice := h.create("User", `{"userName":"alice","externalId":"a1","name":{"givenName":"Alice","familyName":"Adams"},
				"schemas":["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+bob+`"}}}`).ID
			if name == "a manager" {
				h.patch("User", alice, `{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}`)
			}
			staff := h.group("staff", alice).ID
			before := h.snapshot()
			write(h, alice, bob, staff)
			after := h.snapshot()
			if before == after {
				t.Fatal("the write changed nothing")
			}
			if u := h.undo(1, UndoOptions{DryRun: true})[0]; u.Result != UndoPlanned || len(u.Plan) == 0 || h.snapshot() != after {
				t.Errorf("a dry run says %+v", u)
			}
			u := h.undone()
			if got := h.snapshot(); got != before {
				t.Errorf("taken back, there is\n%s\nand was\n%s\nby %s", got, before, strings.Join(u.Plan, "\n"))
			}
			e := h.lastEvent()
			if e.Intent.ID != u.By || e.Intent.Action != journal.ActionUndo || e.Intent.Undoes != u.Event || e.Intent.Client != "operator" || e.Status() != journal.StatusDone {
				t.Errorf("the journal has %+v", e.Intent)
			}
			if again := h.undo(2, UndoOptions{})[1]; again.Result != UndoNothing {
				t.Errorf("what is taken back already: %+v", again)
			}
		})
	}
}

func (h *house) removeGroup(id string) {
	h.t.Helper()
	if err := h.Delete(h.t.Context(), h.req("Group"), id); err != nil {
		h.t.Fatal(err)
	}
}

func TestAnUndoCanBeTakenBack(t *testing.T) {
	for name, write := range map[string]func(h *house, alice string){
		"a create": func(h *house, _ string) { h.create("User", `{"userName":"carol","externalId":"c1"}`) },
		"a change": func(h *house, alice string) { h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`) },
		"a rename": func(h *house, alice string) {
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"al"}`)
		},
		"a delete": func(h *house, alice string) { h.remove(alice) },
		"beside": func(h *house, alice string) {
			h.patch("User", alice, `{"op":"replace","path":"externalId","value":"a2"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice := h.create("User", `{"userName":"alice","externalId":"a1","title":"Clerk"}`).ID
			h.group("staff", alice)
			before := h.snapshot()
			write(h, alice)
			after, event := h.snapshot(), h.lastEvent()
			h.undone()
			if redo := h.undone(); redo.Action != journal.ActionUndo || h.snapshot() != after {
				t.Errorf("done again, there is\n%s\nand was\n%s", h.snapshot(), after)
			}
			if u := h.Undo(t.Context(), operator, []journal.Event{event}, UndoOptions{Reader: h.lite})[0]; u.Result != UndoDone || h.snapshot() != before {
				t.Errorf("and back once more: %+v\n%s", u, h.snapshot())
			}
		})
	}
}

func TestWhatSomebodyHasChangedSinceIsSkippedUnlessForced(t *testing.T) {
	native := func(h *house, id string, changes ...backends.Change) {
		h.t.Helper()
		if _, err := h.memory.Class(backendtest.Class{}).Modify(h.t.Context(), backends.Key(id), changes, backends.Condition{}, nil); err != nil {
			h.t.Fatal(err)
		}
	}
	set := func(attr, value string) backends.Change {
		return backends.Change{Op: backends.Replace, Attr: attr, Values: backends.Strings(value)}
	}
	for name, c := range map[string]struct {
		write func(h *house, alice string)
		since func(h *house, alice string)
		says  string
		force bool // helps
	}{
		"the attribute is another": {
			func(h *house, alice string) { h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`) },
			func(h *house, alice string) { native(h, alice, set("title", "Chief")) }, `title: the event left "Boss", now it is "Chief"`, true,
		},
		"the record is gone": {
			func(h *house, alice string) { h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`) },
			func(h *house, alice string) {
				if err := h.memory.Class(backendtest.Class{}).Delete(h.t.Context(), backends.Key(alice), backends.Condition{}); err != nil {
					h.t.Fatal(err)
				}
			}, "it is not there", false,
		},
		"the name is another": {
			func(h *house, alice string) {
				h.patch("User", alice, `{"op":"replace","path":"userName","value":"al"}`)
			},
			func(h *house, alice string) {
				h.patch("User", alice, `{"op":"replace","path":"userName","value":"ally"}`)
			}, `its name: the event left "uid=al,`, true,
		},
		"who was made was changed": {
			func(h *house, _ string) { h.user("carol") },
			func(h *house, _ string) { native(h, h.lastEvent().ResourceID(), set("description", "Important")) },
			`description: it was made without, now it is "Important"`, true,
		},
		"the name is taken": {
			func(h *house, alice string) { h.remove(alice) },
			func(h *house, _ string) { h.user("alice") }, "somebody else has its name", false,
		},
		"what is beside is another": {
			func(h *house, alice string) {
				h.patch("User", alice, `{"op":"replace","path":"externalId","value":"a2"}`)
			},
			func(h *house, alice string) {
				h.patch("User", alice, `{"op":"replace","path":"externalId","value":"a3"}`)
			}, `externalId: the event left "a2", now it is "a3"`, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice := h.create("User", `{"userName":"alice","externalId":"a1","title":"Clerk"}`).ID
			h.group("staff", alice)
			before := h.snapshot()
			c.write(h, alice)
			event := h.lastEvent()
			c.since(h, alice)
			since := h.snapshot()
			undo := func(force bool) Undone {
				return h.Undo(t.Context(), operator, []journal.Event{event}, UndoOptions{Reader: h.lite, Force: force})[0]
			}
			u := undo(false)
			if u.Result != UndoSkipped || !strings.Contains(strings.Join(u.Why, "; "), c.says) || h.snapshot() != since {
				t.Errorf("not forced: %+v", u)
			}
			switch u := undo(true); {
			case c.force && (u.Result != UndoDone || h.snapshot() != before):
				t.Errorf("forced: %+v\n%s\nwas\n%s", u, h.snapshot(), before)
			case !c.force && (u.Result != UndoSkipped || h.snapshot() != since):
				t.Errorf("forced: %+v", u)
			}
		})
	}
}

func TestAWindowIsTakenBackFromItsEnd(t *testing.T) {
	h := newHouse(t)
	alice := h.create("User", `{"userName":"alice","title":"Clerk"}`).ID
	bob := h.user("bob").ID
	staff := h.group("staff", alice, bob).ID
	before, from := h.snapshot(), len(h.events())
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Chief"}`)
	carol := h.user("carol").ID
	h.patch("User", carol, `{"op":"replace","path":"title","value":"New"}`)
	h.patch("Group", staff, `{"op":"add","path":"members","value":[{"value":"`+carol+`"}]}`)
	h.patch("User", alice, `{"op":"replace","path":"userName","value":"alicia"}`)
	h.removeGroup(staff)
	h.remove(alice)
	h.remove(bob)
	since := len(h.events()) - from
	after := h.snapshot()
	for _, u := range h.undo(since, UndoOptions{DryRun: true}) {
		if u.Result != UndoPlanned {
			t.Errorf("a dry run says %+v", u)
		}
	}
	if h.snapshot() != after {
		t.Error("a dry run has changed something")
	}
	told := 0
	for _, u := range h.undo(since, UndoOptions{Progress: func(Undone) { told++ }}) {
		if u.Result != UndoDone {
			t.Errorf("%+v", u)
		}
	}
	if got := h.snapshot(); got != before || told != since {
		t.Errorf("there is\n%s\nand was\n%s", got, before)
	}
}

func TestWhatWasNeverWrittenIsNothingToTakeBack(t *testing.T) {
	h := newHouse(t)
	alice := h.user("alice").ID
	h.users.modify = func([]backends.Change) (error, bool) { return &backends.Error{Kind: backends.ErrRefused}, true }
	if _, err := h.tryPatch(h.req("User"), alice, `{"op":"replace","path":"title","value":"Boss"}`); err == nil {
		t.Fatal("it was not refused")
	}
	if u := h.undo(1, UndoOptions{})[0]; u.Result != UndoNothing || !u.OK() {
		t.Errorf("what failed: %+v", u)
	}
	h.users.modify = nil
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
	for status, says := range map[string]string{journal.StatusUnknown: "nobody can say whether it happened", "": "nobody has said yet"} {
		e := h.lastEvent()
		e.Outcome.Status = status
		if status == "" {
			e.Outcome = nil
		}
		if u := h.Undo(t.Context(), operator, []journal.Event{e}, UndoOptions{Reader: h.lite, Force: true})[0]; u.Result != UndoSkipped || !strings.Contains(u.Why[0], says) || u.OK() {
			t.Errorf("of what nobody knows: %+v", u)
		}
	}
	noted := journal.Event{Intent: journal.Intent{ID: "n", Noted: true, Action: journal.ActionRead, ResourceType: "User"}, Outcome: &journal.Outcome{Status: journal.StatusDone}}
	if u := h.Undo(t.Context(), operator, []journal.Event{noted}, UndoOptions{Reader: h.lite})[0]; u.Result != UndoNothing {
		t.Errorf("what was noted: %+v", u)
	}
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Chief"}`)
	h.memory.SetAway(true)
	all := h.undo(3, UndoOptions{})
	if all[0].Result != UndoFailed || !strings.Contains(all[1].Why[0], "not tried") {
		t.Errorf("a directory that is away: %+v", all)
	}
}

func TestASecretIsToldToBeLost(t *testing.T) {
	h := newHouse(t)
	alice := h.create("User", `{"userName":"alice","password":"first one"}`).ID
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"},{"op":"replace","path":"password","value":"another"}`)
	u := h.undone()
	if !slices.Contains(u.Lost, "userPassword") || at(h.get("User", alice).Resource, "title") != nil {
		t.Errorf("%+v", u)
	}
	h.remove(alice)
	if u := h.undone(); !slices.Contains(u.Lost, "userPassword") {
		t.Errorf("%+v", u)
	}
}

func TestARecordMadeAgainKeepsItsID(t *testing.T) {
	var kept journal.Aliases
	h := newHouse(t, edit{memory: func(m *backendtest.Memory) { m.Rekeys = true }, options: func(o *Options) {
		o.Aliases, o.NativeTTL = lateAliases{&kept}, 1
	}})
	kept = h.lite
	alice := h.create("User", `{"userName":"alice","title":"Clerk"}`).ID
	bob := h.user("bob").ID
	staff := h.group("staff", alice, bob).ID
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
	h.remove(alice)
	h.undone()
	if h.native(alice).Key != "" {
		t.Fatal("the directory has kept the key: nothing is tested")
	}
	res := h.get("User", alice)
	if res.ID != alice || at(res.Resource, "id") != alice || !strings.HasSuffix(res.Location, "/Users/"+alice) || at(res.Resource, "groups", 0, "value") != staff {
		t.Errorf("by its id: %+v %s", res, res.Resource.AppendJSON(nil))
	}
	if got := values(h.get("Group", staff).Resource, "members"); !slices.Contains(got, alice) || len(got) != 2 {
		t.Errorf("the group has %v", got)
	}
	for _, filter := range []string{`id eq "` + alice + `"`, `userName eq "alice"`, `groups.value eq "` + staff + `" and title pr`} {
		if page := h.list("User", filter, 1, 10); len(page.Resources) != 1 || at(page.Resources[0], "id") != alice {
			t.Errorf("%s finds %d", filter, page.TotalResults)
		}
	}
	if page := h.list("Group", `members.value eq "`+alice+`"`, 1, 10); page.TotalResults != 1 {
		t.Errorf("by the member's id: %d", page.TotalResults)
	}
	h.patch("Group", staff, `{"op":"remove","path":"members[value eq \"`+alice+`\"]"}`)
	h.patch("Group", staff, `{"op":"add","path":"members","value":[{"value":"`+alice+`"}]}`)
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Chief"}`)
	h.undone() // the change of who has an alias
	all := h.events()
	boss := all[slices.IndexFunc(all, func(e journal.Event) bool { return e.Intent.Action == journal.ActionPatch })]
	if u := h.Undo(t.Context(), operator, []journal.Event{boss}, UndoOptions{Reader: h.lite})[0]; u.Result != UndoDone || at(h.get("User", alice).Resource, "title") != "Clerk" {
		t.Errorf("what was before the delete: %+v", u)
	}
	h.remove(alice)
	h.undone()
	if at(h.get("User", alice).Resource, "userName") != "alice" {
		t.Error("a second time the id leads nowhere")
	}
	keys, err := kept.AliasKeys(t.Context(), "default", "User", []backends.Key{backends.Key(alice)})
	if err != nil || keys[backends.Key(alice)] == "" {
		t.Fatal(keys, err)
	}
	was := h.clock.Now().Add(time.Minute)
	h.clock.advance(time.Hour)
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Director"}`)
	u, err := h.Restore(t.Context(), operator, "User", string(keys[backends.Key(alice)]), was, UndoOptions{Reader: h.lite})
	if err != nil || u.Result != UndoDone || u.Resource != "User/"+alice || at(h.get("User", alice).Resource, "title") != "Clerk" {
		t.Errorf("restored by the key that it has now: %+v, %v", u, err)
	}
}

// lateAliases are those of a journal that is opened later than the options are made.
type lateAliases struct{ of *journal.Aliases }

func (l lateAliases) SetAlias(ctx context.Context, tenant, typ string, id, key backends.Key) error {
	return (*l.of).SetAlias(ctx, tenant, typ, id, key)
}

func (l lateAliases) AliasKeys(ctx context.Context, tenant, typ string, ids []backends.Key) (map[backends.Key]backends.Key, error) {
	return (*l.of).AliasKeys(ctx, tenant, typ, ids)
}

func (l lateAliases) AliasIDs(ctx context.Context, tenant, typ string, keys []backends.Key) (map[backends.Key]backends.Key, error) {
	return (*l.of).AliasIDs(ctx, tenant, typ, keys)
}

func (l lateAliases) AllAliases(ctx context.Context, tenant, typ string) (map[backends.Key]backends.Key, error) {
	return (*l.of).AllAliases(ctx, tenant, typ)
}

func (l lateAliases) ForgetAlias(ctx context.Context, tenant, typ string, key backends.Key) error {
	return (*l.of).ForgetAlias(ctx, tenant, typ, key)
}

func TestOneResourceIsPutBackAsItWasAtATime(t *testing.T) {
	restore := func(h *house, typ, id string, o UndoOptions) Undone {
		h.t.Helper()
		o.Reader = h.lite
		u, err := h.Restore(h.t.Context(), operator, typ, id, h.clock.Now().Add(-time.Minute), o)
		if err != nil {
			h.t.Fatal(err)
		}
		return u
	}
	for name, write := range map[string]func(h *house, alice string){
		"changed twice": func(h *house, alice string) {
			h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"},{"op":"replace","path":"externalId","value":"a2"}`)
			h.patch("User", alice, `{"op":"replace","path":"title","value":"Chief"},{"op":"replace","path":"name.familyName","value":"Z"}`)
		},
		"renamed and changed": func(h *house, alice string) {
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"al"}`)
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"ally"},{"op":"replace","path":"active","value":false}`)
		},
		"changed and deleted": func(h *house, alice string) {
			h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
			h.patch("User", alice, `{"op":"replace","path":"userName","value":"al"}`)
			h.remove(alice)
		},
		"deleted, back and deleted": func(h *house, alice string) {
			h.remove(alice)
			h.undone()
			h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
			h.remove(alice)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice := h.create("User", `{"userName":"alice","externalId":"a1","title":"Clerk"}`).ID
			h.group("staff", alice)
			before := h.snapshot()
			h.clock.advance(time.Hour)
			write(h, alice)
			after := h.snapshot()
			if u := restore(h, "User", alice, UndoOptions{DryRun: true}); u.Result != UndoPlanned || len(u.Plan) == 0 || h.snapshot() != after {
				t.Errorf("a dry run says %+v", u)
			}
			if u := restore(h, "User", alice, UndoOptions{}); u.Result != UndoDone || h.snapshot() != before {
				t.Errorf("%+v: there is\n%s\nand was\n%s", u, h.snapshot(), before)
			}
			if e := h.lastEvent(); e.Intent.Action != journal.ActionRestore || e.Status() != journal.StatusDone {
				t.Errorf("the journal has %+v", e.Intent)
			}
			if h.undone(); h.snapshot() != after {
				t.Errorf("taken back itself:\n%s\nwas\n%s", h.snapshot(), after)
			}
		})
	}
	h := newHouse(t)
	alice := h.create("User", `{"userName":"alice","title":"Clerk","name":{"familyName":"A"}}`).ID
	h.clock.advance(time.Hour)
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"},{"op":"replace","path":"name.familyName","value":"B"}`)
	if _, err := h.memory.Class(backendtest.Class{}).Modify(t.Context(), backends.Key(alice), []backends.Change{{Op: backends.Replace, Attr: "title", Values: backends.Strings("Chief")}}, backends.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	u := restore(h, "User", alice, UndoOptions{})
	if res := h.get("User", alice).Resource; u.Result != UndoDone || len(u.Why) != 1 || at(res, "title") != "Chief" || at(res, "name", "familyName") != "A" {
		t.Errorf("what somebody else has changed is told and kept: %+v %v", u, at(res, "title"))
	}
	if u := restore(h, "User", h.user("carol").ID, UndoOptions{}); u.Result != UndoSkipped || !strings.Contains(u.Why[0], "it was made after that time") {
		t.Errorf("who was not there: %+v", u)
	}
	h.clock.advance(time.Hour)
	if u := restore(h, "User", alice, UndoOptions{}); u.Result != UndoNothing {
		t.Errorf("who has not changed: %+v", u)
	}
}
