package adapter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Records are put back as a snapshot has them by the machinery that takes events back (rewind): what shall be is here what the snapshot says, and not what the
// journal says. So each record is a write of its own, with an intent and before-images (journal.ActionRestore), and can be taken back itself.

// What putting a record back comes to.
const (
	PutNothing = "nothing" // it is as the snapshot has it
	PutMake    = "make"    // it is gone, and made again
	PutChange  = "change"
	PutDelete  = "delete" // the snapshot does not have it
	PutLeave   = "leave"  // it was there then, and what it was nobody can say any more
)

// PutBackOptions say what is put back, and how.
type PutBackOptions struct {
	// Past has the records of resource types as they were, under the keys that they had. A type that is not in it is left alone, but who points at its
	// records, or is pointed at by them, is then less sure.
	Past map[string]backends.Backend
	// Beside gives what there was of a record beside the directory, by its key in Past; nil: nothing.
	Beside func(typ string, key backends.Key) (journal.Beside, error)
	// Keys are the records to put back, by type, as Past knows them.
	Keys map[string][]backends.Key
	// Others: what Past does not have of the types in Keys is deleted, save for Gone.
	Others bool
	// Gone are the keys of records that were there as well, by type, and that Past does not have because what they were was forgotten. They are left alone.
	Gone map[string][]backends.Key
	// Anyone: of names that no snapshot knows nobody is asked whether they are anybody's. For a directory that has nothing else than what is put there.
	Anyone   bool
	DryRun   bool
	Pace     func(ctx context.Context) error // waits before each record; may be nil
	Plan     *PutBackPlan                    // a dry run fills it, and another run keeps to it; nil: nobody was shown one
	Progress func(PutBack)                   // told of each record when it is done with; may be nil
}

// PutBack is what came of putting one record back, or would come of it.
type PutBack struct {
	Undone
	Does string   `json:"does"`           // one of the Put constants
	Kept []string `json:"kept,omitempty"` // what the directory itself maintains of a record that is made again: it may let it be as it was, or not
}

// putting is a PutBack on its way.
type putting struct {
	s      *Service
	caller scim.Caller
	o      PutBackOptions
	chosen map[imageKey]backends.Key // the ids of records to put back, and their keys in the snapshot
	gone   map[imageKey]bool         // of these: to be made again, and not there yet
	tried  map[imageKey]bool
	late   map[imageKey]bool           // they are put back behind the others of their type: somebody had their name, key or unique value
	barred map[imageKey]bool           // of those that are gone: they do not come back
	freed  map[imageKey]map[claim]bool // what records would no longer have, as a dry run knows by now
	ids    map[imageKey]backends.Key   // by the keys that records had: the ids that they had then
	now    map[imageKey]backends.Key   // the ids that records have since they were made again, where they could not be kept
	waits  bool                        // the record in hand points at one of those that are late
	moved  bool                        // a record that was put back has had others written along with it, since some were read
}

// PutBack puts records back as they were: first, where that is wanted, those go that were not there; then, type by type, what is gone is made again, who is pointed
// at before those who point at him, and what is there is changed. A record that somebody changes between being read and being written is told and left alone. The
// error is what kept it from going on.
func (s *Service) PutBack(ctx context.Context, caller scim.Caller, o PutBackOptions) error {
	p := &putting{s: s, caller: caller, o: o, chosen: map[imageKey]backends.Key{}, gone: map[imageKey]bool{}, tried: map[imageKey]bool{}, barred: map[imageKey]bool{}, late: map[imageKey]bool{}, freed: map[imageKey]map[claim]bool{}, ids: map[imageKey]backends.Key{}, now: map[imageKey]backends.Key{}}
	order := s.pointedAtFirst()
	for _, c := range order {
		if err := p.choose(ctx, c); err != nil {
			return err
		}
	}
	if o.Others {
		for _, c := range slices.Backward(order) {
			if err := p.others(ctx, c); err != nil {
				return err
			}
		}
	}
	for _, c := range order {
		if err := p.class(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// pointedAtFirst are the types in the order in which they are put back: people before groups.
func (s *Service) pointedAtFirst() []*class {
	left, order := slices.Clone(s.classes), []*class(nil)
	for len(left) > 0 {
		next := slices.IndexFunc(left, func(c *class) bool {
			return !slices.ContainsFunc(c.writable(), func(r reference) bool {
				return slices.ContainsFunc(left, func(other *class) bool { return other != c && slices.Contains(r.Types, other.Name()) })
			})
		})
		next = max(next, 0) // they point at one another
		order = append(order, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return order
}

// idOf is the id of a record that had this key of the directory's when the snapshot was made.
func (p *putting) idOf(ctx context.Context, c *class, key backends.Key) (backends.Key, error) {
	id, err := p.then(ctx, c, key)
	if now, ok := p.now[imageKey{c.Name(), id}]; ok {
		id = now
	}
	return id, err
}

// idOf is the id that stands for a key of the directory's.
func (c *class) idOf(ctx context.Context, key backends.Key) (backends.Key, error) {
	a, ok := c.backend.(*aliased)
	if !ok {
		return key, nil
	}
	t, err := a.a.get(ctx)
	return t.id(key), err
}

// choose notes what is to be put back of a type, and what of that is gone.
func (p *putting) choose(ctx context.Context, c *class) error {
	keys := p.o.Keys[c.Name()]
	if len(keys) > 0 && p.o.Past[c.Name()] == nil {
		return fmt.Errorf("there is no snapshot of %s", c.Name())
	}
	for batch := range slices.Chunk(keys, putBatch) {
		ids := make([]backends.Key, len(batch))
		for i, key := range batch {
			id, err := p.then(ctx, c, key)
			if err != nil {
				return err
			}
			ids[i] = id
			p.chosen[imageKey{c.Name(), id}] = key
			p.gone[imageKey{c.Name(), id}] = true
		}
		there, err := c.Backend().Fetch(ctx, ids, nil)
		if err != nil {
			return err
		}
		for _, rec := range there {
			delete(p.gone, imageKey{c.Name(), rec.Key})
		}
	}
	return nil
}

// putBatch is how many records are read at a time.
const putBatch = 100

// class puts the records of one type back.
func (p *putting) class(ctx context.Context, c *class) error {
	var late []*record
	for _, key := range p.o.Keys[c.Name()] {
		id, err := p.then(ctx, c, key)
		if err == nil && p.gone[imageKey{c.Name(), id}] {
			err = p.makeAgain(ctx, c, id, &late)
		}
		if err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(p.o.Keys[c.Name()], putBatch) {
		if err := p.batch(ctx, c, batch, &late); err != nil {
			return err
		}
	}
	for _, r := range late { // who had their names may have given them up by now
		if err := p.put(ctx, r, nil); err != nil {
			return err
		}
	}
	return nil
}

// record is one that is to be put back.
type record struct {
	c   *class
	id  backends.Key
	was backends.Record  // under its id; without attributes: it was not there
	now *backends.Record // as it was read a moment ago; nil: not yet

	begun bool // some of it is done
	last  bool // there is nothing to wait for any more
}

// past reads records from the snapshot.
func (p *putting) past(ctx context.Context, c *class, keys []backends.Key) (map[backends.Key]backends.Record, error) {
	recs, err := p.o.Past[c.Name()].Fetch(ctx, keys, []string{"*", "+"})
	was := make(map[backends.Key]backends.Record, len(recs))
	for _, rec := range recs {
		was[rec.Key] = rec
	}
	return was, err
}

// makeAgain makes a record again that is gone, and before it those of its type that it points at, or is below.
func (p *putting) makeAgain(ctx context.Context, c *class, id backends.Key, late *[]*record) error {
	at := imageKey{c.Name(), id}
	if p.tried[at] {
		return nil
	}
	p.tried[at] = true
	was, err := p.past(ctx, c, []backends.Key{p.chosen[at]})
	if err != nil {
		return err
	}
	rec, ok := was[p.chosen[at]]
	if !ok {
		return nil // its content is gone; Verify tells
	}
	for _, ref := range append(c.writable(), reference{Reference: mapping.Reference{Types: []string{c.Name()}}}) {
		names := rec.Attrs.Get(ref.Native).Texts()
		if ref.Native == "" { // what it is below
			_, above := cutName(rec.Name)
			names = []string{above}
		}
		if !slices.Contains(ref.Types, c.Name()) {
			continue
		}
		if err := p.first(ctx, c, ref.By, names, late); err != nil {
			return err
		}
	}
	rec.Key = id
	return p.put(ctx, &record{c: c, id: id, was: rec}, late)
}

// first makes those of the type again that have these names, if they are gone.
func (p *putting) first(ctx context.Context, c *class, by string, names []string, late *[]*record) error {
	found, err := p.o.Past[c.Name()].Find(ctx, by, names, nil)
	if err != nil {
		return err
	}
	for _, name := range names {
		other, ok := found[name]
		if !ok {
			continue
		}
		id, err := p.then(ctx, c, other.Key)
		if err == nil && p.gone[imageKey{c.Name(), id}] {
			err = p.makeAgain(ctx, c, id, late)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// batch puts records back that are there.
func (p *putting) batch(ctx context.Context, c *class, keys []backends.Key, late *[]*record) error {
	var ids []backends.Key
	for _, key := range keys {
		id, err := p.then(ctx, c, key)
		if err != nil {
			return err
		}
		if !p.tried[imageKey{c.Name(), id}] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	was, err := p.past(ctx, c, keys)
	if err != nil {
		return err
	}
	there, err := c.Backend().Fetch(ctx, ids, c.everything(nil))
	if err != nil {
		return err
	}
	p.moved = false
	now := make(map[backends.Key]backends.Record, len(there))
	for _, rec := range there {
		now[rec.Key] = rec
	}
	for _, id := range ids {
		at := imageKey{c.Name(), id}
		p.tried[at] = true
		rec, ok := was[p.chosen[at]]
		if !ok {
			continue
		}
		r := &record{c: c, id: id, was: rec}
		r.was.Key = id
		if is, ok := now[id]; ok && !p.moved { // else it is read again: nobody else has changed it
			r.now = &is
		}
		if err := p.put(ctx, r, late); err != nil {
			return err
		}
	}
	return nil
}

// others deletes what was not there.
func (p *putting) others(ctx context.Context, c *class) error {
	if _, chosen := p.o.Keys[c.Name()]; !chosen {
		return nil
	}
	forgotten := map[backends.Key]bool{}
	for _, key := range p.o.Gone[c.Name()] {
		id, err := p.idOf(ctx, c, key)
		if err != nil {
			return err
		}
		forgotten[id] = true
	}
	var more []backends.Key
	for rec, err := range c.Backend().Walk(ctx, backends.Query{}) {
		if err != nil {
			return err
		}
		if _, had := p.chosen[imageKey{c.Name(), rec.Key}]; had {
			continue
		}
		if forgotten[rec.Key] {
			p.leave(c, rec.Key)
			continue
		}
		more = append(more, rec.Key)
	}
	for _, id := range more {
		if err := p.put(ctx, &record{c: c, id: id}, nil); err != nil {
			return err
		}
	}
	return nil
}

// leave tells of a record that was there, and of which the snapshot no longer has what it was.
func (p *putting) leave(c *class, id backends.Key) {
	u := PutBack{Undone: Undone{Time: p.s.o.Now(), Action: journal.ActionRestore, Resource: c.Name() + "/" + string(id), Result: UndoNothing}, Does: PutLeave}
	u.Why = []string{"it was there when the snapshot was made, and is left as it is: what the snapshot had of it is gone"}
	if p.o.Progress != nil {
		p.o.Progress(u)
	}
}

// put puts one record back, and tells what came of it. late takes those whose name, key or unique value somebody has who may be put back later.
func (p *putting) put(ctx context.Context, r *record, late *[]*record) error {
	if p.o.Pace != nil {
		if err := p.o.Pace(ctx); err != nil {
			return err
		}
	}
	u := PutBack{Undone: Undone{Time: p.s.o.Now(), Action: journal.ActionRestore, Resource: r.c.Name() + "/" + string(r.id)}, Does: PutNothing}
	r.last = late == nil
	err := p.one(ctx, r, &u)
	at := imageKey{r.c.Name(), r.id}
	switch {
	case errors.Is(err, errTaken) && late != nil:
		*late, p.late[at] = append(*late, r), true
		r.now = nil
		return nil
	case isChanged(err):
		u.Result, u.Why = UndoSkipped, append(u.Why, "somebody changed it at this very moment; look at it, and try it again")
	case err != nil && !errors.Is(err, errTaken):
		_ = u.end("", "", err)
	}
	switch u.Result {
	case UndoDone, UndoNothing:
		delete(p.gone, at)
	case UndoSkipped, UndoFailed:
		p.barred[at] = p.gone[at]
	}
	if p.o.Progress != nil {
		p.o.Progress(u)
	}
	if errors.Is(err, backends.ErrUnavailable) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}

// errTaken is that somebody else has the record's name, key or a unique value.
var errTaken = errors.New("it is taken")

// one puts one record back. A record that was made again, or got its name back, is looked at once more: what could not be done along with that is done then.
func (p *putting) one(ctx context.Context, r *record, u *PutBack) error {
	if !p.o.DryRun {
		release, err := p.s.locks.take(ctx, r.c.lockName(string(r.id)))
		if err != nil {
			return err
		}
		defer release()
	}
	again, err := p.once(ctx, r, u)
	if err != nil || !again {
		return err
	}
	if r.now, r.begun = nil, true; u.key != r.id {
		p.now[imageKey{r.c.Name(), r.id}] = u.key
		delete(p.gone, imageKey{r.c.Name(), r.id})
		r.id, r.was.Key = u.key, u.key
	}
	next := PutBack{Undone: Undone{Resource: u.Resource}}
	_, err = p.once(ctx, r, &next)
	if err != nil || !next.OK() {
		if err != nil {
			next.Why = append(next.Why, plainly(err))
		}
		u.Result = UndoFailed
		u.Why = append(append(u.Why, "it stands again, but not all of it is as it was"), next.Why...)
	} else if next.By != "" {
		u.Why = append(u.Why, "and by "+string(next.By))
	}
	return nil
}

// once is one write of a record. again: there may be more to do.
func (p *putting) once(ctx context.Context, r *record, u *PutBack) (again bool, err error) {
	w := p.s.newRewind(r.c, p.caller, r.id, UndoOptions{DryRun: p.o.DryRun}, nil)
	p.waits = false
	if r.now != nil {
		w.own.see(*r.now)
	}
	if err := w.own.read(ctx, r.c.everything(nil)...); err != nil {
		return false, err
	}
	switch {
	case r.was.Key == "":
		u.Does, w.removal = PutDelete, w.own.now.there
		err = p.seeBeside(ctx, w)
	case w.own.now.there:
		u.Does = PutChange
		err = p.become(ctx, w, r.was)
	default:
		u.Does, u.Kept = PutMake, r.c.keptByItself(r.was)
		bar, asked := p.inTheWay(ctx, r.c, r.was)
		if err = asked; err == nil && bar != "" {
			u.Result, u.Why = UndoSkipped, append(u.Why, bar)
			return false, nil
		}
		if err == nil {
			err = p.comeBack(ctx, w, r.was)
		}
	}
	if err == nil && p.waits && !r.last && !r.begun {
		return false, errTaken
	}
	if err == nil && r.was.Key != "" {
		err = p.giveBack(ctx, w, r.id)
	}
	if err != nil {
		return false, err
	}
	if since := p.agrees(w, u.Does); since != "" && !r.begun {
		u.Result, u.Why = UndoSkipped, append(u.Why, since+": make another plan")
		return false, nil
	}
	p.looksAhead(ctx, w)
	freed, moves := p.frees(w, r.was), w.own.then.name != w.own.now.name
	if u.Does == PutDelete && !w.removal {
		u.Does, u.Result = PutNothing, UndoNothing
		return false, nil
	}
	if err := w.end(ctx, journal.ActionRestore, "", &u.Undone); err != nil {
		return false, err
	}
	u.Lost = slices.DeleteFunc(u.Lost, r.c.notPut)
	if u.Result == UndoSkipped && u.taken {
		return false, errTaken
	}
	if u.Result == UndoPlanned {
		freed()
	}
	if u.Does == PutChange && len(u.Plan) == 0 {
		u.unchanged(w)
	}
	p.moved = p.moved || u.Result == UndoDone && (u.Does != PutChange || moves)
	return u.Result == UndoDone && (u.Does == PutMake || moves), nil
}
