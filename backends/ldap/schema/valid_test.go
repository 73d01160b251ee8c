package schema

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestValid holds values to what slapd says of them.
func TestValid(t *testing.T) {
	for attr, c := range map[string]struct{ good, bad []string }{
		"cn":                       {[]string{"a", " ", "a\x00b", "日本"}, []string{"", "\xff"}},
		"mail":                     {[]string{"a@b", "", " "}, []string{"é", "a\xffb"}},
		"telephoneNumber":          {[]string{"-", " ", "+1 (2) 3-4/5:6?'=,."}, []string{"", "é", "*", "a@b", "#1"}},
		"c":                        {[]string{"DE", "de", "1 "}, []string{"D", "DEU", "é", ""}},
		"uidNumber":                {[]string{"0", "7", "-5", "99999999999999999999999"}, []string{"007", "-0", "+1", "-", "", "1 ", "00", "x"}},
		"pwdReset":                 {[]string{"TRUE", "FALSE"}, []string{"true", "yes", ""}},
		"manager":                  {[]string{"", "cn=a", "cn=a;ou=b", `cn="a,b"`, "cn = a , ou = b", "cn=a+sn=b", `cn=\20`, "cn=a=b"}, []string{"garbage", "foo=a", "1.2.3=a", `cn=a\zz`, "cn=", "uidNumber=x", "mail=é", "cn=a,", "cn=<x>", `cn=a"b`, "cn=a+cn=b", "cn=a+commonName=b"}},
		"uniqueMember":             {[]string{"cn=a#'01'B", "cn=a", "", "cn=a#'02'B"}, []string{"x", "x#'01'B"}},
		"pwdEndTime":               {[]string{"20200101000000Z", "000001010000Z", "2020010100Z", "202001010000Z", "20200101000060Z", "20200101000000.123Z", "20200101000000,5Z", "20200101000000+0130", "20200101000000+01", "20200229000000Z"}, []string{"20200101", "20200230000000Z", "20210229000000Z", "20201301000000Z", "20200101000000", "20200101250000Z", "20200101000000.Z", "20200101240000Z", "20200101000061Z", "20200101000000+0160", ""}},
		"internationaliSDNNumber":  {[]string{"12 3", " "}, []string{"a", ""}},
		"postalAddress":            {[]string{"a$b", "", "$", `a\24b`, `a\5cb`}, []string{`a\zb`, `a\41`, `a\`, "\xff"}},
		"serialNumber":             {[]string{"a"}, []string{"a_b", "", "a@"}},
		"x500UniqueIdentifier":     {[]string{"'01'B", "''B"}, []string{"01", "'2'B"}},
		"objectClass":              {[]string{"person", "2.5.6.6"}, []string{"x y", "1.", ".1", "1.02"}},
		"facsimileTelephoneNumber": {[]string{"+1", "+1$fineResolution"}, []string{"", "é", "$x"}},
		"telexNumber":              {[]string{"1$de$x"}, []string{"1", "1$$x"}},
		"preferredDeliveryMethod":  {[]string{"mhs $ telephone", "any"}, []string{"x", ""}},
		"entryUUID":                {[]string{"597ae2f6-16a6-1027-98f4-d28b5365dc14", "597AE2F6-16A6-1027-98F4-D28B5365DC14"}, []string{"x", "597ae2f616a6102798f4d28b5365dc14", ""}},
		"entryCSN":                 {[]string{"20261123103532.567289Z#000000#000#000000"}, []string{"x", "20261123103532.567289Z"}},
		"userPassword":             {[]string{"", "\x00\xff"}, nil},
		"jpegPhoto":                {[]string{"", "\xff\xd8"}, nil},
		"colour":                   {nil, []string{"red", ""}},
	} {
		t.Run(attr, func(t *testing.T) {
			for _, v := range c.good {
				if err := Standard().Valid(attr, v); err != nil {
					t.Errorf("%q: %v", v, err)
				}
			}
			for _, v := range c.bad {
				if Standard().Valid(attr, v) == nil {
					t.Errorf("%q is taken", v)
				}
			}
		})
	}
}

// TestAssertable: whether a test can be evaluated is for the equality rule to say, not for the attribute's syntax.
func TestAssertable(t *testing.T) {
	for sentence, c := range map[string]struct {
		attr, value string
		want        bool
	}{
		"no country is called that, which is an answer":   {"c", "Germany", true},
		"no serial number has a letter like that, either": {"serialNumber", "a_b", true},
		"what is no telephone number cannot be compared":  {"telephoneNumber", "@", false},
		"nor what is no mail address":                     {"mail", "é", false},
		"nor what is no name":                             {"manager", "garbage", false},
		"nor nothing":                                     {"cn", "", false},
		"no mail address may be empty and yet be asked":   {"mail", "", true},
		"a photo cannot be compared":                      {"jpegPhoto", "x", false},
		"nor a type that does not exist":                  {"colour", "red", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := Standard().Assertable(c.attr, c.value) == nil; got != c.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for text, want := range map[string]time.Time{
		"20200102030405Z":          at("2020-01-02T03:04:05Z"),
		"20200102030405.25Z":       at("2020-01-02T03:04:05.25Z"),
		"20200102030405,123456789": {},
		"202001020304.5Z":          at("2020-01-02T03:04:30Z"),
		"2020010203.5Z":            at("2020-01-02T03:30:00Z"),
		"2020010203Z":              at("2020-01-02T03:00:00Z"),
		"20200102030405+0130":      at("2020-01-02T01:34:05Z"),
		"20200102030405-01":        at("2020-01-02T04:04:05Z"),
		"000001010000Z":            at("0000-01-01T00:00:00Z"),
	} {
		got, err := ParseTime(text)
		if want.IsZero() && text != "000001010000Z" {
			if err == nil {
				t.Errorf("%s is taken", text)
			}
			continue
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, want %s (%v)", text, got, want, err)
		}
	}
}

// TestEqualValues holds the normal forms to what slapd answers to a compare.
func TestEqualValues(t *testing.T) {
	for sentence, c := range map[string]struct {
		rule, a, b string
		same       bool
	}{
		"case":                                   {"caseIgnoreMatch", "Σ É", "σ é", true},
		"case where it counts":                   {"caseExactMatch", "A", "a", false},
		"blanks":                                 {"caseIgnoreMatch", " a  b ", "A B", true},
		"blanks where case counts":               {"caseExactMatch", " A  b ", "A b", true},
		"nothing but blanks":                     {"caseIgnoreMatch", " ", "   ", true},
		"a tabulator is no blank":                {"caseIgnoreMatch", "a\tb", "a b", false},
		"a hard blank is one":                    {"caseIgnoreMatch", "a\u00a0b", "a b", true},
		"ss is not ß":                            {"caseIgnoreMatch", "STRASSE", "straße", false},
		"a final sigma is another letter":        {"caseIgnoreMatch", "Σ", "ς", false},
		"compatible letters":                     {"caseIgnoreMatch", "ﬁ①ａ", "fi1a", true},
		"composed and not":                       {"caseIgnoreMatch", "e\u0301", "É", true},
		"IA5 without case":                       {"caseIgnoreIA5Match", "A@B", " a@b ", true},
		"IA5 of blanks is nothing":               {"caseIgnoreIA5Match", " ", "", true},
		"telephone numbers":                      {"telephoneNumberMatch", "+1 2-3", "+123", true},
		"letters in telephone numbers":           {"telephoneNumberMatch", "aB", "ab", false},
		"numeric strings":                        {"numericStringMatch", "1 2", "12", true},
		"lines of an address":                    {"caseIgnoreListMatch", "a $ B", "A$b", true},
		"a line that is empty and one of blanks": {"caseIgnoreListMatch", "a$", "a$ ", false},
		"names":                                  {"distinguishedNameMatch", "CN=A, ou=b", "cn=a,OU=B", true},
		"names with identifiers":                 {"uniqueMemberMatch", "cn=a#'01'B", "cn=A#'01'B", true},
		"a name without is another":              {"uniqueMemberMatch", "cn=a#'01'B", "cn=a", false},
		"instants":                               {"generalizedTimeMatch", "20200101000000Z", "20200101010000.0+0100", true},
		"classes by name and OID":                {"objectIdentifierMatch", "INETORGPERSON", "2.16.840.1.113730.3.2.2", true},
		"attributes by name and OID":             {"objectIdentifierMatch", "commonName", "2.5.4.3", true},
		"identifiers":                            {"UUIDMatch", "597AE2F6-16A6-1027-98F4-D28B5365DC14", "597ae2f6-16a6-1027-98f4-d28b5365dc14", true},
		"bytes":                                  {"octetStringMatch", "a", "A", false},
		"a rule by its OID":                      {"2.5.13.2", "A", "a", true},
	} {
		t.Run(sentence, func(t *testing.T) {
			a, err := Standard().Normalize(c.rule, c.a)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Standard().Normalize(c.rule, c.b)
			if err != nil {
				t.Fatal(err)
			}
			if (a == b) != c.same {
				t.Errorf("%q and %q", a, b)
			}
		})
	}
	if _, err := Standard().Normalize("caseSillyMatch", "a"); err == nil {
		t.Error("a rule that does not exist compares")
	}
}

func TestCompare(t *testing.T) {
	for sentence, c := range map[string]struct {
		rule, less, more string
	}{
		"numbers by size":       {"integerOrderingMatch", "9", "10"},
		"negative numbers":      {"integerOrderingMatch", "-10", "-9"},
		"numbers of any length": {"integerOrderingMatch", "9223372036854775807", "9223372036854775808"},
		"instants in any zone":  {"generalizedTimeOrderingMatch", "20200101010000+0200", "20200101000000Z"},
		"fractions":             {"generalizedTimeOrderingMatch", "20200101000000Z", "20200101000000.5Z"},
		"text without case":     {"caseIgnoreOrderingMatch", "abc", "ABD"},
		"change numbers":        {"CSNOrderingMatch", "20200101000000.000000Z#000000#000#000000", "20200101000000.000001Z#000000#000#000000"},
	} {
		t.Run(sentence, func(t *testing.T) {
			less, _ := Standard().Normalize(c.rule, c.less)
			more, _ := Standard().Normalize(c.rule, c.more)
			if Standard().Compare(c.rule, less, more) >= 0 || Standard().Compare(c.rule, more, less) <= 0 || Standard().Compare(c.rule, less, less) != 0 {
				t.Errorf("%q and %q", less, more)
			}
		})
	}
}

func TestNormalizePart(t *testing.T) {
	for sentence, c := range map[string]struct {
		rule string
		part Part
		text string
		want string
	}{
		"blanks at the beginning go":             {"caseIgnoreSubstringsMatch", Initial, "  A  b ", "a b "},
		"blanks at the end go":                   {"caseIgnoreSubstringsMatch", Final, " A  b ", " a b"},
		"blanks in the middle are one":           {"caseIgnoreSubstringsMatch", Any, "  b  ", " b "},
		"blanks alone at the beginning stay one": {"caseIgnoreSubstringsMatch", Initial, "  ", " "},
		"blanks alone at the end are nothing":    {"caseIgnoreSubstringsMatch", Final, "  ", ""},
		"case where it counts":                   {"caseExactSubstringsMatch", Any, "Ab", "Ab"},
		"hyphens of a telephone number go":       {"telephoneNumberSubstringsMatch", Any, "0-1 2", "012"},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := Standard().NormalizePart(c.rule, c.part, c.text)
			if err != nil || got != c.want {
				t.Errorf("%q, want %q (%v)", got, c.want, err)
			}
		})
	}
	for _, rule := range []string{"integerMatch", "distinguishedNameMatch", "caseSillyMatch"} {
		if _, err := Standard().NormalizePart(rule, Any, "1"); err == nil {
			t.Errorf("%s looks at parts", rule)
		}
	}
	if _, err := Standard().NormalizePart("telephoneNumberSubstringsMatch", Any, "@"); err == nil {
		t.Error("a piece that no telephone number has")
	}
}

// TestNormalFormsAreNormal: normalising twice is normalising once, and what was valid stays comparable.
func TestNormalFormsAreNormal(t *testing.T) {
	rules := rapid.SampledFrom([]string{"caseIgnoreMatch", "caseExactMatch", "caseIgnoreListMatch", "numericStringMatch", "UUIDMatch"})
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune(" aAéÉ$1-ſK\u0301"))))
	rapid.Check(t, func(t *rapid.T) {
		rule, value := rules.Draw(t, "rule"), text.Draw(t, "value")
		once, err := Standard().Normalize(rule, value)
		if err != nil {
			return
		}
		twice, err := Standard().Normalize(rule, once)
		if err != nil || once != twice {
			t.Fatalf("%q, then %q (%v)", once, twice, err)
		}
	})
}
