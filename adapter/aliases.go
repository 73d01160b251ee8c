package adapter

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// A record that was deleted and made again has another key where the directory does not let one be chosen. Its clients know it by the old one. So that is
// its key for everything in this package, and this backend in front of the real one is the only place that knows better: ids become keys on the way in, and
// keys ids on the way out. Where no record has an alias nothing is done, and nothing is asked but every now and then whether that is still so.

// aliases is what the journal keeps of one resource type, as it was a moment ago.
type aliases struct {
	kept      journal.Aliases
	tenant    string
	typ       string
	now       func() time.Time
	ttl       time.Duration
	log       *slog.Logger
	mu        sync.Mutex
	asked     time.Time
	read      time.Time // when table was
	failed    bool      // the last time that the journal was asked
	table     *aliasTable
	tableErrs error // why there is no table, or one that others may have added to before the journal was found to be away
}

// aliasTable leads both ways. It is never changed.
type aliasTable struct{ keys, ids map[backends.Key]backends.Key }

// freshTables is how many of its times to live a table may be old when the journal is found to be away, and still be all there is: nobody can add to it then.
const freshTables = 2

// get gives the table. When the journal is away the last one is good enough, if it is from right before that; where there is none, or an older one, err says why, and
// whoever finds no record under an id cannot know that there is none.
func (a *aliases) get(ctx context.Context) (*aliasTable, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if (a.table != nil || a.tableErrs != nil) && a.now().Sub(a.asked) < a.ttl {
		return a.table, a.tableErrs
	}
	keys, err := a.kept.AllAliases(ctx, a.tenant, a.typ)
	if err != nil && ctx.Err() != nil {
		return a.table, ctx.Err() // it is not the journal's fault
	}
	lapsed := a.now().Sub(a.read) > freshTables*a.ttl && !a.failed
	a.asked, a.failed = a.now(), err != nil
	if err != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "the journal could not say which records have older ids", slog.String("type", a.typ), slog.String("error", err.Error()))
		if a.table == nil || lapsed || a.tableErrs != nil {
			a.tableErrs = err
		}
		return a.table, a.tableErrs
	}
	t := &aliasTable{keys: keys, ids: make(map[backends.Key]backends.Key, len(keys))}
	for id, key := range keys {
		t.ids[key] = id
	}
	a.table, a.tableErrs, a.read = t, nil, a.now()
	return t, nil
}

// forget makes the next one who asks ask the journal.
func (a *aliases) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Time{}
}

// keep sees to it that id leads to the key that a record has now.
func (a *aliases) keep(ctx context.Context, id, key backends.Key) error {
	defer a.forget()
	return a.kept.SetAlias(ctx, a.tenant, a.typ, id, key)
}

func (t *aliasTable) empty() bool { return t == nil || len(t.keys) == 0 }

func (t *aliasTable) key(id backends.Key) backends.Key {
	if t != nil {
		if key, ok := t.keys[id]; ok {
			return key
		}
	}
	return id
}

func (t *aliasTable) id(key backends.Key) backends.Key {
	if t != nil {
		if id, ok := t.ids[key]; ok {
			return id
		}
	}
	return key
}

func (t *aliasTable) keyList(ids []backends.Key) []backends.Key {
	if t.empty() {
		return ids
	}
	keys := make([]backends.Key, len(ids))
	for i, id := range ids {
		keys[i] = t.key(id)
	}
	return keys
}

func (t *aliasTable) shown(recs []backends.Record) []backends.Record {
	for i := range recs {
		recs[i].Key = t.id(recs[i].Key)
	}
	return recs
}

// where puts keys into a condition.
func (t *aliasTable) where(p backends.Predicate) backends.Predicate {
	if t.empty() {
		return p
	}
	list := func(terms []backends.Predicate) []backends.Predicate {
		out := make([]backends.Predicate, len(terms))
		for i, term := range terms {
			out[i] = t.where(term)
		}
		return out
	}
	switch p := p.(type) {
	case backends.And:
		return backends.And(list(p))
	case backends.Or:
		return backends.Or(list(p))
	case backends.Not:
		return backends.Not{Term: t.where(p.Term)}
	case backends.KeyIn:
		return backends.OneOf(t.keyList(p.Keys))
	}
	return p
}

// namesKeys says whether a condition asks for records by their keys.
func namesKeys(p backends.Predicate) bool {
	switch p := p.(type) {
	case backends.And:
		return slices.ContainsFunc(p, namesKeys)
	case backends.Or:
		return slices.ContainsFunc(p, namesKeys)
	case backends.KeyIn:
		return len(p.Keys) > 0
	}
	return false
}

// aliased is a backend whose records keep their ids. Capabilities, schema and explanations are those of the real one.
type aliased struct {
	backends.Backend
	a *aliases
}

// realBackend is what stands behind an aliased one.
func realBackend(b backends.Backend) backends.Backend {
	if a, ok := b.(*aliased); ok {
		return a.Backend
	}
	return b
}

func (b *aliased) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	t, unread := b.a.get(ctx)
	asked := slices.Compact(slices.Sorted(slices.Values(t.keyList(keys))))
	if t.empty() {
		asked = keys
	}
	recs, err := b.Backend.Fetch(ctx, asked, attrs)
	if err != nil {
		return nil, err
	}
	if unread != nil && len(recs) < len(keys) {
		return nil, unread // it may be there under another key: nobody is told that it is not
	}
	return t.shown(recs), nil
}

func (b *aliased) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	t, unread := b.a.get(ctx)
	asks := unread != nil && namesKeys(q.Where)
	if t.empty() && !asks {
		return b.Backend.Walk(ctx, q)
	}
	q.Where, q.After = t.where(q.Where), t.key(q.After)
	return func(yield func(backends.Record, error) bool) {
		none := true
		for rec, err := range b.Backend.Walk(ctx, q) {
			rec.Key, none = t.id(rec.Key), false
			if !yield(rec, err) {
				return
			}
		}
		if none && asks {
			yield(backends.Record{}, unread)
		}
	}
}

func (b *aliased) Count(ctx context.Context, p backends.Predicate, limit int) (int, bool, error) {
	t, unread := b.a.get(ctx)
	n, exact, err := b.Backend.Count(ctx, t.where(p), limit)
	if n == 0 && err == nil && unread != nil && namesKeys(p) {
		return 0, false, unread
	}
	return n, exact, err
}

func (b *aliased) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	t, _ := b.a.get(ctx)
	return b.Backend.Has(ctx, t.key(key), attr, values)
}

func (b *aliased) Protected(ctx context.Context, key backends.Key) (bool, error) {
	t, _ := b.a.get(ctx)
	return b.Backend.Protected(ctx, t.key(key))
}

func (b *aliased) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	rec, err := b.Backend.Create(ctx, name, attrs, want)
	t, _ := b.a.get(ctx)
	rec.Key = t.id(rec.Key)
	return rec, err
}

func (b *aliased) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	t, _ := b.a.get(ctx)
	cond.Assert = t.where(cond.Assert)
	rec, err := b.Backend.Modify(ctx, t.key(key), changes, cond, want)
	rec.Key = t.id(rec.Key)
	return rec, err
}

func (b *aliased) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	t, _ := b.a.get(ctx)
	cond.Assert = t.where(cond.Assert)
	return b.Backend.Move(ctx, t.key(key), name, cond)
}

func (b *aliased) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	t, _ := b.a.get(ctx)
	cond.Assert = t.where(cond.Assert)
	real := make([]*backends.Release, len(release))
	for i, r := range release {
		let := *r
		if from, ok := r.From.(*aliased); ok {
			others, _ := from.a.get(ctx)
			let.From, let.Key = from.Backend, others.key(r.Key)
		}
		real[i] = &let
	}
	err := b.Backend.Delete(ctx, t.key(key), cond, real...)
	for i, r := range release {
		r.Effective = real[i].Effective
	}
	return err
}

// Restore makes the record again, and has its id lead to the key that it got. A record whose id cannot be kept stands all the same: the error says so, and made has
// its key.
func (b *aliased) Restore(ctx context.Context, rec backends.Record, want []string) (made backends.Record, lost []string, err error) {
	id := rec.Key
	t, err := b.a.get(ctx)
	if err != nil {
		return made, nil, err
	}
	rec.Key = t.key(id)
	made, lost, err = b.Backend.Restore(ctx, rec, want)
	if err != nil || made.Key == rec.Key {
		made.Key = t.id(made.Key)
		return made, lost, err
	}
	if err := b.a.keep(ctx, id, made.Key); err != nil {
		return made, lost, &unkept{id: id, key: made.Key, cause: err}
	}
	made.Key = id
	return made, lost, nil
}

// unkept is that a record was made again, and its old id does not lead to it.
type unkept struct {
	id, key backends.Key
	cause   error
}

func (e *unkept) Error() string {
	return "the record stands again under the id " + string(e.key) + "; that it was " + string(e.id) + " could not be written down: " + e.cause.Error()
}

func (b *aliased) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	found, err := b.Backend.Find(ctx, by, names, attrs)
	if t, _ := b.a.get(ctx); !t.empty() {
		found = maps.Clone(found)
		for name, rec := range found {
			rec.Key = t.id(rec.Key)
			found[name] = rec
		}
	}
	return found, err
}

func (b *aliased) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	t, unread := b.a.get(ctx)
	names, err := b.Backend.Names(ctx, by, t.keyList(keys))
	if err != nil || unread != nil && len(names) < len(keys) {
		return nil, cause(err, unread)
	}
	if t.empty() {
		return names, nil
	}
	shown := make(map[backends.Key]string, len(names))
	for key, name := range names {
		shown[t.id(key)] = name
	}
	return shown, nil
}

func cause(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *aliased) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	held, err := b.Backend.Holders(ctx, attr, names, attrs)
	if t, _ := b.a.get(ctx); !t.empty() {
		for _, recs := range held {
			t.shown(recs)
		}
	}
	return held, err
}

// Join gives nothing where records of the other class have aliases: what comes along with a record is not looked at here.
func (b *aliased) Join(other backends.Backend, attr string, attrs []string) string {
	if o, ok := other.(*aliased); ok {
		o.a.mu.Lock()
		some := !o.a.table.empty()
		o.a.mu.Unlock()
		if some {
			return ""
		}
	}
	return b.Backend.Join(realBackend(other), attr, attrs)
}
