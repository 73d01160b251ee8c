package lens

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

var operatorsOfSCIM = []filter.Op{filter.Eq, filter.Co, filter.Sw, filter.Ew, filter.Gt, filter.Ge, filter.Lt, filter.Le, filter.Pr}

// question is one record and one filter.
type question struct {
	native backends.Values
	syntax backends.Syntax
	op     filter.Op
	value  any
	fold   bool
}

func (q question) String() string {
	return fmt.Sprintf("%v (%v, single %v, fold %v): %s %#v", q.native, q.syntax.Equality, q.syntax.Single, q.fold, q.op, q.value)
}

// questions asks about records as the directory's syntax admits them. Where the attribute has a rule of its own, values that the rule
// cannot read are not there.
func (s subject) questions(typ scim.Type) *rapid.Generator[question] {
	return rapid.Custom(func(t *rapid.T) question {
		rule := rapid.SampledFrom(s.rules).Draw(t, "rule")
		q := question{
			syntax: backends.Syntax{Known: true, Equality: rule, Order: rule, Substr: rule, Single: rapid.Bool().Draw(t, "single")},
			op:     rapid.SampledFrom(operatorsOfSCIM).Draw(t, "op"),
			fold:   rapid.Bool().Draw(t, "fold"),
		}
		most := 3
		if q.syntax.Single {
			most = 1
		}
		q.native = rapid.SliceOfN(s.native.Filter(func(v backends.Value) bool {
			_, ok := backends.Canonical(rule, v.Text())
			return ok && v.Text() != "" // a directory holds no empty strings
		}), 0, most).Draw(t, "native")
		if q.op != filter.Pr {
			q.value = mix(s.value, s.literals(typ)).Draw(t, "literal")
		}
		return q
	})
}

// literals are those that a client might send beside the values that there are.
func (s subject) literals(typ scim.Type) *rapid.Generator[any] {
	switch typ {
	case scim.TypeBoolean:
		return booleans
	case scim.TypeInteger:
		return anys(rapid.SampledFrom([]json.Number{"0.5", "-0.5", "1e0", "1.0", "-1e400", "9223372036854775807.5", "1e999999999"}))
	case scim.TypeDateTime:
		return anys(rapid.SampledFrom([]string{
			"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00", "1601-01-01T00:00:00Z", "1601-01-01T00:00:00.0000001Z", "2026-01-02t03:04:05z", "2026-01-02T03:04:05", "soon",
		}))
	default:
		return anys(mix(words, rapid.SampledFrom([]string{"", "Employ", "EMPLOYEE", "S-1-0", "AAAA", "00000000-0000-0000-0000-000000000000", "$-", "b$", "-$"})))
	}
}

// ask gives what the lens's predicate says of the record, and what scim's matcher says of the values that Get shows of it. asked is
// false where the lens declines.
func ask(spec mapping.Spec, l mapping.Lens, typ scim.Type, q question) (where backends.Predicate, directory, matcher, asked bool) {
	rule := compareBy(backends.NoRule, q.fold)
	equality := q.syntax.Equality
	if spec.Text {
		rule = compareBy(q.syntax.Equality, q.fold)
		equality = rule
	}
	literal := q.value
	if s, ok := literal.(string); ok && spec.Text && q.op != filter.Eq {
		literal = backends.Normalize(rule, s)
	}
	p, ok := l.Where(mapping.Test{
		Attr: "a", Syntax: q.syntax, Op: q.op, Value: literal, Fold: q.fold,
		Next: func(op filter.Op, v any) (backends.Predicate, bool) { return leaf(equality, op, v) },
	})
	if !ok {
		return nil, false, false, false
	}
	shown, err := l.Get(q.native)
	if err != nil {
		shown = nil
	}
	attr := &scim.Attribute{Name: "a", Type: typ, MultiValued: true, CaseExact: !q.fold, Prep: func(s string) string { return backends.Normalize(rule, s) }}
	rt := &scim.ResourceType{Schema: &scim.Schema{ID: "urn:test", Attributes: []*scim.Attribute{attr}}}
	res := scim.NewObject()
	if len(shown) > 0 {
		res.Set("a", shown)
	}
	test := filter.Compare{Path: filter.Path{Attr: "a"}, Op: q.op, Value: q.value}
	return p, backends.Match(p, backends.Record{Attrs: backends.Attributes{"a": q.native}}), scim.Match(test, rt, res), true
}

// compareBy is the comparison that SCIM sees over an attribute with the rule.
func compareBy(rule backends.Rule, fold bool) backends.Rule {
	switch {
	case rule == backends.CaseIgnoreSpace || rule == backends.CaseExactSpace:
		if fold {
			return backends.CaseIgnoreSpace
		}
		return backends.CaseExactSpace
	case fold:
		return backends.CaseIgnore
	}
	return backends.CaseExact
}

// leaf is the innermost predicate, as mapping.Test.Next describes it.
func leaf(equality backends.Rule, op filter.Op, v any) (backends.Predicate, bool) {
	if op == filter.Pr {
		return backends.Present{Attr: "a"}, true
	}
	value, rule := leafValue(v, equality)
	switch op {
	case filter.Eq:
		return backends.Eq{Attr: "a", Value: value, Rule: rule}, true
	case filter.Co:
		return backends.Contains{Attr: "a", Text: value.Text(), Rule: rule}, true
	case filter.Sw:
		return backends.Prefix{Attr: "a", Text: value.Text(), Rule: rule}, true
	case filter.Ew:
		return backends.Suffix{Attr: "a", Text: value.Text(), Rule: rule}, true
	default:
		orders := map[filter.Op]backends.OrderOp{filter.Gt: backends.Greater, filter.Ge: backends.GreaterEq, filter.Lt: backends.Less, filter.Le: backends.LessEq}
		return backends.Order{Attr: "a", Op: orders[op], Value: value, Rule: rule}, true
	}
}

// TestWhereSaysWhatGetShows is the third law, over every lens: the directory's answer is the matcher's.
func TestWhereSaysWhatGetShows(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.String(), func(t *testing.T) {
			spec, l := specNamed(t, s.lens), build(t, s.lens, s.args...)
			typ := typeOf(t, s, l)
			survived := map[filter.Op]bool{}
			gen := s.questions(typ)
			check := func(t rapid.TB, q question) {
				p, directory, matcher, asked := ask(spec, l, typ, q)
				if asked && directory != matcher {
					t.Fatalf("%v\n%v holds: %v; the matcher says %v", q, p, directory, matcher)
				}
				survived[q.op] = survived[q.op] || asked
			}
			rapid.Check(t, func(t *rapid.T) { check(t, gen.Draw(t, "question")) })
			for seed := range 1000 {
				check(t, gen.Example(seed))
			}
			for _, op := range spec.Ops {
				if op != filter.Ne && !survived[op] && (typ != scim.TypeBoolean || op == filter.Eq || op == filter.Pr) {
					t.Errorf("%s is documented to survive and never does", op)
				}
			}
			for op, yes := range survived {
				if yes && !slices.Contains(spec.Ops, op) && spec.Name != "enum" && spec.Name != "prefix" && spec.Name != "suffix" {
					t.Errorf("%s survives and is not documented", op)
				}
			}
		})
	}
}

// broken are faults that are easily made.
var broken = map[string]struct {
	lens  string
	args  []string
	spoil func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool)
}{
	"a time that is compared as text": {"generalizedTime", nil, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		p, ok := l.Where(t)
		if !ok {
			return nil, false
		}
		return withRule(p, backends.CaseExact), true
	}},
	"never as the latest of all times": {"filetime", nil, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		p, ok := l.Where(t)
		if and, two := p.(backends.And); two {
			return and[0], true // without its upper bound
		}
		return p, ok
	}},
	"a code that the directory folds and Get does not": {"enum", []string{"E=Employee", "C=Contractor", "x y=EMPTY", "E2=Employee"}, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		p, ok := l.Where(t)
		return withRule(p, backends.CaseExact), ok
	}},
	"an opposite taken over several values": {"bit", []string{"0x2"}, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		t.Syntax.Single = true
		return l.Where(t)
	}},
	"an absent number that counts as none": {"bit", []string{"0x6", "512"}, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		p, ok := l.Where(t)
		return backends.And{backends.Present{Attr: t.Attr}, p}, ok
	}},
	"greater or equal for greater": {"epoch", nil, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		if t.Op == filter.Gt {
			t.Op = filter.Ge
		}
		return l.Where(t)
	}},
	"a prefix that may overlap the end": {"prefix", []string{"$-"}, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		if t.Op != filter.Ew {
			return l.Where(t)
		}
		return all(say(t.Next(filter.Sw, "$-")), say(t.Next(filter.Ew, t.Value)))
	}},
	"a passing lock-out that counts": {"locked", nil, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		return build(quiet{}, "locked", "any").Where(t)
	}},
	"a fraction rounded the wrong way": {"int", nil, func(l mapping.Lens, t mapping.Test) (backends.Predicate, bool) {
		if t.Value == json.Number("0.5") {
			t.Value = int64(0)
		}
		return l.Where(t)
	}},
}

// TestBrokenLensesAreCaught demands that the law above finds each.
func TestBrokenLensesAreCaught(t *testing.T) {
	for name, tt := range broken {
		t.Run(name, func(t *testing.T) {
			s := subjects[slices.IndexFunc(subjects, func(s subject) bool { return s.lens == tt.lens && slices.Equal(s.args, tt.args) })]
			l := build(t, tt.lens, tt.args...)
			typ, gen := typeOf(t, s, l), s.questions(typeOf(t, s, l))
			for seed := range 3000 {
				_, directory, matcher, asked := ask(specNamed(t, tt.lens), spoiled{l, tt.spoil}, typ, gen.Example(seed))
				if asked && directory != matcher {
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// spoiled is a lens whose Where is broken.
type spoiled struct {
	mapping.Lens
	where func(mapping.Lens, mapping.Test) (backends.Predicate, bool)
}

func (s spoiled) Where(t mapping.Test) (backends.Predicate, bool) { return s.where(s.Lens, t) }

// withRule is p compared by another rule.
func withRule(p backends.Predicate, rule backends.Rule) backends.Predicate {
	switch p := p.(type) {
	case backends.Eq:
		p.Rule = rule
		return p
	case backends.Order:
		p.Rule = rule
		return p
	case backends.Or:
		var out backends.Or
		for _, term := range p {
			out = append(out, withRule(term, rule))
		}
		return out
	}
	return p
}

func leafValue(v any, equality backends.Rule) (backends.Value, backends.Rule) {
	switch v := v.(type) {
	case string:
		return backends.String(v), equality
	case bool:
		return backends.Bool(v), backends.BooleanRule
	case int64:
		return backends.Int(v), backends.IntegerRule
	case json.Number:
		return backends.Decimal(string(v)), backends.IntegerRule
	case []byte:
		return backends.Bytes(v), backends.OctetRule
	case time.Time:
		return backends.Time(v), backends.TimeRule
	case backends.Value:
		return v, equality
	}
	panic(fmt.Sprintf("%T at the leaf", v))
}
