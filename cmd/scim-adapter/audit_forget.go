package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// beyondReach is what forgetting cannot do, said each time.
const beyondReach = `Not reached: events of other resources that name this one, such as groups with it as a member; what stands in clear (who changed which attributes of which id, and when);
logs, SIEMs and followers that have read the journal; backups and replicas of the database that still have the keys; and the directory itself.
`

// forgetRun is `audit forget` at work.
type forgetRun struct {
	config, url, tenant string
	dryRun, yes         bool
}

func forgetCommand() *cobra.Command {
	var run forgetRun
	cmd := &cobra.Command{
		Use:   "forget TYPE/ID --config FILE",
		Short: "Make what the journal says of a resource unreadable",
		Long: `Forget destroys the keys under which the values of all events about a resource are kept: names, before-images, changes, error texts. It also deletes what clients
kept of it (overlay), ids under which it was known before, and its records in snapshots. That cannot be undone, and neither can the events themselves any more. No row of
the journal is changed: who did what when is still there, and audit verify finds the journal whole. That it was done is noted in the journal.

The role must be a member of scim_owner; --database-url says as whom, when serve is somebody with fewer rights.
` + beyondReach + `
Exit code 0: forgotten; 1: it failed, or was not confirmed; 2: the command line or the configuration is wrong.`,
		Example: "  scim-adapter audit forget User/0b0eb98e-7de4-4c7a-a5e4-5a1a2b4d6b6f --config scim.yaml --dry-run",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("say of which resource: User/ID")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return run.run(cmd, args[0]) },
	}
	configFlag(cmd, &run.config)
	cmd.Flags().StringVar(&run.url, "database-url", "", "the database, and as whom; unset: database.url of the configuration")
	cmd.Flags().StringVar(&run.tenant, "tenant", scim.DefaultTenant, "whose resource")
	cmd.Flags().BoolVar(&run.dryRun, "dry-run", false, "only say how much would be forgotten")
	cmd.Flags().BoolVar(&run.yes, "yes", false, "do not ask")
	return cmd
}

func (r *forgetRun) run(cmd *cobra.Command, resource string) error {
	kind, id, _ := strings.Cut(resource, "/")
	if kind == "" || id == "" {
		return usageError{fmt.Errorf("%q is no resource: write its type and id, such as User/0b0eb98e-7de4-4c7a-a5e4-5a1a2b4d6b6f", resource)}
	}
	config, faults := configs.Load(r.config)
	if len(faults) > 0 {
		return faults
	}
	if config.Journal.Kind != configs.JournalPostgres {
		return fmt.Errorf("journal.kind is %s: only a journal in PostgreSQL keeps values under keys of their own", config.Journal.Kind)
	}
	f := pgjournal.Forgetting{Tenant: r.tenant, Type: kind, ID: id, By: operator(), DryRun: true}
	var err error
	if f.Database, err = journalURL(cmd, r.config, r.url); err != nil {
		return err
	}
	key, err := signingKey(config, false)
	if err == nil {
		f.Sign = signer(key)
	} else if !config.Journal.SigningKey.IsZero() {
		return err
	} // else the key lies where serve is, whose next checkpoint is over this chain too
	out := cmd.OutOrStdout()
	would, err := pgjournal.Forget(cmd.Context(), f)
	if err != nil {
		return forgetError(err)
	}
	if would.Events+would.Overlay+would.Aliases+would.Records == 0 {
		switch {
		case would.Known:
			fmt.Fprintf(out, "Nothing readable is kept of %s.\n", resource)
			return nil
		case !isMapped(config, kind):
			return noSuchType(config, resource, kind)
		}
		return fmt.Errorf("nothing was ever written down of %s (tenant %s): nothing was forgotten; is the id right?", resource, r.tenant)
	}
	fmt.Fprint(out, forgotten("would be", resource, would), beyondReach)
	if r.dryRun {
		return nil
	}
	if !r.yes && !confirmed(cmd.InOrStdin(), out, resource) {
		return errors.New("not confirmed; nothing was forgotten (--yes does not ask)")
	}
	f.DryRun = false
	gone, err := pgjournal.Forget(cmd.Context(), f)
	if err != nil {
		return forgetError(err)
	}
	fmt.Fprint(out, forgotten("are", resource, gone))
	return nil
}

// forgetError says as whom it is done.
func forgetError(err error) error {
	if _, ok := errors.AsType[*pgjournal.LackedRights](err); ok {
		return fmt.Errorf("%w; or name a role that may with --database-url", err)
	}
	return err
}

func forgotten(verb, resource string, gone pgjournal.Forgotten) string {
	text := fmt.Sprintf("%s: %d events (%d keys), %d overlay values, %d aliases, %d records of snapshots %s forgotten.\n",
		resource, gone.Events, gone.Keys, gone.Overlay, gone.Aliases, gone.Records, verb)
	if len(gone.IDs) > 1 {
		text += "It was known under these ids too: " + strings.Join(gone.IDs[1:], ", ") + "\n"
	}
	return text
}

// confirmed asks for the resource's name: a yes is typed too soon.
func confirmed(in io.Reader, out io.Writer, resource string) bool {
	fmt.Fprintf(out, "This cannot be undone. Type %s to go on: ", resource)
	line, err := bufio.NewReader(in).ReadString('\n')
	return (err == nil || errors.Is(err, io.EOF)) && strings.TrimSpace(line) == resource
}
