package lens

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// forever is the value of pwdAccountLockedTime that no time lifts (draft-behera-ldap-password-policy §5.3.3).
const forever = "000001010000Z"

func states(now func() time.Time) []mapping.Spec {
	return []mapping.Spec{
		{
			Name: "bool", Usage: "bool[(TRUE, FALSE)]", Type: scim.TypeBoolean, Ops: onState, Exact: true,
			Doc: "Two words ⇄ true and false; without arguments the words are LDAP's `TRUE` and `FALSE`. Case and outer blanks of a word do not matter. Any other word is not shown, and kept.",
			New: newBool,
			Examples: []mapping.Example{
				{Native: []string{"TRUE"}, Scim: []any{true}},
				{Args: []string{"Y", "N"}, Native: []string{"N"}, Before: []string{"Y"}, Scim: []any{false}},
				{Args: []string{"Y", "N"}, Native: []string{"perhaps"}, Scim: nil, OneWay: true},
			},
		},
		{
			Name: "not", Usage: "not", Type: scim.TypeBoolean, Ops: onState, Exact: true,
			Doc: "True ⇄ false. It stands after a lens that makes a boolean, or over a column that is one.",
			New: noArgs(each{show: showNot, write: writeNot, where: whereNot}),
		},
		{
			Name: "absent", Usage: `absent[(now) | ("VALUE")]`, Type: scim.TypeBoolean, Ops: onState, Exact: true,
			Doc: "True when the attribute has no value. Writing true removes what is there; writing false puts the argument there, `now` being the present time, and leaves alone what is there already. " +
				"Without an argument it can only be read. A column that tells when somebody left is `left_on | absent(now)`.",
			New: newAbsent(now),
			Examples: []mapping.Example{
				{Args: []string{"gone"}, Native: nil, Before: []string{"gone"}, Scim: []any{true}},
				{Args: []string{"gone"}, Native: []string{"gone"}, Scim: []any{false}},
				{Args: []string{"gone"}, Native: []string{"since May"}, Before: []string{"since May"}, Scim: []any{false}},
				{Native: []string{"20200101000000Z"}, Scim: []any{false}, OneWay: true},
			},
		},
		{
			Name: "locked", Usage: "locked[(any)]", Type: scim.TypeBoolean, Ops: onState, Exact: true, LiftedByPassword: true,
			Doc: "For `pwdAccountLockedTime` of the password policy. Only `" + forever + "`, which no time lifts, is false (inactive). Any other time is a passing lock-out after wrong passwords: it shows as true, " +
				"and writing true leaves it alone. Writing false replaces whatever is there by `" + forever + "`. With `any` every value is false, and writing true removes it.",
			New: newLocked,
			Examples: []mapping.Example{
				{Native: nil, Before: []string{forever}, Scim: []any{true}},
				{Native: []string{forever}, Scim: []any{false}},
				{Native: []string{"20260101120000Z"}, Before: []string{"20260101120000Z"}, Scim: []any{true}},
				{Native: []string{forever}, Before: []string{"20260101120000Z"}, Scim: []any{false}},
				{Args: []string{"any"}, Native: []string{"20260101120000Z"}, Scim: []any{false}, OneWay: true},
				{Args: []string{"any"}, Native: nil, Before: []string{"20260101120000Z"}, Scim: []any{true}},
			},
		},
	}
}

func newBool(args []string) (mapping.Lens, error) {
	words := [2]string{"TRUE", "FALSE"}
	switch len(args) {
	case 0:
	case 2:
		words = [2]string(args)
	default:
		return nil, fmt.Errorf("write bool, or bool with the word for true and the word for false: bool(Y, N)")
	}
	if codeKey(words[0]) == codeKey(words[1]) || codeKey(words[0]) == "" || codeKey(words[1]) == "" {
		return nil, fmt.Errorf("the words for true and false must be two, letter case apart: bool(Y, N)")
	}
	codes := enum{boolean: true}
	for i, w := range words {
		codes.pairs = append(codes.pairs, pair{code: w, word: [2]string{"true", "false"}[i]})
	}
	if len(args) == 0 {
		return ldapBool{codes.lens(), codes}, nil
	}
	return wordBool{codes.lens(), codes}, nil
}

// wordBool is bool with words of the mapping's own.
type wordBool struct {
	each
	of enum
}

// Tabular is bool over a column.
func (l wordBool) Tabular() mapping.Lens {
	l.of.tabular = true
	return wordBool{l.of.lens(), l.of}
}

// ldapBool is bool with LDAP's own words, whose comparison the directory has a rule for.
type ldapBool struct {
	each
	of enum
}

// Tabular is bool over a column, whose truths need no words.
func (l ldapBool) Tabular() mapping.Lens {
	l.of.tabular = true
	return wordBool{l.of.lens(), l.of}
}

func (l ldapBool) Where(t mapping.Test) (backends.Predicate, bool) {
	if t.Syntax.Equality != backends.BooleanRule {
		return l.each.Where(t)
	}
	switch t.Op {
	case filter.Pr:
		return next(t, filter.Pr, nil)
	case filter.Eq:
		v, ok := t.Value.(bool)
		if !ok {
			return nil, false
		}
		return ruled(t, filter.Eq, map[bool]string{true: "TRUE", false: "FALSE"}[v], backends.BooleanRule)
	default:
		return nil, false
	}
}

func showNot(v backends.Value) (any, bool, error) {
	canonical, ok := backends.Canonical(backends.BooleanRule, v.Text())
	if !ok {
		return nil, false, fmt.Errorf("%q is neither true nor false; a lens such as bool has to stand before not", clip(v.Text()))
	}
	return canonical == "FALSE", false, nil
}

func writeNot(v any, _ backends.Kind) (backends.Value, error) {
	b, err := asBool(v)
	return backends.Bool(!b), err
}

func whereNot(t mapping.Test) (backends.Predicate, bool) {
	switch t.Op {
	case filter.Pr:
		p, _ := next(t, filter.Eq, true)
		if eq, ok := p.(backends.Eq); ok && eq.Value == backends.Bool(true) && t.Syntax.Equality != backends.BooleanRule { // not every text is a truth
			return anyOf(say(next(t, filter.Eq, true)), say(next(t, filter.Eq, false)))
		}
		return next(t, filter.Pr, nil)
	case filter.Eq:
		v, ok := t.Value.(bool)
		if !ok {
			return nil, false
		}
		return next(t, filter.Eq, !v)
	default:
		return nil, false
	}
}

// absent is a state; readOnly where nothing says what to write for false.
type absent struct {
	state
	readOnly bool
}

// OneWay says that a mapping with it cannot be written.
func (a absent) OneWay() bool { return a.readOnly }

func newAbsent(now func() time.Time) func([]string) (mapping.Lens, error) {
	return func(args []string) (mapping.Lens, error) {
		if len(args) > 1 || len(args) == 1 && args[0] == "" {
			return nil, fmt.Errorf(`write absent, absent(now) or absent("VALUE")`)
		}
		mark := func() backends.Value { return backends.Value{} }
		switch {
		case len(args) == 1 && args[0] == "now":
			mark = func() backends.Value { return backends.Time(now().Truncate(time.Second)) }
		case len(args) == 1:
			mark = func() backends.Value { return backends.String(args[0]) }
		}
		return absent{readOnly: len(args) == 0, state: state{
			show: func(native backends.Values) bool { return len(native) == 0 },
			write: func(_ backends.Values, gone bool) (backends.Values, error) {
				if gone {
					return nil, nil
				}
				v := mark()
				if v.IsZero() {
					return nil, errors.New(`cannot be false: write absent(now) or absent("VALUE") in the mapping to say what stands for it`)
				}
				return backends.Values{v}, nil
			},
			where: func(t mapping.Test, gone bool) (backends.Predicate, bool) {
				p, ok := next(t, filter.Pr, nil)
				if gone {
					return not(p, ok)
				}
				return p, ok
			},
		}}, nil
	}
}

func newLocked(args []string) (mapping.Lens, error) {
	passing := isForever
	switch {
	case len(args) == 0:
	case len(args) == 1 && args[0] == "any":
		passing = func(backends.Value) bool { return true }
	default:
		return nil, fmt.Errorf("write locked or locked(any)")
	}
	return state{
		show: func(native backends.Values) bool { return !slices.ContainsFunc(native, passing) },
		write: func(before backends.Values, active bool) (backends.Values, error) {
			if active {
				return slices.DeleteFunc(slices.Clone(before), passing), nil
			}
			return backends.Values{backends.String(forever)}, nil
		},
		where: func(t mapping.Test, active bool) (backends.Predicate, bool) {
			p, ok := ruled(t, filter.Eq, forever, backends.TimeRule)
			if len(args) > 0 {
				p, ok = next(t, filter.Pr, nil)
			}
			if active {
				return not(p, ok)
			}
			return p, ok
		},
	}, nil
}

// isForever knows the mark however it is spelled: directories may add the seconds.
func isForever(v backends.Value) bool {
	return backends.Normalize(backends.TimeRule, v.Text()) == backends.Normalize(backends.TimeRule, forever)
}
