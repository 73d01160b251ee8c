package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// funcs is a lens of functions.
type funcs struct {
	get   func(backends.Values) ([]any, error)
	put   func(backends.Values, []any) (backends.Values, error)
	where func(Test) (backends.Predicate, bool)
}

func (f funcs) Get(v backends.Values) ([]any, error) { return f.get(v) }
func (f funcs) Put(b backends.Values, v []any) (backends.Values, error) {
	return f.put(b, v)
}

func (f funcs) Where(t Test) (backends.Predicate, bool) {
	if f.where == nil {
		return nil, false
	}
	return f.where(t)
}

// lenses are enough of a table to compile with; the real one has its own package and its own tests.
func lenses() []Spec {
	return []Spec{
		{Name: "ref", Ref: true},
		{Name: "int", Type: scim.TypeInteger, Exact: true, Monotone: backends.IntegerRule, New: func([]string) (Lens, error) { return intLens(), nil }},
		{Name: "enum", New: newEnum},
		{Name: "gone", Type: scim.TypeBoolean, Exact: true, New: newGone},
		{Name: "lifted", Type: scim.TypeBoolean, Exact: true, LiftedByPassword: true, New: newGone},
		{Name: "time", Type: scim.TypeDateTime, Exact: true, Monotone: backends.TimeRule, New: func([]string) (Lens, error) { return timeLens(), nil }},
		{Name: "prefix", New: newPrefix},
		{Name: "mark", Type: scim.TypeBoolean, Exact: true, New: newMark},
		{Name: "half", Part: true, New: newHalf},
	}
}

func intLens() Lens {
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				n, err := strconv.ParseInt(v.Text(), 10, 64)
				if err != nil {
					return nil, err
				}
				out = append(out, n)
			}
			return out, nil
		},
		put: func(_ backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range values {
				out = append(out, backends.String(fmt.Sprint(v)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) { return t.Next(t.Op, t.Value) },
	}
}

func newEnum(args []string) (Lens, error) {
	word, code := map[string]string{}, map[string]string{}
	for _, arg := range args {
		c, w, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, errors.New("write enum(CODE=word)")
		}
		word[c], code[strings.ToLower(w)] = w, c
	}
	return worded{slices.Sorted(maps.Values(word)), funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				if w, ok := word[v.Text()]; ok {
					out = append(out, w)
				}
			}
			return out, nil
		},
		put: func(before backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range before {
				if _, known := word[v.Text()]; !known {
					out = append(out, v)
				}
			}
			for _, v := range values {
				c, ok := code[strings.ToLower(fmt.Sprint(v))]
				if !ok {
					return nil, fmt.Errorf("%v is not listed", v)
				}
				out = append(out, backends.String(c))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			var or backends.Or
			for w, c := range code {
				if holds(t.Op, w, t.Value, strings.ToLower) {
					or = append(or, backends.Eq{Attr: t.Attr, Value: backends.String(c), Rule: backends.CaseExact})
				}
			}
			return or, true
		},
	}}, nil
}

// worded is a lens that lists what it shows.
type worded struct {
	words []string
	funcs
}

func (w worded) Words() []string { return w.words }

// newMark shows TRUE and FALSE, and of anything else nothing.
func newMark([]string) (Lens, error) {
	words := map[bool]string{true: "TRUE", false: "FALSE"}
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				if text := v.Text(); text == "TRUE" || text == "FALSE" {
					out = append(out, text == "TRUE")
				}
			}
			return out, nil
		},
		put: func(_ backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range values {
				out = append(out, backends.String(words[v == true]))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			yes, ok := t.Next(filter.Eq, words[true])
			no, both := t.Next(filter.Eq, words[false])
			switch {
			case t.Op == filter.Pr:
				return backends.Or{yes, no}, ok && both
			case t.Op != filter.Eq:
				return nil, false
			case t.Value == true:
				return yes, ok
			}
			return no, both
		},
	}, nil
}

func newGone(args []string) (Lens, error) {
	if len(args) != 1 {
		return nil, errors.New(`write gone("value")`)
	}
	return funcs{
		get: func(values backends.Values) ([]any, error) { return []any{len(values) == 0}, nil },
		put: func(before backends.Values, values []any) (backends.Values, error) {
			switch {
			case len(values) == 0:
				return before, nil
			case values[0] == true:
				return nil, nil
			case len(before) > 0:
				return before, nil
			}
			return backends.Strings(args[0]), nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			switch t.Op {
			case filter.Pr:
				return backends.True{}, true
			case filter.Eq:
				p, ok := t.Next(filter.Pr, nil)
				if t.Value == true {
					p = backends.Not{Term: p}
				}
				return p, ok
			default:
				return nil, false
			}
		},
	}, nil
}

func timeLens() Lens {
	const layout = "20060102150405Z"
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				t, err := time.Parse(layout, v.Text())
				if err != nil {
					return nil, err
				}
				out = append(out, t.Format(time.RFC3339))
			}
			return out, nil
		},
		put: func(_ backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range values {
				t, err := time.Parse(time.RFC3339, fmt.Sprint(v))
				if err != nil {
					return nil, err
				}
				out = append(out, backends.String(t.UTC().Format(layout)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			if t.Op == filter.Pr {
				return t.Next(t.Op, nil)
			}
			at, err := time.Parse(time.RFC3339, fmt.Sprint(t.Value))
			if err != nil {
				return backends.False{}, true
			}
			return t.Next(t.Op, at)
		},
	}
}

func newPrefix(args []string) (Lens, error) {
	pre := strings.Join(args, "")
	return funcs{
		get: func(values backends.Values) (out []any, err error) {
			for _, v := range values {
				if s, ok := strings.CutPrefix(v.Text(), pre); ok {
					out = append(out, s)
				}
			}
			return out, nil
		},
		put: func(before backends.Values, values []any) (out backends.Values, err error) {
			for _, v := range before {
				if !strings.HasPrefix(v.Text(), pre) {
					out = append(out, v)
				}
			}
			for _, v := range values {
				out = append(out, backends.String(pre+fmt.Sprint(v)))
			}
			return out, nil
		},
		where: func(t Test) (backends.Predicate, bool) {
			switch t.Op {
			case filter.Pr:
				return t.Next(filter.Sw, pre)
			case filter.Eq, filter.Sw:
				return t.Next(t.Op, pre+fmt.Sprint(t.Value))
			default:
				return nil, false
			}
		},
	}, nil
}

// newHalf is one half of a text around a dash.
func newHalf(args []string) (Lens, error) {
	n, err := strconv.Atoi(strings.Join(args, ""))
	if err != nil {
		return nil, errors.New("write half(0) or half(1)")
	}
	halves := func(values backends.Values) [2]string {
		var out [2]string
		if len(values) > 0 {
			out[0], out[1], _ = strings.Cut(values[0].Text(), "-")
		}
		return out
	}
	return funcs{
		get: func(values backends.Values) ([]any, error) {
			if s := halves(values)[n]; s != "" {
				return []any{s}, nil
			}
			return nil, nil
		},
		put: func(before backends.Values, values []any) (backends.Values, error) {
			h := halves(before)
			h[n] = ""
			if len(values) > 0 {
				h[n] = fmt.Sprint(values[0])
			}
			if h == [2]string{} {
				return nil, nil
			}
			return backends.Strings(h[0] + "-" + h[1]), nil
		},
	}, nil
}
