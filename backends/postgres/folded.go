package postgres

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A table may keep its texts in lower case beside them: login_folded text GENERATED ALWAYS AS (lower(login)) STORED. Tests without regard to letter case are then
// made on that column. Under row-level security nothing else has an index: the planner uses one ahead of a policy only for comparisons that cannot tell
// of the rows they are made on (LEAKPROOF), and of a text these are =, <, > and their like, neither lower() nor LIKE.

// folder makes lower case of a text in SQL: what stands before and behind it.
type folder struct{ before, behind string }

// of is SQL for x in lower case.
func (f folder) of(x string) string { return f.before + x + f.behind }

// id is the folder's name among others.
func (f folder) id() string { return f.of("…") }

// byCollation is lower() under a collation.
func byCollation(name string) folder { return folder{"lower(", " COLLATE " + name + ")"} }

// kept is a column that holds another's texts as a folder makes them.
type kept struct {
	column *column
	folder folder
}

// keep finds for each column of text the one that keeps it in lower case.
func (r *relation) keep() {
	for _, g := range r.columns {
		if g.made == "" || !g.readable || g.array || !plainText(g) || !g.collation.deterministic {
			continue
		}
		for _, c := range r.columns {
			if c.kept != nil || c.array || c.family != text && c.family != citext {
				continue
			}
			if f, ok := folderOf(g.made, c); ok {
				c.kept = &kept{g, f}
			}
		}
	}
	for _, x := range r.indexes {
		for _, k := range x.keys {
			if c := findColumn(r.columns, k.column); c != nil && k.column != "" && strings.HasSuffix(k.opclass, "_pattern_ops") {
				c.bytewise = true
			}
		}
	}
}

// identifierForm is a name in SQL.
const identifierForm = `(?:"(?:[^"]|"")+"|[\pL_][\pL\pN_$]*)`

// What may stand around a column inside of lower(), as the server prints it. Each of it is of one letter at a time.
var (
	withCollation = regexp.MustCompile(`(?s)^(.+)( COLLATE ` + identifierForm + `(?:\.` + identifierForm + `)?)$`)
	withCast      = regexp.MustCompile(`(?s)^(.+)(::(?:text|character varying))$`)
	translated    = regexp.MustCompile(`(?s)^translate\((.+)(, '((?:[^'\\]|'')*)'::text, '((?:[^'\\]|'')*)'::text)\)$`)
)

// folderOf reads a generated column's expression; false when it is not lower case of c.
func folderOf(expr string, c *column) (folder, bool) {
	x, isLower := strings.CutPrefix(expr, "lower(")
	x, closed := strings.CutSuffix(x, ")")
	if !isLower || !closed || c.collation.name == "" {
		return folder{}, false
	}
	f := folder{"lower(", ")"}
	wrap := func(before, behind, inside string) {
		f.before, f.behind, x = f.before+before, behind+f.behind, inside
	}
	for x != ident(c.name) && x != c.name {
		if inside, ok := strings.CutPrefix(x, "("); ok && strings.HasSuffix(x, ")") {
			x = strings.TrimSuffix(inside, ")")
			continue
		}
		if m := translated.FindStringSubmatch(x); m != nil {
			if utf8.RuneCountInString(strings.ReplaceAll(m[3], "''", "'")) != utf8.RuneCountInString(strings.ReplaceAll(m[4], "''", "'")) {
				return folder{}, false // it takes letters away
			}
			wrap("translate(", m[2]+")", m[1])
			continue
		}
		m := withCollation.FindStringSubmatch(x)
		if m == nil {
			m = withCast.FindStringSubmatch(x)
		}
		if m == nil {
			return folder{}, false
		}
		wrap("(", m[2]+")", m[1])
	}
	wrap("(", "::text COLLATE "+c.collation.name+")", x)
	return f, true
}

// onKept is a test without regard to letter case as one on the column that keeps c in lower case. It stays what it is where there is none, or where that would not
// answer as the matcher does.
func (s *shape) onKept(c *column, p backends.Predicate) (*column, backends.Predicate) {
	t, ok := testOf(p)
	if !ok || t.rule != backends.CaseIgnore || c.kept == nil || secretName(c.name) {
		return c, p
	}
	literal := backends.Normalize(t.rule, t.text)
	if !s.folding.keepsAll(c.kept.folder) && (t.orders() || !s.folding.keeps(c.kept.folder, literal)) {
		return c, p
	}
	switch p := p.(type) {
	case backends.Eq:
		return c.kept.column, backends.Eq{Attr: p.Attr, Value: backends.String(literal), Rule: backends.CaseExact}
	case backends.Prefix:
		return c.kept.column, backends.Prefix{Attr: p.Attr, Text: literal, Rule: backends.CaseExact}
	case backends.Suffix:
		return c.kept.column, backends.Suffix{Attr: p.Attr, Text: literal, Rule: backends.CaseExact}
	case backends.Contains:
		return c.kept.column, backends.Contains{Attr: p.Attr, Text: literal, Rule: backends.CaseExact}
	case backends.Order:
		return c.kept.column, backends.Order{Attr: p.Attr, Op: p.Op, Value: backends.String(literal), Rule: backends.CaseExact}
	}
	return c, p
}

// inOrder is the column whose order is that of c under a rule, and the rule.
func (s *shape) inOrder(c *column, rule backends.Rule) (*column, backends.Rule) {
	if rule == backends.CaseIgnore && c.kept != nil && s.folding.keepsAll(c.kept.folder) {
		return c.kept.column, backends.CaseExact
	}
	return c, rule
}

// beginning tests for the first letters of a text by its place in the order of code points, which indexes in that order serve under any policy; false where
// there is no such order.
func (s *shape) beginning(o operand, literal string) (fragment, bool) {
	from, to := " >= ", " < "
	switch {
	case !plainText(o.column) || literal == "" || !storable(literal) || s.folding == nil || len(s.folding.letters) == 0: // or bytes are not in the order of letters
		return fragment{}, false
	case o.column.collation.name == collationC:
	case o.column.bytewise:
		from, to = " ~>=~ ", " ~<~ "
	default:
		return fragment{}, false
	}
	f := o.sql.sql(from).arg(literal, "text")
	if next := behindAll(literal); next != "" {
		f = code("(").add(f).sql(" AND ").add(o.sql).sql(to).arg(next, "text").sql(")")
	}
	return f, true
}

// behindAll is the first text behind all that begin with this one, in the order of code points; "" for none.
func behindAll(text string) string {
	runes := []rune(text)
	for n := len(runes); n > 0; n-- {
		last := runes[n-1]
		switch last {
		case utf8.MaxRune:
			continue
		case 0xD7FF:
			last = 0xDFFF // what lies between are no letters
		}
		return string(runes[:n-1]) + string(last+1)
	}
	return ""
}
