package scimapi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// memory answers List from resources that it holds, by index, by cursor and in order, and keeps what it was asked.
type memory struct {
	held  map[string][]*scim.Object // by type
	asked []string
}

func (m *memory) list(r scim.Request, q scim.ListQuery) (*scim.List, error) {
	m.asked = append(m.asked, heard(r, q))
	var found []*scim.Object
	for _, res := range m.held[r.Type.Name] {
		if q.Filter == nil || scim.Match(q.Filter, r.Type, res) {
			found = append(found, res)
		}
	}
	if q.Sort != nil {
		slices.SortStableFunc(found, func(a, b *scim.Object) int { return q.Sort.Compare(q.Sort.Key(a), q.Sort.Key(b)) })
	}
	page := &scim.List{TotalResults: len(found), StartIndex: q.StartIndex}
	part := q.Part
	if part == nil {
		part = &scim.Part{}
	}
	if part.Places > 0 {
		for _, res := range found[:min(part.Places, len(found))] {
			if q.Sort != nil {
				page.Places = append(page.Places, q.Sort.Key(res))
			}
		}
		return page, nil
	}
	if q.Count < 0 {
		q.Count = len(found)
	}
	from, mark := min(q.StartIndex-1, len(found)), r.Type.Name+" of "+part.Of+" at "
	if q.Cursor != nil {
		from, page.TotalResults, page.StartIndex = 0, -1, 0
		if *q.Cursor != "" {
			text, err := hex.DecodeString(*q.Cursor)
			at, ours := strings.CutPrefix(string(text), mark)
			if from, _ = strconv.Atoi(at); err != nil || !ours {
				return nil, scim.BadRequest(scim.InvalidCursor, "That is no cursor.")
			}
		}
	}
	to := min(from+q.Count, len(found))
	if q.Cursor != nil && (to < len(found) || q.Count == 0 && part.Of != "") {
		page.NextCursor = hex.EncodeToString(fmt.Appendf(nil, "%s%d", mark, to))
	}
	for _, res := range found[from:to] {
		page.Resources = append(page.Resources, r.Type.Project(res, r.Projection))
	}
	return page, nil
}

// memoryStage serves users u1…, of whom each third has a title, and groups g1….
func memoryStage(t *testing.T, users, groups int, change ...func(*Options)) (*stage, *memory) {
	t.Helper()
	s := newStage(t, change...)
	m := &memory{held: map[string][]*scim.Object{}}
	for i := 1; i <= users; i++ {
		text := fmt.Sprintf(`{"id":"u%d","userName":"user%02d","displayName":"%c%02d","meta":{"resourceType":"User"}}`, i, i, 'a'+i%2, users-i)
		if i%3 == 0 {
			text = strings.Replace(text, `"meta"`, fmt.Sprintf(`"title":"t%d","meta"`, i), 1)
		}
		m.hold(t, "User", text)
	}
	for i := 1; i <= groups; i++ {
		m.hold(t, "Group", fmt.Sprintf(`{"id":"g%d","displayName":"%c%02d","members":[{"value":"u%d"}],"meta":{"resourceType":"Group"}}`, i, 'a'+i%2, i, i))
	}
	s.service.list = m.list
	return s, m
}

func (m *memory) hold(t *testing.T, kind, text string) {
	t.Helper()
	o, err := scim.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m.held[kind] = append(m.held[kind], o)
}

type page struct {
	Total     *int   `json:"totalResults"`
	Start     *int   `json:"startIndex"`
	Next      string `json:"nextCursor"`
	Resources []map[string]any
}

func (p page) ids() []string {
	ids := []string{}
	for _, r := range p.Resources {
		ids = append(ids, fmt.Sprint(r["id"]))
	}
	return ids
}

// root asks at the root, by URL and by body, and fails where these differ.
func (s *stage) root(t *testing.T, params ...string) page {
	t.Helper()
	q, body := url.Values{}, map[string]string{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
		body[params[i]] = params[i+1]
	}
	w := s.do("GET", "/scim/v2?"+q.Encode(), "")
	if w.Code != 200 {
		t.Fatalf("%v: %d %s", params, w.Code, w.Body)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if posted := s.do("POST", "/scim/v2/.search", string(text)); posted.Body.String() != w.Body.String() {
		t.Errorf("%v: POST answers %s\nand GET %s", params, posted.Body, w.Body)
	}
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (m *memory) everybody() []string {
	var ids []string
	for _, kind := range []string{"User", "Group"} {
		for _, o := range m.held[kind] {
			ids = append(ids, fmt.Sprint(part(o, "id")))
		}
	}
	return ids
}

func TestPagesAtTheRootSpanTheTypes(t *testing.T) {
	s, m := memoryStage(t, 7, 5)
	want := m.everybody()
	for size := 1; size <= 13; size++ {
		var got []string
		for start := 1; start <= 12; start += size {
			p := s.root(t, "startIndex", strconv.Itoa(start), "count", strconv.Itoa(size))
			if *p.Total != 12 || *p.Start != start || len(p.Resources) != min(size, 13-start) {
				t.Fatalf("%d from %d: %d of %d from %d", size, start, len(p.Resources), *p.Total, *p.Start)
			}
			got = append(got, p.ids()...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d show %v", size, got)
		}
	}
	for _, c := range []struct{ start, count string }{{"1", "0"}, {"13", "5"}, {"99999999999999999999", "5"}} {
		if p := s.root(t, "startIndex", c.start, "count", c.count); *p.Total != 12 || len(p.Resources) != 0 {
			t.Errorf("%v: %v of %d", c, p.ids(), *p.Total)
		}
	}
	m.asked = nil
	s.root(t, "startIndex", "2", "count", "3")
	if want := []string{"User start=2 count=3", "Group start=1 count=0"}; !slices.Equal(m.asked[:2], want) {
		t.Errorf("asked %q, want %q: what adds nothing to the page is only counted", m.asked[:2], want)
	}
	if p := s.root(t); len(p.Resources) != 12 {
		t.Errorf("without a count: %v", p.ids())
	}
	few, _ := memoryStage(t, 7, 5, func(o *Options) { o.DefaultCount, o.MaxCount = 3, 9 })
	if p := few.root(t); len(p.Resources) != 3 {
		t.Errorf("a page has the default count: %v", p.ids())
	}
	if p := few.root(t, "count", "100"); len(p.Resources) != 9 {
		t.Errorf("a page has at most the maximum: %v", p.ids())
	}
}

func TestCursorsAtTheRootGoFromTypeToType(t *testing.T) {
	for _, held := range [][2]int{{7, 5}, {0, 5}, {7, 0}, {0, 0}, {4, 4}} {
		s, m := memoryStage(t, held[0], held[1])
		for size := 1; size <= 13; size++ {
			got, cursor := []string{}, ""
			for range 30 {
				p := s.root(t, "cursor", cursor, "count", strconv.Itoa(size))
				if p.Start != nil || len(p.Resources) > size {
					t.Fatalf("%v: %v", held, p)
				}
				if whole := cursor == "" && p.Next == ""; whole != (p.Total != nil) || whole && *p.Total != len(p.Resources) {
					t.Errorf("%v by %d from %q: the total is %v", held, size, cursor, p.Total)
				}
				if got = append(got, p.ids()...); p.Next == "" {
					break
				}
				if len(p.Resources) < size {
					t.Errorf("%v by %d: a page that is not the last has only %v", held, size, p.ids())
				}
				if cursor = p.Next; strings.Trim(cursor, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") != "" {
					t.Errorf("%q has characters that no cursor may have", cursor)
				}
			}
			if want := m.everybody(); !slices.Equal(got, want) {
				t.Errorf("%v by %d: %v", held, size, got)
			}
		}
	}
	s, _ := memoryStage(t, 3, 3)
	if p := s.root(t, "cursor", "", "count", "0"); *p.Total != 6 || p.Start != nil || p.Next != "" {
		t.Errorf("a count of 0: %+v", p)
	}
	for _, cursor := range []string{"garbage", "Nobody.at.1", "User", "User.garbage", "."} {
		if w := s.do("GET", "/scim/v2?cursor="+cursor, ""); w.Code != 400 || !strings.Contains(w.Body.String(), "invalidCursor") {
			t.Errorf("cursor %q: %d %s", cursor, w.Code, w.Body)
		}
	}
	if w := s.do("GET", "/scim/v2?cursor&sortBy=displayName", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "/Users/.search") {
		t.Errorf("a cursor and an order: %d %s", w.Code, w.Body)
	}
}

func TestAFilterAtTheRootMayNameWhatOneTypeLacks(t *testing.T) {
	s, m := memoryStage(t, 3, 2)
	for filter, want := range map[string][]string{
		`userName eq "USER02"`:                                {"u2"},
		`userName eq "user02" or displayName eq "b01"`:        {"u2", "g1"},
		`members.value eq "u2"`:                               {"g2"},
		`not (members pr)`:                                    {"u1", "u2", "u3"},
		`meta.resourceType eq "User"`:                         {"u1", "u2", "u3"},
		`meta.resourceType eq "Group" and displayName sw "a"`: {"g2"},
		`title eq null and id ne "u1"`:                        {"u2", "g1", "g2"},
		`emails[type eq "work"].value eq "x"`:                 {},
	} {
		if got := s.root(t, "filter", filter); !slices.Equal(got.ids(), want) || *got.Total != len(want) {
			t.Errorf("%s finds %v of %d, want %v", filter, got.ids(), *got.Total, want)
		}
	}
	m.asked = nil
	if p := s.root(t, "filter", `userName pr`); *p.Total != 3 || slices.ContainsFunc(m.asked, func(a string) bool { return strings.HasPrefix(a, "Group") }) {
		t.Errorf("a type in which nobody can be found is asked: %q", m.asked)
	}
	for _, filter := range []string{`shoeSize eq "44"`, `userName eq`, ``} {
		if w := s.do("GET", "/scim/v2?filter="+url.QueryEscape(filter), ""); w.Code != 400 || !strings.Contains(w.Body.String(), "invalidFilter") {
			t.Errorf("%s: %d %s", filter, w.Code, w.Body)
		}
	}
}

func TestAttributesAtTheRootCountForTheTypesThatHaveThem(t *testing.T) {
	s, _ := memoryStage(t, 1, 1)
	p := s.root(t, "attributes", "userName,members")
	if len(p.Resources) != 2 || len(p.Resources[0]) != 2 || p.Resources[0]["userName"] == nil || len(p.Resources[1]) != 2 || p.Resources[1]["members"] == nil {
		t.Errorf("%v", p.Resources)
	}
	if p := s.root(t, "excludedAttributes", "displayName,meta"); p.Resources[0]["userName"] == nil || p.Resources[0]["displayName"] != nil || p.Resources[1]["displayName"] != nil {
		t.Errorf("%v", p.Resources)
	}
}

func TestAnOrderAtTheRootMergesTheTypes(t *testing.T) {
	few := func(o *Options) { o.MaxCount = 4 } // so that keys are read in chunks
	s, m := memoryStage(t, 9, 6, few)
	for _, params := range [][]string{
		{"sortBy", "displayName"},
		{"sortBy", "displayName", "sortOrder", "descending"},
		{"sortBy", "userName"}, // groups have none
		{"sortBy", "userName", "sortOrder", "descending"},
		{"sortBy", "title", "sortOrder", "Descending"},
		{"sortBy", "meta.resourceType"},
		{"sortBy", "members"},
		{"sortBy", "displayName", "attributes", "userName"},
		{"sortBy", "title", "excludedAttributes", "title,displayName"},
		{"sortBy", "displayName", "filter", `title pr or members pr`},
		{"sortBy", "displayName", "filter", `userName pr`},
	} {
		want := m.order(t, params)
		for _, size := range []int{1, 3, 4} {
			var got []string
			for start := 1; start <= len(want); start += size {
				p := s.root(t, append(slices.Clone(params), "startIndex", strconv.Itoa(start), "count", strconv.Itoa(size))...)
				if *p.Total != len(want) || *p.Start != start {
					t.Fatalf("%v: %d from %d", params, *p.Total, *p.Start)
				}
				got = append(got, p.ids()...)
				for _, r := range p.Resources {
					if params[len(params)-2] == "attributes" && r["displayName"] != nil || params[len(params)-2] == "excludedAttributes" && r["title"] != nil {
						t.Errorf("%v shows %v", params, r)
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v by %d: %v\nwant %v", params, size, got, want)
			}
		}
		if p := s.root(t, append(slices.Clone(params), "count", "0")...); *p.Total != len(want) || len(p.Resources) != 0 {
			t.Errorf("%v with a count of 0: %v of %d", params, p.ids(), *p.Total)
		}
	}
}

// order is what the whole list should be, said in another way: keys of all that the filter finds, sorted as one list.
func (m *memory) order(t *testing.T, params []string) []string {
	t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	type one struct {
		id, value string
	}
	var all []one
	for i, kind := range []string{"User", "Group"} {
		for _, o := range m.held[kind] {
			id := fmt.Sprint(part(o, "id"))
			title, members := part(o, "title"), part(o, "members")
			switch q.Get("filter") {
			case `title pr or members pr`:
				if title == nil && members == nil {
					continue
				}
			case `userName pr`:
				if i != 0 {
					continue
				}
			}
			v := part(o, q.Get("sortBy"))
			if list, ok := v.([]any); ok {
				first, _ := list[0].(*scim.Object)
				v = part(first, "value")
			}
			value, _ := v.(string)
			all = append(all, one{id, value})
		}
	}
	sign := 1
	if strings.EqualFold(q.Get("sortOrder"), "descending") {
		sign = -1
	}
	slices.SortStableFunc(all, func(a, b one) int {
		switch {
		case (a.value == "") != (b.value == ""):
			if a.value == "" {
				return sign
			}
			return -sign
		default:
			return sign * strings.Compare(a.value, b.value)
		}
	})
	ids := []string{}
	for _, o := range all {
		ids = append(ids, o.id)
	}
	return ids
}

func TestAnOrderAtTheRootHasBounds(t *testing.T) {
	s, m := memoryStage(t, 2, 2)
	for query, want := range map[string]string{
		"sortBy=displayName&startIndex=9900&count=200":    "tooMany",
		"sortBy=displayName&startIndex=99999999999999999": "tooMany",
		"sortBy=shoeSize":                 "invalidPath",
		"sortBy=password":                 "invalidPath",
		"sortBy=name":                     "invalidPath",
		"sortBy=a%5B":                     "invalidPath",
		"sortBy=displayName&sortOrder=up": "invalidValue",
	} {
		m.asked = nil
		if w := s.do("GET", "/scim/v2?"+query, ""); w.Code != 400 || !strings.Contains(w.Body.String(), `"`+want+`"`) || len(m.asked) > 0 {
			t.Errorf("%s: %d %s, asked %q", query, w.Code, w.Body, m.asked)
		}
	}
	if w := s.do("GET", "/scim/v2?sortBy=displayName&startIndex=10000&count=1", ""); w.Code != 200 {
		t.Errorf("the last place: %d %s", w.Code, w.Body)
	}
	if w := s.do("GET", "/scim/v2?sortBy=displayName&startIndex=10001&count=1", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "/Users/.search") {
		t.Errorf("one too far: %d %s", w.Code, w.Body)
	}
}

func TestTheRootMayBeTheServersOwn(t *testing.T) {
	s, _ := memoryStage(t, 1, 1, func(o *Options) { o.BasePath = "/" })
	if w := s.do("GET", "/", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"totalResults":2`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.do("POST", "/.search", "{}"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAFaultOfOneTypeIsTheAnswerOfTheRoot(t *testing.T) {
	s, m := memoryStage(t, 2, 2)
	s.service.list = func(r scim.Request, q scim.ListQuery) (*scim.List, error) {
		if r.Type.Name == "Group" {
			return nil, &scim.Error{Status: 503, Detail: "The directory is away.", RetryAfter: 5}
		}
		return m.list(r, q)
	}
	for _, query := range []string{"", "?cursor", "?sortBy=displayName", "?cursor&count=0"} {
		if w := s.do("GET", "/scim/v2"+query, ""); w.Code != 503 || w.Header().Get("Retry-After") != "5" {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
}
