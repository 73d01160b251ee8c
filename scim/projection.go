package scim

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Projection is which attributes an answer shows (RFC 7644 §3.9). The zero value is the default set.
type Projection struct {
	Only    []Ref  // attributes=; nil when not given
	Without []Ref  // excludedAttributes=
	only    bool   // attributes= was given, if only with names that are not known
	core    string // the URN of the resource type's own schema
}

// ParseProjection reads the query's `attributes` and `excludedAttributes`, comma-separated; "" is not given. Both are 400, as is what cannot be a
// path; names that are not known are ignored (RFC 7644 §3.9).
func (rt *ResourceType) ParseProjection(attributes, excluded string) (Projection, error) {
	p := Projection{core: rt.Schema.ID}
	if strings.TrimSpace(attributes) != "" && strings.TrimSpace(excluded) != "" {
		return Projection{}, BadRequest(InvalidValue, "attributes and excludedAttributes cannot both be given.")
	}
	p.only = strings.TrimSpace(attributes) != ""
	var err error
	if p.Only, err = rt.parseNames("attributes", attributes); err != nil {
		return Projection{}, err
	}
	if p.Without, err = rt.parseNames("excludedAttributes", excluded); err != nil {
		return Projection{}, err
	}
	return p, nil
}

func (rt *ResourceType) parseNames(parameter, list string) ([]Ref, error) {
	var refs []Ref
	seen := map[string]bool{} // what is said again, and again, says no more: each name is looked at for every attribute of every resource
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" || seen[name] {
			continue
		}
		seen[name] = true
		path, err := filter.ParsePath(name)
		if err != nil {
			return nil, BadRequest(InvalidValue, "%s holds %q, which is no attribute: at %s.", parameter, short(name), err)
		}
		path.Filter = nil // whole attributes are shown, not some of their values
		ref, ok := rt.Resolve(path)
		if ok && !slices.ContainsFunc(refs, func(r Ref) bool { return r.URI == ref.URI && r.Attr == ref.Attr && r.Sub == ref.Sub }) {
			refs = append(refs, ref) // in whatever spelling, once
		}
	}
	return refs, nil
}

// Explicit is true when the client said which attributes it wants.
func (p Projection) Explicit() bool { return p.only || len(p.Only) > 0 }

// Wants says whether an attribute, or a part of one, may appear in the answer; so that it need not be read otherwise.
// A bare extension is wanted when something of it may be.
func (p Projection) Wants(ref Ref) bool {
	if ref.Attr == nil {
		return p.wantsSchema(ref.URI)
	}
	if !p.shows(ref.URI, ref.Attr) {
		return false
	}
	return ref.Sub == nil || p.showsPart(ref.URI, ref.Attr, ref.Sub)
}

func (p Projection) wantsSchema(urn string) bool {
	if !p.Explicit() {
		return !slices.ContainsFunc(p.Without, func(r Ref) bool { return r.Attr == nil && r.URI == urn })
	}
	return slices.ContainsFunc(p.Only, func(r Ref) bool { return r.URI == urn })
}

// shows says whether a top-level attribute is shown, or a part of it.
func (p Projection) shows(uri string, a *Attribute) bool {
	switch {
	case a.Returned == ReturnedAlways:
		return true
	case a.Returned == ReturnedNever:
		return false
	case p.Explicit():
		return slices.ContainsFunc(p.Only, func(r Ref) bool {
			return names(r, uri, a) || p.namesSchemaOf(r, uri, a) && a.Returned == ReturnedDefault
		})
	case a.Returned == ReturnedRequest:
		return false
	}
	return !slices.ContainsFunc(p.Without, func(r Ref) bool { return r.Sub == nil && names(r, uri, a) || p.namesSchemaOf(r, uri, a) })
}

// showsPart says whether a part of an attribute that is shown is shown.
func (p Projection) showsPart(uri string, a, sub *Attribute) bool {
	asked := func(r Ref) bool { return names(r, uri, a) && r.Sub != nil && sameName(r.Sub.Name, sub.Name) }
	switch {
	case sub.Returned == ReturnedAlways:
		return true
	case sub.Returned == ReturnedNever:
		return false
	case p.Explicit():
		whole := func(r Ref) bool { return r.Sub == nil && (names(r, uri, a) || p.namesSchemaOf(r, uri, a)) }
		return slices.ContainsFunc(p.Only, asked) ||
			sub.Returned == ReturnedDefault && (slices.ContainsFunc(p.Only, whole) || a.Returned == ReturnedAlways && !slices.ContainsFunc(p.Only, func(r Ref) bool { return names(r, uri, a) }))
	case sub.Returned == ReturnedRequest:
		return false
	}
	return !slices.ContainsFunc(p.Without, asked)
}

// names is true of a reference to the attribute or to a part of it.
func names(r Ref, uri string, a *Attribute) bool {
	return r.Attr != nil && r.URI == uri && sameName(r.Attr.Name, a.Name)
}

// namesSchemaOf is true of a bare reference to the schema that the attribute belongs to. The common attributes belong to none.
func (p Projection) namesSchemaOf(r Ref, uri string, a *Attribute) bool {
	if r.Attr != nil {
		return false
	}
	if uri == "" {
		return r.URI == p.core && !isCommon(a.Name)
	}
	return r.URI == uri
}

// Project leaves of a resource what the client may see, in the schema's order. What is shown whole is shared with res, which is not edited.
// What the resource type does not know is not shown.
func (rt *ResourceType) Project(res *Object, p Projection) *Object {
	out := &Object{members: make([]pair, 0, res.Len())}
	meta := rt.Schema.Attribute(attrMeta)
	for _, a := range rt.common() {
		if a.Name == attrMeta {
			meta = a
			continue
		}
		p.project(out, res, "", a)
	}
	for _, a := range rt.Schema.Attributes {
		if a.Name != attrMeta {
			p.project(out, res, "", a)
		}
	}
	for _, x := range rt.Extensions {
		if in, ok := member(res, x.Schema.ID).(*Object); ok {
			o := NewObject()
			for _, a := range x.Schema.Attributes {
				p.project(o, in, x.Schema.ID, a)
			}
			if o.Len() > 0 {
				out.Set(x.Schema.ID, o)
			}
		}
	}
	if meta != nil {
		p.project(out, res, "", meta)
	}
	return out
}

// project copies what is shown of one attribute from in to out.
func (p Projection) project(out, in *Object, uri string, a *Attribute) {
	v, ok := in.Get(a.Name)
	if !ok || !p.shows(uri, a) {
		return
	}
	if a.Type == TypeComplex {
		if v = p.projectParts(v, uri, a); !present(v) {
			return
		}
	}
	out.Set(a.Name, v)
}

// projectParts leaves the shown parts of a complex value, or of each value of a list.
func (p Projection) projectParts(v any, uri string, a *Attribute) any {
	shown := make([]*Attribute, 0, len(a.SubAttributes))
	for _, sub := range a.SubAttributes {
		if p.showsPart(uri, a, sub) {
			shown = append(shown, sub)
		}
	}
	list, ok := v.([]any)
	if !ok {
		return parts(v, shown)
	}
	out := make([]any, 0, len(list))
	for _, e := range list {
		if o := parts(e, shown); o.Len() > 0 {
			out = append(out, o)
		}
	}
	return out
}

// parts is the object of those members of v that are shown; v itself when it has no others and has them in this order.
func parts(v any, shown []*Attribute) *Object {
	in, ok := v.(*Object)
	if !ok {
		return NewObject()
	}
	next := 0
	for _, a := range shown {
		if next < in.Len() && in.members[next].name == a.Name {
			next++
		}
	}
	if next == in.Len() {
		return in
	}
	out := &Object{members: make([]pair, 0, len(shown))}
	for _, a := range shown {
		if m, ok := in.Get(a.Name); ok {
			out.members = append(out.members, pair{a.Name, m})
		}
	}
	return out
}
