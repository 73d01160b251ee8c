package adapter

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// planned is a directory of which everything is read and nothing is written. What a request would have changed stands in its sketch, and shows when it reads
// a record again. A record that does not exist has a made-up key; in shadow mode the journal knows it.
type planned struct {
	backends.Backend
	s *Service
	c *class
}

// unplanned is what stands behind a planned backend.
func unplanned(b backends.Backend) backends.Backend {
	if p, ok := b.(*planned); ok {
		return p.Backend
	}
	return b
}

// drawing is what is known of a record besides what the directory says; nil for nothing.
func (b *planned) drawing(ctx context.Context, key backends.Key) (*drawing, error) {
	k := sketchOf(ctx)
	if d := k.at(b.c.Name(), key); d != nil || !isMadeUp(key) {
		return d, nil
	}
	d, err := b.s.remembered(ctx, b.c, key)
	if err == nil && d != nil && k != nil {
		*k.of(b.c.Name(), key) = *d
		d = k.at(b.c.Name(), key)
	}
	return d, err
}

// Fetch is backends.Reader's.
func (b *planned) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	var recs []backends.Record
	var real []backends.Key
	for _, key := range keys {
		if !isMadeUp(key) {
			real = append(real, key)
			continue
		}
		d, err := b.drawing(ctx, key)
		if err != nil {
			return nil, err
		}
		if d != nil && !d.gone {
			recs = append(recs, d.made.Clone())
		}
	}
	if len(real) == 0 {
		return recs, nil
	}
	found, err := b.Backend.Fetch(ctx, real, attrs)
	for _, rec := range found {
		d := sketchOf(ctx).at(b.c.Name(), rec.Key)
		switch {
		case d == nil:
			recs = append(recs, rec)
		case !d.gone:
			recs = append(recs, d.over(b, rec, attrs))
		}
	}
	return recs, err
}

// Has is backends.Reader's.
func (b *planned) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	if !isMadeUp(key) {
		return b.Backend.Has(ctx, key, attr, values)
	}
	d, err := b.drawing(ctx, key)
	if err != nil {
		return nil, err
	}
	if d == nil || d.gone {
		return nil, &backends.Error{Kind: backends.ErrNotFound}
	}
	there, rule := make([]bool, len(values)), b.Syntax(attr).Equality
	for i, v := range values {
		there[i] = holds(rule, d.made.Attrs.Get(attr), v)
	}
	return there, nil
}

// Find is backends.Resolver's.
func (b *planned) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	found, err := b.Backend.Find(ctx, by, names, attrs)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(found)
	for _, name := range names {
		if _, there := found[name]; there {
			continue
		}
		key, ok := b.s.names.key(b.c.Name(), by, name)
		if !ok {
			continue
		}
		d, err := b.drawing(ctx, key)
		if err != nil {
			return nil, err
		}
		if d != nil && !d.gone {
			if all == nil {
				all = map[string]backends.Record{}
			}
			all[name] = d.made.Clone()
		}
	}
	return all, nil
}

// Holders is backends.Resolver's. Those who point at a record that is renamed in thought still do so by its old name.
func (b *planned) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	standing := make([]string, len(names))
	for i, name := range names {
		standing[i] = sketchOf(ctx).standing(name)
	}
	held, err := b.Backend.Holders(ctx, attr, standing, attrs)
	if err != nil {
		return nil, err
	}
	called := map[string][]backends.Record{}
	for i, name := range names {
		if recs, ok := held[standing[i]]; ok {
			called[name] = recs
		}
	}
	return called, nil
}

// Names is backends.Resolver's.
func (b *planned) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	var real []backends.Key
	names := map[backends.Key]string{}
	for _, key := range keys {
		if !isMadeUp(key) {
			real = append(real, key)
			continue
		}
		d, err := b.drawing(ctx, key)
		if err != nil {
			return nil, err
		}
		if d != nil && !d.gone {
			if name := b.nameOf(*d.made, by); name != "" {
				names[key] = name
				b.s.names.learn(b.c.Name(), by, name, key)
			}
		}
	}
	if len(real) == 0 {
		return names, nil
	}
	found, err := b.Backend.Names(ctx, by, real)
	maps.Copy(names, found)
	return names, err
}

// nameOf is what those call a made-up record who point at it.
func (b *planned) nameOf(rec backends.Record, by string) string {
	if by == "" {
		return rec.Name
	}
	if values := rec.Attrs.Get(by); len(values) > 0 {
		return values[0].Text()
	}
	return ""
}

// Join is backends.Resolver's.
func (b *planned) Join(other backends.Backend, attr string, attrs []string) string {
	return b.Backend.Join(unplanned(other), attr, attrs)
}

// Create is backends.Writer's: what can be known without writing is found out, and the record gets a made-up key.
func (b *planned) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, _ []string) (backends.Record, error) {
	if b.Capabilities().ReadOnly {
		return backends.ReadOnly{}.Create(ctx, name, attrs, nil)
	}
	for _, r := range b.c.refs {
		if r.Placeholder != "" && len(attrs.Get(r.Native)) == 0 {
			return backends.Record{}, &backends.Error{Kind: backends.ErrInvalid, Attr: r.Native}
		}
	}
	k := sketchOf(ctx)
	rec := backends.Record{Key: madeUp(k.event), Version: b.version(k.event), Attrs: attrs.Clone()}
	rec.Name = b.naming(rec, name)
	if err := b.Foresee(ctx, backends.Write{Op: opCreate, Name: rec.Name, Attrs: rec.Attrs}); err != nil {
		return backends.Record{}, err
	}
	if err := b.fits(attrs); err != nil {
		return backends.Record{}, err
	}
	if err := b.free(ctx, rec.Name, rec.Key); err != nil {
		return backends.Record{}, err
	}
	for attr, values := range rec.Attrs {
		if slices.ContainsFunc(values, func(v backends.Value) bool { return v.Kind() == backends.KindSecret }) {
			delete(rec.Attrs, attr)
		}
	}
	k.of(b.c.Name(), rec.Key).made = &rec
	return rec.Clone(), nil
}

// version is what a made-up record has, where records have versions: the last event about it.
func (b *planned) version(event journal.ID) string {
	if !b.Capabilities().Versioned {
		return ""
	}
	return string(event)
}

// naming is the name of a record that would be made. Where the client chooses the key, that is its name.
func (b *planned) naming(rec backends.Record, name backends.Template) string {
	caps := b.Capabilities()
	if caps.Rename {
		return templateText(name)
	}
	if len(caps.Key) == 1 {
		if values := rec.Attrs.Get(caps.Key[0]); len(values) == 1 {
			return values[0].Text()
		}
	}
	return string(rec.Key)
}

// free refuses a name that a record has which can be seen here. Of one that lies out of scope only the directory knows.
func (b *planned) free(ctx context.Context, name string, own backends.Key) error {
	var taken bool
	if b.Capabilities().Rename {
		found, err := b.Backend.Find(ctx, "", []string{name}, nil)
		if err != nil {
			return err
		}
		taken = len(found) > 0 && found[name].Key != own
	} else if name != string(own) {
		recs, err := b.Backend.Fetch(ctx, []backends.Key{backends.Key(name)}, nil)
		if err != nil {
			return err
		}
		taken = len(recs) > 0
	}
	if taken {
		return &backends.Error{Kind: backends.ErrExists}
	}
	return nil
}

// fits refuses values that the directory's schema says cannot be.
func (b *planned) fits(attrs backends.Attributes) error {
	for _, attr := range slices.Sorted(maps.Keys(attrs)) {
		_, points := b.c.pointsWith(attr)
		syntax := b.Syntax(attr)
		if syntax.Single && len(attrs[attr]) > 1 {
			return &backends.Error{Kind: backends.ErrInvalid, Attr: attr}
		}
		for _, v := range attrs[attr] {
			tooLong := syntax.MaxLen > 0 && v.Kind() == backends.KindString && len([]rune(v.Text())) > syntax.MaxLen
			if v.Kind() != backends.KindSecret && !points && (tooLong || !b.Could(attr, v)) {
				return &backends.Error{Kind: backends.ErrInvalid, Attr: attr}
			}
		}
	}
	return nil
}

// Modify is backends.Writer's.
func (b *planned) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (rec backends.Record, err error) {
	if rec, err = b.as(ctx, key, cond); err != nil {
		return rec, err
	}
	fresh := backends.Attributes{}
	for _, change := range changes {
		if change.Op != backends.Remove {
			fresh[change.Attr] = append(fresh[change.Attr], change.Values...)
		}
		if listed := len(change.Values) > 0 && (change.Op == backends.Add || change.Op == backends.Remove); !listed {
			continue
		}
		there, err := b.Has(ctx, key, change.Attr, change.Values)
		if err != nil {
			return rec, err
		}
		if slices.Contains(there, change.Op == backends.Add) {
			return rec, &backends.Error{Kind: backends.ErrNoEffect, Attr: change.Attr}
		}
	}
	if err := b.Foresee(ctx, backends.Write{Op: opModify, Key: key, Changes: changes}); err != nil {
		return rec, err
	}
	if err := b.fits(fresh); err != nil {
		return rec, err
	}
	k := sketchOf(ctx)
	d := k.of(b.c.Name(), key)
	if d.change(b, changes); d.made != nil {
		d.made.Version = b.version(k.event)
	}
	recs, err := b.Fetch(ctx, []backends.Key{key}, want)
	if err == nil && len(recs) == 0 {
		err = &backends.Error{Kind: backends.ErrNotFound}
	}
	if err != nil {
		return rec, err
	}
	return recs[0], nil
}

// as reads a record that is to be written, and refuses where a write would be: the condition does not hold, or nobody may write it.
func (b *planned) as(ctx context.Context, key backends.Key, cond backends.Condition) (backends.Record, error) {
	recs, err := b.Fetch(ctx, []backends.Key{key}, nil)
	switch {
	case err != nil:
		return backends.Record{}, err
	case len(recs) == 0:
		return backends.Record{}, &backends.Error{Kind: backends.ErrNotFound}
	case cond.Version != "" && recs[0].Version != "" && cond.Version != recs[0].Version:
		return recs[0], &backends.Error{Kind: backends.ErrChanged}
	}
	return recs[0], b.open(ctx, key)
}

// open refuses a record that nobody may write.
func (b *planned) open(ctx context.Context, key backends.Key) error {
	switch {
	case b.Capabilities().ReadOnly:
		return backends.ReadOnly{}.Delete(ctx, key, backends.Condition{})
	case isMadeUp(key):
		return nil
	}
	protected, err := b.Protected(ctx, key)
	if err == nil && protected {
		err = &backends.Error{Kind: backends.ErrProtected, Detail: "The record is protected by the mapping."}
	}
	return err
}

// Move is backends.Writer's.
func (b *planned) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	rec, err := b.as(ctx, key, cond)
	if err != nil {
		return err
	}
	fresh := templateText(name)
	if err := b.free(ctx, fresh, key); err != nil {
		return err
	}
	if cond.Beyond != "" {
		if err := b.roomBeyond(ctx, fresh, cond.Beyond); err != nil {
			return err
		}
	}
	k := sketchOf(ctx)
	d := k.of(b.c.Name(), key)
	d.gone = cond.Beyond != ""
	if d.rename(b, rec.Name, fresh); d.made != nil {
		d.made.Version = b.version(k.event)
	}
	return nil
}

// roomBeyond refuses what could not be moved out of scope: there is no such place, or the name is taken there.
func (b *planned) roomBeyond(ctx context.Context, name, place string) error {
	directory, asks := realBackend(b.Backend).(besideScope)
	if !asks {
		return nil
	}
	vacant, err := directory.Vacant(ctx, []string{name, place})
	switch {
	case err != nil:
		return err
	case slices.Contains(vacant, place):
		return &backends.Error{Kind: backends.ErrInvalid, Detail: "The directory has no entry " + place + "."}
	case !slices.Contains(vacant, name):
		return &backends.Error{Kind: backends.ErrExists}
	}
	return nil
}

// Delete is backends.Writer's. One of those that are to let go may be protected, too.
func (b *planned) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	if _, err := b.as(ctx, key, cond); err != nil {
		return err
	}
	for _, r := range release {
		if from, ok := r.From.(*planned); ok {
			if err := from.open(ctx, r.Key); err != nil && !isNotFound(err) {
				return err
			}
		}
	}
	sketchOf(ctx).of(b.c.Name(), key).gone = true
	return nil
}

// Restore is backends.Writer's. Nobody restores by a request.
func (b *planned) Restore(context.Context, backends.Record, []string) (backends.Record, []string, error) {
	return backends.Record{}, nil, &backends.Error{Kind: backends.ErrRefused, Detail: "Nothing is written here."}
}

// plannedOverlay is an overlay of which everything is read and nothing is written.
type plannedOverlay struct {
	journal.Overlay
	s *Service
}

// Load is journal.Overlay's.
func (o *plannedOverlay) Load(ctx context.Context, scope journal.Scope, keys []backends.Key) (map[backends.Key]journal.Extra, error) {
	real := slices.DeleteFunc(slices.Clone(keys), isMadeUp)
	held := map[backends.Key]journal.Extra{}
	if len(real) > 0 {
		found, err := o.Overlay.Load(ctx, scope, real)
		if err != nil {
			return nil, err
		}
		maps.Copy(held, found)
	}
	b, _ := o.s.byName[scope.ResourceType].Backend().(*planned)
	for _, key := range keys {
		d, err := b.drawing(ctx, key)
		if err != nil {
			return nil, err
		}
		if d == nil {
			continue
		}
		if attrs, ok := d.extras[scope.Client]; ok {
			held[key] = journal.Extra{Attrs: maps.Clone(attrs), Version: held[key].Version}
		}
	}
	return held, nil
}

// Save is journal.Overlay's.
func (o *plannedOverlay) Save(ctx context.Context, scope journal.Scope, key backends.Key, attrs map[string]string, _ []string) error {
	sketchOf(ctx).of(scope.ResourceType, key).keep(scope.Client, attrs)
	return nil
}

// Forget is journal.Overlay's. What is kept of a record that is gone is nobody's to see.
func (*plannedOverlay) Forget(context.Context, string, string, backends.Key) error { return nil }

// plannedJournal is what a Service has that plans only: nothing is begun, and of a dry run nothing is noted either.
type plannedJournal struct {
	journal.Journal
	silent bool
}

var errNotBegun = errors.New("a write was begun where everything is only planned")

// Begin is journal.Journal's. It is never called: work.run ends before.
func (plannedJournal) Begin(context.Context, journal.Intent) error { return errNotBegun }

// Finish is journal.Journal's.
func (plannedJournal) Finish(context.Context, journal.ID, journal.Outcome) error { return errNotBegun }

// Note is journal.Journal's.
func (j plannedJournal) Note(ctx context.Context, in journal.Intent, out journal.Outcome) error {
	if j.silent {
		return nil
	}
	return j.Journal.Note(ctx, in, out)
}
