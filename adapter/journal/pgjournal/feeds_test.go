package pgjournal

import (
	"context"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

func TestOneProcessAtATimeFeedsADestination(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	a, b := g.open(), g.open()
	ctx := context.Background()
	take := func(j *Journal, wantPlace journal.Place, wantKnown, wantMine bool) {
		t.Helper()
		place, known, mine, err := j.TakeFeed(ctx, "siem")
		if err != nil || known != wantKnown || mine != wantMine || mine && place != wantPlace {
			t.Errorf("%q, %v, %v, %v", place, known, mine, err)
		}
	}
	keep := func(j *Journal, place journal.Place, want bool) {
		t.Helper()
		if mine, err := j.KeepFeed(ctx, "siem", place); err != nil || mine != want {
			t.Errorf("kept %s: %v, %v", place, mine, err)
		}
	}
	take(a, "", false, true)
	take(b, "", false, true) // who keeps a place first has it
	keep(a, "1/1", true)
	keep(b, "9/9", false)
	take(b, "", true, false)
	take(a, "1/1", true, true)
	g.tamper("UPDATE audit.feeds SET until = now() - interval '1 s'") // it says nothing any more
	take(b, "1/1", true, true)
	keep(a, "2/2", false)
	take(a, "", true, false)
	keep(b, "3/3", true)
	must(t, a.GiveFeed(ctx, "siem")) // it is not its to give
	take(a, "", true, false)
	must(t, b.GiveFeed(ctx, "siem"))
	take(a, "3/3", true, true)
	g.tamper("UPDATE audit.feeds SET until = now() + interval '20 s'") // half of it is over: asking makes it longer
	take(a, "3/3", true, true)
	if left := g.ask("SELECT (until > now() + interval '50 s')::text FROM audit.feeds"); left != "true" {
		t.Errorf("longer than 50 s: %s", left)
	}
}
