package lens

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// chain is a pipeline of lenses, composed as the mapping composes them.
type chain []mapping.Lens

func (c chain) Get(native backends.Values) ([]any, error) {
	var shown []any
	for _, l := range c {
		var err error
		if shown, err = l.Get(native); err != nil {
			return nil, err
		}
		native = asNative(shown)
	}
	return shown, nil
}

func (c chain) Put(before backends.Values, values []any) (backends.Values, error) {
	if len(c) == 1 {
		return c[0].Put(before, values)
	}
	seen, err := c[0].Get(before)
	if err != nil {
		seen = nil
	}
	middle, err := chain(c[1:]).Put(asNative(seen), values)
	if err != nil {
		return nil, err
	}
	return c[0].Put(before, asShown(middle))
}

func (c chain) Where(t mapping.Test) (backends.Predicate, bool) {
	if len(c) > 1 {
		leaf := t.Next
		t.Next = func(op filter.Op, v any) (backends.Predicate, bool) {
			left := t
			left.Op, left.Value, left.Next = op, v, leaf
			return c[:len(c)-1].Where(left)
		}
	}
	return c[len(c)-1].Where(t)
}

func asNative(shown []any) backends.Values {
	var out backends.Values
	for _, v := range shown {
		switch v := v.(type) {
		case json.Number:
			out = append(out, backends.Decimal(string(v)))
		default:
			value, _ := leafValue(v, backends.NoRule)
			out = append(out, value)
		}
	}
	return out
}

func asShown(values backends.Values) []any {
	var out []any
	for _, v := range values {
		switch v.Kind() {
		case backends.KindInt:
			out = append(out, v.Int())
		case backends.KindBool:
			out = append(out, v.Bool())
		default:
			out = append(out, v.Text())
		}
	}
	return out
}

// TestPipelinesObeyTheLawsToo: lenses are written to stand alone, and stand in pipelines.
func TestPipelinesObeyTheLawsToo(t *testing.T) {
	affixed := func(s string) *rapid.Generator[backends.Value] {
		return strs(mix(rapid.Just("ab"+s), rapid.Just("AB "+s), rapid.Just(s), words))
	}
	tests := map[string]struct {
		lenses   [][]string
		native   *rapid.Generator[backends.Value]
		rules    []backends.Rule
		typ      scim.Type
		value    *rapid.Generator[any]
		survives bool // some filter must survive
	}{
		"AD's disabled flag":       {[][]string{{"bit", "0x2", "512"}, {"not"}}, strs(rapid.Map(small, strconv64)), intRule, scim.TypeBoolean, booleans, true},
		"a number's flag":          {[][]string{{"int"}, {"bit", "1"}}, strs(rapid.Map(small, strconv64)), intRule, scim.TypeBoolean, booleans, true},
		"a word's opposite":        {[][]string{{"bool", "Y", "N"}, {"not"}}, strs(rapid.SampledFrom([]string{"Y", "n", "?"})), anyRule, scim.TypeBoolean, booleans, true},
		"a word for an opposite":   {[][]string{{"bool"}, {"not"}, {"enum", "true=No", "false=Yes"}}, strs(rapid.SampledFrom([]string{"TRUE", "false"})), anyRule, scim.TypeString, anys(rapid.SampledFrom([]string{"Yes", "No"})), false},
		"a code without blanks":    {[][]string{{"trim"}, {"enum", "E=Employee", "C=Contractor"}}, strs(rapid.SampledFrom([]string{"E", " e", "C ", "x"})), anyRule, scim.TypeString, anys(rapid.SampledFrom([]string{"Employee", "Contractor"})), true},
		"a time of leaving":        {[][]string{{"generalizedTime"}, {"absent", "now"}}, strs(generalizedTimes), []backends.Rule{backends.TimeRule}, scim.TypeBoolean, booleans, true},
		"a code that is there":     {[][]string{{"enum", "E=Employee"}, {"absent", "Employee"}}, strs(rapid.SampledFrom([]string{"E", "x"})), anyRule, scim.TypeBoolean, booleans, true},
		"a number behind a prefix": {[][]string{{"prefix", "ab"}, {"int"}}, affixed("7"), anyRule, scim.TypeInteger, anys(small), false},
		"a code behind a prefix":   {[][]string{{"prefix", "ab"}, {"enum", "E=Employee"}}, affixed("E"), anyRule, scim.TypeString, anys(rapid.Just("Employee")), false},
		"a truth behind a prefix":  {[][]string{{"prefix", "ab"}, {"bool"}}, affixed("TRUE"), anyRule, scim.TypeBoolean, booleans, false},
		"a time behind a prefix":   {[][]string{{"prefix", "ab"}, {"generalizedTime"}}, affixed("20260102030405Z"), anyRule, scim.TypeDateTime, dates, false},
		"a flag behind a prefix":   {[][]string{{"prefix", "ab"}, {"bit", "1"}}, affixed("1"), anyRule, scim.TypeBoolean, booleans, false},
		"a lock behind a prefix":   {[][]string{{"prefix", "ab"}, {"locked"}}, affixed(forever), anyRule, scim.TypeBoolean, booleans, false},
		"a prefix behind a suffix": {[][]string{{"suffix", "-"}, {"prefix", "$"}}, strs(mix(words, rapid.SampledFrom([]string{"$a-", "$-", "-", "$b--"}))), anyRule, scim.TypeString, anys(words), false},
		"a prefix of words":        {[][]string{{"enum", "E=x:e", "C=y:c"}, {"prefix", "x:"}}, strs(rapid.SampledFrom([]string{"E", "C"})), anyRule, scim.TypeString, anys(rapid.Just("e")), false},
		"a code within a name":     {[][]string{{"split", "-", "1"}, {"enum", "a=Alpha", "b=Beta"}}, strs(mix(words, rapid.SampledFrom([]string{"a-x", "b-x"}))), anyRule, scim.TypeString, anys(rapid.SampledFrom([]string{"Alpha", "Beta"})), false},
		"a SID in small letters":   {[][]string{{"base64"}, {"lower"}}, bytesOf(1, 2), []backends.Rule{backends.OctetRule}, scim.TypeString, anys(words), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c chain
			for _, l := range tt.lenses {
				c = append(c, build(t, l[0], l[1:]...))
			}
			s := subject{native: tt.native, value: tt.value, rules: tt.rules}
			survived := 0
			gen := s.questions(tt.typ)
			check := func(t rapid.TB, q question) {
				p, directory, matcher, asked := ask(mapping.Spec{}, c, tt.typ, q)
				if asked && directory != matcher {
					t.Fatalf("%v\n%v holds: %v; the matcher says %v", q, p, directory, matcher)
				}
				if asked {
					survived++
				}
			}
			rapid.Check(t, func(t *rapid.T) { check(t, gen.Draw(t, "question")) })
			for seed := range 300 { // the same ones each time: whether a filter survives is not left to chance
				check(t, gen.Example(seed))
			}
			if tt.survives && survived == 0 {
				t.Error("no filter survives")
			}
			if strings.Contains(name, "SID") {
				return
			}
			rapid.Check(t, func(t *rapid.T) {
				before := rapid.SliceOfNDistinct(tt.native, 0, 1, rapid.ID[backends.Value]).Draw(t, "before")
				value := tt.value.Draw(t, "value")
				put, err := c.Put(before, []any{value})
				if err != nil {
					t.Fatalf("Put(%v, %v): %v", before, value, err)
				}
				if got, err := c.Get(put); err != nil || !slices.Contains(got, onlyUTC(tt.typ, value)) {
					t.Fatalf("Get(Put(%v, %v)) = Get(%v) = %v, %v", before, value, put, got, err)
				}
			})
		})
	}
}

func onlyUTC(typ scim.Type, v any) any {
	if typ == scim.TypeDateTime {
		return inUTC(v)
	}
	return v
}
