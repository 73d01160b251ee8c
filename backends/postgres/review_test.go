package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// reviewed is what a review says of one class, faults and warnings.
func reviewed(t testing.TB, url, at string) (faults, warnings string) {
	t.Helper()
	d, _ := openDirectory(t, url, nil)
	return reviewOf(t, d, backends.Open{At: parse(t, at), Tenant: "default"})
}

// reviewOf is what a review says of a class that a directory opens.
func reviewOf(t testing.TB, d *Directory, o backends.Open) (faults, warnings string) {
	t.Helper()
	if _, err := d.Open(o); err != nil {
		t.Fatal(err)
	}
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
		faults, _ := reviewed(t, db.URL, "{table: "+view+", key: id, version: ''}")
		if (want == "") != (faults == "") || !strings.Contains(faults, want) || strings.Count(faults, "row-level") > 1 {
			t.Errorf("%s: %s", view, faults)
		}
	}
	pgtest.Exec(t, db.Admin, "ALTER VIEW plain OWNER TO "+db.Role)
	if faults, _ := reviewed(t, db.URL, "{table: plain, key: id, version: ''}"); strings.Contains(faults, "row-level") {
		t.Errorf("an owner that policies hold for: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER VIEW plain OWNER TO postgres", "ALTER TABLE person OWNER TO "+db.Role)
	if faults, _ := reviewed(t, db.URL, "{table: asked, key: id, version: ''}"); !strings.Contains(faults, "does not hold for the role "+db.Role) {
		t.Errorf("who asks owns the table: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER TABLE person FORCE ROW LEVEL SECURITY")
	if faults, _ := reviewed(t, db.URL, "{table: asked, key: id, version: ''}"); faults != "" {
		t.Errorf("policies that are forced on owners: %s", faults)
	}
	pgtest.Exec(t, db.Admin, "ALTER TABLE person OWNER TO postgres")
}

const used = `CREATE SCHEMA hr; CREATE TABLE hr.person (id serial PRIMARY KEY, login text NOT NULL, title text, org text);
	CREATE TABLE hr.email (person int, address text, kind text); CREATE TABLE hr.loose (id int, login text);
	CREATE TABLE hr.strict (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, login text, badge text NOT NULL, "Cost" int NOT NULL, made date NOT NULL DEFAULT now());
	CREATE TABLE hr.child (person int, address text, lot int NOT NULL);
	CREATE VIEW hr.counted AS SELECT login AS id, count(*) AS n FROM hr.person GROUP BY login; CREATE VIEW hr.people AS SELECT id, login FROM hr.person;`

// The rights of a role are taken away one by one; each is told with what gives it back, and with nothing else.
func TestARightThatTheRoleLacksIsOneFault(t *testing.T) {
	db := pgtest.Database(t, used)
	role := `"` + db.Role + `"`
	use := &backends.Use{Reads: []string{"login", "title", "hr.email"}, Writes: []string{"login", "title", "hr.email"}, Deletes: true}
	for revoke, want := range map[string]string{
		"":                                        "",
		"REVOKE INSERT ON hr.person":              `at.table: the role %s has no right to INSERT "hr"."person"; GRANT INSERT ON "hr"."person" TO ROLE`,
		"REVOKE UPDATE ON hr.person":              `has no right to UPDATE "hr"."person"; GRANT UPDATE ON "hr"."person" TO ROLE`,
		"REVOKE DELETE ON hr.person":              `has no right to DELETE "hr"."person"; GRANT DELETE ON "hr"."person" TO ROLE`,
		"REVOKE UPDATE ON hr.email":               `rows: the role %s has no right to UPDATE "hr"."email"; GRANT UPDATE ON "hr"."email" TO ROLE`,
		"REVOKE INSERT ON hr.email":               `has no right to INSERT "hr"."email"; GRANT INSERT ON "hr"."email" TO ROLE`,
		"REVOKE DELETE ON hr.email":               `has no right to DELETE "hr"."email"; GRANT DELETE ON "hr"."email" TO ROLE`,
		"REVOKE SELECT ON hr.email":               `rows: the role %s may not read hr.email; GRANT SELECT ON "hr"."email" TO ROLE`,
		"REVOKE SELECT ON hr.person":              `table: the role %s may not read hr.person; GRANT SELECT ON "hr"."person" TO ROLE`,
		"REVOKE USAGE ON SCHEMA hr":               `the role %s has no right to USAGE of the schema "hr"; GRANT USAGE ON SCHEMA "hr" TO ROLE`,
		"REVOKE ALL ON SEQUENCE hr.person_id_seq": `the role %s has no right to USAGE of the sequence hr.person_id_seq, which gives "id" of "hr"."person" its values; GRANT USAGE ON SEQUENCE hr.person_id_seq TO ROLE`,
		"REVOKE INSERT, UPDATE ON hr.person FROM ROLE; GRANT INSERT (login), UPDATE (login) ON hr.person TO ROLE": `has no right to INSERT these columns of "hr"."person": "title"; GRANT INSERT ("title") ON "hr"."person" TO ROLE`,
		"REVOKE SELECT ON hr.person FROM ROLE; GRANT SELECT (id, login, xmin) ON hr.person TO ROLE":               `has no right to SELECT these columns of "hr"."person": "title"; GRANT SELECT ("title") ON "hr"."person" TO ROLE`,
	} {
		back := []string{"GRANT USAGE ON SCHEMA hr TO " + role, "GRANT ALL ON ALL TABLES IN SCHEMA hr TO " + role, "GRANT ALL ON ALL SEQUENCES IN SCHEMA hr TO " + role}
		if revoke != "" {
			if !strings.Contains(revoke, "ROLE") {
				revoke += " FROM ROLE"
			}
			pgtest.Exec(t, db.Admin, strings.ReplaceAll(revoke, "ROLE", role))
		}
		d, _ := openDirectory(t, db.URL, nil)
		at := parse(t, "{at: {table: hr.person, key: id}, emails: {rows: hr.email, on: person}}")
		faults, warnings := reviewOf(t, d, backends.Open{
			At: at.Get("at"), Tenant: "default", Use: use, Sets: []backends.Set{{Name: "hr.email", At: at.Get("emails"), Columns: []string{"address", "kind"}}},
		})
		want = strings.ReplaceAll(strings.ReplaceAll(want, "ROLE", role), "%s", db.Role)
		most := 1
		if strings.Contains(revoke, "INSERT, UPDATE") {
			most = 2
		}
		if (want == "") != (faults == "") || !strings.Contains(faults, want) || warnings != "" || strings.Count(faults, "GRANT") > most {
			t.Errorf("%s: %s, %s", revoke, faults, warnings)
		}
		pgtest.Exec(t, db.Admin, back...)
	}
}

func TestWhatNobodyReadsOrWritesNeedsNoRight(t *testing.T) {
	db := pgtest.Database(t, used)
	pgtest.Exec(t, db.Admin, "REVOKE ALL ON hr.person FROM "+db.Role, "REVOKE ALL ON SEQUENCE hr.person_id_seq FROM "+db.Role, "GRANT SELECT (id, login) ON hr.person TO "+db.Role)
	d, _ := openDirectory(t, db.URL, nil)
	at := parse(t, "{table: hr.person, key: id, version: '', readOnly: true}")
	if faults, warnings := reviewOf(t, d, backends.Open{At: at, Use: &backends.Use{Reads: []string{"login"}, Writes: []string{"login"}, Deletes: true}}); faults+warnings != "" {
		t.Errorf("%s %s", faults, warnings)
	}
}

func TestAColumnThatIsOnlyWrittenMayBeHidden(t *testing.T) {
	db := pgtest.Database(t, used)
	pgtest.Exec(t, db.Admin, "ALTER TABLE hr.person ADD pin text", "REVOKE SELECT ON hr.person FROM "+db.Role, "GRANT SELECT (id, login, xmin) ON hr.person TO "+db.Role)
	d, _ := openDirectory(t, db.URL, nil)
	o := backends.Open{At: parse(t, "{table: hr.person, key: id}"), Use: &backends.Use{Reads: []string{"login"}, Writes: []string{"login", "pin"}, Deletes: true}}
	if faults, warnings := reviewOf(t, d, o); faults+warnings != "" {
		t.Errorf("%s %s", faults, warnings)
	}
	if got := d.classes[0].Syntax("pin"); !got.Known || got.ReadOnly || got.Equality != backends.NoRule {
		t.Errorf("%+v", got)
	}
	pgtest.Exec(t, db.Admin, "REVOKE UPDATE ON hr.person FROM "+db.Role)
	if faults, _ := reviewOf(t, d, o); !strings.Contains(faults, "no right to UPDATE") || d.classes[0].Syntax("pin").Known {
		t.Errorf("%s", faults)
	}
}

func TestWhatAWritingClassNeedsOfATable(t *testing.T) {
	db := pgtest.Database(t, used)
	review := func(at string, use *backends.Use, sets ...backends.Set) (string, string) {
		d, _ := openDirectory(t, db.URL, nil)
		return reviewOf(t, d, backends.Open{At: parse(t, at), Use: use, Sets: sets})
	}
	login := &backends.Use{Reads: []string{"login"}, Writes: []string{"login"}}
	child := backends.Set{Name: "hr.child", At: parse(t, "{rows: hr.child, on: person}"), Columns: []string{"address"}}
	for claim, tc := range map[string]struct {
		at            string
		use           *backends.Use
		sets          []backends.Set
		fault, warned string
	}{
		"a key twice":           {at: "{table: hr.loose, key: id}", use: login, fault: "key: nothing keeps two rows of hr.loose from having the same key (id), and a write would be one of both; give it a unique index, or write readOnly: true"},
		"a key twice, read":     {at: "{table: hr.loose, key: id, readOnly: true}", use: login},
		"a view's key":          {at: "{table: hr.people, key: id, version: ''}", use: login, warned: "nothing says that no two rows of hr.people have the same key (id); name a key that is unique, or write readOnly: true"},
		"a view of no rows":     {at: "{table: hr.counted, key: id, version: ''}", use: &backends.Use{Writes: []string{"n"}}, fault: `"hr"."counted" cannot be written: it is a view without a rule for that; write readOnly: true, or give`, warned: "nothing says"},
		"columns of nobody":     {at: "{table: hr.strict, key: id}", use: login, fault: `table: nobody writes "badge", "Cost" of "hr"."strict", which must not be NULL and has no default: every POST would be refused; give it a value under insert`},
		"columns of insert":     {at: "{table: hr.strict, key: id, insert: {badge: none}, where: '\"Cost\" = 7'}", use: login},
		"columns of create.set": {at: "{table: hr.strict, key: id, insert: {badge: none}}", use: &backends.Use{Writes: []string{"login"}, Presets: []string{"Cost"}}},
		"columns, read":         {at: "{table: hr.strict, key: id, readOnly: true}", use: login},
		"columns of rows":       {at: "{table: hr.person, key: id}", use: &backends.Use{Writes: []string{"login", "hr.child"}}, sets: []backends.Set{child}, fault: `rows: nobody writes "lot" of "hr"."child", which must not be NULL and has no default: every new row would be refused; give it a value under where`},
		"columns of rows, read": {at: "{table: hr.person, key: id}", use: login, sets: []backends.Set{child}},
	} {
		faults, warnings := review(tc.at, tc.use, tc.sets...)
		if (tc.fault == "") != (faults == "") || !strings.Contains(faults, tc.fault) || (tc.warned == "") != (warnings == "") || !strings.Contains(warnings, tc.warned) {
			t.Errorf("%s: %s, %s", claim, faults, warnings)
		}
	}
	pgtest.Exec(t, db.Admin, "CREATE FUNCTION hr.fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.badge = 1; RETURN NEW; END'",
		"CREATE TRIGGER fill BEFORE INSERT ON hr.strict FOR EACH ROW EXECUTE FUNCTION hr.fill()")
	if faults, warnings := review("{table: hr.strict, key: id}", login); faults != "" || !strings.Contains(warnings, "unless a trigger of the table fills it in") {
		t.Errorf("a trigger: %s, %s", faults, warnings)
	}
	pgtest.Exec(t, db.Admin, "ALTER ROLE "+db.Role+" SET default_transaction_read_only = on")
	if faults, warnings := review("{table: hr.person, key: id}", login); faults != "" || !strings.Contains(warnings, "the server takes no writes") {
		t.Errorf("a server that is only read: %s, %s", faults, warnings)
	}
	if _, warnings := review("{table: hr.person, key: id, readOnly: true}", login); warnings != "" {
		t.Errorf("which is no matter to who only reads: %s", warnings)
	}
}

// Whoever has no rights at all, or a view that lacks more than one thing, is told of everything at once: what is obeyed is enough.
func TestEverythingThatIsMissingIsToldAtOnce(t *testing.T) {
	db := pgtest.Database(t, used)
	role := `"` + db.Role + `"`
	pgtest.Exec(t, db.Admin, "REVOKE ALL ON ALL TABLES IN SCHEMA hr FROM "+role, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA hr FROM "+role, "REVOKE ALL ON SCHEMA hr FROM "+role)
	review := func(at string) string {
		d, _ := openDirectory(t, db.URL, nil)
		faults, _ := reviewOf(t, d, backends.Open{
			At: parse(t, at), Tenant: "default", Use: &backends.Use{Reads: []string{"login", "hr.email"}, Writes: []string{"login", "hr.email"}, Deletes: true},
			Sets: []backends.Set{{Name: "hr.email", At: parse(t, "{rows: hr.email, on: person}"), Columns: []string{"address", "kind"}}},
		})
		return faults
	}
	const person = "{table: hr.person, key: id, where: 'org = {tenant}'}"
	told := review(person)
	for _, grant := range []string{
		`USAGE ON SCHEMA "hr"`, `SELECT ON "hr"."person"`, `INSERT ON "hr"."person"`, `UPDATE ON "hr"."person"`, `DELETE ON "hr"."person"`, `USAGE ON SEQUENCE hr.person_id_seq`,
		`SELECT ON "hr"."email"`, `INSERT ON "hr"."email"`, `UPDATE ON "hr"."email"`, `DELETE ON "hr"."email"`,
	} {
		grant = "GRANT " + grant + " TO " + role
		if strings.Count(told, grant) != 1 {
			t.Errorf("%s is not told once in:\n%s", grant, told)
		}
		pgtest.Exec(t, db.Admin, grant)
	}
	if strings.Contains(told, "write a condition") {
		t.Errorf("a condition is blamed that could not be tried:\n%s", told)
	}
	if again := review(person); again != "" {
		t.Errorf("it was obeyed, and then: %s", again)
	}
	if told := review("{table: hr.people, key: id}"); !strings.Contains(told, "has no xmin") || !strings.Contains(told, `GRANT SELECT ON "hr"."people"`) || !strings.Contains(told, `GRANT DELETE ON "hr"."people"`) {
		t.Errorf("a view: %s", told)
	}
	secret := "{table: hr.person, key: id, where: 'login IN (SELECT loose.login FROM hr.loose)'}"
	if told := review(secret); !strings.Contains(told, "where: the database does not let the role "+db.Role+" read it: permission denied for table loose; grant the role") {
		t.Errorf("a condition on what may not be read: %s", told)
	}
}

// A column that clients may give is not always given, and then its default takes a number from the sequence.
func TestASequenceIsNeededWhereverNobodyMustGiveTheNumber(t *testing.T) {
	db := pgtest.Database(t, used+"; CREATE TABLE hr.staff (org text, no serial, login text, PRIMARY KEY (org, no))")
	pgtest.Exec(t, db.Admin, `REVOKE ALL ON SEQUENCE hr.staff_no_seq FROM "`+db.Role+`"`)
	const grant = "GRANT USAGE ON SEQUENCE hr.staff_no_seq"
	for claim, tc := range map[string]struct {
		at   string
		use  backends.Use
		told bool
	}{
		"nobody writes it":    {"{table: hr.staff, key: [org, no], where: 'org = {tenant}'}", backends.Use{Writes: []string{"login"}}, true},
		"clients may give it": {"{table: hr.staff, key: [org, no], where: 'org = {tenant}'}", backends.Use{Writes: []string{"login", "no"}}, true},
		"clients must":        {"{table: hr.staff, key: [org, no], where: 'org = {tenant}'}", backends.Use{Writes: []string{"login", "no"}, Required: []string{"no"}}, false},
		"every row gets one":  {"{table: hr.staff, key: [org, no], where: 'org = {tenant}', insert: {no: '7'}}", backends.Use{Writes: []string{"login", "no"}}, false},
		"a preset":            {"{table: hr.staff, key: [org, no], where: 'org = {tenant}'}", backends.Use{Writes: []string{"no"}, Presets: []string{"no"}}, false},
	} {
		d, _ := openDirectory(t, db.URL, nil)
		if faults, _ := reviewOf(t, d, backends.Open{At: parse(t, tc.at), Tenant: "default", Use: &tc.use}); strings.Contains(faults, grant) != tc.told || (faults != "") != tc.told {
			t.Errorf("%s: %s", claim, faults)
		}
	}
}
