package postgres

import "github.com/scim-adapter/scim-adapter/backends"

// Fidelity says how truly the database answers a test: exactly, or not at all. A test of what the table does not have is answered, for nobody has it, and
// yet is No: whoever asks has a mistake to see.
func (c *class) Fidelity(p backends.Predicate) backends.Fidelity {
	s := c.known()
	if s == nil || !s.has(p) {
		return backends.No
	}
	if _, exact := s.lowering().above(p); exact {
		return backends.Exact
	}
	return backends.No
}

// has says that every attribute of a predicate is kept somewhere.
func (s *shape) has(p backends.Predicate) bool {
	for _, attr := range backends.AttrsOf(p) {
		at, ok := s.place(attr)
		if !ok || (at.column != nil && !at.column.readable) {
			return false
		}
	}
	return true
}
