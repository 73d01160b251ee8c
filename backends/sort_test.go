package backends

import (
	"math/big"
	"slices"
	"testing"
)

func TestSort(t *testing.T) {
	record := func(key string, values ...Value) Record {
		r := Record{Key: Key(key), Attrs: Attributes{}}
		if len(values) > 0 {
			r.Attrs["title"] = values
		}
		return r
	}
	for claim, c := range map[string]struct {
		by      Sort
		records []Record
		want    string
	}{
		"records stand by their lowest value": {
			Sort{Attr: "title", Rule: CaseIgnoreSpace},
			[]Record{record("b", String("banana"), String("cherry")), record("a", String("zebra"), String("Apple"))},
			"ab",
		},
		"by the lowest one in the descending order too": {
			Sort{Attr: "title", Rule: CaseIgnoreSpace, Descending: true},
			[]Record{record("b", String("zebra"), String("Apple")), record("a", String("banana"))},
			"ab",
		},
		"those without a value come last": {
			Sort{Attr: "title", Rule: CaseIgnoreSpace}, []Record{record("b"), record("a", String("z"))}, "ab",
		},
		"and first in the descending order": {
			Sort{Attr: "title", Rule: CaseIgnoreSpace, Descending: true}, []Record{record("b", String("z")), record("a")}, "ab",
		},
		"the name of the attribute may be in other letters": {
			Sort{Attr: "TITLE", Rule: CaseIgnoreSpace}, []Record{record("b"), record("a", String("z"))}, "ab",
		},
		"letter case counts where the rule says so": {
			Sort{Attr: "title", Rule: CaseExact}, []Record{record("b", String("a")), record("a", String("B"))}, "ab",
		},
		"numbers are compared as numbers": {
			Sort{Attr: "title", Rule: IntegerRule},
			[]Record{record("d", String("10")), record("c", String("9")), record("b", String("-9")), record("a", String("-10"))},
			"abcd",
		},
		"what is no number is as absent": {
			Sort{Attr: "title", Rule: IntegerRule}, []Record{record("b", String("nine")), record("a", String("9"), String("one"))}, "ab",
		},
		"instants are compared as instants": {
			Sort{Attr: "title", Rule: TimeRule},
			[]Record{record("b", String("20240131120000Z")), record("a", String("20240131130000+0200"))},
			"ab",
		},
		"a secret has no place": {
			Sort{Attr: "title", Rule: CaseExact}, []Record{record("b", Secret("a")), record("a", String("z"))}, "ab",
		},
		"what is equal under the rule stays as it was": {
			Sort{Attr: "title", Rule: CaseIgnoreSpace}, []Record{record("a", String("X  y")), record("b", String("x Y"))}, "ab",
		},
	} {
		t.Run(claim, func(t *testing.T) {
			slices.SortStableFunc(c.records, func(a, b Record) int { return c.by.Compare(c.by.Key(a), c.by.Key(b)) })
			got := ""
			for _, r := range c.records {
				got += string(r.Key)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestIntegersOfAnyLengthAreCompared(t *testing.T) {
	texts := []string{"-123456789012345678901234567890", "-100", "-99", "-9", "0", "1", "9", "10", "99", "100", "99999999999999999999", "100000000000000000000"}
	for _, a := range texts {
		for _, b := range texts {
			x, _ := new(big.Int).SetString(a, 10)
			y, _ := new(big.Int).SetString(b, 10)
			if got := compareIntegers(a, b); got < 0 != (x.Cmp(y) < 0) || got > 0 != (x.Cmp(y) > 0) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}
