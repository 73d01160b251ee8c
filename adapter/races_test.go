package adapter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func TestRaces(t *testing.T) {
	race := func(h *house, id string, times int) {
		n := 0
		h.users.after = func(op string) {
			if op != "fetch" || n >= times {
				return
			}
			n++
			change := []backends.Change{{Op: backends.Replace, Attr: "employeeNumber", Values: backends.Strings(fmt.Sprint(n))}}
			if _, err := h.users.Backend.Modify(context.Background(), backends.Key(id), change, backends.Condition{}, nil); err != nil {
				h.t.Error(err)
			}
		}
	}
	t.Run("a change meanwhile makes it start again", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		race(h, u.ID, 3)
		h.patch("User", u.ID, `{"op":"replace","path":"title","value":"x"}`)
		res := h.get("User", u.ID).Resource
		if at(res, "title") != "x" || at(res, scim.EnterpriseURN, "employeeNumber") != "3" {
			t.Errorf("%s", res.AppendJSON(nil))
		}
		events := h.events()
		for _, e := range events[1 : len(events)-1] {
			if e.Outcome.Status != "failed" {
				t.Errorf("an attempt ended %s", e.Outcome.Status)
			}
		}
		if len(events) != 5 {
			t.Errorf("%d events", len(events))
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		race(h, u.ID, 100)
		_, err := h.tryPatch(h.req("User"), u.ID, `{"op":"replace","path":"title","value":"x"}`)
		wantStatus(t, err, 409, "")
	})
	t.Run("a delete's before-image is what was deleted", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		race(h, u.ID, 2) // behind each of the two reads of a delete
		if err := h.Delete(t.Context(), h.req("User"), u.ID); err != nil {
			t.Fatal(err)
		}
		if got := h.lastEvent().Intent.Steps[0].Before.Get("employeeNumber").Texts(); !slices.Equal(got, []string{"2"}) {
			t.Errorf("the journal has employeeNumber %v", got)
		}
	})
	t.Run("a delete with If-Match is of that version", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		race(h, u.ID, 1)
		req := h.req("User")
		req.IfMatch = []string{u.Version}
		wantStatus(t, h.Delete(t.Context(), req, u.ID), 412, "")
		h.get("User", u.ID)
	})
	t.Run("nor with If-Match", func(t *testing.T) {
		h := newHouse(t)
		u := h.user("a")
		race(h, u.ID, 1)
		req := h.req("User")
		req.IfMatch = []string{u.Version}
		_, err := h.tryPatch(req, u.ID, `{"op":"replace","path":"title","value":"x"}`)
		wantStatus(t, err, 412, "")
	})
}

func TestParallelChangesOfOneUserLoseNothing(t *testing.T) {
	h := newHouse(t)
	u := h.user("a")
	paths := []string{
		"title", "name.givenName", "name.familyName", "name.formatted", "externalId",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
	}
	var wg sync.WaitGroup
	for i, path := range paths {
		wg.Go(func() {
			if _, err := h.tryPatch(h.req("User"), u.ID, fmt.Sprintf(`{"op":"replace","path":%q,"value":"v%d"}`, path, i)); err != nil {
				t.Error(path, err)
			}
		})
	}
	wg.Wait()
	res := h.get("User", u.ID).Resource
	got := []any{
		at(res, "title"), at(res, "name", "givenName"), at(res, "name", "familyName"), at(res, "name", "formatted"), at(res, "externalId"),
		at(res, scim.EnterpriseURN, "employeeNumber"),
	}
	if fmt.Sprint(got) != "[v0 v1 v2 v3 v4 v5]" {
		t.Errorf("%v", got)
	}
}
