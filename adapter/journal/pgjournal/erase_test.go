package pgjournal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
)

func TestAKeyThatIsGoneWithoutAnEventIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string // done to the second of three changes
		want string
	}{
		"deleted, as its owner may":        {"DELETE FROM audit.keys WHERE entry_id = '%s'", "their key is gone, and no event says that it was destroyed"},
		"changed, as only a superuser can": {"UPDATE audit.keys SET key = sha256('x') WHERE entry_id = '%s'", "its own was changed or destroyed, and no event says so"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t)
			j := g.open(signs)
			ids := write(t, j, 3)
			must(t, j.Close())
			g.tamper(fmt.Sprintf(c.sql, ids[1]))
			if e, err := g.open().Lookup(context.Background(), ids[1]); err != nil || !e.Forgotten || !e.Unsaid {
				t.Errorf("it is looked up as %+v, %v", e, err)
			}
			found, v := g.verify()
			if len(found) != 2 || v.Destroyed != 2 || v.Erased != 0 {
				t.Fatalf("found %q; %+v", found, v)
			}
			for i, table := range []string{"intents", "events"} {
				if !strings.HasPrefix(found[i], "destroyed: "+table+" "+string(ids[1])+" of ") || !strings.Contains(found[i], c.want) {
					t.Errorf("found %q", found[i])
				}
			}
		})
	}
}

func TestWhatWasForgottenIsNoFindingAndWhatIsGoneBesideItIs(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	ids := write(t, j, 3)
	other := change(func(in *journal.Intent) { in.ResourceID = "k2" })
	must(t, j.Begin(context.Background(), other))
	must(t, j.Close())
	_, err := Forget(context.Background(), Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "k1", By: "somebody", Sign: signTest})
	must(t, err)
	if e, err := g.open().Lookup(context.Background(), ids[1]); err != nil || !e.Forgotten || e.Unsaid {
		t.Errorf("it is looked up as %+v, %v", e, err)
	}
	if found, v := g.verify(); len(found) > 0 || v.Erased != 6 || v.Rows != 8 {
		t.Errorf("found %q; %+v", found, v)
	}
	g.tamper("DELETE FROM audit.keys WHERE entry_id = $1", string(other.ID))
	if found, v := g.verify(); len(found) != 1 || v.Destroyed != 1 || v.Erased != 6 {
		t.Errorf("found %q; %+v", found, v)
	}
	g.tamper(`UPDATE audit.events SET details = jsonb_set(details, '{erased,entries,99}', to_jsonb($1::text)) WHERE action = 'forget'`, string(other.ID))
	if found, _ := g.verify(); len(found) != 1 || !strings.HasPrefix(found[0], "changed: events ") { // who makes the event say more has changed it
		t.Errorf("found %q", found)
	}
}

func TestMoreThanOneEventSpeaksOfMoreThanAThousandEntries(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	ctx := context.Background()
	for range entriesAtOnce + 1 {
		in := change(func(in *journal.Intent) { in.Action, in.Steps, in.Time = journal.ActionRead, nil, time.Now() })
		must(t, j.Note(ctx, in, done()))
	}
	must(t, j.Close())
	gone, err := Forget(ctx, Forgetting{Database: configs.NewSecret(g.role("scim_owner")), Tenant: "default", Type: "User", ID: "k1", Sign: signTest})
	must(t, err)
	if gone.Events != entriesAtOnce+1 {
		t.Errorf("forgot %+v", gone)
	}
	if found, v := g.verify(); len(found) > 0 || v.Erased != entriesAtOnce+1 || v.Rows != entriesAtOnce+3 {
		t.Errorf("found %q; %+v", found, v)
	}
}

// What says that a key was destroyed may be dropped with its month while reads of that time are kept.
func TestWhatNobodyCanTellAnyMoreIsCountedAndNoFinding(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	g.write(j, at, 1)
	must(t, j.Close())
	migrate(t, g.db.Admin)
	pgtest.Exec(t, g.db.Admin, "DELETE FROM audit.keys WHERE kind = 'reads'")
	if found, v := g.verify(); len(found) != 1 || v.Untold != 0 {
		t.Errorf("found %q; %+v", found, v)
	}
	_, err := g.maintain(november, configs.Retention{Writes: 60 * day}, func(m *Maintenance) { m.Sign = signTest })
	must(t, err)
	if found, v := g.verify(); len(found) > 0 || v.Untold != 1 || v.Rows != 2 {
		t.Errorf("found %q; %+v", found, v)
	}
}
