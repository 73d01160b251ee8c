package mapping

import (
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// pointed is a reference by an attribute of the records that it points at.
type pointed struct {
	node configs.Node
	to   *Mapping
	by   string
}

// checkPointed reports references by an attribute that the records do not have.
func (m *Mapping) checkPointed() (faults configs.Faults) {
	for _, p := range m.pointed {
		if !p.to.backend.Syntax(p.by).Known {
			faults = append(faults, p.node.Fault("name an attribute of the directory that tells the records apart, as "+p.to.name+"'s mapping names it at its right",
				"the records of %s have no attribute %s", p.to.name, p.by))
		}
	}
	return faults
}

// checkValues reports words of the mapping that their column cannot have: what is shown as true could never be stored, and no filter would find it.
func (m *Mapping) checkValues(f *field) (faults configs.Faults) {
	if f.kind != fromDirectory && f.kind != fromRows {
		return nil
	}
	try := func(node configs.Node, attr string, values backends.Values) {
		for _, v := range values {
			if !m.backend.Could(attr, v) {
				faults = append(faults, node.Fault("write what the column can hold, or map another one", "%s would write %q, which the column %s cannot have", f.path, v.Text(), attr))
				return
			}
		}
	}
	for _, p := range f.pipes {
		if p.place != nil || p.ref != nil || len(p.steps) == 0 || p.oneWay() || bare(p) || !m.backend.Syntax(p.native()).Known {
			continue
		}
		for _, word := range p.words() {
			if native, err := p.put(nil, []any{word}); err == nil {
				try(p.node, p.native(), native)
			}
		}
	}
	if f.placeholder != "" {
		try(f.node.Get("placeholder"), f.pipes[0].native(), backends.Strings(f.placeholder))
	}
	return faults
}

// bare reports a column without lenses, whose kind is checked as such.
func bare(p pipe) bool {
	_, is := p.steps[0].lens.(column)
	return is && len(p.steps) == 1
}

// words are all that the pipeline shows, where that is a list.
func (p pipe) words() (all []any) {
	if p.typ() == scim.TypeBoolean {
		return []any{true, false}
	}
	if worded, ok := p.steps[len(p.steps)-1].lens.(Worded); ok {
		for _, word := range worded.Words() {
			all = append(all, word)
		}
	}
	return all
}
