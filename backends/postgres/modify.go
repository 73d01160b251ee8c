package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Modify changes one record in one transaction, and reads it back with want.
func (c *class) Modify(
	ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string,
) (backends.Record, error) {
	none := backends.Record{}
	if c.at.ReadOnly {
		return none, errReadOnly
	}
	changes, err := c.prepare(changes)
	if err != nil {
		return none, err
	}
	var after backends.Record
	err = c.d.transact(ctx, c, func(ctx context.Context, tx *transaction) error {
		after, err = tx.modify(ctx, key, changes, cond, want)
		return err
	})
	if err != nil {
		return none, err
	}
	return after, nil
}

// modify makes changes that are prepared.
func (tx *transaction) modify(
	ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string,
) (after backends.Record, err error) {
	if err := tx.s.writable(); err != nil {
		return after, err
	}
	plan, err := tx.s.plan(changes)
	if err != nil {
		return after, plan.firstOf(tx, ctx, key, cond, err)
	}
	before, err := tx.take(ctx, key, cond, forUpdate, plan.reads(), append(plan.documents(), plan.arrays()...))
	if err != nil {
		return after, err
	}
	steps, set, err := plan.carryOut(tx, key, before)
	if err != nil {
		return after, err
	}
	if len(changes) > 0 {
		if set = tx.s.touched(set); len(set) > 0 {
			steps = append(steps, tx.update(key, set))
		}
		steps = append(steps, tx.stays(key))
	}
	if err := tx.runSets(ctx, key, append(steps, tx.reread(key, want, &after))...); err != nil {
		return after, err
	}
	v := tx.s.version
	if len(changes) == 0 || v == nil || after.Version == "" || after.Version != before.Version || v.generated {
		return after, nil
	}
	leap := assignment{v, func(st *statement) { st.leap(v) }}
	if v.family == integer {
		leap.write = func(st *statement) { st.next(v) }
	}
	err = tx.run(ctx, tx.update(key, []assignment{leap}), tx.reread(key, want, &after))
	return after, err
}

// prepare hashes passwords and leaves out what means nothing: an empty text is no value, so replacing by it takes the attribute away.
func (c *class) prepare(changes []backends.Change) ([]backends.Change, error) {
	var kept []backends.Change
	for _, ch := range changes {
		given := len(ch.Values)
		if ch.Op == backends.SetPassword {
			if given != 1 {
				return nil, invalid(ch.Attr, "A password is one value.")
			}
			hash, err := c.hashed(ch.Attr, ch.Values[0])
			if err != nil {
				return nil, err
			}
			kept = append(kept, backends.Change{Op: backends.Replace, Attr: ch.Attr, Values: backends.Values{hash}})
			continue
		}
		ch.Values = distinct(ch.Values)
		for i, v := range ch.Values {
			if v.Kind() == backends.KindSecret && ch.Op != backends.Remove {
				hash, err := c.hashed(ch.Attr, v)
				if err != nil {
					return nil, err
				}
				ch.Values[i] = hash
			}
		}
		switch {
		case ch.Op == backends.Add && len(ch.Values) == 0:
		case ch.Op == backends.Remove && len(ch.Values) == 0 && given > 0:
		default:
			kept = append(kept, ch)
		}
	}
	return kept, nil
}

// distinct are the values that are any, each once.
func distinct(values backends.Values) backends.Values {
	var kept backends.Values
	for _, v := range values {
		if !empty(v) && !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// edits are the changes of one place, in their order.
type edits struct {
	place
	changes []backends.Change
}

// plan is what changes come to: the places that they are about, in the order in which these are first named.
type plan []*edits

// plan finds where each change goes.
func (s *shape) plan(changes []backends.Change) (plan, error) {
	var p plan
	for _, ch := range changes {
		at, ok := s.place(ch.Attr)
		if !ok {
			return p, invalid(ch.Attr, "The table has no column "+ch.Attr+".")
		}
		if at.column != nil {
			if err := s.changeable(ch.Attr, at.column); err != nil {
				return p, err
			}
		}
		i := slices.IndexFunc(p, func(e *edits) bool { return e.column == at.column && e.set == at.set && slices.Equal(e.path, at.path) })
		if i < 0 {
			i = len(p)
			p = append(p, &edits{place: at})
		}
		p[i].changes = append(p[i].changes, ch)
	}
	return p, nil
}

// changeable says whether a column is one that a record's changes may be about.
func (s *shape) changeable(attr string, c *column) error {
	switch {
	case c.generated:
		return invalid(attr, "The database keeps the column "+c.name+" itself.")
	case slices.Contains(s.key, c):
		return invalid(attr, "The column "+c.name+" is the record's key, which never changes.")
	case c == s.version:
		return invalid(attr, "The column "+c.name+" is the record's version, which moves by itself.")
	}
	return nil
}

// firstOf: whether the record is there, and may be written, counts more than what is wrong with the changes.
func (p plan) firstOf(tx *transaction, ctx context.Context, key backends.Key, cond backends.Condition, wrong error) error {
	if _, err := tx.take(ctx, key, cond, forUpdate, nil, nil); err != nil {
		return err
	}
	return wrong
}

// document says that the place is (in) a document.
func (p place) document() bool {
	return p.column != nil && p.column.family == document && !p.column.array
}

// whole says that some change is about all values of the attribute, whatever they are.
func (e *edits) whole() bool {
	return slices.ContainsFunc(e.changes, func(ch backends.Change) bool {
		return ch.Op == backends.Replace || ch.Op == backends.Remove && len(ch.Values) == 0
	})
}

// reads are the attributes that must be read before they are changed: columns to which something is added or from which something is removed, and Rows that are
// replaced. Sets of single values are not.
func (p plan) reads() []string {
	var attrs []string
	for _, e := range p {
		switch {
		case e.document(), e.array():
		case e.set != nil && e.set.rows() && e.whole(), e.set == nil && e.changes[0].Op != backends.Replace:
			attrs = append(attrs, e.attr)
		}
	}
	return attrs
}

// arrays are the columns with several values that change. They are read as they are, since not all that is in one is a value.
func (p plan) arrays() []*column {
	var columns []*column
	for _, e := range p {
		if e.array() {
			columns = append(columns, e.column)
		}
	}
	return columns
}

// array says that the place is a column with several values.
func (p place) array() bool { return p.column != nil && p.column.array }

// documents are the columns of documents that change.
func (p plan) documents() []*column {
	var columns []*column
	for _, e := range p {
		if e.document() && !slices.Contains(columns, e.column) {
			columns = append(columns, e.column)
		}
	}
	return columns
}

// carryOut gives the statements that change sets, and what the record's own row is to be set to.
func (p plan) carryOut(tx *transaction, key backends.Key, before *taken) ([]step, []assignment, error) {
	var steps []step
	var set []assignment
	for _, e := range p {
		switch {
		case e.set != nil:
			some, err := tx.editSet(key, e, before)
			if err != nil {
				return nil, nil, err
			}
			steps = append(steps, some...)
		case e.array():
			text, there := before.whole[e.column]
			a, err := e.column.editArray(e.attr, text, there, e.changes)
			if err != nil {
				return nil, nil, err
			}
			set = append(set, a)
		case !e.document():
			a, err := e.column.edit(e.attr, before.Attrs[e.attr], e.changes)
			if err != nil {
				return nil, nil, err
			}
			set = append(set, a)
		}
	}
	for _, c := range p.documents() {
		text, there := before.whole[c]
		a, err := p.editDocument(c, text, there)
		if err != nil {
			return nil, nil, err
		}
		set = append(set, a)
	}
	return steps, set, nil
}

// edit gives what changes make of a column's value.
func (c *column) edit(attr string, values backends.Values, changes []backends.Change) (assignment, error) {
	none := assignment{}
	var now []string
	for _, v := range values {
		text, err := c.encode(attr, v)
		if err != nil {
			text = v.Text() // what the database has need not be what it would be given
		}
		now = append(now, text)
	}
	find := func(text string) int {
		return slices.IndexFunc(now, func(other string) bool { return c.sameForm(other) == c.sameForm(text) })
	}
	for _, ch := range changes {
		if ch.Op == backends.Remove && len(ch.Values) == 0 && len(now) == 0 {
			return none, noEffect(attr)
		}
		if ch.Op == backends.Replace || ch.Op == backends.Remove && len(ch.Values) == 0 {
			now = nil
		}
		for _, v := range ch.Values {
			text, err := c.encode(attr, v)
			if err != nil {
				return none, err
			}
			switch at := find(text); {
			case ch.Op == backends.Replace && at >= 0: // given twice
			case (ch.Op == backends.Remove) != (at >= 0):
				return none, noEffect(attr)
			case ch.Op == backends.Remove:
				now = slices.Delete(now, at, at+1)
			default:
				now = append(now, text)
			}
		}
	}
	if len(now) > 1 {
		return none, invalid(attr, "The column "+c.name+" holds one value.")
	}
	return assignment{c, func(st *statement) {
		if len(now) == 0 {
			st.sql("NULL")
			return
		}
		st.assigned(c, &now[0])
	}}, nil
}

// editDocument gives what the changes of all places in a document make of it.
func (p plan) editDocument(c *column, text string, there bool) (assignment, error) {
	none := assignment{}
	var root any
	if there {
		var err error
		if root, err = readJSON(text); err != nil {
			return none, err
		}
	}
	for _, e := range p {
		if e.column != c {
			continue
		}
		var err error
		if len(e.path) == 0 {
			root, err = editWhole(e.attr, root, e.changes)
		} else {
			root, err = edit(e.attr, root, e.path, func(node any) (any, error) { return editValues(e.attr, node, e.changes) })
		}
		if err != nil {
			return none, err
		}
	}
	return c.wholeDocument(p, root)
}

// wholeDocument assigns a document. One that was emptied piece by piece is an empty object, and not NULL.
func (c *column) wholeDocument(p plan, root any) (assignment, error) {
	replaced := slices.ContainsFunc(p, func(e *edits) bool { return e.column == c && len(e.path) == 0 })
	if root == nil && replaced && !c.notNull {
		return assignment{c, func(st *statement) { st.sql("NULL") }}, nil
	}
	if root == nil {
		root = map[string]any{}
	}
	text, err := writeJSON(root)
	if err != nil {
		return assignment{}, err
	}
	if strings.Contains(text, `\u0000`) {
		i := slices.IndexFunc(p, func(e *edits) bool { return e.column == c })
		return assignment{}, invalid(p[i].attr, "The database cannot hold a NUL in a text.")
	}
	return assignment{c, func(st *statement) { st.arg(text, "text").sql("::", c.typ) }}, nil
}
