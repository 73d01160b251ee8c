package scim

// Object is the schema as /Schemas shows it (RFC 7643 §7). location is its URL. Common attributes belong to no schema and are left out.
func (s *Schema) Object(location string) *Object {
	attrs := make([]any, 0, len(s.Attributes))
	described := s.ID == SchemaURN || s.ID == ResourceTypeURN // these two define an id of their own
	for _, a := range s.Attributes {
		if described || !isCommon(a.Name) {
			attrs = append(attrs, a.object())
		}
	}
	o := NewObject()
	o.Set(attrSchemas, []any{SchemaURN})
	o.Set(attrID, s.ID)
	o.Set("name", s.Name)
	if s.Description != "" {
		o.Set("description", s.Description)
	}
	o.Set("attributes", attrs)
	o.Set(attrMeta, discoveryMeta("Schema", location))
	return o
}

// object describes an attribute with all of its characteristics, also those that a client could take the default of: not every client does.
func (a *Attribute) object() *Object {
	o := NewObject()
	o.Set("name", a.Name)
	o.Set("type", string(a.Type))
	if a.SubAttributes != nil {
		subs := make([]any, len(a.SubAttributes))
		for i, s := range a.SubAttributes {
			subs[i] = s.object()
		}
		o.Set("subAttributes", subs)
	}
	o.Set("multiValued", a.MultiValued)
	if a.Description != "" {
		o.Set("description", a.Description)
	}
	o.Set("required", a.Required)
	if len(a.CanonicalValues) > 0 {
		o.Set("canonicalValues", anyStrings(a.CanonicalValues))
	}
	o.Set("caseExact", a.CaseExact)
	mutability := a.Mutability
	if a.Derived {
		mutability = ReadOnly
	}
	o.Set("mutability", string(mutability))
	o.Set("returned", string(a.Returned))
	o.Set("uniqueness", string(a.Uniqueness))
	if len(a.ReferenceTypes) > 0 {
		o.Set("referenceTypes", anyStrings(a.ReferenceTypes))
	}
	return o
}

// Object is the resource type as /ResourceTypes shows it (RFC 7643 §6). location is its URL.
func (rt *ResourceType) Object(location string) *Object {
	o := NewObject()
	o.Set(attrSchemas, []any{ResourceTypeURN})
	o.Set(attrID, rt.ID)
	o.Set("name", rt.Name)
	if rt.Description != "" {
		o.Set("description", rt.Description)
	}
	o.Set("endpoint", rt.Endpoint)
	o.Set("schema", rt.Schema.ID)
	if len(rt.Extensions) > 0 {
		extensions := make([]any, len(rt.Extensions))
		for i, x := range rt.Extensions {
			e := NewObject()
			e.Set("schema", x.Schema.ID)
			e.Set("required", x.Required)
			extensions[i] = e
		}
		o.Set("schemaExtensions", extensions)
	}
	o.Set(attrMeta, discoveryMeta("ResourceType", location))
	return o
}

func discoveryMeta(resourceType, location string) *Object {
	m := NewObject()
	m.Set("resourceType", resourceType)
	m.Set("location", location)
	return m
}

func anyStrings(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
