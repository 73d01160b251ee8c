package mapping

import (
	"slices"

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
