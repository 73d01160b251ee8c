package adapter

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/backendtest"
	"github.com/scim-adapter/scim-adapter/scim"
)

// seeking makes the directory one that seeks, by keys whose order is not that of their texts: 9 comes before 10.
var seeking = edit{memory: func(m *backendtest.Memory) { m.Numbered = true }}

// inNumbers are ids in the directory's own order.
func inNumbers(ids []string) []string {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return sorted
}

// weighed counts what a directory is asked for.
type weighed struct {
	backends.Backend
	mu      sync.Mutex
	queries []backends.Query
	yielded int
	counts  int
}

func (w *weighed) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	w.mu.Lock()
	w.queries = append(w.queries, q)
	w.mu.Unlock()
	return func(yield func(backends.Record, error) bool) {
		for rec, err := range w.Backend.Walk(ctx, q) {
			w.mu.Lock()
			w.yielded++
			w.mu.Unlock()
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (w *weighed) Count(ctx context.Context, p backends.Predicate, limit int) (int, bool, error) {
	w.mu.Lock()
	w.counts++
	w.mu.Unlock()
	return w.Backend.Count(ctx, p, limit)
}

// since gives what was asked for since the last time.
func (w *weighed) since() (queries []backends.Query, yielded, counts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queries, yielded, counts = w.queries, w.yielded, w.counts
	w.queries, w.yielded, w.counts = nil, 0, 0
	return queries, yielded, counts
}

func (h *house) weigh() *weighed {
	w := &weighed{Backend: h.users.Backend}
	h.users.Backend = w
	return w
}

// quietly makes people without the trouble of a journal.
func (h *house) quietly(n int, title string) (ids []string) {
	h.t.Helper()
	for i := range n {
		attrs := backends.Attributes{"objectClass": backends.Strings("inetOrgPerson")}
		if title != "" {
			attrs["title"] = backends.Strings(title)
		}
		rec, err := h.memory.Class(backendtest.Class{}).Create(h.t.Context(), backends.Template{{Text: fmt.Sprintf("uid=%s%d,ou=people,dc=example,dc=org", title, i)}}, attrs, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, string(rec.Key))
	}
	return ids
}

func TestPagesOfADirectoryThatSeeks(t *testing.T) {
	h := newHouse(t, cursorKey, seeking)
	want := inNumbers(h.people(23))
	if slices.IsSorted(want) {
		t.Fatal("the keys are in the order of their texts")
	}
	for _, text := range []string{"", `userName sw "u"`, `nickName ne "x!"`} {
		for _, count := range []int{1, 5, 22, 23, 24} {
			var byIndex, byCursor, back []string
			for start := 1; start <= 23; start += count {
				page := h.search(asking{filter: text, start: start, count: count})
				if page.TotalResults != 23 || page.StartIndex != start {
					t.Fatalf("%q from %d: %d in all, startIndex %d", text, start, page.TotalResults, page.StartIndex)
				}
				byIndex = append(byIndex, idsOf(page)...)
			}
			var last *scim.List
			for cursor, again := "", true; again; again = cursor != "" {
				page := h.byCursor(cursor, asking{filter: text, count: count})
				if total := page.TotalResults; total != 23 && (text != `nickName ne "x!"` || total != -1) || (last == nil) != (page.PreviousCursor == "") {
					t.Fatalf("%q by cursor: %d in all, previous %q", text, total, page.PreviousCursor)
				}
				byCursor, cursor, last = append(byCursor, idsOf(page)...), page.NextCursor, page
			}
			for back = idsOf(last); last.PreviousCursor != ""; back = append(idsOf(last), back...) {
				if last = h.byCursor(last.PreviousCursor, asking{filter: text, count: count}); last.NextCursor == "" {
					t.Fatalf("%q: nobody follows the page before", text)
				}
			}
			for name, got := range map[string][]string{"by index": byIndex, "by cursor": byCursor, "backwards": back} {
				if !slices.Equal(got, want) {
					t.Errorf("%q in pages of %d %s: %v", text, count, name, got)
				}
			}
		}
	}
}

// TestAPageCostsWhatItShows: neither a page by cursor nor one in the middle by index walks past more records than it has, and one.
func TestAPageCostsWhatItShows(t *testing.T) {
	h := newHouse(t, cursorKey, seeking, edit{options: func(o *Options) { o.NativeTTL = time.Hour }}) // whether there is a memberOf is counted, too
	ids := h.quietly(300, "")
	w := h.weigh()
	cheap := func(what string, counts int) []backends.Query {
		t.Helper()
		queries, yielded, counted := w.since()
		if yielded > 11 || counted != counts || slices.ContainsFunc(queries, func(q backends.Query) bool { return q.Limit == 0 }) {
			t.Errorf("%s: %d records, %d counts, %+v", what, yielded, counted, queries)
		}
		return queries
	}
	first := h.byCursor("", asking{count: 10})
	w.since()
	second := h.byCursor(first.NextCursor, asking{count: 10})
	cheap("by cursor", 0)
	if second.TotalResults != 300 {
		t.Errorf("the cursor has forgotten how many there are: %d", second.TotalResults)
	}
	h.search(asking{start: 1, count: 10})
	cheap("the first by index", 1)
	h.search(asking{start: 11, count: 10})
	if q := cheap("the next by index", 0); q[0].After != backends.Key(ids[9]) || q[0].Skip != 0 {
		t.Errorf("the next page is not sought: %+v", q)
	}
	page := h.search(asking{start: 151, count: 10})
	if q := cheap("one in the middle", 0); q[0].Skip != 130 || q[0].After != backends.Key(ids[19]) || page.TotalResults != 300 || idsOf(page)[0] != ids[150] {
		t.Errorf("a page in the middle: %+v", q)
	}
	h.clock.advance(h.o.SnapshotTTL)
	page = h.search(asking{start: 171, count: 10})
	if q := cheap("one without a lease", 1); q[0].Skip != 170 || page.TotalResults != 300 || idsOf(page)[0] != ids[170] {
		t.Errorf("a page without a lease: %+v", q)
	}
	h.search(asking{start: 181, count: 10})
	cheap("behind it", 0)
	if page = h.search(asking{start: 400, count: 10}); page.TotalResults != 300 || len(page.Resources) != 0 {
		t.Errorf("behind the end: %d of %d", len(page.Resources), page.TotalResults)
	}
	cheap("behind the end", 0)
}

// changing makes people come into a search and leave it anywhere in its order, by what it asks for.
type changing struct {
	h       *house
	all     []string
	in      map[string]bool
	there   map[string]bool // who has been in it all the time
	seen    map[string]int
	backend backends.Backend
}

func (h *house) changing(n int, rt *rapid.T) *changing {
	c := &changing{h: h, in: map[string]bool{}, there: map[string]bool{}, seen: map[string]int{}, backend: h.memory.Class(backendtest.Class{})}
	prefix := rapid.StringMatching(`[a-z]{12}`).Draw(rt, "prefix")
	c.all = h.quietly(n, prefix)
	for _, id := range c.all {
		c.set(id, rapid.Bool().Draw(rt, "in"))
		if c.in[id] {
			c.there[id] = true
		}
	}
	return c
}

func (c *changing) set(id string, in bool) {
	change := backends.Change{Op: backends.Replace, Attr: "title"}
	if in {
		change.Values = backends.Strings("in")
	} else {
		delete(c.there, id)
	}
	c.in[id] = in
	if _, err := c.backend.Modify(c.h.t.Context(), backends.Key(id), []backends.Change{change}, backends.Condition{}, nil); err != nil {
		c.h.t.Fatal(err)
	}
}

func (c *changing) some(rt *rapid.T) {
	for range rapid.IntRange(0, 6).Draw(rt, "changes") {
		c.set(rapid.SampledFrom(c.all).Draw(rt, "who"), rapid.Bool().Draw(rt, "in"))
	}
}

func (c *changing) page(page *scim.List) {
	for _, id := range idsOf(page) {
		c.seen[id]++
	}
}

func (c *changing) check(rt *rapid.T) {
	for id := range c.there {
		if c.seen[id] != 1 {
			rt.Errorf("%s was on %d pages", id, c.seen[id])
		}
	}
	for id, times := range c.seen {
		if times > 1 {
			rt.Errorf("%s was on %d pages", id, times)
		}
	}
	for _, id := range c.all {
		if err := c.backend.Delete(c.h.t.Context(), backends.Key(id), backends.Condition{}); err != nil {
			rt.Fatal(err)
		}
	}
}

var wide = edit{user: func(text string) string { return strings.Replace(text, "scan: 50", "scan: 5000", 1) }}

func TestWhoIsThereThroughoutIsOnOnePageWithoutAList(t *testing.T) {
	h := newHouse(t, cursorKey, seeking, wide)
	rapid.Check(t, func(rt *rapid.T) {
		c := h.changing(rapid.IntRange(1, 60).Draw(rt, "people"), rt)
		a := asking{filter: `title eq "in"`, count: rapid.IntRange(1, 9).Draw(rt, "count")}
		if rapid.Bool().Draw(rt, "rest") {
			a.filter += ` and nickName ne "x"`
		}
		for a.start = 1; ; c.some(rt) {
			page := h.search(a)
			c.page(page)
			a.start += len(page.Resources)
			if page.TotalResults < a.start { // the client has seen as many as there are
				break
			}
			if len(page.Resources) == 0 {
				rt.Fatalf("nobody is on the page from %d, of %d", a.start, page.TotalResults)
			}
		}
		c.check(rt)
	})
}

func TestWhoIsThereThroughoutIsSeenOnceWhereTheDirectorySeeks(t *testing.T) {
	h := newHouse(t, cursorKey, seeking, wide)
	rapid.Check(t, func(rt *rapid.T) {
		c := h.changing(rapid.IntRange(1, 60).Draw(rt, "people"), rt)
		a := asking{filter: `title eq "in"`, count: rapid.IntRange(1, 9).Draw(rt, "count")}
		if rapid.Bool().Draw(rt, "rest") {
			a.filter += ` and nickName ne "x"`
		}
		for cursor, again := "", true; again; c.some(rt) {
			page := h.byCursor(cursor, a)
			c.page(page)
			if page.NextCursor != "" && len(page.Resources) < a.count {
				rt.Fatalf("%d people, and more behind them", len(page.Resources))
			}
			cursor, again = page.NextCursor, page.NextCursor != ""
		}
		c.check(rt)
	})
}

// TestTotalsFollowWhatHappensBehindAPage: the number is what it was at the beginning until it would make the client stop too soon or too late.
func TestTotalsFollowWhatHappensBehindAPage(t *testing.T) {
	h := newHouse(t, seeking)
	h.quietly(10, "in")
	a := asking{filter: `title eq "in"`, start: 1, count: 4}
	c := &changing{h: h, in: map[string]bool{}, there: map[string]bool{}, backend: h.memory.Class(backendtest.Class{})}
	others := h.quietly(3, "out")
	ask := func(start, people, total int) *scim.List {
		t.Helper()
		a.start = start
		page := h.search(a)
		if len(page.Resources) != people || page.TotalResults != total {
			t.Errorf("from %d: %d of %d, want %d of %d", start, len(page.Resources), page.TotalResults, people, total)
		}
		return page
	}
	ask(1, 4, 10)
	gone := idsOf(ask(5, 4, 10))
	for _, id := range others {
		c.set(id, true)
	}
	ask(9, 4, 13)
	ask(13, 1, 13)
	ask(14, 0, 13)
	ask(1, 4, 13)
	for _, id := range append(others, gone...) {
		c.set(id, false)
	}
	ask(5, 2, 6)
	ask(7, 0, 6)
	ask(1, 4, 6)
	c.set(gone[0], true)
	if page := h.list("User", a.filter, 1, 0); page.TotalResults != 7 || len(page.Resources) != 0 {
		t.Errorf("count=0: %d", page.TotalResults)
	}
}

// TestWhoKeepsComingIsNotWaitedFor: where new keys are the greatest, a client that reads slowly comes to an end all the same.
func TestWhoKeepsComingIsNotWaitedFor(t *testing.T) {
	h := newHouse(t, seeking)
	h.quietly(5, "in")
	for start, pages := 1, 0; ; pages++ {
		page := h.search(asking{start: start, count: 1})
		if start += len(page.Resources); start > page.TotalResults {
			break
		}
		if pages > 20 {
			t.Fatal("no end")
		}
		h.quietly(2, fmt.Sprintf("new%d-", pages))
	}
}

func TestTheTrailsOfManyClientsAreBounded(t *testing.T) {
	h := newHouse(t, seeking, edit{options: func(o *Options) { o.SnapshotBytes = 20_000 }})
	h.quietly(60, "")
	for start := 1; start < 60; start += 2 {
		for client := range 40 {
			req := h.req("User")
			req.Caller.Client = fmt.Sprint("client", client)
			page, err := h.trySearch(req, asking{start: start, count: 2})
			if err != nil || page.TotalResults != 60 || len(page.Resources) != 2 {
				t.Fatalf("%d of %d: %v", len(page.Resources), page.TotalResults, err)
			}
			size := 0
			for element := h.snaps.order.Front(); element != nil; element = element.Next() {
				size += snapshotIn(element).size
			}
			if size != h.snaps.bytes || size > 20_000 {
				t.Fatalf("%d bytes, counted as %d", size, h.snaps.bytes)
			}
		}
	}
	trail := trail{}
	for end := range 3 * mostMarks {
		trail.add(mark{end, "k"})
		if last := trail.marks[len(trail.marks)-1]; len(trail.marks) > mostMarks || last.end != end || !slices.IsSortedFunc(trail.marks, func(a, b mark) int { return a.end - b.end }) {
			t.Fatalf("%d marks, the last at %d", len(trail.marks), last.end)
		}
	}
}

// TestTheFirstPageInOrderIsTheDirectorys: no more than the page is read in a sorted search, until another page is asked for.
func TestTheFirstPageInOrderIsTheDirectorys(t *testing.T) {
	single := edit{memory: func(m *backendtest.Memory) {
		title := m.Schema["title"]
		title.Single = true
		m.Schema["title"] = title
	}}
	for _, order := range []string{"", "descending"} {
		h := newHouse(t, seeking, single, edit{options: func(o *Options) { o.NativeTTL = time.Hour }})
		var want []string // by title, and those of one title together
		byTitle := map[string][]string{}
		for i := range 30 {
			title := string(rune('a' + i*7%5))
			byTitle[title] = append(byTitle[title], h.quietly(1, fmt.Sprintf("%s%d", title, i))...)
		}
		for _, ids := range byTitle {
			want = append(want, ids...)
		}
		h.search(asking{count: 1})
		w := h.weigh()
		a := asking{by: "title", order: order, start: 1, count: 7}
		page := h.search(a)
		if queries, yielded, _ := w.since(); yielded > 8 || len(queries) != 1 || queries[0].Sort == nil {
			t.Errorf("%d records for the first page: %+v", yielded, queries)
		}
		var got, titles []string
		for {
			if page.TotalResults != 30 {
				t.Errorf("%d in all", page.TotalResults)
			}
			for i, res := range page.Resources {
				title, _ := at(res, "title").(string)
				got, titles = append(got, idsOf(page)[i]), append(titles, title)
			}
			if a.start += len(page.Resources); a.start > 30 {
				break
			}
			if page = h.search(a); len(page.Resources) == 0 {
				t.Fatal("nobody is on the page")
			}
		}
		if order != "" {
			slices.Reverse(titles)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || !slices.IsSorted(titles) {
			t.Errorf("%s: %v, %v", order, got, titles)
		}
		w.Backend = &walks{Backend: w.Backend, busy: true}
		if page = h.search(asking{by: "title", order: order, start: 1, count: 7}); page.TotalResults != 30 {
			t.Errorf("where the directory has no time to sort: %d", page.TotalResults)
		}
	}
}

func TestAnOrderThatIsNotTheOneShownIsMadeHere(t *testing.T) {
	h := newHouse(t, seeking)
	h.family()
	w := h.weigh()
	if got := namesOf(h.search(asking{by: "title", count: 2, start: 1})); got != "x m" {
		t.Errorf("%s", got)
	}
	queries, _, _ := w.since()
	if slices.ContainsFunc(queries, func(q backends.Query) bool { return q.Sort != nil }) {
		t.Errorf("title may hold several values there, and the first is shown: %+v", queries)
	}
}

func TestAPartOfADirectoryThatSeeks(t *testing.T) {
	h := newHouse(t, cursorKey, seeking)
	ids := h.quietly(12, "in")
	first := h.mustPart("", scim.ListQuery{StartIndex: 1, Count: 20}, scim.Part{Of: "root", Anew: true})
	h.quietly(3, "late")
	for _, start := range []int{13, 14, 40} {
		if page := h.mustPart("", scim.ListQuery{StartIndex: start, Count: 5}, scim.Part{Of: "root"}); page.TotalResults != 12 || len(page.Resources) != 0 {
			t.Errorf("from %d: %d of %d; where the next type begins is counted from it", start, len(page.Resources), page.TotalResults)
		}
	}
	if page := h.mustPart("", scim.ListQuery{StartIndex: 3, Count: 4}, scim.Part{Of: "root"}); first.TotalResults != 12 || page.TotalResults != 12 || !slices.Equal(idsOf(page), ids[2:6]) {
		t.Errorf("%d and %d: %v", first.TotalResults, page.TotalResults, idsOf(page))
	}
	places := func(anew bool) int {
		return h.mustPart("", scim.ListQuery{StartIndex: 1}, scim.Part{Of: "sorted", Anew: anew, Places: 100}).TotalResults
	}
	if got := places(true); got != 15 {
		t.Errorf("%d places", got)
	}
	h.quietly(1, "latest")
	if got := places(false); got != 15 {
		t.Errorf("%d places in the list that is kept", got)
	}
	if page := h.mustPart("", scim.ListQuery{StartIndex: 1, Count: 3}, scim.Part{Of: "sorted"}); page.TotalResults != 15 || !slices.Equal(idsOf(page), ids[:3]) {
		t.Errorf("%v of %d", idsOf(page), page.TotalResults)
	}
	if got := places(true); got != 16 {
		t.Errorf("%d places in a new list", got)
	}
}
