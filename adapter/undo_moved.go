package adapter

import (
	"slices"

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

// joins says that a step has put the event's own record into another, because it was moved back.
func joins(e journal.Event, st stood) bool {
	old, now := mentions(e, st)
	return !old && now
}

// mentions says whether a step about another record takes out the name that the event's own had before it was moved, and whether it puts in the one that it got.
func mentions(e journal.Event, st stood) (old, now bool) {
	has := func(values backends.Values, name string) bool {
		return slices.ContainsFunc(values, func(v backends.Value) bool {
			return backends.Normalize(backends.NameRule, v.Text()) == backends.Normalize(backends.NameRule, name)
		})
	}
	for _, move := range standing(e) {
		if move.Op != opMove || !isOwn(e, move.Step) || len(move.Changes) == 0 || len(move.Changes[0].Values) == 0 {
			continue
		}
		from, to := move.Name, move.Changes[0].Values[0].Text()
		for _, change := range st.Changes {
			old = old || has(st.Before.Get(change.Attr), from) || change.Op == backends.Remove && has(change.Values, from)
			now = now || change.Op != backends.Remove && has(change.Values, to)
		}
	}
	return old, now
}
