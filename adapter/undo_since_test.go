package adapter

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
)

// byHand changes a record past the adapter.
func (h *house) byHand(id, attr string, op backends.ChangeOp, values ...string) {
	h.t.Helper()
	change := backends.Change{Op: op, Attr: attr, Values: backends.Strings(values...)}
	if _, err := h.memory.Class(backendtest.Class{}).Modify(h.t.Context(), backends.Key(id), []backends.Change{change}, backends.Condition{}, nil); err != nil {
		h.t.Fatal(err)
	}
}

// TestAValueThatSomebodyHasAddedPastTheAdapterStaysBesideThoseOfEvents: an event that lists values was only compared with these.
func TestAValueThatSomebodyHasAddedPastTheAdapterStaysBesideThoseOfEvents(t *testing.T) {
	added := `{"op":"add","path":"phoneNumbers","value":[{"type":"work","value":"2"}]}`
	for name, is := range map[string]struct {
		event, byHand string
		force         bool
		result, why   string
		numbers       []string
	}{
		"nobody":                       {event: added, result: UndoDone, numbers: []string{"1"}},
		"somebody":                     {event: added, byHand: "99", result: UndoSkipped, why: `telephoneNumber: it came back with "1", now it is "1", "2", "99", and stays`, numbers: []string{"1", "2", "99"}},
		"somebody, and it is forced":   {event: added, byHand: "99", force: true, result: UndoDone, numbers: []string{"1"}},
		"somebody, before a whole one": {event: `{"op":"replace","path":"title","value":"Boss"}`, byHand: "99", result: UndoDone, why: `telephoneNumber: it came back with "1", now it is "1", "99", and stays`, numbers: []string{"1", "99"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, edit{user: func(s string) string {
				return strings.Replace(s, "emails[type=work]: mail", "emails[type=work]: mail\n  phoneNumbers[type=work]: telephoneNumber", 1)
			}})
			id := h.create("User", `{"userName":"ada","title":"Clerk","phoneNumbers":[{"type":"work","value":"1"}]}`).ID
			h.clock.advance(time.Hour)
			h.remove(id)
			h.undone()
			h.patch("User", id, is.event)
			if is.byHand != "" {
				h.byHand(id, "telephoneNumber", backends.Add, is.byHand)
			}
			u, err := h.Restore(t.Context(), operator, "User", id, h.clock.Now().Add(-time.Minute), UndoOptions{Reader: h.lite, Force: is.force})
			if err != nil || u.Result != is.result || strings.Join(u.Why, "\n") != is.why {
				t.Errorf("%v %+v", err, u)
			}
			rec := h.native(id, "telephoneNumber", "title")
			if got := rec.Attrs.Get("telephoneNumber").Texts(); !slices.Equal(got, is.numbers) {
				t.Errorf("the numbers are %q", got)
			}
			if got := rec.Attrs.Get("title").Texts(); !slices.Equal(got, []string{"Clerk"}) {
				t.Errorf("the title is %q", got)
			}
		})
	}
}
