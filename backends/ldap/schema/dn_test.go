package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseDN(t *testing.T) {
	for sentence, c := range map[string]struct {
		text string
		want DN // nil: it is none
	}{
		"the empty DN":                       {"", DN{}},
		"two RDNs":                           {"uid=ann,dc=x", DN{{{"uid", "ann"}}, {{"dc", "x"}}}},
		"an RDN of two":                      {"cn=a+sn=b,dc=x", DN{{{"cn", "a"}, {"sn", "b"}}, {{"dc", "x"}}}},
		"an OID for a type":                  {"2.5.4.3=a", DN{{{"2.5.4.3", "a"}}}},
		"blanks around separators":           {" cn = a , dc = x ", DN{{{"cn", "a"}}, {{"dc", "x"}}}},
		"semicolons":                         {"cn=a;dc=x", DN{{{"cn", "a"}}, {{"dc", "x"}}}},
		"quotes":                             {`cn="a, b" ,dc=x`, DN{{{"cn", "a, b"}}, {{"dc", "x"}}}},
		"specials behind backslashes":        {`cn=\ \#\,\+\"\\\<\;\>\=\ `, DN{{{"cn", ` #,+"\<;>= `}}}},
		"bytes in hexadecimal":               {`cn=\c3\A9\00`, DN{{{"cn", "é\x00"}}}},
		"an equals sign needs none":          {"cn=a=b", DN{{{"cn", "a=b"}}}},
		"a number sign inside":               {"cn=a#b", DN{{{"cn", "a#b"}}}},
		"a value in BER":                     {"cn=#0C026869,dc=x", DN{{{"cn", "hi"}}, {{"dc", "x"}}}},
		"blanks inside stay":                 {"cn=a  b", DN{{{"cn", "a  b"}}}},
		"an escaped blank at the end stays":  {`cn=a\  `, DN{{{"cn", "a "}}}},
		"no equals sign":                     {"garbage", nil},
		"no type":                            {"=a", nil},
		"a type of strange letters":          {"c_n=a", nil},
		"an OID that is none":                {"1.02=a", nil},
		"no value":                           {"cn=", nil},
		"a comma at the end":                 {"cn=a,", nil},
		"a comma at the beginning":           {",cn=a", nil},
		"two commas":                         {"cn=a,,dc=x", nil},
		"a quote inside":                     {`cn=a"b`, nil},
		"a quote left open":                  {`cn="a`, nil},
		"text behind a quote":                {`cn="a"b`, nil},
		"angle brackets":                     {"cn=<a>", nil},
		"a backslash before nothing":         {`cn=a\`, nil},
		"a backslash before half a byte":     {`cn=a\0`, nil},
		"a backslash before what needs none": {`cn=\zz`, nil},
		"not UTF-8":                          {"cn=\xff", nil},
		"not UTF-8, in hexadecimal":          {`cn=\ff`, nil},
		"BER that is too short":              {"cn=#0C05", nil},
		"BER that is no hexadecimal":         {"cn=#xyz", nil},
		"a NUL that is not escaped":          {"cn=a\x00", nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := ParseDN(c.text)
			if (err == nil) != (c.want != nil) {
				t.Fatalf("%v, %v", got, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEscapeRDNValue(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "x,uid=admin": `x\,uid\=admin`, " a ": `\ a\ `, " ": `\ `, "#1": `\#1`, "a#1": "a#1", "a\x00b": `a\00b`, `a\b`: `a\\b`,
		`"+;<>`: `\"\+\;\<\>`, "é": "é", "": "", "  ": `\ \ `, "*)(uid=*": `*)(uid\=*`, "a  b": "a  b",
	} {
		if got := EscapeRDNValue(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

// TestDNsMeanThemselves: whatever a value is, the DN that is built from it has that value, and no other parts than were put in.
func TestDNsMeanThemselves(t *testing.T) {
	nasty := rapid.StringOfN(rapid.RuneFrom([]rune(" ,+\"\\<>;=#ab\x00é\n")), 1, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(nasty, rapid.StringN(1, 10, -1)).Draw(t, "value")
		in := DN{{{"uid", value}, {"cn", nasty.Draw(t, "other")}}, {{"dc", "x"}}}
		out, err := ParseDN(in.String())
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatalf("%s: %s", in, diff)
		}
		if Standard().NormalizeDN(in) != Standard().NormalizeDN(out) {
			t.Fatal("it is not equal to itself")
		}
	})
}

func TestNormalizeDN(t *testing.T) {
	for sentence, c := range map[string]struct {
		a, b string
		same bool
	}{
		"types and values without case":               {"cn=A,ou=b", "CN=a, OU=B", true},
		"other names of a type":                       {"commonName=a", "2.5.4.3=a", true},
		"inner blanks are one":                        {"cn=a  b", `cn=\20a b`, true},
		"parts of an RDN in any order":                {"cn=a+sn=b", "sn=B+cn=A", true},
		"letters beyond ASCII":                        {`cn=\c3\a9`, "cn=É", true},
		"quotes and backslashes":                      {`cn="a,b"`, `cn=A\,B`, true},
		"a type whose values count by case":           {"labeledURI=A", "labeledURI=a", false},
		"a type nobody knows is compared without":     {"colour=Red", "COLOUR=red", true},
		"a comma inside is no comma between":          {`cn=a\,dc=x`, "cn=a,dc=x", false},
		"nor is a plus":                               {`cn=a\+sn=b`, "cn=a+sn=b", false},
		"a backslash and hexadecimal are not a comma": {`cn=a\\2cb`, `cn=a\,b`, false},
		"other values":                                {"cn=a", "cn=b", false},
		"more parts":                                  {"cn=a,dc=x", "cn=a", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			normal := func(text string) string {
				dn, err := ParseDN(text)
				if err != nil {
					t.Fatal(err)
				}
				return Standard().NormalizeDN(dn)
			}
			if same := normal(c.a) == normal(c.b); same != c.same {
				t.Errorf("%s and %s", normal(c.a), normal(c.b))
			}
		})
	}
}

func TestParent(t *testing.T) {
	dn := DN{{{"uid", "ann"}}, {{"dc", "x"}}}
	if got := dn.Parent().String(); got != "dc=x" {
		t.Error(got)
	}
	if got := dn.Parent().Parent().Parent(); len(got) != 0 {
		t.Error(got)
	}
}

func FuzzParseDN(f *testing.F) {
	for _, text := range []string{"cn=a,dc=x", `cn=\,+sn="b" ; c=d`, "cn=#0401"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dn, err := ParseDN(text)
		if err != nil {
			return
		}
		again, err := ParseDN(dn.String())
		if err != nil || !cmp.Equal(dn, again) {
			t.Errorf("%q became %q: %v", text, dn, err)
		}
	})
}
