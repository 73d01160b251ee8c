package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// KnownAs gives the further ids and keys that a resource has. Those that an alias led to before are not kept here: there are no snapshots that know them.
func (j *Journal) KnownAs(ctx context.Context, tenant, resourceType, id string) (ids []string, err error) {
	const also = `SELECT id FROM aliases WHERE tenant = ?1 AND resource_type = ?2 AND key = ?3
		UNION SELECT key FROM aliases WHERE tenant = ?1 AND resource_type = ?2 AND id = ?3 ORDER BY 1`
	err = j.query(ctx, func(rows *sql.Rows) error {
		var other string
		if err := rows.Scan(&other); err != nil {
			return err
		}
		ids = append(ids, other)
		return nil
	}, also, tenant, resourceType, id)
	return ids, err
}

// Kept gives what every client kept of these keys.
func (j *Journal) Kept(ctx context.Context, tenant, resourceType string, keys []string) (kept []journal.Kept, err error) {
	list, err := json.Marshal(keys) // one parameter for any number of keys
	if err != nil {
		return nil, fmt.Errorf("keys that cannot be written down: %w", err)
	}
	err = j.query(ctx, func(rows *sql.Rows) error {
		var k journal.Kept
		if err := rows.Scan(&k.Client, &k.Key, &k.Attr, &k.Value); err != nil {
			return err
		}
		kept = append(kept, k)
		return nil
	}, `SELECT client, key, attr, value FROM overlay WHERE tenant = ? AND resource_type = ? AND key IN (SELECT value FROM json_each(?)) ORDER BY client, key, attr`,
		tenant, resourceType, string(list))
	return kept, err
}
