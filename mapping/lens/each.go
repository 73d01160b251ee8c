package lens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// each is a lens that looks at every value by itself.
type each struct {
	// show gives the SCIM value. hidden: there is none and nothing is wrong. An error: the value cannot be read.
	show func(v backends.Value) (shown any, hidden bool, err error)
	// write gives the native value; like is the kind of the values that were there, 0 when there were none.
	write func(v any, like backends.Kind) (backends.Value, error)
	// where as in mapping.Lens; nil: no filter survives.
	where func(t mapping.Test) (backends.Predicate, bool)
	// unset reports a value that only stands for "none", which a write replaces. nil: there is none.
	unset func(v backends.Value) bool
}

// Get shows what can be shown. One value that cannot be read does not hide the others; when none can be read, that is an error.
func (e each) Get(native backends.Values) ([]any, error) {
	var out []any
	var fault error
	for _, v := range native {
		shown, hidden, err := e.show(v)
		switch {
		case err != nil:
			fault = err
		case !hidden:
			out = append(out, shown)
		}
	}
	if len(out) == 0 && fault != nil {
		return nil, fault
	}
	return out, nil
}

// Put keeps what is not shown, and of what is shown the native spelling where it already shows as wanted: a directory that compares
// loosely would refuse to add one spelling beside another.
func (e each) Put(before backends.Values, values []any) (backends.Values, error) {
	var like backends.Kind
	if len(before) > 0 {
		like = before[0].Kind()
	}
	wanted := make([]written, 0, len(values))
	for _, v := range values {
		native, err := e.write(v, like)
		if err != nil {
			return nil, err
		}
		shown, _, err := e.show(native)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(wanted, func(w written) bool { return w.shown == shown }) {
			wanted = append(wanted, written{native: native, shown: shown})
		}
	}
	var out backends.Values
	for _, v := range before {
		if e.unset != nil && e.unset(v) && len(wanted) > 0 {
			continue
		}
		shown, hidden, err := e.show(v)
		if hidden || err != nil {
			out = append(out, v)
			continue
		}
		if i := slices.IndexFunc(wanted, func(w written) bool { return w.shown == shown }); i >= 0 {
			out = append(out, v)
			wanted[i].there = true
		}
	}
	for _, w := range wanted {
		if !w.there {
			out = append(out, w.native)
		}
	}
	return out, nil
}

// written is a value on its way to the directory, and how it will show.
type written struct {
	native backends.Value
	shown  any
	there  bool // some value of before shows so
}

func (e each) Where(t mapping.Test) (backends.Predicate, bool) {
	if e.where == nil {
		return nil, false
	}
	return e.where(t)
}

// state is a lens that makes one boolean of the whole attribute; it always shows one, an absent attribute included.
type state struct {
	show  func(native backends.Values) bool
	write func(before backends.Values, v bool) (backends.Values, error) // called only where it shows the opposite
	where func(t mapping.Test, v bool) (backends.Predicate, bool)
}

func (s state) Get(native backends.Values) ([]any, error) {
	return []any{s.show(native)}, nil
}

// Put leaves the attribute alone when it is unassigned on the SCIM side: a client that leaves `active` out has not asked for anything,
// and must not enable a leaver by it.
func (s state) Put(before backends.Values, values []any) (backends.Values, error) {
	if len(values) == 0 {
		return before, nil
	}
	v, err := oneBool(values)
	if err != nil || s.show(before) == v {
		return before, err
	}
	return s.write(before, v)
}

func (s state) Where(t mapping.Test) (backends.Predicate, bool) {
	if always, ok := onOneBool(t); always != nil || !ok {
		return always, ok
	}
	v, ok := t.Value.(bool)
	if !ok {
		return nil, false
	}
	return s.where(t, v)
}

func oneBool(values []any) (bool, error) {
	if len(values) > 1 {
		return false, fmt.Errorf("takes one value, not %d", len(values))
	}
	return asBool(values[0])
}

// asBool takes the words as well: a lens on the right may have written them.
func asBool(v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	switch word, _ := v.(string); strings.ToLower(word) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("must be true or false, not %v", v)
}

func asText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("must be text, not %v", v)
	}
	return s, nil
}
