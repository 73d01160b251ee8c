package journal

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// What the guard counts.
const (
	GuardDelete       = "delete"        // resources that go away
	GuardDisable      = "disable"       // resources that become inactive
	GuardRemoveMember = "remove_member" // members taken out of groups
)

// Weight is what a write takes of the guard's limits of one kind.
type Weight struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	Of    int    `json:"of,omitempty"` // how many there are in all, for limits in percent; 0: not known
}

// Limit is how much of a kind may happen within a window.
type Limit struct {
	Kind      string
	Count     int     // 0: no number
	Percent   float64 // of Weight.Of; 0: no share
	Window    time.Duration
	PerClient bool // each client has its own; otherwise all clients together
}

// String is how people are told of a limit: delete: 50 in 1h0m0s for each client.
func (l Limit) String() string {
	text := l.Kind + ":"
	if l.Count > 0 {
		text += fmt.Sprintf(" %d", l.Count)
	}
	if l.Count > 0 && l.Percent > 0 {
		text += " or"
	}
	if l.Percent > 0 {
		text += fmt.Sprintf(" %g %%", l.Percent)
	}
	text += fmt.Sprintf(" in %s", l.Window)
	if l.PerClient {
		return text + " for each client"
	}
	return text + " in all"
}

// most is how much the limit allows where there are `of` in all; a share is rounded up, so that one of few can always go. The smaller of number and share
// holds; 0 and false where only a share is given and nobody knows of how many.
func (l Limit) most(of int) (most int, known bool) {
	if l.Percent > 0 && of > 0 {
		share := int((l.Percent*float64(of) + 99.999999) / 100)
		if l.Count > 0 {
			share = min(share, l.Count)
		}
		return share, true
	}
	return l.Count, l.Count > 0
}

// Refusal is that a write would pass a limit.
type Refusal struct {
	Limit  Limit
	Client string // of whom the limit is; "" for one of all
	Used   int    // within the window
	Wanted int    // by the write
	Most   int    // what may be used, approvals included
}

// Error says which limit, how much of it is used, and what to do.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the guard's limit %s is reached: %d of %d used, %d wanted", r.Limit, r.Used, r.Most, r.Wanted)
}

// Taken is what of a limit is used, as a journal counts it in the transaction that takes it.
type Taken struct {
	Used     int // within the window, since it was last made to count anew
	Approved int // that may be used beyond the limit, at this moment
}

// Judge holds the weights of an intent against the limits; taken says how much of one is used, and is asked for those that matter only.
func Judge(limits []Limit, in Intent, taken func(l Limit, client string) (Taken, error)) error {
	for _, l := range limits {
		i := slices.IndexFunc(in.Weights, func(w Weight) bool { return w.Kind == l.Kind && w.Count > 0 })
		if i < 0 {
			continue
		}
		w, client := in.Weights[i], ""
		if l.PerClient {
			client = in.Client
		}
		most, known := l.most(w.Of)
		if !known {
			continue
		}
		t, err := taken(l, client)
		if err != nil {
			return err
		}
		if most += t.Approved; t.Used+w.Count > most {
			return &Refusal{Limit: l, Client: client, Used: t.Used, Wanted: w.Count, Most: most}
		}
	}
	return nil
}

// Approval lets more of a kind happen than the limits say, for a while.
type Approval struct {
	Tenant, Kind string
	Client       string // whose limit; "" for that of all clients together
	Count        int    // so many more
	Time, Until  time.Time
	By           string // who approved
}

// Use is what an administrator is shown of one limit.
type Use struct {
	Limit  Limit
	Client string // of whom; "" for a limit of all clients together
	Taken
}

// Guard is what is known of the limits. Begin takes; these are for people.
type Guard interface {
	// Uses gives each limit with what is used of it, at this time: one of all clients always, one of each client for those that have used any.
	Uses(ctx context.Context, tenant string, now time.Time) ([]Use, error)
	Approve(ctx context.Context, a Approval) error
	// Reset makes what counts of a kind count anew from now on, for one client or (client "") for all of them.
	Reset(ctx context.Context, tenant, kind, client string, now time.Time) error
}
