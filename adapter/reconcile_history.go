package adapter

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// history is what the journal has of the records that open intents are about. A record may have been written again since: then what the next one saw before it wrote
// tells of the open intent, and what stands now does not.
type history struct {
	s       *Service
	open    map[journal.ID]bool
	wanted  map[imageKey]bool
	touches map[imageKey][]touch // in the order in which they began
	made    map[imageKey][]journal.ID
	lost    map[string][]touch // deletes, by type
	making  map[string][]touch // creates of which nobody has said what came of them, by type
	events  map[journal.ID]bool
}

// touch is a step of another event on a record.
type touch struct {
	in   journal.Intent
	out  *journal.Outcome
	step journal.Step
	done journal.StepOutcome
}

func newHistory(s *Service, open []journal.Event) *history {
	h := &history{
		s: s, open: map[journal.ID]bool{}, wanted: map[imageKey]bool{}, touches: map[imageKey][]touch{}, made: map[imageKey][]journal.ID{},
		lost: map[string][]touch{}, making: map[string][]touch{}, events: map[journal.ID]bool{},
	}
	for _, e := range open {
		h.open[e.Intent.ID] = true
		for _, step := range e.Intent.Steps {
			if step.Key != "" {
				h.wanted[imageKey{step.Backend, step.Key}] = true
			}
		}
	}
	return h
}

// read takes in what began since.
func (h *history) read(ctx context.Context, reader journal.Reader, since time.Time) error {
	noted := false
	for e, err := range reader.Events(ctx, journal.Filter{Tenant: h.s.o.Tenant, Since: since, Noted: &noted}) {
		if err != nil {
			return err
		}
		h.events[e.Intent.ID] = true
		for i, step := range e.Intent.Steps {
			h.add(e, i, step)
		}
	}
	return nil
}

func (h *history) add(e journal.Event, i int, step journal.Step) {
	t := touch{in: e.Intent, out: e.Outcome, step: step}
	if e.Outcome != nil && i < len(e.Outcome.Steps) {
		t.done = e.Outcome.Steps[i]
	}
	if step.Op == opCreate && (t.out == nil || t.done.Status == journal.StatusUnknown) {
		h.making[step.Backend] = append(h.making[step.Backend], t)
	}
	at := imageKey{step.Backend, step.Key}
	if step.Key == "" {
		at.key = backends.Key(e.ResourceID())
	}
	if at.key == "" {
		return
	}
	switch step.Op {
	case opCreate, opRestore:
		if t.done.Status == journal.StatusDone {
			h.made[at] = append(h.made[at], e.Intent.ID)
		}
	case opDelete:
		h.lost[step.Backend] = append(h.lost[step.Backend], t)
	}
	if h.wanted[at] {
		h.touches[at] = append(h.touches[at], t)
	}
}

// hasNews says that an event has come that before did not have, and that is about the same records.
func (h *history) hasNews(before *history, f *finding) bool {
	news := func(id journal.ID) bool { return !before.events[id] }
	for _, step := range f.e.Intent.Steps {
		if slices.ContainsFunc(h.touches[imageKey{step.Backend, step.Key}], func(t touch) bool { return news(t.in.ID) }) {
			return true
		}
	}
	return slices.ContainsFunc(h.made[imageKey{f.e.Intent.ResourceType, backends.Key(f.key)}], news)
}

// since gives the touches of a record by others that may have come behind the step of an intent.
func (h *history) since(in journal.Intent, at imageKey) []touch {
	var later []touch
	for _, t := range h.touches[at] {
		over := t.in.Time.Before(in.Time) && t.out != nil && t.out.Time.Before(in.Time)
		none := t.out != nil && t.done.Status == journal.StatusSkipped && t.in.Time.Before(in.Time)
		if t.in.ID != in.ID && !over && !none {
			later = append(later, t)
		}
	}
	return later
}

// busy says that somebody is at work on the record of a step at this moment.
func (h *history) busy(in journal.Intent, step journal.Step, now time.Time) bool {
	return slices.ContainsFunc(h.since(in, imageKey{step.Backend, step.Key}), func(t touch) bool {
		return t.out == nil && !h.open[t.in.ID] && !t.in.Deadline.Before(now.Add(-clockSkew))
	})
}

// rivals says that others may have made a record like the one that stands there: whose it is cannot be told.
func (h *history) rivals(in journal.Intent, step journal.Step, all backends.And) bool {
	return slices.ContainsFunc(h.making[step.Backend], func(t touch) bool {
		return t.in.ID != in.ID && backends.Match(all, backends.Record{Name: t.step.Name, Attrs: t.step.Attrs})
	})
}

// madeByOther says that another event has made the record.
func (h *history) madeByOther(in journal.Intent, at imageKey) bool {
	return slices.ContainsFunc(h.made[at], func(id journal.ID) bool { return id != in.ID })
}

// firm says that what t saw before it wrote is what the intent has left for good: the intent's writer did nothing more by then, or could not any more, because t
// was done, and a write that comes behind it finds that the record has changed.
func (t touch) firm(in journal.Intent) bool {
	return t.in.Time.After(in.Deadline) || t.in.Time.After(in.Time) && t.done.Status == journal.StatusDone
}

// saw is what t saw of all values of an attribute; touches is false where it has nothing to do with it.
func (t touch) saw(attr string) (values backends.Values, whole, touches bool) {
	if t.step.Op == opDelete {
		return t.step.Before.Get(attr), true, true
	}
	if t.step.Op != opModify {
		return nil, false, false
	}
	for _, change := range t.step.Changes {
		if strings.EqualFold(change.Attr, attr) && change.Op != backends.SetPassword {
			return t.step.Before.Get(attr), !isListed(change), true
		}
	}
	return nil, false, false
}

// sawValue is what t saw of one value.
func (t touch) sawValue(c *class, attr string, v backends.Value) (there, known, touches bool) {
	normal := c.normal(attr, v)
	same := func(other backends.Value) bool { return c.normal(attr, other) == normal }
	if values, whole, touches := t.saw(attr); whole && touches {
		return slices.ContainsFunc(values, same), true, true
	}
	if t.step.Op != opModify {
		return false, false, false
	}
	for _, change := range t.done.Effective {
		if strings.EqualFold(change.Attr, attr) && slices.ContainsFunc(change.Values, same) {
			return change.Op == backends.Remove, isListed(change), true
		}
	}
	for _, change := range t.step.Changes {
		if strings.EqualFold(change.Attr, attr) && slices.ContainsFunc(change.Values, same) {
			return change.Op == backends.Add, t.done.Status == journal.StatusDone && isListed(change), true // done without effect: it was as wanted
		}
	}
	return false, false, false
}

// isListed says that a change adds or removes single values.
func isListed(change backends.Change) bool {
	return (change.Op == backends.Add || change.Op == backends.Remove) && len(change.Values) > 0
}
