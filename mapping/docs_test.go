package mapping

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// documentedLenses are stand-ins with the names and types of the real lenses, taken from their own reference, which
// their package keeps true.
func documentedLenses(t *testing.T) []Spec {
	t.Helper()
	page := readDoc(t, "../docs/lenses.md")
	var specs []Spec
	for _, row := range regexp.MustCompile("(?m)^\\| \\[`(\\w+).*\\| (\\w+) \\| [^|]* \\|$").FindAllStringSubmatch(page, -1) {
		typ := scim.Type(row[2])
		if typ == "text" {
			typ = ""
		}
		name := row[1]
		specs = append(specs, Spec{Name: name, Type: typ, Ref: name == "ref", Part: name == "split", New: func([]string) (Lens, error) {
			return funcs{
				get: func(backends.Values) ([]any, error) { return nil, nil },
				put: func(backends.Values, []any) (backends.Values, error) { return nil, nil },
			}, nil
		}})
	}
	if len(specs) < 20 {
		t.Fatalf("docs/lenses.md lists %d lenses", len(specs))
	}
	return specs
}

func readDoc(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheMappingsOfTheReferenceCompile takes every mapping out of docs/mapping.md; each block stands beside the
// page's mapping of the other type, which its references need.
func TestTheMappingsOfTheReferenceCompile(t *testing.T) {
	page := readDoc(t, "../docs/mapping.md")
	specs := documentedLenses(t)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 5 {
		t.Fatalf("the page has %d mappings", len(blocks))
	}
	other := map[bool]string{true: userWith("", ""), false: groupYAML}
	for i, block := range blocks {
		group := strings.HasPrefix(block[1], "mapping: Group")
		var docs []configs.Node
		for _, text := range []string{block[1], other[group]} {
			doc, faults := configs.ParseNode("docs/mapping.md", []byte(text))
			if len(faults) > 0 {
				t.Fatalf("block %d: %v", i, faults)
			}
			docs = append(docs, doc)
		}
		if _, faults := Compile(docs, specs, nil, func(_ configs.Node, o backends.Open) (backends.Backend, error) {
			if o.At.Get("table").Text() != "" {
				return newPeople(), nil
			}
			return newDirectory(), nil
		}); len(faults) > 0 {
			t.Errorf("block %d of the page:\n%v", i, faults)
		}
	}
}

// TestTheReferenceNamesEveryKey holds the page against the keys that the compiler takes.
func TestTheReferenceNamesEveryKey(t *testing.T) {
	page := readDoc(t, "../docs/mapping.md")
	for _, key := range slices.Concat([]string{"mapping", "preset", "at", "rename", "delete", "schemas", "attributes", "tests", "scan"}, longKeys, rowKeys) {
		if !strings.Contains(page, "`"+key) && !strings.Contains(page, "{"+key+":") {
			t.Errorf("docs/mapping.md does not say what %s is", key)
		}
	}
}
