package adapter

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// PutBackPlan is what a dry run of PutBack saw of the records that it would write. A run that is not dry, and has one, leaves alone what somebody has changed since: nobody has seen
// that in the plan. Who points at whom is not asked, because each of them comes and goes for himself; save that who is to be deleted may not point at more than it did.
type PutBackPlan struct {
	seed maphash.Seed
	seen map[imageKey]foreseen
}

type foreseen struct {
	does string
	name uint64
	is   map[string]uint64 // the values that are to go, by attribute in lower case
	at   map[string]int    // of a record that is to be deleted: at how many it points, by attribute in lower case
}

// NewPutBackPlan is one that nothing is in yet.
func NewPutBackPlan() *PutBackPlan {
	return &PutBackPlan{seed: maphash.MakeSeed(), seen: map[imageKey]foreseen{}}
}

func (plan *PutBackPlan) sum(texts ...string) uint64 {
	return maphash.Comparable(plan.seed, strings.Join(texts, "\x00"))
}

// of is what is to be done with a record, and what it replaces.
func (plan *PutBackPlan) of(r *rewind, does string) foreseen {
	b := r.own
	now := foreseen{does: does, name: plan.sum(b.now.name), is: map[string]uint64{}, at: map[string]int{}}
	if does == PutDelete {
		plan.whole(r, now)
	}
	if does != PutChange {
		return now
	}
	for _, change := range b.changes() {
		if _, points := b.c.pointsWith(change.Attr); points {
			continue
		}
		is, _ := b.now.values(change.Attr)
		now.is[strings.ToLower(change.Attr)] = plan.sum(slices.Sorted(slices.Values(is.Texts()))...)
	}
	for client, want := range b.then.extras {
		if is := b.now.extras[client]; !maps.Equal(is, want) {
			now.is["beside for "+client] = plan.beside(is)
		}
	}
	return now
}

// whole notes all that goes with a record that is to be deleted. What the directory keeps itself changes without anybody's doing, and those that it points at may be deleted,
// or get their names back, before it.
func (plan *PutBackPlan) whole(r *rewind, now foreseen) {
	for lower, a := range r.own.now.whole {
		if _, points := r.c.pointsWith(a.name); points {
			now.at[lower] = len(a.values)
		} else if len(a.values) > 0 && !r.c.notPut(a.name) {
			now.is[lower] = plan.sum(slices.Sorted(slices.Values(a.values.Texts()))...)
		}
	}
	for client, is := range r.own.now.extras {
		now.is["beside for "+client] = plan.beside(is)
	}
}

func (plan *PutBackPlan) beside(kept map[string]string) uint64 {
	var texts []string
	for _, attr := range slices.Sorted(maps.Keys(kept)) {
		texts = append(texts, attr, kept[attr])
	}
	return plan.sum(texts...)
}

// seeBeside reads what every client keeps of a record that is to be deleted, where that is to be as it was planned.
func (p *putting) seeBeside(ctx context.Context, r *rewind) (err error) {
	if p.o.Plan != nil && r.own.now.there && len(r.c.extras) > 0 {
		r.own.now.extras, err = p.s.o.Overlay.LoadAll(ctx, p.caller.Tenant, r.c.Name(), r.own.key)
	}
	return err
}

// agrees notes what is to be done where this is the plan, and says otherwise why it is not as it was planned; "" where it is.
func (p *putting) agrees(r *rewind, does string) string {
	plan, at := p.o.Plan, imageKey{r.c.Name(), r.own.key}
	if plan == nil {
		return ""
	}
	now := plan.of(r, does)
	if p.o.DryRun {
		plan.seen[at] = now
		return ""
	}
	was, known := plan.seen[at]
	switch {
	case !known:
		return "it has come since the plan was made"
	case was.does != does && does == PutMake:
		return "it has gone since the plan was made"
	case was.does != does:
		return "it has come back since the plan was made"
	case does == PutDelete && !r.own.now.there:
		return "" // nothing is left to do
	case was.name != now.name && (does == PutDelete || r.own.then.name != r.own.now.name):
		return "it was renamed since the plan was made"
	}
	const changed = ": somebody has changed it since the plan was made"
	for _, attr := range slices.Sorted(maps.Keys(now.is)) {
		if is, there := was.is[attr]; !there || is != now.is[attr] {
			return attr + changed
		}
	}
	for _, attr := range slices.Sorted(maps.Keys(was.is)) {
		if _, there := now.is[attr]; !there && does == PutDelete {
			return attr + changed
		}
	}
	for _, attr := range slices.Sorted(maps.Keys(now.at)) {
		if now.at[attr] > was.at[attr] {
			return attr + changed
		}
	}
	return ""
}
