package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Redact gives a journal that is told of events as they are to be written down.
func Redact(j journal.Journal, d *Discretion) journal.Journal {
	return &redacting{Journal: j, d: d, obscure: map[journal.ID]remembered{}}
}

// redacting is a journal in front of another.
type redacting struct {
	journal.Journal
	d *Discretion

	mu      sync.Mutex
	obscure map[journal.ID]remembered // what was begun with octets that nothing maps: an outcome does not say of which type its steps are
	swept   time.Time                 // when those were last left out that another process has ended
}

// remembered are the steps of an event, and until when its writer may say what came of them.
type remembered struct {
	steps []journal.Step
	until time.Time
}

// ended is how long after its deadline nobody here will end an event any more. Where that failed another process does, and nobody says so here.
const ended = time.Hour

// Begin is the journal's.
func (r *redacting) Begin(ctx context.Context, in journal.Intent) error {
	told, err := r.d.intent(in)
	if err != nil {
		return err
	}
	obscure := slices.ContainsFunc(in.Steps, func(s journal.Step) bool {
		return slices.ContainsFunc(s.Changes, func(c backends.Change) bool { return r.d.obscure(s.Backend, c.Attr) })
	})
	if obscure {
		r.remember(told)
	}
	if err = r.Journal.Begin(ctx, told); err != nil {
		r.over(in.ID)
	}
	return err
}

// remember keeps the steps of an event until it is over.
func (r *redacting) remember(in journal.Intent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.Time.Sub(r.swept) >= time.Minute {
		r.swept = in.Time
		maps.DeleteFunc(r.obscure, func(_ journal.ID, known remembered) bool { return known.until.Before(in.Time) })
	}
	r.obscure[in.ID] = remembered{in.Steps, in.Deadline.Add(ended)}
}

// over forgets the steps of an event.
func (r *redacting) over(id journal.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.obscure, id)
}

// Finish is the journal's.
func (r *redacting) Finish(ctx context.Context, id journal.ID, out journal.Outcome) error {
	r.mu.Lock()
	steps := r.obscure[id].steps
	r.mu.Unlock()
	out, err := r.d.outcome(id, steps, out)
	if err != nil {
		return err
	}
	if err = r.Journal.Finish(ctx, id, out); err == nil || errors.Is(err, journal.ErrConflict) {
		r.over(id)
	}
	return err
}

// Note is the journal's.
func (r *redacting) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	told, err := r.d.intent(in)
	if err != nil {
		return err
	}
	if out, err = r.d.outcome(in.ID, in.Steps, out); err != nil {
		return err
	}
	return r.Journal.Note(ctx, told, out)
}

// placeIn is where values of an event belong: the step, and what of it.
func placeIn(id journal.ID, step int, what string) []string {
	return []string{"journal", string(id), strconv.Itoa(step), what}
}

// The parts of a step, as boxes name them.
const (
	inChanges   = "changes"
	inAttrs     = "attrs"
	inBefore    = "before"
	inEffective = "effective"
)

// intent shares what is hidden with nobody: the adapter goes on with the one it has.
func (d *Discretion) intent(in journal.Intent) (_ journal.Intent, err error) {
	in.Steps = slices.Clone(in.Steps)
	for i := range in.Steps {
		s := &in.Steps[i]
		attrs, before := d.attrs, d.attrs
		if s.Op == opRestore {
			attrs = d.image
		}
		if s.Op == opDelete {
			before = d.image
		}
		if s.Changes, err = d.changes(s.Backend, s.Changes, placeIn(in.ID, i, inChanges)); err != nil {
			return in, err
		}
		if s.Attrs, err = attrs(s.Backend, s.Attrs, placeIn(in.ID, i, inAttrs)...); err != nil {
			return in, err
		}
		if s.Before, err = before(s.Backend, s.Before, placeIn(in.ID, i, inBefore)...); err != nil {
			return in, err
		}
	}
	if len(d.paths) == 0 {
		return in, nil
	}
	in.Diff = slices.Clone(in.Diff)
	for i := range in.Diff {
		if c := &in.Diff[i]; d.hides(c.Path) {
			c.Before, c.After = markOf(c.Before), markOf(c.After)
		}
	}
	in.Query = d.query(in.Query)
	return in, nil
}

// outcome is what came of an intent; of its steps those types are known that steps has.
func (d *Discretion) outcome(id journal.ID, steps []journal.Step, out journal.Outcome) (_ journal.Outcome, err error) {
	out.Steps = slices.Clone(out.Steps)
	for i := range out.Steps {
		typ := ""
		if i < len(steps) {
			typ = steps[i].Backend
		}
		if out.Steps[i].Effective, err = d.changes(typ, out.Steps[i].Effective, placeIn(id, i, inEffective)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// changes never keep what is secret of itself, not even in a vault: it is what somebody sets, and not what stood there.
func (d *Discretion) changes(typ string, changes []backends.Change, about []string) (_ []backends.Change, err error) {
	changes = slices.Clone(changes)
	for i, c := range changes {
		if c.Values != nil && d.withholds(typ, c.Attr) {
			if changes[i].Values, err = d.withheld(shut(c.Values), append(slices.Clone(about), c.Attr)...); err != nil {
				return nil, err
			}
		}
	}
	return changes, nil
}

// shut are values without the texts of secrets.
func shut(values backends.Values) backends.Values {
	values = values.Clone()
	for i, v := range values {
		if v.Kind() == backends.KindSecret {
			values[i] = backends.Secret("")
		}
	}
	return values
}

// attrs are some attributes of a record, and not all that there is of it.
func (d *Discretion) attrs(typ string, attrs backends.Attributes, about ...string) (_ backends.Attributes, err error) {
	if attrs == nil {
		return nil, nil
	}
	rest := make(backends.Attributes, len(attrs))
	for name, values := range attrs {
		if values != nil && d.withholds(typ, name) {
			if values, err = d.withheld(shut(values), append(slices.Clone(about), name)...); err != nil {
				return nil, err
			}
		}
		rest[name] = values
	}
	return rest, nil
}

// event is one of the journal, with what the vault opens of it: for whoever takes it back, and nobody else.
func (d *Discretion) event(e journal.Event) journal.Event {
	if d == nil || d.vault == nil {
		return e
	}
	id := e.Intent.ID
	e.Intent.Steps = slices.Clone(e.Intent.Steps)
	for i := range e.Intent.Steps {
		s := &e.Intent.Steps[i]
		s.Changes = d.openedChanges(s.Changes, placeIn(id, i, inChanges))
		s.Attrs = d.opened(s.Attrs, placeIn(id, i, inAttrs)...)
		s.Before = d.opened(s.Before, placeIn(id, i, inBefore)...)
	}
	if e.Outcome != nil {
		out := *e.Outcome
		out.Steps = slices.Clone(out.Steps)
		for i := range out.Steps {
			out.Steps[i].Effective = d.openedChanges(out.Steps[i].Effective, placeIn(id, i, inEffective))
		}
		e.Outcome = &out
	}
	return e
}

func (d *Discretion) openedChanges(changes []backends.Change, about []string) []backends.Change {
	changes = slices.Clone(changes)
	for i, c := range changes {
		changes[i].Values = d.opened(backends.Attributes{c.Attr: c.Values}, about...)[c.Attr]
	}
	return changes
}

// shown is a step as a plan may print it.
func (d *Discretion) shown(step journal.Step) journal.Step {
	if d == nil {
		return step
	}
	step.Changes, step.Before = slices.Clone(step.Changes), nil
	for i, c := range step.Changes {
		if d.withholds(step.Backend, c.Attr) {
			step.Changes[i].Values = marks(c.Values)
		}
	}
	step.Attrs = step.Attrs.Clone()
	for name, values := range step.Attrs {
		if d.withholds(step.Backend, name) {
			step.Attrs[name] = marks(values)
		}
	}
	return step
}

// redactedMark is what stands for a value in a diff and in a query.
const redactedMark = "********"

// query is what a search asked: where it names such an attribute, at all, nothing of it is kept.
func (d *Discretion) query(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		plain = text
	}
	plain = strings.ToLower(plain)
	for _, path := range d.paths {
		last := path[strings.LastIndexAny(path, ".:")+1:]
		if strings.Contains(plain, strings.ToLower(last)) {
			return redactedMark
		}
	}
	return text
}

// marks say that there were so many values.
func marks(values backends.Values) backends.Values {
	if values == nil {
		return nil
	}
	blanks := make(backends.Values, len(values))
	for i := range blanks {
		blanks[i] = backends.Secret("")
	}
	return blanks
}

func markOf(value json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	return json.RawMessage(`"` + redactedMark + `"`)
}
