package adapter

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// retries is how often a change is made anew because the record had changed since it was read.
const retries = 3

// change is a PUT, a PATCH or a disabling DELETE: what it needs to know of the resource, and what it makes of it.
type change struct {
	action  string
	unread  []string // references of many values that need not be read, by canonical path
	touched []string // attributes to read although they are read-only: the change compares them
	chosen  []string // elements that the client addressed by a condition, emails[type eq "home"]: dropping one is no answer
	placed  []string // those that it wrote under a path of their attribute, or made of others
	cleared []string // attributes that it addressed to take their value away
	apply   func(before *scim.Object) (after *scim.Object, deltas []scim.SetDelta, err error)
}

// Replace is PUT (RFC 7644 §3.5.1): what the body does not name goes away, except what clients cannot write.
func (s *Service) Replace(ctx context.Context, req scim.Request, id string, body *scim.Object) (*scim.Result, error) {
	s, ctx = s.acting(ctx, req)
	return s.update(ctx, req, id, change{action: journal.ActionReplace, apply: func(before *scim.Object) (*scim.Object, []scim.SetDelta, error) {
		return req.Type.Replaced(before, body), nil, nil
	}})
}

// Patch is PATCH (RFC 7644 §3.5.2). Of sets that it only adds listed elements to, or removes listed ones from, nothing is read; the answer
// then leaves them out, unless the client asked for them.
func (s *Service) Patch(ctx context.Context, req scim.Request, id string, p scim.Patch) (*scim.Result, error) {
	s, ctx = s.acting(ctx, req)
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	ch := change{action: journal.ActionPatch, touched: p.Touches(), placed: p.Placed(), cleared: p.Cleared()}
	if !req.Caller.Profile.IgnoreUnknownPaths {
		ch.chosen = p.Chosen()
	}
	var sets, alike []string
	for _, r := range c.refs {
		if r.Set && r.attr != nil {
			sets = append(sets, r.ref().String())
			if !s.spellsOtherwise(r) {
				alike = append(alike, r.ref().String())
			}
		}
	}
	ch.unread = p.Unread(alike)
	for _, set := range sets {
		if !slices.Contains(ch.touched, set) && !slices.Contains(ch.unread, set) {
			ch.unread = append(ch.unread, set)
		}
	}
	ch.apply = func(before *scim.Object) (*scim.Object, []scim.SetDelta, error) {
		if err := c.keepsKinds(p); err != nil {
			return nil, nil, err
		}
		return p.Apply(c.rt, before, ch.unread)
	}
	return s.update(ctx, req, id, ch)
}

// keepsKinds refuses to take away what tells elements apart: the directory has an attribute for each type, and an element without one would
// become another.
func (c *class) keepsKinds(p scim.Patch) error {
	for _, ref := range p.Unassigns() {
		if words, ok := c.Chooses(ref); ok {
			return scim.BadRequest(scim.NotMutable, "%s cannot be taken away: the directory keeps one attribute for each. Replace it by another that is mapped (%s), or remove the element.",
				ref, strings.Join(words, ", "))
		}
	}
	return nil
}

// update is the one write path. The record is locked for other writers of this process meanwhile, so that only those of other processes
// make it start again.
func (s *Service) update(ctx context.Context, req scim.Request, id string, ch change) (*scim.Result, error) {
	c, err := s.class(req)
	if err != nil {
		return nil, err
	}
	if err := s.mayWrite(); err != nil {
		return nil, err
	}
	release, err := s.locks.take(ctx, c.lockName(id))
	if err != nil {
		return nil, s.translate(err, c, false)
	}
	defer release()
	var res *scim.Result
	ctx = onOneTab(ctx)
	err = insist(req, func() error {
		res, err = s.attempt(ctx, c, req, backends.Key(id), ch)
		return err
	})
	return res, s.translate(err, c, guarded(req))
}

// insist makes a write anew while the record had changed since it was read, unless the client has said which version it means.
func insist(req scim.Request, attempt func() error) error {
	err := attempt()
	for range retries {
		if guarded(req) || !isChanged(err) {
			break
		}
		err = attempt()
	}
	return err
}

// isChanged tells a record that has changed since it was read, and of which nothing was written, from other errors.
func isChanged(err error) bool {
	var half *stranded
	var known *scim.Error
	return errors.Is(err, backends.ErrChanged) && !errors.As(err, &half) && !errors.As(err, &known)
}

func (c *class) lockName(id string) string { return c.Name() + "\x00key\x00" + id }

// state is a resource before a change.
type state struct {
	rec     backends.Record
	named   *scim.Object // what the mapping shows of rec: references are names, and nothing of the overlay
	res     *scim.Object // as the client knows it
	refs    []reference  // those that can be written
	links   links        // of refs
	extras  map[string]string
	unread  bool   // nobody knows extras
	version string // "" when unread
}

// attempt reads, changes and writes once.
func (s *Service) attempt(ctx context.Context, c *class, req scim.Request, key backends.Key, ch change) (*scim.Result, error) {
	before, err := s.loadAtRest(ctx, c, req, key, ch)
	if err != nil {
		return nil, err
	}
	if err := checkConditions(req, before.version); err != nil {
		return nil, err
	}
	after, deltas, err := ch.apply(before.res.Clone())
	if err != nil {
		return nil, err
	}
	if err := c.rt.Validate(after, before.res); err != nil {
		return nil, err
	}
	p := &plan{state: before, after: after.Clone()}
	if err := s.plan(ctx, c, p, deltas); err != nil {
		return nil, err
	}
	if err := ch.heard(p.update); err != nil {
		return nil, err
	}
	release, err := s.reserve(ctx, c, req, key, p.uniques, p.newExtras())
	if err != nil {
		return nil, err
	}
	defer release()
	want := c.answerWants(req, ch)
	w := s.updating(c, req, ch, p, want)
	relinks, err := s.relinks(ctx, w, p)
	if err != nil {
		return nil, err
	}
	defer relinks.leave()
	w.ops = append(w.ops, relinks.ops...)
	if len(w.ops) > 0 {
		w.diff = c.difference(before.res, after, deltas)
		if err := s.protects(w.diff); err != nil {
			return nil, err
		}
		if w.weights, err = s.weighChange(ctx, c, p, after); err != nil {
			return nil, err
		}
		if err := w.run(ctx); err != nil {
			s.failedWrite(ctx, w, p, relinks, err)
			return nil, c.nameTaken(err, after, p.update.Move)
		}
		s.settleNames(ctx, w, relinks)
		s.recheck(ctx, w, w.marked(p.said))
	}
	return s.answer(ctx, w, want)
}

// heard refuses what would not be done although the client asked for it by a path.
func (ch change) heard(u mapping.Update) error {
	for _, name := range u.Dropped {
		switch { // the attribute is known: it is the element that cannot be there (RFC 7644 table 9)
		case slices.Contains(ch.chosen, name):
			return scim.BadRequest(scim.NoTarget, "Nothing in the directory is mapped to %s.", name)
		case slices.Contains(ch.placed, name):
			return scim.BadRequest(scim.InvalidValue, "Nothing in the directory is mapped to %s.", name)
		}
	}
	for _, name := range u.Kept {
		if slices.Contains(ch.cleared, name) {
			return scim.BadRequest(scim.NotMutable, "%s is true or false, and cannot be without a value. Replace it by the one that is meant.", name)
		}
	}
	return nil
}

// answerWants is what the answer shows: of a PATCH without attributes=, not the sets that it went to lengths not to read.
func (c *class) answerWants(req scim.Request, ch change) func(scim.Ref) bool {
	want := c.wants(req.Projection)
	if ch.action != "patch" || req.Projection.Explicit() {
		return want
	}
	return func(ref scim.Ref) bool { return !slices.Contains(ch.unread, topPath(ref)) && want(ref) }
}

func topPath(ref scim.Ref) string { return scim.Ref{URI: ref.URI, Attr: ref.Attr}.String() }

// reading is what must be known of a resource for a change: all that can be written, but for the sets that need not be read.
func (ch change) reading() func(scim.Ref) bool {
	return func(ref scim.Ref) bool {
		if ref.Attr == nil {
			return true
		}
		path := topPath(ref)
		if ref.Attr.Mutability == scim.ReadOnly {
			return slices.ContainsFunc(ch.touched, func(touched string) bool { return strings.EqualFold(touched, path) })
		}
		return !slices.Contains(ch.unread, path)
	}
}

// writable lists the references that records of c hold and clients may write.
func (c *class) writable() []reference {
	var refs []reference
	for _, r := range c.refs {
		if !r.ReadOnly && r.Native != "" && r.OrReverse == "" {
			refs = append(refs, r)
		}
	}
	return refs
}

func (r reference) clear(res *scim.Object) {
	if holder := holderOf(res, r.URI, false); holder != nil {
		holder.Delete(r.Attr)
		dropEmpty(res, r.URI)
	}
}

// loadAtRest loads what a change must know. A name that stays hidden because it is nobody's may be that of a record which gets another one at
// this moment, and then the resource is read again.
func (s *Service) loadAtRest(ctx context.Context, c *class, req scim.Request, key backends.Key, ch change) (*state, error) {
	for {
		st, err := s.load(ctx, c, req, key, ch)
		if err != nil {
			return nil, err
		}
		var words []string
		for i, r := range st.refs {
			for _, typ := range r.Types {
				for _, name := range st.links.hidden[i] {
					if of, ok := s.byName[typ]; ok {
						words = append(words, fluxName(of, r, name))
					}
				}
			}
		}
		if waited, err := s.flux.wait(ctx, words...); err != nil || !waited {
			return st, err
		}
	}
}

// load reads what a change must know.
func (s *Service) load(ctx context.Context, c *class, req scim.Request, key backends.Key, ch change) (*state, error) {
	want := ch.reading()
	rec, err := s.fetchOne(ctx, c, key, want)
	if err != nil {
		return nil, err
	}
	st := &state{rec: rec, named: s.get(ctx, c, rec, want), refs: c.writable()}
	st.res = st.named.Clone()
	if ch.action == "patch" { // a path may choose elements by what their records are called
		for i, r := range st.refs {
			st.refs[i].labelled = r.Display != ""
		}
	}
	direct, turned, err := s.split(ctx, c, want)
	if err != nil {
		return nil, err
	}
	readOnly := slices.DeleteFunc(direct, func(r reference) bool { return !r.ReadOnly })
	linked, err := s.resolve(ctx, req.Base, slices.Concat(st.refs, readOnly), []*scim.Object{st.res})
	if err != nil {
		return nil, err
	}
	st.links = linked[0]
	for _, r := range turned {
		if err := s.turn(ctx, c, r, req.Base, []backends.Record{rec}, []*scim.Object{st.res}); err != nil {
			return nil, err
		}
	}
	held, known, err := s.shownExtras(ctx, c, req, []backends.Key{key}, c.needsExtras(req, ch))
	if err != nil {
		return nil, err
	}
	if st.unread = !known; known {
		st.extras, st.version = held[key].Attrs, c.etag(rec, held[key].Version)
		c.putExtras(st.res, st.extras)
	}
	return st, nil
}

// plan is what a change comes to.
type plan struct {
	*state
	after   *scim.Object
	extras  map[string]string // after
	update  mapping.Update
	uniques []uniqueValue // those that the record gets
	said    []mention     // the references that are looked up for it
}

// moreExtras says whether the overlay changes.
func (p *plan) moreExtras() bool { return !maps.Equal(p.extras, p.state.extras) }

// newExtras are the overlay values that the resource gets.
func (p *plan) newExtras() map[string]string {
	fresh := map[string]string{}
	for name, value := range p.extras {
		if was, ok := p.state.extras[name]; !ok || was != value {
			fresh[name] = value
		}
	}
	return fresh
}

// plan takes the overlay out of what the resource shall be, turns its ids into names, and asks the mapping what changes that takes.
func (s *Service) plan(ctx context.Context, c *class, p *plan, deltas []scim.SetDelta) error {
	if p.extras = c.takeExtras(p.after); p.unread && p.moreExtras() {
		return errUnread
	}
	had := c.uniques(p.res)
	for _, u := range c.uniques(p.after) {
		if !slices.Contains(had, u) {
			p.uniques = append(p.uniques, u)
		}
	}
	deltas, said, err := s.name(ctx, p.refs, p.after, deltas, p.links)
	if err != nil {
		return err
	}
	p.said = said
	for _, r := range c.refs {
		if r.ReadOnly { // read to be compared; nothing of it is written
			r.clear(p.named)
			r.clear(p.after)
		}
	}
	p.update, err = c.Diff(p.rec, p.named, p.after, deltas)
	return err
}

// updating is the work that a plan takes. The new name comes last of what the directory can undo, a password, which nobody can put back, at
// the very end. Where one operation can set the password with the rest, it does, and what is kept beside the directory comes before that.
func (s *Service) updating(c *class, req scim.Request, ch change, p *plan, want func(scim.Ref) bool) *work {
	u := p.update
	w := &work{s: s, c: c, req: req, action: ch.action, key: p.rec.Key, rec: p.rec, dropped: slices.Concat(req.Dropped, u.Dropped)}
	conditional := !u.Pure || pinned(req)
	cond := backends.Condition{}
	switch {
	case pinned(req), conditional && p.rec.Version != "":
		cond = c.asRead(p.rec)
	case conditional:
		cond.Assert = replaced(c, u.Changes, p.rec.Attrs)
	}
	reads := c.reads(want)
	together := c.transactional() && len(u.Passwords) > 0 && u.Move == nil
	if together && p.moreExtras() {
		w.ops = append(w.ops, w.overlay(p.state.extras, p.extras))
	}
	if together {
		u.Changes = slices.Concat(u.Changes, u.Passwords)
		u.Passwords, u.Again = nil, nil
	}
	if len(u.Changes) > 0 {
		w.ops = append(w.ops, w.modify(u.Changes, imageOf(p.rec, u.Changes), cond, reads))
	}
	if u.Move != nil {
		w.ops = append(w.ops, w.move(u.Move, conditional, ""))
	}
	if p.moreExtras() && !together {
		w.ops = append(w.ops, w.overlay(p.state.extras, p.extras))
	}
	if len(u.Passwords) > 0 {
		if len(u.Changes) > 0 || u.Move != nil {
			cond = backends.Condition{} // the steps before have proved it
		}
		w.ops = append(w.ops, w.modify(u.Passwords, nil, cond, reads))
	}
	if len(u.Again) > 0 {
		w.ops = append(w.ops, w.modify(u.Again, nil, backends.Condition{}, reads))
	}
	return w
}

// imageOf is the before-image of what changes touch, as far as it was read: of a set that was not, the effective change is all that is
// needed to take it back.
func imageOf(rec backends.Record, changes []backends.Change) backends.Attributes {
	image := backends.Attributes{}
	for _, change := range changes {
		if values := rec.Attrs.Get(change.Attr); len(values) > 0 {
			image[change.Attr] = values.Clone()
		}
	}
	return image
}

// refuse is a write that the mapping does not allow.
func refuse(detail string) error {
	return &scim.Error{Status: http.StatusForbidden, Detail: detail}
}
