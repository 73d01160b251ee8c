package adapter

import (
	"context"
	"errors"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// How a step is taken back: at once, when a later one of the same write fails (takeBack), or some day, as an event of its own (rewind). Both turn changes around
// in one place, inverse, and what must be made anew is made by one operation, restore.

// takeBack takes one step of a work that failed back, from its before-image and the changes that really took effect.
func (w *work) takeBack(ctx context.Context, step journal.Step, effective []backends.Change) error {
	c, ok := w.s.byName[step.Backend]
	if !ok {
		return nil
	}
	b := c.Backend()
	switch step.Op {
	case opCreate, opRestore:
		return b.Delete(ctx, step.Key, backends.Condition{})
	case opMove:
		return b.Move(ctx, step.Key, backends.Template{{Text: step.Name}}, backends.Condition{Beyond: c.beyond(step.Name, destination(step))})
	case opOverlay:
		return w.s.saveExtras(ctx, c, onBehalf(w.req, step.Name), step.Key, attrsAsExtras(step.Before))
	case opModify:
		back := inverse(effective, step.Before)
		if len(back) == 0 {
			return nil
		}
		// Only what still is as the step left it: what somebody else has written meanwhile is theirs.
		_, _, err := w.s.modify(ctx, c, step.Key, back, backends.Condition{Assert: unchanged(c, effective)}, nil)
		return err
	}
	return nil // a delete is always the last step that can fail
}

// inverse gives the changes that take changes back. A password cannot be put back; its step is the last one.
func inverse(changes []backends.Change, before backends.Attributes) []backends.Change {
	var back []backends.Change
	for _, c := range slices.Backward(changes) {
		switch {
		case c.Op == backends.Add:
			back = append(back, backends.Change{Op: backends.Remove, Attr: c.Attr, Values: c.Values})
		case c.Op == backends.Remove && len(c.Values) > 0:
			back = append(back, backends.Change{Op: backends.Add, Attr: c.Attr, Values: c.Values})
		case c.Op == backends.Remove, c.Op == backends.Replace:
			back = append(back, backends.Change{Op: backends.Replace, Attr: c.Attr, Values: before.Get(c.Attr)})
		}
	}
	return back
}

// unchanged holds for a record in which the attributes that changes replace still are as they were left.
func unchanged(c *class, changes []backends.Change) backends.Predicate {
	after := backends.Attributes{}
	for _, change := range changes {
		after[change.Attr] = change.Values
	}
	return replaced(c, changes, after)
}

// onBehalf is a request for what is kept beside the directory for another client; "" is the request's own.
func onBehalf(req scim.Request, client string) scim.Request {
	if client != "" {
		req.Caller.Client = client
	}
	return req
}

// restore makes a record anew that was deleted.
func (w *work) restore(rec backends.Record) *operation {
	step := journal.Step{Backend: w.c.Name(), Op: opRestore, Key: rec.Key, Name: rec.Name, Attrs: rec.Attrs}
	return &operation{step: step, do: func(ctx context.Context, _ *journal.Step) ([]backends.Change, error) {
		made, lost, err := w.c.Backend().Restore(ctx, rec, nil)
		if errors.Is(err, backends.ErrUnknown) {
			made, err = w.settleRestore(ctx, rec, err)
		}
		if kept, ok := errors.AsType[*unkept](err); ok {
			w.notes, err = append(w.notes, kept.Error()), nil
		}
		if err != nil {
			return nil, err
		}
		w.rec, w.key, w.fresh, w.lost = made, made.Key, false, lost
		return w.withoutLost(rec, lost), nil
	}}
}

// withoutLost says of which attributes a record that was made again does not have what it was to have, other than what the directory maintains itself.
func (w *work) withoutLost(rec backends.Record, lost []string) []backends.Change {
	var changes []backends.Change
	for _, attr := range lost {
		if !w.c.notPut(attr) && !blank(rec.Attrs.Get(attr)) {
			changes = append(changes, backends.Change{Op: backends.Remove, Attr: attr})
		}
	}
	return changes
}

// settleRestore looks for a record that has the name, or the key, of one that was to be made anew.
func (w *work) settleRestore(ctx context.Context, rec backends.Record, cause error) (found backends.Record, err error) {
	v := w.s.settle(ctx, func(ctx context.Context) (verdict, error) {
		recs, err := w.c.Backend().Fetch(ctx, []backends.Key{rec.Key}, nil)
		if err == nil && len(recs) == 0 {
			var named map[string]backends.Record
			named, err = w.c.Backend().Find(ctx, "", []string{rec.Name}, nil)
			for _, r := range named {
				recs = append(recs, r)
			}
		}
		switch {
		case err != nil:
			return undecided, err
		case len(recs) == 0:
			return didNot, nil
		}
		found = recs[0]
		return happened, nil
	})
	return found, v.err(cause)
}

// overlayOf replaces what is kept of a record for one client.
func (w *work) overlayOf(client string, before, after map[string]string) *operation {
	op := w.overlay(before, after)
	op.step.Name = client
	op.do = func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		if step.Key == "" {
			step.Key = w.key
		}
		return step.Changes, w.s.saveExtras(ctx, w.c, onBehalf(w.req, client), w.key, after)
	}
	return op
}

// loosely changes another record than that of the work, along with it. old is a name that the work's own record had before it was made anew.
func (w *work) loosely(b *subject, changes []backends.Change, old string) *operation {
	step := journal.Step{Backend: b.c.Name(), Op: opModify, Key: b.key, Name: b.now.name, Changes: changes, Before: imageOf(b.record(), changes)}
	return &operation{step: step, loose: true, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		if now := w.rec.Name; old != "" && now != "" && now != old {
			changes = renamedIn(changes, old, now)
			step.Changes = changes
		}
		_, effective, err := w.s.modify(ctx, b.c, b.key, changes, backends.Condition{Assert: replaced(b.c, changes, b.now.attrs())}, nil)
		if errors.Is(err, backends.ErrUnknown) {
			if err = w.s.settleModify(ctx, b.c, b.record(), changes).err(err); err == nil {
				return changes, nil
			}
		}
		return effective, err
	}}
}

// renamedIn puts a name in the place of another.
func renamedIn(changes []backends.Change, old, now string) []backends.Change {
	changes = cloneChanges(changes)
	for _, change := range changes {
		for i, v := range change.Values {
			if v.Text() == old {
				change.Values[i] = backends.String(now)
			}
		}
	}
	return changes
}
