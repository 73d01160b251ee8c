package lens

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func spellings() []mapping.Spec {
	example := func(in, out string) []mapping.Example {
		return []mapping.Example{
			{Native: []string{out}, Scim: []any{out}},
			{Native: []string{in}, Scim: []any{in}, OneWay: true},
		}
	}
	return []mapping.Spec{
		{
			Name: "lower", Usage: "lower", Ops: onText, Text: true, Caseless: true, Exact: true,
			Doc:      "Written in lower case; shown as it is there, and compared without case.",
			New:      noArgs(spelling(strings.ToLower)),
			Examples: example("B.Jensen@Example.org", "b.jensen@example.org"),
		},
		{
			Name: "upper", Usage: "upper", Ops: onText, Text: true, Caseless: true, Exact: true,
			Doc:      "Written in upper case; shown as it is there, and compared without case.",
			New:      noArgs(spelling(strings.ToUpper)),
			Examples: example("de", "DE"),
		},
		{
			Name: "trim", Usage: "trim", Ops: onText, Text: true, Exact: true,
			Doc:      "Written without blanks, tabs and line ends before and after; shown as it is there. A value of nothing else is 400.",
			New:      noArgs(spelling(strings.TrimSpace)),
			Examples: example(" Barbara ", "Barbara"),
		},
		{
			Name: "fold", Usage: "fold", Ops: onText, Text: true, Caseless: true, Exact: true,
			Doc:      "Written with letter case folded (each letter to its small form); shown as it is there, and compared without case. For login names over a unique index.",
			New:      noArgs(spelling(foldCase)),
			Examples: example("BJensen", "bjensen"),
		},
		{
			Name: "prefix", Usage: "prefix(TEXT)", Ops: []filter.Op{filter.Eq, filter.Ne, filter.Sw, filter.Ew}, Exact: true,
			Doc: "Takes away ⇄ puts back what stands before each value, in any letter case. A value without it, or of nothing else, is not shown, and kept.",
			New: newAffix("prefix", "prefix(smtp:)", cutPrefix, affix.withPrefix),
			Examples: []mapping.Example{
				{Args: []string{"smtp:"}, Native: []string{"smtp:b@example.org"}, Scim: []any{"b@example.org"}},
				{Args: []string{"smtp:"}, Native: []string{"x400:c=us", "smtp:b@example.org"}, Before: []string{"x400:c=us", "smtp:a@example.org"}, Scim: []any{"b@example.org"}},
			},
		},
		{
			Name: "suffix", Usage: "suffix(TEXT)", Ops: []filter.Op{filter.Eq, filter.Ne, filter.Sw, filter.Ew}, Exact: true,
			Doc: "Takes away ⇄ puts back what stands after each value, in any letter case. A value without it, or of nothing else, is not shown, and kept.",
			New: newAffix("suffix", "suffix(@example.org)", cutSuffix, affix.withSuffix),
			Examples: []mapping.Example{
				{Args: []string{"@example.org"}, Native: []string{"bjensen@example.org"}, Scim: []any{"bjensen"}},
				{Args: []string{"@example.org"}, Native: []string{"bjensen@EXAMPLE.org"}, Before: []string{"bjensen@EXAMPLE.org"}, Scim: []any{"bjensen"}},
				{Args: []string{"@example.org"}, Native: []string{"bjensen@example.com"}, Scim: nil, OneWay: true},
			},
		},
	}
}

// spelling normalises what is written. What is shown stays as it is there, so a filter means the same on both sides.
func spelling(normal func(string) string) each {
	return each{
		show: func(v backends.Value) (any, bool, error) { return v.Text(), v.Text() == "", nil },
		write: func(v any, _ backends.Kind) (backends.Value, error) {
			s, err := asText(v)
			if err != nil {
				return backends.Value{}, err
			}
			if s = normal(s); s == "" {
				return backends.Value{}, fmt.Errorf("must hold more than blanks")
			}
			return backends.String(s), nil
		},
		where: func(t mapping.Test) (backends.Predicate, bool) { return next(t, t.Op, t.Value) },
	}
}

// affix is a text before or after each value.
type affix struct {
	text string
	cut  func(s, affix string) (string, bool)
	with func(a affix, s string) string
}

func (a affix) withPrefix(s string) string { return a.text + s }
func (a affix) withSuffix(s string) string { return s + a.text }

func newAffix(name, usage string, cut func(s, affix string) (string, bool), with func(affix, string) string) func([]string) (mapping.Lens, error) {
	ours, theirs := filter.Sw, filter.Ew
	if name == "suffix" {
		ours, theirs = theirs, ours
	}
	return func(args []string) (mapping.Lens, error) {
		if len(args) != 1 || args[0] == "" {
			return nil, fmt.Errorf("write the text that stands there, for example %s", usage)
		}
		a := affix{text: args[0], cut: cut, with: with}
		return each{show: a.show, write: a.write, where: func(t mapping.Test) (backends.Predicate, bool) { return a.where(t, ours, theirs) }}, nil
	}
}

func (a affix) show(v backends.Value) (any, bool, error) {
	s, ok := a.cut(v.Text(), a.text)
	return s, !ok || s == "", nil
}

func (a affix) write(v any, _ backends.Kind) (backends.Value, error) {
	s, err := asText(v)
	if err != nil {
		return backends.Value{}, err
	}
	if s == "" {
		return backends.Value{}, fmt.Errorf("must not be empty")
	}
	return backends.String(a.with(a, s)), nil
}

// where looks for the value with its affix. ours is the operator that looks where the affix stands, theirs the one for the other end.
func (a affix) where(t mapping.Test, ours, theirs filter.Op) (backends.Predicate, bool) {
	if !t.Fold && !caseless(a.text) {
		return nil, false // the affix compares without case and the rest with it: no rule does both
	}
	want, isText := t.Value.(string)
	if !isText && t.Op != filter.Pr {
		return nil, false
	}
	rule := caseRule(t.Fold)
	some := t.Op == filter.Pr || want == "" // any value that is shown at all
	switch {
	case t.Op == filter.Eq && want == "":
		return backends.False{}, true
	case t.Op == filter.Eq:
		return ruled(t, filter.Eq, a.with(a, want), rule)
	case t.Op == ours && !some:
		return ruled(t, ours, a.with(a, want), rule)
	case t.Op != filter.Pr && t.Op != ours && t.Op != theirs:
		return nil, false
	case !t.Syntax.Single:
		return nil, false // both halves have to hold of the same value
	case some:
		bare, ok := not(ruled(t, filter.Eq, a.text, rule))
		return all(say(ruled(t, ours, a.text, rule)), said{bare, ok})
	case a.overlaps(want, ours, t.Fold):
		return nil, false
	}
	return all(say(ruled(t, ours, a.text, rule)), say(ruled(t, theirs, want, rule)))
}

// overlaps says whether a value could hold the affix at one end and want at the other with some letters in both.
func (a affix) overlaps(want string, ours filter.Op, fold bool) bool {
	left, right := a.text, want
	if ours == filter.Ew {
		left, right = want, a.text
	}
	if fold {
		left, right = foldCase(left), foldCase(right)
	}
	for n := 1; n <= min(len(left), len(right)); n++ {
		if left[len(left)-n:] == right[:n] {
			return true
		}
	}
	return false
}

// cutPrefix is strings.CutPrefix without case, letter by letter as backends.CaseIgnore folds.
func cutPrefix(s, prefix string) (string, bool) {
	at := 0
	for _, want := range prefix {
		got, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 || unicode.ToLower(got) != unicode.ToLower(want) {
			return "", false
		}
		at += size
	}
	return s[at:], true
}

func cutSuffix(s, suffix string) (string, bool) {
	end := len(s)
	for rest := suffix; rest != ""; {
		want, n := utf8.DecodeLastRuneInString(rest)
		got, size := utf8.DecodeLastRuneInString(s[:end])
		if size == 0 || unicode.ToLower(got) != unicode.ToLower(want) {
			return "", false
		}
		rest, end = rest[:len(rest)-n], end-size
	}
	return s[:end], true
}

// caseless says that s has no letter that case changes.
func caseless(s string) bool {
	for _, r := range s {
		if unicode.ToLower(r) != r || unicode.ToUpper(r) != r {
			return false
		}
	}
	return true
}
