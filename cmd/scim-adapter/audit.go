package main

import "github.com/spf13/cobra"

// auditCommand is what is done with the journal as a whole; its parts are in files of their own.
func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Look after the journal",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(maintainCommand())
	return cmd
}
