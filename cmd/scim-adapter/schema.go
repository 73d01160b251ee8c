package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/configs"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file, for editors",
		Long: `Print the JSON Schema of the configuration file. Editors with a YAML language server use it for completion and checks:
  scim-adapter schema > scim-adapter.schema.json
  # yaml-language-server: $schema=./scim-adapter.schema.json     (first line of your configuration)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), string(configs.JSONSchema()))
			return err
		},
	}
}
