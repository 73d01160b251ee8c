package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Count counts the records of the class that p holds for. Where the database cannot be asked p whole, they are walked.
func (c *class) Count(ctx context.Context, p backends.Predicate, limit int) (n int, exact bool, err error) {
	err = c.d.reading(ctx, c, reading{limit: c.d.cfg.Timeout, search: searches(p), much: searches(p)}, func(s *shape, st *statement) error {
		if !s.above(&statement{}, p) {
			return errNothing
		}
		st.sql("SELECT count(*)::text FROM (SELECT FROM ", s.rel.sql(), " t WHERE ")
		s.inScope(st, p)
		if limit > 0 {
			st.sql(" LIMIT ").arg(int64(limit)+1, "bigint") // one more tells "as many" from "more"
		}
		st.sql(") q")
		return nil
	}, func(rows pgx.Rows) error {
		var err error
		n, err = strconv.Atoi(string(rows.RawValues()[0]))
		return err
	})
	if errors.Is(err, errNothing) {
		n, err = c.countHere(ctx, p, limit)
	}
	switch {
	case err != nil:
		return 0, false, err
	case limit > 0 && n > limit:
		return limit, false, nil
	}
	return n, true, nil
}

func (c *class) countHere(ctx context.Context, p backends.Predicate, limit int) (n int, err error) {
	q := backends.Query{Where: p}
	if limit > 0 {
		q.Limit = limit + 1
	}
	for _, err := range c.Walk(ctx, q) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
