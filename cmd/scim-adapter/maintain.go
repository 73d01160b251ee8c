package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// maintainCommand is `audit maintain`: what serve does once a day where its role may.
func maintainCommand() *cobra.Command {
	var path, url string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "maintain --config FILE",
		Short: "Make the tables of the coming months, and drop those of which nothing need be kept",
		Long: `Maintain makes the tables of this month and the next ones, and drops the months that are older than audit.retention says, with the keys of their values. What
stays of a month are anchors, signed with journal.signing_key, with which the journal is verified from its first row on. A month whose rows are not those that were
written is kept, and named. Where tenants have times of their own, a month is dropped when none of them needs it any longer, and until then the keys of the values of those
whose time is over are destroyed, which is noted in the journal. serve does the same once a day where its role is a member of scim_owner; --database-url says as whom it is done here.
Exit code 0: done, or somebody else is at it; 1: it failed; 2: the command line or the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, faults := configs.Load(path)
			if len(faults) > 0 {
				return faults
			}
			said := false
			m := pgjournal.Maintenance{Retention: config.Audit.Retention, By: operator(), DryRun: dryRun, Say: func(line string) {
				said = true
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}}
			var err error
			if m.Database, err = journalURL(cmd, path, url); err != nil {
				return err
			}
			if m.Retention.Ends() && !dryRun {
				key, err := signingKey(config, false)
				if err != nil {
					return err
				}
				m.Sign = signer(key)
			}
			err = pgjournal.Maintain(cmd.Context(), m)
			if err == nil && !said {
				fmt.Fprintln(cmd.OutOrStdout(), "Nothing to do: the coming months have their tables, and no month is older than audit.retention says.")
			}
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&url, "database-url", "", "the database, and as whom; unset: database.url of the configuration")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be made and dropped")
	return cmd
}
