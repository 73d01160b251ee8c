package litejournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

// SetAlias makes id lead to key, in place of where it led before.
func (j *Journal) SetAlias(ctx context.Context, tenant, resourceType string, id, key backends.Key) error {
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		const forget = "DELETE FROM aliases WHERE tenant = ? AND resource_type = ? AND (id = ? OR key = ?)"
		if _, err := conn.ExecContext(ctx, forget, tenant, resourceType, string(id), string(key)); err != nil {
			return away(err)
		}
		const set = "INSERT INTO aliases (tenant, resource_type, id, key) VALUES (?, ?, ?, ?)"
		if _, err := conn.ExecContext(ctx, set, tenant, resourceType, string(id), string(key)); err != nil {
			return away(err)
		}
		return nil
	})
}

// AliasKeys gives the keys that ids lead to.
func (j *Journal) AliasKeys(ctx context.Context, tenant, resourceType string, ids []backends.Key) (map[backends.Key]backends.Key, error) {
	return j.aliases(ctx, "SELECT id, key FROM aliases WHERE tenant = ? AND resource_type = ? AND id IN (SELECT value FROM json_each(?))", tenant, resourceType, ids)
}

// AliasIDs gives the ids of keys.
func (j *Journal) AliasIDs(ctx context.Context, tenant, resourceType string, keys []backends.Key) (map[backends.Key]backends.Key, error) {
	return j.aliases(ctx, "SELECT key, id FROM aliases WHERE tenant = ? AND resource_type = ? AND key IN (SELECT value FROM json_each(?))", tenant, resourceType, keys)
}

func (j *Journal) aliases(ctx context.Context, query, tenant, resourceType string, of []backends.Key) (map[backends.Key]backends.Key, error) {
	pairs := map[backends.Key]backends.Key{}
	if len(of) == 0 {
		return pairs, nil
	}
	list, err := json.Marshal(of) // one parameter for any number of them
	if err != nil {
		return nil, fmt.Errorf("keys that cannot be written down: %w", err)
	}
	return pairs, j.pairs(ctx, pairs, query, tenant, resourceType, string(list))
}

// AllAliases gives every alias there is.
func (j *Journal) AllAliases(ctx context.Context, tenant, resourceType string) (map[backends.Key]backends.Key, error) {
	pairs := map[backends.Key]backends.Key{}
	return pairs, j.pairs(ctx, pairs, "SELECT id, key FROM aliases WHERE tenant = ? AND resource_type = ?", tenant, resourceType)
}

func (j *Journal) pairs(ctx context.Context, into map[backends.Key]backends.Key, query string, args ...any) error {
	return j.query(ctx, func(rows *sql.Rows) error {
		var from, to backends.Key
		if err := rows.Scan(&from, &to); err != nil {
			return err
		}
		into[from] = to
		return nil
	}, query, args...)
}

// ForgetAlias ends the alias that leads to key.
func (j *Journal) ForgetAlias(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		const forget = "DELETE FROM aliases WHERE tenant = ? AND resource_type = ? AND key = ?"
		if _, err := conn.ExecContext(ctx, forget, tenant, resourceType, string(key)); err != nil {
			return away(err)
		}
		return nil
	})
}
