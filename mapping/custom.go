package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Types are the schemas and resource types that a configuration adds to those of RFC 7643. nil adds none.
type Types struct {
	schemas []*scim.Schema
	all     []*customType
}

// customType is one element of `resource_types`: a type of the configuration's own, or what User or Group has more.
type customType struct {
	node       configs.Node
	typ        scim.ResourceType // without what is mapped
	core       *scim.Schema      // nil for User and Group, which have theirs
	extensions []scim.Extension
}

// CompileTypes checks and compiles the sections `schemas` and `resource_types`; all faults come together.
func CompileTypes(schemas, types []configs.Node) (*Types, configs.Faults) {
	r := &typesReader{types: &Types{}}
	for _, node := range schemas {
		r.schema(node)
	}
	for _, node := range types {
		r.resourceType(node)
	}
	if len(r.faults) > 0 {
		r.faults.Sort()
		return nil, r.faults
	}
	return r.types, nil
}

// typesReader reads both sections.
type typesReader struct {
	types  *Types
	faults configs.Faults
	// broken are the URNs of schemas that have faults, in lower case: they are defined, so nobody is told that they are not.
	broken []string
}

func (r *typesReader) fault(node configs.Node, remedy, format string, args ...any) {
	r.faults = append(r.faults, node.Fault(remedy, format, args...))
}

// endpoints are the paths that the protocol has taken (RFC 7644 §3.2), beside those of User and Group.
var endpoints = []string{"/Me", "/Bulk", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/.search"}

// discovered are the names of the resource types that discovery itself has.
var discovered = []string{"Schema", "ResourceType", "ServiceProviderConfig"}

var endpointPath = regexp.MustCompile(`^/[A-Za-z0-9_~-][A-Za-z0-9._~-]*$`)

// builtinSchema is a schema of RFC 7643 that resources may have; a fresh copy, nil for another URN.
func builtinSchema(urn string) *scim.Schema {
	for _, s := range []*scim.Schema{scim.UserSchema(), scim.GroupSchema(), scim.EnterpriseUserSchema()} {
		if strings.EqualFold(s.ID, urn) {
			return s
		}
	}
	return nil
}

// reservedURN are the schemas that nobody may define anew.
func reservedURN(urn string) bool {
	return builtinSchema(urn) != nil || slices.ContainsFunc([]string{scim.SchemaURN, scim.ResourceTypeURN, scim.ServiceProviderConfigURN},
		func(s string) bool { return strings.EqualFold(s, urn) })
}

// find gives a schema of the configuration.
func (t *Types) find(urn string) *scim.Schema {
	if t == nil {
		return nil
	}
	for _, s := range t.schemas {
		if strings.EqualFold(s.ID, urn) {
			return s
		}
	}
	return nil
}

// get gives what the configuration says of a resource type.
func (t *Types) get(name string) *customType {
	if t == nil {
		return nil
	}
	for _, c := range t.all {
		if c.typ.Name == name {
			return c
		}
	}
	return nil
}

// names are those that a mapping may be of.
func (t *Types) names() []string {
	names := []string{"User", "Group"}
	if t != nil {
		for _, c := range t.all {
			if c.core != nil {
				names = append(names, c.typ.Name)
			}
		}
	}
	return names
}

// resourceType reads one element of `resource_types`.
func (r *typesReader) resourceType(node configs.Node) {
	if node.Kind() != configs.Map {
		r.fault(node, "write {name: Device, endpoint: /Devices, schema: urn:…}", "a resource type is a map")
		return
	}
	r.faults = append(r.faults, node.Only("name", "endpoint", "schema", "description", "extensions")...)
	t := &customType{node: node}
	name := node.Get("name")
	t.typ.Name, t.typ.ID = name.Text(), name.Text()
	t.typ.Description = r.text(node, "description")
	switch {
	case name.Kind() != configs.Scalar:
		r.fault(name, "write name: and what `mapping:` calls it, such as Device", "a resource type needs a name")
		return
	case !attrName(name.Text()) || name.Text() == "$ref":
		r.fault(name, "write a letter, then letters, digits, - and _: Device", "%q is not the name of a resource type", name)
	case slices.ContainsFunc(discovered, func(d string) bool { return strings.EqualFold(d, name.Text()) }):
		r.fault(name, "call it otherwise", "%q is what discovery calls its own resources", name)
	case slices.ContainsFunc(r.types.all, func(o *customType) bool { return strings.EqualFold(o.typ.Name, name.Text()) }):
		r.fault(name, "keep one of them", "the resource type %s is written twice", name)
	}
	if known := schemasOf(name.Text()); known != nil {
		r.builtin(t, known)
	} else {
		r.own(t)
	}
	r.types.all = append(r.types.all, t)
}

// builtin reads what User or Group has more.
func (r *typesReader) builtin(t *customType, known *schemas) {
	for key, is := range map[string]string{"endpoint": known.typ.Endpoint, "schema": known.core.ID} {
		if n := t.node.Get(key); present(n) && n.Text() != is {
			r.fault(n, "take the line away, or call the type otherwise", "the %s of %s is %s", key, t.typ.Name, is)
		}
	}
	if n := t.node.Get("description"); present(n) {
		r.fault(n, "take the line away", "%s has a description", t.typ.Name)
	}
	t.typ = known.typ
	if n := t.node.Get("extensions"); !present(n) {
		r.fault(n, "write extensions: [{schema: urn:…}]", "nothing is said of %s", t.typ.Name)
	}
	r.extensions(t, known.core)
}

// own reads endpoint and schema of a type that RFC 7643 does not have.
func (r *typesReader) own(t *customType) {
	t.core = &scim.Schema{}
	endpoint, schema := t.node.Get("endpoint"), t.node.Get("schema")
	t.typ.Endpoint = endpoint.Text()
	switch taken := r.taken(endpoint.Text()); {
	case endpoint.Kind() != configs.Scalar:
		r.fault(endpoint, "write endpoint: /"+t.typ.Name+"s", "%s does not say where it is found", t.typ.Name)
	case taken != "":
		r.fault(endpoint, "write another path", "%s is the endpoint of %s", endpoint, taken)
	case !endpointPath.MatchString(endpoint.Text()):
		r.fault(endpoint, "write a slash and one word: /"+t.typ.Name+"s", "%q is not an endpoint", endpoint)
	}
	if schema.Kind() != configs.Scalar {
		r.fault(schema, "write schema: and the URN of one of `schemas`", "%s does not say which schema it has", t.typ.Name)
	} else if s := r.named(schema); s != nil {
		t.core = s
	}
	r.extensions(t, t.core)
}

// taken says whose endpoint a path is, in any case of letters; "" for nobody's.
func (r *typesReader) taken(path string) string {
	for _, e := range endpoints {
		if strings.EqualFold(e, path) {
			return "the protocol"
		}
	}
	for _, name := range []string{"User", "Group"} {
		if strings.EqualFold(schemasOf(name).typ.Endpoint, path) {
			return name
		}
	}
	for _, t := range r.types.all {
		if path != "" && strings.EqualFold(t.typ.Endpoint, path) {
			return t.typ.Name
		}
	}
	return ""
}

// named finds the schema that a node names by its URN.
func (r *typesReader) named(node configs.Node) *scim.Schema {
	if s := r.types.find(node.Text()); s != nil {
		return s
	}
	if s := builtinSchema(node.Text()); s != nil {
		return s
	}
	if slices.Contains(r.broken, strings.ToLower(node.Text())) {
		return nil
	}
	known := []string{scim.UserURN, scim.GroupURN, scim.EnterpriseURN}
	for _, s := range r.types.schemas {
		known = append(known, s.ID)
	}
	remedy := "define it under `schemas`, or name a file that does"
	if best, ok := configs.Suggest(node.Text(), known); ok {
		remedy = fmt.Sprintf("did you mean %s?", best)
	}
	r.fault(node, remedy, "no schema is called %s", node)
	return nil
}

// extensions reads `extensions`, a list of schemas that resources of the type may have beside their own.
func (r *typesReader) extensions(t *customType, core *scim.Schema) {
	list := t.node.Get("extensions")
	if k := list.Kind(); k == configs.Scalar || k == configs.Map {
		r.fault(list, "write extensions: [{schema: urn:…, required: false}]", "extensions is a list")
		return
	}
	for _, item := range list.Items() {
		if item.Kind() != configs.Map {
			r.fault(item, "write {schema: urn:…, required: false}", "an extension is a map")
			continue
		}
		r.faults = append(r.faults, item.Only("schema", "required")...)
		node := item.Get("schema")
		x := scim.Extension{Required: r.boolean(item, "required")}
		if node.Kind() != configs.Scalar {
			r.fault(node, "write schema: and the URN of one of `schemas`", "an extension needs a schema")
			continue
		}
		if x.Schema = r.named(node); x.Schema == nil {
			continue
		}
		switch {
		case strings.EqualFold(x.Schema.ID, core.ID):
			r.fault(node, "take it away", "%s is the schema of %s itself", node, t.typ.Name)
		case slices.ContainsFunc(t.extensions, func(o scim.Extension) bool { return strings.EqualFold(o.Schema.ID, x.Schema.ID) }):
			r.fault(node, "keep one of them", "%s is an extension of %s twice", node, t.typ.Name)
		default:
			t.extensions = append(t.extensions, x)
		}
	}
}

// text reads a member that is one text.
func (r *typesReader) text(node configs.Node, key string) string {
	n := node.Get(key)
	if k := n.Kind(); k == configs.List || k == configs.Map {
		r.fault(n, "write one text", "%s is %s", key, n)
		return ""
	}
	return n.Text()
}

// boolean reads a member that is true or false; what is not there is false.
func (r *typesReader) boolean(node configs.Node, key string) bool {
	return r.word(node.Get(key), key, "false", "true", "false") == "true"
}

// word reads one of several words; what is not there is otherwise.
func (r *typesReader) word(n configs.Node, key, otherwise string, words ...string) string {
	if n.Kind() == configs.Missing || n.Kind() == configs.Null {
		return otherwise
	}
	if n.Kind() == configs.Scalar && slices.Contains(words, n.Text()) {
		return n.Text()
	}
	remedy := "write one of " + strings.Join(words, ", ")
	if best, ok := configs.Suggest(n.Text(), words); ok {
		remedy = fmt.Sprintf("did you mean %s?", best)
	}
	r.fault(n, remedy, "%s cannot be %q", key, n)
	return otherwise
}
