package postgres

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// Every type of column, array, set and place in a document, with values that odd literals may meet.
const allKindsSQL = `
CREATE EXTENSION citext;
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'Glad', 'ä');
CREATE TABLE thing (
	id bigint PRIMARY KEY, plain text, vc varchar(60), padded char(6), ci citext, loose text COLLATE loose, posix text COLLATE "C", icu text COLLATE "und-x-icu",
	small smallint, num integer NOT NULL, big bigint, exact numeric, cents numeric(10,2), ratio double precision, yes boolean, at timestamptz, local timestamp,
	day date, ref uuid, raw bytea, mood mood, ip inet, net cidr, span interval, password text,
	texts text[], vcs varchar[], cis citext[], nums int[], refs uuid[], moods mood[], times timestamptz[], docs jsonb[],
	exacts numeric[], ratios float8[], yeses boolean[], days date[], ips inet[], nets cidr[], macs macaddr[], spans interval[], pads char(6)[], raws bytea[], mac macaddr,
	data jsonb, js json
);
CREATE TABLE mail (thing_id bigint REFERENCES thing, address text, kind text, main boolean, rank smallint, tags text[]);
CREATE TABLE line (thing_id bigint REFERENCES thing, medium text, value varchar(60));
CREATE TABLE part (thing_id bigint REFERENCES thing, who integer, what uuid);
`

var theTexts = []string{
	"a", "A", "ab", "AB", "abc", "b", "ba", "a b", "a  b", "A B", "a*b", "*", "(a)", `a\b`, "a%", "a_b", "%", "_", `\`, "a'b", `a"b`, "$1", "--", "ä", "Ä", "a\u0308",
	"äb", "straße", "STRASSE", "名前", "ς", "Σ", "ΟΔΟΣ", "οδος", "οδοσ", "İ", "i", "I", "ı", "i\u0307", "K", "k", "\u212a", "ſ", "s", "ﬁ", " a ", "", " ", "10", "9", "007", "7",
	"-7", "-0", "1.0", "1.50", "true", "TRUE", "falſe", "null", "2024-01-31", "Ა", "ა", "Ꭰ", "ꭰ", "\u1c89", "\u1c8a", "Ǆ", "ǅ", "ǆ", "ẞ", "ß", "\n", "a\tb", "😀", "𐐀", "𐐨", "\ue000",
	"99999999999999999999",
}

var theInstants = []string{
	"1970-01-01T00:00:00Z", "2024-01-31T12:00:00Z", "2024-01-31T12:00:00.000001Z", "2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z", "0001-01-01T00:00:00Z",
	"9999-12-31T23:59:59.999999Z",
}

var (
	theUUIDs     = []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"}
	theIntegers  = []string{"-32768", "-9", "-1", "0", "1", "2", "3", "9", "10", "512", "514", "32767"}
	theDecimals  = []string{"-1", "0", "0.00", "5", "5.0", "1.50", "10", "12345678901234567890", "NaN", "Infinity"}
	theDates     = []string{"2024-01-31", "2024-02-29", "0001-01-01", "9999-12-31", "10000-01-01", "0044-03-15 BC", "infinity"}
	theMoods     = []string{"sad", "Glad", "ä"}
	theAddresses = []string{"10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "10.0.0.1/32"}
	theNetworks  = []string{"10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32"}
	theMACs      = []string{"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"}
	theSpans     = []string{"1 day", "02:00:00", "24:00:00"}
	theFloats    = []string{"0", "5", "1.5", "1e20", "-1", "NaN", "Infinity"}
	theBytes     = []string{"", "\x00", "a", "ab", "\xff\x00", "ä"}
	theOddities  = []string{
		"garbage", "", " ", "*", "2024", "-", "1.5", "a\x00b", "\xff", "\xc3", "99999999999999999999999", "-99999999999999999999999", "32768", "-0", "00", "2024-01-31", "20240131120000Z",
		"2024-01-31T12:00:00.0000005Z", "2024-01-31T13:00:00+01:00", "0000-06-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "TRUE", "False", "t", "10.0.0.1/8", "{}", "null", "NaN",
		"5.00", "2024-1-31", "08002b:010203", "+5", "1e2", "5.", "10.0.0.0/08", "infinity", "0x10",
	}
)

// kinds are the attributes of the table by the stock of texts that their values are made of.
func kinds() map[string][]string {
	stock := map[string][]string{
		"exact": theDecimals, "cents": {"-1", "0", "5", "1.50", "NaN"}, "ratio": theFloats, "yes": {"true", "false"}, "at": theInstants,
		"local": theInstants, "day": theDates, "ref": theUUIDs, "raw": theBytes, "mood": theMoods, "ip": theAddresses, "net": theNetworks,
		"exacts": theDecimals, "ratios": theFloats, "yeses": {"true", "false"}, "days": theDates, "ips": theAddresses, "nets": theNetworks, "mac": theMACs, "macs": theMACs,
		"spans": theSpans, "pads": {"a", "A", "ab", "7"}, "raws": theBytes, "span": theSpans, "small": theIntegers, "num": theIntegers, "big": append([]string{"9223372036854775807", "-9223372036854775808"}, theIntegers...),
		"nums": theIntegers, "refs": theUUIDs, "moods": theMoods, "times": theInstants, "docs": {"{}", "1"},
	}
	for _, attr := range []string{"plain", "vc", "ci", "loose", "posix", "icu", "password", "texts", "vcs", "cis", "data.text", "data.any", "data.deep.er", "data.list.v", "lines", "js.text"} {
		stock[attr] = theTexts
	}
	stock["padded"] = []string{"a", "A", "ab", "a b", "ä", "7"}
	stock["parts"] = slices.Concat(theIntegers, theUUIDs)
	stock["mails"], stock["data.list"], stock["data"] = theTexts[:3], theTexts[:3], theTexts[:3]
	return stock
}

// kindsClass is a class on it.
func kindsClass(g *ground) *class {
	parts := g.set("parts", "{rows: part, on: thing_id}", "who", "what")
	parts.Either = true
	return g.class("{table: thing, key: id, document: data, version: ''}", parts,
		g.set("mails", "{rows: mail, on: thing_id}", "address", "kind", "main", "rank", "tags"),
		g.set("lines", "{rows: line, on: thing_id, where: {medium: phone}}", "value"))
}

// maker makes rows and predicates.
type maker struct {
	*rand.Rand
	stock map[string][]string
	attrs []string
	keys  []backends.Key
}

func newMaker(seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 4)), stock: kinds()}
	for attr := range m.stock {
		m.attrs = append(m.attrs, attr)
	}
	slices.Sort(m.attrs)
	return m
}

func (m *maker) pick(stock []string) string { return stock[m.IntN(len(stock))] }

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

// fill makes rows.
func (m *maker) fill(t testing.TB, url string, n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	exec := func(sql string, args ...any) {
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s %q: %v", sql, args, err)
		}
	}
	for id := range n {
		m.keys = append(m.keys, backends.Key(strconv.Itoa(id)))
		exec("INSERT INTO thing (id, num) VALUES ($1, 0)", id)
		for _, attr := range m.attrs {
			if m.chance(20) || strings.Contains(attr, ".") || slices.Contains([]string{"mails", "lines", "parts", "data"}, attr) {
				continue
			}
			m.fillColumn(exec, id, attr)
		}
		if m.chance(90) {
			exec("UPDATE thing SET data = $2::text::jsonb, js = $2::text::json WHERE id = $1", id, m.document())
		}
		for range m.IntN(3) {
			exec("INSERT INTO mail VALUES ($1, $2, $3, $4, $5, $6)", id, m.maybe(m.pick(theTexts)), m.maybe(m.pick([]string{"work", "home"})),
				m.maybe(m.pick([]string{"true", "false"})), m.maybe(m.pick(theIntegers)), m.maybe([]string{m.pick(theTexts), m.pick(theTexts)}))
			exec("INSERT INTO line VALUES ($1, $2, $3)", id, m.pick([]string{"phone", "fax"}), m.maybe(m.pick(theTexts)))
			exec("INSERT INTO part VALUES ($1, $2, $3)", id, m.maybe(m.pick(theIntegers)), m.maybe(m.pick(theUUIDs)))
		}
	}
	exec("ANALYZE")
}

func (m *maker) fillColumn(exec func(string, ...any), id int, attr string) {
	switch attr {
	case "raw":
		exec("UPDATE thing SET raw = $2 WHERE id = $1", id, []byte(m.pick(m.stock[attr])))
	case "at", "local":
		value := m.pick(append([]string{"infinity", "-infinity", "0044-03-15 10:00:00 BC", "10000-01-01 00:00:00"}, theInstants...))
		exec("UPDATE thing SET "+attr+" = $2::text::timestamp AT TIME ZONE 'UTC' AT TIME ZONE 'UTC' WHERE id = $1", id, strings.TrimSuffix(value, "Z"))
	case "texts", "vcs", "cis", "nums", "refs", "moods", "times", "docs", "exacts", "ratios", "yeses", "days", "ips", "nets", "macs", "spans", "pads", "raws":
		m.fillArray(exec, id, attr)
	default:
		typ := map[string]string{
			"ci": "citext", "mood": "mood", "ip": "inet", "net": "cidr", "mac": "macaddr", "span": "interval", "ref": "uuid", "day": "date", "yes": "boolean", "exact": "numeric",
			"cents": "numeric", "ratio": "float8", "small": "smallint", "num": "int", "big": "bigint",
		}[attr]
		if typ == "" {
			typ = "text"
		}
		exec("UPDATE thing SET "+attr+" = $2::text::"+typ+" WHERE id = $1", id, m.pick(m.stock[attr]))
	}
}

func (m *maker) fillArray(exec func(string, ...any), id int, attr string) {
	values := make([]*string, m.IntN(4))
	for i := range values {
		if m.chance(85) {
			v := m.pick(m.stock[attr])
			if attr == "raws" {
				v = fmt.Sprintf(`\x%x`, v)
			}
			values[i] = &v
		}
	}
	typ := map[string]string{
		"texts": "text", "vcs": "varchar", "cis": "citext", "nums": "int", "refs": "uuid", "moods": "mood", "times": "timestamptz", "docs": "jsonb", "exacts": "numeric", "ratios": "float8",
		"yeses": "boolean", "days": "date", "ips": "inet", "nets": "cidr", "macs": "macaddr", "spans": "interval", "pads": "char(6)", "raws": "bytea",
	}[attr]
	exec("UPDATE thing SET "+attr+" = $2::text[]::"+typ+"[] WHERE id = $1", id, values)
}

func (m *maker) maybe(v any) any {
	if m.chance(25) {
		return nil
	}
	return v
}

// scalar is a JSON value.
func (m *maker) scalar() any {
	switch m.IntN(8) {
	case 0:
		return m.chance(50)
	case 1:
		return json.Number(m.pick([]string{"7", "-7", "1.0", "1.50", "10", "9", "0", "99999999999999999999"}))
	case 2:
		return nil
	}
	return m.pick(theTexts)
}

func (m *maker) several(one func() any) any {
	if m.chance(50) {
		return one()
	}
	all := make([]any, m.IntN(3))
	for i := range all {
		all[i] = one()
		if m.chance(5) {
			all[i] = []any{one()}
		}
	}
	return all
}

func (m *maker) document() string {
	object := func() any {
		if m.chance(10) {
			return m.scalar()
		}
		o := map[string]any{}
		if m.chance(80) {
			o["v"] = m.several(m.scalar)
		}
		if m.chance(80) {
			o["kind"] = m.pick([]string{"work", "home"})
		}
		if m.chance(20) {
			o["password"] = "a"
		}
		if m.chance(20) {
			o["sub"] = map[string]any{"v": "a"}
		}
		return o
	}
	doc := map[string]any{"text": m.pick(theTexts), "any": m.several(m.scalar), "list": m.several(object)}
	doc["deep"] = m.several(func() any { return map[string]any{"er": m.several(m.scalar)} })
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (m *maker) literal(attr string) string {
	switch {
	case m.chance(15):
		return m.pick(theOddities)
	case m.chance(5):
		return m.pick(theTexts)
	}
	text := m.pick(m.stock[attr])
	if m.chance(5) {
		text = strings.ToUpper(text)
	}
	return text
}

var theRules = []backends.Rule{
	backends.NoRule, backends.CaseExact, backends.CaseIgnore, backends.IntegerRule, backends.TimeRule, backends.BooleanRule, backends.OctetRule, backends.CaseExactSpace,
	backends.CaseIgnoreSpace, backends.NameRule, backends.NumericRule, backends.TelRule,
}

func (m *maker) leaf(attr string, own backends.Rule) backends.Predicate {
	rule := own
	switch {
	case m.chance(15):
		rule = theRules[m.IntN(len(theRules))]
	case m.chance(30):
		rule = backends.CaseIgnore
	}
	text := m.literal(attr)
	value := backends.String(text)
	switch m.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		return backends.Eq{Attr: attr, Value: value, Rule: rule}
	case 6, 7:
		return backends.Prefix{Attr: attr, Text: m.piece(text), Rule: rule}
	case 8:
		return backends.Suffix{Attr: attr, Text: m.piece(text), Rule: rule}
	case 9:
		return backends.Contains{Attr: attr, Text: m.piece(text), Rule: rule}
	case 10, 11, 12:
		op := []backends.OrderOp{backends.Less, backends.LessEq, backends.Greater, backends.GreaterEq}[m.IntN(4)]
		return backends.Order{Attr: attr, Op: op, Value: value, Rule: rule}
	case 13:
		return backends.Present{Attr: attr}
	case 14:
		return backends.AllBits{Attr: attr, Mask: []uint64{0, 1, 2, 7, 512, 1 << 63}[m.IntN(6)]}
	}
	return m.odd()
}

func (m *maker) odd() backends.Predicate {
	switch m.IntN(4) {
	case 0:
		return backends.True{}
	case 1:
		return backends.False{}
	}
	keys := []backends.Key{"nonsense", "-1", "99999999999999999999", "\x00", ""}
	for range m.IntN(5) {
		keys = append(keys, m.keys[m.IntN(len(m.keys))])
	}
	return backends.KeyIn{Keys: keys}
}

func (m *maker) piece(text string) string {
	runes := []rune(text)
	if len(runes) < 2 || m.chance(20) {
		return text
	}
	from := m.IntN(len(runes))
	return string(runes[from : from+1+m.IntN(len(runes)-from)])
}

// predicate makes a tree, of tests that leaf makes.
func (m *maker) predicate(depth int, leaf func() backends.Predicate) backends.Predicate {
	if depth == 0 || m.chance(30) {
		return leaf()
	}
	terms := make([]backends.Predicate, 1+m.IntN(3))
	for i := range terms {
		terms[i] = m.predicate(depth-1, leaf)
	}
	switch m.IntN(5) {
	case 0, 1:
		return backends.And(terms)
	case 2, 3:
		return backends.Or(terms)
	}
	return backends.Not{Term: terms[0]}
}

// some is a condition on rows or objects.
func (m *maker) some() backends.Predicate {
	attr, parts := "mails", map[string]backends.Rule{
		"address": backends.CaseExact, "kind": backends.CaseExact, "main": backends.BooleanRule, "rank": backends.IntegerRule, "tags": backends.CaseExact, "nowhere": backends.CaseExact,
	}
	if m.chance(60) {
		attr, parts = "data.list", map[string]backends.Rule{
			"v": backends.CaseExact, "kind": backends.CaseExact, "sub": backends.CaseExact, "password": backends.CaseExact, "a\x00": backends.CaseExact,
		}
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	stock := map[string][]string{"kind": {"work", "home"}, "main": {"true", "false"}, "rank": theIntegers}
	return backends.Some{Attr: attr, Where: m.predicate(2, func() backends.Predicate {
		name := m.pick(names)
		m.stock[name] = stock[name]
		if m.stock[name] == nil {
			m.stock[name] = theTexts
		}
		return m.leaf(name, parts[name])
	})}
}

func everybody(t testing.TB, c *class, attrs []string) []backends.Record {
	t.Helper()
	var all []backends.Record
	for r, err := range c.Walk(t.Context(), backends.Query{Attrs: attrs}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// disagreement is what a walk for p finds wrongly, or does not find; "" for nothing.
func disagreement(t testing.TB, c *class, p backends.Predicate, all []backends.Record) string {
	t.Helper()
	found := map[backends.Key]bool{}
	for r, err := range c.Walk(t.Context(), backends.Query{Where: p}) {
		if err != nil {
			return err.Error()
		}
		found[r.Key] = true
	}
	for _, r := range all {
		if want := backends.Match(p, r); want != found[r.Key] {
			return fmt.Sprintf("of %v Match says %v", r, want)
		}
	}
	return ""
}

// tests are the leaves of a tree.
func tests(p backends.Predicate) []backends.Predicate {
	switch p := p.(type) {
	case backends.And:
		return testsOf(p)
	case backends.Or:
		return testsOf(p)
	case backends.Not:
		return tests(p.Term)
	case nil:
		return nil
	}
	return []backends.Predicate{p}
}

func testsOf(terms []backends.Predicate) (all []backends.Predicate) {
	for _, term := range terms {
		all = append(all, tests(term)...)
	}
	return all
}

func compareAll(t *testing.T, g *ground, seed uint64, n int) {
	t.Helper()
	m := newMaker(seed)
	m.fill(t, g.db.Admin, 60)
	c := kindsClass(g)
	all := everybody(t, c, m.attrs)
	if len(all) != 60 {
		t.Fatalf("%d records", len(all))
	}
	leaf := func() backends.Predicate {
		if m.chance(15) {
			return m.some()
		}
		attr := m.pick(m.attrs)
		return m.leaf(attr, c.Syntax(attr).Equality)
	}
	exact, hits := 0, 0
	wrong := 0
	for i := range n {
		p := m.predicate(i%4, leaf)
		if c.Fidelity(p) != backends.Exact {
			continue
		}
		exact++
		hits += len(walked(t, c, backends.Query{Where: p}))
		why := disagreement(t, c, p, all)
		if why == "" {
			continue
		}
		for _, small := range tests(p) {
			if w := disagreement(t, c, small, all); w != "" {
				p, why = small, w
				break
			}
		}
		t.Errorf("seed %d, predicate %d: %s\n%s\n%s", seed, i, p, c.Native(p), why)
		if wrong++; wrong > 5 {
			return
		}
	}
	if exact < n/3 || hits < n {
		t.Errorf("of %d predicates %d were exact and found %d: nothing much was tested", n, exact, hits)
	}
}

// locales are databases that fold letters in different ways.
var locales = map[string]pgtest.Locale{"C.utf8": {Collate: "C.utf8"}, "C": {Collate: "C"}, "ICU": {ICU: "und"}, "Turkish": {ICU: "tr"}}

func TestConditionsAnswerAsTheMatcherDoes(t *testing.T) {
	for name, locale := range locales {
		t.Run(name, func(t *testing.T) {
			compareAll(t, groundOn(t, locale.Database(t, allKindsSQL), nil), 1, 600)
		})
	}
}
