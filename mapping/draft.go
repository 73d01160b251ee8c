package mapping

import (
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// draft is a record on its way to what is wanted: the attributes that change, as they will be.
type draft struct {
	m     *Mapping
	rec   backends.Record
	order []string
	now   map[string]backends.Values
	sets  map[string]bool // sent as values added and removed, not as a whole
	owner map[string]*field
}

func newDraft(m *Mapping, rec backends.Record) *draft {
	return &draft{m: m, rec: rec, now: map[string]backends.Values{}, sets: map[string]bool{}, owner: map[string]*field{}}
}

// values are the attribute's values as they are on the way.
func (d *draft) values(attr string) backends.Values {
	if v, ok := d.now[attr]; ok {
		return v
	}
	return d.rec.Attrs.Get(attr)
}

// put says what an attribute will be, and for which field; nil: for none.
func (d *draft) put(f *field, attr string, values backends.Values) {
	if _, ok := d.now[attr]; !ok {
		d.order = append(d.order, attr)
	}
	d.now[attr], d.owner[attr] = values, f
	d.sets[attr] = f != nil && f.many()
}

// write makes a field show what is wanted.
func (d *draft) write(f *field, wish []any) error {
	if f.kind == fromExpr {
		return d.writeExpr(f, wish)
	}
	p := f.pipes[0]
	before := d.m.visible(f, p.attr, backends.Record{Name: d.rec.Name, Attrs: backends.Attributes{p.attr: d.values(p.attr)}})
	var after backends.Values
	var err error
	switch {
	case f.many(), len(before) < 2:
		after, err = p.put(before, wish)
	default:
		after, err = putOne(p, before, wish)
	}
	if err != nil {
		return invalid(f.path.String(), "%v", err)
	}
	if after, err = d.fit(f, after, wish); err != nil {
		return err
	}
	if len(after) == 0 && f.placeholder != "" {
		after = backends.Strings(f.placeholder)
	}
	d.put(f, p.attr, after)
	return nil
}

// putOne writes one value where the directory holds several: the one that is shown gives way, the others stay behind
// it. Clearing takes away all that would be shown.
func putOne(p pipe, before backends.Values, wish []any) (backends.Values, error) {
	shows := func(v backends.Value) bool {
		shown, err := p.get(backends.Values{v})
		return err == nil && len(shown) > 0
	}
	if len(wish) == 0 {
		return slices.DeleteFunc(slices.Clone(before), shows), nil
	}
	i := slices.IndexFunc(before, shows)
	if i < 0 {
		return p.put(before, wish)
	}
	after, err := p.put(before[i:i+1], wish)
	if err != nil {
		return nil, err
	}
	for j, v := range before {
		if j != i && !slices.Contains(after, v) {
			after = append(after, v)
		}
	}
	return after, nil
}

// fit refuses more values than the attribute can hold. A value that is not shown (an unknown code) gives way where
// there is room for one only.
func (d *draft) fit(f *field, after backends.Values, wish []any) (backends.Values, error) {
	p := f.pipes[0]
	if len(after) < 2 {
		return after, nil
	}
	syntax := d.m.backend.Syntax(p.attr)
	if !syntax.Single {
		// A list in a table holds any two texts that differ; other directories refuse the second that they call equal.
		return distinct(after, wanted(syntax.Equality, f.fold() && !d.m.typed() && p.place == nil)), nil
	}
	if len(wish) > 1 {
		return nil, invalid(f.path.String(), "the directory holds one value, and %d were given", len(wish))
	}
	fresh, err := p.put(nil, wish)
	if err != nil || len(fresh) > 1 {
		return nil, invalid(f.path.String(), "the directory holds one value")
	}
	return fresh, nil
}

// distinct leaves out values that the directory would call equal.
func distinct(values backends.Values, rule backends.Rule) backends.Values {
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(v backends.Value) bool {
		if v.Kind() == backends.KindSecret {
			return false
		}
		key := backends.Normalize(rule, v.Text())
		twice := seen[key]
		seen[key] = true
		return twice
	})
}

// writeExpr runs the `write:` expressions of a field.
func (d *draft) writeExpr(f *field, wish []any) error {
	var value any
	switch {
	case f.path.attr.MultiValued:
		value = wish
	case len(wish) > 0:
		value = wish[0]
	}
	for _, w := range f.write {
		out, leave, err := w.expr.Eval(context.Background(), value, recordOf(d.rec.Attrs))
		if err != nil {
			return invalid(f.path.String(), "%v", err)
		}
		if !leave {
			d.put(f, w.attr, texts(out))
		}
	}
	return nil
}

// texts are values as a directory takes them from an expression.
func texts(values []any) backends.Values {
	var out backends.Values
	for _, v := range native(values) {
		if v.Kind() != backends.KindString {
			v = backends.String(v.Text())
		}
		out = append(out, v)
	}
	return out
}

// changes are the native changes of the draft, removals of values before additions.
func (d *draft) changes() ([]backends.Change, error) {
	var out []backends.Change
	for _, attr := range d.order {
		before, after := d.rec.Attrs.Get(attr), d.now[attr]
		add, remove := missing(after, before), missing(before, after)
		if len(add)+len(remove) == 0 {
			continue
		}
		if d.m.protected[strings.ToLower(attr)] {
			return nil, protected(d.owner[attr], attr)
		}
		// Without an equality rule a directory cannot find the one value that is to go. Rows are found by their columns.
		syntax := d.m.backend.Syntax(attr)
		if !d.sets[attr] || syntax.Known && syntax.Equality == backends.NoRule && !d.m.inRows(attr) {
			out = append(out, backends.Change{Op: backends.Replace, Attr: attr, Values: after})
			continue
		}
		if len(remove) > 0 {
			out = append(out, backends.Change{Op: backends.Remove, Attr: attr, Values: remove})
		}
		if len(add) > 0 {
			out = append(out, backends.Change{Op: backends.Add, Attr: attr, Values: add})
		}
	}
	return out, nil
}

func protected(f *field, attr string) error {
	return scim.Errorf(403, "", "%s may not be changed: the configuration protects the directory's attribute %s.", f.path, attr)
}

// missing lists the values that are not in the other list. Lists may be long.
func missing(values, from backends.Values) backends.Values {
	there := make(map[backends.Value]bool, len(from))
	for _, v := range from {
		there[v] = true
	}
	var out backends.Values
	for _, v := range values {
		if !there[v] {
			out = append(out, v)
		}
	}
	return out
}

// again is what must be written once more behind passwords: a state that shows as false (inactive) and that the directory lifts when a
// password is set. Without it, setting the password of somebody who is disabled would let them in.
func (d *draft) again(passwords []backends.Change) []backends.Change {
	if len(passwords) == 0 {
		return nil
	}
	var out []backends.Change
	for _, f := range d.m.fields {
		if f.kind != fromDirectory || !slices.ContainsFunc(f.pipes[0].steps, func(s step) bool { return s.spec.LiftedByPassword }) {
			continue
		}
		values := d.values(f.pipes[0].attr)
		if shown, err := f.pipes[0].get(values); err == nil && len(shown) == 1 && shown[0] == false {
			out = append(out, backends.Change{Op: backends.Replace, Attr: f.pipes[0].attr, Values: values.Clone()})
		}
	}
	return out
}
