package scim

import "github.com/scim-adapter/scim-adapter/scim/filter"

// Ref is a path resolved against a resource type, in canonical names.
type Ref struct {
	URI    string      // the extension's URN; "" for the core schema and common attributes
	Attr   *Attribute  // nil for a bare schema URN; URI is then that URN, the core schema's too
	Filter filter.Expr // canonical names inside; nil when none
	Sub    *Attribute  // nil when none
}

// Path is the reference as a path in canonical names.
func (r Ref) Path() filter.Path {
	p := filter.Path{URI: r.URI, Filter: r.Filter}
	if r.Attr != nil {
		p.Attr = r.Attr.Name
	}
	if r.Sub != nil {
		p.Sub = r.Sub.Name
	}
	return p
}

// String is the path in canonical names: `emails[type eq "work"].value`, `urn:…:User:manager.value`.
func (r Ref) String() string { return r.Path().String() }

// Top is the path of the whole attribute: without filter and sub-attribute.
func (r Ref) Top() Ref { return Ref{URI: r.URI, Attr: r.Attr} }

// Target is the attribute that a value at this path belongs to: the sub-attribute, or the attribute itself.
func (r Ref) Target() *Attribute {
	if r.Sub != nil {
		return r.Sub
	}
	return r.Attr
}

// Resolve finds what a path means for this resource type; false when it, or a name in its brackets, is not known.
// Names count in any case. A name without URN that the core schema lacks is looked for in the extensions, as clients write `manager`.
func (rt *ResourceType) Resolve(p filter.Path) (Ref, bool) {
	r, ok := rt.locate(p)
	if ok && r.Filter != nil {
		r.Filter, ok = canonical(r.Attr, r.Filter)
	}
	if !ok {
		return Ref{}, false
	}
	return r, true
}

// locate is Resolve without a look into the brackets: the filter stays as it was written.
func (rt *ResourceType) locate(p filter.Path) (Ref, bool) {
	if p.URI != "" && p.Filter == nil {
		urn, _ := p.Whole()
		if sameName(urn, rt.Schema.ID) {
			return Ref{URI: rt.Schema.ID}, true
		}
		if x := rt.extension(urn); x != nil {
			return Ref{URI: x.ID}, true
		}
	}
	r, ok := rt.attribute(p.URI, p.Attr)
	if !ok {
		return Ref{}, false
	}
	if p.Sub != "" {
		if r.Sub = r.Attr.Sub(p.Sub); r.Sub == nil {
			return Ref{}, false
		}
	}
	r.Filter = p.Filter
	return r, true
}

// attribute finds a top-level attribute.
func (rt *ResourceType) attribute(uri, name string) (Ref, bool) {
	if uri == "" || sameName(uri, rt.Schema.ID) {
		if a := rt.Schema.Attribute(name); a != nil {
			return Ref{Attr: a}, true
		}
		if a := find(rt.common(), name); a != nil {
			return Ref{Attr: a}, true
		}
	}
	for _, x := range rt.Extensions {
		if uri != "" && !sameName(uri, x.Schema.ID) {
			continue
		}
		if a := x.Schema.Attribute(name); a != nil {
			return Ref{URI: x.Schema.ID, Attr: a}, true
		}
	}
	return Ref{}, false
}

// within finds what a path in the brackets behind attr means: a sub-attribute, or the element itself, called `value`, where elements are simple.
func within(attr *Attribute, p filter.Path) (*Attribute, bool) {
	if p.URI != "" || p.Sub != "" || p.Filter != nil {
		return nil, false
	}
	if attr.Type != TypeComplex {
		return attr, sameName(p.Attr, valueName)
	}
	sub := attr.Sub(p.Attr)
	return sub, sub != nil
}

// valueName is the sub-attribute that a complex value is known by (RFC 7643 §2.4).
const valueName = "value"

// canonical rewrites the names in the brackets behind attr as the schema spells them.
func canonical(attr *Attribute, e filter.Expr) (filter.Expr, bool) {
	switch e := e.(type) {
	case filter.Compare:
		sub, ok := within(attr, e.Path)
		if !ok {
			return nil, false
		}
		e.Path.Attr = valueName
		if sub != attr {
			e.Path.Attr = sub.Name
		}
		return e, true
	case filter.Not:
		t, ok := canonical(attr, e.Term)
		return filter.Not{Term: t}, ok
	case filter.And:
		terms, ok := canonicalTerms(attr, e.Terms)
		return filter.And{Terms: terms}, ok
	case filter.Or:
		terms, ok := canonicalTerms(attr, e.Terms)
		return filter.Or{Terms: terms}, ok
	default:
		return nil, false
	}
}

func canonicalTerms(attr *Attribute, terms []filter.Expr) ([]filter.Expr, bool) {
	out := make([]filter.Expr, len(terms))
	for i, t := range terms {
		var ok bool
		if out[i], ok = canonical(attr, t); !ok {
			return nil, false
		}
	}
	return out, true
}

// names lists what a resource may hold, in the order in which it is shown: who it is, what the schemas say of it, and what the server knows.
func (rt *ResourceType) names() []string {
	names := make([]string, 0, 4+len(rt.Schema.Attributes)+len(rt.Extensions))
	names = append(names, attrSchemas, attrID, attrExternalID)
	for _, a := range rt.Schema.Attributes {
		if !isCommon(a.Name) {
			names = append(names, a.Name)
		}
	}
	for _, x := range rt.Extensions {
		names = append(names, x.Schema.ID)
	}
	return append(names, attrMeta)
}
