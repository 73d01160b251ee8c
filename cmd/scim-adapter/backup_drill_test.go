package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// The drill of docs/backup.md, and what else the command line can say.
func TestTheDrillOfBackups(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	h.people, h.groups = "ou=people,"+suffix, "ou=groups,"+suffix
	db := pgtest.Database(t)
	path := writeConfig(t, h.url, "database: {url: \"${JOURNAL_URL}\"}\nbackup: {rate: 0}\n")
	t.Setenv("JOURNAL_URL", backupRole(t, db))
	person := func(uid, title string) {
		h.add(t, "uid="+uid+","+h.people, "objectClass", "inetOrgPerson", "uid", uid, "cn", uid, "sn", uid, "title", title, "carLicense", "B-"+uid)
	}
	person("ada", "Countess")
	person("grace", "Admiral")
	person("mary", "Fellow")
	h.add(t, "cn=crew,"+h.groups, "objectClass", "groupOfNames", "cn", "crew", "member", "uid=ada,"+h.people, "member", "uid=grace,"+h.people)
	do := func(args ...string) string {
		t.Helper()
		root := rootCommand()
		var out bytes.Buffer
		root.SetArgs(append([]string{"backup", args[0], "--config", path}, args[1:]...))
		root.SetOut(&out)
		root.SetErr(&out)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
	says := func(out, want string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	do("create")
	says(do("verify", "latest", "--scratch"), "4 records came back")
	ada := h.entry(t, "uid=ada,"+h.people).GetAttributeValue("entryUUID")
	h.removeTree("uid=ada," + h.people)
	h.removeTree("uid=grace," + h.people)
	person("eve", "Stranger")
	says(do("restore", "latest", "--all", "--dry-run"), "2 to make again, 1 to change, 1 unchanged")
	says(do("restore", "latest", "User/"+ada, "--yes"), "1 made again")
	if back := h.entry(t, "uid=ada,"+h.people); back == nil || back.GetAttributeValue("carLicense") != "B-ada" || back.GetAttributeValue("entryUUID") != ada {
		t.Errorf("%v", back)
	}
	members := h.entry(t, "cn=crew,"+h.groups).GetAttributeValues("member")
	if !strings.Contains(strings.Join(members, " "), "uid=ada") || strings.Contains(strings.Join(members, " "), "uid=mary") {
		t.Errorf("the group has %q", members)
	}
	says(do("restore", "latest", "--type", "User", "--filter", `title eq "Admiral"`, "--yes"), "1 made again, 0 changed, 0 unchanged")
	says(do("restore", "latest", "--all", "--dry-run", "--delete-others"), "1 to delete, which the snapshot does not have")
	if h.entry(t, "uid=eve,"+h.people) == nil {
		t.Error("a dry run has deleted somebody")
	}
	says(do("restore", "latest", "--all", "--yes", "--delete-others"), "1 deleted")
	if h.entry(t, "uid=eve,"+h.people) != nil {
		t.Error("who was not there is still there")
	}
	says(do("restore", "latest", "--all", "--dry-run"), "0 to make again, 0 to change, 4 unchanged")
	for args, want := range map[string]string{
		"latest":                                     "say what to put back",
		"latest --all User/x":                        "say what to put back",
		"latest User/x --delete-others":              "--delete-others goes with --all",
		"latest User/x":                              "the snapshot has no User/x",
		"latest --filter title":                      "--type TYPE says",
		"01a20ac1-783d-79ad-816d-99a11932ab23 --all": "no such snapshot",
	} {
		out, err := command(append([]string{"backup", "restore", "--config", path, "--dry-run"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q\n%s", args, err, want, out)
		}
	}
	person("nobody", "asked")
	h.removeTree("uid=mary," + h.people)
	if _, err := command("backup", "restore", "--config", path, "latest", "--all"); err == nil || !strings.Contains(err.Error(), "not confirmed") || h.entry(t, "uid=mary,"+h.people) != nil {
		t.Errorf("nobody confirmed it: %v", err)
	}
}
