package backends

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestARowGivesBackWhatItWasMadeOf(t *testing.T) {
	value := rapid.OneOf(
		rapid.Map(rapid.String(), String), rapid.Map(rapid.SliceOf(rapid.Byte()), Bytes), rapid.Map(rapid.Int64(), Int), rapid.Map(rapid.Bool(), Bool),
		rapid.Map(rapid.StringMatching(`-?[0-9]{1,30}\.[0-9]+`), Decimal),
		rapid.Map(rapid.Int64Range(-1<<40, 1<<40), func(n int64) Value { return Time(time.Unix(n, n&0xffff)) }),
		rapid.SampledFrom([]Value{Int(math.MinInt64), Int(math.MaxInt64), Int(0), String(""), String("\x00\xff")}),
	)
	hidden := rapid.SampledFrom([]Value{Secret("1234"), {}, Row(Attributes{"a": Strings("b")})})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.MapOf(rapid.String(), rapid.Map(rapid.SliceOfN(value, 1, 4), func(v []Value) Values { return v })).Draw(t, "parts")
		want := Attributes(parts)
		more := want.Clone()
		for _, name := range slices.Sorted(maps.Keys(parts)) { // what cannot be printed, between the others
			more[name] = append(Values{hidden.Draw(t, "hidden")}, more[name]...)
		}
		row := Row(more)
		if got := row.Row(); !maps.EqualFunc(got, want, slices.Equal[Values]) {
			t.Fatalf("%v came back as %v", want, got)
		}
		if row != Row(want) {
			t.Fatalf("what cannot be printed makes %v another row", want)
		}
	})
}
