package adapter

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// A write that is only planned takes the road of every write, to the last step. It runs in a Service of its own, in front of whose directories and overlay
// stands one that reads through and writes nothing (planned, plannedOverlay): what the steps of a request would have changed stands in the sketch of that request
// alone. So there is no second planner that could think otherwise than the writer does. What comes of it is told to the client (a dry run), or
// to the journal, and the client is answered as if it were done (shadow.go).

// planning is what becomes of the writes of a Service.
type planning uint8

const (
	forReal   planning = iota // they are done
	forAsking                 // a dry run
	forShow                   // scim.mode is shadow
)

// acting is the Service that a request is for, with a context that has room for a sketch.
func (s *Service) acting(ctx context.Context, req scim.Request) (*Service, context.Context) {
	if s.planning == forReal {
		switch {
		case req.Preview != nil:
			s = s.dry
		case s.shadow != nil:
			s = s.shadow
		}
	}
	if s.planning != forReal && sketchOf(ctx) == nil {
		ctx = context.WithValue(ctx, sketchKey{}, &sketch{})
	}
	return s, ctx
}

// twin is a Service of the same directories that plans only.
func (s *Service) twin(p planning) *Service {
	t := build(s.o, p)
	t.scale, t.stats, t.outage = s.scale, s.stats, s.outage
	return t
}

// imagine takes the place of run where nothing is to be written: the guard judges, and the steps are taken in thought. Steps in other records are planned and
// not taken: they are about what the directory holds, and each finds out for itself.
func (w *work) imagine(ctx context.Context) error {
	w.event = journal.ID(w.s.o.NewID())
	sketchOf(ctx).begin(w.event)
	uses, err := w.s.judged(ctx, w.intent(w.event))
	if refusal, ok := refusedByGuard(err); ok && w.s.planning == forAsking {
		return &scim.Error{Status: http.StatusForbidden, Detail: guardSentence(refusal), Cause: refusal}
	} else if ok {
		return w.turnedAway(ctx, w.intent(w.event), refusal)
	}
	if err != nil {
		return err
	}
	tabOf(ctx).add(w.weights)
	out := journal.Outcome{Status: journal.StatusShadow, Steps: make([]journal.StepOutcome, len(w.ops))}
	for i, op := range w.ops {
		out.Steps[i].Status = journal.StatusShadow
		if op.loose || op.release != nil {
			continue
		}
		effective, err := op.do(ctx, &op.step)
		if err != nil {
			return err
		}
		out.Steps[i].Effective = cloneChanges(effective)
		w.effective = append(w.effective, effective...)
		w.moved = w.moved || op.step.Op == opMove
	}
	out.ResourceID, out.Version = string(w.key), w.rec.Version
	w.out = out
	if w.s.planning == forAsking {
		return w.tellClient(ctx, uses)
	}
	return w.tellJournal(ctx)
}

// judged holds a work against the guard's limits without taking anything, and gives what is used of them.
func (s *Service) judged(ctx context.Context, in journal.Intent) ([]journal.Use, error) {
	parts := journal.Parts(s.o.Limits, in)
	if len(parts) == 0 || s.o.Guard == nil {
		return nil, nil
	}
	all, err := s.o.Guard.Uses(ctx, in.Tenant, s.o.Now())
	if err != nil {
		return nil, s.away(err, http.StatusServiceUnavailable, "The guard's counters cannot be read at the moment, so nobody can say what would come of it. Nothing was changed.")
	}
	used := func(l journal.Limit, client string) journal.Taken {
		i := slices.IndexFunc(all, func(u journal.Use) bool { return u.Limit == l && u.Client == client })
		if i < 0 {
			return journal.Taken{}
		}
		return all[i].Taken
	}
	for i := range parts {
		parts[i].Taken = used(parts[i].Limit, parts[i].Client)
	}
	return parts, journal.Judge(s.o.Limits, in, func(l journal.Limit, client string) (journal.Taken, error) { return used(l, client), nil })
}

// tellClient puts the plan down for the client. Its own resource is spoken of by its id, one that does not exist yet as {id}.
func (w *work) tellClient(ctx context.Context, uses []journal.Use) error {
	p := w.req.Preview
	for _, c := range w.diff {
		p.Changes = append(p.Changes, scim.PreviewChange{Path: c.Path, Before: valueOf(c.Before), After: valueOf(c.After)})
	}
	names, err := w.namesOfSteps(ctx)
	if err != nil {
		return err
	}
	for i, op := range w.ops {
		step := op.step
		c := w.s.byName[step.Backend]
		if len(w.out.Steps[i].Effective) > 0 && step.Op == opModify {
			step.Changes = w.out.Steps[i].Effective
		}
		if step.Name == "" {
			step.Name = names[place{step.Backend, "", step.Key}]
		}
		told := scim.PreviewStep{Type: step.Backend, Backend: c.BackendName(), Op: step.Op, ID: string(step.Key)}
		made := isMadeUp(step.Key)
		if made && (step.Op == opCreate || !w.s.o.Shadow) {
			told.ID = ""
		}
		if step.Op == opCreate {
			step.Key = ""
		}
		for _, line := range w.s.script(step) {
			if w.action == journal.ActionCreate && made {
				line = strings.ReplaceAll(line, string(w.key), "{id}")
			}
			told.Script = append(told.Script, line)
		}
		p.Steps = append(p.Steps, told)
	}
	for _, u := range uses {
		i := slices.IndexFunc(w.weights, func(weight journal.Weight) bool { return weight.Kind == u.Limit.Kind })
		p.Warnings = append(p.Warnings, guardWarning(u, w.weights[i].Count))
	}
	return nil
}

// namesOfSteps finds what the records are called that steps are about without saying so.
func (w *work) namesOfSteps(ctx context.Context) (map[place]string, error) {
	keys := map[string][]backends.Key{}
	for _, op := range w.ops {
		if c := w.s.byName[op.step.Backend]; c != nil && op.step.Name == "" && op.step.Key != "" && op.step.Op != opOverlay && c.Backend().Capabilities().Rename {
			keys[op.step.Backend] = append(keys[op.step.Backend], op.step.Key)
		}
	}
	found := map[place]string{}
	for name, asked := range keys {
		names, err := w.s.byName[name].Backend().Names(ctx, "", asked)
		if err != nil {
			return nil, err
		}
		for key, text := range names {
			found[place{name, "", key}] = text
		}
	}
	return found, nil
}

// valueOf reads a value of the diff back; nil for none.
func valueOf(text []byte) any {
	if text == nil {
		return nil
	}
	o, err := scim.ParseObject(slices.Concat([]byte(`{"v":`), text, []byte("}")))
	if err != nil {
		return string(text)
	}
	v, _ := o.Get("v")
	return v
}

// asPlanned takes from an answer what nobody can know of a write that was not done. The version of a resource stays what it is, and so does what a client may say in If-Match,
// unless the version is made of the values themselves.
func (w *work) asPlanned(res *scim.Result) {
	if w.s.planning == forReal || w.s.planning == forShow && (isMadeUp(w.key) || !w.c.hashed()) {
		return
	}
	res.Version = ""
	meta, _ := objectAt(res.Resource, "meta")
	if w.action == journal.ActionCreate {
		res.ID, res.Location = "", ""
		res.Resource.Delete("id")
		if meta != nil {
			meta.Delete("location")
		}
	}
	if meta != nil {
		meta.Delete("version")
	}
}

// guardWarning says what a write takes of a limit.
func guardWarning(u journal.Use, takes int) string {
	whose, more := "all clients together have", ""
	if u.Limit.PerClient {
		whose = "this client has"
	}
	if u.Approved > 0 {
		more = fmt.Sprintf(", %d more are approved at the moment", u.Approved)
	}
	return fmt.Sprintf("The guard counts it: %s; %s used %d%s, and this takes %d.", u.Limit, whose, u.Used, more, takes)
}
