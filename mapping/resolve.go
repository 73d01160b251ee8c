package mapping

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// path resolves a key of `attributes:` against the schemas; whole: its source may be of all parts at once.
func (c *compiler) path(f *field, key configs.Node, whole bool) bool {
	raw, err := splitPath(key.Text())
	if err != nil {
		c.fault(key, err.remedy, "%s", err.message)
		return false
	}
	raw.whole = whole && raw.sub == ""
	p, fault := c.resolve(raw)
	if fault != nil {
		c.fault(key, fault.remedy, "%s", fault.message)
		return false
	}
	f.path, f.written = p, key.Text()
	return true
}

// resolve finds attribute, selector and sub-attribute in the schemas, and gives a complex attribute its `value`.
func (c *compiler) resolve(raw rawPath) (path, *syntaxError) {
	p := path{choose: raw.choose}
	schema, fault := c.schema(raw.prefix)
	if fault != nil {
		return p, fault
	}
	if schema != c.known.core {
		p.uri = schema.ID
	}
	p.attr = c.known.attribute(schema, raw.attr)
	if p.attr == nil {
		if p.attr = c.known.invent(schema, raw); p.attr == nil {
			otherwise := "the attributes of RFC 7643 can be mapped; others stand under a URN of your own (`schemas:`)"
			if c.types.find(schema.ID) != nil {
				otherwise = "add it to the schema, or take the line away"
			}
			return p, syntaxf(c.didYouMean(raw.attr, c.known.names(schema), otherwise), "%s has no attribute %q", schema.ID, raw.attr)
		}
	}
	if c.known.made[p.attr] && p.attr.Type == scim.TypeComplex && raw.sub != "" && subAttribute(p.attr, raw.sub) == nil {
		p.attr.SubAttributes = append(p.attr.SubAttributes, c.known.invented(raw.sub))
	}
	switch p.attr.Name {
	case "id":
		return p, syntaxf("say `key:` under `at`", "id is the directory's own key")
	case "schemas":
		return p, syntaxf("take the line away", "schemas follows from what is mapped")
	}
	return c.resolvePart(p, raw)
}

func (c *compiler) resolvePart(p path, raw rawPath) (path, *syntaxError) {
	complex := p.attr.Type == scim.TypeComplex
	if raw.choose.name != "" {
		if !complex || !p.attr.MultiValued {
			return p, syntaxf("take the bracket away", "%s has no elements to choose from", p.attr.Name)
		}
		by := subAttribute(p.attr, raw.choose.name)
		if by == nil || by.Type != scim.TypeString || by.Name == "value" {
			return p, syntaxf("choose by type: "+p.attr.Name+"[type=work]", "the elements of %s cannot be chosen by %q", p.attr.Name, raw.choose.name)
		}
		p.choose.name = by.Name
	}
	if raw.sub != "" && !complex {
		return p, syntaxf("write "+p.attr.Name, "%s has no sub-attributes", p.attr.Name)
	}
	sub := raw.sub
	if sub == "" && complex {
		sub = "value"
	}
	if sub == "" {
		return p, nil
	}
	if p.sub = subAttribute(p.attr, sub); p.sub == nil {
		var names []string
		for _, s := range p.attr.SubAttributes {
			names = append(names, s.Name)
		}
		if raw.whole {
			return p, nil
		}
		if raw.sub == "" {
			return p, syntaxf("say which part: "+p.attr.Name+"."+names[0], "%s is complex", p.attr.Name)
		}
		return p, syntaxf(c.didYouMean(sub, names, "it has "+strings.Join(names, ", ")), "%s has no sub-attribute %q", p.attr.Name, sub)
	}
	if p.choose.name == p.sub.Name {
		return p, syntaxf("take the line away", "%s of these elements is fixed by the bracket", p.sub.Name)
	}
	if p.attr.Name == "meta" && p.sub.Name != "created" && p.sub.Name != "lastModified" {
		return p, syntaxf("map meta.created and meta.lastModified only", "meta.%s is the adapter's own", p.sub.Name)
	}
	return p, nil
}

// schema finds a schema by URN or prefix; a URN of the configuration that no RFC knows is a schema of its own.
func (c *compiler) schema(prefix string) (*scim.Schema, *syntaxError) {
	if prefix == "" {
		return c.known.core, nil
	}
	urn := prefix
	if !strings.HasPrefix(strings.ToLower(prefix), "urn:") {
		var ok bool
		if urn, ok = c.prefixes[strings.ToLower(prefix)]; !ok {
			var names []string
			for name := range c.prefixes {
				names = append(names, name)
			}
			return nil, syntaxf(c.didYouMean(prefix, names, "declare it: schemas: {"+prefix+": urn:…}"), "%q is not a prefix of a schema", prefix)
		}
	}
	if strings.EqualFold(urn, c.known.core.ID) {
		return c.known.core, nil
	}
	if !c.known.has(urn) && (c.types.find(urn) != nil || reservedURN(urn)) {
		return nil, syntaxf("say so: resource_types: [{name: "+c.m.name+", extensions: [{schema: \""+urn+"\"}]}]", "%s is no extension of %s", urn, c.m.name)
	}
	return c.known.extension(urn), nil
}

// slot finds the field that a template's slot names.
func (c *compiler) slot(node configs.Node, text string) *field {
	raw, err := splitPath(text)
	var p path
	if err == nil {
		p, err = c.resolve(raw)
	}
	if err != nil {
		c.fault(node, err.remedy, "the slot {%s}: %s", text, err.message)
		return nil
	}
	for _, f := range c.m.fields {
		if strings.EqualFold(f.path.String(), p.String()) {
			if f.kind == fromRows {
				c.fault(node, "take something that a record has one of", "the slot {%s} is kept in rows, of which there may be many", text)
			}
			return f
		}
	}
	c.fault(node, "map it under attributes", "the slot {%s} is not mapped", text)
	return nil
}
