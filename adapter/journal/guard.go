package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	Among     int  // so many processes have a part of it each, because they cannot ask one another; 0: it is whole
}

// Divide gives the part of limits that one of several processes may use while they cannot ask one another. It is rounded down: where there are more processes
// than may happen, none of them lets anything happen.
func Divide(limits []Limit, processes int) []Limit {
	parts := slices.Clone(limits)
	for i := range parts {
		parts[i].Among = processes
	}
	return parts
}

// Span is the window as people write it: 1h, and not 1h0m0s.
func (l Limit) Span() string {
	text := l.Window.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// String is how people are told of a limit: delete: 50 in 1h for each client.
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
	text += fmt.Sprintf(" in %s", l.Span())
	if l.PerClient {
		return text + " for each client"
	}
	return text + " in all"
}

// most is how much the limit allows where there are `of` in all; a share is rounded up, so that one of few can always go. The smaller of number and share
// holds; 0 and false where only a share is given and nobody knows of how many.
func (l Limit) most(of int) (most int, known bool) {
	most, known = l.Count, l.Count > 0
	if l.Percent > 0 && of > 0 {
		share := int((l.Percent*float64(of) + 99.999999) / 100)
		if known {
			share = min(share, most)
		}
		most, known = share, true
	}
	return most / max(1, l.Among), known
}

// Refusal is that a write would pass a limit.
type Refusal struct {
	Limit    Limit
	Client   string    // of whom the limit is; "" for one of all
	Used     int       // within the window
	Wanted   int       // by the write
	Most     int       // what may be used, approvals included
	Approved int       // of Most: what an administrator allows at this moment
	Free     time.Time // from when on the write fits, without approvals and if nobody else uses any; zero: never, or not known
	Spooling bool      // the journal's database is away, and processes cannot count together: approvals are not known either
}

// Excess is how much of what is used must have left the window before the write fits, without approvals; 0 when it never will.
func (r *Refusal) Excess() int {
	limit := r.Most - r.Approved
	if r.Wanted > limit {
		return 0
	}
	return r.Used + r.Wanted - limit
}

// Error says which limit, how much of it is used, and what to do.
func (r *Refusal) Error() string {
	if r.Spooling && r.Limit.Among == 0 {
		return fmt.Sprintf("the journal's database is away, and until it is back nothing happens of which the guard has a limit: %s", r.Limit)
	}
	if r.Spooling {
		return fmt.Sprintf("the journal's database is away, and one of %d processes has used its part of the guard's limit %s: %d of %d used, %d wanted", r.Limit.Among, r.Limit, r.Used, r.Most, r.Wanted)
	}
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
			return &Refusal{Limit: l, Client: client, Used: t.Used, Wanted: w.Count, Most: most, Approved: t.Approved}
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

// Check says what an approval lacks.
func (a Approval) Check() error {
	switch {
	case a.Tenant == "" || a.Kind == "":
		return errors.New("an approval needs a tenant and a kind")
	case a.Count <= 0:
		return errors.New("an approval is of one more at least")
	case !a.Until.After(a.Time):
		return errors.New("an approval ends before it begins")
	}
	return nil
}

// Guard is what is known of the limits. Begin takes; these are for people.
type Guard interface {
	// Uses gives each limit with what is used of it, at this time: one of all clients always, one of each client for those that have used any or are allowed more.
	// They come in the order of the limits, and of clients by name.
	Uses(ctx context.Context, tenant string, now time.Time) ([]Use, error)
	// Approve lets more happen, from its time until it ends; several add up.
	Approve(ctx context.Context, a Approval) error
	// Reset makes what counts of a kind count anew from now on, for one client or (client "") for all of them: what was used no longer counts, for the limit of
	// all clients neither, and what was approved ends.
	Reset(ctx context.Context, tenant, kind, client string, now time.Time) error
}

// Parts are the limits that an intent is held against, each with whose it is: what a journal has to look up before it can judge.
func Parts(limits []Limit, in Intent) []Use {
	var parts []Use
	for _, l := range limits {
		if !slices.ContainsFunc(in.Weights, func(w Weight) bool { return w.Kind == l.Kind && w.Count > 0 }) {
			continue
		}
		part := Use{Limit: l}
		if l.PerClient {
			part.Client = in.Client
		}
		parts = append(parts, part)
	}
	return parts
}
