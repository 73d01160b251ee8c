package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// guardStore is what the guard's commands need of a journal.
type guardStore interface {
	journal.Journal
	journal.Guard
	io.Closer
}

// guardRun is one of the guard's commands at work.
type guardRun struct {
	config, tenant, kind, client string

	approving bool

	limits []journal.Limit
	store  guardStore
	now    time.Time
	out    io.Writer
}

func guardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "See how much of the guard's limits is used, let more happen, or count anew",
		Long: `The guard stops a client that deletes, disables or takes out of groups more than guard.limits allow in a window of time. These commands show what is used,
approve that more happens for a while, and make it count anew. They work on the journal that the configuration names, also while serve does.
Exit code 0: done; 1: it failed; 2: the command line or the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(guardStatusCommand(), guardApproveCommand(), guardResetCommand())
	return cmd
}

func guardStatusCommand() *cobra.Command {
	var g guardRun
	cmd := &cobra.Command{
		Use:   "status --config FILE",
		Short: "Show each limit, and how much of it is used by whom",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.run(cmd, func(ctx context.Context) error { return g.status(ctx) })
		},
	}
	g.flags(cmd, false)
	return cmd
}

func guardApproveCommand() *cobra.Command {
	var g guardRun
	var count int
	var lasting string
	cmd := &cobra.Command{
		Use:   "approve --config FILE --kind KIND [--client NAME] --count N [--for 1h]",
		Short: "Let more of a kind happen than the limits say, for a while",
		Long: `Approve lets so many more of a kind happen until the time is over: with --client beyond that client's limits, without beyond those of all clients together.
Approvals add up. Each is noted in the journal.

  scim-adapter guard approve --config scim.yaml --kind delete --client okta --count 200 --for 2h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count <= 0 {
				return usageError{fmt.Errorf("--count N is needed: how many more may happen (see %s --help)", cmd.CommandPath())}
			}
			span, err := configs.ParseDuration(lasting)
			if err != nil || span <= 0 {
				return usageError{fmt.Errorf("--for %s is no time in which anything could happen: write 30m, 2h or 7d", lasting)}
			}
			g.approving = true
			return g.run(cmd, func(ctx context.Context) error { return g.approve(ctx, count, span) })
		},
	}
	g.flags(cmd, true)
	cmd.Flags().IntVar(&count, "count", 0, "how many more may happen")
	cmd.Flags().StringVar(&lasting, "for", "1h", "for how long: 30m, 2h, 7d")
	return cmd
}

func guardResetCommand() *cobra.Command {
	var g guardRun
	cmd := &cobra.Command{
		Use:   "reset --config FILE --kind KIND [--client NAME]",
		Short: "Count anew from now on, and end what was approved",
		Long: `Reset makes a kind count anew from now on, for one client or for all of them: what was used no longer counts, and what was approved ends.
Each reset is noted in the journal.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.run(cmd, func(ctx context.Context) error { return g.reset(ctx) })
		},
	}
	g.flags(cmd, true)
	return cmd
}

// flags adds those that the commands share.
func (g *guardRun) flags(cmd *cobra.Command, kind bool) {
	configFlag(cmd, &g.config)
	cmd.Flags().StringVar(&g.tenant, "tenant", scim.DefaultTenant, "whose limits")
	if kind {
		cmd.Flags().StringVar(&g.kind, "kind", "", "delete, disable or remove_member")
		cmd.Flags().StringVar(&g.client, "client", "", "the client's name; unset: all clients")
	}
}

// run opens the journal for the time of a command.
func (g *guardRun) run(cmd *cobra.Command, do func(context.Context) error) (err error) {
	config, faults := configs.Load(g.config)
	if len(faults) > 0 {
		return faults
	}
	g.limits, g.now, g.out = adapter.GuardLimits(config.Guard), time.Now(), cmd.OutOrStdout()
	if cmd.Flags().Lookup("kind") != nil {
		if err := g.check(cmd); err != nil {
			return err
		}
	}
	if len(g.limits) == 0 {
		fmt.Fprintln(g.out, "The configuration has no limits: guard.limits is empty.")
		return nil
	}
	if g.store, err = openGuard(cmd.Context(), config, g.limits); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.store.Close()) }()
	if err = g.knownClient(cmd.Context(), config); err == nil {
		err = do(cmd.Context())
	}
	return journalDenied(cmd.Context(), config, err, toUseGuard)
}

// knownClient refuses a name that no client has: whoever mistypes one would have let nothing happen. One that was taken out of the configuration may still be counted.
func (g *guardRun) knownClient(ctx context.Context, config *configs.Config) error {
	if _, known := config.Clients[g.client]; known || g.client == "" || !config.Auth.Enabled {
		return nil
	}
	uses, err := g.store.Uses(ctx, g.tenant, g.now)
	if err != nil || slices.ContainsFunc(uses, func(u journal.Use) bool { return u.Client == g.client }) {
		return err
	}
	return usageError{fmt.Errorf("--client: there is no client %q, and nothing is counted of one; clients has %s", g.client, strings.Join(slices.Sorted(maps.Keys(config.Clients)), ", "))}
}

// check refuses what no limit is about.
func (g *guardRun) check(cmd *cobra.Command) error {
	kinds := []string{journal.GuardDelete, journal.GuardDisable, journal.GuardRemoveMember}
	if !slices.Contains(kinds, g.kind) {
		return usageError{fmt.Errorf("--kind is one of %s, and not %q (see %s --help)", strings.Join(kinds, ", "), g.kind, cmd.CommandPath())}
	}
	if !slices.ContainsFunc(g.limits, func(l journal.Limit) bool { return l.Kind == g.kind }) {
		return usageError{fmt.Errorf("guard.limits has none of kind %s: nothing stops it", g.kind)}
	}
	if g.approving && len(g.helped()) == 0 {
		if g.client == "" {
			return usageError{fmt.Errorf("every limit of %s is one of each client: say of which with --client", g.kind)}
		}
		return usageError{fmt.Errorf("every limit of %s is one of all clients together: leave out --client", g.kind)}
	}
	return nil
}

// helped are the limits beyond which an approval lets more happen.
func (g *guardRun) helped() []journal.Limit {
	return slices.DeleteFunc(slices.Clone(g.limits), func(l journal.Limit) bool { return l.Kind != g.kind || l.PerClient != (g.client != "") })
}

// openGuard opens the journal that a configuration names, beside the process that serves from it.
func openGuard(ctx context.Context, config *configs.Config, limits []journal.Limit) (guardStore, error) {
	if config.Journal.Kind == configs.JournalNone {
		return nil, errors.New("journal.kind is none: nothing is counted")
	}
	return openBeside(ctx, config, limits...)
}

// status lists what is used. A limit of each client that nobody has used any of has a line, too.
func (g *guardRun) status(ctx context.Context) error {
	uses, err := g.store.Uses(ctx, g.tenant, g.now)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tCLIENT\tALLOWED\tWINDOW\tUSED\tAPPROVED\tLEFT")
	for _, l := range g.limits {
		lines := slices.DeleteFunc(slices.Clone(uses), func(u journal.Use) bool { return u.Limit != l })
		if len(lines) == 0 {
			lines = []journal.Use{{Limit: l, Client: "(each)"}}
		}
		for _, u := range lines {
			client, left := u.Client, "-"
			if !l.PerClient {
				client = "(all)"
			}
			if rest := max(0, l.Count+u.Approved-u.Used); l.Percent == 0 {
				left = fmt.Sprint(rest)
			} else if l.Count > 0 { // of how many a share is, only who serves knows: it may be less
				left = fmt.Sprintf("%d at most", rest)
				if rest == 0 {
					left = "0"
				}
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", l.Kind, client, allowed(l), l.Span(), u.Used, u.Approved, left)
		}
	}
	return table.Flush()
}

// allowed is how many a limit allows.
func allowed(l journal.Limit) string {
	switch {
	case l.Percent == 0:
		return fmt.Sprint(l.Count)
	case l.Count == 0:
		return fmt.Sprintf("%g %%", l.Percent)
	}
	return fmt.Sprintf("%d, %g %%", l.Count, l.Percent)
}

func (g *guardRun) approve(ctx context.Context, count int, lasting time.Duration) error {
	a := journal.Approval{Tenant: g.tenant, Kind: g.kind, Client: g.client, Count: count, Time: g.now, Until: g.now.Add(lasting), By: operator()}
	if err := g.store.Approve(ctx, a); err != nil {
		return err
	}
	until := a.Until.UTC().Format(time.RFC3339)
	if err := g.note(ctx, "approved", map[string]any{"client": g.client, "count": count, "until": until}); err != nil {
		return err
	}
	fmt.Fprintf(g.out, "%s: %d more for %s until %s, beyond\n", g.kind, count, cmp.Or(g.client, "all clients together"), until)
	for _, l := range g.helped() {
		fmt.Fprintf(g.out, "  %s\n", l)
	}
	return nil
}

func (g *guardRun) reset(ctx context.Context) error {
	if err := g.store.Reset(ctx, g.tenant, g.kind, g.client, g.now); err != nil {
		return err
	}
	if err := g.note(ctx, "reset", map[string]any{"client": g.client}); err != nil {
		return err
	}
	fmt.Fprintf(g.out, "%s: counted anew for %s\n", g.kind, cmp.Or(g.client, "all clients"))
	return nil
}

// note puts what was done into the journal: the resource is the kind of limit.
func (g *guardRun) note(ctx context.Context, what string, said map[string]any) error {
	after, err := json.Marshal(said)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	in := journal.Intent{
		ID: journal.ID(newID()), Time: g.now, Writer: fmt.Sprintf("%s/%d", host, os.Getpid()), Tenant: g.tenant, Client: journal.Operator, Subject: operator(), Action: journal.ActionGuard,
		ResourceType: "guard", ResourceID: g.kind, Diff: []journal.Change{{Path: what, After: after}},
	}
	if err := g.store.Note(ctx, in, journal.Outcome{Time: time.Now(), Status: journal.StatusDone, ResourceID: g.kind}); err != nil {
		return fmt.Errorf("it is done, and the journal could not be told who did it: %w", err)
	}
	return nil
}

// operator is who runs a command.
func operator() string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
