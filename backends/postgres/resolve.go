package postgres

import (
	"context"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Find finds the records that names belong to: keys, or values of the attribute by. The answer has the names as the caller spelled them.
func (c *class) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	if by != "" {
		return c.findBy(ctx, by, names, attrs)
	}
	keys := make([]backends.Key, len(names))
	for i, name := range names {
		keys[i] = backends.Key(name)
	}
	records, err := c.Fetch(ctx, keys, attrs)
	if err != nil {
		return nil, err
	}
	found := make(map[string]backends.Record, len(records))
	for _, r := range records {
		found[r.Name] = r
	}
	return found, nil
}

// findBy finds the records that hold one of the names in an attribute. When two do, the lower key answers, always the same.
func (c *class) findBy(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	found := map[string]backends.Record{}
	for some := range slices.Chunk(names, batch) {
		var rule backends.Rule
		records, err := c.records(ctx, append(slices.Clone(attrs), by), func(s *shape, st *statement) error {
			p, ok := s.place(by)
			if !ok || p.secret() {
				return &backends.Error{Kind: backends.ErrInvalid, Attr: by, Detail: "The database cannot look rows up by " + by + "."}
			}
			rule = s.equality(by)
			any := make(backends.Or, len(some))
			for i, name := range some {
				any[i] = backends.Eq{Attr: by, Value: backends.String(name), Rule: rule}
			}
			return s.condition(st, any)
		})
		if err != nil {
			return nil, err
		}
		spelled := map[string][]string{} // canonical: spellings
		for _, name := range some {
			if canonical, ok := backends.Canonical(rule, name); ok {
				spelled[canonical] = append(spelled[canonical], name)
			}
		}
		asked := slices.Contains(attrs, by)
		for _, r := range records {
			values := r.Attrs[by]
			if !asked && !slices.Contains(attrs, "*") && !slices.Contains(attrs, "+") {
				delete(r.Attrs, by)
			}
			for _, v := range values {
				canonical, _ := backends.Canonical(rule, v.Text())
				for _, name := range spelled[canonical] {
					if other, taken := found[name]; !taken || r.Key < other.Key {
						found[name] = r
					}
				}
			}
		}
	}
	return found, nil
}

// Names says what the records with these keys are called: their keys, or the lowest value of the attribute by.
func (c *class) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	var attrs []string
	if by != "" {
		attrs = []string{by}
	}
	records, err := c.Fetch(ctx, keys, attrs)
	if err != nil {
		return nil, err
	}
	names := make(map[backends.Key]string, len(records))
	for _, r := range records {
		if by == "" {
			names[r.Key] = r.Name
		} else if texts := r.Attrs[by].Texts(); len(texts) > 0 {
			names[r.Key] = slices.Min(texts)
		}
	}
	return names, nil
}
