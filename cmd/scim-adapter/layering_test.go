package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/scim-adapter/scim-adapter"

// layers is the table of docs/architecture.md: a package, and which of our packages it may import.
// `tests` are further arrows that only its _test.go files may have.
var layers = map[string]struct{ may, tests []string }{
	"scim/filter":                 {},
	"configs":                     {},
	"internal/expr":               {},
	"scim":                        {may: []string{"scim/filter"}},
	"backends":                    {may: []string{"configs"}},
	"backends/backendtest":        {may: []string{"backends", "configs", "internal/expr"}},
	"backends/ldap/schema":        {may: []string{"backends", "configs", "internal/expr"}},
	"backends/ldap":               {may: []string{"backends", "configs", "internal/expr", "backends/ldap/schema"}, tests: []string{"backends/backendtest", "backends/ldap/embedded"}},
	"backends/ldap/embedded":      {may: []string{"backends", "configs", "internal/expr", "backends/ldap/schema"}},
	"backends/postgres":           {may: []string{"backends", "configs", "internal/expr"}, tests: []string{"backends/backendtest", "backends/postgres/pgtest"}},
	"backends/postgres/pgtest":    {may: []string{"backends", "configs"}},
	"mapping":                     {may: []string{"scim", "scim/filter", "backends", "configs", "internal/expr"}},
	"mapping/lens":                {may: []string{"mapping", "backends", "scim", "scim/filter"}},
	"adapter/backup":              {may: []string{"adapter/journal", "backends", "configs"}, tests: []string{"adapter/journal/pgjournal", "backends/backendtest", "backends/postgres/pgtest"}},
	"adapter/journal":             {may: []string{"backends"}},
	"adapter/journal/journaltest": {may: []string{"adapter/journal", "backends", "configs"}},
	"adapter/journal/litejournal": {may: []string{"adapter/journal", "backends", "configs"}, tests: []string{"adapter/journal/journaltest"}},
	"adapter/journal/spool":       {may: []string{"adapter/journal", "backends", "configs"}, tests: []string{"adapter/journal/journaltest", "adapter/journal/litejournal", "adapter/journal/pgjournal", "backends/postgres/pgtest"}},
	"adapter/journal/export":      {may: []string{"adapter/journal", "backends", "configs"}, tests: []string{"adapter/journal/litejournal"}},
	"adapter/journal/pgjournal":   {may: []string{"adapter/journal", "backends", "configs"}, tests: []string{"adapter/journal/journaltest", "backends/postgres/pgtest"}},
	"adapter":                     {may: []string{"adapter/journal", "mapping", "backends", "scim", "scim/filter", "configs"}, tests: []string{"backends/backendtest", "mapping/lens", "adapter/journal/litejournal"}},
	"scimapi":                     {may: []string{"scim", "scim/filter", "configs"}},
	"scimapi/auth":                {may: []string{"scim", "scim/filter", "configs", "internal/expr"}},
	"cmd/scim-adapter":            {may: []string{"*"}},
}

func TestLayering(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		checkFile(t, filepath.ToSlash(rel), path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range layers {
		if _, err := os.Stat(filepath.Join(root, pkg)); err != nil {
			t.Errorf("the table names %s, which does not exist", pkg)
		}
	}
}

// checkFile fails for each import of ours in one file that the table does not allow.
func checkFile(t *testing.T, pkg, path string) {
	t.Helper()
	layer, known := layers[pkg]
	if !known {
		t.Errorf("%s: package %s is missing from the table of layers", path, pkg)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	allowed := layer.may
	if strings.HasSuffix(path, "_test.go") {
		allowed = slices.Concat(layer.may, layer.tests, []string{pkg})
	}
	for _, imp := range file.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		if name == "gopkg.in/yaml.v3" && pkg != "configs" {
			t.Errorf("%s imports yaml.v3, which stays in configs", path)
		}
		ours, found := strings.CutPrefix(name, module+"/")
		if found && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
			t.Errorf("%s: %s may not import %s", path, pkg, ours)
		}
	}
}
