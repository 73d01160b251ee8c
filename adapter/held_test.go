package adapter

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// foreignKeys refuses to delete a record while any of the others points at it, as a database does.
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
	n, _, err := f.others.Count(ctx, backends.Eq{Attr: "member", Value: backends.String(names[key]), Rule: backends.NameRule}, 1)
	if err != nil {
		return err
	}
	if n > 0 || f.also != nil && f.also() {
		return &backends.Error{Kind: backends.ErrHeld, Detail: "Rows of the table membership still refer to this one."}
	}
	return f.Backend.Delete(ctx, key, cond, release...)
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

func TestWhatIsHeldByForeignKeysIsLetGoFirst(t *testing.T) {
	h := newHouse(t)
	h.foreignKeys()
	ann, bob, cid := h.user("ann").ID, h.user("bob").ID, h.user("cid").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", ann, bob, cid).ID
	before := len(h.events())
	h.remove(ann)
	want := []string{
		"failed: User delete failed, Group modify skipped, Group modify skipped, User overlay skipped",
		"done: Group modify done, Group modify done, User delete done, User overlay done",
	}
	if got := h.accounts(before); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if h.native(ann).Key != "" || !slices.Equal(h.members(one), []string{dnOf("bob")}) || !slices.Equal(h.members(two), []string{dnOf("bob"), dnOf("cid")}) {
		t.Errorf("%v, %v", h.members(one), h.members(two))
	}
	dan := h.user("dan").ID
	before = len(h.events())
	h.remove(bob, dan) // how it must be is known by now; and nobody points at dan
	if got := h.accounts(before); !slices.Equal(got, []string{want[1], "done: User delete done, User overlay done"}) {
		t.Errorf("%q", got)
	}
}

// TestWhatIsHeldByOthersKeepsItsMemberships: the client is told what the database says, and the memberships are as they were.
func TestWhatIsHeldByOthersKeepsItsMemberships(t *testing.T) {
	h := newHouse(t)
	f := h.foreignKeys()
	f.also = func() bool { return true }
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one := h.group("one", ann, bob).ID
	before := len(h.events())
	e := wantStatus(t, h.Delete(t.Context(), h.req("User"), ann), http.StatusForbidden, "")
	if !strings.Contains(e.Detail, "membership") {
		t.Errorf("%s", e.Detail)
	}
	want := []string{
		"failed: User delete failed, Group modify skipped, User overlay skipped",
		"undone: Group modify undone, User delete failed, User overlay skipped",
	}
	if got := h.accounts(before); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := h.members(one); len(got) != 2 || h.native(ann).Key == "" {
		t.Errorf("%v", got)
	}
	lone := h.user("lone").ID
	before = len(h.events())
	wantStatus(t, h.Delete(t.Context(), h.req("User"), lone), http.StatusForbidden, "")
	if got := h.accounts(before); len(got) != 1 {
		t.Errorf("nobody points at the record, and it was tried %d times: %q", len(got), got)
	}
}

// TestWhoIsAddedWhileTheOthersAreLetGo: another process makes the record a member in between. It is taken out, too.
func TestWhoIsAddedWhileTheOthersAreLetGo(t *testing.T) {
	h := newHouse(t)
	f := h.foreignKeys()
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", bob).ID
	deletes := 0
	f.before = func() {
		if deletes++; deletes == 2 {
			h.raw(two, backends.Add, "member", h.native(ann).Name)
		}
	}
	h.remove(ann)
	if h.native(ann).Key != "" || !slices.Equal(h.members(one), []string{dnOf("bob")}) || !slices.Equal(h.members(two), []string{dnOf("bob")}) || deletes != 3 {
		t.Errorf("%d deletes: %v, %v", deletes, h.members(one), h.members(two))
	}
}

func TestALetGoThatFailsIsTakenBack(t *testing.T) {
	h := newHouse(t)
	h.foreignKeys()
	ann, bob := h.user("ann").ID, h.user("bob").ID
	one, two := h.group("one", ann, bob).ID, h.group("two", ann, bob).ID
	changes := 0
	h.groups.modify = func([]backends.Change) (error, bool) {
		changes++
		return &backends.Error{Kind: backends.ErrRefused, Detail: "This team is closed."}, changes == 2
	}
	err := h.Delete(t.Context(), h.req("User"), ann)
	if e := wantStatus(t, err, http.StatusForbidden, ""); !strings.Contains(e.Detail, "closed") || errors.Is(err, backends.ErrHeld) {
		t.Errorf("%v", err)
	}
	if len(h.members(one)) != 2 || len(h.members(two)) != 2 || h.native(ann).Key == "" {
		t.Errorf("%v, %v", h.members(one), h.members(two))
	}
}
