package configs

import "github.com/invopop/jsonschema"

// The language of mappings, for editors: structure only. Its meaning is the mapping compiler's business.

func text(description string, words ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Description: description, Enum: words}
}

func listOf(items *jsonschema.Schema, description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: items, Description: description}
}

func described(s *jsonschema.Schema, description string) *jsonschema.Schema {
	s.Description = description
	return s
}

// object is a map with these keys and no others.
func object(description string, keysAndSchemas ...any) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Description: description, Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for i := 0; i < len(keysAndSchemas); i += 2 {
		s.Properties.Set(keysAndSchemas[i].(string), keysAndSchemas[i+1].(*jsonschema.Schema))
	}
	return s
}

// mapOf is a map with any keys.
func mapOf(values *jsonschema.Schema, description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: values, Description: description}
}

func anyOf(description string, of ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: of, Description: description}
}

func mappingSchema() *jsonschema.Schema {
	written := anyOf("", text(""), &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"}) // 00123 is text for us, not for editors
	values := anyOf("", written, listOf(written, ""))
	removable := func(s *jsonschema.Schema) *jsonschema.Schema {
		return anyOf("", s, &jsonschema.Schema{Type: "null"})
	}
	policies := []any{"remove", "disable", "refuse", "move"}
	var presets []any
	for _, name := range PresetNames() {
		presets = append(presets, name)
	}
	s := object("Where each attribute of one SCIM resource type lives.",
		"mapping", text("the SCIM resource type: User, Group, or one of `resource_types`"),
		"preset", text("a shipped mapping to start from; what is written here is laid over it", presets...),
		"schemas", mapOf(text(""), "prefixes for the URNs of extensions; enterprise is built in"),
		"at", atSchema(),
		"create", object("new records",
			"name", text("their name: uid={userName},ou=people,dc=example,dc=org"),
			"set", mapOf(removable(values), "attributes that every new record gets")),
		"rename", text("what happens to the name of a record when what it is made of changes", "follow", "keep"),
		"delete", anyOf("what DELETE does", text("", policies...), object("", "policy", text("", policies...), "to", text("where move puts records"))),
		"to", text("where `delete: move` puts records"),
		"protect", object("what is never written",
			"records", listOf(text(""), "filters in the directory's own language"),
			"attributes", listOf(text(""), "names of attributes")),
		"scan", outside("integer"),
		"attributes", mapOf(removable(sourceSchema()), "SCIM path: source"),
		"tests", listOf(object("", "name", text("what it shows"), "record", mapOf(values, "attributes of the directory"), "resource", &jsonschema.Schema{Type: "object"}), "run by check, in both directions"),
	)
	s.Required = []string{"mapping"}
	return s
}

func atSchema() *jsonschema.Schema {
	return object("where the records are; these keys belong to the kind of backend",
		"backend", text("a name in backends"),
		"base", text("the DN that they are below"),
		"filter", text("which of them"),
		"scope", text("the whole tree below base, or one level", "sub", "one"),
		"key", text("the attribute that never changes; it is the SCIM id"),
		"version", text("the attribute that changes with every write; it is the ETag"))
}

func sourceSchema() *jsonschema.Schema {
	long := object("a source in its long form",
		"from", anyOf("attribute | lens, or a list of them", text(""), listOf(text(""), "")),
		"constant", &jsonschema.Schema{},
		"read", text("a CEL expression over the record"),
		"write", mapOf(text(""), "attribute: CEL expression over value and before"),
		"access", text("", "readWrite", "readOnly", "createOnly", "writeOnly"),
		"returned", text("", "always", "never", "default", "request"),
		"required", outside("boolean"),
		"caseExact", outside("boolean"),
		"unique", anyOf("", text("", "none", "server", "global"), &jsonschema.Schema{Type: "boolean"}),
		"default", &jsonschema.Schema{Description: "shown when the directory has none"},
		"placeholder", text("stands where the directory demands a value and there is none; never shown"),
		"onCreate", text("a template or CEL, for when the client gave no value"),
		"by", text("how it is written", "passwordModify", "replace"),
		"display", described(outside("boolean"), "of a reference: show what the records are called"),
		"nested", described(outside("boolean"), "of groups: the attribute names those, too, that the record is in through another group"))
	return anyOf("", text("attribute | lens | lens(args), overlay, or reverse(Type.attribute)"), listOf(text(""), "the first that is present; written to the first"), long)
}
