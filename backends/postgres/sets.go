package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// The rows of sets are written without being read, thousands in one statement: their values are arrays of texts, which the statement takes apart into
// rows v(n, c0, c1 …) and joins with t, the record, and r, the rows of the set. Each statement counts what it has done, because adding what is there and removing
// what is not must change nothing at all.

// table is rows of values for some columns of a set: for each column the encoded values, nil for none.
type table struct {
	columns []*column
	data    [][]*string
}

func newTable(columns []*column) *table {
	return &table{columns: columns, data: make([][]*string, len(columns))}
}

func (t *table) add(row []*string) {
	for i := range t.columns {
		t.data[i] = append(t.data[i], row[i])
	}
}

func (t *table) rows() int {
	if len(t.data) == 0 {
		return 0
	}
	return len(t.data[0])
}

func vcol(i int) string { return "c" + strconv.Itoa(i) }

// values writes WITH v(n, c0, c1 …) AS (…).
func (st *statement) values(t *table) *statement {
	st.sql("WITH v AS MATERIALIZED (SELECT u.n")
	for i, c := range t.columns {
		st.sql(", u.", vcol(i), "::", c.typ, arrayOf(c), " AS ", vcol(i))
	}
	st.sql(" FROM unnest(")
	for i := range t.columns {
		if i > 0 {
			st.sql(", ")
		}
		st.arg(t.data[i], "text[]")
	}
	st.sql(") WITH ORDINALITY AS u(")
	for i := range t.columns {
		st.sql(vcol(i), ", ")
	}
	return st.sql("n))")
}

func arrayOf(c *column) string {
	if c.array {
		return "[]"
	}
	return ""
}

// same writes that a column of r and a value of v are equal, as the type has it. Types that may have no equality are compared by their texts.
func same(c *column, v string, distinct bool) string {
	a, b := of("r", c), v
	if c.family == foreign || c.family == document && c.typ != "jsonb" {
		a, b = a+"::text", b+"::text"
	}
	if distinct {
		return a + " IS NOT DISTINCT FROM " + b
	}
	return a + " = " + b
}

// match writes that r is the row of v's values. Of a set of single values one column counts, of Rows all do: one that v has no value of has none in r, or,
// when lenient, is none that the database fills in by itself.
func (s *set) match(t *table, lenient bool) string {
	var terms []string
	if !s.rows() {
		for i, c := range t.columns {
			terms = append(terms, same(c, "v."+vcol(i), false))
		}
		return "(" + strings.Join(terms, " OR ") + ")"
	}
	for _, c := range s.columns {
		at := -1
		for i, given := range t.columns {
			if given == c {
				at = i
			}
		}
		switch {
		case at >= 0:
			terms = append(terms, same(c, "v."+vcol(at), true))
		case lenient && c.notNull:
		default:
			terms = append(terms, of("r", c)+" IS NULL")
		}
	}
	return "(" + strings.Join(append(terms, "TRUE"), " AND ") + ")"
}

// record writes t, the record's key and nothing else, as a table by itself: the condition of the class is SQL of the configuration, whose columns must not be
// taken for those of r or v, and the adapter's role need not have a right to all columns.
func (tx *transaction) record(st *statement, key backends.Key) *statement {
	for i, c := range tx.s.key {
		st.sql(map[bool]string{true: "(SELECT ", false: ", "}[i == 0], of("t", c))
	}
	st.sql(" FROM ", tx.s.rel.sql(), " AS t")
	return tx.s.where(st, key).sql(") AS t")
}

// mine writes the record, and that r is one of its rows in the set.
func (tx *transaction) mine(st *statement, set *set, key backends.Key) *statement {
	return tx.record(st, key).sql(" WHERE ").own(tx.s, set)
}

// own writes that r is one of t's rows in the set.
func (st *statement) own(s *shape, set *set) *statement {
	for i, c := range set.on {
		if i > 0 {
			st.sql(" AND ")
		}
		st.sql(of("r", c), " = ", of("t", s.key[i]))
	}
	for _, f := range set.fixed {
		st.sql(" AND ", of("r", f.column), " = ").arg(f.value, "text").sql("::", f.column.typ)
	}
	return st
}

// any writes that r has a value at all.
func (s *set) any() string {
	terms := make([]string, len(s.columns))
	for i, c := range s.columns {
		terms[i] = of("r", c) + " IS NOT NULL"
	}
	return "(" + strings.Join(terms, " OR ") + ")"
}

// remove is the step that deletes the rows of these values; each must be there.
func (tx *transaction) remove(key backends.Key, set *set, t *table) step {
	st := (&statement{}).values(t)
	st.sql(", d AS (DELETE FROM ", set.rel.sql(), " AS r USING v, ")
	tx.mine(st, set, key).sql(" AND ", set.match(t, false), " RETURNING v.n)")
	st.sql(" SELECT (SELECT count(DISTINCT n) FROM d)")
	return step{st: st, attr: set.name, each: func(rows pgx.Rows) error {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		if n != t.rows() {
			return noEffect(set.name)
		}
		return nil
	}}
}

// clear is the step that deletes all rows of the set; count gets how many there were.
func (tx *transaction) clear(key backends.Key, set *set, count func(int64) error) step {
	st := (&statement{}).sql("DELETE FROM ", set.rel.sql(), " AS r USING ")
	tx.mine(st, set, key).sql(" AND ", set.any())
	return step{st: st, attr: set.name, done: count}
}

// retain is the step that deletes all rows but those of these values.
func (tx *transaction) retain(key backends.Key, set *set, t *table) step {
	st := (&statement{}).values(t)
	st.sql(" DELETE FROM ", set.rel.sql(), " AS r USING ")
	kept := set.match(t, false)
	if set.spells() && !set.columns[0].changed { // then it is made anew
		kept += " AND " + of("r", set.columns[0]) + "::text = v." + vcol(0) + "::text"
	}
	tx.mine(st, set, key).sql(" AND ", set.any(), " AND NOT EXISTS (SELECT FROM v WHERE ", kept, ")")
	return step{st: st, attr: set.name}
}

// respell is the step that writes values as they were given that are there in other letters.
func (tx *transaction) respell(key backends.Key, set *set, t *table) step {
	c, v := set.columns[0], "v."+vcol(0)
	st := (&statement{}).values(t)
	st.sql(" UPDATE ", set.rel.sql(), " AS r SET ", ident(c.name), " = ", v, " FROM v, ")
	tx.mine(st, set, key).sql(" AND ", set.match(t, false), " AND ", of("r", c), "::text <> ", v, "::text")
	return step{st: st, attr: set.name}
}

// shortfall says that fewer rows were added than should have been, because others of the table are in the way.
type shortfall struct {
	set   *set
	table *table
}

func (s *shortfall) Error() string { return "rows of " + s.set.name + " are in the way" }

// insert is the step that adds a row for each of these values. None of them may be there yet, unless those that are there are to stay. Before them come rows
// that have values in other columns.
func (tx *transaction) insert(key backends.Key, set *set, t *table, stay bool, before ...*table) step {
	st := (&statement{}).values(t)
	if set.either {
		st.told(set, t)
	}
	exists := "EXISTS (SELECT FROM " + set.rel.sql() + " AS r, "
	st.sql(", e AS MATERIALIZED (SELECT v.n FROM v WHERE ", exists)
	tx.mine(st, set, key).sql(" AND ", set.match(t, true), ")), i AS (INSERT INTO ", set.rel.sql(), " (")
	var columns, from []func()
	name := func(c *column) { columns = append(columns, func() { st.sql(ident(c.name)) }) }
	for i, c := range set.on {
		name(c)
		from = append(from, func() { st.sql(of("t", tx.s.key[i])) })
	}
	for _, f := range set.fixed {
		name(f.column)
		from = append(from, func() { st.arg(f.value, "text").sql("::", f.column.typ) })
	}
	source := "v"
	for i, c := range t.columns {
		name(c)
		from = append(from, func() { st.sql("v.", vcol(i)) })
	}
	lost := "0"
	if set.either {
		source, lost = "w AS v", "(SELECT count(*) FROM w WHERE w.k IS NULL)"
	}
	list := func(parts []func()) {
		for i, write := range parts {
			if i > 0 {
				st.sql(", ")
			}
			write()
		}
	}
	list(columns)
	st.sql(") SELECT ")
	list(from)
	st.sql(" FROM ", source, ", ")
	tx.record(st, key).sql(" WHERE v.n NOT IN (SELECT n FROM e)")
	if set.either {
		st.sql(" AND v.k IS NOT NULL")
	}
	st.sql(" ON CONFLICT DO NOTHING RETURNING 1) SELECT (SELECT count(*) FROM e), (SELECT count(*) FROM i), ", lost)
	return step{st: st, attr: set.name, each: func(rows pgx.Rows) error {
		var there, made, lost int
		if err := rows.Scan(&there, &made, &lost); err != nil {
			return err
		}
		switch {
		case there > 0 && !stay && len(before) > 0:
			return &overlap{set, t, before}
		case there > 0 && !stay:
			return noEffect(set.name)
		case lost > 0:
			return invalid(set.name, "A value of "+set.name+" refers to a row that the database does not have.")
		case there+made < t.rows():
			return &shortfall{set, t}
		}
		return nil
	}}
}

// told writes w: the rows of v with each value in the column whose foreign key points at a row that has it, k says in which; NULL: in none.
func (st *statement) told(set *set, t *table) {
	st.sql(", w AS MATERIALIZED (SELECT x.n, x.k")
	for i := range t.columns {
		st.sql(", CASE WHEN x.k = ", strconv.Itoa(i), " THEN x.", vcol(i), " END AS ", vcol(i))
	}
	st.sql(" FROM (SELECT v.*, CASE")
	for i := range t.columns {
		if ref := set.refs[i]; ref.table != "" {
			st.sql(" WHEN EXISTS (SELECT FROM ", ref.table, " AS f WHERE f.", ref.column, " = v.", vcol(i), ") THEN ", strconv.Itoa(i))
		}
	}
	for i := range t.columns {
		if set.refs[i].table == "" { // whatever no other column can have
			st.sql(" WHEN v.", vcol(i), " IS NOT NULL THEN ", strconv.Itoa(i))
		}
	}
	st.sql(" ELSE NULL END AS k FROM v) AS x)")
}

// settle says why rows were not added: somebody who does not take the record's row has added them meanwhile, or another record has what only one may.
func (tx *transaction) settle(key backends.Key, short *shortfall, there *int) step {
	st := (&statement{}).values(short.table)
	st.sql(" SELECT count(*) FROM v WHERE EXISTS (SELECT FROM ", short.set.rel.sql(), " AS r, ")
	tx.mine(st, short.set, key).sql(" AND ", short.set.match(short.table, true), ")")
	return step{st: st, attr: short.set.name, each: func(rows pgx.Rows) error { return rows.Scan(there) }}
}

// alter is the step that gives the row of one Row the values of another. What the set does not show of it stays.
func (tx *transaction) alter(key backends.Key, set *set, old, fresh []*string) (step, error) {
	before := newTable(nil)
	st := (&statement{}).sql("UPDATE ", set.rel.sql(), " AS r SET ")
	first := true
	for i, c := range set.columns {
		if old[i] != nil {
			before.columns = append(before.columns, c)
			before.data = append(before.data, []*string{old[i]})
		}
		if old[i] != nil && fresh[i] != nil && *old[i] == *fresh[i] || old[i] == nil && fresh[i] == nil {
			continue
		}
		if !first {
			st.sql(", ")
		}
		first = false
		st.sql(ident(c.name), " = ")
		switch {
		case fresh[i] != nil:
			st.arg(*fresh[i], "text").sql("::", c.typ, arrayOf(c))
		case c.notNull && c.family == boolean:
			st.sql("false") // what was not said to be
		case c.notNull && c.defaulted: // a default is for new rows: nobody asked for what it says
			return step{}, invalid(set.name, "The column "+c.name+" of "+set.name+" has a value in every row, which can be changed and not taken away.")
		default:
			st.sql("NULL")
		}
	}
	st.sql(" FROM (SELECT 1 AS n")
	for i, c := range before.columns {
		st.sql(", ").arg(*before.data[i][0], "text").sql("::", c.typ, arrayOf(c), " AS ", vcol(i))
	}
	st.sql(") AS v, ")
	tx.mine(st, set, key).sql(" AND ", set.match(before, false))
	return step{st: st, attr: set.name, done: func(n int64) error {
		if n == 0 {
			return noEffect(set.name)
		}
		return nil
	}}, nil
}

// runSets is run for steps of which some may find rows of others in their way.
func (tx *transaction) runSets(ctx context.Context, key backends.Key, steps ...step) error {
	err := tx.run(ctx, steps...)
	if over, ok := errors.AsType[*overlap](err); ok {
		return tx.whose(ctx, key, over)
	}
	short, ok := errors.AsType[*shortfall](err)
	if !ok {
		return err
	}
	there, own := 0, 0
	only, steps := tx.stands(key, short, &own)
	if err := tx.run(ctx, append(steps, tx.settle(key, short, &there))...); err != nil {
		return err
	}
	switch {
	case there == short.table.rows():
		return noEffect(short.set.name)
	case only, own > 0:
		return twice(short.set.name)
	}
	return &backends.Error{
		Kind: backends.ErrExists, Attr: short.set.name, Detail: "Another row of the database already has a value of " + short.set.name + ".", Cause: err,
	}
}
