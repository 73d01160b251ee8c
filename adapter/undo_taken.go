package adapter

import (
	"context"
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// takenBy begins what is said of a record that cannot be what it was because another is.
const takenBy = "somebody else has its name, its key or a unique value by now: "

// occupied looks, before anything is done, whether another record has a name or a unique value that this one is to have again, so that a plan knows what the
// directory would say. It says which; "" where nobody has. What a dry run has taken back by now counts as taken back.
func (r *rewind) occupied(ctx context.Context, w *work) (string, error) {
	if !r.ahead {
		return "", nil
	}
	for _, op := range w.ops {
		name := ""
		switch step := op.step; {
		case op.loose:
			continue
		case step.Op == opRestore:
			name = step.Name
		case step.Op == opMove:
			name = destination(step)
		}
		if name == "" || !r.c.Backend().Capabilities().Rename {
			continue
		}
		if by, err := r.holderOfName(ctx, name); err != nil || by != "" {
			return by, err
		}
	}
	return r.doubled(ctx)
}

// freed says that another record would have given something up by now.
func (r *rewind) freed(c *class, key backends.Key, what claim) bool {
	return r.frees != nil && r.frees(c, key, what)
}

// called says that a record is called something, in any spelling.
func (p picture) called(name string) bool {
	return p.there && backends.Normalize(backends.NameRule, p.name) == backends.Normalize(backends.NameRule, name)
}

// holderOfName says who else has a name.
func (r *rewind) holderOfName(ctx context.Context, name string) (string, error) {
	taken := func(c *class, key backends.Key) string {
		return fmt.Sprintf("%s%s/%s is called %q", takenBy, c.Name(), key, name)
	}
	for _, c := range r.s.classes {
		if c.BackendName() != r.c.BackendName() || !c.Backend().Capabilities().Rename {
			continue
		}
		found, err := c.Backend().Find(ctx, "", []string{name}, nil)
		if err != nil {
			return "", err
		}
		for _, rec := range found {
			b := r.subjects[imageKey{c.Name(), rec.Key}]
			if b != r.own && !r.freed(c, rec.Key, claim{name: backends.Normalize(backends.NameRule, name)}) && (b == nil || !b.then.looked || b.then.called(name)) {
				return taken(c, rec.Key), nil
			}
		}
	}
	for _, b := range r.subjects {
		if b != r.own && b.c.BackendName() == r.c.BackendName() && b.then.looked && b.then.called(name) {
			return taken(b.c, b.key), nil
		}
	}
	return "", nil
}

// doubled says who else has a value that the record is to have again, and that must be its own. Only what the directory itself can answer is asked: of the rest it
// is heard when it is done.
func (r *rewind) doubled(ctx context.Context) (string, error) {
	b := r.own
	if !b.then.there {
		return "", nil
	}
	has := map[uniqueValue]bool{}
	uniques := func(p picture) []uniqueValue {
		res, _ := r.c.Get(backends.Record{Key: b.key, Name: p.name, Attrs: p.attrs()}, nil)
		return r.c.uniques(res)
	}
	if b.now.there && !r.away {
		for _, u := range uniques(b.now) {
			has[u] = true
		}
	}
	for _, u := range uniques(b.then) {
		if has[u] {
			continue
		}
		low, err := r.c.Lower(filter.Compare{Path: u.path, Op: filter.Eq, Value: u.value}, mapping.Known{})
		if err != nil {
			return "", err
		}
		if low.Rest != nil {
			continue
		}
		for rec, err := range r.c.Backend().Walk(ctx, backends.Query{Where: low.Where}) {
			if err != nil {
				return "", err
			}
			other := r.subjects[imageKey{r.c.Name(), rec.Key}]
			if rec.Key != b.key && !r.freed(r.c, rec.Key, claim{unique: u}) && (other == nil || !other.then.looked || other.then.there && len(other.changes()) == 0) {
				return fmt.Sprintf("%s%s/%s has the %s %q", takenBy, r.c.Name(), rec.Key, u.path, u.value), nil
			}
		}
	}
	return "", nil
}

// dismiss forgets what was thought of: nothing of it is done.
func (r *rewind) dismiss() {
	for _, b := range append([]*subject{r.own}, r.others...) {
		b.then, b.kept = b.now.clone(), map[string]bool{}
	}
}
