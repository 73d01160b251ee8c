package lens

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

func codes() []mapping.Spec {
	return []mapping.Spec{{
		Name: "enum", Usage: "enum(CODE=WORD, …)", Ops: []filter.Op{filter.Eq, filter.Ne, filter.Pr, filter.Co, filter.Sw, filter.Ew}, Exact: true,
		Doc: "The directory's codes ⇄ words. Case and outer blanks of a code do not matter; over the column of a table, blanks do. A code that is not listed is kept and not shown; a word that is not listed is 400 `invalidValue`. " +
			"Where several codes have one word, the first is written. When the words are `true` and `false`, the result is a boolean.",
		New: newEnum,
		Examples: []mapping.Example{
			{Args: []string{"E=Employee", "C=Contractor"}, Native: []string{"C"}, Before: []string{"E"}, Scim: []any{"Contractor"}},
			{Args: []string{"E=Employee", "C=Contractor"}, Native: []string{"X"}, Scim: nil, OneWay: true},
			{Args: []string{"E=Employee", "C=Contractor"}, Native: []string{"X", "E"}, Before: []string{"X", "C"}, Scim: []any{"Employee"}},
			{Args: []string{"ACTIVE=true", "SUSPENDED=false"}, Native: []string{"SUSPENDED"}, Before: []string{"ACTIVE"}, Scim: []any{false}},
		},
	}}
}

// enum is a list of codes with their words.
type enum struct {
	pairs   []pair
	boolean bool // the words are true and false
	tabular bool // over columns: a code is compared letter by letter, without case
}

type pair struct{ code, word string }

func newEnum(args []string) (mapping.Lens, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("write the directory's codes and their words: enum(E=Employee, C=Contractor)")
	}
	var e enum
	for _, arg := range args {
		i := strings.LastIndexByte(arg, '=')
		if i < 1 || i == len(arg)-1 {
			return nil, fmt.Errorf("%q is no pair: write CODE=WORD, for example E=Employee", arg)
		}
		p := pair{code: arg[:i], word: arg[i+1:]}
		if slices.ContainsFunc(e.pairs, func(q pair) bool { return codeKey(q.code) == codeKey(p.code) }) {
			return nil, fmt.Errorf("the code %s is listed twice, letter case apart: give each code one word", p.code)
		}
		e.pairs = append(e.pairs, p)
	}
	e.boolean = !slices.ContainsFunc(e.pairs, func(p pair) bool { return p.word != "true" && p.word != "false" })
	return typed{e.lens(), e.typ(), e.words(), e}, nil
}

// typed is an enum that says what it yields, because that depends on its arguments.
type typed struct {
	each
	typ   scim.Type
	words []string
	of    enum
}

// Tabular is the enum over a column.
func (t typed) Tabular() mapping.Lens {
	t.of.tabular = true
	t.each = t.of.lens()
	return t
}

// Type is what Get yields.
func (t typed) Type() scim.Type { return t.typ }

// Words are all that Get can show.
func (t typed) Words() []string { return t.words }

// words are those of the pairs, each once; several codes may share one.
func (e enum) words() []string {
	if e.boolean {
		return nil
	}
	var words []string
	for _, p := range e.pairs {
		if !slices.Contains(words, p.word) {
			words = append(words, p.word)
		}
	}
	return words
}

func (e enum) typ() scim.Type {
	if e.boolean {
		return scim.TypeBoolean
	}
	return scim.TypeString
}

// codeKey is how codes compare: as LDAP's caseIgnoreMatch.
func codeKey(code string) string { return backends.Normalize(backends.CaseIgnoreSpace, code) }

// rule is how the directory is asked to compare codes.
func (e enum) rule() backends.Rule {
	if e.tabular {
		return backends.CaseIgnore
	}
	return backends.CaseIgnoreSpace
}

func (e enum) key(code string) string { return backends.Normalize(e.rule(), code) }

func (e enum) lens() each { return each{show: e.show, write: e.write, where: e.where} }

// value is a word as SCIM has it.
func (e enum) value(word string) any {
	if e.boolean {
		return word == "true"
	}
	return word
}

// literal is what a client or the lens to the right wrote: booleans may come as words.
func (e enum) literal(v any) any {
	if b, err := asBool(v); err == nil && e.boolean {
		return b
	}
	return v
}

func (e enum) show(v backends.Value) (any, bool, error) {
	key := e.key(v.Text())
	for _, p := range e.pairs {
		if e.key(p.code) == key {
			return e.value(p.word), false, nil
		}
	}
	return nil, true, nil
}

// write takes a word as it is listed, or in other letter case where only one word is meant.
func (e enum) write(v any, like backends.Kind) (backends.Value, error) {
	v = e.literal(v)
	for _, p := range e.pairs {
		if e.value(p.word) == v {
			return spelled(p.code, like), nil
		}
	}
	if word, ok := v.(string); ok && !e.boolean {
		for _, p := range e.pairs {
			if strings.EqualFold(p.word, word) {
				return spelled(p.code, like), nil
			}
		}
	}
	return backends.Value{}, fmt.Errorf("must be %s, not %v", e.list(), v)
}

// spelled keeps a typed column typed.
func spelled(code string, like backends.Kind) backends.Value {
	if n, err := strconv.ParseInt(code, 10, 64); like == backends.KindInt && err == nil {
		return backends.Int(n)
	}
	if truth := strings.ToLower(code); like == backends.KindBool && (truth == "true" || truth == "false") {
		return backends.Bool(truth == "true")
	}
	return backends.String(code)
}

// list names the words for a message.
func (e enum) list() string {
	var words []string
	for _, p := range e.pairs {
		if !slices.Contains(words, p.word) {
			words = append(words, p.word)
		}
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// where asks for any of the codes whose word fulfils the test: there are few words, and all are known.
func (e enum) where(t mapping.Test) (backends.Predicate, bool) {
	var terms []said
	for _, p := range e.pairs {
		yes, ok := e.fulfils(t, p.word)
		if !ok {
			return nil, false
		}
		if yes {
			terms = append(terms, say(e.is(t, p.code)))
		}
	}
	return anyOf(terms...)
}

// is asks for a code: of a column of numbers or truths for one of these, which an index serves.
func (e enum) is(t mapping.Test, code string) (backends.Predicate, bool) {
	canonical, legible := backends.Canonical(t.Syntax.Equality, code)
	switch {
	case !e.tabular:
	case t.Syntax.Equality == backends.IntegerRule && legible && canonical == code:
		return next(t, filter.Eq, json.Number(code))
	case t.Syntax.Equality == backends.BooleanRule && legible:
		return next(t, filter.Eq, canonical == "TRUE")
	case t.Syntax.Equality == backends.IntegerRule, t.Syntax.Equality == backends.BooleanRule:
		return backends.False{}, true // no number prints so
	}
	return ruled(t, filter.Eq, code, e.rule())
}

// fulfils tests a word. ok false: the operator is not one for words.
func (e enum) fulfils(t mapping.Test, word string) (yes, ok bool) {
	switch t.Op {
	case filter.Pr:
		return true, true
	case filter.Eq, filter.Co, filter.Sw, filter.Ew:
	default:
		return false, false
	}
	switch want := e.literal(t.Value).(type) {
	case bool:
		return e.value(word) == want, e.boolean && t.Op == filter.Eq
	case string:
		return fulfils(t.Op, word, want, t.Fold), !e.boolean
	}
	return false, false
}
