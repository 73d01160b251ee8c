package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/mapping/lens"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// What mappings say of rows is held against real tables: package mapping has only a likeness of them.

const rowTables = `
CREATE SCHEMA hr;
CREATE TABLE hr.person (person_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), login text NOT NULL UNIQUE);
CREATE TABLE hr.email (person_id uuid NOT NULL REFERENCES hr.person, address text, kind text, is_main boolean NOT NULL DEFAULT false, note text DEFAULT 'new');
CREATE TABLE hr.contact (person_id uuid NOT NULL REFERENCES hr.person, medium text NOT NULL, address text NOT NULL, kind text);
CREATE TABLE hr.phone (person_id uuid NOT NULL REFERENCES hr.person, kind text NOT NULL, number text NOT NULL);
CREATE TABLE hr.address (person_id uuid NOT NULL REFERENCES hr.person, street text, zip integer, town text, kind text);`

const rowMapping = `
mapping: User
at: {backend: hr, table: hr.person, key: person_id}
attributes:
  userName: login
  emails: {rows: hr.email, on: person_id, value: "address | lower", type: "kind | enum(W=work, H=home)", primary: is_main}
  ims: {rows: hr.contact, on: person_id, where: {medium: im}, value: address, type: kind}
  phoneNumbers[type=work]: {rows: hr.phone, on: person_id, where: {kind: W}, value: number}
  phoneNumbers[type=mobile]: {rows: hr.phone, on: person_id, where: {kind: M}, value: number}
  addresses: {rows: hr.address, on: person_id, streetAddress: street, postalCode: zip, locality: town, type: kind}
`

// rowFilters are asked of the tables and of the matcher.
var rowFilters = []string{
	`emails pr`, `emails[type eq "work"]`, `emails[type eq "work" and value co "@x"]`, `emails[type eq "work"].value sw "A"`, `emails eq "a@X"`,
	`not (emails.value eq "a@x")`, `emails[value ne "a@x"]`, `emails[not (type eq "home")]`, `emails[not (type eq "home" or primary eq true)]`,
	`emails[primary eq true]`, `emails[primary eq false]`, `emails[primary ne true and type eq "home"].value ew "x"`, `emails.type pr`, `emails[type eq null]`,
	`emails[value gt "a@x"]`, `emails[type eq "work"] and not (emails[type eq "home"])`, `ims[type eq "aim"]`, `ims[type ne "aim"]`, `ims.value eq "B"`,
	`ims[primary eq true and value eq "a"]`, `phoneNumbers[type eq "work"].value eq "1"`, `phoneNumbers.value co "1"`,
	`phoneNumbers[value eq "+1 2" and type eq "mobile"]`, `addresses pr`, `addresses[locality eq "ULM" and type eq "work"]`, `addresses[postalCode eq "7"]`,
	`addresses[postalCode sw "4"]`, `addresses[type eq "home" and not (postalCode pr)]`,
}

// rowGround is a mapping over tables in a database of its own.
type rowGround struct {
	t  *testing.T
	m  *mapping.Mapping
	db *pgx.Conn
}

func newRowGround(t *testing.T) *rowGround {
	t.Helper()
	db := pgtest.Database(t, rowTables)
	cfg := postgres.Defaults()
	cfg.URL = configs.NewSecret(db.URL)
	d, faults := postgres.New(cfg, postgres.Options{Name: "hr", Logger: slog.New(slog.DiscardHandler)})
	node, broken := configs.ParseNode("rows.yaml", []byte(rowMapping))
	if len(faults)+len(broken) > 0 {
		t.Fatal(faults, broken)
	}
	t.Cleanup(func() { _ = d.Close() })
	set, faults := mapping.Compile([]configs.Node{node}, lens.Table(), nil, func(_ configs.Node, o backends.Open) (backends.Backend, error) { return d.Open(o) })
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	conn, err := pgx.Connect(t.Context(), db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	g := &rowGround{t: t, m: set.All()[0], db: conn}
	g.fill()
	g.read(nil)
	if faults := g.m.CheckSchema(); len(faults) > 0 {
		t.Fatal(faults)
	}
	return g
}

// fill makes people whose rows differ in what they have; with the same seed always the same.
func (g *rowGround) fill() {
	g.t.Helper()
	rnd := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // it is to be the same each time
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	var b strings.Builder
	for i := range 60 {
		row := func(most int, table string, values ...func() string) {
			for range rnd.IntN(most + 1) {
				b.WriteString("INSERT INTO " + table + " SELECT person_id")
				for _, v := range values {
					b.WriteString(", " + v())
				}
				fmt.Fprintf(&b, " FROM hr.person WHERE login = 'u%d';\n", i)
			}
		}
		one := func(words ...string) func() string { return func() string { return pick(words...) } }
		fmt.Fprintf(&b, "INSERT INTO hr.person (login) VALUES ('u%d');\n", i)
		row(2, "hr.email", one("NULL", "'a@x'", "'A@x'", "'b@x'", "'Ab@y'"), one("NULL", "'W'", "'H'", "'X'"), one("true", "false"), one("'old'"))
		row(2, "hr.contact", one("'im'", "'fax'"), one("'a'", "'B'", "'b b'"), one("NULL", "'aim'", "'AIM'"))
		row(2, "hr.phone", one("'W'", "'M'", "'Z'"), one("'1'", "'+1 2'"))
		row(1, "hr.address", one("NULL", "'Weg'"), one("NULL::integer", "7", "42"), one("NULL", "'Ulm'", "'ulm'"), one("NULL", "'work'", "'home'"))
	}
	if _, err := g.db.Exec(g.t.Context(), b.String()); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rowGround) read(p backends.Predicate) (out []backends.Record) {
	g.t.Helper()
	for rec, err := range g.m.Backend().Walk(g.t.Context(), backends.Query{Where: p, Attrs: g.m.Reads(nil)}) {
		if err != nil {
			g.t.Fatalf("%s: %v", backends.Describe(p), err)
		}
		out = append(out, rec)
	}
	return out
}

func TestFiltersOverRowsOfTablesAgreeWithTheMatcher(t *testing.T) {
	g := newRowGround(t)
	all, rests := g.read(nil), 0
	for _, text := range rowFilters {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		low, err := g.m.Lower(e, nil)
		if err != nil {
			t.Fatal(text, err)
		}
		if low.Rest != nil {
			rests++
		}
		found, matched := map[backends.Key]bool{}, 0
		for _, rec := range g.read(low.Where) {
			res, _ := g.m.Get(rec, nil)
			found[rec.Key] = low.Rest == nil || scim.Match(low.Rest, g.m.ResourceType(), res)
		}
		for _, rec := range all {
			res, problems := g.m.Get(rec, nil)
			want := scim.Match(e, g.m.ResourceType(), res)
			if want {
				matched++
			}
			if len(problems) > 0 || want != found[rec.Key] {
				t.Errorf("%s, asked as %s: %v for %s %v", text, low.Where, found[rec.Key], res.AppendJSON(nil), problems)
			}
		}
		if matched == 0 || matched == len(all) {
			t.Errorf("%s tells nobody from anybody", text)
		}
	}
	if rests > 3 {
		t.Errorf("%d filters were left to the adapter", rests)
	}
}

func TestWritesOfRowsKeepWhatTheMappingDoesNotRead(t *testing.T) {
	g := newRowGround(t)
	for _, rec := range g.read(nil) {
		before, _ := g.m.Get(rec, nil)
		after := before.Clone()
		wish, err := scim.ParseObject([]byte(`{"emails": [{"value": "a@x", "type": "home", "primary": true}, {"value": "c@x"}],
			"phoneNumbers": [{"value": "9", "type": "mobile"}], "addresses": [{"type": "work", "locality": "Bonn", "postalCode": "12"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range wish.All() {
			after.Set(name, v)
		}
		update, err := g.m.Diff(rec, before, after, nil)
		if err != nil {
			t.Fatal(err)
		}
		now, err := g.m.Backend().Modify(t.Context(), rec.Key, update.Changes, backends.Condition{Version: rec.Version}, g.m.Reads(nil))
		if err != nil {
			t.Fatalf("%v: %v", update.Changes, err)
		}
		shown, _ := g.m.Get(now, nil)
		if again, err := g.m.Diff(now, shown, after, nil); err != nil || !again.Empty() {
			t.Errorf("%s shows otherwise than was written: %v %v", shown.AppendJSON(nil), again.Changes, err)
		}
	}
	for query, want := range map[string]bool{
		"SELECT count(*) > 0 FROM hr.email WHERE address = 'a@x' AND kind = 'H' AND is_main AND note = 'old'": true, // it is the row that it was
		"SELECT count(*) = 60 FROM hr.email WHERE address = 'c@x'":                                            true,
		"SELECT count(*) > 0 FROM hr.email WHERE address = 'c@x' AND note = 'new'":                            true,  // the table's default
		"SELECT count(*) > 0 FROM hr.email WHERE address IS NULL":                                             true,  // no element, so nobody's to take away
		"SELECT count(*) > 0 FROM hr.phone WHERE kind = 'Z'":                                                  true,  // of no source
		"SELECT count(*) > 0 FROM hr.contact WHERE medium = 'fax'":                                            true,  // of no source
		"SELECT count(*) = 60 FROM hr.phone WHERE kind = 'M' AND number = '9'":                                true,  // where is set on new rows
		"SELECT count(*) > 0 FROM hr.phone WHERE kind = 'W'":                                                  false, // not wanted any more
	} {
		var is bool
		if err := g.db.QueryRow(t.Context(), query).Scan(&is); err != nil || is != want {
			t.Errorf("%s: %v %v", query, is, err)
		}
	}
}
