package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// quiet is the log of commands that answer on stdout: warnings and errors only, as text.
func quiet(configs.Logging) *slog.Logger {
	return newLogger(configs.Logging{Level: "warn", Format: "text"})
}

func checkCommand() *cobra.Command {
	var path string
	var live bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Check a configuration: all that serve does before it listens, and the mappings' own tests",
		Long: `Check takes the path that serve takes and stops before listening: it reads the file, resolves its variables, compiles
the mappings, runs their tests in both directions and opens what lies below journal.path. Every fault comes with file, line and what to write
instead. It connects to nothing: no directory and no database is asked whether it is there.
With --live it also connects to every directory, holds the mappings against the directory's own schema, and asks the journal's database whether it
takes writes, has the tables of this version, and lets the role of database.url use them. Nothing is changed.
Exit code 0: all is well; 1: something below journal.path cannot be opened or, with --live, a directory or the journal's database cannot be used;
2: the configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			report, err := check(ctx, path, live)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), report)
			return err
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&live, "live", false, "also connect to the directories and to the journal's database, and check the mappings against their schemas")
	cmd.Flags().DurationVar(&timeout, "timeout", 15*time.Second, "how long --live may take")
	return cmd
}

// check gives one line to print when all is well.
func check(ctx context.Context, path string, live bool) (string, error) {
	p, err := load(path, quiet)
	if err != nil {
		return "", err
	}
	defer p.close()
	if faults := p.mappings.RunTests(); len(faults) > 0 {
		return "", faults
	}
	p.warn()
	migrates := p.config.Journal.Migrate
	p.config.Journal.Migrate = false // serve does that, and a check changes nothing
	w, err := build(ctx, p)
	switch {
	case errors.Is(err, litejournal.ErrInUse):
		// An adapter is serving from this configuration; its journal is as open as it can be.
	case err != nil:
		return "", err
	default:
		w.closeJournal()
	}
	report := fmt.Sprintf("%s: good: %s over %s", path, count(len(p.mappings.All()), "mapping"), count(len(p.directories), "backend"))
	if !live {
		return report + " (not connected; --live does)", nil
	}
	away, err := p.meetJournal(ctx, migrates), p.meet(ctx)
	if err == nil {
		err = p.checkPlaces(ctx)
	}
	if _, ok := errors.AsType[configs.Faults](err); ok && away != nil { // faults are printed alone
		p.log.Error(away.Error())
		return "", err
	}
	if err := errors.Join(away, err); err != nil {
		return "", err
	}
	return report + ", connected, schemas fit", nil
}

// meetJournal asks the journal's database whether it could be written. The embedded journal has been opened.
func (p *plan) meetJournal(ctx context.Context, migrates bool) error {
	if p.config.Journal.Kind != configs.JournalPostgres {
		return nil
	}
	pending, err := pgjournal.Review(ctx, p.config.Database.URL, migrates)
	if err != nil {
		return fmt.Errorf("the journal's database (database.url): %w", err)
	}
	if len(pending) > 0 {
		p.log.Warn("the journal's database lacks migrations, which serve runs at start (journal.migrate)", "missing", pending)
	}
	return nil
}

// meet connects to every directory and holds what was opened in them against them. The error is a configs.Faults where something does not fit.
func (p *plan) meet(ctx context.Context) error {
	faults, err := p.review(ctx)
	if err != nil {
		return err
	}
	if len(faults) == 0 { // a mapping over a table that is not there would be wrong in each line
		faults = p.checkSchemas()
	}
	if len(faults) > 0 {
		faults.Sort()
		return faults
	}
	return nil
}

// checkPlaces asks whether the directory has the places that mappings move what is deleted to. Only a delete needs them: without, everything else works.
func (p *plan) checkPlaces(ctx context.Context) error {
	var faults configs.Faults
	for _, m := range p.mappings.All() {
		del := m.OnDelete()
		directory, asks := m.Backend().(interface {
			Vacant(ctx context.Context, names []string) ([]string, error)
		})
		if del.Policy != "move" || !asks {
			continue
		}
		vacant, err := directory.Vacant(ctx, []string{del.To})
		if err != nil {
			return fmt.Errorf("mapping %s: %w", m.Name(), err)
		}
		if len(vacant) > 0 {
			faults = append(faults, m.DeleteTo().Fault("make that entry, or say another place", "the directory has no entry %q, so that nothing can be moved below it", del.To))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// review asks every directory what is wrong with it, and says the warnings.
func (p *plan) review(ctx context.Context) (configs.Faults, error) {
	var all configs.Faults
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p.directories)) {
		faults, warnings, err := p.directories[name].Review(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("backend %s: %w", name, err))
		}
		for _, warning := range warnings {
			p.log.Warn(warning, "backend", name)
		}
		all = append(all, faults...)
	}
	return all, errors.Join(errs...)
}

// count is "1 mapping", "2 mappings".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
