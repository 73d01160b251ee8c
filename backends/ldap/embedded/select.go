package embedded

import (
	"slices"
	"strings"
)

// selected are the attributes of an entry that a list of names asks for (RFC 4511 §4.5.1.8): nothing or * for what users write, + for the
// directory's own, 1.1 for none, @class for those of a class, and names with all below them.
func (s *store) selected(e *entry, names []string, secrets bool) []Attr {
	want := s.selection(names)
	out := []Attr{}
	for _, a := range e.attrs {
		if want(a.description) && (secrets || !isPassword(a.description)) {
			out = append(out, Attr{a.String(), a.values})
		}
	}
	for _, computed := range []Attr{
		{"subschemaSubentry", []string{subschemaDN}},
		{"hasSubordinates", []string{subordinates(s, e)}},
	} {
		if d, ok := s.describe(computed.Name); ok && want(d) {
			out = append(out, computed)
		}
	}
	return out
}

func (s *store) selection(names []string) func(description) bool {
	user, operational := len(names) == 0, false
	var listed []description
	for _, name := range names {
		switch {
		case name == "*":
			user = true
		case name == "+":
			operational = true
		case strings.HasPrefix(name, "@"):
			for _, attr := range append(s.schema.Must(name[1:]), s.schema.May(name[1:])...) {
				if d, ok := s.describe(attr); ok {
					listed = append(listed, d)
				}
			}
		default:
			if d, ok := s.describe(name); ok {
				listed = append(listed, d)
			}
		}
	}
	return func(d description) bool {
		if d.typ.Operational() && operational || !d.typ.Operational() && user {
			return true
		}
		return slices.ContainsFunc(listed, func(l description) bool { return l.covers(d) })
	}
}
