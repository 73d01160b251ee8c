package postgres

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAPasswordAmongOtherChanges(t *testing.T) {
	g := newGround(t, house)
	for at, version := range map[string]string{personAt: "version::text", strings.Replace(personAt, "version: version, ", "", 1): "xmin::text"} {
		g.exec("DELETE FROM hr.email", "DELETE FROM hr.person")
		c := g.class(at, g.personSets()...)
		key := hire(t, c, "ann", backends.Attributes{"password": {backends.Secret("first")}, "title": backends.Strings("One"), "emails": {row("address", "a@x")}}).Key
		is := func(plain, rest string) {
			t.Helper()
			if hash := g.ask("SELECT password FROM hr.person"); bcrypt.CompareHashAndPassword([]byte(hash), []byte(plain)) != nil {
				t.Errorf("%q is no hash of %q", hash, plain)
			}
			g.is(rest, "SELECT concat_ws(' ', title, address, data::text) FROM hr.person JOIN hr.email ON person = id")
		}
		is("first", "One a@x")
		password := func(plain string) backends.Change {
			return backends.Change{Op: backends.SetPassword, Attr: "password", Values: backends.Values{backends.Secret(plain)}}
		}
		before, count := fetch(t, c, key), g.ask("SELECT "+version+" FROM hr.person")
		after, err := c.Modify(t.Context(), key, []backends.Change{
			change(backends.Replace, "title", "Two"), password("second"), change(backends.Replace, "emails", row("address", "b@x")), change(backends.Replace, "data.note", "n"),
		}, backends.Condition{Version: before.Version}, []string{"title"})
		if err != nil {
			t.Fatal(err)
		}
		is("second", `Two b@x {"note": "n"}`)
		if moved := g.ask("SELECT " + version + " FROM hr.person"); moved == count || after.Version != moved || version == "version::text" && moved != "2" {
			t.Errorf("the version was %s and is %s, Modify answers %s", count, moved, after.Version)
		}
		for _, other := range []backends.Change{change(backends.Replace, "title", strings.Repeat("x", 21)), change(backends.Add, "emails", row("kind", "x")), change(backends.Remove, "emails", row("address", "z"))} {
			if err := modify(c, key, password("third"), other); err == nil {
				t.Errorf("%v was made", other)
			}
		}
		fails(t, modify(c, key, change(backends.Replace, "title", "Three"), password("")), backends.ErrInvalid, "password")
		is("second", `Two b@x {"note": "n"}`)
		if now := fetch(t, c, key); now.Version != after.Version {
			t.Errorf("what failed moved the version from %s to %s", after.Version, now.Version)
		}
	}
}
