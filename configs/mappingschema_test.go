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
	adopted := object("",
		"match", anyOf("the attributes that both have in common, all of them", text(""), listOf(text(""), "")),
		"then", text("make the record the new resource, put it on the list that scim-adapter adopt shows, or refuse", "link", "review", "conflict"))
	adopted.Required = []string{"match", "then"}
	s := object("Where each attribute of one SCIM resource type lives.",
		"mapping", text("the SCIM resource type: User, Group, or one of `resource_types`"),
		"preset", text("a shipped mapping to start from; what is written here is laid over it", presets...),
		"schemas", mapOf(text(""), "prefixes for the URNs of extensions; enterprise is built in"),
		"at", atSchema(),
		"create", object("new records",
			"name", text("their name: uid={userName},ou=people,dc=example,dc=org"),
			"set", mapOf(removable(values), "attributes that every new record gets")),
		"adopt", listOf(adopted, "rules by which a new resource is taken for one that is there already; the first that finds one holds"),
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
	given := func(description string) *jsonschema.Schema {
		return mapOf(anyOf("", text(""), &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"}), description)
	}
	return object("where the records are; these keys belong to the kind of backend",
		"backend", text("a name in backends"),
		"base", text("of ldap: the DN that they are below"),
		"filter", text("of ldap: which of them"),
		"scope", text("of ldap: the whole tree below base, or one level", "sub", "one"),
		"table", text("of postgres: schema.table, or a view"),
		"where", text("of postgres: which rows, a condition on the table's columns; {tenant} is the caller's tenant"),
		"key", anyOf("the attribute or column that never changes, or several columns; it is the SCIM id", text(""), listOf(text(""), "")),
		"version", text("the attribute or column that changes with every write, or xmin; it is the ETag"),
		"document", text("of postgres: the jsonb column that holds what has no column"),
		"insert", given("of postgres: what new rows get: a text, {tenant} or now()"),
		"update", given("of postgres: what every write sets: a text, {tenant} or now()"),
		"deleted", text("of postgres: the column, a boolean or an instant, that DELETE sets"),
		"hash", text("of postgres: how a password is kept", "bcrypt", "plain"),
		"readOnly", described(outside("boolean"), "of postgres: nothing is written"))
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
	rows := object("rows of a table of its own; beside these keys each part of the attribute has a column",
		"rows", text("schema.table, or a view"),
		"on", anyOf("the column that holds the record's key, or several", text(""), listOf(text(""), "")),
		"where", mapOf(anyOf("", text(""), &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"}), "what all of the rows have: {medium: email}"),
		"value", anyOf("column | lens, or a list of columns of which each row has one", text(""), listOf(text(""), "")))
	for _, key := range []string{"access", "returned", "required", "caseExact", "unique", "display"} {
		option, _ := long.Properties.Get(key)
		if key == "display" { // it may be a part, too
			option = anyOf("", option, text("column | lens"))
		}
		rows.Properties.Set(key, option)
	}
	rows.AdditionalProperties = text("column | lens")
	rows.Required = []string{"rows", "on"}
	return anyOf("", text("attribute | lens | lens(args), overlay, document, or reverse(Type.attribute)"), listOf(text(""), "the first that is present; written to the first"), long, rows)
}
