package adapter

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// PutBackPlan is what a dry run of PutBack saw of the records that it would write. A run that is not dry, and has one, leaves alone what somebody has changed since: nobody has seen
// that in the plan. Who points at whom is not asked, because each of them comes and goes for himself.
type PutBackPlan struct {
	seed maphash.Seed
	seen map[imageKey]foreseen
}

type foreseen struct {
	does string
	name uint64
	is   map[string]uint64 // the values that are to go, by attribute in lower case
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
	now := foreseen{does: does, name: plan.sum(b.now.name), is: map[string]uint64{}}
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
			var texts []string
			for _, attr := range slices.Sorted(maps.Keys(is)) {
				texts = append(texts, attr, is[attr])
			}
			now.is["beside for "+client] = plan.sum(texts...)
		}
	}
	return now
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
	case was.name != now.name && r.own.then.name != r.own.now.name:
		return "it was renamed since the plan was made"
	}
	for _, attr := range slices.Sorted(maps.Keys(now.is)) {
		if is, there := was.is[attr]; !there || is != now.is[attr] {
			return attr + ": somebody has changed it since the plan was made"
		}
	}
	return ""
}
