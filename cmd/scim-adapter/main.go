// Command scim-adapter gives an LDAP directory a SCIM 2.0 face.
//
// This package is where the house is put together: the commands and their flags (one file each), the one table from a
// backend's kind to its constructor (kinds.go), and the wiring from a configuration to something that serves (world.go).
// `serve`, `check`, `explain` and `demo` build the same world; they differ in where they stop. The tests that need the
// whole house are here too.
//
// Exit codes: 0 done; 1 it failed; 2 the command line or the configuration is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/configs"
)

// version is set by the linker (see the Makefile).
var version = "dev"

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to stop; a second one does what it always does
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and gives its exit code.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(root.ErrOrStderr(), formatError(err))
	var usage usageError
	var faults configs.Faults
	if errors.As(err, &usage) || errors.As(err, &faults) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// formatError prints faults a line each, as compilers do, and other errors behind the program's name.
func formatError(err error) string {
	if faults, ok := errors.AsType[configs.Faults](err); ok {
		return faults.Error()
	}
	return "scim-adapter: " + err.Error()
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "scim-adapter",
		Short: "A SCIM 2.0 face for the directory you already have",
		Long: `scim-adapter puts a standard SCIM 2.0 face (RFC 7643, 7644) on an LDAP directory or on tables in PostgreSQL.
Which SCIM attribute lives where is said in YAML; nothing is copied, every write is journaled first.

Start with:  scim-adapter demo
Then:        scim-adapter check --config FILE && scim-adapter serve --config FILE`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	root.AddCommand(serveCommand(), demoCommand(), checkCommand(), explainCommand(), migrateCommand(), guardCommand(), adoptCommand(), undoCommand(), restoreCommand(), backupCommand(), auditCommand(), healthCommand(), schemaCommand(), versionCommand())
	root.InitDefaultCompletionCmd()
	markUsage(root)
	return root
}

// markUsage makes a wrong argument of a command, or of those below it, a usage error.
func markUsage(cmd *cobra.Command) {
	cmd.Args = asUsage(cmd.Args)
	for _, sub := range cmd.Commands() {
		markUsage(sub)
	}
}

// asUsage marks what a check of the arguments finds as a usage error.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}

// configFlag adds --config, without which the command does not run. Cobra's own required flags give an error that cannot be told from a failure.
func configFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "config", "c", "", "the configuration file (YAML)")
	if err := cmd.MarkFlagFilename("config", "yaml", "yml"); err != nil {
		panic(err) // the flag was added a line above
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if *into == "" {
			return usageError{fmt.Errorf("--config FILE is needed (see %s --help)", cmd.CommandPath())}
		}
		return nil
	}
}
