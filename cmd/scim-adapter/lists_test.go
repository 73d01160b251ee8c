package main

import (
	"fmt"
	"slices"
	"testing"
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
