package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// schemas are the schemas that a mapping's paths can point into, as the RFC has them.
type schemas struct {
	typ        scim.ResourceType // without what is mapped
	core       *scim.Schema
	common     []*scim.Attribute
	extensions []*scim.Schema
	demanded   map[*scim.Schema]bool    // the extensions that every resource of the type must have
	open       map[*scim.Schema]bool    // schemas that nobody has defined: they have what the mapping puts into them
	made       map[*scim.Attribute]bool // attributes of schemas that only the mapping knows; their types follow from the lenses
}

// schemasOf gives the schemas of a resource type; nil for one that SCIM does not have.
func schemasOf(resourceType string) *schemas {
	switch resourceType {
	case "User":
		return &schemas{
			typ:  scim.ResourceType{ID: "User", Name: "User", Description: "User Account", Endpoint: "/Users"},
			core: scim.UserSchema(), common: scim.CommonAttributes(),
			extensions: []*scim.Schema{scim.EnterpriseUserSchema()},
		}
	case "Group":
		return &schemas{
			typ:  scim.ResourceType{ID: "Group", Name: "Group", Description: "Group", Endpoint: "/Groups"},
			core: scim.GroupSchema(), common: scim.CommonAttributes(),
		}
	}
	return nil
}

// attribute finds an attribute of a schema; the core's are the common ones too.
func (s *schemas) attribute(schema *scim.Schema, name string) *scim.Attribute {
	if a := schema.Attribute(name); a != nil || schema != s.core {
		return a
	}
	for _, a := range s.common {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}

func (s *schemas) names(schema *scim.Schema) []string {
	var names []string
	for _, a := range schema.Attributes {
		names = append(names, a.Name)
	}
	if schema == s.core {
		names = append(names, "externalId", "meta")
	}
	return names
}

// extension finds a schema by URN, or makes one that its mapping will fill.
func (s *schemas) extension(urn string) *scim.Schema {
	for _, x := range s.extensions {
		if strings.EqualFold(x.ID, urn) {
			return x
		}
	}
	made := &scim.Schema{ID: urn, Name: urn[strings.LastIndexByte(urn, ':')+1:], Description: "Attributes of this directory."}
	if s.open == nil {
		s.open = map[*scim.Schema]bool{}
	}
	s.open[made] = true
	s.extensions = append(s.extensions, made)
	return made
}

// invent makes the attribute of a schema that only the mapping knows: a text, or a complex one with texts.
// nil for the schemas of the RFC and those of the configuration, which are closed.
func (s *schemas) invent(schema *scim.Schema, raw rawPath) *scim.Attribute {
	if !s.open[schema] || raw.choose.name != "" {
		return nil
	}
	a := s.invented(raw.attr)
	if raw.sub != "" {
		a.Type = scim.TypeComplex
		a.SubAttributes = []*scim.Attribute{s.invented(raw.sub)}
	}
	schema.Attributes = append(schema.Attributes, a)
	return a
}

func (s *schemas) invented(name string) *scim.Attribute {
	a := scim.NewAttribute(name, scim.TypeString)
	a.Description = "An attribute of this directory."
	if s.made == nil {
		s.made = map[*scim.Attribute]bool{}
	}
	s.made[a] = true
	return a
}

// publish makes the resource type of what is mapped: what is not mapped is not there, and what is has its true
// characteristics. The fields' attributes become those of the published schema.
func (m *Mapping) publish(known *schemas) {
	rt := known.typ
	rt.Schema = m.publishSchema(known.core, "")
	for _, x := range known.extensions {
		if s := m.publishSchema(x, x.ID); len(s.Attributes) > 0 {
			rt.Extensions = append(rt.Extensions, scim.Extension{Schema: s, Required: known.demanded[x]})
		}
	}
	for _, c := range known.common {
		switch a := m.find("", c.Name); {
		case c.Name == "meta":
			rt.Common = append(rt.Common, m.publishMeta(a, c))
		case c.Name == "externalId" && a == nil:
		case a != nil:
			rt.Common = append(rt.Common, m.publishAttribute(a, c))
		default:
			rt.Common = append(rt.Common, c)
		}
	}
	m.rt = &rt
	m.order()
	m.labels = m.labelFields()
}

func (m *Mapping) publishSchema(s *scim.Schema, uri string) *scim.Schema {
	out := &scim.Schema{ID: s.ID, Name: s.Name, Description: s.Description}
	for _, attr := range s.Attributes {
		if a := m.find(uri, attr.Name); a != nil {
			out.Attributes = append(out.Attributes, m.publishAttribute(a, attr))
		}
	}
	return out
}

// publishMeta leaves created and lastModified to those mappings that have them.
func (m *Mapping) publishMeta(a *attribute, meta *scim.Attribute) *scim.Attribute {
	out := *meta
	out.SubAttributes = nil
	for _, sub := range meta.SubAttributes {
		var f *field
		if a != nil {
			f = fieldOf(a.fields, sub.Name)
		}
		switch {
		case f != nil:
			out.SubAttributes = append(out.SubAttributes, m.publishLeaf(sub, []*field{f}))
		case sub.Name != "created" && sub.Name != "lastModified":
			out.SubAttributes = append(out.SubAttributes, sub)
		}
	}
	if a != nil {
		a.pub = &out
	}
	return &out
}

// publishAttribute copies an attribute with what its fields say of it.
func (m *Mapping) publishAttribute(a *attribute, attr *scim.Attribute) *scim.Attribute {
	if attr.Type != scim.TypeComplex {
		out := m.publishLeaf(attr, a.fields)
		a.pub = out
		return out
	}
	out := *attr
	out.SubAttributes = nil
	for _, sub := range attr.SubAttributes {
		fields := slices.DeleteFunc(slices.Clone(a.fields), func(f *field) bool { return f.path.sub.Name != sub.Name })
		switch {
		case len(fields) > 0:
			out.SubAttributes = append(out.SubAttributes, m.publishLeaf(sub, fields))
		case slices.ContainsFunc(a.elements, func(e *element) bool { return e.choose.name == sub.Name }):
			out.SubAttributes = append(out.SubAttributes, choosing(a, sub))
		case sub.Name == "primary":
			out.SubAttributes = append(out.SubAttributes, derivedMark(sub))
		case a.derives(sub.Name):
			out.SubAttributes = append(out.SubAttributes, a.publishDerived(sub))
		}
	}
	if out.Mutability = together(a.fields); out.Mutability == scim.ReadWrite && attr.Mutability == scim.Immutable {
		out.Mutability = attr.Mutability // whatever its parts are, the whole is set once
	}
	if out.Mutability == scim.ReadOnly {
		closeParts(&out)
	}
	if all := sameReturned(a.fields, attr.Returned); all != scim.ReturnedDefault {
		out.Returned = all // else as the schema says of the whole
	}
	if u := fieldOf(a.fields, "value"); u != nil && u.required != nil && (len(a.fields) == 1 || u.kind == fromRows && len(a.elements) == 1) {
		out.Required = *u.required
	}
	a.pub = &out
	return &out
}

// derivedMark is a `primary` that no directory keeps: it is the first element's.
func derivedMark(sub *scim.Attribute) *scim.Attribute {
	out := *sub
	out.Derived = true
	return &out
}

// closeParts makes the parts of what cannot be written readOnly, too: what tells its elements apart, and what the adapter makes.
func closeParts(a *scim.Attribute) {
	for i, sub := range a.SubAttributes {
		if sub.Mutability != scim.ReadOnly {
			closed := *sub
			closed.Mutability = scim.ReadOnly
			a.SubAttributes[i] = &closed
		}
	}
}

// choosing is the sub-attribute that tells elements apart; only the mapped words are canonical.
func choosing(a *attribute, sub *scim.Attribute) *scim.Attribute {
	out := *sub
	out.CanonicalValues = nil
	for _, e := range a.elements {
		if e.choose.name == sub.Name {
			out.CanonicalValues = append(out.CanonicalValues, e.choose.value)
		}
	}
	return &out
}

// publishLeaf copies a simple attribute or sub-attribute with what its fields say of it.
func (m *Mapping) publishLeaf(attr *scim.Attribute, fields []*field) *scim.Attribute {
	out := *attr
	f := fields[0]
	out.CaseExact = !f.fold()
	if out.Mutability = together(fields); out.Mutability == scim.ReadWrite && f.path.sub != nil && attr.Mutability == scim.Immutable {
		out.Mutability = attr.Mutability // the value of a member: it comes and goes with its element
	}
	out.Returned = sameReturned(fields, f.returnedAs())
	if f.required != nil {
		out.Required = *f.required
	}
	switch f.unique {
	case "true":
		out.Uniqueness = scim.UniqueServer
	case "false":
		out.Uniqueness = scim.UniqueNone
	case "":
	default:
		out.Uniqueness = scim.Uniqueness(f.unique)
	}
	if mark := f.ref(); mark != nil && f.path.sub == nil && out.Type == scim.TypeReference {
		out.ReferenceTypes = mark.types
	}
	if out.Type == scim.TypeString || out.Type == scim.TypeReference || out.Type == scim.TypeBinary {
		out.Prep = m.prep(f)
	}
	if words := f.words(); len(fields) == 1 && len(words) > 0 && (len(out.CanonicalValues) == 0 || f.kind == fromRows) {
		out.CanonicalValues = words
	}
	for _, f := range fields {
		f.pub = &out
	}
	return &out
}

// words are all that the field can show, where its lenses list them.
func (f *field) words() []string {
	if f.kind != fromDirectory && f.kind != fromRows || len(f.pipes) != 1 || len(f.pipes[0].steps) == 0 {
		return nil
	}
	steps := f.pipes[0].steps
	if w, ok := steps[len(steps)-1].lens.(Worded); ok {
		return w.Words()
	}
	return nil
}

// together is read-only or the like only where all fields are.
func together(fields []*field) scim.Mutability {
	first := fields[0].mutability()
	for _, f := range fields[1:] {
		if f.mutability() != first {
			return scim.ReadWrite
		}
	}
	return first
}

func sameReturned(fields []*field, otherwise scim.Returned) scim.Returned {
	first := fields[0].returnedAs()
	for _, f := range fields[1:] {
		if f.returnedAs() != first {
			return otherwise
		}
	}
	return first
}

// order puts the attributes into the order of the published schemas.
func (m *Mapping) order() {
	place := map[*scim.Attribute]int{}
	for _, a := range m.rt.Common {
		place[a] = len(place)
	}
	for _, a := range m.rt.Schema.Attributes {
		place[a] = len(place)
	}
	for _, x := range m.rt.Extensions {
		for _, a := range x.Schema.Attributes {
			place[a] = len(place)
		}
	}
	slices.SortStableFunc(m.attrs, func(a, b *attribute) int { return place[a.pub] - place[b.pub] })
}
