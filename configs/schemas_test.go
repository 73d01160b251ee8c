package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJSONIsReadAsItIsWrittenWithItsPlaces(t *testing.T) {
	text, err := os.ReadFile("testdata/files/schemas/devices.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, faults := ParseJSON("devices.json", append([]byte("\ufeff"), text...))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if got := doc.Get("name").Text(); got != "Dévice ${HOME}" {
		t.Errorf("a text is %q: escapes are read, and nothing is expanded", got)
	}
	attributes := doc.Get("attributes").Items()
	if len(attributes) != 2 || attributes[0].Get("required").Text() != "true" || attributes[0].Get("size").Text() != "1.50" ||
		attributes[0].Get("nothing").Kind() != Null || attributes[1].Get("name").Path() != "attributes[1].name" {
		t.Errorf("attributes are %v", render(doc))
	}
	for path, want := range map[string][2]int{"": {1, 1}, "attributes": {5, 16}, "attributes[0].size": {6, 53}, "attributes[1]": {7, 3}, "meta.resourceType": {9, 27}} {
		n := doc
		if path != "" {
			n = doc.find(path)
		}
		if file, line, col := n.Position(); file != "devices.json" || [2]int{line, col} != want || n.Path() != path {
			t.Errorf("%q stands at %s:%d:%d, want %v", path, file, line, col, want)
		}
	}
	for key := range attributes[1].Pairs() {
		if _, line, col := key.Position(); line != 7 || col != 4 {
			t.Errorf("the key stands at %d:%d", line, col)
		}
	}
}

func TestNothingIsNoNode(t *testing.T) {
	if doc, faults := ParseJSON("x.json", []byte(" \n\t")); doc.Kind() != Missing || len(faults) > 0 {
		t.Errorf("%v %v", doc, faults)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, "x", null, {"b": true}]}`, "[\t", `{"a":}`, `"\ud800"`, strings.Repeat("[", 100)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, faults := ParseJSON("f.json", text)
		for _, fault := range faults {
			if doc.Kind() != Missing || fault.Line < 1 || fault.Column < 1 || fault.Remedy == "" {
				t.Errorf("%v with %v", fault, doc)
			}
		}
	})
}

// All ways in which schemas come into a configuration.
func TestSchemasComeFromTheFileAndFromOthers(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("scim.yaml", `
schemas:
  - {id: "urn:a:inline", attributes: []}
  - file: s/*.json
  - file: two.yaml
resource_types: [{name: Device}]
clients: {ci: {tokens: [t]}}
backends: {corp: {kind: ldap}}
mappings: [{mapping: User}]
`)
	if err := os.Mkdir(filepath.Join(dir, "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("s/1.json", "{\t\"id\": \"urn:a:one\"}")
	write("s/2.json", `[{"id": "urn:a:two"}, {"id": "urn:a:three"}]`)
	write("s/3.JSON", `{`)
	write("s/4.json", `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
		"Resources": [{"id": "urn:a:four"}]}`)
	write("two.yaml", "id: urn:a:five\n---\nid: urn:a:six\n")
	c, faults := Load(filepath.Join(dir, "scim.yaml"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var ids []string
	for _, s := range c.Schemas {
		ids = append(ids, strings.TrimPrefix(s.Get("id").Text(), "urn:a:"))
	}
	if got := strings.Join(ids, " "); got != "inline one two three four five six" {
		t.Errorf("schemas are %s", got)
	}
	if len(c.ResourceTypes) != 1 || c.ResourceTypes[0].Get("name").Text() != "Device" {
		t.Errorf("resource types are %v", c.ResourceTypes)
	}
	if file, line, _ := c.Schemas[4].Get("id").Position(); filepath.Base(file) != "4.json" || line != 2 {
		t.Errorf("a schema of a ListResponse stands at %s:%d", file, line)
	}
}
