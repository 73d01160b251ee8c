package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A document is one attribute of the record that has a place for everything. An attribute of SCIM with the source `document` is kept there under its own
// path, as its resource would have it: {"name": {"givenName": …}, "emails": [{"value": …, "type": …}], "urn:…:User": {"department": …}}.

const documentRemedy = "say `document: column` under `at`, where the backend has such columns, or name the attribute that holds it"

// isDocument reports the source `document` without lenses: it may be of all parts of an attribute at once.
func isDocument(node configs.Node) bool {
	if node.Kind() == configs.Map {
		node = node.Get("from")
	}
	if node.Kind() != configs.Scalar {
		return false
	}
	calls, err := pipelineCalls(node.Text())
	return err == nil && len(calls) == 1 && calls[0].name == "document" && calls[0].args == nil && !calls[0].exact
}

// inOrder gives the lines in the order in which they are compiled: what is named by itself comes before what takes the rest of an attribute
// (`name: document`), and that before what takes the rest of all (`"*"`).
func inOrder(node configs.Node) (keys, values []configs.Node) {
	for _, turn := range []int{0, 1, 2} {
		for key, value := range node.Pairs() {
			mine := 0
			switch {
			case key.Text() == "*":
				mine = 2
			case isDocument(value):
				mine = 1
			}
			if mine == turn {
				keys, values = append(keys, key), append(values, value)
			}
		}
	}
	return keys, values
}

// keptOut notes the paths that a document is to know nothing of: `nickName: null` beside `"*": document`.
func (c *compiler) keptOut(node configs.Node) {
	for key, value := range node.Pairs() {
		if value.Kind() != configs.Null {
			continue
		}
		if raw, err := splitPath(key.Text()); err == nil && raw.choose.name == "" {
			if name, ok := c.rawName(raw); ok {
				c.out[name] = true
			}
		}
	}
}

// rawName is the path as schemas spell it, in lower case, without asking whether there is such an attribute.
func (c *compiler) rawName(raw rawPath) (string, bool) {
	uri := raw.prefix
	if uri != "" && !strings.HasPrefix(strings.ToLower(uri), "urn:") {
		uri = c.prefixes[strings.ToLower(uri)]
	}
	if strings.EqualFold(uri, c.known.core.ID) {
		uri = ""
	}
	name := raw.attr
	if raw.sub != "" {
		name += "." + raw.sub
	}
	if uri != "" {
		name = uri + ":" + name
	}
	return strings.ToLower(name), raw.prefix == "" || uri != "" || strings.EqualFold(raw.prefix, c.known.core.ID)
}

// keepsOut reports a path that has a line with null, or whose whole attribute has.
func (c *compiler) keepsOut(p path) bool {
	whole := p
	whole.sub, whole.choose = nil, selector{}
	return c.out[strings.ToLower(p.String())] || c.out[strings.ToLower(whole.String())]
}

// document compiles `document` and `document | lens` as the source of a path.
func (c *compiler) document(f *field, node configs.Node, calls []call) {
	attr := f.path.attr
	whole := attr.Type == scim.TypeComplex && len(calls) == 1 && f.whole()
	switch {
	case f.path.uri == "" && attr.Name == "password":
		c.fault(node, "name the column that passwords are kept in", "a password would stand in the document as it is")
	case f.path.uri == "" && (attr.Name == "groups" || attr.Name == "members"):
		c.fault(node, "keep who is in a group in rows of a table: {rows: …, on: …, value: person_id | ref(User)}, and write groups: reverse(Group.members)",
			"%s are references, which a document cannot answer for", attr.Name)
	case attr.Type == scim.TypeComplex && attr.MultiValued && (!whole || f.path.choose.name != ""):
		c.fault(node, "write "+attr.Name+": document", "%s is one of several elements, which a document holds whole", f.path)
	case whole && attr.MultiValued:
		c.documentRows(f, node)
	case whole:
		c.documentParts(f, node)
	default:
		f.kind = fromDirectory
		if p, ok := c.pipe(f, node, calls); ok {
			p.place = f.path.members()
			f.pipes = append(f.pipes, p)
		}
	}
}

// whole reports a line that names an attribute without a part.
func (f *field) whole() bool {
	raw, err := splitPath(f.written)
	return err == nil && raw.sub == ""
}

// members are the names that lead to a path in a document.
func (p path) members() []string {
	members := []string{p.attr.Name}
	if p.uri != "" {
		members = []string{p.uri, p.attr.Name}
	}
	if p.sub != nil {
		members = append(members, p.sub.Name)
	}
	return members
}

// documentParts makes a field of each part of a complex attribute, but of those that have a line of their own.
func (c *compiler) documentParts(f *field, node configs.Node) {
	f.kind = fromDirectory
	for _, sub := range f.path.attr.SubAttributes {
		part := c.documentPart(f, node, sub)
		if c.seen[strings.ToLower(part.path.String())] && part.path != f.path || c.keepsOut(part.path) || hidden(sub) || adaptersOwn(part.path) {
			continue
		}
		c.seen[strings.ToLower(part.path.String())] = true
		part.kind = fromDirectory
		part.pipes = []pipe{{node: node, place: part.path.members()}}
		f.spread = append(f.spread, part)
	}
	if len(f.spread) == 0 {
		c.fault(node, "take the line away", "every part of %s has a line of its own", f.path.attr.Name)
		return
	}
	f.pipes = f.spread[0].pipes
}

func (c *compiler) documentPart(f *field, node configs.Node, sub *scim.Attribute) *field {
	part := &field{path: f.path, written: f.written, node: node}
	part.path.sub = sub
	return part
}

// documentRows makes rows of an array of objects: an element for each.
func (c *compiler) documentRows(f *field, node configs.Node) {
	whole := f.path
	whole.sub = nil
	set := &rowSet{node: node, place: whole.members()}
	for _, sub := range f.path.attr.SubAttributes {
		part := c.documentPart(f, node, sub)
		if hidden(sub) || c.keepsOut(part.path) {
			continue
		}
		part.kind, part.set = fromRows, set
		part.pipes = []pipe{{node: node, attr: sub.Name, place: []string{sub.Name}}}
		set.columns = append(set.columns, sub.Name)
		set.parts = append(set.parts, part)
	}
	f.kind, f.set = fromRows, set
}

// hidden reports what is written and never shown: it would stand in the document for everybody to read.
func hidden(a *scim.Attribute) bool {
	return a.Mutability == scim.WriteOnly || a.Returned == scim.ReturnedNever
}

// adaptersOwn reports the parts of meta that no directory keeps.
func adaptersOwn(p path) bool {
	return p.uri == "" && p.attr.Name == "meta" && p.sub != nil && p.sub.Name != "created" && p.sub.Name != "lastModified"
}

// documentOptions reads the keys of `{from: document, access: readOnly}` where that is of a whole attribute, or of everything: they go for each part.
func (c *compiler) documentOptions(parts []*field, node configs.Node) {
	if node.Kind() != configs.Map {
		return
	}
	c.faults = append(c.faults, node.Only("from", "access", "returned")...)
	access := c.oneOf(node, "access", readWrite, readOnly, createOnly)
	returned := c.oneOf(node, "returned", "always", "default", "request")
	for _, part := range parts {
		part.access, part.returned = access, returned
	}
}

// everything makes a field of each attribute of the resource type's schemas that has no line of its own, part by part: `"*": document`. What the
// adapter makes itself, who is in which group, and what nobody may read are left out.
func (c *compiler) everything(value configs.Node) {
	if !isDocument(value) {
		c.fault(value, `write "*": document`, `"*" takes the record's document and nothing else`)
		return
	}
	attrs := slices.Concat(c.known.core.Attributes, slices.DeleteFunc(slices.Clone(c.known.common), func(a *scim.Attribute) bool { return a.Name != "externalId" }))
	for _, attr := range attrs {
		if attr.Name != "password" && attr.Name != "groups" && attr.Name != "members" {
			c.rest(value, "", attr)
		}
	}
	for _, x := range c.known.extensions {
		for _, attr := range x.Attributes {
			if !c.known.open[x] {
				c.rest(value, x.ID, attr)
			}
		}
	}
}

// rest makes fields of what has no line of one attribute.
func (c *compiler) rest(node configs.Node, uri string, attr *scim.Attribute) {
	f := &field{path: path{uri: uri, attr: attr}, node: node}
	f.written = f.path.String()
	taken := slices.ContainsFunc(c.m.fields, func(o *field) bool {
		return o.path.uri == uri && o.path.attr == attr && (attr.MultiValued || attr.Type != scim.TypeComplex || o.isReference())
	})
	if taken || hidden(attr) || c.keepsOut(f.path) {
		return
	}
	switch {
	case attr.Type != scim.TypeComplex:
		f.kind, f.pipes = fromDirectory, []pipe{{node: node, place: f.path.members()}}
	case attr.MultiValued:
		c.documentRows(f, node)
	default:
		known := len(c.faults)
		c.documentParts(f, node)
		c.faults = c.faults[:known] // nothing is left of it
	}
	if f.kind == fromDirectory && len(f.pipes) == 0 {
		return
	}
	c.documentOptions(f.lines(), node)
	c.take(f)
}

// places tells what is kept in the document how the open class calls it.
func (c *compiler) places() {
	doc := ""
	if c.m.backend != nil {
		doc = c.m.backend.Capabilities().Document
	}
	name := doc
	if name == "" {
		name = "document" // there is a fault; but the places stay different ones
	}
	said := false
	for _, f := range c.m.fields {
		if doc != "" && f.set == nil && !slices.ContainsFunc(f.pipes, func(p pipe) bool { return p.place != nil }) &&
			slices.ContainsFunc(slices.Concat(f.reads(), f.writes()), func(attr string) bool { return strings.EqualFold(attr, doc) }) {
			c.fault(f.node, "write "+f.path.attr.Name+": document, or name a column of its own", "%s is mapped to %s, which is the document", f.path, doc)
		}
		for i := range f.pipes {
			p := &f.pipes[i]
			switch {
			case p.place == nil:
				continue
			case f.set != nil:
				f.set.name = backends.Path(name, f.set.place...)
				p.set = f.set.name
			default:
				p.attr = backends.Path(name, p.place...)
			}
			if doc == "" && c.m.backend != nil && !said {
				c.fault(p.node, documentRemedy, "%s is kept in a document, and the records of %s have none", f.path, c.m.backendName)
				said = true // it is the same of all
			}
		}
	}
}
