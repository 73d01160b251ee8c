package postgres

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Delete deletes the record with the rows of its sets, or marks it as deleted where the class says so.
func (c *class) Delete(ctx context.Context, key backends.Key, cond backends.Condition) error {
	return c.d.transact(ctx, c, func(ctx context.Context, tx *transaction) error {
		s := tx.s
		if err := s.writable(); err != nil {
			return err
		}
		if s.deleted != nil {
			if _, err := tx.take(ctx, key, cond, forUpdate, nil, nil); err != nil {
				return err
			}
			return tx.run(ctx, tx.update(key, s.touched([]assignment{{s.deleted, s.markDeleted}})))
		}
		if _, err := tx.take(ctx, key, cond, forDelete, nil, nil); err != nil {
			return err
		}
		var steps []step
		for _, set := range s.sets {
			if set.rel.writable {
				steps = append(steps, tx.clear(key, set, nil))
			}
		}
		st := s.where((&statement{}).sql("DELETE FROM ", s.rel.sql(), " AS t"), key)
		return tx.run(ctx, append(steps, step{st: st, done: s.wrote})...)
	})
}

// The strengths of a row lock. Whoever does not delete the row lets others go on referring to it.
const (
	forUpdate = "NO KEY UPDATE"
	forDelete = "UPDATE"
)

func (s *shape) markDeleted(st *statement) {
	if s.deleted.family == boolean {
		st.sql("true")
		return
	}
	st.sql("now()::", s.deleted.typ)
}

// Move answers ErrRefused: rows have no names.
func (c *class) Move(ctx context.Context, key backends.Key, _ backends.Template, _ backends.Condition) error {
	recs, err := c.Fetch(ctx, []backends.Key{key}, nil)
	switch {
	case err != nil:
		return err
	case len(recs) == 0:
		return errGone
	}
	return &backends.Error{Kind: backends.ErrRefused, Detail: "Rows of a table have no names that could change."}
}
