package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Three in four of 14,000 people are in one group.
const bigGroup = `
INSERT INTO scim.users (id, tenant_id, username, data) SELECT md5(i::text)::uuid, 'default', 'p' || lpad(i::text, 6, '0'), '{}' FROM generate_series(1, 14000) i;
INSERT INTO scim.groups (id, tenant_id, display_name) VALUES ('00000000-0000-4000-8000-000000000001', 'default', 'big');
INSERT INTO scim.group_memberships (tenant_id, group_id, user_id)
	SELECT 'default', '00000000-0000-4000-8000-000000000001', md5(i::text)::uuid FROM generate_series(1, 14000) i WHERE i % 4 > 0;
ANALYZE scim.users, scim.groups, scim.group_memberships;`

// found is what a search says.
type found struct {
	TotalResults *int
	NextCursor   string
	Resources    []struct{ ID, UserName string }
}

func (h *house) searched(query url.Values) found {
	h.t.Helper()
	var page found
	if err := json.Unmarshal([]byte(h.do("GET", "/Users?"+query.Encode(), nil).want(h.t, 200).raw), &page); err != nil {
		h.t.Fatal(err)
	}
	return page
}

// TestMembersOfABigGroupAreFound by their group, also where that is one of several conditions, or negated.
func TestMembersOfABigGroupAreFound(t *testing.T) {
	h := openTables(t, tableWorlds(t)[0])
	pgtest.Exec(t, h.tables.db.Admin, bigGroup)
	h.searched(url.Values{"count": {"1"}}) // the database is met
	const in = `groups.value eq "00000000-0000-4000-8000-000000000001"`
	for text, want := range map[string]int{
		in: 10500,
		`groups[value eq "00000000-0000-4000-8000-000000000001"]`: 10500,
		`groups.value pr`:                          10500,
		`not (` + in + `)`:                         3500,
		`not (groups.value pr)`:                    3500,
		in + ` and userName sw "p0000"`:            75,
		`userName sw "p0000" and not (` + in + `)`: 24,
		in + ` or userName sw "p0000"`:             10524,
	} {
		for n := range 2 {
			if got := h.searched(url.Values{"filter": {text}, "count": {"0"}}); got.TotalResults == nil || *got.TotalResults != want {
				t.Fatalf("%s: %+v, want %d", text, got.TotalResults, want)
			}
			page := h.searched(url.Values{"filter": {text}, "startIndex": {fmt.Sprint(1 + n*10)}, "count": {"10"}, "attributes": {"userName"}})
			if left := min(10, want-n*10); *page.TotalResults != want || len(page.Resources) != left {
				t.Fatalf("%s, page %d: %d of %d", text, n, len(page.Resources), *page.TotalResults)
			}
		}
	}
	seen, pages := map[string]bool{}, 0
	for cursor := ""; pages == 0 || cursor != ""; pages++ {
		page := h.searched(url.Values{"filter": {in + ` and userName sw "p00"`}, "cursor": {cursor}, "count": {"1000"}, "attributes": {"userName"}, "sortBy": {"userName"}})
		for i, person := range page.Resources {
			if seen[person.ID] || i > 0 && person.UserName <= page.Resources[i-1].UserName {
				t.Fatalf("%s is not in its place", person.UserName)
			}
			seen[person.ID] = true
		}
		cursor = page.NextCursor
	}
	if len(seen) != 7500 || pages < 8 {
		t.Errorf("by cursor, sorted: %d people on %d pages", len(seen), pages)
	}
}
