package pgjournal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// BenchmarkBeginAndFinish is what an account of a write costs, for one who writes and for 32 at once. The server's fsync decides, so compare on one server only.
func BenchmarkBeginAndFinish(b *testing.B) {
	for _, writers := range []int{1, 32} {
		for _, kind := range []string{"none", "postgres"} {
			b.Run(fmt.Sprintf("%s/%d writers", kind, writers), func(b *testing.B) {
				var j journal.Journal = journal.None{}
				if kind == "postgres" {
					j = newGround(b).open()
				}
				must(b, j.Begin(b.Context(), change(nil)))
				b.ResetTimer()
				var next atomic.Int64
				var wg sync.WaitGroup
				for range writers {
					wg.Go(func() {
						for next.Add(1) <= int64(b.N) {
							in := change(nil)
							if err := j.Begin(b.Context(), in); err != nil {
								b.Error(err)
							}
							if err := j.Finish(b.Context(), in.ID, done()); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			})
		}
	}
}
