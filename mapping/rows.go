package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// rowKeys are the keys of a source of rows that are no parts of the attribute. `where` and all that else says which rows are meant is the backend's.
var rowKeys = []string{"rows", "on", "where"}

// rowOptions are the keys of the long form that rows have too. A part of the attribute that is called like one of them has no place here.
var rowOptions = []string{"access", "returned", "required", "unique", "caseExact", "display", "nested"}

// rowSet is the rows that an attribute's values are kept in.
type rowSet struct {
	name    string       // of the native attribute: the table's, and a number behind it for the second use of one table
	node    configs.Node // rows, on, where …
	columns []string
	either  bool
	place   []string // of what is an array in the record's document: the members that lead to it
	parts   []*field // where a row has several columns: what each shows; none: the values are the one column's
}

// rows compiles `{rows: hr.email, on: person_id, value: address, type: kind}`. One column makes an ordinary attribute with several values; of several,
// each row is an element, and its parts are fields of their own.
func (c *compiler) rows(f *field, node configs.Node) {
	before := len(c.faults)
	set := &rowSet{node: node}
	f.set = set
	c.rowsPlace(f, node)
	value := node.Get("value")
	for key, part := range node.Pairs() {
		switch name := key.Text(); {
		case slices.Contains(rowKeys, name), slices.Contains(rowOptions, name) && !c.displayPart(f, name, part):
		case slices.Contains(longKeys, name) && subAttribute(f.path.attr, name) == nil:
			c.fault(key, "take it away, or map the attribute without rows", "%s makes no sense of rows", name)
		case name == "value" && value.Kind() == configs.List:
		default:
			c.rowPart(f, key, part)
		}
	}
	if value.Kind() == configs.List {
		c.eitherColumn(f, value)
	}
	c.rowValue(f, node)
	for key := range node.Get("where").Pairs() {
		if slices.ContainsFunc(set.columns, func(column string) bool { return strings.EqualFold(column, key.Text()) }) {
			c.fault(key, "take it away here or there", "where gives all of these rows one %s, and the same column is mapped", key)
		}
	}
	c.rowOptions(f, node)
	if len(c.faults) > before {
		return
	}
	valued := set.valueFirst()
	set.name = c.setName(node.Get("rows").Text())
	c.distinctRows(f)
	c.sets = append(c.sets, backends.Set{Name: set.name, At: node, Columns: set.columns, Either: set.either, Valued: valued && len(set.columns) > 1 && !set.either})
	c.m.sets = append(c.m.sets, set)
	c.named(f)
}

// displayPart reports that `display` is a column: it is an option only where it says true or false.
func (c *compiler) displayPart(f *field, name string, node configs.Node) bool {
	return name == "display" && node.Text() != "true" && node.Text() != "false" && subAttribute(f.path.attr, name) != nil
}

// rowsPlace checks that the path can be rows, and that the source says where they are.
func (c *compiler) rowsPlace(f *field, node configs.Node) {
	whole := f.path
	whole.sub = nil
	switch {
	case !f.path.attr.MultiValued:
		c.fault(node, "map it to a column of the record's own table", "%s has one value, and rows are many", whole)
	case f.path.sub != nil && f.path.sub.Name != "value":
		c.fault(node, fmt.Sprintf("write %s: {rows: …, on: …, %s: column}", whole, f.path.sub.Name), "%s is a part of what the rows hold", f.path)
	}
	if rows := node.Get("rows"); rows.Kind() != configs.Scalar || rows.Text() == "" {
		c.fault(node.Get("rows"), "write rows: and the table, rows: hr.email", "rows does not name a table")
	}
	if !present(node.Get("on")) {
		c.fault(node, "write on: and the column that holds the record's key", "%s does not say which rows belong to a record", whole)
	}
}

// rowPart compiles one part of the attribute: a column of the rows, and lenses over it.
func (c *compiler) rowPart(f *field, key, node configs.Node) {
	part := &field{path: f.path, written: f.written, node: node, kind: fromRows, set: f.set}
	if f.path.attr.Type == scim.TypeComplex {
		part.path.sub = subAttribute(f.path.attr, key.Text())
	}
	switch {
	case part.path.sub == nil && key.Text() != "value", part.path.sub == nil && f.path.attr.Type == scim.TypeComplex:
		c.fault(key, c.didYouMean(key.Text(), c.rowWords(f), "take it away"), "%s has no part %q", f.path.attr.Name, key)
		return
	case part.path.sub != nil && part.path.sub.Name == f.path.choose.name:
		c.fault(key, "take it away here, or the bracket", "%s of these elements is fixed by the bracket", key)
		return
	case node.Kind() != configs.Scalar || node.Text() == "":
		c.fault(node, "write a column, or a pipeline in quotes: \"kind | enum(W=work, H=home)\"", "%s is one column of the rows", key)
		return
	}
	if p, ok := c.column(part, node); ok {
		part.pipes = []pipe{p}
		f.set.add(p.attr)
		f.set.parts = append(f.set.parts, part)
	}
}

// rowWords are the keys that a source of rows may have.
func (c *compiler) rowWords(f *field) []string {
	words := slices.Concat(rowKeys, rowOptions)
	for _, sub := range f.path.attr.SubAttributes {
		words = append(words, sub.Name)
	}
	return append(words, "value")
}

// column compiles a pipeline over a column of the rows, which is spelled as it stands: names of columns are no names of the record's attributes.
func (c *compiler) column(f *field, node configs.Node) (pipe, bool) {
	calls, err := pipelineCalls(node.Text())
	if err != nil {
		c.fault(node, err.remedy, "%s", err.message)
		return pipe{}, false
	}
	if calls[0].args != nil {
		c.fault(node, "a pipeline begins with a column: column | "+node.Text(), "%s(…) is not a column", calls[0].name)
		return pipe{}, false
	}
	p, ok := c.pipe(f, node, calls)
	p.attr = calls[0].name
	return p, ok
}

// add notes a column that a part reads, once.
func (s *rowSet) add(column string) {
	if !slices.ContainsFunc(s.columns, func(c string) bool { return strings.EqualFold(c, column) }) {
		s.columns = append(s.columns, column)
	}
}

// eitherColumn compiles `value: [user_id | ref(User), group_id | ref(Group)]`: each row has a value in one of the columns.
func (c *compiler) eitherColumn(f *field, node configs.Node) {
	const remedy = "write value: [user_id | ref(User), group_id | ref(Group)]"
	part := &field{path: f.path, written: f.written, node: node, kind: fromRows, set: f.set}
	var one pipe
	for _, item := range node.Items() {
		if item.Kind() != configs.Scalar {
			c.fault(item, remedy, "a column in a list is one text")
			continue
		}
		p, ok := c.column(part, item)
		switch {
		case !ok:
			continue
		case p.ref == nil:
			c.fault(item, remedy, "only references may stand in one of several columns, and %s is none", p.attr)
			continue
		case one.ref == nil:
			one = p
		case one.ref.by != p.ref.by:
			c.fault(item, "let all types be pointed at with the same attribute", "%s mixes ways of pointing", f.path)
		default:
			one.ref = &refMark{types: slices.Concat(one.ref.types, p.ref.types), by: one.ref.by}
		}
		f.set.add(p.attr)
	}
	if one.ref == nil {
		return
	}
	f.set.either = len(f.set.columns) > 1
	part.pipes = []pipe{one}
	f.set.parts = append(f.set.parts, part)
}

// rowValue checks what parts there are: without its value an element is nothing, and a reference is nothing beside it.
func (c *compiler) rowValue(f *field, node configs.Node) {
	whole, parts := f.path, f.set.parts
	whole.sub = nil
	hasValue := f.path.attr.Type != scim.TypeComplex || subAttribute(f.path.attr, "value") != nil
	switch {
	case hasValue && !present(node.Get("value")):
		c.fault(node, "write value: and the column that holds it", "%s has rows without a value", whole)
	case len(parts) == 0 && !hasValue:
		c.fault(node, fmt.Sprintf("write %s: and the column that holds it", f.path.attr.SubAttributes[0].Name), "%s has rows without any of its parts", whole)
	case len(parts) == 0:
	case len(parts) == 1 && parts[0].path.sub != nil && parts[0].path.sub.Name != "value",
		len(parts) > 1 && len(f.set.columns) == 1 && !slices.ContainsFunc(parts, func(p *field) bool { return !p.pipes[0].part() }): // else it is said of each below
		c.fault(node, "map another of its parts to a column of its own", "%s has rows of one column, which cannot be taken apart", whole)
	}
	for i, part := range parts {
		if part.ref() != nil && len(parts) > 1 {
			c.fault(part.node, "let the value stand alone: {rows: …, on: …, value: person_id | ref(User)}", "%s is a reference and has other parts beside it", whole)
		}
		for _, other := range parts[:i] {
			if strings.EqualFold(other.pipes[0].attr, part.pipes[0].attr) && (!other.pipes[0].part() || !part.pipes[0].part()) {
				c.fault(part.node, "take one of them away, or let each write its own part (split)", "%s and %s both write %s", other.path, part.path, part.pipes[0].attr)
			}
		}
	}
}

// rowOptions reads the keys of the long form that rows have. Rows are found again by what they show, so that they cannot be written unseen.
func (c *compiler) rowOptions(f *field, node configs.Node) {
	if parts := f.set.parts; len(parts) == 1 && (parts[0].path.sub == nil || parts[0].path.sub.Name == "value") {
		f.kind, f.pipes, f.set.parts = fromDirectory, parts[0].pipes, nil
		if f.path.sub == nil {
			f.path.sub = parts[0].path.sub
		}
		c.options(f, node)
		return
	}
	f.kind = fromRows
	all := options{
		access: c.oneOf(node, "access", readWrite, readOnly, createOnly, writeOnly), returned: c.oneOf(node, "returned", "always", "never", "default", "request"),
	}
	for _, part := range f.set.parts {
		part.options = all
		if part.path.sub != nil && part.path.sub.Name == "value" {
			part.unique = c.oneOf(node, "unique", "none", "server", "global", "true", "false")
			part.required, part.caseExact = c.boolean(node, "required"), c.boolean(node, "caseExact")
		}
	}
	for _, key := range []string{"access", "returned"} {
		if n := node.Get(key); n.Text() == writeOnly || n.Text() == string(scim.ReturnedNever) {
			c.fault(n, "take it away", "rows that nobody sees cannot be told apart")
		}
	}
	if n := node.Get("display"); n.Text() == "true" || n.Text() == "false" {
		c.fault(n, "write display: and a column, or take it away", "%s does not point at records that have a name to show", f.path.attr.Name)
	}
	if n := node.Get("nested"); present(n) {
		c.fault(n, "take nested away", "%s is no list of groups that the directory keeps", f.path.attr.Name)
	}
}

// valueFirst puts the column of the value before the others, if there is one: a backend takes rows that differ in it for different rows.
func (s *rowSet) valueFirst() (valued bool) {
	for _, part := range s.parts {
		if part.path.sub != nil && part.path.sub.Name == "value" {
			value := part.pipes[0].attr
			s.columns = slices.Insert(slices.DeleteFunc(s.columns, func(c string) bool { return strings.EqualFold(c, value) }), 0, value)
			valued = true
		}
	}
	return valued
}

// setName is the name of a set: the table's, or for another set of the same table that and a number.
func (c *compiler) setName(table string) string {
	name := table
	for n := 2; slices.ContainsFunc(c.sets, func(s backends.Set) bool { return strings.EqualFold(s.Name, name) }); n++ {
		name = fmt.Sprintf("%s/%d", table, n)
	}
	return name
}

// named tells the field and its parts what their set is called, which is known last.
func (c *compiler) named(f *field) {
	if f.kind == fromDirectory {
		f.pipes[0].attr = f.set.name
		return
	}
	for _, part := range f.set.parts {
		part.pipes[0].set = f.set.name
	}
}

// distinctRows reports two sources that hold the same rows: what is written through one would come and go in the other.
func (c *compiler) distinctRows(f *field) {
	for _, s := range c.m.sets {
		same := true
		for _, key := range rowKeys {
			same = same && strings.EqualFold(written(s.node.Get(key)), written(f.set.node.Get(key)))
		}
		if same {
			c.fault(f.node, "tell their rows apart with where, where: {medium: email}, or write one source with a column for type",
				"%s holds the rows of %s that another source holds too", f.path, f.set.node.Get("rows"))
		}
	}
}

// written is what stands in a piece of YAML, for telling whether two say the same.
func written(n configs.Node) string {
	switch n.Kind() {
	case configs.Map:
		var members []string
		for key, value := range n.Pairs() {
			members = append(members, fmt.Sprintf("%q: %s", key.Text(), written(value)))
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	case configs.List:
		var items []string
		for _, item := range n.Items() {
			items = append(items, written(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case configs.Scalar:
		return fmt.Sprintf("%q", n.Text())
	case configs.Missing, configs.Null:
	}
	return ""
}

// lines are the fields that one line of the mapping makes: itself, or the parts of its rows.
func (f *field) lines() []*field {
	switch {
	case f.kind == fromRows:
		return f.set.parts
	case f.spread != nil:
		return f.spread
	}
	return []*field{f}
}

// withoutSets reports rows over a backend that has no tables.
func (c *compiler) withoutSets() {
	if len(c.m.sets) == 0 || c.m.backend.Capabilities().Kind != "ldap" {
		return
	}
	for _, s := range c.m.sets {
		c.fault(s.node, "name the attribute that holds the values, emails: mail", "rows belongs to tables, and %s has none", c.m.backendName)
	}
}

// rows are the rows that the field is a part of; nil where it is none.
func (f *field) rows() *rowSet {
	if f.kind == fromRows {
		return f.set
	}
	return nil
}

// checkRows holds a source of rows against the tables that there are.
func (m *Mapping) checkRows(s *rowSet) (faults configs.Faults) {
	rows := s.node.Get("rows")
	if !m.backend.Syntax(s.name).Known {
		what := rows.Text()
		if len(s.columns) == 1 {
			what += " with a column " + s.columns[0]
		}
		return configs.Faults{rows.Fault("correct the name, or give the account of the backend the right to read it", "the directory does not know the table %s", what)}
	}
	for _, f := range m.fields {
		if f.set != s {
			continue
		}
		for _, column := range s.of(f) {
			syntax := m.backend.Syntax(backends.Path(s.name, column))
			switch {
			case !syntax.Known:
				faults = append(faults, f.node.Fault("correct the name, or take it away", "the table %s has no column %s", rows, column))
			case syntax.Known && syntax.ReadOnly && len(f.writes()) > 0:
				faults = append(faults, f.node.Fault("write access: readOnly beside rows", "%s writes the column %s, which only the directory itself changes", f.path, column))
			}
		}
	}
	return faults
}

// of are the columns that a field of the rows reads.
func (s *rowSet) of(f *field) []string {
	if f.kind == fromRows {
		return []string{f.pipes[0].attr}
	}
	return s.columns
}

// writesRows is the path by which the rows, or the column that the field reads of them, are written; "" where attr is something else.
func (f *field) writesRows(attr string) string {
	if len(f.writes()) == 0 {
		return ""
	}
	isColumn := func(column string) bool { return strings.EqualFold(backends.Path(f.set.name, column), attr) }
	switch {
	case slices.ContainsFunc(f.set.of(f), isColumn):
		return f.path.String()
	case !strings.EqualFold(f.set.name, attr):
		return ""
	case f.kind == fromRows:
		return f.owner.elementOf(f).name()
	}
	return f.path.String()
}
