package adapter

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
)

// foreignKeys refuses to delete a record while any of the others points at it that does not let go, as a database does.
type foreignKeys struct {
	backends.Backend
	others backends.Backend
	also   func() bool // something else holds the record
	before func()      // a delete
}

func (f *foreignKeys) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	if f.before != nil {
		f.before()
	}
	names, err := f.Names(ctx, "", []backends.Key{key})
	if err != nil {
		return err
	}
	held := f.also != nil && f.also()
	for rec, err := range f.others.Walk(ctx, backends.Query{Where: backends.Eq{Attr: "member", Value: backends.String(names[key]), Rule: backends.NameRule}}) {
		if err != nil {
			return err
		}
		held = held || !slices.ContainsFunc(release, func(r *backends.Release) bool { return r.Key == rec.Key })
	}
	if held {
		return &backends.Error{Kind: backends.ErrHeld, Detail: "Rows of the table membership still refer to this one."}
	}
	return f.Backend.Delete(ctx, key, cond, release...)
}

// transactional is a house whose directory is one in which an operation can be about several records.
func transactional() edit {
	return edit{memory: func(m *backendtest.Memory) { m.Transactional = true }}
}

func (h *house) foreignKeys() *foreignKeys {
	f := &foreignKeys{Backend: h.users.Backend, others: h.groups.Backend}
	h.users.Backend = f
	return f
}

// bare are releases from what stands behind the hooks.
func bare(release []*backends.Release) []*backends.Release {
	for _, r := range release {
		if f, ok := r.From.(*faults); ok {
			r.From = f.Backend
		}
	}
	return release
}

// account is what an event did, in order.
func account(e journal.Event) string {
	steps := make([]string, len(e.Intent.Steps))
	for i, step := range e.Intent.Steps {
		steps[i] = step.Backend + " " + step.Op + " " + e.Outcome.Steps[i].Status
	}
	return e.Outcome.Status + ": " + strings.Join(steps, ", ")
}

func (h *house) accounts(from int) (all []string) {
	for _, e := range h.events()[from:] {
		all = append(all, account(e))
	}
	return all
}

func TestWhatPointsAtARecordLetsGoInTheSameOperation(t *testing.T) {
	h := newHouse(t, transactional())
	h.foreignKeys()
	ann, bob, cid := h.user("ann").ID, h.user("bob").ID, h.user("cid").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", ann, bob, cid).ID
	name, versions := h.native(ann).Name, []string{h.native(one).Version, h.native(two).Version}
	before := len(h.events())
	h.remove(ann)
	if got := h.accounts(before); !slices.Equal(got, []string{"done: Group modify done, Group modify done, User delete done, User overlay done"}) {
		t.Errorf("%q", got)
	}
	if h.native(ann).Key != "" || !slices.Equal(h.members(one), []string{dnOf("bob")}) || !slices.Equal(h.members(two), []string{dnOf("bob"), dnOf("cid")}) {
		t.Errorf("%v, %v", h.members(one), h.members(two))
	}
	if h.native(one).Version == versions[0] || h.native(two).Version == versions[1] || h.groups.calls["modify"] != 0 {
		t.Errorf("%d changes of groups by themselves, and the versions %s, %s", h.groups.calls["modify"], h.native(one).Version, h.native(two).Version)
	}
	e := h.lastEvent()
	want := []backends.Change{{Op: backends.Remove, Attr: "member", Values: backends.Strings(name)}}
	for i := range 2 {
		if step, out := e.Intent.Steps[i], e.Outcome.Steps[i]; fmt.Sprint(out.Effective) != fmt.Sprint(want) || fmt.Sprint(step.Before["member"]) != fmt.Sprint(want[0].Values) {
			t.Errorf("step %d: before %v, effective %v", i, step.Before, out.Effective)
		}
	}
	dan := h.user("dan").ID
	before = len(h.events())
	h.remove(dan)
	if got := h.accounts(before); !slices.Equal(got, []string{"done: User delete done, User overlay done"}) {
		t.Errorf("nobody points at dan: %q", got)
	}
}

// TestWhatIsHeldByOthersKeepsItsMemberships: the client is told what the database says, and the memberships are as they were.
func TestWhatIsHeldByOthersKeepsItsMemberships(t *testing.T) {
	h := newHouse(t, transactional())
	f := h.foreignKeys()
	f.also = func() bool { return true }
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one := h.group("one", ann, bob).ID
	for id, want := range map[string]string{
		ann:               "failed: Group modify failed, User delete failed, User overlay skipped",
		h.user("lone").ID: "failed: User delete failed, User overlay skipped",
	} {
		before, version := len(h.events()), h.native(one).Version
		e := wantStatus(t, h.Delete(t.Context(), h.req("User"), id), http.StatusForbidden, "")
		if !strings.Contains(e.Detail, "membership") {
			t.Errorf("%s", e.Detail)
		}
		if got := h.accounts(before); !slices.Equal(got, []string{want}) {
			t.Errorf("%q", got)
		}
		if got := h.members(one); len(got) != 2 || h.native(id).Key == "" || h.native(one).Version != version {
			t.Errorf("%v, version %s, before %s", got, h.native(one).Version, version)
		}
	}
	if s := h.Stats(); s.Compensated+s.Stranded+s.Dangling > 0 {
		t.Errorf("%+v", s)
	}
}

// TestWhoIsAddedWhileTheOthersLetGo: another process makes the record a member in between. It is taken out, too.
func TestWhoIsAddedWhileTheOthersLetGo(t *testing.T) {
	h := newHouse(t, transactional())
	f := h.foreignKeys()
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", bob).ID
	deletes := 0
	f.before = func() {
		if deletes++; deletes == 1 {
			h.raw(two, backends.Add, "member", h.native(ann).Name)
		}
	}
	h.remove(ann)
	if h.native(ann).Key != "" || !slices.Equal(h.members(one), []string{dnOf("bob")}) || !slices.Equal(h.members(two), []string{dnOf("bob")}) || deletes != 2 {
		t.Errorf("%d deletes: %v, %v", deletes, h.members(one), h.members(two))
	}
}

// TestWhoCannotLetGo: what the directory has against the value of another record is no fault of what the client has sent.
func TestWhoCannotLetGo(t *testing.T) {
	h := newHouse(t, transactional())
	ann := h.user("ann").ID
	one := h.group("one", ann).ID
	tries := 0
	h.users.remove = func() (error, bool) {
		tries++
		return &backends.Error{Kind: backends.ErrInvalid, Attr: "member", Detail: "A team has somebody."}, tries != 4
	}
	if e := wantStatus(t, h.Delete(t.Context(), h.req("User"), ann), http.StatusForbidden, ""); !strings.Contains(e.Detail, "somebody") || len(h.members(one)) != 1 {
		t.Errorf("%s; %v", e.Detail, h.members(one))
	}
	h.remove(ann) // and with a placeholder it can
	if got := h.members(one); !slices.Equal(got, []string{"cn=nobody"}) || h.native(ann).Key != "" {
		t.Errorf("%v after %d deletes", got, tries)
	}
}

// TestALostDeleteTellsOfAllThatLetGo: the answer gets lost, and what happened is found out for all steps of the operation.
func TestALostDeleteTellsOfAllThatLetGo(t *testing.T) {
	h := newHouse(t, transactional())
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one := h.group("one", ann, bob).ID
	f := &losing{Backend: h.users.Backend, undone: true}
	h.users.Backend = f
	wantStatus(t, h.Delete(t.Context(), h.req("User"), ann), http.StatusServiceUnavailable, "")
	if e := h.lastEvent(); account(e) != "failed: Group modify failed, User delete failed, User overlay skipped" || e.Outcome.Steps[0].Effective != nil {
		t.Errorf("%s: %+v", account(e), e.Outcome.Steps)
	}
	f.undone = false
	before := len(h.events())
	h.remove(ann)
	if got := h.accounts(before); !slices.Equal(got, []string{"done: Group modify done, User delete done, User overlay done"}) {
		t.Errorf("%q", got)
	}
	if e := h.lastEvent(); len(e.Outcome.Steps[0].Effective) != 1 || !slices.Equal(h.members(one), []string{dnOf("bob")}) {
		t.Errorf("%+v, %v", e.Outcome.Steps, h.members(one))
	}
}

// losing loses the answers to deletes, which happen unless they are undone.
type losing struct {
	backends.Backend
	undone bool
}

func (l *losing) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	for _, r := range release {
		r.Effective = r.Changes // what may have happened
	}
	if l.undone {
		return failing(backends.ErrUnknown)
	}
	if err := l.Backend.Delete(ctx, key, cond, release...); err != nil {
		return err
	}
	return failing(backends.ErrUnknown)
}

// TestWhoPointsFromElsewhereIsCleanedUpAfterwards: no operation of one directory is about records of another.
func TestWhoPointsFromElsewhereIsCleanedUpAfterwards(t *testing.T) {
	h := newHouse(t, transactional(), edit{
		teams: func(m *backendtest.Memory) { m.Transactional = true },
		group: func(text string) string { return strings.Replace(text, "backend: corp", "backend: teams", 1) },
	})
	ann := h.user("ann").ID
	h.group("one", ann)
	before := len(h.events())
	h.remove(ann)
	if got := h.accounts(before); !slices.Equal(got, []string{"done: User delete done, Group modify done, User overlay done"}) {
		t.Errorf("%q", got)
	}
}

// TestAPasswordIsPartOfTheWrite: where one operation can, it sets the password with the rest.
func TestAPasswordIsPartOfTheWrite(t *testing.T) {
	h := newHouse(t, transactional())
	u := h.create("User", `{"userName":"a","externalId":"00u1","password":"long enough"}`)
	before := h.native(u.ID, "userPassword")
	h.patch("User", u.ID, `{"op":"replace","value":{"title":"x","externalId":"00u2","password":"longer still"}}`)
	h.patch("User", u.ID, `{"op":"replace","value":{"password":"the longest of all"}}`)
	want := []string{"done: User create done, User overlay done", "done: User overlay done, User modify done", "done: User modify done"}
	if got := h.accounts(0); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	now := h.native(u.ID, "userPassword", "title").Attrs
	if before.Attrs["userPassword"][0].Reveal() != "long enough" || now["userPassword"][0].Reveal() != "the longest of all" || now["title"][0].Text() != "x" {
		t.Error("the record has not what was sent")
	}
	for _, e := range h.events() {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "long") {
			t.Errorf("a password is in the journal: %s", text)
		}
	}
	h.users.modify = func([]backends.Change) (error, bool) { return failing(backends.ErrRefused), true }
	_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","value":{"title":"y","externalId":"00u3","password":"no longer"}}`)
	wantStatus(t, err, http.StatusForbidden, "")
	if got := at(h.get("User", u.ID).Resource, "externalId"); got != "00u2" {
		t.Errorf("externalId %v", got)
	}
}
