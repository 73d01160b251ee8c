package scim

// Replaced is the resource after a PUT (RFC 7644 §3.5.1): body, as Decode made it, with what a PUT does not change. That is what is readOnly, and what is
// immutable where body does not mention it. Members that body and before have in common stay as they are. It edits neither.
func (rt *ResourceType) Replaced(before, body *Object) *Object {
	e := newEditor(rt, body)
	for _, a := range rt.common() {
		e.keep(Ref{Attr: a}, before)
	}
	for _, a := range rt.Schema.Attributes {
		e.keep(Ref{Attr: a}, before)
	}
	for _, x := range rt.Extensions {
		had, _ := member(before, x.Schema.ID).(*Object)
		for _, a := range x.Schema.Attributes {
			e.keep(Ref{URI: x.Schema.ID, Attr: a}, had)
		}
	}
	if schemas, ok := before.Get(attrSchemas); ok {
		e.res.Set(attrSchemas, cloneValue(schemas))
	}
	e.tidy(before)
	return e.res
}

// Created is the resource that a POST makes: body, as Decode made it, in which of elements that are the same one is left.
func (rt *ResourceType) Created(body *Object) *Object { return rt.Replaced(NewObject(), body) }

// keep takes over from before what a PUT leaves alone of one attribute.
func (e *editor) keep(ref Ref, before *Object) {
	a := ref.Attr
	was := member(before, a.Name)
	switch v := e.get(ref); {
	case was != nil && (a.Mutability == ReadOnly || a.Mutability == Immutable && v == nil):
		e.put(ref, cloneValue(was))
	case a.MultiValued && v != nil:
		list, _ := was.([]any)
		e.put(ref, newBag(a, list).replacedBy(e.list(ref)).list)
	}
}
