package mapping

import (
	"regexp"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// characteristics are the keys of an attribute, as RFC 7643 §7 writes them.
var characteristics = []string{
	"name", "type", "multiValued", "description", "required", "canonicalValues", "caseExact", "mutability", "returned",
	"uniqueness", "referenceTypes", "subAttributes",
}

var (
	urnSyntax = regexp.MustCompile(`^[uU][rR][nN]:[A-Za-z0-9][A-Za-z0-9-]{0,31}(:[A-Za-z0-9()+,.=@;$_!*'%-]+)+$`)
	dataTypes = []string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}
)

// schema reads a schema as RFC 7643 §7 has it, from YAML or JSON.
func (r *typesReader) schema(node configs.Node) {
	if node.Kind() != configs.Map {
		r.fault(node, "write {id: urn:…, attributes: […]}", "a schema is a map")
		return
	}
	before := len(r.faults)
	r.faults = append(r.faults, node.Only("schemas", "id", "externalId", "name", "description", "attributes", "meta")...)
	of := node.Get("schemas")
	if items := of.Items(); present(of) && !slices.ContainsFunc(items, func(n configs.Node) bool { return strings.EqualFold(n.Text(), scim.SchemaURN) }) {
		r.fault(of, "name only files of schemas", "this is no schema: its `schemas` lacks %s", scim.SchemaURN)
		return
	}
	id := node.Get("id")
	s := &scim.Schema{ID: id.Text(), Name: r.text(node, "name"), Description: r.text(node, "description")}
	switch {
	case id.Kind() != configs.Scalar:
		r.fault(id, "write id: and its URN", "a schema needs a URN")
	case !urnSyntax.MatchString(id.Text()):
		r.fault(id, "write urn:, a namespace and a name: urn:example:params:scim:schemas:extension:acme:2.0:User", "%q is not a URN", id)
	case reservedURN(id.Text()):
		r.fault(id, "take it away: it is built in; put attributes of your own under a URN of your own", "%s is a schema of RFC 7643", id)
	case r.types.find(id.Text()) != nil, slices.Contains(r.broken, strings.ToLower(id.Text())):
		r.fault(id, "keep one of them", "the schema %s is defined twice", id)
	}
	if s.Name == "" {
		s.Name = s.ID[strings.LastIndexByte(s.ID, ':')+1:]
	}
	attributes := node.Get("attributes")
	if attributes.Kind() != configs.List || len(attributes.Items()) == 0 {
		r.fault(attributes, "write attributes: [{name: costCenter, type: string}]", "a schema needs a list of attributes")
	}
	s.Attributes = r.attributes(attributes, nil)
	if len(r.faults) > before {
		r.broken = append(r.broken, strings.ToLower(s.ID))
		return
	}
	r.types.schemas = append(r.types.schemas, s)
}

// attributes reads a list of attributes; those of whole, where it is not nil.
func (r *typesReader) attributes(list configs.Node, whole *scim.Attribute) []*scim.Attribute {
	var all []*scim.Attribute
	for _, item := range list.Items() {
		if item.Kind() != configs.Map {
			r.fault(item, "write {name: costCenter, type: string}", "an attribute is a map of its characteristics")
			continue
		}
		a := r.attribute(item, whole)
		if slices.ContainsFunc(all, func(o *scim.Attribute) bool { return strings.EqualFold(o.Name, a.Name) }) {
			r.fault(item.Get("name"), "keep one of them; capital and small letters are the same", "the attribute %s is defined twice", a.Name)
			continue
		}
		all = append(all, a)
	}
	return all
}

// attribute reads one attribute; a part of whole, where it is not nil. What is left out is as RFC 7643 §2.2 has it, but
// that the parts of what is never seen are never seen.
func (r *typesReader) attribute(node configs.Node, whole *scim.Attribute) *scim.Attribute {
	r.faults = append(r.faults, node.Only(characteristics...)...)
	a := scim.NewAttribute(node.Get("name").Text(), scim.Type(r.word(node.Get("type"), "type", "string", dataTypes...)))
	a.Description = r.text(node, "description")
	a.MultiValued = r.boolean(node, "multiValued")
	a.Required = r.boolean(node, "required")
	a.CaseExact = r.boolean(node, "caseExact")
	mutability, returned := a.Mutability, a.Returned
	if whole != nil && whole.Mutability == scim.WriteOnly {
		mutability = scim.WriteOnly
	}
	a.Mutability = scim.Mutability(r.word(node.Get("mutability"), "mutability", string(mutability), "readOnly", "readWrite", "immutable", "writeOnly"))
	if a.Mutability == scim.WriteOnly || whole != nil && whole.Returned == scim.ReturnedNever {
		returned = scim.ReturnedNever
	}
	a.Returned = scim.Returned(r.word(node.Get("returned"), "returned", string(returned), "always", "never", "default", "request"))
	a.Uniqueness = scim.Uniqueness(r.word(node.Get("uniqueness"), "uniqueness", "none", "none", "server", "global"))
	a.CanonicalValues = r.canonicalValues(node, a)
	a.ReferenceTypes = r.texts(node, "referenceTypes")
	r.name(node, a, whole)
	r.parts(node, a, whole)
	r.agree(node, a, whole)
	return a
}

// texts reads a list of texts.
func (r *typesReader) texts(node configs.Node, key string) []string {
	var all []string
	list := node.Get(key)
	if k := list.Kind(); k == configs.Scalar || k == configs.Map {
		r.fault(list, "write a list: [first, second]", "%s is a list", key)
		return nil
	}
	for _, item := range list.Items() {
		if item.Kind() != configs.Scalar || item.Text() == "" {
			r.fault(item, "write a list of texts: [first, second]", "%s has %s where a text should be", key, item)
			continue
		}
		all = append(all, item.Text())
	}
	return all
}

func (r *typesReader) canonicalValues(node configs.Node, a *scim.Attribute) []string {
	values := r.texts(node, "canonicalValues")
	list := node.Get("canonicalValues")
	if len(values) > 0 && (a.Type == scim.TypeBoolean || a.Type == scim.TypeComplex || a.Type == scim.TypeBinary) {
		r.fault(list, "take them away", "a %s has no canonicalValues", a.Type)
		return nil
	}
	for _, v := range values {
		if _, err := coerce(v, a.Type); err != nil {
			r.fault(list, "write values of the attribute's type", "canonicalValues: %v", err)
		}
	}
	return values
}

// name checks an attribute's name (RFC 7643 §2.1), and the types of those parts whose names mean something (§2.4).
func (r *typesReader) name(node configs.Node, a, whole *scim.Attribute) {
	name := node.Get("name")
	common := slices.ContainsFunc(scim.CommonAttributes(), func(c *scim.Attribute) bool { return strings.EqualFold(c.Name, a.Name) })
	switch {
	case name.Kind() != configs.Scalar:
		r.fault(name, "write name: costCenter", "an attribute needs a name")
	case !attrName(a.Name), a.Name == "$ref" && whole == nil:
		r.fault(name, "write a letter, then letters, digits, - and _", "%q is not the name of an attribute", name)
	case common && whole == nil:
		r.fault(name, "take it away: every resource has it", "%s belongs to no schema (RFC 7643 §3.1)", name)
	}
	if whole == nil {
		return
	}
	meant := map[string]scim.Type{"primary": scim.TypeBoolean, "display": scim.TypeString, "$ref": scim.TypeReference}
	if want, ok := meant[a.Name]; ok && a.Type != want {
		r.fault(node, "write type: "+string(want), "%s.%s is a %s (RFC 7643 §2.4)", whole.Name, a.Name, want)
	}
}

// parts reads the sub-attributes of a complex attribute.
func (r *typesReader) parts(node configs.Node, a, whole *scim.Attribute) {
	list := node.Get("subAttributes")
	some := list.Kind() != configs.Missing && list.Kind() != configs.Null
	switch {
	case a.Type == scim.TypeComplex && whole != nil:
		r.fault(node, "make its parts attributes of their own", "%s is complex within %s, which is complex (RFC 7643 §2.3.8)", a.Name, whole.Name)
	case a.Type == scim.TypeComplex && (list.Kind() != configs.List || len(list.Items()) == 0):
		r.fault(list, "write subAttributes: [{name: value, type: string}]", "%s is complex and has no subAttributes", a.Name)
	case a.Type == scim.TypeComplex:
		a.SubAttributes = r.attributes(list, a)
	case some && (list.Kind() != configs.List || len(list.Items()) > 0): // servers show an empty list
		r.fault(list, "write type: complex, or take them away", "%s is a %s and has subAttributes", a.Name, a.Type)
	}
}

// agree holds the characteristics of an attribute against one another.
func (r *typesReader) agree(node configs.Node, a, whole *scim.Attribute) {
	text := a.Type == scim.TypeString || a.Type == scim.TypeReference || a.Type == scim.TypeBinary
	if a.CaseExact && !text {
		r.fault(node.Get("caseExact"), "take caseExact away", "a %s has no letters to tell apart", a.Type)
	}
	if len(a.ReferenceTypes) > 0 && a.Type != scim.TypeReference {
		r.fault(node.Get("referenceTypes"), "write type: reference, or take them away", "%s is a %s and has referenceTypes", a.Name, a.Type)
	}
	if a.Mutability == scim.ReadOnly && a.Required {
		r.fault(node.Get("required"), "write required: false", "%s is readOnly, so no client can be required to give it", a.Name)
	}
	if a.Mutability == scim.WriteOnly && a.Returned != scim.ReturnedNever {
		r.fault(node.Get("returned"), "write returned: never, or another mutability", "%s is writeOnly and shown", a.Name)
	}
	if whole != nil && whole.Mutability == scim.WriteOnly && a.Mutability != scim.WriteOnly {
		r.fault(node.Get("mutability"), "take mutability away", "%s is a part of %s, which is writeOnly", a.Name, whole.Name)
	}
	if whole != nil && whole.Returned == scim.ReturnedNever && a.Returned != scim.ReturnedNever {
		r.fault(node.Get("returned"), "take returned away", "%s is a part of %s, which is never shown", a.Name, whole.Name)
	}
	kept := whole == nil && !a.MultiValued && text && a.Mutability != scim.WriteOnly
	if a.Uniqueness != scim.UniqueNone && a.Mutability != scim.ReadOnly && !kept {
		r.fault(node.Get("uniqueness"), "write uniqueness: none", "only an attribute of one text can be kept unique, and %s is none", a.Name)
	}
}
