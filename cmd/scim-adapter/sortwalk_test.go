package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestManySearchesByGroupsAtOnceComeBack: where groups must be searched for each user, a search by groups walks in order to sort what it walks. With one
// connection there are sixteen walks at a time, and twenty searches that each waited for a second walk would wait for ever.
func TestManySearchesByGroupsAtOnceComeBack(t *testing.T) {
	text, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	edited := string(text)
	for old, now := range map[string]string{
		"    url: ${LDAP_URL}": "    connections: 1\n    page_size: 50\n    url: ${LDAP_URL}",
		"groups: [memberOf | ref(Group), reverse(Group.members)]": "groups: reverse(Group.members)",
	} {
		if strings.Count(edited, old) != 1 {
			t.Fatalf("%q is not in %s", old, exampleConfig)
		}
		edited = strings.Replace(edited, old, now, 1)
	}
	config := filepath.Join(t.TempDir(), "narrow.yaml")
	if err := os.WriteFile(config, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouseFrom(t, config, d.url(t))
			const people = 210
			for i := range people {
				name := fmt.Sprintf("walker%03d", i)
				h.add(t, "uid="+name+","+h.people, "objectClass", "inetOrgPerson", "uid", name, "cn", name, "sn", name)
			}
			last, _ := h.list("/Users", `userName eq "walker209"`)
			id := names(last, "id")[0]
			h.group("g", id)
			const searches = 20
			done := make(chan error, searches)
			for range searches {
				go func() {
					a, err := h.try("GET", "/Users?sortBy=groups&count=1&attributes=userName", nil)
					if err == nil && (a.status != 200 || !strings.Contains(a.raw, "walker209")) {
						err = fmt.Errorf("%d %.300s", a.status, a.raw)
					}
					done <- err
				}()
			}
			patience := time.After(2 * time.Minute)
			for n := range searches {
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
				case <-patience:
					t.Fatalf("%d of %d searches came back", n, searches)
				}
			}
		})
	}
}
