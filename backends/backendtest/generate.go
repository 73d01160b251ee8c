package backendtest

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/scim-adapter/scim-adapter/backends"
)

// generator makes records and predicates out of a small stock of texts, so that they meet: random ones would never be equal.
type generator struct {
	*rand.Rand
	s     *suite
	a     Attrs
	b     backends.Reader
	names []string       // of records, for references
	keys  []backends.Key // of records
}

func texts() []string {
	return []string{
		"a", "A", "ab", "AB", "abc", "b", "ba", "a b", "a  b", "A B", "a*b", "*", "(a)", `a\b`, "a,b", "a+b", "a%", "a_b", "#a", "a'b", `a"b`,
		"ä", "Ä", "a\u0308", "äb", "straße", "STRASSE", "名前", "ς", "Σ", "İ", "ﬁ", "a\u00a0b", " a ", "\u212a", "10", "9", "x y z", "xyz",
	}
}

func integers() []string {
	return []string{"-100", "-9", "-1", "0", "1", "2", "3", "9", "10", "512", "514"}
}

func instants() []string {
	return []string{"19700101000000Z", "20240131120000Z", "20240131120001Z", "20240229000000Z", "20380119031408Z"}
}

func (g *generator) pick(stock []string) string { return stock[g.IntN(len(stock))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// record gives the attributes of a record beside its name; each may be missing.
func (g *generator) record() backends.Attributes {
	attrs := backends.Attributes{}
	for _, single := range []struct {
		attr  string
		stock []string
	}{{g.a.Text, texts()}, {g.a.Exact, []string{"a", "A", "ab", "a b", "a*b", "abc"}}, {g.a.Int, integers()}, {g.a.Time, instants()}, {g.a.Bool, []string{"TRUE", "FALSE"}}} {
		if single.attr != "" && g.chance(70) {
			attrs[single.attr] = backends.Strings(g.pick(single.stock))
		}
	}
	if g.chance(60) {
		attrs[g.a.Multi] = g.several(g.a.Multi, texts())
	}
	if g.a.Ref != "" && len(g.names) > 0 && g.chance(50) {
		attrs[g.a.Ref] = g.several(g.a.Ref, g.names)
	}
	g.rows(attrs)
	g.document(attrs)
	return attrs
}

// rows adds a few rows that share their parts with others.
func (g *generator) rows(attrs backends.Attributes) {
	if g.a.Rows.Attr == "" || g.chance(40) {
		return
	}
	seen := map[string]bool{}
	for range 1 + g.IntN(4) {
		text := g.pick(texts())
		// No two rows of a record are the same one, to whatever rule.
		if canonical := backends.Normalize(backends.CaseIgnoreSpace, text); !seen[canonical] {
			seen[canonical] = true
			attrs[g.a.Rows.Attr] = append(attrs[g.a.Rows.Attr], g.s.row(text, g.pick(kinds()), g.pick([]string{"", "TRUE", "FALSE"})))
		}
	}
}

func kinds() []string { return []string{"", "work", "home", "other"} }

// document adds what lies in a document.
func (g *generator) document(attrs backends.Attributes) {
	d := g.a.Doc
	put := func(place string, values ...backends.Value) {
		if place != "" && g.chance(60) {
			attrs[place] = values
		}
	}
	put(d.Text, backends.String(g.pick(texts())))
	put(d.Bool, backends.Bool(g.chance(50)))
	put(d.Int, typedBy(backends.IntegerRule, backends.String(g.pick(integers()))))
	put(d.Texts, g.several(d.Texts, texts())...)
	var objects backends.Values
	for i := range 1 + g.IntN(3) {
		objects = append(objects, object(g.pick(texts())+strconv.Itoa(i), g.pick(kinds()), g.chance(50)))
	}
	put(d.Objects, objects...)
}

// several gives up to four values that the attribute's rule holds apart.
func (g *generator) several(attr string, stock []string) backends.Values {
	seen := map[string]bool{}
	var values backends.Values
	for range 1 + g.IntN(4) {
		text := g.pick(stock)
		if canonical := backends.Normalize(g.b.Syntax(attr).Equality, text); !seen[canonical] {
			seen[canonical] = true
			values = append(values, backends.String(text))
		}
	}
	return values
}

// predicate gives a tree of at most this depth whose every leaf the directory can be asked.
func (g *generator) predicate(depth int) backends.Predicate {
	if depth == 0 || g.chance(30) {
		return g.sendable()
	}
	terms := make([]backends.Predicate, 1+g.IntN(3))
	for i := range terms {
		terms[i] = g.predicate(depth - 1)
	}
	switch g.IntN(5) {
	case 0, 1:
		return backends.And(terms)
	case 2, 3:
		return backends.Or(terms)
	}
	return backends.Not{Term: terms[0]}
}

func (g *generator) sendable() backends.Predicate {
	for range 8 {
		if leaf := g.leaf(); fidelity(g.b, leaf) != backends.No {
			return leaf
		}
	}
	return backends.Present{Attr: g.a.Must}
}

// leaf gives a test with a literal that may be equal to something, or be garbage.
func (g *generator) leaf() backends.Predicate {
	if g.a.Rows.Attr != "" && g.chance(20) {
		return g.someRow()
	}
	if g.a.Doc.Objects != "" && g.chance(10) {
		return g.someObject()
	}
	attr, stock := g.attr()
	syntax := g.syntax(attr)
	literal := g.pick(stock)
	if g.chance(10) {
		literal = g.pick([]string{"garbage", "", " ", "*", "uid=nobody,dc=nowhere", "2024", "-", "1.5", "a"})
	}
	substr := syntax.Substr
	if substr == backends.NoRule {
		substr = syntax.Equality
	}
	order := syntax.Order
	if order == backends.NoRule {
		order = syntax.Equality
	}
	switch g.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		return backends.Eq{Attr: attr, Value: backends.String(literal), Rule: g.ruleFor(syntax.Equality)}
	case 6:
		return backends.Prefix{Attr: attr, Text: g.piece(literal), Rule: substr}
	case 7:
		return backends.Suffix{Attr: attr, Text: g.piece(literal), Rule: substr}
	case 8:
		return backends.Contains{Attr: attr, Text: g.piece(literal), Rule: substr}
	case 9, 10:
		op := []backends.OrderOp{backends.Less, backends.LessEq, backends.Greater, backends.GreaterEq}[g.IntN(4)]
		return backends.Order{Attr: attr, Op: op, Value: backends.String(literal), Rule: order}
	case 11, 12:
		return backends.Present{Attr: attr}
	case 13:
		return backends.AllBits{Attr: attr, Mask: []uint64{0, 1, 2, 3, 512}[g.IntN(5)]}
	case 14:
		return g.keyIn()
	}
	return []backends.Predicate{backends.True{}, backends.False{}, nil}[g.IntN(3)]
}

// someRow tests the parts of one row together.
func (g *generator) someRow() backends.Predicate {
	r := g.a.Rows
	return backends.Some{Attr: r.Attr, Where: g.inside(2, func() backends.Predicate {
		text, rule := g.pick(texts()), g.s.partRule(r.Text)
		switch g.IntN(7) {
		case 0, 1:
			return backends.Eq{Attr: r.Text, Value: backends.String(text), Rule: g.ruleFor(rule)}
		case 2:
			return backends.Contains{Attr: r.Text, Text: g.piece(text), Rule: rule}
		case 3:
			return backends.Prefix{Attr: r.Text, Text: g.piece(text), Rule: rule}
		case 4:
			return g.s.part(r.Bool, g.pick([]string{"TRUE", "FALSE", "maybe"}))
		case 5:
			return backends.Present{Attr: g.pick(slices.DeleteFunc([]string{r.Text, r.Kind, r.Bool}, func(part string) bool { return part == "" }))}
		}
		return g.s.part(r.Kind, g.pick(kinds()))
	})}
}

// someObject tests the members of one object together.
func (g *generator) someObject() backends.Predicate {
	return backends.Some{Attr: g.a.Doc.Objects, Where: g.inside(2, func() backends.Predicate {
		switch g.IntN(4) {
		case 0:
			return backends.Eq{Attr: "value", Value: backends.String(g.pick(texts()) + "0"), Rule: g.ruleFor(backends.CaseExact)}
		case 1:
			return backends.Eq{Attr: "main", Value: backends.Bool(g.chance(50)), Rule: backends.BooleanRule}
		case 2:
			return backends.Present{Attr: g.pick([]string{"kind", "main", "value"})}
		}
		return backends.Eq{Attr: "kind", Value: backends.String(g.pick(kinds())), Rule: backends.CaseExact}
	})}
}

// inside gives a small tree of tests of one row or object.
func (g *generator) inside(depth int, leaf func() backends.Predicate) backends.Predicate {
	if depth == 0 || g.chance(30) {
		return leaf()
	}
	terms := []backends.Predicate{g.inside(depth-1, leaf), g.inside(depth-1, leaf)}
	switch g.IntN(5) {
	case 0, 1, 2:
		return backends.And(terms)
	case 3:
		return backends.Or(terms)
	}
	return backends.Not{Term: terms[0]}
}

// ruleFor now and then asks for another comparison than the directory's own: its fidelity must say what it makes of that.
func (g *generator) ruleFor(own backends.Rule) backends.Rule {
	if g.chance(85) {
		return own
	}
	return []backends.Rule{backends.CaseExact, backends.CaseIgnore, backends.CaseExactSpace, backends.CaseIgnoreSpace}[g.IntN(4)]
}

func (g *generator) keyIn() backends.Predicate {
	var keys []backends.Key
	for range g.IntN(5) {
		keys = append(keys, g.keys[g.IntN(len(g.keys))])
	}
	if g.chance(20) {
		keys = append(keys, "nonsense")
	}
	return backends.KeyIn{Keys: keys}
}

// piece cuts something out of a text.
func (g *generator) piece(text string) string {
	runes := []rune(text)
	if len(runes) < 2 {
		return text
	}
	from := g.IntN(len(runes))
	return string(runes[from : from+1+g.IntN(len(runes)-from)])
}

func (g *generator) attr() (string, []string) {
	for {
		if attr, stock := g.anyAttr(); attr != "" {
			return attr, stock
		}
	}
}

func (g *generator) anyAttr() (string, []string) {
	if g.a.Doc.Text != "" && g.chance(25) {
		return g.place()
	}
	switch g.IntN(10) {
	case 0:
		return g.a.Name, []string{"person1", "PERSON2", "person", "p", strconv.Itoa(g.IntN(9))}
	case 1, 2, 3:
		return g.a.Text, texts()
	case 4, 5:
		return g.a.Multi, texts()
	case 6:
		return g.a.Exact, []string{"a", "A", "ab", "Ab", "a b", "a*b", "abc"}
	case 7:
		return g.a.Int, integers()
	case 8:
		return g.a.Time, append(instants(), "2024-01-31T12:00:00Z", "20240131130000+0100")
	}
	if g.chance(30) {
		return g.a.Bool, []string{"TRUE", "FALSE", "true"}
	}
	return g.a.Ref, append([]string{"uid=nobody,dc=nowhere"}, g.names...)
}

// place gives a place in a document.
func (g *generator) place() (string, []string) {
	switch g.IntN(4) {
	case 0:
		return g.a.Doc.Int, integers()
	case 1:
		return g.a.Doc.Bool, []string{"TRUE", "FALSE", "true"}
	case 2:
		return g.a.Doc.Texts, texts()
	}
	return g.a.Doc.Text, texts()
}

// syntax is the directory's, and for a place in a document what lies there.
func (g *generator) syntax(attr string) backends.Syntax {
	switch attr {
	case g.a.Doc.Int:
		return backends.Syntax{Known: true, Equality: backends.IntegerRule, Order: backends.IntegerRule}
	case g.a.Doc.Bool:
		return backends.Syntax{Known: true, Equality: backends.BooleanRule}
	case g.a.Doc.Text, g.a.Doc.Texts:
		return backends.Syntax{Known: true, Equality: backends.CaseExact, Substr: backends.CaseIgnore, Order: backends.CaseExact}
	}
	return g.b.Syntax(attr)
}
