package lens

import (
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// next asks the lens on the left, or the leaf.
func next(t mapping.Test, op filter.Op, v any) (backends.Predicate, bool) {
	if t.Next == nil {
		return nil, false
	}
	return t.Next(op, v)
}

// ruled asks the left for a text and has it compared by rule, where the leaf would take the directory's own: what Get shows does not
// depend on the directory's rule, so what Where says must not either. It declines where a lens on the left has changed the text: the rule
// would be one for the changed text then.
func ruled(t mapping.Test, op filter.Op, v any, rule backends.Rule) (backends.Predicate, bool) {
	p, ok := next(t, op, v)
	if !ok {
		return nil, false
	}
	switch p := p.(type) {
	case backends.Eq:
		ok = p.Attr == t.Attr && untouched(p.Value, v)
		p.Rule = rule
		return p, ok
	case backends.Order:
		ok = p.Attr == t.Attr && untouched(p.Value, v)
		p.Rule = rule
		return p, ok
	case backends.Prefix:
		ok = p.Attr == t.Attr && p.Text == v
		p.Rule = rule
		return p, ok
	case backends.Suffix:
		ok = p.Attr == t.Attr && p.Text == v
		p.Rule = rule
		return p, ok
	}
	return nil, false
}

// untouched says whether v has come to the leaf as it was handed over.
func untouched(got backends.Value, v any) bool {
	switch v := v.(type) {
	case string:
		return got == backends.String(v)
	case time.Time:
		return got == backends.Time(v)
	}
	return false
}

// all is the condition that each holds; it says nothing when one of them says nothing.
func all(terms ...said) (backends.Predicate, bool) {
	var and backends.And
	for _, t := range terms {
		if !t.ok {
			return nil, false
		}
		and = append(and, t.p)
	}
	return and, true
}

// anyOf is the condition that one holds. No terms: false.
func anyOf(terms ...said) (backends.Predicate, bool) {
	var or backends.Or
	for _, t := range terms {
		if !t.ok {
			return nil, false
		}
		or = append(or, t.p)
	}
	switch len(or) {
	case 0:
		return backends.False{}, true
	case 1:
		return or[0], true
	}
	return or, true
}

// not is the opposite.
func not(p backends.Predicate, ok bool) (backends.Predicate, bool) {
	if !ok {
		return nil, false
	}
	return backends.Not{Term: p}, true
}

// said is what Where answered.
type said struct {
	p  backends.Predicate
	ok bool
}

func say(p backends.Predicate, ok bool) said { return said{p, ok} }

// onOneBool is the part of Where that every lens with one boolean for the whole attribute shares: it always shows one, so `pr` is
// true; and a boolean knows no order. A predicate: that is the answer. ok alone: it is an eq, go on.
func onOneBool(t mapping.Test) (p backends.Predicate, ok bool) {
	switch t.Op {
	case filter.Pr:
		return backends.True{}, true
	case filter.Eq:
		return nil, true
	default:
		return nil, false
	}
}

// fulfils compares two texts as SCIM does, exactly or without case.
func fulfils(op filter.Op, have, want string, fold bool) bool {
	if fold {
		have, want = foldCase(have), foldCase(want)
	}
	return scim.TextStands(have, op, want)
}

func foldCase(s string) string { return backends.Normalize(backends.CaseIgnore, s) }

// caseRule compares texts letter by letter, with or without case.
func caseRule(fold bool) backends.Rule {
	if fold {
		return backends.CaseIgnore
	}
	return backends.CaseExact
}

// bare says whether nothing stands between the lens and the attribute that would change a number on its way, so that a predicate may
// be made on the attribute itself.
func bare(t mapping.Test) bool {
	p, ok := next(t, filter.Eq, int64(0))
	eq, isEq := p.(backends.Eq)
	return ok && isEq && eq.Attr == t.Attr && eq.Value == backends.Int(0)
}
