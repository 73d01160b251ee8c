package postgres

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Whoever asks says how long a text is, and how many tests a condition has. Both cost what they are long, and not its square.
func TestALongTextIsComparedInTimeThatItsLengthIsWorth(t *testing.T) {
	g := groundOn(t, pgtest.Locale{ICU: "und"}.Database(t, allKindsSQL), nil)
	c := kindsClass(g)
	s, err := c.shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const long, patience = 200_000, time.Second // its square was a minute
	for what, text := range map[string]string{"letters": strings.Repeat("z", long), "letters that are folded in many ways": strings.Repeat("Σ", long/2), "digits": strings.Repeat("7", long)} {
		for _, rule := range []backends.Rule{backends.CaseIgnore, backends.CaseExact} {
			for _, attr := range []string{"plain", "icu", "ci", "padded", "texts", "num", "exact", "mood", "ip", "ref", "lines", "data.text"} {
				for _, p := range []backends.Predicate{
					eqTo(attr, text, rule),
					backends.Prefix{Attr: attr, Text: text, Rule: rule},
					backends.Contains{Attr: attr, Text: text, Rule: rule},
					backends.Order{Attr: attr, Op: backends.Less, Value: backends.String(text), Rule: rule},
				} {
					if took := busy(t, func() {
						s.above(&statement{}, p)
						s.advise(planNode{Relation: s.rel.name, Schema: s.rel.schema}, p)
					}); took > patience {
						t.Fatalf("%T of %s with %d %s under %v took %s", p, attr, len(text), what, rule, took)
					}
				}
			}
		}
	}
	var many backends.Or
	for range 20_000 {
		many = append(many, eqTo("plain", "Ärger", backends.CaseIgnore), eqTo("icu", "ΟΔΟΣ", backends.CaseIgnore))
	}
	if took := busy(t, func() { s.above(&statement{}, many) }); took > patience {
		t.Errorf("%d tests took %s", len(many), took)
	}
}

// busy is how long this process has worked: what others do on the machine meanwhile is not in it.
func busy(t *testing.T, do func()) time.Duration {
	t.Helper()
	worked := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begun := worked()
	do()
	return worked() - begun
}
