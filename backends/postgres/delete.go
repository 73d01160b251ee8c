package postgres

import (
	"context"
	"errors"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Delete deletes the record with the rows of its sets, or marks it as deleted where the class says so. What is released lets go first: who makes a record
// point at another takes the row of the one before that of the other, too, so the two wait for each other in one order.
func (c *class) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	held, err := c.holders(release)
	if err != nil {
		return err
	}
	for renewed := false; ; renewed = true {
		for _, h := range held {
			if h.s, err = h.c.shape(ctx); err != nil {
				return err
			}
		}
		err = c.d.transact(ctx, c, func(ctx context.Context, tx *transaction) error {
			if err := tx.s.writable(); err != nil {
				return err
			}
			for _, h := range held {
				if err := tx.release(ctx, h); err != nil {
					return tx.firstOf(ctx, key, cond, err)
				}
			}
			return tx.delete(ctx, key, cond)
		})
		if renewed || len(held) == 0 || !outdated(err) || errors.Is(err, backends.ErrUnknown) {
			break
		}
		for _, h := range held {
			h.c.forget() // it may be one of these whose table is another by now
		}
	}
	for _, h := range held {
		h.said.Effective = nil
		if err == nil || errors.Is(err, backends.ErrUnknown) {
			h.said.Effective = h.effective
		}
	}
	return err
}

// delete deletes the record itself.
func (tx *transaction) delete(ctx context.Context, key backends.Key, cond backends.Condition) error {
	s := tx.s
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
