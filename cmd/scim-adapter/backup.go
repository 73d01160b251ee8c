package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/backup"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// backupRun is one of the backup commands at work.
type backupRun struct {
	config, tenant, url string
	only                string // of which type the snapshot is that is meant
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

SNAPSHOT is what list shows in its first column, or latest: the newest complete one; diff and export want to know of which type (--type).

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

func backupVerifyCommand() *cobra.Command {
	b := backupRun{needs: []pgjournal.Need{toReadSnapshots}}
	var scratch bool
	var into string
	cmd := b.command("verify --config FILE SNAPSHOT… [--scratch [--into CONFIG]]", "Compare everything in a snapshot with its digests, or put it back somewhere else to see that it can be", cobra.MinimumNArgs(1),
		func(ctx context.Context, args []string) error {
			if scratch || into != "" {
				return b.verifyScratch(ctx, args, into)
			}
			return b.verify(ctx, args...)
		})
	cmd.Long = "Verify compares every stored record with its digest. SNAPSHOT may be latest: the newest of each type."
	cmd.Flags().BoolVar(&scratch, "scratch", false, "put it back into an empty LDAP directory in this process, and compare what stands there then")
	cmd.Flags().StringVar(&into, "into", "", "the scratch directory is that of another configuration file; it must be empty, and is left with the records in it")
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
		from, shut, err := b.source(ctx, m)
		if err != nil {
			return err
		}
		from.Rate = section.Rate
		done := func() {}
		if file, ok := b.err.(*os.File); ok && isTerminal(file) {
			bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(b.err), progressbar.OptionSetDescription(from.Type), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
			from.Progress, done = func(n int) { _ = bar.Set(n) }, func() { _ = bar.Finish() }
		}
		one, err := b.store.Create(ctx, from)
		done()
		shut()
		if err != nil {
			return fmt.Errorf("%s: %w", from.Type, err)
		}
		fmt.Fprintf(b.out, "%s: snapshot %s has %s; %d bytes are new\n", one.Type, one.ID, count(int(one.Records), "record"), one.Bytes)
	}
	return nil
}

// source is what a snapshot of a type is made of now. What is kept beside the directory is read from the journal, which serve may have open.
func (b *backupRun) source(ctx context.Context, m *mapping.Mapping) (from backup.Source, done func(), err error) {
	from = backup.Source{Tenant: b.tenant, Type: m.ResourceType().Name}
	from.Records = b.p.discretion.InSnapshot(b.tenant, from.Type, m.Backend())
	config := *b.p.config
	switch config.Journal.Kind {
	case configs.JournalNone:
		return from, func() {}, nil
	case configs.JournalPostgres:
		if b.url != "" {
			config.Database.URL = configs.NewSecret(b.url)
		}
	default:
		if _, err := os.Stat(filepath.Join(config.Journal.Path, journalFile)); errors.Is(err, os.ErrNotExist) { // nothing was kept yet
			return from, func() {}, nil
		}
	}
	s, err := openToRead(ctx, &config)
	if err != nil {
		return from, nil, err
	}
	from.Beside = b.p.discretion.BesideInSnapshot(b.tenant, from.Type, s.(adapter.BesideStore)) //nolint:forcetypeassert // both journals are one
	return from, func() { _ = s.Close() }, nil
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
