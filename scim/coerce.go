package scim

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// coercer turns what clients send into values of the schema: canonical names, the schema's types. Names that are not known are dropped and listed.
//
// null and "" mean "unassigned" (RFC 7643 §2.5) and come out as nil; within a complex value too, because a PATCH must be able to tell
// "take this part away" from "leave it".
type coercer struct {
	rt      *ResourceType
	dropped []string
	seen    map[string]bool
	bare    []string // complex values that said only what is not known, by a name that was dropped
}

// maxDropped is how many names that are not known are listed: enough to see what is missing, and no way to fill a log.
const maxDropped = 100

// drop lists a name that is not known, once.
func (c *coercer) drop(name string) {
	if c.seen == nil {
		c.seen = make(map[string]bool)
	}
	name = short(name)
	if c.seen[name] || len(c.dropped) > maxDropped {
		return
	}
	if len(c.dropped) == maxDropped {
		name = "…"
	}
	c.seen[name] = true
	c.dropped = append(c.dropped, name)
}

// value coerces v to what attribute a holds. at is its path, for errors.
func (c *coercer) value(a *Attribute, v any, at string) (any, error) {
	switch {
	case a.MultiValued:
		list, err := c.list(a, v, at)
		if len(list) == 0 || err != nil {
			return nil, err
		}
		return list, nil
	case a.Type == TypeComplex:
		o, err := c.complex(a, v, at)
		if o == nil || err != nil {
			return nil, err
		}
		return o, nil
	default:
		return c.simple(a, v, at)
	}
}

// simple coerces a single value. Clients also wrap it: as a list of one, as an object with `value`.
func (c *coercer) simple(a *Attribute, v any, at string) (any, error) {
	switch w := v.(type) {
	case nil:
		return nil, nil
	case []any:
		only, err := onlyOf(w, at)
		if err != nil {
			return nil, err
		}
		return c.simple(a, only, at)
	case *Object:
		inner, ok := w.Get(valueName)
		if _, nested := inner.(*Object); !ok || nested {
			return nil, BadRequest(InvalidValue, "%s is of type %s and cannot be an object.", at, a.Type)
		}
		return c.simple(a, inner, at)
	case string:
		if w == "" {
			return nil, nil
		}
		if strings.ContainsRune(w, 0) {
			return nil, BadRequest(InvalidValue, "%s holds the character U+0000, which ends a text for many who will read it.", at)
		}
	}
	if v, ok := fitting(a.Type, v); ok {
		return v, nil
	}
	return nil, BadRequest(InvalidValue, "%s must be %s.", at, typeName(a.Type))
}

// onlyOf is the value in a list of one, nil for an empty list.
func onlyOf(list []any, at string) (any, error) {
	switch {
	case len(list) == 0:
		return nil, nil
	case len(list) > 1 || isList(list[0]):
		return nil, BadRequest(InvalidValue, "%s takes one value, not a list.", at)
	}
	return list[0], nil
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

// fitting returns the value as type t holds it. Booleans may be words in any case of letters; numbers and strings do not stand for each other.
func fitting(t Type, v any) (any, bool) {
	switch t {
	case TypeBoolean:
		b, ok := truth(v)
		return b, ok
	case TypeInteger:
		n, ok := v.(json.Number)
		_, small := v.(int64)
		return v, small || ok && !strings.ContainsAny(string(n), ".eE")
	case TypeDecimal:
		return v, isNumber(v)
	case TypeDateTime:
		s, _ := v.(string)
		_, ok := instant(s)
		return v, ok
	case TypeBinary:
		s, ok := v.(string)
		_, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
		return v, ok && err == nil
	default:
		_, ok := v.(string)
		return v, ok
	}
}

func typeName(t Type) string {
	switch t {
	case TypeBoolean:
		return "true or false"
	case TypeInteger:
		return "a whole number"
	case TypeDecimal:
		return "a number"
	case TypeDateTime:
		return "a date and time such as 2024-02-29T12:00:00Z"
	case TypeBinary:
		return "base64"
	case TypeComplex:
		return "an object"
	default:
		return "a string"
	}
}

// complex coerces one complex value. A bare string stands for its `value` (Entra's manager, members). readOnly parts are ignored, as a client
// may send back what it has read (RFC 7644 §3.3).
func (c *coercer) complex(a *Attribute, v any, at string) (*Object, error) {
	switch w := v.(type) {
	case nil:
		return nil, nil
	case string:
		value := bareValue(a)
		if w == "" {
			return nil, nil
		}
		if value == nil {
			return nil, BadRequest(InvalidValue, "%s must be an object.", at)
		}
		inner, err := c.simple(value, w, at+"."+value.Name)
		if err != nil {
			return nil, err
		}
		o := NewObject()
		o.Set(value.Name, inner)
		return o, nil
	case []any:
		only, err := onlyOf(w, at)
		if err != nil {
			return nil, err
		}
		return c.complex(a, only, at)
	case *Object:
		return c.parts(a, w, at)
	}
	if bareValue(a) != nil {
		return nil, BadRequest(InvalidValue, "%s must be an object, or its value as a string.", at)
	}
	return nil, BadRequest(InvalidValue, "%s must be an object.", at)
}

// bareValue is the part that a string stands for where a complex value should be; nil for none.
func bareValue(a *Attribute) *Attribute {
	if value := a.Sub(valueName); value != nil && value.Mutability != ReadOnly {
		return value
	}
	return nil
}

// parts coerces the members of a complex value. {"value": ""} alone unassigns the whole.
func (c *coercer) parts(a *Attribute, in *Object, at string) (*Object, error) {
	out := &Object{members: make([]pair, 0, in.Len())}
	unknown := ""
	for name, v := range in.All() {
		sub := a.Sub(name)
		if sub == nil {
			unknown = at + "." + name
			c.drop(unknown)
			continue
		}
		if sub.Mutability == ReadOnly {
			continue
		}
		v, err := c.value(sub, v, at+"."+sub.Name)
		if err != nil {
			return nil, err
		}
		out.Set(sub.Name, v)
	}
	if unknown != "" && (out.Len() == 0 || a.MultiValued && labelsOnly(out)) {
		c.bare = append(c.bare, short(unknown))
	}
	if v, ok := out.Get(valueName); ok && v == nil && !present(out) {
		return nil, nil
	}
	arrange(out, a.SubAttributes)
	return out, nil
}

// arrange puts the members of a complex value into the schema's order.
func arrange(o *Object, attrs []*Attribute) {
	next := 0
	for _, a := range attrs {
		next = o.advance(a.Name, next)
	}
}

// list coerces the values of a multi-valued attribute. A single one may come without a list; those that are empty are left out, and of those that say the same all but the first.
func (c *coercer) list(a *Attribute, v any, at string) ([]any, error) {
	in, ok := v.([]any)
	if !ok {
		in = []any{v}
	}
	set := newBag(a, nil)
	for _, v := range in {
		e, err := c.element(a, v, at)
		if err != nil {
			return nil, err
		}
		if e != nil {
			set.gather(e)
		}
	}
	return set.list, nil
}

// element coerces one value of a multi-valued attribute; nil when there is nothing in it.
func (c *coercer) element(a *Attribute, v any, at string) (any, error) {
	if isList(v) {
		return nil, BadRequest(InvalidValue, "%s must be a list of values, not a list of lists.", at)
	}
	if a.Type != TypeComplex {
		return c.simple(a, v, at)
	}
	o, err := c.complex(a, v, at)
	if err != nil {
		return nil, err
	}
	o = withoutNil(o)
	if isKeyed(a) && member(o, valueName) == nil && present(v) {
		return nil, BadRequest(InvalidValue, "Each element of %s needs a value.", at)
	}
	if labelsOnly(o) {
		return nil, nil
	}
	return o, nil
}

// withoutNil takes the unassigned parts out of a fresh complex value.
func withoutNil(o *Object) *Object {
	if o == nil {
		return nil
	}
	for i := o.Len() - 1; i >= 0; i-- {
		if m := o.members[i]; m.value == nil {
			o.Delete(m.name)
		}
	}
	return o
}

// labelsOnly is true of an element that has lost, or never had, what its labels were for: {"type": "work"}.
func labelsOnly(o *Object) bool {
	for name, v := range o.All() {
		switch name {
		case "type", "primary", "display":
		default:
			if present(v) {
				return false
			}
		}
	}
	return true
}
