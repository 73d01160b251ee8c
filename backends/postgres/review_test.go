package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// reviewed is what a review says of one class, faults and warnings.
func reviewed(t testing.TB, db pgtest.DB, url, at string) (faults, warnings string) {
	t.Helper()
	d, _ := openDirectory(t, url, nil)
	g := &ground{t: t, db: db, d: d}
	g.class(at)
	f, w, err := d.Review(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(f) == 0 {
		return "", strings.Join(w, "\n")
	}
	return f.Error(), strings.Join(w, "\n")
}

func TestAViewThatPoliciesDoNotReachIsAFault(t *testing.T) {
	db := pgtest.Database(t, `CREATE TABLE person (id int PRIMARY KEY, org text); ALTER TABLE person ENABLE ROW LEVEL SECURITY;
		CREATE TABLE free (id int PRIMARY KEY, org text);
		CREATE VIEW plain AS SELECT id, org FROM person; CREATE VIEW above AS SELECT id, org FROM plain;
		CREATE VIEW asked WITH (security_invoker = true) AS SELECT id, org FROM person;
		CREATE VIEW mixed WITH (security_invoker = on) AS SELECT id, org FROM plain;
		CREATE VIEW over_asked AS SELECT id, org FROM asked; CREATE VIEW off WITH (security_invoker = false) AS SELECT id, org FROM person;
		CREATE MATERIALIZED VIEW kept AS SELECT id, org FROM person; CREATE VIEW harmless AS SELECT id, org FROM free;`)
	leak := `reads public.person as its owner, postgres, for whom the table's row-level security does not hold: every tenant's rows show`
	for view, want := range map[string]string{
		"plain": "the view public.plain " + leak + "; ALTER VIEW public.plain SET (security_invoker = true)",
		"above": "the view public.plain " + leak, "mixed": "the view public.plain " + leak, "off": "the view public.off " + leak,
		"kept": "the view public.kept " + leak, "asked": "", "over_asked": "", "harmless": "",
	} {
		faults, _ := reviewed(t, db, db.URL, "{table: "+view+", key: id, version: ''}")
		if (want == "") != (faults == "") || !strings.Contains(faults, want) || strings.Count(faults, "row-level") > 1 {
			t.Errorf("%s: %s", view, faults)
		}
	}
	pgtest.Exec(t, db.Admin, "ALTER VIEW plain OWNER TO "+db.Role)
	if faults, _ := reviewed(t, db, db.URL, "{table: plain, key: id, version: ''}"); strings.Contains(faults, "row-level") {
		t.Errorf("an owner that policies hold for: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER VIEW plain OWNER TO postgres", "ALTER TABLE person OWNER TO "+db.Role)
	if faults, _ := reviewed(t, db, db.URL, "{table: asked, key: id, version: ''}"); !strings.Contains(faults, "does not hold for the role "+db.Role) {
		t.Errorf("who asks owns the table: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER TABLE person FORCE ROW LEVEL SECURITY")
	if faults, _ := reviewed(t, db, db.URL, "{table: asked, key: id, version: ''}"); faults != "" {
		t.Errorf("policies that are forced on owners: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER TABLE person OWNER TO postgres")
}
