package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestAConditionIsTakenApartAtTheTenant(t *testing.T) {
	for sql, want := range map[string][]piece{
		"":                                 nil,
		"  ":                               nil,
		"active":                           {{sql: "active"}},
		"tenant = {tenant}":                {{sql: "tenant = "}, {tenant: true}, {}},
		"{tenant} IN (a, b) OR a = 'x''y'": {{}, {tenant: true}, {sql: " IN (a, b) OR a = 'x''y'"}},
		`"odd ' name" = 'a;b--c/*d$1{x}('`: {{sql: `"odd ' name" = 'a;b--c/*d$1{x}('`}},
		`a = E'it\'s (' AND b`:             {{sql: `a = E'it\'s (' AND b`}},
		`a = date'2024\' AND b`:            {{sql: `a = date'2024\' AND b`}},
	} {
		got, err := pieces(sql)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(piece{})); diff != "" || err != nil {
			t.Errorf("%s: %v %s", sql, err, diff)
		}
	}
}

func TestAConditionIsNothingElse(t *testing.T) {
	for sql, want := range map[string]string{
		"a; DROP TABLE person": "holds a semicolon: it is one condition, and no statement",
		"a -- b":               "holds a comment, which could hide what follows it",
		"a /* b */":            "holds a comment, which could hide what follows it",
		"a) OR (b":             "closes a parenthesis that it does not open",
		"(a":                   "opens a parenthesis that it does not close",
		"a = 'x":               "opens a quote that it does not close",
		`"a = 1`:               "opens a quote that it does not close",
		`a = E'x\'`:            "opens a quote that it does not close",
		"tenant = '{tenant}'":  "has {tenant} inside of quotes; write it without, the adapter quotes it",
		"a = '{tenant}' AND b": "has {tenant} inside of quotes; write it without, the adapter quotes it",
		`"{tenant}" = 1`:       "has {tenant} inside of quotes; write it without, the adapter quotes it",
		"a = {user}":           "holds a { that is no part of {tenant}",
		"a = tenant}":          "holds a } that is no part of {tenant}",
		"a = $1":               "holds a $, which stands for arguments and quotes that are the adapter's",
		"a = $$x$$":            "holds a $, which stands for arguments and quotes that are the adapter's",
		"a = '\x00'":           "holds a NUL",
		"a\x00":                "holds a NUL",
		"a = '''":              "opens a quote that it does not close",
		"(a = ')' AND b":       "opens a parenthesis that it does not close",
	} {
		if got, err := pieces(sql); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", sql, got, err)
		}
	}
}

func TestFaultsOfAClassArePlaced(t *testing.T) {
	d, _ := openDirectory(t, "postgres://localhost/hr", nil)
	for claim, tc := range map[string]struct {
		at, set string
		protect string
		want    string
	}{
		"no table":               {at: "{key: id}", want: `table: "" is no table; write schema.table, such as hr.person`},
		"a table of a table":     {at: "{table: a.b.c, key: id}", want: `test.yaml:1:9: table: "a.b.c" is no table`},
		"no key":                 {at: "{table: person}", want: "key: is missing; name the column of the primary key, or list its columns"},
		"a key twice":            {at: "{table: person, key: [a, a]}", want: "key[1]: is no list of different columns"},
		"a key that is empty":    {at: "{table: person, key: ''}", want: "key: is no list of different columns"},
		"a broken condition":     {at: "{table: person, key: id, where: 'a; b'}", want: "where: holds a semicolon: it is one condition, and no statement; write a condition on the columns"},
		"a broken protection":    {at: "{table: person, key: id}", protect: "'a)'", want: "closes a parenthesis"},
		"an empty protection":    {at: "{table: person, key: id}", protect: "''", want: "is empty; write a condition on the columns of the table, such as is_admin"},
		"a way to hash":          {at: "{table: person, key: id, hash: md5}", want: `hash: "md5" is no way to store a password; write bcrypt or plain`},
		"half a tenant":          {at: "{table: person, key: id, insert: {org: 'x-{tenant}'}}", want: "insert.org: {tenant} stands beside something else; write {tenant} alone, a text, or now()"},
		"an unknown key":         {at: "{table: person, key: id, filter: x}", want: `filter: unknown key "filter"`},
		"rows of nothing":        {at: "{table: person, key: id}", set: "{on: id}", want: `rows: "" is no table; write schema.table, such as hr.email`},
		"rows of nobody":         {at: "{table: person, key: id}", set: "{rows: email}", want: "on: is missing; name the columns that hold the record's key"},
		"a condition of a set":   {at: "{table: person, key: id}", set: "{rows: email, on: id, where: medium}", want: "where: must be a map, and is a single value; write a column and its value: {medium: email}"},
		"a condition with lists": {at: "{table: person, key: id}", set: "{rows: email, on: id, where: {medium: [a]}}", want: "where.medium: is no value"},
	} {
		o := backends.Open{At: parse(t, tc.at), Tenant: "default"}
		if tc.set != "" {
			o.Sets = []backends.Set{{Name: "mails", At: parse(t, tc.set), Columns: []string{"a"}}}
		}
		if tc.protect != "" {
			o.Protect = append(o.Protect, parse(t, tc.protect))
		}
		_, faults := d.open(o)
		if len(faults) != 1 || !strings.Contains(faults.Error(), tc.want) {
			t.Errorf("%s: %v", claim, faults)
		}
	}
	o := backends.Open{At: parse(t, "{table: '\"Hr\".\"Odd.Name\"', key: id, hash: plain, insert: {org: '{tenant}', made: now()}, readOnly: true, document: data}")}
	c, faults := d.open(o)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if caps := c.Capabilities(); !caps.ReadOnly || caps.Document != "data" || !caps.Seeks || !caps.Typed || !caps.Conditional || caps.Rename {
		t.Errorf("%+v", caps)
	}
}

func TestTableNamesAreReadAsSQLReadsThem(t *testing.T) {
	for text, want := range map[string]named{
		"person": {"", "person"}, "hr.person": {"hr", "person"}, `"Hr".person`: {"Hr", "person"}, `"a.b"."c""d"`: {"a.b", `c"d`}, "Hr.Person": {"Hr", "Person"},
	} {
		if got, ok := tableName(text); !ok || got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", `"a`, `"a"b`, "a.b.c", `""`, "a\x00"} {
		if got, ok := tableName(text); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
