package postgres

import (
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestSecretsInADocumentOutliveWhatIsWritten(t *testing.T) {
	const accounts = `{"accounts": [{"name": "x", "password": "p"}, {"name": "y", "note": "n", "Pass_Word": "q"}], "deep": {"list": [[{"a": 1, "pwd": "r"}]], "token": {"passphrase": "s", "kind": "t"}}, "password": "top"}`
	g := newGround(t, house)
	c := g.staff()
	key := hire(t, c, "ann", nil).Key
	shown := func() string { return fetch(t, c, key, "data").Attrs["data"].Texts()[0] }
	whole := func(edit ...string) backends.Change {
		g.exec("UPDATE hr.person SET data = '" + accounts + "'")
		return change(backends.Replace, "data", strings.NewReplacer(edit...).Replace(shown()))
	}
	for claim, s := range map[string]struct {
		do   []backends.Change
		edit []string // of accounts, what comes of it
	}{
		"a part comes":            {[]backends.Change{change(backends.Replace, "data.accounts", row("name", "x", "note", "z"), row("name", "y", "note", "n"))}, []string{`"name": "x"`, `"name": "x", "note": "z"`}},
		"one is another":          {[]backends.Change{change(backends.Remove, "data.accounts", row("name", "y", "note", "n")), change(backends.Add, "data.accounts", row("name", "y", "note", "m"))}, []string{`"n"`, `"m"`}},
		"one goes":                {[]backends.Change{change(backends.Remove, "data.accounts", row("name", "x"))}, []string{`{"name": "x", "password": "p"}, `, ""}},
		"one comes":               {[]backends.Change{change(backends.Add, "data.accounts", row("name", "z"))}, []string{`"q"}`, `"q"}, {"name": "z"}`}},
		"what is shown, whole":    {[]backends.Change{whole()}, nil},
		"a text in it":            {[]backends.Change{whole(`"t"`, `"u"`)}, []string{`"t"`, `"u"`}},
		"a part in an array":      {[]backends.Change{whole(`"n"`, `"m"`)}, []string{`"n"`, `"m"`}},
		"what has a secret goes":  {[]backends.Change{whole(`{"name":"x"},`, "")}, []string{`{"name": "x", "password": "p"}, `, ""}},
		"another secret is given": {[]backends.Change{whole(`{"name":"x"}`, `{"name":"x","password":"new"}`)}, []string{`"p"`, `"new"`}},
	} {
		g.exec("UPDATE hr.person SET data = '" + accounts + "'")
		if err := modify(c, key, s.do...); err != nil {
			t.Errorf("%s: %v", claim, err)
		}
		g.is("true", "SELECT (data = $1::jsonb)::text FROM hr.person", strings.NewReplacer(s.edit...).Replace(accounts))
		if t.Failed() {
			t.Fatalf("%s leaves %s", claim, g.ask("SELECT data::text FROM hr.person"))
		}
	}
	g.exec("UPDATE hr.person SET data = '" + accounts + "'")
	fails(t, modify(c, key, change(backends.Add, "data", shown())), backends.ErrNoEffect, "data")
	fails(t, modify(c, key, change(backends.Add, "data.accounts", row("name", "x"))), backends.ErrNoEffect, "data.accounts")
	fails(t, modify(c, key, change(backends.Replace, "data.accounts", row("name", "x", "password", "clear"))), backends.ErrInvalid, "data.accounts")
	if err := modify(c, key, change(backends.Remove, "data", shown())); err != nil {
		t.Error(err)
	}
	g.is("-", "SELECT coalesce(data::text, '-') FROM hr.person")
}
