package adapter

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// TestByIDDescendingIsTheOtherWayRound: where keys are numbers, 10 stands before 9 and not behind 1.
func TestByIDDescendingIsTheOtherWayRound(t *testing.T) {
	h := newHouse(t, cursorKey, seeking)
	up := inNumbers(h.people(23))
	down := slices.Clone(up)
	slices.Reverse(down)
	for _, text := range []string{"", `nickName ne "x!"`} {
		for order, want := range map[string][]string{"ascending": up, "descending": down} {
			var byIndex, byCursor []string
			ask := asking{by: "id", order: order, filter: text, count: 5}
			for ask.start = 1; ask.start <= 23; ask.start += 5 {
				byIndex = append(byIndex, idsOf(h.search(ask))...)
			}
			ask.start = 0
			var last *scim.List
			for cursor, again := "", true; again; again = cursor != "" {
				last = h.byCursor(cursor, ask)
				byCursor, cursor = append(byCursor, idsOf(last)...), last.NextCursor
			}
			back := idsOf(last)
			for last.PreviousCursor != "" {
				last = h.byCursor(last.PreviousCursor, ask)
				back = append(idsOf(last), back...)
			}
			for name, got := range map[string][]string{"by index": byIndex, "by cursor": byCursor, "backwards": back} {
				if !slices.Equal(got, want) {
					t.Errorf("%q %s %s: %v", text, order, name, got)
				}
			}
		}
	}
	h.clock.advance(h.o.SnapshotTTL)
	jumped := h.search(asking{by: "id", order: "descending", start: 11, count: 5})
	if got := idsOf(jumped); jumped.TotalResults != 23 || !slices.Equal(got, down[10:15]) {
		t.Errorf("a page in the middle, without a lease: %v of %d", got, jumped.TotalResults)
	}
}

// TestAPageOfAnEndedLeaseBeginsNoOther: while it was made, the client has begun anew.
func TestAPageOfAnEndedLeaseBeginsNoOther(t *testing.T) {
	h := newHouse(t, seeking)
	h.people(3)
	h.search(asking{start: 1, count: 2})
	l := h.leaseOf(asking{})
	old := h.snaps.follow(l, 2)
	h.snaps.drop(l)
	h.snaps.leave(l, old)
	if from := h.snaps.follow(l, 0); from.leased() {
		t.Errorf("the old lease lives on with %d in all", from.total)
	}
}
