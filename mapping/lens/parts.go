package lens

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

func parts() []mapping.Spec {
	return []mapping.Spec{
		{
			Name: "split", Usage: `split("SEPARATOR", N)`, Exact: true, Part: true,
			Doc: "The N-th piece (from 1) between separators ⇄ the whole with that piece changed. Several paths may share one attribute, each with its own N. " +
				"A piece that contains the separator is 400. Filters are tested on the SCIM side.",
			New: newSplit,
			Examples: []mapping.Example{
				{Args: []string{" ", "1"}, Native: []string{"Barbara Jensen"}, Before: []string{"Babs Jensen"}, Scim: []any{"Barbara"}},
				{Args: []string{" ", "2"}, Native: []string{"Barbara Jensen"}, Before: []string{"Barbara"}, Scim: []any{"Jensen"}},
				{Args: []string{" ", "2"}, Native: []string{"Barbara"}, Scim: nil, OneWay: true},
			},
		},
		{
			Name: "rdn", Usage: `rdn[(TYPE, "PARENT")]`, Exact: true, Part: true,
			Doc: "The value of the first part of a DN ⇄ the DN with that value changed, quoted as RFC 4514 wants. `rdn(ou, \"ou=departments,dc=example,dc=org\")` says what a first value becomes; " +
				"without it an absent attribute cannot be written. Filters are tested on the SCIM side.",
			New: newRDN,
			Examples: []mapping.Example{
				{Native: []string{"ou=R&D\\, Oslo,dc=example,dc=org"}, Before: []string{"ou=Sales,dc=example,dc=org"}, Scim: []any{"R&D, Oslo"}},
				{Args: []string{"ou", "dc=example,dc=org"}, Native: []string{"ou=Sales,dc=example,dc=org"}, Scim: []any{"Sales"}},
			},
		},
		{
			Name: "postalAddress", Usage: "postalAddress(N)", Exact: true, Part: true,
			Doc: "The N-th line (from 1) of a postal address (RFC 4517 §3.3.28) ⇄ the address with that line changed; `$` and `\\` in a line are escaped. Several paths may share one attribute, each with its own line. " +
				"Filters are tested on the SCIM side.",
			New: newPostalLine,
			Examples: []mapping.Example{
				{Args: []string{"2"}, Native: []string{"Universal Studios$Hollywood"}, Before: []string{"Universal Studios$Burbank"}, Scim: []any{"Hollywood"}},
				{Args: []string{"1"}, Native: []string{"\\241,000,000 Sweepstakes$PO Box 1$USA"}, Before: []string{"$PO Box 1$USA"}, Scim: []any{"$1,000,000 Sweepstakes"}},
			},
		},
		{
			Name: "lines", Usage: "lines", Exact: true,
			Doc: "A whole postal address (RFC 4517 §3.3.28) ⇄ text with line ends, as `addresses.formatted` has it. It writes the whole attribute. Filters are tested on the SCIM side.",
			New: noArgs(each{show: showLines, write: writeLines}),
			Examples: []mapping.Example{
				{Native: []string{"1234 Main St.$Anytown, CA$USA"}, Scim: []any{"1234 Main St.\nAnytown, CA\nUSA"}},
				{Native: []string{"a\\24b\\5Cc"}, Scim: []any{"a$b\\c"}},
			},
		},
	}
}

// part is a lens that shows a piece of each value and changes nothing else of it.
type part struct {
	get func(whole string) (piece string, err error) // "": it has none
	// set gives the whole with the piece changed; piece "" takes it away; a whole of "" is new. The answer "" means that nothing is left.
	set func(whole, piece string) (string, error)
}

func (p part) Get(native backends.Values) ([]any, error) {
	return each{show: func(v backends.Value) (any, bool, error) {
		piece, err := p.get(v.Text())
		return piece, piece == "", err
	}}.Get(native)
}

// Put finds a whole for each piece: one that shows it already, else one that shows a piece which is not wanted any more, else one
// without a piece, else a new one. What is left loses its piece.
func (p part) Put(before backends.Values, values []any) (backends.Values, error) {
	wanted, err := pieces(values)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(before)
	there := map[string]bool{}
	var free, empty []int // places of wholes with a piece nobody wants, and of those without one
	for i, v := range before {
		piece, err := p.get(v.Text())
		switch {
		case err != nil:
		case piece == "":
			empty = append(empty, i)
		case slices.Contains(wanted, piece):
			there[piece] = true
		default:
			free = append(free, i)
		}
	}
	places := slices.Concat(free, empty)
	for _, piece := range wanted {
		if there[piece] {
			continue
		}
		at, whole := len(out), ""
		if len(places) > 0 {
			at, places = places[0], places[1:]
			whole = out[at].Text()
		} else {
			out = append(out, backends.Value{})
		}
		if whole, err = p.set(whole, piece); err != nil {
			return nil, err
		}
		out[at] = backends.String(whole)
	}
	for _, at := range places {
		if !slices.Contains(free, at) {
			continue
		}
		whole, err := p.set(out[at].Text(), "")
		if err != nil {
			return nil, err
		}
		out[at] = backends.String(whole)
	}
	return distinct(out), nil
}

// Where declines: no directory looks for the n-th piece of a text.
func (part) Where(mapping.Test) (backends.Predicate, bool) { return nil, false }

// pieces are the wanted texts, each once.
func pieces(values []any) ([]string, error) {
	var out []string
	for _, v := range values {
		s, err := asText(v)
		switch {
		case err != nil:
			return nil, err
		case s == "":
			return nil, fmt.Errorf("must not be empty")
		case !slices.Contains(out, s):
			out = append(out, s)
		}
	}
	return out, nil
}

// distinct drops empty texts and repetitions.
func distinct(values backends.Values) backends.Values {
	var out backends.Values
	for _, v := range values {
		if v.Text() != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// place reads the argument N.
func place(arg string) (int, error) {
	const most = 100 // a larger one is a slip, and would be written as so many separators
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is no place: write a number from 1 to %d", arg, most)
	}
	return n, nil
}

func newSplit(args []string) (mapping.Lens, error) {
	if len(args) != 2 || args[0] == "" {
		return nil, fmt.Errorf(`write the separator and the number of the piece: split(" ", 1)`)
	}
	n, err := place(args[1])
	if err != nil {
		return nil, err
	}
	sep := args[0]
	return part{
		get: func(whole string) (string, error) { return nth(strings.Split(whole, sep), n), nil },
		set: func(whole, piece string) (string, error) {
			list := withNth(pieceList(whole, sep), n, piece)
			out := strings.Join(list, sep)
			if !slices.Equal(pieceList(out, sep), list) { // also where a piece ends with half a separator: a- before --
				return "", fmt.Errorf("must not contain %q, which separates it from its neighbours", sep)
			}
			return out, nil
		},
	}, nil
}

func pieceList(whole, sep string) []string {
	if whole == "" {
		return nil
	}
	return strings.Split(whole, sep)
}

// nth is the n-th of list, "" where there are fewer.
func nth(list []string, n int) string {
	if n > len(list) {
		return ""
	}
	return list[n-1]
}

// withNth is list with its n-th changed; empty pieces at the end go away.
func withNth(list []string, n int, piece string) []string {
	out := slices.Clone(list)
	for len(out) < n {
		out = append(out, "")
	}
	out[n-1] = piece
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

func newPostalLine(args []string) (mapping.Lens, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("write the number of the line: postalAddress(1)")
	}
	n, err := place(args[0])
	if err != nil {
		return nil, err
	}
	return part{
		get: func(whole string) (string, error) { return unescapeLine(nth(strings.Split(whole, "$"), n)), nil },
		set: func(whole, line string) (string, error) {
			if strings.ContainsAny(line, "\r\n") {
				return "", fmt.Errorf("must be one line")
			}
			return strings.Join(withNth(pieceList(whole, "$"), n, escapeLine(line)), "$"), nil
		},
	}, nil
}

// escapeLine writes a line as RFC 4517 §3.3.28 wants: a dollar would end it.
func escapeLine(s string) string {
	return strings.NewReplacer(`\`, `\5C`, `$`, `\24`).Replace(s)
}

func unescapeLine(s string) string {
	return strings.NewReplacer(`\5C`, `\`, `\5c`, `\`, `\24`, `$`).Replace(s)
}

func showLines(v backends.Value) (any, bool, error) {
	lines := strings.Split(v.Text(), "$")
	for i, line := range lines {
		lines[i] = unescapeLine(line)
	}
	text := strings.Join(lines, "\n")
	return text, strings.Trim(text, "\n") == "", nil
}

func writeLines(v any, _ backends.Kind) (backends.Value, error) {
	s, err := asText(v)
	if err != nil {
		return backends.Value{}, err
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if strings.Trim(s, "\n") == "" {
		return backends.Value{}, fmt.Errorf("must hold more than line ends")
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = escapeLine(line)
	}
	return backends.String(strings.Join(lines, "$")), nil
}
