package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// knower is a journal that knows which ids records had before they got other keys.
type knower interface {
	journal.Aliases
	journal.Reader
}

// knownAs has a filter ask for a resource by its id where somebody has named it by the key that its record has by now. That key says of no other type anything: where the
// journal has something of another type with this id, whoever asks must say which is meant.
func knownAs(ctx context.Context, j knower, tenant string, types []string, f *journal.Filter) error {
	if f.ResourceID == "" {
		return nil
	}
	if f.ResourceType != "" {
		types = []string{f.ResourceType}
	}
	key := backends.Key(f.ResourceID)
	named := map[string]backends.Key{}
	for _, typ := range types {
		ids, err := j.AliasIDs(ctx, tenant, typ, []backends.Key{key})
		if err != nil {
			return err
		}
		if id, ok := ids[key]; ok {
			named[typ] = id
		}
	}
	if len(named) == 0 {
		return nil
	}
	all := slices.Sorted(maps.Keys(named))
	if f.ResourceType == "" {
		others := journal.Filter{Tenant: f.Tenant, ResourceID: f.ResourceID}
		for e, err := range j.Events(ctx, others) {
			if err != nil {
				return err
			}
			if _, ok := named[e.Intent.ResourceType]; !ok {
				all = append(all, e.Intent.ResourceType)
				break
			}
		}
	}
	if len(all) > 1 {
		return usageError{fmt.Errorf("--id: %s is the key of %s/%s by now, and there is a %s that it may mean as well: say which with --type %s or --type %s",
			f.ResourceID, all[0], named[all[0]], all[1], all[0], all[1])}
	}
	f.ResourceType, f.ResourceID = all[0], string(named[all[0]])
	return nil
}

// unlike says why no event may be like a filter.
func unlike(f journal.Filter) string {
	said := []string{"no event is like that"}
	for _, asked := range []struct{ flag, value string }{{"--actor", f.Actor}, {"--tenant", f.Tenant}, {"--id", f.ResourceID}, {"--request-id", f.RequestID}} {
		if asked.value != "" {
			said = append(said, fmt.Sprintf("%s %q is compared letter by letter", asked.flag, asked.value))
		}
	}
	return strings.Join(said, "; ")
}
