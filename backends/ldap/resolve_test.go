package ldap

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

func TestManyNamesAreFoundWithTheirAttributesInFewSearches(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, server.URL())
	const many = 3*batch + 1
	var dns, ids []string
	for i := range many {
		uid := fmt.Sprintf("p%d", i)
		b.person(t, uid, map[string][]string{"title": {"Title of " + uid}})
		dns, ids = append(dns, "uid="+uid+","+b.base), append(ids, strings.ToUpper(uid))
	}
	var searches atomic.Int32
	inject(t, server, embedded.Fault{Op: embedded.Search, Match: func(r embedded.Request) bool {
		if r.DN == b.base {
			searches.Add(1)
		}
		return false
	}})
	for by, names := range map[string][]string{"": dns, "UID": ids} {
		c := b.open(t, "(objectClass=inetOrgPerson)")
		searches.Store(0)
		found, err := c.Find(t.Context(), by, names, []string{"Title"})
		if err != nil || len(found) != many {
			t.Fatalf("by %q: %d records, %v", by, len(found), err)
		}
		for i, name := range names {
			r := found[name]
			if got := r.Attrs["Title"].Texts(); len(r.Attrs) != 1 || len(got) != 1 || got[0] != "Title of "+strings.ToLower(ids[i]) {
				t.Errorf("by %q: %q gave %v", by, name, r.Attrs)
			}
			if dn, known := c.names.get(r.Key); !known || dn != dns[i] {
				t.Errorf("by %q: the DN of %q is not remembered, but %q", by, name, dn)
			}
		}
		if n := searches.Load(); n != 4 {
			t.Errorf("by %q: %d searches for %d names", by, n, many)
		}
	}
}

func TestHoldersOfManyNamesAreOneSearchEachAndNoWalk(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, server.URL())
	key := b.person(t, "ann", map[string][]string{"title": {"t7", "t8"}})
	b.person(t, "bob", map[string][]string{"title": {"T7"}})
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("t%d", i))
	}
	var searches, open, most atomic.Int32
	inject(t, server, embedded.Fault{Op: embedded.Search, Match: func(r embedded.Request) bool {
		if r.DN != b.base {
			return false
		}
		searches.Add(1)
		most.Store(max(most.Load(), open.Add(1)))
		time.Sleep(5 * time.Millisecond)
		open.Add(-1)
		return false
	}})
	c := b.met(t)
	for range cap(b.dir.pool.streams) { // as if as many walked as may: nobody waits for one
		b.dir.pool.streams <- struct{}{}
	}
	held, err := c.Holders(t.Context(), "title", names, nil)
	for range cap(b.dir.pool.streams) {
		<-b.dir.pool.streams
	}
	if err != nil || len(held) != 2 || len(held["t7"]) != 2 || len(held["t8"]) != 1 || held["t8"][0].Key != key {
		t.Errorf("%v, %v", held, err)
	}
	if n := searches.Load(); n != 100 {
		t.Errorf("%d searches for 100 names", n)
	}
	if n := most.Load(); n > lookups {
		t.Errorf("%d searches at a time", n)
	}
}

func TestMoreHoldersThanTheServerGivesAtOnce(t *testing.T) {
	server := startEmbedded(t, func(c *embedded.Config) { c.SizeLimit = 5 })
	b := newBranch(t, server.URL())
	for i := range 8 {
		b.person(t, string(rune('a'+i)), map[string][]string{"title": {"held"}})
	}
	c := b.met(t)
	walked, wrong := 0, error(nil)
	for _, err := range c.Walk(t.Context(), backends.Query{}) {
		walked, wrong = walked+1, err
	}
	held, err := c.Holders(t.Context(), "title", []string{"held", "nobody"}, nil)
	if wrong == nil && (err != nil || len(held["held"]) != walked) || wrong != nil && !errors.Is(err, backends.ErrTooMany) {
		t.Errorf("%d holders, %v; a walk gives %d, %v", len(held["held"]), err, walked, wrong)
	}
}

func TestOrderedWalksRememberNames(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, server.URL())
	key := b.person(t, "ann", nil)
	byUID := backends.Sort{Attr: "uid", Rule: backends.CaseIgnoreSpace}
	c := b.met(t)
	for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byUID}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if dn, known := c.names.get(key); !known || dn != "uid=ann,"+b.base {
		t.Errorf("%q, %v", dn, known)
	}
}
