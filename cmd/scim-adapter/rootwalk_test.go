package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Between two pages at the root people come, go and get other names. Whoever is there throughout is on exactly one page, although a page may span types
// and each type's list is its own.
func TestAWalkAtTheRootShowsWhoIsThereThroughoutOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		for _, by := range []string{"", "displayName", "userName"} {
			for _, size := range []int{3, 8, 12} { // 12: all of one type are on the first page
				for _, come := range []bool{true, false} {
					t.Run(fmt.Sprintf("by %q, pages of %d, people come: %v", by, size, come), func(t *testing.T) {
						h.walkWhileChanging(t, by, size, come)
					})
				}
			}
		}
	})
}

func (h *house) walkWhileChanging(t *testing.T, by string, size int, come bool) {
	t.Helper()
	prefix := fmt.Sprintf("w%s%d%v", strings.ToLower(by), size, come)
	there := map[string]string{} // paths of those who are there throughout, by id
	var users []string
	for i := range 9 {
		name := fmt.Sprintf("%s-%02d", prefix, i)
		id := h.user(name, "displayName", name).id()
		users, there[id] = append(users, id), "/Users/"+id
	}
	for i := range 7 {
		id := h.group(fmt.Sprintf("%s-%02d", prefix, i), users[8]).id()
		there[id] = "/Groups/" + id
	}
	defer func() {
		for _, path := range there {
			h.do("DELETE", path, nil)
		}
	}()
	params := []string{"count", fmt.Sprint(size), "attributes", "displayName", "startIndex", ""}
	if by != "" {
		params = append(params, "sortBy", by)
	}
	seen := map[string]int{}
	for start, page := 1, 1; ; page++ {
		params[5] = fmt.Sprint(start)
		found, total := h.list("", `displayName co "`+prefix+`"`, params...)
		for _, id := range names(found, "id") {
			seen[id]++
		}
		if len(found) == 0 || start+len(found) > total {
			break
		}
		start += len(found)
		h.disturb(t, page, come, prefix, seen, users, there)
	}
	for id, path := range there {
		if seen[id] != 1 {
			t.Errorf("%s was on %d pages", path, seen[id])
		}
	}
}

// disturb is what happens behind the first two pages: somebody gets another name, before and behind all others, and either there is a newcomer, who may be
// seen or not, or a user goes, first one who was shown, then one who was not. The last user stays, for the groups have nobody else.
func (h *house) disturb(t *testing.T, page int, come bool, prefix string, seen map[string]int, users []string, there map[string]string) {
	t.Helper()
	if page > 2 {
		return
	}
	remove := func(shown bool) {
		for _, id := range users[:8] {
			if path := there[id]; path != "" && (seen[id] > 0) == shown {
				h.do("DELETE", path, nil).want(t, 204)
				delete(there, id)
				return
			}
		}
	}
	rename := func(shown bool, name string) {
		for _, id := range users[:8] {
			if path := there[id]; path != "" && (seen[id] > 0) == shown {
				h.do("PATCH", path, patch(op("replace", "displayName", name))).want(t, 200)
				return
			}
		}
	}
	rename(true, "zz "+prefix)
	rename(false, "aa "+prefix)
	if come {
		h.user(fmt.Sprintf("new%s%d", prefix, page), "displayName", fmt.Sprintf("aa %s %d", prefix, page))
	} else {
		remove(page == 1)
	}
}

// A cursor of the root is good for that search at the root and for that client, like any other, also where it stands between two types.
func TestACursorOfTheRootBelongsToItsSearch(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		var users []string
		for i := range 4 {
			users = append(users, h.user(fmt.Sprintf("u%d", i), "displayName", "x").id())
		}
		for i := range 3 {
			h.group(fmt.Sprintf("x%d", i), users[0])
		}
		const all = "&filter=displayName+sw+%22x%22"
		between := h.do("GET", "?cursor=&count=4"+all, nil).want(t, 200).text("nextCursor")
		within := h.do("GET", "?cursor=&count=3"+all, nil).want(t, 200).text("nextCursor")
		own := h.do("GET", "/Users?cursor=&count=3"+all, nil).want(t, 200).text("nextCursor")
		for _, cursor := range []string{between, within} {
			left := 3
			if cursor == within {
				left = 4
			}
			if a := h.do("GET", "?count=9&cursor="+cursor+all, nil).want(t, 200); a.at("itemsPerPage") != float64(left) || a.text("nextCursor") != "" {
				t.Errorf("%s: %s", cursor, a.raw)
			}
			h.do("GET", "?count=9&cursor="+cursor+"&filter="+url.QueryEscape(`displayName   SW "x"`), nil).want(t, 200)
			if a := h.do("GET", "?count=0&cursor="+cursor+all, nil).want(t, 200); a.at("totalResults") != 7.0 {
				t.Errorf("%s: %s", cursor, a.raw)
			}
		}
		for name, query := range map[string]string{
			"another filter, between types":       "count=4&cursor=" + between + "&filter=displayName+sw+%22u%22",
			"another filter, within a type":       "count=4&cursor=" + within + "&filter=displayName+sw+%22u%22",
			"no filter":                           "count=4&cursor=" + between,
			"a filter that this type is free of":  "count=4&cursor=" + between + "&filter=meta.resourceType+eq+%22User%22",
			"typed by hand":                       "count=4&cursor=Group.",
			"typed by hand, with a filter":        "count=4&cursor=Group." + all,
			"the other type's name":               "count=4&cursor=User." + strings.TrimPrefix(between, "Group.") + all,
			"a type's own cursor":                 "count=4&cursor=User." + own + all,
			"a type's own cursor, to be counted":  "count=0&cursor=User." + own + all,
			"nothing that is a cursor":            "count=4&cursor=garbage" + all,
			"nothing that is one, to be counted":  "count=0&cursor=garbage" + all,
			"a type and nothing, to be counted":   "count=0&cursor=Group." + all,
			"a type and garbage, to be counted":   "count=0&cursor=Group.garbage" + all,
			"a type in which nobody can be found": "count=4&cursor=Group.garbage&filter=userName+pr",
		} {
			if a := h.do("GET", "?"+query, nil); a.status != 400 || a.text("scimType") != "invalidCursor" {
				t.Errorf("%s: %d %.200s", name, a.status, a.raw)
			}
		}
		if a := h.do("GET", "/Users?count=4&cursor="+strings.TrimPrefix(within, "User.")+all, nil); a.status != 400 {
			t.Errorf("a cursor of the root's at a type: %d", a.status)
		}
	})
}
