package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/backends"
)

// What is unique in the rows of a set may be so in the whole table, and then another record has the value, or for each record, and then it was asked to hold the
// same twice.

// twice is the error of a record that would hold a value of a set twice.
func twice(attr string) *backends.Error {
	return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "The table holds a value of " + attr + " once for each record, and this one would have it twice."}
}

// each says that what is unique in these columns of the set's table is so among the rows of one record.
func (s *set) each(columns []string) bool {
	return len(s.on) > 0 && !slices.ContainsFunc(s.on, func(c *column) bool { return !slices.Contains(columns, c.name) })
}

// repeated gives the set of which a record has the same twice, if that is what the server says.
func (s *shape) repeated(answer *pgconn.PgError) (attr string, ok bool) {
	if s == nil || answer.Code != codeUnique {
		return "", false
	}
	for _, set := range s.sets {
		c, known := set.rel.constraints[answer.ConstraintName]
		if known && (set.rel.kind == 'p' || set.rel.schema == answer.SchemaName && set.rel.name == answer.TableName) && set.each(c.columns) {
			return set.name, true
		}
	}
	return "", false
}

// overlap says that a row which was to be added is there: the record had it, or it is one of those that were added before it, where the database has filled in
// what they do not say.
type overlap struct {
	set    *set
	table  *table
	before []*table
}

func (o *overlap) Error() string { return "rows of " + o.set.name + " are there" }

// whose says which of the two it is. Of the rows before none was there when they were added, so that whichever is one of them is of this write.
func (tx *transaction) whose(ctx context.Context, key backends.Key, o *overlap) error {
	var both int
	var steps []step
	for _, before := range o.before {
		st := (&statement{}).sql("SELECT count(*) FROM ", o.set.rel.sql(), " AS r, ")
		tx.mine(st, o.set, key)
		for _, t := range []*table{o.table, before} {
			st.sql(" AND EXISTS (").values(t).sql(" SELECT FROM v WHERE ", o.set.match(t, true), ")")
		}
		steps = append(steps, step{st: st, attr: o.set.name, each: func(rows pgx.Rows) error {
			var n int
			err := rows.Scan(&n)
			both += n
			return err
		}})
	}
	switch err := tx.run(ctx, steps...); {
	case err != nil:
		return err
	case both > 0:
		return twice(o.set.name)
	}
	return noEffect(o.set.name)
}

// stands are the steps that count the values of a shortfall which are not there and which another row of the record itself keeps away; only: no other record's row
// could, since all that is unique is so for each record.
func (tx *transaction) stands(key backends.Key, short *shortfall, count *int) (only bool, steps []step) {
	set, t := short.set, short.table
	only = true
	for name, c := range set.rel.constraints {
		if c.kind != 'p' && c.kind != 'u' && c.kind != 'x' {
			continue
		}
		if !set.each(c.columns) {
			only = false
			continue
		}
		if slices.ContainsFunc(set.rel.indexes, func(x index) bool { return x.name == name && x.partial }) {
			continue
		}
		st := (&statement{}).values(t)
		st.sql(" SELECT count(*) FROM v WHERE EXISTS (SELECT FROM ", set.rel.sql(), " AS r, ")
		tx.mine(st, set, key)
		comparable := true
		for _, name := range c.columns {
			i := slices.IndexFunc(t.columns, func(given *column) bool { return given.name == name })
			switch {
			case i >= 0:
				st.sql(" AND ", same(t.columns[i], "v."+vcol(i), false))
			case !slices.ContainsFunc(set.on, func(on *column) bool { return on.name == name }) &&
				!slices.ContainsFunc(set.fixed, func(f fixed) bool { return f.column.name == name }):
				comparable = false
			}
		}
		st.sql(") AND NOT EXISTS (SELECT FROM ", set.rel.sql(), " AS r, ")
		tx.mine(st, set, key).sql(" AND ", set.match(t, true), ")")
		if comparable {
			steps = append(steps, step{st: st, attr: set.name, each: func(rows pgx.Rows) error {
				var n int
				err := rows.Scan(&n)
				*count += n
				return err
			}})
		}
	}
	return only, steps
}
