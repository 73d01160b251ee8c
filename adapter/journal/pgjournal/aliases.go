package pgjournal

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

// SetAlias makes id lead to key, in place of where it led before.
func (j *Journal) SetAlias(ctx context.Context, tenant, resourceType string, id, key backends.Key) error {
	return j.change(ctx, []int64{lockOf("aliases", tenant, resourceType)}, func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue("DELETE FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND (id = $3 OR key = $4)", tenant, resourceType, string(id), string(key))
		b.Queue("INSERT INTO overlay.aliases (tenant_id, resource_type, id, key) VALUES ($1, $2, $3, $4)", tenant, resourceType, string(id), string(key))
		return tx.SendBatch(ctx, b).Close()
	})
}

// AliasKeys gives the keys that ids lead to.
func (j *Journal) AliasKeys(ctx context.Context, tenant, resourceType string, ids []backends.Key) (map[backends.Key]backends.Key, error) {
	return j.aliases(ctx, "SELECT id, key FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND id = ANY ($3)", tenant, resourceType, ids)
}

// AliasIDs gives the ids of keys.
func (j *Journal) AliasIDs(ctx context.Context, tenant, resourceType string, keys []backends.Key) (map[backends.Key]backends.Key, error) {
	return j.aliases(ctx, "SELECT key, id FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND key = ANY ($3)", tenant, resourceType, keys)
}

func (j *Journal) aliases(ctx context.Context, query, tenant, resourceType string, of []backends.Key) (map[backends.Key]backends.Key, error) {
	list := texts(of)
	if len(list) == 0 {
		return map[backends.Key]backends.Key{}, nil
	}
	return j.pairs(ctx, query, tenant, resourceType, list)
}

// AllAliases gives every alias there is.
func (j *Journal) AllAliases(ctx context.Context, tenant, resourceType string) (map[backends.Key]backends.Key, error) {
	return j.pairs(ctx, "SELECT id, key FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2", tenant, resourceType)
}

func (j *Journal) pairs(ctx context.Context, query string, args ...any) (map[backends.Key]backends.Key, error) {
	pairs := map[backends.Key]backends.Key{}
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		var from, to backends.Key
		_, err = pgx.ForEachRow(rows, []any{&from, &to}, func() error {
			pairs[from] = to
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return pairs, nil
}

// ForgetAlias ends the alias that leads to key.
func (j *Journal) ForgetAlias(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	return j.change(ctx, []int64{lockOf("aliases", tenant, resourceType)}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM overlay.aliases WHERE tenant_id = $1 AND resource_type = $2 AND key = $3", tenant, resourceType, string(key))
		return err
	})
}
