package pgjournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/scim-adapter/scim-adapter/configs"
)

// serveSQL is what may be missing of the rights to serve, as a sentence and what to do.
const serveSQL = `SELECT format('to write the journal: GRANT scim_app TO %I', current_user) WHERE NOT (
	SELECT bool_and(has_table_privilege(name, privilege)) FROM (VALUES
		('audit.intents', 'INSERT'), ('audit.events', 'INSERT'), ('audit.keys', 'INSERT'), ('audit.checkpoints', 'INSERT'),
		('audit.guard_uses', 'INSERT'), ('audit.guard_uses', 'SELECT'), ('audit.guard_approvals', 'SELECT'), ('audit.guard_resets', 'SELECT'),
		('overlay.attributes', 'SELECT'), ('overlay.attributes', 'INSERT'), ('overlay.attributes', 'UPDATE'), ('overlay.attributes', 'DELETE'),
		('overlay.aliases', 'SELECT'), ('overlay.aliases', 'INSERT'), ('overlay.aliases', 'UPDATE'), ('overlay.aliases', 'DELETE')) AS needed (name, privilege))`

// Review asks the database at url whether it could be served from, and changes nothing: it answers, takes writes, has the tables that this program needs, and the
// role may use them. Where serve would bring the tables up to date (migrates), and may, those that are missing are only pending.
func Review(ctx context.Context, url configs.Secret, migrates bool) (pending []string, err error) {
	db, err := openForDDL(url, func(string) {})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return within(ctx, db, func(conn *pgx.Conn) ([]string, error) { return review(ctx, conn, migrates) })
}

func review(ctx context.Context, conn *pgx.Conn, migrates bool) (pending []string, err error) {
	var standby bool
	if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return nil, err
	}
	if standby {
		return nil, errStandby
	}
	missing, err := Pending(ctx, conn)
	switch {
	case hiddenFrom(err):
		return nil, lacked(ctx, conn, "SELECT format('to write the journal: GRANT scim_app TO %I', current_user)")
	case err != nil:
		return nil, err
	case len(missing) == 0:
		return nil, lacked(ctx, conn, serveSQL)
	case !migrates:
		return nil, fmt.Errorf("it lacks %v: run scim-adapter migrate", missing)
	}
	if lacks, ok := errors.AsType[*LackedRights](MayMigrate(ctx, conn)); ok {
		return nil, fmt.Errorf("it lacks %v, and serve cannot bring it up to date (journal.migrate): %w; or run scim-adapter migrate as another role", missing, lacks)
	}
	return missing, nil
}

// lacked gives what a query says is missing, as an error.
func lacked(ctx context.Context, conn querier, query string) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(lacks) > 0 {
		err = &LackedRights{lacks}
	}
	return err
}
