package pgjournal

import (
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// shares writes a change and a read of each of three tenants into three months, August to October.
func (g *ground) shares(j *Journal) (events map[string]journal.ID) {
	g.t.Helper()
	events = map[string]journal.ID{}
	for month := time.August; month <= time.October; month++ {
		for i, tenant := range []string{"acme", "default", "initech"} {
			at := time.Date(2026, month, 10+i, 0, 0, 0, 0, time.UTC)
			in := change(func(in *journal.Intent) { in.Time, in.Deadline, in.Tenant = at, at.Add(time.Minute), tenant })
			must(g.t, j.Begin(g.t.Context(), in))
			must(g.t, j.Finish(g.t.Context(), in.ID, done()))
			read := change(func(in *journal.Intent) {
				in.Time, in.Tenant, in.Action, in.Steps = at, tenant, journal.ActionRead, nil
			})
			must(g.t, j.Note(g.t.Context(), read, done()))
			events[tenant+at.Format(" 01")] = in.ID
		}
	}
	return events
}

// opens says of which changes the values can be read, and of which there is no more than what stands in clear.
func (g *ground) opens(j *Journal, events map[string]journal.ID) (readable, forgotten string) {
	g.t.Helper()
	var can, cannot []string
	for _, name := range []string{"acme 08", "acme 09", "acme 10", "default 08", "default 09", "default 10", "initech 08", "initech 09", "initech 10"} {
		e, err := j.Lookup(g.t.Context(), events[name])
		switch {
		case err != nil:
		case e.Unsaid:
			g.t.Errorf("%s: nobody has said why it cannot be read", name)
		case e.Forgotten:
			cannot = append(cannot, name)
		default:
			can = append(can, name)
		}
	}
	return strings.Join(can, ", "), strings.Join(cannot, ", ")
}

func TestATenantIsKeptForItsOwnTimeInMonthsOfAll(t *testing.T) {
	t.Parallel()
	// On 23 November: 30 days reach back to all of October's last days, 60 to September's, 90 to August's.
	for name, c := range map[string]struct {
		kept                configs.Retention
		readable, forgotten string
		erased              int64 // rows
		anchors             bool
	}{
		"one for less than all": {
			configs.Retention{Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(40 * day)}}},
			"acme 10, default 08, default 09, default 10, initech 08, initech 09, initech 10", "acme 08, acme 09", 4, false,
		},
		"one for longer than all": {
			configs.Retention{Writes: 40 * day, Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(400 * day)}}},
			"acme 08, acme 09, acme 10, default 10, initech 10", "default 08, default 09, initech 08, initech 09", 8, false,
		},
		"one for ever": {
			configs.Retention{Writes: 40 * day, Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(time.Duration(0))}}},
			"acme 08, acme 09, acme 10, default 10, initech 10", "default 08, default 09, initech 08, initech 09", 8, false,
		},
		"a month that nobody needs goes": {
			configs.Retention{Writes: 80 * day, Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(40 * day)}, "initech": {Writes: new(81 * day)}}},
			"acme 10, default 09, default 10, initech 09, initech 10", "acme 09", 2, true,
		},
		"a tenant that has its own time for something else": {
			configs.Retention{Writes: 80 * day, Tenants: map[string]configs.TenantRetention{"acme": {Reads: new(40 * day)}}},
			"acme 09, acme 10, default 09, default 10, initech 09, initech 10", "", 2, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGround(t)
			j := g.open(signs)
			events := g.shares(j)
			signed := func(m *Maintenance) { m.Sign = signTest }
			would, err := g.maintain(november, c.kept, signed, func(m *Maintenance) { m.DryRun = true })
			must(t, err)
			if _, forgotten := g.opens(j, events); forgotten != "" || !strings.Contains(strings.Join(would, "\n"), " would be destroyed") {
				t.Errorf("a dry run said %q, and destroyed %s", would, forgotten)
			}
			said, err := g.maintain(november, c.kept, signed)
			must(t, err)
			if readable, forgotten := g.opens(j, events); readable != c.readable || forgotten != c.forgotten {
				t.Errorf("readable are %s, and forgotten %s\n%s", readable, forgotten, strings.Join(said, "\n"))
			}
			if again, err := g.maintain(november, c.kept, signed); err != nil || len(again) > 0 {
				t.Errorf("at once again it says %q, %v", again, err)
			}
			must(t, j.Close())
			if found, v := g.verify(); len(found) > 0 || v.Erased != c.erased || v.Anchors > 0 != c.anchors {
				t.Errorf("found %q; %+v", found, v)
			}
		})
	}
}

func TestAMonthOfOneTenantGoesWithItsTime(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	in := change(func(in *journal.Intent) { in.Time, in.Deadline, in.Tenant = at, at.Add(time.Minute), "acme" })
	must(t, j.Begin(t.Context(), in))
	must(t, j.Finish(t.Context(), in.ID, done()))
	must(t, j.Close())
	migrate(t, g.db.Admin)
	only := configs.Retention{Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(40 * day)}}} // others for ever
	said, err := g.maintain(november, only, func(m *Maintenance) { m.Sign = signTest })
	if err != nil || !strings.Contains(strings.Join(said, "\n"), "intents_2026_03, keys_writes_2026_03 dropped") {
		t.Errorf("%q, %v", said, err)
	}
	if found, v := g.verify(); len(found) > 0 || v.Rows != 0 || v.Anchors != 1 {
		t.Errorf("found %q; %+v", found, v)
	}
}

func TestWhatAKeyOfATimeThatIsOverWasDestroyedBesideIsFound(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	j := g.open(signs)
	events := g.shares(j)
	must(t, j.Close())
	_, err := g.maintain(november, configs.Retention{Tenants: map[string]configs.TenantRetention{"acme": {Writes: new(40 * day)}}}, func(m *Maintenance) { m.Sign, m.By = signTest, "root@host" })
	must(t, err)
	if by := g.ask("SELECT concat_ws(' ', tenant_id, action, resource_id, details->>'subject', details->'erased'->>'kind', left(details->'erased'->>'before', 10)) FROM audit.events WHERE action = 'expire'"); by != "acme expire writes root@host writes 2026-10-01" {
		t.Errorf("noted is %s", by)
	}
	for _, name := range []string{"acme 10", "default 08"} {
		g.tamper("DELETE FROM audit.keys WHERE entry_id = $1", string(events[name]))
	}
	if found, v := g.verify(); len(found) != 4 || v.Destroyed != 4 || v.Erased != 4 {
		t.Errorf("found %q; %+v", found, v)
	}
}
