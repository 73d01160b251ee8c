package journal

import (
	"context"
	"iter"
	"slices"
	"time"
)

// Event is an intent with what came of it.
type Event struct {
	Intent  Intent
	Outcome *Outcome // nil: still open, or its writer died
	// Forgotten: what was written of the resource can no longer be read, because no key opens it. Who did what to which resource, and when, is there.
	Forgotten bool
	// Unsaid, told by Lookup: no event says that its key was to be destroyed. Somebody has taken it away, or changed it.
	Unsaid bool
}

// Status is what came of the event; StatusOpen when nobody has said.
func (e Event) Status() string {
	if e.Outcome == nil {
		return StatusOpen
	}
	return e.Outcome.Status
}

// ResourceID is the id of the resource that the event was about, also of one that it made.
func (e Event) ResourceID() string {
	if e.Intent.ResourceID == "" && e.Outcome != nil {
		return e.Outcome.ResourceID
	}
	return e.Intent.ResourceID
}

// Filter chooses events; what is zero is not asked.
type Filter struct {
	Since, Until time.Time // of Intent.Time: not before Since, before Until
	Tenant       string
	Actor        string // the client's name, or the subject
	Actions      []string
	Except       []string // actions that are left out
	ResourceType string
	ResourceID   string
	Statuses     []string // StatusOpen: without an outcome
	RequestID    string
	Undoes       ID
	Overdue      time.Time // open, and Intent.Deadline is before it
	Noted        *bool     // only those written by Note, or only the others

	// Whole: who asks says something false if one is missing. An answer that may lack some which are on their way to the journal is an error instead, backends.ErrUnavailable.
	Whole bool

	Newest bool // the last first
	Limit  int  // 0: all
}

// Matches says whether the filter chooses an event. Whole, Newest and Limit are about the list, and not asked here.
func (f Filter) Matches(e Event) bool {
	in := e.Intent
	same := func(want, is string) bool { return want == "" || want == is }
	among := func(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }
	return (f.Since.IsZero() || !in.Time.Before(f.Since)) && (f.Until.IsZero() || in.Time.Before(f.Until)) &&
		same(f.Tenant, in.Tenant) && (f.Actor == "" || f.Actor == in.Client || f.Actor == in.Subject) && among(f.Actions, in.Action) && !slices.Contains(f.Except, in.Action) &&
		same(f.ResourceType, in.ResourceType) && same(f.ResourceID, e.ResourceID()) && among(f.Statuses, e.Status()) &&
		same(f.RequestID, in.RequestID) && same(string(f.Undoes), string(in.Undoes)) &&
		(f.Overdue.IsZero() || e.Outcome == nil && in.Deadline.Before(f.Overdue)) && (f.Noted == nil || *f.Noted == in.Noted)
}

// Reader reads a journal back.
type Reader interface {
	// Lookup gives one event; ErrNoIntent when there is none.
	Lookup(ctx context.Context, id ID) (Event, error)
	// Events gives those that f chooses, in the order in which they began. It sees the journal as it is when it starts. After an error it stops.
	Events(ctx context.Context, f Filter) iter.Seq2[Event, error]
	// Follow gives events that have an outcome, in the order in which that became durable, limit of them at most, and the place behind the last one, to go on from:
	// none is left out and none comes twice, whoever writes meanwhile. Place "" is the beginning. None: nothing has been settled since.
	Follow(ctx context.Context, after Place, limit int) ([]Event, Place, error)
	// End is the place behind everything that is settled now.
	End(ctx context.Context) (Place, error)
}

// Place is how far a journal was followed, in the journal's own words.
type Place string
