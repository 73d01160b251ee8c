package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestSetsOfValues(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	g.exec("INSERT INTO hr.person (tenant, login, name) VALUES ('default', 'other', 'x')", "INSERT INTO hr.skill SELECT id, 'theirs' FROM hr.person WHERE login = 'other'")
	skills := func(want string) {
		t.Helper()
		g.is(want, "SELECT coalesce(string_agg(skill || ' ' || since, ',' ORDER BY skill), '') FROM hr.skill WHERE person::text = $1", string(key))
	}
	must := func(changes ...backends.Change) {
		t.Helper()
		before := fetch(t, c, key)
		after, err := c.Modify(t.Context(), key, changes, backends.Condition{Version: before.Version}, nil)
		if err != nil || after.Version == before.Version {
			t.Errorf("%v: version %q, %v", changes, after.Version, err)
		}
	}
	must(change(backends.Add, "skills", "a", "b", "it's"))
	g.exec("UPDATE hr.skill SET since = '2001-01-01' WHERE skill = 'b'")
	fails(t, modify(c, key, change(backends.Add, "skills", "c", "a")), backends.ErrNoEffect, "skills")
	fails(t, modify(c, key, change(backends.Remove, "skills", "a", "c")), backends.ErrNoEffect, "skills")
	skills("a 2020-01-01,b 2001-01-01,it's 2020-01-01")
	must(change(backends.Remove, "skills", "a", "it's"), change(backends.Add, "skills", "a"))
	must(change(backends.Replace, "skills", "b", "d", "d"))
	skills("b 2001-01-01,d 2020-01-01") // what is hidden of a row that stays, stays
	must(change(backends.Remove, "skills"))
	fails(t, modify(c, key, change(backends.Remove, "skills")), backends.ErrNoEffect, "skills")
	must(change(backends.Replace, "skills"))
	skills("")
	var many []any
	for i := range 5000 {
		many = append(many, fmt.Sprintf("skill%d", i))
	}
	must(change(backends.Add, "skills", many...))
	must(change(backends.Remove, "skills", many[1:]...))
	skills("skill0 2020-01-01")
	g.is("1", "SELECT count(*)::text FROM hr.skill WHERE skill = 'theirs'")
}

func TestSetsOfRows(t *testing.T) {
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", backends.Attributes{"emails": {row("address", "a@x", "kind", "work", "main", "true"), row("address", "b@x", "kind", "home")}}).Key
	g.exec("UPDATE hr.email SET verified = 'yes ' || address", "INSERT INTO hr.email SELECT id, 'fax', '123' FROM hr.person")
	emails := func(want string) {
		t.Helper()
		g.is(want, "SELECT coalesce(string_agg(concat_ws(' ', address, coalesce(kind, '-'), main::text::char, coalesce(verified, '-')), ',' ORDER BY address), '') FROM hr.email WHERE medium = 'email'")
	}
	do := func(changes ...backends.Change) {
		t.Helper()
		if err := modify(c, key, changes...); err != nil {
			t.Errorf("%v: %v", changes, err)
		}
	}
	shown := func(i int) backends.Value { return fetch(t, c, key, "emails").Attrs["emails"][i] }
	emails("a@x work t yes a@x,b@x home f yes b@x")
	do(change(backends.Remove, "emails", shown(0)), change(backends.Add, "emails", row("address", "A@x", "kind", "other", "main", "true")))
	emails("A@x other t yes a@x,b@x home f yes b@x") // one row that changed
	do(change(backends.Remove, "emails", shown(0)), change(backends.Add, "emails", row("address", "new@x", "kind", "other", "main", "true")))
	emails("b@x home f yes b@x,new@x other t -") // another address is another row, and nobody has verified it
	// main moves from one to the other, of which there is never more than one
	do(change(backends.Replace, "emails", row("address", "new@x", "kind", "other"), row("address", "b@x", "kind", "home", "main", "true")))
	emails("b@x home t yes b@x,new@x other f -")
	fails(t, modify(c, key, change(backends.Add, "emails", row("address", "B@x", "kind", "home", "main", "true"))), backends.ErrNoEffect, "emails")
	fails(t, modify(c, key, change(backends.Remove, "emails", row("address", "b@x", "kind", "home"))), backends.ErrNoEffect, "emails")
	fails(t, modify(c, key, change(backends.Remove, "emails", row("address", "z@x"))), backends.ErrNoEffect, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", row("address", "b@x", "kind", "third"))), backends.ErrInvalid, "emails") // its own row is in the way
	fails(t, modify(c, key, change(backends.Replace, "emails", row("address", "b@x", "kind", "third"), row("address", "b@x", "kind", "fourth"))), backends.ErrInvalid, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", row("address", "z@x", "main", "true"))), backends.ErrInvalid, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", row("kind", "x"))), backends.ErrInvalid, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", row("address", "c@x", "verified", "x"))), backends.ErrInvalid, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", row("address", "c@x", "main", "x"))), backends.ErrInvalid, "emails")
	emails("b@x home t yes b@x,new@x other f -")
	do(change(backends.Add, "emails", row("address", "c@x"), row("address", "d@x", "kind", "k", "main", "false")))
	emails("b@x home t yes b@x,c@x - f -,d@x k f -,new@x other f -")
	do(change(backends.Remove, "emails", shown(1), shown(2), shown(3)))
	emails("b@x home t yes b@x")
	do(change(backends.Remove, "emails"))
	fails(t, modify(c, key, change(backends.Remove, "emails")), backends.ErrNoEffect, "emails")
	emails("")
	g.is("1", "SELECT count(*)::text FROM hr.email WHERE medium = 'fax'")
}

func TestSetsOfEither(t *testing.T) {
	g := newGround(t, house)
	people, teams := g.staff(), g.teams()
	ann, bob := hire(t, people, "ann", nil), hire(t, people, "bob", nil)
	make1 := func(name string, members ...string) backends.Record {
		t.Helper()
		r, err := teams.Create(t.Context(), nil, backends.Attributes{"name": backends.Strings(name), "members": backends.Strings(members...)}, []string{"members"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	inner := make1("inner")
	outer := make1("outer", string(ann.Key), string(inner.Key))
	members := func(want string) {
		t.Helper()
		g.is(want, "SELECT coalesce(string_agg(concat_ws(' ', m.tenant, p.login, m.inner_team), ',' ORDER BY p.login, m.inner_team), '') FROM hr.member m LEFT JOIN hr.person p ON p.id = m.person WHERE m.team::text = $1", string(outer.Key))
	}
	members("default ann,default 1")
	if len(outer.Attrs["members"]) != 2 {
		t.Errorf("Create answers %v", outer)
	}
	const nobody = "00000000-0000-0000-0000-000000000001"
	fails(t, modify(teams, outer.Key, change(backends.Add, "members", string(bob.Key), nobody)), backends.ErrInvalid, "members")
	fails(t, modify(teams, outer.Key, change(backends.Add, "members", "99")), backends.ErrInvalid, "members")
	fails(t, modify(teams, outer.Key, change(backends.Add, "members", "garbage")), backends.ErrInvalid, "members")
	fails(t, modify(teams, outer.Key, change(backends.Add, "members", string(bob.Key), string(ann.Key))), backends.ErrNoEffect, "members")
	fails(t, modify(teams, outer.Key, change(backends.Remove, "members", string(bob.Key))), backends.ErrNoEffect, "members")
	members("default ann,default 1")
	if err := modify(teams, outer.Key, change(backends.Add, "members", string(bob.Key)), change(backends.Remove, "members", string(inner.Key))); err != nil {
		t.Error(err)
	}
	members("default ann,default bob")
	if err := modify(teams, outer.Key, change(backends.Replace, "members", string(inner.Key), string(bob.Key))); err != nil {
		t.Error(err)
	}
	members("default bob,default 1")
	if err := teams.Delete(t.Context(), outer.Key, backends.Condition{}); err != nil {
		t.Error(err)
	}
	g.is("0", "SELECT count(*)::text FROM hr.member")
}

func TestWhoseRowIsInTheWay(t *testing.T) {
	g := newGround(t, `
		CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);
		CREATE TABLE e (p int, a text UNIQUE, kind text, pos int DEFAULT 0, PRIMARY KEY (p, a), UNIQUE (p, kind)); INSERT INTO e VALUES (1, 'one', 'work'), (2, 'two', 'work'), (2, 'six', 'home');`)
	e := g.set("e", "{rows: e, on: p}", "a", "kind")
	e.Valued = true
	c := g.class("{table: p, key: id}", e)
	fails(t, modify(c, "1", change(backends.Add, "e", row("a", "two", "kind", "home"))), backends.ErrExists, "e")
	fails(t, modify(c, "1", change(backends.Add, "e", row("a", "new", "kind", "home"), row("a", "two", "kind", "fax"))), backends.ErrExists, "e")
	fails(t, modify(c, "1", change(backends.Add, "e", row("a", "new", "kind", "work"))), backends.ErrInvalid, "e")
	fails(t, modify(c, "1", change(backends.Add, "e", row("a", "new", "kind", "x"), row("a", "old", "kind", "x"))), backends.ErrInvalid, "e")
	fails(t, modify(c, "2", change(backends.Replace, "e", row("a", "two", "kind", "home"), row("a", "six", "kind", "home"))), backends.ErrInvalid, "e") // an UPDATE
	g.is("1one,2six,2two", "SELECT string_agg(p || a, ',' ORDER BY p, a) FROM e")
}

// What the database fills in may make two new rows the same. That the record has neither yet is told from one that it has.
func TestRowsThatADefaultMakesTheSame(t *testing.T) {
	g := newGround(t, house, "ALTER TABLE hr.email ALTER kind SET DEFAULT 'work', ALTER kind SET NOT NULL")
	c := g.staff()
	full, short, other := row("address", "a@x", "kind", "work"), row("address", "a@x"), row("address", "b@x")
	for name, values := range map[string]backends.Values{"the one that says it first": {full, short}, "the one that does not first": {short, full}, "among others": {other, full, short}} {
		_, err := c.Create(t.Context(), nil, backends.Attributes{"login": backends.Strings("new"), "name": backends.Strings("New"), "emails": values}, nil)
		fails(t, err, backends.ErrInvalid, "emails")
		if said, ok := errors.AsType[*backends.Error](err); !ok || !strings.Contains(said.Detail, "this one would have it twice") {
			t.Errorf("%s: %v", name, err)
		}
	}
	key := hire(t, c, "ann", backends.Attributes{"emails": {other}}).Key
	fails(t, modify(c, key, change(backends.Add, "emails", full, short)), backends.ErrInvalid, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", full, other)), backends.ErrNoEffect, "emails")
	fails(t, modify(c, key, change(backends.Add, "emails", other)), backends.ErrNoEffect, "emails")
	g.is("b@x work", "SELECT string_agg(address || ' ' || kind, ',') FROM hr.email")
}
