package backends

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestEquality lists, for each rule, texts that are equal and those that are not. Each line is one class: members equal each other and nothing
// in another class.
func TestEquality(t *testing.T) {
	for name, c := range map[string]struct {
		rule    Rule
		classes [][]string
	}{
		"letter by letter":           {CaseExact, [][]string{{"a"}, {"A"}, {" a"}, {"a "}, {"a  b"}, {"a b"}, {""}, {"é"}, {"e\u0301"}, {"\xff"}, {"\xfe"}}},
		"octets":                     {OctetRule, [][]string{{"\x00"}, {""}, {"a"}, {"A"}, {"\xff\xd8"}}},
		"no rule":                    {NoRule, [][]string{{"a"}, {"A"}}},
		"without case":               {CaseIgnore, [][]string{{"a", "A"}, {"ä", "Ä"}, {"a  b", "A  B"}, {"a b"}, {" a"}, {"é", "É"}, {"K", "k", "\u212a"}, {"\xffA"}, {"\xffa"}}},
		"with case, without blanks":  {CaseExactSpace, [][]string{{"a b", " a  b ", "a   b"}, {"A b"}, {"ab"}, {" ", "  "}, {""}, {"é", "e\u0301"}, {"a\u00a0b x", "a b x"}}},
		"without case and blanks":    {CaseIgnoreSpace, [][]string{{"a b", " A  B ", "a\u00a0b"}, {"ab", "AB"}, {" ", "   "}, {""}, {"ä", "Ä", "A\u0308", "a\u0308"}, {"Ａ", "a"}, {"a\tb"}}},
		"folding letter by letter":   {CaseIgnoreSpace, [][]string{{"straße", "STRAßE", "STRAẞE"}, {"strasse", "STRASSE"}, {"σ", "Σ"}, {"ς"}, {"ﬁ", "fi", "FI"}, {"ℂ", "c"}}},
		"bytes that are not UTF-8":   {CaseIgnoreSpace, [][]string{{"\xff"}, {"\xfe"}, {"\ufffd"}}},
		"integers":                   {IntegerRule, [][]string{{"0", "-0", "000"}, {"7", "007"}, {"-7", "-07"}, {"99999999999999999999", "099999999999999999999"}, {"+7"}, {"7.0"}, {"x"}, {""}, {"-"}, {" 7"}}},
		"booleans":                   {BooleanRule, [][]string{{"TRUE", "true", "True"}, {"FALSE", "false"}, {"1"}, {"yes"}, {""}}},
		"numeric strings":            {NumericRule, [][]string{{"12 34", "1234", " 1 2 3 4 "}, {"01234"}, {"12-34"}, {" ", "  "}, {""}}},
		"telephone numbers":          {TelRule, [][]string{{"+1 555-1212", "+15551212", "+1-555 12 12"}, {"+1 555 1213"}, {"+1 X12", "+1x12"}, {"-", " - "}, {""}, {"A¨", "ä"}}},
		"instants":                   {TimeRule, [][]string{{"20240131120000Z", "2024-01-31T12:00:00Z", "202401311200Z", "2024013112Z", "20240131140000+0200", "20240131100000-02", "20240131120000.000Z", "2024-01-31t13:00:00.0+01:00"}, {"20240131120000.5Z", "20240131120000,5Z", "2024-01-31T12:00:00.5Z"}, {"2024013112.5Z", "202401311230Z", "2024-01-31T12:30:00Z"}, {"2024-01-31", "2024013100Z"}, {"202401311200.5Z", "20240131120030Z"}, {"20161231235960Z", "20170101000000Z"}}},
		"what is no instant":         {TimeRule, [][]string{{"2024"}, {"20240131120000"}, {"20241301000000Z"}, {"20240230000000Z"}, {"20240131240000Z"}, {"20240131126000Z"}, {"20240131120061Z"}, {"20240131120000.Z"}, {"20240131120000+2"}, {"20240131120000+2460"}, {"2024-02-30"}, {"2024-1-31"}, {"2024-01-31T12:00:00"}, {"today"}, {""}, {"20240131120000Zx"}}},
		"distinguished names":        {NameRule, nameClasses()},
		"what is no name":            {NameRule, [][]string{{"garbage"}, {"="}, {"=x"}, {"uid=x,"}, {",uid=x"}, {"uid=x,,dc=y"}, {"uid=x+"}, {`uid=x\`}, {`uid=x\zz`}, {`uid="x"`}, {"uid=a;dc=b"}, {"uid=<x>"}, {"1.2.=x"}, {"1..2=x"}, {"u_id=x"}, {"u id=x"}, {"cn=#zz"}, {"cn=#"}, {"cn=\x00"}, {"cn=\xff"}, {`cn=\ff`}}},
		"a rule that does not exist": {Rule(99), [][]string{{"a"}, {"A"}}},
	} {
		t.Run(name, func(t *testing.T) {
			owner := map[string]string{}
			for _, class := range c.classes {
				canonical := Normalize(c.rule, class[0])
				if other, taken := owner[canonical]; taken {
					t.Errorf("%q equals %q: both are %q", class[0], other, canonical)
				}
				owner[canonical] = class[0]
				for _, text := range class {
					if got := Normalize(c.rule, text); got != canonical {
						t.Errorf("%q is %q, but %q is %q", text, got, class[0], canonical)
					}
				}
			}
		})
	}
}

func nameClasses() [][]string {
	return [][]string{
		{"uid=bjensen,ou=People,dc=example,dc=org", "UID=BJensen, OU=people , DC=Example,dc=ORG", "0.9.2342.19200300.100.1.1=bjensen,2.5.4.11=people,dc=example,dc=org", "userid=bjensen,organizationalUnitName=people,domainComponent=example,dc=org"},
		{"uid=bjensen,ou=people"},
		{"cn=a+uid=b,dc=x", "UID=B + CN=A,dc=x", "uid=b+cn=a+cn=A,dc=x"},
		{`cn=Jensen\, Barbara`, `cn=jensen\2c barbara`, `CN=Jensen\2C  Barbara`},
		{"cn=jensen barbara"},
		{`cn=x\,uid\=admin`, `cn=x\2cuid=admin`},
		{"cn=x,uid=admin"},
		{`cn=\#a`, `cn=\23a`},
		{"cn=#0403616263", "cn=#0403616263 "},
		{`cn=\ `, `cn=\20`, `cn=\  `},
		{"cn="},
		{`cn=\C3\84`, "cn=ä", "cn=a\u0308"},
		{`cn=a\00b`},
		{"cn=ab"},
		{`cn=a\\b`, `cn=a\5cb`},
		{`cn=\ a`, "cn=a", `cn=a\ `}, // blanks around a value mean nothing to caseIgnoreMatch
		{"", " "},
		{"1.2.3=x"},
		{"x-y=x", "X-Y=X"},
	}
}

func TestLegible(t *testing.T) {
	for text, rules := range map[string][]Rule{
		"forty":   {IntegerRule, TimeRule, BooleanRule, NumericRule, NameRule},
		"":        {IntegerRule, TimeRule, BooleanRule, NumericRule},
		"1.5":     {IntegerRule, NumericRule},
		"garbage": {NameRule, TimeRule},
	} {
		for _, rule := range rules {
			if got, ok := Canonical(rule, text); ok || got != text {
				t.Errorf("%q under %s is %q, %v; want it unchanged and refused", text, rule, got, ok)
			}
		}
	}
	for rule, text := range map[Rule]string{IntegerRule: "-1", TimeRule: "2024013112Z", BooleanRule: "true", NumericRule: "1 2", NameRule: "cn=x", TelRule: "x", CaseIgnore: "", NoRule: ""} {
		if _, ok := Canonical(rule, text); !ok {
			t.Errorf("%q under %s is refused", text, rule)
		}
	}
}

func allRules() []Rule {
	rules := make([]Rule, len(ruleNames))
	for i := range rules {
		rules[i] = Rule(i)
	}
	return rules
}

// pieces are texts in which rules have something to do.
func pieces() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "A", " ", "  ", "-", "0", "7", "Z", ".", ",", "=", "+", `\`, "#", `\2c`, "cn=", "ä", "\u0308", "ß", "ℂ", "℡", "ﬁ", "İ", "ς", "Σ", "\u00a0", "\t", "\xff",
			"\x00", "TRUE", "2024", "0131", "12", "名", "\u0345", "¨", "ǅ", "\u0130\u0307",
		}), 0, 6).Draw(t, "pieces"), "")
	})
}

func TestNormalizeIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom(allRules()).Draw(t, "rule")
		text := rapid.OneOf(pieces(), rapid.String()).Draw(t, "text")
		once, ok := Canonical(rule, text)
		twice, again := Canonical(rule, once)
		if once != twice || ok != again {
			t.Fatalf("%s: %q is %q (%v), and that is %q (%v)", rule, text, once, ok, twice, again)
		}
	})
}

func TestEscapedValuesMeanThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(pieces(), rapid.String()).Draw(t, "value")
		name := "cn=" + EscapeName(value) + ",dc=x"
		got, ok := Canonical(NameRule, name)
		if strings.ContainsRune(value, '\ufffd') || !validText(value) {
			return // bytes that are not UTF-8 are no value of a name
		}
		if want := "cn=" + EscapeName(Normalize(CaseIgnoreSpace, value)) + ",dc=x"; !ok || got != want {
			t.Fatalf("%q in the name %q is %q (%v), want %q", value, name, got, ok, want)
		}
	})
}

func validText(s string) bool { return strings.ToValidUTF8(s, "") == s }

func TestInstantsOrderAsTheyPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instant := rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
		})
		a, b := instant.Draw(t, "a"), instant.Draw(t, "b")
		x, okX := Canonical(TimeRule, a.Format("20060102150405.999999999Z"))
		y, okY := Canonical(TimeRule, b.In(time.FixedZone("", 5*3600+30*60)).Format(time.RFC3339Nano))
		if !okX || !okY || strings.Compare(x, y) != a.Compare(b) {
			t.Fatalf("%s is %s (%v), %s is %s (%v)", a, x, okX, b, y, okY)
		}
	})
}

func FuzzNormalize(f *testing.F) {
	for _, class := range nameClasses() {
		for _, text := range class {
			f.Add(uint8(NameRule), text)
		}
	}
	f.Add(uint8(TimeRule), "20240131120000.5+0200")
	f.Add(uint8(CaseIgnoreSpace), " ℂ\u0345  ")
	f.Fuzz(func(t *testing.T, rule uint8, text string) {
		once, ok := Canonical(Rule(rule), text)
		if twice, again := Canonical(Rule(rule), once); once != twice || ok != again {
			t.Errorf("%s: %q is %q (%v), and that is %q (%v)", Rule(rule), text, once, ok, twice, again)
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	for name, text := range map[string]string{"canonical": "barbara jensen", "ASCII": "Barbara  Jensen", "Unicode": "Bärbel Jänßen"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Normalize(CaseIgnoreSpace, text)
			}
		})
	}
}
