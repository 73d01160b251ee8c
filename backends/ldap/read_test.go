package ldap

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestFetch(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		ctx := t.Context()
		one := b.person(t, "one", map[string][]string{"userPassword": {"geheim1"}, "jpegPhoto": {"\xff\xd8"}})
		two := b.person(t, "two", nil)
		c := b.open(t, "(objectClass=inetOrgPerson)")
		records, err := c.Fetch(ctx, []backends.Key{one, two, one, "nonsense", "*)(uid=*", backends.Key(strings.ToUpper(string(one)))}, []string{"UID", "userPassword", "jpegPhoto", "surname"})
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != 2 {
			t.Fatalf("got %d records, want 2: %v", len(records), records)
		}
		slices.SortFunc(records, func(x, y backends.Record) int { return strings.Compare(x.Name, y.Name) })
		r := records[0]
		if r.Key != one || r.Name != "uid=one,"+b.base || r.Version == "" {
			t.Errorf("record %+v", r)
		}
		want := map[string]backends.Kind{"UID": backends.KindString, "userPassword": backends.KindSecret, "jpegPhoto": backends.KindBytes, "surname": backends.KindString}
		for attr, kind := range want {
			if len(r.Attrs[attr]) != 1 || r.Attrs[attr][0].Kind() != kind {
				t.Errorf("%s is %#v, want one of kind %d", attr, r.Attrs[attr], kind)
			}
		}
		if len(r.Attrs) != len(want) {
			t.Errorf("attributes that were not asked for: %v", r.Attrs)
		}
	})
}

func TestWalkPages(t *testing.T) {
	onBoth(t, func(t *testing.T, b *branch) {
		for i := range 23 {
			b.person(t, string(rune('a'+i)), nil)
		}
		d, _ := openDirectory(t, b.url, func(c *Config) { c.PageSize = 5 })
		c := openClass(t, d, b.base, "(objectClass=inetOrgPerson)")
		ctx := t.Context()
		got := uids(walk(ctx, t, c, backends.Query{Attrs: []string{"uid"}}))
		slices.Sort(got)
		if len(slices.Compact(got)) != 23 {
			t.Errorf("%d people, want 23: %v", len(got), got)
		}
		for _, limit := range []int{1, 4, 5, 6, 10, 22, 23, 24} {
			if n := len(walk(ctx, t, c, backends.Query{Limit: limit})); n != min(limit, 23) {
				t.Errorf("limit %d gives %d", limit, n)
			}
		}
		for range 3 { // breaking off leaves a connection on which another walk works
			n := 0
			for _, err := range c.Walk(ctx, backends.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 7 {
					break
				}
			}
		}
		if n, exact, err := c.Count(ctx, nil, 0); n != 23 || !exact || err != nil {
			t.Errorf("count %d %t %v", n, exact, err)
		}
		if n, exact, err := c.Count(ctx, nil, 10); n != 10 || exact || err != nil {
			t.Errorf("count up to 10: %d %t %v", n, exact, err)
		}
		if n, exact, err := c.Count(ctx, nil, 23); n != 23 || !exact || err != nil {
			t.Errorf("count up to 23: %d %t %v", n, exact, err)
		}
		if s := d.Stats(); s.Active != 0 || s.Max < 4 {
			t.Errorf("stats at rest: %+v", s)
		}
	})
}
