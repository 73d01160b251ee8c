package adapter

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// part asks for users as a part of a search over several types.
func (h *house) part(by string, q scim.ListQuery, part scim.Part) (*scim.List, error) {
	h.t.Helper()
	if part.Of == "" {
		part.Of = "all"
	}
	req := h.req("User")
	q.Part, q.StartIndex = &part, max(1, q.StartIndex)
	var err error
	if q.Sort, err = req.Type.ParseSort(by, ""); err != nil {
		h.t.Fatal(err)
	}
	return h.List(h.t.Context(), req, q)
}

func (h *house) mustPart(by string, q scim.ListQuery, part scim.Part) *scim.List {
	h.t.Helper()
	page, err := h.part(by, q, part)
	if err != nil {
		h.t.Fatal(err)
	}
	return page
}

// Where the next type begins is counted from the list of this one, however short it is.
func TestTheListOfAPartIsKept(t *testing.T) {
	for name, text := range map[string]string{"all": "", "a filter of the directory's": `userName sw "u"`, "a filter that is tested here": `nickName ne "x"`} {
		for _, n := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s, %d people", name, n), func(t *testing.T) {
				h := newHouse(t)
				ids := h.people(n)
				var f filter.Expr
				if text != "" {
					var err error
					if f, err = filter.Parse(text); err != nil {
						t.Fatal(err)
					}
				}
				first := h.mustPart("", scim.ListQuery{Filter: f, Count: 10}, scim.Part{Anew: true})
				if first.TotalResults != n || len(first.Resources) != n {
					t.Fatalf("%d of %d", len(first.Resources), first.TotalResults)
				}
				h.user("u-late")
				if n > 0 {
					if err := h.Delete(t.Context(), h.req("User"), ids[0]); err != nil {
						t.Fatal(err)
					}
				}
				if behind := h.mustPart("", scim.ListQuery{Filter: f, StartIndex: 11, Count: 10}, scim.Part{}); behind.TotalResults != n || len(behind.Resources) != 0 {
					t.Errorf("behind the first page: %d of %d", len(behind.Resources), behind.TotalResults)
				}
				if again := h.mustPart("", scim.ListQuery{Filter: f, Count: 10}, scim.Part{}); len(again.Resources) != max(0, n-1) {
					t.Errorf("the list that is kept has %d", len(again.Resources))
				}
				want := 1 // the newcomer
				if n > 0 {
					want = n
				}
				if anew := h.mustPart("", scim.ListQuery{Filter: f, Count: 10}, scim.Part{Anew: true}); anew.TotalResults != want {
					t.Errorf("a new list has %d, want %d", anew.TotalResults, want)
				}
				if own := h.search(asking{filter: text, count: 10}); own.TotalResults != want {
					t.Errorf("the search of the type itself finds %d", own.TotalResults)
				}
			})
		}
	}
}

func TestTheCursorOfAPart(t *testing.T) {
	h := newHouse(t, cursorKey)
	want := h.people(5)
	h.users.calls = nil
	walks := h.overlook(false)
	begin, err := h.part("", scim.ListQuery{Cursor: new(string)}, scim.Part{})
	if err != nil || begin.NextCursor == "" || len(begin.Resources) != 0 || begin.TotalResults != -1 {
		t.Fatalf("%+v, %v", begin, err)
	}
	if len(walks.queries) != 0 {
		t.Errorf("for a cursor to begin with, the directory is asked: %v", walks.queries)
	}
	replica := h.replica(nil)
	var got []string
	for cursor := begin.NextCursor; cursor != ""; {
		page := replica.mustPart("", scim.ListQuery{Count: 2, Cursor: &cursor}, scim.Part{})
		got = append(got, idsOf(page)...)
		if cursor = page.NextCursor; cursor != "" { // a page without resources stands where the cursor says
			cursor = h.mustPart("", scim.ListQuery{Cursor: &cursor}, scim.Part{}).NextCursor
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	own := h.byCursor("", asking{count: 2}).NextCursor
	for name, ask := range map[string]func() error{
		"another search": func() error {
			_, err := h.part("", scim.ListQuery{Count: 2, Cursor: &begin.NextCursor}, scim.Part{Of: "others"})
			return err
		},
		"the search of the type itself": func() error {
			_, err := h.trySearch(h.req("User"), asking{count: 2, cursor: &begin.NextCursor})
			return err
		},
		"a cursor of the type's own": func() error {
			_, err := h.part("", scim.ListQuery{Count: 2, Cursor: &own}, scim.Part{})
			return err
		},
		"such a one with a count of 0": func() error { _, err := h.part("", scim.ListQuery{Cursor: &own}, scim.Part{}); return err },
		"another client": func() error {
			req := h.req("User")
			req.Caller.Client = "entra"
			_, err := h.List(t.Context(), req, scim.ListQuery{StartIndex: 1, Count: 2, Cursor: &begin.NextCursor, Part: &scim.Part{Of: "all"}})
			return err
		},
	} {
		if err := ask(); err == nil {
			t.Errorf("%s: the cursor is taken", name)
		} else {
			wantStatus(t, err, 400, scim.InvalidCursor)
		}
	}
	h.clock.advance(h.o.CursorTTL + time.Second)
	_, err = h.part("", scim.ListQuery{Count: 2, Cursor: &begin.NextCursor}, scim.Part{})
	wantStatus(t, err, 400, scim.ExpiredCursor)
}

// The pages of a sorted search over several types are put together from these places: they must not move while it lasts.
func TestThePlacesOfAPartStay(t *testing.T) {
	h := newHouse(t)
	var ids []string
	for i := range 6 {
		ids = append(ids, h.create("User", fmt.Sprintf(`{"userName":"u%d","title":"m%d"}`, i, i)).ID)
	}
	walks := h.overlook(false)
	first := h.mustPart("title", scim.ListQuery{}, scim.Part{Anew: true, Places: 4})
	if first.TotalResults != 6 || len(first.Places) != 4 || !slices.IsSorted(first.Places) || len(first.Resources) != 0 {
		t.Fatalf("%+v", first)
	}
	all := h.mustPart("title", scim.ListQuery{}, scim.Part{Places: 100})
	if len(all.Places) != 6 || !slices.Equal(all.Places[:4], first.Places) {
		t.Fatalf("%q", all.Places)
	}
	h.create("User", `{"userName":"new","title":"a"}`)
	h.patch("User", ids[0], `{"op":"replace","path":"title","value":"z"}`)
	if err := h.Delete(t.Context(), h.req("User"), ids[1]); err != nil {
		t.Fatal(err)
	}
	walks.queries = nil
	later := h.mustPart("title", scim.ListQuery{}, scim.Part{Places: 100})
	if !slices.Equal(later.Places, all.Places) || later.TotalResults != 6 {
		t.Errorf("%q of %d", later.Places, later.TotalResults)
	}
	page := h.mustPart("title", scim.ListQuery{Count: 3}, scim.Part{})
	if got := idsOf(page); !slices.Equal(got, []string{ids[0], ids[2], ids[3]}) || page.TotalResults != 5 {
		t.Errorf("%v of %d", got, page.TotalResults)
	}
	without := slices.Delete(slices.Clone(all.Places), 1, 2)
	if later = h.mustPart("title", scim.ListQuery{}, scim.Part{Places: 100}); !slices.Equal(later.Places, without) {
		t.Errorf("whoever turned out to be gone has a place: %q", later.Places)
	}
	if len(walks.queries) != 0 {
		t.Errorf("the directory was searched again: %v", walks.queries)
	}
	if anew := h.mustPart("title", scim.ListQuery{}, scim.Part{Anew: true, Places: 100}); len(anew.Places) != 6 || slices.Equal(anew.Places, all.Places) {
		t.Errorf("a new list: %q", anew.Places)
	}

	l := h.leaseOf(asking{by: "title"})
	l.part = "all"
	snap := h.snaps.get(l)
	snap.keys.by = snap.keys.by[:2] // as if those of many more were deleted
	if more := h.mustPart("title", scim.ListQuery{}, scim.Part{Places: 3}); len(more.Places) != 3 {
		t.Errorf("places that are missing are not made anew: %q", more.Places)
	}
}
