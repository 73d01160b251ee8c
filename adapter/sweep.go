package adapter

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A reference is written in two steps that no directory makes one: the id is looked up, then its name is written. Whoever renames or deletes
// the record in between would be followed by a name that is nobody's. So both sides look again when they have written.
//
// Let w be the moment at which a reference was written with a name that was out of date by then, and s the moment at which the one who had
// renamed or deleted the record looked for such references a second time (sweep). If w comes before s, the second look finds the reference
// and puts it right. If w comes after s, it also comes after the rename or the delete, so that the writer, who asks for the name again after w
// (recheck), is told the new one, or that nobody has this id any more, and puts it right itself. It makes no difference whether both are in
// one process, and no lock is held from one record to another. Both may find the same reference: each repair is one operation of the
// directory that happens whole or not at all (exchange), and the second does nothing. What a directory repairs by itself a little later
// (OpenLDAP's refint) is such a second, too.
//
// Taking a reference away needs one thing more: who looks a name up after the rename, and removes it before the other record has been
// relinked, removes nothing, and the relinking puts it in. Within one process nobody looks up a name that is in flux, and who finds that it was
// waits for the end of that; between several, such a removal is looked at again after a while.

// looks is how often references are put right while the names that they point with keep changing.
const looks = 3

var errRestless = errors.New("the names keep changing")

// sweep looks once more for records that point at one with a name that it has no longer, or that is gone: somebody may have looked the name up
// before, and written it after the search for such records. It is a write of its own, and its failure is not that of the work which is
// done.
func (s *Service) sweep(ctx context.Context, done *work, stale []holder, now func(by string) (string, error)) {
	if len(stale) == 0 {
		return
	}
	s.again(ctx, done, func(ctx context.Context) ([]*operation, error) {
		ops, fresh, err := s.stragglers(ctx, done.c, stale, now)
		stale = append(stale, fresh...)
		return ops, err
	})
}

// again looks for what is left to do, and does it, until there is nothing. What cannot be brought to an end is counted and logged.
func (s *Service) again(ctx context.Context, done *work, look func(context.Context) ([]*operation, error)) {
	if s.planning != forReal {
		return // nothing was written that could be behind the times
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.WriteTimeout)
	defer cancel()
	err := errRestless
	for range looks {
		var ops []*operation
		if ops, err = look(ctx); err != nil || len(ops) == 0 {
			break
		}
		w := &work{s: s, c: done.c, req: done.req, action: done.action, key: done.key, ops: ops}
		done.fresh = false
		if err = w.run(ctx); err != nil || w.dangling.Load() {
			break
		}
		err = errRestless
	}
	if err != nil {
		s.stats.dangling.Add(1)
		s.log.LogAttrs(ctx, slog.LevelWarn, "could not look again for references that a rename or a delete may have left behind",
			slog.String("type", done.c.Name()), slog.String("id", string(done.key)), slog.String("error", err.Error()))
	}
}

// stragglers gives a step for each record that points at a record of c with a stale name, and what was written in its place. A name that
// somebody else has by now is left alone: nobody can say which of the two is meant.
func (s *Service) stragglers(ctx context.Context, c *class, stale []holder, now func(by string) (string, error)) (ops []*operation, fresh []holder, err error) {
	seen := map[place]bool{}
	for _, h := range stale {
		name, err := now(h.ref.By)
		if err != nil {
			return nil, nil, err
		}
		if name != "" && h.calls(name) {
			continue
		}
		keys, err := pointing(ctx, h.class, h.ref, h.name)
		if err != nil {
			return nil, nil, err
		}
		keys = slices.DeleteFunc(keys, func(key backends.Key) bool { return seen[h.in(key)] })
		if len(keys) == 0 {
			continue
		}
		owners, err := c.Backend().Find(ctx, h.ref.By, []string{h.name}, nil)
		if err != nil {
			return nil, nil, err
		}
		if len(owners) > 0 {
			continue
		}
		for _, key := range keys {
			seen[h.in(key)] = true
			if name == "" {
				ops = append(ops, s.unlink(h, key))
				continue
			}
			ops = append(ops, s.relink(h, key, name, func() (string, error) { return name, nil }))
		}
		if name != "" {
			h.name = name
			fresh = append(fresh, h)
		}
	}
	return ops, fresh, nil
}

// mention is a reference that a write adds or takes away: the id that was meant, and what that was called.
type mention struct {
	ref    reference
	class  *class // of the record that is meant
	id     string
	name   string // "" once nobody is called so any more
	remove bool
	done   bool // the write changed something by it: it put the name in, or took it out
}

// recheck asks once more, after a write, what the ids are called that it named. Each mention says whether the write changed something by it.
func (s *Service) recheck(ctx context.Context, done *work, said []mention) {
	if len(said) == 0 {
		return
	}
	first := true
	s.again(ctx, done, func(ctx context.Context) ([]*operation, error) {
		names, err := namesOfMentions(ctx, said)
		late := false
		if err == nil && first {
			first = false
			if late, err = s.letSettle(ctx, said, names); late {
				names, err = namesOfMentions(ctx, said)
			}
		}
		if err != nil {
			return nil, err
		}
		var ops []*operation
		for i := range said {
			op, err := s.correct(ctx, done, &said[i], names.of(said[i]), late)
			if err != nil {
				return nil, err
			}
			if op != nil {
				ops = append(ops, op)
			}
		}
		return ops, nil
	})
}

// letSettle waits, where a removal may have come upon a record that was being renamed, until whoever renames it has relinked what points at it, and
// says whether it did. A directory itself may take the old name out of a group in one operation and put the new one in with the next
// (OpenLDAP's memberof overlay), so that neither is there for a moment. Another process cannot be waited for, but a while can.
func (s *Service) letSettle(ctx context.Context, said []mention, names namesBy) (waited bool, err error) {
	var words []string
	unsure := false
	for _, m := range said {
		moved := names.of(m) != m.name
		if m.remove && moved {
			words = append(words, fluxKey(m.class, m.id))
		}
		unsure = unsure || m.remove && (moved || !m.done)
	}
	waited, err = s.flux.wait(ctx, words...)
	if err != nil || !unsure || s.o.Replicas < 2 {
		return waited, err
	}
	select {
	case <-time.After(s.o.SettleDelay):
		return true, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// failedWrite looks again after a write that failed. What was taken back may have been put right by somebody else in between, so that what
// was added is there under another name, and what was removed came back under one that is out of date. For a moment the record itself may
// have had the name that it was to get, and been pointed at with it. What stands, because nobody can say how the write ended or it could not be
// taken back, is looked at as after one that succeeded: undoing it here would be guessing.
func (s *Service) failedWrite(ctx context.Context, w *work, p *plan, l *relinking, cause error) {
	var lost *unsettled
	var half *stranded
	unknown := errors.As(cause, &lost)
	stands := unknown || errors.As(cause, &half)
	stale := slices.Clone(l.stale)
	for _, h := range l.stale {
		name := p.nameAfter(h.ref.By)
		had := unknown || h.ref.By == "" && w.moved || slices.ContainsFunc(w.effective, func(change backends.Change) bool { return strings.EqualFold(change.Attr, h.ref.By) })
		if had && name != "" {
			h.name = name
			stale = append(stale, h)
		}
	}
	if len(stale) > len(l.stale) {
		s.sweep(ctx, w, stale, s.nameOf(ctx, w))
	}
	l.leave()
	said := w.marked(p.said)
	if !stands {
		said = slices.DeleteFunc(slices.Clone(said), func(m mention) bool { return !m.done })
		for i := range said {
			said[i].remove = !said[i].remove // the opposite was done last
		}
	}
	s.recheck(ctx, w, said)
}

// marked says of each mention whether it is among what the work's steps really changed.
func (w *work) marked(said []mention) []mention {
	type written struct {
		attr   string
		remove bool
		name   backends.Value
	}
	wrote := map[written]bool{}
	for _, change := range w.effective {
		for _, v := range change.Values {
			wrote[written{strings.ToLower(change.Attr), change.Op == backends.Remove, v}] = true
		}
	}
	for i, m := range said {
		said[i].done = w.action == "create" || wrote[written{strings.ToLower(m.ref.Native), m.remove, backends.String(m.name)}]
	}
	return said
}

// namesBy is what keys are called at present, by type and way of naming.
type namesBy map[asked]map[backends.Key]string

func (n namesBy) of(m mention) string { return n[asked{m.class.Name(), m.ref.By}][backends.Key(m.id)] }

// namesOfMentions asks for all names of one type at once.
func namesOfMentions(ctx context.Context, said []mention) (namesBy, error) {
	classes, keys := map[asked]*class{}, map[asked][]backends.Key{}
	for _, m := range said {
		a := asked{m.class.Name(), m.ref.By}
		classes[a], keys[a] = m.class, append(keys[a], backends.Key(m.id))
	}
	names := namesBy{}
	for a, c := range classes {
		slices.Sort(keys[a])
		var err error
		if names[a], err = c.Backend().Names(ctx, a.by, slices.Compact(keys[a])); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// correct gives the step that puts one reference right, if its record is called by another name now than it was written with, or by none.
func (s *Service) correct(ctx context.Context, done *work, m *mention, now string, late bool) (*operation, error) {
	h := holder{class: done.c, ref: m.ref, name: m.name}
	same := now == m.name || now != "" && h.calls(now)
	missed := late && m.remove && !m.done
	switch {
	case m.remove && now == "", same && !missed:
		return nil, nil // of a record that is gone, its name is taken out by who has deleted it
	case m.remove:
		h.name = now
	}
	there, err := done.c.Backend().Has(ctx, done.key, m.ref.Native, backends.Strings(h.name))
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	theirs := false
	if !m.remove && !m.done {
		// The name was there before, and may mean somebody who is called so by now.
		owners, err := m.class.Backend().Find(ctx, m.ref.By, []string{m.name}, nil)
		if err != nil {
			return nil, err
		}
		theirs = len(owners) > 0
	}
	m.name, m.done = now, true
	switch {
	case err != nil, !there[0], theirs && now == "":
		return nil, nil
	case theirs:
		h.name = now
		return s.amend(h, done.key, backends.Add), nil
	case m.remove, now == "":
		return s.unlink(h, done.key), nil
	}
	return s.relink(h, done.key, now, func() (string, error) { return now, nil }), nil
}
