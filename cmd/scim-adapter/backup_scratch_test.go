package main

import (
	"bytes"
	"strings"
	"testing"
)

// verifying runs `backup verify --scratch`.
func (v *vault) verifying(t *testing.T, into string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	b := v.run()
	b.out, b.err, b.config = &out, &out, v.config
	err := b.verifyScratch(t.Context(), []string{"latest"}, into)
	return out.String(), err
}

func TestASnapshotComesBackInAScratchDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if h.tables != nil {
			t.Skip("tables need a database")
		}
		h.settle(30, 3)
		v := openVault(t, h)
		v.snapshot(t)
		before := h.everything(t)
		if out, err := v.verifying(t, ""); err != nil || !strings.Contains(out, "33 records came back") {
			t.Errorf("in this process: %v\n%s", err, out)
		}
		if strings.Join(before, "\n") != strings.Join(h.everything(t), "\n") {
			t.Error("the directory that is served has changed")
		}
		other := openHouse(t, h.url)
		environment(t, h.url, other.base)
		if out, err := v.verifying(t, h.config); err != nil || !strings.Contains(out, "33 records came back") {
			t.Errorf("below another base: %v\n%s", err, out)
		}
		if n := len(other.search(t, other.people, 2, "(objectClass=inetOrgPerson)")); n != 30 {
			t.Errorf("%d people below the other base", n)
		}
		if out, err := v.verifying(t, h.config); err == nil || !strings.Contains(err.Error(), "a scratch directory is empty") {
			t.Errorf("once more: %v\n%s", err, out)
		}
		environment(t, h.url, h.base)
		if out, err := v.verifying(t, h.config); err == nil || !strings.Contains(err.Error(), "no scratch directory") {
			t.Errorf("into itself: %v\n%s", err, out)
		}
	})
}

func TestASnapshotOfTablesComesBackInAnotherDatabase(t *testing.T) {
	for _, w := range tableWorlds(t) {
		t.Run(w.name, func(t *testing.T) {
			h := openTables(t, w)
			h.settle(30, 3)
			v := openVault(t, h)
			v.snapshot(t)
			if _, err := v.verifying(t, ""); err == nil || !strings.Contains(err.Error(), "--into CONFIG") {
				t.Errorf("without a database: %v", err)
			}
			environment(t, w.database(t).URL, "")
			if out, err := v.verifying(t, w.config); err != nil || !strings.Contains(out, "33 records came back") {
				t.Errorf("in another database: %v\n%s", err, out)
			}
		})
	}
}

func TestWhatDoesNotComeBackIsTold(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	h.settle(3, 1)
	v := openVault(t, h)
	v.snapshot(t)
	other := openHouse(t, h.url)
	environment(t, h.url, other.base)
	other.add(t, "uid=person001,ou=people,"+other.base, "objectClass", "account", "uid", "person001") // out of the mapping's scope, and in the way
	out, err := v.verifying(t, h.config)
	if err == nil || !strings.Contains(out, "could not be put back") || !strings.Contains(out, "uid=person001,ou=people,"+other.base+": it is not there") || strings.Contains(out, "person002") {
		t.Errorf("%v\n%s", err, out)
	}
}
