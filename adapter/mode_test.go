package adapter

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// forbidden demands a 403 that names something.
func forbidden(t *testing.T, err error, what string) {
	t.Helper()
	var known *scim.Error
	if !errors.As(err, &known) || known.Status != http.StatusForbidden || !strings.Contains(known.Detail, what) {
		t.Errorf("%v is no 403 that names %s", err, what)
	}
}

func TestAnAdapterThatOnlyReadsWritesNothing(t *testing.T) {
	var o *Options
	h := newHouse(t, edit{options: func(options *Options) { o = options }})
	ann := h.user("ann")
	o.ReadOnly = true
	readOnly := New(*o)
	events := len(h.events())
	_, err := readOnly.Create(t.Context(), h.req("User"), h.body("User", `{"userName":"bob"}`))
	forbidden(t, err, "read_only")
	_, err = readOnly.Replace(t.Context(), h.req("User"), ann.ID, h.body("User", `{"userName":"ann2"}`))
	forbidden(t, err, "read_only")
	forbidden(t, readOnly.Delete(t.Context(), h.req("User"), ann.ID), "read_only")
	if res, err := readOnly.Get(t.Context(), h.req("User"), ann.ID); err != nil || at(res.Resource, "userName") != "ann" {
		t.Errorf("reading: %v %v", res, err)
	}
	if len(h.events()) != events {
		t.Error("what was not begun is journaled as if it were")
	}
}

func TestAProtectedAttributeIsNotChanged(t *testing.T) {
	h := newHouse(t, edit{options: func(o *Options) { o.Protected = []string{"userName", "name.familyName", "members"} }})
	ann := h.create("User", `{"userName":"ann","name":{"familyName":"Jensen"}}`)
	for _, operations := range []string{
		`{"op":"replace","path":"userName","value":"anna"}`, `{"op":"replace","path":"name.familyName","value":"Other"}`, `{"op":"remove","path":"name"}`,
		`{"op":"replace","value":{"title":"Boss","name":{"familyName":"Other"}}}`,
	} {
		_, err := h.tryPatch(h.req("User"), ann.ID, operations)
		forbidden(t, err, "protected")
	}
	h.patch("User", ann.ID, `{"op":"replace","path":"title","value":"Boss"}`)
	h.patch("User", ann.ID, `{"op":"replace","path":"userName","value":"ann"}`) // what stays is no change
	group := h.group("g", ann.ID)
	_, err := h.tryPatch(h.req("Group"), group.ID, `{"op":"remove","path":"members[value eq \"`+ann.ID+`\"]"}`)
	forbidden(t, err, "members")
	if got := at(h.get("User", ann.ID).Resource, "title"); got != "Boss" {
		t.Errorf("title %v", got)
	}
	types := h.ResourceTypes()
	for text, want := range map[string]string{"USERNAME": "userName", "name.familyname": "name.familyName", scim.UserURN + ":title": "title", "members": "members"} {
		if got, ok := ProtectedPath(text, types); !ok || got != want {
			t.Errorf("%s is %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"nothing", "id", `emails[type eq "work"]`, "a b"} {
		if got, ok := ProtectedPath(text, types); ok {
			t.Errorf("%s is %q", text, got)
		}
	}
}
