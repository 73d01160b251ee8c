package spool

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
)

var deletes = journal.Limit{Kind: journal.GuardDelete, Count: 7, Window: time.Hour, PerClient: true}

// divided is a spool of one of three processes.
func (g *ground) divided(limits ...journal.Limit) *Journal {
	g.t.Helper()
	shared, err := g.shared(g.t.Context(), limits...)
	must(g.t, err)
	parts := journal.Divide(limits, 3)
	file, err := litejournal.OpenSpool(g.t.Context(), g.path, 1<<30, parts...)
	must(g.t, err)
	j, err := Open(g.t.Context(), Options{Shared: shared, File: file, Limits: parts})
	must(g.t, err)
	g.t.Cleanup(func() { _ = j.Close() })
	return j
}

func refusal(t *testing.T, err error) *journal.Refusal {
	t.Helper()
	r, ok := errors.AsType[*journal.Refusal](err)
	if !ok || !r.Spooling {
		t.Fatalf("%v, want a refusal of the spool", err)
	}
	return r
}

func oneDelete(name string) journal.Intent {
	return change(name, journal.Weight{Kind: journal.GuardDelete, Count: 1})
}

// While processes cannot count together each has its part of a limit, which a database that comes and goes does not fill up again. What was spooled counts in the database,
// and is not refused there.
func TestEachProcessHasItsPartOfALimit(t *testing.T) {
	g := newGround(t)
	j := g.divided(deletes)
	for outage := range 2 {
		g.line.cut()
		write(t, j, fmt.Sprintf("o%d", outage)) // which weighs nothing
		if outage == 0 {
			must(t, j.Begin(t.Context(), oneDelete("a")))
			must(t, j.Begin(t.Context(), oneDelete("b")))
		}
		r := refusal(t, j.Begin(t.Context(), oneDelete("c")))
		if r.Used != 2 || r.Most != 2 || r.Limit.Among != 3 || !strings.Contains(r.Error(), "one of 3 processes has used its part") {
			t.Errorf("outage %d: %+v: %v", outage, r, r)
		}
		if outage == 0 {
			must(t, j.Note(t.Context(), oneDelete("c"), done())) // that it was refused
		}
		g.line.mend()
		drain(t, j)
	}
	uses, err := j.Uses(t.Context(), "default", time.Now())
	if err != nil || len(uses) != 1 || uses[0].Used != 2 {
		t.Errorf("uses in the database: %+v, %v", uses, err)
	}
	for i := range 5 {
		must(t, j.Begin(t.Context(), oneDelete(fmt.Sprint(i))))
	}
	r, ok := errors.AsType[*journal.Refusal](j.Begin(t.Context(), oneDelete("over")))
	if !ok || r.Used != 7 || r.Spooling {
		t.Errorf("together: %+v", r)
	}
}

// What more than a limit allows was spooled by several processes is history, and goes to the database.
func TestWhatWasSpooledIsNotRefusedLater(t *testing.T) {
	g := newGround(t)
	small := deletes
	small.Count = 3
	j := g.divided(small)
	must(t, j.Begin(t.Context(), oneDelete("1")))
	must(t, j.Begin(t.Context(), oneDelete("2")))
	must(t, j.Begin(t.Context(), oneDelete("3")))
	g.line.cut()
	spooled := oneDelete("4")
	must(t, j.Begin(t.Context(), spooled))
	must(t, j.Finish(t.Context(), spooled.ID, done()))
	g.line.mend()
	drain(t, j)
	if got := g.rows(); got != "i1 i2 i3 i4 e4" {
		t.Errorf("in the database: %s", got)
	}
	if uses, err := j.Uses(t.Context(), "default", time.Now()); err != nil || uses[0].Used != 4 {
		t.Errorf("uses: %+v, %v", uses, err)
	}
}

func TestWhatALimitCountsMayBeRefusedWhileSpooling(t *testing.T) {
	g := newGround(t)
	share := journal.Limit{Kind: journal.GuardDisable, Percent: 5, Window: time.Hour, PerClient: true}
	j := g.open([]journal.Limit{deletes, share}, func(o *Options) { o.Refuse = true })
	must(t, j.Begin(t.Context(), oneDelete("a")))
	g.line.cut()
	write(t, j, "b")
	must(t, j.Begin(t.Context(), change("m", journal.Weight{Kind: journal.GuardRemoveMember, Count: 9}))) // of which there is no limit
	r := refusal(t, j.Begin(t.Context(), oneDelete("c")))
	if r.Limit != deletes || r.Wanted != 1 || !strings.Contains(r.Error(), "until it is back nothing happens of which the guard has a limit: delete: 7 in 1h for each client") {
		t.Errorf("%+v: %v", r, r)
	}
	waiting(t, j, 3)

	j.o.Refuse = false
	must(t, j.Begin(t.Context(), change("of a hundred", journal.Weight{Kind: journal.GuardDisable, Count: 5, Of: 100})))
	_ = refusal(t, j.Begin(t.Context(), change("of nobody knows how many", journal.Weight{Kind: journal.GuardDisable, Count: 1})))
	_ = refusal(t, j.Begin(t.Context(), change("of a hundred, too", journal.Weight{Kind: journal.GuardDisable, Count: 1, Of: 100})))
}

// An intent that may stand in the database is not said to be refused, or there would be two accounts of it.
func TestWhoHasAskedTheDatabaseIsNotRefusedByTheSpool(t *testing.T) {
	g := newGround(t)
	j := g.open([]journal.Limit{deletes}, func(o *Options) { o.Refuse, o.Patience = true, time.Second })
	write(t, j, "a")
	g.line.deaf.Store(true)
	err := j.Begin(t.Context(), oneDelete("b"))
	if _, refused := errors.AsType[*journal.Refusal](err); refused || err == nil {
		t.Errorf("the first one: %v", err)
	}
	_ = refusal(t, j.Begin(t.Context(), oneDelete("c")))
	g.line.cut()
	g.line.mend()
	drain(t, j)
	waiting(t, j, 0)
	must(t, j.Begin(t.Context(), oneDelete("d")))
}
