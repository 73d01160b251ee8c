package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// names that look like words of the grammar are the ones a parser gets wrong.
var drawName = rapid.OneOf(
	rapid.StringMatching(`[a-zA-Z$_][a-zA-Z0-9_$-]{0,8}`),
	rapid.SampledFrom([]string{"and", "or", "pr", "eq", "true", "null", "notes", "order", "$ref"}),
).Filter(func(s string) bool { return !strings.EqualFold(s, "not") })

var drawURI = rapid.SampledFrom([]string{"", "", "", "enterprise", "urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:a-b_c:1.0.3"})

func drawPath(t *rapid.T, brackets bool, depth int) Path {
	p := Path{URI: drawURI.Draw(t, "uri"), Attr: drawName.Draw(t, "attr")}
	if rapid.Bool().Draw(t, "dotted") {
		p.Sub = drawName.Draw(t, "sub")
	}
	if brackets && rapid.Bool().Draw(t, "brackets") {
		p.Filter = drawExpr(t, false, depth-1)
	}
	return p
}

var drawValue = rapid.OneOf(
	rapid.Map(rapid.String(), func(s string) any { return strings.ToValidUTF8(s, "?") }),
	rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	rapid.Map(rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,4})?`), func(s string) any { return json.Number(s) }),
	rapid.Just[any](nil),
)

func drawExpr(t *rapid.T, brackets bool, depth int) Expr {
	kinds := 5
	if depth <= 0 {
		kinds = 2
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		op := rapid.SampledFrom([]Op{Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le}).Draw(t, "op")
		return Compare{Path: drawPath(t, brackets, depth), Op: op, Value: drawValue.Draw(t, "value")}
	case 1:
		p := drawPath(t, brackets, depth)
		if p.Filter != nil && p.Sub == "" && rapid.Bool().Draw(t, "bare") {
			return Has{Path: p}
		}
		return Compare{Path: p, Op: Pr}
	case 2:
		return Not{drawExpr(t, brackets, depth-1)}
	case 3:
		return And{drawTerms(t, brackets, depth)}
	default:
		return Or{drawTerms(t, brackets, depth)}
	}
}

func drawTerms(t *rapid.T, brackets bool, depth int) []Expr {
	terms := make([]Expr, rapid.IntRange(2, 4).Draw(t, "terms"))
	for i := range terms {
		terms[i] = drawExpr(t, brackets, depth-1)
	}
	return terms
}

func TestWhatIsPrintedIsParsedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawExpr(t, true, 4)
		got, err := Parse(want.String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if d := cmp.Diff(want, got, noPos); d != "" {
			t.Fatalf("%s\n(-want +got):\n%s", want, d)
		}
	})
}

func TestPathsThatArePrintedAreParsedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawPath(t, true, 3)
		got, err := ParsePath(want.String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if d := cmp.Diff(want, got, noPos); d != "" {
			t.Fatalf("%s\n(-want +got):\n%s", want, d)
		}
	})
}

// JSON's own reader and writer are the judges of what a string means.
func TestStringsMeanWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := strings.ToValidUTF8(rapid.String().Draw(t, "text"), "?")
		quoted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse("a eq " + string(quoted))
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		if got := e.(Compare).Value; got != want {
			t.Fatalf("%s is read as %q", quoted, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`userName eq "bjensen"`, `not (a pr) and b[c eq 1 or d co "\u00e9"].e ne null`, `urn:a:b:2.0:User:name.familyName sw "J"`,
		`a eq "\ud83d\ude00"`, `((((a pr))))`, `a eq -1.5e+10`, `emails[type eq "work"]`, "a eq \"\xff\"", `not`, `a[`, `a.b[c pr]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			checkSyntaxError(t, s, err)
			return
		}
		printed := e.String()
		again, err := Parse(printed)
		if err != nil && len(printed) <= MaxLength {
			t.Fatalf("%q prints as %q: %v", s, printed, err)
		}
		if d := cmp.Diff(e, again, noPos); err == nil && d != "" {
			t.Fatalf("%q prints as %q, which is another filter:\n%s", s, printed, d)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{`members`, `name.familyName`, `emails[type eq "work"].value`, `urn:a:b:2.0:User:x`, `urn:a:2.0`, `:`, `a:`, `::a`, `a[b pr]c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			checkSyntaxError(t, s, err)
			return
		}
		again, err := ParsePath(p.String())
		if err != nil && len(p.String()) <= MaxLength {
			t.Fatalf("%q prints as %q: %v", s, p, err)
		}
		if d := cmp.Diff(p, again, noPos); err == nil && d != "" {
			t.Fatalf("%q prints as %q, which is another path:\n%s", s, p, d)
		}
	})
}

func checkSyntaxError(t *testing.T, s string, err error) {
	t.Helper()
	e, ok := errors.AsType[*SyntaxError](err)
	if !ok || e.Input != s || e.Pos < 0 || e.Pos > len(s) || e.Want == "" || e.Found == "" {
		t.Fatalf("%q: %#v", s, err)
	}
	if len(e.Error()) > 300 {
		t.Fatalf("%q: an error of %d bytes", s, len(e.Error()))
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"simple": `userName eq "bjensen"`,
		"usual":  `userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`,
		"path":   `emails[type eq "work" and value co "@example.com"]`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
