package scim

import (
	"iter"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Match says whether the resource fulfils the filter (RFC 7644 §3.4.2.2).
//
// A multi-valued attribute fulfils a test when any of its values does. Strings compare by the attribute's Prep or caseExact, dates as instants, numbers
// exactly. A test of what is absent is false, but for `ne` and `eq null`: `a ne v` is `not (a eq v)`, in brackets for each element by itself, so that
// `emails.type ne "work"` means "no mail address for work" and `emails[type ne "work"]` "some mail address for something else".
// An element without `primary` has false there, and none that is present.
// An attribute that the resource type does not have is absent; CheckFilter refuses it before.
func Match(e filter.Expr, rt *ResourceType, res *Object) bool {
	switch e := e.(type) {
	case filter.And:
		for _, t := range e.Terms {
			if !Match(t, rt, res) {
				return false
			}
		}
		return true
	case filter.Or:
		for _, t := range e.Terms {
			if Match(t, rt, res) {
				return true
			}
		}
		return false
	case filter.Not:
		return !Match(e.Term, rt, res)
	case filter.Compare:
		ref, _ := rt.locate(e.Path)
		return fulfils(e.Op, e.Value, valuesAt(res, ref))
	case filter.Has:
		ref, _ := rt.locate(e.Path)
		for range valuesAt(res, ref) {
			return true
		}
		return false
	default:
		return false
	}
}

// matchElement says whether one value of attr fulfils the filter in the brackets behind attr.
func matchElement(e filter.Expr, attr *Attribute, element any) bool {
	switch e := e.(type) {
	case filter.And:
		for _, t := range e.Terms {
			if !matchElement(t, attr, element) {
				return false
			}
		}
		return true
	case filter.Or:
		for _, t := range e.Terms {
			if matchElement(t, attr, element) {
				return true
			}
		}
		return false
	case filter.Not:
		return !matchElement(e.Term, attr, element)
	case filter.Compare:
		return fulfils(e.Op, e.Value, func(yield func(*Attribute, any) bool) {
			sub, ok := within(attr, e.Path)
			switch {
			case !ok:
			case sub == attr:
				yield(attr, element)
			default:
				yieldPart(attr, sub, element, yield)
			}
		})
	default:
		return false
	}
}

// valuesAt yields the values that a reference leads to, each with the attribute it belongs to; what is absent yields nothing.
func valuesAt(res *Object, ref Ref) iter.Seq2[*Attribute, any] {
	return func(yield func(*Attribute, any) bool) {
		if ref.Attr == nil {
			return
		}
		if ref.URI != "" {
			res, _ = member(res, ref.URI).(*Object)
		}
		for a, v := range elements(ref.Attr, member(res, ref.Attr.Name)) {
			if ref.Filter != nil && !matchElement(ref.Filter, a, v) {
				continue
			}
			var more bool
			if ref.Sub != nil {
				more = yieldPart(a, ref.Sub, v, yield)
			} else {
				more = yieldValues(a, v, yield)
			}
			if !more {
				return
			}
		}
	}
}

// yieldPart yields what a part of an element holds. An element that does not say whether it is the primary one yields nil for it, which is no value
// and compares as false (RFC 7643 §2.4).
func yieldPart(attr, sub *Attribute, element any, yield func(*Attribute, any) bool) (more bool) {
	v := member(element, sub.Name)
	if _, is := element.(*Object); is && v == nil && attr.MultiValued && sub.IsPrimary() {
		return yield(sub, nil)
	}
	return yieldValues(sub, v, yield)
}

func elements(a *Attribute, v any) iter.Seq2[*Attribute, any] {
	return func(yield func(*Attribute, any) bool) { yieldValues(a, v, yield) }
}

// yieldValues yields v, or each of its elements where it is a list.
func yieldValues(a *Attribute, v any, yield func(*Attribute, any) bool) (more bool) {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		for _, e := range v {
			if !yield(a, e) {
				return false
			}
		}
		return true
	default:
		return yield(a, v)
	}
}

// member is the member of an object; nil when v is none or has none.
func member(v any, name string) any {
	o, _ := v.(*Object)
	m, _ := o.Get(name)
	return m
}

// fulfils says whether a test holds for the values of a path.
func fulfils(op filter.Op, literal any, values iter.Seq2[*Attribute, any]) bool {
	switch {
	case op == filter.Ne:
		return !fulfils(filter.Eq, literal, values)
	case op == filter.Pr:
		return anyPresent(values)
	case literal == nil:
		return op == filter.Eq && !anyPresent(values)
	}
	for a, v := range values {
		if a.Type == TypeComplex { // a bare complex attribute means its value
			v = member(v, valueName)
			if a = a.Sub(valueName); a == nil {
				continue
			}
		}
		if v == nil && a.IsPrimary() {
			v = false
		}
		if stands(a, v, op, literal) {
			return true
		}
	}
	return false
}

func anyPresent(values iter.Seq2[*Attribute, any]) bool {
	for _, v := range values {
		if present(v) {
			return true
		}
	}
	return false
}

// present says whether a value is one: empty strings, lists and objects, and those that hold nothing else, are not.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case *Object:
		for _, m := range v.All() {
			if present(m) {
				return true
			}
		}
		return false
	case []any:
		return slices.ContainsFunc(v, present)
	default:
		return true
	}
}

// stands says whether a value stands in relation op to a literal. Values of another type than the attribute's stand in none.
func stands(a *Attribute, v any, op filter.Op, literal any) bool {
	switch a.Type {
	case TypeBoolean:
		x, ok := v.(bool)
		y, is := truth(literal)
		return ok && is && op == filter.Eq && x == y
	case TypeInteger, TypeDecimal:
		return isNumber(v) && isNumber(literal) && Ordered(op, compareNumbers(v, literal))
	default:
		return textStands(a, v, op, literal)
	}
}

// textStands is stands for what JSON has no type of its own for.
func textStands(a *Attribute, v any, op filter.Op, literal any) bool {
	x, ok := v.(string)
	y, is := literal.(string)
	if !ok || !is {
		return false
	}
	if a.Type == TypeDateTime {
		s, ok := instant(x)
		t, is := instant(y)
		return ok && is && Ordered(op, s.Compare(t))
	}
	return TextStands(a.Normal(x), op, a.Normal(y))
}

// TextStands says whether a text stands in relation op to another, letter by letter: fold and trim them before.
func TextStands(x string, op filter.Op, y string) bool {
	switch op {
	case filter.Co:
		return strings.Contains(x, y)
	case filter.Sw:
		return strings.HasPrefix(x, y)
	case filter.Ew:
		return strings.HasSuffix(x, y)
	default:
		return Ordered(op, strings.Compare(x, y))
	}
}

// Ordered says whether a comparison's outcome (-1, 0, +1) is what op asks for.
func Ordered(op filter.Op, c int) bool {
	switch op {
	case filter.Eq:
		return c == 0
	case filter.Gt:
		return c > 0
	case filter.Ge:
		return c >= 0
	case filter.Lt:
		return c < 0
	case filter.Le:
		return c <= 0
	default:
		return false
	}
}
