package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// knownAs gives the id of a resource that somebody has named by the key that its record has by now: the journal knows it by its id. Of any of the types it is the
// first that has such a key.
func knownAs(ctx context.Context, aliases journal.Aliases, tenant string, types []string, id string) (string, error) {
	for _, typ := range types {
		ids, err := aliases.AliasIDs(ctx, tenant, typ, []backends.Key{backends.Key(id)})
		if err != nil {
			return "", err
		}
		if known, ok := ids[backends.Key(id)]; ok {
			return string(known), nil
		}
	}
	return id, nil
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
