package adapter

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// UndoOptions say how events are taken back.
type UndoOptions struct {
	Reader   journal.Reader // where the events are from: it tells what was taken back already
	DryRun   bool           // only say what would be done
	Force    bool           // also what somebody has changed since
	Progress func(Undone)   // told of each event when it is done with; nil: nobody
}

// What comes of taking an event back.
const (
	UndoDone    = "done"
	UndoPlanned = "planned" // in a dry run: it would be done
	UndoSkipped = "skipped" // somebody has changed since what the event left, or nobody can say what it did
	UndoFailed  = "failed"
	UndoNothing = "nothing" // there is nothing to take back
)

// Undone is what came of taking one event back, or would come of it.
type Undone struct {
	Event    journal.ID `json:"event,omitempty"` // that is taken back
	Time     time.Time  `json:"time"`            // when it began
	Actor    string     `json:"actor,omitempty"`
	Action   string     `json:"action"`
	Resource string     `json:"resource"` // User/ID
	Result   string     `json:"result"`   // one of the Undo constants
	Why      []string   `json:"why,omitempty"`
	Lost     []string   `json:"lost,omitempty"`    // attributes that cannot be put back
	Stamped  []string   `json:"stamped,omitempty"` // attributes that are not as they were because the directory itself maintains them
	Stays    []string   `json:"stays,omitempty"`   // of a restore: attributes that are left as somebody else has made them
	Plan     []string   `json:"plan,omitempty"`    // in the directory's own language
	By       journal.ID `json:"by,omitempty"`      // the event that took it back, which can be taken back itself

	key   backends.Key // of the record when it was done
	taken bool         // somebody else has its name, its key or a unique value
}

// OK says that everything was taken back that there was to take back.
func (u Undone) OK() bool {
	return u.Result != UndoSkipped && u.Result != UndoFailed && len(u.Stays) == 0
}

// Undo takes events back, in the order in which they are given: the newest first. Each is a write of its own, with an intent and before-images, and can be
// taken back itself. An event whose resource is no longer as the event left it is skipped, unless forced. The events of which nothing is left to be done, or
// never was, are told, too.
func (s *Service) Undo(ctx context.Context, caller scim.Caller, events []journal.Event, o UndoOptions) []Undone {
	all := make([]Undone, 0, len(events))
	listed := map[journal.ID]bool{}
	for _, e := range events {
		listed[e.Intent.ID] = true
	}
	seen := map[imageKey]*subject{} // a dry run goes on from what it would have done
	stop := error(nil)
	for _, e := range mainFirst(events) {
		u := described(e)
		if stop != nil {
			u.Result, u.Why = UndoFailed, []string{"not tried: " + stop.Error()}
		} else {
			err := s.undo(ctx, caller, e, o, listed, seen, &u)
			if errors.Is(err, backends.ErrUnavailable) || ctx.Err() != nil {
				stop = errors.Join(err, ctx.Err())
			}
		}
		if all = append(all, u); o.Progress != nil {
			o.Progress(u)
		}
	}
	return all
}

func described(e journal.Event) Undone {
	actor := e.Intent.Client
	if e.Intent.Subject != "" {
		actor = e.Intent.Subject
	}
	return Undone{Event: e.Intent.ID, Time: e.Intent.Time, Actor: actor, Action: e.Intent.Action, Resource: e.Intent.ResourceType + "/" + e.ResourceID()}
}

// mainFirst puts what was done for a write later, in records that point at its own, behind the write: they can only point at it when it is there again.
func mainFirst(events []journal.Event) []journal.Event {
	var ordered, late []journal.Event
	for _, e := range events {
		if onlyOthers(e) {
			late = append(late, e)
			continue
		}
		ordered = append(ordered, e)
		late = slices.DeleteFunc(late, func(l journal.Event) bool {
			if !FollowsUp(l, e) {
				return false
			}
			ordered = append(ordered, l)
			return true
		})
	}
	return append(ordered, late...)
}

// FollowsUp says that an event is what was done later for a write, in records that point at its own: a second look that found something to do.
func FollowsUp(late, e journal.Event) bool {
	a, b := late.Intent, e.Intent
	return a.ID != b.ID && onlyOthers(late) && a.RequestID == b.RequestID && a.Client == b.Client && a.Action == b.Action && a.ResourceType == b.ResourceType && late.ResourceID() == e.ResourceID()
}

// onlyOthers says that no step of the event is about its own resource.
func onlyOthers(e journal.Event) bool {
	return len(e.Intent.Steps) > 0 && !slices.ContainsFunc(e.Intent.Steps, func(step journal.Step) bool { return isOwn(e, step) })
}

// isOwn says that a step is about the event's own resource. One that is made has no key yet when the steps are written down.
func isOwn(e journal.Event, step journal.Step) bool {
	return step.Backend == e.Intent.ResourceType && (step.Key == "" || string(step.Key) == e.ResourceID())
}

// undo takes one event back. The error is what stands in the way of all others, too.
func (s *Service) undo(ctx context.Context, caller scim.Caller, e journal.Event, o UndoOptions, listed map[journal.ID]bool, seen map[imageKey]*subject, u *Undone) error {
	e = s.o.Discretion.event(e)
	result, why, err := s.undoable(ctx, e, o, listed)
	if err != nil || result != "" {
		return u.end(result, why, err)
	}
	c, ok := s.byName[e.Intent.ResourceType]
	if !ok {
		return u.end(UndoSkipped, "no mapping is called "+e.Intent.ResourceType, nil)
	}
	if !o.DryRun {
		release, err := s.locks.take(ctx, c.lockName(e.ResourceID()))
		if err != nil {
			return u.end("", "", err)
		}
		defer release()
		seen = nil
	}
	again := func() error {
		r := s.newRewind(c, caller, backends.Key(e.ResourceID()), o, seen)
		r.ahead = true
		u.Why, u.Lost, u.Stamped, u.Plan = nil, nil, nil, nil
		if err := r.event(ctx, e); err != nil {
			return err
		}
		if r.again {
			r.dismiss()
			return u.end(UndoNothing, "it is there again already", nil)
		}
		return r.end(ctx, journal.ActionUndo, e.Intent.ID, u)
	}
	for range retries {
		if err = again(); !isChanged(err) {
			break
		}
	}
	return u.end("", "", err)
}

// end says what came of it, if anything is left to be said.
func (u *Undone) end(result, why string, err error) error {
	if err != nil {
		result, why = UndoFailed, plainly(err)
	}
	if result != "" {
		u.Result = result
	}
	if why != "" {
		u.Why = append(u.Why, why)
	}
	return err
}

// plainly is an error for an operator, who may read what a client may not.
func plainly(err error) string {
	if known, ok := errors.AsType[*scim.Error](err); ok && known.Cause == nil {
		return known.Detail
	}
	return err.Error()
}

// undoable says what becomes of an event without looking at any directory; "" when it is to be taken back.
func (s *Service) undoable(ctx context.Context, e journal.Event, o UndoOptions, listed map[journal.ID]bool) (result, why string, err error) {
	if result, why := settled(e); result != "" {
		return result, why, nil
	}
	if e.Intent.Tenant != s.o.Tenant {
		return UndoSkipped, "it is of tenant " + e.Intent.Tenant + ", and not of " + s.o.Tenant, nil
	}
	by, err := undoneBy(ctx, o.Reader, e.Intent.ID)
	switch {
	case err != nil:
		return "", "", err
	case by != "" && !o.Force:
		return UndoNothing, "taken back already by " + string(by), nil
	case e.Intent.Undoes != "" && listed[e.Intent.Undoes] && !o.Force:
		return UndoNothing, "it took back " + string(e.Intent.Undoes) + ", which is to be taken back, too", nil
	}
	return "", "", nil
}

// settled says what becomes of an event by its own account; "" when some of it stands.
func settled(e journal.Event) (result, why string) {
	switch status := e.Status(); {
	case status == journal.StatusShadow:
		return UndoNothing, "it was only planned, because scim.mode was shadow: nothing was written, and there is nothing to take back"
	case e.Intent.Noted:
		return UndoNothing, "nothing was written"
	case e.Forgotten:
		return UndoSkipped, "what was written can no longer be read: it was erased, or its key is gone (audit show says which)"
	case status == journal.StatusOpen:
		return UndoSkipped, "nobody has said yet what came of it"
	case status == journal.StatusUnknown:
		return UndoSkipped, "nobody can say whether it happened; read the resource, and put it right through the API"
	case len(standing(e)) == 0:
		return UndoNothing, "nothing of it stands (" + status + ")"
	}
	return "", ""
}

// undoneBy gives the event that took one back, and was not taken back itself; "" when there is none.
func undoneBy(ctx context.Context, reader journal.Reader, id journal.ID) (journal.ID, error) {
	var undone []journal.ID
	for e, err := range reader.Events(ctx, journal.Filter{Undoes: id}) {
		if err != nil {
			return "", err
		}
		if len(standing(e)) > 0 {
			undone = append(undone, e.Intent.ID)
		}
	}
	for _, by := range undone {
		again, err := undoneBy(ctx, reader, by)
		if err != nil {
			return "", err
		}
		if again == "" {
			return by, nil
		}
	}
	return "", nil
}

// stood is a step that was done, and not taken back.
type stood struct {
	journal.Step
	effective []backends.Change
}

// standing lists the steps of an event that stand.
func standing(e journal.Event) []stood {
	if e.Outcome == nil || e.Intent.Noted {
		return nil
	}
	var steps []stood
	for i, step := range e.Intent.Steps {
		if i < len(e.Outcome.Steps) && e.Outcome.Steps[i].Status == journal.StatusDone {
			steps = append(steps, stood{step, e.Outcome.Steps[i].Effective})
		}
	}
	return steps
}
