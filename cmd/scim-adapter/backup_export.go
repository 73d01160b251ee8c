package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/scim"
)

func backupExportCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var format string
	var operational bool
	cmd := b.command("export --config FILE SNAPSHOT [--format json|ldif|scim]", "Write the records of a snapshot to standard output", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return b.export(ctx, args[0], format, operational) })
	cmd.Long = `Export writes a snapshot's records, one after the other. As LDIF they are for ldapadd, below branches that are there: without what the directory keeps itself.
With --operational they have that too, as entryUUID and createTimestamp, for slapadd and an empty database.

  scim-adapter backup export --config scim.yaml SNAPSHOT --format ldif | ldapadd -x -D cn=admin,dc=example,dc=org -W`
	cmd.Flags().StringVar(&format, "format", "json", "json: one record a line; ldif: for records that have distinguished names; scim: one resource a line, as clients saw it")
	cmd.Flags().BoolVar(&operational, "operational", false, "with ldif: also what the directory keeps itself, for slapadd")
	return cmd
}

func (b *backupRun) export(ctx context.Context, id, format string, operational bool) error {
	one, err := b.store.Get(ctx, b.tenant, id)
	if err != nil {
		return err
	}
	if operational && format != "ldif" {
		return usageError{errors.New("--operational goes with --format ldif: as JSON a record has everything")}
	}
	switch format {
	case "json":
		_, err = b.store.ExportJSON(ctx, one, b.out)
	case "ldif":
		var without func(string) bool
		if !operational {
			without = b.operationalOf(ctx, one.Type)
		}
		_, err = b.store.ExportLDIF(ctx, one, b.out, without)
	case "scim":
		err = b.exportSCIM(ctx, one)
	default:
		return usageError{fmt.Errorf("--format is json, ldif or scim, and not %q", format)}
	}
	if err != nil {
		return err
	}
	if n, err := b.store.LeftOut(ctx, one); err != nil {
		return err
	} else if n > 0 {
		fmt.Fprintf(b.err, "%s left out: their content is gone (backup verify says whether they were forgotten)\n", recordsAre(n))
	}
	return nil
}

// verify compares what is stored with its digests.
func (b *backupRun) verify(ctx context.Context, id string) error {
	one, err := b.store.Get(ctx, b.tenant, id)
	if err != nil {
		return err
	}
	found, err := b.store.Verify(ctx, one)
	if err != nil {
		return err
	}
	for _, line := range found.Wrong {
		fmt.Fprintln(b.out, line)
	}
	if found.Forgotten > 0 {
		fmt.Fprintf(b.out, "%s forgotten: their content was destroyed, as the journal says (audit list --action forget)\n", recordsAre(found.Forgotten))
	}
	if len(found.Wrong) > 0 {
		return fmt.Errorf("the snapshot %s is not as it was made", one.ID)
	}
	fmt.Fprintf(b.out, "%s of %s are as they were stored\n", count(int(one.Records)-found.Forgotten, "record"), one.Type)
	return nil
}

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
