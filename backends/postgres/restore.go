package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Restore inserts the record's row again with the key that it had, and the rows of its sets, all in one transaction. A row that is only marked as deleted loses
// the mark and nothing else: whatever else it says by now was written after it was read. Rows of tables that the mapping does not know of, which went with the
// record by ON DELETE CASCADE, are not part of rec and do not come back.
func (c *class) Restore(ctx context.Context, rec backends.Record, want []string) (backends.Record, []string, error) {
	none := backends.Record{}
	if c.at.ReadOnly {
		return none, nil, errReadOnly
	}
	if len(c.possible([]backends.Key{rec.Key})) == 0 {
		return none, nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The record has no key that a row could have."}
	}
	var made, whole backends.Record
	var lost []string
	err := c.d.transact(ctx, c, func(ctx context.Context, tx *transaction) error {
		made, whole, lost = none, none, nil
		if err := tx.s.writable(); err != nil {
			return err
		}
		if _, ok := tx.s.parts(rec.Key); !ok {
			return &backends.Error{Kind: backends.ErrInvalid, Detail: "The record has no key that a row could have."}
		}
		steps, err := tx.again(ctx, legible(rec))
		if err != nil {
			return err
		}
		stays := tx.stays(rec.Key)
		steps = append([]step{stays}, append(steps, stays, tx.reread(rec.Key, []string{"*", "+"}, &whole), tx.reread(rec.Key, want, &made))...)
		if err := tx.run(ctx, steps...); err != nil {
			return err
		}
		lost = append(backends.Lost(rec, whole), tx.s.unshown(rec)...)
		slices.Sort(lost)
		return nil
	})
	if err != nil {
		return none, nil, err
	}
	return made, lost, nil
}

// legible is a record without what nobody has the text of, but for the secrets of its columns: those are lost, and nothing is put into their place.
func legible(rec backends.Record) backends.Record {
	given := make(backends.Attributes, len(rec.Attrs))
	for name, values := range rec.Attrs {
		blank := slices.ContainsFunc(values, func(v backends.Value) bool { return v.Kind() == backends.KindSecret && v.Reveal() == "" })
		if !blank || secretName(name) {
			given[name] = values
		}
	}
	rec.Attrs = given
	return rec
}

// unshown names the columns of child rows that nobody is shown, and that were therefore not in the record.
func (s *shape) unshown(rec backends.Record) []string {
	var names []string
	for _, set := range s.sets {
		if len(rec.Attrs[set.name])+len(rec.Attrs[backends.Path(set.name, star)]) == 0 {
			continue
		}
		for _, name := range set.hidden() {
			names = append(names, backends.Path(set.name, name))
		}
	}
	return names
}

// again makes the record's row, and gives the steps that are left to do.
func (tx *transaction) again(ctx context.Context, rec backends.Record) ([]step, error) {
	marked, err := tx.vacant(ctx, rec.Key)
	if err != nil {
		return nil, err
	}
	if marked {
		return nil, tx.run(ctx, tx.unmark(rec.Key))
	}
	set, err := tx.s.refilled(rec)
	if err != nil {
		return nil, err
	}
	key, err := tx.insertRow(ctx, set)
	switch {
	case err != nil:
		return nil, err
	case key != rec.Key:
		return nil, &backends.Error{Kind: backends.ErrRefused, Detail: "A trigger of the database gives the row another key."}
	}
	var steps []step
	for _, set := range tx.s.sets {
		t, err := set.rowsIn(rec)
		if err != nil {
			return nil, err
		}
		if t.rows() > 0 && set.rel.writable {
			steps = append(steps, tx.putBack(rec.Key, set, t))
		}
	}
	return steps, nil
}

// vacant takes the row that has the key if there is one: it may be of this class and only marked as deleted.
func (tx *transaction) vacant(ctx context.Context, key backends.Key) (marked bool, err error) {
	s := tx.s
	find := (&statement{}).sql("SELECT ")
	s.marked(find)
	find.sql(" FROM ", s.rel.sql(), " AS t WHERE ")
	s.keyIs(find, key)
	taken := false
	err = tx.run(ctx, step{
		st: find.sql(" FOR ", forUpdate),
		each: func(rows pgx.Rows) error {
			taken = true
			return rows.Scan(&marked)
		},
		done: s.alone,
	})
	if err == nil && taken && !marked {
		err = &backends.Error{Kind: backends.ErrExists, Attr: s.class.key[0], Detail: "The database has a row with this key."}
	}
	return marked, err
}

// marked writes whether t would be one of the class's records, but is marked as deleted.
func (s *shape) marked(st *statement) {
	switch {
	case s.deleted == nil:
		st.sql("false")
		return
	case s.deleted.family == boolean:
		st.sql("(", of("t", s.deleted), " IS TRUE")
	default:
		st.sql("(", of("t", s.deleted), " IS NOT NULL")
	}
	if len(s.class.where) > 0 {
		st.sql(" AND (").condition(s.class.where, s.class.tenant).sql(") IS TRUE")
	}
	st.sql(")")
}

// unmark is the step that takes the mark away.
func (tx *transaction) unmark(key backends.Key) step {
	s := tx.s
	st := (&statement{}).sql("UPDATE ", s.rel.sql(), " AS t SET ")
	for i, a := range s.touched([]assignment{{s.deleted, s.markLiving}}) {
		st.sql(map[bool]string{true: "", false: ", "}[i == 0], ident(a.column.name), " = ")
		a.write(st)
	}
	st.sql(" WHERE ")
	s.keyIs(st, key)
	st.sql(" AND ")
	s.marked(st)
	return step{st: st, done: s.wrote}
}

func (s *shape) markLiving(st *statement) {
	if s.deleted.family == boolean {
		st.sql("false")
		return
	}
	st.sql("NULL")
}

// refilled are the columns of a row that is made again. What every write sets is set by this one too; a column that had nothing has nothing again, whatever
// its default is.
func (s *shape) refilled(rec backends.Record) ([]assignment, error) {
	set := s.given(s.class.at.Update, nil)
	parts, _ := s.parts(rec.Key)
	for i, c := range s.key {
		if sets(set, c) {
			return nil, &backends.Error{Kind: backends.ErrInvalid, Attr: c.name, Detail: "What every write sets is part of the key."}
		}
		set = append(set, assignment{c, func(st *statement) { st.arg(parts[i], "text").sql("::", c.typ) }})
	}
	for _, c := range s.rel.columns {
		if sets(set, c) || !c.given || c.generated && !c.always {
			continue
		}
		values := rec.Attrs[c.name]
		literal := rec.Attrs[backends.Path(c.name, star)]
		switch {
		case c == s.version && len(values) > 0:
			set = append(set, assignment{c, s.nextOf(values[0])})
		case secretName(c.name):
			if text := c.password(values); text != "" {
				set = append(set, assignment{c, func(st *statement) { st.arg(text, "text").sql("::", c.typ) }})
			}
		case len(literal) > 0:
			set = append(set, assignment{c, func(st *statement) { st.arg(literal[0].Text(), "text").sql("::", c.typ, "[]") }})
		case c.array && len(values) > 0:
			set = append(set, assignment{c, func(st *statement) { st.assignedAll(c, c.stored(values)) }})
		case len(values) > 0:
			set = append(set, assignment{c, func(st *statement) { st.assigned(c, c.stored(values)[0]) }})
		case c.defaulted && !c.notNull && c.readable:
			set = append(set, assignment{c, func(st *statement) { st.sql("NULL") }})
		}
	}
	return set, nil
}

// nextOf writes a version that comes after the one that the record had: who remembers that one has not seen this row.
func (s *shape) nextOf(v backends.Value) func(*statement) {
	c := s.version
	before := c.stored(backends.Values{v})[0]
	return func(st *statement) {
		if c.family == integer {
			st.arg(*before, "text").sql("::", c.typ, " + 1")
			return
		}
		now := "clock_timestamp()"
		if c.typ == "timestamp without time zone" {
			now = "(clock_timestamp() AT TIME ZONE 'UTC')"
		}
		st.sql("greatest(", now, ", ").arg(*before, "text").sql("::", c.typ, " + interval '1 microsecond')")
	}
}

// password is what a column that holds a secret gets: what it was, where the record still has it. Where it must have something, it gets what nobody knows and
// what is the hash of nothing.
func (c *column) password(values backends.Values) string {
	for _, v := range values {
		if v.Reveal() != "" {
			return v.Reveal()
		}
	}
	if !c.notNull || c.defaulted {
		return ""
	}
	unknown := make([]byte, 16)
	_, _ = rand.Read(unknown) // it never fails
	return "!" + hex.EncodeToString(unknown)
}

// stored are values in the texts that the column's type reads. What this package would not write for others, the database wrote itself, and reads again.
func (c *column) stored(values backends.Values) []*string {
	texts := make([]*string, len(values))
	for i, v := range values {
		text, ok := v.Text(), true
		if c.family != document {
			text, ok = c.text(v)
		}
		if !ok {
			text = v.Text()
		}
		texts[i] = &text
	}
	return texts
}

// rowsIn are the rows of a set that a record had, in all of their columns where it says them.
func (s *set) rowsIn(rec backends.Record) (*table, error) {
	if whole, ok := rec.Attrs[backends.Path(s.name, star)]; ok {
		t := newTable(slices.DeleteFunc(s.all(), func(c *column) bool { return !c.given }))
		for _, v := range whole {
			parts := v.Row()
			row := make([]*string, len(t.columns))
			for i, c := range t.columns {
				if len(parts[c.name]) > 0 {
					row[i] = new(parts[c.name][0].Text())
				}
			}
			t.add(row)
		}
		return t, nil
	}
	t := newTable(s.columns)
	if s.either {
		return t, nil // which column each value is of only the rows tell
	}
	book := newRowBook(s)
	for _, v := range rec.Attrs[s.name] {
		if !s.rows() {
			t.add(s.columns[0].stored(backends.Values{v}))
			continue
		}
		book.stored(v)
		row, err := book.row(v)
		if err != nil {
			return nil, err
		}
		t.add(row)
	}
	return t, nil
}

// putBack is the step that adds these rows, in the database's own texts. Those that are there already (a trigger made them, or nobody deleted them) stay.
func (tx *transaction) putBack(key backends.Key, set *set, t *table) step {
	st := (&statement{}).sql("WITH v AS MATERIALIZED (SELECT * FROM unnest(")
	var names, values, same string
	for i, c := range t.columns {
		comma := map[bool]string{true: "", false: ", "}[i == 0]
		st.sql(comma).arg(t.data[i], "text[]")
		names += ", " + ident(c.name)
		values += ", v." + vcol(i) + "::" + c.typ + arrayOf(c)
		same += " AND " + of("r", c) + "::text IS NOT DISTINCT FROM (v." + vcol(i) + "::" + c.typ + arrayOf(c) + ")::text"
	}
	st.sql(") WITH ORDINALITY AS u(")
	for i := range t.columns {
		st.sql(vcol(i), ", ")
	}
	st.sql("n)) INSERT INTO ", set.rel.sql(), " (")
	for i, c := range set.on {
		st.sql(map[bool]string{true: "", false: ", "}[i == 0], ident(c.name))
	}
	for _, f := range set.fixed {
		st.sql(", ", ident(f.column.name))
	}
	st.sql(names, ") ")
	if slices.ContainsFunc(t.columns, func(c *column) bool { return c.always }) {
		st.sql("OVERRIDING SYSTEM VALUE ")
	}
	st.sql("SELECT ")
	for i, c := range tx.s.key {
		st.sql(map[bool]string{true: "", false: ", "}[i == 0], of("t", c))
	}
	for _, f := range set.fixed {
		st.sql(", ").arg(f.value, "text").sql("::", f.column.typ)
	}
	st.sql(values, " FROM v, ")
	tx.record(st, key).sql(" WHERE NOT EXISTS (SELECT FROM ", set.rel.sql(), " AS r WHERE ").own(tx.s, set).sql(same, ")")
	return step{st: st, attr: set.name}
}
