package backendtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// restoring makes a planter of a function that stands in for Restore.
func restoring(revive func(ctx context.Context, m *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error)) planter {
	return with(func(m *Memory, h *hooked) {
		b := h.Backend
		h.revive = func(ctx context.Context, rec backends.Record, want []string) (backends.Record, []string, error) {
			return revive(ctx, m, b, rec, want)
		}
	})
}

// forgetting restores a record without some of its attributes, and says only then so if it is honest.
func forgetting(honest bool, attrs ...string) planter {
	return restoring(func(ctx context.Context, _ *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
		rec = rec.Clone()
		maps.DeleteFunc(rec.Attrs, func(name string, _ backends.Values) bool { return slices.Contains(attrs, name) })
		made, lost, err := b.Restore(ctx, rec, want)
		if honest {
			lost = append(lost, attrs...)
		}
		return made, lost, err
	})
}

func restoreFaults() []fault {
	return []fault{
		{"Restore forgets an attribute", (*suite).restores, forgetting(false, "jpegPhoto")},
		{"Restore forgets an attribute, and says so", (*suite).restores, forgetting(true, "jpegPhoto")},
		{"Restore does not say that the password is gone", (*suite).restores, restoring(
			func(ctx context.Context, _ *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				made, _, err := b.Restore(ctx, rec, want)
				return made, nil, err
			})},
		{"Restore gives the version back that was", (*suite).restores, restoring(
			func(ctx context.Context, m *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				made, lost, err := b.Restore(ctx, rec, want)
				if err == nil {
					m.records[made.Key].Version, made.Version = rec.Version, rec.Version
				}
				return made, lost, err
			})},
		{"Fetch does not give all that there is", (*suite).restores, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				recs, err := b.Fetch(ctx, keys, attrs)
				for _, rec := range recs {
					if slices.Contains(attrs, "*") {
						delete(rec.Attrs, "gecos")
					}
				}
				return recs, err
			}
		})},
		{"Restore gives what is there", (*suite).restoreExists, restoring(
			func(ctx context.Context, _ *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				made, lost, err := b.Restore(ctx, rec, want)
				if errors.Is(err, backends.ErrExists) {
					return rec, nil, nil
				}
				return made, lost, err
			})},
		{"Restore makes what is there a second time", (*suite).restoreExists, restoring(
			func(ctx context.Context, _ *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				made, lost, err := b.Restore(ctx, rec, want)
				if errors.Is(err, backends.ErrExists) {
					rec.Key = ""
					return b.Restore(ctx, rec, want)
				}
				return made, lost, err
			})},
		{"Restore ignores protection", (*suite).restoreScoped, restoring(
			func(ctx context.Context, m *Memory, _ backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				return wide(m).Restore(ctx, rec, want)
			})},
		{"Restore looks first and makes then", (*suite).oneRestorerWins, restoring(
			func(ctx context.Context, _ *Memory, b backends.Backend, rec backends.Record, want []string) (backends.Record, []string, error) {
				there, err := b.Fetch(ctx, []backends.Key{rec.Key}, nil)
				switch {
				case err != nil:
					return backends.Record{}, nil, err
				case len(there) > 0:
					return backends.Record{}, nil, backends.ErrExists
				}
				pause()
				made, lost, err := b.Restore(ctx, rec, want)
				if errors.Is(err, backends.ErrExists) {
					return rec, nil, nil
				}
				return made, lost, err
			})},
	}
}

func TestAMemoryThatGivesNewKeysIsHeldToTheRest(t *testing.T) {
	h := memoryHarness(func(m *Memory, b backends.Backend) backends.Backend {
		m.Rekeys = true
		return b
	})
	for _, c := range restoreChecks() {
		if err := c.run(newSuite(t.Context(), h, h.Open(t))); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
	}
}
