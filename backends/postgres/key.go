package postgres

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A key is the text of the key's column: a uuid in lower case with its hyphens, a number in digits without leading zeros, a text as it is. A key of
// several columns is their texts with a dot between them; in these a dot is written ~1 and a tilde ~0. None of this has to be escaped in a URL.
const (
	keySeparator = "."
	keyEscape    = "~"
	maxKey       = 1024 // bytes
)

var (
	escapeKey   = strings.NewReplacer("~", "~0", ".", "~1")
	unescapeKey = strings.NewReplacer("~0", "~", "~1", ".")
	badEscape   = regexp.MustCompile(`~([^01]|$)`)

	uuidText    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	integerText = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	decimalText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	dateText    = regexp.MustCompile(`^[0-9]{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)
)

// greatest are the digits of the greatest number of each type, and of the one below the least.
var greatest = map[string][2]string{
	"smallint": {"32767", "32768"},
	"integer":  {"2147483647", "2147483648"},
	"bigint":   {"9223372036854775807", "9223372036854775808"},
}

// keyable says that a column can be (part of) a key: its values have one text each.
func keyable(c *column) bool {
	switch c.family {
	case uuid, integer, text, citext, enum, date:
		return !c.array
	case decimal:
		return !c.array && c.typ == "numeric"
	case foreign, boolean, instant, bytes, address, document:
	}
	return false
}

// keyText makes the key of the texts of its columns.
func keyText(parts []string) backends.Key {
	if len(parts) == 1 {
		return backends.Key(parts[0])
	}
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = escapeKey.Replace(p)
	}
	return backends.Key(strings.Join(escaped, keySeparator))
}

// keyParts takes a key of n columns apart; false for what cannot be one, whatever their types are.
func keyParts(key backends.Key, n int) ([]string, bool) {
	text := string(key)
	if text == "" || len(text) > maxKey || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return nil, false
	}
	if n == 1 {
		return []string{text}, true
	}
	parts := strings.Split(text, keySeparator)
	if len(parts) != n {
		return nil, false
	}
	for i, p := range parts {
		if p == "" || badEscape.MatchString(p) {
			return nil, false
		}
		parts[i] = unescapeKey.Replace(p)
	}
	return parts, true
}

// isKey says that a text can be what a column of a key holds.
func isKey(c *column, s string) bool {
	switch c.family {
	case uuid:
		return uuidText.MatchString(s)
	case integer:
		return integerText.MatchString(s) && fits(c.typ, s)
	case decimal:
		return decimalText.MatchString(s) && s != "-0"
	case date:
		return dateText.MatchString(s)
	case text:
		return c.typ != "bpchar" || !strings.HasSuffix(s, " ") // blanks at the end are not its own
	case citext, enum:
		return true
	case foreign, boolean, instant, bytes, address, document:
	}
	return false
}

func fits(typ, digits string) bool {
	most := greatest[typ][0]
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		digits, most = rest, greatest[typ][1]
	}
	return len(digits) < len(most) || (len(digits) == len(most) && digits <= most)
}

// parts takes a key of the class apart; false for what cannot be one.
func (s *shape) parts(key backends.Key) ([]string, bool) {
	parts, ok := keyParts(key, len(s.key))
	if !ok {
		return nil, false
	}
	for i, c := range s.key {
		if !isKey(c, parts[i]) {
			return nil, false
		}
	}
	return parts, true
}

// keyed are conditions that a column of a key holds what can be one: none, where any value can. What is NULL passes none of them.
func keyed(c *column) []string {
	x := of("t", c)
	switch c.family {
	case text, citext:
		if most := maxKey / utf8.UTFMax; c.length > 0 && c.length <= most {
			return []string{x + " <> ''"}
		}
		return []string{x + " <> ''", "(octet_length(" + x + "::text) > " + strconv.Itoa(maxKey) + ") IS NOT TRUE"}
	case decimal:
		return []string{x + " NOT IN ('NaN', 'Infinity', '-Infinity')"}
	case date:
		return []string{x + " >= '0001-01-01'", x + " < 'infinity'"}
	case uuid, integer, enum, foreign, boolean, instant, bytes, address, document:
	}
	if c.notNull {
		return nil
	}
	return []string{x + " IS NOT NULL"}
}

// keyType is what the text of a key's column is cast to, to be compared with it. A word that an enum does not have, or a day that no month has, would be an
// error; so these are compared as texts.
func keyType(c *column) string {
	if asText(c) {
		return "text"
	}
	return c.typ
}

func asText(c *column) bool { return c.family == enum || c.family == date }

// keySide is a key's column in a comparison.
func keySide(c *column) string {
	if asText(c) {
		return of("t", c) + "::text"
	}
	return of("t", c)
}

// loose says that texts are equal to the column that are not the same: the key is only the one that is.
func loose(c *column) bool {
	return c.family == citext || c.family == decimal || (c.family == text && !c.collation.deterministic)
}

// exactly is a key's column as the text that it shows.
func exactly(c *column) string { return of("t", c) + `::text COLLATE "C"` }

// keyIs writes that t is the record with a key; false, and nothing is written, for what cannot be one.
func (s *shape) keyIs(st *statement, key backends.Key) bool {
	parts, ok := s.parts(key)
	if !ok {
		return false
	}
	for i, c := range s.key {
		if i > 0 {
			st.sql(" AND ")
		}
		st.sql(keySide(c), " = ").arg(parts[i], keyType(c))
		if loose(c) {
			st.sql(" AND ", exactly(c), " = ").arg(parts[i], "text")
		}
	}
	return true
}

// keyIn writes that t is one of the records with these keys; false, and nothing is written, when none of them can be one.
func (s *shape) keyIn(st *statement, keys []backends.Key) bool {
	columns := make([][]string, len(s.key))
	seen := make(map[backends.Key]bool, len(keys))
	for _, key := range keys {
		parts, ok := s.parts(key)
		if !ok || seen[key] {
			continue
		}
		seen[key] = true
		for i, p := range parts {
			columns[i] = append(columns[i], p)
		}
	}
	if len(seen) == 0 {
		return false
	}
	for key := range seen {
		if len(seen) == 1 { // a server keeps the plan of this, and makes that of a list anew each time
			return s.keyIs(st, key)
		}
	}
	if len(s.key) == 1 {
		c := s.key[0]
		st.sql(keySide(c), " = ANY(").arg(columns[0], "text[]").sql("::", keyType(c), "[])")
		if loose(c) {
			st.sql(" AND ", exactly(c), " = ANY(").arg(columns[0], "text[]").sql(")")
		}
		return true
	}
	tuple := func(side func(*column) string, which func(*column) bool) {
		st.sql("(")
		first := true
		for _, c := range s.key {
			if which(c) {
				if !first {
					st.sql(", ")
				}
				first = false
				st.sql(side(c))
			}
		}
		st.sql(")")
	}
	from := func(which func(*column) bool, typ func(*column) string) {
		st.sql(" IN (SELECT * FROM unnest(")
		first := true
		for i, c := range s.key {
			if which(c) {
				if !first {
					st.sql(", ")
				}
				first = false
				st.arg(columns[i], "text[]").sql("::", typ(c), "[]")
			}
		}
		st.sql("))")
	}
	all := func(*column) bool { return true }
	if slices.ContainsFunc(s.key, func(c *column) bool { return c.family == text && !c.collation.deterministic }) {
		// Texts of the list that are equal under the collation would each find the row.
		for i, c := range s.key {
			st.sql(map[bool]string{true: "", false: " AND "}[i == 0], keySide(c), " = ANY(").arg(columns[i], "text[]").sql("::", keyType(c), "[])")
		}
	} else {
		tuple(keySide, all)
		from(all, keyType)
	}
	for _, c := range s.key {
		if loose(c) {
			st.sql(" AND ")
			tuple(exactly, all)
			from(all, func(*column) string { return "text" })
			break
		}
	}
	return true
}

// keyAmong is keyIn for many keys where every row is held against the list. The server makes a table of it, once; an array it goes through again for every row,
// when it keeps the plan of a statement.
func (s *shape) keyAmong(st *statement, keys []backends.Key) {
	c := s.key[0]
	side, typ := keySide(c), keyType(c)
	if loose(c) {
		side, typ = exactly(c), "text"
	}
	texts := make([]string, 0, len(keys))
	for _, key := range keys {
		if parts, ok := s.parts(key); ok {
			texts = append(texts, parts[0])
		}
	}
	st.sql(side, " IN (SELECT k::", typ, " FROM unnest(").arg(texts, "text[]").sql(") AS k)")
}

// keyAfter writes that t comes behind a key in the order of keys, or before it when they are walked in reverse; false for what cannot be a key.
func (s *shape) keyAfter(st *statement, key backends.Key, reverse bool) bool {
	parts, ok := s.parts(key)
	if !ok {
		return false
	}
	for i, c := range s.key {
		st.sql(map[bool]string{true: "(", false: ", "}[i == 0], keySide(c))
	}
	st.sql(map[bool]string{true: ") < ", false: ") > "}[reverse])
	for i, c := range s.key {
		st.sql(map[bool]string{true: "(", false: ", "}[i == 0]).arg(parts[i], keyType(c))
	}
	st.sql(")")
	return true
}

// keyOrder writes the order of the keys, which is the database's own.
func (s *shape) keyOrder(st *statement, reverse bool) {
	for i, c := range s.key {
		if i > 0 {
			st.sql(", ")
		}
		st.sql(keySide(c))
		if reverse {
			st.sql(" DESC")
		}
	}
}
