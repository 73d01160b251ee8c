package adapter

import (
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// Who points at a record that only gets another name is found anew, with the name that the record has now. But a delete that moves its record away takes it out of
// those that point at it, and the undo of that puts it back into them: these steps are taken back as they stand.

// leaves says that a step has taken the event's own record out of another, because it was moved away.
func leaves(e journal.Event, st stood) bool {
	old, now := mentions(e, st)
	return old && !now
}

// joins says that a step has put the event's own record into another, because it was moved back. One that was made again, and got the name that it has after that, joins nobody by being moved.
func joins(e journal.Event, st stood) bool {
	old, now := mentions(e, st)
	made := slices.ContainsFunc(standing(e), func(own stood) bool { return isOwn(e, own.Step) && (own.Op == opCreate || own.Op == opRestore) })
	return !old && now && !made
}

// mentions says whether a step about another record takes out the name that the event's own had before it was moved, and whether it puts in the one that it got.
func mentions(e journal.Event, st stood) (old, now bool) {
	has := func(values backends.Values, name string) bool {
		return slices.ContainsFunc(values, func(v backends.Value) bool {
			return backends.Normalize(backends.NameRule, v.Text()) == backends.Normalize(backends.NameRule, name)
		})
	}
	for _, move := range standing(e) {
		from, to := move.Name, destination(move.Step)
		if !isOwn(e, move.Step) || to == "" {
			continue
		}
		for _, change := range st.Changes {
			old = old || has(st.Before.Get(change.Attr), from) || change.Op == backends.Remove && has(change.Values, from)
			now = now || change.Op != backends.Remove && has(change.Values, to)
		}
	}
	return old, now
}

// destination is the name that a step gives its record; "" where it gives none.
func destination(step journal.Step) string {
	if step.Op != opMove || len(step.Changes) == 0 || len(step.Changes[0].Values) == 0 {
		return ""
	}
	return step.Changes[0].Values[0].Text()
}

// comeBack takes back that a record was moved to where the mapping moves what is deleted. There, and nowhere else out of scope, it is looked for, by its key.
func (r *rewind) comeBack(ctx context.Context, e journal.Event, st stood) error {
	left, b := destination(st.Step), r.own
	if left == "" || r.c.beyond(left) == "" || b.then.looked && r.gone {
		r.conflict("it is not there")
		return nil
	}
	rec, _, err := r.c.gone(ctx, b.key, r.c.everything(nil))
	switch {
	case err != nil:
		return err
	case rec == nil:
		r.conflict("it is not there: the %s moved it to %q, where the mapping does not look (delete: move); move it back with the directory's own tools, if it is still to be found", e.Intent.Action, left)
		return nil
	case !sameName(rec.Name, left) && !r.o.Force:
		r.conflict("its name: the event left %q, now it is %q", left, rec.Name)
		return nil
	}
	whole := map[string]attribute{}
	for name, values := range rec.Attrs {
		whole[strings.ToLower(name)] = attribute{name, values}
	}
	b.now = picture{looked: true, there: true, full: true, name: rec.Name, version: rec.Version, whole: whole, listed: map[string]map[string]listed{}, extras: b.now.extras}
	extras := b.then.extras
	b.then = b.now.clone()
	b.then.name, b.then.extras, b.stands = st.Name, extras, rec.Name
	r.away = true
	return nil
}

// sameName says that two names are one, in any spelling.
func sameName(a, b string) bool {
	return backends.Normalize(backends.NameRule, a) == backends.Normalize(backends.NameRule, b)
}
