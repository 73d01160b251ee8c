package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
)

func explainCommand() *cobra.Command {
	var path string
	var live bool
	cmd := &cobra.Command{
		Use:   "explain --config FILE TYPE 'FILTER'",
		Short: "Show what a SCIM filter becomes in the directory, what is left to test here, and why",
		Long: `Explain compiles a filter as a search would and prints the directory's own filter with the mapping's scope, what is left
to test on the SCIM side, the attributes that are read, and a line for each term. The directory's schema decides what it can answer;
without --live the standard schema is assumed. Ids of references stand as the name they would be looked up for.

  scim-adapter explain --config scim.yaml User 'userName sw "b" and active eq true'`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := load(path, quiet)
			if err != nil {
				return err
			}
			defer p.close()
			if live {
				ctx, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
				defer cancel()
				if err := p.ping(ctx); err != nil {
					return err
				}
			}
			return explain(cmd.OutOrStdout(), p.mappings, args[0], args[1])
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&live, "live", false, "ask the directory for its schema first")
	return cmd
}

// explain prints what becomes of one filter.
func explain(out io.Writer, set *mapping.Set, typeName, text string) error {
	m, ok := set.Get(typeName)
	if !ok {
		var names []string
		for _, m := range set.All() {
			names = append(names, m.Name())
		}
		return usageError{fmt.Errorf("no mapping is called %q; there are: %s", typeName, strings.Join(names, ", "))}
	}
	tree, err := m.ResourceType().ParseFilter(text)
	if err != nil {
		return usageError{err}
	}
	lowered, err := m.Lower(tree, assumed(m.Unknowns(tree)))
	if err != nil {
		return usageError{err}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "filter\t%s\n", tree)
	fmt.Fprintf(table, "sent to %s\t%s\n", m.BackendName(), m.Backend().Native(lowered.Where))
	rest := "nothing: the directory answers it whole"
	if lowered.Rest != nil {
		rest = fmt.Sprintf("%s (on at most %d records)", lowered.Rest, m.Scan())
	}
	fmt.Fprintf(table, "left to test here\t%s\n", rest)
	reads := m.Reads(func(r scim.Ref) bool { return scim.Projection{}.Wants(r) || lowered.Wants != nil && lowered.Wants(r) })
	slices.Sort(reads)
	fmt.Fprintf(table, "attributes read\t%s\n", strings.Join(reads, " "))
	for _, w := range lowered.Why {
		fmt.Fprintf(table, "\n  term\t%s\n", w.Term)
		if w.Native != "" {
			fmt.Fprintf(table, "  in the directory\t%s\n", w.Native)
		}
		if w.Rest != "" {
			fmt.Fprintf(table, "  here\t%s\n", w.Rest)
		}
		if w.Why != "" {
			fmt.Fprintf(table, "  because\t%s\n", w.Why)
		}
	}
	return table.Flush()
}

// assumed answers what only the directory or the journal knows as if every id were found, under a name that says whose it is.
func assumed(unknowns []mapping.Unknown) mapping.Known {
	known := mapping.Known{}
	for _, u := range unknowns {
		switch u.Kind {
		case mapping.RefTerm:
			name := fmt.Sprint(u.Term.Value)
			if u.Ref.By == "" {
				name = "entryUUID=" + name // reads as "the DN of": a name must be a DN to be sent as one
			}
			known[u.Key] = mapping.Answer{Names: []string{name}}
		case mapping.ReverseTerm:
			known[u.Key] = mapping.Answer{Keys: []backends.Key{}}
		case mapping.OverlayTerm:
			known[u.Key] = mapping.Answer{Keys: []backends.Key{}}
		}
	}
	return known
}
