package backendtest

import (
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

func releaseChecks() []check {
	return []check{
		{"others let go of a record in the operation that deletes it", (*suite).letsGo},
		{"who has nothing to let go stays as it is", (*suite).nothingToLetGo},
		{"a delete that is refused leaves those that should let go as they were", (*suite).holdsOn},
		{"a protected record lets nothing go, and refuses the delete", (*suite).protectedHolder},
		{"only records of the same directory let go", (*suite).strangers},
		{"where an operation is about one record, none lets go", (*suite).oneRecordEach},
		{"a password is set along with everything else, or nothing is", (*suite).passwordBeside},
	}
}

// release is what a record of the class lets go.
func (s *suite) release(key backends.Key, changes ...backends.Change) *backends.Release {
	for i, c := range changes {
		changes[i].Values = s.own(c.Attr, c.Values)
	}
	return &backends.Release{From: s.b, Key: key, Changes: changes}
}

// sets are the attributes of many values that are tested.
func (s *suite) sets() []string {
	if s.a.Members == "" {
		return []string{s.a.Multi}
	}
	return []string{s.a.Multi, s.a.Members}
}

// held is a record that goes, and one that holds two values in each set, of which one is to be let go.
type held struct {
	goes, holder backends.Record
	mine         map[string][]string // what the holder has in each set
}

func (s *suite) held() (*held, error) {
	if !s.b.Capabilities().Transactional {
		return nil, notTested("an operation is about one record here")
	}
	h := &held{mine: map[string][]string{s.a.Multi: {"one", "two"}}}
	extra := backends.Attributes{s.a.Multi: backends.Strings("one", "two"), s.a.Text: backends.Strings("kept")}
	if s.a.Members != "" {
		values, err := s.someMembers(3)
		if err != nil {
			return nil, err
		}
		h.mine[s.a.Members], extra[s.a.Members] = values[:2], backends.Strings(values[:2]...)
		h.mine[""] = values[2:] // what nobody holds
	}
	var err error
	if h.goes, err = s.create("leaver", nil); err != nil {
		return nil, err
	}
	h.holder, err = s.create("holder", extra)
	return h, err
}

// someMembers are values that Attrs.Members can hold.
func (s *suite) someMembers(n int) ([]string, error) {
	if s.p.Members != nil {
		return s.p.Members(s.ctx, n)
	}
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("member%d", i))
	}
	return values, nil
}

// still fails unless the holder is as it was.
func (s *suite) still(h *held, after string) error {
	rec, err := s.fetch(h.holder.Key)
	if err != nil {
		return err
	}
	if rec.Version != h.holder.Version {
		return fmt.Errorf("%s the version of the holder is %q, before %q", after, rec.Version, h.holder.Version)
	}
	for _, attr := range s.sets() {
		if err := s.holds(rec, attr, h.mine[attr]...); err != nil {
			return fmt.Errorf("%s: %w", after, err)
		}
	}
	return nil
}

// effective fails unless a release says that it has removed these values of an attribute, or nothing.
func effective(r *backends.Release, attr string, want ...string) error {
	if len(want) == 0 && len(r.Effective) == 0 {
		return nil
	}
	if len(r.Effective) != 1 || len(want) != 1 || r.Effective[0].Op != backends.Remove || r.Effective[0].Attr != attr || fmt.Sprint(r.Effective[0].Values.Texts()) != fmt.Sprint(want) {
		return fmt.Errorf("the release says that it has done %v, want the removal of %q from %s", r.Effective, want, attr)
	}
	return nil
}

func (s *suite) letsGo() error {
	h, err := s.held()
	if err != nil {
		return err
	}
	other, err := s.person(backends.Attributes{s.a.Multi: backends.Strings("one", "two")})
	if err != nil {
		return err
	}
	var all []*backends.Release
	for _, attr := range s.sets() {
		all = append(all, s.release(h.holder.Key, change(backends.Remove, attr, h.mine[attr][1])))
	}
	all = append(all, s.release(other.Key, change(backends.Remove, s.a.Multi, "TWO")))
	if err := s.b.Delete(s.ctx, h.goes.Key, backends.Condition{Version: h.goes.Version}, all...); err != nil {
		return fmt.Errorf("Delete that lets others go: %w", err)
	}
	holder, err := s.fetch(h.holder.Key)
	if err != nil {
		return err
	}
	if h.holder.Version != "" && holder.Version == h.holder.Version {
		return fmt.Errorf("the holder has let go, and its version is still %q", holder.Version)
	}
	for i, attr := range s.sets() {
		if err := steps(
			func() error { return s.holds(holder, attr, h.mine[attr][0]) },
			func() error { return effective(all[i], attr, h.mine[attr][1]) },
		); err != nil {
			return err
		}
	}
	if other, err = s.fetch(other.Key); err != nil {
		return err
	}
	return steps(
		func() error { return s.holds(other, s.a.Multi, "one") },
		func() error { return s.holds(holder, s.a.Text, "kept") },
		func() error { return s.gone(h.goes.Key) },
	)
}

func (s *suite) nothingToLetGo() error {
	h, err := s.held()
	if err != nil {
		return err
	}
	ghost, err := s.person(nil)
	if err != nil {
		return err
	}
	if err := s.b.Delete(s.ctx, ghost.Key, backends.Condition{}); err != nil {
		return err
	}
	outside, _, err := s.p.Outside(s.ctx, "elsewhere")
	if err != nil {
		return err
	}
	all := []*backends.Release{
		s.release(h.holder.Key, change(backends.Remove, s.a.Multi, "three")),
		s.release(ghost.Key, change(backends.Remove, s.a.Multi, "two")),
		s.release(outside, change(backends.Replace, s.a.Text, "changed")),
		s.release("*", change(backends.Replace, s.a.Text, "changed")),
	}
	if s.a.Members != "" {
		all = append(all, s.release(h.holder.Key, change(backends.Remove, s.a.Members, h.mine[""][0])))
	}
	if err := s.b.Delete(s.ctx, h.goes.Key, backends.Condition{}, all...); err != nil {
		return fmt.Errorf("Delete when nobody has anything to let go: %w", err)
	}
	for _, r := range all {
		if err := effective(r, ""); err != nil {
			return err
		}
	}
	if err := s.still(h, "after a release of nothing"); err != nil {
		return err
	}
	next, err := s.create("next", nil)
	if err != nil {
		return err
	}
	half := s.release(h.holder.Key, change(backends.Remove, s.a.Multi, "three", "two"))
	if err := s.b.Delete(s.ctx, next.Key, backends.Condition{}, half); err != nil {
		return fmt.Errorf("Delete when a part of it is to be let go: %w", err)
	}
	return effective(half, s.a.Multi, "two")
}

func (s *suite) holdsOn() error {
	h, err := s.held()
	if err != nil {
		return err
	}
	lets := func(more ...*backends.Release) []*backends.Release {
		var all []*backends.Release
		for _, attr := range s.sets() {
			all = append(all, s.release(h.holder.Key, change(backends.Remove, attr, h.mine[attr][1])))
		}
		return append(all, more...)
	}
	second, err := s.person(nil)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what    string
		key     backends.Key
		cond    backends.Condition
		release []*backends.Release
		want    error
	}{
		{"Delete with an assertion that does not hold", h.goes.Key, backends.Condition{Assert: s.eq(s.a.Must, "Nobody")}, lets(), backends.ErrChanged},
		{"Delete of no key", "*", backends.Condition{}, lets(), backends.ErrNotFound},
		{
			"Delete when another is to change what it has not", h.goes.Key,
			backends.Condition{},
			lets(s.release(second.Key, change(backends.Replace, "noSuchAttribute", "x"))), backends.ErrInvalid,
		},
		{
			"Delete when another cannot let go", h.goes.Key,
			backends.Condition{},
			lets(s.release(second.Key, change(backends.Remove, s.a.Must, "Jensen"))), backends.ErrInvalid,
		},
	} {
		err := s.b.Delete(s.ctx, c.key, c.cond, c.release...)
		if err := wants(err, c.want, c.what); err != nil {
			return err
		}
		if err := s.still(h, "after "+c.what); err != nil {
			return err
		}
		for _, r := range c.release {
			if err := effective(r, ""); err != nil {
				return fmt.Errorf("after %s: %w", c.what, err)
			}
		}
		if _, err := s.fetch(h.goes.Key); err != nil {
			return fmt.Errorf("after %s: %w", c.what, err)
		}
	}
	if !s.b.Capabilities().Versioned {
		return nil
	}
	if _, err := s.modify(h.goes.Key, change(backends.Replace, s.a.Text, "changed")); err != nil {
		return err
	}
	const what = "Delete of another version"
	err = wants(s.b.Delete(s.ctx, h.goes.Key, backends.Condition{Version: h.goes.Version}, lets()...), backends.ErrChanged, what)
	return steps(func() error { return err }, func() error { return s.still(h, "after "+what) })
}

func (s *suite) protectedHolder() error {
	if s.p.Protected == nil {
		return notTested("nothing is protected here")
	}
	h, err := s.held()
	if err != nil {
		return err
	}
	guarded, err := s.p.Protected(s.ctx, "guarded")
	if err != nil {
		return err
	}
	before, err := s.fetch(guarded)
	if err != nil {
		return err
	}
	const what = "Delete when a protected record should let go"
	err = s.b.Delete(
		s.ctx, h.goes.Key, backends.Condition{},
		s.release(h.holder.Key, change(backends.Remove, s.a.Multi, "two")), s.release(guarded, change(backends.Replace, s.a.Text, "changed")),
	)
	if err := wants(err, backends.ErrRefused, what); err != nil {
		return err
	}
	after, err := s.fetch(guarded)
	if err != nil {
		return err
	}
	if after.Version != before.Version {
		return fmt.Errorf("the version of a protected record is %q, before %q", after.Version, before.Version)
	}
	return steps(
		func() error { return s.holds(after, s.a.Text, before.Attrs[s.a.Text].Texts()...) },
		func() error { return s.still(h, "after "+what) },
		func() error { return second(s.fetch(h.goes.Key)) },
	)
}

// strangers: a record of another directory cannot be changed along, so nothing is.
func (s *suite) strangers() error {
	h, err := s.held()
	if err != nil {
		return err
	}
	other := NewMemory()
	other.Transactional = true
	far := &backends.Release{From: other.Class(Class{}), Key: h.holder.Key, Changes: []backends.Change{change(backends.Remove, s.a.Multi, "two")}}
	const what = "Delete when a record of another directory should let go"
	err = wants(s.b.Delete(s.ctx, h.goes.Key, backends.Condition{}, s.release(h.holder.Key, change(backends.Remove, s.a.Multi, "two")), far), backends.ErrInvalid, what)
	return steps(
		func() error { return err },
		func() error { return s.still(h, "after "+what) },
		func() error { return second(s.fetch(h.goes.Key)) },
	)
}

func (s *suite) oneRecordEach() error {
	if s.b.Capabilities().Transactional {
		return notTested("an operation may be about several records here")
	}
	goes, err := s.create("leaver", nil)
	if err != nil {
		return err
	}
	holder, err := s.create("holder", backends.Attributes{s.a.Multi: backends.Strings("one", "two")})
	if err != nil {
		return err
	}
	err = s.b.Delete(s.ctx, goes.Key, backends.Condition{}, s.release(holder.Key, change(backends.Remove, s.a.Multi, "two")))
	if err := wants(err, backends.ErrInvalid, "Delete when another record should let go"); err != nil {
		return err
	}
	if holder, err = s.fetch(holder.Key); err != nil {
		return err
	}
	return steps(
		func() error { return s.holds(holder, s.a.Multi, "one", "two") },
		func() error { return second(s.fetch(goes.Key)) },
	)
}

func (s *suite) passwordBeside() error {
	if s.a.Password == "" || !s.b.Capabilities().Transactional {
		return notTested("a password is set by itself here")
	}
	secret := func() backends.Change {
		return backends.Change{Op: backends.SetPassword, Attr: s.a.Password, Values: backends.Values{backends.Secret("Tr0ub4dor&3")}}
	}
	made, err := s.create("new", backends.Attributes{s.a.Password: {backends.Secret("c0rrect horse")}})
	if err != nil {
		return fmt.Errorf("a record with a password: %w", err)
	}
	has := func(want bool) error {
		n, _, err := s.b.Count(s.ctx, backends.And{backends.KeyIn{Keys: []backends.Key{made.Key}}, backends.Present{Attr: s.a.Password}}, 0)
		if err != nil || (n == 1) != want {
			return unlike(err, "%d records have a password, and one should: %v", n, want)
		}
		return nil
	}
	if s.exact(backends.Present{Attr: s.a.Password}) {
		if err := has(true); err != nil {
			return err
		}
	}
	changed, err := s.modify(made.Key, change(backends.Replace, s.a.Text, "new"), secret())
	if err != nil {
		return fmt.Errorf("Modify of a password and a text: %w", err)
	}
	if err := s.holds(changed, s.a.Text, "new"); err != nil {
		return err
	}
	_, err = s.modify(made.Key, secret(), change(backends.Remove, s.a.Text, "old"))
	if err := wants(err, backends.ErrNoEffect, "Modify of a password, and of what is not there"); err != nil {
		return err
	}
	after, err := s.fetch(made.Key)
	if err != nil {
		return err
	}
	if after.Version != changed.Version {
		return fmt.Errorf("a Modify that failed has moved the version from %q to %q", changed.Version, after.Version)
	}
	return s.holds(after, s.a.Text, "new")
}
