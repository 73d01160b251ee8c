package adapter

import (
	"context"
	"errors"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Delete is DELETE (RFC 7644 §3.6), or what the mapping does instead. What points at the record is cleaned up in the same intent: a
// directory that reuses the name would otherwise give the next owner the memberships of the last.
func (s *Service) Delete(ctx context.Context, req scim.Request, id string) error {
	s, ctx = s.acting(ctx, req)
	c, err := s.class(req)
	if err != nil {
		return err
	}
	if err := s.mayWrite(); err != nil {
		return err
	}
	switch c.OnDelete().Policy {
	case "refuse":
		return refuse("The mapping of " + c.Name() + " does not allow to delete.")
	case "disable":
		_, err := s.update(ctx, req, id, change{action: "delete", apply: disable})
		return err
	}
	release, err := s.locks.take(ctx, c.lockName(id))
	if err != nil {
		return s.translate(err, c, false)
	}
	defer release()
	ctx = onOneTab(ctx)
	err = insist(req, func() error { return s.remove(ctx, c, req, backends.Key(id)) })
	return s.translate(err, c, guarded(req))
}

// disable is what a delete comes to where records are kept.
func disable(before *scim.Object) (*scim.Object, []scim.SetDelta, error) {
	after := before.Clone()
	after.Set("active", false)
	return after, nil, nil
}

// remove deletes a record, and what points at it. Where one operation can be about several records (a database), those of the same directory let go in the
// one that deletes the record: all of it happens, or nothing. What points at it from another directory, or in one whose operations are about one record each,
// is cleaned up after the record is gone: a delete that is refused has then changed nothing, and whoever points at the record meanwhile is found by the sweep.
// The argument of sweep.go holds for both. A database with foreign keys lets nobody point at a record that is gone; a row that came in between the search for
// those that point and the delete refuses the delete (ErrHeld), and is found when that is tried again.
func (s *Service) remove(ctx context.Context, c *class, req scim.Request, key backends.Key) error {
	for again := looks; ; again-- {
		more, err := s.removeOnce(ctx, c, req, key)
		if !more || again == 0 {
			return err
		}
	}
}

// removeOnce is one intent of a removal. more: the record was held, and by somebody who did not point at it a moment ago.
func (s *Service) removeOnce(ctx context.Context, c *class, req scim.Request, key backends.Key) (more bool, err error) {
	w, err := s.removal(ctx, c, req, key)
	if err != nil {
		return false, err
	}
	d, err := s.departure(ctx, w)
	if err != nil {
		return false, err
	}
	defer d.leave()
	return s.depart(ctx, w, d)
}

// departure is what a removal comes to in those that point at the record.
type departure struct {
	holders []holder
	unlinks []*operation
	along   []*operation // of unlinks: those that happen in the operation that removes the record
	leave   func()       // lets those go on who want to point at it
}

// departure completes the work of a removal, whose first step it has. Whoever wants to point at the record waits from here on until leave is called, and then finds nobody.
func (s *Service) departure(ctx context.Context, w *work) (d *departure, err error) {
	d = &departure{}
	if d.holders, err = s.holdersOf(ctx, w.c, w.rec); err != nil {
		return nil, err
	}
	follow(d.holders, w.away)
	leave := s.flux.enter(inFlux(w.c, w.key, d.holders)...)
	d.leave = leave
	defer func() {
		if err != nil { // then there is no d any more
			leave()
		}
	}()
	if d.unlinks, err = s.unlinks(ctx, w.c, w.rec, d.holders); err != nil {
		return nil, err
	}
	d.holders = append(d.holders, afterwards(d.holders)...)
	along, after := s.along(w.c, w, d.unlinks)
	d.along = along
	w.ops = slices.Concat(along, w.ops, after)
	if len(w.c.extras) > 0 {
		forgets, err := w.forgets(ctx)
		if err != nil {
			return nil, err
		}
		w.ops = append(w.ops, forgets...)
	}
	return d, nil
}

// depart does the work of a removal, and looks again for those that point at the record.
func (s *Service) depart(ctx context.Context, w *work, d *departure) (more bool, err error) {
	err = w.run(ctx)
	if errors.Is(err, backends.ErrHeld) {
		now, bad := s.unlinks(ctx, w.c, w.rec, d.holders)
		return bad == nil && len(d.along) > 0 && slices.ContainsFunc(now, func(op *operation) bool { return !slices.ContainsFunc(d.unlinks, op.sameAs) }), err
	}
	if err == nil {
		s.sweep(ctx, w, d.holders, func(string) (string, error) { return "", nil })
	}
	return false, err
}

// along tells the unlinks that happen in the operation that deletes the record from those that come after it.
func (s *Service) along(c *class, w *work, unlinks []*operation) (along, after []*operation) {
	for _, op := range unlinks {
		home := s.byName[op.step.Backend]
		if w.ops[0].step.Op != opDelete || !c.transactional() || home == nil || home.BackendName() != c.BackendName() {
			after = append(after, op)
			continue
		}
		op.release = &backends.Release{From: home.Backend(), Key: op.step.Key, Changes: op.step.Changes}
		op.loose = false
		along = append(along, op)
	}
	return along, after
}

// removal is the first step: the record goes, or moves to where the mapping does not look.
func (s *Service) removal(ctx context.Context, c *class, req scim.Request, key backends.Key) (*work, error) {
	all := func(scim.Ref) bool { return true }
	rec, err := s.fetchOne(ctx, c, key, all)
	if err != nil {
		return nil, err
	}
	held, known, err := s.shownExtras(ctx, c, req, []backends.Key{key}, !s.postpones() || pinned(req))
	if err != nil {
		return nil, err
	}
	if err := checkConditions(req, c.etag(rec, held[key].Version)); err != nil {
		return nil, err
	}
	w := &work{s: s, c: c, req: req, action: "delete", key: key, rec: rec, unread: !known}
	if w.weights, err = s.weighRemoval(ctx, c, rec); err != nil {
		return nil, err
	}
	if c.OnDelete().Policy == "move" {
		name, err := c.DeleteName(rec, s.get(ctx, c, rec, all))
		if err != nil {
			return nil, err
		}
		w.away = templateText(name)
		w.ops = append(w.ops, w.leave(name))
		return w, nil
	}
	// The before-image is everything that the directory lets us read, so that the record can be made again.
	whole, err := s.fetchRaw(ctx, c, key, c.everything(nil))
	if err != nil {
		return nil, err
	}
	if whole.Version != rec.Version {
		return nil, &backends.Error{Kind: backends.ErrChanged}
	}
	w.ops = append(w.ops, w.remove(whole.Attrs, c.asRead(rec)))
	return w, nil
}

// holder is a reference through which records of a mapping can point at a record.
type holder struct {
	class *class
	ref   reference
	name  string
	later string // what it is called as soon as it was moved away; "": it stays, or goes altogether
}

// holdersOf lists how records can point at this one: through every writable reference, of every mapping, to this type.
func (s *Service) holdersOf(ctx context.Context, c *class, rec backends.Record) ([]holder, error) {
	var found []holder
	for _, other := range s.classes {
		for _, r := range other.writable() {
			if !slices.Contains(r.Types, c.Name()) {
				continue
			}
			names, err := ownNames(ctx, c, r.By, []backends.Record{rec})
			if err != nil {
				return nil, err
			}
			if name := names[rec.Key]; name != "" {
				found = append(found, holder{class: other, ref: r, name: name})
			}
		}
	}
	return found, nil
}

// calls says whether the holder's attribute takes another name for the same.
func (h holder) calls(name string) bool {
	rule := h.ref.rule()
	return backends.Normalize(rule, h.name) == backends.Normalize(rule, name)
}

// place is an attribute of a record: two mappings may look at the same records.
type place struct {
	backend, native string
	key             backends.Key
}

func (h holder) in(key backends.Key) place { return place{h.class.BackendName(), h.ref.Native, key} }

// unlinks gives a clean-up step for each record that points at this one.
func (s *Service) unlinks(ctx context.Context, c *class, rec backends.Record, list []holder) ([]*operation, error) {
	seen := map[place]bool{}
	var ops []*operation
	for _, h := range list {
		keys, err := pointing(ctx, h.class, h.ref, h.name)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			self := key == rec.Key && h.class.BackendName() == c.BackendName()
			if !seen[h.in(key)] && !self {
				seen[h.in(key)] = true
				ops = append(ops, s.unlink(h, key))
			}
		}
	}
	return ops, nil
}

// unlink takes the name out of one record that points with it.
func (s *Service) unlink(h holder, key backends.Key) *operation {
	return s.amend(h, key, backends.Remove)
}

// amend adds or removes one name. That the directory was faster, or that the record is gone, is fine.
func (s *Service) amend(h holder, key backends.Key, op backends.ChangeOp) *operation {
	value := backends.Strings(h.name)
	changes := []backends.Change{{Op: op, Attr: h.ref.Native, Values: value}}
	step := journal.Step{Backend: h.class.Name(), Op: opModify, Key: key, Changes: changes}
	if op == backends.Remove {
		step.Before = backends.Attributes{h.ref.Native: value}
	}
	return &operation{step: step, loose: true, do: func(ctx context.Context, _ *journal.Step) ([]backends.Change, error) {
		_, effective, err := s.modify(ctx, h.class, key, changes, backends.Condition{}, nil)
		if errors.Is(err, backends.ErrUnknown) {
			rec := backends.Record{Key: key, Attrs: backends.Attributes{}}
			if err = s.settleModify(ctx, h.class, rec, changes).err(err); err == nil {
				return changes, nil
			}
		}
		if err == nil && len(effective) == 0 && h.later != "" && op == backends.Remove {
			return nil, s.letFollow(ctx, h, key)
		}
		if isNotFound(err) {
			return nil, nil
		}
		return effective, err
	}}
}

// forget ends what every client kept of the record. Where that could not be read, the journal is told that it is not known.
func (w *work) forget(ctx context.Context) (*operation, error) {
	step := journal.Step{Backend: w.c.Name(), Op: opOverlay, Key: w.key}
	remark := ""
	if w.unread {
		step.Before, step.Changes = w.c.unreadExtras()
		remark = "the journal's database was away: what it held of the record is not known, and cannot be put back"
	} else {
		held, err := w.s.loadExtras(ctx, w.c, w.req, []backends.Key{w.key})
		if err != nil {
			return nil, err
		}
		before := held[w.key].Attrs
		step.Before, step.Changes = extrasAsAttrs(before), extrasAsChanges(before, nil)
	}
	return &operation{step: step, loose: true, remark: remark, do: func(ctx context.Context, step *journal.Step) ([]backends.Change, error) {
		return step.Changes, w.s.dropExtras(ctx, w.req.Caller.Tenant, w.c, w.key)
	}}, nil
}
