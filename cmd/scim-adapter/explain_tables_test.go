package main

import (
	"os"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// explained is what explain prints of a filter over the example of old tables.
func explained(t *testing.T, live bool, typ, filter string) string {
	t.Helper()
	p, err := load("../../configs/examples/hr-tables.yaml", testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var plan func(backends.Backend, backends.Query) ([]string, error)
	if live {
		if err := p.meet(t.Context()); err != nil {
			t.Fatal(err)
		}
		plan = func(b backends.Backend, q backends.Query) ([]string, error) { return b.Plan(t.Context(), q) }
	}
	var out strings.Builder
	if err := explain(&out, p.mappings, typ, filter, plan); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestExplainTellsOfTables(t *testing.T) {
	var scripts []string
	for _, file := range []string{"schema.sql", "sample.sql"} {
		script, err := os.ReadFile("../../configs/examples/hr-tables/" + file)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, string(script))
	}
	db := pgtest.Database(t, scripts...)
	t.Setenv("HR_DATABASE_URL", db.URL)
	t.Setenv("SCIM_TOKEN", "a-token-of-the-tests")
	t.Setenv("SCIM_JOURNAL", t.TempDir())
	for name, c := range map[string]struct {
		live        bool
		typ, filter string
		want        []string
	}{
		"a term is shown without the scope, with its own arguments": {
			true, "User", `userName eq "bjensen" and active eq true`,
			[]string{"WHERE (record_type = 'P') AND (", "  in the directory  lower(t.\"login\") = $1::text\n", "-- $1 = 'bjensen'", "left to test here   nothing"},
		},
		"the plan is the database's": {true, "User", `userName eq "bjensen"`, []string{"its plan", "Index Scan on person using person_login_key"}},
		"one row fulfils all that stands in brackets": {
			true, "User", `emails[type eq "work" and value co "@"]`, []string{"EXISTS (SELECT FROM \"hr\".\"person_email\" r", "lower(r.\"kind\"::text) = $1::text AND lower(r.\"address\"::text) LIKE $2::text"},
		},
		"what stands for a key is one that the tables could have": {true, "User", `groups eq "1"`, []string{"stand below as 0", "\"person_id\" = $1::bigint", "-- $1 = '0'"}},
		"a reference's name is the key":                           {true, "Group", `members eq "1"`, []string{"the key of the User", "= $1::bigint"}},
		"without a connection nothing is known, and that is said": {false, "User", `userName eq "bjensen"`, []string{"not connected", "with --live only"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := explained(t, c.live, c.typ, c.filter)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
		})
	}
}
