package postgres

import (
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// place is where an attribute of the class is kept.
type place struct {
	attr   string
	column *column  // of the record's table; nil for a set
	path   []string // members below the column, which is a document
	set    *set
}

// set is an attribute kept in rows of another table, as the catalog has it.
type set struct {
	name    string
	rel     *relation
	on      []*column // that hold the record's key, in the order of its columns
	fixed   []fixed   // what all of its rows have, and no others: {medium: email}
	columns []*column
	valued  bool         // rows that differ in the first column are different rows
	either  bool         // one column of each row has a value, and the values are those
	refs    []foreignKey // with either: what each column points at, so that a value's column can be told
}

// fixed is a column that all rows of a set, or of a class, have the same value in.
type fixed struct {
	column *column
	value  string
}

// foreignKey is what one column points at.
type foreignKey struct{ table, column string } // quoted

// rows says that the values of the set are Rows.
func (s *set) rows() bool { return len(s.columns) > 1 && !s.either }

// column finds a column of the set's rows.
func (s *set) column(name string) *column { return findColumn(s.columns, name) }

// findColumn finds a column by its name, else by its name in other letter case.
func findColumn(columns []*column, name string) *column {
	if i := slices.IndexFunc(columns, func(c *column) bool { return c.name == name }); i >= 0 {
		return columns[i]
	}
	if i := slices.IndexFunc(columns, func(c *column) bool { return strings.EqualFold(c.name, name) }); i >= 0 {
		return columns[i]
	}
	return nil
}

// shape is a class as the catalog has it. It is never changed once made.
type shape struct {
	class   *class
	rel     *relation
	key     []*column
	version *column // nil: xmin, or none, as the class says
	deleted *column // nil: rows are really deleted
	doc     *column // nil: no document
	sets    []*set
	folding *folding // how this database folds letters
	lists   *lists   // nil: nothing is remembered
}

// place finds where an attribute that somebody asks for is kept; false for one that is nowhere. The database is held to what it finds from then on.
func (s *shape) place(attr string) (place, bool) {
	p, ok := s.find(attr)
	if ok {
		p.used()
	}
	return p, ok
}

// find is place for what nobody has asked for by its name.
func (s *shape) find(attr string) (place, bool) {
	for _, set := range s.sets {
		if strings.EqualFold(set.name, attr) {
			return place{attr: attr, set: set}, true
		}
	}
	if c := findColumn(s.rel.columns, attr); c != nil {
		return place{attr: attr, column: c}, true
	}
	name, members, ok := backends.SplitPath(attr)
	if c := findColumn(s.rel.columns, name); ok && len(members) > 0 && c != nil && c.family == document && !c.array {
		return place{attr: attr, column: c, path: members}, true
	}
	return place{}, false
}
