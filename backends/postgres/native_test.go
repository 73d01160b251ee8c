package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// What a condition looks like, without the SELECT around it.
func where(t *testing.T, c *class, p backends.Predicate) string {
	t.Helper()
	sql, _, _ := strings.Cut(c.Native(p), "\n")
	_, sql, ok := strings.Cut(sql, " WHERE ")
	sql, _, cut := strings.Cut(sql, " ORDER BY ")
	if !ok || !cut {
		t.Fatalf("%s", c.Native(p))
	}
	return sql
}

func TestFormsOfConditions(t *testing.T) {
	g := newGround(t, allKindsSQL)
	c := kindsClass(g)
	if len(everybody(t, c, nil)) != 0 {
		t.Fatal("there is somebody")
	}
	exact, fold := backends.CaseExact, backends.CaseIgnore
	for _, tc := range []struct {
		p    backends.Predicate
		want string
	}{
		{eqTo("plain", "x", exact), `t."plain" = $1::text`},
		{backends.Not{Term: eqTo("plain", "x", exact)}, `((t."plain" = $1::text) IS NOT TRUE)`},
		{eqTo("plain", "X", fold), `lower(t."plain") = $1::text`},
		{eqTo("ci", "X", fold), `t."ci" = $1::citext`},
		{eqTo("loose", "x", exact), `t."loose" COLLATE "C" = $1::text`},
		{backends.Prefix{Attr: "plain", Text: `50%_\`, Rule: exact}, `t."plain" LIKE $1::text`},
		{eqTo("big", "7", backends.IntegerRule), `t."big" = $1::bigint`},
		{eqTo("big", "x", backends.IntegerRule), `false`},
		{backends.Not{Term: eqTo("big", "99999999999999999999", backends.IntegerRule)}, `true`},
		{eqTo("plain", "a\x00b", exact), `false`},
		{backends.Not{Term: eqTo("ref", "x", exact)}, `true`},
		{backends.Not{Term: backends.Present{Attr: "num"}}, `false`},
		{backends.Present{Attr: "plain"}, `t."plain" IS NOT NULL`},
		{eqTo("texts", "x", exact), `t."texts" @> ARRAY[$1::text]::text[]`},
		{eqTo("nowhere", "x", exact), `false`},
		{eqTo("password", "x", exact), `false`},
		{
			backends.And{eqTo("plain", "x", exact), backends.Or{eqTo("num", "1", backends.IntegerRule), eqTo("num", "2", backends.IntegerRule)}},
			`(t."plain" = $1::text AND (t."num" = $2::bigint OR t."num" = $3::bigint))`,
		},
		{
			backends.Not{Term: eqTo("lines", "x", exact)},
			`(NOT EXISTS (SELECT FROM "public"."line" r WHERE r."thing_id" = t."id" AND r."medium" = $1::text AND (r."value" IS NOT NULL) AND r."value" = $2::text))`,
		},
	} {
		if got := where(t, c, tc.p); got != tc.want {
			t.Errorf("%s:\n%s, want\n%s", tc.p, got, tc.want)
		}
	}
	if native := c.Native(backends.Prefix{Attr: "plain", Text: `50%_\`, Rule: exact}); !strings.HasSuffix(native, "\n-- $1 = '50\\%\\_\\\\%'") {
		t.Error(native)
	}
}

// Whatever is looked for, the text of the statement has nothing of it.
func TestNoValueIsInTheText(t *testing.T) {
	g := newGround(t, allKindsSQL)
	c := kindsClass(g)
	everybody(t, c, nil)
	s := c.known()
	const value = "Zz9'--"
	asked := 0
	for attr := range kinds() {
		for _, rule := range theRules {
			for _, p := range []backends.Predicate{
				eqTo(attr, value, rule),
				backends.Prefix{Attr: attr, Text: value, Rule: rule},
				backends.Suffix{Attr: attr, Text: value, Rule: rule},
				backends.Contains{Attr: attr, Text: value, Rule: rule},
				backends.Order{Attr: attr, Op: backends.Less, Value: backends.String(value), Rule: rule},
				backends.Some{Attr: attr, Where: eqTo("v", value, rule)},
				backends.Some{Attr: attr, Where: eqTo("address", value, rule)},
			} {
				st := &statement{}
				if !s.above(st, p) {
					continue
				}
				if strings.Contains(strings.ToLower(st.String()), "zz9") {
					t.Errorf("%s: %s", p, st)
				}
				if len(st.args) > 0 {
					asked++
				}
			}
		}
	}
	if asked < 200 {
		t.Errorf("%d statements had arguments", asked)
	}
}

func TestNativeBeforeTheDatabaseIsMet(t *testing.T) {
	d, _ := openDirectory(t, "postgres://nobody@127.0.0.1:1/nowhere", nil)
	g := &ground{t: t, d: d}
	c := g.class("{table: person, key: id, where: 'tenant = {tenant}'}", g.set("mails", "{rows: hr.mail, on: person_id, where: {medium: email}}", "address"))
	got := c.Native(backends.And{eqTo("login", "X", backends.CaseIgnore), eqTo("mails", "a@b", backends.CaseExact), eqTo("data.a", "b", backends.CaseExact)})
	for _, want := range []string{"-- not connected: columns are taken as text\n", `FROM "person" t`, `lower(t."login") = $2::text`, `"hr"."mail" r`, `t."data" @? `, "-- $1 = 'default'", "-- $2 = 'x'"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if c.Fidelity(eqTo("login", "x", backends.CaseExact)) != backends.No || c.Syntax("login").Known || c.Sorts(backends.Sort{Attr: "login", Rule: backends.CaseExact}) {
		t.Error("something is claimed of a database that was never met")
	}
}

func TestSyntaxIsTheCatalogs(t *testing.T) {
	g := newGround(t, allKindsSQL)
	c := kindsClass(g)
	everybody(t, c, nil)
	all := func(r backends.Rule, single bool) backends.Syntax {
		return backends.Syntax{Known: true, Equality: r, Order: r, Substr: r, Single: single}
	}
	ordered := func(r backends.Rule) backends.Syntax {
		return backends.Syntax{Known: true, Equality: r, Order: r, Single: true}
	}
	bounded := all(backends.CaseExact, true)
	bounded.MaxLen = 60
	always := ordered(backends.IntegerRule)
	always.Always = true
	octets := ordered(backends.OctetRule)
	octets.Octets = true
	boundedSet := all(backends.CaseExact, false)
	boundedSet.MaxLen = 60
	for attr, want := range map[string]backends.Syntax{
		"plain": all(backends.CaseExact, true), "PLAIN": all(backends.CaseExact, true), "vc": bounded, "ci": all(backends.CaseIgnore, true), "num": always,
		"yes": ordered(backends.BooleanRule), "at": ordered(backends.TimeRule), "raw": octets, "day": all(backends.CaseExact, true), "ref": all(backends.CaseExact, true),
		"texts": all(backends.CaseExact, false), "data.a": all(backends.CaseExact, false), "data": {Known: true, Single: true}, "password": {Known: true, Single: true},
		"mails": {Known: true}, "mails.address": all(backends.CaseExact, true), "mails.rank": ordered(backends.IntegerRule), "lines": boundedSet, "nowhere": {}, "mails.nowhere": {}, "plain.a": {},
	} {
		if got := c.Syntax(attr); got != want {
			t.Errorf("%s: %+v, want %+v", attr, got, want)
		}
	}
}

func TestOrdersAreTheMatchers(t *testing.T) {
	for name, locale := range locales {
		t.Run(name, func(t *testing.T) {
			g := groundOn(t, locale.Database(t, allKindsSQL), nil)
			m := newMaker(2)
			m.fill(t, g.db.Admin, 40)
			c := kindsClass(g)
			all := everybody(t, c, m.attrs)
			sorts := 0
			for _, attr := range m.attrs {
				for _, rule := range theRules {
					for _, down := range []bool{false, true} {
						by := backends.Sort{Attr: attr, Rule: rule, Descending: down}
						if !c.Sorts(by) {
							continue
						}
						sorts++
						inOrder(t, c, by, all)
					}
				}
			}
			if sorts < 60 {
				t.Errorf("%d orders", sorts)
			}
		})
	}
}

func inOrder(t *testing.T, c *class, by backends.Sort, all []backends.Record) {
	t.Helper()
	place := map[backends.Key]backends.SortKey{}
	for _, r := range all {
		place[r.Key] = by.Key(r)
	}
	got := walked(t, c, backends.Query{Sort: &by})
	if len(got) != len(all) || !slices.IsSortedFunc(got, func(a, b backends.Key) int { return by.Compare(place[a], place[b]) }) {
		t.Errorf("by %+v: %q", by, got)
	}
}
