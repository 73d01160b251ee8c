package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"

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
	l := &lookup{s: s, c: c, req: req, known: mapping.Known{}, turned: map[string]turnedRef{}}
	if err := l.answer(ctx, c.Unknowns(e)); err != nil {
		return mapping.Lowered{}, err
	}
	low, err := c.Lower(e, l.known)
	if err != nil {
		return mapping.Lowered{}, err
	}
	low.Where, err = l.substitute(ctx, low.Where)
	low.Where = backends.Simplify(low.Where)
	return low, err
}

// lookup answers the terms of one filter that the mapping cannot.
type lookup struct {
	s      *Service
	c      *class
	req    scim.Request
	known  mapping.Known
	turned map[string]turnedRef // by native attribute in lower case: those that the directory turns out not to keep
}

// turnedRef is a reference that the schema knows and no record has, with the ids that the filter names.
type turnedRef struct {
	reference
	ids map[string]string // by name
}

// answer looks up what ids are called (all in one batch), who the members of a group are, and what the overlay holds.
func (l *lookup) answer(ctx context.Context, unknowns []mapping.Unknown) error {
	if err := l.findTurned(ctx); err != nil {
		return err
	}
	var refs []reference
	var ids [][]string
	var at []string
	for _, u := range unknowns {
		var keys []backends.Key
		var err error
		switch u.Kind {
		case mapping.OverlayTerm:
			keys, err = l.s.findExtras(ctx, l.c, l.req, u)
		case mapping.ReverseTerm:
			keys, err = l.s.membersOf(ctx, l.c, l.c.referenceOf(u.Ref), u.Term.Op, u.Term.Value)
		case mapping.RefTerm:
			if id, ok := u.Term.Value.(string); ok {
				refs, ids, at = append(refs, l.c.referenceOf(u.Ref)), append(ids, []string{id}), append(at, u.Key)
			}
		}
		if err != nil {
			return err
		}
		l.known[u.Key] = mapping.Answer{Keys: keys}
	}
	found, err := l.s.namesOf(ctx, refs, ids)
	if err != nil {
		return err
	}
	for i, key := range at {
		is, ok := found[i][ids[i][0]]
		if !ok {
			continue // an id that names nobody: constant false
		}
		name := is.name
		if t, ok := l.turned[strings.ToLower(refs[i].Native)]; ok {
			name = l.legible(refs[i].Native, name)
			t.ids[name] = ids[i][0]
		}
		l.known[key] = mapping.Answer{Names: []string{name}}
	}
	return nil
}

// legible gives a stand-in for a name that the attribute could not hold: groups whose names are keys, of another directory, under a memberOf of DNs. The
// mapping would take the test for one that nobody fulfils, and drop it before it can be replaced.
func (l *lookup) legible(native, name string) string {
	if _, ok := backends.Canonical(l.c.Backend().Syntax(native).Equality, name); ok {
		return name
	}
	return "cn=" + backends.EscapeName(name)
}

// findTurned finds the references that must be read from the other side although the schema knows their attribute. The mapping, which asks
// nobody, has lowered their terms to tests of it.
func (l *lookup) findTurned(ctx context.Context) error {
	for _, r := range l.c.refs {
		if r.OrReverse == "" || !l.c.Backend().Syntax(r.Native).Known {
			continue
		}
		turned, err := l.s.isReverse(ctx, l.c, r)
		if err != nil {
			return err
		}
		if turned {
			l.turned[strings.ToLower(r.Native)] = turnedRef{r, map[string]string{}}
		}
	}
	return nil
}

// substitute replaces tests of attributes that the directory does not keep by the keys of those whom the other side names.
func (l *lookup) substitute(ctx context.Context, p backends.Predicate) (backends.Predicate, error) {
	if len(l.turned) == 0 {
		return p, nil
	}
	terms := func(list []backends.Predicate) ([]backends.Predicate, error) {
		out := make([]backends.Predicate, len(list))
		for i, term := range list {
			var err error
			if out[i], err = l.substitute(ctx, term); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch p := p.(type) {
	case backends.And:
		list, err := terms(p)
		return backends.And(list), err
	case backends.Or:
		list, err := terms(p)
		return backends.Or(list), err
	case backends.Not:
		term, err := l.substitute(ctx, p.Term)
		return backends.Not{Term: term}, err
	case backends.Present:
		if t, ok := l.turned[strings.ToLower(p.Attr)]; ok {
			keys, err := l.s.membersOf(ctx, l.c, t.reference, filter.Pr, nil)
			return backends.OneOf(keys), err
		}
	case backends.Eq:
		if t, ok := l.turned[strings.ToLower(p.Attr)]; ok {
			keys, err := l.s.membersOf(ctx, l.c, t.reference, filter.Eq, t.ids[p.Value.Text()])
			return backends.OneOf(keys), err
		}
	}
	return p, nil
}

// referenceOf finds what a term's reference is here.
func (c *class) referenceOf(m mapping.Reference) reference {
	for _, r := range c.refs {
		if r.Attr == m.Attr && r.URI == m.URI {
			return r
		}
	}
	return reference{Reference: m, home: c}
}

// membersOf gives the records that a reverse reference's term holds for: those whom the record with that id names; for `pr` those whom any
// record names. A reverse reference answers no other operator.
func (s *Service) membersOf(ctx context.Context, c *class, r reference, op filter.Op, value any) ([]backends.Key, error) {
	there, back, ok := s.other(r)
	if !ok {
		return nil, nil
	}
	query := backends.Query{Where: backends.Present{Attr: back.Native}, Attrs: []string{back.Native}}
	if op != filter.Pr {
		id, isText := value.(string)
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
		if len(names) > c.mostKeys() {
			return nil, tooMany(nil)
		}
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return keysIn(ctx, c, back, list)
}

// mostKeys is how many records a term may come down to. Where each is a term of the directory's filter, which has a longest, the mapping's scan says it;
// a directory that takes a list of them says it itself. A search holds some 150 bytes for each.
func (c *class) mostKeys() int { return max(c.Scan(), c.Backend().Capabilities().MostKeys) }

// keysIn gives the keys of those names that belong to records of c. Where names are keys, others may be among them: no search finds these.
func keysIn(ctx context.Context, c *class, r reference, names []string) ([]backends.Key, error) {
	if len(names) > c.mostKeys() {
		return nil, tooMany(nil)
	}
	if r.By == "" && !c.Backend().Capabilities().Rename {
		keys := make([]backends.Key, len(names))
		for i, name := range names {
			keys[i] = backends.Key(name)
		}
		return keys, nil
	}
	found, err := c.Backend().Find(ctx, r.By, names, nil)
	if err != nil {
		return nil, err
	}
	keys := make([]backends.Key, 0, len(found))
	for _, rec := range found {
		keys = append(keys, rec.Key)
	}
	return keys, nil
}

// findExtras gives the records whose overlay attribute fulfils a term. `eq` on text that compares exactly and `pr` are the store's own
// questions; any other operator is tested here. Those that have the attribute may be as many as the mapping's scan allows.
func (s *Service) findExtras(ctx context.Context, c *class, req scim.Request, u mapping.Unknown) ([]backends.Key, error) {
	extra, ok := c.extraOf(u.Path)
	if !ok {
		return nil, nil
	}
	scope := s.scope(c, req)
	text, isText := u.Term.Value.(string)
	if u.Term.Op == filter.Eq && isText && extra.plain() && extra.leaf().CaseExact {
		return s.o.Overlay.Find(ctx, scope, extra.name, &text)
	}
	candidates, err := s.o.Overlay.Find(ctx, scope, extra.name, nil)
	switch {
	case err != nil:
		return nil, err
	case u.Term.Op == filter.Pr && len(candidates) <= c.mostKeys():
		return candidates, nil
	case len(candidates) > c.Scan():
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
	tested := recs
	if c.wantsMeta(low.Wants, "version") {
		var err error
		if tested, err = s.versioned(ctx, c, recs); err != nil {
			return nil, err
		}
	}
	unlabelled := func(ref scim.Ref) bool { return low.Wants(ref) && (ref.Sub == nil || !c.isLabel(ref)) } // no filter asks for a label
	resources, err := s.link(ctx, c, req, tested, unlabelled)
	if err != nil {
		return nil, err
	}
	if c.wantsDress(low.Wants) {
		if err := s.finishDress(ctx, c, req, tested, c.dependsOnExtras(low.Wants), resources); err != nil {
			return nil, err
		}
	}
	fulfil := make(map[backends.Key]bool, len(tested)) // whose version had to be read may be gone by now
	for i, d := range resources {
		fulfil[tested[i].Key] = scim.Match(low.Rest, c.rt, d.res)
	}
	for i, rec := range recs {
		holds[i] = fulfil[rec.Key]
	}
	return holds, nil
}

// isLabel says whether a part of a reference shows what its record is called.
func (c *class) isLabel(ref scim.Ref) bool {
	return slices.ContainsFunc(c.refs, func(r reference) bool { return r.is(ref) && r.Display == ref.Sub.Name })
}

// isNotFound tells a record that is gone from other errors.
func isNotFound(err error) bool { return errors.Is(err, backends.ErrNotFound) }
