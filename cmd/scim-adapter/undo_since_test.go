package main

import (
	"slices"
	"testing"
)

// TestAnAddressThatWasAddedByHandStaysBesideThatOfAClient: it is told, and nobody but --force takes it away.
func TestAnAddressThatWasAddedByHandStaysBesideThatOfAClient(t *testing.T) {
	overLDAP(t, func(t *testing.T, h *house, _ scimClient) {
		mail := func(address string) []any { return []any{map[string]any{"type": "work", "value": address}} }
		ada := h.user("ada", "emails", mail("a@x.org")).id()
		at := between()
		h.do("DELETE", "/Users/"+ada, nil).want(t, 204)
		h.takenBack(t, undoRun{}, []string{h.lastID(t)}, true)
		h.do("PATCH", "/Users/"+ada, patch(op("add", "emails", mail("b@x.org")))).want(t, 200)
		all := []string{"a@x.org", "b@x.org", "by-hand@x.org"}
		h.native(t, ada, "mail", all...)
		h.putBack(t, undoRun{at: at}, ada, false, "skipped: 1", `mail: it came back with "a@x.org", now it is "a@x.org", "b@x.org", "by-hand@x.org", and stays`)
		if got := h.values(t, ada, "mail"); !slices.Equal(got, all) {
			t.Errorf("her addresses are %q", got)
		}
		h.putBack(t, undoRun{at: at, force: true}, ada, true, "done: 1", "not stays")
		if got := h.values(t, ada, "mail"); !slices.Equal(got, all[:1]) {
			t.Errorf("her addresses are %q", got)
		}
	})
}
