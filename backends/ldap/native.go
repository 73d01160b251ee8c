package ldap

import (
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// native is a filter as the configuration has it. The zero native is none.
type native struct {
	text string
	tree *ber.Packet
}

func compileNative(text string) (native, error) {
	text = strings.TrimSpace(text)
	tree, err := goldap.CompileFilter(text)
	if err != nil {
		return native{}, err
	}
	return native{text, tree}, nil
}

func (n native) filter() filter {
	if n.text == "" {
		return constant(true)
	}
	return verbatim(n.text)
}

// attrs are the attributes that the filter names.
func (n native) attrs() []string {
	var names []string
	var visit func(p *ber.Packet)
	visit = func(p *ber.Packet) {
		switch int(p.Tag) {
		case goldap.FilterAnd, goldap.FilterOr, goldap.FilterNot:
			for _, child := range p.Children {
				visit(child)
			}
		case goldap.FilterPresent:
			names = append(names, p.Data.String())
		case goldap.FilterExtensibleMatch:
			for _, child := range p.Children {
				if int(child.Tag) == goldap.MatchingRuleAssertionType {
					names = append(names, child.Data.String())
				}
			}
		default:
			names = append(names, p.Children[0].Data.String())
		}
	}
	if n.tree != nil {
		visit(n.tree)
	}
	return names
}

// verdict is a truth value of a filter on an entry that is only about to be made: the server may still add to it.
type verdict uint8

const (
	unsure verdict = iota
	yes
	never
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return never
}

func (v verdict) negated() verdict {
	switch v {
	case yes:
		return never
	case never:
		return yes
	case unsure:
	}
	return unsure
}

// foresee says whether an entry with these attributes will match.
func (n native) foresee(in *info, attrs backends.Attributes) verdict {
	if n.tree == nil {
		return yes
	}
	return foreseeTerm(in, n.tree, backends.Record{Attrs: attrs})
}

func foreseeTerm(in *info, p *ber.Packet, r backends.Record) verdict {
	switch int(p.Tag) {
	case goldap.FilterAnd:
		return foreseeSet(in, p, r, never)
	case goldap.FilterOr:
		return foreseeSet(in, p, r, yes)
	case goldap.FilterNot:
		return foreseeTerm(in, p.Children[0], r).negated()
	case goldap.FilterPresent:
		return foreseeTest(in, p.Data.String(), r, func(attr string, _ backends.Rule) backends.Predicate { return backends.Present{Attr: attr} })
	case goldap.FilterEqualityMatch:
		attr, value := p.Children[0].Data.String(), p.Children[1].Data.String()
		if strings.EqualFold(in.canonical(attr), "objectClass") {
			return foreseeClass(in, value, r)
		}
		return foreseeTest(in, attr, r, func(attr string, rule backends.Rule) backends.Predicate {
			return backends.Eq{Attr: attr, Value: backends.String(value), Rule: rule}
		})
	}
	return unsure
}

// foreseeSet: one term decides a conjunction by failing, a disjunction by holding.
func foreseeSet(in *info, p *ber.Packet, r backends.Record, decisive verdict) verdict {
	sure := true
	for _, child := range p.Children {
		switch foreseeTerm(in, child, r) {
		case decisive:
			return decisive
		case unsure:
			sure = false
		case yes, never:
		}
	}
	if !sure {
		return unsure
	}
	return decisive.negated()
}

func foreseeTest(in *info, attr string, r backends.Record, leaf func(attr string, rule backends.Rule) backends.Predicate) verdict {
	a, ok := in.schema.Attribute(attr)
	switch {
	case !ok && in.live:
		return never
	case !ok, a.Operational(), in.supertypes[a.OID]:
		return unsure // the server sets it, or keeps the value under another name
	}
	rule := in.schema.RuleOf(a.Equality)
	if rule == backends.NoRule {
		return unsure
	}
	for name, values := range r.Attrs {
		if strings.EqualFold(in.canonical(name), a.Name()) {
			return verdictOf(backends.Match(leaf(name, rule), backends.Record{Attrs: backends.Attributes{name: values}}))
		}
	}
	return never
}

// foreseeClass: an entry of a class is one of its superclasses too.
func foreseeClass(in *info, class string, r backends.Record) verdict {
	wanted, ok := in.schema.Class(class)
	if !ok {
		return unsure
	}
	for name, values := range r.Attrs {
		if !strings.EqualFold(in.canonical(name), "objectClass") {
			continue
		}
		for _, v := range values {
			for _, super := range in.schema.Superclasses(v.Text()) {
				if super.OID == wanted.OID {
					return yes
				}
			}
		}
	}
	return never
}
