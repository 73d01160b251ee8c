package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// imageKey names a record in the picture.
type imageKey struct {
	typ string
	key backends.Key
}

// rewind takes events back in thought, and knows then what is to be done.
type rewind struct {
	s        *Service
	c        *class
	req      scim.Request
	o        UndoOptions
	subjects map[imageKey]*subject
	own      *subject
	others   []*subject        // that point at it, in the order in which they were come upon
	singly   bool              // an attribute that somebody has changed stays, and the others are put back
	looked   map[string]bool   // singly: what was compared with what the last event has left
	strange  map[string]string // singly: what somebody else has changed, by attribute in lower case, and how
	maker    *stood            // singly: the step by which the record came to be, with nothing taken back before that yet

	restored  bool   // the record is gone, and to be made anew
	deletedAs string // what it was called when it went
	deleted   picture
	removal   bool   // it is to be removed
	away      bool   // it is where the mapping moves what is deleted, and comes back
	went      bool   // it was deleted, and was to come back
	gone      bool   // it was not there, as far as was taken back by now
	client    string // whose event it is, where it is about what is kept beside the directory
	conflicts []string
	again     bool                                              // the record is there again that was deleted
	ahead     bool                                              // what others have is looked for before anything is done
	frees     func(c *class, key backends.Key, what claim) bool // what others would have given up by now; nil: nothing
	lost      []string
	exact     []*operation        // steps about others that were thought out, and are not to be looked for
	stamps    backends.Attributes // of a record to be made anew: what nobody can set
	notes     []string
}

func (s *Service) newRewind(c *class, caller scim.Caller, key backends.Key, o UndoOptions, seen map[imageKey]*subject) *rewind {
	if seen == nil {
		seen = map[imageKey]*subject{}
	}
	r := &rewind{s: s, c: c, req: scim.Request{Caller: caller, Type: c.rt}, o: o, subjects: seen}
	r.own = r.subject(c, key)
	return r
}

func (r *rewind) subject(c *class, key backends.Key) *subject {
	at := imageKey{c.Name(), key}
	if r.subjects[at] == nil {
		r.subjects[at] = newSubject(c, key)
	}
	b := r.subjects[at]
	if b != r.own && r.own != nil && !slices.Contains(r.others, b) {
		r.others = append(r.others, b)
	}
	return b
}

// event takes one event back, its last step first.
func (r *rewind) event(ctx context.Context, e journal.Event) error {
	steps := standing(e)
	does := func(ops ...string) bool {
		return slices.ContainsFunc(steps, func(st stood) bool { return isOwn(e, st.Step) && slices.Contains(ops, st.Op) })
	}
	deleted := does(opDelete)
	backSince := r.singly && deleted && r.maker != nil && r.maker.Op == opRestore // those who pointed at it were seen to then
	foundAnew := does(opCreate, opRestore, opMove) || slices.ContainsFunc(steps, func(st stood) bool { return isOwn(e, st.Step) && r.renames(st.effective) })
	if !deleted {
		if err := r.readAhead(ctx, e, steps); err != nil {
			return err
		}
	}
	for _, st := range slices.Backward(steps) {
		var err error
		switch own := isOwn(e, st.Step); {
		case own && st.Op == opOverlay:
			err = r.overlay(ctx, e, st)
		case own && st.Op == opDelete:
			if st.Before, err = r.meantAll(ctx, e, st.Before); err == nil {
				err = r.bringBack(ctx, st)
			}
			if r.again {
				return err
			}
		case own && (st.Op == opCreate || st.Op == opRestore):
			err = r.takeAway(ctx, e, st)
		case own && !r.own.then.there:
			err = r.comeBack(ctx, e, st)
		case own && st.Op == opMove:
			r.moveBack(st)
		case own && st.Op == opModify:
			err = r.changeBack(ctx, e, st)
		case st.Op == opModify && !backSince && (!foundAnew || leaves(e, st) || joins(e, st)):
			err = r.putIn(ctx, st, deleted || leaves(e, st))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renames says that changes touch what others point at the record with: they are found anew then, with the name that it has now.
func (r *rewind) renames(changes []backends.Change) bool {
	return slices.ContainsFunc(r.s.classes, func(other *class) bool {
		return slices.ContainsFunc(other.writable(), func(ref reference) bool {
			return ref.By != "" && slices.Contains(ref.Types, r.c.Name()) &&
				slices.ContainsFunc(changes, func(change backends.Change) bool { return strings.EqualFold(change.Attr, ref.By) })
		})
	})
}

// readAhead reads what the steps have replaced whole, at once.
func (r *rewind) readAhead(ctx context.Context, e journal.Event, steps []stood) error {
	var attrs []string
	for _, st := range steps {
		for _, change := range st.effective {
			if isOwn(e, st.Step) && st.Op == opModify && (change.Op == backends.Replace || len(change.Values) == 0) {
				attrs = append(attrs, change.Attr)
			}
		}
	}
	return r.own.read(ctx, attrs...)
}

func (r *rewind) conflict(format string, args ...any) {
	r.conflicts = append(r.conflicts, fmt.Sprintf(format, args...))
}

func (r *rewind) lose(attr string) {
	if !slices.Contains(r.lost, attr) {
		r.lost = append(r.lost, attr)
		slices.Sort(r.lost)
	}
}

// changeBack takes the changes of a step back, the last one first.
func (r *rewind) changeBack(ctx context.Context, e journal.Event, st stood) error {
	for _, change := range slices.Backward(r.named(ctx, r.c, st.effective)) {
		back := inverse([]backends.Change{change}, st.Before)
		if len(back) == 0 || blank(change.Values) || blank(back[0].Values) {
			r.lose(change.Attr)
			continue
		}
		if r.own.kept[strings.ToLower(change.Attr)] {
			continue
		}
		left, is, err := r.asLeft(ctx, change)
		if err != nil {
			return err
		}
		if seen := r.singly && r.judged(change); !left && !seen {
			text := fmt.Sprintf("%s: the event left %s, now it is %s", change.Attr, r.leftBy(change), is)
			if r.foreign(change.Attr, text); !r.singly && !r.o.Force {
				r.conflict("%s", text)
				r.own.kept[strings.ToLower(change.Attr)] = true
				continue
			}
			if back[0] = r.whole(change, back[0], st.Before); blank(back[0].Values) {
				r.lose(change.Attr)
				continue
			}
		}
		if back[0].Op != backends.Remove {
			if back[0].Values, err = r.meantBy(ctx, e, change, back[0]); err != nil {
				return err
			}
		}
		if back[0].Op == backends.Add {
			if back[0].Values, err = r.alive(ctx, r.c, change.Attr, back[0].Values); err != nil {
				return err
			}
			if len(back[0].Values) == 0 {
				continue
			}
		}
		if err := r.own.apply(ctx, back[0]); err != nil {
			return err
		}
	}
	return nil
}

// whole is what takes a change back of an attribute that somebody else has changed since: all values that it had, because those that the change has added and removed are only a part by now. Who
// points at records comes and goes for himself.
func (r *rewind) whole(change, back backends.Change, before backends.Attributes) backends.Change {
	_, points := r.c.pointsWith(change.Attr)
	was := before.Get(change.Attr)
	if !isListed(change) || points || change.Op == backends.Remove && len(was) == 0 {
		return back
	}
	return backends.Change{Op: backends.Replace, Attr: change.Attr, Values: was}
}

// asLeft says whether an attribute still is as a change has left it; is tells how it is. Who is a member comes and goes, and each for himself.
func (r *rewind) asLeft(ctx context.Context, change backends.Change) (left bool, is string, err error) {
	if change.Op == backends.Replace || len(change.Values) == 0 {
		if err := r.own.read(ctx, change.Attr); err != nil {
			return false, "", err
		}
		values, _ := r.own.then.values(change.Attr)
		left, err = r.same(ctx, change, values)
		return left, r.inWords(change.Attr, values), err
	}
	if _, ref := r.c.pointsWith(change.Attr); ref {
		return true, "", nil
	}
	there, err := r.own.has(ctx, change.Attr, change.Values)
	if err != nil {
		return false, "", err
	}
	word := map[bool]string{true: "there", false: "not there"}
	return !slices.Contains(there, change.Op == backends.Remove), word[change.Op == backends.Remove], nil
}

// same says that an attribute has the values that a change has written. A directory may keep them otherwise: the day of an instant, a number's digits. Then it is asked
// itself whether they are there, unless it has not been done yet what a dry run goes on from.
func (r *rewind) same(ctx context.Context, change backends.Change, is backends.Values) (bool, error) {
	if r.c.alike(change.Attr, is, change.Values) {
		return true, nil
	}
	now, _ := r.own.now.values(change.Attr)
	if len(is) != len(change.Values) || len(is) == 0 || !r.own.now.there || r.away || !slices.Equal(now, is) {
		return false, nil
	}
	there, err := r.c.Backend().Has(ctx, r.own.key, change.Attr, change.Values)
	return err == nil && !slices.Contains(there, false), err
}

// alike says that values are the same, or the days of instants that were written, or the same document.
func (c *class) alike(attr string, is, written backends.Values) bool {
	day := func(is, written backends.Value) bool {
		return strings.HasPrefix(written.Text(), is.Text()+"T") && len(is.Text()) == len(time.DateOnly)
	}
	return sameValues(c.Backend().Syntax(attr).Equality, is, written) || len(is) == 1 && len(written) == 1 && (day(is[0], written[0]) || c.sameDocument(attr, is[0], written[0]))
}

// sameDocument says that two texts of a document say the same. A directory has more than one way of writing it.
func (c *class) sameDocument(attr string, a, b backends.Value) bool {
	if c.Backend().Syntax(attr).Equality != backends.NoRule {
		return false
	}
	var is, was any
	return json.Unmarshal([]byte(a.Text()), &is) == nil && json.Unmarshal([]byte(b.Text()), &was) == nil && reflect.DeepEqual(is, was)
}

func (r *rewind) leftBy(change backends.Change) string {
	words := r.inWords(change.Attr, change.Values)
	switch {
	case change.Op == backends.Add:
		return words + " there"
	case change.Op == backends.Remove && len(change.Values) > 0:
		return words + " not there"
	}
	return words
}

// inWords is inWords of an attribute, with blanks for what nobody is to read.
func (r *rewind) inWords(attr string, values backends.Values) string {
	if r.s.o.Discretion.withholds(r.c.Name(), attr) {
		values = marks(values)
	}
	return inWords(values)
}

// inWords is values for a sentence.
func inWords(values backends.Values) string {
	if len(values) == 0 {
		return "nothing"
	}
	var texts []string
	for _, v := range values[:min(len(values), 5)] {
		texts = append(texts, fmt.Sprintf("%q", v.String()))
	}
	if len(values) > 5 {
		texts = append(texts, fmt.Sprintf("and %d more", len(values)-5))
	}
	return strings.Join(texts, ", ")
}

// blank says that there is a secret among values whose text nobody has.
func blank(values backends.Values) bool {
	return slices.ContainsFunc(values, func(v backends.Value) bool { return v.Kind() == backends.KindSecret && v.Reveal() == "" })
}

// pointsWith finds the reference that an attribute is.
func (c *class) pointsWith(attr string) (reference, bool) {
	for _, ref := range c.writable() {
		if strings.EqualFold(ref.Native, attr) {
			return ref, true
		}
	}
	return reference{}, false
}

// alive leaves names out that are nobody's any more, and says so.
func (r *rewind) alive(ctx context.Context, c *class, attr string, values backends.Values) (backends.Values, error) {
	ref, ok := c.pointsWith(attr)
	if !ok || len(values) == 0 {
		return values, nil
	}
	found := map[string]bool{}
	for _, typ := range ref.Types {
		of, ok := r.s.byName[typ]
		if !ok {
			continue
		}
		recs, err := of.Backend().Find(ctx, ref.By, values.Texts(), nil)
		if err != nil {
			return nil, err
		}
		for name := range recs {
			found[name] = true
		}
	}
	for _, b := range r.subjects { // a dry run has made it again, or would have
		if ref.By == "" && b.then.there {
			found[b.then.name] = true
		}
	}
	var there backends.Values
	for _, v := range values {
		if found[v.Text()] || ref.isPlaceholder(v.Text()) {
			there = append(there, v)
			continue
		}
		r.notes = append(r.notes, fmt.Sprintf("%s: %q is nobody any more, and not put back", attr, v.Text()))
	}
	return there, nil
}

// named puts the names that records have now in the place of those that they had, where names are keys and a record was made again with another.
func (r *rewind) named(ctx context.Context, c *class, changes []backends.Change) []backends.Change {
	changes = cloneChanges(changes)
	for _, change := range changes {
		ref, ok := c.pointsWith(change.Attr)
		if !ok || ref.By != "" {
			continue
		}
		for _, typ := range ref.Types {
			of := r.s.byName[typ]
			if of == nil || of.Backend().Capabilities().Rename {
				continue
			}
			if a, ok := of.backend.(*aliased); ok {
				t, _ := a.a.get(ctx)
				for i, v := range change.Values {
					if key := backends.Key(v.Text()); t.key(key) != key {
						change.Values[i] = backends.String(string(t.key(key)))
					}
				}
			}
		}
	}
	return changes
}

// putIn takes back what a step did to a record that points at the event's own.
func (r *rewind) putIn(ctx context.Context, st stood, deleted bool) error {
	c, ok := r.s.byName[st.Backend]
	if !ok {
		return nil
	}
	changes := st.effective
	if deleted && len(changes) == 0 {
		changes = st.Changes // the directory was faster: it did the same
	}
	b := r.subject(c, st.Key)
	if err := b.read(ctx); err != nil {
		return err
	}
	if !b.then.there {
		r.notes = append(r.notes, fmt.Sprintf("%s/%s, which pointed at it, is gone", c.Name(), st.Key))
		return nil
	}
	for _, back := range inverse(r.named(ctx, c, changes), st.Before) {
		ref, points := c.pointsWith(back.Attr)
		if back.Op == backends.Add && points && !deleted {
			var err error
			if back.Values, err = r.alive(ctx, c, back.Attr, back.Values); err != nil {
				return err
			}
		}
		if points && !ref.Multi && back.Op == backends.Add {
			if err := b.read(ctx, back.Attr); err != nil {
				return err
			}
			if is, _ := b.then.values(back.Attr); len(is) > 0 && !r.o.Force {
				r.notes = append(r.notes, fmt.Sprintf("%s/%s: %s is %s by now, and stays so", c.Name(), st.Key, back.Attr, r.inWords(back.Attr, is)))
				continue
			}
			back.Op = backends.Replace
		}
		if len(back.Values) == 0 && back.Op != backends.Replace {
			continue
		}
		if blank(back.Values) {
			r.notes = append(r.notes, fmt.Sprintf("%s/%s: what it had of %s was never written down, and is not put back", c.Name(), st.Key, back.Attr))
			continue
		}
		if err := b.apply(ctx, back); err != nil {
			return err
		}
	}
	return nil
}

// moveBack gives the record its name back.
func (r *rewind) moveBack(st stood) {
	left := destination(st.Step)
	same := backends.Normalize(backends.NameRule, left) == backends.Normalize(backends.NameRule, r.own.then.name)
	text := fmt.Sprintf("its name: the event left %q, now it is %q", left, r.own.then.name)
	switch seen := r.singly && r.judged(backends.Change{Op: backends.Replace}); {
	case same || seen || r.o.Force:
	case r.singly:
		r.foreign("", text)
	default:
		r.conflict("%s", text)
		r.own.kept[""] = true
	}
	if !r.own.kept[""] {
		r.own.then.name = st.Name
	}
}

// bringBack makes the record again that a step has deleted.
func (r *rewind) bringBack(ctx context.Context, st stood) error {
	b := r.own
	r.went = true
	if err := b.read(ctx); err != nil {
		return err
	}
	switch {
	case b.then.there && r.singly:
		made := stood{Step: journal.Step{Name: b.then.name}}
		if r.maker != nil {
			made = *r.maker
		}
		r.gone, r.maker = false, nil
		return r.meanwhile(ctx, st, made)
	case b.then.there:
		r.again = true
		return nil
	}
	whole := map[string]attribute{}
	for name, values := range st.Before {
		if blank(values) && !r.c.notPut(name) {
			r.lose(name)
		}
		if isPart(name) && blank(values) { // its document is there without it
			continue
		}
		whole[strings.ToLower(name)] = attribute{name, values}
	}
	b.then = picture{looked: true, there: true, full: true, name: st.Name, whole: whole, listed: map[string]map[string]listed{}, extras: b.then.extras}
	if r.restored = !b.now.there; r.deletedAs == "" {
		r.deletedAs, r.deleted = st.Name, b.then.clone()
	}
	r.gone, r.removal, r.maker = false, false, nil
	return nil
}
