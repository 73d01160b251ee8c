package postgres

import (
	"maps"
	"testing"
)

func TestRowsAreTheSameWhereTheirValueIs(t *testing.T) {
	type rows []map[string]string
	ann, bob := map[string]string{"value": "ann@x", "kind": "work", "main": "false"}, map[string]string{"value": "bob@x", "kind": "work", "main": "false"}
	for claim, c := range map[string]struct {
		olds, news rows
		apart      string
		want       map[int]int
	}{
		"one value, other parts":     {rows{ann}, rows{{"value": "ann@x"}}, "value", map[int]int{0: 0}},
		"another value, all parts":   {rows{ann}, rows{bob}, "value", nil},
		"the nearest of one value":   {rows{{"value": "a", "kind": "home"}, {"value": "a", "kind": "work"}}, rows{bob, {"value": "a", "kind": "work", "main": "true"}}, "value", map[int]int{1: 1}},
		"a value comes":              {rows{{"kind": "work"}}, rows{ann}, "value", nil},
		"a value goes":               {rows{ann}, rows{{"kind": "work"}}, "value", nil},
		"rows without values":        {rows{{"kind": "work"}}, rows{{"kind": "work", "main": "true"}}, "value", map[int]int{0: 0}},
		"nothing in common at all":   {rows{{"kind": "work"}}, rows{{"kind": "home"}}, "value", nil},
		"where nothing tells apart":  {rows{ann}, rows{bob}, "", map[int]int{0: 0}},
		"each becomes one other":     {rows{ann, ann}, rows{ann}, "value", map[int]int{0: 0}},
		"one becomes only one other": {rows{ann}, rows{ann, ann}, "value", map[int]int{0: 0}},
	} {
		if got := pair(c.olds, c.news, c.apart); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", claim, got, c.want)
		}
	}
}
