package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// vault is a house with snapshots.
type vault struct {
	*house
	store *backup.Store
	db    pgtest.DB
}

func openVault(t *testing.T, h *house) *vault {
	t.Helper()
	db := pgtest.Database(t)
	store, err := backup.Open(t.Context(), configs.Database{URL: configs.NewSecret(backupRole(t, db))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return &vault{house: h, store: store, db: db}
}

func (v *vault) run() backupRun {
	return backupRun{p: v.world.plan, tenant: "default", store: v.store}
}

// snapshot makes one of each type.
func (v *vault) snapshot(t *testing.T) {
	t.Helper()
	var out bytes.Buffer
	b := v.run()
	b.out, b.err = &out, &out
	if err := b.create(t.Context(), ""); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

// restoring runs `backup restore`.
func (v *vault) restoring(t *testing.T, b backupRestore, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	b.backupRun = v.run()
	b.p.config.Backup.Rate = 0
	if b.w = v.world; b.in == nil {
		b.in = strings.NewReader("")
	}
	b.backupRun.out, b.backupRun.err = &out, &out
	err := b.restore(t.Context(), args)
	return out.String(), err
}

// settle makes people, each with a manager, and groups of them.
func (h *house) settle(n, teams int) (people, groups []string) {
	h.t.Helper()
	for i := range n {
		people = append(people, h.user(fmt.Sprintf("person%03d", i), "displayName", fmt.Sprintf("Person %d", i)).id())
	}
	for i, id := range people[1:] {
		const manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
		if a := h.do("PATCH", "/Users/"+id, patch(op("replace", manager, people[i/4]))); a.status >= 300 {
			h.t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	for i := range teams {
		var ids []string
		for j := i; j < n; j += teams {
			ids = append(ids, people[j], people[(j+1)%n])
		}
		groups = append(groups, h.group(fmt.Sprintf("team%d", i), ids...).id())
	}
	return people, groups
}

// damage deletes 30 of 100 people, changes 20 and damages the groups: through the adapter, and behind its back where that is an LDAP directory.
func (h *house) damage(people, groups []string) {
	h.t.Helper()
	ok := func(a answer) {
		if a.status >= 300 {
			h.t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	for _, id := range people[:30] {
		ok(h.do("DELETE", "/Users/"+id, nil))
	}
	for i, id := range people[30:50] {
		ok(h.do("PATCH", "/Users/"+id, patch(op("replace", "displayName", fmt.Sprintf("PERSON %d", 30+i)), op("replace", "name.familyName", "Wrong"))))
	}
	for i, id := range people[50:54] {
		ok(h.do("PATCH", "/Users/"+id, patch(op("replace", "userName", fmt.Sprintf("wrong%d", i)))))
	}
	ok(h.do("PATCH", "/Groups/"+groups[0], patch(op("remove", "members", nil), op("add", "members", []any{map[string]any{"value": people[60]}}))))
	ok(h.do("PATCH", "/Groups/"+groups[1], patch(op("replace", "displayName", "wrong"))))
	ok(h.do("DELETE", "/Groups/"+groups[2], nil))
	ok(h.do("PATCH", "/Groups/"+groups[3], patch(op("remove", `members[value eq "`+people[63]+`"]`, nil), op("add", "members", []any{map[string]any{"value": people[60]}}))))
}

func TestASnapshotIsPutBack(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, groups := h.settle(100, 5)
		v := openVault(t, h)
		v.snapshot(t)
		before := h.everything(t)
		h.damage(people, groups)
		damaged := h.everything(t)

		plan, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, "latest")
		if err != nil || !strings.Contains(plan, "31 to make again") {
			t.Fatalf("a dry run: %v\n%s", err, plan)
		}
		if diff := cmp.Diff(damaged, h.everything(t)); diff != "" {
			t.Fatalf("a dry run has changed something:\n%s", diff)
		}
		since := time.Now()
		out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{yes: true}}, "latest")
		if err != nil {
			t.Errorf("%v\n%s", err, notDone(out))
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Fatalf("(-before +after):\n%s\n%s", diff, out)
		}
		if out, err := v.restoring(t, backupRestore{all: true, undoRun: undoRun{dryRun: true}}, "latest"); err != nil || !strings.Contains(out, "0 to make again, 0 to change") {
			t.Errorf("afterwards: %v\n%s", err, out)
		}
		window := undoRun{since: since.Format(time.RFC3339Nano), yes: true}
		if out, err := h.undoing(window, func(u *undoRun) error { return u.undo(t.Context(), nil) }); err != nil {
			t.Errorf("undo: %v\n%s", err, notDone(out))
		}
		if diff := cmp.Diff(damaged, h.everything(t)); diff != "" {
			t.Errorf("undone (-damaged +after):\n%s", diff)
		}
	})
}

func TestASnapshotIsExportedAsClientsSawIt(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		people, groups := h.settle(12, 2)
		v := openVault(t, h)
		v.snapshot(t)
		seen := map[string]string{}
		for _, path := range append(prefixed("/Users/", people), prefixed("/Groups/", groups)...) {
			seen[path[strings.LastIndex(path, "/")+1:]] = tidied(t, h.do("GET", path, nil).raw)
		}
		h.do("DELETE", "/Users/"+people[0], nil)
		h.do("PATCH", "/Users/"+people[1], patch(op("replace", "userName", "another")))
		var all bytes.Buffer
		snapshots, err := v.store.List(t.Context(), "default", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range snapshots {
			b := v.run()
			b.out, b.err = &all, &all
			if err := b.export(t.Context(), one.ID, "scim", false); err != nil {
				t.Fatal(err)
			}
		}
		exported := map[string]string{}
		for line := range strings.Lines(all.String()) {
			var res struct{ ID string }
			if err := json.Unmarshal([]byte(line), &res); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			exported[res.ID] = tidied(t, line)
		}
		if diff := cmp.Diff(seen, exported); diff != "" {
			t.Errorf("(-seen +exported):\n%s", diff)
		}
	})
}

func prefixed(prefix string, texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, prefix+text)
	}
	return all
}

// tidied is a resource without its version and where it was asked for, and its lists in order.
func tidied(t *testing.T, raw string) string {
	t.Helper()
	var res map[string]any
	if err := json.Unmarshal([]byte(raw), &res); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	delete(res["meta"].(map[string]any), "version")
	var tidy func(v any) any
	tidy = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if name == "$ref" || name == "location" {
					member = member.(string)[strings.LastIndex(member.(string), "/scim/v2"):]
				}
				v[name] = tidy(member)
			}
		case []any:
			for i := range v {
				v[i] = tidy(v[i])
			}
			slices.SortFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return v
	}
	text, err := json.MarshalIndent(tidy(res), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestASnapshotIsExportedWhileTheDirectoryIsAway(t *testing.T) {
	server := startEmbedded(t)
	h := openHouse(t, server.URL())
	h.settle(3, 1)
	v := openVault(t, h)
	v.snapshot(t)
	one, err := v.store.Last(t.Context(), "default", "User")
	if err := errors.Join(err, server.Stop()); err != nil {
		t.Fatal(err)
	}
	environment(t, h.url, h.base)
	p, err := load(h.config, testLog(t)) // a process that has never met the directory
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var out, said bytes.Buffer
	b := backupRun{p: p, tenant: "default", store: v.store, out: &out, err: &said}
	if err := b.export(t.Context(), one.ID, "scim", false); err != nil || strings.Count(out.String(), "\n") != 3 || !strings.Contains(out.String(), `"display":"team0"`) || !strings.Contains(out.String(), `"displayName":"Person 2"`) {
		t.Errorf("%v\n%s\n%s", err, said.String(), out.String())
	}
}
