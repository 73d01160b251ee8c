package postgres

import (
	"strings"
	"testing"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

func measured(t *testing.T, l pgtest.Locale, names ...string) *folding {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), l.Database(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	f, err := measureAll(t.Context(), conn, append(names, defaultCollation))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is known of the collations that there are everywhere: C folds ASCII only, ICU makes two letters of İ and looks at what stands before Σ, Turkish has
// an i without a dot.
func TestFoldingIsMeasured(t *testing.T) {
	f := measured(t, pgtest.Locale{Collate: "C"}, collationC, `pg_catalog."und-x-icu"`, `pg_catalog."tr-x-icu"`, `pg_catalog."lt-x-icu"`)
	for name, want := range map[string]struct{ alike, apart string }{
		collationC:               {"abcZ09 _-", "äki"}, // a Kelvin sign is a k, and İ an i, to the matcher
		defaultCollation:         {"abcZ09 _-", "äki"},
		`pg_catalog."und-x-icu"`: {"abkzäöж", "iσς"},
		`pg_catalog."tr-x-icu"`:  {"abkzäöж", "iıσς"},
	} {
		in := collation{name: name, deterministic: true}
		for _, r := range want.alike {
			if low := unicode.ToLower(r); !f.agrees(in, string(low)) {
				t.Errorf("%s differs on %q", name, low)
			}
		}
		for _, r := range want.apart {
			if f.agrees(in, string(r)) {
				t.Errorf("%s agrees on %q", name, r)
			}
		}
		if f.agrees(collation{name: name}, "a") {
			t.Errorf("%s is believed although it is nondeterministic", name)
		}
	}
	if f.agrees(collation{name: "unknown", deterministic: true}, "a") {
		t.Error("a collation that was not measured is believed")
	}
	if best := f.letters[f.best]; strings.Contains(f.best, `"C"`) || len(best.differ) > 100 {
		t.Errorf("the best is %s, which differs on %d letters", f.best, len(best.differ))
	}
}

func TestACollationIsMeasuredOnce(t *testing.T) {
	g := newGround(t, "CREATE TABLE a (id int PRIMARY KEY, x text); CREATE TABLE b (id int PRIMARY KEY, x text)")
	one, err := g.class("{table: a, key: id}").shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := g.class("{table: b, key: id}").shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if one.folding == nil || one.folding != other.folding {
		t.Error("two classes of one database do not share what was measured")
	}
	before := one.folding
	g.d.dead() // and there may be another server, with another library
	if one, err = g.class("{table: a, key: id}").shape(t.Context()); err != nil || one.folding == before {
		t.Errorf("what was measured outlives the server: %v", err)
	}
}

// A letter that the column's collation folds otherwise does not cost the index on lower(column).
func TestAnIndexOnLowerServesEveryLetter(t *testing.T) {
	for name, locale := range locales {
		t.Run(name, func(t *testing.T) {
			g := groundOn(t, locale.Database(t, `CREATE TABLE p (id int PRIMARY KEY, login text, icu text COLLATE "und-x-icu");
			INSERT INTO p SELECT i, 'Smith' || i, 'Smith' || i FROM generate_series(1, 3000) i;
			INSERT INTO p (id, login, icu) SELECT 4000 + row_number() OVER (), x, x FROM unnest('{smith,SMITH,SMİTH,smıth,smi̇th,KIRK,Kirk,KİRK,kırk,ΟΔΟΣ,οδος,οδοσ,Ärger,ÄRGER,ärger}'::text[]) x;
			CREATE INDEX ON p (lower(login)); CREATE INDEX ON p (lower(icu)); ANALYZE`), nil)
			c := g.class("{table: p, key: id}")
			all := everybody(t, c, []string{"login", "icu"})
			for _, attr := range []string{"login", "icu"} {
				for _, literal := range []string{"smith", "SMITH", "SMİTH", "smıth", "smi̇th", "kirk", "KIRK", "ΟΔΟΣ", "οδος", "οδοσ", "ärger", "smith77"} {
					p := eqTo(attr, literal, backends.CaseIgnore)
					if why := disagreement(t, c, p, all); why != "" {
						t.Errorf("%s: %s\n%s", p, why, c.Native(p))
					}
					lines, err := c.Plan(t.Context(), backends.Query{Where: p})
					if plan := strings.Join(lines, "\n"); err != nil || strings.Contains(plan, "Seq Scan") && !strings.Contains(literal, "\u0307") {
						t.Errorf("%s: %v\n%s\n%s", p, err, c.Native(p), plan)
					}
				}
			}
		})
	}
}
