package mapping

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/scim"
)

// mostReads is how many choices of fields a mapping remembers; more of them are forgotten, all at once.
const mostReads = 1000

// reads remembers what must be read for which fields: each request asks, and most of them want the same.
type reads struct {
	once  sync.Once
	shown []shownField

	mu    sync.Mutex
	known map[string][]string // by which of shown are wanted
}

// shownField is a field that a client can see, and what it is made of.
type shownField struct {
	of    *attribute
	field *field
	attrs []string
}

func (r *reads) fields(m *Mapping) []shownField {
	r.once.Do(func() {
		for _, a := range m.attrs {
			for _, f := range a.fields {
				if !f.shown() {
					continue
				}
				attrs := slices.Clone(f.reads())
				for _, w := range f.write { // a write keeps what it does not change
					attrs = append(append(attrs, w.attr), w.expr.Reads()...)
				}
				r.shown = append(r.shown, shownField{a, f, attrs})
			}
		}
	})
	return r.shown
}

// Reads lists the native attributes that the wanted SCIM attributes are made of; want nil: all. What a filter's rest
// needs is asked with Lowered.Wants. The list is the caller's own.
func (m *Mapping) Reads(want func(scim.Ref) bool) []string {
	fields := m.reads.fields(m)
	choice := make([]byte, len(fields))
	for i, f := range fields {
		if f.of.wants(f.field, want) {
			choice[i] = 1
		}
	}
	m.reads.mu.Lock()
	defer m.reads.mu.Unlock()
	attrs, ok := m.reads.known[string(choice)]
	if !ok {
		for i, f := range fields {
			if choice[i] == 1 {
				attrs = append(attrs, f.attrs...)
			}
		}
		slices.SortFunc(attrs, func(x, y string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
		})
		attrs = slices.CompactFunc(attrs, strings.EqualFold)
		if m.reads.known == nil || len(m.reads.known) >= mostReads {
			m.reads.known = map[string][]string{}
		}
		m.reads.known[string(choice)] = attrs
	}
	return slices.Clone(attrs)
}
