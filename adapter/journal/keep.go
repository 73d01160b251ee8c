package journal

import (
	"context"
	"errors"

	"github.com/scim-adapter/scim-adapter/backends"
)

// ErrSpooling is what Ping answers while the database of a journal is away and what it is told is kept on disk until it is back: writes go on.
var ErrSpooling = errors.New("the journal's database is away, and a spool takes its place")

// Entry is what a journal was told at a time: that an intent begins, what came of one (no Intent), or an event that is no write (both). Where entries wait there is a
// fourth kind among them: what the overlay is to forget.
type Entry struct {
	ID      ID         `json:"id"`
	Intent  *Intent    `json:"intent,omitempty"`
	Outcome *Outcome   `json:"outcome,omitempty"`
	Forget  *Forgotten `json:"forget,omitempty"` // no Keeper takes it
}

// Forgotten is a record of which the overlay is to forget what every client kept.
type Forgotten struct {
	Tenant       string       `json:"tenant"`
	ResourceType string       `json:"resource_type"`
	Key          backends.Key `json:"key"`
}

// Postponer is an Overlay of which a delete need not wait until it can be written.
type Postponer interface {
	// ForgetLater is Forget, now or when the overlay can be written again. That it will be is durable when this returns.
	ForgetLater(ctx context.Context, tenant, resourceType string, key backends.Key) error
}

// Keeper takes over what another journal has been told.
type Keeper interface {
	// Keep writes entries as Begin, Finish and Note would, in this order; what is there already stays as it is. They are history: what they weigh is counted, and
	// none is refused by a limit. unfit says of those that can never be written, by their place, why: something else is there (ErrConflict), the intent is not
	// (ErrNoIntent), or the journal cannot hold it (backends.ErrInvalid). All others are durable. With an error nobody knows which, and none is without those
	// before it: Keep is to be called again with the same.
	Keep(ctx context.Context, entries []Entry) (unfit map[int]error, err error)
}
