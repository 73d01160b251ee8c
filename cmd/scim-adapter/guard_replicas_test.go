package main

import (
	"os"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// TestThreeProcessesTogetherStopAClient: nothing is shared but the journal's database and the directory.
func TestThreeProcessesTogetherStopAClient(t *testing.T) {
	url := serverURL("SCIM_TEST_LDAP_URL")(t)
	db := pgtest.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	h := openHouse(t, url) // for its subtree
	path := stormConfig(t, h, url, db)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	limited := strings.Replace(string(text), "replicas: 2", "replicas: 3", 1) + "\nguard:\n  limits:\n    - {kind: delete, count: 5, window: 1h}\n"
	if err := os.WriteFile(path, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	replicas := make([]*process, 3)
	sides := make([]*scimClient, len(replicas))
	for i := range replicas {
		replicas[i] = startProcess(t, path)
		sides[i] = &replicas[i].scimClient
	}
	ids := sides[0].people(60)
	deleted, refused := spreeOf(t, len(ids), ids, sides...)
	counts(t, "sixty at once on three replicas", deleted, refused, 5, 55)
	for _, side := range sides {
		side.left(55)
	}
	out, err := command("guard", "status", "--config", path)
	if err != nil || !strings.Contains(strings.Join(strings.Fields(out), " "), "delete tests 5 1h 5 0 0") {
		t.Errorf("guard status: %v\n%s", err, out)
	}
	if out, err = command("guard", "approve", "--config", path, "--kind", "delete", "--client", "tests", "--count", "2"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	deleted, refused = spreeOf(t, len(ids), sides[1].left(55), sides...)
	counts(t, "two were approved", deleted, refused, 2, 53)
}
