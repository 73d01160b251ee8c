package pgjournal

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

func TestBehindAPoolerNoLockOfMaintainIsLeft(t *testing.T) {
	g := newGround(t)
	pooled := pgtest.Pooled(t, pgtest.DB{URL: g.role("scim_owner"), Admin: g.db.Admin}, "sslmode=disable&default_query_exec_mode=exec")
	for i := range 3 {
		said, err := g.maintain(november, configs.Retention{}, func(m *Maintenance) { m.Database = configs.NewSecret(pooled.URL) })
		if err != nil || slices.Contains(said, "somebody else is at it") {
			t.Errorf("the %d. time: %q, %v", i+1, said, err)
		}
	}
	if n := g.ask("SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); n != "0" {
		t.Errorf("%s locks are left", n)
	}
}

func TestWhoHasLostItsLockDropsNothing(t *testing.T) {
	g := newGround(t)
	g.write(g.open(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 1)
	kill := `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = ` + strconv.Itoa(migrationLock) + `
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	said, err := g.maintain(november, configs.Retention{Writes: 60 * day}, func(m *Maintenance) {
		m.Now = func() time.Time { // it is asked for each month
			pgtest.Exec(t, g.db.Admin, kill)
			return november
		}
	})
	if err == nil || !strings.Contains(err.Error(), "the lock is lost") {
		t.Errorf("%q, %v", said, err)
	}
	if n := g.ask("SELECT count(*)::text FROM audit.intents_2026_03"); n != "1" {
		t.Errorf("%s rows are left", n)
	}
}
