package adapter

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

// seekingByTitle makes the directory one that seeks, also in the order of the titles, of which each has one at most.
var seekingByTitle = edit{memory: func(m *backendtest.Memory) {
	m.Numbered = true
	title := m.Schema["title"]
	title.Single = true
	m.Schema["title"] = title
}}

// titled makes n people of whom some have the same title, in one letter case or another, and some none.
func (h *house) titled(n int) {
	h.t.Helper()
	for i := range n {
		attrs := backends.Attributes{"objectClass": backends.Strings("inetOrgPerson"), "sn": backends.Strings("x")}
		switch {
		case i%5 == 0:
		case i%2 == 0:
			attrs["title"] = backends.Strings(fmt.Sprintf("T%02d", i*7%13))
		default:
			attrs["title"] = backends.Strings(fmt.Sprintf("t%02d", i*7%13))
		}
		if _, err := h.memory.Class(backendtest.Class{}).Create(h.t.Context(), backends.Template{{Text: fmt.Sprintf("uid=u%d,ou=people,dc=example,dc=org", i)}}, attrs, nil); err != nil {
			h.t.Fatal(err)
		}
	}
}

// byTitle are the ids of all whom keep wants, by title, then by key.
func (h *house) byTitle(order string, keep func(title string) bool) []string {
	h.t.Helper()
	page := h.search(asking{count: 1000})
	slices.SortFunc(page.Resources, func(a, b *scim.Object) int {
		place := func(o *scim.Object) string {
			title, _ := at(o, "title").(string)
			return strings.ToLower(cmp.Or(title, "~"))
		}
		x, _ := strconv.Atoi(fmt.Sprint(at(a, "id")))
		y, _ := strconv.Atoi(fmt.Sprint(at(b, "id")))
		if c := strings.Compare(place(a), place(b)); c != 0 {
			return c
		}
		return x - y
	})
	if order == "descending" {
		slices.Reverse(page.Resources)
	}
	page.Resources = slices.DeleteFunc(page.Resources, func(o *scim.Object) bool {
		title, _ := at(o, "title").(string)
		return keep != nil && !keep(title)
	})
	return idsOf(page)
}

// TestSortedPagesByCursorCostWhatTheyShow: in an order in which the directory seeks no list is made, on the way back neither, whichever replica is asked.
func TestSortedPagesByCursorCostWhatTheyShow(t *testing.T) {
	h := newHouse(t, cursorKey, seekingByTitle, edit{options: func(o *Options) { o.NativeTTL = time.Hour }})
	h.titled(100)
	for _, order := range []string{"ascending", "descending"} {
		want := h.byTitle(order, nil)
		w := h.weigh()
		for _, count := range []int{7, 20, 100} {
			a := asking{by: "title", order: order, count: count}
			replicas := []*house{h, h.replica(nil)}
			var got []string
			var last *scim.List
			for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
				w.since()
				last = replicas[n%2].byCursor(cursor, a)
				queries, yielded, _ := w.since()
				if yielded > count+2 {
					t.Errorf("%s, page %d of %d: %d records are walked past", order, n, count, yielded)
				}
				if q := queries[0]; q.Sort == nil || q.Limit != count+1 {
					t.Errorf("%s: %+v", order, q)
				}
				if last.TotalResults != 100 {
					t.Errorf("%s: %d in all", order, last.TotalResults)
				}
				got, cursor = append(got, idsOf(last)...), last.NextCursor
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, pages of %d: %v, want %v", order, count, got, want)
			}
			back := idsOf(last)
			for n := 0; last.PreviousCursor != ""; n++ {
				last = replicas[n%2].byCursor(last.PreviousCursor, a)
				back = append(idsOf(last), back...)
			}
			if !slices.Equal(back, want) {
				t.Errorf("%s, pages of %d, backwards: %v", order, count, back)
			}
		}
		h.users.Backend = w.Backend
	}
	if n := h.snaps.order.Len(); n != 0 {
		t.Errorf("%d lists are kept", n)
	}
}

func TestSortedPagesByCursorAreFiltered(t *testing.T) {
	h := newHouse(t, cursorKey, seekingByTitle)
	h.titled(45)
	for text, keep := range map[string]func(string) bool{
		`title sw "t0"`:      func(title string) bool { return strings.HasPrefix(strings.ToLower(title), "t0") },
		`nickName ne "x!"`:   func(string) bool { return true }, // tested here
		`not (title pr)`:     func(title string) bool { return title == "" },
		`title eq "nothing"`: func(string) bool { return false },
	} {
		for _, order := range []string{"ascending", "descending"} {
			var got []string
			for cursor, begun := "", false; !begun || cursor != ""; begun = true {
				page := h.byCursor(cursor, asking{by: "title", order: order, filter: text, count: 4})
				got, cursor = append(got, idsOf(page)...), page.NextCursor
			}
			if want := h.byTitle(order, keep); !slices.Equal(got, want) {
				t.Errorf("%s %s: %v, want %v", text, order, got, want)
			}
		}
	}
	if n := h.byCursor("", asking{by: "title", count: 0}).TotalResults; n != 45 {
		t.Errorf("count=0: %d", n)
	}
}

// TestASortedWalkGoesOnBehindThePlace: whoever was last on a page may have another title by now, or be gone. Those who stay are seen once.
func TestASortedWalkGoesOnBehindThePlace(t *testing.T) {
	h := newHouse(t, cursorKey, seekingByTitle)
	h.titled(40)
	for _, order := range []string{"ascending", "descending"} {
		want := h.byTitle(order, nil)
		first := h.byCursor("", asking{by: "title", order: order, count: 10})
		last := idsOf(first)[9]
		if order == "ascending" {
			h.patch("User", last, `{"op":"replace","path":"title","value":"zz"}`)
		} else {
			h.remove(last)
		}
		var got []string
		for cursor := first.NextCursor; cursor != ""; {
			page := h.byCursor(cursor, asking{by: "title", order: order, count: 10})
			got, cursor = append(got, idsOf(page)...), page.NextCursor
		}
		if got = slices.DeleteFunc(got, func(id string) bool { return id == last }); !slices.Equal(got, want[10:]) {
			t.Errorf("%s: %v, want %v", order, got, want[10:])
		}
	}
}

// otherwise is a directory of which an operator has changed something between two pages.
type otherwise struct {
	backends.Backend
	seeks func() bool
	turns bool // it walks the other way round
}

func (o otherwise) SeeksIn(by backends.Sort) bool { return o.seeks() && o.Backend.SeeksIn(by) }

func (o otherwise) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	if q.Sort != nil && o.turns {
		by := *q.Sort
		by.Descending = !by.Descending
		q.Sort = &by
	}
	return o.Backend.Walk(ctx, q)
}

// TestASortedWalkGoesOnAsItHasBegun: with the directory's order if that was how, else with a list, and with a list too where the directory seeks no more.
func TestASortedWalkGoesOnAsItHasBegun(t *testing.T) {
	for claim, plan := range map[string]string{"an index is made during the walk": "lll", "it is dropped": "soo", "it comes and goes": "lsl"} {
		h := newHouse(t, cursorKey, seekingByTitle)
		h.titled(30)
		want := h.byTitle("", nil)
		seeks := false
		h.users.Backend = otherwise{Backend: h.users.Backend, seeks: func() bool { return seeks }}
		var got []string
		cursor := ""
		for n, how := range plan {
			seeks = how == 's' || plan == "lll" && n > 0
			page := h.byCursor(cursor, asking{by: "title", count: 10})
			got, cursor = append(got, idsOf(page)...), page.NextCursor
			if lists := h.snaps.order.Len() > 0; lists != (plan != "soo" || n > 0) {
				t.Errorf("%s, page %d: lists are kept: %v", claim, n, lists)
			}
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", claim, got, want)
		}
	}
}

func TestAnOrderThatIsNotTheOneShownIsAList(t *testing.T) {
	h := newHouse(t, cursorKey, seekingByTitle)
	h.titled(30)
	want := h.byTitle("", nil)
	h.users.Backend = otherwise{Backend: h.users.Backend, seeks: func() bool { return true }, turns: true}
	var got []string
	for cursor, begun := "", false; !begun || cursor != ""; begun = true {
		page := h.byCursor(cursor, asking{by: "title", count: 10})
		got, cursor = append(got, idsOf(page)...), page.NextCursor
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) || h.snaps.order.Len() != 1 {
		t.Errorf("%v, want %v; %d lists", got, want, h.snaps.order.Len())
	}
}

// TestAValueThatIsTooLongForACursorIsReadAgain: where it is gone, a list says about where it stood.
func TestAValueThatIsTooLongForACursorIsReadAgain(t *testing.T) {
	h := newHouse(t, cursorKey, seekingByTitle)
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = h.create("User", fmt.Sprintf(`{"userName":"u%d","title":"%s%d"}`, i, strings.Repeat("t", longestPlace), 9-i)).ID
	}
	slices.Reverse(ids)
	walk := func() (got []string) {
		for cursor, begun := "", false; !begun || cursor != ""; begun = true {
			page := h.byCursor(cursor, asking{by: "title", count: 2})
			if got, cursor = append(got, idsOf(page)...), page.NextCursor; len(cursor) > 2048 {
				t.Errorf("a cursor of %d letters", len(cursor))
			}
		}
		return got
	}
	if got := walk(); !slices.Equal(got, ids) || h.snaps.order.Len() > 0 {
		t.Errorf("%v, want %v", got, ids)
	}
	first := h.byCursor("", asking{by: "title", count: 2})
	h.remove(ids[1])
	if page := h.byCursor(first.NextCursor, asking{by: "title", count: 2}); page.TotalResults != 5 || h.snaps.order.Len() != 1 {
		t.Errorf("behind one that is gone: %d in all, %d lists", page.TotalResults, h.snaps.order.Len())
	}
}

func TestACursorOfAnEarlierVersionIsRefused(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(3)
	raw, err := base64.RawURLEncoding.DecodeString(h.byCursor("", asking{count: 1}).NextCursor)
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 1
	_, err = h.trySearch(h.req("User"), asking{count: 1, cursor: new(base64.RawURLEncoding.EncodeToString(raw))})
	if e := wantStatus(t, err, 400, scim.InvalidCursor); !strings.Contains(e.Detail, "earlier version") || !strings.Contains(e.Detail, "begin again") {
		t.Error(e.Detail)
	}
}
