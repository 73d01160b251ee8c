package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// backupRun is one of the backup commands at work.
type backupRun struct {
	config, tenant, url string
	needs               []pgjournal.Need

	p        *plan
	store    *backup.Store
	out, err io.Writer
}

func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Make snapshots of the directory's records, and compare, check and export them",
		Long: `A snapshot has every record of a resource type with all of its attributes, also those that nothing maps, as the directory had them; secrets only if
backup.secrets is encrypted. They lie in
schema backup of the journal's database (database.url); what has not changed since the last one is not stored again.

  scim-adapter backup create --config scim.yaml
  scim-adapter backup list   --config scim.yaml
  scim-adapter backup diff   --config scim.yaml SNAPSHOT          # with what the directory has now

Whoever reads what is in snapshots must be a member of scim_audit, whoever prunes, of scim_owner: --database-url says as whom.
Exit code 0: done; 1: it failed, or verify found something; 2: the command line or the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(backupCreateCommand(), backupListCommand(), backupDiffCommand(), backupVerifyCommand(), backupExportCommand(), backupRestoreCommand(), backupPruneCommand())
	return cmd
}

// command makes one of the commands.
func (b *backupRun) command(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return b.run(cmd, func(ctx context.Context) error { return do(ctx, args) })
		},
	}
	configFlag(cmd, &b.config)
	cmd.Flags().StringVar(&b.url, "database-url", "", "the database, and as whom; unset: database.url of the configuration")
	return cmd
}

func backupCreateCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toMakeSnapshots}}
	var only string
	cmd := b.command("create --config FILE [--type TYPE]", "Make a snapshot of each resource type", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return b.create(ctx, only)
	})
	cmd.Flags().StringVar(&only, "type", "", "only of this resource type: User, Group")
	return cmd
}

func backupListCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var only string
	var asJSON bool
	cmd := b.command("list --config FILE [--type TYPE]", "List the snapshots, the newest first", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return b.list(ctx, only, asJSON)
	})
	cmd.Flags().StringVar(&only, "type", "", "only of this resource type: User, Group")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, one a line")
	return cmd
}

func backupDiffCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var asJSON bool
	cmd := b.command("diff --config FILE SNAPSHOT [SNAPSHOT]", "Say what differs between two snapshots, or between one and what the directory has now", cobra.RangeArgs(1, 2),
		func(ctx context.Context, args []string) error { return b.diff(ctx, args, asJSON) })
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, one a line, with the values")
	return cmd
}

func backupVerifyCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var scratch bool
	var into string
	cmd := b.command("verify --config FILE SNAPSHOT… [--scratch [--into CONFIG]]", "Compare everything in a snapshot with its digests, or put it back somewhere else to see that it can be", cobra.MinimumNArgs(1),
		func(ctx context.Context, args []string) error {
			if scratch || into != "" {
				return b.verifyScratch(ctx, args, into)
			}
			for _, id := range args {
				if err := b.verify(ctx, id); err != nil {
					return err
				}
			}
			return nil
		})
	cmd.Flags().BoolVar(&scratch, "scratch", false, "put it back into an empty LDAP directory in this process, and compare what stands there then (SNAPSHOT may be latest: the newest of each type)")
	cmd.Flags().StringVar(&into, "into", "", "the scratch directory is that of another configuration file; it must be empty, and is left with the records in it")
	return cmd
}

func backupExportCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var format string
	cmd := b.command("export --config FILE SNAPSHOT [--format json|ldif|scim]", "Write the records of a snapshot to standard output", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return b.export(ctx, args[0], format) })
	cmd.Flags().StringVar(&format, "format", "json", "json: one record a line; ldif: for records that have distinguished names; scim: one resource a line, as clients saw it")
	return cmd
}

func backupPruneCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toPruneSnapshots}}
	var keep int
	cmd := b.command("prune --config FILE [--keep N]", "Take away all snapshots but for the newest of each type, also those made by hand", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return b.prune(ctx, keep) })
	cmd.Long = `Prune takes away snapshots of each type but for the newest N that are complete, and what only they had. It does not ask how one came about: what backup create
made by hand goes as what the schedule made does, and is counted among the N. (serve, with backup.schedule and backup.keep, takes only away what the schedule made.)
Those that failed go, too. The role must be a member of scim_owner.`
	cmd.Flags().IntVar(&keep, "keep", 0, "how many of each type stay, made by hand or not; unset: backup.keep of the configuration")
	return cmd
}

// run reads the configuration, and connects to the database of the snapshots.
func (b *backupRun) run(cmd *cobra.Command, do func(context.Context) error) (err error) {
	b.out, b.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
	if b.p, err = load(b.config, quiet); err != nil {
		return err
	}
	defer b.p.close()
	b.tenant = b.p.config.MultiTenant.DefaultTenant
	database := b.p.config.Database
	if b.url != "" {
		database.URL = configs.NewSecret(b.url)
	}
	if database.URL.IsZero() {
		return usageError{errors.New("database.url is not set: snapshots are kept in that database")}
	}
	if b.store, err = backup.Open(cmd.Context(), database); err != nil {
		return err
	}
	defer b.store.Close()
	return denial(cmd.Context(), database.URL, do(cmd.Context()), inFlag, b.needs...)
}

// types are the mappings of one resource type, or of all.
func (b *backupRun) types(only string) ([]*mapping.Mapping, error) {
	all := b.p.mappings.All()
	if only == "" {
		return all, nil
	}
	for _, m := range all {
		if strings.EqualFold(m.ResourceType().Name, only) {
			return []*mapping.Mapping{m}, nil
		}
	}
	return nil, usageError{fmt.Errorf("there is no resource type %s", only)}
}

func (b *backupRun) create(ctx context.Context, only string) error {
	section := b.p.config.Backup
	all, err := b.types(only)
	if err != nil {
		return err
	}
	for _, m := range all {
		from := backup.Source{Tenant: b.tenant, Type: m.ResourceType().Name, Rate: section.Rate}
		from.Records = b.p.discretion.InSnapshot(b.tenant, from.Type, m.Backend())
		done := func() {}
		if file, ok := b.err.(*os.File); ok && isTerminal(file) {
			bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(b.err), progressbar.OptionSetDescription(from.Type), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
			from.Progress, done = func(n int) { _ = bar.Set(n) }, func() { _ = bar.Finish() }
		}
		one, err := b.store.Create(ctx, from)
		done()
		if err != nil {
			return fmt.Errorf("%s: %w", from.Type, err)
		}
		fmt.Fprintf(b.out, "%s: snapshot %s has %s; %d bytes are new\n", one.Type, one.ID, count(int(one.Records), "record"), one.Bytes)
	}
	return nil
}

func (b *backupRun) list(ctx context.Context, only string, asJSON bool) error {
	all, err := b.store.List(ctx, b.tenant, only)
	if err != nil {
		return err
	}
	if asJSON {
		for _, one := range all {
			if err := json.NewEncoder(b.out).Encode(one); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SNAPSHOT\tTYPE\tSTARTED\tRECORDS\tNEW BYTES\tSTATUS")
	for _, one := range all {
		status := one.Status
		if one.Note != "" {
			status += ": " + one.Note
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", one.ID, one.Type, one.Started.UTC().Format(time.RFC3339), one.Records, one.Bytes, status)
	}
	return table.Flush()
}

func (b *backupRun) diff(ctx context.Context, ids []string, asJSON bool) error {
	was, err := b.store.Get(ctx, b.tenant, ids[0])
	if err != nil {
		return err
	}
	var all func(func(backup.Difference, error) bool)
	if len(ids) == 2 {
		is, err := b.store.Get(ctx, b.tenant, ids[1])
		if err != nil {
			return err
		}
		if is.Type != was.Type {
			return usageError{fmt.Errorf("one snapshot is of %s, the other of %s", was.Type, is.Type)}
		}
		all = b.store.Diff(ctx, was, is)
	} else {
		types, err := b.types(was.Type)
		if err != nil {
			return err
		}
		all = b.store.DiffNow(ctx, was, b.p.discretion.InSnapshot(b.tenant, was.Type, types[0].Backend()))
	}
	n := 0
	for d, err := range all {
		if err != nil {
			return err
		}
		n++
		if asJSON {
			err = json.NewEncoder(b.out).Encode(d)
		} else {
			_, err = fmt.Fprintln(b.out, differenceLine(d))
		}
		if err != nil {
			return err
		}
	}
	if !asJSON && n == 0 {
		fmt.Fprintln(b.out, "nothing differs")
	}
	return nil
}

// differenceLine says in a line what became of a record.
func differenceLine(d backup.Difference) string {
	name := func(r *backup.Record) string {
		if r.Name == "" || r.Name == string(d.Key) {
			return string(d.Key)
		}
		return string(d.Key) + " " + r.Name
	}
	switch {
	case d.Was == nil && d.Is == nil:
		return "? " + string(d.Key) + ": its content is gone"
	case d.Was == nil:
		return "+ " + name(d.Is)
	case d.Is == nil:
		return "- " + name(d.Was)
	}
	was, is := backends.Record{Attrs: d.Was.Attrs}, backends.Record{Attrs: d.Is.Attrs}
	attrs := append(backends.Lost(was, is), backends.Lost(is, was)...)
	secret := func(attr string) bool { // that it is there on both sides is all that is known
		both := append(was.Attrs[attr].Clone(), is.Attrs[attr]...)
		return len(was.Attrs[attr]) == len(is.Attrs[attr]) && !slices.ContainsFunc(both, func(v backends.Value) bool { return v.Kind() != backends.KindSecret })
	}
	changed := map[string]bool{}
	for _, attr := range attrs {
		if !secret(attr) {
			changed[attr] = true
		}
	}
	return "~ " + name(d.Is) + ": " + strings.Join(slices.Sorted(maps.Keys(changed)), ", ")
}

func (b *backupRun) verify(ctx context.Context, id string) error {
	one, err := b.store.Get(ctx, b.tenant, id)
	if err != nil {
		return err
	}
	wrong, err := b.store.Verify(ctx, one)
	if err != nil {
		return err
	}
	for _, line := range wrong {
		fmt.Fprintln(b.out, line)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the snapshot %s is not as it was made", one.ID)
	}
	fmt.Fprintf(b.out, "%s of %s are as they were stored\n", count(int(one.Records), "record"), one.Type)
	return nil
}

func (b *backupRun) export(ctx context.Context, id, format string) error {
	one, err := b.store.Get(ctx, b.tenant, id)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		_, err = b.store.ExportJSON(ctx, one, b.out)
	case "ldif":
		_, err = b.store.ExportLDIF(ctx, one, b.out)
	case "scim":
		err = b.exportSCIM(ctx, one)
	default:
		err = usageError{fmt.Errorf("--format is json, ldif or scim, and not %q", format)}
	}
	return err
}

func (b *backupRun) prune(ctx context.Context, keep int) error {
	if keep == 0 {
		keep = b.p.config.Backup.Keep
	}
	if keep <= 0 {
		return usageError{errors.New("--keep N is needed: how many snapshots of each type stay (backup.keep is 0: all)")}
	}
	for _, m := range b.p.mappings.All() {
		gone, err := b.store.Prune(ctx, b.tenant, m.ResourceType().Name, keep)
		if err != nil {
			return fmt.Errorf("%s: %w", m.ResourceType().Name, err)
		}
		fmt.Fprintf(b.out, "%s: %s taken away\n", m.ResourceType().Name, count(int(gone), "snapshot"))
	}
	return nil
}
