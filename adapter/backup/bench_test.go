package backup

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// crowd is a reader of so many people, of whom some have changed: those whose number the day divides.
type crowd struct {
	backends.Reader
	n, changed int
}

func (c crowd) Walk(_ context.Context, _ backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		for i := range c.n {
			uid := fmt.Sprintf("person%06d", i)
			title := "Engineer"
			if i < c.changed {
				title = "Senior Engineer"
			}
			rec := backends.Record{Key: backends.Key(fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i)), Name: "uid=" + uid + ",ou=people,dc=example,dc=org"}
			rec.Attrs = backends.Attributes{
				"objectClass": backends.Strings("inetOrgPerson", "posixAccount"), "uid": backends.Strings(uid), "cn": backends.Strings("Person " + uid), "sn": backends.Strings("Person"),
				"mail": backends.Strings(uid+"@example.org", uid+"@corp.example.org"), "title": backends.Strings(title), "telephoneNumber": backends.Strings(fmt.Sprintf("+49 30 %07d", i)),
				"uidNumber": backends.Strings(fmt.Sprint(i)), "homeDirectory": backends.Strings("/home/" + uid), "entryUUID": backends.Strings(string(rec.Key)),
				"createTimestamp": backends.Strings("20240101000000Z"), "entryCSN": backends.Strings(fmt.Sprintf("20240101000000.%06dZ#000000#000#000000", i)),
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// BenchmarkSnapshot is what the first snapshot of 100,000 records costs, and the next day's, of which one in a hundred has changed. The directory costs
// nothing here: at the usual rate of 500 records a second it is what decides.
func BenchmarkSnapshot(b *testing.B) {
	for b.Loop() {
		g := newGround(b)
		s := g.store("scim_app", "scim_audit")
		for _, day := range []struct {
			name    string
			changed int
		}{{"first", 0}, {"second", 1000}} {
			began := time.Now()
			one := create(b, s, source(crowd{n: 100_000, changed: day.changed}))
			b.ReportMetric(time.Since(began).Seconds(), day.name+"-s")
			b.ReportMetric(float64(one.Bytes)/(1<<20), day.name+"-MiB")
			b.Logf("%s: %s; the tables have %s", day.name, time.Since(began), g.ask(`SELECT string_agg(relname || ' ' || pg_size_pretty(pg_total_relation_size(c.oid)), ', ' ORDER BY relname)
				FROM pg_class c WHERE relnamespace = 'backup'::regnamespace AND relkind = 'r'`))
		}
	}
}
