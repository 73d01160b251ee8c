package adapter

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

var cursorKey = edit{options: func(o *Options) { o.CursorKey = []byte("a key that all replicas have, or are to have") }}

// replica is another process over the same directory, or the same one after a restart.
func (h *house) replica(change func(*Options)) *house {
	o := h.o
	if change != nil {
		change(&o)
	}
	other := *h
	other.Service = New(o)
	return &other
}

// byCursor goes on with a walk; "" begins it.
func (h *house) byCursor(cursor string, a asking) *scim.List {
	h.t.Helper()
	a.cursor = &cursor
	return h.search(a)
}

func TestAWalkByCursor(t *testing.T) {
	h := newHouse(t, cursorKey)
	want := h.people(23)
	for _, count := range []int{1, 5, 22, 23, 24, -1} {
		var got []string
		pages := 0
		for cursor := ""; ; pages++ {
			page := h.byCursor(cursor, asking{count: count})
			if page.TotalResults != 23 || page.StartIndex != 0 {
				t.Fatalf("%d of %d, startIndex %d", len(page.Resources), page.TotalResults, page.StartIndex)
			}
			if first := pages == 0; first != (page.PreviousCursor == "") {
				t.Errorf("page %d has the previous cursor %q", pages, page.PreviousCursor)
			}
			got = append(got, idsOf(page)...)
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			if strings.ContainsAny(cursor, "+/=") {
				t.Errorf("the cursor %q is not fit for a URL", cursor)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %d people", count, len(got))
		}
	}
}

// TestACursorSaysNothing: neither whom the walk has come to nor what they are sorted by can be read, and each cursor is another although they say the same.
func TestACursorSaysNothing(t *testing.T) {
	h := newHouse(t, cursorKey)
	for i := range 6 {
		h.create("User", fmt.Sprintf(`{"userName":"classified%d","title":"confidential position %d"}`, i, i))
	}
	for _, by := range []string{"", "userName", "title"} {
		first := h.byCursor("", asking{count: 2, by: by})
		second := h.byCursor(first.NextCursor, asking{count: 2, by: by})
		seen := map[string]bool{}
		for _, cursor := range []string{first.NextCursor, second.PreviousCursor, second.NextCursor, h.byCursor(first.NextCursor, asking{count: 2, by: by}).NextCursor} {
			raw, err := base64.RawURLEncoding.DecodeString(cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range slices.Concat(idsOf(first), idsOf(second)) {
				packed, _ := packUUID(backends.Key(id))
				if bytes.Contains(raw, []byte(id)) || bytes.Contains(raw, packed[:]) || bytes.Contains(raw, packed[8:]) {
					t.Errorf("by %q: the key can be read in %q", by, raw)
				}
			}
			for _, word := range []string{"classified", "confidential", "position", "CLASSIFIED"} {
				if bytes.Contains(raw, []byte(word)) {
					t.Errorf("by %q: %q can be read in %q", by, word, raw)
				}
			}
			if seen[cursor] {
				t.Errorf("by %q: the same cursor twice", by)
			}
			seen[cursor] = true
		}
	}
}

func TestAWalkOfOnePageKeepsNothing(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(5)
	for _, a := range []asking{{count: 5}, {count: 100}, {count: 5, by: "title"}, {count: 5, filter: `nickName ne "x"`}} {
		if page := h.byCursor("", a); page.NextCursor != "" || page.PreviousCursor != "" || len(page.Resources) != 5 {
			t.Errorf("%+v: %d people, next %q", a, len(page.Resources), page.NextCursor)
		}
	}
	if h.snaps.order.Len() != 0 {
		t.Errorf("%d snapshots", h.snaps.order.Len())
	}
}

func TestAPageByCursorOfNobody(t *testing.T) {
	h := newHouse(t, cursorKey)
	page := h.byCursor("", asking{filter: `userName eq "nobody"`, count: 3})
	if page.TotalResults != 0 || len(page.Resources) != 0 || page.NextCursor != "" {
		t.Errorf("%+v", page)
	}
}

func TestTheCountMayChangeDuringAWalk(t *testing.T) {
	h := newHouse(t, cursorKey, edit{options: func(o *Options) { o.DefaultCount, o.MaxCount = 3, 7 }})
	want := h.people(30)
	first := h.byCursor("", asking{count: 2})
	if none := h.byCursor(first.NextCursor, asking{count: 0}); len(none.Resources) != 0 || none.TotalResults != 30 || none.NextCursor != "" || none.StartIndex != 0 {
		t.Errorf("count=0: %+v", none)
	}
	next := h.byCursor(first.NextCursor, asking{count: -1})
	if !slices.Equal(idsOf(next), want[2:5]) {
		t.Errorf("no count: %d", len(next.Resources))
	}
	last := h.byCursor(next.NextCursor, asking{count: 1000})
	if !slices.Equal(idsOf(last), want[5:12]) {
		t.Errorf("a count above the limit: %d", len(last.Resources))
	}
	if none := h.byCursor("", asking{count: 0}); none.TotalResults != 30 || none.NextCursor != "" {
		t.Errorf("a walk that begins with count=0: %+v", none)
	}
}

func TestAnyReplicaContinuesAWalk(t *testing.T) {
	for _, a := range []asking{{count: 4}, {count: 4, filter: `userName sw "u"`}, {count: 4, filter: `nickName ne "x"`}, {count: 4, by: "userName", order: "descending"}, {count: 4, by: "externalId"}} {
		h := newHouse(t, cursorKey)
		h.people(23)
		all := a
		all.count = 100
		want := idsOf(h.search(all))
		replicas := []*house{h, h.replica(nil)}
		var got []string
		for cursor, n := "", 0; ; n++ {
			if n == 3 {
				replicas[0] = h.replica(nil) // a restart
			}
			page := replicas[n%2].byCursor(cursor, a)
			got = append(got, idsOf(page)...)
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d people, want %d", a, len(got), len(want))
		}
	}
}

func TestWhoseCursorItIs(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(9)
	h.group("a")
	a := asking{count: 3, filter: `userName sw "u"`, by: "userName"}
	cursor := h.byCursor("", a).NextCursor
	a.cursor = &cursor
	h.search(a)
	with := func(change func(*scim.Request, *asking)) (scim.Request, asking) {
		req, b := h.req("User"), a
		change(&req, &b)
		return req, b
	}
	for name, change := range map[string]func(*scim.Request, *asking){
		"another tenant":     func(r *scim.Request, _ *asking) { r.Caller.Tenant = "other" },
		"another client":     func(r *scim.Request, _ *asking) { r.Caller.Client = "entra" },
		"another subject":    func(r *scim.Request, _ *asking) { r.Caller.Subject = "bjensen" },
		"another filter":     func(_ *scim.Request, a *asking) { a.filter = `userName sw "u0"` },
		"no filter":          func(_ *scim.Request, a *asking) { a.filter = "" },
		"another sort":       func(_ *scim.Request, a *asking) { a.by = "title" },
		"the other order":    func(_ *scim.Request, a *asking) { a.order = "descending" },
		"no sort":            func(_ *scim.Request, a *asking) { a.by = "" },
		"another type":       func(r *scim.Request, a *asking) { r.Type, a.filter, a.by = h.byName["Group"].rt, "", "" },
		"no cursor":          func(_ *scim.Request, a *asking) { a.cursor = new("cursor") },
		"half a cursor":      func(_ *scim.Request, a *asking) { a.cursor = new(cursor[:len(cursor)/2]) },
		"a few bytes":        func(_ *scim.Request, a *asking) { a.cursor = new("AQAA") },
		"a cursor and more":  func(_ *scim.Request, a *asking) { a.cursor = new(cursor + "AAAA") },
		"not base64":         func(_ *scim.Request, a *asking) { a.cursor = new("*" + cursor[1:]) },
		"count=0 of nothing": func(_ *scim.Request, a *asking) { a.cursor, a.count = new("cursor"), 0 },
	} {
		req, b := with(change)
		_, err := h.trySearch(req, b)
		if e, ok := err.(*scim.Error); !ok || e.Status != 400 || e.Type != scim.InvalidCursor || !strings.Contains(e.Detail, "begin again") { //nolint:errorlint // the service's own contract
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*scim.Request, *asking){
		"another page size":  func(_ *scim.Request, a *asking) { a.count = 1 },
		"another projection": func(r *scim.Request, _ *asking) { *r = h.shows("User", "userName") },
		"another address":    func(r *scim.Request, _ *asking) { r.Caller.Address, r.Caller.RequestID = "::1", "r2" },
		"another spelling":   func(_ *scim.Request, a *asking) { a.by, a.order = "USERNAME", "Ascending" },
	} {
		req, b := with(change)
		if _, err := h.trySearch(req, b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := h.replica(func(o *Options) { o.CursorKey = []byte("another key, of another installation") })
	_, err := other.trySearch(h.req("User"), a)
	wantStatus(t, err, 400, scim.InvalidCursor)
	unkeyed := h.replica(func(o *Options) { o.CursorKey = nil })
	_, err = h.replica(func(o *Options) { o.CursorKey = nil }).trySearch(h.req("User"), asking{count: 3, cursor: new(unkeyed.byCursor("", asking{count: 3}).NextCursor)})
	wantStatus(t, err, 400, scim.InvalidCursor)
}

func TestNoBitOfACursorMayChange(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(3)
	raw, err := base64.RawURLEncoding.DecodeString(h.byCursor("", asking{count: 1}).NextCursor)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			bad := slices.Clone(raw)
			bad[i] ^= 1 << bit
			_, err := h.trySearch(h.req("User"), asking{count: 1, cursor: new(base64.RawURLEncoding.EncodeToString(bad))})
			wantStatus(t, err, 400, scim.InvalidCursor)
		}
	}
}

func TestCursorsExpireAndSlowWalksDoNot(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(6)
	old := h.byCursor("", asking{count: 1}).NextCursor
	for cursor, n := old, 1; n < 6; n++ { // five times nearly the whole life of a cursor
		h.clock.advance(h.o.CursorTTL - time.Second)
		page := h.byCursor(cursor, asking{count: 1})
		if len(page.Resources) != 1 {
			t.Fatalf("page %d is empty", n)
		}
		cursor = page.NextCursor
	}
	_, err := h.trySearch(h.req("User"), asking{count: 1, cursor: &old})
	if e := wantStatus(t, err, 400, scim.ExpiredCursor); !strings.Contains(e.Detail, "1h0m0s") {
		t.Error(e.Detail)
	}
	other := h.req("User")
	other.Caller.Client = "entra" // whose it was is not told to others
	_, err = h.trySearch(other, asking{count: 1, cursor: &old})
	wantStatus(t, err, 400, scim.InvalidCursor)
}

func TestBackAgain(t *testing.T) {
	for _, a := range []asking{{count: 4}, {count: 4, by: "userName", order: "descending"}, {count: 4, by: "title"}} {
		h := newHouse(t, cursorKey)
		h.people(11)
		replicas := []*house{h, h.replica(nil)}
		var pages [][]string
		page := h.byCursor("", a)
		for n := 0; ; n++ {
			pages = append(pages, idsOf(page))
			if page.NextCursor == "" {
				break
			}
			page = replicas[n%2].byCursor(page.NextCursor, a)
		}
		for n := len(pages) - 2; n >= 0; n-- {
			page = replicas[n%2].byCursor(page.PreviousCursor, a)
			if got := idsOf(page); !slices.Equal(got, pages[n]) {
				t.Fatalf("%+v: page %d is %v on the way back, %v before", a, n, got, pages[n])
			}
			if (page.PreviousCursor == "") != (n == 0) || page.NextCursor == "" {
				t.Errorf("%+v: page %d: previous %q, next %q", a, n, page.PreviousCursor, page.NextCursor)
			}
		}
		if forth := h.byCursor(page.NextCursor, a); !slices.Equal(idsOf(forth), pages[1]) {
			t.Errorf("%+v: forth again: %v", a, idsOf(forth))
		}
	}
}

func TestBackBeyondThoseWhoHaveGone(t *testing.T) {
	h := newHouse(t, cursorKey)
	ids := h.people(9)
	second := h.byCursor(h.byCursor("", asking{count: 3}).NextCursor, asking{count: 3})
	h.remove(ids[1], ids[2])
	if page := h.byCursor(second.PreviousCursor, asking{count: 2}); !slices.Equal(idsOf(page), ids[:1]) || page.PreviousCursor != "" {
		t.Errorf("%v", idsOf(page))
	}
	h.remove(ids[0])
	if page := h.byCursor(second.PreviousCursor, asking{count: 2}); !slices.Equal(idsOf(page), ids[3:5]) || page.PreviousCursor != "" {
		t.Errorf("before the first page is the first page: %v", idsOf(page))
	}
}

func (h *house) remove(ids ...string) {
	h.t.Helper()
	for _, id := range ids {
		if err := h.Delete(h.t.Context(), h.req("User"), id); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestAnOlderSnapshotServesNoNewerWalk(t *testing.T) {
	h := newHouse(t, cursorKey)
	h.people(5)
	a, b := h, h.replica(nil)
	for _, begin := range []func(){
		func() { b.search(asking{count: 2}) },
		func() { b.byCursor("", asking{count: 2}) },
	} {
		begin() // b has a snapshot of the same search
		late := h.user("late" + fmt.Sprint(rand.Int64())).ID
		cursor := a.byCursor("", asking{count: 2}).NextCursor
		var seen []string
		for cursor != "" {
			page := b.byCursor(cursor, asking{count: 2})
			seen = append(seen, idsOf(page)...)
			cursor = page.NextCursor
		}
		if !slices.Contains(seen, late) {
			t.Error("who was there throughout the walk was not on it")
		}
	}
}

func TestAWalkBySortGoesOnWhereItWas(t *testing.T) {
	for _, orderless := range []bool{false, true} {
		for _, lost := range []bool{false, true} {
			h := newHouse(t, cursorKey)
			h.overlook(orderless)
			h.people(9) // u000 to u008
			id := func(name string) string {
				return idsOf(h.search(asking{filter: `userName eq "` + name + `"`, count: 1}))[0]
			}
			goOn := func() *house {
				if lost {
					return h.replica(nil)
				}
				return h
			}
			a := asking{by: "userName", count: 3}
			first := h.byCursor("", a)
			h.remove(id("u002"), id("u003")) // the last one seen, and the next
			second := goOn().byCursor(first.NextCursor, a)
			if got := namesOf(second); got != "u004 u005 u006" {
				t.Errorf("the directory sorts: %t, lost: %t: %s", !orderless, lost, got)
			}
			h.patch("User", id("u006"), `{"op":"replace","path":"userName","value":"a"}`) // the last one seen is now first
			if got := namesOf(goOn().byCursor(second.NextCursor, a)); got != "u007 u008" {
				t.Errorf("the directory sorts: %t, lost: %t: %s", !orderless, lost, got)
			}
		}
	}
}

// TestWhoIsThereThroughoutIsSeenOnceByCursor walks while people come and go, from replicas that keep or lose their snapshots.
func TestWhoIsThereThroughoutIsSeenOnceByCursor(t *testing.T) {
	h := newHouse(t, cursorKey, edit{user: func(text string) string { return strings.Replace(text, "scan: 50", "scan: 5000", 1) }})
	rapid.Check(t, func(rt *rapid.T) {
		prefix := rapid.StringMatching(`[a-z]{12}`).Draw(rt, "prefix")
		replicas := []*house{h.replica(nil), h.replica(nil)}
		there := map[string]bool{} // from the beginning to the end
		var all []string
		arrive := func() string {
			name := backends.Template{{Text: "uid="}, {Slot: true, Value: backends.String(fmt.Sprintf("%s%d", prefix, len(all)))}, {Text: ",ou=people,dc=example,dc=org"}}
			rec, err := h.users.Create(t.Context(), name, backends.Attributes{"objectClass": backends.Strings("inetOrgPerson")}, nil)
			if err != nil {
				rt.Fatal(err)
			}
			all = append(all, string(rec.Key))
			return string(rec.Key)
		}
		for range rapid.IntRange(1, 25).Draw(rt, "people") {
			there[arrive()] = true
		}
		present := slices.Clone(all)
		leave := func(id string) {
			if err := h.users.Backend.Delete(t.Context(), backends.Key(id), backends.Condition{}); err != nil {
				rt.Fatal(err)
			}
		}
		defer func() {
			for _, id := range present {
				leave(id)
			}
		}()
		a := asking{filter: `userName sw "` + prefix + `"`, count: rapid.IntRange(1, 7).Draw(rt, "count")}
		if rapid.Bool().Draw(rt, "rest") {
			a.filter += ` and nickName ne "x"`
		}
		seen := map[string]int{}
		for cursor := ""; ; {
			page := rapid.SampledFrom(replicas).Draw(rt, "replica").byCursor(cursor, a)
			for _, id := range idsOf(page) {
				seen[id]++
			}
			if len(page.Resources) == 0 && page.NextCursor != "" {
				rt.Fatal("an empty page before the end")
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			for range rapid.IntRange(0, 4).Draw(rt, "changes") {
				if rapid.Bool().Draw(rt, "arrives") || len(present) == 0 {
					present = append(present, arrive())
					continue
				}
				i := rapid.IntRange(0, len(present)-1).Draw(rt, "who leaves")
				leave(present[i])
				delete(there, present[i])
				present = slices.Delete(present, i, i+1)
			}
			if rapid.Bool().Draw(rt, "leases end") {
				h.clock.advance(h.o.SnapshotTTL)
			}
		}
		for id := range there {
			if seen[id] != 1 {
				rt.Errorf("%s was on %d pages", id, seen[id])
			}
		}
		for id, times := range seen {
			if times > 1 {
				rt.Errorf("%s was on %d pages", id, times)
			}
		}
	})
}
