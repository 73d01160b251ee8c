package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/backends"
)

func auditShowCommand() *cobra.Command {
	var s showRun
	cmd := &cobra.Command{
		Use:   "show --config FILE EVENT",
		Short: "Show one event: who did what, what stood there before, and what came of it",
		Long: `Show prints an event with its steps: what was to be changed in the directory (- what goes, + what comes), what stood there before, and what took effect.
Secrets are never shown, and long values are cut; -o json has them whole.

  scim-adapter audit show --config scim.yaml 01930000-0000-7000-8000-000000000000`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneAmong("--color", []string{"auto", "always", "never"}, s.color); err != nil {
				return err
			}
			return s.run(cmd, []string{"text", "json"}, func(ctx context.Context) error { return s.show(ctx, journal.ID(args[0])) })
		},
	}
	configFlag(cmd, &s.config)
	cmd.Flags().StringVarP(&s.output, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&s.color, "color", "auto", "auto (on a terminal, unless NO_COLOR is set), always or never")
	return cmd
}

// showRun is `audit show` at work.
type showRun struct {
	auditRun
	color   string
	colours bool
}

// shown is an event with what was done about it later.
type shown struct {
	export.Entry
	UndoneBy []journal.ID `json:"undone_by,omitempty"`
}

func (s *showRun) show(ctx context.Context, id journal.ID) error {
	e, err := s.store.Lookup(ctx, id)
	if errors.Is(err, journal.ErrNoIntent) {
		return fmt.Errorf("the journal has no event %s", id)
	}
	if err != nil {
		return err
	}
	v := shown{Entry: export.Of(e, true)}
	for later, err := range s.store.Events(ctx, journal.Filter{Undoes: e.Intent.ID, Since: e.Intent.Time}) {
		if err != nil {
			return err
		}
		if later.Status() == journal.StatusDone {
			v.UndoneBy = append(v.UndoneBy, later.Intent.ID)
		}
	}
	if s.output == "json" {
		to := json.NewEncoder(s.out)
		to.SetEscapeHTML(false)
		to.SetIndent("", "  ")
		return to.Encode(v)
	}
	file, ok := s.out.(*os.File)
	s.colours = s.color == "always" || s.color == "auto" && os.Getenv("NO_COLOR") == "" && ok && isTerminal(file)
	s.head(v)
	switch {
	case v.Unsaid:
		fmt.Fprintln(s.out, "\nUnreadable: no key opens what was written of this resource, and no event says that it was erased: somebody has taken its key away, or changed it. "+
			"scim-adapter audit verify says of which others. What stands here is all that can be read.")
	case v.Forgotten:
		fmt.Fprintln(s.out, "\nForgotten: the key of what was written of this resource is destroyed. What stands here is all that can still be read.")
	}
	s.resource(v.Diff)
	for i, step := range v.Steps {
		s.step(i+1, step, v.Forgotten)
	}
	return nil
}

// head prints what is known of every event. Every text of it may come from a client.
func (s *showRun) head(v shown) {
	when := v.Time.Local().Format("2006-01-02 15:04:05.000 -07:00")
	if v.Finished != nil {
		when += fmt.Sprintf(" (took %s)", v.Finished.Sub(v.Time).Round(time.Millisecond))
	}
	who := v.Client
	if v.Subject != "" && v.Subject != v.Client {
		who = strings.TrimSpace(who + " as " + v.Subject)
	}
	outcome := v.Status
	if v.Version != "" {
		outcome += ", version " + v.Version
	}
	undone := make([]string, len(v.UndoneBy))
	for i, id := range v.UndoneBy {
		undone[i] = string(id)
	}
	for _, line := range []struct{ name, text string }{
		{"event", string(v.Event)},
		{"when", when},
		{"who", who},
		{"tenant", v.Tenant},
		{"from", strings.TrimSpace(v.Address + " " + v.UserAgent)},
		{"request", v.RequestID},
		{"what", v.Action + " " + v.Resource()},
		{"query", v.Query},
		{"outcome", outcome},
		{"refused", v.Refused},
		{"error", v.Error},
		{"dropped", strings.Join(v.Dropped, ", ")},
		{"undoes", string(v.Undoes)},
		{"undone by", strings.Join(undone, ", ")},
		{"written by", v.Writer},
	} {
		if line.text != "" {
			fmt.Fprintf(s.out, "%-11s %s\n", line.name, plain(line.text))
		}
	}
}

// resource prints what changes of the resource, as clients see it.
func (s *showRun) resource(diff []journal.Change) {
	if len(diff) == 0 {
		return
	}
	fmt.Fprintln(s.out, "\nThe resource:")
	for _, c := range diff {
		if bytes.Equal(c.Before, c.After) {
			continue
		}
		if c.Before != nil {
			s.line('-', c.Path, string(c.Before))
		}
		if c.After != nil {
			s.line('+', c.Path, string(c.After))
		}
	}
}

// step prints what a step was to change in the directory, what stood there before, and what took effect where that is something else.
func (s *showRun) step(n int, step export.Step, forgotten bool) {
	text := fmt.Sprintf("Step %d: %s %s", n, step.Op, step.Backend)
	if step.Name != "" {
		text += " " + step.Name
	}
	if step.Key != "" {
		text += " (" + string(step.Key) + ")"
	}
	if step.Status != "" {
		text += ": " + step.Status
	}
	fmt.Fprintln(s.out, "\n"+plain(text))
	if step.Error != "" {
		fmt.Fprintln(s.out, "  error: "+plain(step.Error))
	}
	if forgotten {
		return
	}
	if step.Op == "delete" {
		s.values('-', step.Before)
		return
	}
	s.values('+', step.Attrs)
	s.changes(step.Changes, step.Before)
	if len(step.Before) > 0 {
		fmt.Fprintln(s.out, "  before:")
		s.values(' ', step.Before)
	}
	if len(step.Effective) > 0 && !slices.EqualFunc(step.Changes, step.Effective, sameChange) {
		fmt.Fprintln(s.out, "  took effect:")
		s.changes(step.Effective, step.Before)
	}
}

func sameChange(a, b backends.Change) bool {
	return a.Op == b.Op && a.Attr == b.Attr && slices.Equal(a.Values, b.Values)
}

// changes prints what goes and what comes. What a replacement leaves as it was is not told.
func (s *showRun) changes(changes []backends.Change, before backends.Attributes) {
	for _, c := range changes {
		var gone, come backends.Values
		there := before[c.Attr]
		switch c.Op {
		case backends.Add:
			come = c.Values
		case backends.Remove:
			if gone = c.Values; len(gone) == 0 {
				gone = there
			}
		case backends.Replace:
			gone = slices.DeleteFunc(slices.Clone(there), func(v backends.Value) bool { return slices.Contains(c.Values, v) })
			come = slices.DeleteFunc(slices.Clone(c.Values), func(v backends.Value) bool { return slices.Contains(there, v) })
		default:
			come = c.Values
		}
		s.values('-', backends.Attributes{c.Attr: gone})
		s.values('+', backends.Attributes{c.Attr: come})
		if len(gone)+len(come) == 0 {
			s.line(' ', c.Attr, "("+fmt.Sprint(c.Op)+")")
		}
	}
}

// values prints attributes, a line for each value.
func (s *showRun) values(mark rune, attrs backends.Attributes) {
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		for _, v := range attrs[name] {
			s.line(mark, name, v.String())
		}
	}
}

const longValue = 160 // characters of a value that are shown

// line prints one value, behind a mark, and in its colour.
func (s *showRun) line(mark rune, name, text string) {
	if n := len(text); utf8.RuneCountInString(text) > longValue {
		text = fmt.Sprintf("%s… (%d bytes)", string([]rune(text)[:longValue]), n)
	}
	line := fmt.Sprintf("  %c %s: %s", mark, plain(name), plain(text))
	if colour := map[rune]string{'-': "31", '+': "32"}[mark]; s.colours && colour != "" {
		line = "\x1b[" + colour + "m" + line + "\x1b[0m"
	}
	fmt.Fprintln(s.out, line)
}
