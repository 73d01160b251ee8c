package ldap

import (
	"fmt"
	"testing"
)

// BenchmarkKeys compares the two ways of resolving 1,000 names; fetch.go says what came of it.
func BenchmarkKeys(b *testing.B) {
	br := newBranch(b, servers.overlays)
	var dns []string
	for i := range 1000 {
		req := fmt.Sprintf("p%d", i)
		br.person(b, req, nil)
		dns = append(dns, "uid="+req+","+br.base)
	}
	c := openClass(b, br.dir, br.base, "(objectClass=inetOrgPerson)")
	if _, err := br.dir.contact(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, known := range map[string]bool{"by entryDN": true, "by base": false} {
		b.Run(name, func(b *testing.B) {
			in := *br.dir.info.Load()
			in.live = known
			br.dir.info.Store(&in)
			for b.Loop() {
				keys, err := c.Find(b.Context(), "", dns, nil)
				if err != nil || len(keys) != len(dns) {
					b.Fatal(len(keys), err)
				}
			}
		})
	}
}
