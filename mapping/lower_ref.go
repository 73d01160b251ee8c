package mapping

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

const whyReference = "an id can be looked up, and its parts cannot be searched"

// reference lowers a test of an attribute that holds names of records. v is an id; what it is called, the adapter
// looked up.
func (l *lowering) reference(f *field, p pipe, op filter.Op, v any) bound {
	syntax := l.m.backend.Syntax(p.attr)
	if !syntax.Known && f.reverse != "" {
		return l.reversed(f, op, v)
	}
	switch op {
	case filter.Pr:
		return l.unplaced(f, p, op, v, l.m.sent(backends.Present{Attr: p.attr}))
	case filter.Eq:
	default:
		return nothing(whyReference)
	}
	answer, ok := l.answer(f, v, RefTerm)
	if !ok {
		return nothing("it was not looked up what " + f.path.String() + " is called")
	}
	terms := make([]bound, 0, len(answer.Names))
	for _, name := range answer.Names {
		terms = append(terms, l.m.sent(backends.Eq{Attr: p.attr, Value: backends.String(name), Rule: refRule(syntax, p.ref.by)}))
	}
	return either(terms...)
}

func refRule(syntax backends.Syntax, by string) backends.Rule {
	switch {
	case syntax.Equality != backends.NoRule:
		return syntax.Equality
	case by == "":
		return backends.NameRule
	}
	return backends.CaseExact
}

// reversed lowers a test of an attribute that other records keep: its members, looked up by the adapter.
func (l *lowering) reversed(f *field, op filter.Op, v any) bound {
	if op != filter.Eq && op != filter.Pr {
		return nothing(whyReference)
	}
	return l.keys(f, op, v, ReverseTerm)
}

// keys is a test whose answer is a list of records.
func (l *lowering) keys(f *field, op filter.Op, v any, kind UnknownKind) bound {
	if _, text := v.(string); op == filter.Eq && !text {
		return constant(false)
	}
	answer, ok := l.answerOp(f, op, v, kind)
	if !ok {
		return nothing(f.path.String() + " was not looked up")
	}
	return l.m.sent(backends.OneOf(answer.Keys))
}

func (l *lowering) answer(f *field, v any, kind UnknownKind) (Answer, bool) {
	if _, text := v.(string); !text {
		return Answer{}, true // no id: nobody
	}
	return l.answerOp(f, filter.Eq, v, kind)
}

// answerOp finds what was looked up for a term, or asks for it.
func (l *lowering) answerOp(f *field, op filter.Op, v any, kind UnknownKind) (Answer, bool) {
	ref := scim.Ref{URI: f.path.uri, Attr: f.owner.pub}
	if f.path.sub != nil {
		ref.Sub = subAttribute(f.owner.pub, f.path.sub.Name)
	}
	term := filter.Compare{Path: ref.Path(), Op: op, Value: v}
	key := term.String()
	if !l.asking {
		answer, ok := l.known[key]
		return answer, ok
	}
	if !slices.ContainsFunc(l.unknowns, func(u Unknown) bool { return u.Key == key }) {
		u := Unknown{Key: key, Term: term, Kind: kind, Path: ref}
		u.Ref, _ = f.reference()
		l.unknowns = append(l.unknowns, u)
	}
	return Answer{}, false
}

// derived lowers a test of a part of a reference that the adapter makes. What the part says of every record alike is known here; an address is
// tested on the SCIM side. The rest would take reading the records behind all references of all resources, and is refused.
func (l *lowering) derived(a *attribute, sub string, op filter.Op, v any) bound {
	f := a.pointer()
	path := a.name() + "." + sub
	norm := normal(a, sub)
	switch {
	case sub == a.labelled():
		return l.refuse("%s cannot be searched: it is the name of the record that %s points at, and is kept there. Look that record up by its name first, and then search for its id with %s.value.",
			path, a.name(), a.name())
	case sub != "type":
	case f.nested:
		return l.refuse("%s cannot be searched: the directory lists direct and indirect groups alike, and which is which is only found out for one resource at a time.", path)
	case f.membership():
		return constant(holds(op, "direct", v, norm))
	case len(f.targets()) == 1:
		return constant(holds(op, f.targets()[0], v, norm))
	}
	return nothing("the adapter makes " + path + " itself")
}
