package backup

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

// ours are the advisory locks of a test's database.
const ours = "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

func TestBehindAPoolerNoLockIsLeft(t *testing.T) {
	g := newGround(t)
	pooled := pgtest.Pooled(t, pgtest.DB{URL: g.role("scim_app", "scim_owner"), Admin: g.db.Admin}, "sslmode=disable&default_query_exec_mode=exec")
	s, err := Open(t.Context(), configs.Database{URL: configs.NewSecret(pooled.URL)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := people(t, 3)
	for range 3 {
		if one := create(t, s, source(b)); one.Records != 3 {
			t.Errorf("%+v", one)
		}
	}
	if n, err := s.Prune(t.Context(), "default", "User", 1); err != nil || n != 2 {
		t.Errorf("%d went, %v", n, err)
	}
	if n := g.ask("SELECT count(*)::text " + ours); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

func TestASnapshotWhoseLockIsLostEnds(t *testing.T) {
	for name, meanwhile := range map[string]bool{"and nobody noticed": false, "and another one was made meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t)
			s := g.store("scim_app", "scim_audit")
			b := people(t, 501)
			from, cut := source(b), false
			from.Progress = func(int) {
				if cut {
					return
				}
				cut = true
				pgtest.Exec(t, g.db.Admin, "SELECT pg_terminate_backend(pid) "+ours)
				for g.ask("SELECT count(*)::text "+ours) != "0" { // the connection is about to end
					time.Sleep(time.Millisecond)
				}
				if meanwhile {
					create(t, s, source(b))
				}
			}
			_, err := s.Create(t.Context(), from)
			if err == nil || !strings.Contains(err.Error(), "the lock of the snapshots is lost") {
				t.Errorf("%v", err)
			}
			all, err := s.List(t.Context(), "default", "User")
			if err != nil {
				t.Fatal(err)
			}
			first := all[len(all)-1]
			if first.Status != Failed || meanwhile != (first.Note == "interrupted") || meanwhile != (len(all) == 2 && all[0].Status == Complete && all[0].Records == 501) {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestAnEndIsOfARunningSnapshotOnly: one that another process has marked as interrupted does not become complete by its own account.
func TestAnEndIsOfARunningSnapshotOnly(t *testing.T) {
	g := newGround(t)
	s := g.store("scim_app")
	from := source(people(t, 2))
	from.Progress = func(int) {
		pgtest.Exec(t, g.db.Admin, "UPDATE backup.snapshots SET status = 'failed', note = 'interrupted'")
	}
	if _, err := s.Create(t.Context(), from); err == nil || !strings.Contains(err.Error(), "marked as interrupted") {
		t.Errorf("%v", err)
	}
	all, err := s.List(context.WithoutCancel(t.Context()), "default", "User")
	if err != nil || len(all) != 1 || all[0].Status != Failed {
		t.Errorf("%+v, %v", all, err)
	}
}
