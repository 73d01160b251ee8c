package ldap

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// slapd sends description, and member, twice of an entry that slapadd -q has loaded from this.
const loadedInParts = `dn: uid=parts,ou=people,SUFFIX
objectClass: inetOrgPerson
uid: parts
cn: Parts
description: a
sn: Parts
description: b
entryUUID: 00000000-0000-4000-8000-000000000001

dn: cn=parts,ou=groups,SUFFIX
objectClass: groupOfNames
member: uid=parts,ou=people,SUFFIX
cn: parts
member: uid=other,ou=people,SUFFIX
entryUUID: 00000000-0000-4000-8000-000000000002
`

func TestAnAttributeThatIsSentInPartsHasAllItsValues(t *testing.T) {
	s := ownSlapd(t)
	s.stop()
	load := exec.CommandContext(t.Context(), slapdPath(), "-T", "add", "-q", "-f", filepath.Join(s.dir, "slapd.conf"), "-b", suffix)
	load.Stdin = strings.NewReader(strings.ReplaceAll(loadedInParts, "SUFFIX", suffix))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	parts := 0
	for _, a := range (&branch{lc: dialAdmin(t, s.url())}).read(t, "uid=parts,ou=people,"+suffix, "*").Attributes {
		if a.Name == "description" {
			parts++
		}
	}
	if parts != 2 {
		t.Fatalf("the server sends description %d times: this tests nothing", parts)
	}
	d, _ := openDirectory(t, s.url(), nil)
	for _, loaded := range []struct {
		branch, key string
		attr        string
		values      []string
	}{
		{"people", "00000000-0000-4000-8000-000000000001", "description", []string{"a", "b"}},
		{"groups", "00000000-0000-4000-8000-000000000002", "member", []string{"uid=other,ou=people," + suffix, "uid=parts,ou=people," + suffix}},
	} {
		c := openClass(t, d, "ou="+loaded.branch+","+suffix, "(objectClass=*)")
		for _, asked := range [][]string{{loaded.attr}, {"*"}, {"*", "+", strings.ToUpper(loaded.attr)}} {
			records, err := c.Fetch(t.Context(), []backends.Key{backends.Key(loaded.key)}, asked)
			if err != nil || len(records) != 1 {
				t.Fatalf("%+v, %v", records, err)
			}
			if got := slices.Sorted(slices.Values(records[0].Attrs.Get(loaded.attr).Texts())); !slices.Equal(got, loaded.values) {
				t.Errorf("asked for %q: %s is %q, want %q", asked, loaded.attr, got, loaded.values)
			}
		}
		there, err := c.Has(t.Context(), backends.Key(loaded.key), loaded.attr, backends.Strings(loaded.values...))
		if err != nil || slices.Contains(there, false) {
			t.Errorf("%s has %v of %q, %v", loaded.attr, there, loaded.values, err)
		}
	}
}
