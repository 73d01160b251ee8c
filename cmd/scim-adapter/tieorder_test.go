package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// idsOn asks for a page of users, or at the root, and says who is on it.
func (h *house) idsOn(endpoint string, query url.Values) (ids []string, next string, total int) {
	h.t.Helper()
	var page struct {
		TotalResults int
		NextCursor   string
		Resources    []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(h.do("GET", endpoint+"?"+query.Encode(), nil).want(h.t, 200).raw), &page); err != nil {
		h.t.Fatal(err)
	}
	for _, res := range page.Resources {
		ids = append(ids, res.ID)
	}
	return ids, page.NextCursor, page.TotalResults
}

// TestWhoTiesStandsInOnePlaceEverywhere: keys that are numbers of different lengths go as numbers on every page, from every replica, however it is reached.
func TestWhoTiesStandsInOnePlaceEverywhere(t *testing.T) {
	h := openTables(t, tableWorlds(t)[1])
	ids := []string{"7", "1206", "1207", "1208", "1209", "5000", "100001"}
	for _, id := range ids {
		pgtest.Exec(t, h.tables.db.Admin, fmt.Sprintf("INSERT INTO hr.person (person_id, login, job_title) OVERRIDING SYSTEM VALUE VALUES (%s, 'tie%s', 'same')", id, id))
	}
	for _, order := range []string{"ascending", "descending"} {
		want := slices.Clone(ids)
		if order == "descending" {
			slices.Reverse(want)
		}
		for _, by := range []string{"title", "preferredLanguage", "active"} {
			query := func(more ...string) url.Values {
				q := url.Values{"filter": {`userName sw "tie"`}, "sortBy": {by}, "sortOrder": {order}, "attributes": {"userName"}}
				for i := 0; i < len(more); i += 2 {
					q.Set(more[i], more[i+1])
				}
				return q
			}
			check := func(name string, got, want []string) {
				t.Helper()
				if !slices.Equal(got, want) {
					t.Errorf("by %s %s, %s: %v, want %v", by, order, name, got, want)
				}
			}
			got, _, _ := h.idsOn("/Users", query("startIndex", "3", "count", "2"))
			check("the third and fourth, asked for first", got, want[2:4])
			got, _, total := h.idsOn("/Users", query("count", "100"))
			if check("all", got, want); total != len(ids) {
				t.Errorf("%d in all", total)
			}
			var byIndex, byCursor []string
			for start := 1; start <= len(ids); start += 2 {
				got, _, _ = h.idsOn("/Users", query("startIndex", fmt.Sprint(start), "count", "2"))
				byIndex = append(byIndex, got...)
			}
			check("by index", byIndex, want)
			for cursor, begun := "", false; !begun || cursor != ""; begun = true {
				got, cursor, _ = h.idsOn("/Users", query("cursor", cursor, "count", "2"))
				byCursor = append(byCursor, got...)
			}
			check("by cursor", byCursor, want)
		}
	}
	h.idsAreTexts(t, ids)
}

// idsAreTexts: they are sorted by as they are compared with, and as at the root.
func (h *house) idsAreTexts(t *testing.T, ids []string) {
	t.Helper()
	up := slices.Clone(ids)
	slices.Sort(up)
	got, _, _ := h.idsOn("/Users", url.Values{"filter": {`userName sw "tie"`}, "sortBy": {"id"}, "count": {"3"}})
	if !slices.Equal(got, up[:3]) {
		t.Errorf("the first by id: %v, want %v", got, up[:3])
	}
	if got, _, _ = h.idsOn("/Users", url.Values{"filter": {`userName sw "tie" and id gt "1207"`}, "sortBy": {"id"}}); !slices.Equal(got, up[3:]) {
		t.Errorf("behind 1207: %v, want %v", got, up[3:])
	}
	got, _, _ = h.idsOn("/", url.Values{"filter": {`userName sw "tie" and meta.resourceType eq "User"`}, "sortBy": {"id"}})
	if !slices.Equal(got, up) {
		t.Errorf("at the root: %v, want %v", got, up)
	}
}
