package lens

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

var (
	numbersOnly = []backends.Rule{backends.IntegerRule}
	truthsOnly  = []backends.Rule{backends.BooleanRule}
	textsOnly   = []backends.Rule{backends.CaseExact, backends.CaseIgnore}
	ints        = rapid.Map(small, backends.Int)
	bools       = rapid.Map(rapid.Bool(), backends.Bool)
	times       = rapid.Map(moments, backends.Time)
	days        = rapid.Map(moments, func(at time.Time) backends.Value { return backends.String(at.Format(time.DateOnly)) })
)

// columns are lenses over the columns of tables, whose values are of the kind that the column is.
var columns = map[string]subject{
	"codes that are numbers":         {lens: "enum", args: []string{"1=Employee", "2=Contractor", "03=Nobody", "x=Nothing"}, native: ints, value: anys(rapid.SampledFrom([]string{"Employee", "Contractor"})), norm: same, rules: numbersOnly},
	"numbers that are truths":        {lens: "enum", args: []string{"1=true", "0=false"}, native: ints, value: booleans, norm: same, rules: numbersOnly},
	"truths that are words":          {lens: "enum", args: []string{"true=Active", "false=Gone", "x=Nothing"}, native: bools, value: anys(rapid.SampledFrom([]string{"Active", "Gone"})), norm: same, rules: truthsOnly},
	"codes of an enum type":          {lens: "enum", args: []string{"E=Employee", "C=Contractor"}, native: strs(rapid.SampledFrom([]string{"E", "e", "C", " C", "c  ", "F"})), value: anys(rapid.SampledFrom([]string{"Employee", "Contractor"})), norm: same, rules: textsOnly},
	"bool over truths":               {lens: "bool", native: bools, value: booleans, norm: same, rules: truthsOnly},
	"bool over words":                {lens: "bool", args: []string{"Y", "N"}, native: strs(rapid.SampledFrom([]string{"Y", "n", " N", "Z"})), value: booleans, norm: same, rules: textsOnly},
	"bool over texts":                {lens: "bool", native: strs(rapid.SampledFrom([]string{"TRUE", "false", "perhaps"})), value: booleans, norm: same, rules: textsOnly},
	"the opposite of truths":         {lens: "not", native: bools, value: booleans, norm: same, rules: truthsOnly},
	"the opposite of texts":          {lens: "not", native: mix(bools, strs(rapid.SampledFrom([]string{"TRUE", "false", "perhaps"}))), value: booleans, norm: same, rules: textsOnly},
	"whole numbers":                  {lens: "int", native: ints, value: anys(small), norm: same, rules: numbersOnly},
	"flags":                          {lens: "bit", args: []string{"0x2"}, native: ints, value: booleans, norm: same, rules: numbersOnly, one: true},
	"a time that somebody left":      {lens: "absent", args: []string{"now"}, native: times, value: booleans, norm: same, rules: []backends.Rule{backends.TimeRule}, one: true},
	"a day that somebody left":       {lens: "absent", args: []string{"now"}, native: days, value: booleans, norm: same, rules: textsOnly, one: true},
	"Unix time":                      {lens: "epoch", native: rapid.Map(rapid.Int64Range(-9, 9), backends.Int), value: anys(rapid.SampledFrom([]string{"1970-01-01T00:00:03Z", "1969-12-31T23:59:59Z"})), norm: inUTC, rules: numbersOnly},
	"instants":                       {lens: "timestamp", native: times, value: dates, norm: inUTC, rules: []backends.Rule{backends.TimeRule}},
	"instants as LDAP writes them":   {lens: "generalizedTime", native: times, value: dates, norm: inUTC, rules: []backends.Rule{backends.TimeRule}},
	"days":                           {lens: "timestamp", native: days, value: anys(rapid.SampledFrom([]string{"2026-01-02T00:00:00Z", "2026-01-02T03:04:05Z"})), norm: inUTC, rules: append([]backends.Rule{backends.TimeRule}, textsOnly...)},
	"numbers that are written small": {lens: "lower", native: ints, value: anys(rapid.SampledFrom([]string{"7", "b"})), norm: same, rules: textsOnly},
}

// overColumn is the lens as it stands over a column.
func overColumn(t testing.TB, s subject) mapping.Lens {
	l := build(t, s.lens, s.args...)
	if tabular, ok := l.(mapping.Tabular); ok {
		l = tabular.Tabular()
	}
	return l
}

func TestLensesOverColumnsObeyTheLaws(t *testing.T) {
	for name, s := range columns {
		t.Run(name, func(t *testing.T) {
			spec, l := specNamed(t, s.lens), overColumn(t, s)
			typ, asked := typeOf(t, s, l), map[filter.Op]bool{}
			gen := s.questions(typ)
			check := func(t rapid.TB, q question) {
				p, directory, matcher, ok := ask(spec, l, typ, q)
				if ok && directory != matcher {
					t.Fatalf("%v\n%v holds: %v; the matcher says %v", q, p, directory, matcher)
				}
				asked[q.op] = asked[q.op] || ok
			}
			rapid.Check(t, func(t *rapid.T) { check(t, gen.Draw(t, "question")) })
			for seed := range 300 {
				check(t, gen.Example(seed))
			}
			if !asked[filter.Eq] || typ != scim.TypeBoolean && !asked[filter.Pr] {
				t.Errorf("eq or pr never survives: %v", asked)
			}
			rapid.Check(t, func(t *rapid.T) {
				before, values := s.before(t), s.wanted(t)
				put, err := l.Put(before, values)
				if err != nil {
					t.Fatalf("Put(%v, %v): %v", before, values, err)
				}
				got, err := l.Get(put)
				want := make([]any, len(values))
				for i, v := range values {
					want[i] = s.norm(v)
				}
				if err != nil && len(values) > 0 || !sameSet(got, want) {
					t.Fatalf("Get(Put(%v, %v)) = Get(%v) = %v %v; want %v", before, values, put, got, err, want)
				}
			})
		})
	}
}

// TestAColumnStaysOfItsKind: what is written is of the kind of what was there.
func TestAColumnStaysOfItsKind(t *testing.T) {
	for name, c := range map[string]struct {
		lens   string
		args   []string
		before backends.Value
		value  any
		want   backends.Value
	}{
		"a code that is a number": {"enum", []string{"1=Employee", "2=Contractor"}, backends.Int(1), "Contractor", backends.Int(2)},
		"a truth":                 {"bool", nil, backends.Bool(true), false, backends.Bool(false)},
		"a number":                {"int", nil, backends.Int(1), int64(2), backends.Int(2)},
		"a count of seconds":      {"epoch", nil, backends.Int(1), "1970-01-01T00:00:02Z", backends.Int(2)},
		"an instant":              {"generalizedTime", nil, backends.Time(time.Unix(1, 0)), "1970-01-01T00:00:02Z", backends.Time(time.Unix(2, 0))},
		"a day":                   {"timestamp", nil, backends.String("2026-01-31"), "2026-02-01T00:00:00Z", backends.String("2026-02-01T00:00:00Z")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := overColumn(t, subject{lens: c.lens, args: c.args}).Put(backends.Values{c.before}, []any{c.value})
			if err != nil || !slices.Equal(got, backends.Values{c.want}) {
				t.Errorf("got %#v %v", got, err)
			}
		})
	}
}
