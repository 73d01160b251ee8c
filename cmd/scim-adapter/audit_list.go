package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/backends"
)

const (
	followPoll  = time.Second
	followBatch = 500 // events that are asked for at once
)

func auditListCommand() *cobra.Command {
	l := listRun{limit: 100}
	cmd := &cobra.Command{
		Use:   "list --config FILE [--since TIME] [--until TIME] [--actor NAME] [--type TYPE] [--id ID] [--action ACTION] [--status STATUS] [--follow]",
		Short: "List what was done: who, when, what to, and with what outcome",
		Long: `List shows the last events that the filters leave, the newest at the end. With --follow it goes on with what is settled from then on, until it is interrupted;
events that are still open are shown when they are settled. Times are those of this place in a table, and UTC in JSON and CSV.

  scim-adapter audit list --config scim.yaml --since 7d --actor okta --action delete
  scim-adapter audit list --config scim.yaml --follow -o json | jq .`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case l.limit < 0:
				return usageError{fmt.Errorf("--limit %d is less than none; 0 is all of them", l.limit)}
			case l.follow && (l.until != "" || l.newestFirst):
				return usageError{errors.New("--follow goes on with what comes, so --until and --newest-first mean nothing to it")}
			}
			return l.run(cmd, []string{"table", "json", "jsonl", "csv"}, l.list)
		},
	}
	l.flags(cmd)
	f := cmd.Flags()
	f.StringVarP(&l.output, "output", "o", "table", "table, json or jsonl (a line for each event, with everything) or csv")
	f.IntVar(&l.limit, "limit", l.limit, "so many, the newest; 0: all")
	f.BoolVar(&l.newestFirst, "newest-first", false, "the newest first")
	f.BoolVarP(&l.follow, "follow", "f", false, "go on with what is settled from now on")
	return cmd
}

// listRun is `audit list` at work.
type listRun struct {
	auditRun
	limit               int
	newestFirst, follow bool
}

func (l *listRun) list(ctx context.Context) error {
	to := newPrinter(l.output, l.out)
	if l.follow {
		return l.followed(ctx, to)
	}
	f := l.filter
	f.Newest = l.limit > 0 || l.newestFirst
	if l.limit > 0 {
		f.Limit = l.limit + 1 // one more, to know whether there are more
	}
	n, more := 0, false
	var last []journal.Event // where the newest come first, and are shown at the end
	for e, err := range l.store.Events(ctx, f) {
		if err != nil {
			return errors.Join(to.flush(), err)
		}
		if more = l.limit > 0 && n == l.limit; more {
			break
		}
		n++
		if f.Newest && !l.newestFirst {
			last = append(last, e)
		} else if err := to.print(e); err != nil {
			return err
		}
	}
	for _, e := range slices.Backward(last) {
		if err := to.print(e); err != nil {
			return err
		}
	}
	if err := to.flush(); err != nil {
		return err
	}
	switch {
	case more:
		fmt.Fprintf(l.err, "These are the newest %d; there are more. --limit N shows so many, --limit 0 all\n", n)
	case n == 0:
		l.nothing()
	}
	return nil
}

// last gives the newest events, the newest of them at the end.
func (a *auditRun) last(ctx context.Context, f journal.Filter) (events []journal.Event, err error) {
	for e, err := range a.store.Events(ctx, f) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	slices.Reverse(events)
	return events, nil
}

// followed shows the last events and goes on with those that are settled later: none is left out, and none comes twice.
func (l *listRun) followed(ctx context.Context, to printer) error {
	var place journal.Place
	shown := map[journal.ID]bool{} // that may come again, because they were settled after place
	if l.limit > 0 {
		var err error
		if place, err = l.store.End(ctx); err != nil {
			return stopped(ctx, err)
		}
		f := l.filter
		f.Limit, f.Newest = l.limit, true
		if len(f.Statuses) == 0 { // what is open comes when it is settled
			f.Statuses = slices.DeleteFunc(slices.Clone(auditStatuses), func(s string) bool { return s == journal.StatusOpen })
		}
		events, err := l.last(ctx, f)
		if err != nil {
			return stopped(ctx, err)
		}
		for _, e := range events {
			shown[e.Intent.ID] = e.Outcome != nil
			if err := to.print(e); err != nil {
				return err
			}
		}
	}
	if err := to.flush(); err != nil {
		return err
	}
	return l.goOn(ctx, place, shown, to)
}

// goOn shows what is settled after a place, until ctx is over.
func (l *listRun) goOn(ctx context.Context, place journal.Place, shown map[journal.ID]bool, to printer) error {
	for away := false; ; {
		events, next, err := l.store.Follow(ctx, place, followBatch)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, backends.ErrUnavailable):
			if !away {
				fmt.Fprintln(l.err, "scim-adapter: the journal is away; going on when it is back:", err)
			}
			away = true
		case err != nil:
			return err
		default:
			away, place = false, next
		}
		for _, e := range events {
			if shown[e.Intent.ID] {
				delete(shown, e.Intent.ID)
				continue
			}
			if !l.filter.Matches(e) {
				continue
			}
			if err := to.print(e); err != nil {
				return err
			}
		}
		if err := to.flush(); err != nil {
			return err
		}
		if len(events) == followBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPoll):
		}
	}
}

// stopped is no error where somebody has interrupted.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printer shows events. Until it is flushed it may keep some to itself.
type printer interface {
	print(e journal.Event) error
	flush() error
}

func newPrinter(output string, to io.Writer) printer {
	switch output {
	case "csv":
		return &csvPrinter{to: csv.NewWriter(to)}
	case "table":
		return &tablePrinter{to: tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)}
	}
	return linePrinter{to}
}

// linePrinter shows everything, as JSON.
type linePrinter struct{ to io.Writer }

func (p linePrinter) print(e journal.Event) error {
	text, err := export.JSONLines([]export.Entry{export.Of(e, true)})
	if err != nil {
		return err
	}
	_, err = p.to.Write(text)
	return err
}

func (linePrinter) flush() error { return nil }

// tablePrinter shows a line for people.
type tablePrinter struct {
	to     *tabwriter.Writer
	headed bool
	lines  int
}

// pageOfTable is after how many lines the widths of columns are fixed anew: a table is not held whole.
const pageOfTable = 1000

func (p *tablePrinter) print(e journal.Event) error {
	if !p.headed {
		p.headed = true
		fmt.Fprintln(p.to, "TIME\tEVENT\tACTOR\tACTION\tRESOURCE\tNAME\tSTATUS\tCHANGED")
	}
	v := export.Of(e, false)
	cells := []string{v.Time.Local().Format(tableTime), string(v.Event), v.Who(), v.Action, v.Resource(), nameCell(export.NameOf(e)), v.Status, changedCell(v)}
	for i, c := range cells {
		if cells[i] = plain(c); cells[i] == "" {
			cells[i] = "-"
		}
	}
	if _, err := fmt.Fprintln(p.to, strings.Join(cells, "\t")); err != nil {
		return err
	}
	if p.lines++; p.lines%pageOfTable == 0 {
		return p.to.Flush()
	}
	return nil
}

func (p *tablePrinter) flush() error { return p.to.Flush() }

// nameCell is a name, of one that is a DN its first part.
func nameCell(name string) string {
	const most = 40
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			i++
		} else if name[i] == ',' && strings.Contains(name[:i], "=") {
			name = name[:i]
		}
	}
	if r := []rune(name); len(r) > most {
		name = string(r[:most-1]) + "…"
	}
	return name
}

// changedCell names attributes, a few of many.
func changedCell(v export.Entry) string {
	const most = 6
	names := strings.Join(v.Changed, ", ")
	if n := len(v.Changed); n > most {
		names = fmt.Sprintf("%s and %d more", strings.Join(v.Changed[:most], ", "), n-most)
	}
	if v.Forgotten {
		return strings.TrimSpace(names + " (forgotten)")
	}
	return names
}

// plain is a text in which nothing can move the cursor or colour what comes after: a client chooses its own name.
func plain(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// csvPrinter shows what fits into columns.
type csvPrinter struct {
	to     *csv.Writer
	headed bool
}

var csvHeader = []string{
	"time", "finished", "event", "tenant", "client", "subject", "address", "user_agent", "request_id", "action", "resource_type", "resource_id", "name", "status", "version", "changed", "undoes", "refused", "error", "query",
}

func (p *csvPrinter) print(e journal.Event) error {
	if err := p.head(); err != nil {
		return err
	}
	v := export.Of(e, true)
	finished := ""
	if v.Finished != nil {
		finished = v.Finished.Format(time.RFC3339Nano)
	}
	row := []string{
		v.Time.Format(time.RFC3339Nano), finished, string(v.Event), v.Tenant, v.Client, v.Subject, v.Address, v.UserAgent, v.RequestID, v.Action, v.ResourceType, v.ResourceID, export.NameOf(e), v.Status, v.Version,
		strings.Join(v.Changed, " "), string(v.Undoes), v.Refused, v.Error, v.Query,
	}
	for i, cell := range row {
		row[i] = harmless(cell)
	}
	return p.to.Write(row)
}

// head writes the header once.
func (p *csvPrinter) head() error {
	if p.headed {
		return nil
	}
	p.headed = true
	return p.to.Write(csvHeader)
}

func (p *csvPrinter) flush() error {
	if err := p.head(); err != nil {
		return err
	}
	p.to.Flush()
	return p.to.Error()
}

// harmless is a cell that no spreadsheet takes for a formula.
func harmless(cell string) string {
	if trimmed := strings.TrimLeftFunc(cell, unicode.IsSpace); trimmed != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(trimmed)[0]) || strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") {
		return "'" + cell
	}
	return cell
}
