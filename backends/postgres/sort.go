package postgres

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Sorts says whether the database orders records as the matcher does: by a value whose type has that order, or by texts in the order of code points.
func (c *class) Sorts(by backends.Sort) bool {
	s := c.known()
	if s == nil {
		return false
	}
	if by == (backends.Sort{}) {
		return s.keysAsTexts()
	}
	_, ok := s.ordering(by)
	return ok
}

// keysAsTexts says that the order of the keys is that of their texts, as code points.
func (s *shape) keysAsTexts() bool {
	c := s.key[0]
	return len(s.key) == 1 && (c.family == uuid || plainText(c) && c.collation.name == collationC)
}

// ordering is what records are ordered by. Whoever has no value that can be read under the rule has none.
type ordering struct {
	value   fragment // its order is that of the values; NULL for none
	legible fragment // a condition that it can be read under the rule; without tokens: it always can
	absent  fragment // a condition that there is none, or that it cannot be read
	always  bool     // there is a value, and it can be read
	column  *column  // whose value it is; nil where it is the lowest of several
	literal func(canonical string) (argument, bool)
}

// key is the value if it can be read, or else NULL.
func (o ordering) key() fragment {
	if len(o.legible.tokens) == 0 {
		return o.value
	}
	return code("CASE WHEN ").add(o.legible).sql(" THEN ").add(o.value).sql(" END")
}

// present is a condition that there is a value and it can be read.
func (o ordering) present() fragment {
	if len(o.legible.tokens) == 0 {
		return o.value.sql(" IS NOT NULL")
	}
	return o.legible
}

// lacks is a condition that there is none.
func (o ordering) lacks() fragment {
	if len(o.absent.tokens) == 0 {
		return o.value.sql(" IS NULL")
	}
	return o.absent
}

// portion is which of the records of an ordered walk a statement asks for. An index has those with a value in one place and those without in another, and no
// single condition is both "behind this" and a piece of an index: where only some are wanted, one is asked for after the other.
type portion uint8

const (
	whole   portion = iota
	valued          // those that have a value
	lacking         // those that have none
)

// portions says which statements make up an ordered walk: valued and lacking ones for a page, in the order in which they come.
func (o ordering) portions(q backends.Query) []portion {
	_, there := q.At.Value()
	switch first := q.After == ""; {
	case !q.Sort.Descending && !first && !there:
		return []portion{lacking}
	case o.always, q.Sort.Descending && there:
		return []portion{valued}
	case q.Sort.Descending:
		return []portion{lacking, valued}
	}
	return []portion{valued, lacking}
}

// orderBy writes ORDER BY. Records without a value come last, as NULL does, or first in descending order: also as NULL does. The key
// decides between equals, so that the order is always the same.
func (s *shape) orderBy(st *statement, o ordering, descending bool, of portion) {
	st.sql(" ORDER BY ")
	switch of {
	case whole:
		o.key().to(st)
	case valued:
		o.value.to(st)
	case lacking:
		s.keyOrder(st, descending)
		return
	}
	if descending {
		st.sql(" DESC")
	}
	st.sql(", ")
	s.keyOrder(st, descending)
}

// behind writes that t is in a portion, and behind the place where an ordered walk goes on; false for what cannot be one.
func (s *shape) behind(st *statement, o ordering, q backends.Query, of portion) bool {
	if q.After == "" {
		switch {
		case of == lacking:
			o.lacks().to(st.sql(" AND "))
		case of == valued && !o.always: // where a place is given, comparing with it says so
			o.present().to(st.sql(" AND "))
		}
		return true
	}
	canonical, there := q.At.Value()
	down := q.Sort.Descending
	st.sql(" AND (")
	if of != valued {
		o.lacks().to(st.sql("("))
		switch {
		case !there && !s.keyAfter(st.sql(" AND "), q.After, down):
			return false
		case there && down: // they all come before
			st.sql(" AND false")
		}
		st.sql(")")
	}
	if of == whole {
		st.sql(" OR ")
	}
	if of != lacking {
		if len(o.legible.tokens) > 0 {
			o.legible.to(st)
			st.sql(" AND ")
		}
		if !s.valueAfter(st, o, q, canonical, there) {
			return false
		}
	}
	st.sql(")")
	return true
}

// valueAfter writes that t has a value and is behind the place: as one comparison of rows, which is what an index can be entered by.
func (s *shape) valueAfter(st *statement, o ordering, q backends.Query, canonical string, there bool) bool {
	if !there {
		if q.Sort.Descending { // those with a value are all behind
			o.value.to(st)
			st.sql(" IS NOT NULL")
		} else {
			st.sql("false")
		}
		return true
	}
	parts, ok := s.parts(q.After)
	literal, fits := o.literal(canonical)
	if !ok || !fits {
		return false
	}
	o.value.to(st.sql("("))
	for _, c := range s.key {
		st.sql(", ", keySide(c))
	}
	st.sql(map[bool]string{true: ") < (", false: ") > ("}[q.Sort.Descending]).arg(literal.value, literal.typ)
	for i, c := range s.key {
		st.sql(", ").arg(parts[i], keyType(c))
	}
	st.sql(")")
	return true
}

// ordering is what records are ordered by; false: there is no such order here.
func (s *shape) ordering(by backends.Sort) (ordering, bool) {
	at, ok := s.place(by.Attr)
	switch {
	case !ok || at.secret():
		return ordering{}, false
	case at.set != nil:
		return s.lowestOfSet(at.set, by.Rule)
	case !at.column.readable:
		return ordering{}, false
	case len(at.path) > 0 && at.column.typ == "jsonb":
		v := operand{code("(v.v #>> '{}')"), &column{typ: "text", family: text, collation: s.folding.byDefault()}}
		o, ok := s.orderOf(v, by.Rule)
		return o.lowest(code("jsonb_path_query(").add(code(of("t", at.column))).sql(", ").arg(jsonpath(at.path), "jsonpath").
			sql(") AS v(v) WHERE jsonb_typeof(v.v) IN ('string', 'number', 'boolean')")), ok
	case at.column.family == document:
		return ordering{}, false
	case at.column.array:
		element := *at.column
		element.array = false
		o, ok := s.orderOf(operand{code("v.v"), &element}, by.Rule)
		return o.lowest(code("unnest(", of("t", at.column), ") AS v(v)")), ok
	}
	c, rule := s.inOrder(at.column, by.Rule)
	o, ok := s.orderOf(operand{code(of("t", c)), c}, rule)
	o.column, o.always = c, at.column.notNull && len(o.legible.tokens) == 0
	return o, ok
}

// lowestOfSet is the lowest of a set's values. Rows have no order.
func (s *shape) lowestOfSet(set *set, rule backends.Rule) (ordering, bool) {
	if len(set.columns) != 1 || set.columns[0].array || set.columns[0].family == document || secretName(set.columns[0].name) {
		return ordering{}, false
	}
	c, rule := s.inOrder(set.columns[0], rule)
	o, ok := s.orderOf(operand{code(of("r", c)), c}, rule)
	return o.lowest(fragment{}.with(token{write: func(st *statement) { s.rowsOf(st, set) }})), ok
}

// lowest is the lowest of several.
func (o ordering) lowest(from fragment) ordering {
	return ordering{value: code("(SELECT ").add(o.key()).sql(" AS k FROM ").add(from).sql(" ORDER BY k LIMIT 1)"), literal: o.literal}
}

// orderOf is an expression whose order is that of the values under a rule.
func (s *shape) orderOf(o operand, rule backends.Rule) (ordering, bool) {
	switch rule {
	case backends.IntegerRule:
		switch {
		case o.column.family == integer:
			return ordering{value: o.sql, literal: func(v string) (argument, bool) {
				return argument{v, o.column.typ}, integerText.MatchString(v) && fits(o.column.typ, v)
			}}, true
		case o.column.family == decimal && o.column.typ == "numeric":
			legible := shownAs(o).sql(inC, ` ~ '^-?[0-9]+$'`)
			return ordering{value: o.sql, legible: legible, absent: negation(legible), literal: func(v string) (argument, bool) {
				return argument{v, "numeric"}, integerText.MatchString(v)
			}}, true
		}
	case backends.TimeRule:
		if o.column.family == instant || o.column.family == date {
			return ordering{
				value:   o.sql,
				legible: o.sql.sql(" BETWEEN ").arg(firstInstant, o.column.typ).sql(" AND ").arg(lastInstant, o.column.typ),
				// Not its negation, for which no index would serve.
				absent: code("(").add(o.sql).sql(" IS NULL OR ").add(o.sql).sql(" < ").arg(firstInstant, o.column.typ).
					sql(" OR ").add(o.sql).sql(" > ").arg(lastInstant, o.column.typ).sql(")"),
				literal: func(v string) (argument, bool) {
					at, ok := backends.ParseTime(v)
					return argument{at, o.column.typ}, ok
				},
			}, true
		}
	case backends.BooleanRule:
		return ordering{value: o.sql, literal: func(v string) (argument, bool) {
			return argument{v == "TRUE", "boolean"}, v == "TRUE" || v == "FALSE"
		}}, o.column.family == boolean
	case backends.CaseExact, backends.NoRule, backends.OctetRule:
		switch o.column.family {
		case bytes:
			return ordering{value: o.sql, literal: func(v string) (argument, bool) { return argument{[]byte(v), "bytea"}, true }}, true
		case uuid:
			return byUUID(o), true
		case instant, document:
			return ordering{}, false
		case text, citext, integer, decimal, boolean, date, enum, address, foreign:
		}
		return byText(inCodePoints(o)), true
	case backends.CaseIgnore:
		switch o.column.family {
		case text, citext, enum:
			folded, ok := s.inFoldedCodePoints(o)
			return byText(folded), ok
		case uuid:
			return byUUID(o), true
		case foreign, integer, decimal, boolean, instant, date, bytes, address, document:
		}
	case backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.NameRule, backends.NumericRule, backends.TelRule:
	}
	return ordering{}, false
}

func byUUID(o operand) ordering {
	return ordering{value: o.sql, literal: func(v string) (argument, bool) { return argument{v, o.column.typ}, uuidText.MatchString(v) }}
}

func byText(x fragment) ordering {
	return ordering{value: x, literal: func(v string) (argument, bool) { return argument{v, "text"}, storable(v) }}
}

func inCodePoints(o operand) fragment {
	x := o.sql
	if !plainText(o.column) {
		x = shownAs(o)
	}
	if o.column.collation.name == collationC {
		return x
	}
	return x.sql(inC)
}

// inC puts texts into the order of code points.
const inC = ` COLLATE "C"`

func (s *shape) inFoldedCodePoints(o operand) (fragment, bool) {
	x, in := o.sql, o.column.collation
	if !plainText(o.column) {
		x, in = shownAs(o), s.folding.byDefault()
	}
	lower, ok := s.folding.lower(x, in, test{op: less}, "")
	return lower.sql(inC), ok
}

// SeeksIn says whether an index is in the order: one on the very expression, behind columns at most to which the class gives one value. An index that goes on
// with the key is of use however many records are equal in the order; the others are sorted by their keys when they are asked for.
func (c *class) SeeksIn(by backends.Sort) bool {
	s := c.known()
	if s == nil {
		return false
	}
	o, ok := s.ordering(by)
	return ok && o.column != nil && s.indexed(o)
}

// indexed says that an index of the table is in an order.
func (s *shape) indexed(o ordering) bool {
	st := &statement{}
	o.value.to(st)
	on, wanted := unordered(strings.ReplaceAll(st.String(), "t.", "")), o.column.collation.name
	plain := on == unordered(ident(o.column.name))
	switch {
	case len(st.args) > 0, !plain && s.class.bound(s.rel): // ahead of a policy an index serves comparisons of columns only; see unserved
		return false
	case strings.HasSuffix(st.String(), inC):
		wanted = collationC
	}
	given := s.fixed()
	for _, x := range s.rel.indexes {
		if x.method != "btree" || x.partial {
			continue
		}
		keys := x.keys
		for len(keys) > 1 && keys[0].column != "" && slices.ContainsFunc(given, func(f fixed) bool { return f.column.name == keys[0].column }) {
			keys = keys[1:]
		}
		k := keys[0]
		if unordered(k.column+k.expr) == on && k.collation == wanted && (wanted == "" || k.opclass == "text_ops" || k.opclass == "varchar_ops") {
			return true
		}
	}
	return false
}

var punctuation = strings.NewReplacer(`"`, "", "(", "", ")", "", " ", "", "::text", "")

// unordered is an expression without what says how it is to be ordered, and without what servers write otherwise than others.
func unordered(sql string) string {
	sql = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(sql, "("), ")"), inC)
	return punctuation.Replace(sql)
}
