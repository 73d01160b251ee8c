package mapping

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Adopt is a rule by which a new resource is taken for one that the directory has already, under another spelling.
type Adopt struct {
	Match    []scim.Ref // what the two have in common, all of it
	Then     string     // one of the Adopt constants
	Disabled string     // what is done instead where the account is disabled and would be enabled; one of them, too
	Node     configs.Node
}

// What becomes of a new resource that is there already.
const (
	AdoptLink     = "link"     // the record becomes the new resource
	AdoptReview   = "review"   // the same, once an administrator has said so
	AdoptConflict = "conflict" // it is refused
)

// Adopts are the rules of `adopt`, in the order in which they are tried.
func (m *Mapping) Adopts() []Adopt { return m.adopts }

// adopting reads `adopt`.
func (c *compiler) adopting() {
	node := c.doc.Get("adopt")
	switch node.Kind() {
	case configs.Missing, configs.Null:
		return
	case configs.Scalar, configs.Map:
		c.fault(node, "write adopt: [{match: [enterprise:employeeNumber], then: link}]", "adopt is a list of rules")
		return
	case configs.List:
	}
	if c.m.readOnly() {
		c.fault(node, "take it away", "the records of %s are only read, so that no new resource comes to them", c.m.backendName)
		return
	}
	for _, item := range node.Items() {
		c.adoptRule(item)
	}
}

func (c *compiler) adoptRule(item configs.Node) {
	if item.Kind() != configs.Map {
		c.fault(item, "write {match: [enterprise:employeeNumber], then: link}", "a rule says what to match, and what to do then")
		return
	}
	c.faults = append(c.faults, item.Only("match", "then", "disabled")...)
	rule := Adopt{Node: item}
	if then := item.Get("then"); present(then) {
		rule.Then = c.oneOf(item, "then", AdoptLink, AdoptReview, AdoptConflict)
	} else {
		c.fault(item, "write then: link, review or conflict", "the rule does not say what to do when an account matches")
	}
	rule.Disabled = c.adoptDisabled(item, rule.Then)
	match := item.Get("match")
	if len(match.Items()) == 0 {
		c.fault(match, "write match: [enterprise:employeeNumber]", "the rule does not say what an account is found by")
	}
	before := len(c.faults)
	for _, attr := range match.Items() {
		ref, ok := c.adoptBy(attr)
		if ok && slices.ContainsFunc(rule.Match, func(r scim.Ref) bool { return r.String() == ref.String() }) {
			c.fault(attr, "name it once", "%s stands twice in the rule", ref)
		}
		rule.Match = append(rule.Match, ref)
	}
	if len(c.faults) > before {
		return
	}
	if slices.ContainsFunc(c.m.adopts, rule.hides) {
		c.fault(match, "take one of the rules away", "an earlier rule matches the same, so that this one never gets its turn")
	}
	c.m.adopts = append(c.m.adopts, rule)
}

// adoptDisabled reads what is done with an account that is disabled. Unless the rule says so nobody is let in again whom somebody has shut out.
func (c *compiler) adoptDisabled(item configs.Node, then string) string {
	node := item.Get("disabled")
	switch {
	case !present(node):
		return map[string]string{AdoptReview: AdoptReview}[then]
	case then == AdoptConflict:
		c.fault(node, "take it away", "the rule links no account, enabled or not")
		return ""
	case then == AdoptReview:
		return c.oneOf(item, "disabled", AdoptReview, AdoptConflict)
	}
	return c.oneOf(item, "disabled", AdoptConflict, AdoptReview, AdoptLink)
}

// hides says that two rules match the same.
func (a Adopt) hides(other Adopt) bool {
	paths := func(refs []scim.Ref) []string {
		var all []string
		for _, r := range refs {
			all = append(all, r.String())
		}
		slices.Sort(all)
		return all
	}
	return len(a.Match) > 0 && slices.Equal(paths(a.Match), paths(other.Match))
}

// adoptBy resolves an attribute that accounts are found by: one that new resources have, and that the directory can be asked for.
func (c *compiler) adoptBy(node configs.Node) (scim.Ref, bool) {
	raw, fault := splitPath(node.Text())
	var p path
	if fault == nil {
		p, fault = c.resolve(raw)
	}
	if fault != nil {
		c.fault(node, fault.remedy, "%s", fault.message)
		return scim.Ref{}, false
	}
	fields := c.adoptFields(p)
	ref, known := c.m.rt.Resolve(p.asFilterPath())
	if len(fields) == 0 || !known {
		c.fault(node, "map it under attributes", "%s is not mapped, so that no account is found by it", p)
		return scim.Ref{}, false
	}
	var first *syntaxError
	for _, f := range fields {
		if fault := f.findsNobody(); fault == nil {
			return ref, true
		} else if first == nil {
			first = fault
		}
	}
	c.fault(node, first.remedy, "%s", first.message)
	return scim.Ref{}, false
}

// adoptFields are the lines that hold what a path leads to.
func (c *compiler) adoptFields(p path) (fields []*field) {
	for _, f := range c.m.fields {
		among := p.choose.name == "" || f.path.choose.name == "" || f.path.choose == p.choose
		if f.path.uri == p.uri && f.path.attr.Name == p.attr.Name && among && samePart(f, &field{path: p}) {
			fields = append(fields, f)
		}
	}
	return fields
}

// asFilterPath is the path as filters have it.
func (p path) asFilterPath() filter.Path {
	out := filter.Path{URI: p.uri, Attr: p.attr.Name}
	if p.choose.name != "" {
		out.Filter = filter.Compare{Path: filter.Path{Attr: p.choose.name}, Op: filter.Eq, Value: p.choose.value}
	}
	if p.sub != nil {
		out.Sub = p.sub.Name
	}
	return out
}

// findsNobody says why no account can be found by the field's value; nil when some can.
func (f *field) findsNobody() *syntaxError {
	const remedy = "match something that tells one from all others: an employee number, a mail address"
	switch {
	case f.kind == fromOverlay: // what is kept beside the directory says nothing of accounts that no client knows yet
		return syntaxf("match what the directory itself has, such as an employee number, or map "+f.path.String()+" to an attribute of it",
			"%s is an overlay, which the journal keeps, so that the directory cannot be asked who has it", f.path)
	case f.kind == fromExpr:
		return syntaxf(remedy, "%s is computed by an expression, so that the directory cannot be asked who has it", f.path)
	case f.isReference():
		return syntaxf(remedy, "%s points at other resources, and tells nobody apart", f.path)
	case !f.shown():
		return syntaxf(remedy, "%s is never shown, so that nobody is found by it", f.path)
	case f.mutability() == scim.ReadOnly:
		return syntaxf(remedy, "%s is read-only, so that no new resource brings a value of it", f.path)
	case f.path.leaf().Type == scim.TypeBoolean:
		return syntaxf(remedy, "%s is true or false, and tells nobody apart", f.path)
	}
	return nil
}

// checkAdopts holds the rules against the directory's schema: one that it cannot be asked would read every record for every new resource.
func (m *Mapping) checkAdopts() (faults configs.Faults) {
	for _, rule := range m.adopts {
		for i, ref := range rule.Match {
			if why, everybody := m.findsAll(ref); everybody {
				faults = append(faults, rule.Node.Get("match").Items()[i].Fault("match an attribute that the directory can search, or map it to one",
					"the directory cannot be asked who has %s, and all accounts would be read for each new one: %s", ref, why))
			}
		}
	}
	return faults
}

// findsAll says that a search by an attribute's value would be one of all records, and why.
func (m *Mapping) findsAll(ref scim.Ref) (why string, everybody bool) {
	for _, v := range probes(ref.Target().Type) {
		low, err := m.Lower(filter.Compare{Path: ref.Path(), Op: filter.Eq, Value: v}, Known{})
		if err != nil {
			return err.Error(), true
		}
		if _, everybody = low.Where.(backends.True); everybody {
			if len(low.Why) > 0 {
				why = low.Why[0].Why
			}
			return why, true
		}
	}
	return "", false
}

// probes are values that stand for any of a type; a lens that takes only some kinds of text finds one of its own among them.
func probes(t scim.Type) []any {
	switch t {
	case scim.TypeInteger, scim.TypeDecimal:
		return []any{json.Number("1")}
	case scim.TypeDateTime:
		return []any{"2020-01-01T00:00:00Z"}
	case scim.TypeBinary:
		return []any{"AAAA"}
	case scim.TypeBoolean:
		return []any{true}
	case scim.TypeString, scim.TypeReference, scim.TypeComplex:
	}
	return []any{"a", "1", strings.Repeat("0", 8) + "-0000-4000-8000-" + strings.Repeat("0", 12), "a@example.org"}
}
