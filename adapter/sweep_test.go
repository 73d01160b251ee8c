package adapter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func dnOf(name string) string { return "uid=" + name + ",ou=people,dc=example,dc=org" }

const withManager = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":%q}}`

func (h *house) rename(id, name string) {
	h.t.Helper()
	h.patch("User", id, `{"op":"replace","path":"userName","value":"`+name+`"}`)
}

func (h *house) drop(id string) {
	h.t.Helper()
	if err := h.Delete(h.t.Context(), h.req("User"), id); err != nil {
		h.t.Error(err)
	}
}

func (h *house) addMember(group, id string) {
	h.t.Helper()
	h.patch("Group", group, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
}

func (h *house) removeMember(group, id string) {
	h.t.Helper()
	h.patch("Group", group, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)
}

// raw changes a record as others do, behind the adapter's back.
func (h *house) raw(id string, op backends.ChangeOp, attr, value string) {
	h.t.Helper()
	change := []backends.Change{{Op: op, Attr: attr, Values: backends.Strings(value)}}
	if _, err := h.groups.Backend.Modify(context.Background(), backends.Key(id), change, backends.Condition{}, nil); err != nil {
		h.t.Errorf("%s %s: %v", op, value, err)
	}
}

// before runs f once, in front of the next write of records; what f itself writes passes.
func (f *faults) before(do func()) {
	f.modify = func([]backends.Change) (error, bool) {
		f.modify = nil
		do()
		return nil, false
	}
}

// moved is a backend with a hook behind Move.
type moved struct {
	backends.Backend
	after func()
}

func (m *moved) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	err := m.Backend.Move(ctx, key, name, cond)
	m.after()
	return err
}

// TestARecordIsRenamedBetweenTheLookUpAndTheWrite also holds the journal to what was done.
func TestARecordIsRenamedBetweenTheLookUpAndTheWrite(t *testing.T) {
	for _, who := range []string{"this process", "another"} {
		renamer := func(h *house) *house {
			if who == "another" {
				return h.replica(nil)
			}
			return h
		}
		t.Run("a member is added/"+who, func(t *testing.T) {
			h := newHouse(t)
			u, g := h.user("a"), h.group("g")
			h.groups.before(func() { renamer(h).rename(u.ID, "b") })
			h.addMember(g.ID, u.ID)
			if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("b")}) {
				t.Errorf("member %v", got)
			}
			e := h.lastEvent()
			want := `[{remove member [uid=a,ou=people,dc=example,dc=org]} {add member [uid=b,ou=people,dc=example,dc=org]}]`
			if got := changesText(e.Intent.Steps[0].Changes); got != want || e.Intent.ResourceID != g.ID || e.Intent.Action != "patch" {
				t.Errorf("the journal's intent is %s on %s", got, e.Intent.ResourceID)
			}
			if got := changesText(e.Outcome.Steps[0].Effective); got != want || e.Outcome.Status != "done" {
				t.Errorf("the journal says that %s took effect", got)
			}
		})
		t.Run("a member is removed/"+who, func(t *testing.T) {
			h := newHouse(t)
			u := h.user("a")
			g := h.group("g", u.ID)
			h.groups.before(func() { renamer(h).rename(u.ID, "b") })
			h.removeMember(g.ID, u.ID)
			if got := h.members(g.ID); len(got) != 0 {
				t.Errorf("member %v", got)
			}
			// Of the removal itself the journal says that it came to nothing, of the second that it took out the new name.
			events := h.events()
			if first, second := events[len(events)-3], events[len(events)-1]; first.Intent.ResourceID != g.ID || len(first.Outcome.Steps[0].Effective) != 0 ||
				changesText(second.Outcome.Steps[0].Effective) != `[{remove member [uid=b,ou=people,dc=example,dc=org]}]` {
				t.Errorf("the journal has %+v and %+v", first, second)
			}
		})
		t.Run("a manager is set/"+who, func(t *testing.T) {
			h := newHouse(t)
			u, of := h.user("a"), h.user("of")
			h.users.before(func() { renamer(h).rename(u.ID, "b") })
			res := h.patch("User", of.ID, `{"op":"replace","path":"`+scim.EnterpriseURN+`:manager","value":"`+u.ID+`"}`)
			if got := h.native(of.ID, "manager").Attrs.Get("manager").Texts(); !slices.Equal(got, []string{dnOf("b")}) {
				t.Errorf("manager %v", got)
			}
			if got := at(res.Resource, scim.EnterpriseURN, "manager", "value"); got != u.ID {
				t.Errorf("the answer has manager %v", got)
			}
		})
		t.Run("a group is made/"+who, func(t *testing.T) {
			h := newHouse(t)
			u := h.user("a")
			h.groups.create = func() (error, bool) {
				h.groups.create = nil
				renamer(h).rename(u.ID, "b")
				return nil, false
			}
			g := h.group("g", u.ID)
			if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("b")}) || !slices.Equal(values(g.Resource, "members"), []string{u.ID}) {
				t.Errorf("member %v, and the answer has %v", got, values(g.Resource, "members"))
			}
		})
	}
}

func changesText(changes []backends.Change) string {
	var texts []string
	for _, c := range changes {
		texts = append(texts, fmt.Sprintf("{%s %s %v}", c.Op, c.Attr, c.Values.Texts()))
	}
	return fmt.Sprint(texts)
}

// TestAMemberIsAddedWhoseOldNameIsSomebodyElses adds who has another name by the time of the write, to a group of which somebody else is a member
// under the old one.
func TestAMemberIsAddedWhoseOldNameIsSomebodyElses(t *testing.T) {
	h := newHouse(t)
	u, g := h.user("a"), h.group("g")
	h.groups.before(func() {
		h.rename(u.ID, "b")
		h.user("a")
		h.raw(g.ID, backends.Add, "member", dnOf("a"))
	})
	h.addMember(g.ID, u.ID)
	got := slices.DeleteFunc(h.members(g.ID), func(name string) bool { return name == "cn=nobody" })
	if !slices.Equal(got, []string{dnOf("a"), dnOf("b")}) {
		t.Errorf("member %v", got)
	}
}

func TestARecordIsDeletedBetweenTheLookUpAndTheWrite(t *testing.T) {
	t.Run("a member is added", func(t *testing.T) {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g", h.user("stays").ID)
		h.groups.before(func() { h.drop(u.ID) })
		h.addMember(g.ID, u.ID)
		if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("stays")}) {
			t.Errorf("member %v", got)
		}
	})
	t.Run("a manager is set", func(t *testing.T) {
		h := newHouse(t)
		u, of := h.user("a"), h.user("of")
		h.users.before(func() { h.replica(nil).drop(u.ID) })
		h.patch("User", of.ID, `{"op":"replace","path":"`+scim.EnterpriseURN+`:manager","value":"`+u.ID+`"}`)
		if got := h.native(of.ID, "manager").Attrs.Get("manager"); len(got) != 0 {
			t.Errorf("manager %v", got)
		}
	})
	t.Run("a user is made with a manager", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		h.users.create = func() (error, bool) {
			h.users.create = nil
			h.drop(u.ID)
			return nil, false
		}
		of := h.create("User", fmt.Sprintf(`{"userName":"of",`+withManager+`}`, u.ID))
		if got := h.native(of.ID, "manager").Attrs.Get("manager"); len(got) != 0 {
			t.Errorf("manager %v", got)
		}
	})
	t.Run("and somebody else has the name at once", func(t *testing.T) {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g")
		h.groups.before(func() {
			h.drop(u.ID)
			h.user("a")
		})
		h.addMember(g.ID, u.ID)
		if got := values(h.get("Group", g.ID).Resource, "members"); len(got) != 0 {
			t.Errorf("somebody else is a member: %v", got)
		}
	})
}

func TestAReferenceIsWrittenBetweenTheSearchAndTheRename(t *testing.T) {
	t.Run("it follows", func(t *testing.T) {
		h := newHouse(t)
		u, g, other := h.user("a"), h.group("g"), h.group("other")
		h.addMember(other.ID, u.ID)
		h.users.move = func() (error, bool) {
			h.users.move = nil
			h.replica(nil).addMember(g.ID, u.ID)
			return nil, false
		}
		h.rename(u.ID, "b")
		for _, id := range []string{g.ID, other.ID} {
			if got := h.members(id); !slices.Equal(got, []string{dnOf("b")}) {
				t.Errorf("member %v", got)
			}
		}
		if e := h.lastEvent(); e.Intent.ResourceID != u.ID || len(e.Intent.Steps) != 1 || string(e.Intent.Steps[0].Key) != g.ID {
			t.Errorf("the journal has %+v", e.Intent)
		}
	})
	t.Run("but not if somebody else has the name by then", func(t *testing.T) {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g")
		h.users.Backend = &moved{h.users.Backend, func() {
			h.users.Backend = h.users.Backend.(*moved).Backend
			h.replica(nil).addMember(g.ID, h.replica(nil).user("a").ID)
		}}
		h.rename(u.ID, "b")
		if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("a")}) {
			t.Errorf("member %v", got)
		}
	})
	t.Run("and a member that was removed does not come back", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		g := h.group("g", u.ID)
		h.users.move = func() (error, bool) {
			h.users.move = nil
			h.replica(nil).removeMember(g.ID, u.ID)
			return nil, false
		}
		h.rename(u.ID, "b")
		if got := h.members(g.ID); len(got) != 0 {
			t.Errorf("member %v", got)
		}
	})
	t.Run("and one that was put right already stays", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		g := h.group("g", u.ID)
		h.groups.before(func() { h.raw(g.ID, backends.Add, "member", dnOf("b")) }) // half of what refint does
		h.rename(u.ID, "b")
		if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("b")}) {
			t.Errorf("member %v", got)
		}
		if got := changesText(h.lastEvent().Outcome.Steps[1].Effective); got != `[{remove member [uid=a,ou=people,dc=example,dc=org]}]` {
			t.Errorf("the journal says that %s took effect", got)
		}
	})
}

// TestAMemberIsRemovedWhileTheyAreRenamed removes a member who has another name already, in a group that does not know it yet.
func TestAMemberIsRemovedWhileTheyAreRenamed(t *testing.T) {
	for _, who := range []string{"this process", "another"} {
		t.Run(who, func(t *testing.T) {
			h := newHouse(t)
			remover := h
			if who == "another" {
				remover = h.replica(func(o *Options) { o.Replicas, o.SettleDelay = 2, 50*time.Millisecond })
			}
			u := h.user("a")
			g := h.group("g", u.ID)
			var wg sync.WaitGroup
			began := make(chan struct{})
			h.groups.before(func() { // in front of the relinking
				h.groups.after = func(string) { // the group is read by the removal
					h.groups.after = nil
					close(began)
				}
				wg.Go(func() { remover.removeMember(g.ID, u.ID) })
				<-began
				time.Sleep(5 * time.Millisecond)
			})
			h.rename(u.ID, "b")
			wg.Wait()
			if got := h.members(g.ID); len(got) != 0 {
				t.Errorf("member %v", got)
			}
		})
	}
	t.Run("and the directory takes the old name out first, and puts the new one in later", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		g := h.group("g", u.ID)
		var wg sync.WaitGroup
		hasMoved, removed := make(chan struct{}), make(chan struct{})
		h.users.Backend = &moved{h.users.Backend, func() {
			close(hasMoved)
			<-removed
			time.Sleep(5 * time.Millisecond)
			h.raw(g.ID, backends.Add, "member", dnOf("b"))
		}}
		h.groups.before(func() { // in front of the removal
			wg.Go(func() { h.rename(u.ID, "b") })
			<-hasMoved
			h.groups.after = func(op string) {
				if op == "modify" {
					h.groups.after = nil
					close(removed)
				}
			}
		})
		h.removeMember(g.ID, u.ID)
		wg.Wait()
		if got := h.members(g.ID); len(got) != 0 {
			t.Errorf("member %v", got)
		}
	})
	t.Run("and a PUT that empties the group in between", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		g := h.group("g", u.ID)
		var wg sync.WaitGroup
		began := make(chan struct{})
		h.groups.before(func() {
			h.groups.after = func(string) {
				h.groups.after = nil
				close(began)
			}
			wg.Go(func() {
				if _, err := h.Replace(h.t.Context(), h.req("Group"), g.ID, h.body("Group", `{"displayName":"g"}`)); err != nil {
					t.Error(err)
				}
			})
			<-began
			time.Sleep(5 * time.Millisecond)
		})
		h.rename(u.ID, "b")
		wg.Wait()
		if got := h.members(g.ID); slices.Contains(got, dnOf("a")) || slices.Contains(got, dnOf("b")) {
			t.Errorf("member %v", got)
		}
	})
}

// TestWhatIsTakenBackLeavesNoNames is of writes of which a later step fails, while what they have done is followed by others.
func TestWhatIsTakenBackLeavesNoNames(t *testing.T) {
	refused := &backends.Error{Kind: backends.ErrRefused}
	t.Run("a member who was added, and renamed since", func(t *testing.T) {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g")
		h.groups.move = func() (error, bool) { // the second step
			h.rename(u.ID, "b")
			return refused, true
		}
		_, err := h.tryPatch(h.req("Group"), g.ID, `{"op":"add","path":"members","value":[{"value":"`+u.ID+`"}]},{"op":"replace","path":"displayName","value":"new"}`)
		wantStatus(t, err, 403, "")
		if got := h.members(g.ID); slices.Contains(got, dnOf("a")) || slices.Contains(got, dnOf("b")) {
			t.Errorf("member %v", got)
		}
	})
	t.Run("a member who was removed, and renamed since", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		g := h.group("g", u.ID)
		h.groups.move = func() (error, bool) {
			h.rename(u.ID, "b")
			return refused, true
		}
		_, err := h.tryPatch(h.req("Group"), g.ID, `{"op":"remove","path":"members[value eq \"`+u.ID+`\"]"},{"op":"replace","path":"displayName","value":"new"}`)
		wantStatus(t, err, 403, "")
		if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("b")}) {
			t.Errorf("member %v", got)
		}
	})
	t.Run("a name that a record had for a moment", func(t *testing.T) {
		h := newHouse(t)
		u, g := h.user("a"), h.group("g")
		h.users.modify = func(changes []backends.Change) (error, bool) {
			if changes[0].Op != backends.SetPassword {
				return nil, false
			}
			h.replica(nil).addMember(g.ID, u.ID)
			return refused, true
		}
		_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","value":{"userName":"b","password":"t1meMa$heen"}}`)
		wantStatus(t, err, 403, "")
		if got := h.members(g.ID); !slices.Equal(got, []string{dnOf("a")}) {
			t.Errorf("member %v", got)
		}
	})
}

func TestNamesThatKeepChanging(t *testing.T) {
	h := newHouse(t)
	u, g := h.user("a0"), h.group("g")
	n, busy := 0, false
	h.groups.modify = func([]backends.Change) (error, bool) {
		if !busy && n < 20 {
			busy = true
			n++
			h.replica(nil).rename(u.ID, fmt.Sprint("a", n))
			busy = false
		}
		return nil, false
	}
	h.addMember(g.ID, u.ID)
	if h.Stats().Dangling == 0 || n > 10 {
		t.Errorf("after %d renames %d are counted", n, h.Stats().Dangling)
	}
	h.groups.modify = nil
	if n, err := h.flux.wait(t.Context(), fluxKey(h.byName["User"], u.ID)); n || err != nil {
		t.Errorf("the record is in flux for ever: %v", err)
	}
}

// TestFluxEnds holds those who wait to their own time, and to nobody who is not in flux.
func TestFluxEnds(t *testing.T) {
	f := newFlux()
	first, second := f.enter("a", "b"), f.enter("b")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if waited, err := f.wait(ctx, "c", "b"); !waited || err == nil {
		t.Errorf("waited %v: %v", waited, err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.wait(t.Context(), "a", "b")
		done <- err
	}()
	first()
	first() // twice
	select {
	case err := <-done:
		t.Fatalf("b is still in flux: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	second()
	if err := <-done; err != nil || len(f.busy) != 0 {
		t.Errorf("%v, %v", err, f.busy)
	}
}
