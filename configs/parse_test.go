package configs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTextCountsAsItWasWritten(t *testing.T) {
	for written, want := range map[string]string{
		"00123": "00123", "TRUE": "TRUE", "2020-01-01": "2020-01-01", "1e3": "1e3", "0x1F": "0x1F", "yes": "yes", "NULL": "NULL", "Null": "Null",
		`"~"`: "~", `"null"`: "null", `""`: "", "''": "", "1_000": "1_000", ".inf": ".inf", "(objectClass=*)": "(objectClass=*)", "12:30:45": "12:30:45",
		`"a\tb"`: "a\tb", `'it''s'`: "it's", "a #b": "a", "a#b": "a#b", "|\n    a\n    b": "a\nb\n", ">-\n    a\n    b": "a b",
	} {
		n := parse(t, "key: "+written+"\n").Get("key")
		if n.Kind() != Scalar || n.Text() != want {
			t.Errorf("%s is %v %q, expected %q", written, n.Kind(), n.Text(), want)
		}
	}
}

func TestNullIsOnlyWhatIsWrittenAsNull(t *testing.T) {
	for _, written := range []string{"null", "~", "", "# a comment"} {
		if n := parse(t, "key: "+written+"\nother: x\n").Get("key"); n.Kind() != Null || n.Text() != "" {
			t.Errorf("%q is %v %q", written, n.Kind(), n.Text())
		}
	}
	if n := parse(t, "{key: null, other: ~}"); n.Get("key").Kind() != Null || n.Get("other").Kind() != Null {
		t.Error("null between braces is not null")
	}
}

// The sentences are in testdata/bad; here is what must not be a fault, and what is hard to put into a file.
func TestWhatParses(t *testing.T) {
	for sentence, text := range map[string]string{
		"a byte order mark is nothing":           "\ufeffa: b",
		"parentheses in a password":              "password: abc)d(",
		"balanced parentheses between braces":    "{active: pwdAccountLockedTime | locked, groups: [memberOf | ref(Group), reverse(Group.members)]}",
		"a quoted pipeline with a comma":         `{userType: "employeeType | enum(E=Employee, C=Contractor)"}`,
		"a comma in block style":                 "userType: employeeType | enum(E=Employee, C=Contractor)",
		"an empty text between braces":           `{version: ""}`,
		"a dollar sign":                          "price: $5, US$",
		"the same key in two maps":               "a: {k: 1}\nb: {k: 2}",
		"a comment behind balanced parentheses":  "a: f(x) # why",
		"carriage returns":                       "a: 1\r\nb: 2\r\n",
		"parentheses in a comment's neighbour":   "a: 'f(' # why",
		"keys that look like numbers or bools":   "1: a\ntrue: b\n",
		"a key in quotes":                        "\"*\": document",
		"a key with brackets and an equals sign": "emails[type=work].value: mail",
	} {
		t.Run(sentence, func(t *testing.T) {
			if parse(t, text).Kind() != Map {
				t.Error("is not a map")
			}
		})
	}
}

func TestALoneExclamationMarkIsATagToo(t *testing.T) {
	for _, text := range []string{"a: ! x", "ä: {ö: ! x}", "\ufeffa: ! x", "- ! x", "a:\n  b: 1\n  c: ! y\n"} {
		if _, faults := ParseNode("x.yaml", []byte(text)); len(faults) != 1 || !strings.Contains(faults[0].Message, "is a tag") {
			t.Errorf("%q: %v", text, faults)
		}
	}
	for _, text := range []string{"a: '! x'", "a: x!", "a: \"!\"", "!a: b # no", "a: |\n  ! x\n"} {
		_, faults := ParseNode("x.yaml", []byte(text))
		if tagged := len(faults) > 0; tagged != strings.HasPrefix(text, "!") {
			t.Errorf("%q: %v", text, faults)
		}
	}
}

func TestDocumentsAreSeparatedAndEmptyOnesLeftOut(t *testing.T) {
	docs, faults := ParseDocuments("m.yaml", []byte("---\nmapping: User\n---\n# nothing\n---\nmapping: Group\n..."))
	if len(faults) > 0 || len(docs) != 2 || docs[1].Get("mapping").Text() != "Group" {
		t.Fatalf("%d documents, %v", len(docs), faults)
	}
	if _, line, _ := docs[1].Get("mapping").Position(); line != 6 {
		t.Errorf("the second document begins on line %d", line)
	}
	for _, nothing := range []string{"", "\n", "# only a comment\n", "---\n---\n", "~"} {
		if n, faults := ParseNode("m.yaml", []byte(nothing)); n.Kind() != Missing || len(faults) > 0 {
			t.Errorf("%q is %v with %v", nothing, n.Kind(), faults)
		}
	}
}

func TestWhatIsTooMuchIsRefusedQuickly(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'z'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 8) + "]\n"
	}
	for sentence, c := range map[string]struct{ text, want string }{
		"aliases of aliases":     {bomb, "aliases are not used here"},
		"a deep flow list":       {strings.Repeat("[", 100_000), "too deep"},
		"a deep list that ends":  {strings.Repeat("[", 500) + strings.Repeat("]", 500), "more than 64 deep"},
		"a deep block list":      {strings.Repeat("- ", 500) + "x", "more than 64 deep"},
		"a large file":           {strings.Repeat("#", maxFile+1), "larger than"},
		"a control character":    {"a: \x01", "no text has"},
		"a byte that is no text": {"a: \xff", "no text has"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, faults := ParseDocuments("x.yaml", []byte(c.text))
			if len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
				t.Errorf("faults are %.200v", faults)
			}
		})
	}
}

func TestASyntaxErrorIsFoundOnItsLine(t *testing.T) {
	many := ""
	for i := range 40 {
		many += fmt.Sprintf("key%d: value\n", i)
	}
	for sentence, c := range map[string]struct {
		broken string
		line   int
	}{
		"a colon in a value":    {"title: a: b\n", 41},
		"a wrong indentation":   {"title:\n    a: b\n  c: d\n", 43},
		"an alias to nothing":   {"title: x\nother: *gone\n", 42},
		"a quote left open":     {"title: \"x\nother: y\n", 41},
		"a tab":                 {"title:\n\tx: y\n", 42},
		"a bracket left open":   {"title: [a, b\nother: c\n", 41},
		"an unknown escape":     {"title: x\nother: \"\\d\"\n", 42},
		"a list where keys are": {"- x\n", 41},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, faults := ParseNode("x.yaml", []byte(many+c.broken+many))
			if len(faults) != 1 || faults[0].Line != c.line {
				t.Errorf("%v, expected line %d", faults, c.line)
			}
		})
	}
}

// tree is any nesting of maps, lists and texts, and what render makes of it.
func tree(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 2).Draw(t, "kind")
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, "items") {
			list = append(list, tree(t, depth-1))
		}
		return list
	case 2:
		m := map[string]any{}
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			m[rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "key")] = tree(t, depth-1)
		}
		return m
	}
	return rapid.StringMatching(`[ -~äß漢]{0,12}`).Draw(t, "text")
}

// write is a tree as YAML in flow style, texts between single quotes.
func write(b *strings.Builder, tree any) {
	switch v := tree.(type) {
	case string:
		b.WriteString("'" + strings.NewReplacer("'", "''", "${", "$${").Replace(v) + "'")
	case []any:
		b.WriteString("[")
		for _, item := range v {
			write(b, item)
			b.WriteString(", ")
		}
		b.WriteString("]")
	case map[string]any:
		b.WriteString("{")
		for key, value := range v {
			b.WriteString(key + ": ")
			write(b, value)
			b.WriteString(", ")
		}
		b.WriteString("}")
	}
}

func TestWhatIsWrittenIsWhatIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{"root": tree(t, 4)}
		var b strings.Builder
		write(&b, want)
		n, faults := ParseNode("x.yaml", []byte(b.String()))
		if len(faults) > 0 {
			t.Fatalf("%s: %v", b.String(), faults)
		}
		if diff := cmp.Diff(want, render(n)); diff != "" {
			t.Fatalf("%s:\n%s", b.String(), diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: [b, {c: d}]\n---\ne: 'f'", "a: &x y\nb: *x", "? [a]\n: b", "${A}: ${file:/dev/zero}", "\xff\xfea\x00", "a: |\n  b", "<<: {a: b}", "[[[[", "a: \"\\x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, faults := ParseDocuments("fuzz.yaml", text)
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		for _, fault := range faults {
			if fault.Message == "" || fault.Remedy == "" || fault.Line < 0 || fault.Line > lines+1 {
				t.Errorf("a fault without a sentence or place: %#v", fault)
			}
		}
		for _, doc := range docs {
			var into struct {
				A []string          `config:"a"`
				B map[string]Node   `config:"b"`
				C *struct{ D Size } `config:"c"`
			}
			_ = doc.Decode(&into) // it must not panic
			if got, want := render(Merge(doc, Node{})), render(doc); !cmp.Equal(got, want) {
				t.Error("laying nothing over a document changes it")
			}
		}
	})
}
