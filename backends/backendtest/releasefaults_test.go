package backendtest

import (
	"context"
	"errors"

	"github.com/scim-adapter/scim-adapter/backends"
)

// deleting makes a fault of how releases are treated.
func deleting(remove func(m *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error) planter {
	return with(func(m *Memory, h *hooked) {
		b := h.Backend
		h.remove = func(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
			return remove(m, b, ctx, key, cond, release)
		}
	})
}

func releaseFaults() []fault {
	forgotten := deleting(func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, _ []*backends.Release) error {
		return b.Delete(ctx, key, cond)
	})
	first := deleting(func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
		for _, r := range release {
			if _, err := r.From.Modify(ctx, r.Key, r.Changes, backends.Condition{}, nil); err == nil {
				r.Effective = r.Changes
			}
		}
		return b.Delete(ctx, key, cond)
	})
	return []fault{
		{"nobody lets go", (*suite).letsGo, forgotten},
		{"a release that cannot be is passed over", (*suite).holdsOn, forgotten},
		{"records of other directories are passed over", (*suite).strangers, forgotten},
		{"protected records are passed over", (*suite).protectedHolder, forgotten},
		{"others let go before it is known whether the record goes", (*suite).holdsOn, first},
		{"others let go before it is known whether all may", (*suite).protectedHolder, first},
		{"what is let go is what was asked for", (*suite).nothingToLetGo, first},
		{"letting go of nothing fails", (*suite).nothingToLetGo, deleting(
			func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
				for _, r := range release {
					there, err := r.From.Has(ctx, r.Key, r.Changes[0].Attr, r.Changes[0].Values)
					if err == nil && !there[0] {
						return &backends.Error{Kind: backends.ErrNoEffect}
					}
				}
				return b.Delete(ctx, key, cond, release...)
			},
		)},
		{"a release from nobody fails", (*suite).nothingToLetGo, deleting(
			func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
				for _, r := range release {
					if recs, err := r.From.Fetch(ctx, []backends.Key{r.Key}, nil); err != nil || len(recs) == 0 {
						return errors.Join(err, backends.ErrNotFound)
					}
				}
				return b.Delete(ctx, key, cond, release...)
			},
		)},
		{"who lets go keeps the version", (*suite).letsGo, deleting(
			func(m *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
				versions := map[backends.Key]string{}
				for _, r := range release {
					versions[r.Key] = m.records[r.Key].Version
				}
				err := b.Delete(ctx, key, cond, release...)
				for key, version := range versions {
					m.records[key].Version = version
				}
				return err
			},
		)},
		{"nobody says what was let go", (*suite).letsGo, deleting(
			func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
				err := b.Delete(ctx, key, cond, release...)
				for _, r := range release {
					r.Effective = nil
				}
				return err
			},
		)},
		{"conditions are not looked at when others let go", (*suite).holdsOn, deleting(
			func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, _ backends.Condition, release []*backends.Release) error {
				return b.Delete(ctx, key, backends.Condition{}, release...)
			},
		)},
		{"protected records let go", (*suite).protectedHolder, deleting(
			func(m *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, release []*backends.Release) error {
				for _, r := range release {
					r.From = wide(m)
				}
				return b.Delete(ctx, key, cond, release...)
			},
		)},
		{"a password is set before the rest is tried", (*suite).passwordBeside, oneByOne},
		{"new records get no password", (*suite).passwordBeside, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
				attrs = attrs.Clone()
				delete(attrs, "userPassword")
				return b.Create(ctx, name, attrs, want)
			}
		})},
	}
}

// lonelyFaults are those of directories whose operations are about one record.
func lonelyFaults() []fault {
	return []fault{
		{"a release is promised to nobody, and passed over", (*suite).oneRecordEach, deleting(
			func(_ *Memory, b backends.Backend, ctx context.Context, key backends.Key, cond backends.Condition, _ []*backends.Release) error {
				return b.Delete(ctx, key, cond)
			},
		)},
	}
}
