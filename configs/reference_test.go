package configs

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const reference = "../docs/configuration.md"

// row is a line of a table of the reference.
type row struct{ key, kind, standard, meaning string }

// rows reads the tables of the reference whose first column is a key.
func rows(t *testing.T) []row {
	t.Helper()
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		if len(cells) != 4 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, row{strings.Trim(cells[0], "`"), cells[1], strings.Trim(cells[2], "`"), cells[3]})
	}
	return all
}

func TestTheReferenceNamesEveryKeyWithItsDefault(t *testing.T) {
	documented := map[string]row{}
	for _, r := range rows(t) {
		documented[r.key] = r
	}
	for key, standard := range keysAndDefaults("", reflect.ValueOf(*Default())) {
		r, ok := documented[key]
		if !ok {
			t.Errorf("%s has no line for %s", reference, key)
			continue
		}
		if r.standard != standard {
			t.Errorf("%s says that the default of %s is %q; it is %q", reference, key, r.standard, standard)
		}
		delete(documented, key)
	}
	for key := range documented {
		if !strings.HasPrefix(key, "backends.<name>.") {
			t.Errorf("%s has a line for %s, which is no key", reference, key)
		}
	}
}

// keysAndDefaults walks a struct by its tags.
func keysAndDefaults(path string, v reflect.Value) map[string]string {
	found := map[string]string{}
	for i, key := range keysOf(v.Type()) {
		if key == "" {
			continue
		}
		field, at := v.Field(i), join(path, key)
		switch {
		case field.Kind() == reflect.Struct && field.Type() != nodeType && field.Type() != secretType:
			maps.Copy(found, keysAndDefaults(at, field))
		case field.Kind() == reflect.Map && field.Type().Elem() != nodeType:
			found[at] = ""
			for k := range keysAndDefaults(at+".<name>", reflect.New(field.Type().Elem()).Elem()) {
				found[k] = ""
			}
		case field.Kind() == reflect.Slice && hasKeys(field.Type().Elem()):
			found[at] = ""
			element := reflect.New(field.Type().Elem())
			if d, ok := reflect.TypeAssert[defaulter](element); ok {
				d.setDefaults()
			}
			maps.Copy(found, keysAndDefaults(at+"[]", element.Elem()))
		default:
			found[at] = inWords(field)
		}
	}
	return found
}

// hasKeys says that a type is a struct which keys fill.
func hasKeys(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.Join(keysOf(t), "") != ""
}

// inWords is a default as the reference writes it.
func inWords(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case Duration:
		return fmt.Sprintf("%gs", value.Seconds())
	case Size:
		for _, u := range []struct {
			size Size
			name string
		}{{MB, "MB"}, {KiB, "KiB"}} {
			if value%u.size == 0 {
				return fmt.Sprintf("%d%s", value/u.size, u.name)
			}
		}
		return fmt.Sprint(int64(value))
	case bool:
		return fmt.Sprint(value)
	}
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func TestTheReferenceNamesWhatIsStillToCome(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range coming {
		if !strings.Contains(string(page), "`"+key.path+"`") {
			t.Errorf("%s does not name %s", reference, key.path)
		}
	}
}

// The kinds of backend are not known here, but their source is at hand.
func TestTheReferenceNamesEveryKeyOfEveryKindOfBackend(t *testing.T) {
	documented := map[string]bool{}
	for _, r := range rows(t) {
		documented[r.key] = true
	}
	known := map[string]bool{}
	for _, file := range []string{"../backends/ldap/config.go", "../backends/postgres/config.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Skip("a backend is not here: ", err)
		}
		tags := regexp.MustCompile("`config:\"([a-z_]+)\"`").FindAllStringSubmatch(string(source), -1)
		if len(tags) < 5 {
			t.Fatalf("only %d tags in %s", len(tags), file)
		}
		for _, tag := range tags {
			key := "backends.<name>." + tag[1]
			known[key] = true
			if !documented[key] {
				t.Errorf("%s has no line for %s", reference, key)
			}
		}
	}
	for key := range documented {
		if strings.HasPrefix(key, "backends.<name>.") && !known[key] {
			t.Errorf("%s has a line for %s, which is no key", reference, key)
		}
	}
}
