package pgjournal

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// Need is a role that a login must be a member of, and what for: "to read the journal".
type Need struct{ Role, For string }

// Explain says of an error what a login may do about it: where the journal's database has denied something, and the login at url is no member of the roles that
// are needed, it becomes *LackedRights with a GRANT for each. Any other error stays as it is: what a directory denies is not the journal's.
func Explain(ctx context.Context, url configs.Secret, err error, needs ...Need) error {
	if !denied(err) {
		return err
	}
	if lacks, ok := errors.AsType[*LackedRights](Lacking(context.WithoutCancel(ctx), url, needs...)); ok {
		return lacks
	}
	return err
}

// Lacking asks which of the roles that are needed the login at url is no member of: *LackedRights, or nil.
func Lacking(ctx context.Context, url configs.Secret, needs ...Need) error {
	lacks, err := lacking(ctx, url, needs)
	if err == nil && len(lacks) > 0 {
		err = &LackedRights{lacks}
	}
	return err
}

// denied says that the journal's database has said no.
func denied(err error) bool {
	if e, ok := errors.AsType[*backends.Error](err); ok {
		return errors.Is(e, journal.ErrDenied)
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code == "42501"
}

// lacking are the needs that a login does not meet. One whose role does not exist yet is met by nobody.
func lacking(ctx context.Context, url configs.Secret, needs []Need) (lacks []string, err error) {
	db, err := openForDDL(url, func(string) {})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	roles, whys := make([]string, len(needs)), make([]string, len(needs))
	for i, need := range needs {
		roles[i], whys[i] = need.Role, need.For
	}
	return within(ctx, db, func(conn *pgx.Conn) ([]string, error) {
		rows, err := conn.Query(ctx, `SELECT format('%s: GRANT %I TO %I', n.why, n.role, current_user) FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n (role, why, nr)
			WHERE CASE WHEN to_regrole(n.role) IS NULL THEN true ELSE NOT pg_has_role(n.role, 'USAGE') END ORDER BY nr`, roles, whys)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[string])
	})
}
