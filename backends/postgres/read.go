package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// batch is how many keys or names one statement asks for.
const batch = 1000

var (
	errGone    = &backends.Error{Kind: backends.ErrNotFound, Detail: "The database has no such row in the mapping's scope."}
	errNothing = errors.New("no row can answer this") // decided without asking
)

// Fetch reads the records with these keys.
func (c *class) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	var records []backends.Record
	for some := range slices.Chunk(c.possible(keys), batch) {
		found, err := c.records(ctx, attrs, func(s *shape, st *statement) error {
			if !s.keyIn(st, some) {
				return errNothing
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	return records, nil
}

// possible are the keys that may be some, as far as that is known without the catalog.
func (c *class) possible(keys []backends.Key) []backends.Key {
	s := c.known()
	seen := make(map[backends.Key]bool, len(keys))
	left := make([]backends.Key, 0, len(keys))
	for _, key := range keys {
		_, ok := keyParts(key, len(c.key))
		if ok && s != nil {
			_, ok = s.parts(key)
		}
		if ok && !seen[key] {
			seen[key] = true
			left = append(left, key)
		}
	}
	return left
}

// records reads the records of the class for which a condition holds; errNothing in its place means none.
func (c *class) records(ctx context.Context, attrs []string, where func(*shape, *statement) error) ([]backends.Record, error) {
	var records []backends.Record
	var v *view
	err := c.d.read(ctx, c, func(s *shape, st *statement) error {
		if err := c.meet(ctx, attrs); err != nil {
			return err
		}
		v = s.selectRecord(st, attrs)
		st.sql(" WHERE ")
		s.scope(st).sql(" AND (")
		if err := where(s, st); err != nil {
			return err
		}
		st.sql(")")
		return nil
	}, func(rows pgx.Rows) error {
		r, err := v.record(rows)
		if err == nil && !v.keyless(r) {
			records = append(records, r)
		}
		return err
	})
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	return records, err
}

// Has says for each value whether attr of the record holds it, in one statement that reads no value.
func (c *class) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	if len(c.possible([]backends.Key{key})) == 0 {
		return nil, errGone
	}
	has := make([]bool, len(values))
	found := false
	err := c.d.read(ctx, c, func(s *shape, st *statement) error {
		return s.hasQuery(st, key, attr, values)
	}, func(rows pgx.Rows) error {
		found = true
		for i, raw := range rows.RawValues() {
			if i > 0 {
				has[i-1] = string(raw) == "true"
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errNothing), err == nil && !found:
		return nil, errGone
	case err != nil:
		return nil, err
	}
	return has, nil
}

// hasQuery writes a SELECT of one answer for each value.
func (s *shape) hasQuery(st *statement, key backends.Key, attr string, values []backends.Value) error {
	if p, known := s.place(attr); known && p.secret() {
		return &backends.Error{Kind: backends.ErrRefused, Attr: attr, Detail: "Secrets are not compared."}
	}
	st.sql("SELECT ''")
	for _, v := range values {
		st.sql(", ((")
		if err := s.condition(st, s.holding(attr, v)); err != nil {
			return err
		}
		st.sql(") IS TRUE)::text")
	}
	st.sql(" FROM ", s.rel.sql(), " t WHERE ")
	s.scope(st).sql(" AND ")
	if !s.keyIs(st, key) {
		return errNothing
	}
	return nil
}

// secret says that the values of a place are never shown.
func (p place) secret() bool {
	switch {
	case len(p.path) > 0:
		return secretName(p.path[len(p.path)-1])
	case p.column != nil:
		return secretName(p.column.name)
	}
	return !p.set.rows() && slices.ContainsFunc(p.set.columns, func(c *column) bool { return secretName(c.name) })
}

// holding is the test for a value that an attribute may hold, by the rule that it compares with. A Row is held where one row has all of its parts.
func (s *shape) holding(attr string, v backends.Value) backends.Predicate {
	if v.Kind() != backends.KindRow {
		return backends.Eq{Attr: attr, Value: v, Rule: s.equality(attr)}
	}
	var parts backends.And
	row := v.Row()
	for _, name := range slices.Sorted(maps.Keys(row)) {
		for _, part := range row[name] {
			parts = append(parts, backends.Eq{Attr: name, Value: part, Rule: s.equalityInRow(attr, name)})
		}
	}
	return backends.Some{Attr: attr, Where: parts}
}

// equality is the rule that an attribute compares by.
func (s *shape) equality(attr string) backends.Rule {
	p, ok := s.place(attr)
	switch {
	case !ok:
	case p.set != nil && len(p.set.columns) > 0:
		return p.set.columns[0].equality()
	case p.column != nil && len(p.path) == 0:
		return p.column.equality()
	}
	return backends.CaseExact
}

// equalityInRow is the rule that a part of an attribute's rows compares by.
func (s *shape) equalityInRow(attr, name string) backends.Rule {
	if p, ok := s.place(attr); ok && p.set != nil {
		if c := p.set.column(name); c != nil {
			return c.equality()
		}
	}
	return backends.CaseExact
}

// equality is the rule by which values of a column are the same to the database itself.
func (c *column) equality() backends.Rule {
	switch c.family {
	case citext:
		return backends.CaseIgnore
	case integer:
		return backends.IntegerRule
	case boolean:
		return backends.BooleanRule
	case instant:
		return backends.TimeRule
	case bytes:
		return backends.OctetRule
	case foreign, text, decimal, date, uuid, enum, address, document:
	}
	return backends.CaseExact
}
