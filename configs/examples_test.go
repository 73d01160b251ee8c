package configs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// surroundings are the environment that the examples take.
func surroundings(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"LDAP_URL": "ldap://localhost:389", "LDAP_BASE": "dc=example,dc=org", "LDAP_BIND_DN": "cn=admin,dc=example,dc=org", "LDAP_BIND_PASSWORD": "secret",
		"DATABASE_URL": "postgres://scim@localhost/scim_production", "HR_DATABASE_URL": "postgres://scim@localhost/hr",
		"TEAMS_DATABASE_URL": "postgres://scim@localhost/teams",
		"SCIM_LISTEN":        "127.0.0.1:18080", "SCIM_TOKEN": "t",
	} {
		t.Setenv(name, value)
	}
}

func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples are %v, %v", files, err)
	}
	return files
}

func TestTheExamplesLoad(t *testing.T) {
	surroundings(t)
	for _, file := range examples(t) {
		c, faults := Load(file)
		if len(faults) > 0 {
			t.Error(faults)
			continue
		}
		at := c.Mappings[0].Get("at")
		url := c.Backends[at.Get("backend").Text()].Get("url").Text()
		if c.Server.Address() != "127.0.0.1:18080" || c.Clients["provisioning"].Tokens[0].Reveal() != "t" || c.Journal.Path != "./scim-journal" || !strings.Contains(url, "localhost") {
			t.Errorf("%s does not take its environment: %+v", file, c)
		}
		if corp, ok := c.Backends["corp"]; ok && (corp.Get("bind_password").Text() != "secret" || at.Get("base").Text() != "ou=people,dc=example,dc=org") {
			t.Errorf("%s does not take its environment: %+v", file, c)
		}
	}
}

// variables are those that an example takes and has no default for: where the directory is, as whom, and the token.
func variables(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*\$\{([A-Z_]+)\}`).FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = true
	}
	names := slices.Sorted(maps.Keys(found))
	ldap := len(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, "LDAP_") }))
	if len(names) < 2 || !found["SCIM_TOKEN"] || found["LDAP_URL"] && ldap != 4 {
		t.Fatalf("%s takes %v", file, names)
	}
	return names
}

func TestAnExampleSaysWhichVariableIsMissing(t *testing.T) {
	surroundings(t)
	for _, file := range examples(t) {
		for _, name := range variables(t, file) {
			t.Run(file+" "+name, func(t *testing.T) {
				t.Setenv(name, "") // so that it is restored
				unset(t, name)
				_, faults := Load(file)
				for _, f := range faults {
					if !strings.Contains(f.Message, "the environment variable "+name+" is not set") {
						t.Errorf("beside it: %v", f)
					}
				}
				if len(faults) == 0 {
					t.Error("nothing is wrong without it")
				}
			})
		}
	}
}

func TestThePresetsAreSound(t *testing.T) {
	if got := PresetNames(); !slices.Equal(got, []string{"openldap", "postgres-scim", "rfc2307"}) {
		t.Errorf("presets are %v", got)
	}
	for _, name := range PresetNames() {
		for _, resourceType := range []string{"User", "Group"} {
			doc, ok := Preset(name, resourceType)
			if !ok {
				t.Errorf("%s has no %s", name, resourceType)
				continue
			}
			if doc.Get("at").Get("backend").Kind() != Missing || doc.Get("at").Get("base").Kind() != Missing || doc.Get("create").Get("name").Kind() != Missing {
				t.Errorf("%s %s says what only its user knows", name, resourceType)
			}
			if file, _, _ := doc.Position(); file != "presets/"+name+".yaml" {
				t.Errorf("%s stands in %s", name, file)
			}
		}
		if _, ok := Preset(name, "Device"); ok {
			t.Errorf("%s has a Device", name)
		}
	}
	for _, name := range []string{"", "ad", "../examples/openldap", "openldap.yaml", "OPENLDAP"} {
		if _, ok := Preset(name, "User"); ok {
			t.Errorf("there is a preset %q", name)
		}
	}
}

// The example is the preset written out: who learns from one can use the other.
func TestTheOpenLDAPExampleIsItsPresetWrittenOut(t *testing.T) {
	surroundings(t)
	c, faults := Load("examples/openldap.yaml")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, doc := range c.Mappings {
		resourceType := doc.Get("mapping").Text()
		preset, ok := Preset("openldap", resourceType)
		if !ok {
			t.Fatalf("no preset for %s", resourceType)
		}
		written, _ := render(doc).(map[string]any)
		delete(written, "tests")
		own := map[string]any{}
		for _, section := range []string{"at", "create"} {
			own[section], _ = written[section].(map[string]any)
		}
		if diff := cmp.Diff(render(Merge(preset, doc.without(map[string]bool{doc.Get("tests").Path(): true}))), any(written)); diff != "" {
			t.Errorf("laid over its preset, %s is something else (-merged +written):\n%s", resourceType, diff)
		}
		for key, value := range preset.Get("attributes").Pairs() {
			if diff := cmp.Diff(render(value), render(doc.Get("attributes").Get(key.Text()))); diff != "" {
				t.Errorf("%s %s differs (-preset +example):\n%s", resourceType, key.Text(), diff)
			}
		}
	}
}

// misfits lists where a node does not have the structure of a JSON Schema: keys, kinds, words.
func misfits(defs, schema map[string]any, n Node) []string {
	if ref, ok := schema["$ref"].(string); ok {
		schema, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if any, ok := schema["anyOf"].([]any); ok {
		var all []string
		for _, one := range any {
			found := misfits(defs, one.(map[string]interface{}), n)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	kinds := map[NodeKind][]any{Map: {"object"}, List: {"array"}, Null: {"null"}, Scalar: {"string", "number", "integer", "boolean"}}
	if kind, ok := schema["type"]; ok && !slices.Contains(kinds[n.Kind()], kind) {
		return []string{fmt.Sprintf("%s is %v, not %v", n.Path(), n.Kind(), kind)}
	}
	if words, ok := schema["enum"].([]any); ok && !slices.Contains(words, any(n.Text())) {
		return []string{fmt.Sprintf("%s is not one of %v", n.Path(), words)}
	}
	var found []string
	needed, _ := schema["required"].([]any)
	for _, key := range needed {
		if n.Kind() == Map && n.Get(key.(string)).Kind() == Missing {
			found = append(found, fmt.Sprintf("%s lacks %s", n.Path(), key))
		}
	}
	known, _ := schema["properties"].(map[string]any)
	for key, value := range n.Pairs() {
		inner, ok := known[key.Text()].(map[string]any)
		if !ok {
			if schema["additionalProperties"] == false {
				found = append(found, value.Path()+" is no property")
			}
			inner, _ = schema["additionalProperties"].(map[string]any)
		}
		found = append(found, misfits(defs, inner, value)...)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		for _, item := range n.Items() {
			found = append(found, misfits(defs, items, item)...)
		}
	}
	return found
}

func TestTheExamplesAndPresetsFitTheJSONSchema(t *testing.T) {
	surroundings(t)
	var schema map[string]any
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	defs, _ := schema["$defs"].(map[string]any)
	for _, file := range examples(t) {
		c, faults := Load(file)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		for _, misfit := range misfits(defs, schema, c.Root) {
			t.Errorf("%s: %s", file, misfit)
		}
	}
	mapping := map[string]any{"$ref": "#/$defs/mapping"}
	for _, name := range PresetNames() {
		for _, resourceType := range []string{"User", "Group"} {
			doc, _ := Preset(name, resourceType)
			for _, misfit := range misfits(defs, mapping, doc) {
				t.Errorf("%s: %s", name, misfit)
			}
		}
	}
	for sentence, text := range map[string]string{
		"an unknown section":           "servers: {}",
		"an unknown key":               "server: {prot: 80}",
		"a list in place of a value":   "server: {port: [80]}",
		"an unknown key of a backend":  "backends: {corp: {kind: ldap, colour: blue}}",
		"an unknown key of a mapping":  "mappings: [{mapping: User, colour: blue}]",
		"an unknown key of a source":   "mappings: [{mapping: User, attributes: {userName: {form: uid}}}]",
		"a word that a mapping lacks":  "mappings: [{mapping: User, rename: perhaps}]",
		"a key that is still to come":  "tenants: {acme: {}}",
		"a token that is no list":      "clients: {ci: {tokens: {a: b}}}",
		"a client's unknown attribute": "clients: {ci: {token: [a]}}",
	} {
		if len(misfits(defs, schema, parse(t, text))) == 0 {
			t.Errorf("the schema accepts %s", sentence)
		}
	}
}
