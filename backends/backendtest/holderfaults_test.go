package backendtest

import (
	"context"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// holding makes a fault of what becomes of a right answer.
func holding(spoil func(attr string, names []string, held map[string][]backends.Record)) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.holds = func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
			held, err := b.Holders(ctx, attr, names, attrs)
			spoil(attr, names, held)
			return held, err
		}
	})
}

func holderFaults() []fault {
	return []fault{
		{"only one holder of a name is found", (*suite).holders, holding(func(_ string, _ []string, held map[string][]backends.Record) {
			for name, recs := range held {
				held[name] = recs[:1]
			}
		})},
		{"names that nobody holds are not left out", (*suite).holders, holding(func(_ string, names []string, held map[string][]backends.Record) {
			for _, name := range names {
				held[name] = append([]backends.Record(nil), held[name]...)
			}
		})},
		{"one spelling of a name hides the others", (*suite).holders, holding(func(_ string, _ []string, held map[string][]backends.Record) {
			seen := map[string]bool{}
			for name := range held {
				folded := backends.Normalize(backends.CaseIgnore, name)
				if seen[folded] {
					delete(held, name)
				}
				seen[folded] = true
			}
		})},
		{"letter case decides who holds a name", (*suite).holders, asMatched(func(eq *backends.Eq) { eq.Rule = backends.CaseExact })},
		{"Holders gives no attributes", (*suite).holdersShowWhatIsAsked, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.holds = func(ctx context.Context, attr string, names, _ []string) (map[string][]backends.Record, error) {
				return b.Holders(ctx, attr, names, nil)
			}
		})},
		{"Holders shows what it looks up by", (*suite).holdersShowWhatIsAsked, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.holds = func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
				return b.Holders(ctx, attr, names, append(slices.Clip(attrs), attr))
			}
		})},
		{"Holders ignores the scope", (*suite).outsideHoldsNothing, with(func(m *Memory, h *hooked) { h.holds = wide(m).Holders })},
		{"only so many names have holders", (*suite).holdersOfMany, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.holds = func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
				return b.Holders(ctx, attr, names[:min(len(names), 1000)], attrs)
			}
		})},
	}
}

// setHolderFaults are those that show where there are large sets.
func setHolderFaults() []fault {
	return []fault{
		{"only the first members of a set count", (*suite).holdersOfMembers, with(func(m *Memory, h *hooked) {
			b := h.Backend
			h.holds = func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
				held := map[string][]backends.Record{}
				for rec, err := range b.Walk(ctx, backends.Query{Attrs: []string{attr}}) {
					if err != nil {
						return nil, err
					}
					for _, name := range names {
						values := rec.Attrs[attr]
						if m.index(attr, values[:min(len(values), 1500)], backends.String(name)) >= 0 {
							held[name] = append(held[name], backends.Record{Key: rec.Key})
						}
					}
				}
				return held, nil
			}
		})},
	}
}

// asMatched answers by a test that is not the one that should be made.
func asMatched(change func(*backends.Eq)) planter {
	return with(func(_ *Memory, h *hooked) {
		b := h.Backend
		h.holds = func(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
			held := map[string][]backends.Record{}
			for _, name := range names {
				eq := backends.Eq{Attr: attr, Value: backends.String(name), Rule: b.Syntax(attr).Equality}
				change(&eq)
				for rec, err := range b.Walk(ctx, backends.Query{Where: eq, Attrs: attrs}) {
					if err != nil {
						return nil, err
					}
					held[name] = append(held[name], rec)
				}
			}
			return held, nil
		}
	})
}
