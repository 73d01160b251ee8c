package postgres

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestNamesWithMarksInThem(t *testing.T) {
	g := newGround(t, `CREATE TABLE "Odd Table" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Order By" text, "a ""b"".c" text, "Größe" int);
		CREATE TABLE child ("Of Whom" int, "E-Mail Addr" text, "Main?" boolean)`)
	c := g.class(`{table: '"Odd Table"', key: id}`, g.set("mails", "{rows: child, on: Of Whom}", "E-Mail Addr", "Main?"))

	made, err := c.Create(t.Context(), nil, backends.Attributes{
		"order by": backends.Strings("x"), `a "b".c`: backends.Strings("y"), "größe": {backends.Int(3)}, "mails": {row("E-Mail Addr", "a@x", "Main?", "true")},
	}, []string{"Order By"})
	if err != nil || made.Attrs["Order By"][0].Text() != "x" {
		t.Fatal(made, err)
	}
	if r := fetch(t, c, made.Key, "Order By", `a "b".c`, "Größe", "mails"); len(r.Attrs) != 4 || r.Attrs[`a "b".c`][0].Text() != "y" || r.Attrs["Größe"][0] != backends.Int(3) {
		t.Errorf("%v", r.Attrs)
	}
	for _, p := range []backends.Predicate{
		backends.Eq{Attr: "Order By", Value: backends.String("X"), Rule: backends.CaseIgnore},
		backends.Eq{Attr: `a "b".c`, Value: backends.String("y"), Rule: backends.CaseExact},
		backends.Some{Attr: "mails", Where: backends.Eq{Attr: "E-Mail Addr", Value: backends.String("a@x"), Rule: backends.CaseExact}},
	} {
		if keys := walked(t, c, backends.Query{Where: p}); len(keys) != 1 {
			t.Errorf("%s: %v", backends.Describe(p), keys)
		}
	}
}
