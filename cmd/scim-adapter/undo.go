package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// undoRun is `undo` or `restore` at work.
type undoRun struct {
	config       string
	since, until string
	at           string
	filter       journal.Filter
	dryRun, yes  bool
	force        bool

	w        *world
	in       io.Reader
	out, err io.Writer
}

func undoCommand() *cobra.Command {
	var u undoRun
	cmd := &cobra.Command{
		Use:   "undo --config FILE EVENT… | undo --config FILE --since TIME [--until TIME] [--actor NAME] [--type TYPE] [--id ID] [--action ACTION] [--status STATUS] [--request-id ID]",
		Short: "Take writes back, by the journal",
		Long: `Undo takes back what the adapter has written: the events that are named, or all of a window of time that the other flags leave, the newest first.
A record that somebody has changed since is a conflict: it is told and skipped, unless --force. Deleted records come back with all attributes and their
memberships. Secrets, and what the directory keeps itself, cannot be put back; the output names them. Undoing is written in the journal, and can be taken back itself.

A TIME is 2026-11-23T14:00:00Z, a time or day of this machine's zone, or how long ago: 2h, 45m; a day as --until means its end. Look first:

  scim-adapter undo --config scim.yaml --since 2h --actor okta --dry-run

Exit code 0: all that could be taken back was; 1: something was skipped or failed; 2: the command line or the configuration is wrong.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) > 0) == (u.since != "") {
				return usageError{fmt.Errorf("name events, or say --since TIME (see %s --help)", cmd.CommandPath())}
			}
			if err := errors.Join(oneAmong("--action", auditActions, u.filter.Actions...), oneAmong("--status", auditStatuses, u.filter.Statuses...)); err != nil {
				return err
			}
			return u.run(cmd, func(ctx context.Context) error { return u.undo(ctx, args) })
		},
	}
	u.flags(cmd)
	cmd.Flags().StringVar(&u.since, "since", "", "take back what was begun at this time or later")
	cmd.Flags().StringVar(&u.until, "until", "", "and before this time")
	cmd.Flags().StringVar(&u.filter.Actor, "actor", "", "only what this client, or subject, did; compared letter by letter")
	cmd.Flags().StringVar(&u.filter.ResourceType, "type", "", "only resources of this type: User, Group")
	cmd.Flags().StringVar(&u.filter.ResourceID, "id", "", "only the resource with this id, or with this key in the directory")
	cmd.Flags().StringSliceVar(&u.filter.Actions, "action", nil, "only these: create, replace, patch, delete, adopt, undo, restore")
	cmd.Flags().StringSliceVar(&u.filter.Statuses, "status", nil, "only with these outcomes: "+strings.Join(auditStatuses, ", "))
	cmd.Flags().StringVar(&u.filter.RequestID, "request-id", "", "only what this request did")
	return cmd
}

func restoreCommand() *cobra.Command {
	var u undoRun
	cmd := &cobra.Command{
		Use:   "restore --config FILE TYPE/ID --at TIME",
		Short: "Put one resource back as it was at a time, by the journal",
		Long: `Restore takes back everything that was written to one resource since a time, in one write; one that was deleted comes back. What somebody has changed
in the directory itself is told, and kept unless --force.

  scim-adapter restore --config scim.yaml User/5c0b7d4e-… --at 2026-11-23T14:00:00Z --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			typ, id, ok := strings.Cut(args[0], "/")
			if !ok || id == "" || u.at == "" {
				return usageError{fmt.Errorf("say which resource, TYPE/ID, and --at TIME (see %s --help)", cmd.CommandPath())}
			}
			return u.run(cmd, func(ctx context.Context) error { return u.restore(ctx, typ, id) })
		},
	}
	u.flags(cmd)
	cmd.Flags().StringVar(&u.at, "at", "", "the time")
	return cmd
}

func (u *undoRun) flags(cmd *cobra.Command) {
	configFlag(cmd, &u.config)
	cmd.Flags().BoolVar(&u.dryRun, "dry-run", false, "only print what would be done, as LDIF or SQL")
	cmd.Flags().BoolVar(&u.force, "force", false, "also where somebody has changed the record since")
	cmd.Flags().BoolVarP(&u.yes, "yes", "y", false, "do not ask")
}

// run builds the world that serve would serve, for the time of a command.
func (u *undoRun) run(cmd *cobra.Command, do func(context.Context) error) (err error) {
	u.in, u.out, u.err = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	p, err := load(u.config, quiet)
	if err != nil {
		return err
	}
	if p.config.Journal.Kind == configs.JournalNone {
		p.close()
		return errors.New("journal.kind is none: nothing was written down that could be taken back")
	}
	meeting, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
	defer cancel()
	p.config.Journal.OnUnavailable = configs.UnavailableRefuse // the spool is of who serves, and what is in it cannot be taken back
	if err = p.meet(meeting); err == nil {
		u.w, err = build(cmd.Context(), p)
	}
	if err != nil {
		p.close()
		if errors.Is(err, litejournal.ErrInUse) {
			return fmt.Errorf("the journal in %s is %w: stop serve for as long as this takes, because an embedded journal belongs to one process", p.config.Journal.Path, litejournal.ErrInUse)
		}
		return err
	}
	defer u.w.close()
	if !u.dryRun {
		if err := mayWriteJournal(meeting, p.config, toReadJournal, toWriteJournal); err != nil {
			return err
		}
	}
	return journalDenied(cmd.Context(), p.config, do(cmd.Context()), toReadJournal, toWriteJournal)
}

// undo takes the named events back, or those of the window.
func (u *undoRun) undo(ctx context.Context, named []string) error {
	events, err := u.named(ctx, named)
	if len(named) == 0 {
		events, err = u.window(ctx)
	}
	if err != nil {
		return err
	}
	if len(events) == 0 {
		fmt.Fprintln(u.out, "Nothing to take back: "+unlike(u.filter))
		return nil
	}
	o := adapter.UndoOptions{Reader: u.w.store, DryRun: true, Force: u.force}
	if !u.yes || u.dryRun {
		planned := u.w.service.Undo(ctx, u.caller(), events, u.watched(o, len(events), "planning"))
		u.print(planned, u.dryRun || len(events) == 1)
		if u.dryRun || !slices.ContainsFunc(planned, func(x adapter.Undone) bool { return x.Result == adapter.UndoPlanned }) {
			return u.verdict(planned)
		}
		if err := u.confirm(); err != nil {
			return err
		}
	}
	o.DryRun = false
	done := u.w.service.Undo(ctx, u.caller(), events, u.watched(o, len(events), "taking back"))
	u.print(done, false)
	return u.verdict(done)
}

// named looks events up, with what was done for them later.
func (u *undoRun) named(ctx context.Context, ids []string) ([]journal.Event, error) {
	var events []journal.Event
	for _, id := range ids {
		e, err := u.w.store.Lookup(ctx, journal.ID(id))
		if errors.Is(err, journal.ErrNoIntent) || err == nil && e.Intent.Tenant != u.whose() {
			return nil, fmt.Errorf("the journal has no event %s", id)
		}
		if err != nil {
			return nil, err
		}
		events = append(events, e)
		if e.Intent.RequestID == "" {
			continue
		}
		with := journal.Filter{Tenant: u.whose(), RequestID: e.Intent.RequestID, ResourceType: e.Intent.ResourceType, ResourceID: e.ResourceID(), Actions: []string{e.Intent.Action}, Since: e.Intent.Time}
		for late, err := range u.w.store.Events(ctx, with) {
			if err != nil {
				return nil, err
			}
			if adapter.FollowsUp(late, e) {
				events = append(events, late)
			}
		}
	}
	slices.SortStableFunc(events, func(a, b journal.Event) int { return strings.Compare(string(b.Intent.ID), string(a.Intent.ID)) })
	return slices.CompactFunc(events, func(a, b journal.Event) bool { return a.Intent.ID == b.Intent.ID }), nil
}

// window lists the writes of a window, the newest first.
func (u *undoRun) window(ctx context.Context) (events []journal.Event, err error) {
	if typ := u.filter.ResourceType; typ != "" && !isMapped(u.w.config, typ) {
		return nil, usageError{fmt.Errorf("--type: no mapping is called %q; there are %s", typ, strings.Join(typesOf(u.w.config), ", "))}
	}
	noted := false
	f := u.filter
	f.Tenant, f.Newest, f.Noted = u.whose(), true, &noted
	if err = knownAs(ctx, u.w.store, u.whose(), typesOf(u.w.config), &f); err != nil {
		return nil, err
	}
	if f.Since, f.Until, err = span(u.since, u.until); err != nil {
		return nil, err
	}
	for e, err := range u.w.store.Events(ctx, f) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func (u *undoRun) restore(ctx context.Context, typ, id string) error {
	at, err := moment("at", u.at)
	if err != nil {
		return err
	}
	o := adapter.UndoOptions{Reader: u.w.store, DryRun: true, Force: u.force}
	if !u.yes || u.dryRun {
		planned, err := u.w.service.Restore(ctx, u.caller(), typ, id, at, o)
		if err != nil {
			return err
		}
		u.print([]adapter.Undone{planned}, true)
		if u.dryRun || planned.Result != adapter.UndoPlanned {
			return u.verdict([]adapter.Undone{planned})
		}
		if err := u.confirm(); err != nil {
			return err
		}
	}
	o.DryRun = false
	done, err := u.w.service.Restore(ctx, u.caller(), typ, id, at, o)
	if err != nil {
		return err
	}
	u.print([]adapter.Undone{done}, false)
	return u.verdict([]adapter.Undone{done})
}

// whose is the tenant whose writes are taken back: those of others are about other directories.
func (u *undoRun) whose() string { return u.w.config.MultiTenant.DefaultTenant }

// caller is who sits at the terminal.
func (u *undoRun) caller() scim.Caller {
	return scim.Caller{Tenant: u.whose(), Client: "operator", Subject: operator(), RequestID: newID()}
}

// confirm asks, where somebody can answer.
func (u *undoRun) confirm() error {
	fmt.Fprint(u.err, "Do it? [y/N] ")
	answer, err := bufio.NewReader(u.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if word := strings.ToLower(strings.TrimSpace(answer)); word != "y" && word != "yes" {
		return errors.New("not confirmed: nothing was changed (--yes does not ask)")
	}
	return nil
}

// watched shows how far it is, where there is a terminal to show it on.
func (u *undoRun) watched(o adapter.UndoOptions, n int, what string) adapter.UndoOptions {
	if file, ok := u.err.(*os.File); !ok || n < 10 || !isTerminal(file) {
		return o
	}
	bar := progressbar.NewOptions(n, progressbar.OptionSetWriter(u.err), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	o.Progress = func(adapter.Undone) { _ = bar.Add(1) }
	return o
}

// isTerminal says that somebody looks at what is written there.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// print tells what came of each, in comments of the plan's own language, so that the output of a dry run can be handed on as it is. What is so of all records that come
// back, because the directory has its own mind about it, is told once.
func (u *undoRun) print(all []adapter.Undone, plans bool) {
	mark, stamped := "#", map[string]bool{}
	for _, x := range all {
		if mark = "#"; slices.ContainsFunc(x.Plan, func(line string) bool { return strings.HasSuffix(line, ";") }) {
			mark = "--"
		}
		for _, attr := range x.Stamped {
			stamped[attr] = true
		}
		fmt.Fprintf(u.out, "%s %-8s %s %s %s %s %s\n", mark, x.Result, x.Time.UTC().Format(time.RFC3339), x.Action, x.Resource, x.Actor, x.Event)
		for _, why := range x.Why {
			fmt.Fprintf(u.out, "%s   %s\n", mark, why)
		}
		if len(x.Lost) > 0 {
			fmt.Fprintf(u.out, "%s   cannot be put back: %s\n", mark, strings.Join(x.Lost, ", "))
		}
		if x.By != "" {
			fmt.Fprintf(u.out, "%s   by %s\n", mark, x.By)
		}
		if plans {
			for _, line := range x.Plan {
				fmt.Fprintln(u.out, line)
			}
		}
	}
	if len(stamped) > 0 {
		fmt.Fprintf(u.out, "%s The directory itself maintains, and sets anew, of what is made again: %s\n", mark, strings.Join(slices.Sorted(maps.Keys(stamped)), ", "))
	}
}

// verdict counts, and fails where something is left.
func (u *undoRun) verdict(all []adapter.Undone) error {
	counts := map[string]int{}
	left := 0
	for _, x := range all {
		counts[x.Result]++
		if !x.OK() {
			left++
		}
	}
	var parts []string
	for _, result := range []string{adapter.UndoDone, adapter.UndoPlanned, adapter.UndoNothing, adapter.UndoSkipped, adapter.UndoFailed} {
		if counts[result] > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", result, counts[result]))
		}
	}
	fmt.Fprintln(u.err, strings.Join(parts, ", "))
	if left > 0 {
		return fmt.Errorf("%d of %d were skipped, failed, or were put back in part only", left, len(all))
	}
	return nil
}
