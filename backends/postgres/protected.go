package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Protected asks what a write would ask of the row that it has locked.
func (c *class) Protected(ctx context.Context, key backends.Key) (protected bool, err error) {
	if len(c.possible([]backends.Key{key})) == 0 {
		return false, errGone
	}
	found := false
	err = c.d.read(ctx, c, func(s *shape, st *statement) error {
		st.sql("SELECT (")
		s.protected(st)
		st.sql(")::text FROM ", s.rel.sql(), " t WHERE ")
		s.scope(st).sql(" AND ")
		if !s.keyIs(st, key) {
			return errNothing
		}
		return nil
	}, func(rows pgx.Rows) error {
		found, protected = true, string(rows.RawValues()[0]) == "true"
		return nil
	})
	if errors.Is(err, errNothing) || err == nil && !found {
		return false, errGone
	}
	return protected, err
}
