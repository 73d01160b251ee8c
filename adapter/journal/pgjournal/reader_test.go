package pgjournal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

func idsOf(events []journal.Event) []journal.ID {
	var ids []journal.ID
	for _, e := range events {
		ids = append(ids, e.Intent.ID)
	}
	return ids
}

func listed(t interface {
	Helper()
	Fatal(args ...any)
}, j *Journal, f journal.Filter,
) []journal.Event {
	t.Helper()
	var events []journal.Event
	for e, err := range j.Events(context.Background(), f) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// What a journal of many kinds of events has in its fields.
var (
	tenants   = []string{"default", "other"}
	clients   = []string{"okta", "entra", ""}
	subjects  = []string{"", "ann", "okta"}
	actions   = []string{journal.ActionCreate, journal.ActionPatch, journal.ActionDelete, journal.ActionList, journal.ActionDeny}
	types     = []string{"User", "Group"}
	resources = []string{"", "k1", "k2"}
	statuses  = []string{journal.StatusDone, journal.StatusFailed, journal.StatusOpen}
	undoing   = []journal.ID{"", newID()}
)

// mixture writes one event of each kind that is different for the filters, near enough, and gives them in their order.
func mixture(t *testing.T, j *Journal) []journal.Event {
	t.Helper()
	for n := range 240 {
		in := change(func(in *journal.Intent) {
			in.Time = moment.Add(time.Duration(n/3) * 700 * time.Nanosecond) // several within a microsecond
			in.Deadline = in.Time.Add(time.Duration(n%7) * time.Second)
			in.Tenant, in.Client, in.Subject, in.Action = tenants[n%2], clients[n%3], subjects[n/2%3], actions[n%5]
			in.ResourceType, in.ResourceID, in.RequestID, in.Undoes = types[n/3%2], resources[n/5%3], fmt.Sprint("r", n%11), undoing[n/7%2]
		})
		out := done()
		out.ResourceID, out.Status = resources[n/2%3], statuses[n/4%2]
		if in.Action == journal.ActionList || in.Action == journal.ActionDeny {
			must(t, j.Note(t.Context(), in, out))
			continue
		}
		must(t, j.Begin(t.Context(), in))
		if n%3 != 0 {
			must(t, j.Finish(t.Context(), in.ID, out))
		}
	}
	return listed(t, j, journal.Filter{})
}

// One in three filters asks for something.
func sometimes[T any](t *rapid.T, name string, values ...T) (v T) {
	if rapid.IntRange(0, 2).Draw(t, name+" asked") == 0 {
		return rapid.SampledFrom(values).Draw(t, name)
	}
	return v
}

func TestAFilterInTheDatabaseIsTheFilter(t *testing.T) {
	g := newGround(t)
	j := g.open()
	all := mixture(t, j)
	if len(all) != 240 {
		t.Fatalf("%d events", len(all))
	}
	noted := []bool{true, false}
	rapid.Check(t, func(t *rapid.T) {
		f := journal.Filter{
			Since:  sometimes(t, "since", moment, moment.Add(20*time.Microsecond+300)),
			Until:  sometimes(t, "until", moment.Add(30*time.Microsecond+100), moment.Add(time.Hour)),
			Tenant: sometimes(t, "tenant", tenants...), Actor: sometimes(t, "actor", "okta", "ann", "nobody"),
			Actions: sometimes(t, "actions", actions[:1], actions[1:4]), ResourceType: sometimes(t, "type", types...),
			ResourceID: sometimes(t, "resource", resources...), Statuses: sometimes(t, "statuses", statuses[:1], statuses[1:]),
			RequestID: sometimes(t, "request", "r1", "r2"), Undoes: sometimes(t, "undoes", undoing...),
			Overdue: sometimes(t, "overdue", moment.Add(2*time.Second)), Noted: sometimes(t, "noted", &noted[0], &noted[1]),
			Newest: rapid.Bool().Draw(t, "newest"), Limit: sometimes(t, "limit", 1, 5, 150),
		}
		var want []journal.Event
		for _, e := range all {
			if f.Matches(e) {
				want = append(want, e)
			}
		}
		if f.Newest {
			slices.Reverse(want)
		}
		if f.Limit > 0 && len(want) > f.Limit {
			want = want[:f.Limit]
		}
		if diff := cmp.Diff(idsOf(want), idsOf(listed(t, j, f))); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", f, diff)
		}
	})
}

func TestEventsComeInTheirOrder(t *testing.T) {
	g := newGround(t)
	all := mixture(t, g.open())
	if !slices.IsSortedFunc(all, func(a, b journal.Event) int {
		if n := stamp(a.Intent.Time).Compare(stamp(b.Intent.Time)); n != 0 {
			return n
		}
		return strings.Compare(string(a.Intent.ID), string(b.Intent.ID))
	}) {
		t.Error("they do not")
	}
}

func TestWhoReadsSeesTheJournalAsItWas(t *testing.T) {
	g := newGround(t)
	j := g.open()
	for range 3 * pageful {
		must(t, j.Begin(t.Context(), change(nil)))
	}
	n := 0
	for _, err := range j.Events(t.Context(), journal.Filter{}) {
		must(t, err)
		if n++; n == 1 {
			for range 10 {
				must(t, j.Begin(t.Context(), change(func(in *journal.Intent) { in.Time = in.Time.Add(time.Hour) })))
			}
		}
	}
	if n != 3*pageful {
		t.Errorf("%d events, want %d", n, 3*pageful)
	}
	// As many who read as there are connections leave one for whoever writes.
	for range 20 {
		for _, err := range j.Events(t.Context(), journal.Filter{}) {
			must(t, errors.Join(err, j.Begin(t.Context(), change(nil))))
			break
		}
	}
	if active := j.Stats(); active.Active != 0 || active.Max != 8 {
		t.Errorf("connections: %+v", active)
	}
}

func TestCloseEndsWhoReads(t *testing.T) {
	g := newGround(t)
	j := g.open()
	for range 2 * pageful {
		must(t, j.Begin(t.Context(), change(nil)))
	}
	closed := make(chan error, 1)
	n := 0
	var last error
	for _, err := range j.Events(t.Context(), journal.Filter{}) {
		if n++; n == 1 {
			go func() { closed <- j.Close() }()
			for j.life.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		}
		last = err
	}
	if !errors.Is(last, backends.ErrUnavailable) || n > pageful+1 {
		t.Errorf("after %d of %d events: %v", n, 2*pageful, last)
	}
	select {
	case err := <-closed:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Error("Close does not end")
	}
}

// settled follows until so many events came: what others do on the server may hold the end back for a moment.
func settled(t *testing.T, j *Journal, from journal.Place, want int) (events []journal.Event, at journal.Place) {
	t.Helper()
	at = from
	for deadline := time.Now().Add(30 * time.Second); len(events) < want; time.Sleep(5 * time.Millisecond) {
		more, place, err := j.Follow(t.Context(), at, 7)
		must(t, err)
		events, at = append(events, more...), place
		if time.Now().After(deadline) {
			t.Fatalf("%d events came, want %d", len(events), want)
		}
	}
	return events, at
}

func TestWhoFollowsMissesNothing(t *testing.T) {
	g := newGround(t)
	a, b := g.open(), g.open()
	if end, err := a.End(t.Context()); err != nil || end != "" {
		t.Errorf("an empty journal ends at %q (%v)", end, err)
	}
	// Somebody's transaction is open, and later ones commit before it.
	conn := g.connect()
	_, err := conn.Exec(t.Context(), "BEGIN; SELECT pg_current_xact_id()")
	must(t, err)
	var want []journal.ID
	for n := range 30 {
		j := []*Journal{a, b}[n%2]
		in, out := change(nil), done()
		if n%3 == 0 {
			must(t, j.Note(t.Context(), in, out))
		} else {
			must(t, errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, out)))
		}
		want = append(want, in.ID)
	}
	must(t, a.Begin(t.Context(), change(nil))) // not settled
	early, _, err := a.Follow(t.Context(), "", 100)
	if err != nil || len(early) != 0 {
		t.Errorf("behind an open transaction %d events are shown (%v)", len(early), err)
	}
	_, err = conn.Exec(t.Context(), "COMMIT")
	must(t, err)
	events, at := settled(t, a, "", len(want))
	if diff := cmp.Diff(want, idsOf(events)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if end, err := b.End(t.Context()); err != nil || end != at {
		t.Errorf("the end is %q (%v), and who followed is at %q", end, err, at)
	}
	if rest, place, err := a.Follow(t.Context(), at, 10); err != nil || len(rest) != 0 || place != at {
		t.Errorf("behind the end there are %d events, and it is at %q (%v)", len(rest), place, err)
	}
	if _, _, err := a.Follow(t.Context(), "nowhere", 10); err == nil {
		t.Error("a place that is none is one")
	}
}

func TestWhatIsForgottenIsStillKnownToHaveHappened(t *testing.T) {
	g := newGround(t)
	j, in, out := g.open(), change(func(in *journal.Intent) { in.Subject, in.Undoes = "ann", newID() }), done()
	must(t, errors.Join(j.Begin(t.Context(), in), j.Finish(t.Context(), in.ID, out)))
	note := change(func(in *journal.Intent) { in.Action = journal.ActionRead })
	must(t, j.Note(t.Context(), note, out))
	if n := g.ask("SELECT count(*)::text FROM audit.intents WHERE details::text LIKE '%example.org%' OR details::text LIKE '%Manager%'"); n != "0" {
		t.Error("values stand there in clear")
	}
	pgtest.Exec(t, g.db.Admin, "DELETE FROM audit.keys")
	events := listed(t, j, journal.Filter{})
	if len(events) != 2 || !events[0].Forgotten || !events[1].Forgotten {
		t.Fatalf("%+v", events)
	}
	in.Time, in.Deadline = stamp(in.Time), stamp(in.Deadline)
	in.Steps = []journal.Step{{Backend: "User", Op: "modify", Key: "k1"}}
	out.Time = stamp(out.Time)
	want := journal.Event{Intent: in, Outcome: &out, Forgotten: true}
	if diff := cmp.Diff(want, events[0], values); diff != "" {
		t.Errorf("a write (-want +got):\n%s", diff)
	}
	if got := events[1]; got.Intent.Action != journal.ActionRead || !got.Intent.Noted || got.ResourceID() != "k1" || got.Status() != journal.StatusDone {
		t.Errorf("a note: %+v", got)
	}
	if n := len(listed(t, j, journal.Filter{Actor: "ann", ResourceID: "k1", Statuses: []string{journal.StatusDone}})); n != 1 {
		t.Errorf("it is found %d times", n)
	}
	// It can still be closed again with the same outcome, and with no other: the key is in memory.
	in.Time, in.Deadline = moment, moment.Add(time.Minute)
	must(t, j.Finish(t.Context(), in.ID, done()))
	other := done()
	other.Status = journal.StatusFailed
	if err := j.Finish(t.Context(), in.ID, other); !errors.Is(err, journal.ErrConflict) {
		t.Errorf("another outcome: %v", err)
	}
}

func TestAnEntryIsKnownAgainByAnotherProcess(t *testing.T) {
	g := newGround(t)
	a, in, out := g.open(), change(nil), done()
	note := change(func(in *journal.Intent) { in.Action = journal.ActionRead })
	must(t, errors.Join(a.Begin(t.Context(), in), a.Finish(t.Context(), in.ID, out), a.Note(t.Context(), note, out)))
	must(t, errors.Join(a.Begin(t.Context(), in), a.Finish(t.Context(), in.ID, out), a.Note(t.Context(), note, out)))
	for name, roles := range map[string][]string{"who may read keys": {"scim_app", "scim_audit"}, "who may not": {"scim_app"}} {
		b := g.open(func(o *Options) { o.Database.URL = options(g.role(roles...)).Database.URL })
		must(t, errors.Join(b.Finish(t.Context(), in.ID, out), b.Begin(t.Context(), in), b.Note(t.Context(), note, out)))
		if len(roles) == 1 {
			continue
		}
		other, bad := in, out
		other.Action, bad.Status = journal.ActionDelete, journal.StatusFailed
		for what, err := range map[string]error{
			"Begin": b.Begin(t.Context(), other), "Finish": b.Finish(t.Context(), in.ID, bad), "Note": b.Note(t.Context(), note, bad),
			"Begin by who began": a.Begin(t.Context(), other), "Finish by who began": a.Finish(t.Context(), in.ID, bad),
		} {
			if !errors.Is(err, journal.ErrConflict) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	if n := g.ask("SELECT (SELECT count(*) FROM audit.intents) || ' ' || (SELECT count(*) FROM audit.events) || ' ' || (SELECT count(*) FROM audit.keys)"); n != "1 2 2" {
		t.Errorf("intents, events and keys: %s", n)
	}
	g.whole()
}

func TestWhoMayOnlyWriteWrites(t *testing.T) {
	g := newGround(t)
	a := g.open(func(o *Options) { o.Database.URL = options(g.role("scim_app")).Database.URL })
	b := g.open(func(o *Options) { o.Database.URL = options(g.role("scim_app")).Database.URL })
	reader := g.open()
	in, out := change(nil), done()
	must(t, errors.Join(a.Ping(t.Context()), a.Begin(t.Context(), in), a.Finish(t.Context(), in.ID, out)))
	expect(t, reader, in, &out)
	later := change(nil)
	must(t, a.Begin(t.Context(), later))
	must(t, b.Finish(t.Context(), later.ID, out)) // under a key of its own
	expect(t, reader, later, &out)
	if err := b.Finish(t.Context(), newID(), out); !errors.Is(err, journal.ErrNoIntent) {
		t.Errorf("Finish of what never began: %v", err)
	}
	for what, err := range map[string]error{
		"Lookup": errOf(a.Lookup(t.Context(), in.ID)), "Follow": second(a.Follow(t.Context(), "", 1)), "Events": func() (err error) {
			for _, err = range a.Events(t.Context(), journal.Filter{}) {
			}
			return err
		}(),
	} {
		if !errors.Is(err, backends.ErrRefused) || !strings.Contains(err.Error(), "scim_audit") {
			t.Errorf("%s: %v", what, err)
		}
	}
	g.whole()
}

func errOf[T any](_ T, err error) error { return err }

func second[T, U any](_ T, _ U, err error) error { return err }

func TestADatabaseWithoutTablesIsAway(t *testing.T) {
	db := pgtest.Database(t)
	j := (&ground{t: t, db: db, url: db.URL}).open()
	err := j.Begin(t.Context(), change(nil))
	if !errors.Is(err, backends.ErrUnavailable) || !strings.Contains(err.Error(), "00002_audit") || !strings.Contains(err.Error(), "scim-adapter migrate") {
		t.Errorf("Begin: %v", err)
	}
	pgtest.Exec(t, db.Admin, Script(), "GRANT scim_app TO "+db.Role)
	must(t, j.Begin(t.Context(), change(nil)))
}
