package adapter

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// walks is a backend whose walks are looked at, and changed.
type walks struct {
	backends.Backend
	mu        sync.Mutex
	orderless bool // the directory does not sort
	busy      bool // it has no time to sort
	queries   []backends.Query
	twice     bool // each record is walked past twice, as if all were moving
}

func (w *walks) Sorts(by backends.Sort) bool { return !w.orderless && w.Backend.Sorts(by) }

func (w *walks) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	w.mu.Lock()
	w.queries = append(w.queries, q)
	w.mu.Unlock()
	return func(yield func(backends.Record, error) bool) {
		if w.busy && q.Sort != nil {
			yield(backends.Record{}, &backends.Error{Kind: backends.ErrUnavailable})
			return
		}
		var again []backends.Record
		for rec, err := range w.Backend.Walk(ctx, q) {
			if !yield(rec, err) {
				return
			}
			again = append(again, rec)
		}
		for _, rec := range again {
			if w.twice && !yield(rec, nil) {
				return
			}
		}
	}
}

// overlook puts walks in front of the users' backend.
func (h *house) overlook(orderless bool) *walks {
	w := &walks{Backend: h.users.Backend, orderless: orderless}
	h.users.Backend = w
	return w
}

// asking is one search as a client writes it.
type asking struct {
	filter, by, order string
	start, count      int
	cursor            *string
}

func (h *house) trySearch(req scim.Request, a asking) (*scim.List, error) {
	h.t.Helper()
	q := scim.ListQuery{StartIndex: max(1, a.start), Count: a.count, Cursor: a.cursor}
	var err error
	if a.filter != "" {
		if q.Filter, err = filter.Parse(a.filter); err != nil {
			h.t.Fatal(err)
		}
	}
	if q.Sort, err = req.Type.ParseSort(a.by, a.order); err != nil {
		h.t.Fatal(err)
	}
	return h.List(h.t.Context(), req, q)
}

func (h *house) search(a asking) *scim.List {
	h.t.Helper()
	page, err := h.trySearch(h.req("User"), a)
	if err != nil {
		h.t.Fatalf("%+v: %v", a, err)
	}
	return page
}

func namesOf(page *scim.List) string {
	names := make([]string, len(page.Resources))
	for i, res := range page.Resources {
		names[i], _ = at(res, "userName").(string)
	}
	return strings.Join(names, " ")
}

// family creates people of whom each differs in what can be sorted by. Their userNames are not in the order of their keys.
func (h *house) family() {
	boss := h.create("User", `{"userName":"m","name":{"familyName":"Zander","givenName":"ada"},"title":"boss","externalId":"9","active":true,
		"emails":[{"value":"z@example.org","type":"work"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7"}}`)
	h.create("User", `{"userName":"Q","name":{"familyName":"abel"},"title":"Boss","externalId":"1","active":false,
		"emails":[{"value":"B@example.org","type":"work"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"10","manager":{"value":"`+boss.ID+`"}}}`)
	h.create("User", `{"userName":"c","name":{"familyName":"Abel","givenName":"Bert"},"emails":[{"value":"a@example.org","type":"work"}]}`)
	h.create("User", `{"userName":"x","title":"aide"}`)
}

func TestSortedLists(t *testing.T) {
	for _, orderless := range []bool{false, true} {
		h := newHouse(t)
		h.overlook(orderless)
		h.family()
		for _, tc := range []struct{ by, up, down string }{
			{"userName", "c m Q x", "x Q m c"},
			{"USERname", "c m Q x", "x Q m c"},
			{"name.familyName", "Q c m x", "x m Q c"}, // equal ones by their keys; who has none is last, and first when descending
			{"name.givenName", "m c Q x", "Q x c m"},
			{"title", "x m Q c", "c m Q x"},
			{"emails", "c Q m x", "x m Q c"},
			{"emails.type", "m Q c x", "x m Q c"},
			{"active", "Q m c x", "m c x Q"},
			{"employeeNumber", "Q m c x", "c x m Q"},
			{"externalId", "Q m c x", "c x m Q"},
			{"manager", "Q m c x", "m c x Q"},
			{"nickName", "Q x m c", "c m Q x"}, // an expression, which makes "!" of nothing
			{"id", "m Q c x", "x c Q m"},
			{"meta.location", "m Q c x", "x c Q m"},
		} {
			for _, count := range []int{-1, 4, 3, 1} {
				for order, want := range map[string]string{"": tc.up, "descending": tc.down} {
					var got []string
					for start := 1; start <= 4; start++ {
						page := h.search(asking{by: tc.by, order: order, start: start, count: count})
						if page.TotalResults != 4 || page.StartIndex != start {
							t.Fatalf("%d from %d", page.TotalResults, page.StartIndex)
						}
						got = append(got, namesOf(page))
						start += max(0, len(page.Resources)-1)
					}
					if got := strings.Join(got, " "); got != want {
						t.Errorf("the directory sorts: %t; by %s %s, pages of %d: %s, want %s", !orderless, tc.by, order, count, got, want)
					}
				}
			}
		}
	}
}

func TestWhatIsSortedIsFilteredToo(t *testing.T) {
	h := newHouse(t)
	h.family()
	for text, want := range map[string]string{
		`userName ne "m"`:  "x Q c",
		`nickName ne "!"`:  "m c", // tested here
		`title eq "BOSS"`:  "Q m",
		`title eq "lord"`:  "",
		`nickName co "rt"`: "c",
	} {
		for _, count := range []int{10, 1} {
			var got []string
			for start := 1; start < 4; start += count {
				if page := h.search(asking{filter: text, by: "userName", order: "descending", start: start, count: count}); len(page.Resources) > 0 {
					got = append(got, namesOf(page))
				}
			}
			if got := strings.Join(got, " "); got != want {
				t.Errorf("%s, pages of %d: %q, want %q", text, count, got, want)
			}
		}
	}
}

func TestASortReadsOnlyWhatItNeeds(t *testing.T) {
	h := newHouse(t)
	w := h.overlook(false)
	h.family()
	w.queries = nil
	h.search(asking{by: "name.givenName", count: 2})
	if last := w.queries[len(w.queries)-1]; !slices.Equal(last.Attrs, []string{"givenName"}) {
		t.Errorf("%+v", last)
	}
	h.search(asking{by: "externalId", count: 2})
	if last := w.queries[len(w.queries)-1]; len(last.Attrs) != 0 || last.Sort != nil {
		t.Errorf("%+v", last)
	}
}

func TestWhatIsSortedByNeedNotBeShown(t *testing.T) {
	h := newHouse(t)
	h.family()
	for _, count := range []int{10, 3} {
		page, err := h.trySearch(h.shows("User", "userName"), asking{by: "name.familyName", count: count})
		if err != nil {
			t.Fatal(err)
		}
		if at(page.Resources[0], "name") != nil || !strings.HasPrefix(namesOf(page), "Q c m") {
			t.Errorf("%s: %s", namesOf(page), page.Resources[0])
		}
	}
}

func TestReferencesAreSortedByTheIdsThatTheyShow(t *testing.T) {
	h := newHouse(t)
	h.family()
	users := h.search(asking{by: "userName", count: 4}).Resources
	id := func(i int) string { return fmt.Sprint(at(users[i], "id")) }
	h.group("zeta", id(0), id(3)) // its key comes first
	h.group("alpha", id(1))
	if got := namesOf(h.search(asking{by: "groups", count: 2})); got != "c x" {
		t.Errorf("by groups: %s", got)
	}
	if got := namesOf(h.search(asking{by: "groups.value", count: 3, order: "descending"})); got != "Q m c" {
		t.Errorf("by groups, descending: %s", got)
	}
}

func TestWhatIsSortedHereIsBounded(t *testing.T) {
	h := newHouse(t, edit{options: func(o *Options) { o.MaxSort = 10 }})
	w := h.overlook(true)
	var names []string
	for i := range 12 {
		name := string(rune('z' - i))
		h.create("User", fmt.Sprintf(`{"userName":%q,"title":"t%d"}`, name, i/4))
		names = append(names, name)
	}
	for _, cursor := range []*string{nil, new("")} {
		_, err := h.trySearch(h.req("User"), asking{by: "userName", count: 5, cursor: cursor})
		if e := wantStatus(t, err, 400, "tooMany"); !strings.Contains(e.Detail, "scim.max_sort") || !strings.Contains(e.Detail, "filter") {
			t.Errorf("the sentence does not say what to do: %s", e.Detail)
		}
	}
	if page := h.search(asking{by: "userName", filter: `userName gt "r"`, count: 3}); namesOf(page) != "s t u" {
		t.Errorf("within the bound: %s", namesOf(page))
	}
	if page := h.search(asking{by: "userName", count: 0}); page.TotalResults != 12 {
		t.Errorf("a number has no order: %d", page.TotalResults)
	}

	w.orderless = false // a directory that sorts knows no bound
	slices.Sort(names)
	var got []string
	for start := 1; start < 12; start += 5 {
		got = append(got, namesOf(h.search(asking{by: "userName", start: start, count: 5})))
	}
	if got := strings.Join(got, " "); got != strings.Join(names, " ") {
		t.Errorf("sorted by the directory: %s", got)
	}
	if got := namesOf(h.search(asking{by: "title", count: 6})); got != "z y x w v u" {
		t.Errorf("those who are equal are in the order of their keys: %s", got)
	}
	var all []string
	for cursor := ""; ; {
		page := h.search(asking{by: "title", order: "descending", count: 5, cursor: &cursor})
		all = append(all, namesOf(page))
		h.snaps.drop(h.leaseOf(asking{by: "title", order: "descending", cursor: &cursor}))
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if got := strings.Join(all, " "); got != "r q p o v u t s z y x w" {
		t.Errorf("by cursor: %s", got)
	}
}

// TestADirectoryIsAskedForAnOrderOnlyWhenItIsNeeded: its sorts are few, and up to MaxSort it is sorted here whatever it says.
func TestADirectoryIsAskedForAnOrderOnlyWhenItIsNeeded(t *testing.T) {
	h := newHouse(t, edit{options: func(o *Options) { o.MaxSort = 10 }})
	w := h.overlook(false)
	h.people(12)
	ordered := func() (n int) {
		for _, q := range w.queries {
			if q.Sort != nil {
				n++
			}
		}
		return n
	}
	h.search(asking{by: "userName", filter: `userName lt "u010"`, count: 3})
	if n := ordered(); n != 0 {
		t.Errorf("ten people: %d walks in the directory's order", n)
	}
	if page := h.search(asking{by: "userName", count: 3}); ordered() != 1 || namesOf(page) != "u000 u001 u002" || page.TotalResults != 12 {
		t.Errorf("twelve people: %d walks in the directory's order, %s of %d", ordered(), namesOf(page), page.TotalResults)
	}
	w.queries = nil
	w.busy = true
	if page := h.search(asking{by: "userName", filter: `userName lt "u010"`, order: "descending", count: 3}); namesOf(page) != "u009 u008 u007" {
		t.Errorf("ten people: %s", namesOf(page))
	}
	_, err := h.trySearch(h.req("User"), asking{by: "userName", order: "descending", count: 3})
	wantStatus(t, err, 503, "")
	w.queries = nil
	_, err = h.trySearch(h.req("User"), asking{by: "nickName", count: 3})
	wantStatus(t, err, 400, "tooMany")
	if n := ordered(); n != 0 {
		t.Errorf("an expression: %d walks in the directory's order", n)
	}
}

// lonely is a backend that fails when a walk begins while another one is open, as those may do that have one connection.
type lonely struct {
	backends.Backend
	open *atomic.Int32
	most *atomic.Int32
}

func (l lonely) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		l.most.Store(max(l.most.Load(), l.open.Add(1)))
		defer l.open.Add(-1)
		for rec, err := range l.Backend.Walk(ctx, q) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Holders may have to walk, too.
func (l lonely) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	l.most.Store(max(l.most.Load(), l.open.Add(1)))
	defer l.open.Add(-1)
	return l.Backend.Holders(ctx, attr, names, attrs)
}

func (l lonely) Count(ctx context.Context, p backends.Predicate, limit int) (n int, exact bool, err error) {
	for _, err := range l.Walk(ctx, backends.Query{Where: p}) {
		if err != nil {
			return 0, false, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, true, nil
}

// TestNoWalkBeginsWithinAnother: each holds a connection until it ends, and where all are held by walks that need one more, nobody goes on.
func TestNoWalkBeginsWithinAnother(t *testing.T) {
	nested := edit{
		user: func(text string) string {
			return strings.NewReplacer("scan: 50", "scan: 500", "groups: [memberOf | ref(Group), reverse(Group.members)]", "groups: {from: memberOf | ref(Group), nested: true}").Replace(text)
		},
	}
	reverse := edit{user: func(text string) string { return strings.Replace(text, "scan: 50", "scan: 500", 1) }}
	for name, e := range map[string]edit{"groups are found from the other side": reverse, "groups may be nested": nested} {
		h := newHouse(t, e)
		ids := h.people(restBatch + 10)
		h.group("g", ids[:3]...)
		var open, most atomic.Int32
		h.users.Backend = lonely{h.users.Backend, &open, &most}
		h.groups.Backend = lonely{h.groups.Backend, &open, &most}
		for _, a := range []asking{{by: "groups", count: 3}, {by: "groups.type", count: 3}, {by: "groups", count: 3, filter: `nickName ne "x"`}} {
			most.Store(0)
			if page := h.search(a); page.TotalResults != len(ids) {
				t.Errorf("%s, %+v: %d people", name, a, page.TotalResults)
			}
			if n := most.Load(); n != 1 {
				t.Errorf("%s, %+v: %d walks at a time", name, a, n)
			}
		}
	}
}

func TestOnlySomeSearchesAreSortedAtATime(t *testing.T) {
	h := newHouse(t)
	h.people(5)
	for range mostSorts {
		done, err := h.beginSort(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	by, err := h.byName["User"].rt.ParseSort("userName", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.List(ctx, h.req("User"), scim.ListQuery{StartIndex: 1, Count: 2, Sort: by}); err == nil {
		t.Error("one more is sorted")
	}
	if page := h.search(asking{count: 2}); page.TotalResults != 5 {
		t.Errorf("what need not be sorted waits: %d", page.TotalResults)
	}
	if page := h.search(asking{count: 0, by: "userName"}); page.TotalResults != 5 {
		t.Errorf("a number waits: %d", page.TotalResults)
	}
}

// leaseOf is the lease of a search by cursor.
func (h *house) leaseOf(a asking) lease {
	h.t.Helper()
	by, err := h.byName["User"].rt.ParseSort(a.by, a.order)
	if err != nil {
		h.t.Fatal(err)
	}
	f, err := h.newSearch(h.byName["User"], h.req("User"), scim.ListQuery{Sort: by, Cursor: a.cursor})
	if err != nil {
		h.t.Fatal(err)
	}
	return f.lease
}

func TestAnOrderByIDKnowsNoBound(t *testing.T) {
	h := newHouse(t, edit{options: func(o *Options) { o.MaxSort = 10 }})
	h.overlook(true)
	want := h.people(12)
	for _, cursor := range []bool{false, true} {
		var got []string
		next := ""
		for start := 1; start <= 12; start += 5 {
			a := asking{by: "ID", start: start, count: 5}
			if cursor {
				a.cursor = new(next)
			}
			page := h.search(a)
			got, next = append(got, idsOf(page)...), page.NextCursor
		}
		if !slices.Equal(got, want) {
			t.Errorf("by cursor %v: %v", cursor, got)
		}
	}
	_, err := h.trySearch(h.req("User"), asking{by: "id", order: "descending", count: 5})
	wantStatus(t, err, 400, "tooMany")
}

func TestReverseReferencesAreSortedWithinTheScan(t *testing.T) {
	h := newHouse(t)
	h.people(51) // one more than the mapping's scan
	_, err := h.trySearch(h.req("User"), asking{by: "groups", count: 5})
	wantStatus(t, err, 400, "tooMany")
}

func TestWhoMovedDuringTheWalkStaysOnce(t *testing.T) {
	h := newHouse(t)
	w := h.overlook(true)
	h.family()
	w.twice = true
	for _, count := range []int{10, 3} {
		page := h.search(asking{by: "userName", count: count})
		if got := namesOf(page); page.TotalResults != 4 || !strings.HasPrefix("c m Q x", got) {
			t.Errorf("%d: %s", page.TotalResults, got)
		}
	}
}

func TestSortsHaveSnapshotsOfTheirOwn(t *testing.T) {
	h := newHouse(t)
	h.people(6)
	h.search(asking{by: "userName", count: 2})
	h.search(asking{by: "userName", order: "descending", count: 2})
	h.search(asking{count: 2})
	h.user("u0000") // nobody's snapshot has it
	for order, want := range map[string]string{"": "u002 u003", "descending": "u003 u002"} {
		if page := h.search(asking{by: "userName", order: order, start: 3, count: 2}); namesOf(page) != want || page.TotalResults != 6 {
			t.Errorf("%s: %s of %d", order, namesOf(page), page.TotalResults)
		}
	}
	if page := h.search(asking{by: "title", start: 3, count: 2}); page.TotalResults != 7 {
		t.Errorf("another order sees the snapshot of the first: %d", page.TotalResults)
	}
}
