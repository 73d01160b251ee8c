package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

// adoptRun is one of the commands about accounts that wait for somebody's word, at work.
type adoptRun struct {
	config, tenant, client, output string
	all                            bool

	store besideStore
	now   func() time.Time
	out   io.Writer
}

func adoptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "See which new resources look like accounts that are there already, and say whether they are the same",
		Long: `A mapping's rules with "then: review" (adopt: in the mapping) hold a new resource back that looks like an account which the directory has already. These commands show
what waits, and decide. They work on the journal that the configuration names, also while serve does. What is decided counts when the client tries again: an
account that is approved becomes its resource, and one that is rejected is somebody else, so that a new one is made.
Exit code 0: done; 1: it failed; 2: the command line or the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(adoptListCommand(), adoptDecideCommand("approve", adapter.ReviewApproved), adoptDecideCommand("reject", adapter.ReviewRejected))
	return cmd
}

func adoptListCommand() *cobra.Command {
	var a adoptRun
	cmd := &cobra.Command{
		Use:   "list --config FILE [--all] [--client NAME]",
		Short: "List what waits for a decision, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneAmong("-o", []string{"table", "json"}, a.output); err != nil {
				return err
			}
			return a.run(cmd, a.list)
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&a.client, "client", "", "only what this client wants to make")
	cmd.Flags().BoolVar(&a.all, "all", false, "also what was decided")
	cmd.Flags().StringVarP(&a.output, "output", "o", "table", "table, or json (a line for each)")
	return cmd
}

// adoptDecideCommand is `adopt approve` and `adopt reject`.
func adoptDecideCommand(verb, state string) *cobra.Command {
	var a adoptRun
	short, long := "Let accounts become the resources that a client wants to make", `Approve lets the account of an event (see scim-adapter adopt list) become the client's resource. Nothing is changed now: the client's next attempt writes what it
has over the account, as one write that scim-adapter undo takes back.`
	if state == adapter.ReviewRejected {
		short, long = "Say that accounts are somebody else", `Reject says that the account of an event (see scim-adapter adopt list) is somebody else. The client's next attempt makes a new resource, unless another rule, or a value
that must be unique, stands in its way.`
	}
	cmd := &cobra.Command{
		Use: verb + " --config FILE EVENT…", Short: short,
		Long: long + "\nThe decision is noted in the journal, and the last one holds.\n\n  scim-adapter adopt " + verb + " --config scim.yaml 019ab2f0-7c1e-7a55-9d5c-0242ac120002",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, func(ctx context.Context) error { return a.decide(ctx, args, state) })
		},
	}
	a.flags(cmd)
	return cmd
}

func (a *adoptRun) flags(cmd *cobra.Command) {
	configFlag(cmd, &a.config)
	cmd.Flags().StringVar(&a.tenant, "tenant", scim.DefaultTenant, "whose")
}

// run opens the journal for the time of a command.
func (a *adoptRun) run(cmd *cobra.Command, do func(context.Context) error) (err error) {
	config, faults := configs.Load(a.config)
	if len(faults) > 0 {
		return faults
	}
	a.now, a.out = time.Now, cmd.OutOrStdout()
	if a.store, err = openBeside(cmd.Context(), config); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	return journalDenied(cmd.Context(), config, do(cmd.Context()), toReadJournal)
}

func (a *adoptRun) list(ctx context.Context) error {
	all, err := adapter.Reviews(ctx, a.store, journal.Filter{Tenant: a.tenant, Actor: a.client})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if a.output == "table" {
		fmt.Fprintln(table, "EVENT\tTIME\tCLIENT\tNEW\tMATCHES\tBY\tSTATE")
	}
	for _, r := range all {
		if r.State != adapter.ReviewWaiting && !a.all || a.client != "" && r.Client != a.client {
			continue
		}
		if a.output == "json" {
			if err := json.NewEncoder(a.out).Encode(reviewLine(r)); err != nil {
				return err
			}
			continue
		}
		state := r.State
		if r.By != "" {
			state += " by " + r.By
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s/%s\t%s\t%s\n", r.Event, r.Time.Local().Format(time.DateTime), r.Client, plain(cmp.Or(readable(r.Called), "-")), r.Type, r.ID,
			plain(matched(r)), plain(state))
	}
	return table.Flush()
}

// reviewLine is a line of the list as JSON.
func reviewLine(r adapter.Review) map[string]any {
	match := map[string]json.RawMessage{}
	for _, m := range r.Match {
		match[m.Path] = m.After
	}
	if r.Enables() {
		delete(match, r.Match[len(r.Match)-1].Path)
	}
	line := map[string]any{
		"event": r.Event, "time": r.Time.UTC(), "tenant": r.Tenant, "client": r.Client, "resource_type": r.Type, "resource_id": r.ID, "match": match, "state": r.State,
	}
	if r.Enables() {
		line["enables"] = true
	}
	if r.Called.Path != "" {
		line["new"] = map[string]json.RawMessage{r.Called.Path: r.Called.After}
	}
	if r.By != "" {
		line["by"] = r.By
	}
	return line
}

// matched is what an account was found by.
func matched(r adapter.Review) string {
	var parts []string
	for _, m := range r.Match {
		// No attribute of a User itself is called as one of the enterprise extension.
		parts = append(parts, strings.TrimPrefix(m.Path, scim.EnterpriseURN+":")+" "+readable(m))
	}
	if r.Enables() {
		parts[len(parts)-1] = "and would enable it"
	}
	return strings.Join(parts, ", ")
}

// readable is a value without the marks of JSON, where it is a text or a list of one.
func readable(m journal.Change) string {
	var list []string
	var text string
	switch {
	case json.Unmarshal(m.After, &text) == nil:
		return text
	case json.Unmarshal(m.After, &list) == nil:
		return strings.Join(list, ", ")
	}
	return string(m.After)
}

// decide looks all events up before it says anything about any.
func (a *adoptRun) decide(ctx context.Context, ids []string, state string) error {
	reviews := make([]adapter.Review, len(ids))
	for i, id := range ids {
		e, err := a.store.Lookup(ctx, journal.ID(id))
		if err != nil && !errors.Is(err, journal.ErrNoIntent) {
			return err
		}
		r, ok := adapter.ReviewOf(e)
		switch {
		case err != nil || !ok || r.Tenant != a.tenant:
			return fmt.Errorf("%s is no event of the list (see scim-adapter adopt list); nothing was decided", id)
		case r.Expired:
			return fmt.Errorf("what event %s was about can no longer be read: it was erased, or its key is gone (audit show says which); nothing was decided", id)
		}
		reviews[i] = r
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	for _, r := range reviews {
		if _, err := r.Decide(ctx, a.store, journal.ID(newID()), state, operator(), fmt.Sprintf("%s/%d", host, os.Getpid()), a.now()); err != nil {
			return err
		}
		what := "becomes the resource of " + r.Client + " when it tries again"
		if state == adapter.ReviewRejected {
			what = "is not the resource of " + r.Client
		}
		fmt.Fprintf(a.out, "%s: %s/%s (%s) %s\n", state, r.Type, r.ID, matched(r), what)
	}
	return nil
}

// refuseReviews gives a fault for each rule that needs a list of what waits, where nothing is written down.
func refuseReviews(config *configs.Config, set *mapping.Set) (faults configs.Faults) {
	if config.Journal.Kind != configs.JournalNone {
		return nil
	}
	for _, m := range set.All() {
		for _, rule := range m.Adopts() {
			switch {
			case rule.Then == mapping.AdoptReview:
				faults = append(faults, rule.Node.Get("then").Fault("write link or conflict, or choose another journal.kind", "journal.kind is none, and what waits for a review is on a list in the journal"))
			case rule.Disabled == mapping.AdoptReview:
				faults = append(faults, rule.Node.Get("disabled").Fault("write link or conflict, or choose another journal.kind", "journal.kind is none, and what waits for a review is on a list in the journal"))
			}
		}
	}
	return faults
}
