package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// schemasOf gives the schemas of a resource type, with what the configuration adds; nil for one that nobody has defined.
func (t *Types) schemasOf(name string) *schemas {
	known, custom := schemasOf(name), t.get(name)
	if custom == nil {
		return known
	}
	if known == nil {
		known = &schemas{typ: custom.typ, core: custom.core, common: scim.CommonAttributes()}
	}
	known.demanded = map[*scim.Schema]bool{}
	for _, x := range custom.extensions {
		schema := x.Schema
		i := slices.IndexFunc(known.extensions, func(s *scim.Schema) bool { return strings.EqualFold(s.ID, schema.ID) })
		if i >= 0 {
			schema = known.extensions[i]
		} else {
			known.extensions = append(known.extensions, schema)
		}
		known.demanded[schema] = x.Required
	}
	return known
}

// unserved reports the types of the configuration that no mapping is of: they would be shown and not served.
func (t *Types) unserved(docs []configs.Node) (faults configs.Faults) {
	if t == nil {
		return nil
	}
	for _, c := range t.all {
		name := c.typ.Name
		if !slices.ContainsFunc(docs, func(doc configs.Node) bool { return doc.Get("mapping").Text() == name }) {
			faults = append(faults, c.node.Get("name").Fault("write a mapping: "+name+", or take the type away", "nothing is mapped to %s", name))
		}
	}
	return faults
}

// has reports that the resource type has the schema, as its own or as an extension.
func (s *schemas) has(urn string) bool {
	return strings.EqualFold(s.core.ID, urn) ||
		slices.ContainsFunc(s.extensions, func(x *scim.Schema) bool { return strings.EqualFold(x.ID, urn) })
}

// required reports what the schemas demand and nobody maps: attributes, parts of those that are mapped, and extensions.
// An extension that may be left out demands nothing until some of it is mapped.
func (c *compiler) required(node configs.Node) {
	c.requiredOf(node, c.known.core, "")
	for _, x := range c.known.extensions {
		used := slices.ContainsFunc(c.m.attrs, func(a *attribute) bool { return a.uri == x.ID })
		switch {
		case used:
			c.requiredOf(node, x, x.ID)
		case c.known.demanded[x]:
			c.fault(node, "map its attributes, or write required: false under `resource_types`",
				"the extension %s is required of %s and has no source", x.ID, c.m.name)
		}
	}
}

func (c *compiler) requiredOf(node configs.Node, schema *scim.Schema, uri string) {
	for _, attr := range schema.Attributes {
		a := c.m.find(uri, attr.Name)
		name := scim.Ref{URI: uri, Attr: attr}.String()
		switch {
		case a == nil && attr.Required:
			c.fault(node, fmt.Sprintf("write %s: and the directory's attribute", name), "%s is required by the schema and has no source", name)
		case a == nil:
			continue
		}
		for _, sub := range attr.SubAttributes {
			if a != nil && sub.Required && !a.supplies(sub) {
				name := scim.Ref{URI: uri, Attr: attr, Sub: sub}.String()
				c.fault(a.fields[0].node, fmt.Sprintf("write %s: and the directory's attribute", name), "%s is required by the schema and has no source", name)
			}
		}
	}
}

// supplies reports that every element that is mapped has this part: by a line of its own, by its selector, or because it
// is derived.
func (a *attribute) supplies(sub *scim.Attribute) bool {
	if sub.Name == "primary" || a.derives(sub.Name) {
		return true
	}
	if len(a.elements) == 0 {
		return fieldOf(a.fields, sub.Name) != nil
	}
	return !slices.ContainsFunc(a.elements, func(e *element) bool { return e.choose.name != sub.Name && e.part(sub.Name) == nil })
}
