package adapter

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// What a step does, as the journal names it.
const (
	opCreate  = "create"
	opModify  = "modify"
	opMove    = "move"
	opDelete  = "delete"
	opOverlay = "overlay"
	opRestore = "restore"
)

// operation is one step of a write. do gives the changes that really took effect; it may complete the step with what only the directory
// knows (the key of a new record). A loose operation is one whose failure leaves the others standing.
type operation struct {
	step  journal.Step
	do    func(ctx context.Context, step *journal.Step) (effective []backends.Change, err error)
	loose bool
	// remark is what the journal should know of the step when it is done.
	remark string
	// release: the step happens in the operation of the removal that follows, and shares its end. do is not called.
	release *backends.Release
}

// sameAs says that two operations take the same name out of the same record.
func (op *operation) sameAs(other *operation) bool {
	return op.step.Backend == other.step.Backend && op.step.Key == other.step.Key && op.step.Changes[0].Attr == other.step.Changes[0].Attr
}

// work is one write: whose it is, and the operations that carry it out, in order.
type work struct {
	s       *Service
	c       *class
	req     scim.Request
	action  string
	key     backends.Key // "" until a new record has one
	dropped []string
	weights []journal.Weight // what the guard counts of it
	ops     []*operation

	rec   backends.Record // the record as it was last seen
	fresh bool            // rec is what stands now, with all that the answer shows

	undoes journal.ID       // the event that this one takes back
	event  journal.ID       // its own, when it has begun
	out    journal.Outcome  // what came of it
	unread bool             // what is kept of the record beside the directory is not known
	lost   []string         // attributes that a record which was made again does not have as it had them
	diff   []journal.Change // what of the resource changes, as clients see it
	notes  []string         // what whoever asked for it should know besides

	effective []backends.Change // what the steps have changed so far
	moved     bool              // the record got another name
	away      string            // what a record is called that is moved to where the mapping does not look, instead of being deleted
	dangling  atomic.Bool       // a loose step failed
}

// intent is the account of the work, which shares nothing with it.
func (w *work) intent(event journal.ID) journal.Intent {
	who, now := w.req.Caller, w.s.o.Now()
	in := journal.Intent{
		ID: event, Time: now, Deadline: now.Add(w.s.o.WriteTimeout + w.s.o.FinishTimeout), Writer: w.s.o.Writer,
		RequestID: who.RequestID, Tenant: who.Tenant, Client: who.Client, Subject: who.Subject, Address: who.Address, UserAgent: who.UserAgent,
		Action: w.action, ResourceType: w.c.Name(), ResourceID: string(w.key), Dropped: slices.Clone(w.dropped),
		Weights: slices.Clone(w.weights), Undoes: w.undoes, Diff: w.diff,
	}
	for _, op := range w.ops {
		step := op.step
		step.Changes, step.Attrs, step.Before = cloneChanges(step.Changes), step.Attrs.Clone(), step.Before.Clone()
		in.Steps = append(in.Steps, step)
	}
	return in
}

func cloneChanges(changes []backends.Change) []backends.Change {
	if changes == nil {
		return nil
	}
	clones := make([]backends.Change, len(changes))
	for i, c := range changes {
		clones[i] = c.Clone()
	}
	return clones
}

// run journals the work, does it, and journals what came of it. Nothing is written to a directory before the intent is durable; what has
// begun is finished, even if the client has gone away meanwhile. What is only planned ends here, in imagine.
func (w *work) run(ctx context.Context) error {
	if w.s.planning != forReal {
		return w.imagine(ctx)
	}
	event := journal.ID(w.s.o.NewID())
	in := w.intent(event)
	w.event = event
	if err := w.s.o.Journal.Begin(ctx, in); err != nil {
		if refusal, ok := refusedByGuard(err); ok {
			return w.turnedAway(ctx, in, refusal)
		}
		return w.s.away(err, http.StatusServiceUnavailable, "The journal cannot be written at the moment, so nothing was changed.")
	}
	tabOf(ctx).add(w.weights)
	out := journal.Outcome{Status: journal.StatusDone, Steps: make([]journal.StepOutcome, len(w.ops))}
	for i := range out.Steps {
		out.Steps[i].Status = journal.StatusSkipped
	}
	err := w.steps(ctx, in, &out)
	if err != nil {
		out.Error = err.Error()
	}
	out.Time, out.ResourceID, out.Version = w.s.o.Now(), string(w.key), w.rec.Version
	w.out = out
	w.finish(ctx, event, out)
	if out.Nothing() { // it is given back, and whoever begins anew takes it again
		tabOf(ctx).drop(w.weights)
	}
	return err
}

// finish closes the intent. If the journal cannot be told, the change stands all the same: it is counted, and a reconciler finds the intent.
func (w *work) finish(ctx context.Context, event journal.ID, out journal.Outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.o.FinishTimeout)
	defer cancel()
	if err := w.s.o.Journal.Finish(ctx, event, out); err != nil {
		w.s.stats.unfinished.Add(1)
		w.s.log.LogAttrs(ctx, slog.LevelError, "the journal could not be told what came of a write",
			slog.String("event", string(event)), slog.String("status", out.Status), slog.String("error", err.Error()))
	}
}

// steps takes the steps one after the other. One that fails ends it, and those before are taken back.
func (w *work) steps(ctx context.Context, in journal.Intent, out *journal.Outcome) error {
	event := in.ID
	// What Begin took is time gone: behind the intent's deadline, others judge by what stands.
	left := w.s.o.WriteTimeout - w.s.o.Now().Sub(in.Time)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	for i, op := range w.ops {
		if op.release != nil {
			continue
		}
		if op.loose {
			w.loose(ctx, i, out)
			return nil
		}
		err := w.step(ctx, op, &out.Steps[i])
		w.released(i, out)
		switch {
		case err == nil:
			w.effective = append(w.effective, out.Steps[i].Effective...)
			w.moved = w.moved || op.step.Op == opMove
		case errors.Is(err, backends.ErrUnknown):
			// Taking back what may never have happened, or leaving out what may have, would be guessing.
			w.s.stats.unknown.Add(1)
			out.Status = journal.StatusUnknown
			return &unsettled{string(event), err}
		default:
			return w.compensate(ctx, event, i, err, out)
		}
	}
	return nil
}

func (w *work) step(ctx context.Context, op *operation, out *journal.StepOutcome) error {
	effective, err := op.do(ctx, &op.step)
	out.Status, out.Effective, out.Error = journal.StatusDone, cloneChanges(effective), op.remark
	switch {
	case errors.Is(err, backends.ErrUnknown):
		out.Status, out.Error = journal.StatusUnknown, err.Error()
	case err != nil:
		out.Status, out.Error = journal.StatusFailed, err.Error()
	}
	return err
}

// released says of the steps that happened in the operation of step i what came of them.
func (w *work) released(i int, out *journal.Outcome) {
	for j := i - 1; j >= 0 && w.ops[j].release != nil; j-- {
		out.Steps[j].Status = out.Steps[i].Status
		if out.Steps[i].Status != journal.StatusFailed {
			out.Steps[j].Effective = cloneChanges(w.ops[j].release.Effective)
		}
	}
}

// releases are the changes of other records that happen in the operation of a removal.
func (w *work) releases() []*backends.Release {
	var all []*backends.Release
	for _, op := range w.ops {
		if op.release != nil {
			all = append(all, op.release)
		}
	}
	return all
}

// loose does the clean-up steps, which begin at from, a few at a time. What they cannot do is counted and journaled; what was done before
// them stands.
func (w *work) loose(ctx context.Context, from int, out *journal.Outcome) {
	free := make(chan struct{}, w.s.o.Parallel)
	var wg sync.WaitGroup
	for i := from; i < len(w.ops) && ctx.Err() == nil; i++ {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			op := w.ops[i]
			if err := w.step(ctx, op, &out.Steps[i]); err != nil {
				w.dangling.Store(true)
				w.s.stats.dangling.Add(1)
				w.s.log.LogAttrs(ctx, slog.LevelError, "a reference to a record that is gone, or has another name, could not be brought up to date", slog.String("type", op.step.Backend),
					slog.String("id", string(op.step.Key)), slog.String("error", err.Error()))
			}
		})
	}
	wg.Wait()
}

// compensate takes the steps before `failed` back, the last first, and says what the client is told.
func (w *work) compensate(ctx context.Context, event journal.ID, failed int, cause error, out *journal.Outcome) error {
	out.Status = journal.StatusFailed
	if !slices.ContainsFunc(out.Steps[:failed], func(step journal.StepOutcome) bool { return step.Status == journal.StatusDone }) {
		if errors.Is(cause, backends.ErrProtected) {
			out.Status = journal.StatusRefused
		}
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.o.FinishTimeout)
	defer cancel()
	w.fresh = false
	for i := failed - 1; i >= 0; i-- {
		if out.Steps[i].Status != journal.StatusDone {
			continue
		}
		if err := w.takeBack(ctx, w.ops[i].step, out.Steps[i].Effective); err != nil && !isNotFound(err) {
			w.s.stats.stranded.Add(1)
			out.Steps[i].Error = "could not be taken back: " + err.Error()
			return &stranded{string(event), errors.Join(cause, err)}
		}
		out.Steps[i].Status = journal.StatusUndone
	}
	w.s.stats.compensated.Add(1)
	out.Status = journal.StatusUndone
	return cause
}

// replaced holds for a record that has these values of the attributes that changes replace whole. Listed values need no condition: adding
// or removing them proves itself. What the directory could not compare truly is left out.
func replaced(c *class, changes []backends.Change, values backends.Attributes) backends.Predicate {
	var all backends.And
	ask := func(p backends.Predicate) {
		if c.Backend().Fidelity(p) == backends.Exact {
			all = append(all, p)
		}
	}
	for _, change := range changes {
		if change.Op == backends.Add || change.Op == backends.SetPassword || change.Op == backends.Remove && len(change.Values) > 0 {
			continue
		}
		there := values.Get(change.Attr)
		if len(there) == 0 && c.Backend().Fidelity(backends.Present{Attr: change.Attr}) == backends.Exact {
			all = append(all, backends.Not{Term: backends.Present{Attr: change.Attr}})
		}
		for _, v := range there {
			if rule := c.Backend().Syntax(change.Attr).Equality; rule != backends.NoRule && v.Kind() != backends.KindSecret {
				ask(backends.Eq{Attr: change.Attr, Value: v, Rule: rule})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
