package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A snapshot has names, and a name may be somebody else's by now. Who a name stands for is told by the key that the snapshot has for it: nobody gets the name, the references or
// the unique values that were another's.

// claim is what only one record can have: a name, or a unique value.
type claim struct {
	name   string
	unique uniqueValue
}

// claims are what a record has of that.
func (r *rewind) claims(rec backends.Record) map[claim]bool {
	all := map[claim]bool{{name: backends.Normalize(backends.NameRule, rec.Name)}: true}
	res, _ := r.c.Get(rec, nil)
	for _, u := range r.c.uniques(res) {
		all[claim{unique: u}] = true
	}
	return all
}

// looksAhead has a write look whether another record has what this one shall have. What a dry run would have freed by then counts as free, and so does a value that both had then.
func (p *putting) looksAhead(ctx context.Context, r *rewind) {
	b := r.own
	r.ahead = !r.removal && (!b.now.there || b.now.name != b.then.name || len(b.changes()) > 0)
	r.frees = func(c *class, key backends.Key, what claim) bool {
		return p.freed[imageKey{c.Name(), key}][what] || what.name == "" && p.had(ctx, r, key, what)
	}
}

// had says that another record of the type had a unique value as well, as the snapshot has it.
func (p *putting) had(ctx context.Context, r *rewind, id backends.Key, what claim) bool {
	key, chosen := p.chosen[imageKey{r.c.Name(), id}]
	if !chosen {
		key = id
	}
	was, err := p.past(ctx, r.c, []backends.Key{key})
	rec, there := was[key]
	return err == nil && there && r.claims(rec)[what]
}

// frees notes, in a dry run, what a record would no longer have when it is as it was.
func (p *putting) frees(r *rewind, was backends.Record) (note func()) {
	if !p.o.DryRun || !r.own.now.there || !r.ahead && !r.removal {
		return func() {}
	}
	free := r.claims(r.own.record())
	if !r.removal {
		keeps := r.claims(was) // and not what is written: a new name brings its values along
		maps.DeleteFunc(free, func(what claim, _ bool) bool { return keeps[what] })
	}
	return func() {
		if len(free) > 0 {
			p.freed[imageKey{r.c.Name(), r.own.key}] = free
		}
	}
}

// strangers are those who have names by now that others had; ids are theirs.
func (p *putting) strangers(ctx context.Context, of *class, by string, ids map[string]backends.Key) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := of.Backend().Find(ctx, by, slices.Sorted(maps.Keys(ids)), nil)
	who := map[string]string{}
	for name, rec := range found {
		freed := by == "" && p.freed[imageKey{of.Name(), rec.Key}][claim{name: backends.Normalize(backends.NameRule, name)}]
		if rec.Key != ids[name] && !freed {
			who[name] = of.Name() + "/" + string(rec.Key)
		}
	}
	return who, err
}

// absent says of names of records that are not there, by their ids, what becomes of them: in now are those of whom is to be made again, in dead, with who has the name by
// then, those of whom is not. Of somebody who left the mapping's scope the directory knows the name.
func (p *putting) absent(ctx context.Context, r *rewind, of *class, by string, ids map[string]backends.Key, now, dead map[string]string) error {
	who, err := p.strangers(ctx, of, by, ids)
	if err != nil {
		return err
	}
	for name, id := range ids {
		at := imageKey{of.Name(), id}
		p.waits = p.waits || p.late[at] && p.gone[at] && !p.barred[at]
		if p.gone[at] && !p.barred[at] && who[name] == "" {
			now[name] = name
			if p.o.DryRun { // it would have been made by now
				phantom := newSubject(of, id)
				phantom.then.there, phantom.then.name = true, name
				r.subjects[at] = phantom
			}
			continue
		}
		if by == "" {
			where, err := p.strays(ctx, of, id)
			if err != nil {
				return err
			}
			if where != "" {
				now[name] = where
				continue
			}
		}
		dead[name] = who[name]
	}
	return nil
}

// strays says where a record is that left the mapping's scope; "": nowhere, or nobody can say.
func (p *putting) strays(ctx context.Context, c *class, id backends.Key) (string, error) {
	directory, asks := realBackend(c.Backend()).(besideScope)
	if !asks {
		return "", nil
	}
	if a, ok := c.backend.(*aliased); ok {
		t, err := a.a.get(ctx)
		if err != nil {
			return "", err
		}
		id = t.key(id)
	}
	return directory.Strays(ctx, id)
}

// left says of a name that it is not put back.
func left(attr, name, who string) string {
	if who != "" {
		return fmt.Sprintf("%s: %q is somebody else by now, %s, and not put back", attr, name, who)
	}
	return fmt.Sprintf("%s: %q is nobody any more, and not put back", attr, name)
}

// unchanged says of a write that wrote nothing that the record is as it was, save for what cannot be put back.
func (u *PutBack) unchanged(r *rewind) {
	if len(r.conflicts) > 0 || u.Result != UndoNothing && (u.Result != UndoSkipped || len(r.lost) == 0) {
		return
	}
	u.Does, u.Result, u.Why = PutNothing, UndoNothing, slices.Clone(r.notes)
}
