package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// The list of new resources that wait for somebody's word is in the journal, as noted events about the accounts that they are like: what waits, and what was decided.

// What an event of the list says.
const (
	ReviewWaiting  = "waiting"
	ReviewApproved = "approved" // the account becomes the client's resource when it is made the next time
	ReviewRejected = "rejected" // it is somebody else
)

// Review is an account that a client's new resource is like, and what was said about it.
type Review struct {
	Event   journal.ID // that noted it, or the decision about it
	Time    time.Time
	Tenant  string
	Client  string
	Type    string // of the account
	ID      string
	Match   []journal.Change // what both have: After of each attribute; and behind it what Enables tells of
	Called  journal.Change   // what the new resource is called, where that is not among Match
	State   string           // one of the Review constants
	By      string           // who decided
	Expired bool             // what it says can no longer be read
}

// reviewPath is the path of the first change of such an event, whose value is a reviewNote. Those of Match and Called follow.
const reviewPath = "review"

type reviewNote struct {
	State string `json:"state"`
	Match int    `json:"match"` // how many changes are of Match
}

// mostReviewsRead is how many events about one account are looked at for a decision: the newest.
const mostReviewsRead = 200

// reviewed says whether an administrator has approved that a new resource is this account; false when he has said it is not. As long as nobody has said anything it is on
// the list, and the client is told so.
func (s *Service) reviewed(ctx context.Context, c *class, req scim.Request, key backends.Key, l likeness, body *scim.Object) (bool, error) {
	fresh := s.newReview(c, req, key, l, body)
	state, waits, err := s.decided(ctx, fresh)
	if err != nil {
		return false, s.away(err, http.StatusServiceUnavailable, "The journal, which knows whether this resource may become one that is there already, cannot be read at the moment. Nothing was made.")
	}
	if state != "" {
		return state == ReviewApproved, nil
	}
	before, err := s.load(ctx, c, req, key, change{action: journal.ActionAdopt})
	if err != nil {
		return false, err
	}
	if err := l.freeFor(body, before.res, key); err != nil {
		return false, err
	}
	if !waits && s.planning == forReal {
		if err := s.noteReview(ctx, req, fresh); err != nil {
			return false, s.away(err, http.StatusServiceUnavailable, "The journal cannot be written at the moment, so nothing was changed.")
		}
	}
	return false, notUnique("Another resource has the same %s already: its id is %s. Whether it is the same is for an administrator of this service to say (scim-adapter adopt list); "+
		"until then nothing is made. Try again later.", l.words(), key)
}

// newReview is the line of the list for an account that a new resource is like.
func (s *Service) newReview(c *class, req scim.Request, key backends.Key, l likeness, body *scim.Object) Review {
	r := Review{
		Event: journal.ID(s.o.NewID()), Time: s.o.Now(), Tenant: req.Caller.Tenant, Client: req.Caller.Client, Type: c.Name(), ID: string(key), State: ReviewWaiting,
	}
	for i, ref := range l.Match {
		r.Match = append(r.Match, journal.Change{Path: ref.String(), After: textOf(l.values[i])})
	}
	if l.enables {
		r.Match = append(r.Match, journal.Change{Path: activePath, Before: json.RawMessage("false"), After: json.RawMessage("true")})
	}
	for _, path := range []string{"userName", "displayName"} {
		if v, ok := body.Get(path); ok && !slices.Contains(l.paths(), path) {
			r.Called = journal.Change{Path: path, After: single([]any{v})}
			break
		}
	}
	return r
}

// Enables says that the account is disabled, and that the new resource would enable it. Who has approved that they are the same person has not approved this. No rule matches by what is true or false.
func (r Review) Enables() bool {
	return len(r.Match) > 0 && r.Match[len(r.Match)-1].Path == activePath
}

// decided says what was decided about an account as far as a client's new resource is concerned, "" for nothing, and whether that waits for a decision.
func (s *Service) decided(ctx context.Context, fresh Review) (state string, waits bool, err error) {
	noted := true
	f := journal.Filter{
		Tenant: fresh.Tenant, Actions: []string{journal.ActionReview}, ResourceType: fresh.Type, ResourceID: fresh.ID, Noted: &noted, Whole: true, Newest: true, Limit: mostReviewsRead,
	}
	if s.o.Events == nil {
		return "", false, errors.New("no journal can be read back")
	}
	latest := ""
	for e, err := range s.o.Events.Events(ctx, f) {
		if err != nil {
			return "", false, err
		}
		r, ok := ReviewOf(e)
		switch {
		case !ok || r.Expired || r.Client != fresh.Client || !r.matchesBy(fresh):
			continue
		case latest == "":
			latest = r.State
		}
		if r.State != ReviewWaiting && r.sameAs(fresh) {
			return r.State, false, nil
		}
	}
	return "", latest == ReviewWaiting, nil
}

// matchesBy says that two are about the same attributes.
func (r Review) matchesBy(other Review) bool {
	return slices.EqualFunc(r.Match, other.Match, func(a, b journal.Change) bool { return a.Path == b.Path })
}

// sameAs says that two are about the same values, too, as far as the journal was told them.
func (r Review) sameAs(other Review) bool {
	return slices.EqualFunc(r.Match, other.Match, func(a, b journal.Change) bool {
		if a.Path != b.Path {
			return false
		}
		x, y := string(a.After), string(b.After)
		hidden := string(markOf(json.RawMessage("x")))
		return x == hidden || y == hidden || backends.Normalize(backends.CaseIgnoreSpace, x) == backends.Normalize(backends.CaseIgnoreSpace, y)
	})
}

// noteReview puts a line on the list.
func (s *Service) noteReview(ctx context.Context, req scim.Request, r Review) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.FinishTimeout)
	defer cancel()
	in := r.intent()
	in.Writer, in.RequestID, in.Subject, in.Address, in.UserAgent = s.o.Writer, req.Caller.RequestID, req.Caller.Subject, req.Caller.Address, req.Caller.UserAgent
	return s.o.Journal.Note(ctx, in, r.outcome())
}

// intent is the event of a line, without who wrote it.
func (r Review) intent() journal.Intent {
	text, err := json.Marshal(reviewNote{r.State, len(r.Match)})
	if err != nil {
		panic(err) // a text and a number
	}
	in := journal.Intent{
		ID: r.Event, Time: r.Time, Deadline: r.Time, Tenant: r.Tenant, Client: r.Client, Action: journal.ActionReview, ResourceType: r.Type, ResourceID: r.ID, Noted: true,
		Diff: append([]journal.Change{{Path: reviewPath, After: text}}, r.Match...),
	}
	if r.Called.Path != "" {
		in.Diff = append(in.Diff, r.Called)
	}
	return in
}

// outcome ends the event: nothing was made while it waits.
func (r Review) outcome() journal.Outcome {
	out := journal.Outcome{Time: r.Time, Status: journal.StatusDone, ResourceID: r.ID}
	if r.State == ReviewWaiting {
		out.Status, out.Error = journal.StatusRefused, "another resource is like the new one, and nobody has said yet whether it is the same"
	}
	return out
}

// ReviewOf reads a line of the list; false when the event is none. Of one that was forgotten, Expired is set.
func ReviewOf(e journal.Event) (Review, bool) {
	in := e.Intent
	if in.Action != journal.ActionReview || !in.Noted {
		return Review{}, false
	}
	r := Review{Event: in.ID, Time: in.Time, Tenant: in.Tenant, Client: in.Client, Type: in.ResourceType, ID: e.ResourceID(), Expired: true}
	var note reviewNote
	if e.Forgotten || len(in.Diff) == 0 || in.Diff[0].Path != reviewPath || json.Unmarshal(in.Diff[0].After, &note) != nil || note.Match < 1 || note.Match >= len(in.Diff) {
		return r, true
	}
	r.State, r.Match, r.Expired = note.State, in.Diff[1:1+note.Match], false
	if rest := in.Diff[1+note.Match:]; len(rest) > 0 {
		r.Called = rest[0]
	}
	if r.State != ReviewWaiting {
		r.By = in.Subject
	}
	return r, true
}

// Reviews gives the list, the newest first: of each client and account what was said last. Those that can no longer be read are left out.
func Reviews(ctx context.Context, reader journal.Reader, f journal.Filter) ([]Review, error) {
	noted := true
	f.Actions, f.Noted, f.Newest = []string{journal.ActionReview}, &noted, true
	var all []Review
	lines := map[string][]int{} // of what is about one account and client, places in all
	for e, err := range reader.Events(ctx, f) {
		if err != nil {
			return nil, err
		}
		r, ok := ReviewOf(e)
		if !ok || r.Expired {
			continue
		}
		about := strings.Join([]string{r.Tenant, r.Client, r.Type, r.ID}, "\x00")
		if i := slices.IndexFunc(lines[about], func(i int) bool { return all[i].sameAs(r) }); i >= 0 {
			if at := &all[lines[about][i]]; at.State == ReviewWaiting && r.State != ReviewWaiting {
				*at = r // decided by a clock that is behind
			}
			continue
		}
		lines[about] = append(lines[about], len(all))
		all = append(all, r)
	}
	return all, nil
}

// Decide writes a decision about a line of the list into the journal, by somebody who stands behind it, and gives it. It counts from the client's next attempt on.
func (r Review) Decide(ctx context.Context, j journal.Journal, id journal.ID, state, by, writer string, now time.Time) (Review, error) {
	if !now.After(r.Time) {
		now = r.Time.Add(time.Millisecond) // the clock that noted it was ahead
	}
	r.Event, r.Time, r.State, r.By = id, now, state, by
	in := r.intent()
	in.Subject, in.Writer = by, writer
	return r, j.Note(ctx, in, r.outcome())
}
