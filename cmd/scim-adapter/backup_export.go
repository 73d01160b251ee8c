package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	cmd := b.command("export --config FILE SNAPSHOT [--type TYPE] [--format json|ldif|scim]", "Write the records of a snapshot to standard output", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return b.export(ctx, args[0], format, operational) })
	b.typeFlag(cmd)
	cmd.Long = `Export writes a snapshot's records, one after the other. As LDIF they are for ldapadd, below branches that are there: without what the directory keeps itself.
With --operational they have that too, as entryUUID and createTimestamp, for slapadd and an empty database.
SNAPSHOT may be latest: the newest of the type that --type names, which may be left out where there are snapshots of one type only.

  scim-adapter backup export --config scim.yaml latest --type User --format ldif | ldapadd -x -D cn=admin,dc=example,dc=org -W`
	cmd.Flags().StringVar(&format, "format", "json", "json: one record a line; ldif: for records that have distinguished names; scim: one resource a line, as clients saw it")
	cmd.Flags().BoolVar(&operational, "operational", false, "with ldif: also what the directory keeps itself, for slapadd")
	return cmd
}

func (b *backupRun) export(ctx context.Context, id, format string, operational bool) error {
	one, err := b.snapshot(ctx, id, b.only)
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

// newest are the newest snapshots that are complete, of each type.
func (b *backupRun) newest(ctx context.Context) ([]backup.Snapshot, error) {
	all, err := b.store.List(ctx, b.tenant, "")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(one backup.Snapshot) bool {
		if one.Status != backup.Complete || seen[one.Type] {
			return true
		}
		seen[one.Type] = true
		return false
	})
	if len(all) == 0 {
		err = fmt.Errorf("%w: %s", backup.ErrNone, latest)
	}
	return all, err
}

// latest stands for the newest snapshot that is complete, of a type or of each.
const latest = "latest"

// snapshot finds the one that is named, of a type where that is said.
func (b *backupRun) snapshot(ctx context.Context, name, only string) (one backup.Snapshot, err error) {
	if name != latest {
		one, err = b.store.Get(ctx, b.tenant, name)
		if err == nil && only != "" && !strings.EqualFold(only, one.Type) {
			err = usageError{fmt.Errorf("%s is a snapshot of %s, and not of %s", one.ID, one.Type, only)}
		}
		return one, err
	}
	all, err := b.newest(ctx)
	if err != nil {
		return one, err
	}
	var types []string
	for _, one := range all {
		types = append(types, one.Type)
	}
	all = slices.DeleteFunc(all, func(one backup.Snapshot) bool { return only != "" && !strings.EqualFold(only, one.Type) })
	switch len(all) {
	case 0:
		return one, fmt.Errorf("%w of %s", backup.ErrNone, only)
	case 1:
		return all[0], nil
	}
	slices.Sort(types)
	return one, usageError{fmt.Errorf("--type TYPE says of which type the latest is meant: there are snapshots of %s", strings.Join(types, ", "))}
}

func (b *backupRun) typeFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.only, "type", "", "of which resource type the snapshot is, where it is latest: User, Group")
}

// verify compares what is stored with its digests.
func (b *backupRun) verify(ctx context.Context, names ...string) error {
	var all []backup.Snapshot
	for _, name := range names {
		var some []backup.Snapshot
		var err error
		if name == latest {
			some, err = b.newest(ctx)
		} else {
			some = make([]backup.Snapshot, 1)
			some[0], err = b.store.Get(ctx, b.tenant, name)
		}
		if err != nil {
			return err
		}
		all = append(all, some...)
	}
	for _, one := range all {
		if err := b.verifyOne(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

func (b *backupRun) verifyOne(ctx context.Context, one backup.Snapshot) error {
	found, err := b.store.Verify(ctx, one)
	if err != nil {
		return err
	}
	for _, line := range found.Wrong {
		fmt.Fprintln(b.out, line)
	}
	if found.Forgotten > 0 {
		whose := "their"
		if found.Forgotten == 1 {
			whose = "its"
		}
		fmt.Fprintf(b.out, "%s forgotten: %s content was destroyed, as the journal says (audit list --action forget)\n", recordsAre(found.Forgotten), whose)
	}
	if found.Untold > 0 {
		fmt.Fprintf(b.out, "of %s the content is gone, and whether it was forgotten nobody can tell any more: the event that said so may have gone with its month (audit.retention)\n",
			count(found.Untold, "record"))
	}
	if len(found.Wrong) > 0 {
		return fmt.Errorf("the snapshot %s is not as it was made", one.ID)
	}
	fmt.Fprintf(b.out, "%s of %s are as they were stored\n", count(int(one.Records)-found.Forgotten-found.Untold, "record"), one.Type)
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
