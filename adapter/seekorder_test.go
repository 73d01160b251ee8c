package adapter

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// walked are the ids on all pages by cursor, each asked of another replica, and the last page.
func (h *house) walked(a asking) (ids []string, last *scim.List) {
	h.t.Helper()
	replicas := []*house{h, h.replica(nil)}
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		last = replicas[n%2].byCursor(cursor, a)
		ids, cursor = append(ids, idsOf(last)...), last.NextCursor
	}
	return ids, last
}

// backFrom are the ids on the pages up to this one, by cursor.
func (h *house) backFrom(last *scim.List, a asking) []string {
	h.t.Helper()
	ids := idsOf(last)
	for replica := h.replica(nil); last.PreviousCursor != ""; {
		last = replica.byCursor(last.PreviousCursor, a)
		ids = append(idsOf(last), ids...)
	}
	return ids
}

// TestAnIDIsAText: where keys are numbers a directory has 9 before 10. An id is sorted by as it is compared in a filter, and as at the root.
func TestAnIDIsAText(t *testing.T) {
	h := newHouse(t, cursorKey, seeking)
	up := h.people(23)
	slices.Sort(up)
	if slices.Equal(up, inNumbers(up)) {
		t.Fatal("the keys are in the order of their texts")
	}
	down := slices.Clone(up)
	slices.Reverse(down)
	for _, text := range []string{"", `nickName ne "x!"`} {
		for order, want := range map[string][]string{"ascending": up, "descending": down} {
			var byIndex []string
			a := asking{by: "id", order: order, filter: text, count: 5}
			for a.start = 1; a.start <= 23; a.start += 5 {
				byIndex = append(byIndex, idsOf(h.search(a))...)
			}
			a.start = 0
			byCursor, last := h.walked(a)
			for name, got := range map[string][]string{"by index": byIndex, "by cursor": byCursor, "backwards": h.backFrom(last, a)} {
				if !slices.Equal(got, want) {
					t.Errorf("%q %s %s: %v", text, order, name, got)
				}
			}
		}
	}
	jumped := h.replica(nil).search(asking{by: "id", order: "descending", start: 11, count: 5})
	if got := idsOf(jumped); jumped.TotalResults != 23 || !slices.Equal(got, down[10:15]) {
		t.Errorf("a page in the middle, without a lease: %v of %d", got, jumped.TotalResults)
	}
	if got := idsOf(h.search(asking{by: "id", filter: `id gt "` + up[4] + `"`, count: 30})); !slices.Equal(got, up[5:]) {
		t.Errorf("behind %s: %v", up[4], got)
	}
	root := scim.Part{Of: "root", Anew: true, Places: 100}
	places := h.mustPart("id", scim.ListQuery{StartIndex: 1}, root).Places
	if got := idsOf(h.mustPart("id", scim.ListQuery{StartIndex: 1, Count: 30}, scim.Part{Of: "root"})); !slices.Equal(got, up) || len(places) != 23 || !slices.IsSorted(places) {
		t.Errorf("at the root: %v", got)
	}
}

// TestWhoTiesKeepsOnePlace: who is equal in an order goes by the directory's own order of keys, whether that sorts or the list is made here, on whichever page,
// from whichever replica, also if it was never asked before.
func TestWhoTiesKeepsOnePlace(t *testing.T) {
	small := edit{options: func(o *Options) { o.MaxSort = 5 }}
	for how, edits := range map[string][]edit{
		"a list that is made here": {cursorKey, seeking}, "a list of a directory that sorts": {cursorKey, seeking, small}, "an index in the order": {cursorKey, seekingByTitle},
	} {
		h := newHouse(t, edits...)
		up := append(h.quietly(7, "a"), h.quietly(9, "b")...)
		none := h.quietly(7, "")
		for _, text := range []string{"", `nickName ne "x!"`} {
			for _, order := range []string{"ascending", "descending"} {
				want := slices.Concat(up, none)
				if order == "descending" {
					slices.Reverse(want)
				}
				a := asking{by: "title", order: order, filter: text, count: 2}
				check := func(name string, got, want []string) {
					t.Helper()
					if !slices.Equal(got, want) {
						t.Errorf("%s, %q %s, %s: %v, want %v", how, text, order, name, got, want)
					}
				}
				var byIndex []string
				for a.start = 1; a.start <= len(want); a.start += 2 {
					byIndex = append(byIndex, idsOf(h.search(a))...)
				}
				check("by index", byIndex, want)
				a.start = 3
				check("the second page alone", idsOf(h.replica(nil).search(a)), want[2:4])
				a.start, a.count = 1, 1000
				check("all on one page", idsOf(h.search(a)), want)
				a.start, a.count = 0, 2
				byCursor, last := h.walked(a)
				check("by cursor", byCursor, want)
				check("backwards", h.backFrom(last, a), want)
			}
		}
		first := h.byCursor("", asking{by: "title", order: "descending", count: 10})
		gone, rest := idsOf(first)[9], h.replica(nil)
		h.remove(gone)
		second := rest.byCursor(first.NextCursor, asking{by: "title", order: "descending", count: 3})
		all := slices.Concat(up, none)
		slices.Reverse(all)
		if got := idsOf(second); !slices.Equal(got, all[10:13]) {
			t.Errorf("%s: behind one that is gone: %v, want %v", how, got, all[10:13])
		}
		before := rest.byCursor(second.PreviousCursor, asking{by: "title", order: "descending", count: 3})
		if got := idsOf(before); !slices.Equal(got, all[6:9]) {
			t.Errorf("%s: before it: %v, want %v", how, got, all[6:9])
		}
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
