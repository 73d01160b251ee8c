package lens

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// subject is a lens with arguments, and what it may meet.
type subject struct {
	lens string
	args []string
	// native makes a value of the directory, most often one that the lens shows.
	native *rapid.Generator[backends.Value]
	// value makes a SCIM value that can be written, and a literal of a filter.
	value *rapid.Generator[any]
	// norm is the lens's normal form of a value.
	norm func(v any) any
	// rules are how the directory may compare the attribute.
	rules []backends.Rule
	// one: a write sets one value for the whole attribute.
	one bool
	// gone reports a hidden value that a write takes away all the same.
	gone func(v backends.Value) bool
	// old: it writes only where there is something already.
	old bool
}

func (s subject) String() string { return call(s.lens, s.args) }

var (
	anyRule  = []backends.Rule{backends.CaseExact, backends.CaseIgnore, backends.CaseIgnoreSpace, backends.CaseExactSpace}
	timeRule = append([]backends.Rule{backends.TimeRule}, anyRule...)
	intRule  = append([]backends.Rule{backends.IntegerRule}, anyRule...)
)

func strs(g *rapid.Generator[string]) *rapid.Generator[backends.Value] {
	return rapid.Map(g, backends.String)
}

func anys[T any](g *rapid.Generator[T]) *rapid.Generator[any] {
	return rapid.Map(g, func(v T) any { return v })
}

func mix[T any](gs ...*rapid.Generator[T]) *rapid.Generator[T] { return rapid.OneOf(gs...) }

var (
	booleans = anys(rapid.Bool())
	// words are short and of few letters, so that they meet; blanks and letters whose case is special are among them.
	words   = rapid.StringOfN(rapid.RuneFrom([]rune("aAbB \\$-@.ßİſK")), 1, 6, -1)
	garbage = rapid.SampledFrom([]string{"", " ", "?", "-", "0x10", "9999999999999999999999", "true", "20260101"})
	small   = rapid.Int64Range(-3, 3)
	moments = rapid.Custom(func(t *rapid.T) time.Time {
		sec := rapid.SampledFrom([]int64{0, 1, -1, 1767323045, 253402300799, -62167219200, -11644473600}).Draw(t, "sec")
		nano := rapid.SampledFrom([]int64{0, 0, 100, 500_000_000, 999_999_999}).Draw(t, "nano")
		at := time.Unix(sec+small.Draw(t, "delta"), nano).UTC()
		if !writable(at) {
			at = time.Unix(sec, nano).UTC()
		}
		return at
	})
	// stamps are RFC 3339 with any offset.
	stamps = rapid.Custom(func(t *rapid.T) string {
		zone := time.FixedZone("", 1800*rapid.IntRange(-4, 4).Draw(t, "zone"))
		s := moments.Draw(t, "moment").In(zone).Format(time.RFC3339Nano)
		if _, ok := instant(s); !ok { // the zone leads into a year that cannot be written
			return "2026-01-02T03:04:05+01:00"
		}
		return s
	})
	dates = rapid.Map(stamps, func(s string) any { return s }).Filter(func(v any) bool { _, err := rfc3339(v); return err == nil })
	// generalizedTimes are those of RFC 4517 with all that may be left out.
	generalizedTimes = rapid.Custom(func(t *rapid.T) string {
		layout := rapid.SampledFrom([]string{"2006010215Z", "200601021504Z", "20060102150405Z", "20060102150405.999999999Z", "20060102150405,9Z", "20060102150405-0700", "200601021504-07"}).Draw(t, "layout")
		at := moments.Draw(t, "moment")
		if strings.Contains(layout, "07") {
			at = at.In(time.FixedZone("", 3600*rapid.IntRange(-3, 3).Draw(t, "zone")))
		}
		return at.Format(layout)
	}).Filter(func(s string) bool { at, ok := backends.ParseTime(s); return ok && writable(at) })
	bytesOf = func(sizes ...int) *rapid.Generator[backends.Value] {
		return rapid.Custom(func(t *rapid.T) backends.Value {
			n := rapid.SampledFrom(sizes).Draw(t, "size")
			return backends.Bytes(rapid.SliceOfN(rapid.ByteRange(0, 3), n, n).Draw(t, "bytes"))
		})
	}
)

func same(v any) any { return v }

func overText(f func(string) string) func(any) any { return func(v any) any { return f(v.(string)) } }

func inUTC(v any) any {
	at, _ := instant(v)
	return at.Format(time.RFC3339Nano)
}

func shows(l mapping.Lens, native backends.Value) any {
	got, err := l.Get(backends.Values{native})
	if err != nil || len(got) == 0 {
		return nil
	}
	return got[0]
}

// codeSubject is a lens over bytes whose texts are made from bytes.
func codeSubject(lens string, raw *rapid.Generator[backends.Value], decode func(string) (string, error)) subject {
	text := rapid.Map(raw, func(v backends.Value) any {
		s, err := decode(v.Text())
		if err != nil {
			panic(err)
		}
		return s
	})
	upper := rapid.Map(text, func(v any) any { return strings.ToUpper(v.(string)) })
	s := subject{lens: lens, native: raw, value: text, norm: same, rules: []backends.Rule{backends.OctetRule}}
	if lens != "base64" {
		s.value = mix(text, upper)
		s.norm = overText(strings.ToLower)
	}
	if lens == "sid" {
		s.norm = overText(strings.ToUpper)
		s.value = text // hexadecimal digits of an authority are not compared here
	}
	return s
}

var sids = rapid.Custom(func(t *rapid.T) backends.Value {
	n := rapid.IntRange(0, 3).Draw(t, "parts")
	raw := append([]byte{1, byte(n), 0, 0}, rapid.SliceOfN(rapid.ByteRange(0, 3), 4+4*n, 4+4*n).Draw(t, "bytes")...)
	return backends.Bytes(raw)
})

var subjects = []subject{
	{lens: "int", native: mix(strs(rapid.Map(small, strconv64)), rapid.Map(small, backends.Int), strs(rapid.SampledFrom([]string{"007", "-0", "9223372036854775808", "+1", "1.0"})), strs(garbage)), value: mix(anys(small), rapid.Just[any](json.Number("9223372036854775808"))), norm: same, rules: intRule},
	{lens: "bit", args: []string{"0x2"}, native: mix(strs(rapid.Map(small, strconv64)), rapid.Map(small, backends.Int)), value: booleans, norm: same, rules: intRule, one: true},
	{lens: "bit", args: []string{"0x6", "512"}, native: strs(rapid.Map(rapid.Int64Range(-9, 9), strconv64)), value: booleans, norm: same, rules: intRule, one: true},
	{lens: "bit", args: []string{"1", "3"}, native: strs(rapid.Map(small, strconv64)), value: booleans, norm: same, rules: intRule, one: true},
	{lens: "bool", native: mix(strs(rapid.SampledFrom([]string{"TRUE", "FALSE", "true", "False"})), rapid.Map(rapid.Bool(), backends.Bool)), value: booleans, norm: same, rules: append([]backends.Rule{backends.BooleanRule}, anyRule...)},
	{lens: "bool", args: []string{"Y", "N"}, native: strs(mix(rapid.SampledFrom([]string{"Y", "N", "y", " n ", "Z"}), garbage)), value: booleans, norm: same, rules: anyRule},
	{lens: "not", native: rapid.Map(rapid.Bool(), backends.Bool), value: booleans, norm: same, rules: []backends.Rule{backends.BooleanRule}},
	{lens: "absent", args: []string{"now"}, native: strs(words), value: booleans, norm: same, rules: anyRule, one: true},
	{lens: "absent", args: []string{"gone"}, native: strs(words), value: booleans, norm: same, rules: anyRule, one: true},
	{lens: "locked", native: strs(mix(rapid.SampledFrom([]string{forever, "00000101000000Z"}), generalizedTimes)), value: booleans, norm: same, rules: timeRule, one: true},
	{lens: "locked", args: []string{"any"}, native: strs(mix(rapid.Just(forever), generalizedTimes)), value: booleans, norm: same, rules: timeRule, one: true},
	{lens: "enum", args: []string{"E=Employee", "C=Contractor", "x y=EMPTY", "E2=Employee"}, native: strs(mix(rapid.SampledFrom([]string{"E", "e", " C", "x  y", "E2", "F"}), garbage)), value: anys(rapid.SampledFrom([]string{"Employee", "Contractor", "EMPTY"})), norm: same, rules: anyRule},
	{lens: "enum", args: []string{"ACTIVE=true", "SUSPENDED=false"}, native: strs(mix(rapid.SampledFrom([]string{"ACTIVE", "suspended", "gone"}), garbage)), value: booleans, norm: same, rules: anyRule},
	{lens: "generalizedTime", native: mix(strs(generalizedTimes), strs(generalizedTimes), rapid.Map(moments, backends.Time), strs(garbage)), value: dates, norm: inUTC, rules: timeRule},
	{lens: "timestamp", native: mix(strs(stamps), rapid.Map(moments, backends.Time), strs(garbage)), value: dates, norm: inUTC, rules: timeRule},
	{
		lens: "filetime", rules: intRule, norm: inUTC,
		native: mix(strs(rapid.SampledFrom([]string{"0", "9223372036854775807", "-1", "134118110450000000", "1", "2650467743999999999", "2650467744000000000"})), strs(rapid.Map(small, strconv64)), rapid.Map(small, backends.Int), strs(garbage)),
		value:  dates.Filter(func(v any) bool { _, err := build(quiet{}, "filetime").Put(nil, []any{v}); return err == nil }),
		gone:   func(v backends.Value) bool { return v.Text() == "0" || v.Text() == "9223372036854775807" },
	},
	{
		lens: "epoch", rules: intRule, norm: inUTC,
		native: mix(strs(rapid.SampledFrom([]string{"1767323045", "253402300799", "253402300800", "-62167219200", "-62167219201"})), strs(rapid.Map(small, strconv64)), strs(garbage)),
		value:  dates.Filter(func(v any) bool { at, _ := instant(v); return at.Nanosecond() == 0 }),
	},
	codeSubject("guid", bytesOf(16), guidText),
	codeSubject("sid", sids, sidText),
	codeSubject("base64", bytesOf(1, 2, 3), base64Text),
	{lens: "lower", native: strs(words), value: anys(words), norm: overText(strings.ToLower), rules: anyRule},
	{lens: "upper", native: strs(words), value: anys(words), norm: overText(strings.ToUpper), rules: anyRule},
	{lens: "trim", native: strs(words), value: anys(words.Filter(func(s string) bool { return strings.TrimSpace(s) != "" })), norm: overText(strings.TrimSpace), rules: anyRule},
	{lens: "fold", native: strs(words), value: anys(words), norm: overText(foldCase), rules: anyRule},
	{lens: "prefix", args: []string{"ab"}, native: strs(mix(words, rapid.Map(words, func(s string) string { return "aB" + s }), rapid.Just("AB"))), value: anys(words), norm: same, rules: anyRule},
	{lens: "prefix", args: []string{"$-"}, native: strs(mix(words, rapid.Map(words, func(s string) string { return "$-" + s }), rapid.Just("$-"))), value: anys(words), norm: same, rules: anyRule},
	{lens: "suffix", args: []string{"@b"}, native: strs(mix(words, rapid.Map(words, func(s string) string { return s + "@B" }), rapid.Just("@b"))), value: anys(words), norm: same, rules: anyRule},
	{lens: "split", args: []string{" ", "1"}, native: strs(words), value: anys(without(" ")), norm: same, rules: anyRule},
	{lens: "split", args: []string{"--", "2"}, native: strs(mix(without("-"), rapid.SampledFrom([]string{"a--b", "--b", "a--b--c", "----"}))), value: anys(without("-")), norm: same, rules: anyRule},
	{lens: "rdn", native: strs(names), value: anys(words), norm: same, rules: []backends.Rule{backends.NameRule}, old: true},
	{lens: "rdn", args: []string{"cn", "ou=a\\,b,dc=x"}, native: strs(names), value: anys(words), norm: same, rules: []backends.Rule{backends.NameRule}},
	{lens: "postalAddress", args: []string{"2"}, native: strs(mix(words, rapid.SampledFrom([]string{"a$b$c", "a\\24$\\5cb"}))), value: anys(words), norm: same, rules: anyRule},
	{lens: "lines", native: strs(words), value: anys(mix(words, rapid.SampledFrom([]string{"a\nb", "\nb$\\", "a\n\nb"}))), norm: same, rules: anyRule},
}

// names are DNs whose first value may hold anything.
var names = rapid.Custom(func(t *rapid.T) string {
	head := rapid.SampledFrom([]string{"cn=", "uid = ", "2.5.4.3="}).Draw(t, "type")
	tail := rapid.SampledFrom([]string{"", ",dc=x", "+sn=b,dc=x", " , o=y"}).Draw(t, "parent")
	return head + escapeValue(words.Draw(t, "value")) + tail
})

func without(letters string) *rapid.Generator[string] {
	return words.Filter(func(s string) bool { return !strings.ContainsAny(s, letters) })
}

func strconv64(n int64) string { return strconv.FormatInt(n, 10) }

func TestEveryLensIsASubject(t *testing.T) {
	for _, s := range table() {
		if !s.Ref && !slices.ContainsFunc(subjects, func(sub subject) bool { return sub.lens == s.Name }) {
			t.Errorf("no subject of the laws is a %s", s.Name)
		}
	}
}

func eachSubject(t *testing.T, check func(t *rapid.T, s subject, l mapping.Lens)) {
	for _, s := range subjects {
		t.Run(s.String(), func(t *testing.T) {
			l := build(t, s.lens, s.args...)
			rapid.Check(t, func(t *rapid.T) { check(t, s, l) })
		})
	}
}

func (s subject) before(t *rapid.T) backends.Values {
	least := 0
	if s.old {
		least = 1
	}
	return rapid.SliceOfNDistinct(s.native, least, 3, rapid.ID[backends.Value]).Draw(t, "before")
}

func (s subject) wanted(t *rapid.T) []any {
	if s.one {
		return []any{s.value.Draw(t, "value")}
	}
	most := 3
	if s.old {
		most = 1
	}
	return rapid.SliceOfN(s.value, 0, most).Draw(t, "values")
}

// TestWhatIsWrittenReadsBack is the first law.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	eachSubject(t, func(t *rapid.T, s subject, l mapping.Lens) {
		before, values := s.before(t), s.wanted(t)
		put, err := l.Put(before, values)
		if err != nil {
			t.Fatalf("Put(%v, %v): %v", before, values, err)
		}
		got, err := l.Get(put)
		if err != nil && len(values) > 0 {
			t.Fatalf("Get(Put(%v, %v)) = Get(%v): %v", before, values, put, err)
		}
		want := make([]any, len(values))
		for i, v := range values {
			want[i] = s.norm(v)
		}
		if !sameSet(got, want) {
			t.Fatalf("Get(Put(%v, %v)) = Get(%v) = %v; want %v", before, values, put, got, want)
		}
	})
}

// TestWhatIsHiddenStays is the second law.
func TestWhatIsHiddenStays(t *testing.T) {
	eachSubject(t, func(t *rapid.T, s subject, l mapping.Lens) {
		if s.one || specNamed(quiet{}, s.lens).Part {
			return // it shows something of every value
		}
		before, values := s.before(t), s.wanted(t)
		put, err := l.Put(before, values)
		if err != nil {
			t.Fatalf("Put(%v, %v): %v", before, values, err)
		}
		for _, v := range before {
			if shows(l, v) == nil && !slices.Contains(put, v) && (s.gone == nil || !s.gone(v)) {
				t.Fatalf("Put(%v, %v) = %v lost %v, which it does not show", before, values, put, v)
			}
		}
	})
}

// TestWhatIsUnchangedStays: writing what is shown changes nothing in the directory, however it is spelled there.
func TestWhatIsUnchangedStays(t *testing.T) {
	eachSubject(t, func(t *rapid.T, s subject, l mapping.Lens) {
		before := s.before(t)
		shown, err := l.Get(before)
		if err != nil || len(before) == 0 {
			t.Skip("nothing is shown")
		}
		for i, v := range shown {
			if _, isText := v.(string); isText && s.norm(v) != v {
				t.Skip("it is not in normal form")
			}
			if s.one && i > 0 && v != shown[0] {
				t.Skip("several numbers differ")
			}
		}
		if s.one && len(shown) > 1 {
			shown = shown[:1]
		}
		put, err := l.Put(before, shown)
		if err != nil {
			if s.lens == "split" || s.lens == "postalAddress" || s.lens == "filetime" {
				return // a piece that could not be written so may be there all the same
			}
			t.Fatalf("Put(%v, %v): %v", before, shown, err)
		}
		for _, v := range before {
			if !slices.Contains(put, v) && (v.Text() != "" || !specNamed(quiet{}, s.lens).Part) && (s.gone == nil || !s.gone(v)) {
				t.Fatalf("Put(%v, %v) = %v changed %v", before, shown, put, v)
			}
		}
	})
}

// TestPartsKeepTheOtherParts: several paths may share one attribute.
func TestPartsKeepTheOtherParts(t *testing.T) {
	pairs := [][2][]string{
		{{"split", " ", "1"}, {"split", " ", "2"}},
		{{"split", " ", "3"}, {"split", " ", "1"}},
		{{"postalAddress", "1"}, {"postalAddress", "3"}},
	}
	for _, pair := range pairs {
		t.Run(fmt.Sprint(pair), func(t *testing.T) {
			mine, other := build(t, pair[0][0], pair[0][1:]...), build(t, pair[1][0], pair[1][1:]...)
			rapid.Check(t, func(t *rapid.T) {
				whole := backends.Strings(mix(words, rapid.SampledFrom([]string{"a b c", "a$b$c", " b", "$b"})).Draw(t, "whole"))
				put, err := mine.Put(whole, []any{without(" ").Draw(t, "piece")})
				if err != nil {
					t.Fatal(err)
				}
				was, _ := other.Get(whole)
				is, _ := other.Get(put)
				if !sameSet(was, is) {
					t.Fatalf("writing over %q gave %q: the other part was %v and is %v", whole, put, was, is)
				}
			})
		})
	}
}

// quiet is a testing.TB for look-ups that cannot fail.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

func sameSet(a, b []any) bool {
	in := func(list []any) func(any) bool { return func(v any) bool { return !slices.Contains(list, v) } }
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}

// TestBase64IsStandard holds the text form against RFC 4648.
func TestBase64IsStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "raw")
		if got := shows(build(quiet{}, "base64"), backends.Bytes(raw)); got != base64.StdEncoding.EncodeToString(raw) {
			t.Fatalf("%x shows as %v", raw, got)
		}
	})
}

func typeOf(t testing.TB, s subject, l mapping.Lens) scim.Type {
	if typed, ok := l.(interface{ Type() scim.Type }); ok {
		return typed.Type()
	}
	if typ := specNamed(t, s.lens).Type; typ != "" {
		return typ
	}
	return scim.TypeString
}
