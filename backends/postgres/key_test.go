package postgres

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestKeysOfSeveralColumnsAreBijective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "n")
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z~.01/ é'-]{1,12}`), n, n).Draw(t, "parts")
		key := keyText(parts)
		if got, ok := keyParts(key, n); !ok || !slices.Equal(got, parts) {
			t.Fatalf("%q became %q, which became %q (%v)", parts, key, got, ok)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "n")
		key := backends.Key(rapid.StringMatching(`[a~.01]{0,10}`).Draw(t, "key"))
		if parts, ok := keyParts(key, n); ok && keyText(parts) != key {
			t.Fatalf("%q and %q are the same record", key, keyText(parts))
		}
	})
}

func TestWhatCannotBeAKey(t *testing.T) {
	for key, n := range map[backends.Key]int{
		"": 1, "a\x00": 1, "\xff": 1, backends.Key(strings.Repeat("x", 1025)): 1,
		"a": 2, "a.b.c": 2, "a.": 2, ".b": 2, "a~2.b": 2, "a.b~": 2, "a~.b": 2,
	} {
		if parts, ok := keyParts(key, n); ok {
			t.Errorf("%q of %d columns is %q", key, n, parts)
		}
	}
}

func TestOnlyTheCanonicalTextIsAKey(t *testing.T) {
	for claim, tc := range map[string]struct {
		column    column
		good, bad []string
	}{
		"uuid":     {column{family: uuid, typ: "uuid"}, []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, []string{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "x"}},
		"bigint":   {column{family: integer, typ: "bigint"}, []string{"0", "-1", "9223372036854775807", "-9223372036854775808"}, []string{"01", "+1", "-0", "1.0", " 1", "9223372036854775808", "-9223372036854775809", "x"}},
		"integer":  {column{family: integer, typ: "integer"}, []string{"2147483647", "-2147483648"}, []string{"2147483648", "-2147483649"}},
		"smallint": {column{family: integer, typ: "smallint"}, []string{"32767"}, []string{"32768", "99999"}},
		"numeric":  {column{family: decimal, typ: "numeric"}, []string{"7", "7.50", "0.1"}, []string{"07", "1e3", "NaN", ".5", "-0"}},
		"text":     {column{family: text, typ: "text"}, []string{"a b", "x ", "%"}, nil},
		"char":     {column{family: text, typ: "bpchar"}, []string{"a b"}, []string{"x "}},
		"date":     {column{family: date, typ: "date"}, []string{"2024-01-31"}, []string{"2024-1-31", "today", "2024-13-01"}},
		"bytea":    {column{family: bytes, typ: "bytea"}, nil, []string{"x"}},
	} {
		for _, s := range tc.good {
			if !isKey(&tc.column, s) {
				t.Errorf("%s: %q is a key", claim, s)
			}
		}
		for _, s := range tc.bad {
			if isKey(&tc.column, s) {
				t.Errorf("%s: %q is no key", claim, s)
			}
		}
		if keyable(&tc.column) != (len(tc.good) > 0) {
			t.Errorf("%s: keyable is %v", claim, keyable(&tc.column))
		}
	}
}

const odd = `
CREATE EXTENSION citext;
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE phase AS ENUM ('b', 'a');
CREATE TABLE u (id uuid PRIMARY KEY); INSERT INTO u SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid FROM unnest('{3,1,a}'::text[]) n;
CREATE TABLE s (id text PRIMARY KEY); INSERT INTO s VALUES ('a'), ('B'), ('it''s'), ('x; DROP TABLE s; --'), ('%'), ('\'), ('é'), (''), ('a.b~c');
CREATE TABLE c (id citext PRIMARY KEY); INSERT INTO c VALUES ('Ann'), ('bob');
CREATE TABLE l (id text COLLATE loose PRIMARY KEY); INSERT INTO l VALUES ('Ann'), ('bob');
CREATE TABLE n (id numeric PRIMARY KEY); INSERT INTO n VALUES (1), (2.50);
CREATE TABLE f (id char(4) PRIMARY KEY); INSERT INTO f VALUES ('ab'), ('abcd');
CREATE TABLE m (org text, num int, phase phase, day date, PRIMARY KEY (org, num, phase, day));
INSERT INTO m VALUES ('a.b', 1, 'a', '2024-01-31'), ('a', 2, 'b', '2024-01-31'), ('a', 10, 'a', '2024-01-31'), ('a~', 1, 'a', '2024-01-31');
CREATE TABLE cm (org citext, num int, PRIMARY KEY (org, num)); INSERT INTO cm VALUES ('Ann', 1), ('bob', 2);
CREATE TABLE lm (org text COLLATE loose, num int, PRIMARY KEY (org, num)); INSERT INTO lm VALUES ('Ann', 1), ('bob', 2);
`

func TestRecordsAreReadByTheirKeys(t *testing.T) {
	g := newGround(t, odd)
	for at, keys := range map[string][]backends.Key{
		"{table: u, key: id}":                     {"00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000003"},
		"{table: s, key: id}":                     {"a", "B", "it's", "x; DROP TABLE s; --", "%", `\`, "é", "a.b~c"},
		"{table: c, key: id}":                     {"Ann", "bob"},
		"{table: l, key: id}":                     {"Ann", "bob"},
		"{table: n, key: id}":                     {"1", "2.50"},
		"{table: f, key: id}":                     {"ab", "abcd"},
		"{table: m, key: [org, num, phase, day]}": {"a~1b.1.a.2024-01-31", "a.2.b.2024-01-31", "a.10.a.2024-01-31", "a~0.1.a.2024-01-31"},
		"{table: cm, key: [org, num]}":            {"Ann.1", "bob.2"},
		"{table: lm, key: [org, num]}":            {"Ann.1", "bob.2"},
	} {
		c := g.class(at)
		no := []backends.Key{"ANN", "BOB", "b", "00000000-0000-0000-0000-000000000009", "2.5", "ANN.1", "a.2.c.2024-01-31", "a.2.b.2024-02-31", "a.02.b.2024-01-31", "", "\x00"}
		records, err := c.Fetch(t.Context(), append(slices.Clone(keys), append(no, keys...)...), nil)
		if err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		var got []backends.Key
		for _, r := range records {
			got = append(got, r.Key)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(keys))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
		for _, key := range keys {
			if r := fetch(t, c, key); r.Key != key {
				t.Errorf("%s: %q is %q", at, key, r.Key)
			}
			if keys := walked(t, c, backends.Query{Where: backends.KeyIn{Keys: []backends.Key{key, "ANN", "ANN.1"}}}); !slices.Equal(keys, []backends.Key{key}) {
				t.Errorf("%s: the key %q is that of %q", at, key, keys)
			}
		}
		all := walked(t, c, backends.Query{})
		for i, key := range all {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: there is %q", at, key)
			}
			if rest := walked(t, c, backends.Query{After: key}); !slices.Equal(rest, all[i+1:]) {
				t.Errorf("%s: behind %q come %q, and not %q", at, key, rest, all[i+1:])
			}
			before := slices.Clone(all[:i])
			slices.Reverse(before)
			if rest := walked(t, c, backends.Query{After: key, Reverse: true}); !slices.Equal(rest, before) {
				t.Errorf("%s: before %q come %q, and not %q", at, key, rest, before)
			}
		}
	}
}

// Who has no key is neither listed nor counted, and is in nobody's way.
func TestRowsWithoutAKeyAreNotThere(t *testing.T) {
	g := newGround(t, `CREATE TABLE p (id text UNIQUE, n numeric UNIQUE, d date UNIQUE, m int UNIQUE, t text);
INSERT INTO p VALUES ('b', 2, '2024-01-31', 1, 'x'), ('', 'NaN', 'infinity', NULL, 'x'), (NULL, 'Infinity', '0044-03-15 BC', NULL, 'x'), (repeat('a', 1025), '-Infinity', '-infinity', NULL, 'x'),
	('a', 1, '0001-01-01', 2, 'x'), (repeat('ä', 512), 1.50, '10000-01-01', 3, 'x')`)
	for key, want := range map[string][]backends.Key{
		"id": {"a", "b", backends.Key(strings.Repeat("ä", 512))}, "n": {"1", "1.50", "2"}, "d": {"0001-01-01", "2024-01-31", "10000-01-01"}, "m": {"1", "2", "3"},
		"[m, n]": {"1.2", "2.1", "3.1~150"},
	} {
		c := g.class("{table: p, key: " + key + "}")
		for _, p := range []backends.Predicate{nil, eqTo("t", "x", backends.CaseExact), backends.Eq{Attr: "t", Value: backends.String("x"), Rule: backends.TelRule}} {
			got := walked(t, c, backends.Query{Where: p})
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("%s: %.100q", key, got)
			}
			if page := walked(t, c, backends.Query{Where: p, Limit: len(want)}); len(page) != len(want) {
				t.Errorf("%s: a page of %d", key, len(page))
			}
			if n, exact, err := c.Count(t.Context(), p, 0); n != len(want) || !exact || err != nil {
				t.Errorf("%s: counted %d, %v", key, n, err)
			}
			for _, after := range got {
				walked(t, c, backends.Query{Where: p, After: after})
			}
		}
		if records, err := c.Fetch(t.Context(), want, nil); len(records) != len(want) || err != nil {
			t.Errorf("%s: %d records, %v", key, len(records), err)
		}
	}
}
