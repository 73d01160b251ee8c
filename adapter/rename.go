package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// A record that gets another name takes along what points at it. Many directories see to that themselves (OpenLDAP's refint overlay); one
// that does not would leave every membership with the old name, and give them to whoever has it next.

// relinking is what another name of a record comes to in those that point at it.
type relinking struct {
	ops   []*operation
	stale []holder // how it was pointed at before
	now   map[string]func() (string, error)
	leave func() // lets those go on who wait for the name; it may be called twice
}

// relinks gives, for an update that changes what its record is called, a step for each record that points at it. From here on, until leave
// is called, nobody else in this process writes the name.
func (s *Service) relinks(ctx context.Context, w *work, p *plan) (*relinking, error) {
	l := &relinking{leave: func() {}, now: map[string]func() (string, error){}}
	names := map[string]string{}
	for _, h := range s.renamed(w.c, p) {
		by := h.ref.By
		if _, asked := names[by]; !asked {
			name, err := s.nameNow(ctx, w, by)
			if err != nil {
				return nil, err
			}
			names[by] = name
			l.now[by] = sync.OnceValues(func() (string, error) { return s.nameOf(ctx, w)(by) })
		}
		if h.name = names[by]; h.name != "" {
			l.stale = append(l.stale, h)
		}
	}
	if len(l.stale) == 0 {
		return l, nil
	}
	l.leave = s.flux.enter(inFlux(w.c, w.key, l.stale)...)
	for _, h := range l.stale {
		keys, err := pointing(ctx, h.class, h.ref, h.name)
		if err != nil {
			l.leave()
			return nil, err
		}
		for _, key := range keys {
			l.ops = append(l.ops, s.relink(h, key, p.nameAfter(h.ref.By), l.now[h.ref.By]))
		}
	}
	return l, nil
}

// renamed lists the ways of pointing at a record that an update may change the name of.
func (s *Service) renamed(c *class, p *plan) []holder {
	var found []holder
	for _, other := range s.classes {
		for _, r := range other.writable() {
			written := slices.ContainsFunc(p.update.Changes, func(change backends.Change) bool { return strings.EqualFold(change.Attr, r.By) })
			if slices.Contains(r.Types, c.Name()) && (p.update.Move != nil || written) {
				found = append(found, holder{class: other, ref: r})
			}
		}
	}
	return found
}

// nameAfter is what the record will be called, as far as that can be said before the directory has done it.
func (p *plan) nameAfter(by string) string {
	if by == "" && p.update.Move != nil {
		return templateText(p.update.Move)
	}
	for _, change := range p.update.Changes {
		if by != "" && strings.EqualFold(change.Attr, by) && change.Op != backends.Remove && len(change.Values) > 0 {
			return change.Values[0].Text()
		}
	}
	return ""
}

// nameNow is what the record of a work is called at present; "" when nothing can point at it so.
func (s *Service) nameNow(ctx context.Context, w *work, by string) (string, error) {
	names, err := w.c.Backend().Names(ctx, by, []backends.Key{w.key})
	return names[w.key], err
}

// nameOf is nameNow for a work that has begun, and is finished even if the client has gone away.
func (s *Service) nameOf(ctx context.Context, w *work) func(by string) (string, error) {
	ctx = context.WithoutCancel(ctx)
	return func(by string) (string, error) { return s.nameNow(ctx, w, by) }
}

// settleNames ends what relinks has begun, when the record has its new name: it looks for those that were added meanwhile.
func (s *Service) settleNames(ctx context.Context, w *work, l *relinking) {
	defer l.leave()
	stale := slices.Clone(l.stale)
	for _, h := range l.stale {
		// What the relinking wrote may be out of date by now, too.
		if name, err := l.now[h.ref.By](); err == nil && name != "" && !h.calls(name) {
			h.name = name
			stale = append(stale, h)
		}
	}
	s.sweep(ctx, w, stale, s.nameOf(ctx, w))
}

// relink puts the new name, which is asked for when the step's turn has come, where the old one is in one record. planned is how the journal
// knows it beforehand.
func (s *Service) relink(h holder, key backends.Key, planned string, now func() (string, error)) *operation {
	old := backends.Strings(h.name)
	step := journal.Step{
		Backend: h.class.Name(), Op: opModify, Key: key, Before: backends.Attributes{h.ref.Native: old},
		Changes: []backends.Change{{Op: backends.Remove, Attr: h.ref.Native, Values: old}},
	}
	if planned != "" {
		step.Changes = append(step.Changes, backends.Change{Op: backends.Add, Attr: h.ref.Native, Values: backends.Strings(planned)})
	}
	return &operation{step: step, loose: true, do: func(ctx context.Context, _ *journal.Step) ([]backends.Change, error) {
		name, err := now()
		if err != nil || name == "" || name == h.name {
			return nil, err
		}
		return s.exchange(ctx, h, key, name)
	}}
}

// exchange puts a name in the place of the old one in one record, whole or not at all. A record that does not hold the old name any more gets
// nothing: either the directory, or another replica, was faster and put the new one in, or somebody removed the reference, and adding it
// would bring it back.
func (s *Service) exchange(ctx context.Context, h holder, key backends.Key, name string) ([]backends.Change, error) {
	old, fresh := backends.String(h.name), backends.String(name)
	remove := backends.Change{Op: backends.Remove, Attr: h.ref.Native, Values: backends.Values{old}}
	both := []backends.Change{remove, {Op: backends.Add, Attr: h.ref.Native, Values: backends.Values{fresh}}}
	changes := both
	for range modifyTries {
		_, err := h.class.Backend().Modify(ctx, key, changes, backends.Condition{}, nil)
		if errors.Is(err, backends.ErrUnknown) {
			err = s.settleModify(ctx, h.class, backends.Record{Key: key, Attrs: backends.Attributes{}}, changes).err(err)
		}
		switch {
		case err == nil:
			return changes, nil
		case isNotFound(err), errors.Is(err, backends.ErrNoEffect) && h.calls(name):
			return nil, nil
		case !errors.Is(err, backends.ErrNoEffect):
			return nil, err
		}
		there, err := h.class.Backend().Has(ctx, key, h.ref.Native, backends.Values{old, fresh})
		if isNotFound(err) || err == nil && !there[0] {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if changes = both; there[1] {
			changes = []backends.Change{remove}
		}
	}
	return nil, &backends.Error{Kind: backends.ErrChanged, Attr: h.ref.Native}
}
