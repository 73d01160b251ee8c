package adapter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// end does what was thought out, or tells it.
func (r *rewind) end(ctx context.Context, action string, undoes journal.ID, u *Undone) error {
	u.Lost, u.Why = r.lost, append(u.Why, slices.Concat(r.conflicts, r.notes)...)
	if len(r.conflicts) > 0 && !r.singly || r.singly && !r.own.then.there {
		u.Result = UndoSkipped
		r.dismiss()
		return nil
	}
	w := &work{s: r.s, c: r.c, req: r.req, action: action, undoes: undoes, key: r.own.key, rec: r.own.record()}
	if r.removal {
		return r.remove(ctx, w, u)
	}
	r.own.holdPlaces()
	p, err := r.operations(ctx, w)
	if err != nil {
		return err
	}
	if by, err := r.occupied(ctx, w); err != nil || by != "" {
		u.Result, u.taken = UndoSkipped, true
		if by != "" {
			u.Why = append(u.Why, by)
		}
		r.dismiss()
		return err
	}
	relinks, err := r.s.relinks(ctx, w, p)
	if err != nil {
		return err
	}
	defer relinks.leave()
	w.ops = append(w.ops, relinks.ops...)
	if r.tell(ctx, w, u) {
		return nil
	}
	left, err := r.s.lettingGo(ctx, w)
	if err != nil {
		return err
	}
	if err := w.run(ctx); err != nil {
		r.s.failedWrite(ctx, w, p, relinks, err)
		return r.failed(err, u)
	}
	r.s.settleNames(ctx, w, relinks)
	r.s.sweep(ctx, w, left, func(string) (string, error) { return "", nil })
	return r.done(ctx, w, u)
}

// remove removes the record, and what points at it.
func (r *rewind) remove(ctx context.Context, w *work, u *Undone) error {
	w.ops = append(w.ops, w.remove(r.own.now.attrs(), r.c.asRead(w.rec)))
	d, err := r.s.departure(ctx, w)
	if err != nil {
		return err
	}
	defer d.leave()
	if r.tell(ctx, w, u) {
		r.own.then.there = false
		r.own.settle()
		return nil
	}
	more, err := r.s.depart(ctx, w, d)
	if more {
		return &backends.Error{Kind: backends.ErrChanged, Cause: errors.New(err.Error())}
	}
	if err != nil {
		return r.failed(err, u)
	}
	return r.done(ctx, w, u)
}

// operations are what makes the records what they shall be, without what points at the own one with another name.
func (r *rewind) operations(ctx context.Context, w *work) (*plan, error) {
	b, p := r.own, &plan{}
	old := ""
	switch {
	case r.restored:
		rec := backends.Record{Key: b.key, Name: r.deletedAs, Attrs: r.settable(b.then.attrs())}
		if err := r.unpoint(ctx, rec.Attrs); err != nil {
			return nil, err
		}
		w.rec, old = rec, r.deletedAs
		parts := r.parts(rec.Attrs)
		w.ops = append(w.ops, w.restore(rec))
		if len(parts) > 0 {
			w.ops = append(w.ops, w.modify(parts, r.deleted.attrs(), backends.Condition{}, nil))
		}
		if b.then.name != r.deletedAs { // which its attributes agree with
			w.ops = append(w.ops, w.move(backends.Template{{Text: b.then.name}}, false, ""))
		}
	case r.away:
		w.ops = append(w.ops, w.move(backends.Template{{Text: b.then.name}}, true, r.c.OnDelete().To))
		if changes := b.changes(); len(changes) > 0 {
			w.ops = append(w.ops, w.modify(changes, imageOf(w.rec, changes), backends.Condition{Assert: replaced(r.c, changes, b.now.attrs())}, nil))
		}
	case b.now.there:
		p.update = mapping.Update{Changes: b.changes()}
		if len(p.update.Changes) > 0 {
			cond := backends.Condition{Version: b.now.version}
			if cond.Version == "" {
				cond.Assert = replaced(r.c, p.update.Changes, b.now.attrs())
			}
			w.ops = append(w.ops, w.modify(p.update.Changes, imageOf(w.rec, p.update.Changes), cond, nil))
		}
		if b.then.name != b.now.name {
			name, place := backends.Template{{Text: b.then.name}}, r.c.beyond(b.then.name)
			if place != "" && r.c.beyond(b.now.name) == "" {
				w.away = b.then.name // what points at it is to let go, and not to follow
			} else {
				p.update.Move = name
			}
			w.ops = append(w.ops, w.move(name, true, place))
		}
	}
	given, err := r.given(ctx, w)
	if err != nil {
		return nil, err
	}
	w.ops = append(w.ops, given...)
	for _, other := range r.others {
		if changes := other.changes(); len(changes) > 0 {
			if r.restored && b.then.name != r.deletedAs {
				changes, old = renamedIn(changes, r.deletedAs, b.then.name), ""
			}
			r.exact = append(r.exact, w.loosely(other, changes, old))
			w.ops = append(w.ops, r.exact[len(r.exact)-1])
		}
	}
	return p, nil
}

// parts takes the parts of a document out of what a record is made with, which has the document as it was when the record went, and gives the changes that make it what it
// shall be.
func (r *rewind) parts(attrs backends.Attributes) []backends.Change {
	var changes []backends.Change
	for _, lower := range slices.Sorted(maps.Keys(r.own.then.whole)) {
		want := r.own.then.whole[lower]
		if !r.own.then.isPart(want.name) {
			continue
		}
		delete(attrs, want.name)
		if was, _ := r.deleted.values(want.name); !sameValues(r.c.Backend().Syntax(want.name).Equality, was, want.values) {
			changes = append(changes, backends.Change{Op: backends.Replace, Attr: want.name, Values: want.values})
		}
	}
	return changes
}

// unpoint takes names out of a record to be made anew that are nobody's any more, where the directory would refuse it for their sake. A directory with names of
// its own holds names of records out of scope, too, and takes any.
func (r *rewind) unpoint(ctx context.Context, attrs backends.Attributes) error {
	if r.c.Backend().Capabilities().Rename {
		return nil
	}
	for attr, values := range attrs {
		if _, points := r.c.pointsWith(attr); !points {
			continue
		}
		named := r.named(ctx, r.c, []backends.Change{{Op: backends.Add, Attr: attr, Values: values}})
		there, err := r.alive(ctx, r.c, attr, named[0].Values)
		if err != nil {
			return err
		}
		attrs[attr] = there
	}
	return nil
}

// tell puts the plan down, and says whether that is all that is wanted.
func (r *rewind) tell(ctx context.Context, w *work, u *Undone) bool {
	names, err := w.namesOfSteps(ctx)
	if err != nil {
		r.notes = append(r.notes, "what the records are called that the plan is about could not be asked: "+plainly(err))
	}
	steps, bad := r.told(ctx, w)
	if bad != nil {
		r.notes = append(r.notes, "what earlier steps of the plan have done by then could not be asked: "+plainly(bad))
	}
	for _, step := range steps {
		if step.Name == "" { // whoever is handed the plan knows no keys
			step.Name = names[place{step.Backend, "", step.Key}]
		}
		u.Plan = append(u.Plan, r.s.script(step)...)
	}
	u.Lost, u.Stamped = r.lost, r.stamped(nil)
	u.Why = append(u.Why[:0:0], slices.Concat(r.conflicts, r.notes)...)
	switch {
	case len(w.ops) == 0:
		u.Result = UndoNothing
		if len(u.Stays) > 0 {
			u.Result = UndoSkipped
		} else if len(u.Lost) > 0 && r.singly && r.went { // it was told when the record came back, and nobody can do more about it
			u.Why = append(u.Why, "it is as it was before already, but for what was lost when it was deleted")
		} else if len(u.Lost) > 0 {
			u.Result = UndoSkipped
			u.Why = append(u.Why, "what it changed cannot be put back")
		} else if len(u.Why) == 0 {
			u.Why = []string{"it is as it was before already"}
		}
		return true
	case r.o.DryRun:
		u.Result = UndoPlanned
		for _, b := range append(slices.Clone(r.others), r.own) {
			b.settle()
		}
		return true
	}
	return false
}

// script is a step in the language of its directory.
func (s *Service) script(step journal.Step) []string {
	step = s.o.Discretion.shown(step)
	c, ok := s.byName[step.Backend]
	if !ok {
		return nil
	}
	if step.Op == opOverlay {
		var lines []string
		for _, change := range step.Changes {
			line := fmt.Sprintf("# beside the directory: %s of %s/%s becomes %s", change.Attr, step.Backend, step.Key, inWords(change.Values))
			if step.Name != "" {
				line += ", for " + step.Name
			}
			lines = append(lines, line)
		}
		return lines
	}
	return c.Backend().Script(backends.Write{Op: step.Op, Key: step.Key, Name: step.Name, Attrs: step.Attrs, Changes: step.Changes})
}

// failed tells what stood in the way. What is taken by others is no failure but a conflict.
func (r *rewind) failed(err error, u *Undone) error {
	if isChanged(err) || !errors.Is(err, backends.ErrExists) {
		return err
	}
	u.Result, u.taken = UndoSkipped, true
	u.Why = append(u.Why, takenBy+plainly(err))
	return nil
}

// done tells what was done.
func (r *rewind) done(ctx context.Context, w *work, u *Undone) error {
	u.Result, u.By, u.key = UndoDone, w.event, w.key
	u.Why = append(u.Why, w.notes...)
	for i, step := range w.out.Steps {
		if step.Status == journal.StatusFailed || step.Status == journal.StatusUnknown {
			u.Why = append(u.Why, fmt.Sprintf("%s/%s could not be brought up to date: %s", w.ops[i].step.Backend, w.ops[i].step.Key, step.Error))
		}
	}
	if w.key != r.own.key {
		u.Why = append(u.Why, "its id is "+string(w.key)+" now")
	}
	return r.madeAgain(ctx, w, u)
}

// madeAgain tells what a record that was made again does not have as it was.
func (r *rewind) madeAgain(ctx context.Context, w *work, u *Undone) error {
	if !r.restored {
		return nil
	}
	names := slices.Concat(w.lost, slices.Collect(maps.Keys(r.stamps)))
	recs, err := r.c.Backend().Fetch(ctx, []backends.Key{w.key}, names)
	if err == nil && len(recs) == 1 { // some of it was only waiting for what points at the record
		was := backends.Record{Attrs: backends.Attributes{}}
		for _, attr := range names {
			was.Attrs[attr] = r.own.then.attrs().Get(attr)
		}
		names = r.c.lost(was, recs[0])
	}
	u.Stamped = r.stamped(names)
	for _, attr := range names {
		if !r.c.notPut(attr) {
			r.lose(attr)
		}
	}
	u.Lost = r.lost
	return nil
}

// lost names what a record does not have as it was. Another spelling of a name is no other name.
func (c *class) lost(was, is backends.Record) []string {
	return slices.DeleteFunc(backends.Lost(was, is), func(attr string) bool {
		syntax := c.Backend().Syntax(attr)
		return syntax.Ref && sameValues(syntax.Equality, was.Attrs.Get(attr), is.Attrs.Get(attr))
	})
}

// settable takes out of a record that is to be made what nobody can set, and keeps it in mind.
func (r *rewind) settable(attrs backends.Attributes) backends.Attributes {
	r.stamps = backends.Attributes{}
	for name, values := range attrs {
		if syntax := r.c.Backend().Syntax(name); syntax.Stamp && syntax.ReadOnly {
			r.stamps[name] = values
			delete(attrs, name)
		}
	}
	return attrs
}

// stamped names what of a record that is made again the directory itself says anew; nil: it is not known yet what. Who it is a member of comes back with the groups.
func (r *rewind) stamped(lost []string) (names []string) {
	if lost == nil {
		lost = slices.Sorted(maps.Keys(r.stamps))
	}
	for _, attr := range lost {
		member := slices.ContainsFunc(r.c.refs, func(ref reference) bool { return strings.EqualFold(ref.Native, attr) })
		if r.c.notPut(attr) && !member {
			names = append(names, attr)
		}
	}
	slices.Sort(names)
	return names
}
