package mapping

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// elements lowers a test of a multi-valued attribute: some element fulfils what stands in the brackets and what is asked
// of its sub-attribute.
func (l *lowering) elements(a *attribute, ref scim.Ref, op filter.Op, v any) bound {
	inner := ref.Filter
	if op != filter.Pr || ref.Sub != nil {
		sub := "value"
		if ref.Sub != nil {
			sub = ref.Sub.Name
		}
		test := filter.Expr(filter.Compare{Path: filter.Path{Attr: sub}, Op: op, Value: v})
		if inner != nil {
			test = filter.And{Terms: []filter.Expr{inner, test}}
		}
		inner = test
	}
	kinds := a.elements
	if !a.complex() {
		kinds = []*element{{fields: a.fields, repeat: true}}
	}
	terms := make([]bound, 0, len(kinds))
	for _, e := range kinds {
		if e.rows != nil {
			terms = append(terms, l.rows(a, e, inner))
			continue
		}
		if inner == nil {
			terms = append(terms, l.anyOf(e.varying()))
			continue
		}
		b := (&within{lowering: l, a: a, e: e, single: l.single(e)}).expr(inner)
		if !b.exists {
			b = all(l.anyOf(e.varying()), b)
		}
		terms = append(terms, b)
	}
	return either(terms...)
}

// varying are the fields that say whether there is such an element: constants stand beside others.
func (e *element) varying() []*field {
	var out []*field
	for _, f := range e.fields {
		if f.kind != fromConstant || f.path.sub == nil {
			out = append(out, f)
		}
	}
	return out
}

// single reports that a record has at most one of these elements, so that tests of it are tests of the record.
func (l *lowering) single(e *element) bool {
	if !e.repeat {
		return true
	}
	f := e.part("value")
	if f.kind != fromDirectory {
		return false
	}
	for _, p := range f.pipes {
		if !l.m.backend.Syntax(p.attr).Single {
			return false
		}
	}
	return true
}

// within lowers what stands in brackets, for one kind of element. Everything holds on condition that there is one.
type within struct {
	*lowering
	a      *attribute
	e      *element
	single bool
}

const whyCorrelated = "the directory cannot ask that one and the same value fulfils both"

func (w *within) expr(e filter.Expr) bound {
	switch e := e.(type) {
	case filter.And:
		return w.and(e.Terms)
	case filter.Or:
		var terms []bound
		for _, t := range e.Terms {
			terms = append(terms, w.expr(t))
		}
		return either(terms...)
	case filter.Not:
		return w.negate(w.expr(e.Term))
	case filter.Compare:
		return w.compare(e)
	}
	return nothing("")
}

// and needs one element that fulfils all terms. Where a record may have several, and more than one term depends on
// the record, the directory can only say that each is fulfilled by some.
func (w *within) and(terms []filter.Expr) bound {
	var parts []bound
	open := 0
	for _, t := range terms {
		b := w.expr(t)
		if !b.constantly() {
			open++
		}
		parts = append(parts, b)
	}
	b := all(parts...)
	if open > 1 && !w.single && !b.constantly() {
		return bound{lo: backends.False{}, hi: b.hi, why: whyCorrelated, exists: b.exists}
	}
	return b
}

// negate asks for an element that does not fulfil the term; of several, the directory cannot tell.
func (w *within) negate(b bound) bound {
	if b.constantly() || w.single {
		return b.not()
	}
	return nothing("the directory cannot ask for a value that differs")
}

func (w *within) compare(e filter.Compare) bound {
	op, negative := e.Op, false
	if op == filter.Ne {
		op, negative = filter.Eq, true
	}
	v := e.Value
	switch {
	case op == filter.Eq && v == nil:
		op, negative = filter.Pr, !negative
	case op == filter.Eq && w.isUnmarked(e.Path.Attr, v):
		v, negative = true, !negative
	}
	b := w.part(e.Path.Attr, op, v)
	if negative {
		return w.negate(b)
	}
	return b
}

// isUnmarked reports a test for an element that is not the primary one: that is every element that does not say it is, also one without `primary`
// (RFC 7643 §2.4), so that it is lowered as `not (primary eq true)`.
func (w *within) isUnmarked(sub string, v any) bool {
	s := subAttribute(w.a.pub, sub)
	if s == nil || !s.IsPrimary() {
		return false
	}
	marked, ok := literal(scim.TypeBoolean, filter.Eq, v)
	return ok && marked == false
}

// normal is the form in which the matcher compares what an attribute shows by itself in one of its parts.
func normal(a *attribute, sub string) func(string) string {
	if s := subAttribute(a.pub, sub); s != nil {
		return s.Normal
	}
	return (&scim.Attribute{}).Normal
}

// part tests one sub-attribute of the element.
func (w *within) part(sub string, op filter.Op, v any) bound {
	if strings.EqualFold(sub, w.e.choose.name) {
		return constant(holds(op, w.e.choose.value, v, normal(w.a, sub)))
	}
	f := w.e.part(sub)
	switch {
	case f != nil:
		b := w.field(f, op, v)
		b.exists = f.kind != fromConstant && f.fallback == nil && (f.kind != fromRows || w.e.tells(f))
		return b
	case w.a.derives(sub):
		return w.derived(w.a, sub, op, v)
	case sub == "primary" && w.a.primary():
		return nothing("the adapter makes " + w.a.name() + "." + sub + " itself")
	}
	return constant(false) // these elements have no such part
}

// field lowers a test of one field's shown value.
func (l *lowering) field(f *field, op filter.Op, v any) bound {
	if f.pub != nil && op != filter.Pr {
		var ok bool
		if v, ok = literal(f.pub.Type, op, v); !ok {
			return constant(false)
		}
		if _, isNumber := v.(json.Number); isNumber {
			if _, small := number(v); !small {
				return nothing("the number is too long to be sent")
			}
			if f.pub.Type == scim.TypeInteger {
				if op, v, ok = whole(op, v); !ok {
					return constant(false)
				}
			}
		}
	}
	switch f.kind {
	case fromConstant:
		return constant(l.holds(f, op, f.constant, v))
	case fromOverlay:
		return l.keys(f, op, v, OverlayTerm)
	case fromReverse:
		return l.reversed(f, op, v)
	case fromExpr:
		return nothing(f.path.String() + " is computed by an expression")
	case fromDirectory, fromRows:
	}
	if op == filter.Pr {
		if f.fallback != nil {
			if !slices.ContainsFunc(f.pipes, l.m.illegible) {
				return constant(true)
			}
			return either(l.presence(f), l.unset(f))
		}
		return l.presence(f)
	}
	last := len(f.pipes) - 1
	b := l.pipe(f, f.pipes[last], op, v)
	for i := last - 1; i >= 0; i-- { // the first, or not the first and the next
		b = either(l.pipe(f, f.pipes[i], op, v), all(l.pipe(f, f.pipes[i], filter.Pr, nil).not(), b))
	}
	if f.fallback != nil {
		b = either(b, all(l.unset(f), constant(l.holds(f, op, f.fallback, v))))
	}
	return b
}

// literal gives a filter's literal as the attribute's type; false when no value of the type can stand in this relation
// to it, as the matcher has it.
func literal(t scim.Type, op filter.Op, v any) (any, bool) {
	part := op == filter.Co || op == filter.Sw || op == filter.Ew
	text, isText := v.(string)
	switch t {
	case scim.TypeBoolean:
		if isText {
			b, err := coerce(text, t)
			return b, err == nil && op == filter.Eq
		}
		_, ok := v.(bool)
		return v, ok && op == filter.Eq
	case scim.TypeInteger, scim.TypeDecimal:
		_, ok := v.(json.Number)
		return v, ok && !part
	case scim.TypeDateTime:
		return v, isText && !part
	case scim.TypeString, scim.TypeReference, scim.TypeBinary, scim.TypeComplex:
	}
	return v, isText
}

func (l *lowering) presence(f *field) bound {
	var terms []bound
	for _, p := range f.pipes {
		terms = append(terms, l.pipe(f, p, filter.Pr, nil))
	}
	return either(terms...)
}

// unset lowers that nothing is kept for a field, so that its default is shown. What is kept and cannot be shown is not nothing: `active: perhaps` enables
// nobody.
func (l *lowering) unset(f *field) bound {
	var kept []bound
	for _, p := range f.pipes {
		b := l.pipe(f, p, filter.Pr, nil)
		if l.m.illegible(p) {
			there := backends.Predicate(backends.Present{Attr: p.attr})
			if p.text() {
				there = backends.And{there, backends.Not{Term: emptyText(p.attr)}}
			}
			b = l.m.sentIn(p.set, there)
		}
		kept = append(kept, b)
	}
	return either(kept...).not()
}

// illegible reports a column, or a place in a document, that may hold what is no value of the attribute's type: what somebody wrote there by hand.
func (m *Mapping) illegible(p pipe) bool {
	if len(p.steps) != 1 {
		return false
	}
	if _, ok := p.steps[0].lens.(column); !ok {
		return false
	}
	syntax := m.backend.Syntax(p.native())
	switch p.steps[0].spec.Type {
	case scim.TypeBoolean:
		return syntax.Equality != backends.BooleanRule
	case scim.TypeInteger, scim.TypeDecimal:
		return syntax.Equality != backends.IntegerRule
	case scim.TypeDateTime:
		return syntax.Equality != backends.TimeRule
	case scim.TypeString, scim.TypeReference, scim.TypeBinary, scim.TypeComplex:
	}
	return !syntax.Single // an object
}

// holds tests a value that the mapping itself shows.
func (l *lowering) holds(f *field, op filter.Op, have, v any) bool {
	rule, _ := l.m.rule(f)
	return holds(op, have, v, func(s string) string { return backends.Normalize(rule, s) })
}

// pipe lowers a test of what one pipeline shows.
func (l *lowering) pipe(f *field, p pipe, op filter.Op, v any) bound {
	if p.ref != nil {
		return l.reference(f, p, op, v)
	}
	syntax := l.m.backend.Syntax(p.native())
	equality := syntax.Equality
	if rule, own := l.m.rule(f); p.text() {
		equality = rule
		if s, ok := v.(string); ok && own && op != filter.Eq {
			v = spelled(rule, s, len(p.steps) == 0)
		}
	}
	t := Test{Attr: p.attr, Syntax: syntax, Op: op, Value: v, Fold: f.fold()}
	pred, ok := p.where(t, func(op filter.Op, v any) (backends.Predicate, bool) {
		return textual(p.attr, equality, op, v)
	})
	if !ok {
		return nothing("the directory has no test that says this of " + p.native())
	}
	b := l.m.sentIn(p.set, pred)
	if !p.exact(t) {
		b = atMost(b.hi, "a lens over "+p.native()+" shows less than the directory finds").settle(backends.False{}, b.hi)
	}
	return l.unplaced(f, p, op, v, b)
}

// spelled gives text as the matcher takes it. Where that differs in nothing but the case of its letters, and no lens looks at them, the text stays as it
// was given: the rule folds it anyway, and people know their own filter again.
func spelled(rule backends.Rule, text string, asGiven bool) string {
	norm := backends.Normalize(rule, text)
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if asGiven && ascii && norm == strings.ToLower(text) && norm == backends.Normalize(rule, norm) {
		return text
	}
	return norm
}

// textual is leaf, but refuses tests of text under rules by which values are no text.
func textual(attr string, rule backends.Rule, op filter.Op, v any) (backends.Predicate, bool) {
	if _, text := v.(string); text && op != filter.Eq && op != filter.Pr {
		switch rule {
		case backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.NameRule, backends.NumericRule:
			return nil, false
		case backends.TelRule:
			if strings.Trim(v.(string), " -") == "" {
				return nil, false
			}
		case backends.NoRule, backends.CaseExact, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace,
			backends.OctetRule:
		}
	}
	return leaf(attr, rule, op, v)
}

// unplaced takes the placeholder out of what a test finds: it counts as no value at all.
func (l *lowering) unplaced(f *field, p pipe, op filter.Op, v any, b bound) bound {
	if f.placeholder == "" {
		return b
	}
	if shown, err := p.get(backends.Strings(f.placeholder)); op != filter.Pr &&
		(err != nil || len(shown) == 0 || !l.holds(f, op, shown[0], v)) {
		return b
	}
	if op == filter.Eq {
		return constant(false)
	}
	mine := l.m.sent(backends.Eq{Attr: p.attr, Value: backends.String(f.placeholder), Rule: l.m.placeholderRule(p.attr)})
	without := all(b, mine.not())
	if !f.many() || l.m.backend.Syntax(p.attr).Single {
		return without
	}
	return bound{lo: without.lo, hi: b.hi, why: "beside the placeholder of " + p.attr + " there may be other values"}
}
