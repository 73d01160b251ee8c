package configs

import "github.com/invopop/jsonschema"

// The sections `schemas` and `resource_types`, for editors: structure only, as with mappings.

const urnPattern = `^[uU][rR][nN]:|\$\{.*\}`

func urn(description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: urnPattern, Description: description}
}

// required says which keys an object must have.
func required(s *jsonschema.Schema, keys ...string) *jsonschema.Schema {
	s.Required = keys
	return s
}

func listOfFilesOr(s *jsonschema.Schema) *jsonschema.Schema {
	return listOf(anyOf("", s, required(object("", "file", text("a path or a glob")), "file")), "")
}

// characteristicsSchema are the keys of an attribute; those of its parts, where it is complex, are the same but one.
func characteristicsSchema(more ...any) *jsonschema.Schema {
	return required(object("an attribute with its characteristics (RFC 7643 §7)", append([]any{
		"name", text("a letter, then letters, digits, - and _"),
		"type", text("string where nothing is said", "string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"),
		"multiValued", outside("boolean"),
		"description", text("what it means"),
		"required", outside("boolean"),
		"canonicalValues", listOf(&jsonschema.Schema{}, "values that are suggested"),
		"caseExact", outside("boolean"),
		"mutability", text("", "readOnly", "readWrite", "immutable", "writeOnly"),
		"returned", text("", "always", "never", "default", "request"),
		"uniqueness", text("", "none", "server", "global"),
		"referenceTypes", listOf(text(""), "what its URLs may point to: resource types, external, uri"),
	}, more...)...), "name")
}

func schemasSchema() *jsonschema.Schema {
	return listOfFilesOr(required(object("a schema as RFC 7643 §7 writes it",
		"schemas", listOf(text(""), "the URN of schemas, as servers show it"),
		"id", urn("its URN"),
		"externalId", text("of no meaning here"),
		"name", text("unset: the last word of the URN"),
		"description", text("what it describes"),
		"attributes", listOf(characteristicsSchema("subAttributes", listOf(characteristicsSchema(), "the parts of a complex attribute")), ""),
		"meta", &jsonschema.Schema{Type: "object", Description: "as servers show it; of no meaning here"},
	), "id", "attributes"))
}

func resourceTypesSchema() *jsonschema.Schema {
	extension := required(object("", "schema", urn("one of `schemas`"), "required", outside("boolean")), "schema")
	return listOf(required(object("a resource type, or what User or Group has more",
		"name", text("what `mapping` calls it"),
		"endpoint", text("where it is found: /Devices"),
		"schema", urn("one of `schemas`"),
		"description", text("what it is"),
		"extensions", listOf(extension, "schemas that its resources may have beside their own"),
	), "name"), "")
}
