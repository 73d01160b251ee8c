package scim

// The common attributes of RFC 7643 §3.1, which belong to no schema.
const (
	attrSchemas    = "schemas"
	attrID         = "id"
	attrExternalID = "externalId"
	attrMeta       = "meta"
)

// common is what a resource type has that names no common attributes of its own. Nobody may change it.
var common = CommonAttributes()

// CommonAttributes returns schemas, id, externalId and meta, fresh copies with the characteristics of RFC 7643 §3.1.
func CommonAttributes() []*Attribute {
	return []*Attribute{
		{
			Name: attrSchemas, Type: TypeReference, MultiValued: true, Required: true, CaseExact: true, ReferenceTypes: []string{"uri"},
			Mutability: ReadWrite, Returned: ReturnedAlways, Uniqueness: UniqueNone,
			Description: "The URNs of the schemas that describe this resource.",
		},
		{
			Name: attrID, Type: TypeString, CaseExact: true, Mutability: ReadOnly, Returned: ReturnedAlways, Uniqueness: UniqueServer,
			Description: "The identifier that the directory gave this resource. It never changes and is never given again.",
		},
		{
			Name: attrExternalID, Type: TypeString, CaseExact: true, Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone,
			Description: "The identifier by which the client knows this resource.",
		},
		{
			Name: attrMeta, Type: TypeComplex, Mutability: ReadOnly, Returned: ReturnedDefault, Uniqueness: UniqueNone,
			Description: "What the server knows about this resource.",
			SubAttributes: []*Attribute{
				metaPart("resourceType", TypeString, "The name of the resource's type."),
				metaPart("created", TypeDateTime, "When the resource was made."),
				metaPart("lastModified", TypeDateTime, "When the resource was last changed."),
				metaPart("location", TypeReference, "The URL of this resource.", "uri"),
				metaPart("version", TypeString, "The entity tag of the resource as it is now."),
			},
		},
	}
}

func metaPart(name string, t Type, description string, refs ...string) *Attribute {
	return &Attribute{
		Name: name, Type: t, Description: description, CaseExact: true, ReferenceTypes: refs,
		Mutability: ReadOnly, Returned: ReturnedDefault, Uniqueness: UniqueNone,
	}
}

// isCommon is true of the names that a schema may not define (RFC 7643 §3.1).
func isCommon(name string) bool { return find(common, name) != nil }

func (rt *ResourceType) common() []*Attribute {
	if rt.Common != nil {
		return rt.Common
	}
	return common
}
