package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	exportBatch    = 200
	exportPatience = 2 * time.Minute // with a destination that does not take what it is sent
)

func auditExportCommand() *cobra.Command {
	var x exportRun
	of := subjectRun{exportRun: &x}
	cmd := &cobra.Command{
		Use:   "export --config FILE [filters] -o jsonl|csv > FILE, or --to syslog|webhook|stdout, or --subject TYPE/ID > FILE",
		Short: "Write events out, or send them to a SIEM",
		Long: `Export writes all events that the filters leave, the oldest first, with everything that the journal has of them. With --to it sends them to a syslog server or
a webhook, as serve does with what audit.export names: without the values of attributes, unless --values. --to stdout prints what would be sent.
How far it is stands on stderr.

With --subject it answers who asks what is kept of him: all events about the resource, also under ids that it had before; those of others that have it among their values,
without what they say of anybody else; with --as-actor those of which this was the client, or the subject; its records in snapshots, and what clients kept of it in the overlay.
The first line says what is in the file and what is not, the last one how much it is. The whole journal is looked through.

  scim-adapter audit export --config scim.yaml --since 30d -o csv > november.csv
  scim-adapter audit export --config scim.yaml --since 7d --to syslog --address tls://siem.example.org:6514
  scim-adapter audit export --config scim.yaml --subject User/0b0eb98e-7de4-4c7a-a5e4-5a1a2b4d6b6f > person.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if x.to == "" && (x.address != "" || x.url != "" || x.tokenFile != "" || x.values) {
				return usageError{fmt.Errorf("--address, --url, --token-file and --values go with --to (see %s --help)", cmd.CommandPath())}
			}
			if x.to != "" && cmd.Flags().Changed("output") {
				return usageError{errors.New("-o is for a file; what --to sends has a form of its own")}
			}
			if of.subject != "" {
				if err := of.refuseFilters(cmd); err != nil {
					return err
				}
				x.whole = true
				return x.run(cmd, []string{"jsonl", "json"}, of.export)
			}
			if of.actors != nil {
				return usageError{errors.New("--as-actor goes with --subject")}
			}
			return x.run(cmd, []string{"jsonl", "json", "csv"}, x.export)
		},
	}
	x.flags(cmd)
	of.subjectFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&x.output, "output", "o", "jsonl", "jsonl (or json, which is the same) or csv")
	f.StringVar(&x.to, "to", "", "syslog, webhook or stdout")
	f.StringVar(&x.address, "address", "", "of the syslog server: tls://host:6514, tcp://… or udp://…; unset: that of audit.export")
	f.StringVar(&x.url, "url", "", "of the webhook; unset: that of audit.export")
	f.StringVar(&x.tokenFile, "token-file", "", "a file with the bearer token of the webhook of --url")
	f.BoolVar(&x.values, "values", false, "send the values of attributes, too: they cannot be forgotten there")
	return cmd
}

// exportRun is `audit export` at work.
type exportRun struct {
	auditRun
	to, address, url, tokenFile string
	values                      bool
	bar                         *progressbar.ProgressBar
}

func (x *exportRun) export(ctx context.Context) error {
	x.watch()
	take, finish := x.toFile()
	if x.to != "" {
		destination, err := x.destination()
		if err != nil {
			return err
		}
		sink, err := export.Open(destination, x.out)
		if err != nil {
			return err
		}
		defer func() { _ = sink.Close() }() // all is sent, or there is an error already
		take, finish = x.toSink(ctx, sink)
	}
	n := 0
	var failed error
	for e, err := range x.store.Events(ctx, x.filter) {
		if failed = err; failed == nil {
			failed = take(e)
		}
		if failed != nil {
			break
		}
		n++
		_ = x.bar.Add(1) // it is only shown
	}
	if err := finish(failed == nil); failed == nil {
		failed = err
	}
	_ = x.bar.Finish() // it is only shown
	if failed != nil {
		return fmt.Errorf("not all events are exported: %w", failed)
	}
	fmt.Fprintf(x.err, "%d events\n", n)
	if n == 0 {
		x.nothing()
	}
	return nil
}

// watch shows how far it is, where there is a terminal to show it on.
func (x *exportRun) watch() { x.bar = countBar(x.err, "events") }

// countBar counts what nobody knows the number of, on a terminal.
func countBar(to io.Writer, what string) *progressbar.ProgressBar {
	file, ok := to.(*os.File)
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(to), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetVisibility(ok && isTerminal(file)), progressbar.OptionClearOnFinish())
}

// toFile prints events. What was read before an error is in the file all the same.
func (x *exportRun) toFile() (take func(journal.Event) error, finish func(bool) error) {
	to := newPrinter(x.output, x.out)
	return to.print, func(bool) error { return to.flush() }
}

// toSink sends events, some at once.
func (x *exportRun) toSink(ctx context.Context, sink export.Sink) (take func(journal.Event) error, finish func(bool) error) {
	var waiting []export.Entry
	send := func() error {
		if len(waiting) == 0 {
			return nil
		}
		err := export.Deliver(ctx, sink, waiting, exportPatience, func(err error, next time.Duration) {
			fmt.Fprintf(x.err, "scim-adapter: %s: %v; trying again in %s\n", sink, err, next.Round(time.Millisecond))
		})
		waiting = waiting[:0]
		return err
	}
	take = func(e journal.Event) error {
		if waiting = append(waiting, export.Of(e, x.values)); len(waiting) < exportBatch {
			return nil
		}
		return send()
	}
	return take, func(well bool) error {
		if !well {
			return nil
		}
		return send()
	}
}

// destination is what the flags say, else the one of this kind that the configuration has.
func (x *exportRun) destination() (configs.AuditExport, error) {
	d := configs.AuditExport{To: x.to, Address: x.address, URL: configs.NewSecret(x.url)}
	if x.tokenFile != "" {
		token, err := os.ReadFile(x.tokenFile)
		if err != nil {
			return d, fmt.Errorf("--token-file: %w", err)
		}
		d.Token = configs.NewSecret(strings.TrimSpace(string(token)))
	}
	if x.to != configs.ExportStdout && x.address == "" && x.url == "" && x.tokenFile == "" {
		var there []configs.AuditExport
		for _, e := range x.file.Audit.Export {
			if e.To == x.to {
				there = append(there, e)
			}
		}
		if len(there) == 1 {
			return there[0], nil
		}
		if len(there) > 1 {
			return d, usageError{fmt.Errorf("audit.export has %d destinations of %s: say which with --address or --url", len(there), x.to)}
		}
	}
	if faults := d.Validate(); len(faults) > 0 {
		return d, usageError{fmt.Errorf("--%s %s: %s", faults[0].Path, faults[0].Message, faults[0].Remedy)}
	}
	return d, nil
}
