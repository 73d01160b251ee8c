package configs

import (
	_ "embed"
	"slices"
)

//go:generate go test -run TheJSONSchemaIs -update .

//go:embed schema.json
var schemaJSON []byte

// JSONSchema is the JSON Schema of the configuration file and of mapping files, for editors. It is made from the
// structs of this package and the descriptions of docs/configuration.md by go generate.
func JSONSchema() []byte { return slices.Clone(schemaJSON) }
