package adapter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// overlay takes back what was done beside the directory.
func (r *rewind) overlay(ctx context.Context, e journal.Event, st stood) error {
	client := st.Name
	if client == "" {
		client, r.client = e.Intent.Client, e.Intent.Client
	}
	if err := r.readExtras(ctx, client); err != nil {
		return err
	}
	want := maps.Clone(r.own.then.extras[client])
	before := attrsAsExtras(st.Before)
	for _, change := range st.Changes {
		if blank(change.Values) || blank(st.Before.Get(change.Attr)) {
			r.lose(change.Attr) // it was never written down
			continue
		}
		left := ""
		if len(change.Values) > 0 {
			left = change.Values[0].Text()
		}
		if is := want[change.Attr]; is != left && !r.o.Force && !r.singly { // nobody changes it without an event
			r.conflict("%s: the event left %s, now it is %s", change.Attr, r.inWords(change.Attr, backends.Strings(left)), r.inWords(change.Attr, backends.Strings(is)))
			continue
		}
		if delete(want, change.Attr); before[change.Attr] != "" {
			want[change.Attr] = before[change.Attr]
		}
	}
	r.own.then.extras[client] = want
	return nil
}

func (r *rewind) readExtras(ctx context.Context, client string) error {
	if _, known := r.own.now.extras[client]; known {
		return nil
	}
	held, err := r.s.loadExtras(ctx, r.c, onBehalf(r.req, client), []backends.Key{r.own.key})
	if err != nil {
		return err
	}
	extras := map[string]string{}
	maps.Copy(extras, held[r.own.key].Attrs)
	r.own.now.extras[client], r.own.then.extras[client] = extras, maps.Clone(extras)
	return nil
}

// forgets end what every client kept of the record: a step for each that kept something, so that it can be given back to each, or one that says that nothing was kept.
func (w *work) forgets(ctx context.Context) ([]*operation, error) {
	own, err := w.forget(ctx)
	if err != nil || w.unread {
		return []*operation{own}, err
	}
	all, err := w.s.o.Overlay.LoadAll(ctx, w.req.Caller.Tenant, w.c.Name(), w.key)
	if err != nil {
		return nil, err
	}
	var ops []*operation
	if delete(all, w.req.Caller.Client); len(own.step.Changes) > 0 || len(all) == 0 {
		ops = append(ops, own)
	}
	for _, client := range slices.Sorted(maps.Keys(all)) {
		other := *own
		other.step.Name, other.step.Before, other.step.Changes = client, extrasAsAttrs(all[client]), extrasAsChanges(all[client], nil)
		ops = append(ops, &other)
	}
	return ops, nil
}

func (noOverlay) LoadAll(context.Context, string, string, backends.Key) (map[string]map[string]string, error) {
	return nil, errNoOverlay
}

// given are what clients shall have again beside the directory. What another record has got meanwhile, where it must be the only one, is told and left to it, unless it is of the client whose event is taken
// back: then nothing is.
func (r *rewind) given(ctx context.Context, w *work) ([]*operation, error) {
	var ops []*operation
	for _, client := range slices.Sorted(maps.Keys(r.own.then.extras)) {
		is, want := r.own.now.extras[client], r.own.then.extras[client]
		if maps.Equal(is, want) {
			continue
		}
		if client != r.client {
			err := r.s.checkExtras(ctx, r.c, onBehalf(r.req, client), r.own.key, want)
			if refused, ok := errors.AsType[*scim.Error](err); ok && refused.Type == scim.NotUnique {
				for _, attr := range slices.Sorted(maps.Keys(want)) {
					r.lose(attr + " of " + client)
				}
				r.notes = append(r.notes, fmt.Sprintf("what %s kept of it is not put back: another record has the same by now", client))
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		ops = append(ops, w.overlayOf(client, is, want))
	}
	return ops, nil
}
