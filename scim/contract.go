package scim

import (
	"iter"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Object is a JSON object whose members keep their order and whose names compare without case (RFC 7643 §2.1).
// A member's value is one of: string, bool, int64, json.Number (a decimal, digits kept), *Object, []any of these. null is never stored: it is absence.
// References (`members[].value`) are plain strings.
type Object struct {
	names  []string
	values []any
}

// Contract of Object (owner: the scim helper; move to object.go):
func NewObject() *Object                       { panic("contract") }
func (o *Object) Get(name string) (any, bool)  { panic("contract") }
func (o *Object) Set(name string, v any)       { panic("contract") } // replaces in place, or appends
func (o *Object) Delete(name string)           { panic("contract") }
func (o *Object) Len() int                     { panic("contract") }
func (o *Object) All() iter.Seq2[string, any]  { panic("contract") }
func (o *Object) Clone() *Object               { panic("contract") } // deep
func (o *Object) AppendJSON(dst []byte) []byte { panic("contract") }
func (o *Object) MarshalJSON() ([]byte, error) { panic("contract") }
func Equal(a, b any) bool                      { panic("contract") } // deep; order of members does not matter, order of list elements does not matter
func ParseObject(body []byte) (*Object, error) { panic("contract") } // strict JSON: duplicate names, bad UTF-8, depth are 400 invalidSyntax; names as written; no schema applied

// Type is an attribute's data type, RFC 7643 §2.3.
type Type string
type Mutability string
type Returned string
type Uniqueness string

const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"

	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"

	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request"

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
}

// Schema is a SCIM schema (RFC 7643 §7). It renders itself for /Schemas.
type Schema struct {
	ID, Name, Description string
	Attributes            []*Attribute
}

// ResourceType is a resource type (RFC 7643 §6) with its schemas. A mapping hands out one that holds only what is mapped,
// so "unknown" and "not mapped" are the same thing to everything below. Common attributes (id, externalId, meta, schemas) are attributes like others.
type ResourceType struct {
	ID, Name, Description, Endpoint string // Endpoint: "/Users"
	Schema                          *Schema
	Extensions                      []Extension
}

// Extension is a schema extension of a resource type.
type Extension struct {
	Schema   *Schema
	Required bool
}

// Ref is a path resolved against a resource type, in canonical names.
type Ref struct {
	URI    string      // the extension's URN; "" for the core schema and common attributes
	Attr   *Attribute  // nil for a bare extension URN
	Filter filter.Expr // canonical names inside; nil when none
	Sub    *Attribute  // nil when none
}

func (r Ref) String() string { panic("contract") } // canonical: `emails[type eq "work"].value`, `urn:…:User:manager.value`

// Contract (each returns *Error with the scimType said):
//   func UserSchema() *Schema; GroupSchema(); EnterpriseUserSchema(); ServiceProviderConfigSchema(); ResourceTypeSchema(); SchemaSchema()   // fresh deep copies, RFC 7643 §4.1-4.3, 5, 6, 7 whole, with descriptions
//   const UserURN, GroupURN, EnterpriseURN, ListResponseURN, PatchOpURN, ErrorURN, …
//   func (rt *ResourceType) Resolve(p filter.Path) (Ref, bool)
//   func (rt *ResourceType) URNs() []string
//   func (rt *ResourceType) CheckFilter(e filter.Expr) error      // 400 invalidFilter naming the unknown or unfilterable (returned never / writeOnly) attribute, or an operator that does not fit the type (RFC 7644 §3.4.2.2)
//   func (s *Schema) Object(location string) *Object ; func (rt *ResourceType) Object(location string) *Object   // discovery documents
//   func (rt *ResourceType) Decode(o *Object) (res *Object, dropped []string, err error)   // body of POST/PUT: canonical names and order, types coerced (CLIENTS.md 6, 10, 11, 12, 15, 18, 20), null and "" dropped, unknown names dropped and listed, readOnly parts dropped silently
//   func (rt *ResourceType) Validate(after, before *Object) error  // required, canonical types, immutable against before (nil on create), one primary; before may lack what was not read
//   func (rt *ResourceType) DecodePatch(o *Object) (p Patch, dropped []string, err error)
//   func Match(e filter.Expr, rt *ResourceType, res *Object) bool  // RFC 7644 §3.4.2.2 with DESIGN's `ne`
//   func (rt *ResourceType) ParseProjection(attributes, excluded string) (Projection, error) // both: 400; unknown names are ignored (RFC 7644 §3.9)
//   func (rt *ResourceType) Project(res *Object, p Projection) *Object  // returned always/never/default/request; shares, does not edit its input
//   func (p Projection) Wants(ref Ref) bool                        // may this attribute appear in the answer?
//   func (p Projection) Explicit() bool

// Projection is which attributes an answer shows (RFC 7644 §3.9). The zero value is the default set.
type Projection struct {
	Only    []Ref // attributes=; nil when not given
	Without []Ref // excludedAttributes=
	only    bool
}

// Patch is a decoded and checked PATCH body.
type Patch struct{ ops []operation }

type operation struct{}

// SetDelta is what a patch does to a multi-valued attribute that was not read: which values it adds and which it removes,
// the last operation on a value having won. Values are the elements' `value` (an id for members). Elements carries the added elements whole.
type SetDelta struct {
	Attr     string // canonical path, "members"
	Add      []string
	Remove   []string
	Elements []*Object // same order as Add
}

// Unread lists those of sets (canonical names of multi-valued attributes) that p only adds listed elements to or removes listed elements from, so that they need not be read.
//   func (p Patch) Unread(sets []string) []string
// Touches lists the canonical top-level paths that p may change.
//   func (p Patch) Touches() []string
// Apply gives the resource after p and leaves before alone. Attributes named in unread are absent from before; what p does to them comes back as deltas.
//   func (p Patch) Apply(rt *ResourceType, before *Object, unread []string) (after *Object, deltas []SetDelta, err error)

// Error is the one error of the SCIM side. Detail is for the client; Cause for the log only. It renders as RFC 7644 §3.12 says, status as a string.
type Error struct {
	Status     int    // HTTP status code
	Type       string // scimType: invalidFilter, tooMany, uniqueness, mutability, invalidSyntax, invalidPath, noTarget, invalidValue, invalidVers, sensitive, or ""
	Detail     string
	RetryAfter int // seconds; 0: none
	Cause      error
}

// Caller is who asks. Every request has one; Tenant is "default" until there are more.
type Caller struct {
	Tenant    string
	Client    string // the client's name from the configuration
	Subject   string
	Address   string // IP
	UserAgent string
	RequestID string
}
