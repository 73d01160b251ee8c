package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Sort gives the directory's own order for one of resources; false where it has none that puts them as scim.Sort does: what is sorted by must be
// one attribute of the directory, shown as it is or through a lens that keeps the order, with nothing shown in its place where it is absent.
// Records that hold several values and show one of them may still stand elsewhere, for the directory goes by the lowest.
func (m *Mapping) Sort(s scim.Sort) (backends.Sort, bool) {
	f := m.sortField(s.By)
	if f == nil || f.kind != fromDirectory || len(f.pipes) != 1 || f.reverse != "" || f.fallback != nil || f.placeholder != "" || !f.shown() {
		return backends.Sort{}, false
	}
	p := f.pipes[0]
	rule, ok := m.sortRule(f, p)
	return backends.Sort{Attr: p.attr, Rule: rule, Descending: s.Descending}, ok && p.ref == nil
}

// sortField is the only field that decides where a resource stands; nil when there are several or none.
func (m *Mapping) sortField(by scim.Ref) *field {
	if by.Attr == nil || by.Filter != nil {
		return nil
	}
	a := m.find(by.URI, by.Attr.Name)
	if a == nil {
		return nil
	}
	sub := ""
	switch {
	case by.Sub != nil:
		sub = by.Sub.Name
	case a.complex():
		sub = "value"
	}
	if a.complex() && a.pub.MultiValued && len(a.elements) != 1 {
		return nil // which element counts differs from resource to resource
	}
	return fieldOf(a.fields, sub)
}

// sortRule is the rule by which the directory orders what the field shows.
func (m *Mapping) sortRule(f *field, p pipe) (backends.Rule, bool) {
	if !p.text() {
		return p.steps[0].spec.Monotone, len(p.steps) == 1 && p.steps[0].spec.Monotone != backends.NoRule
	}
	rule, own := m.rule(f)
	switch rule {
	case backends.CaseExact, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.TelRule, backends.NumericRule:
		return rule, own
	case backends.NoRule, backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.OctetRule, backends.NameRule:
	}
	return rule, false // the matcher orders them as texts, the directory as what they mean
}
