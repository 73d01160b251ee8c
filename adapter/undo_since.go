package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Restore puts one resource back as it was at a time, in one write: every event about it since is taken back, the last one first, in thought, and what that comes to is done. So each
// attribute that an event has touched gets the value that it had before the first of them. Attributes that somebody has changed in the directory itself after the last of them are told,
// and stay unless forced. id is the resource's, or the key that its record has by now.
func (s *Service) Restore(ctx context.Context, caller scim.Caller, typ, id string, at time.Time, o UndoOptions) (Undone, error) {
	u := Undone{Time: at, Action: journal.ActionRestore, Resource: typ + "/" + id}
	c, ok := s.byName[typ]
	if !ok {
		return u, fmt.Errorf("no mapping is called %q", typ)
	}
	known, err := c.idOf(ctx, backends.Key(id))
	if err != nil {
		return u, err
	}
	id = string(known)
	u.Resource = typ + "/" + id
	events, err := s.since(ctx, c, id, at, o.Reader)
	if err != nil {
		return u, err
	}
	if len(events) == 0 {
		u.Result, u.Why = UndoNothing, []string{"the journal has no change of it since"}
		return u, nil
	}
	release, err := s.locks.take(ctx, c.lockName(id))
	if err != nil {
		return u, err
	}
	defer release()
	for range retries {
		u.Why, u.Lost, u.Stamped, u.Plan, u.Stays = nil, nil, nil, nil, nil
		if err = s.restoreOnce(ctx, s.newRewind(c, caller, backends.Key(id), o, nil), mainFirst(events), &u); !isChanged(err) {
			break
		}
	}
	return u, u.end("", "", err)
}

// since lists what stands of the events about a resource since a time, the newest first.
func (s *Service) since(ctx context.Context, c *class, id string, at time.Time, reader journal.Reader) ([]journal.Event, error) {
	var events []journal.Event
	for e, err := range reader.Events(ctx, journal.Filter{Tenant: s.o.Tenant, Since: at, ResourceType: c.Name(), ResourceID: id, Newest: true}) {
		if err != nil {
			return nil, err
		}
		if result, why := settled(e); result == UndoSkipped {
			return nil, fmt.Errorf("event %s: %s", e.Intent.ID, why)
		}
		if len(standing(e)) > 0 {
			events = append(events, s.o.Discretion.event(e))
		}
	}
	return events, nil
}

func (s *Service) restoreOnce(ctx context.Context, r *rewind, events []journal.Event, u *Undone) error {
	r.singly, r.ahead = true, true
	for _, e := range events {
		if err := r.event(ctx, e); err != nil {
			return err
		}
	}
	if r.gone {
		return u.end(UndoSkipped, "it was made after that time; to take that back, undo the event that made it: "+string(events[len(events)-1].Intent.ID), nil)
	}
	u.Stays = r.staying()
	return r.end(ctx, journal.ActionRestore, "", u)
}

// judged says that an attribute, or these values of it, were looked at already, for an event that came later: what stands there was compared with what that one has left, and what earlier ones
// have left was overwritten lawfully. Asked a second time it says yes.
func (r *rewind) judged(change backends.Change) bool {
	lower := strings.ToLower(change.Attr)
	if r.looked == nil {
		r.looked = map[string]bool{}
	}
	all := r.looked[lower]
	if !isListed(change) {
		r.looked[lower] = true
		return all
	}
	for _, v := range change.Values {
		one := lower + "\x00" + r.c.normal(change.Attr, v)
		all = all || r.looked[one]
		r.looked[one] = true
	}
	return all
}

// foreign notes that somebody else has changed an attribute of the record, or its name (""). In thought it is taken back all the same: whether there is anything to say shows at the end.
func (r *rewind) foreign(attr, text string) {
	if r.o.Force {
		return
	}
	if r.strange == nil {
		r.strange = map[string]string{}
	}
	if lower := strings.ToLower(attr); r.strange[lower] == "" {
		r.strange[lower] = text
	}
}

// staying leaves what somebody else has changed as it is, says so, and names it. What is as it shall be anyway is nothing to tell.
func (r *rewind) staying() (names []string) {
	b := r.own
	differs := map[string]string{}
	for _, change := range b.changes() {
		differs[strings.ToLower(change.Attr)] = change.Attr
	}
	if b.then.name != b.now.name && b.now.there {
		differs[""] = "its name"
	}
	for _, lower := range slices.Sorted(maps.Keys(r.strange)) {
		name, ok := differs[lower]
		if !ok {
			continue
		}
		names = append(names, name)
		r.conflicts = append(r.conflicts, r.strange[lower]+", and stays")
		if lower == "" {
			b.then.name = b.now.name
			continue
		}
		delete(b.then.whole, lower)
		delete(b.then.listed, lower)
		if is, known := b.now.whole[lower]; known {
			b.then.whole[lower] = is
		}
	}
	return names
}

// meanwhile takes back that the record went, by step st, and came back since: what it had when it went it shall have again. made is the step by which it came back; what somebody has changed
// after that without any event is theirs.
func (r *rewind) meanwhile(ctx context.Context, st, made stood) error {
	b := r.own
	if err := b.read(ctx, r.c.everything(slices.Collect(maps.Keys(st.Before)))...); err != nil {
		return err
	}
	same := func(a, b string) bool {
		return !r.c.Backend().Capabilities().Rename || backends.Normalize(backends.NameRule, a) == backends.Normalize(backends.NameRule, b)
	}
	moves, called := !same(st.Name, b.then.name), b.then.name
	if moves {
		if !r.looked[""] && !same(made.Name, b.then.name) {
			r.foreign("", fmt.Sprintf("its name: it came back as %q, now it is %q", made.Name, b.then.name))
		}
		b.then.name = st.Name
	}
	names := []string{st.Name, called, b.now.name} // in thought it is renamed, and what names it is as it was
	moves = moves || !same(called, b.now.name)
	spelled := map[string]string{}
	for _, attrs := range []backends.Attributes{b.then.attrs(), st.Before} {
		for name := range attrs {
			spelled[strings.ToLower(name)] = name
		}
	}
	for _, lower := range slices.Sorted(maps.Keys(spelled)) {
		name := spelled[lower]
		if r.c.notPut(name) || moves && slices.ContainsFunc(names, func(called string) bool { return isNamedBy(name, called) }) {
			continue
		}
		if err := r.attributeOf(ctx, name, st.Before, made); err != nil {
			return err
		}
	}
	return nil
}

// attributeOf is meanwhile for one attribute.
func (r *rewind) attributeOf(ctx context.Context, name string, was backends.Attributes, made stood) (err error) {
	b, lower, syntax := r.own, strings.ToLower(name), r.c.Backend().Syntax(name)
	is, _ := b.then.values(name)
	want, left := was.Get(name), made.Attrs.Get(name)
	_, points := r.c.pointsWith(name)
	inDocument := b.now.isPart(name)
	switch {
	case points && made.Op == opRestore && !inDocument: // who came and went since did so by himself
		return nil
	case blank(want):
		r.lose(name) // what it was nobody knows, and what it is stays
		return nil
	case len(is) == 0 && len(want) == 0, !syntax.Known, b.now.hasParts(name), syntax.Ref && sameValues(syntax.Equality, is, want), sameValues(backends.NoRule, is, want):
		return nil
	}
	if neverBack(made, name) {
		left = nil
	}
	if inDocument && len(left) == 0 {
		left = want // the record was made with its document whole
	}
	// An event that listed values was only asked about these: the others may still be somebody else's.
	if byDefault := syntax.Always && len(left) == 0; !byDefault && !r.looked[lower] && !r.c.alike(name, is, left) {
		now, _ := b.now.values(name)
		r.foreign(name, fmt.Sprintf("%s: it came back with %s, now it is %s", name, r.inWords(name, left), r.inWords(name, now)))
	}
	if points {
		if want, err = r.alive(ctx, r.c, name, want); err != nil {
			return err
		}
	}
	delete(b.then.listed, lower)
	b.then.whole[lower] = attribute{name, want}
	return nil
}

// hasParts says that parts of a document are in the picture by themselves: then these are compared, and not the whole.
func (p picture) hasParts(attr string) bool {
	for _, a := range p.whole {
		if column, _, ok := backends.SplitPath(a.name); ok && strings.EqualFold(column, attr) && p.isPart(a.name) {
			return true
		}
	}
	return false
}
