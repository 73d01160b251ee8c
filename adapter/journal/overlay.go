package journal

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Overlay keeps attributes that the directory has no place for, per tenant, client and resource type. Values compare letter by letter.
type Overlay interface {
	// Load reads the overlay attributes of these keys, and an opaque version for each key that has any.
	Load(ctx context.Context, s Scope, keys []backends.Key) (map[backends.Key]Extra, error)
	// Save replaces the overlay attributes of one key whole; no attributes: removes it. unique names attributes of which no other key of the scope may hold the same value (ErrExists).
	Save(ctx context.Context, s Scope, key backends.Key, attrs map[string]string, unique []string) error
	// Forget removes what every client kept of this key.
	Forget(ctx context.Context, tenant, resourceType string, key backends.Key) error
	// LoadAll reads what every client kept of one key, by client.
	LoadAll(ctx context.Context, tenant, resourceType string, key backends.Key) (map[string]map[string]string, error)
	// Find gives the keys that hold attr; value nil: any value.
	Find(ctx context.Context, s Scope, attr string, value *string) ([]backends.Key, error)
}

// Scope is whose overlay it is.
type Scope struct{ Tenant, Client, ResourceType string }

// Extra is one record's overlay attributes.
type Extra struct {
	Attrs   map[string]string
	Version string
}

// Aliases are the ids under which records were known before they were made again with a key of the directory's choice. An id leads to one key, and a key
// has one id.
type Aliases interface {
	// SetAlias makes id lead to key, in place of where it led before.
	SetAlias(ctx context.Context, tenant, resourceType string, id, key backends.Key) error
	// AliasKeys gives the keys that ids lead to; ids that are no aliases are left out.
	AliasKeys(ctx context.Context, tenant, resourceType string, ids []backends.Key) (map[backends.Key]backends.Key, error)
	// AliasIDs gives the ids of keys; keys without an alias are left out.
	AliasIDs(ctx context.Context, tenant, resourceType string, keys []backends.Key) (map[backends.Key]backends.Key, error)
	// AllAliases gives every alias there is, as AliasKeys would.
	AllAliases(ctx context.Context, tenant, resourceType string) (map[backends.Key]backends.Key, error)
	// ForgetAlias ends the alias that leads to key.
	ForgetAlias(ctx context.Context, tenant, resourceType string, key backends.Key) error
}
