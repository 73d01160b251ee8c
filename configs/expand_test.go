package configs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

func TestReferencesStandForWhatIsOutside(t *testing.T) {
	dir := t.TempDir()
	for file, content := range map[string]string{"token": "s3cret\n", "windows": "s3cret\r\n", "lines": "a\nb\n\n", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"BASE": "dc=example,dc=org", "PORT": "8080", "EMPTY": "", "YAML": "x: {y: [z", "DOLLAR": "${BASE}", "HASH": "a # b", "NULL_WORD": "null", "QUOTE": `"`,
	} {
		t.Setenv(name, value)
	}
	t.Setenv("DIR", dir)
	for written, want := range map[string]string{
		"ou=people,${BASE}":           "ou=people,dc=example,dc=org",
		"${PORT}":                     "8080",
		`"${PORT}"`:                   "8080",
		"'${PORT}'":                   "8080",
		"${PORT}${PORT}":              "80808080",
		"${NOT_SET:-0.0.0.0:8080}":    "0.0.0.0:8080",
		"${EMPTY:-fallback}":          "fallback",
		"${EMPTY:-}":                  "",
		"${NOT_SET:-a:-b}":            "a:-b",
		"${PORT:-fallback}":           "8080",
		"${EMPTY}":                    "",
		"${YAML}":                     "x: {y: [z",
		"${DOLLAR}":                   "${BASE}", // never expanded twice
		"${HASH}":                     "a # b",
		"${NULL_WORD}":                "null",
		"${QUOTE}":                    `"`,
		"$${BASE}":                    "${BASE}",
		"$$${BASE}":                   "$${BASE}",
		"$BASE":                       "$BASE",
		"pa$$word$":                   "pa$$word$",
		`"{userName},${BASE}"`:        "{userName},dc=example,dc=org",
		"${file:" + dir + "/token}":   "s3cret",
		"${file:" + dir + "/windows}": "s3cret",
		"${file:" + dir + "/lines}":   "a\nb",
		"${file:" + dir + "/empty}":   "",
		"x${file:" + dir + "/token}y": "xs3crety",
		"|\n    ${PORT}\n    ${file:" + dir + "/token}": "8080\ns3cret\n",
	} {
		n := parse(t, "key: "+written+"\n").Get("key")
		if n.Kind() != Scalar || n.Text() != want {
			t.Errorf("%s stands for %v %q, expected %q", written, n.Kind(), n.Text(), want)
		}
	}
}

func TestAReferenceThatCannotBeFollowedIsAFault(t *testing.T) {
	dir := t.TempDir()
	pipe, long, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "long"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, []byte(strings.Repeat("x", maxReferenced+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(link, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATIN1", "caf\xe9")
	for reference, want := range map[string]string{
		"${NOT_SET}":                       "the environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}",
		"${}":                              "no reference",
		"${1A}":                            "no reference",
		"${A-b}":                           "no reference",
		"${A B}":                           "no reference",
		"${env:HOME}":                      "no reference",
		"${LATIN1}":                        "LATIN1 does not hold text",
		"${A":                              "never closed",
		"${A:-${B}}":                       "within another",
		"${file:}":                         "does not exist",
		"${file:" + dir + "/none}":         "does not exist",
		"${file:" + dir + "}":              "is a directory",
		"${file:" + pipe + "}":             "is not a regular file",
		"${file:" + long + "}":             "is larger than 65536 bytes",
		"${file:" + link + "}":             "cannot be read: too many levels of symbolic links",
		"${file:/dev/zero}":                "is not a regular file",
		"${file:" + dir + "/none/further}": "does not exist",
	} {
		n, faults := ParseNode("x.yaml", []byte("key: '"+reference+"'\n"))
		if len(faults) != 1 || !strings.Contains(faults.Error(), want) || faults[0].Path != "key" || faults[0].Column != 6 {
			t.Errorf("%s has the faults %v, expected one that says %q", reference, faults, want)
		}
		if n.Get("key").Text() != "" {
			t.Errorf("%s stands for %q", reference, n.Get("key").Text())
		}
	}
}

func TestNothingFromOutsideChangesTheShapeOfTheFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringMatching(`[ -~\n\t]{0,40}`).Draw(rt, "value")
		t.Setenv("ANYTHING", value)
		n, faults := ParseNode("x.yaml", []byte("before: a\nkey: ${ANYTHING}\nafter: {list: ['${ANYTHING}', \"${ANYTHING}\"]}\n"))
		if len(faults) > 0 {
			rt.Fatal(faults)
		}
		list := n.Get("after").Get("list").Items()
		if len(list) != 2 || n.Get("key").Text() != value || list[0].Text() != value || list[1].Text() != value {
			rt.Fatalf("%q became %v", value, render(n))
		}
	})
}
