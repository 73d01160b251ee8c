package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func (h *house) people(n int) []string {
	ids := make([]string, n)
	for i := range n {
		ids[i] = h.user(fmt.Sprintf("u%03d", i)).ID
	}
	slices.Sort(ids)
	return ids
}

func idsOf(page *scim.List) []string {
	ids := make([]string, len(page.Resources))
	for i, res := range page.Resources {
		ids[i], _ = at(res, "id").(string)
	}
	return ids
}

func TestPages(t *testing.T) {
	h := newHouse(t)
	want := h.people(23)
	for _, tc := range []struct {
		name         string
		start, count int
		from, to     int
	}{
		{"the first", 1, 5, 0, 5},
		{"one in the middle", 6, 5, 5, 10},
		{"the last, which is short", 21, 5, 20, 23},
		{"beyond the end", 24, 5, 23, 23},
		{"far beyond the end", 1 << 40, 5, 23, 23},
		{"all", 1, 100, 0, 23},
		{"exactly all", 1, 23, 0, 23},
		{"no count", 1, -1, 0, 23},
		{"totals only", 1, 0, 0, 0},
		{"totals only, from the middle", 7, 0, 0, 0},
		{"a count above the limit", 1, 1 << 40, 0, 23},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, text := range []string{"", `userName sw "u"`, `nickName ne "x!"`} {
				page := h.list("User", text, tc.start, tc.count)
				if page.TotalResults != 23 || page.StartIndex != tc.start || !slices.Equal(idsOf(page), want[tc.from:tc.to]) {
					t.Errorf("%q: %d of %d from %d", text, len(page.Resources), page.TotalResults, page.StartIndex)
				}
			}
		})
	}
}

func TestDefaultAndLargestPage(t *testing.T) {
	h := newHouse(t, edit{options: func(o *Options) { o.DefaultCount, o.MaxCount = 3, 7 }})
	h.people(9)
	if page := h.list("User", "", 1, -1); len(page.Resources) != 3 || page.TotalResults != 9 {
		t.Errorf("%d without count", len(page.Resources))
	}
	if page := h.list("User", "", 1, 100); len(page.Resources) != 7 || page.TotalResults != 9 {
		t.Errorf("%d with count=100", len(page.Resources))
	}
}

func TestASmallResultIsReadOnce(t *testing.T) {
	h := newHouse(t)
	h.people(5)
	h.users.calls = nil
	if page := h.list("User", `userName eq "u003"`, 1, -1); page.TotalResults != 1 {
		t.Fatalf("%d found", page.TotalResults)
	}
	if h.users.calls["fetch"] != 0 || h.snaps.order.Len() != 0 {
		t.Errorf("%d fetches, %d snapshots", h.users.calls["fetch"], h.snaps.order.Len())
	}
}

func TestThoseWhoAreThereThroughoutAreOnOnePage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t) // a new one each time: those of all would be looked through for each name
		prefix := rapid.StringMatching(`[a-z]{12}`).Draw(rt, "prefix")
		n, count := rapid.IntRange(1, 30).Draw(rt, "people"), rapid.IntRange(1, 7).Draw(rt, "count")
		ids := map[string]bool{}
		for i := range n {
			ids[h.user(fmt.Sprintf("%s%d", prefix, i)).ID] = true
		}
		seen := map[string]int{}
		for start := 1; ; {
			page := h.list("User", `userName sw "`+prefix+`"`, start, count)
			for _, id := range idsOf(page) {
				seen[id]++
			}
			if len(page.Resources) == 0 || start+len(page.Resources) > page.TotalResults {
				break
			}
			start += len(page.Resources)
			for id := range ids {
				if rapid.IntRange(0, 4).Draw(rt, "leaves") == 0 {
					if err := h.Delete(t.Context(), h.req("User"), id); err != nil {
						rt.Fatal(err)
					}
					delete(ids, id)
				}
			}
			h.user(fmt.Sprintf("%snew%d", prefix, start)) // who came later may or may not be seen
		}
		for id := range ids {
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

func TestAPageIsFilledWhenPeopleHaveGone(t *testing.T) {
	h := newHouse(t)
	ids := h.people(10)
	if got := idsOf(h.list("User", "", 1, 3)); !slices.Equal(got, ids[:3]) {
		t.Fatal(got)
	}
	for _, id := range ids[3:5] {
		if err := h.Delete(t.Context(), h.req("User"), id); err != nil {
			t.Fatal(err)
		}
	}
	page := h.list("User", "", 4, 3)
	if got := idsOf(page); !slices.Equal(got, ids[5:8]) || page.TotalResults != 8 {
		t.Errorf("%v of %d", got, page.TotalResults)
	}
	if got := idsOf(h.list("User", "", 7, 3)); !slices.Equal(got, ids[8:]) {
		t.Errorf("the last page: %v", got)
	}
}

func TestSnapshotsAreLeased(t *testing.T) {
	h := newHouse(t)
	h.people(5)
	h.list("User", "", 1, 2)
	late := h.user("late")
	if page := h.list("User", "", 3, 10); page.TotalResults != 5 || slices.Contains(idsOf(page), late.ID) {
		t.Errorf("a snapshot shows who came later: %d", page.TotalResults)
	}
	for range 3 { // each page renews the lease
		h.clock.advance(h.o.SnapshotTTL - time.Second)
		if page := h.list("User", "", 3, 10); page.TotalResults != 5 {
			t.Fatalf("the lease was not renewed: %d", page.TotalResults)
		}
	}
	other := h.req("User")
	other.Caller.Client = "entra"
	if page, err := h.tryList(other, "", 3, 10); err != nil || page.TotalResults != 6 {
		t.Errorf("another client sees the snapshot of the first: %v, %v", page, err)
	}
	if page := h.list("User", `userName pr`, 3, 10); page.TotalResults != 6 {
		t.Errorf("another search sees the snapshot of the first: %d", page.TotalResults)
	}
	h.clock.advance(h.o.SnapshotTTL)
	if page := h.list("User", "", 3, 10); page.TotalResults != 6 {
		t.Errorf("the lease did not end: %d", page.TotalResults)
	}
	h.user("later")
	if page := h.list("User", "", 1, 2); page.TotalResults != 7 {
		t.Errorf("startIndex=1 does not start anew: %d", page.TotalResults)
	}
}

func TestSnapshotsAreBounded(t *testing.T) {
	now := time.Now()
	const empty = leaseOverhead + 1 // one that holds no key, of a client whose name has one letter
	s := newSnapshots(100+3*empty, time.Minute, func() time.Time { return now })
	list := func(n int) keyList {
		var l keyList
		for i := range n {
			l.add(backends.Key(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i)))
		}
		return l
	}
	a, b, c := lease{client: "a"}, lease{client: "b"}, lease{client: "c"}
	s.put(a, list(3))
	s.put(b, list(2))
	if s.bytes != 80+2*empty || s.get(a) == nil {
		t.Fatalf("%d bytes", s.bytes)
	}
	s.put(c, list(3)) // b was used longest ago
	if s.get(b) != nil || s.get(a) == nil || s.get(c) == nil || s.bytes != 96+2*empty {
		t.Errorf("b %v, a %v, c %v, %d bytes", s.get(b), s.get(a), s.get(c), s.bytes)
	}
	if snap := s.put(b, list(100)); snap.keys.len() != 100 || s.get(b) != nil {
		t.Error("one that is too large was kept")
	}
	s.put(a, list(1))
	if s.bytes != 64+2*empty {
		t.Errorf("%d bytes after a snapshot was replaced", s.bytes)
	}
	now = now.Add(time.Hour)
	if s.get(a) != nil || s.bytes != 0 || len(s.held) != 0 {
		t.Errorf("expired ones are kept: %d bytes", s.bytes)
	}
	for i := range 1000 { // searches that find nobody, each for somebody else
		s.put(lease{client: "a", filter: fmt.Sprintf("userName eq %q", fmt.Sprint(i))}, keyList{})
	}
	if len(s.held) > 3 {
		t.Errorf("%d empty snapshots are kept", len(s.held))
	}
}

func TestKeyListsKeepEveryKey(t *testing.T) {
	uuid := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	odd := rapid.OneOf(rapid.StringMatching(`[0-9A-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), rapid.StringN(0, 40, 60))
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOf(uuid).Draw(rt, "uuids")
		if rapid.Bool().Draw(rt, "mixed") {
			texts = append(texts, rapid.SliceOf(odd).Draw(rt, "odd")...)
			texts = rapid.Permutation(texts).Draw(rt, "order")
		}
		var l keyList
		var want []backends.Key
		for _, text := range texts {
			l.add(backends.Key(text))
			want = append(want, backends.Key(text))
		}
		l.sort()
		slices.Sort(want)
		want = slices.Compact(want)
		if got := l.slice(0, l.len()); !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
		if len(want) > 0 {
			gone := rapid.IntRange(0, len(want)-1).Draw(rt, "gone")
			l.remove([]int{gone})
			want = slices.Delete(want, gone, gone+1)
			if got := l.slice(0, l.len()); !slices.Equal(got, want) {
				rt.Fatalf("after a removal %q, want %q", got, want)
			}
		}
	})
}

func TestWhatMustBeTestedHereIsBounded(t *testing.T) {
	h := newHouse(t)
	h.people(51) // one more than the mapping's scan
	_, err := h.tryList(h.req("User"), `nickName eq "x!"`, 1, 10)
	if e := wantStatus(t, err, 400, "tooMany"); !strings.Contains(e.Detail, "Narrow") {
		t.Errorf("the sentence does not say what to do: %s", e.Detail)
	}
	h.create("User", `{"userName":"wanted","name":{"givenName":"Barbara"}}`)
	page := h.list("User", `userName sw "w" and nickName eq "Barbara!"`, 1, 10)
	if page.TotalResults != 1 || at(page.Resources[0], "nickName") != "Barbara!" {
		t.Errorf("%d found", page.TotalResults)
	}
}

func TestFiltersThatMeanNothing(t *testing.T) {
	h := newHouse(t)
	for _, text := range []string{`nosuch eq "a"`, `password eq "a"`, `active gt true`} {
		_, err := h.tryList(h.req("User"), text, 1, 10)
		wantStatus(t, err, 400, "invalidFilter")
	}
}

func TestTheOverlayIsSearched(t *testing.T) {
	h := newHouse(t)
	h.create("User", `{"userName":"a","externalId":"00u1"}`)
	h.create("User", `{"userName":"b","externalId":"00u2"}`)
	h.user("c")
	for text, want := range map[string]int{
		`externalId eq "00u1"`:                        1,
		`externalId eq "00U1"`:                        0,
		`externalId eq "nobody"`:                      0,
		`externalId pr`:                               2,
		`not (externalId pr)`:                         1,
		`externalId ne "00u1"`:                        2,
		`externalId sw "00u"`:                         2,
		`externalId ew "2"`:                           1,
		`externalId eq "00u1" and userName eq "b"`:    0,
		`externalId eq "00u1" or userName eq "c"`:     2,
		`externalId co "0" and not (userName eq "a")`: 1,
	} {
		if page := h.list("User", text, 1, 10); page.TotalResults != want || len(page.Resources) != want {
			t.Errorf("%s: %d, want %d", text, page.TotalResults, want)
		}
	}
	other := h.req("User")
	other.Caller.Client = "entra"
	if page, err := h.tryList(other, `externalId eq "00u1"`, 1, 10); err != nil || page.TotalResults != 0 {
		t.Errorf("another client finds the first one's: %v, %v", page, err)
	}
}

func TestOnlyWhatIsWantedIsRead(t *testing.T) {
	h := newHouse(t)
	u := h.create("User", `{"userName":"a","externalId":"00u1","title":"x"}`)
	h.extra.load = &backends.Error{Kind: journal.ErrAway}
	res, err := h.Get(t.Context(), h.shows("User", "title"), u.ID)
	if err != nil {
		t.Fatalf("a read that needs nothing of the overlay fails with it: %v", err)
	}
	if res.Version != "" || at(res.Resource, "title") != "x" {
		t.Errorf("%q %s", res.Version, res.Resource.AppendJSON(nil))
	}
	_, err = h.Get(t.Context(), h.shows("User", "title,externalId"), u.ID)
	wantStatus(t, err, 503, "")
}

func TestNoClientEndsTheLeasesOfOthers(t *testing.T) {
	h := newHouse(t, cursorKey, edit{options: func(o *Options) { o.SnapshotBytes = 6000 }})
	h.people(20)
	entra := h.req("User")
	entra.Caller.Client = "entra"
	leased := func(req scim.Request, a asking) bool {
		t.Helper()
		q := scim.ListQuery{StartIndex: 1, Count: 1, Cursor: a.cursor}
		if a.filter != "" {
			q.Filter = mustParse(t, a.filter)
		}
		f, err := h.newSearch(h.byName["User"], req, q)
		if err != nil {
			t.Fatal(err)
		}
		_, ok := h.snaps.held[f.lease]
		return ok
	}
	for begun, begin := range map[string]func(i int){
		"by cursor": func(int) { h.byCursor("", asking{count: 1}) },
		"by index": func(i int) {
			h.search(asking{count: 1, filter: fmt.Sprintf(`userName sw "u" and userName ne "x%d"`, i)})
		},
		"by both kinds": func(i int) {
			h.byCursor("", asking{count: 1})
			h.search(asking{count: 1, filter: fmt.Sprintf(`userName ne "y%d"`, i)})
		},
	} {
		for _, a := range []asking{{count: 1}, {count: 1, filter: `userName sw "u"`}} {
			if _, err := h.trySearch(entra, a); err != nil {
				t.Fatal(err)
			}
		}
		h.search(asking{count: 1})
		for i := range 40 {
			begin(i)
			if begun == "by cursor" && !leased(h.req("User"), asking{}) {
				t.Fatalf("after %d walks by cursor the client's own walk by index has lost its lease", i+1)
			}
		}
		if !leased(entra, asking{}) || !leased(entra, asking{filter: `userName sw "u"`}) {
			t.Errorf("40 walks %s of another client ended a lease", begun)
		}
		if h.snaps.bytes > 6000 || h.snaps.order.Len() < 4 {
			t.Errorf("%d bytes in %d snapshots", h.snaps.bytes, h.snaps.order.Len())
		}
	}
	h.clock.advance(h.o.SnapshotTTL)
	h.snaps.get(lease{})
	if h.snaps.bytes != 0 || h.snaps.cursors != 0 || len(h.snaps.taken) != 0 {
		t.Errorf("nothing is kept, and %d bytes, %d walks by cursor, %v are counted", h.snaps.bytes, h.snaps.cursors, h.snaps.taken)
	}
}

func mustParse(t *testing.T, text string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
