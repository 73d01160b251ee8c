package adapter

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// The plan of a window is read from its first line to its last: each step is told as of when the steps before it have been done. What is to happen in those that point at a record was looked for in
// the directory, which knows nothing of these steps yet.

// told are the steps of a work for who reads its plan.
func (r *rewind) told(ctx context.Context, w *work) (steps []journal.Step, err error) {
	if r.o.DryRun {
		return r.planned(ctx, w)
	}
	for _, op := range w.ops {
		steps = append(steps, op.step)
	}
	return steps, nil
}

// planned are the steps of a plan, under the names that there are by then, and without what an earlier one has done.
func (r *rewind) planned(ctx context.Context, w *work) ([]journal.Step, error) {
	var steps []journal.Step
	called := map[imageKey]string{} // within this event
	for _, op := range w.ops {
		step, at := op.step, imageKey{op.step.Backend, op.step.Key}
		if step.Op == opOverlay { // its name is a client's
			steps = append(steps, step)
			continue
		}
		if b := r.subjects[at]; b != nil && b.now.there && (b != r.own || !r.away) && step.Op != opRestore {
			step.Name = b.now.name
		}
		if name, moved := called[at]; moved {
			step.Name = name
		}
		switch step.Op {
		case opMove:
			called[at] = destination(step)
		case opRestore:
			called[at] = step.Name
		}
		if c := r.s.byName[step.Backend]; c != nil && step.Op == opModify && !slices.Contains(r.exact, op) && at != (imageKey{r.c.Name(), r.own.key}) {
			b := r.subject(c, step.Key)
			changes, err := r.notYet(ctx, b, step.Changes)
			if err != nil {
				return nil, err
			}
			if step.Changes = changes; len(changes) == 0 {
				continue
			}
			if b.now.name != "" {
				step.Name = b.now.name
			}
		}
		steps = append(steps, step)
	}
	more, err := r.pointingByThen(ctx, called[imageKey{r.c.Name(), r.own.key}])
	return append(steps, more...), err
}

// notYet leaves out of changes in a record that points at the own one what it is like already by then, and puts them into its picture.
func (r *rewind) notYet(ctx context.Context, b *subject, changes []backends.Change) (left []backends.Change, err error) {
	if err := b.read(ctx); err != nil || !b.then.there {
		return nil, err // an earlier step has taken it away
	}
	none := true // of what is to go was there
	for _, change := range cloneChanges(changes) {
		if ref, points := b.c.pointsWith(change.Attr); !points || len(change.Values) == 0 || change.Op == backends.Replace {
			return changes, nil
		} else if ref.By == "" && change.Op == backends.Remove && r.own.now.there {
			change = renamedIn([]backends.Change{change}, r.own.stands, r.own.now.name)[0]
		}
		there, err := b.has(ctx, change.Attr, change.Values)
		if err != nil {
			return nil, err
		}
		var values backends.Values
		for i, v := range change.Values {
			if there[i] == (change.Op == backends.Remove) {
				values = append(values, v)
			}
		}
		if change.Op == backends.Remove {
			none = none && len(values) == 0
		} else if none {
			continue // who does not hold the old name does not get the new one
		}
		if change.Values = values; len(values) == 0 {
			continue
		}
		if err := b.apply(ctx, change); err != nil {
			return nil, err
		}
		left = append(left, change)
	}
	return left, nil
}

// pointingByThen are steps for those that point at the own record only since an earlier step, and are to follow it to its new name, or to let go of it.
func (r *rewind) pointingByThen(ctx context.Context, name string) (steps []journal.Step, err error) {
	old := r.own.now.name
	if !r.own.now.there || r.away || !r.removal && (name == "" || sameName(old, name)) {
		return nil, nil
	}
	if r.removal || r.c.beyond(name) != "" {
		name = ""
	}
	for _, b := range r.pointers() {
		for _, ref := range b.c.writable() {
			if ref.By != "" || !slices.Contains(ref.Types, r.c.Name()) || !b.then.knows(b.c, ref.Native, old) {
				continue
			}
			changes := []backends.Change{{Op: backends.Remove, Attr: ref.Native, Values: backends.Strings(old)}}
			if name != "" {
				changes = append(changes, backends.Change{Op: backends.Add, Attr: ref.Native, Values: backends.Strings(name)})
			}
			if changes, err = r.notYet(ctx, b, changes); err != nil {
				return nil, err
			}
			if len(changes) > 0 {
				steps = append(steps, journal.Step{Backend: b.c.Name(), Op: opModify, Key: b.key, Name: b.now.name, Changes: changes})
			}
		}
	}
	return steps, nil
}

// pointers are the other records that the plan has come upon so far, and that are there by then.
func (r *rewind) pointers() (all []*subject) {
	for at, b := range r.subjects {
		if b.then.there && b != r.own {
			all = append(all, r.subject(b.c, at.key))
		}
	}
	slices.SortFunc(all, func(a, b *subject) int {
		return cmp.Or(strings.Compare(a.c.Name(), b.c.Name()), strings.Compare(string(a.key), string(b.key)))
	})
	return all
}

// knows says that a value is in the picture, without asking the directory.
func (p picture) knows(c *class, attr, name string) bool {
	normal := c.normal(attr, backends.String(name))
	values, known := p.values(attr)
	if known {
		return slices.ContainsFunc(values, func(v backends.Value) bool { return c.normal(attr, v) == normal })
	}
	return p.listed[strings.ToLower(attr)][normal].there
}
