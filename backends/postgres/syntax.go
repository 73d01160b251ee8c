package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Syntax says what the catalog knows of an attribute. What the columns of a set of Rows are is asked as set.column. The members of a document are not
// declared anywhere: each is known, holds several values of any kind, and compares by the kind of what it is compared with.
func (c *class) Syntax(attr string) backends.Syntax {
	s := c.known()
	if s == nil {
		return backends.Syntax{}
	}
	if at, ok := s.place(attr); ok {
		return s.syntaxOf(at)
	}
	for _, set := range s.sets {
		if column := set.part(attr); column != nil {
			return s.syntaxOfColumn(set.rel, column)
		}
	}
	return backends.Syntax{}
}

// Could reports a value that the attribute's column may have, as far as its type says.
func (c *class) Could(attr string, v backends.Value) bool {
	s := c.known()
	if s == nil {
		return true
	}
	var col *column
	if at, ok := s.place(attr); ok && len(at.path) == 0 {
		if col = at.column; col == nil && len(at.set.columns) == 1 {
			col = at.set.columns[0]
		}
	}
	for _, set := range s.sets {
		if part := set.part(attr); part != nil {
			col = part
		}
	}
	if col == nil {
		return true
	}
	text, err := col.encode(attr, v)
	return err == nil && (col.family != enum || slices.Contains(col.words, text))
}

// Foresee says nothing: what is more than values is for the database's constraints to say.
func (c *class) Foresee(context.Context, backends.Write) error { return nil }

// part is the column of the set's rows that attr is the path of; nil for none. A set's name has dots of its own: hr.email.
func (s *set) part(attr string) *column {
	if len(attr) <= len(s.name) || !strings.EqualFold(attr[:len(s.name)], s.name) {
		return nil
	}
	_, members, ok := backends.SplitPath("set" + attr[len(s.name):])
	if !ok || len(members) != 1 {
		return nil
	}
	return s.column(members[0])
}

func (s *shape) syntaxOf(at place) backends.Syntax {
	switch {
	case at.set != nil && at.set.rows():
		return backends.Syntax{Known: at.set.rel.readable, ReadOnly: s.class.at.ReadOnly || !at.set.rel.writable}
	case at.set != nil:
		syntax := s.syntaxOfColumn(at.set.rel, at.set.columns[0])
		syntax.Single = false
		return syntax
	}
	syntax := s.syntaxOfColumn(s.rel, at.column)
	switch {
	case len(at.path) > 0 && at.secret():
		syntax = backends.Syntax{Known: syntax.Known, ReadOnly: syntax.ReadOnly}
	case len(at.path) > 0:
		syntax.Equality, syntax.Order, syntax.Substr, syntax.Single = backends.CaseExact, backends.CaseExact, backends.CaseExact, false
	}
	syntax.Always = syntax.Always && len(at.path) == 0
	return syntax
}

func (s *shape) syntaxOfColumn(rel *relation, c *column) backends.Syntax {
	syntax := backends.Syntax{
		Known: c.readable || c.changed, Single: !c.array, MaxLen: c.length, ReadOnly: c.generated || s.class.at.ReadOnly || !rel.writable,
		Always: c.notNull || c.defaulted,
		Stamp:  rel == s.rel && (c == s.version || s.class.at.Update[c.name] != ""),
	}
	if secretName(c.name) || !c.readable {
		return syntax // it is compared with nothing
	}
	switch c.family {
	case text, decimal, date, uuid, enum, address: // 5.0 is no integer, and yet a number
		syntax.Equality, syntax.Order, syntax.Substr = backends.CaseExact, backends.CaseExact, backends.CaseExact
	case citext:
		syntax.Equality, syntax.Order, syntax.Substr = backends.CaseIgnore, backends.CaseIgnore, backends.CaseIgnore
	case integer:
		syntax.Equality, syntax.Order = backends.IntegerRule, backends.IntegerRule
	case boolean:
		syntax.Equality, syntax.Order = backends.BooleanRule, backends.BooleanRule
	case instant:
		syntax.Equality, syntax.Order = backends.TimeRule, backends.TimeRule
	case bytes:
		syntax.Equality, syntax.Order, syntax.Octets = backends.OctetRule, backends.OctetRule, true
	case foreign:
		syntax.Equality = backends.CaseExact
	case document: // as a whole it is shown, and not compared
	}
	return syntax
}
