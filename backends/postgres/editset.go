package postgres

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// editSet gives the statements that make changes to a set.
func (tx *transaction) editSet(key backends.Key, e *edits, before *taken) ([]step, error) {
	if !e.set.rel.writable {
		return nil, &backends.Error{Kind: backends.ErrRefused, Attr: e.attr, Detail: "The rows of " + e.set.rel.name + " cannot be written: it is a view, or the adapter's role has no right to."}
	}
	if e.set.rows() {
		return tx.editRows(key, e, before.Attrs[e.attr])
	}
	var steps []step
	for _, ch := range e.changes {
		t, err := e.set.tableOf(ch.Values)
		if err != nil {
			return nil, err
		}
		switch {
		case ch.Op == backends.Add:
			steps = append(steps, tx.insert(key, e.set, t, false))
		case ch.Op == backends.Remove && t.rows() > 0:
			steps = append(steps, tx.remove(key, e.set, t))
		case ch.Op == backends.Remove:
			steps = append(steps, tx.clear(key, e.set, func(n int64) error {
				if n == 0 {
					return noEffect(e.attr)
				}
				return nil
			}))
		case t.rows() == 0:
			steps = append(steps, tx.clear(key, e.set, nil))
		default:
			steps = append(steps, tx.retain(key, e.set, t))
			if e.set.spells() && e.set.columns[0].changed {
				steps = append(steps, tx.respell(key, e.set, t))
			}
			steps = append(steps, tx.insert(key, e.set, t, true))
		}
	}
	return steps, nil
}

// tableOf encodes single values, each once.
func (s *set) tableOf(values backends.Values) (*table, error) {
	t := newTable(s.columns)
	seen := map[string]bool{}
	for _, v := range values {
		row, err := s.single(v)
		if err != nil {
			return nil, err
		}
		if form := s.form(row); !seen[form] {
			seen[form] = true
			t.add(row)
		}
	}
	return t, nil
}

// editRows gives the statements that make changes to a set of Rows. A row that is removed and one that is added in which the same can be seen are one
// row that changes: what pair says. Without a change of the whole set, what is there is not known: then each statement proves itself.
func (tx *transaction) editRows(key backends.Key, e *edits, there backends.Values) ([]step, error) {
	set := e.set
	rows := newRowBook(set)
	var had []string
	for _, v := range there {
		rows.stored(v)
		form, err := rows.encode(v)
		if err != nil {
			return nil, err
		}
		had = append(had, form)
	}
	if !e.whole() {
		fresh := map[string]bool{}
		for _, ch := range e.changes {
			for _, v := range ch.Values {
				if ch.Op == backends.Remove {
					rows.stored(v)
				}
				form, err := rows.encode(v)
				if err != nil {
					return nil, err
				}
				if ch.Op == backends.Remove && !fresh[form] {
					had = append(had, form) // or else the statement finds out that it is not
				}
				fresh[form] = ch.Op == backends.Add
			}
		}
	}
	d, err := differ(e.attr, had, e.changes, rows.encode)
	if err != nil {
		return nil, err
	}
	return tx.changeRows(key, rows, d)
}

// changeRows gives the statements that delete, change and add rows: first what makes room.
func (tx *transaction) changeRows(key backends.Key, rows *rowBook, d *difference) ([]step, error) {
	set := rows.set
	changes, left, err := rows.changes(d)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, t := range left.gone.tables {
		steps = append(steps, tx.remove(key, set, t))
	}
	// A row that stops being the only one of its kind (primary) goes before the one that becomes it.
	slices.SortStableFunc(changes, func(a, b rowChange) int { return set.claims(a.old, a.fresh) - set.claims(b.old, b.fresh) })
	for _, ch := range changes {
		alter, err := tx.alter(key, set, ch.old, ch.fresh)
		if err != nil {
			return nil, err
		}
		steps = append(steps, alter)
	}
	for i, t := range left.come.tables {
		steps = append(steps, tx.insert(key, set, t, false, left.come.tables[:i]...))
	}
	return steps, nil
}

// masked are rows, those that have values in the same columns together.
type masked struct {
	set    *set
	tables []*table
}

func (m *masked) add(row []*string) {
	var columns []*column
	var present []*string
	for i, text := range row {
		if text != nil {
			columns, present = append(columns, m.set.columns[i]), append(present, text)
		}
	}
	i := slices.IndexFunc(m.tables, func(t *table) bool { return slices.Equal(t.columns, columns) })
	if i < 0 {
		i = len(m.tables)
		m.tables = append(m.tables, newTable(columns))
	}
	m.tables[i].add(present)
}

// claims counts the truth values that become true, less those that stop being so.
func (s *set) claims(old, fresh []*string) int {
	n := 0
	is := func(text *string) bool { return text != nil && *text == "true" }
	for i, c := range s.columns {
		if c.family != boolean {
			continue
		}
		if is(fresh[i]) {
			n++
		}
		if is(old[i]) {
			n--
		}
	}
	return n
}

// parts are the encoded values of a row by column, for finding rows that have some in common.
func (s *set) parts(row []*string) map[string]string {
	parts := map[string]string{}
	for i, c := range s.columns {
		if row[i] != nil {
			parts[c.name] = c.sameForm(*row[i])
		}
	}
	return parts
}

// single gives the encoded value for each of the set's columns that can have it: with either, the database tells which of them it is.
func (s *set) single(v backends.Value) ([]*string, error) {
	row := make([]*string, len(s.columns))
	var wrong error
	possible := false
	for i, c := range s.columns {
		text, err := c.encode(s.name, v)
		if err != nil {
			wrong = err
			continue
		}
		possible = true
		row[i] = &text
	}
	if !possible {
		return nil, wrong
	}
	return row, nil
}

// form gives equal texts for rows that are the same in a set.
func (s *set) form(row []*string) string {
	var b strings.Builder
	for i, c := range s.columns {
		if row[i] != nil {
			b.WriteString("=" + c.sameForm(*row[i]))
		}
		b.WriteByte(0)
	}
	return b.String()
}
