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
	latestIsTaken(t, path, do)
	do("create")
	if out := do("prune", "--keep", "1"); !strings.Contains(out, "User: 2 snapshots taken away") {
		t.Error(out)
	}
	if out, err := command("backup", "export", "--config", path, "latest"); err == nil || !strings.Contains(err.Error(), "there are snapshots of Group, User") {
		t.Errorf("of no type: %v\n%s", err, out)
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

// latestIsTaken has every command that takes a snapshot take the latest, where there are two of people, and mary is new in the second.
func latestIsTaken(t *testing.T, path string, do func(args ...string) string) {
	t.Helper()
	var first backup.Snapshot
	if err := json.Unmarshal([]byte(do("list", "--json")), &first); err != nil {
		t.Fatal(err)
	}
	do("create", "--type", "User")
	for _, one := range []struct{ args, want string }{
		{"diff latest", "nothing differs"},
		{"diff latest --type user", "nothing differs"},
		{"diff " + first.ID + " latest", "+ "},
		{"diff latest " + first.ID, "- "},
		{"export latest", "uid=mary"},
		{"export latest --type User --format ldif", "dn: uid=mary"},
		{"verify latest", "3 records of User"},
	} {
		if out := do(strings.Fields(one.args)...); !strings.Contains(out, one.want) {
			t.Errorf("%s: no %q in\n%s", one.args, one.want, out)
		}
	}
	for _, args := range []string{"export latest --type Group", "diff " + first.ID + " --type Group"} {
		if out, err := command(append([]string{"backup", strings.Fields(args)[0], "--config", path}, strings.Fields(args)[1:]...)...); err == nil || !strings.Contains(err.Error(), "of Group") {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
}
