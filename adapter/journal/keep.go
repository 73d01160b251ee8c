package journal

import (
	"context"
	"errors"
)

// ErrSpooling is what Ping answers while the database of a journal is away and what it is told is kept on disk until it is back: writes go on.
var ErrSpooling = errors.New("the journal's database is away, and a spool takes its place")

// Entry is what a journal was told at a time: that an intent begins, what came of one (no Intent), or an event that is no write (both).
type Entry struct {
	ID      ID       `json:"id"`
	Intent  *Intent  `json:"intent,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
}

// Keeper takes over what another journal has been told.
type Keeper interface {
	// Keep writes entries as Begin, Finish and Note would, in this order; what is there already stays as it is. They are history: what they weigh is counted, and
	// none is refused by a limit. unfit says of those that can never be written, by their place, why: something else is there (ErrConflict), the intent is not
	// (ErrNoIntent), or the journal cannot hold it (backends.ErrInvalid). All others are durable. With an error nobody knows which, and none is without those
	// before it: Keep is to be called again with the same.
	Keep(ctx context.Context, entries []Entry) (unfit map[int]error, err error)
}
