package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// setAttr is an attribute of `create.set`: what every new record gets.
type setAttr struct {
	attr   string
	values []template
}

// naming reads `create`: the name of new records and what they all get.
func (c *compiler) naming() {
	create := c.doc.Get("create")
	c.faults = append(c.faults, create.Only("name", "set")...)
	name := create.Get("name")
	switch {
	case !present(name):
	case c.m.nameless():
		c.fault(name, "take create.name away: a new record is found by its key", "the records of %s have no names", c.m.backendName)
	default:
		c.m.naming = c.template(name)
		if c.m.naming != nil && !slices.ContainsFunc(c.m.naming, func(p templatePart) bool { return p.slot != "" }) {
			c.fault(name, "write name: uid={userName},ou=people,dc=example,dc=org", "all new records would have the same name")
		}
	}
	for key, value := range create.Get("set").Pairs() {
		s := setAttr{attr: c.spelling(key.Text())}
		for _, item := range value.Items() {
			if t := c.template(item); t != nil {
				s.values = append(s.values, t)
			}
		}
		c.m.set = append(c.m.set, s)
	}
	for _, f := range c.m.fields {
		if f.onCreate != nil {
			f.onCreate.text.bind(c, f.onCreate.node)
		}
	}
}

func (c *compiler) template(node configs.Node) template {
	if node.Kind() != configs.Scalar || node.Text() == "" {
		c.fault(node, "write a text, with slots where it depends on the resource: uid={userName},ou=people", "a template is one text")
		return nil
	}
	t, err := parseTemplate(node.Text())
	if err != nil {
		c.fault(node, err.remedy, "%s", err.message)
		return nil
	}
	t.bind(c, node)
	return t
}

// sharing reports two paths that write one directory attribute, unless each writes its own part. One of them may give
// way: where a list of sources only falls back on the attribute, it does not write it.
func (c *compiler) sharing() {
	writers := map[string][]*field{}
	for _, f := range c.m.fields {
		for _, attr := range f.writes() {
			attr = strings.ToLower(attr)
			for _, other := range writers[attr] {
				if f.rows() != nil && f.rows() == other.rows() {
					continue // each has its column
				}
				if f.kind == fromDirectory && other.kind == fromDirectory && f.pipes[0].part() && other.pipes[0].part() &&
					f.node.Text() != other.node.Text() {
					continue
				}
				c.fault(f.node, "write access: readOnly on one of them, or let each write its own part (split, rdn, postalAddress)",
					"%s and %s both write %s", other.path, f.path, c.spelling(attr))
			}
			writers[attr] = append(writers[attr], f)
		}
	}
}

// references checks what points at other mappings, and makes the list of references.
func (c *compiler) references(set *Set) {
	names := make([]string, 0, len(set.all))
	for _, m := range set.all {
		names = append(names, m.name)
	}
	for _, use := range c.refUses {
		m, ok := set.Get(use.what)
		if ok && m.backend != nil && use.by != "" {
			c.m.pointed = append(c.m.pointed, pointed{use.node, m, use.by})
		}
		if ok && use.by == "" && m.backend != nil && len(m.backend.Capabilities().Key) > 1 {
			c.fault(use.node, "point at it with a column that is unique, ref("+use.what+".column), or give its table a key of one column",
				"a record of %s has a key of %d columns, which no value can point at", use.what, len(m.backend.Capabilities().Key))
		}
		if !ok {
			c.fault(use.node, c.didYouMean(use.what, names, "write a mapping for it, or take it out of ref(…)"), "%s is not mapped", use.what)
		}
	}
	for _, use := range c.reverses {
		typ, attr, _ := strings.Cut(use.what, ".")
		m, ok := set.Get(typ)
		if !ok {
			c.fault(use.node, c.didYouMean(typ, names, "write a mapping for it, or take this line away"), "%s is not mapped", typ)
			continue
		}
		a := m.find("", attr)
		if a == nil || len(a.fields) == 0 || a.fields[0].ref() == nil || !slices.Contains(a.fields[0].ref().types, c.m.name) {
			c.fault(use.node, "name an attribute with ref("+c.m.name+")", "%s does not point at %s", use.what, c.m.name)
		}
	}
	for _, f := range c.m.fields {
		if r, ok := f.reference(); ok {
			c.m.refs = append(c.m.refs, r)
		}
		if f.nested && !c.answered(set, f) {
			c.fault(f.node.Get("nested"), "map the attribute that holds the groups' members: members: \"member | ref("+c.m.name+")\"",
				"nothing that %s points at names its members, so nobody could say who is one directly", f.path)
		}
	}
}

// answered reports that some record that a field points at can point back.
func (c *compiler) answered(set *Set, f *field) bool {
	for _, typ := range f.targets() {
		m, ok := set.Get(typ)
		if ok && slices.ContainsFunc(m.fields, func(back *field) bool {
			return back != f && back.ref() != nil && slices.Contains(back.targets(), c.m.name) && back.path.attr.MultiValued
		}) {
			return true
		}
	}
	return false
}

// reference is what the adapter must know to turn the field's names into ids and back.
func (f *field) reference() (Reference, bool) {
	mark := f.ref()
	if mark == nil && f.kind != fromReverse {
		return Reference{}, false
	}
	r := Reference{
		URI: f.path.uri, Attr: f.path.attr.Name, Complex: f.path.sub != nil, Multi: f.path.attr.MultiValued,
		ReadOnly: f.mutability() == scim.ReadOnly, Placeholder: f.placeholder, Display: f.owner.labelled(), Nested: f.nested,
	}
	if mark == nil {
		r.Reverse = f.reverse
		r.Types = []string{f.reverse[:strings.IndexByte(f.reverse, '.')]}
		return r, true
	}
	r.Types, r.By, r.Native, r.OrReverse = mark.types, mark.by, f.pipes[0].attr, f.reverse
	r.Set = r.Multi && !r.ReadOnly
	return r, true
}

// CheckSchema holds the mapping against the schema of a directory that is connected: unknown attributes, wrong kinds.
// Call after Ping succeeded.
func (m *Mapping) CheckSchema() configs.Faults {
	var faults configs.Faults
	for _, f := range m.fields {
		faults = append(faults, m.checkField(f)...)
	}
	for _, s := range m.sets {
		faults = append(faults, m.checkRows(s)...)
	}
	faults = append(faults, m.checkPointed()...)
	faults = append(faults, m.checkAdopts()...)
	for _, attr := range m.doc.Get("protect").Get("attributes").Items() {
		if m.typed() && !m.backend.Syntax(attr.Text()).Known {
			faults = append(faults, attr.Fault("correct the name", "the directory does not know the attribute %s, so that nothing is protected", attr))
		}
	}
	for _, s := range m.set {
		if !m.backend.Syntax(s.attr).Known {
			faults = append(faults, m.doc.Get("create").Get("set").Get(s.attr).Fault("correct the name, or add it to the directory's schema",
				"the directory does not know the attribute %s", s.attr))
		}
	}
	return faults
}

// policyRemedy is what to do about the one attribute of the shipped mappings that a sound directory may lack.
const policyRemedy = "load the ppolicy module into the directory, or say what stands for inactive there: " +
	"active: 'businessCategory | absent(\"inactive\")', as in examples/openldap-plain.yaml; `active: null` where nobody ever is"

func (m *Mapping) checkField(f *field) (faults configs.Faults) {
	faults = append(m.checkColumns(f), m.checkValues(f)...)
	if f.set != nil {
		return faults // the rows are checked as a whole
	}
	written := f.writes()
	for _, attr := range slices.Concat(f.reads(), written) {
		syntax := m.backend.Syntax(attr)
		switch {
		case syntax.Known && syntax.ReadOnly && slices.Contains(written, attr):
			faults = append(faults, f.node.Fault("write {from: …, access: readOnly}", "%s writes %s, which only the directory itself changes", f.path, attr))
		case syntax.Known && syntax.Single && f.ref() != nil && f.many() && slices.Contains(written, attr):
			faults = append(faults, f.node.Fault("map it to an attribute with several values", "%s holds many, and %s holds one value", f.path, attr))
		case !syntax.Known && f.reverse == "":
			remedy := "correct the name, add it to the directory's schema, or take the line away with `" + f.written + ": null`"
			if strings.EqualFold(attr, "pwdAccountLockedTime") {
				remedy = policyRemedy
			}
			faults = append(faults, f.node.Fault(remedy, "the directory does not know the attribute %s", attr))
		}
	}
	return slices.CompactFunc(faults, func(a, b configs.Fault) bool { return a == b })
}
