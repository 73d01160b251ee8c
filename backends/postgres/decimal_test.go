package postgres

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestANumberIsNeverRounded(t *testing.T) {
	g := newGround(t, `
		CREATE DOMAIN money2 AS numeric(6,2);
		CREATE TABLE p (id int PRIMARY KEY, a numeric(8,2), b numeric(4,-2), c numeric(2,4), d numeric, r real, f float8, m money2, l numeric(4,1)[]); INSERT INTO p VALUES (1);
		CREATE TABLE e (p int, w numeric(3,1));`)
	c := g.class("{table: p, key: id}", g.set("e", "{rows: e, on: p}", "w"))
	for attr, texts := range map[string]struct{ held, not []string }{
		"a": {[]string{"12.55", "12.500", "-999999.99", "1e3", "0"}, []string{"12.555", "1000000", "-1e6", "1e-3", "1e999"}},
		"b": {[]string{"100", "999900", "-1e5"}, []string{"150", "1000000", "0.5"}},
		"c": {[]string{"0.0099", "-0.0001"}, []string{"0.01", "0.00001"}},
		"d": {[]string{"12345678901234567890.123456789", "1e100"}, []string{"1,5"}},
		"r": {[]string{"1.5", "12.1"}, []string{"1e60", "123456789.1", "1e-60"}},
		"f": {[]string{"0.1", "12.555", "1e300"}, []string{"1e999", "0.12345678901234567890123"}},
		"m": {[]string{"9999.99"}, []string{"0.001", "10000"}},
		"l": {[]string{"1.5"}, []string{"1.55", "1000"}},
		"e": {[]string{"99.9"}, []string{"9.99", "100"}},
	} {
		for _, text := range texts.held {
			if err := modify(c, "1", change(backends.Replace, attr, backends.Decimal(text))); err != nil {
				t.Errorf("%s of %s: %v", attr, text, err)
			}
			if got := fetch(t, c, "1", attr).Attrs[attr]; len(got) != 1 || (&column{family: decimal}).sameForm(got[0].Text()) != (&column{family: decimal}).sameForm(text) {
				t.Errorf("%s of %s is %v", attr, text, got)
			}
		}
		for _, text := range texts.not {
			fails(t, modify(c, "1", change(backends.Replace, attr, text)), backends.ErrInvalid, attr)
		}
	}
}
