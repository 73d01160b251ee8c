package pgjournal

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// KnownAs gives the further ids and keys that a resource has, or had.
func (j *Journal) KnownAs(ctx context.Context, tenant, resourceType, id string) (ids []string, err error) {
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) (err error) {
		ids, err = knownIDs(ctx, conn, tenant, resourceType, id)
		return err
	})
	return ids, unread(err)
}

// Kept gives what every client kept of these keys.
func (j *Journal) Kept(ctx context.Context, tenant, resourceType string, keys []string) (kept []journal.Kept, err error) {
	err = j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, `SELECT client, key, attr, value FROM overlay.attributes WHERE tenant_id = $1 AND resource_type = $2 AND key = ANY ($3)
			ORDER BY client, key, attr`, tenant, resourceType, keys)
		if err != nil {
			return err
		}
		kept, err = pgx.CollectRows(rows, pgx.RowToStructByPos[journal.Kept])
		return err
	})
	return kept, unread(err)
}
