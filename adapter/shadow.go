package adapter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// In shadow mode every write is planned, written into the journal as one whole event, and answered as if it were done. Of a resource that only the shadow has
// made, the journal is all that there is: its state is what the events about it come to, one after the other.

// madeUpMark begins the made-up keys. They are UUIDs of version 8, which directories and databases do not make (OpenLDAP's are of version 1, those of PostgreSQL and
// Active Directory of version 4, and 7 is for times).
const madeUpMark = "5ad05ad0-"

// madeUp is the key of a record that an event would have made.
func madeUp(event journal.ID) backends.Key {
	h := sha256.Sum256([]byte(event))
	return backends.Key(fmt.Sprintf("%s%x-8%03x-8%03x-%x", madeUpMark, h[0:2], uint16(h[2])<<4|uint16(h[3]>>4), uint16(h[4])<<4|uint16(h[5]>>4), h[6:12]))
}

// isMadeUp tells made-up keys from those of records.
func isMadeUp(key backends.Key) bool {
	return len(key) == 36 && strings.HasPrefix(string(key), madeUpMark) && key[14] == '8'
}

// tellJournal writes the event. Only then is the client told that it is done.
func (w *work) tellJournal(ctx context.Context) error {
	in := w.intent(w.event) // the keys are known by now
	w.out.Time = w.s.o.Now()
	if err := w.s.o.Journal.Note(ctx, in, w.out); err != nil {
		return w.s.away(err, http.StatusServiceUnavailable, "The journal cannot be written at the moment, so nothing was planned.")
	}
	w.s.stats.shadowed.Add(1)
	w.s.log.LogAttrs(ctx, slog.LevelInfo, "a write was answered and not done: scim.mode is shadow", slog.String("event", string(w.event)), slog.String("action", w.action),
		slog.String("type", w.c.Name()), slog.String("id", string(w.key)))
	return nil
}

// remembered is a record that only the shadow has made, as the journal tells it; nil where it knows none.
func (s *Service) remembered(ctx context.Context, c *class, key backends.Key) (*drawing, error) {
	if !s.o.Shadow || s.o.Events == nil {
		return nil, nil //nolint:nilnil // nothing is known of it
	}
	b := c.Backend()
	var d *drawing
	var said []backends.Key
	events := s.o.Events.Events(ctx, journal.Filter{Tenant: s.o.Tenant, ResourceType: c.Name(), ResourceID: string(key), Statuses: []string{journal.StatusShadow}, Whole: true})
	for e, err := range events {
		if err != nil {
			return nil, s.unread(err)
		}
		if e.Forgotten {
			return nil, nil //nolint:nilnil // nothing is known of it any more
		}
		said = append(said, mentioned(e)...)
		for i, step := range e.Intent.Steps {
			if step.Backend != c.Name() || step.Key != key {
				continue
			}
			if step.Op == opCreate {
				d = &drawing{made: &backends.Record{Key: key, Name: step.Name, Attrs: step.Attrs.Clone()}}
				if !b.Capabilities().Rename {
					d.made.Name = nameOfMade(b, d.made)
				}
			}
			if d != nil && d.made != nil {
				d.follow(b, e, step, effectOf(e, i))
			}
		}
		if d != nil && b.Capabilities().Versioned {
			d.made.Version = string(e.Intent.ID)
		}
	}
	if d == nil || d.gone {
		return d, nil
	}
	return d, s.learn(ctx, said)
}

func nameOfMade(b backends.Backend, rec *backends.Record) string {
	if p, ok := b.(*planned); ok {
		return p.naming(*rec, nil)
	}
	return string(rec.Key)
}

// effectOf are the changes of a step.
func effectOf(e journal.Event, i int) []backends.Change {
	if e.Outcome != nil && i < len(e.Outcome.Steps) && len(e.Outcome.Steps[i].Effective) > 0 {
		return e.Outcome.Steps[i].Effective
	}
	return e.Intent.Steps[i].Changes
}

// follow makes of a drawing what a step would have made of the record.
func (d *drawing) follow(b backends.Backend, e journal.Event, step journal.Step, effective []backends.Change) {
	switch step.Op {
	case opCreate:
		for attr, values := range d.made.Attrs {
			if slices.ContainsFunc(values, func(v backends.Value) bool { return v.Kind() == backends.KindSecret }) {
				delete(d.made.Attrs, attr)
			}
		}
	case opModify:
		d.change(b, effective)
	case opMove:
		if len(step.Changes) == 1 && len(step.Changes[0].Values) == 1 {
			d.rename(b, d.made.Name, step.Changes[0].Values[0].Text())
		}
		d.gone = d.gone || e.Intent.Action == journal.ActionDelete
	case opDelete:
		d.gone = true
	case opOverlay:
		kept := attrsAsExtras(step.Before)
		for _, change := range effective {
			if delete(kept, change.Attr); len(change.Values) > 0 {
				kept[change.Attr] = change.Values[0].Text()
			}
		}
		client := e.Intent.Client
		if step.Name != "" {
			client = step.Name
		}
		d.keep(client, kept)
	}
}

// unread is that the journal could not be read.
func (s *Service) unread(err error) error {
	if errors.Is(err, backends.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return s.away(err, http.StatusServiceUnavailable, "This resource stands in the journal alone (scim.mode is shadow), and the journal cannot be read at the moment.")
	}
	return &scim.Error{
		Status: http.StatusInternalServerError, Cause: err,
		Detail: "This resource stands in the journal alone (scim.mode is shadow), and the journal cannot be read: its role must be a member of scim_audit. The log has the cause.",
	}
}

// mentioned are the made-up resources that an event's difference names.
func mentioned(e journal.Event) []backends.Key {
	var found []backends.Key
	for _, change := range e.Intent.Diff {
		for rest := string(change.After); ; {
			_, after, ok := strings.Cut(rest, `"`+madeUpMark)
			if !ok {
				break
			}
			if rest = after; len(after) >= 36-len(madeUpMark) {
				found = append(found, backends.Key(madeUpMark+after[:36-len(madeUpMark)]))
			}
		}
	}
	return found
}

// learn finds out what made-up records are called, so that those who point at them can be shown with what they point at.
func (s *Service) learn(ctx context.Context, keys []backends.Key) error {
	for _, key := range keys {
		if !isMadeUp(key) || s.names.knows(key) || isLearned(ctx, key) {
			continue
		}
		ctx := context.WithValue(ctx, learned{key}, true)
		for _, c := range s.classes {
			ways := map[string]bool{}
			for _, other := range s.classes {
				for _, r := range other.refs {
					if slices.Contains(r.Types, c.Name()) && !ways[r.By] {
						ways[r.By] = true
						if _, err := c.Backend().Names(ctx, r.By, []backends.Key{key}); err != nil {
							return err
						}
					}
				}
			}
		}
		s.names.has(key)
	}
	return nil
}

// learned marks a context in which it is found out already what a record is called. Two may point at each other; others who ask meanwhile find it out for themselves, and wait for nobody.
type learned struct{ backends.Key }

func isLearned(ctx context.Context, key backends.Key) bool { return ctx.Value(learned{key}) != nil }

// madeUpNames is what made-up records are called, as far as this process has come upon them.
type madeUpNames struct {
	mu   sync.Mutex
	keys map[calledSo]backends.Key
	seen map[backends.Key]bool
}

// calledSo is a name in one way of naming records of a type.
type calledSo struct{ typ, by, name string }

// mostMadeUpNames is how many are kept. When there are more, all are looked for again.
const mostMadeUpNames = 100_000

func (n *madeUpNames) learn(typ, by, name string, key backends.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.keys == nil || len(n.keys) >= mostMadeUpNames {
		n.keys, n.seen = map[calledSo]backends.Key{}, map[backends.Key]bool{}
	}
	n.keys[calledSo{typ, by, name}] = key
}

// key is the record that is called so.
func (n *madeUpNames) key(typ, by, name string) (backends.Key, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, ok := n.keys[calledSo{typ, by, name}]
	return key, ok
}

// knows says that it was found out what a record is called.
func (n *madeUpNames) knows(key backends.Key) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[key]
}

// has notes that it was found out, to the end: whoever comes upon the record next need not look.
func (n *madeUpNames) has(key backends.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[backends.Key]bool{}
	}
	n.seen[key] = true
}
