package scim

import (
	"net/http"
	"slices"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Apply gives the resource after p and leaves before, and p, alone. It happens whole or not at all: after an error there is no resource.
// Attributes named in unread (see Unread) are absent from before; what p does to them comes back as deltas.
//
// What may not be is refused here where only the operation shows it (a path that finds nothing, a part of an element that cannot be edited);
// what the outcome shows is for Validate.
func (p Patch) Apply(rt *ResourceType, before *Object, unread []string) (after *Object, deltas []SetDelta, err error) {
	e := newEditor(rt, before)
	e.unread = unread
	for _, op := range p.ops {
		if err := e.do(op); err != nil {
			return nil, nil, err
		}
	}
	for _, d := range e.deltas {
		if e.isUnread(d.ref) {
			deltas = append(deltas, d.set())
		} else {
			e.flush(d)
		}
	}
	e.tidy(before)
	return e.res, deltas, nil
}

// editor is a resource being changed: a copy, which shares nothing with the resource before.
type editor struct {
	rt     *ResourceType
	res    *Object
	fresh  bool // a body is read, and what was there before is not known
	unread []string
	deltas []*delta // listed operations that have not been done yet
}

func newEditor(rt *ResourceType, before *Object) *editor {
	if before == nil {
		return &editor{rt: rt, res: NewObject(), fresh: true}
	}
	return &editor{rt: rt, res: before.Clone()}
}

func (e *editor) isUnread(ref Ref) bool {
	name := ref.Top().String()
	return slices.ContainsFunc(e.unread, func(u string) bool { return sameName(u, name) })
}

// do takes the next operation.
func (e *editor) do(op operation) error {
	i := slices.IndexFunc(e.deltas, func(d *delta) bool { return d.ref.Attr == op.ref.Attr })
	if op.listed() {
		if i < 0 {
			i = len(e.deltas)
			e.deltas = append(e.deltas, &delta{ref: op.ref.Top(), last: make(map[string]lastOp)})
		}
		e.deltas[i].take(op)
		return nil
	}
	if e.isUnread(op.ref) {
		return Errorf(http.StatusInternalServerError, "", "The server did not read %s.", op.ref.Top())
	}
	if i >= 0 { // this one may depend on what the others did
		e.flush(e.deltas[i])
		e.deltas = slices.Delete(e.deltas, i, i+1)
	}
	switch a := op.ref.Attr; {
	case op.kind == opExpect:
		return e.expect(op)
	case a.MultiValued:
		return e.multi(op)
	case a.Type == TypeComplex:
		return e.complex(op)
	default:
		e.put(op.ref, cloneValue(op.value))
		return nil
	}
}

func (e *editor) flush(d *delta) {
	b := newBag(d.ref.Attr, e.list(d.ref))
	d.applyTo(b)
	e.put(d.ref, b.list)
}

// holder is the object that an attribute is a member of: the resource, or an extension's object; nil when there is none.
func (e *editor) holder(uri string) *Object {
	if uri == "" {
		return e.res
	}
	o, _ := member(e.res, uri).(*Object)
	return o
}

func (e *editor) get(ref Ref) any { return member(e.holder(ref.URI), ref.Attr.Name) }

func (e *editor) list(ref Ref) []any {
	switch v := e.get(ref).(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// put sets an attribute. Nothing, an empty list and an empty object unassign it; an extension without attributes goes too.
func (e *editor) put(ref Ref, v any) {
	h := e.holder(ref.URI)
	switch {
	case !present(v) && h == nil:
	case !present(v):
		h.Delete(ref.Attr.Name)
		if ref.URI != "" && h.Len() == 0 {
			e.res.Delete(ref.URI)
		}
	default:
		if h == nil {
			h = NewObject()
			e.res.Set(ref.URI, h)
		}
		h.Set(ref.Attr.Name, v)
	}
}

// expect refuses a new value for what cannot be changed.
func (e *editor) expect(op operation) error {
	for a, v := range valuesAt(e.res, op.ref) {
		if stands(a, v, filter.Eq, op.value) {
			return nil
		}
	}
	return BadRequest(NotMutable, "%s is read-only and cannot be changed.", op.ref)
}

// complex does an operation on a single complex attribute: its parts are set one by one, those that are not mentioned stay (RFC 7644 §3.5.2.3).
func (e *editor) complex(op operation) error {
	a := op.ref.Attr
	o, _ := e.get(op.ref).(*Object)
	if op.ref.Filter != nil && (o == nil || !matchElement(op.ref.Filter, a, o)) {
		if op.kind == opRemove {
			return nil
		}
		return noTarget(op.ref)
	}
	if op.kind == opRemove && op.ref.Sub == nil {
		e.put(op.ref, nil)
		return nil
	}
	had := member(o, valueName) != nil
	if o == nil {
		o = NewObject()
	}
	merge(a, o, op.parts())
	if had && member(o, valueName) == nil {
		o = NewObject() // what is left describes a value that is gone: manager.displayName
	}
	e.put(op.ref, o)
	return nil
}

// parts is what an operation says of the parts of a complex value; nil takes one away.
func (op operation) parts() *Object {
	if op.ref.Sub == nil {
		o, _ := op.value.(*Object)
		return o
	}
	return &Object{members: []pair{{op.ref.Sub.Name, op.value}}}
}

// merge sets parts of a complex value.
func merge(a *Attribute, o, parts *Object) {
	for name, v := range parts.All() {
		if v == nil {
			o.Delete(name)
		} else {
			o.Set(name, cloneValue(v))
		}
	}
	arrange(o, a.SubAttributes)
}

func noTarget(ref Ref) error {
	return BadRequest(NoTarget, "Nothing is at %s.", short(ref.String()))
}

// tidy brings members into order and `schemas` up to date with the extensions that came or went.
func (e *editor) tidy(before *Object) {
	schemas, _ := member(e.res, attrSchemas).([]any)
	has := func(urn string) int {
		return slices.IndexFunc(schemas, func(v any) bool { return namesSchema(v, urn) })
	}
	if before == nil {
		schemas = []any{e.rt.Schema.ID}
	}
	for _, x := range e.rt.Extensions {
		urn := x.Schema.ID
		was, is := present(member(before, urn)), present(member(e.res, urn))
		switch i := has(urn); {
		case is && i < 0:
			schemas = append(schemas, urn)
		case was && !is && i >= 0 && !x.Required:
			schemas = slices.Delete(schemas, i, i+1)
		}
		if o, ok := member(e.res, urn).(*Object); ok {
			arrange(o, x.Schema.Attributes)
		}
	}
	if len(schemas) > 0 {
		e.res.Set(attrSchemas, schemas)
	}
	next := 0
	for _, name := range e.rt.names() {
		next = e.res.advance(name, next)
	}
}
