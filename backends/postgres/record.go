package postgres

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// secrets are names of columns, and of members of documents, that hold a password or what is made of one; letter case, _ and - do not count. Their values are
// Secrets: they are never shown or compared, and a document is shown without them.
var secrets = []string{
	"userpassword", "password", "passwd", "passphrase", "pwd", "passwordhash", "passwordhashed", "hashedpassword", "passwordcrypt", "cryptpassword",
	"encryptedpassword", "passworddigest", "passwdhash", "pwdhash", "passhash", "passwordsalt", "ntpassword", "lmpassword", "sambantpassword", "sambalmpassword",
}

var bare = strings.NewReplacer("_", "", "-", "")

func secretName(name string) bool {
	// All of them have both letters. Each member of each document is asked about.
	if !strings.ContainsAny(name, "pP") || !strings.ContainsAny(name, "sSwW") {
		return false
	}
	return slices.Contains(secrets, bare.Replace(strings.ToLower(name)))
}

// view is what is read of records, and how a row becomes one.
type view struct {
	s       *shape
	columns []string // of the answer, beside version and key: SQL that says which, for finding it again
	items   []item
	joined  []broughtAlong
	told    bool // of what is left out of documents it is said that it was there
}

// item is an attribute that is asked for.
type item struct {
	place place
	at    int  // of the answer's columns
	whole bool // a document is shown as its JSON

	secret bool // what is picked of a document
	part   part // of what makes the record whole
}

// selectRecord writes a SELECT of everything that these attributes need, FROM the record's table t and without a WHERE. What it gives turns rows into records.
// "*" are all columns that can be written and all sets, a document as one text of JSON; "+" are the columns that the database keeps itself, and what else
// there is to a record (whole.go). more is SQL of our own for answers behind those of the record, of tables that the caller joins.
func (s *shape) selectRecord(st *statement, attrs []string, more ...string) *view {
	st.sql("SELECT ")
	v := s.listed(st, attrs)
	for _, column := range more {
		st.sql(", ", column)
	}
	st.sql(" FROM ", s.rel.sql(), " t")
	return v
}

// listRecord writes what selectRecord selects.
func (s *shape) listRecord(st *statement, attrs []string) *view {
	v := &view{s: s, told: slices.Contains(attrs, "+")}
	st.sql(s.versionSQL("t"))
	for _, c := range s.key {
		st.sql(", ", of("t", c), "::text")
	}
	for _, attr := range s.wanted(attrs) {
		if isJoin(attr) {
			v.join(st, attr)
			continue
		}
		if p, ok := s.part(attr); ok {
			st.sql(", ")
			p.write(st, s)
			v.items = append(v.items, item{place: place{attr: attr}, at: len(v.columns), part: p})
			v.columns = append(v.columns, attr)
			continue
		}
		p, ok := s.find(attr)
		if ok && slices.Contains(attrs, attr) {
			p.used()
		}
		if !ok || (p.column != nil && !p.column.readable) {
			continue
		}
		id := "column " + p.columnName()
		if p.set != nil {
			id = "set " + p.set.name
		}
		at := slices.Index(v.columns, id)
		if at < 0 {
			at = len(v.columns)
			v.columns = append(v.columns, id)
			st.sql(", ")
			if p.set != nil {
				s.aggregate(st, p.set)
			} else {
				st.sql(textSQL("t", p.column))
			}
		}
		v.items = append(v.items, item{
			place: p, at: at, whole: p.column != nil && p.column.family == document && len(p.path) == 0,
			secret: len(p.path) > 0 && secretName(p.path[len(p.path)-1]),
		})
	}
	return v
}

func (p place) columnName() string {
	if p.column == nil {
		return ""
	}
	return p.column.name
}

// wanted are the attributes that are asked for, each once.
func (s *shape) wanted(attrs []string) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, attr := range attrs {
		switch attr {
		case "*":
			for _, set := range s.sets {
				add(set.name)
			}
		case "+":
			for _, name := range s.wholes() {
				add(name)
			}
		default:
			add(attr)
			continue
		}
		for _, c := range s.rel.columns {
			if c.generated == (attr == "+") {
				add(c.name)
			}
		}
	}
	return names
}

// versionSQL is the version of a row as a text; the empty one where there are no versions.
func (s *shape) versionSQL(alias string) string {
	switch {
	case s.class.at.Version == "":
		return "''"
	case s.version == nil:
		return alias + "." + xmin + "::text"
	case s.version.family == integer:
		return of(alias, s.version) + "::text"
	}
	instant := of(alias, s.version)
	if strings.Contains(s.version.typ, "with time zone") {
		instant += " AT TIME ZONE 'UTC'"
	}
	return "to_char(" + instant + `, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

// textSQL is a column as one text: an array as JSON.
func textSQL(alias string, c *column) string {
	switch {
	case c.array:
		return "to_json(" + of(alias, c) + "::text[])::text"
	case c.family == bytes:
		return "encode(" + of(alias, c) + ", 'hex')"
	}
	return of(alias, c) + "::text"
}

// scope writes that t belongs to the class.
func (s *shape) scope(st *statement) *statement {
	and := ""
	if len(s.class.where) > 0 {
		st.condition(s.class.where, s.class.tenant)
		and = " AND "
	}
	switch {
	case s.deleted == nil && and == "":
		st.sql("TRUE")
	case s.deleted == nil:
	case s.deleted.family == boolean:
		st.sql(and, of("t", s.deleted), " IS NOT TRUE")
	default:
		st.sql(and, of("t", s.deleted), " IS NULL")
	}
	return st
}

// rowsOf writes the table of a set as r, WHERE they are those of t and have any value: what stands behind FROM.
func (s *shape) rowsOf(st *statement, set *set) {
	st.sql(set.rel.sql(), " r WHERE ")
	for i, c := range set.on {
		if i > 0 {
			st.sql(" AND ")
		}
		st.sql(of("r", c), " = ", of("t", s.key[i]))
	}
	for _, f := range set.fixed {
		st.sql(" AND ", of("r", f.column), " = ").arg(f.value, f.column.typ)
	}
	for i, c := range set.columns {
		st.sql(map[bool]string{true: " AND (", false: " OR "}[i == 0], of("r", c), " IS NOT NULL")
	}
	if len(set.columns) > 0 {
		st.sql(")")
	}
}

// aggregate writes the values of a set as one JSON array: of texts, or of arrays of texts for Rows.
func (s *shape) aggregate(st *statement, set *set) {
	texts := make([]string, len(set.columns))
	order := make([]string, len(set.columns))
	for i, c := range set.columns {
		texts[i] = textSQL("r", c)
		order[i] = texts[i] + ` COLLATE "C"`
	}
	value := strings.Join(texts, ", ")
	switch {
	case set.rows():
		value = "json_build_array(" + value + ")"
	case set.either:
		value = "coalesce(" + value + ")"
	}
	st.sql("(SELECT json_agg(", value, " ORDER BY ", strings.Join(order, ", "), ")::text FROM ")
	s.rowsOf(st, set)
	st.sql(")")
}

// record makes a record of the row that rows stand at.
func (v *view) record(rows pgx.Rows) (backends.Record, error) { return v.recordOf(rows.RawValues()) }

// recordOf makes a record of the texts of its columns.
func (v *view) recordOf(raw [][]byte) (backends.Record, error) {
	n := len(v.s.key)
	parts := make([]string, n)
	for i := range parts {
		parts[i] = string(raw[1+i])
	}
	r := backends.Record{Key: keyText(parts), Version: string(raw[0])}
	r.Name = string(r.Key)
	if len(v.items) > 0 {
		r.Attrs = make(backends.Attributes, len(v.items))
	}
	var documents map[int]any // by their columns
	for _, it := range v.items {
		text := raw[1+n+it.at]
		if text == nil {
			continue
		}
		var values backends.Values
		var err error
		switch {
		case it.part != part{}:
			values, err = it.part.values(text)
		case it.place.set != nil:
			values, err = it.place.set.values(text)
		case it.place.column.family == document && !it.place.column.array:
			doc, there := documents[it.at]
			if !there {
				doc, err = parseJSON(text)
				if documents == nil {
					documents = map[int]any{}
				}
				documents[it.at] = doc
			}
			switch {
			case err != nil:
			case it.whole && v.told:
				concealed(doc, it.place.column.name, nil, r.Attrs)
				values, err = it.place.column.inOneForm(text, doc)
			case it.whole:
				values, err = wholeDocument(text, doc)
			default:
				values = pick(doc, it.place.path, it.secret)
			}
		default:
			values, err = it.place.column.values(text)
		}
		if err != nil {
			return r, &illegibleError{key: r.Key, attr: it.place.attr, cause: err}
		}
		if len(values) > 0 {
			r.Attrs[it.place.attr] = values
		}
	}
	return r, v.hold(&r, raw[1+n:])
}

// keyless says that nobody could ask for a record: its key is empty or NULL, as it may be in a view, longer than any key, or no number.
func (v *view) keyless(r backends.Record) bool {
	parts, ok := keyParts(r.Key, len(v.s.key))
	for i, c := range v.s.key {
		if ok && (c.family == decimal || c.family == date) { // others have no value that is none
			ok = isKey(c, parts[i])
		}
	}
	if !ok {
		v.s.class.d.once("rows of "+v.s.rel.sql()+" without a key, or with one of more than 1024 bytes, are not seen", "key", v.s.class.key)
	}
	return !ok
}

// values are those of a column in the text that textSQL made.
func (c *column) values(raw []byte) (backends.Values, error) {
	if !c.array {
		v, err := c.value(string(raw))
		return backends.Values{v}, err
	}
	parsed, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	var values backends.Values
	for _, s := range leaves(parsed, nil) {
		v, err := c.value(s)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// leaves are the texts of an array, of however many dimensions.
func leaves(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		return append(to, v)
	case []any:
		for _, element := range v {
			to = leaves(element, to)
		}
	}
	return to
}

// value is one value in its text.
func (c *column) value(s string) (backends.Value, error) {
	if secretName(c.name) {
		return backends.Secret(s), nil
	}
	switch c.family {
	case integer:
		return number(s), nil
	case decimal:
		return backends.Decimal(s), nil
	case boolean:
		return backends.Bool(s == "true" || s == "t"), nil
	case instant:
		return instantValue(s), nil
	case bytes:
		b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return backends.Bytes(b), err
	case address:
		if c.typ == "inet" { // a cast adds the mask of a full address, which a server's own output leaves out
			s = strings.TrimSuffix(s, map[bool]string{true: "/128", false: "/32"}[strings.Contains(s, ":")])
		}
	case foreign, text, citext, date, uuid, enum, document:
	}
	return backends.String(s), nil
}

func number(s string) backends.Value {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return backends.Int(n)
	}
	return backends.Decimal(s)
}

// instantValue reads an instant. What is none that a calendar has (infinity, a year before Christ or of five digits) stays the server's text.
func instantValue(s string) backends.Value {
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return backends.Time(t)
		}
	}
	return backends.String(s)
}

// values are those of a set in the JSON that aggregate made.
func (s *set) values(raw []byte) (backends.Values, error) {
	if !s.rows() {
		var texts []*string
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, err
		}
		values := make(backends.Values, 0, len(texts))
		for _, t := range texts {
			if t == nil {
				continue
			}
			some, err := s.columns[0].values([]byte(*t))
			if err != nil {
				return nil, err
			}
			values = append(values, some...)
		}
		return values, nil
	}
	rows, err := tables(raw)
	if err != nil {
		return nil, err
	}
	values := make(backends.Values, 0, len(rows))
	for _, row := range rows {
		parts := backends.Attributes{}
		for i, t := range row {
			if t == nil {
				continue
			}
			some, err := s.columns[i].values([]byte(*t))
			if err != nil {
				return nil, err
			}
			parts[s.columns[i].name] = some
		}
		values = append(values, backends.Row(parts))
	}
	return values, nil
}
