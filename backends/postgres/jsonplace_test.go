package postgres

import (
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAnArrayInAnArrayIsNoValueOfARow(t *testing.T) {
	g := newGround(t, `CREATE TABLE p (id int PRIMARY KEY, data jsonb);
	INSERT INTO p VALUES (1, '{"list": [{"v": "a"}]}'), (2, '{"list": {"v": [null, ["a"]]}}'), (3, '{"list": [{"v": [["a"], "a"]}]}')`)
	c := g.class("{table: p, key: id, document: data}")
	all := everybody(t, c, []string{"data.list"})
	for p, want := range map[backends.Predicate][]backends.Key{
		backends.Some{Attr: "data.list", Where: backends.Present{Attr: "v"}}:                     {"1", "3"},
		backends.Some{Attr: "data.list", Where: eqTo("v", "a", backends.CaseExact)}:              {"1", "3"},
		backends.Not{Term: backends.Some{Attr: "data.list", Where: backends.Present{Attr: "v"}}}: {"2"},
	} {
		if got := walked(t, c, backends.Query{Where: p}); !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", p, got, want)
		}
		if why := disagreement(t, c, p, all); why != "" {
			t.Errorf("%s: %s", p, why)
		}
	}
}
