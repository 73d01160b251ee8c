// Package journal is the adapter's account of its writes: what is about to happen, in which order, what stood there before, and what came of
// each step.
//
// For every write the adapter calls Begin with an Intent, does the intent's steps, and calls Finish with their Outcome. Begin returns only when
// the intent is durable, and nothing is written to a directory before that; so whatever happened to the process in between, the journal knows
// what may be half done and how it looked before. Intents and outcomes are appended and never changed. The same store keeps the Overlay:
// attributes that clients want kept and the directory has no place for.
//
// litejournal keeps it all in one SQLite file; journaltest is the suite that every journal passes.
package journal

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// What can be wrong with a call; a journal that is away answers backends.ErrUnavailable, an overlay value that is taken backends.ErrExists.
var (
	ErrNoIntent = errors.New("the journal has no such intent")
	ErrConflict = errors.New("the journal has another entry under this id")
)

// ID names an intent: a UUIDv7, made by the caller.
type ID string

// Intent is the account of what is about to happen, written before it does. Nothing in it shares memory with what is changed later.
type Intent struct {
	ID           ID        `json:"id"`
	Time         time.Time `json:"time"`
	Deadline     time.Time `json:"deadline"` // after which its writer does nothing more for it
	Writer       string    `json:"writer"`   // the process that wrote it
	RequestID    string    `json:"request_id,omitempty"`
	Tenant       string    `json:"tenant"`
	Client       string    `json:"client,omitempty"`
	Subject      string    `json:"subject,omitempty"`
	Address      string    `json:"address,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	Action       string    `json:"action"` // create, replace, patch, delete
	ResourceType string    `json:"resource_type"`
	ResourceID   string    `json:"resource_id,omitempty"` // "" on create
	Dropped      []string  `json:"dropped,omitempty"`
	Refused      string    `json:"refused,omitempty"` // why nothing will be done; "" normally
	Steps        []Step    `json:"steps,omitempty"`
}

// Step is one operation that the intent will do, with the native before-image of what it touches.
type Step struct {
	Backend string              `json:"backend"` // name of the mapping (resource type) whose backend does it
	Op      string              `json:"op"`      // create, modify, move, delete, overlay
	Key     backends.Key        `json:"key,omitempty"`
	Name    string              `json:"name,omitempty"` // the native name (DN) before, or the one to be made
	Changes []backends.Change   `json:"changes,omitempty"`
	Attrs   backends.Attributes `json:"attrs,omitempty"`  // create: what is made
	Before  backends.Attributes `json:"before,omitempty"` // values of what the step touches, before it
}

// Outcome closes an intent.
type Outcome struct {
	Time       time.Time     `json:"time"`
	Status     string        `json:"status"` // done, failed, undone (compensated), unknown, refused
	ResourceID string        `json:"resource_id,omitempty"`
	Version    string        `json:"version,omitempty"`
	Error      string        `json:"error,omitempty"`
	Steps      []StepOutcome `json:"steps,omitempty"`
}

// StepOutcome is what came of one step; Effective is the delta that really took effect.
type StepOutcome struct {
	Status    string            `json:"status"`
	Effective []backends.Change `json:"effective,omitempty"`
	Error     string            `json:"error,omitempty"`
}

// Journal stores what is about to happen and what came of it. Begin returns only when the intent is durable; nothing is written to a directory
// before that. Each may be called again with the same content, which changes nothing; with other content it is ErrConflict. Finish of an
// intent that never began is ErrNoIntent.
type Journal interface {
	Begin(ctx context.Context, in Intent) error
	Finish(ctx context.Context, id ID, out Outcome) error
	Ping(ctx context.Context) error
}

// Event is an intent with what came of it.
type Event struct {
	Intent  Intent
	Outcome *Outcome // nil: still open, or its writer died
}

// Reader reads a journal back.
type Reader interface {
	// Lookup gives one event; ErrNoIntent when there is none.
	Lookup(ctx context.Context, id ID) (Event, error)
	// Events gives all, in the order in which their intents became durable. After an error it stops.
	Events(ctx context.Context) iter.Seq2[Event, error]
}

// Overlay keeps attributes that the directory has no place for, per tenant, client and resource type. Values compare letter by letter.
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
