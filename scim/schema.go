package scim

// The URNs of RFC 7643 §8.7 and RFC 7644 §8.
const (
	UserURN                  = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN                 = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN            = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ServiceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	ResourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"

	ListResponseURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	BulkRequestURN   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN  = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	PatchOpURN       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	ErrorURN         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Type is an attribute's data type, RFC 7643 §2.3.
type Type string

// The data types.
const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"
)

// Mutability says when an attribute may be set, RFC 7643 §7.
type Mutability string

// The kinds of mutability.
const (
	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is shown, RFC 7643 §7.
type Returned string

// When an attribute is returned.
const (
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request"
)

// Uniqueness says among what a value is unique, RFC 7643 §7.
type Uniqueness string

// The kinds of uniqueness.
const (
	UniqueNone   Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Attribute is an attribute with all characteristics of RFC 7643 §7.
type Attribute struct {
	Name            string
	Type            Type
	MultiValued     bool
	Description     string
	Required        bool
	CanonicalValues []string
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      Uniqueness
	ReferenceTypes  []string
	SubAttributes   []*Attribute

	// Prep normalises a string of this attribute before any comparison of the matcher, so that the SCIM side and the
	// directory agree (mapping sets it from the directory's matching rule). nil: by CaseExact. Not part of the schema.
	Prep func(string) string

	// Derived: it follows from other values. /Schemas calls it readOnly. What a client says of it is looked at all the same, since a wish that does not come
	// true is better refused than passed over.
	Derived bool
}

// Sub returns the sub-attribute of that name, nil if there is none.
func (a *Attribute) Sub(name string) *Attribute { return find(a.SubAttributes, name) }

// IsPrimary reports the sub-attribute that marks one element of several. An element that lacks it is not marked (RFC 7643 §2.4).
func (a *Attribute) IsPrimary() bool { return a.Type == TypeBoolean && sameName(a.Name, "primary") }

// find returns the attribute of that name, in any case of letters.
func find(list []*Attribute, name string) *Attribute {
	for _, a := range list {
		if sameName(a.Name, name) {
			return a
		}
	}
	return nil
}

// Schema is a SCIM schema (RFC 7643 §7). It renders itself for /Schemas.
type Schema struct {
	ID, Name, Description string
	Attributes            []*Attribute
}

// Attribute returns the attribute of that name, nil if there is none.
func (s *Schema) Attribute(name string) *Attribute { return find(s.Attributes, name) }

// ResourceType is a resource type (RFC 7643 §6) with its schemas. A mapping hands out one that holds only what is mapped,
// so "unknown" and "not mapped" are the same thing to everything below.
type ResourceType struct {
	ID, Name, Description, Endpoint string // Endpoint: "/Users"
	Schema                          *Schema
	Extensions                      []Extension

	// Common are the attributes that every resource has and that belong to no schema (RFC 7643 §3.1): id, externalId, meta, schemas.
	// nil means all of CommonAttributes; a mapping that has no externalId leaves it out here.
	Common []*Attribute
}

// Extension is a schema extension of a resource type.
type Extension struct {
	Schema   *Schema
	Required bool
}

// URNs lists the schemas of the resource type, its own first.
func (rt *ResourceType) URNs() []string {
	urns := make([]string, 0, 1+len(rt.Extensions))
	urns = append(urns, rt.Schema.ID)
	for _, x := range rt.Extensions {
		urns = append(urns, x.Schema.ID)
	}
	return urns
}

// extension returns the extension's schema with that URN, nil if there is none.
func (rt *ResourceType) extension(urn string) *Schema {
	for _, x := range rt.Extensions {
		if sameName(x.Schema.ID, urn) {
			return x.Schema
		}
	}
	return nil
}
