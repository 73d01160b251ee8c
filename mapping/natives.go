package mapping

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// Natives lists the native attributes that the wanted SCIM attributes are read from or written to, whether or not clients see them.
func (m *Mapping) Natives(want func(scim.Ref) bool) []string {
	var attrs []string
	for _, a := range m.attrs {
		for _, f := range a.fields {
			if !a.wants(f, want) {
				continue
			}
			attrs = append(append(attrs, f.reads()...), f.writes()...)
			for _, w := range f.write {
				attrs = append(append(attrs, w.attr), w.expr.Reads()...)
			}
		}
	}
	slices.Sort(attrs)
	return slices.Compact(attrs)
}

// MadeOf lists the SCIM attributes of which something is read from a native attribute or written to it: the parts of a single complex one, any other as a whole.
func (m *Mapping) MadeOf(native string) []scim.Ref {
	var refs []scim.Ref
	for _, a := range m.attrs {
		wanted := []scim.Ref{a.ref()}
		if a.complex() && !a.pub.MultiValued {
			wanted = nil
			for _, sub := range a.pub.SubAttributes {
				wanted = append(wanted, scim.Ref{URI: a.uri, Attr: a.pub, Sub: sub})
			}
		}
		for _, one := range wanted {
			of := m.Natives(func(ref scim.Ref) bool {
				return ref.URI == one.URI && ref.Attr == one.Attr && (one.Sub == nil || ref.Sub == one.Sub)
			})
			if slices.ContainsFunc(of, func(name string) bool { return strings.EqualFold(name, native) }) {
				refs = append(refs, one)
			}
		}
	}
	return refs
}

// Spelled lists the attributes that a path of the mapping's own spelling is about, each as a whole: emails[type=work], enterprise:manager. A prefix that is no URN is
// that of any extension.
func (m *Mapping) Spelled(path string) []scim.Ref {
	raw, err := splitPath(path)
	if err != nil {
		return nil
	}
	var refs []scim.Ref
	for _, a := range m.attrs {
		there := strings.EqualFold(a.uri, raw.prefix) || a.uri != "" && raw.prefix != "" && !strings.Contains(raw.prefix, ":")
		if there && strings.EqualFold(a.pub.Name, raw.attr) {
			refs = append(refs, a.ref())
		}
	}
	return refs
}
