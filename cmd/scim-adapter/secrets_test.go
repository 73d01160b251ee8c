package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// keeping is a configuration's part that keeps secrets.
func keeping(key string, former ...string) string {
	return fmt.Sprintf("audit: {sensitive: [title]}\nbackup: {secrets: encrypted, key: %s, former_keys: [%s]}", key, strings.Join(former, ", "))
}

var keyOne, keyTwo = strings.Repeat("1a", 32), strings.Repeat("2b", 32)

const (
	hushed = "Zwordthatnobodyreads"
	titled = "Zpersonally"
)

// storedSecret is what the directory keeps of somebody's password.
func (h *house) storedSecret(t *testing.T, id string) string {
	t.Helper()
	if h.tables != nil {
		return h.tables.admin.texts("SELECT coalesce(password_hash, '') FROM scim.users WHERE id::text = $1", id)[0]
	}
	found, err := h.ldap.Search(ldap.NewSearchRequest(h.people, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(entryUUID="+id+")", []string{"userPassword"}, nil))
	if err != nil || len(found.Entries) != 1 {
		t.Fatalf("%s: %v", id, err)
	}
	return found.Entries[0].GetAttributeValue("userPassword")
}

func TestAnUndoneDeleteBringsThePasswordBack(t *testing.T) {
	everywhere(t, func(t *testing.T, plain *house) {
		if !plain.passwords() {
			t.Skip("it has no passwords")
		}
		h := plain.beside(t, keeping(keyOne))
		id := h.user("ada", "password", hushed, "title", titled).id()
		secret := h.storedSecret(t, id)
		if secret == "" || !h.letsIn(t, id, hushed) {
			t.Fatal("there is no password to bring back")
		}
		h.do("DELETE", "/Users/"+id, nil)
		last := h.lastEvent()
		var seen bytes.Buffer
		event, err := json.Marshal(last)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(event)
		for _, dryRun := range []bool{true, false} {
			out, err := h.undoing(undoRun{yes: true, dryRun: dryRun}, func(u *undoRun) error { return u.undo(t.Context(), []string{string(last.Intent.ID)}) })
			if err != nil || strings.Contains(out, "cannot be put back: title") || strings.Contains(out, "userPassword") && strings.Contains(out, "cannot be put back: userPassword") {
				t.Errorf("%v\n%s", err, out)
			}
			seen.WriteString(out)
		}
		if !h.letsIn(t, id, hushed) {
			t.Error("the old password does not let in")
		}
		if name := h.do("GET", "/Users/"+id, nil).body["title"]; name != titled {
			t.Errorf("what is sensitive comes back as %v", name)
		}
		audited := h.audited(t)
		for where, text := range map[string]string{"the journal, as it is shown, and a plan": seen.String(), "audit": audited} {
			for _, what := range []string{hushed, titled, secret} {
				if strings.Contains(text, what) {
					t.Errorf("%s has %q:\n%.2000s", where, what, text)
				}
			}
		}
	})
}

// audited is what the commands print of the house's journal.
func (h *house) audited(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	for e, err := range h.world.store.Events(t.Context(), journal.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, output := range []string{"text", "json"} {
			show := showRun{}
			show.store, show.out, show.output = h.world.store.(besideStore), &all, output
			if err := show.show(t.Context(), e.Intent.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all.String()
}

// rekey gives the house another key, and former ones.
func (h *house) rekey(t *testing.T, key string, former ...string) {
	t.Helper()
	config := *h.world.config
	config.Backup.Key, config.Backup.FormerKeys = configs.NewSecret(key), nil
	for _, one := range former {
		config.Backup.FormerKeys = append(config.Backup.FormerKeys, configs.NewSecret(one))
	}
	h.world.discretion = discretion(&config, h.world.mappings)
}

func TestASnapshotGivesThePasswordBackToWhoHasTheKey(t *testing.T) {
	everywhere(t, func(t *testing.T, plain *house) {
		if !plain.passwords() {
			t.Skip("it has no passwords")
		}
		h := plain.beside(t, keeping(keyOne))
		v := openVault(t, h)
		id := h.user("ada", "password", hushed, "title", titled).id()
		h.user("bob", "title", titled)
		secret := h.storedSecret(t, id)
		v.snapshot(t)
		v.snapshot(t)
		all, err := v.store.List(t.Context(), "default", "User")
		if err != nil || len(all) != 2 || all[0].Bytes != 0 {
			t.Fatalf("the second one of the same is not for nothing: %+v, %v", all, err)
		}
		var seen bytes.Buffer
		run := v.run()
		run.out, run.err = &seen, &seen
		diff := func() error {
			return (&backupDiff{backupRun: run, asJSON: true}).diff(t.Context(), []string{all[0].ID})
		}
		if err := diff(); err != nil || seen.Len() > 0 {
			t.Errorf("nothing has changed: %v\n%s", err, seen.String())
		}
		if _, err := v.store.ExportJSON(t.Context(), all[0], &seen); err != nil {
			t.Error(err)
		}
		if _, err := v.store.ExportLDIF(t.Context(), all[0], &seen, nil); h.tables == nil && (err != nil || !strings.Contains(seen.String(), "# userPassword: sealed in the snapshot")) {
			t.Errorf("%v\n%s", err, seen.String())
		}
		h.do("DELETE", "/Users/"+id, nil)
		if err := diff(); err != nil {
			t.Error(err)
		}
		for _, key := range []struct {
			key    string
			former []string
			back   bool
		}{{keyTwo, nil, false}, {keyTwo, []string{keyOne}, true}} {
			h.rekey(t, key.key, key.former...)
			for _, dryRun := range []bool{true, false} {
				out, err := v.restoring(t, backupRestore{undoRun: undoRun{yes: true, dryRun: dryRun}}, all[0].ID, "User/"+id)
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				seen.WriteString(out)
			}
			name, _ := h.do("GET", "/Users/"+id, nil).body["title"].(string)
			if h.letsIn(t, id, hushed) != key.back || name == titled != key.back {
				t.Errorf("with %v the password lets in: %t; the name is %q\n%s", key, !key.back, name, seen.String())
			}
			if !key.back {
				h.do("DELETE", "/Users/"+id, nil)
			}
		}
		for _, what := range []string{hushed, titled, secret} {
			if strings.Contains(seen.String()+h.audited(t), what) {
				t.Errorf("%q was shown:\n%.3000s", what, seen.String())
			}
		}
	})
}

func TestANameThatIsNoAttributesIsWarnedOf(t *testing.T) {
	var log bytes.Buffer
	p, err := load(writeConfig(t, startEmbedded(t).URL(), "audit: {sensitive: [displayName, nosuchname, carLicense]}\n"), func(configs.Logging) *slog.Logger {
		return slog.New(slog.NewTextHandler(&log, nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.warn()
	if !strings.Contains(log.String(), "nosuchname") || strings.Contains(log.String(), "carLicense") || strings.Contains(log.String(), "displayName") {
		t.Error(log.String())
	}
}
