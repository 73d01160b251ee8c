package main

import (
	"crypto/rand"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// backupRole makes a role that may do everything with snapshots, and gives the URL it connects with.
func backupRole(t *testing.T, db pgtest.DB) string {
	t.Helper()
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	name, password := "scim_test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	pgtest.Exec(t, db.Admin, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"' IN ROLE scim_app, scim_audit, scim_owner")
	t.Cleanup(func() { pgtest.Exec(t, db.Admin, "DROP ROLE "+name) })
	u, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

func TestSnapshotsAreMadeComparedCheckedAndPruned(t *testing.T) {
	server := startEmbedded(t)
	entry := func(uid, title string) embedded.Entry {
		return embedded.Entry{DN: "uid=" + uid + ",ou=people,dc=example,dc=org", Attrs: []embedded.Attr{
			{Name: "objectClass", Values: []string{"inetOrgPerson"}},
			{Name: "uid", Values: []string{uid}},
			{Name: "cn", Values: []string{uid}},
			{Name: "sn", Values: []string{uid}},
			{Name: "title", Values: []string{title}},
			{Name: "carLicense", Values: []string{"B-" + uid}},
			{Name: "userPassword", Values: []string{"{SSHA}hush"}},
		}}
	}
	if err := server.Add(entry("ada", "Countess"), entry("grace", "Admiral")); err != nil {
		t.Fatal(err)
	}
	db := pgtest.Database(t)
	path := writeConfig(t, server.URL(), "database: {url: \"${JOURNAL_URL}\"}\nbackup: {rate: 0}\n")
	t.Setenv("JOURNAL_URL", backupRole(t, db))
	do := func(args ...string) string {
		t.Helper()
		out, err := command(append([]string{"backup", args[0], "--config", path}, args[1:]...)...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	if out := do("create", "--type", "user"); !strings.Contains(out, "has 2 records") {
		t.Fatal(out)
	}
	var first backup.Snapshot
	if err := json.Unmarshal([]byte(do("list", "--json")), &first); err != nil || first.Records != 2 || first.Type != "User" {
		t.Fatalf("%+v, %v", first, err)
	}
	if out := do("diff", first.ID); out != "nothing differs\n" {
		t.Error(out)
	}
	if err := server.Add(entry("mary", "Fellow")); err != nil {
		t.Fatal(err)
	}
	if out := do("diff", first.ID); !strings.HasPrefix(out, "+ ") || !strings.Contains(out, "uid=mary") || strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	if out := do("verify", first.ID); out != "2 records of User are as they were stored\n" {
		t.Error(out)
	}
	if out := do("export", first.ID, "--format", "ldif"); !strings.Contains(out, "carLicense: B-ada\n") || strings.Contains(out, "hush") {
		t.Error(out)
	}
	do("create")
	if out := do("prune", "--keep", "1"); !strings.Contains(out, "User: 1 snapshot taken away") {
		t.Error(out)
	}
	pgtest.Exec(t, db.Admin, `UPDATE backup.records SET body = '\x00'`)
	var left backup.Snapshot
	if err := json.Unmarshal([]byte(do("list", "--json", "--type", "User")), &left); err != nil {
		t.Fatal(err)
	}
	if out, err := command("backup", "verify", "--config", path, left.ID); err == nil || strings.Count(out, "cannot be read") != 3 {
		t.Errorf("%v: %s", err, out)
	}
}
