package mapping

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Unknowns lists the terms of a checked filter that must be looked up, each once.
func (m *Mapping) Unknowns(e filter.Expr) []Unknown {
	if e == nil {
		return nil
	}
	l := lowering{m: m, asking: true}
	l.expr(m.rt.Unbracketed(e))
	return l.unknowns
}

// Lower turns a checked filter into what the directory answers and what is left to test on the SCIM side. Errors are
// *scim.Error 400 invalidFilter.
func (m *Mapping) Lower(e filter.Expr, known Known) (Lowered, error) {
	if e == nil {
		return Lowered{Where: backends.True{}}, nil
	}
	l := lowering{m: m, known: known}
	out := Lowered{}
	where := backends.And{}
	var rest []filter.Expr
	for _, term := range conjuncts(m.rt.Unbracketed(e)) {
		b := l.expr(term)
		where = append(where, b.hi)
		if !b.exact {
			rest = append(rest, term)
		}
	}
	if l.err != nil {
		return Lowered{}, l.err
	}
	out.Where, out.Why = backends.Simplify(where), l.why
	if _, nobody := out.Where.(backends.False); nobody {
		rest = nil
	}
	switch len(rest) {
	case 0:
	case 1:
		out.Rest = rest[0]
	default:
		out.Rest = filter.And{Terms: rest}
	}
	if out.Rest != nil {
		out.Wants = m.wanting(out.Rest)
	}
	return out, nil
}

// conjuncts takes a filter apart into terms that must all hold, so that each can go its own way.
func conjuncts(e filter.Expr) []filter.Expr {
	switch e := e.(type) {
	case filter.And:
		var out []filter.Expr
		for _, t := range e.Terms {
			out = append(out, conjuncts(t)...)
		}
		return out
	case filter.Not: // not (a or b) is (not a) and (not b)
		switch inner := e.Term.(type) {
		case filter.Not:
			return conjuncts(inner.Term)
		case filter.Or:
			var out []filter.Expr
			for _, t := range inner.Terms {
				out = append(out, conjuncts(filter.Not{Term: t})...)
			}
			return out
		}
	}
	return []filter.Expr{e}
}

// wanting tells what of a resource an expression looks at: whole attributes.
func (m *Mapping) wanting(e filter.Expr) func(scim.Ref) bool {
	wanted := map[string]bool{}
	add := func(p filter.Path) {
		if ref, ok := m.rt.Resolve(p); ok && ref.Attr != nil {
			wanted[ref.URI+":"+ref.Attr.Name] = true
		}
	}
	var visit func(filter.Expr)
	visit = func(e filter.Expr) {
		switch e := e.(type) {
		case filter.Compare:
			add(e.Path)
		case filter.Has:
			add(e.Path)
		case filter.Not:
			visit(e.Term)
		case filter.And:
			for _, t := range e.Terms {
				visit(t)
			}
		case filter.Or:
			for _, t := range e.Terms {
				visit(t)
			}
		}
	}
	visit(e)
	return func(ref scim.Ref) bool {
		switch {
		case ref.Attr == nil:
			return false
		case ref.URI != "" && wanted[":schemas"]: // which extensions are there follows from what they hold
			return true
		}
		return wanted[ref.URI+":"+ref.Attr.Name]
	}
}

// lowering is one filter on its way down. When asking, it collects the terms that somebody else must answer.
type lowering struct {
	m        *Mapping
	known    Known
	asking   bool
	unknowns []Unknown
	why      []Reason
	err      error
}

func (l *lowering) expr(e filter.Expr) bound {
	switch e := e.(type) {
	case filter.And:
		return all(l.exprs(e.Terms)...)
	case filter.Or:
		return either(l.exprs(e.Terms)...)
	case filter.Not:
		return l.expr(e.Term).not()
	case filter.Compare:
		return l.explained(e, l.compare(e))
	case filter.Has:
		return l.explained(e, l.path(e.Path, filter.Pr, nil))
	}
	return nothing("")
}

func (l *lowering) exprs(terms []filter.Expr) []bound {
	out := make([]bound, len(terms))
	for i, t := range terms {
		out[i] = l.expr(t)
	}
	return out
}

// compare lowers one comparison. `ne` is `not eq`, also where the attribute is absent; `eq null` is `not pr`.
func (l *lowering) compare(e filter.Compare) bound {
	op, negative := e.Op, false
	if op == filter.Ne {
		op, negative = filter.Eq, true
	}
	if op == filter.Eq && e.Value == nil {
		op, negative = filter.Pr, !negative
	}
	b := l.path(e.Path, op, e.Value)
	if negative {
		return b.not()
	}
	return b
}

// explained keeps a line about the term for explain.
func (l *lowering) explained(e filter.Expr, b bound) bound {
	if l.asking {
		return b
	}
	r := Reason{Term: e.String(), Why: b.why}
	if _, all := b.hi.(backends.True); !all || b.exact {
		r.native = func() string { return l.m.backend.Native(b.hi) }
	}
	if !b.exact {
		r.Rest = r.Term
	}
	l.why = append(l.why, r)
	return b
}

func (l *lowering) refuse(format string, args ...any) bound {
	if l.err == nil {
		l.err = scim.BadRequest(scim.InvalidFilter, format, args...)
	}
	return nothing("")
}

// path lowers a test of what a path means: the resource's own business first, then the mapped attributes.
func (l *lowering) path(p filter.Path, op filter.Op, v any) bound {
	ref, ok := l.m.rt.Resolve(p)
	if !ok {
		return l.refuse("The attribute %s is not mapped, so nothing can be found by it.", p)
	}
	if ref.Attr == nil { // a schema's URN: is there something of the extension?
		return l.schema(op, ref.URI)
	}
	if ref.URI == "" {
		switch ref.Attr.Name {
		case "id":
			return l.id(op, v)
		case "schemas":
			return l.schemas(ref, op, v)
		case "meta":
			if ref.Sub == nil && op == filter.Pr || ref.Sub != nil && ref.Sub.Name == "resourceType" {
				return constant(holds(op, l.m.name, v, func(s string) string { return s }))
			}
		}
	}
	a := l.m.find(ref.URI, ref.Attr.Name)
	if a == nil {
		return nothing("the adapter makes " + ref.String() + " itself")
	}
	switch {
	case a.pub.MultiValued && (a.complex() || ref.Filter != nil):
		return l.elements(a, ref, op, v)
	case !a.complex():
		return l.field(a.fields[0], op, v)
	case ref.Sub == nil && op == filter.Pr:
		return l.anyOf(a.fields)
	}
	sub := "value"
	if ref.Sub != nil {
		sub = ref.Sub.Name
	}
	f := fieldOf(a.fields, sub)
	switch {
	case f != nil:
		return l.field(f, op, v)
	case a.derives(sub):
		return all(l.anyOf(a.fields), l.derived(a, sub, op, v))
	}
	return nothing("the adapter makes " + ref.String() + " itself")
}

// anyOf is the presence of any of the fields.
func (l *lowering) anyOf(fields []*field) bound {
	var terms []bound
	for _, f := range fields {
		switch {
		case !f.shown():
		case f.kind != fromRows:
			terms = append(terms, l.field(f, filter.Pr, nil))
		case f.owner.elementOf(f).tells(f):
			terms = append(terms, l.some(f.set, l.field(f, filter.Pr, nil)))
		}
	}
	return either(terms...)
}

func (l *lowering) id(op filter.Op, v any) bound {
	id, text := v.(string)
	switch {
	case op == filter.Pr:
		return constant(true)
	case !text:
		return constant(false)
	case op == filter.Eq:
		return l.m.sent(backends.KeyIn{Keys: []backends.Key{backends.Key(id)}})
	}
	return nothing("ids can be looked up, not searched")
}

// schemas is constant for the schema that all have; an extension is there where one of its attributes is.
func (l *lowering) schemas(ref scim.Ref, op filter.Op, v any) bound {
	test := filter.Compare{Path: ref.Path(), Op: op, Value: v}
	fulfils := func(urn string) bool {
		alone := scim.NewObject()
		alone.Set("schemas", []any{urn})
		return scim.Match(test, l.m.rt, alone)
	}
	terms := []bound{constant(fulfils(l.m.rt.Schema.ID))}
	for _, x := range l.m.rt.Extensions {
		if fulfils(x.Schema.ID) {
			terms = append(terms, l.schema(filter.Pr, x.Schema.ID))
		}
	}
	return either(terms...)
}

// schema is the presence of anything of a schema.
func (l *lowering) schema(op filter.Op, uri string) bound {
	if op != filter.Pr {
		return l.refuse("A schema can be tested with pr only.")
	}
	if strings.EqualFold(uri, l.m.rt.Schema.ID) {
		return constant(true)
	}
	var terms []bound
	for _, a := range l.m.attrs {
		if strings.EqualFold(a.uri, uri) {
			terms = append(terms, l.anyOf(a.fields))
		}
	}
	return either(terms...)
}
