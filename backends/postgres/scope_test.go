package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAKeyOfSeveralRowsIsNotWritten(t *testing.T) {
	g := newGround(t, `
		CREATE TABLE p (org text, no int, title text, gone boolean, UNIQUE (org, no)); INSERT INTO p VALUES ('a', 1, 'x'), ('b', 1, 'y'), ('a', 2, 'z');
		CREATE TABLE e (p int, a text);`)
	for _, at := range []string{"{table: p, key: no, version: ''}", "{table: p, key: no}", "{table: p, key: no, version: '', deleted: gone}"} {
		c := g.class(at, g.set("e", "{rows: e, on: p}", "a"))
		for _, err := range []error{
			modify(c, "1", change(backends.Replace, "title", "both")), modify(c, "1", change(backends.Add, "e", "v")), c.Delete(t.Context(), "1", backends.Condition{}),
		} {
			fails(t, err, backends.ErrRefused, "")
			if err != nil && !strings.Contains(err.Error(), "The key of p is not unique") {
				t.Errorf("%s: %v does not say what is wrong", at, err)
			}
		}
		_, err := c.Create(t.Context(), nil, backends.Attributes{"org": backends.Strings("b"), "no": backends.Strings("2")}, nil)
		fails(t, err, backends.ErrRefused, "")
		if err := modify(c, "2", change(backends.Replace, "title", "one")); err != nil {
			t.Error(err)
		}
	}
	g.is("a1x b1y a2one 0", "SELECT string_agg(org || no || title, ' ' ORDER BY no, org) || ' ' || (SELECT count(*) FROM e) FROM p")
}

func TestAWriteLeavesTheRecordWhereItIs(t *testing.T) {
	g := newGround(t, house)
	at := parse(t, `{table: hr.person, key: id, where: "tenant = {tenant} AND title IS DISTINCT FROM 'left' AND NOT EXISTS (SELECT FROM hr.skill WHERE person = t.id AND skill = 'odd')",
		version: version, insert: {kind: staff, tenant: "{tenant}"}, deleted: gone}`)
	c, faults := g.d.open(backends.Open{At: at, Tenant: "default", Protect: parse(t, "[admin]").Items(), Sets: g.personSets()})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	ann := hire(t, c, "ann", nil)
	for attr, value := range map[string]string{"tenant": "other", "title": "left", "gone": "2024-01-01T00:00:00Z", "admin": "true", "skills": "odd"} {
		err := modify(c, ann.Key, change(backends.Replace, attr, value), change(backends.Replace, "name", "Else"))
		fails(t, err, backends.ErrRefused, "")
		_, err = c.Create(t.Context(), nil, backends.Attributes{
			"login": backends.Strings("bob"), "name": backends.Strings("Bob"), attr: backends.Strings(value),
		}, nil)
		fails(t, err, backends.ErrRefused, "")
	}
	g.is("default ann Name of ann 1 1 0", `SELECT concat_ws(' ', tenant, login, title, name, gone, admin, version, (SELECT count(*) FROM hr.person), (SELECT count(*) FROM hr.skill))
		FROM hr.person`)
	if err := modify(c, ann.Key, change(backends.Replace, "title", "Boss"), change(backends.Replace, "skills", "go")); err != nil {
		t.Error(err)
	}
}
