package adapter

import (
	"context"
	"errors"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// The operations that a write is made of. Each is one operation of a directory (or of the overlay), and each finds out for itself what came
// of it when the directory's answer got lost.

// create makes the record.
func (w *work) create(made mapping.Creation, want []string) *operation {
	step := journal.Step{Backend: w.c.Name(), Op: opCreate, Name: templateText(made.Name), Attrs: made.Attrs}
	return &operation{step: step, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		rec, err := w.c.Backend().Create(ctx, made.Name, made.Attrs, want)
		if errors.Is(err, backends.ErrInvalid) {
			if with, ok := w.c.inhabited(made.Attrs, err); ok {
				step.Attrs = with
				rec, err = w.c.Backend().Create(ctx, made.Name, with, want)
			}
		}
		if errors.Is(err, backends.ErrUnknown) {
			rec, err = w.settleCreate(ctx, step.Attrs, err)
		}
		if err != nil {
			return nil, err
		}
		w.rec, w.key, step.Key, w.fresh = rec, rec.Key, rec.Key, true
		return nil, nil
	}}
}

// inhabited puts placeholders into the sets that a new record lacks and may not lack.
func (c *class) inhabited(attrs backends.Attributes, cause error) (backends.Attributes, bool) {
	var native *backends.Error
	errors.As(cause, &native)
	with, changed := attrs.Clone(), false
	for _, r := range c.refs {
		blamed := native == nil || native.Attr == "" || strings.EqualFold(native.Attr, r.Native)
		if r.Placeholder != "" && blamed && len(attrs.Get(r.Native)) == 0 {
			with[r.Native], changed = backends.Values{backends.String(r.Placeholder)}, true
		}
	}
	return with, changed
}

// having holds for records that have all these values, as far as the directory can compare them truly.
func (c *class) having(attrs backends.Attributes) backends.And {
	var all backends.And
	for name, values := range attrs {
		rule := c.Backend().Syntax(name).Equality
		for _, v := range values {
			p := backends.Eq{Attr: name, Value: v, Rule: rule}
			if rule != backends.NoRule && v.Kind() != backends.KindSecret && c.Backend().Fidelity(p) == backends.Exact {
				all = append(all, p)
			}
		}
	}
	return all
}

// settleCreate looks for a record that has everything the new one was given.
func (w *work) settleCreate(ctx context.Context, attrs backends.Attributes, cause error) (backends.Record, error) {
	all := w.c.having(attrs)
	var found []backends.Record
	v := w.s.settle(ctx, func(ctx context.Context) (verdict, error) {
		found = nil
		for rec, err := range w.c.Backend().Walk(ctx, backends.Query{Where: all, Attrs: w.c.Reads(nil), Limit: 2}) {
			if err != nil {
				return undecided, err
			}
			found = append(found, rec)
		}
		switch {
		case len(found) == 0:
			return didNot, nil
		case len(found) == 1 && len(all) > 0:
			return happened, nil
		}
		return undecided, nil
	})
	switch v {
	case happened:
		return found[0], nil
	case didNot:
		return backends.Record{}, notDone(cause)
	case undecided:
	}
	return backends.Record{}, cause
}

// templateText is a name for a reader of the journal: the directory builds the real one.
func templateText(t backends.Template) string {
	var b strings.Builder
	for _, part := range t {
		if part.Slot {
			b.WriteString(backends.EscapeName(part.Value.Text()))
		} else {
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

// modify changes the record itself. before holds what the changes touch.
func (w *work) modify(changes []backends.Change, before backends.Attributes, cond backends.Condition, want []string) *operation {
	step := journal.Step{Backend: w.c.Name(), Op: opModify, Key: w.key, Name: w.rec.Name, Changes: changes, Before: before}
	return &operation{step: step, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		if step.Key == "" {
			step.Key = w.key // of a record that an earlier step has made
		}
		was := w.rec
		was.Attrs, was.Key = step.Before, step.Key
		rec, effective, err := w.s.modify(ctx, w.c, step.Key, changes, cond, want)
		if errors.Is(err, backends.ErrUnknown) {
			switch w.s.settleModify(ctx, w.c, was, effective) {
			case happened: // it stands, whether or not it can be read again
				if rec, err = w.s.fetchRaw(ctx, w.c, step.Key, want); err != nil {
					w.fresh = false
					return effective, nil
				}
			case didNot:
				return nil, notDone(err)
			case undecided:
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
		w.rec, w.fresh = rec, true
		return effective, nil
	}}
}

// move gives the record another name. If conditional, it must be as the step before has left it. beyond is the place out of the mapping's scope that it may go to,
// or come back from: what the mapping's delete says, and only where a delete is done or taken back.
func (w *work) move(name backends.Template, conditional bool, beyond string) *operation {
	step := journal.Step{Backend: w.c.Name(), Op: opMove, Key: w.key, Name: w.rec.Name, Changes: []backends.Change{{
		Op: backends.Replace, Attr: "name", Values: backends.Strings(templateText(name)),
	}}}
	return &operation{step: step, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		cond := backends.Condition{}
		if conditional {
			cond = w.c.asRead(w.rec)
		}
		cond.Beyond = beyond
		err := w.c.Backend().Move(ctx, step.Key, name, cond)
		if errors.Is(err, backends.ErrUnknown) {
			err = w.settleMove(ctx, *step, beyond, err)
		}
		w.fresh = false
		return nil, err
	}}
}

func (w *work) settleMove(ctx context.Context, step journal.Step, beyond string, cause error) error {
	v := w.s.settle(ctx, func(ctx context.Context) (verdict, error) {
		recs, err := w.c.Backend().Fetch(ctx, []backends.Key{step.Key}, nil)
		switch {
		case err != nil:
			return undecided, err
		case len(recs) == 0 && beyond != "":
			return w.c.settleBeyond(ctx, step, beyond)
		case len(recs) == 0:
			return happened, nil // out of the mapping's filter
		case recs[0].Name != step.Name:
			return happened, nil
		}
		return didNot, nil
	})
	return v.err(cause)
}

// err is what a verdict makes of an unknown write.
func (v verdict) err(cause error) error {
	switch v {
	case happened:
		return nil
	case didNot:
		return notDone(cause)
	case undecided:
	}
	return cause
}

// remove deletes the record, along with what others are to let go. before is all of it that may be read. Where the directory says that a value is wrong, it is
// that of somebody who cannot let go: the client has sent none.
func (w *work) remove(before backends.Attributes, cond backends.Condition) *operation {
	step := journal.Step{Backend: w.c.Name(), Op: opDelete, Key: w.key, Name: w.rec.Name, Before: before}
	return &operation{step: step, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		err := w.c.Backend().Delete(ctx, step.Key, cond, w.releases()...)
		if errors.Is(err, backends.ErrInvalid) && w.inhabit(err) {
			err = w.c.Backend().Delete(ctx, step.Key, cond, w.releases()...)
		}
		var native *backends.Error
		if errors.Is(err, backends.ErrInvalid) && errors.As(err, &native) {
			err = &backends.Error{Kind: backends.ErrRefused, Detail: native.Detail, Cause: errors.New(err.Error())}
		}
		if errors.Is(err, backends.ErrUnknown) {
			v := w.s.settle(ctx, func(ctx context.Context) (verdict, error) {
				recs, err := w.c.Backend().Fetch(ctx, []backends.Key{step.Key}, nil)
				if err == nil && len(recs) == 0 {
					return happened, nil
				}
				return didNot, err
			})
			err = v.err(err)
		}
		return nil, err
	}}
}

// inhabit puts placeholders into the sets that would become empty and must not.
func (w *work) inhabit(cause error) bool {
	changed := false
	for _, op := range w.ops {
		if op.release == nil {
			continue
		}
		if with, ok := w.s.byName[op.step.Backend].withPlaceholder(op.release.Changes, cause); ok {
			op.release.Changes, changed = with, true
		}
	}
	return changed
}

// overlay replaces what is kept of the resource beside the directory.
func (w *work) overlay(before, after map[string]string) *operation {
	step := journal.Step{
		Backend: w.c.Name(), Op: opOverlay, Key: w.key, Before: extrasAsAttrs(before), Changes: extrasAsChanges(before, after),
	}
	return &operation{step: step, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		if step.Key == "" {
			step.Key = w.key
		}
		return step.Changes, w.s.saveExtras(ctx, w.c, w.req, step.Key, after)
	}}
}
