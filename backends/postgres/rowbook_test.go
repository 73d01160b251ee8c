package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestRowsWithValuesThatNobodyWouldGive(t *testing.T) {
	g := newGround(t, `
		CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
		CREATE TABLE e (p int, a text, until timestamptz, w numeric, hidden text);`)
	c := g.class("{table: p, key: id}", g.set("e", "{rows: e, on: p}", "a", "until", "w"))
	rows := func(want string) {
		t.Helper()
		g.is(want, "SELECT string_agg(concat_ws(' ', a, until AT TIME ZONE 'UTC', w, hidden), ',' ORDER BY a) FROM e")
	}
	fresh := func() []backends.Value {
		g.exec("TRUNCATE e", "INSERT INTO e VALUES (1, 'a', 'infinity', 'NaN', 'h'), (1, 'b', '-infinity', NULL, 'i')")
		return fetch(t, c, "1", "e").Attrs["e"]
	}
	do := func(changes ...backends.Change) {
		t.Helper()
		if err := modify(c, "1", changes...); err != nil {
			t.Errorf("%v: %v", changes, err)
		}
	}
	shown := fresh()
	do(change(backends.Replace, "e", shown[0], shown[1], row("a", "c")))
	rows("a infinity NaN h,b -infinity i,c")
	do(change(backends.Replace, "e", row("a", "a", "until", "infinity", "w", "7"), row("a", "b", "until", "2024-01-31T00:00:00Z")))
	rows("a infinity 7 h,b 2024-01-31 00:00:00 i")
	shown = fresh()
	do(change(backends.Remove, "e", shown[0]), change(backends.Add, "e", row("a", "a", "until", "infinity", "w", "7")))
	rows("a infinity 7 h,b -infinity i")
	shown = fresh()
	do(change(backends.Remove, "e", shown[1]))
	rows("a infinity NaN h")
	fails(t, modify(c, "1", change(backends.Add, "e", row("a", "z", "until", "infinity"))), backends.ErrInvalid, "e")
	fails(t, modify(c, "1", change(backends.Replace, "e", shown[0], row("a", "z", "until", "-infinity"))), backends.ErrInvalid, "e")
	fails(t, modify(c, "1", change(backends.Remove, "e", row("a", "z", "until", "garbage"))), backends.ErrInvalid, "e")
	rows("a infinity NaN h")
}

func TestOtherLettersAreWritten(t *testing.T) {
	g := newGround(t, house, "CREATE TABLE hr.nick (person uuid NOT NULL, nick citext NOT NULL, since text DEFAULT 'long', PRIMARY KEY (person, nick))")
	c := g.class(personAt, append(g.personSets(), g.set("names", "{rows: hr.nick, on: person}", "nick"))...)
	key := hire(t, c, "ann", backends.Attributes{"emails": {row("address", "d@x.org", "kind", "work"), row("address", "e@x.org")}, "names": backends.Strings("ann", "annie")}).Key
	g.exec("UPDATE hr.email SET verified = 'yes'", "UPDATE hr.nick SET since = 'ever'")
	now := func(want string) {
		t.Helper()
		g.is(want, `SELECT (SELECT string_agg(concat_ws(' ', address, kind, verified), ',' ORDER BY address) FROM hr.email) || '|' ||
			(SELECT string_agg(nick || ' ' || since, ',' ORDER BY nick) FROM hr.nick)`)
	}
	for _, s := range []struct {
		do   []backends.Change
		want string
	}{
		{
			[]backends.Change{change(backends.Remove, "emails", row("address", "d@x.org", "kind", "work", "main", "false")), change(backends.Add, "emails", row("address", "D@X.org", "kind", "work", "main", "false"))},
			"D@X.org work yes,e@x.org yes|ann ever,annie ever",
		},
		{[]backends.Change{change(backends.Replace, "emails", row("address", "D@x.org", "kind", "work", "main", "false"), row("address", "E@x.org", "main", "false"))}, "D@x.org work yes,E@x.org yes|ann ever,annie ever"},
		{[]backends.Change{change(backends.Replace, "names", "Ann", "annie")}, "D@x.org work yes,E@x.org yes|Ann ever,annie ever"},
		{[]backends.Change{change(backends.Replace, "names", "ANN")}, "D@x.org work yes,E@x.org yes|ANN ever"},
	} {
		if err := modify(c, key, s.do...); err != nil {
			t.Errorf("%v: %v", s.do, err)
		}
		now(s.want)
	}
	g.exec("REVOKE UPDATE ON hr.nick FROM " + g.db.Role)
	c = g.class(personAt, append(g.personSets(), g.set("names", "{rows: hr.nick, on: person}", "nick"))...)
	if err := modify(c, key, change(backends.Replace, "names", "ann")); err != nil {
		t.Error(err)
	}
	now("D@x.org work yes,E@x.org yes|ann long")
}

func TestADefaultIsForNewRows(t *testing.T) {
	g := newGround(t, `
		CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
		CREATE TABLE e (p int, a text, kind text NOT NULL DEFAULT 'work', main boolean NOT NULL DEFAULT true, note text);`)
	e := g.set("e", "{rows: e, on: p}", "a", "kind", "main", "note")
	e.Valued = true
	c := g.class("{table: p, key: id}", e)
	g.exec("INSERT INTO e VALUES (1, 'x', 'mobile', true, 'n')")
	shown := fetch(t, c, "1", "e").Attrs["e"][0]
	for _, do := range [][]backends.Change{
		{change(backends.Remove, "e", shown), change(backends.Add, "e", row("a", "x", "main", "true", "note", "n"))},
		{change(backends.Replace, "e", row("a", "x", "main", "true"))},
	} {
		err := modify(c, "1", do...)
		fails(t, err, backends.ErrInvalid, "e")
		if err != nil && !strings.Contains(err.Error(), "The column kind of e") {
			t.Errorf("%v does not name the column", err)
		}
	}
	if err := modify(c, "1", change(backends.Replace, "e", row("a", "x", "kind", "mobile"), row("a", "y"))); err != nil {
		t.Error(err)
	}
	g.is("x mobile f,y work t", "SELECT string_agg(concat_ws(' ', a, kind, main::text::char, note), ',' ORDER BY a) FROM e")
}
