package pgjournal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

func TestWhatIsForgottenCannotBeReadAndTheChainStaysWhole(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	ctx := context.Background()
	made := change(func(in *journal.Intent) { in.Action, in.ResourceID, in.Time = journal.ActionCreate, "", time.Now() })
	must(t, j.Begin(ctx, made))
	must(t, j.Finish(ctx, made.ID, done())) // its outcome says that it is k1
	mine := append(write(t, j, 2), made.ID)
	other := change(func(in *journal.Intent) { in.ResourceID = "k2" })
	must(t, j.Begin(ctx, other))
	group := change(func(in *journal.Intent) { in.ResourceType = "Group" })
	must(t, j.Begin(ctx, group))
	tenant := change(func(in *journal.Intent) { in.Tenant = "elsewhere" })
	must(t, j.Begin(ctx, tenant))
	before := change(func(in *journal.Intent) { in.ResourceID = "old-id" })
	must(t, j.Begin(ctx, before))
	must(t, j.SetAlias(ctx, "default", "User", "old-id", "k1"))
	must(t, j.Save(ctx, journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}, "k1", map[string]string{"externalId": "e1"}, nil))
	pgtest.Exec(t, g.db.Admin, `INSERT INTO backup.records (digest, tenant_id, resource_type, key, body, size)
		VALUES ('a', 'default', 'User', 'k1', 'x', 1), ('b', 'default', 'User', 'k2', 'x', 1), ('c', 'default', 'Group', 'k1', 'x', 1)`)

	f := Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "k1", By: "somebody@host", Sign: signTest, DryRun: true}
	want := Forgotten{IDs: []string{"k1", "old-id"}, Events: 4, Keys: 4, Overlay: 1, Aliases: 1, Records: 1}
	for range 2 { // it only counts
		gone, err := Forget(ctx, f)
		must(t, err)
		if gone.Events != want.Events || gone.Keys != want.Keys || gone.Overlay != 1 || gone.Aliases != 1 || gone.Records != 1 || strings.Join(gone.IDs, " ") != "k1 old-id" {
			t.Errorf("would forget %+v", gone)
		}
	}
	f.DryRun = false
	gone, err := Forget(ctx, f)
	must(t, err)
	if gone.Events != want.Events || gone.Records != want.Records {
		t.Errorf("forgot %+v", gone)
	}
	for _, id := range append(mine, before.ID) {
		e, err := j.Lookup(ctx, id)
		must(t, err)
		if !e.Forgotten || len(e.Intent.Steps) != 1 || e.Intent.Steps[0].Before != nil || e.Intent.ResourceType != "User" {
			t.Errorf("%s is %+v", id, e)
		}
	}
	for _, in := range []journal.Intent{other, group, tenant} {
		if e, err := j.Lookup(ctx, in.ID); err != nil || e.Forgotten {
			t.Errorf("%s is %+v, %v", in.ID, e, err)
		}
	}
	extra, err := j.Load(ctx, journal.Scope{Tenant: "default", Client: "okta", ResourceType: "User"}, []backends.Key{"k1"})
	if err != nil || len(extra) > 0 {
		t.Errorf("overlay has %v, %v", extra, err)
	}
	if left := g.ask("SELECT string_agg(key || resource_type, ' ' ORDER BY digest) FROM backup.records"); left != "k2User k1Group" {
		t.Errorf("of snapshots there are %s", left)
	}
	must(t, j.Close())
	if found, v := g.verify(); len(found) > 0 || v.Writers != 2 || v.Checkpoints != 2 {
		t.Errorf("found %q; %+v", found, v)
	}
	again, err := Forget(ctx, f)
	if err != nil || again.Events != 0 {
		t.Errorf("a second time there are %+v, %v", again, err)
	}
}

// A record that was made again twice had a key in between: snapshots of that time have it under that one, and the alias has long led elsewhere.
func TestASnapshotUnderAKeyInBetweenIsForgottenToo(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	ctx := context.Background()
	must(t, j.SetAlias(ctx, "default", "User", "first", "second"))
	must(t, j.SetAlias(ctx, "default", "User", "first", "third"))
	must(t, j.SetAlias(ctx, "default", "User", "other", "another"))
	must(t, j.SetAlias(ctx, "elsewhere", "User", "first", "foreign"))
	pgtest.Exec(t, g.db.Admin, `INSERT INTO backup.records (digest, tenant_id, resource_type, key, body, size)
		SELECT key::bytea, 'default', 'User', key, 'x', 1 FROM unnest('{first,second,third,other,another,foreign}'::text[]) AS k (key)`)
	for _, id := range []string{"first", "second", "third"} { // by whichever it is asked for
		f := Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: id, DryRun: true}
		gone, err := Forget(ctx, f)
		must(t, err)
		if gone.Records != 3 || gone.Aliases != 1 || len(gone.IDs) != 3 || gone.IDs[0] != id {
			t.Errorf("as %s would be forgotten %+v", id, gone)
		}
	}
	f := Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "first"}
	if _, err := Forget(ctx, f); err != nil {
		t.Fatal(err)
	}
	if left := g.ask("SELECT string_agg(key, ' ' ORDER BY key) FROM backup.records"); left != "another foreign other" {
		t.Errorf("of snapshots there are %s", left)
	}
	if left := g.ask("SELECT string_agg(key, ' ' ORDER BY key) FROM overlay.former_keys"); left != "another foreign" {
		t.Errorf("of keys there are %s", left)
	}
}

func TestThatSomethingWasForgottenIsNoted(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	write(t, j, 1)
	_, err := Forget(context.Background(), Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "k1", By: "somebody@host"})
	must(t, err)
	n := 0
	for e, err := range j.Events(context.Background(), journal.Filter{Actions: []string{journal.ActionForget}}) {
		must(t, err)
		n++
		if e.Forgotten || e.Intent.Subject != "somebody@host" || e.ResourceID() != "k1" || len(e.Intent.Diff) != 1 || !strings.Contains(string(e.Intent.Diff[0].After), `"events":1`) {
			t.Errorf("noted is %+v", e.Intent)
		}
	}
	if n != 1 {
		t.Errorf("it is noted %d times", n)
	}
}

func TestWhoMayNotForgetIsToldWhatGrantsIt(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	_, err := Forget(context.Background(), Forgetting{Database: configs.NewSecret(g.url), Tenant: "default", Type: "User", ID: "k1"})
	if lacks, ok := errors.AsType[*LackedRights](err); !ok || !strings.Contains(lacks.Error(), "GRANT scim_owner TO scim_test_") {
		t.Errorf("%v", err)
	}
	_, err = Verify(context.Background(), Verification{Database: configs.NewSecret(g.role("scim_app"))})
	if lacks, ok := errors.AsType[*LackedRights](err); !ok || !strings.Contains(lacks.Error(), "GRANT scim_audit TO scim_test_") {
		t.Errorf("%v", err)
	}
}
