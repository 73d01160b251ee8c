package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/scim"
)

func TestFiltersFindWhatTheySay(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		h.user("anna", "emails", []map[string]any{{"value": "anna@example.com", "type": "work"}}, "title", "Chief Engineer", "name", map[string]any{"givenName": "Anna", "familyName": "Ångström"})
		h.user("Bert", "emails", []map[string]any{{"value": "bert@example.org", "type": "work"}}, "userType", "Contractor", "name", map[string]any{"givenName": "Bert"})
		h.user("carl", "active", false, enterprise, map[string]any{"employeeNumber": "42"})
		cases := map[string][]string{
			`userName eq "ANNA"`:     {"anna"},
			`username Eq "bert"`:     {"Bert"},
			`userName ne "anna"`:     {"Bert", "carl"},
			`userName co "AR"`:       {"carl"},
			`userName sw "b"`:        {"Bert"},
			`userName ew "A"`:        {"anna"},
			`title pr`:               {"anna"},
			`not (title pr)`:         {"Bert", "carl"},
			`name.familyName pr`:     {"anna", "carl"},
			`name.familyName eq "-"`: {},

			`name.familyName eq "ÅNGSTRÖM"`: {"anna"},

			`emails.value ew "@example.org"`:                                {"Bert"},
			`emails eq "anna@example.com"`:                                  {"anna"},
			`emails[type eq "work" and value co "example.com"]`:             {"anna"},
			`emails[type eq "work"].value sw "bert"`:                        {"Bert"},
			`emails[type eq "home"]`:                                        {},
			`emails pr`:                                                     {"anna", "Bert"},
			`active eq false`:                                               {"carl"},
			`active eq "True"`:                                              {"anna", "Bert"},
			`active ne true`:                                                {"carl"},
			enterprise + `:employeeNumber eq "42"`:                          {"carl"},
			`userType eq "Contractor" or title sw "chief"`:                  {"anna", "Bert"},
			`userName eq "anna" or userName eq "carl" and active eq true`:   {"anna"},
			`(userName eq "anna" or userName eq "carl") and active eq true`: {"anna"},
			`not (userName eq "anna" or active eq false)`:                   {"Bert"},
			`meta.resourceType eq "User" and userName pr`:                   {"anna", "Bert", "carl"},
			`meta.created gt "2001-01-01T00:00:00Z"`:                        {"anna", "Bert", "carl"},
			`meta.lastModified lt "2001-01-01T00:00:00+02:00"`:              {},
			`id pr`:              {"anna", "Bert", "carl"},
			`userName gt "anna"`: {"Bert", "carl"},
			`userName ge "BERT" and userName lt "carl"`: {"Bert"},
			`title eq null`: {"Bert", "carl"},
			`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "carl"`: {"carl"},
			`userName eq "a*"`: {},
			`userName co "*"`:  {},
		}
		for filter, want := range cases {
			found, total := h.list("/Users", filter)
			got := sorted(names(found, "userName"))
			if !slices.Equal(got, sorted(want)) && len(got)+len(want) > 0 || total != len(want) {
				t.Errorf("%s finds %v (totalResults %d), want %v", filter, got, total, want)
			}
		}
		found, _ := h.list("/Users", `userName eq "anna"`, "attributes", "userName,emails.value")
		if len(found) != 1 || len(found[0]) != 4 && len(found[0]) != 5 || found[0]["title"] != nil || at(found[0], "emails.0.type") != nil {
			t.Errorf("attributes=userName,emails.value gives %v", found)
		}
		found, _ = h.list("/Users", `userName eq "anna"`, "excludedAttributes", "emails,userName")
		if len(found) != 1 || found[0]["emails"] != nil || found[0]["title"] == nil {
			t.Errorf("excludedAttributes=emails,userName gives %v", found)
		}
	})
}

func TestPagesCoverEverybodyOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		const people = 53
		var want []string
		for i := range people {
			want = append(want, h.user(fmt.Sprintf("page%02d", i)).id())
		}
		slices.Sort(want)
		for _, size := range []int{1, 7, 10, 53, 100} {
			var got []string
			for start := 1; start <= people; start += size {
				found, total := h.list("/Users", "", "startIndex", fmt.Sprint(start), "count", fmt.Sprint(size))
				if total != people {
					t.Fatalf("totalResults %d", total)
				}
				got = append(got, names(found, "id")...)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("pages of %d show %d, want each of %d once", size, len(got), people)
			}
		}
		for _, c := range []struct {
			start, count string
			shown        int
		}{{"0", "5", 5}, {"-3", "5", 5}, {"1", "0", 0}, {"1", "-1", 0}, {"54", "5", 0}, {"51", "10", 3}, {"1", "100000", people}, {"99999999999999999999", "1", 0}} {
			found, total := h.list("/Users", "", "startIndex", c.start, "count", c.count)
			if len(found) != c.shown || total != people {
				t.Errorf("startIndex=%s&count=%s shows %d of %d, want %d", c.start, c.count, len(found), total, c.shown)
			}
		}
		found, total := h.list("/Users", `userName sw "page1"`, "startIndex", "6", "count", "3")
		if len(found) != 3 || total != 10 {
			t.Errorf("a filtered page shows %d of %d", len(found), total)
		}
	})
}

// A walk must survive what happens between its pages: who was there throughout is on exactly one page.
func TestAWalkSurvivesDeletionsBetweenItsPages(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		var ids []string
		for i := range 30 {
			ids = append(ids, h.user(fmt.Sprintf("walk%02d", i)).id())
		}
		seen := map[string]int{}
		deleted := map[string]bool{}
		for start := 1; ; {
			found, total := h.list("/Users", "", "startIndex", fmt.Sprint(start), "count", "5")
			for _, r := range found {
				seen[r["id"].(string)]++
			}
			if len(found) == 0 || start > total {
				break
			}
			start += len(found)
			for _, id := range ids { // somebody who was shown, and somebody who was not
				if !deleted[id] && seen[id] > 0 {
					h.do("DELETE", "/Users/"+id, nil).want(t, 204)
					deleted[id] = true
					break
				}
			}
			for _, id := range ids {
				if !deleted[id] && seen[id] == 0 {
					h.do("DELETE", "/Users/"+id, nil).want(t, 204)
					deleted[id] = true
					break
				}
			}
		}
		for _, id := range ids {
			if !deleted[id] && seen[id] != 1 || seen[id] > 1 {
				t.Errorf("%s was shown %d times", id, seen[id])
			}
		}
	})
}

// TestEachTypeIsSorted sorts by what the directory can order, and by what it cannot.
func TestEachTypeIsSorted(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		mail := func(address string) []map[string]any { return []map[string]any{{"value": address, "type": "work"}} }
		// The first in the order of being made; a family name is asked for only where it is not given.
		h.user("Mona", "name", map[string]any{"givenName": "Mona", "familyName": "Øster"}, "emails", mail("zeta@example.org"), "active", true)
		h.user("anna", "name", map[string]any{"givenName": "Anna", "familyName": "berg"}, "emails", mail("Beta@example.org"), "active", false)
		h.user("Zoë", "name", map[string]any{"givenName": "Zoë"})
		h.user("bert", "name", map[string]any{"givenName": "Bert", "familyName": "Ahl"}, "emails", mail("alfa@example.org"), "active", false)
		type order struct{ by, up, down string }
		orders := []order{
			{"userName", "anna bert Mona Zoë", "Zoë Mona bert anna"},
			{"username", "anna bert Mona Zoë", "Zoë Mona bert anna"},
			{"urn:ietf:params:scim:schemas:core:2.0:User:userName", "anna bert Mona Zoë", "Zoë Mona bert anna"},
			{"name.familyName", "bert anna Mona Zoë", "Zoë Mona anna bert"},
			{"emails", "bert anna Mona Zoë", "Zoë Mona anna bert"},
			{"emails.value", "bert anna Mona Zoë", "Zoë Mona anna bert"},
		}
		for _, o := range orders {
			for way, want := range map[string]string{"": o.up, "ascending": o.up, "descending": o.down} {
				for _, size := range []int{10, 3, 1} {
					params := []string{"sortBy", o.by, "sortOrder", way, "count", fmt.Sprint(size)}
					var byIndex []string
					for start := 1; start <= 4; start += size {
						found, _ := h.list("/Users", "", append(slices.Clone(params), "startIndex", fmt.Sprint(start))...)
						byIndex = append(byIndex, names(found, "userName")...)
					}
					byCursor := names(h.walk("/Users", params...), "userName")
					if got := strings.Join(byIndex, " "); got != want {
						t.Errorf("by %s %s, pages of %d: %s, want %s", o.by, way, size, got, want)
					}
					if got := strings.Join(byCursor, " "); got != want {
						t.Errorf("by %s %s, a walk of %d: %s, want %s", o.by, way, size, got, want)
					}
				}
			}
		}
		// Equal ones come in the order of their keys, whichever way; tables are walked backwards, and their keys with them.
		for way, want := range map[string]string{"ascending": "false false true true", "descending": "true true false false"} {
			found, _ := h.list("/Users", "", "sortBy", "active", "sortOrder", way)
			if got := strings.Join(names(found, "active"), " "); got != want {
				t.Errorf("by active, %s: %s", way, got)
			}
			ids := names(found, "id")
			first, last := ids[:2], ids[2:]
			if h.tables != nil && way == "descending" {
				slices.Reverse(first)
				slices.Reverse(last)
			}
			if !slices.IsSorted(first) || !slices.IsSorted(last) {
				t.Errorf("by active, %s: equal ones are not in the order of their keys: %v", way, names(found, "id"))
			}
		}
		h.sortedByTime(t)
		h.do("GET", "/Users?sortBy=nosuch", nil).wantError(t, 400, "invalidPath")
		h.do("GET", "/Users?sortBy=password", nil).wantError(t, 400, "invalidPath")
		h.do("GET", "/Users?sortBy=userName&sortOrder=sideways", nil).wantError(t, 400, "invalidValue")
	})
}

// sortedByTime waits for another second, so that somebody is younger than all others.
func (h *house) sortedByTime(t *testing.T) {
	t.Helper()
	time.Sleep(1100 * time.Millisecond)
	young := h.user("young").id()
	for way, at := range map[string]int{"ascending": 4, "descending": 0} {
		found, _ := h.list("/Users", "", "sortBy", "meta.created", "sortOrder", way)
		times := names(found, "meta.created")
		if way == "descending" {
			slices.Reverse(times)
		}
		if !slices.IsSorted(times) || len(found) != 5 || found[at]["id"] != young {
			t.Errorf("by meta.created, %s: %v", way, names(found, "userName"))
		}
	}
}

// walk gives all that a walk by cursor shows. It has no empty page before the last.
func (h *house) walk(endpoint string, params ...string) (all []map[string]any) {
	h.t.Helper()
	q := url.Values{"cursor": {""}}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	for {
		a := h.do("GET", endpoint+"?"+q.Encode(), nil).want(h.t, 200)
		found, _ := a.body["Resources"].([]any)
		for _, r := range found {
			all = append(all, r.(map[string]any))
		}
		next := a.text("nextCursor")
		if next == "" {
			return all
		}
		if len(found) == 0 {
			h.t.Fatal("an empty page before the last")
		}
		q.Set("cursor", next)
	}
}

// TestWalksWhilePeopleComeAndGo walks by cursor, from two replicas, and by index while 200 people are made and deleted: whoever was there throughout is
// seen exactly once.
func TestWalksWhilePeopleComeAndGo(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		const stay, changes, size = 60, 200, 4
		staying := map[string]int{}
		for i := range stay {
			staying[h.user(fmt.Sprintf("stay%02d", i)).id()] = 0
		}
		replicas := []*adapter.Service{h.world.service, h.replica(t)}
		for name, step := range map[string]func(n int, last *scim.List, seen int) (*adapter.Service, scim.ListQuery){
			"by cursor": func(n int, last *scim.List, _ int) (*adapter.Service, scim.ListQuery) {
				cursor := ""
				if last != nil {
					cursor = last.NextCursor
				}
				return replicas[n%2], scim.ListQuery{StartIndex: 1, Count: size, Cursor: &cursor}
			},
			"by index": func(_ int, _ *scim.List, seen int) (*adapter.Service, scim.ListQuery) {
				return replicas[0], scim.ListQuery{StartIndex: 1 + seen, Count: size}
			},
		} {
			t.Run(name, func(t *testing.T) {
				made := make(chan int)
				stop := h.comeAndGo(strings.ReplaceAll(name, " ", ""), changes, made)
				defer stop()
				seen := map[string]int{}
				var page *scim.List
				for n, shown := 0, 0; ; n++ {
					for range changes / (stay / size) { // so that the changes last as long as the walk
						<-made
					}
					service, q := step(n, page, shown)
					var err error
					if page, err = service.List(t.Context(), h.asCaller(), q); err != nil {
						t.Fatal(err)
					}
					for _, res := range page.Resources {
						id, _ := res.Get("id")
						seen[fmt.Sprint(id)]++
					}
					shown += len(page.Resources)
					if q.Cursor != nil && page.NextCursor == "" || q.Cursor == nil && shown >= page.TotalResults {
						break
					}
					if len(page.Resources) == 0 {
						t.Fatal("an empty page before the end")
					}
				}
				for id := range staying {
					if seen[id] != 1 {
						t.Errorf("%s was there throughout and seen %d times", id, seen[id])
					}
				}
				for id, times := range seen {
					if times > 1 {
						t.Errorf("%s was seen %d times", id, times)
					}
				}
			})
		}
	})
}

// replica is another process's service over the same directory, with the same key.
func (h *house) replica(t *testing.T) *adapter.Service {
	t.Helper()
	key, err := cursorKey(h.world.config)
	if err != nil {
		t.Fatal(err)
	}
	return adapter.New(adapter.Options{Mappings: h.world.mappings, Journal: h.world.journal, CursorKey: key, Overlay: h.world.store, NewID: newID})
}

// asCaller is a request of the houses' client that does without HTTP.
func (h *house) asCaller() scim.Request {
	types := h.world.service.ResourceTypes()
	i := slices.IndexFunc(types, func(rt *scim.ResourceType) bool { return rt.Name == "User" })
	return scim.Request{Caller: scim.Caller{Tenant: scim.DefaultTenant, Client: "provisioning"}, Type: types[i], Base: h.scimClient.base}
}

// comeAndGo makes and deletes people directly in the directory, n times in all, and says so each time; then it says so for ever.
func (h *house) comeAndGo(prefix string, n int, done chan<- int) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			var err error
			if made := i / 2; i < n && i%2 == 0 {
				err = h.arrive(fmt.Sprint(prefix, made))
			} else if i < n && made >= 5 { // each stays for the time of a few others
				err = h.leave(fmt.Sprint(prefix, made-5))
			}
			if err != nil {
				h.t.Error(err)
			}
			select {
			case done <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}
