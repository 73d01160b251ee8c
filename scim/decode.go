package scim

import (
	"strconv"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Decode makes a resource of the body of POST or PUT: canonical names in the schema's order, values of the schema's types. Names that are not known are
// dropped and listed, readOnly ones dropped (RFC 7644 §3.3: "SHALL be ignored"), null and "" are absence. `schemas` follows from what the resource holds.
//
// A body is decoded as a PATCH without path would be, and applied to nothing: so both understand the same spellings.
func (rt *ResourceType) Decode(o *Object) (res *Object, dropped []string, err error) {
	d := decoder{coercer: coercer{rt: rt}, body: true}
	if err := d.expand(opAdd, "", o); err != nil {
		return nil, nil, err
	}
	res, _, err = Patch{d.ops}.Apply(rt, nil, nil)
	return res, d.dropped, err
}

// decoder makes operations of bodies.
type decoder struct {
	coercer
	body    bool // of POST or PUT, where readOnly attributes are ignored rather than refused
	lenient bool // an operation whose path names nothing is dropped and listed
	asked   bool // what is being decoded has a path that the client wrote out
	ops     []operation
}

// expand makes an operation for each member of an object that names attributes: by name, with a URN before it, dotted, with brackets, or an extension's URN
// with an object of its own. urn is the schema whose object this is; "" for the resource.
func (d *decoder) expand(k kind, urn string, o *Object) error {
	for name, v := range o.All() {
		p, err := filter.ParsePath(name)
		if err == nil && p.URI == "" {
			p.URI = urn
		}
		ref, ok := d.rt.Resolve(p)
		if err != nil || !ok {
			if urn != "" {
				name = urn + ":" + name
			}
			d.drop(name)
			continue
		}
		if ref.Attr != nil {
			err = d.named(k, ref, v)
		} else if _, is := v.(*Object); urn != "" || present(v) && !is {
			err = BadRequest(InvalidValue, "%s must be an object.", ref.URI)
		} else if present(v) || !d.body {
			err = d.wholeSchema(k, ref.URI, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named adds the operation for an attribute that an object named. Clients send back what they have read, so here what cannot be changed is no fault
// unless it differs: a list of groups may be old and is let pass, an id may not.
func (d *decoder) named(k kind, ref Ref, v any) error {
	if ref.Filter != nil {
		if err := checkBrackets(ref.Attr, ref.Filter); err != nil {
			return err
		}
	}
	a := ref.Attr
	switch {
	case a.Name == attrSchemas && ref.URI == "":
		return nil
	case a.Mutability == ReadOnly && (d.body || a.MultiValued || a.Type == TypeComplex):
		return nil
	case a.Mutability == ReadOnly:
		return d.expect(ref, v)
	case ref.Target().Mutability == ReadOnly:
		return nil // as within an object: manager.displayName
	}
	return d.change(k, ref, v, false)
}

// expect adds the demand that a readOnly attribute already has this value.
func (d *decoder) expect(ref Ref, v any) error {
	w, err := d.simple(ref.Attr, v, ref.String())
	if err != nil {
		return err
	}
	if w != nil {
		d.ops = append(d.ops, operation{kind: opExpect, ref: ref, value: w, asked: d.asked})
	}
	return nil
}

// change adds an operation on an attribute that may be changed, its value coerced to what the reference leads to.
func (d *decoder) change(k kind, ref Ref, v any, given bool) error {
	bare := len(d.bare)
	w, err := d.coerce(ref, v)
	if err != nil {
		return err
	}
	if d.asked && k != opRemove && len(d.bare) > bare {
		switch { // nothing of it has a place, and done all the same a replace would only take away what is there
		case !d.lenient:
			return BadRequest(InvalidValue, "Nothing is known of %s, and nothing else is said of it.", d.bare[bare])
		case !present(w):
			return nil
		}
	}
	whole := ref.Sub == nil && ref.Filter == nil && ref.Attr.MultiValued
	switch {
	case k == opRemove && given && whole:
		if w == nil {
			return nil // none were listed
		}
	case k == opRemove:
		given, w = false, nil
	case w != nil:
	case ref.Target().Required && ref.Filter == nil && !d.body:
		return BadRequest(InvalidValue, "%s is required and cannot be empty.", ref)
	case d.body || k == opAdd && whole:
		return nil
	default:
		k, given = opRemove, false // "", null and [] unassign
	}
	if k == opRemove && ref.Target().Mutability == WriteOnly {
		if !d.asked {
			return nil // who reads null sends null back
		}
		return BadRequest(NotMutable, "%s can be set, but neither be read nor be removed.", ref)
	}
	if len(d.ops) >= MaxOperations {
		return BadRequest(InvalidSyntax, "The body says more than %d things at once.", MaxOperations)
	}
	d.ops = append(d.ops, operation{kind: k, ref: ref, value: w, given: given, asked: d.asked})
	return nil
}

// coerce gives v the shape that the reference asks for: of the sub-attribute, of one element, or of the whole attribute.
func (d *decoder) coerce(ref Ref, v any) (any, error) {
	at := ref.String()
	switch {
	case ref.Sub != nil:
		return d.value(ref.Sub, v, at)
	case ref.Filter == nil:
		return d.value(ref.Attr, v, at)
	case ref.Attr.Type != TypeComplex:
		return d.simple(ref.Attr, v, at)
	}
	o, err := d.complex(ref.Attr, v, at)
	if o == nil || err != nil {
		return nil, err
	}
	return o, nil
}

// ordinal is the number by which a person counts the operations.
func ordinal(i int) string { return strconv.Itoa(i + 1) }
