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
