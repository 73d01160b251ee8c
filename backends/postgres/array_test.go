package postgres

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestArraysKeepWhatIsNoValue(t *testing.T) {
	g := newGround(t, house, "ALTER TABLE hr.person ADD COLUMN days timestamptz[]")
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	for _, s := range []struct {
		before string
		do     backends.Change
		want   string
	}{
		{"{a,NULL,b}", change(backends.Add, "tags", "c"), "{a,NULL,b,c}"},
		{"{a,NULL,b}", change(backends.Remove, "tags", "a"), "{NULL,b}"},
		{"{NULL,b,NULL,a,b}", change(backends.Replace, "tags", "c", "a", "c"), "{NULL,NULL,a,c}"},
		{"{a,NULL,b}", change(backends.Replace, "tags"), "-"},
		{"{a,NULL,b}", change(backends.Remove, "tags"), "-"},
		{"{b,a}", change(backends.Replace, "tags", "a", "b"), "{a,b}"},
		{`{"NULL",NULL,""}`, change(backends.Add, "tags", `"`), `{"NULL",NULL,"","\""}`},
	} {
		g.exec("UPDATE hr.person SET tags = '" + s.before + "'")
		if err := modify(c, key, s.do); err != nil {
			t.Errorf("%v: %v", s.do, err)
		}
		g.is(s.want, "SELECT coalesce(tags::text, '-') FROM hr.person")
	}
	g.exec("UPDATE hr.person SET tags = '{NULL}', nicks = '{Ann,NULL}', numbers = '{{1,2},{3,4}}', days = '{infinity,2024-01-31 00:00:00+00,NULL}'")
	fails(t, modify(c, key, change(backends.Remove, "tags")), backends.ErrNoEffect, "tags")
	fails(t, modify(c, key, change(backends.Add, "nicks", "ANN")), backends.ErrNoEffect, "nicks")
	fails(t, modify(c, key, change(backends.Add, "days", "2024-01-31T01:00:00+01:00")), backends.ErrNoEffect, "days")
	for _, op := range []backends.ChangeOp{backends.Add, backends.Replace, backends.Remove} {
		fails(t, modify(c, key, change(op, "numbers", "1")), backends.ErrInvalid, "numbers")
	}
	if err := modify(c, key, change(backends.Replace, "nicks", "ANN"), change(backends.Remove, "days", "2024-01-31T00:00:00Z")); err != nil {
		t.Error(err)
	}
	g.is("{NULL} {ANN,NULL} {{1,2},{3,4}} {infinity,NULL}", "SELECT concat_ws(' ', tags, nicks, numbers, days) FROM hr.person")
}
