package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// scheduled is a replica that makes snapshots daily at half past two, at a time that the test sets.
type scheduled struct {
	*backups
	w *world
}

// atNight opens the snapshots of a replica, and gives the store, too.
func atNight(t *testing.T, path string, now *time.Time) scheduled {
	t.Helper()
	w := loadWorld(t, path)
	b := w.backups
	var err error
	if b.store, err = backup.Open(t.Context(), w.config.Database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	b.now = func() time.Time { return *now }
	b.store.Now = b.now
	return scheduled{b, w}
}

func (s scheduled) list(t *testing.T) []backup.Snapshot {
	t.Helper()
	all, err := s.store.List(t.Context(), "default", "User")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// figure is a metric of User.
func (s scheduled) figure(t *testing.T, name, result string) float64 {
	t.Helper()
	families, err := s.w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && hasLabel(m, "type", "User") && (result == "" || hasLabel(m, "result", result)) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

func hasLabel(m *dto.Metric, name, value string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue() == value
		}
	}
	return false
}

// scheduleConfig is a configuration with a schedule and a database for it.
func scheduleConfig(t *testing.T, more string) (path string, db pgtest.DB, server *embedded.Server) {
	t.Helper()
	server = startEmbedded(t)
	db = pgtest.Database(t)
	t.Setenv("JOURNAL_URL", backupRole(t, db))
	return writeConfig(t, server.URL(), "database: {url: \"${JOURNAL_URL}\"}\nbackup: {schedule: 30 2 * * *, rate: 0"+more+"}\n"), db, server
}

func TestASnapshotIsMadeAtItsTimeByOneReplica(t *testing.T) {
	path, _, _ := scheduleConfig(t, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "path: \"")
	journal, _, _ := strings.Cut(rest, "\"")
	now := time.Date(2026, 11, 23, 2, 29, 50, 0, time.UTC)
	var replicas []scheduled
	for range 3 {
		replicas = append(replicas, atNight(t, changed(t, path, journal, t.TempDir()), &now)) // an embedded journal is one process's
	}
	one := replicas[0]
	if wait := one.round(t.Context()); wait != 10*time.Second {
		t.Errorf("it waits %s", wait)
	}
	all := one.list(t)
	if yesterday := now.Truncate(24 * time.Hour).Add(-22*time.Hour + 30*time.Minute); len(all) != 1 || !all[0].Slot.Equal(yesterday) || !all[0].Started.Equal(now) {
		t.Fatalf("what was missed while nobody ran is made up for: %+v", all)
	}
	for range 3 { // the time comes, and passes
		var wg sync.WaitGroup
		for _, r := range replicas {
			wg.Go(func() { r.round(t.Context()) })
		}
		wg.Wait()
		now = now.Add(61 * time.Second)
	}
	all = one.list(t)
	if len(all) != 2 || all[0].Status != backup.Complete || !all[0].Slot.Equal(time.Date(2026, 11, 23, 2, 30, 0, 0, time.UTC)) {
		t.Fatalf("%+v", all)
	}
	made := 0.0
	for i, r := range replicas {
		made += r.figure(t, "scim_backup_snapshots_total", "made")
		if last := r.figure(t, "scim_backup_last_success_timestamp_seconds", ""); last != float64(all[0].Started.Unix()) {
			t.Errorf("replica %d tells of %v", i, last)
		}
	}
	if made != 2 {
		t.Errorf("%v were made", made)
	}
}

func TestOldSnapshotsOfTheScheduleGo(t *testing.T) {
	path, db, _ := scheduleConfig(t, ", keep: 2")
	now := time.Date(2026, 11, 20, 2, 30, 30, 0, time.UTC)
	one := atNight(t, path, &now)
	if _, err := one.store.Create(t.Context(), backup.Source{Tenant: "default", Type: "User", Records: one.types[0].Backend()}); err != nil {
		t.Fatal(err)
	}
	one.round(t.Context()) // there is one since
	if all := one.list(t); len(all) != 1 || !all[0].Slot.IsZero() {
		t.Fatalf("%+v", all)
	}
	for range 4 {
		now = now.Add(24 * time.Hour)
		one.round(t.Context())
	}
	all := one.list(t)
	if len(all) != 3 || all[0].Slot.Day() != 24 || all[1].Slot.Day() != 23 || !all[2].Slot.IsZero() {
		t.Errorf("%+v", all)
	}
	pgtest.Exec(t, db.Admin, "REVOKE DELETE ON backup.snapshots FROM scim_owner")
	now = now.Add(24 * time.Hour)
	one.round(t.Context())
	if all := one.list(t); len(all) != 4 || one.mayPrune {
		t.Errorf("a role that may not prune: %+v", all)
	}
}

func TestASnapshotThatFailsIsTriedAgain(t *testing.T) {
	path, db, server := scheduleConfig(t, "")
	now := time.Date(2026, 11, 20, 2, 30, 30, 0, time.UTC)
	one := atNight(t, path, &now)
	answers := one.answers
	one.answers = func(context.Context, *mapping.Mapping) error { return errors.New("away") }
	one.round(t.Context())
	if all := one.list(t); len(all) != 0 {
		t.Errorf("while the directory is away: %+v", all)
	}
	addPeople(t, server, 3)
	pgtest.Exec(t, db.Admin, "ALTER TABLE backup.entries RENAME TO elsewhere")
	one.answers, now = answers, now.Add(lookAgain)
	one.round(t.Context())
	if all := one.list(t); len(all) != 1 || all[0].Status != backup.Failed || one.figure(t, "scim_backup_snapshots_total", "failed") != 1 {
		t.Errorf("one that fails: %+v", all)
	}
	pgtest.Exec(t, db.Admin, "ALTER TABLE backup.elsewhere RENAME TO entries")
	one.round(t.Context())
	if all := one.list(t); len(all) != 1 {
		t.Errorf("at once: %+v", all)
	}
	now = now.Add(snapshotAgain)
	one.round(t.Context())
	if all := one.list(t); len(all) != 1 || all[0].Status != backup.Complete || all[0].Records != 3 { // the other one was taken away
		t.Errorf("some minutes later: %+v", all)
	}
}

// addPeople puts some into a directory.
func addPeople(t *testing.T, server *embedded.Server, n int) {
	t.Helper()
	for i := range n {
		entry := embedded.Entry{DN: fmt.Sprintf("uid=p%d,ou=people,dc=example,dc=org", i), Attrs: []embedded.Attr{
			{Name: "objectClass", Values: []string{"inetOrgPerson"}},
			{Name: "uid", Values: []string{fmt.Sprint("p", i)}},
			{Name: "cn", Values: []string{"x"}},
			{Name: "sn", Values: []string{"x"}},
		}}
		if err := server.Add(entry); err != nil {
			t.Fatal(err)
		}
	}
}

// changed is a copy of a configuration with some of its text replaced.
func changed(t *testing.T, path, old, now string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q: %v", path, old, err)
	}
	path = filepath.Join(t.TempDir(), "scim.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServeMakesSnapshotsAndStops(t *testing.T) {
	path, _, server := scheduleConfig(t, "")
	addPeople(t, server, 50)
	slow := changed(t, path, "rate: 0", "rate: 5")
	var store *backup.Store
	run := func(path string, until func([]backup.Snapshot) bool) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serve(ctx, path, nil) }()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			all, err := store.List(t.Context(), "default", "User")
			if err == nil && until(all) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v, %v", all, err)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	config, faults := configs.Load(path)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var err error
	if store, err = backup.Open(t.Context(), config.Database); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	run(slow, func(all []backup.Snapshot) bool { return len(all) == 1 && all[0].Status == backup.Running })
	all, err := store.List(t.Context(), "default", "User")
	if err != nil || len(all) != 1 || all[0].Status != backup.Failed || !strings.Contains(all[0].Note, "canceled") {
		t.Errorf("told to stop in the middle of it: %+v, %v", all, err)
	}
	run(path, func(all []backup.Snapshot) bool { return len(all) > 0 && all[0].Status == backup.Complete }) // the failed one may be pruned by then
}
