package scim


// Contract, to be replaced by real code within the hour; signatures are final.

// Decode: body of POST/PUT: canonical names and order, types coerced (CLIENTS.md 6, 10, 11, 12, 15, 18, 20), null and "" dropped, unknown names dropped and listed, readOnly parts dropped silently
func (rt *ResourceType) Decode(o *Object) (res *Object, dropped []string, err error) {
	panic("contract")
}

// Replaced is the resource after a PUT: body, with what before has and a PUT cannot change (readOnly; immutable and writeOnly where body lacks them).
func (rt *ResourceType) Replaced(before, body *Object) *Object { panic("contract") }

// Validate: required, types, immutable against before (nil on create), one primary; before may lack what was not read
func (rt *ResourceType) Validate(after, before *Object) error { panic("contract") }

func (rt *ResourceType) DecodePatch(o *Object) (p Patch, dropped []string, err error) {
	panic("contract")
}

// ParseProjection: both: 400; unknown names are ignored (RFC 7644 §3.9)
func (rt *ResourceType) ParseProjection(attributes, excluded string) (Projection, error) {
	panic("contract")
}

// Project: returned always/never/default/request; shares, does not edit its input
func (rt *ResourceType) Project(res *Object, p Projection) *Object { panic("contract") }

// Wants: may this attribute appear in the answer?
func (p Projection) Wants(ref Ref) bool { panic("contract") }
func (p Projection) Explicit() bool     { panic("contract") }

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
func (p Patch) Unread(sets []string) []string { panic("contract") }

// Touches lists the canonical top-level paths that p may change.
func (p Patch) Touches() []string { panic("contract") }

// Apply gives the resource after p and leaves before alone. Attributes named in unread are absent from before; what p does to them comes back as deltas.
func (p Patch) Apply(rt *ResourceType, before *Object, unread []string) (after *Object, deltas []SetDelta, err error) {
	panic("contract")
}
