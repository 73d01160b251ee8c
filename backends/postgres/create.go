package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Create inserts a row, and the rows of its sets, and reads the record back, all in one transaction. What would not be one of the class's records is not made: nobody
// could see it here. Rows have no names, so a template says nothing.
func (c *class) Create(ctx context.Context, _ backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	none := backends.Record{}
	if c.at.ReadOnly {
		return none, errReadOnly
	}
	var changes []backends.Change
	for _, attr := range sortedKeys(attrs) {
		if values := distinct(attrs[attr]); len(values) > 0 {
			changes = append(changes, backends.Change{Op: backends.Add, Attr: attr, Values: values})
		}
	}
	changes, err := c.prepare(changes)
	if err != nil {
		return none, err
	}
	var made backends.Record
	err = c.d.transact(ctx, c, func(ctx context.Context, tx *transaction) error {
		made = backends.Record{}
		if err := tx.s.writable(); err != nil {
			return err
		}
		plan, err := tx.s.newPlan(changes)
		if err != nil {
			return err
		}
		_, set, err := plan.columns().carryOut(tx, "", &taken{})
		if err != nil {
			return err
		}
		key, err := tx.insertRow(ctx, tx.s.filled(set))
		if err != nil {
			return err
		}
		sets, _, err := plan.sets().carryOut(tx, key, &taken{})
		if err != nil {
			return err
		}
		steps := append([]step{tx.stays(key)}, sets...)
		if len(sets) > 0 {
			steps = append(steps, tx.stays(key)) // a condition may be about rows of other tables, too
		}
		return tx.runSets(ctx, key, append(steps, tx.reread(key, want, &made))...)
	})
	if err != nil {
		return none, err
	}
	return made, nil
}

// newPlan is plan for a record that is to be made: it may say its key.
func (s *shape) newPlan(changes []backends.Change) (plan, error) {
	var p plan
	for _, ch := range changes {
		at, ok := s.place(ch.Attr)
		switch {
		case !ok:
			return nil, invalid(ch.Attr, "The table has no column "+ch.Attr+".")
		case at.column != nil && at.column.generated:
			return nil, invalid(ch.Attr, "The database keeps the column "+at.column.name+" itself.")
		}
		p = append(p, &edits{place: at, changes: []backends.Change{ch}})
	}
	return p, nil
}

func (p plan) columns() plan { return p.filter(func(e *edits) bool { return e.set == nil }) }
func (p plan) sets() plan    { return p.filter(func(e *edits) bool { return e.set != nil }) }

func (p plan) filter(keep func(*edits) bool) plan {
	var kept plan
	for _, e := range p {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// filled adds what a new row gets beside what it is made with: what `insert` and `update` say, the values that the class's condition asks for, an empty
// document and a first version where the table has none to give.
func (s *shape) filled(set []assignment) []assignment {
	set = s.given(s.class.at.Insert, set)
	set = s.given(s.class.at.Update, set)
	for _, f := range s.fixed() {
		if !sets(set, f.column) && !f.column.generated {
			set = append(set, assignment{f.column, func(st *statement) { st.arg(f.value, "text").sql("::", f.column.typ) }})
		}
	}
	if d := s.doc; d != nil && d.notNull && !d.defaulted && !sets(set, d) {
		set = append(set, assignment{d, func(st *statement) { st.sql("'{}'") }})
	}
	if v := s.version; v != nil && !v.defaulted && !v.generated && !sets(set, v) {
		set = append(set, assignment{v, func(st *statement) {
			if v.family == integer {
				st.sql("1")
				return
			}
			st.sql("clock_timestamp()::", v.typ)
		}})
	}
	return set
}

// insertRow inserts the record's own row and says its key, whoever has made that.
func (tx *transaction) insertRow(ctx context.Context, set []assignment) (backends.Key, error) {
	s := tx.s
	st := (&statement{}).sql("INSERT INTO ", s.rel.sql(), " AS t")
	for i, a := range set {
		st.sql(map[bool]string{true: " (", false: ", "}[i == 0], ident(a.column.name))
	}
	values := ") VALUES ("
	if slices.ContainsFunc(set, func(a assignment) bool { return a.column.always }) {
		values = ") OVERRIDING SYSTEM VALUE VALUES ("
	}
	for i, a := range set {
		st.sql(map[bool]string{true: values, false: ", "}[i == 0])
		a.write(st)
	}
	if len(set) == 0 {
		st.sql(" DEFAULT VALUES")
	} else {
		st.sql(")")
	}
	for i, c := range s.key {
		st.sql(map[bool]string{true: " RETURNING ", false: ", "}[i == 0], of("t", c), "::text")
	}
	parts := make([]string, len(s.key))
	err := tx.run(ctx, step{st: st, done: s.wrote, each: func(rows pgx.Rows) error {
		to := make([]any, len(parts))
		for i := range parts {
			to[i] = &parts[i]
		}
		return rows.Scan(to...)
	}})
	return keyText(parts), err
}
