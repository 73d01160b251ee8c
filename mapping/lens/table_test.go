package lens

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

var update = flag.Bool("update", false, "rewrite docs/lenses.md")

// noon is the present time of the tests.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 5, time.UTC)

func table() []mapping.Spec { return TableAt(func() time.Time { return noon }) }

func specNamed(t testing.TB, name string) mapping.Spec {
	t.Helper()
	specs := table()
	i := slices.IndexFunc(specs, func(s mapping.Spec) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no lens %s", name)
	}
	return specs[i]
}

func build(t testing.TB, name string, args ...string) mapping.Lens {
	t.Helper()
	l, err := specNamed(t, name).New(args)
	if err != nil {
		t.Fatalf("%s(%v): %v", name, args, err)
	}
	return l
}

// values makes native values of an example's texts: what is no text is bytes.
func values(texts []string) backends.Values {
	var out backends.Values
	for _, s := range texts {
		if utf8.ValidString(s) && printable(s) {
			out = append(out, backends.String(s))
		} else {
			out = append(out, backends.Bytes([]byte(s)))
		}
	}
	return out
}

func texts(vs backends.Values) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Text())
	}
	return out
}

// TestExamples runs the documentation.
func TestExamples(t *testing.T) {
	for _, s := range table() {
		for _, e := range s.Examples {
			t.Run(call(s.Name, e.Args), func(t *testing.T) {
				l := build(t, s.Name, e.Args...)
				got, err := l.Get(values(e.Native))
				if err != nil || !cmp.Equal(got, e.Scim) {
					t.Errorf("Get(%q) = %v, %v; want %v", e.Native, got, err, e.Scim)
				}
				if e.OneWay {
					return
				}
				put, err := l.Put(values(e.Before), e.Scim)
				if err != nil || !cmp.Equal(texts(put), e.Native) {
					t.Errorf("Put(%q, %v) = %q, %v; want %q", e.Before, e.Scim, texts(put), err, e.Native)
				}
			})
		}
	}
}

func TestEachLensIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range table() {
		if seen[s.Name] {
			t.Errorf("%s is in the table twice", s.Name)
		}
		seen[s.Name] = true
		if s.Doc == "" || !strings.HasPrefix(s.Usage, s.Name) {
			t.Errorf("%s lacks documentation, or its usage does not begin with its name", s.Name)
		}
		if len(s.Examples) == 0 && !s.Ref && s.Name != "not" { // not sees booleans, and examples are texts
			t.Errorf("%s has no example", s.Name)
		}
		if (s.New == nil) != s.Ref {
			t.Errorf("%s must either be a mark or be built", s.Name)
		}
	}
}

func TestMarkdownIsTheReference(t *testing.T) {
	const file = "../../docs/lenses.md"
	if *update {
		if err := os.WriteFile(file, []byte(Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), Markdown()); diff != "" {
		t.Errorf("docs/lenses.md is stale; run go test ./mapping/lens -run Markdown -update\n%s", diff)
	}
}

// TestFaultyArguments holds the sentences that the author of a mapping reads.
func TestFaultyArguments(t *testing.T) {
	tests := map[string]struct {
		lens string
		args []string
		want string
	}{
		"an argument where none is taken":      {"int", []string{"8"}, "takes no arguments"},
		"a mask that is no number":             {"bit", []string{"second"}, `"second" is no mask`},
		"a mask without a bit":                 {"bit", []string{"0"}, `"0" is no mask`},
		"a bit without a mask":                 {"bit", nil, "write bit(MASK)"},
		"a new number that is none":            {"bit", []string{"2", "x"}, `"x" is no number for new records`},
		"one word for two truths":              {"bool", []string{"Y"}, "bool(Y, N)"},
		"the same word for both truths":        {"bool", []string{"y", "Y"}, "must be two"},
		"absent with too much":                 {"absent", []string{"a", "b"}, "absent(now)"},
		"absent with an empty value":           {"absent", []string{""}, "absent(now)"},
		"locked with something else":           {"locked", []string{"some"}, "locked(any)"},
		"an enum of nothing":                   {"enum", nil, "enum(E=Employee, C=Contractor)"},
		"an enum without a word":               {"enum", []string{"E="}, "CODE=WORD"},
		"an enum without a code":               {"enum", []string{"=Employee"}, "CODE=WORD"},
		"a code with two words":                {"enum", []string{"E=Employee", "e=External"}, "listed twice"},
		"a prefix of nothing":                  {"prefix", []string{""}, "prefix(smtp:)"},
		"a suffix without text":                {"suffix", nil, "suffix(@example.org)"},
		"split without a place":                {"split", []string{" "}, "split("},
		"split at nothing":                     {"split", []string{"", "1"}, "split("},
		"split at place nought":                {"split", []string{" ", "0"}, "number from 1"},
		"split at an immense place":            {"split", []string{" ", "4000000000"}, "number from 1"},
		"a postal line that is no number":      {"postalAddress", []string{"one"}, "number from 1"},
		"a postal address without a line":      {"postalAddress", nil, "postalAddress(1)"},
		"an RDN under something that is no DN": {"rdn", []string{"ou", "example"}, "is no DN"},
		"an RDN of something that is no type":  {"rdn", []string{"o u", "dc=example"}, "no attribute type"},
		"an RDN with a type only":              {"rdn", []string{"ou"}, "PARENT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := specNamed(t, tt.lens).New(tt.args)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s(%q): %v; want a sentence with %q", tt.lens, tt.args, err, tt.want)
			}
		})
	}
}

// TestRefusedValues holds what becomes 400 invalidValue.
func TestRefusedValues(t *testing.T) {
	tests := map[string]struct {
		lens   string
		args   []string
		before []string
		value  any
		want   string
	}{
		"a word as a number":                    {"int", nil, nil, "four", "whole number"},
		"a text as a flag":                      {"bit", []string{"2"}, nil, "yes", "true or false"},
		"a word that the enum does not list":    {"enum", []string{"E=Employee", "C=Contractor"}, nil, "Intern", "must be Employee or Contractor, not Intern"},
		"a text as a boolean":                   {"bool", nil, nil, "maybe", "true or false"},
		"false where nothing says what it is":   {"absent", nil, nil, false, "absent(now)"},
		"a date without a time":                 {"generalizedTime", nil, nil, "2026-01-02", "date and time"},
		"a day that is not in the calendar":     {"timestamp", nil, nil, "2026-02-30T00:00:00Z", "date and time"},
		"a year that RFC 3339 cannot write":     {"generalizedTime", nil, nil, "9999-12-31T23:59:59-01:00", "date and time"},
		"half a second of Unix time":            {"epoch", nil, nil, "2026-01-02T03:04:05.5Z", "whole number of seconds"},
		"less than a tick of Windows":           {"filetime", nil, nil, "2026-01-02T03:04:05.00000005Z", "whole number of ticks"},
		"a time before Windows":                 {"filetime", nil, nil, "1600-12-31T23:59:59Z", "can be counted"},
		"the first tick, which means never":     {"filetime", nil, nil, "1601-01-01T00:00:00Z", "can be counted"},
		"a GUID that is too short":              {"guid", nil, nil, "ae4f1df8", "must be a UUID"},
		"a SID with too large a part":           {"sid", nil, nil, "S-1-5-4294967296", "security identifier"},
		"a SID with too large an authority":     {"sid", nil, nil, "S-1-0x1000000000000-1", "security identifier"},
		"base64 with the other alphabet":        {"base64", nil, nil, "_9j_", "base64"},
		"base64 with a bit too many":            {"base64", nil, nil, "/9l=", "base64"},
		"nothing but blanks":                    {"trim", nil, nil, " \t", "more than blanks"},
		"an empty value behind a prefix":        {"prefix", []string{"smtp:"}, nil, "", "empty"},
		"a piece that contains the separator":   {"split", []string{" ", "1"}, nil, "Anna Maria", `must not contain " "`},
		"a piece that would make a separator":   {"split", []string{"--", "1"}, []string{"x--y"}, "a-", `must not contain "--"`},
		"two lines as one":                      {"postalAddress", []string{"1"}, nil, "a\nb", "one line"},
		"an address of line ends":               {"lines", nil, nil, "\n\n", "more than line ends"},
		"a name where there is none to change":  {"rdn", nil, nil, "Sales", "PARENT"},
		"a number as a piece":                   {"split", []string{" ", "1"}, nil, int64(4), "must be text"},
		"a number that is no int, as an int":    {"int", nil, nil, 4.5, "whole number"},
		"a name that is written in hexadecimal": {"rdn", nil, []string{"cn=#0403414243,dc=x"}, "Sales", "PARENT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := build(t, tt.lens, tt.args...).Put(values(tt.before), []any{tt.value})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Put(%q, %v) = %q, %v; want a sentence with %q", tt.before, tt.value, texts(got), err, tt.want)
			}
		})
	}
}

// TestUnreadableValues: an error only when nothing can be shown at all.
func TestUnreadableValues(t *testing.T) {
	tests := map[string]struct {
		lens   string
		args   []string
		native []string
	}{
		"a number":                {"int", nil, []string{"12 apples"}},
		"a number with a plus":    {"int", nil, []string{"+12"}},
		"flags":                   {"bit", []string{"2"}, []string{"off"}},
		"a generalizedTime":       {"generalizedTime", nil, []string{"20261302000000Z"}},
		"a time in year 10000":    {"generalizedTime", nil, []string{"99991231235959-0100"}},
		"a timestamp":             {"timestamp", nil, []string{"yesterday"}},
		"Unix time beyond all":    {"epoch", nil, []string{"999999999999999"}},
		"a filetime before 1601":  {"filetime", nil, []string{"-5"}},
		"a GUID of 15 bytes":      {"guid", nil, []string{"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"}},
		"a SID of a wrong length": {"sid", nil, []string{"\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00"}},
		"a SID of revision 2":     {"sid", nil, []string{"\x02\x00\x00\x00\x00\x00\x00\x05"}},
		"a DN":                    {"rdn", nil, []string{"Sales department"}},
		"a word where not stands": {"not", nil, []string{"perhaps"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := build(t, tt.lens, tt.args...).Get(values(tt.native)); err == nil {
				t.Errorf("Get(%q) = %v; want an error", tt.native, got)
			}
		})
	}
	t.Run("beside one that can be read", func(t *testing.T) {
		got, err := build(t, "int").Get(values([]string{"?", "7"}))
		if err != nil || !cmp.Equal(got, []any{int64(7)}) {
			t.Errorf("Get = %v, %v; want 7", got, err)
		}
	})
}

// TestWhereWithoutAnAnswerFromTheLeft: what the lens on the left cannot say, no lens makes up.
func TestWhereWithoutAnAnswerFromTheLeft(t *testing.T) {
	for _, sub := range subjects {
		l := build(t, sub.lens, sub.args...)
		for _, op := range operatorsOfSCIM {
			for _, v := range []any{"2026-01-02T03:04:05Z", true, int64(1), "ae4f1df8-ec7d-d011-a765-00a0c91e6bf6", "E"} {
				asked := false
				p, ok := l.Where(mapping.Test{
					Attr: "a", Op: op, Value: v, Fold: true, Syntax: backends.Syntax{Known: true, Single: true, Equality: backends.IntegerRule},
					Next: func(filter.Op, any) (backends.Predicate, bool) { asked = true; return nil, false },
				})
				if ok && asked {
					t.Errorf("%s: %s %v gave %v although the left had no answer", sub.lens, op, v, p)
				}
			}
		}
	}
}

func TestAbsentNowWritesThePresentTime(t *testing.T) {
	got, err := build(t, "absent", "now").Put(nil, []any{false})
	if want := (backends.Values{backends.Time(noon.Truncate(time.Second))}); err != nil || !cmp.Equal(got, want, cmp.Comparer(sameValue)) {
		t.Errorf("Put = %v, %v; want %v", got, err, want)
	}
}

func sameValue(a, b backends.Value) bool { return a == b }

// TestAbsentIsOneWayWithoutAnArgument: the mapping makes such an attribute read-only.
func TestAbsentIsOneWayWithoutAnArgument(t *testing.T) {
	for args, want := range map[string]bool{"": true, "now": false, "gone": false} {
		l := build(t, "absent", strings.Fields(args)...)
		one, ok := l.(mapping.OneWay)
		if !ok || one.OneWay() != want {
			t.Errorf("absent(%s): one way is not %v", args, want)
		}
	}
}

// TestUnassignedStatesStayAsTheyAre: a PUT that leaves `active` out must not enable a leaver.
func TestUnassignedStatesStayAsTheyAre(t *testing.T) {
	for _, lens := range [][]string{{"locked"}, {"locked", "any"}, {"absent", "now"}, {"bit", "2"}} {
		before := values([]string{forever})
		if got, err := build(t, lens[0], lens[1:]...).Put(before, nil); err != nil || !cmp.Equal(texts(got), texts(before)) {
			t.Errorf("%v: Put(%v, nothing) = %v, %v; want it left alone", lens, before, got, err)
		}
	}
}
