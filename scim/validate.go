package scim

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Validate says whether a resource may be as it is: required attributes are there, values are of their types, what is immutable is as before, and of each
// list one element at most is primary. before is nil on create; it may lack what was not read, and what was lacking before may go on lacking.
func (rt *ResourceType) Validate(after, before *Object) error {
	for _, a := range rt.common() {
		if a.Name == attrSchemas {
			continue
		}
		if err := validate(Ref{Attr: a}, after, before); err != nil {
			return err
		}
	}
	for _, a := range rt.Schema.Attributes {
		if err := validate(Ref{Attr: a}, after, before); err != nil {
			return err
		}
	}
	for _, x := range rt.Extensions {
		now, was := member(after, x.Schema.ID), member(before, x.Schema.ID)
		is, ok := now.(*Object)
		if now != nil && !ok {
			return BadRequest(InvalidValue, "%s must be an object.", x.Schema.ID)
		}
		if !present(now) {
			if x.Required && (before == nil || present(was)) {
				return BadRequest(InvalidValue, "The extension %s is required.", x.Schema.ID)
			}
			if !present(was) {
				continue
			}
		}
		had, _ := was.(*Object)
		for _, a := range x.Schema.Attributes {
			if err := validate(Ref{URI: x.Schema.ID, Attr: a}, is, had); err != nil {
				return err
			}
		}
	}
	return nil
}

// validate checks one attribute; after and before are the objects that hold it.
func validate(ref Ref, after, before *Object) error {
	a := ref.Attr
	now, was := member(after, a.Name), member(before, a.Name)
	switch {
	case a.Mutability == ReadOnly:
		return nil // the server's own
	case !present(now) && a.Required && (before == nil || present(was)):
		return BadRequest(InvalidValue, "%s is required.", ref)
	case a.Required && blank(now):
		return BadRequest(InvalidValue, "%s must hold more than blanks.", ref)
	case a.Mutability == Immutable && present(was) && !sameValue(a, now, was):
		return BadRequest(NotMutable, "%s cannot be changed once it is set.", ref)
	case now == nil:
		return nil
	}
	list, isList := now.([]any)
	if isList != a.MultiValued {
		return BadRequest(InvalidValue, "%s takes %s.", ref, map[bool]string{true: "a list of values", false: "one value"}[a.MultiValued])
	}
	if !isList {
		return validateValue(ref, now, was)
	}
	for _, e := range list {
		if err := validateValue(ref, e, nil); err != nil {
			return err
		}
	}
	if primaries := primariesOf(list); primaries > 1 && primaries > primariesOf(was) {
		return BadRequest(InvalidValue, "%s has %d elements that are primary; one at most may be.", ref, primaries)
	}
	return nil
}

// primariesOf counts the elements of a list that say they are the primary one. A directory may hold several, and whoever changes something else there
// must not be hindered by it.
func primariesOf(v any) (n int) {
	list, _ := v.([]any)
	for _, e := range list {
		if member(e, "primary") == true {
			n++
		}
	}
	return n
}

// validateValue checks one value: its type, and the parts of a complex one. was is the single value before; nil for an element of a list, which has none.
func validateValue(ref Ref, now, was any) error {
	a := ref.Attr
	if a.Type != TypeComplex {
		if _, ok := fitting(a.Type, now); !ok {
			return BadRequest(InvalidValue, "%s must be %s.", ref, typeName(a.Type))
		}
		return nil
	}
	o, ok := now.(*Object)
	if !ok {
		return BadRequest(InvalidValue, "%s must be an object.", ref)
	}
	had, _ := was.(*Object)
	for _, sub := range a.SubAttributes {
		if err := validatePart(Ref{URI: ref.URI, Attr: a, Sub: sub}, member(o, sub.Name), member(had, sub.Name), had != nil); err != nil {
			return err
		}
	}
	return nil
}

func validatePart(ref Ref, now, was any, existed bool) error {
	sub := ref.Sub
	switch {
	case sub.Mutability == ReadOnly:
		return nil
	case !present(now) && sub.Required && (!existed || present(was)):
		return BadRequest(InvalidValue, "%s is required.", ref)
	case sub.Mutability == Immutable && present(was) && !sameValue(sub, now, was):
		return BadRequest(NotMutable, "%s cannot be changed once it is set.", ref)
	case now == nil:
		return nil
	}
	for _, v := range elements(sub, now) {
		if _, ok := fitting(sub.Type, v); !ok && sub.Type != TypeComplex {
			return BadRequest(InvalidValue, "%s must be %s.", ref, typeName(sub.Type))
		}
	}
	return nil
}

// sameValue compares two values of an attribute as a filter would: without case where the attribute has none.
func sameValue(a *Attribute, x, y any) bool {
	if a.Type == TypeComplex || a.MultiValued {
		return Equal(x, y)
	}
	return stands(a, x, filter.Eq, y)
}

// blank is true of a text of nothing but blanks.
func blank(v any) bool {
	s, ok := v.(string)
	return ok && strings.TrimSpace(s) == ""
}
