package scim

import (
	"errors"
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// MaxOperations is how many operations a PATCH may have. The largest seen from real clients has some hundreds; a list of members is one operation however long it is.
const MaxOperations = 2000

// Patch is a decoded and checked PATCH body (RFC 7644 §3.5.2). It holds no resource: Apply it to one.
type Patch struct{ ops []operation }

// kind is what an operation does.
type kind uint8

const (
	opAdd kind = iota + 1
	opReplace
	opRemove
	opExpect // the attribute must already be so: a client sent back what it cannot change
)

// operation is one change of one attribute: operations without a path, or with the path of an extension, have been taken apart.
type operation struct {
	kind  kind
	ref   Ref
	value any  // coerced; what shape it has follows from ref. In a complex value nil takes the part away
	given bool // opRemove: only the elements in value go
	asked bool // the client wrote the path out; it is no member of an object
}

// DecodePatch reads a PATCH body. Names in a value without path that are not known are dropped and listed; an unknown name in a path is 400 invalidPath,
// unless the client's profile has it that the operation is dropped and listed too. A path that cannot be read is refused from everybody.
func (rt *ResourceType) DecodePatch(o *Object, profile Profile) (p Patch, dropped []string, err error) {
	list, err := patchOperations(o)
	if err != nil {
		return Patch{}, nil, err
	}
	d := decoder{coercer: coercer{rt: rt}, lenient: profile.IgnoreUnknownPaths}
	for i, v := range list {
		in, ok := v.(*Object)
		if !ok {
			return Patch{}, nil, BadRequest(InvalidSyntax, "Operation %d is not a JSON object.", i+1)
		}
		if err := d.patchOperation(in); err != nil {
			var e *Error
			if len(list) > 1 && errors.As(err, &e) {
				e.Detail = "Operation " + ordinal(i) + ": " + e.Detail
			}
			return Patch{}, nil, err
		}
	}
	return Patch{d.ops}, d.dropped, nil
}

// patchOperations finds the list of operations in a body that says it is a PATCH.
func patchOperations(o *Object) ([]any, error) {
	if err := CheckMessage(o, PatchOpURN); err != nil {
		return nil, err
	}
	v, _ := o.Get("Operations")
	list, ok := v.([]any)
	switch {
	case !ok:
		return nil, BadRequest(InvalidSyntax, "The body needs a list called Operations.")
	case len(list) == 0:
		return nil, BadRequest(InvalidSyntax, "Operations is empty: there is nothing to do.")
	case len(list) > MaxOperations:
		return nil, BadRequest(InvalidSyntax, "Operations has %d elements; at most %d are taken in one request.", len(list), MaxOperations)
	}
	return list, nil
}

func namesSchema(v any, urn string) bool {
	if list, ok := v.([]any); ok {
		return slices.ContainsFunc(list, func(v any) bool { return namesSchema(v, urn) })
	}
	s, ok := v.(string)
	return ok && sameName(s, urn)
}

// patchOperation decodes one operation.
func (d *decoder) patchOperation(in *Object) error {
	k, err := operationKind(in)
	if err != nil {
		return err
	}
	v, given := in.Get("value")
	path, ok := member(in, "path").(string)
	if p, is := in.Get("path"); is && p != nil && !ok {
		return BadRequest(InvalidPath, "The path must be a string.")
	}
	if !given && k != opRemove {
		return BadRequest(InvalidValue, "The operation has no value.")
	}
	if path == "" {
		return d.withoutPath(k, v)
	}
	ref, known, err := d.path(path)
	switch {
	case err != nil:
		return err
	case !known && d.lenient:
		d.drop(path)
		return nil
	case !known:
		return BadRequest(InvalidPath, "%s has no attribute %q.", d.rt.Name, short(path))
	case ref.Attr == nil:
		return d.wholeSchema(k, ref.URI, v)
	}
	d.asked = true
	err = d.atPath(k, ref, v, given && v != nil)
	d.asked = false
	return err
}

func operationKind(in *Object) (kind, error) {
	op, ok := member(in, "op").(string)
	switch {
	case !ok:
		return 0, BadRequest(InvalidSyntax, "The operation has no op; it must be add, replace or remove.")
	case sameName(op, "add"):
		return opAdd, nil
	case sameName(op, "replace"):
		return opReplace, nil
	case sameName(op, "remove"):
		return opRemove, nil
	}
	return 0, BadRequest(InvalidSyntax, "The op %q is none of add, replace and remove.", short(op))
}

// path finds what the path of an operation means; not known: it is well formed and names nothing of this resource type.
func (d *decoder) path(text string) (ref Ref, known bool, err error) {
	p, err := filter.ParsePath(text)
	if err != nil {
		return Ref{}, false, BadRequest(InvalidPath, "The path %q cannot be read: at %s.", short(text), err).Wrap(err)
	}
	ref, known = d.rt.Resolve(p)
	if known && ref.Filter != nil {
		err = checkBrackets(ref.Attr, ref.Filter)
	}
	return ref, known, err
}

// withoutPath takes an operation apart whose value says which attributes it is about.
func (d *decoder) withoutPath(k kind, v any) error {
	if k == opRemove {
		return BadRequest(NoTarget, "A remove needs a path: it says what is to be removed.")
	}
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	o, ok := v.(*Object)
	if !ok {
		return BadRequest(InvalidValue, "Without a path the value must be an object that names the attributes.")
	}
	return d.expand(k, "", o)
}

// wholeSchema takes an operation apart whose path is a schema: an extension's, or the resource type's own.
func (d *decoder) wholeSchema(k kind, urn string, v any) error {
	s := d.rt.extension(urn)
	o, ok := v.(*Object)
	switch {
	case k != opRemove && ok:
		return d.expand(k, urn, o) // {} says nothing
	case k != opRemove && present(v):
		return BadRequest(InvalidValue, "%s must be an object.", urn)
	case s == nil:
		return BadRequest(NotMutable, "A resource cannot lose its schema %s.", urn)
	}
	for _, a := range s.Attributes {
		if a.Mutability == ReadOnly || a.Mutability == WriteOnly {
			continue
		}
		if err := d.atPath(opRemove, Ref{URI: s.ID, Attr: a}, nil, false); err != nil {
			return err
		}
	}
	return nil
}

// atPath adds the operation for a path that the client wrote out. What may not be changed is refused.
func (d *decoder) atPath(k kind, ref Ref, v any, given bool) error {
	switch a := ref.Attr; {
	case a.Name == attrID && ref.URI == "" && k != opRemove:
		return d.expect(ref, v)
	case a.Name == attrSchemas && ref.URI == "" && k != opRemove:
		return nil // follows from what the resource holds
	case a.Mutability == ReadOnly || ref.Target().Mutability == ReadOnly:
		return BadRequest(NotMutable, "%s is read-only.", ref)
	case k == opRemove && a.Required && ref.Sub == nil && ref.Filter == nil && !given:
		return BadRequest(NotMutable, "%s is required and cannot be removed.", ref)
	}
	return d.change(k, ref, v, given)
}

// Touches lists the canonical paths of the attributes that p may change or looks at, without filters and sub-attributes.
func (p Patch) Touches() []string {
	var paths []string
	for _, op := range p.ops {
		if path := op.ref.Top().String(); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// Chosen lists the elements that paths address by a condition in brackets, `emails[type eq "home"]`, without what follows the brackets. Whoever finds
// that nothing can hold such an element knows that the client asked for it by name. The members of a value without path are not among them.
func (p Patch) Chosen() []string {
	var paths []string
	for _, op := range p.ops {
		if op.asked && op.ref.Filter != nil {
			paths = append(paths, Ref{URI: op.ref.URI, Attr: op.ref.Attr, Filter: op.ref.Filter}.String())
		}
	}
	return paths
}

// Placed lists the types of the elements that operations with a path write, or make of others: `emails[type eq "home"]` of one that adds a private
// mail address, and of one that turns another into that. Where nothing can hold such an element the value would be lost, though nobody asked for that.
func (p Patch) Placed() []string {
	var paths []string
	seen := map[Ref]map[string]bool{}
	for _, op := range p.ops {
		if !op.asked || op.kind == opRemove || !op.ref.Attr.MultiValued || op.ref.Attr.Type != TypeComplex {
			continue
		}
		top := op.ref.Top()
		if seen[top] == nil {
			seen[top] = map[string]bool{}
		}
		elements := op.elements()
		if op.ref.Filter != nil || op.ref.Sub != nil {
			elements = []any{op.parts()}
		}
		for _, e := range elements {
			if kind, ok := member(e, "type").(string); ok && !seen[top][kind] {
				seen[top][kind] = true
				top.Filter = filter.Compare{Path: filter.Path{Attr: "type"}, Op: filter.Eq, Value: kind}
				paths = append(paths, top.String())
				top.Filter = nil
			}
		}
	}
	return paths
}

// Cleared lists the attributes of one value that operations with a path leave without any.
func (p Patch) Cleared() []string {
	var paths []string
	for _, op := range p.ops {
		if op.asked && op.kind == opRemove && op.ref.Filter == nil && op.ref.Sub == nil && !op.ref.Attr.MultiValued {
			paths = append(paths, op.ref.String())
		}
	}
	return paths
}

// Unassigns lists the parts of several elements that operations take away, `emails.type`. Where the type says which of its attributes the directory
// keeps an element in, none of them can be without.
func (p Patch) Unassigns() []Ref {
	var refs []Ref
	for _, op := range p.ops {
		a := op.ref.Attr
		if !a.MultiValued || a.Type != TypeComplex || op.ref.Filter == nil && op.ref.Sub == nil || op.kind == opRemove && op.ref.Sub == nil {
			continue
		}
		for name, v := range op.parts().All() {
			if !present(v) {
				refs = append(refs, Ref{URI: op.ref.URI, Attr: a, Sub: a.Sub(name)})
			}
		}
	}
	return refs
}
