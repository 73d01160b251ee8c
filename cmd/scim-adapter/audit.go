package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// auditCommand is what is done with the journal as a whole; its parts are in files of their own.
func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read the journal, and look after it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditListCommand(), auditShowCommand(), auditExportCommand(), maintainCommand(), verifyCommand(), forgetCommand())
	return cmd
}

// auditRun is one of the commands that read the journal, at work.
type auditRun struct {
	config, since, until string
	filter               journal.Filter
	reads                bool
	output               string
	whole                bool // it asks for more than events

	file     *configs.Config
	store    besideStore
	out, err io.Writer
}

// besideStore is a journal that may be open in another process, too.
type besideStore interface {
	store
	journal.Guard
}

// openBeside opens the journal that a configuration names for a command, beside the process that serves from it. A journal of none is an error.
func openBeside(ctx context.Context, config *configs.Config, limits ...journal.Limit) (besideStore, error) {
	switch config.Journal.Kind {
	case configs.JournalNone:
		return nil, errors.New("journal.kind is none: nothing is written down")
	case configs.JournalPostgres:
		s, err := pgjournal.Open(ctx, pgjournal.Options{Database: config.Database, Limits: limits, Logger: quiet(config.Logging)})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := litejournal.Open(ctx, filepath.Join(config.Journal.Path, journalFile), litejournal.WithLimits(limits...), litejournal.Beside())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no journal in %s yet: serve makes it, and journal.path must be the same as there", config.Journal.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("journal.path: %w", err)
	}
	return s, nil
}

// openToRead opens it for a command that only reads events: it need not be as new as this program.
func openToRead(ctx context.Context, config *configs.Config) (besideStore, error) {
	if config.Journal.Kind != configs.JournalPostgres {
		return openBeside(ctx, config)
	}
	return pgjournal.Open(ctx, pgjournal.Options{Database: config.Database, Reading: true, Logger: quiet(config.Logging)})
}

// flags adds those that choose events.
func (a *auditRun) flags(cmd *cobra.Command) {
	configFlag(cmd, &a.config)
	f := cmd.Flags()
	f.StringVar(&a.since, "since", "", "what began at this time or later: "+momentHelp)
	f.StringVar(&a.until, "until", "", "what began before this time; a day is meant with all of it")
	f.StringVar(&a.filter.Tenant, "tenant", "", "only of this tenant")
	f.StringVar(&a.filter.Actor, "actor", "", "only what this client, or subject, did; compared letter by letter")
	f.StringVar(&a.filter.ResourceType, "type", "", "only resources of this type: User, Group")
	f.StringVar(&a.filter.ResourceID, "id", "", "only the resource with this id, or with this key in the directory")
	f.StringSliceVar(&a.filter.Actions, "action", nil, "only these: "+strings.Join(auditActions, ", "))
	f.StringSliceVar(&a.filter.Statuses, "status", nil, "only with these outcomes: "+strings.Join(auditStatuses, ", "))
	f.StringVar(&a.filter.RequestID, "request-id", "", "only what this request did")
	f.BoolVar(&a.reads, "reads", false, "also reads and searches, where audit.reads has them written down")
}

// What can be asked for.
var (
	auditActions = []string{
		journal.ActionCreate, journal.ActionReplace, journal.ActionPatch, journal.ActionDelete, journal.ActionAdopt, journal.ActionUndo, journal.ActionRestore,
		journal.ActionRead, journal.ActionList, journal.ActionDeny, journal.ActionSignIn, journal.ActionGuard, journal.ActionReview, journal.ActionForget, journal.ActionExpire,
	}
	auditStatuses = []string{
		journal.StatusDone, journal.StatusFailed, journal.StatusUndone, journal.StatusUnknown, journal.StatusRefused, journal.StatusShadow, journal.StatusOpen,
	}
	auditReads = []string{journal.ActionRead, journal.ActionList}
)

// run reads the flags, and opens the journal for the time of a command.
func (a *auditRun) run(cmd *cobra.Command, outputs []string, do func(context.Context) error) (err error) {
	a.out, a.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := oneAmong("-o", outputs, a.output); err != nil {
		return err
	}
	if err := a.choose(); err != nil {
		return err
	}
	config, faults := configs.Load(a.config)
	if len(faults) > 0 {
		return faults
	}
	a.file = config
	open := openToRead
	if a.whole {
		open = func(ctx context.Context, config *configs.Config) (besideStore, error) { return openBeside(ctx, config) }
	}
	if a.store, err = open(cmd.Context(), config); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	if err = a.knownType(cmd.Context()); err == nil {
		err = a.known(cmd.Context())
	}
	if err == nil {
		err = do(cmd.Context())
	}
	return journalDenied(cmd.Context(), config, err, toReadJournal)
}

// knownType refuses a type that no mapping has, and of which nothing is written down either: one that is mapped no more may still be asked for.
func (a *auditRun) knownType(ctx context.Context) error {
	f := journal.Filter{ResourceType: a.filter.ResourceType, Limit: 1}
	if f.ResourceType == "" || isMapped(a.file, f.ResourceType) {
		return nil
	}
	for _, err := range a.store.Events(ctx, f) {
		return err
	}
	return noSuchType(a.file, "--type", f.ResourceType)
}

// isMapped says that a configuration has resources of a type.
func isMapped(config *configs.Config, typ string) bool { return slices.Contains(typesOf(config), typ) }

func typesOf(config *configs.Config) (names []string) {
	for _, m := range config.Mappings {
		names = append(names, m.Get("mapping").Text())
	}
	return names
}

func noSuchType(config *configs.Config, flag, typ string) error {
	return usageError{fmt.Errorf("%s: no mapping is called %q, and nothing is written down of such a type; there are %s", flag, typ, strings.Join(typesOf(config), ", "))}
}

// nothing says why an answer may be empty: an empty table looks like an answer to what was meant.
func (a *auditRun) nothing() { fmt.Fprintln(a.err, unlike(a.filter)) }

// known puts the id of a resource in the place of the key that its record has by now.
func (a *auditRun) known(ctx context.Context) error {
	return knownAs(ctx, a.store, cmp.Or(a.filter.Tenant, a.file.MultiTenant.DefaultTenant), typesOf(a.file), &a.filter)
}

// choose completes the filter.
func (a *auditRun) choose() (err error) {
	f := &a.filter
	if f.Since, f.Until, err = span(a.since, a.until); err != nil {
		return err
	}
	if err := oneAmong("--action", auditActions, f.Actions...); err != nil {
		return err
	}
	if err := oneAmong("--status", auditStatuses, f.Statuses...); err != nil {
		return err
	}
	if !a.reads && len(f.Actions) == 0 {
		f.Except = auditReads
	}
	return nil
}

// oneAmong refuses a word that means nothing to a flag.
func oneAmong(flag string, known []string, words ...string) error {
	for _, w := range words {
		if !slices.Contains(known, w) {
			return usageError{fmt.Errorf("%s is one of %s, and not %q", flag, strings.Join(known, ", "), w)}
		}
	}
	return nil
}
