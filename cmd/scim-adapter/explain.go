package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
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
without --live the standard schema is assumed, and of tables nothing is known. With it, a database also tells its plan, and which index is
missing. What must be looked up first (the name of a reference, what the journal keeps) is
not looked up: the output says what would be asked, and what stands for the answer.

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
				if err := p.meet(ctx); err != nil {
					return err
				}
				return explain(cmd.OutOrStdout(), p.mappings, args[0], args[1], func(b backends.Backend, q backends.Query) ([]string, error) {
					return b.Plan(ctx, q)
				})
			}
			return explain(cmd.OutOrStdout(), p.mappings, args[0], args[1], nil)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&live, "live", false, "ask the directory for its schema first")
	return cmd
}

// explain prints what becomes of one filter. plan, where there is one, asks the directory how it would go about it.
func explain(out io.Writer, set *mapping.Set, typeName, text string, plan func(backends.Backend, backends.Query) ([]string, error)) error {
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
	unknowns := m.Unknowns(tree)
	known, lookups := assumed(m, unknowns)
	lowered, err := m.Lower(tree, known)
	if err != nil {
		return usageError{err}
	}
	var t table
	t.row("filter", tree.String())
	if plan == nil && m.Backend().Capabilities().Typed {
		t.row("not connected", "what columns there are, and what each can be asked, is known with --live only")
	}
	for _, l := range lookups {
		t.row("looked up first", l)
	}
	sent := m.Backend().Native(lowered.Where)
	if sent == nobody {
		sent = "nothing: it finds nobody"
	}
	t.row("sent to "+m.BackendName(), sent)
	rest := "nothing: the directory answers it whole"
	if lowered.Rest != nil {
		rest = fmt.Sprintf("%s (on at most %d records)", lowered.Rest, m.Scan())
	}
	t.row("left to test here", rest)
	if len(lowered.Why) == 1 && lowered.Why[0].Why != "" {
		t.row("because", lowered.Why[0].Why)
	}
	reads := m.Reads(func(r scim.Ref) bool { return scim.Projection{}.Wants(r) || lowered.Wants != nil && lowered.Wants(r) })
	slices.Sort(reads)
	if plan != nil {
		steps, err := plan(m.Backend(), backends.Query{Where: lowered.Where, Attrs: reads, Limit: 100})
		if err != nil {
			return err
		}
		t.row("its plan", strings.Join(steps, "\n"))
	}
	t.row("attributes read", strings.Join(reads, " "))
	if len(lowered.Why) > 1 { // of a single term the rows above have said all
		t.terms(lowered.Why, m.Backend().Native(backends.True{}))
	}
	return t.print(out)
}

// nobody is how a filter prints that the directory need not be asked (RFC 4526).
const nobody = "(|)"

// table is rows of two columns, aligned over the whole.
type table [][2]string

// row adds a row; one without a text is left out, unless it has no name either and so stands between others.
func (t *table) row(name, text string) {
	if name == "" || text != "" {
		*t = append(*t, [2]string{name, text})
	}
}

func (t *table) print(out io.Writer) error {
	width := 0
	for _, row := range *t {
		width = max(width, len(row[0]))
	}
	for _, row := range *t {
		for i, line := range strings.Split(row[1], "\n") {
			if i > 0 {
				row[0] = ""
			}
			if _, err := fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%-*s  %s", width, row[0], line), " ")); err != nil {
				return err
			}
		}
	}
	return nil
}

// terms adds what became of each term.
func (t *table) terms(terms []mapping.Reason, scope string) {
	for _, term := range terms {
		t.row("", "")
		t.row("term", term.Term)
		sent := term.Native()
		switch native := withoutScope(sent, scope); {
		case sent == nobody:
			t.row("  in the directory", "nobody")
		case sent != "" && native == "":
			t.row("  in the directory", "everybody")
		case sent != "":
			t.row("  in the directory", native)
		}
		if term.Rest != "" {
			t.row("  left to test here", term.Rest)
		}
		if term.Why != "" {
			t.row("  because", term.Why)
		}
	}
}

// withoutScope takes the mapping's own filter out of a term's; "" when nothing else is in it. Both were printed by one hand: the scope stands
// at the end, and no parenthesis in them is anything but structure, because those of values are escaped.
func withoutScope(native, scope string) string {
	if native == scope {
		return ""
	}
	if strings.Contains(scope, "SELECT ") {
		return sqlTerm(native, scope)
	}
	whole, ok := strings.CutPrefix(native, "(&")
	if !ok {
		return native
	}
	term, ok := strings.CutSuffix(whole, scope+")")
	if !ok && strings.HasPrefix(scope, "(&") { // its terms stand beside those of the filter
		term, ok = strings.CutSuffix(whole, scope[2:len(scope)-1]+")")
	}
	if !ok {
		return native
	}
	depth := 0
	for i, r := range term {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 && i < len(term)-1 {
			return "(&" + term + ")"
		}
	}
	return term
}

// sqlTerm is what a statement asks beyond the scope: what stands in front of the order, behind what the statement without a filter has there. The
// arguments follow it.
func sqlTerm(native, scope string) string {
	before, after, ok := strings.Cut(scope, " ORDER BY ")
	order, _, _ := strings.Cut(after, "\n")
	term, cut := strings.CutPrefix(native, before)
	where, arguments, found := strings.Cut(term, " ORDER BY "+order)
	if !ok || !cut || !found {
		return native
	}
	return strings.TrimPrefix(strings.TrimPrefix(where, " WHERE "), " AND ") + arguments
}

// assumed answers what only the directory or the journal knows as if it had been found, under names and keys that are plainly stand-ins, and
// says for each what is looked up where and what stands for the answer.
func assumed(m *mapping.Mapping, unknowns []mapping.Unknown) (mapping.Known, []string) {
	known := mapping.Known{}
	var lookups []string
	for i, u := range unknowns {
		key := standInKey(m.Backend(), i)
		switch u.Kind {
		case mapping.RefTerm:
			what, name := standIn(m, u.Ref.By, fmt.Sprint(u.Term.Value))
			known[u.Key] = mapping.Answer{Names: []string{name}}
			lookups = append(lookups, fmt.Sprintf("%s: %s of the %s with the id %q, in the directory; stands below as %s (nobody has that id: nobody is found)",
				u.Key, what, strings.Join(u.Ref.Types, " or "), u.Term.Value, name))
		case mapping.ReverseTerm:
			known[u.Key] = mapping.Answer{Keys: []backends.Key{key}}
			lookups = append(lookups, fmt.Sprintf("%s: the keys of the members, by a search of %s in the directory; stand below as %s", u.Key, cmp.Or(u.Ref.Reverse, u.Ref.OrReverse), key))
		case mapping.OverlayTerm:
			known[u.Key] = mapping.Answer{Keys: []backends.Key{key}}
			lookups = append(lookups, fmt.Sprintf("%s: the keys of the %ss that have it, in the journal's overlay of the calling client; stand below as %s", u.Key, m.Name(), key))
		}
	}
	return known, lookups
}

// standInKey is a key of nobody's that the directory could have: a UUID, or a number where its keys are numbers.
func standInKey(b backends.Backend, i int) backends.Key {
	id := backends.Key(fmt.Sprintf("00000000-0000-0000-0000-%012d", i))
	if number := backends.Key(strconv.Itoa(i)); b.Native(backends.KeyIn{Keys: []backends.Key{id}}) == b.Native(backends.False{}) {
		return number
	}
	return id
}

// standIn gives what is looked up of a record that something points to, and a name to stand for it.
func standIn(m *mapping.Mapping, by, id string) (what, name string) {
	if by == "" && !m.Backend().Capabilities().Rename {
		return "the key", id // which is the id
	}
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, id)
	if by == "" {
		return "the DN", "cn=dn-of-" + plain // it must be a DN to be sent as one
	}
	return "the " + by, by + "-of-" + plain
}
