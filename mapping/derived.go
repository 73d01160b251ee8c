package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A reference is mapped by its value alone. What else its schema has for the record that it points at ($ref, type, display), the adapter
// knows of that record, unless a line of the mapping says where it is.

// isReference reports that the field's values point at records.
func (f *field) isReference() bool { return f.ref() != nil || f.kind == fromReverse }

// targets are the resource types that the field points at.
func (f *field) targets() []string {
	if mark := f.ref(); mark != nil {
		return mark.types
	}
	typ, _, _ := strings.Cut(f.reverse, ".")
	return []string{typ}
}

// labels are the sub-attributes that show what people call the record: `display` of members and groups (RFC 7643 §2.4),
// `displayName` of a manager (§4.3).
var labels = []string{"display", "displayName"}

// label is the sub-attribute that a reference's schema has for the name of the record that it points at; nil for none.
func (f *field) label() *scim.Attribute {
	if !f.isReference() || f.path.sub == nil || f.path.sub.Name != "value" {
		return nil
	}
	for _, name := range labels {
		if sub := subAttribute(f.path.attr, name); sub != nil && sub.Type == scim.TypeString && !sub.MultiValued {
			return sub
		}
	}
	return nil
}

// membership reports a reference whose `type` says how a user belongs to a group, directly or not (RFC 7643 §4.1.2), and
// not what the record is.
func (f *field) membership() bool {
	typ := subAttribute(f.path.attr, "type")
	return typ != nil && slices.Contains(typ.CanonicalValues, "direct")
}

// typed reports a reference whose `type` is the name of the record's resource type: the schema has no words for it, or such names.
func (f *field) typed() bool {
	typ := subAttribute(f.path.attr, "type")
	if typ == nil || typ.Type != scim.TypeString || f.membership() {
		return false
	}
	names := append([]string{"User", "Group"}, f.targets()...)
	return len(typ.CanonicalValues) == 0 ||
		slices.ContainsFunc(typ.CanonicalValues, func(word string) bool { return slices.Contains(names, word) })
}

// pointer is the field of a reference's value, nil for an attribute that is no reference with parts.
func (a *attribute) pointer() *field {
	if f := fieldOf(a.fields, "value"); f != nil && f.isReference() {
		return f
	}
	return nil
}

// derives reports the parts of a reference that the adapter adds to its value.
func (a *attribute) derives(sub string) bool {
	f := a.pointer()
	if f == nil || fieldOf(a.fields, sub) != nil {
		return false
	}
	switch sub {
	case "$ref":
		return true
	case "type":
		return f.membership() || f.typed()
	}
	return a.labelled() == sub
}

// labelled is the sub-attribute that shows what the records are called, "" for none.
func (a *attribute) labelled() string {
	f := a.pointer()
	if f == nil || f.display != nil && !*f.display {
		return ""
	}
	label := f.label()
	if label == nil || fieldOf(a.fields, label.Name) != nil {
		return ""
	}
	return label.Name
}

// publishDerived copies a sub-attribute that the adapter makes. What it is called is the record's own business and cannot be written here.
func (a *attribute) publishDerived(sub *scim.Attribute) *scim.Attribute {
	out, f := *sub, a.pointer()
	switch {
	case sub.Name == "$ref":
		out.ReferenceTypes, out.CaseExact = f.targets(), true // a URI (RFC 7643 §2.3.7)
	case sub.Name == a.labelled():
		out.Mutability = scim.ReadOnly
	case sub.Name == "type" && f.typed():
		out.CanonicalValues = f.targets()
	}
	return &out
}

// Label is what people call a record: its displayName as the mapping shows it, else its userName; "" for neither. problem is why there is
// none, where that is a fault of the record.
func (m *Mapping) Label(rec backends.Record) (text string, problem *Problem) {
	rec = m.ours(rec)
	for _, f := range m.labels {
		values, attr, err := m.shown(f, rec)
		if err != nil && problem == nil {
			problem = &Problem{Path: f.path.String(), Attr: attr, Err: err}
		}
		if len(values) == 0 {
			continue
		}
		if text, ok := values[0].(string); ok && text != "" {
			return text, nil
		}
	}
	return "", problem
}

// LabelReads lists the native attributes that Label looks at. None: no record of this type has a label.
func (m *Mapping) LabelReads() []string {
	var attrs []string
	for _, f := range m.labels {
		attrs = append(attrs, f.reads()...)
	}
	slices.Sort(attrs)
	return slices.Compact(attrs)
}

// labelFields finds what Label is made of. What is kept elsewhere, or shown only to those who ask for it, makes no label.
func (m *Mapping) labelFields() []*field {
	var found []*field
	for _, name := range []string{"displayName", "userName"} {
		a := m.find("", name)
		if a == nil || a.complex() {
			continue
		}
		f := a.fields[0]
		returned := f.returnedAs() == scim.ReturnedDefault || f.returnedAs() == scim.ReturnedAlways
		if f.shown() && returned && f.kind != fromOverlay && !f.isReference() {
			found = append(found, f)
		}
	}
	return found
}
