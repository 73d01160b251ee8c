package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/internal/expr"
	"github.com/scim-adapter/scim-adapter/scim"
)

// field is one line of `attributes:`, compiled: a path and where its value comes from.
type field struct {
	path    path
	written string       // the path as the mapping has it
	node    configs.Node // the source, for faults

	kind     sourceKind
	pipes    []pipe        // fromDirectory: the first that shows something is shown; the first is written
	constant any           // fromConstant
	reverse  string        // "Group.members": fromReverse, or what stands in for a pipe that the directory lacks
	read     *expr.Reader  // fromExpr
	write    []writtenAttr // fromExpr: how the directory's attributes are made; none: read-only
	spread   []*field      // of a complex attribute in the document: its parts, which stand for it
	set      *rowSet       // of rows: where they are. fromRows: the field is one part of them; fromDirectory: their only column

	options
	owner *attribute
	pub   *scim.Attribute // what /Schemas says of the path's last part; nil for a path that is not published
}

// writtenAttr is one attribute of a `write:` map.
type writtenAttr struct {
	attr string
	expr *expr.Writer
}

type sourceKind uint8

const (
	fromDirectory sourceKind = iota + 1
	fromConstant
	fromOverlay
	fromReverse
	fromExpr
	fromRows // a column of rows that have several
)

// options are what the long form says beside the source.
type options struct {
	access      string // "" as the schema says
	returned    string
	required    *bool
	caseExact   *bool
	unique      string
	fallback    any // `default`
	placeholder string
	onCreate    *maker
	by          string
	display     *bool // of a reference: show what its records are called; nil as true
	nested      bool  // of groups: the directory lists those, too, that the record is in through another group
}

// Access words of the long form.
const (
	readWrite  = "readWrite"
	readOnly   = "readOnly"
	createOnly = "createOnly"
	writeOnly  = "writeOnly"
)

// mutability is the field's access in SCIM's words.
func (f *field) mutability() scim.Mutability {
	schema := f.path.leaf().Mutability
	switch {
	case f.kind == fromConstant, f.kind == fromReverse, f.kind == fromExpr && len(f.write) == 0,
		(f.kind == fromDirectory || f.kind == fromRows) && f.pipes[0].oneWay(), f.access == readOnly, schema == scim.ReadOnly,
		f.path.attr.Mutability == scim.ReadOnly:
		return scim.ReadOnly
	case f.access == createOnly, schema == scim.Immutable && f.access == "" && f.path.sub == nil:
		return scim.Immutable
	case f.access == writeOnly, schema == scim.WriteOnly:
		return scim.WriteOnly
	}
	return scim.ReadWrite
}

// shown reports that the field can appear in an answer and in a filter.
func (f *field) shown() bool {
	return f.mutability() != scim.WriteOnly && f.returnedAs() != scim.ReturnedNever
}

func (f *field) returnedAs() scim.Returned {
	if f.returned != "" {
		return scim.Returned(f.returned)
	}
	if f.mutability() == scim.WriteOnly {
		return scim.ReturnedNever
	}
	return f.path.leaf().Returned
}

// fold reports that texts compare without case. What a reference shows is an id, and those never do (RFC 7643 §3.1).
func (f *field) fold() bool {
	if f.isReference() {
		return false
	}
	if f.caseExact != nil {
		return !*f.caseExact
	}
	for _, p := range f.pipes {
		if slices.ContainsFunc(p.steps, func(s step) bool { return s.spec.Caseless }) {
			return true
		}
	}
	return !f.path.leaf().CaseExact
}

// many reports that the field itself holds a list: a multi-valued attribute without elements of several parts.
func (f *field) many() bool {
	return f.path.attr.MultiValued && (f.path.sub == nil || f.owner.elementOf(f).repeat)
}

// ref is the mark of a reference, where the field is one.
func (f *field) ref() *refMark {
	for _, p := range f.pipes {
		if p.ref != nil {
			return p.ref
		}
	}
	return nil
}

// reads lists the directory attributes that the field is shown from.
func (f *field) reads() []string {
	if f.read != nil {
		return f.read.Reads()
	}
	if f.kind == fromRows {
		return []string{f.set.name}
	}
	var attrs []string
	for _, p := range f.pipes {
		attrs = append(attrs, p.attr)
	}
	return attrs
}

// writes lists the directory attributes that a write of the field changes.
func (f *field) writes() []string {
	if m := f.mutability(); m == scim.ReadOnly {
		return nil
	}
	switch f.kind {
	case fromDirectory:
		return []string{f.pipes[0].attr}
	case fromRows:
		return []string{f.set.name}
	case fromConstant, fromOverlay, fromReverse, fromExpr:
	}
	var attrs []string
	for _, w := range f.write {
		attrs = append(attrs, w.attr)
	}
	return attrs
}

// leaf is the attribute that the path's value is typed by.
func (p path) leaf() *scim.Attribute {
	if p.sub != nil {
		return p.sub
	}
	return p.attr
}

// attribute is one top-level SCIM attribute with all its fields.
type attribute struct {
	uri      string
	pub      *scim.Attribute // as /Schemas has it
	fields   []*field        // in the order of the file
	elements []*element      // of a multi-valued complex attribute, in the order of the file
}

// element is the elements of an attribute that one selector chooses.
type element struct {
	choose selector
	fields []*field
	// repeat: the element has no other part than its value, so there is one element for each of the directory's values.
	repeat bool
	rows   *rowSet // there is one element for each of these rows; nil: they are not kept in rows
}

func (a *attribute) complex() bool { return a.pub.Type == scim.TypeComplex }

func (a *attribute) ref() scim.Ref { return scim.Ref{URI: a.uri, Attr: a.pub} }

// name is the attribute's path.
func (a *attribute) name() string {
	if a.uri != "" {
		return a.uri + ":" + a.pub.Name
	}
	return a.pub.Name
}

func (a *attribute) elementOf(f *field) *element {
	for _, e := range a.elements {
		if slices.Contains(e.fields, f) {
			return e
		}
	}
	return &element{}
}

// part finds the field of a sub-attribute. The value of an element without parts is the element itself.
func (e *element) part(sub string) *field {
	if len(e.fields) == 1 && e.fields[0].path.sub == nil && sub == "value" {
		return e.fields[0]
	}
	return fieldOf(e.fields, sub)
}

func fieldOf(fields []*field, sub string) *field {
	for _, f := range fields {
		if f.path.sub == nil && sub == "" || f.path.sub != nil && strings.EqualFold(f.path.sub.Name, sub) {
			return f
		}
	}
	return nil
}

// name is how the element is called in a message: emails[type eq "work"].
func (e *element) name() string {
	p := e.fields[0].path
	p.sub = nil
	return p.String()
}

// primary reports that `primary` is derived: the schema has it, and no line of the mapping says where it is.
func (a *attribute) primary() bool {
	sub := subAttribute(a.pub, "primary")
	return sub != nil && fieldOf(a.fields, "primary") == nil
}

func subAttribute(a *scim.Attribute, name string) *scim.Attribute {
	for _, s := range a.SubAttributes {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// rule is how texts of the field compare: the directory's own rule where all sources of the path agree on one, so
// that a filter is answered by the directory as the matcher would; else plain comparison.
// own is false for plain.
func (m *Mapping) rule(f *field) (rule backends.Rule, own bool) {
	plain := wanted(backends.NoRule, f.fold())
	for _, other := range f.owner.fields {
		if !samePart(other, f) {
			continue
		}
		if other.kind != fromDirectory && other.kind != fromRows {
			if other.kind == fromConstant {
				continue
			}
			return plain, false
		}
		for _, p := range other.pipes {
			if !p.text() || p.ref != nil {
				return plain, false
			}
			r := wanted(m.backend.Syntax(p.native()).Equality, f.fold())
			if own && r != rule || m.typed() && !isText(r) { // a column of numbers is shown as texts, and those are compared as texts
				return plain, false
			}
			rule, own = r, true
		}
	}
	if !own {
		return plain, false
	}
	return rule, true
}

func samePart(a, b *field) bool {
	if a.path.sub == nil || b.path.sub == nil {
		return a.path.sub == b.path.sub
	}
	return a.path.sub.Name == b.path.sub.Name
}
