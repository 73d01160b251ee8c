package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A write that is shown to people is what a person would run to the same end: it is run here, whatever the values hold.
func TestAScriptComesToTheSameAsTheWrite(t *testing.T) {
	const hostile = `o'Neill'); DROP TABLE person; --\`
	g := newGround(t, `
		CREATE TABLE person (id text PRIMARY KEY, name text, n int, tags text[], gone boolean NOT NULL DEFAULT false);
		CREATE TABLE mail (person text REFERENCES person, kind text, value text)`)
	work := g.set("work", "{rows: mail, on: person, value: value, where: {kind: \"it's work\"}}", "value")
	c := g.class("{table: person, key: id, version: '', deleted: gone}", work)
	if lines := c.Script(backends.Write{Op: "delete", Key: "1"}); len(lines) != 1 || !strings.HasPrefix(lines[0], "-- not connected") {
		t.Errorf("before the database is met: %q", lines)
	}
	shapeOf(t, c)
	const people = "SELECT coalesce(string_agg(concat_ws('|', id, name, n, tags, gone), ';' ORDER BY id), '') FROM person"
	const mails = "SELECT coalesce(string_agg(concat_ws('|', person, kind, value), ';' ORDER BY value), '') FROM mail"
	g.exec("INSERT INTO person (id, name) VALUES ('other', 'Eve')", "INSERT INTO mail VALUES ('other', 'it''s work', 'b@x')")
	for _, step := range []struct {
		write         backends.Write
		person, mails string
	}{
		{
			backends.Write{Op: "create", Key: "k'1", Attrs: backends.Attributes{
				"name": backends.Strings(hostile), "n": {backends.Int(7)}, "tags": backends.Strings("a", "b'"), "work": backends.Strings("a@x", "b@x"),
			}},
			`k'1|` + hostile + `|7|{a,b'}|f`, `k'1|it's work|a@x;k'1|it's work|b@x`,
		},
		{
			backends.Write{Op: "modify", Key: "k'1", Changes: []backends.Change{
				change(backends.Replace, "name", "Ann"), {Op: backends.Remove, Attr: "n"}, change(backends.Remove, "work", "a@x"), change(backends.Add, "work", "c'@x"),
			}},
			`k'1|Ann|{a,b'}|f`, `k'1|it's work|b@x;k'1|it's work|c'@x`,
		},
		{
			backends.Write{Op: "modify", Key: "k'1", Changes: []backends.Change{change(backends.Replace, "work", "d@x")}},
			`k'1|Ann|{a,b'}|f`, `k'1|it's work|d@x`,
		},
		{backends.Write{Op: "delete", Key: "k'1"}, `k'1|Ann|{a,b'}|t`, `k'1|it's work|d@x`},
	} {
		lines := c.Script(step.write)
		g.exec(strings.Join(lines, "\n"))
		if got := g.ask(people); got != step.person+";other|Eve|f" {
			t.Errorf("%s: people are %s\n%s", step.write.Op, got, strings.Join(lines, "\n"))
		}
		if got := g.ask(mails + " WHERE person <> 'other'"); got != step.mails || g.ask(mails+" WHERE person = 'other'") != "other|it's work|b@x" {
			t.Errorf("%s: mails are %s\n%s", step.write.Op, got, strings.Join(lines, "\n"))
		}
	}
}
