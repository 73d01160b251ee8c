package adapter

import (
	"context"
	"errors"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// lower checks a filter, looks up what its terms need, and splits it into what the directory answers and what is left.
func (s *Service) lower(ctx context.Context, c *class, req scim.Request, e filter.Expr) (mapping.Lowered, error) {
	if e == nil {
		return mapping.Lowered{Where: backends.True{}}, nil
	}
	if err := c.rt.CheckFilter(e); err != nil {
		return mapping.Lowered{}, err
	}
	known, err := s.lookUp(ctx, c, req, c.Unknowns(e))
	if err != nil {
		return mapping.Lowered{}, err
	}
	return c.Lower(e, known)
}

// lookUp answers the terms of a filter that the mapping cannot: what ids are called (all in one batch), who the members of a group are, and
// what the overlay holds.
func (s *Service) lookUp(ctx context.Context, c *class, req scim.Request, unknowns []mapping.Unknown) (mapping.Known, error) {
	known := mapping.Known{}
	var refs []reference
	var ids [][]string
	var at []string
	for _, u := range unknowns {
		if u.Kind == mapping.OverlayTerm {
			keys, err := s.findExtras(ctx, c, req, u)
			if err != nil {
				return nil, err
			}
			known[u.Key] = mapping.Answer{Keys: keys}
			continue
		}
		r := c.referenceOf(u.Ref)
		turned, err := s.isReverse(ctx, c, r)
		if err != nil {
			return nil, err
		}
		if turned {
			keys, err := s.membersOf(ctx, c, r, u.Term)
			if err != nil {
				return nil, err
			}
			known[u.Key] = mapping.Answer{Keys: keys}
			continue
		}
		id, ok := u.Term.Value.(string)
		if !ok {
			known[u.Key] = mapping.Answer{}
			continue
		}
		refs, ids, at = append(refs, r), append(ids, []string{id}), append(at, u.Key)
	}
	found, err := s.namesOf(ctx, refs, ids)
	if err != nil {
		return nil, err
	}
	for i, key := range at {
		answer := mapping.Answer{}
		if name, ok := found[i][ids[i][0]]; ok {
			answer.Names = []string{name}
		}
		known[key] = answer
	}
	return known, nil
}

// referenceOf finds what a term's reference is here.
func (c *class) referenceOf(m mapping.Reference) reference {
	for _, r := range c.refs {
		if r.Attr == m.Attr && r.URI == m.URI {
			return r
		}
	}
	return reference{Reference: m}
}

// membersOf gives the records that a reverse reference's term holds for: those whom the record with that id names; for `pr` those whom any
// record names. A reverse reference answers no other operator.
func (s *Service) membersOf(ctx context.Context, c *class, r reference, term filter.Compare) ([]backends.Key, error) {
	there, back, ok := s.other(r)
	if !ok {
		return nil, nil
	}
	query := backends.Query{Where: backends.Present{Attr: back.Native}, Attrs: []string{back.Native}}
	if term.Op != filter.Pr {
		id, isText := term.Value.(string)
		if !isText {
			return nil, nil
		}
		recs, err := there.Backend().Fetch(ctx, []backends.Key{backends.Key(id)}, query.Attrs)
		if err != nil || len(recs) == 0 || recs[0].Key != backends.Key(id) {
			return nil, err
		}
		return keysIn(ctx, c, back, recs[0].Attrs.Get(back.Native).Texts())
	}
	names := map[string]bool{}
	for rec, err := range there.Backend().Walk(ctx, query) {
		if err != nil {
			return nil, err
		}
		for _, name := range rec.Attrs.Get(back.Native).Texts() {
			names[name] = true
		}
		if len(names) > c.Scan() {
			return nil, tooMany(nil)
		}
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return keysIn(ctx, c, back, list)
}

// keysIn gives the keys of those names that belong to records of c.
func keysIn(ctx context.Context, c *class, r reference, names []string) ([]backends.Key, error) {
	found, err := c.Backend().Keys(ctx, r.By, names)
	if err != nil {
		return nil, err
	}
	keys := make([]backends.Key, 0, len(found))
	for _, key := range found {
		keys = append(keys, key)
	}
	return keys, nil
}

// findExtras gives the records whose overlay attribute fulfils a term. `eq` on text that compares exactly and `pr` are the store's own
// questions; any other operator is tested here, over those that have the attribute, as many as the mapping's scan allows.
func (s *Service) findExtras(ctx context.Context, c *class, req scim.Request, u mapping.Unknown) ([]backends.Key, error) {
	extra, ok := c.extraOf(u.Path)
	if !ok {
		return nil, nil
	}
	scope := s.scope(c, req)
	text, isText := u.Term.Value.(string)
	switch {
	case u.Term.Op == filter.Pr:
		return s.o.Overlay.Find(ctx, scope, extra.name, nil)
	case u.Term.Op == filter.Eq && isText && extra.plain() && extra.leaf().CaseExact:
		return s.o.Overlay.Find(ctx, scope, extra.name, &text)
	}
	candidates, err := s.o.Overlay.Find(ctx, scope, extra.name, nil)
	if err != nil {
		return nil, err
	}
	if len(candidates) > c.Scan() {
		return nil, tooMany(nil)
	}
	held, err := s.o.Overlay.Load(ctx, scope, candidates)
	if err != nil {
		return nil, err
	}
	var keys []backends.Key
	for _, key := range candidates {
		res := scim.NewObject()
		extra.put(res, held[key].Attrs[extra.name])
		if scim.Match(u.Term, c.rt, res) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (c *class) extraOf(ref scim.Ref) (overlayAttr, bool) {
	name := scim.Ref{URI: ref.URI, Attr: ref.Attr, Sub: ref.Sub}.String()
	for _, a := range c.extras {
		if a.name == name {
			return a, true
		}
	}
	return overlayAttr{}, false
}

// matchRest tests on the SCIM side what the directory could not, for a batch of records.
func (s *Service) matchRest(ctx context.Context, c *class, req scim.Request, low mapping.Lowered, recs []backends.Record) ([]bool, error) {
	holds := make([]bool, len(recs))
	if low.Rest == nil {
		for i := range holds {
			holds[i] = true
		}
		return holds, nil
	}
	resources, err := s.dress(ctx, c, req, recs, low.Wants)
	if err != nil {
		return nil, err
	}
	for i, d := range resources {
		holds[i] = scim.Match(low.Rest, c.rt, d.res)
	}
	return holds, nil
}

// isNotFound tells a record that is gone from other errors.
func isNotFound(err error) bool { return errors.Is(err, backends.ErrNotFound) }
