package main

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// loginIn makes a login that is in some roles, and gives its name and the URL it connects with.
func loginIn(t *testing.T, db pgtest.DB, name string, roles ...string) (login, at string) {
	t.Helper()
	login = name + "_" + db.Role
	pgtest.Exec(t, db.Admin, pgjournal.Script(), "CREATE ROLE "+login+" LOGIN PASSWORD 'hush'")
	t.Cleanup(func() { pgtest.Exec(t, db.Admin, "DROP ROLE "+login) })
	for _, role := range roles {
		pgtest.Exec(t, db.Admin, "GRANT "+role+" TO "+login)
	}
	u, err := url.Parse(db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(login, "hush")
	return login, u.String()
}

func TestEachCommandSaysWhichGrantIsMissing(t *testing.T) {
	db := pgtest.Database(t)
	path := writeConfig(t, embeddedURL(t), "database: {url: \"${JOURNAL_URL}\"}\nguard: {limits: [{kind: delete, count: 5, window: 1h}]}\n")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), "kind: embedded", "kind: postgres", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	snapshot := ""
	for _, who := range []struct {
		name string
		in   []string
		asks map[string]string // by command: the roles that are missing
	}{
		{"nobody", nil, map[string]string{
			"backup list": "scim_audit", "backup create": "scim_app", "backup prune --keep 1": "scim_owner", "backup restore latest --all --dry-run": "scim_audit scim_app",
			"backup restore latest --all --yes": "scim_audit scim_app", "audit list": "scim_audit", "undo --since 1h --dry-run": "scim_audit scim_app", "undo --since 1h --yes": "scim_audit scim_app",
			"guard status": "scim_app", "guard reset --kind delete": "scim_app", "adopt list": "scim_audit",
		}},
		{"app", []string{"scim_app"}, map[string]string{
			"backup list": "", "backup create": "", "backup prune --keep 1": "scim_owner", "backup verify SNAPSHOT": "scim_audit",
			"backup export SNAPSHOT": "scim_audit", "backup restore SNAPSHOT --all --dry-run": "scim_audit", "audit list": "scim_audit", "undo --since 1h --yes": "scim_audit", "guard status": "",
		}},
		{"audit", []string{"scim_audit"}, map[string]string{
			"backup list": "", "backup create": "scim_app", "backup verify SNAPSHOT": "", "audit list": "", "undo --since 1h --yes": "scim_app", "undo --since 1h --dry-run": "",
		}},
	} {
		login, at := loginIn(t, db, who.name, who.in...)
		t.Setenv("JOURNAL_URL", at)
		if who.name == "app" {
			out, err := command("backup", "create", "--type", "User", "--config", path)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, snapshot, _ = strings.Cut(out, "User: snapshot ")
			snapshot, _, _ = strings.Cut(snapshot, " ")
		}
		for line, roles := range who.asks {
			args := append(strings.Fields(strings.ReplaceAll(line, "SNAPSHOT", snapshot)), "--config", path)
			out, err := command(args...)
			if roles == "" {
				if err != nil {
					t.Errorf("%s: %s: %v\n%s", who.name, line, err, out)
				}
				continue
			}
			if err == nil || strings.Count(err.Error(), "GRANT ") != len(strings.Fields(roles)) {
				t.Errorf("%s: %s: %v\n%s", who.name, line, err, out)
				continue
			}
			for role := range strings.FieldsSeq(roles) {
				if !strings.Contains(err.Error(), "GRANT "+role+" TO "+login) {
					t.Errorf("%s: %s: %v, want %s", who.name, line, err, role)
				}
			}
		}
	}
}
