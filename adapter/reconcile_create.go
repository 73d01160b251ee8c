package adapter

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// tellCreate looks for a record with all that was made. One that another event has made is not this one's.
func (s *Service) tellCreate(ctx context.Context, h *history, f *finding, step journal.Step) (verdict, error) {
	c, in := s.byName[step.Backend], f.e.Intent
	all := c.having(step.Attrs)
	var found []backends.Record
	for rec, err := range c.Backend().Walk(ctx, backends.Query{Where: all, Limit: 2}) {
		if err != nil {
			return undecided, err
		}
		found = append(found, rec)
	}
	switch {
	case len(all) == 0 || len(found) > 1:
		return undecided, nil
	case len(found) == 1 && h.madeByOther(in, imageKey{step.Backend, found[0].Key}):
		return didNot, nil
	case len(found) == 1 && h.rivals(in, step, all):
		return undecided, nil
	case len(found) == 1:
		f.key = string(found[0].Key)
		return happened, nil
	}
	return s.tellChanged(ctx, h, f, step, all)
}

// tellChanged says what came of a create of which no record stands as it was made: it may have been changed, or deleted, since. Then those who did that have seen it.
func (s *Service) tellChanged(ctx context.Context, h *history, f *finding, step journal.Step, all backends.And) (verdict, error) {
	c, in := s.byName[step.Backend], f.e.Intent
	alike := slices.DeleteFunc(slices.Clone(h.alike[in.ID]), func(at imageKey) bool { return h.madeByOther(in, at) })
	if len(alike) == 0 {
		return s.nameless(ctx, h, in, c, step.Name)
	}
	var is []imageKey
	unclear := len(alike) > mostAlike
	for _, at := range alike[:min(len(alike), mostAlike)] {
		v, err := c.asMade(ctx, h, in, step, at)
		if err != nil {
			return undecided, err
		}
		if unclear = unclear || v == undecided; v == happened {
			is = append(is, at)
		}
	}
	switch {
	case unclear || len(is) > 1 || len(is) == 1 && h.rivals(in, step, all):
		return undecided, nil
	case len(is) == 0:
		return s.nameless(ctx, h, in, c, step.Name)
	}
	f.key = string(is[0].key)
	return happened, nil
}

// mostAlike is how many records are looked at, of which one may be what a create has made.
const mostAlike = 50

// asMade says that a record had everything that it was to be made with, as those who changed it since have seen it, and as it stands.
func (c *class) asMade(ctx context.Context, h *history, in journal.Intent, step journal.Step, at imageKey) (verdict, error) {
	rec, err := c.one(ctx, at.key, slices.Collect(maps.Keys(step.Attrs)))
	if err != nil {
		return undecided, err
	}
	v := undecided
	for attr, values := range step.Attrs {
		rule := c.Backend().Syntax(attr).Equality
		if rule == backends.NoRule || blank(values) || strings.HasPrefix(strings.ToLower(step.Name), strings.ToLower(attr)+"=") { // the name tells the same
			continue
		}
		var was backends.Values
		known := rec != nil
		if known {
			was = rec.Attrs.Get(attr)
		}
		for _, t := range h.since(in, at) {
			if seen, whole, touches := t.saw(attr); touches {
				was, known = seen, whole
				break
			}
		}
		switch {
		case !known || blank(was):
			return undecided, nil
		case sameValues(rule, was, values):
			v = happened
		case c.Backend().Capabilities().Rename: // it has the name, and may have been changed by others
			return undecided, nil
		default:
			return didNot, nil
		}
	}
	return v, nil
}

// nameless says what it means that there is no record as it was to be made: nothing was, unless one has the name, which may be this one changed since.
func (s *Service) nameless(ctx context.Context, h *history, in journal.Intent, c *class, name string) (verdict, error) {
	if !c.Backend().Capabilities().Rename {
		return didNot, nil
	}
	named, err := c.Backend().Find(ctx, "", []string{name}, nil)
	if err != nil {
		return undecided, err
	}
	for _, rec := range named {
		if !h.madeByOther(in, imageKey{c.Name(), rec.Key}) {
			return undecided, nil
		}
	}
	return didNot, nil
}

// tellRestore looks for a record under its old id, or under its name and made by nobody else. Its id leads to it then.
func (s *Service) tellRestore(ctx context.Context, h *history, f *finding, step journal.Step) (verdict, error) {
	c, in := s.byName[step.Backend], f.e.Intent
	rec, err := c.one(ctx, step.Key, nil)
	if err != nil {
		return undecided, err
	}
	if later := h.since(in, imageKey{step.Backend, step.Key}); len(later) > 0 {
		return undecided, nil
	}
	if rec != nil {
		return happened, nil
	}
	named, err := c.Backend().Find(ctx, "", []string{step.Name}, nil)
	if err != nil {
		return undecided, err
	}
	if len(named) > 0 {
		return undecided, nil // it, with another id, or somebody else: its values may differ in what the directory keeps itself
	}
	return didNot, nil
}
