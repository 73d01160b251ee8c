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
			steps = append(steps, tx.retain(key, e.set, t), tx.insert(key, e.set, t, true))
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
	rows := map[string][]*string{}
	encode := func(v backends.Value) (string, error) {
		row, err := set.row(v)
		if err != nil {
			return "", err
		}
		form := set.form(row)
		if _, known := rows[form]; !known {
			rows[form] = row
		}
		return form, nil
	}
	var had []string
	for _, v := range there {
		form, err := encode(v)
		if err != nil {
			return nil, err
		}
		had = append(had, form)
	}
	if !e.whole() {
		fresh := map[string]bool{}
		for _, ch := range e.changes {
			for _, v := range ch.Values {
				form, err := encode(v)
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
	d, err := differ(e.attr, had, e.changes, encode)
	if err != nil {
		return nil, err
	}
	olds, news := make([]map[string]string, len(d.removed)), make([]map[string]string, len(d.added))
	fresh := make([][]*string, len(d.added))
	for i, form := range d.removed {
		olds[i] = set.parts(rows[form])
	}
	for i, v := range d.added {
		form, err := encode(v)
		if err != nil {
			return nil, err
		}
		fresh[i] = rows[form]
		news[i] = set.parts(fresh[i])
	}
	apart := ""
	if set.valued {
		apart = set.columns[0].name
	}
	return tx.changeRows(key, set, rows, d.removed, fresh, pair(olds, news, apart)), nil
}

// changeRows gives the statements that delete, change and add rows: first what makes room.
func (tx *transaction) changeRows(key backends.Key, set *set, rows map[string][]*string, removed []string, fresh [][]*string, pairs map[int]int) []step {
	var steps []step
	left := &masked{set: set}
	for o, form := range removed {
		if _, changes := pairs[o]; !changes {
			left.add(rows[form])
		}
	}
	for _, t := range left.tables {
		steps = append(steps, tx.remove(key, set, t))
	}
	changed := sortedInts(pairs)
	// A row that stops being the only one of its kind (primary) goes before the one that becomes it.
	slices.SortStableFunc(changed, func(a, b int) int {
		return set.claims(rows[removed[a]], fresh[pairs[a]]) - set.claims(rows[removed[b]], fresh[pairs[b]])
	})
	for _, o := range changed {
		steps = append(steps, tx.alter(key, set, rows[removed[o]], fresh[pairs[o]]))
	}
	left = &masked{set: set}
	used := map[int]bool{}
	for _, n := range pairs {
		used[n] = true
	}
	for n, row := range fresh {
		if !used[n] {
			left.add(row)
		}
	}
	for _, t := range left.tables {
		steps = append(steps, tx.insert(key, set, t, false))
	}
	return steps
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

func sortedInts(m map[int]int) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// row gives the encoded values of a Row in the order of the set's columns, nil for none.
func (s *set) row(v backends.Value) ([]*string, error) {
	if v.Kind() != backends.KindRow {
		return nil, invalid(s.name, "A value of "+s.name+" has parts.")
	}
	row := make([]*string, len(s.columns))
	for name, values := range v.Row() {
		c := s.column(name)
		if c == nil {
			return nil, invalid(s.name, "The rows of "+s.name+" have no column "+name+".")
		}
		if len(values) > 1 || c.array {
			return nil, invalid(s.name, "The column "+c.name+" of "+s.name+" holds one value.")
		}
		text, err := c.encode(s.name, values[0])
		if err != nil {
			return nil, err
		}
		row[slices.Index(s.columns, c)] = &text
	}
	return row, nil
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
