package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// modifyTries is how often a modify is sent again without the values that turned out to be there, or not to be, already.
const modifyTries = 4

// modify changes a record and gives it read back with want, and the changes that really took effect. Values to add that are there, and values
// to remove that are not, are left out: adding a member twice is no error (RFC 7644 §3.5.2.1). A set that would become empty and must not
// gets its placeholder.
func (s *Service) modify(
	ctx context.Context, c *class, key backends.Key, changes []backends.Change, cond backends.Condition, want []string,
) (rec backends.Record, effective []backends.Change, err error) {
	effective, err = s.withoutPlaceholder(ctx, c, key, cloneChanges(changes))
	if err != nil {
		return rec, nil, err
	}
	placed := false
	for range modifyTries {
		if len(effective) == 0 {
			rec, err = s.fetchRaw(ctx, c, key, want)
			return rec, nil, err
		}
		rec, err = c.Backend().Modify(ctx, key, effective, cond, want)
		switch {
		case errors.Is(err, backends.ErrNoEffect):
			fewer, dropErr := dropNoOps(ctx, c, key, effective)
			if dropErr != nil {
				return rec, nil, dropErr
			}
			effective = fewer
		case errors.Is(err, backends.ErrInvalid) && !placed:
			with, ok := c.withPlaceholder(effective, err)
			if !ok {
				return rec, nil, err
			}
			effective, placed = with, true
		case err != nil:
			// What an unknown write was to do is needed to find out what came of it.
			return rec, effective, err
		default:
			return rec, effective, nil
		}
	}
	return rec, nil, err
}

func (s *Service) fetchRaw(ctx context.Context, c *class, key backends.Key, want []string) (backends.Record, error) {
	recs, err := c.Backend().Fetch(ctx, []backends.Key{key}, want)
	if err != nil {
		return backends.Record{}, err
	}
	if len(recs) == 0 {
		return backends.Record{}, &backends.Error{Kind: backends.ErrNotFound}
	}
	return recs[0], nil
}

// dropNoOps asks which of the listed values are there, without reading the attribute, and leaves out what would change nothing.
func dropNoOps(ctx context.Context, c *class, key backends.Key, changes []backends.Change) ([]backends.Change, error) {
	var kept []backends.Change
	for _, change := range changes {
		if change.Op != backends.Add && change.Op != backends.Remove || len(change.Values) == 0 {
			if change.Op == backends.Remove {
				change.Op = backends.Replace // taking away what is not there
			}
			kept = append(kept, change)
			continue
		}
		there, err := c.Backend().Has(ctx, key, change.Attr, change.Values)
		if err != nil {
			return nil, err
		}
		var values backends.Values
		for i, v := range change.Values {
			if there[i] == (change.Op == backends.Remove) {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			change.Values = values
			kept = append(kept, change)
		}
	}
	return kept, nil
}

// withoutPlaceholder lets the placeholder go from a set that gets its first member. The set is not read: the directory is only asked whether
// the placeholder stands in it.
func (s *Service) withoutPlaceholder(ctx context.Context, c *class, key backends.Key, changes []backends.Change) ([]backends.Change, error) {
	for _, r := range c.refs {
		adds := slices.ContainsFunc(changes, func(change backends.Change) bool {
			return change.Op == backends.Add && strings.EqualFold(change.Attr, r.Native)
		})
		if r.Placeholder == "" || !adds {
			continue
		}
		stand := backends.Values{backends.String(r.Placeholder)}
		there, err := c.Backend().Has(ctx, key, r.Native, stand)
		if err != nil {
			return nil, err
		}
		removed := slices.ContainsFunc(changes, func(change backends.Change) bool {
			return change.Op == backends.Remove && strings.EqualFold(change.Attr, r.Native) && slices.Contains(change.Values, stand[0])
		})
		if there[0] && !removed {
			changes = append(changes, backends.Change{Op: backends.Remove, Attr: r.Native, Values: stand})
		}
	}
	return changes, nil
}

// withPlaceholder adds the placeholder to a set that the changes take values from, if that may be why the directory refused them: a
// groupOfNames must have a member.
func (c *class) withPlaceholder(changes []backends.Change, cause error) ([]backends.Change, bool) {
	var native *backends.Error
	errors.As(cause, &native)
	for _, r := range c.refs {
		if r.Placeholder == "" || native != nil && native.Attr != "" && !strings.EqualFold(native.Attr, r.Native) {
			continue
		}
		at := slices.IndexFunc(changes, func(change backends.Change) bool {
			return strings.EqualFold(change.Attr, r.Native) &&
				(change.Op == backends.Remove || change.Op == backends.Replace && len(change.Values) == 0)
		})
		if at < 0 {
			continue
		}
		stand := backends.Values{backends.String(r.Placeholder)}
		if changes[at].Op == backends.Remove && len(changes[at].Values) > 0 {
			return slices.Insert(slices.Clone(changes), at, backends.Change{Op: backends.Add, Attr: changes[at].Attr, Values: stand}), true
		}
		with := slices.Clone(changes)
		with[at] = backends.Change{Op: backends.Replace, Attr: changes[at].Attr, Values: stand}
		return with, true
	}
	return nil, false
}

// verdict is what reading a record again says of a write whose outcome was unknown.
type verdict uint8

const (
	undecided verdict = iota
	happened
	didNot
)

// longestSettle is how many times Options.SettleDelay there is between two looks at most.
const longestSettle = 10

// settle reads until somebody answers, and gives the verdict. It goes on for as long as ctx lasts, which is what is left of Options.WriteTimeout, or of
// FinishTimeout where a step is taken back: a database that was killed needs more than a moment to come up again, and the intent's deadline is later still.
func (s *Service) settle(ctx context.Context, read func(ctx context.Context) (verdict, error)) verdict {
	wait := s.o.SettleDelay
	for {
		if v, err := read(ctx); err == nil {
			return v
		}
		wait = min(2*wait, longestSettle*s.o.SettleDelay)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return undecided
		}
	}
}

// notDone says that a write has certainly not happened, in terms that no longer read as unknown.
func notDone(cause error) error {
	return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The write did not happen.", Cause: errors.New(cause.Error())}
}

// settleModify finds out whether changes were made: by the version, which only stays when nothing was written, and else by the values.
func (s *Service) settleModify(ctx context.Context, c *class, before backends.Record, changes []backends.Change) verdict {
	var attrs []string
	for _, change := range changes {
		if change.Op == backends.Replace || change.Op == backends.Remove && len(change.Values) == 0 {
			attrs = append(attrs, change.Attr)
		}
	}
	return s.settle(ctx, func(ctx context.Context) (verdict, error) {
		recs, err := c.Backend().Fetch(ctx, []backends.Key{before.Key}, attrs)
		switch {
		case err != nil:
			return undecided, err
		case len(recs) == 0:
			return undecided, nil
		case before.Version != "" && recs[0].Version == before.Version:
			return didNot, nil
		}
		votes := map[verdict]bool{}
		for _, change := range changes {
			v, err := c.vote(ctx, recs[0], before, change)
			if err != nil {
				return undecided, err
			}
			votes[v] = true
		}
		delete(votes, undecided)
		if len(votes) != 1 {
			return undecided, nil
		}
		if votes[happened] {
			return happened, nil
		}
		return didNot, nil
	})
}

// vote says what one change's values tell. A modify is made whole or not at all, so any of them tells for all.
func (c *class) vote(ctx context.Context, now, before backends.Record, change backends.Change) (verdict, error) {
	switch {
	case change.Op == backends.SetPassword:
		return undecided, nil
	case (change.Op == backends.Add || change.Op == backends.Remove) && len(change.Values) > 0:
		there, err := c.Backend().Has(ctx, now.Key, change.Attr, change.Values)
		if err != nil {
			return undecided, err
		}
		want := change.Op == backends.Add
		switch {
		case !slices.Contains(there, !want):
			return happened, nil
		case !slices.Contains(there, want):
			return didNot, nil
		}
		return undecided, nil
	}
	rule := c.Backend().Syntax(change.Attr).Equality
	is, was := now.Attrs.Get(change.Attr), before.Attrs.Get(change.Attr)
	switch asWanted, asBefore := sameValues(rule, is, change.Values), sameValues(rule, is, was); {
	case asWanted && !asBefore:
		return happened, nil
	case asBefore && !asWanted:
		return didNot, nil
	}
	return undecided, nil
}

// sameValues is backends.SameValues: what is only known to have been there is the same as nothing.
func sameValues(rule backends.Rule, a, b backends.Values) bool {
	return backends.SameValues(rule, a, b)
}
