package adapter

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// A record that gets another name takes along what points at it. Many directories see to that themselves (OpenLDAP's refint overlay); one
// that does not would leave every membership with the old name, and give them to whoever has it next.

// relinks gives, for an update that changes what its record is called, a step for each record that points at it.
func (s *Service) relinks(ctx context.Context, w *work, p *plan) ([]*operation, error) {
	var ops []*operation
	for _, h := range s.renamed(w.c, p) {
		name, err := s.nameNow(ctx, w, h.ref.By)
		if err != nil {
			return nil, err
		}
		if h.name = name; name == "" {
			continue
		}
		keys, err := pointing(ctx, h.class, h.ref, h.name)
		if err != nil {
			return nil, err
		}
		after := sync.OnceValues(func() (string, error) { return s.nameNow(ctx, w, h.ref.By) })
		for _, key := range keys {
			ops = append(ops, s.relink(h, key, after))
		}
	}
	return ops, nil
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

// nameNow is what the record of a work is called at present; "" when nothing can point at it so.
func (s *Service) nameNow(ctx context.Context, w *work, by string) (string, error) {
	names, err := w.c.Backend().Names(context.WithoutCancel(ctx), by, []backends.Key{w.key})
	return names[w.key], err
}

// relink puts the new name where the old one is in one record. Where the directory was faster there is nothing left to do.
func (s *Service) relink(h holder, key backends.Key, after func() (string, error)) *operation {
	old := backends.Strings(h.name)
	step := journal.Step{
		Backend: h.class.Name(), Op: opModify, Key: key, Before: backends.Attributes{h.ref.Native: old},
		Changes: []backends.Change{{Op: backends.Remove, Attr: h.ref.Native, Values: old}},
	}
	return &operation{step: step, loose: true, do: func(ctx context.Context, _ *journal.Step) ([]backends.Change, error) {
		name, err := after()
		if err != nil || name == "" || name == h.name {
			return nil, err
		}
		there, err := h.class.Backend().Has(ctx, key, h.ref.Native, old)
		if isNotFound(err) || err == nil && !there[0] {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		changes := []backends.Change{
			{Op: backends.Remove, Attr: h.ref.Native, Values: old},
			{Op: backends.Add, Attr: h.ref.Native, Values: backends.Strings(name)},
		}
		_, effective, err := s.modify(ctx, h.class, key, changes, backends.Condition{}, nil)
		if isNotFound(err) {
			return nil, nil
		}
		return effective, err
	}}
}
