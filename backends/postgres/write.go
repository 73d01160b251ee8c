package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A write takes the record's row first (SELECT … FOR UPDATE), and looks at it in the next statement: one that has waited for another writer sees the row as
// that one left it, but rows of other tables as they were when it began. From then on until the end of the transaction nothing of the record changes, as
// far as all who write take its row, which is what the adapter does also where only child rows change.

var (
	errProtected = &backends.Error{Kind: backends.ErrProtected, Detail: "The record is protected by the mapping."}
	errChanged   = &backends.Error{Kind: backends.ErrChanged, Detail: "The record is no longer as it was read."}
	errPolicy    = &backends.Error{Kind: backends.ErrRefused, Detail: "The database's row-level security lets this row be read, and not written."}
	errOutside   = &backends.Error{Kind: backends.ErrRefused, Detail: "The row would not be one of the records of the mapping: its condition, or the database's row-level security, does not hold for it."}
	errProtects  = &backends.Error{Kind: backends.ErrRefused, Detail: "The row would be one of those that the mapping protects, which are never written."}
	errReadOnly  = &backends.Error{Kind: backends.ErrRefused, Detail: "These records are read-only."}
)

// taken is a record whose row is this transaction's.
type taken struct {
	backends.Record
	whole map[*column]string // documents and arrays, as JSON; none for NULL
}

// writable says whether the class can be written at all.
func (s *shape) writable() error {
	if s.class.at.ReadOnly {
		return errReadOnly
	}
	if !s.rel.writable {
		return &backends.Error{Kind: backends.ErrRefused, Detail: "The records are rows of " + s.rel.name + ", which cannot be written: it is a view, or the adapter's role has no right to."}
	}
	return nil
}

// where adds the condition that t is the record with a key and in scope.
func (s *shape) where(st *statement, key backends.Key) *statement {
	st.sql(" WHERE ")
	if !s.keyIs(st, key) {
		st.sql("FALSE")
	}
	st.sql(" AND ")
	return s.scope(st)
}

// take takes the record's row, holds it against the condition, and reads attributes of it and columns as they are.
func (tx *transaction) take(ctx context.Context, key backends.Key, cond backends.Condition, strength string, attrs []string, docs []*column) (*taken, error) {
	s := tx.s
	if _, ok := s.parts(key); !ok {
		return nil, errGone
	}
	lock := s.where((&statement{}).sql("SELECT 1 FROM ", s.rel.sql(), " AS t"), key).sql(" FOR ", strength)
	asked := attrs
	assert := &statement{}
	match := s.condition(assert, cond.Assert) != nil
	if match {
		asked = append(slices.Clone(attrs), backends.AttrsOf(cond.Assert)...)
	}
	var locked, protected, holds bool
	var found *taken
	texts := make([]*string, len(docs))
	look := &statement{}
	look.sql("SELECT ")
	s.protected(look)
	look.sql(", ")
	if match {
		look.sql("true")
	} else {
		look.sql("(")
		_ = s.condition(look, cond.Assert) // it was possible just now
		look.sql(") IS TRUE")
	}
	for _, c := range docs {
		look.sql(", ", textSQL("t", c))
	}
	s.where(look.sql(" FROM ", s.rel.sql(), " AS t"), key)
	read := &statement{}
	v := s.selectRecord(read, asked)
	s.where(read, key)
	err := tx.run(
		ctx,
		step{st: lock, done: func(n int64) error { locked = n > 0; return s.alone(n) }},
		step{st: look, each: func(rows pgx.Rows) error {
			to := []any{&protected, &holds}
			for i := range texts {
				to = append(to, &texts[i])
			}
			return rows.Scan(to...)
		}},
		step{st: read, each: func(rows pgx.Rows) error {
			r, err := v.record(rows)
			found = &taken{Record: r, whole: map[*column]string{}}
			return err
		}},
	)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, errGone
	case protected:
		return nil, errProtected
	case cond.Version != "" && cond.Version != found.Version, !holds, match && !backends.Match(cond.Assert, found.Record):
		return nil, errChanged
	case !locked:
		return nil, errPolicy
	}
	for i, c := range docs {
		if texts[i] != nil {
			found.whole[c] = *texts[i]
		}
	}
	return found, nil
}

// protected writes whether t is one of the records that are never written.
func (s *shape) protected(st *statement) {
	if len(s.class.protect) == 0 {
		st.sql("false")
		return
	}
	st.sql("(")
	for i, guard := range s.class.protect {
		if i > 0 {
			st.sql(" OR ")
		}
		st.condition(guard, s.class.tenant).sql(" IS TRUE")
	}
	st.sql(")")
}

// stays is the step that holds a record that was written against what all records of the class are held to: nobody could see it, or write it again, here.
func (tx *transaction) stays(key backends.Key) step {
	st := (&statement{}).sql("SELECT ")
	tx.s.protected(st)
	tx.s.where(st.sql(" FROM ", tx.s.rel.sql(), " AS t"), key)
	return step{
		st: st,
		each: func(rows pgx.Rows) error {
			var protected bool
			if err := rows.Scan(&protected); err != nil || !protected {
				return err
			}
			return errProtects
		},
		done: func(n int64) error {
			if n == 0 {
				return errOutside
			}
			return tx.s.alone(n)
		},
	}
}

// reread is the step that reads a record as it is now.
func (tx *transaction) reread(key backends.Key, attrs []string, into *backends.Record) step {
	st := &statement{}
	v := tx.s.selectRecord(st, attrs)
	tx.s.where(st, key)
	return step{st: st, each: func(rows pgx.Rows) error {
		r, err := v.record(rows)
		*into = r
		return err
	}}
}

// assignment is what a column is set to.
type assignment struct {
	column *column
	write  func(st *statement)
}

// given are the columns that `insert` or `update` say, as far as nothing else sets them.
func (s *shape) given(texts map[string]string, set []assignment) []assignment {
	for _, name := range sortedKeys(texts) {
		c := findColumn(s.rel.columns, name)
		if c == nil || sets(set, c) {
			continue
		}
		set = append(set, assignment{c, func(st *statement) { st.given(c, texts[name], s.class.tenant) }})
	}
	return set
}

// sets says that a column is among those that are set.
func sets(all []assignment, c *column) bool {
	return slices.ContainsFunc(all, func(a assignment) bool { return a.column == c })
}

// given writes what the configuration gives a column: a text, {tenant} or now().
func (st *statement) given(c *column, text, tenant string) {
	switch {
	case strings.EqualFold(strings.TrimSpace(text), "now()"):
		st.sql("now()::", c.typ)
	case strings.TrimSpace(text) == tenantSlot:
		st.arg(tenant, "text").sql("::", c.typ)
	default:
		st.arg(text, "text").sql("::", c.typ)
	}
}

// touched adds what every write of a row sets: what `update` says, and a version that no row of this key has had before. A trigger of the database's own
// that moves it too comes to the same.
func (s *shape) touched(set []assignment) []assignment {
	if v := s.version; v != nil && !v.generated && !sets(set, v) {
		set = append(set, assignment{v, func(st *statement) { st.next(v) }})
	}
	set = s.given(s.class.at.Update, set)
	if len(set) > 0 || s.class.at.Version == "" {
		return set
	}
	// A new version of the row is all that xmin needs: any column that the role may write as it reads it, of the key only if there is no other.
	c := s.key[0]
	for _, other := range s.rel.columns {
		if !other.generated && other.changed && other.readable && (!c.changed || slices.Contains(s.key, c) && !slices.Contains(s.key, other)) {
			c = other
		}
	}
	return append(set, assignment{c, func(st *statement) { st.sql(of("t", c)) }})
}

// next writes the version that comes after t's. An instant is later than the last, whatever the clocks say.
func (st *statement) next(v *column) {
	if v.family == integer {
		st.sql("coalesce(", of("t", v), ", 0) + 1")
		return
	}
	now := "clock_timestamp()"
	if !strings.Contains(v.typ, "with time zone") {
		now = "(clock_timestamp() AT TIME ZONE 'UTC')"
	}
	st.sql("greatest(", now, ", ", of("t", v), " + interval '1 microsecond')")
}

// leap writes a version that is later for a column that keeps no fractions of seconds, too.
func (st *statement) leap(v *column) { st.sql(of("t", v), " + interval '1 second'") }

// update is the step that sets columns of the record's row.
func (tx *transaction) update(key backends.Key, set []assignment) step {
	st := (&statement{}).sql("UPDATE ", tx.s.rel.sql(), " AS t SET ")
	for i, a := range set {
		if i > 0 {
			st.sql(", ")
		}
		st.sql(ident(a.column.name), " = ")
		a.write(st)
	}
	return step{st: tx.s.where(st, key), done: tx.s.wrote}
}

// wrote: a row that was taken and then not written is one that a policy or a trigger keeps from being written.
func (s *shape) wrote(n int64) error {
	if n == 0 {
		return &backends.Error{Kind: backends.ErrRefused, Detail: "A policy or a trigger of the database keeps this row as it is."}
	}
	return s.alone(n)
}

// alone: where nothing keeps a key unique it may be that of several rows, and a write of one record must not be one of others.
func (s *shape) alone(n int64) error {
	if n > 1 {
		return &backends.Error{
			Kind: backends.ErrRefused, Detail: "The key of " + s.class.at.Table + " is not unique: several rows have it, and none of them was changed.",
		}
	}
	return nil
}
