package mapping

import (
	"fmt"
	"strings"
	"testing"
)

func TestPipelinesAreReadWordByWord(t *testing.T) {
	for text, want := range map[string]string{
		"uid":                                  "[{uid []}]",
		"cn;lang-de":                           "[{cn;lang-de []}]",
		"profile.firstName | fold":             "[{profile.firstName []} {fold []}]",
		"uid|lower|prefix( x )":                "[{uid []} {lower []} {prefix [x]}]",
		`mail | suffix(@example.org)`:          "[{mail []} {suffix [@example.org]}]",
		"employeeType | enum(E=Employee, C=x)": "[{employeeType []} {enum [E=Employee C=x]}]",
		`c | enum("a b"="c, \"d\"", e="")`:     `[{c []} {enum [a b=c, "d" e=]}]`,
		`cn | split(" ", 1)`:                   "[{cn []} {split [  1]}]",
		"x | f()":                              "[{x []} {f []}]",
		`x | f("")`:                            "[{x []} {f []}]",
		`"Order \"By\"" | lower`:               `[{Order "By" [] true} {lower []}]`,
		`"document"`:                           "[{document [] true}]",
	} {
		calls, err := pipelineCalls(text)
		if err != nil || strings.ReplaceAll(fmt.Sprint(calls), " false}", "}") != want {
			t.Errorf("%s: %v %v, not %s", text, calls, err, want)
		}
	}
}

func TestBrokenPipelinesSayWhatToWrite(t *testing.T) {
	for text, says := range map[string]string{
		"":             "a name is missing before the end",
		"cn |":         "a name is missing before the end",
		"| cn":         `a name is missing before "|"`,
		"cn | f(a":     "never closed",
		"cn | f(a))":   "without its opening bracket",
		"cn | f(a,,b)": "f has an empty argument",
		"cn | f(a,)":   "f has an empty argument",
		"cn | f(a|b)":  `"|" stands inside the brackets of f`,
		`cn | f("a`:    "never closed",
		`cn | f("\q")`: "is not a quoted string",
		"cn | f[0]":    "'[' cannot stand in a pipeline",
		"cn & sn":      "'&' cannot stand in a pipeline",
		"Order By":     `"By" follows "Order" without a | between them`,
		`""`:           `a name is missing before ""`,
		`"a"(b)`:       `"(" follows "a" without a | between them`,
		`a | "b"`:      `a name is missing before "b"`,
	} {
		_, err := pipelineCalls(text)
		if err == nil || !strings.Contains(err.message, says) || err.remedy == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzPipeline(f *testing.F) {
	for _, s := range []string{"uid", "a | b(c, \"d\")", "a | b(", "\"", "a|b(c=\"d\"=e)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		calls, err := pipelineCalls(s)
		if (err == nil) == (len(calls) == 0) {
			t.Errorf("%q: %v, %v", s, calls, err)
		}
	})
}

func TestPathsAreTakenApart(t *testing.T) {
	for text, want := range map[string]rawPath{
		"userName":                        {attr: "userName"},
		"name.givenName":                  {attr: "name", sub: "givenName"},
		"emails[type=work]":               {attr: "emails", choose: selector{"type", "work"}},
		`emails[ type = "work" ].display`: {attr: "emails", choose: selector{"type", "work"}, sub: "display"},
		"enterprise:manager":              {prefix: "enterprise", attr: "manager"},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": {prefix: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", attr: "manager", sub: "value"},
		"a:b[type=x:y].c": {prefix: "a", attr: "b", choose: selector{"type", "x:y"}, sub: "c"},
		"members.$ref":    {attr: "members", sub: "$ref"},
	} {
		if got, err := splitPath(text); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a.", ".a", "a.b.c", "a[", "a[]", "a[type]", "a[type=]", "a[type=x]b", "1a", "a b", "a[type=x].", "a:", "enterprise:"} {
		if got, err := splitPath(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a.b", "a[type=x].b", "urn:a:b:c[d=e]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := splitPath(s); err == nil && !attrName(p.attr) {
			t.Errorf("%q: %+v", s, p)
		}
	})
}

func TestTemplatesKnowWhatASlotNames(t *testing.T) {
	for text, want := range map[string]string{
		"uid={userName},ou=people":      "uid= {userName uid} ,ou=people",
		"cn={a}+uid={b},ou={c}":         "cn= {a cn} +uid= {b uid} ,ou= {c ou}",
		"/home/{userName}":              "/home/ {userName }",
		"{a}{b}":                        "{a } {b }",
		"cn={emails[type=work].value},": "cn= {emails[type=work].value cn} ,",
	} {
		parts, err := parseTemplate(text)
		var out []string
		for _, p := range parts {
			if p.slot == "" {
				out = append(out, p.text)
			} else {
				out = append(out, "{"+p.slot+" "+p.native+"}")
			}
		}
		if got := strings.Join(out, " "); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"{", "}", "a{}", "a{b", "a}b{c}"} {
		if _, err := parseTemplate(text); err == nil {
			t.Errorf("%s is no template", text)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("uid={userName},ou=people")
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := parseTemplate(s)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, p := range parts {
			if p.slot != "" {
				b.WriteString("{" + p.slot + "}")
			} else {
				b.WriteString(p.text)
			}
		}
		if strings.Join(strings.Fields(b.String()), "") != strings.Join(strings.Fields(s), "") {
			t.Errorf("%q became %q", s, b.String())
		}
	})
}
