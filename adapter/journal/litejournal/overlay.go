package litejournal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Load reads the overlay attributes of these keys.
func (j *Journal) Load(ctx context.Context, s journal.Scope, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	extras := map[backends.Key]journal.Extra{}
	if len(keys) == 0 {
		return extras, nil
	}
	list, err := json.Marshal(keys) // one parameter for any number of keys
	if err != nil {
		return nil, fmt.Errorf("keys that cannot be written down: %w", err)
	}
	err = j.query(ctx, func(rows *sql.Rows) error {
		var key backends.Key
		var attr, value string
		if err := rows.Scan(&key, &attr, &value); err != nil {
			return err
		}
		if extras[key].Attrs == nil {
			extras[key] = journal.Extra{Attrs: map[string]string{}}
		}
		extras[key].Attrs[attr] = value
		return nil
	}, `SELECT key, attr, value FROM overlay WHERE tenant = ? AND client = ? AND resource_type = ? AND key IN (SELECT value FROM json_each(?))`,
		s.Tenant, s.Client, s.ResourceType, string(list))
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
	err := j.query(ctx, func(rows *sql.Rows) error {
		var client, attr, value string
		if err := rows.Scan(&client, &attr, &value); err != nil {
			return err
		}
		if all[client] == nil {
			all[client] = map[string]string{}
		}
		all[client][attr] = value
		return nil
	}, "SELECT client, attr, value FROM overlay WHERE tenant = ? AND resource_type = ? AND key = ?", tenant, resourceType, string(key))
	return all, err
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

// query runs a reading statement row by row.
func (j *Journal) query(ctx context.Context, each func(*sql.Rows) error, statement string, args ...any) (err error) {
	rows, err := j.read.QueryContext(ctx, statement, args...)
	if err != nil {
		return away(err)
	}
	defer func() {
		if closing := rows.Close(); err == nil && closing != nil {
			err = away(closing)
		}
	}()
	for rows.Next() {
		if err := each(rows); err != nil {
			return away(err)
		}
	}
	if err := rows.Err(); err != nil {
		return away(err)
	}
	return nil
}

// Save replaces the overlay attributes of one key.
func (j *Journal) Save(ctx context.Context, s journal.Scope, key backends.Key, attrs map[string]string, unique []string) error {
	kept, unique := maps.Clone(attrs), slices.Clone(unique) // the caller may change its own while this waits for its turn
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		for _, attr := range unique {
			value, given := kept[attr]
			if !given {
				continue
			}
			if err := isFree(ctx, conn, s, key, attr, value); err != nil {
				return err
			}
		}
		const forget = "DELETE FROM overlay WHERE tenant = ? AND client = ? AND resource_type = ? AND key = ?"
		if _, err := conn.ExecContext(ctx, forget, s.Tenant, s.Client, s.ResourceType, string(key)); err != nil {
			return away(err)
		}
		for attr, value := range kept {
			const keep = "INSERT INTO overlay (tenant, client, resource_type, key, attr, value) VALUES (?, ?, ?, ?, ?, ?)"
			if _, err := conn.ExecContext(ctx, keep, s.Tenant, s.Client, s.ResourceType, string(key), attr, value); err != nil {
				return away(err)
			}
		}
		return nil
	})
}

// isFree says whether no other key of the scope holds this value. There is one writer, so what is free stays so until the commit.
func isFree(ctx context.Context, conn *sql.Conn, s journal.Scope, key backends.Key, attr, value string) error {
	const other = "SELECT key FROM overlay WHERE tenant = ? AND client = ? AND resource_type = ? AND attr = ? AND value = ? AND key <> ? LIMIT 1"
	var holder string
	err := conn.QueryRowContext(ctx, other, s.Tenant, s.Client, s.ResourceType, attr, value, string(key)).Scan(&holder)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return away(err)
	}
	return &backends.Error{Kind: backends.ErrExists, Attr: attr, Cause: fmt.Errorf("%q holds the same value", holder)}
}

// Forget removes what every client kept of this key.
func (j *Journal) Forget(ctx context.Context, tenant, resourceType string, key backends.Key) error {
	return j.do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		const forget = "DELETE FROM overlay WHERE tenant = ? AND resource_type = ? AND key = ?"
		if _, err := conn.ExecContext(ctx, forget, tenant, resourceType, string(key)); err != nil {
			return away(err)
		}
		return nil
	})
}

// Find gives the keys that hold attr, in alphabetical order.
func (j *Journal) Find(ctx context.Context, s journal.Scope, attr string, value *string) ([]backends.Key, error) {
	statement := "SELECT key FROM overlay WHERE tenant = ? AND client = ? AND resource_type = ? AND attr = ?"
	args := []any{s.Tenant, s.Client, s.ResourceType, attr}
	if value != nil {
		statement += " AND value = ?"
		args = append(args, *value)
	}
	var keys []backends.Key
	err := j.query(ctx, func(rows *sql.Rows) error {
		var key backends.Key
		if err := rows.Scan(&key); err != nil {
			return err
		}
		keys = append(keys, key)
		return nil
	}, statement+" ORDER BY key", args...)
	return keys, err
}
