package backends

import (
	"slices"
	"strings"
)

// Simplify gives a predicate that holds for the same records: flat, without constants inside, and with every test that can hold for no
// record replaced by False — which is what makes it safe to put under a NOT that a directory evaluates in three-valued logic. p is left alone.
func Simplify(p Predicate) Predicate {
	switch p := p.(type) {
	case nil:
		return True{}
	case And:
		return simplifyAnd(p)
	case Or:
		return simplifyOr(p)
	case Not:
		return negate(Simplify(p.Term))
	case KeyIn:
		if len(p.Keys) == 0 {
			return False{}
		}
	case Eq:
		if _, ok := legible(p.Rule, p.Value); !ok {
			return False{}
		}
	case Order:
		if _, ok := legible(p.Rule, p.Value); !ok {
			return False{}
		}
	case Prefix:
		return simplifyPart(p, p.Attr, p.Rule, part{text: p.Text, initial: true})
	case Suffix:
		return simplifyPart(p, p.Attr, p.Rule, part{text: p.Text, final: true})
	case Contains:
		return simplifyPart(p, p.Attr, p.Rule, part{text: p.Text})
	case Some:
		where := Simplify(p.Where)
		if _, none := where.(False); none {
			return False{}
		}
		return Some{Attr: p.Attr, Where: where}
	case Present, AllBits, True, False:
	}
	return p
}

func simplifyAnd(p And) Predicate {
	var terms And
	for _, term := range p {
		switch t := Simplify(term).(type) {
		case True:
		case False:
			return False{}
		case And:
			terms = append(terms, t...)
		default:
			terms = append(terms, t)
		}
	}
	switch len(terms) {
	case 0:
		return True{}
	case 1:
		return terms[0]
	}
	return terms
}

func simplifyOr(p Or) Predicate {
	var terms Or
	for _, term := range p {
		switch t := Simplify(term).(type) {
		case False:
		case True:
			return True{}
		case Or:
			terms = append(terms, t...)
		default:
			terms = append(terms, t)
		}
	}
	switch len(terms) {
	case 0:
		return False{}
	case 1:
		return terms[0]
	}
	return terms
}

func negate(p Predicate) Predicate {
	switch p := p.(type) {
	case True:
		return False{}
	case False:
		return True{}
	case Not:
		return p.Term
	default:
		return Not{Term: p}
	}
}

// simplifyPart turns looking for the empty string, which no directory can be asked, into asking whether there is a value.
func simplifyPart(p Predicate, attr string, rule Rule, piece part) Predicate {
	canonical, ok := canonicalPart(rule, piece.text, piece.initial, piece.final)
	switch {
	case !ok:
		return False{}
	case anything(rule, canonical):
		return Present{Attr: attr}
	}
	return p
}

// AttrsOf lists the attributes of a record that p looks at, each once whatever letter case it is spelled in, in alphabetical order.
func AttrsOf(p Predicate) []string {
	var names []string
	collectAttrs(p, &names)
	slices.SortFunc(names, func(a, b string) int {
		if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return slices.CompactFunc(names, strings.EqualFold)
}

func collectAttrs(p Predicate, names *[]string) {
	switch p := p.(type) {
	case And:
		for _, term := range p {
			collectAttrs(term, names)
		}
	case Or:
		for _, term := range p {
			collectAttrs(term, names)
		}
	case Not:
		collectAttrs(p.Term, names)
	case Eq:
		*names = append(*names, p.Attr)
	case Prefix:
		*names = append(*names, p.Attr)
	case Suffix:
		*names = append(*names, p.Attr)
	case Contains:
		*names = append(*names, p.Attr)
	case Order:
		*names = append(*names, p.Attr)
	case Present:
		*names = append(*names, p.Attr)
	case AllBits:
		*names = append(*names, p.Attr)
	case Some:
		*names = append(*names, p.Attr)
	case nil, KeyIn, True, False:
	}
}
