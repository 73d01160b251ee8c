package ldap

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

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
