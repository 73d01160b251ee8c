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
	making  map[string][]touch        // creates of which nobody has said what came of them, by type
	renamed []renaming                // in the order in which they began
	creates []journal.Intent          // open ones, which have no key
	alike   map[journal.ID][]imageKey // records that others have written to since, and that such a create may have made
	events  map[journal.ID]bool
}

// renaming is that a record of a type got another name, or may have.
type renaming struct {
	touch
	by       string // the attribute that is the name; "": the record's own
	from, to string // to is "": it is gone
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
		making: map[string][]touch{}, events: map[journal.ID]bool{},
		alike: map[journal.ID][]imageKey{},
	}
	for _, e := range open {
		h.open[e.Intent.ID] = true
		if len(e.Intent.Steps) > 0 && e.Intent.Steps[0].Op == opCreate {
			h.creates = append(h.creates, e.Intent)
		}
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
	h.rename(t)
	at := imageKey{step.Backend, step.Key}
	if step.Key == "" {
		at.key = backends.Key(e.ResourceID())
	}
	if at.key == "" {
		return
	}
	if (step.Op == opCreate || step.Op == opRestore) && t.done.Status == journal.StatusDone {
		h.made[at] = append(h.made[at], e.Intent.ID)
	}
	h.resemble(t, at)
	if h.wanted[at] {
		h.touches[at] = append(h.touches[at], t)
	}
}

// resemble keeps the record of a step for each open create that may have made it: it has the name that was to be given to it, or, where records have none, what it was to be made with.
func (h *history) resemble(t touch, at imageKey) {
	if t.step.Op != opModify && t.step.Op != opMove && t.step.Op != opDelete {
		return
	}
	for _, in := range h.creates {
		made := in.Steps[0]
		if made.Backend != at.typ || !t.in.Time.After(in.Time) || slices.Contains(h.alike[in.ID], at) {
			continue
		}
		c := h.s.byName[at.typ]
		named := backends.Normalize(backends.NameRule, t.step.Name) == backends.Normalize(backends.NameRule, made.Name)
		if c.Backend().Capabilities().Rename && named || !c.Backend().Capabilities().Rename && c.agrees(t, made) {
			h.wanted[at] = true
			h.alike[in.ID] = append(h.alike[in.ID], at)
		}
	}
}

// agrees says that what a step saw of what a record was to be made with is that.
func (c *class) agrees(t touch, made journal.Step) bool {
	some := false
	for attr, values := range made.Attrs {
		was, whole, touches := t.saw(attr)
		if !touches || !whole || blank(values) || blank(was) {
			continue
		}
		if !sameValues(c.Backend().Syntax(attr).Equality, was, values) {
			return false
		}
		some = true
	}
	return some
}

// rename keeps what a step has made of the names of a record.
func (h *history) rename(t touch) {
	if t.out != nil && t.done.Status != journal.StatusDone && t.done.Status != journal.StatusUnknown {
		return
	}
	switch t.step.Op {
	case opDelete:
		h.renamed = append(h.renamed, renaming{touch: t, from: t.step.Name})
		for attr, values := range t.step.Before {
			if h.s.isName(t.step.Backend, attr) && len(values) == 1 {
				h.renamed = append(h.renamed, renaming{touch: t, by: attr, from: values[0].Text()})
			}
		}
	case opMove:
		if len(t.step.Changes) > 0 && len(t.step.Changes[0].Values) > 0 {
			h.renamed = append(h.renamed, renaming{touch: t, from: t.step.Name, to: t.step.Changes[0].Values[0].Text()})
		}
	case opModify:
		for _, change := range t.step.Changes {
			if was := t.step.Before.Get(change.Attr); change.Op == backends.Replace && len(was) == 1 && len(change.Values) == 1 && h.s.isName(t.step.Backend, change.Attr) {
				h.renamed = append(h.renamed, renaming{touch: t, by: change.Attr, from: was[0].Text(), to: change.Values[0].Text()})
			}
		}
	}
}

// isName says that others point at records of a type with the values of an attribute.
func (s *Service) isName(typ, attr string) bool {
	return slices.ContainsFunc(s.classes, func(c *class) bool {
		return slices.ContainsFunc(c.refs, func(r reference) bool {
			return r.By != "" && strings.EqualFold(r.By, attr) && slices.Contains(r.Types, typ)
		})
	})
}

// names are what a reference may be called by now: a record that was pointed at with a name when an intent began may have got others since, and what points at it with it.
// gone: it was deleted.
func (h *history) names(in journal.Intent, c *class, attr string, v backends.Value) (all backends.Values, gone bool) {
	all = backends.Values{v}
	i := slices.IndexFunc(c.refs, func(r reference) bool { return strings.EqualFold(r.Native, attr) })
	if i < 0 {
		return all, false
	}
	r := c.refs[i]
	for _, n := range h.renamed {
		over := n.in.Time.Before(in.Time) && n.out != nil && n.out.Time.Before(in.Time)
		if n.in.ID == in.ID || over || !slices.Contains(r.Types, n.step.Backend) || !strings.EqualFold(n.by, r.By) {
			continue
		}
		called := func(name backends.Value) bool {
			return backends.Normalize(r.rule(), name.Text()) == backends.Normalize(r.rule(), n.from)
		}
		if slices.ContainsFunc(all, called) {
			if gone = gone || n.to == ""; n.to != "" {
				all = append(all, backends.String(n.to))
			}
		}
	}
	return all, gone
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
			if slices.ContainsFunc(t.step.Before.Get(attr), same) {
				return true, true, true // the step is there because it was; the directory itself may have been faster then
			}
			return change.Op == backends.Add, t.done.Status == journal.StatusDone && isListed(change), true // done without effect: it was as wanted
		}
	}
	return false, false, false
}

// isListed says that a change adds or removes single values.
func isListed(change backends.Change) bool {
	return (change.Op == backends.Add || change.Op == backends.Remove) && len(change.Values) > 0
}
