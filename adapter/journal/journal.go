package journal

import (
	"context"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// ID names an intent: a UUIDv7, made by the caller.
type ID string

// Intent is the account of what is about to happen, written before it does. Nothing in it shares memory with what is changed later.
type Intent struct {
	ID           ID
	Time         time.Time
	Deadline     time.Time // after which its writer does nothing more for it
	Writer       string    // the process that wrote it
	RequestID    string
	Tenant       string
	Client       string
	Subject      string
	Address      string
	UserAgent    string
	Action       string // create, replace, patch, delete
	ResourceType string
	ResourceID   string // "" on create
	Dropped      []string
	Refused      string // why nothing will be done; "" normally
	Steps        []Step
}

// Step is one operation that the intent will do, with the native before-image of what it touches.
type Step struct {
	Backend string // name of the mapping (resource type) whose backend does it
	Op      string // create, modify, move, delete, overlay
	Key     backends.Key
	Name    string // the native name (DN) before, or the one to be made
	Changes []backends.Change
	Attrs   backends.Attributes // create: what is made
	Before  backends.Attributes // values of what the step touches, before it
}

// Outcome closes an intent.
type Outcome struct {
	Time       time.Time
	Status     string // done, failed, undone (compensated), unknown, refused
	ResourceID string
	Version    string
	Error      string
	Steps      []StepOutcome
}

// StepOutcome is what came of one step; Effective is the delta that really took effect.
type StepOutcome struct {
	Status    string
	Effective []backends.Change
	Error     string
}

// Journal stores what is about to happen and what came of it. Begin returns only when the intent is durable; nothing is written to a directory before that.
type Journal interface {
	Begin(ctx context.Context, in Intent) error
	Finish(ctx context.Context, id ID, out Outcome) error
	Ping(ctx context.Context) error
}

// Overlay keeps attributes that the directory has no place for, per tenant, client and resource type.
type Overlay interface {
	// Load reads the overlay attributes of these keys, and an opaque version for each key that has any.
	Load(ctx context.Context, s Scope, keys []backends.Key) (map[backends.Key]Extra, error)
	// Save replaces the overlay attributes of one key whole; no attributes: removes it. unique names attributes of which no other key of the scope may hold the same value (ErrExists).
	Save(ctx context.Context, s Scope, key backends.Key, attrs map[string]string, unique []string) error
	// Forget removes what every client kept of this key.
	Forget(ctx context.Context, tenant, resourceType string, key backends.Key) error
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
