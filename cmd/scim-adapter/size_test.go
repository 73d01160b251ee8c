package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

const (
	manyPeople  = 10_000
	manyMembers = 1_000
)

// TestTenThousandPeople works on a slapd of 10,000 people and a group of 1,000, holds the answers to the directory's own, and logs
// how long each kind of request takes.
func TestTenThousandPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("loads 10,000 entries twice")
	}
	for _, kind := range []string{"overlays", "plain"} {
		t.Run(kind, func(t *testing.T) {
			b := openBigHouse(t, kind)
			t.Run("pages and filters", b.pages)
			t.Run("what is shown is what the directory holds", b.agrees)
			t.Run("the group", b.group)
			t.Run("a person's life", b.life)
		})
	}
}

// bigHouse is a house over a large directory.
type bigHouse struct {
	*house
	crowd string            // the id of the group of 1,000
	ids   map[string]string // of everybody, by DN, as the directory says
}

func openBigHouse(t *testing.T, kind string) *bigHouse {
	t.Helper()
	dir := t.TempDir()
	var ldif bytes.Buffer
	if err := embedded.WriteLDIF(&ldif, bigDirectory(kind == "overlays")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, kind+".ldif"), ldif.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	url := startServers(t, dir, kind)[map[string]string{"overlays": "SCIM_TEST_LDAP_URL", "plain": "SCIM_TEST_LDAP_PLAIN_URL"}[kind]]
	conn, err := ldap.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Bind(adminDN, adminPassword); err != nil {
		t.Fatal(err)
	}
	b := &bigHouse{ids: map[string]string{}, house: &house{
		ldap: conn, base: suffix, people: embedded.PeopleDN, groups: embedded.GroupsDN, overlays: kind == "overlays",
		scimClient: scimClient{t: t, token: "a-token-of-the-tests"},
	}}
	b.serve(exampleConfig, url)
	for _, e := range b.search(t, b.people, ldap.ScopeSingleLevel, "(objectClass=inetOrgPerson)") {
		b.ids[strings.ToLower(e.DN)] = e.GetAttributeValue("entryUUID")
	}
	group, _ := b.list("/Groups", `displayName eq "crowd"`, "excludedAttributes", "members")
	if len(b.ids) != manyPeople || len(group) != 1 {
		t.Fatalf("%d people, %d groups called crowd", len(b.ids), len(group))
	}
	b.crowd = fmt.Sprint(group[0]["id"])
	return b
}

// bigDirectory is what slapadd loads; it runs no overlay, so memberOf must be written out where the directory is to keep it.
func bigDirectory(memberOf bool) []embedded.Entry {
	entries := embedded.Generate(manyPeople, 40)[3:] // servers.sh makes the tree
	var members []string
	for _, e := range entries[:manyMembers] {
		members = append(members, e.DN)
	}
	entries = append(entries, embedded.Entry{DN: "cn=crowd," + embedded.GroupsDN, Attrs: []embedded.Attr{
		{Name: "objectClass", Values: []string{"groupOfNames"}}, {Name: "cn", Values: []string{"crowd"}}, {Name: "member", Values: members},
	}})
	if !memberOf {
		return entries
	}
	of := map[string][]string{}
	for _, e := range entries {
		for _, a := range e.Attrs {
			if a.Name == "member" {
				for _, member := range a.Values {
					of[member] = append(of[member], e.DN)
				}
			}
		}
	}
	for i, e := range entries {
		if groups := of[e.DN]; len(groups) > 0 {
			entries[i].Attrs = append(e.Attrs, embedded.Attr{Name: "memberOf", Values: groups})
		}
	}
	return entries
}

// timed logs how long something took.
func timed(t *testing.T, what string, f func()) {
	t.Helper()
	started := time.Now()
	f()
	t.Logf("%-28s %s", what, time.Since(started).Round(time.Millisecond))
}

func (b *bigHouse) pages(t *testing.T) {
	for _, c := range []struct {
		claim, filter string
		params        []string
		total, page   int
	}{
		{"the first page", "", []string{"count", "100"}, manyPeople, 100},
		{"a middle page", "", []string{"count", "100", "startIndex", "5001"}, manyPeople, 100},
		{"the last page", "", []string{"count", "100", "startIndex", "9951"}, manyPeople, 50},
		{"a page without groups", "", []string{"count", "100", "excludedAttributes", "groups"}, manyPeople, 100},
		{"a page of 1,000", "", []string{"count", "1000"}, manyPeople, 1000},
		{"one by name", `userName eq "BJENSEN"`, nil, 1, 1},
		{"the inactive", `active eq false`, []string{"count", "10"}, len(b.search(t, b.people, ldap.ScopeSingleLevel, "(pwdAccountLockedTime=000001010000Z)")), 10},
		{"not the inactive", `not (active eq false)`, []string{"count", "10"}, len(b.search(t, b.people, ldap.ScopeSingleLevel, "(&(uid=*)(!(pwdAccountLockedTime=000001010000Z)))")), 10},
		{"a substring", `emails.value co "SMITH"`, []string{"count", "3"}, len(b.search(t, b.people, ldap.ScopeSingleLevel, "(mail=*smith*)")), 3},
		{"tested on our side", `userName gt "x" and title pr`, []string{"count", "0"}, b.directlyAfter(t, "x"), 0},
		{"the group's people", `groups eq "` + b.crowd + `"`, []string{"count", "10"}, manyMembers, 10},
		{"only a count", "", []string{"count", "0"}, manyPeople, 0},
	} {
		timed(t, c.claim, func() {
			found, total := b.list("/Users", c.filter, c.params...)
			if total != c.total || len(found) != c.page {
				t.Errorf("%s: %d of %d, want %d of %d", c.claim, len(found), total, c.page, c.total)
			}
		})
	}
	seen := map[string]bool{}
	timed(t, "everybody, 500 a page", func() {
		for start := 1; start <= manyPeople; start += 500 {
			found, _ := b.list("/Users", "", "startIndex", fmt.Sprint(start), "count", "500", "attributes", "id")
			for _, r := range found {
				seen[fmt.Sprint(r["id"])] = true
			}
		}
	})
	for dn, id := range b.ids {
		if !seen[id] {
			t.Fatalf("%s is on no page", dn)
		}
	}
}

// directlyAfter counts those with a title whose uid comes after a text, as the directory has them.
func (b *bigHouse) directlyAfter(t *testing.T, text string) (n int) {
	t.Helper()
	for _, e := range b.search(t, b.people, ldap.ScopeSingleLevel, "(title=*)") {
		if strings.ToLower(e.GetAttributeValue("uid")) > text {
			n++
		}
	}
	return n
}

// agrees compares a page of people with what the directory says of each.
func (b *bigHouse) agrees(t *testing.T) {
	found, _ := b.list("/Users", "", "count", "200", "startIndex", "3001")
	for _, r := range found {
		entry := b.byID(t, fmt.Sprint(r["id"]))
		for path, attr := range map[string]string{
			"userName": "uid", "name.familyName": "sn", "name.givenName": "givenName", "name.formatted": "cn", "title": "title", "emails.0.value": "mail",
			"userType": "employeeType", enterprise + ".employeeNumber": "employeeNumber", enterprise + ".department": "departmentNumber",
		} {
			if got, want := at(r, path), entry.GetAttributeValue(attr); (got != nil || want != "") && got != want {
				t.Errorf("%s: %s is %v, the directory has %s: %q", entry.DN, path, got, attr, want)
			}
		}
		if got, want := r["active"], entry.GetAttributeValue("pwdAccountLockedTime") != "000001010000Z"; got != want {
			t.Errorf("%s: active %v", entry.DN, got)
		}
		if manager := entry.GetAttributeValue("manager"); manager != "" && at(r, enterprise+".manager.value") != b.ids[strings.ToLower(manager)] {
			t.Errorf("%s: manager %v", entry.DN, at(r, enterprise+".manager"))
		}
		var want, got []string
		for _, g := range b.search(t, b.groups, ldap.ScopeSingleLevel, "(member="+ldap.EscapeFilter(entry.DN)+")") {
			want = append(want, g.GetAttributeValue("entryUUID"))
		}
		groups, _ := r["groups"].([]any)
		for _, g := range groups {
			got = append(got, fmt.Sprint(at(g, "value")))
		}
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%s: groups %v, the directory has %v", entry.DN, got, want)
		}
	}
}

// members are the group's members as the directory has them, as ids.
func (b *bigHouse) members(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, dn := range b.byID(t, b.crowd).GetAttributeValues("member") {
		ids = append(ids, b.ids[strings.ToLower(dn)])
	}
	return sorted(ids)
}

func (b *bigHouse) group(t *testing.T) {
	path := "/Groups/" + b.crowd
	before := b.members(t)
	timed(t, "get the group of 1,000", func() {
		if got := b.memberIDs(b.crowd); len(got) != manyMembers || !slices.Equal(got, before) {
			t.Errorf("%d members, the directory has %d", len(got), len(before))
		}
	})
	one := map[string]any{"value": before[500]}
	timed(t, "remove one of 1,000", func() {
		b.do("PATCH", path, patch(op("remove", `members[value eq "`+before[500]+`"]`, nil))).want(t, 204)
	})
	if got := b.members(t); slices.Contains(got, before[500]) || len(got) != manyMembers-1 {
		t.Errorf("%d members after removing one", len(got))
	}
	timed(t, "add one to 999", func() { b.do("PATCH", path, patch(op("add", "members", []any{one}))).want(t, 204) })
	if got := b.members(t); !slices.Equal(got, before) {
		t.Errorf("%d members after adding one", len(got))
	}
	var half []any
	for _, id := range before[:manyMembers/2] {
		half = append(half, map[string]any{"value": id})
	}
	timed(t, "replace 1,000 by 500", func() { b.do("PATCH", path, patch(op("replace", "members", half))).want(t, 204) })
	if got := b.members(t); !slices.Equal(got, before[:manyMembers/2]) {
		t.Errorf("%d members after replacing them", len(got))
	}
}

func (b *bigHouse) life(t *testing.T) {
	var u answer
	timed(t, "create", func() { u = b.do("POST", "/Users", fullUserCalled("newcomer")).want(t, 201) })
	var groups []string
	for i := range 20 {
		groups = append(groups, b.do("POST", "/Groups", map[string]any{"displayName": fmt.Sprintf("of newcomer %d", i), "members": []any{map[string]any{"value": u.id()}}}).want(t, 201).id())
	}
	timed(t, "patch", func() { b.do("PATCH", "/Users/"+u.id(), patch(op("replace", "title", "Lead"))).want(t, 200) })
	timed(t, "rename, in 20 groups", func() { b.do("PATCH", "/Users/"+u.id(), patch(op("replace", "userName", "oldcomer"))).want(t, 200) })
	timed(t, "put", func() { b.do("PUT", "/Users/"+u.id(), fullUserCalled("oldcomer")).want(t, 200) })
	entry := b.byID(t, u.id())
	if entry.GetAttributeValue("uid") != "oldcomer" || entry.GetAttributeValue("title") != "" {
		t.Errorf("%s has title %q", entry.DN, entry.GetAttributeValue("title"))
	}
	eventually(t, "all groups follow the rename", func() bool {
		return len(b.search(t, b.groups, ldap.ScopeSingleLevel, "(member="+entry.DN+")")) == len(groups)
	})
	timed(t, "delete, in 20 groups", func() { b.do("DELETE", "/Users/"+u.id(), nil).want(t, 204) })
	eventually(t, "no membership is left", func() bool {
		return len(b.search(t, b.groups, ldap.ScopeSingleLevel, "(member="+entry.DN+")")) == 0
	})
	for _, id := range groups {
		b.do("DELETE", "/Groups/"+id, nil).want(t, 204)
	}
}

func fullUserCalled(name string) map[string]any {
	u := fullUser()
	u["userName"], u["externalId"], u["emails"] = name, name, []map[string]any{{"type": "work", "value": name + "@example.net"}}
	return u
}
