package postgres

import (
	"github.com/scim-adapter/scim-adapter/backends"
)

// Sorts says whether the database orders records as the matcher does: by a value whose type has that order, or by texts in the order of code points.
func (c *class) Sorts(by backends.Sort) bool {
	s := c.known()
	if s == nil {
		return false
	}
	_, ok := s.sortKey(by)
	return ok
}

// orderBy writes ORDER BY. Records without a value come last, as NULL does, or first in descending order: also as NULL does. The key
// decides between equals, so that the order is always the same.
func (s *shape) orderBy(st *statement, by backends.Sort) error {
	key, ok := s.sortKey(by)
	if !ok {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: by.Attr, Detail: "The database cannot order records by this attribute as it must."}
	}
	st.sql(" ORDER BY ")
	key.to(st)
	if by.Descending {
		st.sql(" DESC")
	}
	st.sql(", ")
	s.keyOrder(st, by.Descending)
	return nil
}

// sortKey is what records are ordered by: the lowest value, NULL for none; false: there is no such order here.
func (s *shape) sortKey(by backends.Sort) (fragment, bool) {
	at, ok := s.place(by.Attr)
	switch {
	case !ok || at.secret():
		return fragment{}, false
	case at.set != nil:
		return s.lowestOfSet(at.set, by.Rule)
	case !at.column.readable:
		return fragment{}, false
	case len(at.path) > 0 && at.column.typ == "jsonb":
		v := operand{code("(v.v #>> '{}')"), &column{typ: "text", family: text, collation: s.folding.byDefault()}}
		key, ok := s.orderOf(v, by.Rule)
		return lowest(key, code("jsonb_path_query(").add(code(of("t", at.column))).sql(", ").arg(jsonpath(at.path), "jsonpath").
			sql(") AS v(v) WHERE jsonb_typeof(v.v) IN ('string', 'number', 'boolean')")), ok
	case at.column.family == document:
		return fragment{}, false
	case at.column.array:
		element := *at.column
		element.array = false
		key, ok := s.orderOf(operand{code("v.v"), &element}, by.Rule)
		return lowest(key, code("unnest(", of("t", at.column), ") AS v(v)")), ok
	}
	c, rule := s.inOrder(at.column, by.Rule)
	return s.orderOf(operand{code(of("t", c)), c}, rule)
}

// lowestOfSet is the lowest of a set's values. Rows have no order.
func (s *shape) lowestOfSet(set *set, rule backends.Rule) (fragment, bool) {
	if len(set.columns) != 1 || set.columns[0].array || set.columns[0].family == document || secretName(set.columns[0].name) {
		return fragment{}, false
	}
	c, rule := s.inOrder(set.columns[0], rule)
	key, ok := s.orderOf(operand{code(of("r", c)), c}, rule)
	return lowest(key, fragment{}.with(token{write: func(st *statement) { s.rowsOf(st, set) }})), ok
}

// lowest is the lowest key of several.
func lowest(key, from fragment) fragment {
	return code("(SELECT ").add(key).sql(" AS k FROM ").add(from).sql(" ORDER BY k LIMIT 1)")
}

// orderOf is an expression whose order is that of the values under a rule. What cannot be read under it is NULL.
func (s *shape) orderOf(o operand, rule backends.Rule) (fragment, bool) {
	switch rule {
	case backends.IntegerRule:
		switch {
		case o.column.family == integer:
			return o.sql, true
		case o.column.family == decimal && o.column.typ == "numeric":
			return code("CASE WHEN ").add(shownAs(o)).sql(` COLLATE "C" ~ '^-?[0-9]+$' THEN `).add(o.sql).sql(" END"), true
		}
	case backends.TimeRule:
		if o.column.family == instant || o.column.family == date {
			return code("CASE WHEN ").add(o.sql).sql(" BETWEEN ").arg(firstInstant, o.column.typ).sql(" AND ").arg(lastInstant, o.column.typ).
				sql(" THEN ").add(o.sql).sql(" END"), true
		}
	case backends.BooleanRule:
		return o.sql, o.column.family == boolean
	case backends.CaseExact, backends.NoRule, backends.OctetRule:
		switch o.column.family {
		case bytes, uuid:
			return o.sql, true
		case instant, document:
			return fragment{}, false
		case text, citext, integer, decimal, boolean, date, enum, address, foreign:
		}
		return s.inCodePoints(o), true
	case backends.CaseIgnore:
		switch o.column.family {
		case text, citext, enum:
			return s.inFoldedCodePoints(o)
		case uuid:
			return o.sql, true
		case foreign, integer, decimal, boolean, instant, date, bytes, address, document:
		}
	case backends.CaseExactSpace, backends.CaseIgnoreSpace, backends.NameRule, backends.NumericRule, backends.TelRule:
	}
	return fragment{}, false
}

func (*shape) inCodePoints(o operand) fragment {
	x := o.sql
	if !plainText(o.column) {
		x = shownAs(o)
	}
	if o.column.collation.name == collationC {
		return x
	}
	return x.sql(` COLLATE "C"`)
}

func (s *shape) inFoldedCodePoints(o operand) (fragment, bool) {
	x, in := o.sql, o.column.collation
	if !plainText(o.column) {
		x, in = shownAs(o), s.folding.byDefault()
	}
	lower, ok := s.folding.lower(x, in, test{op: less}, "")
	return lower.sql(` COLLATE "C"`), ok
}
