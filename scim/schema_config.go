package scim

// ServiceProviderConfigSchema returns the schema of RFC 7643 §5: a fresh copy. RFC 9865 adds `pagination` to it.
func ServiceProviderConfigSchema() *Schema {
	schemes := []*Attribute{
		text("type", "The kind of authentication.", required, oneOf("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")),
		text("name", "What people call this scheme.", required),
		text("description", "What the scheme does.", required),
		attribute("specUri", TypeReference, "The address of its specification.", pointsTo("external")),
		attribute("documentationUri", TypeReference, "The address of a manual for it.", pointsTo("external")),
		attribute("primary", TypeBoolean, "Whether this is the scheme to be used first."),
	}
	pages := []*Attribute{
		attribute("cursor", TypeBoolean, "Whether pages can be found by cursor.", required),
		attribute("index", TypeBoolean, "Whether pages can be found by index.", required),
		text("defaultPaginationMethod", "How pages are found when a request names neither.", oneOf("cursor", "index")),
		attribute("defaultPageSize", TypeInteger, "How many resources a page has when a request does not say."),
		attribute("maxPageSize", TypeInteger, "How many resources a page has at most."),
		attribute("cursorTimeout", TypeInteger, "How long a cursor is good for, in seconds."),
	}
	return &Schema{
		ID: ServiceProviderConfigURN, Name: "ServiceProviderConfig", Description: "What this server can do.",
		Attributes: []*Attribute{
			attribute("documentationUri", TypeReference, "The address of the manual.", pointsTo("external"), readOnly),
			feature("patch", "PATCH."),
			feature("bulk", "Bulk requests.",
				attribute("maxOperations", TypeInteger, "How many operations a bulk request may have.", required),
				attribute("maxPayloadSize", TypeInteger, "How large a bulk request may be, in bytes.", required)),
			feature("filter", "Filters.",
				attribute("maxResults", TypeInteger, "How many resources an answer has at most.", required)),
			feature("changePassword", "Changing passwords."),
			feature("sort", "Sorting."),
			feature("etag", "Entity tags."),
			complexOf("pagination", "How long lists are shown in pages (RFC 9865).", everyPart(pages, readOnly), readOnly),
			complexOf("authenticationSchemes", "How clients authenticate.", everyPart(schemes, readOnly), multi, required, readOnly),
		},
	}
}

// feature is a complex attribute that says whether something is supported, and within which limits.
func feature(name, what string, limits ...*Attribute) *Attribute {
	subs := append([]*Attribute{attribute("supported", TypeBoolean, "Whether it is supported.", required)}, limits...)
	return complexOf(name, what, everyPart(subs, readOnly), required, readOnly)
}

// ResourceTypeSchema returns the schema of RFC 7643 §6: a fresh copy.
func ResourceTypeSchema() *Schema {
	extensions := []*Attribute{
		attribute("schema", TypeReference, "The URN of the extension.", pointsTo("uri"), required, caseExact),
		attribute("required", TypeBoolean, "Whether every resource of the type must have it.", required),
	}
	return &Schema{
		ID: ResourceTypeURN, Name: "ResourceType", Description: "A kind of resource that this server has.",
		Attributes: []*Attribute{
			text("id", "The identifier of the resource type; often its name.", readOnly),
			text("name", "The name of the resource type, such as \"User\".", required, readOnly),
			text("description", "What the resource type is.", readOnly),
			attribute("endpoint", TypeReference, "Where it is found, relative to the root of the service, such as \"/Users\".", pointsTo("uri"), required, readOnly),
			attribute("schema", TypeReference, "The URN of its schema.", pointsTo("uri"), required, caseExact, readOnly),
			complexOf("schemaExtensions", "The extensions that its resources may have.", everyPart(extensions, readOnly), multi, readOnly),
		},
	}
}

// SchemaSchema returns the schema of schemas, RFC 7643 §7: a fresh copy. Sub-attributes have all characteristics of attributes but sub-attributes.
func SchemaSchema() *Schema {
	subs := complexOf("subAttributes", "The parts of a complex attribute.", characteristics(), multi, readOnly)
	return &Schema{
		ID: SchemaURN, Name: "Schema", Description: "A description of what resources look like.",
		Attributes: []*Attribute{
			text("id", "The URN of the schema.", required, caseExact, readOnly),
			text("name", "The name of the schema.", readOnly),
			text("description", "What the schema describes.", readOnly),
			complexOf("attributes", "The attributes that the schema defines.", append(characteristics(), subs), multi, required, readOnly),
		},
	}
}

func characteristics() []*Attribute {
	return everyPart([]*Attribute{
		text("name", "The attribute's name.", required, caseExact),
		text("type", "The attribute's data type.", required, oneOf("string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary")),
		attribute("multiValued", TypeBoolean, "Whether it holds several values.", required),
		text("description", "What the attribute means.", caseExact),
		attribute("required", TypeBoolean, "Whether it must be there."),
		text("canonicalValues", "Values that are suggested.", multi, caseExact),
		attribute("caseExact", TypeBoolean, "Whether capital and small letters differ."),
		text("mutability", "Whether and when it can be changed.", caseExact, oneOf("readOnly", "readWrite", "immutable", "writeOnly")),
		text("returned", "When it is part of an answer.", caseExact, oneOf("always", "never", "default", "request")),
		text("uniqueness", "Among what its values are unique.", caseExact, oneOf("none", "server", "global")),
		text("referenceTypes", "What its URLs may point to.", multi, caseExact),
	}, readOnly)
}
