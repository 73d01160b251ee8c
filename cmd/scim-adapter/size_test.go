package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// TestTenThousandPeople reads a slapd of 10,000 people and a group of 1,000, and logs how long each kind of request takes.
func TestTenThousandPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("loads 10,000 entries twice")
	}
	const people = 10_000
	for _, kind := range []string{"plain", "bare"} {
		t.Run(kind, func(t *testing.T) {
			entries := embedded.Generate(people, 40)[3:] // servers.sh makes the tree
			if kind == "bare" {
				for i, e := range entries {
					for n, a := range e.Attrs {
						if a.Name == "pwdAccountLockedTime" {
							entries[i].Attrs[n] = embedded.Attr{Name: "businessCategory", Values: []string{"inactive"}}
						}
					}
				}
			}
			var members []string
			for _, e := range entries[:1000] {
				members = append(members, e.DN)
			}
			crowd := "cn=crowd," + embedded.GroupsDN
			entries = append(entries, embedded.Entry{DN: crowd, Attrs: []embedded.Attr{{Name: "objectClass", Values: []string{"groupOfNames"}}, {Name: "cn", Values: []string{"crowd"}}, {Name: "member", Values: members}}})
			var ldif bytes.Buffer
			if err := embedded.WriteLDIF(&ldif, entries); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, kind+".ldif"), ldif.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			env := startServers(t, dir, kind)
			config, url := exampleConfig, env["SCIM_TEST_LDAP_PLAIN_URL"]
			if kind == "bare" {
				config, url = plainConfig, env["SCIM_TEST_LDAP_BARE_URL"]
			}
			h := openHouse(t, embeddedURL(t))
			h.t, h.base = t, suffix
			h.serve(config, url)
			group, _ := h.list("/Groups", `displayName eq "crowd"`)
			if len(group) != 1 || len(group[0]["members"].([]any)) != len(members) {
				t.Fatalf("the group of %d: %d found", len(members), len(group))
			}
			path := "/Groups/" + fmt.Sprint(group[0]["id"])
			for _, c := range []struct {
				claim, endpoint, filter string
				params                  []string
				total, page             int
			}{
				{"the first page", "/Users", "", []string{"count", "100"}, people, 100},
				{"a middle page", "/Users", "", []string{"count", "100", "startIndex", "5001"}, people, 100},
				{"the last page", "/Users", "", []string{"count", "100", "startIndex", "9951"}, people, 50},
				{"a page without groups", "/Users", "", []string{"count", "100", "excludedAttributes", "groups"}, people, 100},
				{"a page of 1,000", "/Users", "", []string{"count", "1000"}, people, 1000},
				{"one by name", "/Users", `userName eq "bjensen"`, nil, 1, 1},
				{"active", "/Users", `active eq false`, []string{"count", "10"}, people / 50, 10},
				{"the group's people", "/Users", `groups eq "` + fmt.Sprint(group[0]["id"]) + `"`, []string{"count", "10"}, len(members), 10},
				{"only a count", "/Users", "", []string{"count", "0"}, people, 0},
			} {
				started := time.Now()
				found, total := h.list(c.endpoint, c.filter, c.params...)
				t.Logf("%-24s %s", c.claim, time.Since(started).Round(time.Millisecond))
				if total != c.total || len(found) != c.page {
					t.Errorf("%s: %d of %d, want %d of %d", c.claim, len(found), total, c.page, c.total)
				}
			}
			for _, kind := range []string{"remove", "add"} {
				id := fmt.Sprint(at(group[0], "members.500.value"))
				change := op("add", "members", []any{map[string]any{"value": id}})
				if kind == "remove" {
					change = op("remove", `members[value eq "`+id+`"]`, nil)
				}
				started := time.Now()
				h.do("PATCH", path, patch(change)).want(t, 204)
				t.Logf("%-24s %s", kind+" one of 1,000", time.Since(started).Round(time.Millisecond))
			}
			started := time.Now()
			if got := len(h.memberIDs(fmt.Sprint(group[0]["id"]))); got != len(members) {
				t.Errorf("%d members", got)
			}
			t.Logf("%-24s %s", "get the group of 1,000", time.Since(started).Round(time.Millisecond))
		})
	}
}
