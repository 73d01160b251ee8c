package pgjournal

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// Three processes delete at once, and as many get through as the limit allows. What is refused has no number in the chain.
func TestTheGuardCountsAcrossProcesses(t *testing.T) {
	g := newGround(t)
	limits := []journal.Limit{{Kind: journal.GuardDelete, Count: 17, Window: time.Hour, PerClient: true}}
	var wg sync.WaitGroup
	var through, stopped atomic.Int64
	for range 3 {
		j := g.open(func(o *Options) { o.Limits = limits })
		for n := range 40 {
			wg.Go(func() {
				in := change(func(in *journal.Intent) {
					if n%4 > 0 {
						in.Weights = []journal.Weight{{Kind: journal.GuardDelete, Count: 1}}
					}
				})
				err := j.Begin(t.Context(), in)
				var refusal *journal.Refusal
				switch {
				case errors.As(err, &refusal):
					stopped.Add(1)
				case err != nil:
					t.Error(err)
				case n%4 > 0:
					through.Add(1)
				}
				if again := j.Begin(t.Context(), in); (again == nil) != (err == nil) {
					t.Errorf("the first time %v, the second %v", err, again)
				}
			})
		}
	}
	wg.Wait()
	if through.Load() != 17 || stopped.Load() != 73 {
		t.Errorf("%d got through, %d were stopped", through.Load(), stopped.Load())
	}
	if n := g.ask("SELECT sum(amount)::text FROM audit.guard_uses"); n != "17" {
		t.Errorf("%s are counted", n)
	}
	for writer, rows := range g.whole() {
		t.Log(writer, rows)
	}
}
