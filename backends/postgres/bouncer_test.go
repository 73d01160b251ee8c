package postgres

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Behind a pooler each transaction may have another connection of the server's. These run where PgBouncer is installed.

// nothingPrepared is what the documentation says for poolers.
const nothingPrepared = "sslmode=disable&default_query_exec_mode=exec"

// TestThroughAPooler is what goes on at a time: of two tenants, in all ways of preparing statements, or not.
func TestThroughAPooler(t *testing.T) {
	for name, params := range map[string]string{
		"nothing is prepared": nothingPrepared, "statements are described": "sslmode=disable&default_query_exec_mode=cache_describe", "as it comes": "sslmode=disable",
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.Pooled(t, pgtest.Database(t, tenants, policies), params)
			g := groundOn(t, db, nil)
			var wg sync.WaitGroup
			for tenant, want := range map[string][]backends.Key{"default": {"1", "3", "4"}, "other": {"2"}} {
				for i := range 4 {
					c := g.classOf(tenant, "{table: person, key: id}", g.set("mails", "{rows: mail, on: person_id, where: {tenant_id: '{tenant}'}}", "address"))
					wg.Go(func() {
						for n := range 12 {
							address := fmt.Sprintf("%s-%d-%d@x", tenant, i, n)
							if err := modify(c, want[0], change(backends.Add, "mails", address)); err != nil {
								t.Errorf("%s: %v", tenant, err)
							}
							var keys []backends.Key
							for r, err := range c.Walk(t.Context(), backends.Query{Attrs: []string{"name", "mails"}}) {
								if err != nil {
									t.Errorf("%s: %v", tenant, err)
								}
								keys = append(keys, r.Key)
							}
							if !slices.Equal(keys, want) {
								t.Errorf("%s sees %v", tenant, keys)
							}
							if n, exact, err := c.Count(t.Context(), backends.Eq{Attr: "name", Value: backends.String("ann"), Rule: backends.CaseIgnore}, 0); err != nil || !exact || (n == 1) != (tenant == "default") {
								t.Errorf("%s counts %d, %v", tenant, n, err)
							}
						}
					})
				}
			}
			wg.Wait()
			if said := g.log.count("a pooler between the adapter and the database"); said > 1 || said == 1 != (name == "as it comes") {
				t.Errorf("it is said %d times that nothing is prepared: %s", said, g.log)
			}
			g.is("default 49, other 50", "SELECT string_agg(of || ' ' || n, ', ' ORDER BY of) FROM (SELECT tenant_id AS of, count(*)::text AS n FROM mail GROUP BY 1) AS held")
		})
	}
}
