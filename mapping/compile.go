package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Opener opens the class of records of one mapping in the named backend; cmd gives it, from the table of kinds.
type Opener func(backend configs.Node, o backends.Open) (backends.Backend, error)

// Compile checks and compiles all mapping documents at once (presets expanded), with the schemas and resource types that
// the configuration adds; all faults come together.
func Compile(docs []configs.Node, lenses []Spec, types *Types, open Opener) (*Set, configs.Faults) {
	set := &Set{}
	var compilers []*compiler
	var faults configs.Faults
	for _, doc := range docs {
		c := newCompiler(doc, lenses, types)
		if c.mapping(open) {
			set.all = append(set.all, c.m)
		}
		compilers = append(compilers, c)
	}
	for _, c := range compilers {
		c.references(set)
		faults = append(faults, c.faults...)
	}
	seen := map[string]*Mapping{}
	for _, m := range set.all {
		if _, twice := seen[m.name]; twice {
			faults = append(faults, m.doc.Get("mapping").Fault("keep one of them, with a base or filter that takes in both",
				"%s is mapped twice", m.name))
		}
		seen[m.name] = m
	}
	if len(faults) == 0 { // what is half compiled says little
		faults = set.disagreements()
	}
	faults = append(faults, types.unserved(docs)...)
	if len(faults) > 0 {
		faults.Sort()
		return nil, slices.Compact(faults) // "*" makes many fields of one line
	}
	return set, nil
}

// compiler compiles one document.
type compiler struct {
	m         *Mapping
	doc       configs.Node
	own       configs.Node // doc before it was laid over a preset
	specs     map[string]*Spec
	lensNames []string
	types     *Types
	prefixes  map[string]string // of schemas, in lower case, to their URN
	known     *schemas
	spelled   map[string]string // directory attributes as they were written first, by lower case
	sets      []backends.Set    // what is kept in rows
	seen      map[string]bool   // paths that have a line, in lower case
	out       map[string]bool   // paths that a line with null keeps out of the document, in lower case
	refUses   []reverseUse
	reverses  []reverseUse
	faults    configs.Faults
}

// reverseUse is a place that names another resource type, to be checked when all are known.
type reverseUse struct {
	node configs.Node
	what string
	by   string // of ref: the attribute that it points with
}

func newCompiler(doc configs.Node, lenses []Spec, types *Types) *compiler {
	c := &compiler{
		m: &Mapping{}, doc: doc, types: types, specs: map[string]*Spec{}, spelled: map[string]string{}, seen: map[string]bool{}, out: map[string]bool{},
		prefixes: map[string]string{"enterprise": scim.EnterpriseURN},
	}
	for i := range lenses {
		c.specs[lenses[i].Name] = &lenses[i]
	}
	c.lensNames = slices.Sorted(maps.Keys(c.specs))
	return c
}

func (c *compiler) fault(node configs.Node, remedy, format string, args ...any) {
	c.faults = append(c.faults, node.Fault(remedy, format, args...))
}

// didYouMean is a remedy that names the word which was probably meant.
func (c *compiler) didYouMean(name string, known []string, otherwise string) string {
	if best, ok := configs.Suggest(name, known); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return otherwise
}

// spelling gives each directory attribute one spelling, whatever letters later lines use.
func (c *compiler) spelling(attr string) string {
	lower := strings.ToLower(attr)
	if first, ok := c.spelled[lower]; ok {
		return first
	}
	c.spelled[lower] = attr
	return attr
}

// mapping compiles the document; false when there is not even a resource type.
func (c *compiler) mapping(open Opener) bool {
	m := c.m
	name := c.doc.Get("mapping")
	m.name = name.Text()
	if c.known = c.types.schemasOf(m.name); c.known == nil {
		c.fault(name, c.didYouMean(m.name, c.types.names(), "write `mapping: User` or `mapping: Group`, or define it under `resource_types`"),
			"%q is not a resource type", name)
		return false
	}
	c.preset()
	m.doc = c.doc
	c.faults = append(c.faults, c.doc.Only("mapping", "preset", "at", "create", "adopt", "rename", "delete", "to", "protect", "schemas",
		"attributes", "tests", "scan")...)
	c.schemaPrefixes()
	c.attributes()
	c.open(open)
	c.places()
	c.columns()
	m.publish(c.known)
	c.naming()
	c.policies()
	c.adopting()
	c.sharing()
	m.tests = c.doc.Get("tests").Items()
	m.spelled = c.spelled
	for _, set := range m.sets {
		m.spelled[strings.ToLower(set.name)] = set.name
	}
	m.natives = map[string]bool{}
	for _, name := range m.spelled {
		m.natives[name] = true
	}
	return true
}

// preset lays the document over the preset that it starts from.
func (c *compiler) preset() {
	node := c.doc.Get("preset")
	if node.Kind() == configs.Missing || node.Kind() == configs.Null {
		return
	}
	base, ok := configs.Preset(node.Text(), c.m.name)
	if !ok {
		names := configs.PresetNames()
		c.fault(node, c.didYouMean(node.Text(), names, "the presets are "+strings.Join(names, ", ")),
			"there is no preset %q for %s", node, c.m.name)
		return
	}
	c.own = c.doc
	c.doc = configs.Merge(base, c.doc)
}

// schemaPrefixes reads `schemas:`, a map from prefix to URN.
func (c *compiler) schemaPrefixes() {
	node := c.doc.Get("schemas")
	if k := node.Kind(); k == configs.Scalar || k == configs.List {
		c.fault(node, "write schemas: {acme: urn:acme:params:scim:schemas:User}", "schemas is a map from a prefix to a URN")
		return
	}
	for key, value := range node.Pairs() {
		if !attrName(key.Text()) || !strings.HasPrefix(strings.ToLower(value.Text()), "urn:") {
			c.fault(value, "write a prefix of letters and a URN: acme: urn:acme:params:scim:schemas:User", "%s: %q is not a prefix and its URN", key, value)
			continue
		}
		c.prefixes[strings.ToLower(key.Text())] = value.Text()
	}
}

// attributes compiles the lines of `attributes:` and collects them by SCIM attribute.
func (c *compiler) attributes() {
	node := c.doc.Get("attributes")
	if node.Kind() != configs.Map {
		c.fault(node, "write attributes: {userName: uid, …}", "%s maps no attributes", c.m.name)
		return
	}
	c.keptOut(node)
	c.keptOut(c.own.Get("attributes")) // whose nulls were gone when it was laid over its preset
	keys, values := inOrder(node)
	for i, key := range keys {
		switch value := values[i]; {
		case key.Text() == "*":
			c.everything(value)
		case value.Kind() == configs.Null && present(node.Get("*")): // kept out of what "*" takes
		default:
			c.line(key, value)
		}
	}
	c.required(node)
}

// line compiles one line of `attributes:`.
func (c *compiler) line(key, value configs.Node) {
	f := &field{}
	ok := c.path(f, key, present(value.Get("rows")) || isDocument(value))
	if ok && c.seen[strings.ToLower(f.path.String())] {
		c.fault(key, "keep one of them", "%s is mapped twice", f.path)
		return
	}
	if !ok {
		return
	}
	c.seen[strings.ToLower(f.path.String())] = true
	before := len(c.faults)
	c.source(f, value)
	if f.kind == 0 || f.kind == fromDirectory && len(f.pipes) == 0 {
		if len(c.faults) == before {
			c.fault(value, "write the directory's attribute", "%s has no source", f.path)
		}
		return
	}
	c.take(f)
}

// take takes the fields of a line into the mapping.
func (c *compiler) take(f *field) {
	for _, f := range f.lines() {
		c.settle(f)
		c.collect(f)
		c.m.fields = append(c.m.fields, f)
	}
}

// settle checks what the path and its source must be to one another.
func (c *compiler) settle(f *field) {
	if f.ref() != nil || f.kind == fromReverse {
		if name := f.path.leaf().Name; f.path.leaf().Type == scim.TypeBoolean || name == "schemas" {
			c.fault(f.node, "use ref for attributes that point at resources", "%s cannot be a reference", f.path)
		}
	}
	if f.kind == fromOverlay && (f.path.sub != nil || f.path.attr.MultiValued || f.path.attr.Type != scim.TypeString) {
		c.fault(f.node, "use overlay for simple texts such as externalId", "%s cannot be kept as an overlay", f.path)
	}
	if f.access == createOnly && f.path.attr.MultiValued && f.path.sub == nil && f.ref() != nil {
		c.fault(f.node, "use readOnly or readWrite", "a set of references cannot be createOnly")
	}
	if f.by != "" && f.mutability() != scim.WriteOnly {
		c.fault(f.node.Get("by"), "take `by` away, or write access: writeOnly", "%s can be read, so it is no password", f.path)
	}
	if f.placeholder != "" && (f.kind != fromDirectory || len(f.pipes) != 1) {
		c.fault(f.node.Get("placeholder"), "use placeholder with one directory attribute", "%s has a placeholder and no single attribute to hold it", f.path)
	}
}

// collect puts the field where its attribute and element are.
func (c *compiler) collect(f *field) {
	i := slices.IndexFunc(c.m.attrs, func(a *attribute) bool { return a.uri == f.path.uri && a.pub.Name == f.path.attr.Name })
	if i < 0 {
		i = len(c.m.attrs)
		c.m.attrs = append(c.m.attrs, &attribute{uri: f.path.uri, pub: f.path.attr})
	}
	a := c.m.attrs[i]
	f.owner = a
	a.fields = append(a.fields, f)
	if !a.pub.MultiValued || a.pub.Type != scim.TypeComplex {
		return
	}
	at := slices.IndexFunc(a.elements, func(e *element) bool { return e.choose == f.path.choose })
	if at < 0 {
		at = len(a.elements)
		a.elements = append(a.elements, &element{choose: f.path.choose})
	}
	e := a.elements[at]
	if rows := f.rows(); len(e.fields) > 0 && rows != e.rows {
		c.fault(f.node, "write it as a column of the rows, or take the line away", "%s is mapped beside rows that hold the whole of %s", f.path, e.name())
		return
	}
	e.rows = f.rows()
	e.fields = append(e.fields, f)
	varying := slices.DeleteFunc(slices.Clone(e.fields), func(f *field) bool { return f.kind == fromConstant })
	e.repeat = len(varying) == 1 && varying[0].path.sub.Name == "value"
	if i := slices.IndexFunc(varying, func(f *field) bool { return f.kind == fromDirectory && f.set != nil }); i >= 0 && !e.repeat {
		other := varying[(i+1)%len(varying)]
		c.fault(other.node, "write it as a column of the rows, or take the line away", "%s is mapped beside rows that hold the whole of %s", other.path, e.name())
	}
}

// open opens the class of records in its backend.
func (c *compiler) open(open Opener) {
	at := c.doc.Get("at")
	if at.Kind() != configs.Map {
		c.fault(at, "write at: {backend: corp, base: …}", "%s does not say where its records are", c.m.name)
		return
	}
	name := at.Get("backend")
	if name.Kind() != configs.Scalar {
		c.fault(name, "write backend: and a name from the section `backends`", "%s does not name its backend", c.m.name)
		return
	}
	c.m.backendName = name.Text()
	backend, err := open(name, backends.Open{
		At: at, Tenant: "default", Protect: c.doc.Get("protect").Get("records").Items(), Sets: c.sets, Use: c.use(),
	})
	if err != nil {
		if faults, ok := asFaults(err); ok {
			c.faults = append(c.faults, faults...)
			return
		}
		c.fault(at, "correct the place of the records", "%v", err)
		return
	}
	c.m.backend = backend
	c.withoutSets()
}

// use is what the mapping does with the records.
func (c *compiler) use() *backends.Use {
	u := &backends.Use{}
	for _, f := range c.m.fields {
		inDocument := func(p pipe) bool { return p.place != nil }
		if slices.ContainsFunc(f.pipes, inDocument) || f.set != nil && f.set.place != nil {
			continue // which is one column, and the class knows it
		}
		if f.shown() { // what is only written may be hidden from the adapter, too
			u.Reads = append(u.Reads, f.reads()...)
		}
		u.Writes = append(u.Writes, f.writes()...)
		if p := f.path; f.kind == fromDirectory && f.set == nil && p.attr != nil && p.attr.Required && !p.attr.MultiValued && p.sub == nil {
			u.Required = append(u.Required, f.writes()...)
		}
	}
	for key := range c.doc.Get("create").Get("set").Pairs() {
		u.Presets = append(u.Presets, key.Text())
	}
	policy := c.doc.Get("delete")
	if policy.Kind() == configs.Map {
		policy = policy.Get("policy")
	}
	u.Deletes = policy.Text() == "" || policy.Text() == "remove"
	return u
}

// policies reads rename, delete, protect and scan.
func (c *compiler) policies() {
	m := c.m
	if n := c.doc.Get("rename"); present(n) && m.nameless() {
		c.fault(n, "take the line away", "the records of %s have no names that could change", m.backendName)
	}
	m.follow = c.oneOf(c.doc, "rename", "follow", "keep") != "keep"
	m.del = Delete{Policy: "remove"}
	if m.readOnly() {
		m.del.Policy = "refuse"
	}
	del := c.doc.Get("delete")
	switch del.Kind() {
	case configs.Scalar:
		if word := c.oneOf(c.doc, "delete", "remove", "disable", "refuse", "move"); word != "" {
			m.del = Delete{Policy: word, To: c.doc.Get("to").Text()}
		}
	case configs.Map:
		c.faults = append(c.faults, del.Only("policy", "to")...)
		m.del = Delete{Policy: "move", To: del.Get("to").Text()}
		if word := c.oneOf(del, "policy", "remove", "disable", "refuse", "move"); word != "" {
			m.del.Policy = word
		}
	case configs.List:
		c.fault(del, "write delete: remove, disable, refuse or move", "delete is one word")
	case configs.Missing, configs.Null:
	}
	switch {
	case m.del.Policy == "move" && m.nameless():
		c.fault(del, "write delete: remove, disable or refuse", "the records of %s have no names, so that they cannot be moved", m.backendName)
	case m.del.Policy == "move" && m.del.To == "":
		c.fault(del, "write delete: {policy: move, to: ou=leavers,…}", "delete: move does not say where to")
	}
	if m.del.Policy == "disable" {
		active := m.find("", "active")
		if active == nil || active.fields[0].mutability() != scim.ReadWrite {
			c.fault(del, "map active, or write delete: remove", "delete: disable needs an active that can be written")
		}
	}
	protect := c.doc.Get("protect")
	c.faults = append(c.faults, protect.Only("records", "attributes")...)
	m.protected = map[string]bool{}
	for _, attr := range protect.Get("attributes").Items() {
		m.protected[strings.ToLower(attr.Text())] = true
	}
	m.scan = 10_000
	if n := c.doc.Get("scan"); present(n) {
		v, err := strconv.Atoi(n.Text())
		if err != nil || v < 0 {
			c.fault(n, "write a number of records, scan: 10000", "%q is not a number of records", n)
		}
		m.scan = v
	}
}
