package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// heldBy are the names of teams, or the logins of people, by the names that they hold.
func heldBy(t *testing.T, c *class, attr, show string, names ...string) string {
	t.Helper()
	held, err := c.Holders(t.Context(), attr, names, []string{show})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, name := range names {
		var texts []string
		for _, r := range held[name] {
			texts = append(texts, r.Attrs[show].Texts()...)
		}
		if slices.Sort(texts); len(texts) > 0 {
			out = append(out, fmt.Sprint(i, ":", strings.Join(texts, " ")))
		}
	}
	return strings.Join(out, ", ")
}

func TestHoldersOfMembersOfTwoKindsAreOneStatement(t *testing.T) {
	g := newGround(t, house)
	people, teams := g.staff(), g.teams()
	ann, bob, cid := hire(t, people, "ann", nil).Key, hire(t, people, "bob", nil).Key, hire(t, people, "cid", nil).Key
	team := func(name string, members ...backends.Key) backends.Key {
		t.Helper()
		var texts []string
		for _, m := range members {
			texts = append(texts, string(m))
		}
		r, err := teams.Create(t.Context(), nil, backends.Attributes{"name": backends.Strings(name), "members": backends.Strings(texts...)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Key
	}
	inner := team("inner", ann, bob)
	team("outer", ann, inner)
	g.exec("UPDATE hr.member SET tenant = 'other' WHERE person::text = '" + string(bob) + "'")
	names := []string{string(ann), string(bob), string(cid), string(inner), strings.ToUpper(string(ann)), "garbage", "007", ""}
	if got := heldBy(t, teams, "members", "name", names...); got != "0:inner outer, 3:outer" {
		t.Errorf("held by %s", got)
	}
	h := &holders{attr: "members", names: names}
	st := &statement{}
	if h.together(shapeOf(t, teams), st); len(h.odd) > 0 || strings.Count(st.String(), " AS v(x, n)") != 2 {
		t.Errorf("apart: %v; %s", h.odd, st)
	}
}

func TestHoldersOfColumnsAndOfWhatIsComparedOddly(t *testing.T) {
	g := newGround(t, house)
	people := g.staff()
	hire(t, people, "Ann", backends.Attributes{"title": backends.Strings("x"), "age": {backends.Int(7)}, "active": {backends.Bool(true)}, "skills": backends.Strings("go")})
	hire(t, people, "bob", backends.Attributes{"title": backends.Strings("X"), "age": {backends.Int(7)}, "emails": {row("address", "b@x")}})
	for _, c := range []struct {
		attr, want string
		names      []string
	}{
		{"login", "0:Ann, 1:Ann, 3:bob", []string{"ann", "ANN", "anna", "Bob"}},
		{"title", "0:Ann, 1:bob", []string{"x", "X", "y"}},
		{"age", "0:Ann bob, 1:Ann bob", []string{"7", "07", "x", "99999999999999999999"}},
		{"active", "0:Ann, 1:Ann", []string{"true", "TRUE", "false", "perhaps"}},
		{"skills", "1:Ann", []string{"Go", "go", "a\x00b"}},
		{"emails", "", []string{"b@x", ""}},
		{"nothing", "", []string{"b@x"}},
	} {
		if got := heldBy(t, people, c.attr, "login", c.names...); got != c.want {
			t.Errorf("%s is held by %s, want %s", c.attr, got, c.want)
		}
	}
}

// Who holds a name is whom Match finds with it: over every type of column, array and set, with names that the type reads in another way than it shows them.
func TestHoldersAreThoseThatTheMatcherFinds(t *testing.T) {
	g := groundOn(t, locales["C.utf8"].Database(t, allKindsSQL), nil)
	m := newMaker(7)
	m.fill(t, g.db.Admin, 40)
	c := kindsClass(g)
	all := everybody(t, c, m.attrs)
	for _, attr := range m.attrs {
		if attr == "password" {
			continue
		}
		names := slices.Concat(m.stock[attr], theOddities)
		held, err := c.Holders(t.Context(), attr, names, nil)
		if err != nil {
			t.Errorf("%s: %v", attr, err)
			continue
		}
		for _, name := range names {
			var want, got []backends.Key
			for _, r := range all {
				if backends.Match(eqTo(attr, name, c.Syntax(attr).Equality), r) {
					want = append(want, r.Key)
				}
			}
			for _, r := range held[name] {
				got = append(got, r.Key)
			}
			slices.Sort(want)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: %q is held by %v, want %v", attr, name, got, want)
			}
		}
	}
}

func TestNoNameOfAColumnIsInTheWayOfHolders(t *testing.T) {
	g := newGround(t, `CREATE TABLE team (id int PRIMARY KEY, ns text, n text, u text, v text, x text); CREATE TABLE m (team int, p int);
INSERT INTO team VALUES (1, 'default', 'default', 'default', 'default', 'default'), (2, 'other', 'other', 'other', 'other', 'other'); INSERT INTO m VALUES (1, 7), (2, 7)`)
	for _, column := range []string{"ns", "n", "u", "v", "x"} {
		c := g.class("{table: team, key: id, where: '"+column+" = {tenant}'}", g.set("p", "{rows: m, on: team}", "p"))
		if got := heldBy(t, c, "p", "id", "7", "8"); got != "0:1" {
			t.Errorf("%s: held by %s", column, got)
		}
	}
}
