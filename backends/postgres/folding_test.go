package postgres

import (
	"strings"
	"testing"
	"unicode"

	"github.com/jackc/pgx/v5"

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
}
