package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/scim"
)

// exportSCIM writes the records of a snapshot as the resources that clients saw, one a line. What they refer to is looked up in the snapshots of the same time.
func (b *backupRun) exportSCIM(ctx context.Context, one backup.Snapshot) error {
	meeting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.p.meet(meeting); err != nil { // all the more reason to look into snapshots
		fmt.Fprintf(b.err, "the directory's schema is not known, and values are shown as they are: %v\n", err)
	}
	past, err := b.look(ctx, []string{one.ID})
	if err != nil {
		return err
	}
	rt, err := past.resourceType(one.Type)
	if err != nil {
		return err
	}
	whole, err := rt.ParseProjection("", "")
	if err != nil {
		return err
	}
	server := b.p.config.Server
	req := scim.Request{Caller: scim.Caller{Tenant: b.tenant, Client: "operator"}, Type: rt, Projection: whole, Base: strings.TrimSuffix(server.PublicURL, "/") + server.BasePath}
	w := bufio.NewWriter(b.out)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, key := range past.views[one.Type].Keys() {
		res, err := past.service().Get(ctx, req, string(key))
		if err != nil {
			return fmt.Errorf("%s/%s: %w", one.Type, key, err)
		}
		if meta, ok := res.Resource.Get("meta"); ok { // the version is of the write, and not in the snapshot
			if meta, ok := meta.(*scim.Object); ok {
				meta.Delete("version")
			}
		}
		if err := out.Encode(res.Resource); err != nil {
			return err
		}
	}
	return w.Flush()
}
