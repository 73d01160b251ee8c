package postgres

import (
	"maps"
	"regexp"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// rowBook keeps the rows of a set that changes are about, encoded. What the database has need not be what it would be given: infinity, NaN. Such a value may be named,
// and given again, as far as the record has it.
type rowBook struct {
	set  *set
	rows map[string][]*string        // by their forms, as they were first met
	has  map[*column]map[string]bool // texts that the record has
}

func newRowBook(s *set) *rowBook {
	return &rowBook{set: s, rows: map[string][]*string{}, has: map[*column]map[string]bool{}}
}

// stored says that the record has a row, as far as is known.
func (b *rowBook) stored(v backends.Value) {
	if v.Kind() != backends.KindRow {
		return
	}
	for name, values := range v.Row() {
		c := b.set.column(name)
		if c == nil || len(values) != 1 || values[0].Kind() == backends.KindSecret {
			continue
		}
		if b.has[c] == nil {
			b.has[c] = map[string]bool{}
		}
		b.has[c][values[0].Text()] = true
	}
}

// encode gives the form of a Row, and keeps it.
func (b *rowBook) encode(v backends.Value) (string, error) {
	row, err := b.row(v)
	if err != nil {
		return "", err
	}
	form := b.set.form(row)
	if _, known := b.rows[form]; !known {
		b.rows[form] = row
	}
	return form, nil
}

// row gives the encoded values of a Row in the order of the set's columns, nil for none.
func (b *rowBook) row(v backends.Value) ([]*string, error) {
	s := b.set
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
			if text = values[0].Text(); !b.has[c][text] || !c.odd(text) {
				return nil, err
			}
		}
		row[slices.Index(s.columns, c)] = &text
	}
	return row, nil
}

var (
	oddInstant = regexp.MustCompile(`^(?:-?infinity|[0-9]{4,7}-[0-9]{2}-[0-9]{2}[-0-9 :.+]*(?: BC)?)$`)
	oddNumber  = regexp.MustCompile(`^(?:NaN|-?Infinity)$`)
)

// odd says that a text is one that the database has for a value of the column's type which no calendar and no arithmetic of others knows.
func (c *column) odd(said string) bool {
	switch c.family {
	case instant, date:
		return oddInstant.MatchString(said)
	case decimal:
		return oddNumber.MatchString(said)
	case foreign, text, citext, integer, boolean, uuid, bytes, enum, address, document:
	}
	return false
}

// rowChange is a row that becomes another.
type rowChange struct{ old, fresh []*string }

// leftRows are those that go, and those that come, and become no others.
type leftRows struct{ gone, come *masked }

// changes finds what a difference means: which rows become others, and which just go or come. One that was given once more in other letters becomes what was given.
func (b *rowBook) changes(d *difference) ([]rowChange, leftRows, error) {
	set := b.set
	left := leftRows{&masked{set: set}, &masked{set: set}}
	olds, news := make([]map[string]string, len(d.removed)), make([]map[string]string, len(d.added))
	fresh := make([][]*string, len(d.added))
	for i, form := range d.removed {
		olds[i] = set.parts(b.rows[form])
	}
	for i, v := range d.added {
		row, err := b.row(v)
		if err != nil {
			return nil, left, err
		}
		fresh[i], news[i] = row, set.parts(row)
	}
	apart := ""
	if set.valued {
		apart = set.columns[0].name
	}
	pairs := pair(olds, news, apart)
	var changes []rowChange
	used := map[int]bool{}
	for _, o := range slices.Sorted(maps.Keys(pairs)) {
		changes = append(changes, rowChange{b.rows[d.removed[o]], fresh[pairs[o]]})
		used[pairs[o]] = true
	}
	for o, form := range d.removed {
		if _, becomes := pairs[o]; !becomes {
			left.gone.add(b.rows[form])
		}
	}
	for n, row := range fresh {
		if !used[n] {
			left.come.add(row)
		}
	}
	for _, v := range d.again {
		row, err := b.row(v)
		if err != nil {
			return nil, left, err
		}
		if old := b.rows[set.form(row)]; set.respelled(old, row) {
			changes = append(changes, rowChange{old, row})
		}
	}
	return changes, left, nil
}

// respelled says that rows which are the same have a text in other letters.
func (s *set) respelled(old, fresh []*string) bool {
	for i, c := range s.columns {
		if c.family == citext && old[i] != nil && fresh[i] != nil && *old[i] != *fresh[i] {
			return true
		}
	}
	return false
}

// spells says that values of the set are the same in whatever letters they are written.
func (s *set) spells() bool {
	return len(s.columns) == 1 && s.columns[0].family == citext && !s.columns[0].array
}
