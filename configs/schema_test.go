package configs

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	orderedmap "github.com/pb33f/ordered-map/v2"
)

// outside lets an editor accept ${…} where a number or a boolean stands.
func outside(kind string) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: kind}, {Type: "string", Pattern: `\$\{.*\}`}}}
}

func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case durationType:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number"}, {Type: "string", Pattern: `^[0-9.a-zµ]+$|\$\{.*\}`}}}
	case sizeType:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string", Pattern: `^[0-9]+ ?([kKmMgG][iI]?)?[bB]?$|\$\{.*\}`}}}
	case secretType, prefixType:
		return &jsonschema.Schema{Type: "string"}
	case nodeType:
		return &jsonschema.Schema{Ref: "#/$defs/mapping"}
	}
	switch t.Kind() {
	case reflect.Int:
		return outside("integer")
	case reflect.Float64:
		return outside("number")
	case reflect.Bool:
		return outside("boolean")
	default:
		return nil // the reflector's own
	}
}

// generate makes the schema of the whole file.
func generate(t *testing.T) []byte {
	t.Helper()
	all := rows(t)
	reflector := jsonschema.Reflector{FieldNameTag: "config", DoNotReference: true, Anonymous: true, RequiredFromJSONSchemaTags: true, Mapper: schemaOf}
	root := reflector.Reflect(&Config{})
	root.Properties.Delete("Root") // it is the file itself
	root.Title = "scim-adapter"
	list := &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Ref: "#/$defs/mapping"},
		{Type: "object", Properties: properties("file", &jsonschema.Schema{Type: "string"}), AdditionalProperties: jsonschema.FalseSchema},
	}}}
	root.Properties.Set("mappings", list)
	root.Properties.Set("schemas", schemasSchema())
	root.Properties.Set("resource_types", resourceTypesSchema())
	root.Properties.Set("backends", &jsonschema.Schema{Type: "object", AdditionalProperties: backendSchema(all)})
	for _, r := range all {
		if s := at(root, r.key); s != nil {
			s.Description = plainText(r.meaning)
			if r.standard != "" {
				s.Default = jsonValue(r.standard)
			}
		}
	}
	root.Definitions = jsonschema.Definitions{"mapping": mappingSchema()}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// backendSchema is made from the reference: the structs belong to the kinds of backend.
func backendSchema(all []row) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"kind"}, AdditionalProperties: jsonschema.FalseSchema}
	for _, r := range all {
		key, ok := strings.CutPrefix(r.key, "backends.<name>.")
		if !ok {
			continue
		}
		value := &jsonschema.Schema{Type: "string"}
		switch r.kind {
		case "number":
			value = outside("integer")
		case "boolean":
			value = outside("boolean")
		case "duration":
			value = schemaOf(durationType)
		}
		s.Properties.Set(key, value)
	}
	return s
}

func properties(key string, s *jsonschema.Schema) *orderedmap.OrderedMap[string, *jsonschema.Schema] {
	p := jsonschema.NewProperties()
	p.Set(key, s)
	return p
}

// at finds the schema of a key; <name> stands for any, and [] for each element of a list.
func at(s *jsonschema.Schema, key string) *jsonschema.Schema {
	for part := range strings.SplitSeq(strings.ReplaceAll(key, "[]", ".[]"), ".") {
		var next *jsonschema.Schema
		if part == "[]" {
			next = s.Items
		} else if part == "<name>" {
			next = s.AdditionalProperties
		} else if s.Properties != nil {
			next, _ = s.Properties.Get(part)
		}
		if next == nil {
			return nil
		}
		s = next
	}
	return s
}

func jsonValue(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return v
}

var markdown = regexp.MustCompile("`|\\[([^]]*)\\]\\([^)]*\\)")

func plainText(s string) string { return markdown.ReplaceAllString(s, "$1") }

func TestTheJSONSchemaIsWhatTheStructsAndTheReferenceMake(t *testing.T) {
	made := generate(t)
	if *update {
		if err := os.WriteFile("schema.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(made), string(committed)); diff != "" {
		t.Errorf("schema.json is not up to date; run make generate:\n%s", diff)
	}
	if !*update && !bytes.Equal(committed, JSONSchema()) {
		t.Error("JSONSchema gives something else than schema.json")
	}
}
