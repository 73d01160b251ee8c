package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// crowd makes people and groups, some of a name, and gives all their ids.
func (h *house) crowd(people, groups int) (ids []string) {
	h.t.Helper()
	for i := range people {
		more := []any{"displayName", fmt.Sprintf("%c crowd %02d", 'a'+i%3, people-i)}
		if i%2 == 0 {
			more = append(more, "title", fmt.Sprintf("Title %d", i%4))
		}
		ids = append(ids, h.user(fmt.Sprintf("crowd%02d", i), more...).id())
	}
	for i := range groups {
		ids = append(ids, h.group(fmt.Sprintf("%c crowd group %02d", 'a'+i%3, groups-i), ids[i%people]).id())
	}
	slices.Sort(ids)
	return ids
}

func TestASearchAtTheRootFindsUsersAndGroups(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		want := h.crowd(11, 6)
		for _, size := range []int{1, 4, 11, 50} {
			var got []string
			for start := 1; start <= len(want); start += size {
				found, total := h.list("", "", "startIndex", fmt.Sprint(start), "count", fmt.Sprint(size))
				if total != len(want) {
					t.Fatalf("totalResults %d", total)
				}
				got = append(got, names(found, "id")...)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("pages of %d show %d resources, want each of %d once", size, len(got), len(want))
			}
		}
		member := h.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "crowd00"`), nil).want(t, 200).text("Resources.0.id")
		for filter, want := range map[string]int{
			`userName eq "CROWD03"`:  1,
			`userName pr`:            11,
			`not (userName pr)`:      6,
			`displayName co "crowd"`: 17,
			`displayName co "group" or userName eq "crowd00"`:          7,
			`meta.resourceType eq "Group"`:                             6,
			`meta.resourceType eq "User" and displayName sw "a"`:       4,
			`members.value eq "` + member + `"`:                        1,
			`title eq null`:                                            11,
			`name.familyName eq "Family" or members pr`:                17,
			`emails[type eq "work"].value eq "nobody@example.org"`:     0,
			`schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"`: 6,
			`id eq "` + member + `"`:                                   1,
		} {
			found, total := h.list("", filter)
			if len(found) != want || total != want {
				t.Errorf("%s finds %d of %d, want %d", filter, len(found), total, want)
			}
			posted := h.do("POST", "/.search", map[string]any{"schemas": []string{searchURN}, "filter": filter, "attributes": []string{"meta.location"}}).want(t, 200)
			for _, r := range posted.body["Resources"].([]any) {
				location, _ := at(r, "meta.location").(string)
				h.do("GET", strings.TrimPrefix(location, h.scimClient.base), nil).want(t, 200)
			}
			if posted.text("totalResults") != fmt.Sprint(want) {
				t.Errorf("%s by POST: %s", filter, posted.raw)
			}
		}
		h.do("GET", "?filter="+url.QueryEscape(`shoeSize eq "44"`), nil).wantError(t, 400, "invalidFilter")
	})
}

func TestAWalkByCursorGoesThroughAllTypes(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		want := h.crowd(9, 5)
		for _, size := range []int{1, 4, 9, 50} {
			var got []string
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				a := h.do("POST", "/.search", map[string]any{"schemas": []string{searchURN}, "cursor": cursor, "count": size}).want(t, 200)
				resources, _ := a.body["Resources"].([]any)
				for _, r := range resources {
					got = append(got, fmt.Sprint(at(r, "id")))
				}
				if a.body["startIndex"] != nil || len(resources) > size || pages > 20 {
					t.Fatalf("page %d: %s", pages, a.raw)
				}
				cursor = a.text("nextCursor")
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("pages of %d show %v, want %v", size, got, want)
			}
		}
	})
}

func TestAnOrderAtTheRootIsOneOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.crowd(7, 4)
		for _, c := range []struct{ by, order string }{{"displayName", "ascending"}, {"displayName", "descending"}, {"title", "ascending"}, {"title", "descending"}, {"userName", "descending"}} {
			whole, _ := h.list("", "", "sortBy", c.by, "sortOrder", c.order)
			keys := names(whole, c.by)
			missing := func(k string) bool { return k == "<nil>" }
			present := slices.DeleteFunc(slices.Clone(keys), missing)
			ordered := slices.SortedStableFunc(slices.Values(present), func(a, b string) int {
				if c.order == "descending" {
					a, b = b, a
				}
				return strings.Compare(strings.ToLower(a), strings.ToLower(b))
			})
			if n := len(keys) - len(present); c.order == "descending" {
				ordered = append(slices.Repeat([]string{"<nil>"}, n), ordered...)
			} else {
				ordered = append(ordered, slices.Repeat([]string{"<nil>"}, n)...)
			}
			if !slices.Equal(keys, ordered) || len(whole) != 11 {
				t.Errorf("%v: %q\nwant %q", c, keys, ordered)
			}
			var pages []string
			for start := 1; start <= 11; start += 3 {
				found, total := h.list("", "", "sortBy", c.by, "sortOrder", c.order, "startIndex", fmt.Sprint(start), "count", "3", "attributes", "meta.version")
				if total != 11 {
					t.Fatalf("totalResults %d", total)
				}
				pages = append(pages, names(found, "id")...)
			}
			if !slices.Equal(pages, names(whole, "id")) {
				t.Errorf("%v: pages of 3 show %v, the whole list %v", c, pages, names(whole, "id"))
			}
		}
		h.do("GET", "?sortBy=displayName&startIndex=10001", nil).wantError(t, 400, "tooMany")
	})
}

func TestASearchByPOSTIsTheSearchByGET(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.crowd(5, 3)
		for _, c := range []struct {
			endpoint string
			body     map[string]any
		}{
			{"/Users", map[string]any{}},
			{"/Users", map[string]any{"filter": `displayName sw "a" or title pr`, "sortBy": "displayName", "sortOrder": "descending", "startIndex": 2, "count": 2}},
			{"/Users", map[string]any{"filter": `userName co "crowd"`, "attributes": "userName,title", "count": 3}},
			{"/Groups", map[string]any{"excludedAttributes": "members", "startIndex": 2}},
			{"", map[string]any{"count": 4, "startIndex": 3, "excludedAttributes": "members,groups"}},
		} {
			q := url.Values{}
			for name, v := range c.body {
				q.Set(name, fmt.Sprint(v))
			}
			got := h.do("GET", c.endpoint+"?"+q.Encode(), nil).want(t, 200)
			posted := h.do("POST", c.endpoint+"/.search", c.body).want(t, 200)
			if posted.raw != got.raw {
				t.Errorf("%s %v: POST answers\n%s\nand GET\n%s", c.endpoint, c.body, posted.raw, got.raw)
			}
		}
		if a := h.do("GET", "/Users/.search", nil).want(t, 405); a.header.Get("Allow") != "POST" {
			t.Errorf("Allow %q", a.header.Get("Allow"))
		}
	})
}

func TestEveryVerbShowsTheChosenAttributes(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		user := h.user("chosen", "title", "Boss")
		body := map[string]any{"userName": "chosen", "title": "Chief"}
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "/Users/" + user.id(), nil},
			{"POST", "/Users", map[string]any{"userName": "another", "title": "Chief"}},
			{"PUT", "/Users/" + user.id(), body},
			{"PATCH", "/Users/" + user.id(), patch(op("replace", "title", "Boss again"))},
		} {
			a := h.do(c.method, c.path+"?attributes=title", c.body)
			if a.status >= 300 || len(a.body) != 3 || a.text("title") == "" || a.id() == "" || a.body["schemas"] == nil {
				t.Errorf("%s shows %s", c.method, a.raw)
			}
			if c.method == "POST" {
				c.body = map[string]any{"userName": "a third", "title": "Chief"}
			}
			a = h.do(c.method, c.path+"?excludedAttributes=title,id", c.body)
			if a.status >= 300 || a.body["title"] != nil || a.id() == "" || a.text("userName") == "" {
				t.Errorf("%s without title shows %s", c.method, a.raw)
			}
			h.do(c.method, c.path+"?attributes=title&excludedAttributes=id", c.body).wantError(t, 400, "invalidValue")
		}
	})
}

func TestVersionsGuardReadingAndWriting(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		user := h.user("guarded", "title", "One")
		path, first := "/Users/"+user.id(), user.header.Get("ETag")
		if first == "" || first != user.text("meta.version") || h.do("HEAD", path, nil).want(t, 200).header.Get("ETag") != first {
			t.Fatalf("ETag %q: %s", first, user.raw)
		}
		h.do("GET", path, nil, "If-None-Match", first).want(t, 304)
		h.do("GET", path, nil, "If-None-Match", `W/"other", `+first).want(t, 304)
		change := func(title string) map[string]any { return patch(op("replace", "title", title)) }
		second := h.do("PATCH", path, change("Two"), "If-Match", first).want(t, 200).header.Get("ETag")
		if second == "" || second == first {
			t.Fatalf("after a change the version is %q, before %q", second, first)
		}
		h.do("GET", path, nil, "If-None-Match", first).want(t, 200)
		put := map[string]any{"userName": "guarded", "title": "Four", "name": map[string]any{"familyName": "Family"}}
		h.do("PATCH", path, change("Three"), "If-Match", first).wantError(t, 412, "")
		h.do("PUT", path, put, "If-Match", first).wantError(t, 412, "")
		h.do("DELETE", path, nil, "If-Match", first).wantError(t, 412, "")
		h.do("GET", path, nil, "If-Match", first).wantError(t, 412, "")
		h.do("PATCH", path, change("Three"), "If-None-Match", second).wantError(t, 412, "")
		h.do("PUT", path, put, "If-None-Match", "*").wantError(t, 412, "")
		if got := h.do("GET", path, nil).want(t, 200); got.header.Get("ETag") != second || got.text("title") != "Two" {
			t.Errorf("a refused write changed something: %s", got.raw)
		}
		bare := strings.Trim(strings.TrimPrefix(second, "W/"), `"`)
		third := h.do("PUT", path, put, "If-Match", `"`+bare+`", W/"other"`).want(t, 200).header.Get("ETag")
		fourth := h.do("PATCH", path, change("Five"), "If-Match", "W/"+strings.Trim(strings.TrimPrefix(third, "W/"), `"`)).want(t, 200).header.Get("ETag")
		h.do("PATCH", path, change("Six"), "If-None-Match", third).want(t, 200)
		h.do("DELETE", path, nil, "If-Match", fourth).wantError(t, 412, "")
		h.do("DELETE", path, nil, "If-Match", "*").want(t, 204)
		for _, tag := range []string{"*", first} { // RFC 9110 §13.2.1: what is 404 anyhow is 404
			h.do("DELETE", path, nil, "If-Match", tag).wantError(t, 404, "")
			h.do("PATCH", path, change("x"), "If-Match", tag).wantError(t, 404, "")
			h.do("PUT", path, put, "If-Match", tag).wantError(t, 404, "")
		}
		h.user("taken")
		h.do("POST", "/Users", map[string]any{"userName": "TAKEN"}).wantError(t, 409, "uniqueness")
		h.do("POST", "/Users", map[string]any{"userName": "TAKEN", "title": "x"}, "If-None-Match", "*").wantError(t, 412, "")
		h.do("POST", "/Users", map[string]any{"userName": "free"}, "If-None-Match", "*").want(t, 201)
		if found, total := h.list("/Users", `userName eq "taken"`); total != 1 || found[0]["title"] != nil {
			t.Errorf("a refused create changed something: %v", found)
		}
	})
}

// A type in which nobody can be found costs the directory nothing: here its part of the tree answers no search.
func TestTheRootAsksOnlyWhereSomebodyMayBe(t *testing.T) {
	server := startEmbedded(t)
	h := openHouse(t, server.URL())
	h.crowd(3, 2)
	h.list("", `displayName pr`) // whether the directory keeps memberOf is found out once, among the groups
	for _, c := range []struct {
		below   string
		free    []string
		costing []string
	}{
		{h.groups, []string{`userName sw "crowd"`, `meta.resourceType eq "User"`, `not (meta.resourceType eq "Group") and userName ne null`}, []string{`displayName pr`, `not (userName pr)`}},
		{h.people, []string{`schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"`, `meta.resourceType eq "Group" and not (userName pr)`}, []string{`displayName pr`, `members eq null`}},
	} {
		remove := server.Inject(embedded.Fault{Op: embedded.Search, Code: 53, Match: func(r embedded.Request) bool { return strings.EqualFold(r.DN, c.below) }})
		for _, filter := range c.free {
			if a := h.do("GET", "?count=5&attributes=displayName&filter="+url.QueryEscape(filter), nil); a.status != 200 || a.text("Resources.0.id") == "" {
				t.Errorf("%s: %d %s", filter, a.status, a.raw)
			}
		}
		for _, filter := range c.costing {
			if a := h.do("GET", "?filter="+url.QueryEscape(filter), nil); a.status < 400 {
				t.Errorf("%s is answered without a part of the tree: %s", filter, a.raw)
			}
		}
		remove()
	}
}

func TestTypesOfTheConfigurationArePartOfTheRoot(t *testing.T) {
	withDevices(t, func(t *testing.T, h *house) {
		alice := h.user("alice", "displayName", "Alice").id()
		h.group("Printers' friends", alice)
		h.device("printer-7", "192.0.2.7", "owner", map[string]any{"value": alice})
		h.device("printer-8", "192.0.2.8")
		for filter, want := range map[string][]string{
			"":                         {"Alice", "printer-7", "printer-8", "Printers' friends"},
			`displayName sw "printer"`: {"printer-7", "printer-8", "Printers' friends"},
			`owner.value eq "` + alice + `" or members.value eq "` + alice + `"`: {"printer-7", "Printers' friends"},
			`ipAddresses pr and not (owner pr)`:                                  {"printer-8"},
			`userName pr or ipAddresses eq "192.0.2.8"`:                          {"Alice", "printer-8"},
			deviceURN + `:displayName pr`:                                        {"printer-7", "printer-8"},
		} {
			found, total := h.list("", filter, "sortBy", "displayName", "attributes", "displayName")
			if got := names(found, "displayName"); !slices.Equal(got, want) || total != len(want) {
				t.Errorf("%s finds %q of %d, want %q", filter, got, total, want)
			}
		}
		var walked []string
		for cursor, pages := "", 0; pages < 9 && (pages == 0 || cursor != ""); pages++ {
			a := h.do("GET", "?count=1&attributes=displayName&cursor="+cursor, nil).want(t, 200)
			if name := a.text("Resources.0.displayName"); name != "" {
				walked = append(walked, name)
			}
			cursor = a.text("nextCursor")
		}
		if slices.Sort(walked); !slices.Equal(walked, []string{"Alice", "Printers' friends", "printer-7", "printer-8"}) {
			t.Errorf("a walk by cursor shows %q", walked)
		}
	})
}
