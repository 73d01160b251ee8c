package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// pipe is a compiled pipeline: a directory attribute and the lenses over it, from the directory towards SCIM.
type pipe struct {
	node  configs.Node // for faults
	attr  string       // in rows: the column
	place []string     // with the source `document`: the members that lead to where it is kept
	set   string       // the rows that attr is a column of; "": it is the record's own
	steps []step
	ref   *refMark // `ref(…)`: the values are names of records
}

type step struct {
	spec *Spec
	lens Lens
}

// refMark is what `ref(User, Group)` and `ref(User.uid)` say.
type refMark struct {
	types []string
	by    string
}

// native is what the directory calls what the pipeline reads.
func (p pipe) native() string {
	if p.set != "" {
		return backends.Path(p.set, p.attr)
	}
	return p.attr
}

// typ is what the pipeline yields.
func (p pipe) typ() scim.Type {
	t := scim.TypeString
	for _, s := range p.steps {
		if s.spec.Type != "" {
			t = s.spec.Type
		}
	}
	return t
}

// text reports that the directory's own comparison is right for what is shown.
func (p pipe) text() bool { return p.all(func(s *Spec) bool { return s.Text }) }

// exact reports that where says exactly what get shows of a test.
func (p pipe) exact(t Test) bool {
	for _, s := range p.steps {
		if c, ok := s.lens.(column); ok && c.findsMore(t) {
			return false
		}
	}
	return p.all(func(s *Spec) bool { return s.Exact })
}

func (p pipe) all(is func(*Spec) bool) bool {
	for _, s := range p.steps {
		if !is(s.spec) {
			return false
		}
	}
	return true
}

// part reports that the pipeline writes only a part of its attribute.
func (p pipe) part() bool { return len(p.steps) > 0 && p.steps[0].spec.Part }

// oneWay reports that some lens cannot be written through.
func (p pipe) oneWay() bool {
	for _, s := range p.steps {
		if o, ok := s.lens.(OneWay); s.spec.ReadOnly || ok && o.OneWay() {
			return true
		}
	}
	return false
}

// get shows the values of the attribute.
func (p pipe) get(values backends.Values) ([]any, error) {
	for i, s := range p.steps {
		shown, err := s.lens.Get(values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.spec.Name, err)
		}
		if i == len(p.steps)-1 && !slices.ContainsFunc(shown, isForeign) {
			return shown, nil
		}
		values = native(shown)
	}
	return shownAs(values)
}

// isForeign says of what a lens shows that it is not of SCIM's own kinds yet.
func isForeign(v any) bool {
	switch v.(type) {
	case string, bool, int64:
		return false
	}
	return true
}

// put gives the attribute's values that show as shown, and keeps of before what is not shown.
func (p pipe) put(before backends.Values, shown []any) (backends.Values, error) {
	if len(p.steps) == 0 {
		return keepSpelling(native(shown), before), nil
	}
	befores := make([]backends.Values, len(p.steps))
	for i, s := range p.steps {
		befores[i] = before
		if i == len(p.steps)-1 {
			break
		}
		seen, err := s.lens.Get(before)
		if err != nil {
			seen = nil // what cannot be read is written anew
		}
		before = native(seen)
	}
	var out backends.Values
	for i, s := range slices.Backward(p.steps) {
		var err error
		if out, err = s.lens.Put(befores[i], shown); err != nil {
			return nil, err
		}
		if i == 0 {
			break
		}
		if shown, err = shownAs(out); err != nil {
			return nil, err
		}
	}
	if p.place != nil {
		out = stamped(out)
	}
	return keepSpelling(out, befores[0]), nil
}

// keepSpelling gives the values of after, each that means the same text as one of before as that one: a directory
// may hold as bytes what SCIM has as text.
func keepSpelling(after, before backends.Values) backends.Values {
	var other map[string]backends.Value
	for _, b := range before {
		if b.Kind() != backends.KindString && b.Kind() != backends.KindSecret {
			if other == nil {
				other = map[string]backends.Value{}
			}
			other[b.Text()] = b
		}
	}
	for i, v := range after {
		if b, ok := other[v.Text()]; ok {
			after[i] = b
		}
	}
	return after
}

// where says what the leaves of the pipeline must fulfil for a shown value to stand in relation op to v.
func (p pipe) where(t Test, leaf func(filter.Op, any) (backends.Predicate, bool)) (backends.Predicate, bool) {
	next := leaf
	for _, s := range p.steps {
		inner := next
		next = func(op filter.Op, v any) (backends.Predicate, bool) {
			mine := t
			mine.Op, mine.Value, mine.Next = op, v, inner
			return s.lens.Where(mine)
		}
	}
	return next(t.Op, t.Value)
}

// native gives SCIM values as values that a lens or a directory takes.
func native(values []any) backends.Values {
	if values == nil {
		return nil
	}
	out := make(backends.Values, 0, len(values))
	for _, v := range values {
		out = append(out, nativeValue(v))
	}
	return out
}

func nativeValue(v any) backends.Value {
	switch v := v.(type) {
	case backends.Value:
		return v
	case bool:
		return backends.Bool(v)
	case int:
		return backends.Int(int64(v))
	case int64:
		return backends.Int(v)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return backends.Int(n)
		}
		return backends.Decimal(v.String())
	case []byte:
		return backends.Bytes(v)
	case time.Time:
		return backends.Time(v)
	case string:
		return backends.String(v)
	default:
		return backends.String(fmt.Sprint(v))
	}
}

var (
	errBinary = errors.New("the values are bytes; a lens such as base64 makes text of them")
	errSecret = errors.New("the values are secret")
	errParts  = errors.New("the values have parts; say which with rows: {…, value: …}")
)

// shownAs gives what came out of the last lens as SCIM values.
func shownAs(values backends.Values) ([]any, error) {
	if len(values) == 0 {
		return nil, nil
	}
	out := make([]any, 0, len(values))
	for _, v := range values {
		switch v.Kind() {
		case backends.KindString:
			out = append(out, v.Text())
		case backends.KindBytes:
			return nil, errBinary
		case backends.KindInt:
			out = append(out, v.Int())
		case backends.KindDecimal:
			out = append(out, json.Number(v.Text()))
		case backends.KindBool:
			out = append(out, v.Bool())
		case backends.KindTime:
			out = append(out, v.Time().Format(time.RFC3339Nano))
		case backends.KindSecret:
			return nil, errSecret
		case backends.KindRow:
			return nil, errParts
		}
	}
	return out, nil
}
