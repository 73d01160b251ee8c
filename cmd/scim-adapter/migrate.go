package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// migrateCommand makes the journal's tables. Who serves needs no right to do so.
func migrateCommand() *cobra.Command {
	var path, url string
	var status, script bool
	cmd := &cobra.Command{
		Use:   "migrate --config FILE | migrate --database-url URL | migrate --sql",
		Short: "Make the tables of the journal's database, or bring them up to date",
		Long: `Migrate brings the database of the section database up to date, each migration in a transaction of its own, and makes the tables of the coming
months. Several may do it at once: they wait for one another. It is done by a superuser, by the owner of the database with CREATEROLE, or, once the tables are
there, by a member of scim_owner; a right that is missing is named. --database-url says as whom, when serve is somebody with fewer rights; without a password in it,
PGPASSWORD or ~/.pgpass has one. A connection through a pooler that shares sessions does not do.
Exit code 0: up to date; 1: it failed, or with --status something is missing; 2: the command line or the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if script {
				_, err := fmt.Fprint(cmd.OutOrStdout(), pgjournal.Script())
				return err
			}
			database, err := journalURL(cmd, path, url)
			if err != nil {
				return err
			}
			if status {
				return migrationStatus(cmd.Context(), cmd.OutOrStdout(), database)
			}
			return pgjournal.Migrate(cmd.Context(), database, func(line string) { fmt.Fprintln(cmd.OutOrStdout(), line) })
		},
	}
	journalFlags(cmd, &path, &url)
	cmd.Flags().BoolVar(&status, "status", false, "only list the migrations, and which are missing")
	cmd.Flags().BoolVar(&script, "sql", false, "print the script that does it with psql (init-db.sql), and connect to nothing")
	return cmd
}

// journalFlags add --config and --database-url, of which one is needed.
func journalFlags(cmd *cobra.Command, path, url *string) {
	configFlag(cmd, path)
	cmd.PreRunE = nil
	cmd.Flags().StringVar(url, "database-url", "", "the database, and as whom; unset: database.url of the configuration")
}

// journalURL is the database that is meant.
func journalURL(cmd *cobra.Command, path, url string) (configs.Secret, error) {
	if url != "" {
		secret := configs.NewSecret(url)
		if _, err := configs.ParsePostgres(secret); err != nil {
			return secret, usageError{fmt.Errorf("--database-url %w", err)}
		}
		return secret, nil
	}
	if path == "" {
		return configs.Secret{}, usageError{fmt.Errorf("--config FILE or --database-url URL is needed (see %s --help)", cmd.CommandPath())}
	}
	config, faults := configs.Load(path)
	if len(faults) > 0 {
		return configs.Secret{}, faults
	}
	if config.Database.URL.IsZero() {
		return configs.Secret{}, usageError{fmt.Errorf(`%s names no database: write database: {url: "${DATABASE_URL}"}`, path)}
	}
	return config.Database.URL, nil
}

func migrationStatus(ctx context.Context, out io.Writer, database configs.Secret) error {
	missing, err := pgjournal.PendingAt(ctx, database)
	if err != nil {
		return err
	}
	for _, name := range pgjournal.Migrations() {
		state := "done"
		if slices.Contains(missing, name) {
			state = "missing"
		}
		if _, err := fmt.Fprintf(out, "%-8s %s\n", state, name); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return errors.New("the database is not up to date")
	}
	return nil
}
