package pgjournal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// holdable says whether PostgreSQL has a place for a text.
func holdable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// texts are those keys that can be there at all.
func texts(keys []backends.Key) []string {
	list := make([]string, 0, len(keys))
	for _, k := range keys {
		if holdable(string(k)) {
			list = append(list, string(k))
		}
	}
	return list
}

// Load reads the overlay attributes of these keys.
func (j *Journal) Load(ctx context.Context, s journal.Scope, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	extras := map[backends.Key]journal.Extra{}
	list := texts(keys)
	if len(list) == 0 {
		return extras, nil
	}
	const load = "SELECT key, attr, value FROM overlay.attributes WHERE tenant_id = $1 AND client = $2 AND resource_type = $3 AND key = ANY ($4)"
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		clear(extras)
		rows, err := conn.Query(ctx, load, s.Tenant, s.Client, s.ResourceType, list)
		if err != nil {
			return err
		}
		var key, attr, value string
		_, err = pgx.ForEachRow(rows, []any{&key, &attr, &value}, func() error {
			k := backends.Key(key)
			if extras[k].Attrs == nil {
				extras[k] = journal.Extra{Attrs: map[string]string{}}
			}
			extras[k].Attrs[attr] = value
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	for key, extra := range extras {
		if extra.Version, err = version(extra.Attrs); err != nil {
			return nil, err
		}
		extras[key] = extra
	}
	return extras, nil
}

// LoadAll reads what every client kept of one key.
func (j *Journal) LoadAll(ctx context.Context, tenant, resourceType string, key backends.Key) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	if !holdable(string(key)) {
		return all, nil
	}
	const load = "SELECT client, attr, value FROM overlay.attributes WHERE tenant_id = $1 AND resource_type = $2 AND key = $3"
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		clear(all)
		rows, err := conn.Query(ctx, load, tenant, resourceType, string(key))
		if err != nil {
			return err
		}
		var client, attr, value string
		_, err = pgx.ForEachRow(rows, []any{&client, &attr, &value}, func() error {
			if all[client] == nil {
				all[client] = map[string]string{}
			}
			all[client][attr] = value
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// version is a digest of the content: what is the same again has the same version again.
func version(attrs map[string]string) (string, error) {
	text, err := json.Marshal(attrs) // its members in alphabetical order
	if err != nil {
		return "", fmt.Errorf("overlay attributes that cannot be written down: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// Save replaces the overlay attributes of one key. Who wants a value that must be unique holds its lock until the end of the transaction, so that what is free
// stays so; and who saves a key holds that of the key.
func (j *Journal) Save(ctx context.Context, s journal.Scope, key backends.Key, attrs map[string]string, unique []string) error {
	for attr, value := range attrs {
		if !holdable(attr) || !holdable(value) || !holdable(string(key)) {
			return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "The value holds a character that cannot be stored.", Cause: errors.New("PostgreSQL has no place for it")}
		}
	}
	locks := []int64{lockOf("overlay", s.Tenant, s.ResourceType, string(key))}
	var wanted, values []string
	for _, attr := range unique {
		if value, given := attrs[attr]; given {
			wanted, values = append(wanted, attr), append(values, value)
			locks = append(locks, lockOf("overlay value", s.Tenant, s.Client, s.ResourceType, attr, value))
		}
	}
	slices.Sort(locks) // everybody takes them in the same order
	names := slices.Sorted(maps.Keys(attrs))
	kept := make([]string, len(names))
	for i, name := range names {
		kept[i] = attrs[name]
	}
	return j.change(ctx, locks, func(ctx context.Context, tx pgx.Tx) error {
		if err := isFree(ctx, tx, s, key, wanted, values); err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue("DELETE FROM overlay.attributes WHERE tenant_id = $1 AND client = $2 AND resource_type = $3 AND key = $4", s.Tenant, s.Client, s.ResourceType, string(key))
		if len(names) > 0 {
			b.Queue("INSERT INTO overlay.attributes (tenant_id, client, resource_type, key, attr, value) SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::text[])",
				s.Tenant, s.Client, s.ResourceType, string(key), names, kept)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// isFree says whether no other key of the scope holds one of these values.
func isFree(ctx context.Context, tx pgx.Tx, s journal.Scope, key backends.Key, attrs, values []string) error {
	if len(attrs) == 0 {
		return nil
	}
	const other = `SELECT o.attr, o.key FROM unnest($5::text[], $6::text[]) AS w (attr, value) JOIN overlay.attributes o
		ON o.tenant_id = $1 AND o.client = $2 AND o.resource_type = $3 AND o.attr = w.attr AND md5(o.value) = md5(w.value) AND o.value = w.value AND o.key <> $4 LIMIT 1`
	var attr, holder string
	err := tx.QueryRow(ctx, other, s.Tenant, s.Client, s.ResourceType, string(key), attrs, values).Scan(&attr, &holder)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return &backends.Error{Kind: backends.ErrExists, Attr: attr, Cause: fmt.Errorf("%q holds the same value", holder)}
}

// change is a transaction that takes these locks first. What it does can be done twice: a commit that is not answered is tried once more.
func (j *Journal) change(ctx context.Context, locks []int64, do func(context.Context, pgx.Tx) error) error {
	return j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			b := &pgx.Batch{}
			j.session(b, locks)
			if err := tx.SendBatch(ctx, b).Close(); err != nil {
				return err
			}
			return do(ctx, tx)
		})
	})
}

// Forget removes what every client kept of this key.
func (j *Journal) Forget(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	return j.change(ctx, []int64{lockOf("overlay", tenant, resourceType, string(key))}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM overlay.attributes WHERE tenant_id = $1 AND resource_type = $2 AND key = $3", tenant, resourceType, string(key))
		return err
	})
}

// Find gives the keys that hold attr, in alphabetical order.
func (j *Journal) Find(ctx context.Context, s journal.Scope, attr string, value *string) ([]backends.Key, error) {
	query, args := "SELECT key FROM overlay.attributes WHERE tenant_id = $1 AND client = $2 AND resource_type = $3 AND attr = $4", []any{s.Tenant, s.Client, s.ResourceType, attr}
	if value != nil {
		if !holdable(*value) {
			return nil, nil
		}
		query += " AND md5(value) = md5($5::text) AND value = $5::text"
		args = append(args, *value)
	}
	var keys []backends.Key
	err := j.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, query+" ORDER BY key", args...)
		if err != nil {
			return err
		}
		keys, err = pgx.CollectRows(rows, pgx.RowTo[backends.Key])
		return err
	})
	return keys, err
}
