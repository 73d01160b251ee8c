package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// tell says whether a step of the write itself stands.
func (s *Service) tell(ctx context.Context, h *history, f *finding, step journal.Step) (told, error) {
	c := s.byName[step.Backend]
	if step.Key == "" {
		step.Key = backends.Key(f.key)
	}
	var v verdict
	var err error
	switch {
	case step.Op == opCreate:
		v, err = s.tellCreate(ctx, h, f, step)
	case step.Key == "":
		return told{}, nil // of a record that was not made, or that cannot be found
	case step.Op == opRestore:
		v, err = s.tellRestore(ctx, h, f, step)
	case step.Op == opModify:
		return s.tellModify(ctx, h, f.e.Intent, step)
	case step.Op == opMove:
		v, err = s.tellMove(ctx, h, f.e.Intent, step)
	case step.Op == opDelete:
		v, err = tellDelete(ctx, h, f.e.Intent, c, step)
	case step.Op == opOverlay:
		return s.tellOverlay(ctx, h, f.e.Intent, step)
	}
	return told{v: v}, err
}

// one reads a record; nil where there is none.
func (c *class) one(ctx context.Context, key backends.Key, attrs []string) (*backends.Record, error) {
	recs, err := c.Backend().Fetch(ctx, []backends.Key{key}, attrs)
	if err != nil || len(recs) == 0 {
		return nil, err
	}
	return &recs[0], nil
}

// tellModify asks the values. A modify is made whole or not at all, so any of them tells for all, save those that are the same either way.
func (s *Service) tellModify(ctx context.Context, h *history, in journal.Intent, step journal.Step) (told, error) {
	c := s.byName[step.Backend]
	var attrs []string
	for _, change := range step.Changes {
		if !isListed(change) && change.Op != backends.SetPassword {
			attrs = append(attrs, change.Attr)
		}
	}
	rec, err := c.one(ctx, step.Key, attrs)
	if err != nil {
		return told{}, err
	}
	votes, neutral := map[verdict]bool{}, true
	for _, change := range step.Changes {
		v, same, err := s.tellChange(ctx, h, in, step, change, rec)
		if err != nil {
			return told{}, err
		}
		if neutral = neutral && same; !same {
			votes[v] = true
		}
	}
	delete(votes, undecided)
	switch {
	case len(votes) == 1 && votes[happened]:
		return told{v: happened}, nil
	case len(votes) == 1:
		return told{v: didNot}, nil
	}
	return told{neutral: neutral}, nil
}

// tellChange is what one change's values tell; same: they are what they were, and were to be, already.
func (s *Service) tellChange(ctx context.Context, h *history, in journal.Intent, step journal.Step, change backends.Change, rec *backends.Record) (v verdict, same bool, err error) {
	c, at := s.byName[step.Backend], imageKey{step.Backend, step.Key}
	later := h.since(in, at)
	if change.Op == backends.SetPassword || blank(change.Values) || blank(step.Before.Get(change.Attr)) {
		return undecided, false, nil // what was to be written was never written down
	}
	if isListed(change) {
		v, err = s.tellListed(ctx, h, in, step, change, rec)
		return v, false, err
	}
	rule := c.Backend().Syntax(change.Attr).Equality
	was := step.Before.Get(change.Attr)
	if sameValues(rule, was, change.Values) {
		return undecided, true, nil
	}
	var is backends.Values
	known, firm := rec != nil, true
	if rec != nil {
		is = rec.Attrs.Get(change.Attr)
	}
	if len(change.Values) > 0 && valuesSeen(in, later, rule, change, is) {
		return happened, false, nil
	}
	for _, t := range later {
		if values, whole, touches := t.saw(change.Attr); touches {
			is, known, firm = values, whole && t.in.Time.After(in.Time), t.firm(in)
			break
		}
	}
	switch {
	case known && sameValues(rule, is, change.Values):
		return happened, false, nil
	case known && firm && sameValues(rule, is, was):
		return didNot, false, nil
	}
	return undecided, false, nil
}

// tellListed asks of each value that was to be added, or removed, whether it is there. A name may be another by now.
func (s *Service) tellListed(ctx context.Context, h *history, in journal.Intent, step journal.Step, change backends.Change, rec *backends.Record) (verdict, error) {
	c, later := s.byName[step.Backend], h.since(in, imageKey{step.Backend, step.Key})
	want, seen := change.Op == backends.Add, map[bool]bool{}
	for _, v := range change.Values {
		names, gone := h.names(in, c, change.Attr, v)
		there, known, told := sawAny(c, in, later, change.Attr, names, want)
		if !told {
			if rec == nil {
				return undecided, nil
			}
			is, err := c.Backend().Has(ctx, step.Key, change.Attr, names)
			if err != nil {
				return undecided, err
			}
			there = slices.Contains(is, true)
			known = there || !gone // with whoever is gone went the name
		}
		if !known {
			return undecided, nil
		}
		seen[there] = true
	}
	switch {
	case !seen[!want]:
		return happened, nil
	case !seen[want]:
		return didNot, nil
	}
	return undecided, nil
}

// sawAny is what the first of those who came later saw of a value under any of its names; told is false where nobody had to do with it.
func sawAny(c *class, in journal.Intent, later []touch, attr string, names backends.Values, want bool) (there, known, told bool) {
	for _, t := range later {
		for _, name := range names {
			there, known, touches := t.sawValue(c, attr, name)
			if touches {
				return there, known && t.in.Time.After(in.Time) && (there == want || t.firm(in)), true
			}
		}
	}
	return false, false, false
}

// tellMove compares the name that the record has now, or had when somebody else next wrote to it.
func (s *Service) tellMove(ctx context.Context, h *history, in journal.Intent, step journal.Step) (verdict, error) {
	if len(step.Changes) == 0 || len(step.Changes[0].Values) == 0 {
		return undecided, nil
	}
	c := s.byName[step.Backend]
	rec, err := c.one(ctx, step.Key, nil)
	if err == nil && rec == nil && c.beyond(step.Name, destination(step)) != "" {
		rec, _, err = c.gone(ctx, step.Key, nil)
	}
	if err != nil {
		return undecided, err
	}
	is, firm := "", true
	if rec != nil {
		is = rec.Name
	}
	later := h.since(in, imageKey{step.Backend, step.Key})
	if nameSeen(in, later, step.Changes[0].Values[0].Text(), is) {
		return happened, nil
	}
	for _, t := range later {
		if t.step.Name != "" && t.step.Op != opOverlay {
			if is, firm = t.step.Name, t.firm(in); !t.in.Time.After(in.Time) {
				return undecided, nil
			}
			break
		}
	}
	same := func(name string) bool {
		return backends.Normalize(backends.NameRule, is) == backends.Normalize(backends.NameRule, name)
	}
	switch {
	case is == "" && in.Action == journal.ActionDelete && len(later) == 0:
		return happened, nil // to where the mapping does not look
	case is == "":
		return undecided, nil
	case same(step.Changes[0].Values[0].Text()):
		return happened, nil
	case same(step.Name) && firm:
		return didNot, nil
	}
	return undecided, nil
}

// tellDelete looks whether the record is gone. Whoever wrote to it later has seen it; who made it again has not.
func tellDelete(ctx context.Context, h *history, in journal.Intent, c *class, step journal.Step) (verdict, error) {
	rec, err := c.one(ctx, step.Key, nil)
	if err != nil {
		return undecided, err
	}
	for _, t := range h.since(in, imageKey{step.Backend, step.Key}) {
		switch {
		case !t.in.Time.After(in.Time) && (t.step.Op == opModify || t.step.Op == opOverlay): // neither makes a record nor takes one away
		case !t.in.Time.After(in.Time):
			return undecided, nil
		case t.step.Op == opCreate || t.step.Op == opRestore:
			if t.done.Status == journal.StatusDone {
				return happened, nil
			}
		case t.firm(in):
			return didNot, nil
		case rec == nil && t.done.Status != journal.StatusFailed:
			return undecided, nil
		}
	}
	if rec == nil {
		return happened, nil
	}
	return didNot, nil
}

// tellOverlay compares what is kept beside the directory.
func (s *Service) tellOverlay(ctx context.Context, h *history, in journal.Intent, step journal.Step) (told, error) {
	if _, none := s.o.Overlay.(noOverlay); none {
		return told{}, nil
	}
	client := in.Client
	if step.Name != "" {
		client = step.Name
	}
	held, err := s.o.Overlay.Load(ctx, journal.Scope{Tenant: in.Tenant, Client: client, ResourceType: step.Backend}, []backends.Key{step.Key})
	if err != nil {
		return told{}, err
	}
	votes := map[verdict]bool{}
	later := h.since(in, imageKey{step.Backend, step.Key})
	for _, change := range step.Changes {
		want := attrsAsExtras(backends.Attributes{change.Attr: change.Values})[change.Attr]
		was := attrsAsExtras(step.Before)[change.Attr]
		is, firm := held[step.Key].Attrs[change.Attr], true
		if want != "" && want != was && !blank(change.Values) && besideSeen(in, later, client, change.Attr, want, is) {
			votes[happened] = true
			continue
		}
		if t, ok := besides(later, client, change.Attr); ok {
			is, firm = attrsAsExtras(t.step.Before)[change.Attr], t.in.Time.After(in.Time) && t.firm(in) && !blank(t.step.Before.Get(change.Attr))
		}
		switch {
		case blank(change.Values) || blank(step.Before.Get(change.Attr)):
			votes[undecided] = true
		case want == was:
		case firm && is == want:
			votes[happened] = true
		case firm && is == was:
			votes[didNot] = true
		default:
			votes[undecided] = true
		}
	}
	switch {
	case len(votes) == 0:
		return told{neutral: true}, nil
	case len(votes) > 1 || votes[undecided]:
		return told{}, nil
	case votes[happened]:
		return told{v: happened}, nil
	}
	return told{v: didNot}, nil
}

// besides finds the first of those who came later that changed what a client keeps beside the directory.
func besides(later []touch, client, attr string) (touch, bool) {
	i := slices.IndexFunc(later, func(t touch) bool {
		whose := t.in.Client
		if t.step.Name != "" {
			whose = t.step.Name
		}
		return t.step.Op == opOverlay && whose == client && slices.ContainsFunc(t.step.Changes, func(change backends.Change) bool { return change.Attr == attr })
	})
	if i < 0 {
		return touch{}, false
	}
	return later[i], true
}

// outcomeOf is what the journal is told of a step. What took effect is only what is known to have been otherwise before.
func (s *Service) outcomeOf(step journal.Step, v verdict) journal.StepOutcome {
	switch v {
	case didNot:
		return journal.StepOutcome{Status: journal.StatusFailed, Error: "it was not done, or was taken back"}
	case undecided:
		return journal.StepOutcome{Status: journal.StatusUnknown}
	case happened:
	}
	out := journal.StepOutcome{Status: journal.StatusDone}
	if step.Op == opOverlay {
		out.Effective = cloneChanges(step.Changes)
	}
	if step.Op != opModify {
		return out
	}
	c := s.byName[step.Backend]
	for _, change := range step.Changes {
		if isListed(change) {
			proven := c.proven(step, change)
			if len(proven) < len(change.Values) {
				out.Error = "which of the values of " + change.Attr + " were there before is not known"
			}
			if change.Values = proven; len(proven) == 0 {
				continue
			}
		}
		out.Effective = append(out.Effective, change.Clone())
	}
	return out
}

// proven are the values of a change that were not as wanted before.
func (c *class) proven(step journal.Step, change backends.Change) (values backends.Values) {
	before := step.Before.Get(change.Attr)
	unread := len(before) == 0 && slices.ContainsFunc(c.refs, func(r reference) bool { return r.Set && strings.EqualFold(r.Native, change.Attr) })
	for _, v := range change.Values {
		normal := c.normal(change.Attr, v)
		there := slices.ContainsFunc(before, func(was backends.Value) bool { return c.normal(change.Attr, was) == normal })
		if there == (change.Op == backends.Remove) && !unread {
			values = append(values, v)
		}
	}
	return values
}

// tidyAll brings up to date what the dead process did not come to: names of a record that is gone, or has another name, in those that point at it, and what is kept
// beside the directory. acted says that something of it stands.
func (s *Service) tidyAll(ctx context.Context, f *finding, out *journal.Outcome) (acted bool, err error) {
	for i := f.main; i < len(f.told); i++ {
		step := f.e.Intent.Steps[i]
		if step.Key == "" {
			step.Key = backends.Key(f.key)
		}
		if out.Steps[i], err = s.tidy(ctx, f, step); err != nil {
			return acted, err
		}
		acted = acted || out.Steps[i].Status == journal.StatusDone
	}
	return acted, nil
}

func (s *Service) tidy(ctx context.Context, f *finding, step journal.Step) (journal.StepOutcome, error) {
	if step.Op == opOverlay {
		err := s.o.Overlay.Forget(ctx, f.e.Intent.Tenant, step.Backend, step.Key)
		return journal.StepOutcome{Status: journal.StatusDone, Effective: cloneChanges(step.Changes)}, err
	}
	failed := func(why string) (journal.StepOutcome, error) {
		return journal.StepOutcome{Status: journal.StatusFailed, Error: why}, nil
	}
	c := s.byName[step.Backend]
	rec, err := c.one(ctx, step.Key, nil)
	if err != nil {
		return journal.StepOutcome{}, err
	}
	if rec == nil {
		return journal.StepOutcome{Status: journal.StatusDone}, nil // nothing points from there any more
	}
	if step.Op != opModify || len(step.Changes) == 0 || step.Changes[0].Op != backends.Remove || len(step.Changes[0].Values) != 1 {
		return failed("what came of it cannot be read")
	}
	change := step.Changes[0]
	there, err := c.Backend().Has(ctx, step.Key, change.Attr, change.Values)
	if err != nil {
		return journal.StepOutcome{}, err
	}
	if !there[0] {
		return s.outcomeOf(step, happened), nil
	}
	i := slices.IndexFunc(c.refs, func(r reference) bool { return strings.EqualFold(r.Native, change.Attr) })
	if i < 0 {
		return failed("no mapping knows what " + change.Attr + " points at")
	}
	return s.repoint(ctx, f, holder{class: c, ref: c.refs[i], name: change.Values[0].Text()}, step)
}

// repoint takes a name that is nobody's out of a record, or puts the new one in its place.
func (s *Service) repoint(ctx context.Context, f *finding, h holder, step journal.Step) (journal.StepOutcome, error) {
	failed := func(why string) (journal.StepOutcome, error) {
		return journal.StepOutcome{Status: journal.StatusFailed, Error: why}, nil
	}
	found, err := s.keysOf(ctx, []reference{h.ref}, [][]string{{h.name}})
	if err != nil {
		return journal.StepOutcome{}, err
	}
	if _, taken := found[0][h.name]; taken {
		return failed("the name is somebody's")
	}
	owner, err := f.c.one(ctx, backends.Key(f.key), nil)
	if err != nil {
		return journal.StepOutcome{}, err
	}
	var effective []backends.Change
	if owner == nil {
		effective, err = s.amend(h, step.Key, backends.Remove).do(ctx, &step)
	} else {
		var names map[backends.Key]string
		if names, err = f.c.Backend().Names(ctx, h.ref.By, []backends.Key{owner.Key}); err == nil && names[owner.Key] == "" {
			return failed("it is not known what the record is called now")
		}
		if err == nil {
			effective, err = s.exchange(ctx, h, step.Key, names[owner.Key])
		}
	}
	switch {
	case errors.Is(err, backends.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return journal.StepOutcome{}, err
	case errors.Is(err, backends.ErrUnknown):
		return journal.StepOutcome{Status: journal.StatusUnknown, Error: err.Error()}, nil
	case err != nil:
		return failed(err.Error())
	}
	return journal.StepOutcome{Status: journal.StatusDone, Effective: cloneChanges(effective)}, nil
}
