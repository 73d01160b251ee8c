package adapter

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

func TestOnlyTheEventsOfItsOwnTenantAreTakenBack(t *testing.T) {
	h := newHouse(t)
	alice := h.create("User", `{"userName":"alice","title":"Clerk"}`).ID
	h.patch("User", alice, `{"op":"replace","path":"title","value":"Boss"}`)
	e := h.lastEvent()
	e.Intent.Tenant = "globex"
	for _, force := range []bool{false, true} {
		u := h.Undo(t.Context(), operator, []journal.Event{e}, UndoOptions{Reader: h.lite, Force: force})[0]
		if u.Result != UndoSkipped || !strings.Contains(u.Why[0], "it is of tenant globex") || at(h.get("User", alice).Resource, "title") != "Boss" {
			t.Errorf("another tenant's: %+v", u)
		}
	}
}
