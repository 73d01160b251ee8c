package postgres

import (
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A predicate becomes a condition here. Each test is looked at under what the catalog says of the place it is about: it is answered exactly as
// Match would, or it cannot be sent.
//
// What is absent is NULL in SQL, and a comparison with it is neither true nor false. Under WHERE that is as good as false, and it stays so through
// AND and OR; only NOT must know, which is therefore written IS NOT TRUE. So a comparison that is not negated stands bare, and an index on its column serves.
//
// A literal that no value of the column's type can be equal to is false before any NOT is looked at, and never reaches the database, which would
// call it an error: a word where a number is kept, a number beyond bigint, a text with a NUL byte.

// condition writes a condition on t that holds for the records that p holds for. It may be NULL where that is as good as false, as in a WHERE: whoever
// negates or shows it writes `(…) IS TRUE`. The error is ErrInvalid, for a test that has no exact answer here.
func (s *shape) condition(st *statement, p backends.Predicate) error {
	f, exact := s.lowering().above(p)
	if !exact {
		return &backends.Error{Kind: backends.ErrInvalid, Detail: "The database has no comparison for a test of this condition."}
	}
	f.to(st)
	return nil
}

// above writes a condition that holds wherever p does, and says whether it holds nowhere else. If not, whoever walks tests the records once more.
func (s *shape) above(st *statement, p backends.Predicate) (exact bool) {
	f, exact := s.lowering().above(p)
	f.to(st)
	return exact
}

// lowering compiles predicates, on records or on their rows.
type lowering struct {
	s     *shape
	find  func(attr string) (place, bool) // where an attribute of the record, or of the row, is kept
	in    func(place) fragment            // the column of a place in SQL
	row   bool                            // the predicate is on a row: it has no key
	apart bool                            // it is one of several that may hold, or is negated: no index is entered by it
}

func (s *shape) lowering() lowering {
	return lowering{s: s, find: s.place, in: func(p place) fragment { return code(of("t", p.column)) }}
}

// above gives a condition that holds wherever p does, and whether it holds nowhere else.
func (l lowering) above(p backends.Predicate) (f fragment, exact bool) {
	return l.approach(backends.Simplify(p), true)
}

// approach gives a condition that p implies (above), or that implies p. p is simple.
func (l lowering) approach(p backends.Predicate, above bool) (f fragment, exact bool) {
	switch p := p.(type) {
	case backends.True:
		return constant(true), true
	case backends.False:
		return constant(false), true
	case backends.And:
		terms, exact := l.approachAll(p, above)
		return conjunction(terms...), exact
	case backends.Or:
		l.apart = true
		terms, exact := l.approachAll(p, above)
		return disjunction(terms...), exact
	case backends.Not:
		l.apart = true
		f, exact := l.approach(p.Term, !above)
		return negation(f), exact
	case backends.KeyIn:
		return l.keyIn(p), true
	}
	attr := backends.AttrsOf(p)[0]
	at, ok := l.find(attr)
	if !ok {
		return constant(false), true // nobody can have it
	}
	if some, ok := p.(backends.Some); ok {
		return l.some(at, some, above)
	}
	if f, ok := l.test(at, p); ok {
		return f, true
	}
	return constant(above), false
}

func (l lowering) approachAll(terms []backends.Predicate, above bool) (out []fragment, exact bool) {
	exact = true
	for _, term := range terms {
		f, ok := l.approach(term, above)
		out, exact = append(out, f), exact && ok
	}
	return out, exact
}

func (l lowering) keyIn(p backends.KeyIn) fragment {
	if l.row {
		return constant(slices.Contains(p.Keys, "")) // which is what a row has for a key
	}
	if !l.s.keyIn(&statement{}, p.Keys) {
		return constant(false)
	}
	write := func(st *statement) { l.s.keyIn(st, p.Keys) }
	if l.apart && len(p.Keys) > batch && len(l.s.key) == 1 {
		write = func(st *statement) { l.s.keyAmong(st, p.Keys) }
	}
	return code("(").with(token{write: write}).sql(")").certain()
}

// test compiles a test of a place; false: it has no exact answer.
func (l lowering) test(at place, p backends.Predicate) (fragment, bool) {
	switch {
	case at.set != nil:
		return l.testSet(at.set, p)
	case !at.column.readable:
		return constant(false), true // it is never shown
	case at.column.family == document && !at.column.array:
		return l.testDocument(at, p)
	case at.column.array:
		return l.testArray(at.column, l.in(at), p)
	}
	at.column, p = l.s.onKept(at.column, p)
	f, ok := l.s.compare(operand{l.in(at), at.column}, p)
	return f.fragment, ok
}

// testSet: some row of the set passes the test. A Row itself can be compared with nothing.
func (l lowering) testSet(set *set, p backends.Predicate) (fragment, bool) {
	_, present := p.(backends.Present)
	if set.rows() {
		if !present {
			return constant(false), true
		}
		return l.existsRow(set, constant(true)), true
	}
	terms := make([]fragment, len(set.columns))
	row := l.inRow(set)
	for i, c := range set.columns {
		f, ok := row.test(place{attr: c.name, column: c}, p)
		if !ok {
			return fragment{}, false
		}
		if i > 0 { // a row's value is that of the first column that has one
			f = conjunction(code(of("r", set.columns[i-1]), " IS NULL").certain(), f)
		}
		terms[i] = f
	}
	return l.existsRow(set, disjunction(terms...)), true
}

// inRow compiles predicates on the rows of a set.
func (l lowering) inRow(set *set) lowering {
	return lowering{
		s: l.s, row: true,
		find: func(attr string) (place, bool) {
			c := set.column(attr)
			return place{attr: attr, column: c}, c != nil
		},
		in: func(p place) fragment { return code(of("r", p.column)) },
	}
}

// existsRow: the record has a row in the set for which f holds.
func (l lowering) existsRow(set *set, f fragment) fragment {
	if f.fixed == never {
		return f
	}
	out := code("EXISTS (SELECT FROM ").with(token{write: func(st *statement) { l.s.rowsOf(st, set) }})
	if f.fixed == open {
		out = out.sql(" AND ").add(f)
	}
	return out.sql(")").certain()
}

// some: one of the attribute's rows passes all of the tests.
func (l lowering) some(at place, p backends.Some, above bool) (fragment, bool) {
	switch {
	case l.row:
		return constant(false), true // there are no rows in rows
	case at.set != nil && at.set.rows():
		f, exact := l.inRow(at.set).approach(p.Where, above)
		return l.existsRow(at.set, f), exact
	case at.set == nil && at.column.family == document && !at.column.array:
		return l.someObject(at, p, above)
	}
	return constant(false), true // no value of it is a row
}

// testArray: some element of the array passes the test.
func (l lowering) testArray(c *column, sql fragment, p backends.Predicate) (fragment, bool) {
	element := *c
	element.array, element.notNull = false, false
	v := operand{code("v.v"), &element}
	var f compared
	var ok bool
	if _, present := p.(backends.Present); present {
		f, ok = compared{fragment: v.sql.sql(" IS NOT NULL")}, true
	} else {
		f, ok = l.s.compare(v, p)
	}
	switch {
	case !ok || f.fixed == never:
		return f.fragment, ok
	}
	some := code("EXISTS (SELECT FROM unnest(").add(sql).sql(") AS v(v) WHERE ").add(f.fragment).sql(")").certain()
	if f.equals == nil {
		return some, true
	}
	// What an index on the array (gin) serves.
	has := sql.sql(" @> ARRAY[").arg(f.equals.value, f.equals.typ).sql("]::", c.typ, "[]")
	if f.shown != nil { // or others too
		return conjunction(has, some), true
	}
	return has, true
}
