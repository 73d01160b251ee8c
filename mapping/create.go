package mapping

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Create turns a validated resource (references already names) into what the backend is to make.
func (m *Mapping) Create(res *scim.Object) (Creation, error) {
	if m.readOnly() {
		return Creation{}, scim.Errorf(http.StatusForbidden, "", "%s resources are not created here: the directory is only read.", m.name)
	}
	if !m.Creates() {
		return Creation{}, scim.Errorf(http.StatusForbidden, "", "%s resources are not created here: the configuration does not say how new ones are named.", m.name)
	}
	s, err := m.sort(res, nil)
	if err == nil {
		err = m.checkPrimary(nil, res)
	}
	if err != nil {
		return Creation{}, err
	}
	slot := m.slots(s.wishes)
	if err := m.fillIn(s.wishes, slot, res, func(*field) bool { return true }); err != nil {
		return Creation{}, err
	}
	out := Creation{Dropped: s.dropped}
	d := newDraft(m, backends.Record{})
	for _, f := range m.fields {
		if err := d.create(f, s.wishes[f]); err != nil {
			return Creation{}, err
		}
	}
	for _, e := range m.rowKinds() {
		if len(s.rows[e]) == 0 || e.mutability() == scim.ReadOnly {
			continue
		}
		if err := d.writeRows(e, s.rows[e]); err != nil {
			return Creation{}, err
		}
	}
	name, empty := m.naming.fill(slot)
	if empty != "" {
		return Creation{}, invalid(empty, "it is needed for the name of the new record")
	}
	d.presets(slot)
	d.carryName(name)
	if out.Then, err = m.passwords(d, res, s.wishes); err != nil {
		return Creation{}, err
	}
	out.Again = d.again(out.Then)
	out.Name, out.Attrs = name, backends.Attributes{}
	for _, attr := range d.order {
		if len(d.now[attr]) > 0 {
			out.Attrs[attr] = d.now[attr]
		}
	}
	return out, nil
}

// fillIn gives those fields that the client left empty what `onCreate` says. One may be made of another, in any order.
func (m *Mapping) fillIn(w wishes, slot func(templatePart) (backends.Value, bool), res *scim.Object, those func(*field) bool) error {
	for again := true; again; {
		again = false
		for _, f := range m.fields {
			if f.onCreate == nil || len(w[f]) > 0 || !those(f) {
				continue
			}
			made, err := f.onCreate.make(slot, res)
			if err != nil {
				return invalid(f.path.String(), "it was not given, and cannot be made: %v", err)
			}
			if len(made) > 0 {
				w[f], again = made, true
			}
		}
	}
	return nil
}

// create writes one field of a new record.
func (d *draft) create(f *field, wish []any) error {
	if f.kind != fromDirectory && f.kind != fromExpr || f.mutability() == scim.ReadOnly || f.password() ||
		len(wish) == 0 && f.placeholder == "" {
		return nil
	}
	return d.write(f, wish)
}

// presets gives the new record what `create.set` says, where no field has written the attribute. Object classes add up.
func (d *draft) presets(slot func(templatePart) (backends.Value, bool)) {
	for _, s := range d.m.set {
		var values backends.Values
		for _, t := range s.values {
			if text, ok := t.text(slot); ok && text != "" {
				values = append(values, backends.String(text))
			}
		}
		switch have := d.now[s.attr]; {
		case len(have) == 0:
			d.put(nil, s.attr, values)
		case strings.EqualFold(s.attr, "objectClass"):
			d.now[s.attr] = distinct(slices.Concat(values, have), backends.CaseIgnore)
		}
	}
}

// carryName makes the record hold the values that it is named by, as a directory demands.
func (d *draft) carryName(name backends.Template) {
	for i, part := range d.m.naming {
		if part.field == nil || part.native == "" {
			continue
		}
		values := d.now[part.native]
		if !holdsValue(values, name[i].Value, d.m.nameRule(part.native)) {
			if _, ok := d.now[part.native]; !ok {
				d.order = append(d.order, part.native)
			}
			d.now[part.native] = append(values, name[i].Value)
		}
		if d.m.naming.endsFirst(i) {
			return // what stands further up names the parents
		}
	}
}

// endsFirst reports that the record's own part of the name ends behind part i.
func (t template) endsFirst(i int) bool {
	return i+1 < len(t) && strings.Contains(t[i+1].text, ",")
}

// nameRule is how the directory compares an attribute that names records.
func (m *Mapping) nameRule(attr string) backends.Rule {
	return wanted(m.backend.Syntax(attr).Equality, true)
}

func holdsValue(values backends.Values, v backends.Value, rule backends.Rule) bool {
	mine := backends.Normalize(rule, v.Text())
	return slices.ContainsFunc(values, func(v backends.Value) bool { return backends.Normalize(rule, v.Text()) == mine })
}

// slots gives the values of a template's slots. One that names the record by its own directory attribute has the value
// as the directory will hold it.
func (m *Mapping) slots(w wishes) func(templatePart) (backends.Value, bool) {
	return func(part templatePart) (backends.Value, bool) {
		f := part.field
		wish := w[f]
		if f.kind == fromConstant {
			wish = []any{f.constant}
		}
		if len(wish) == 0 {
			return backends.Value{}, false
		}
		if f.kind == fromDirectory && part.native != "" && strings.EqualFold(f.pipes[0].attr, part.native) {
			if values, err := f.pipes[0].put(nil, wish[:1]); err == nil && len(values) > 0 {
				return values[0], true
			}
		}
		return backends.String(nativeValue(wish[0]).Text()), true
	}
}

// password reports a field that is written by an operation of its own.
func (f *field) password() bool {
	return f.kind == fromDirectory && (f.by != "" || f.path.attr.Name == "password" && f.path.uri == "")
}

// passwords are the changes of passwords that a resource asks for. With `by: replace` a new record holds it at once.
func (m *Mapping) passwords(d *draft, res *scim.Object, w wishes) ([]backends.Change, error) {
	var out []backends.Change
	for _, f := range m.fields {
		if !f.password() {
			continue
		}
		if v := valueOf(res, f.owner); v == "" {
			return nil, invalid(f.path.String(), "an empty password would let anybody in")
		}
		if len(w[f]) == 0 {
			continue
		}
		if f.mutability() == scim.ReadOnly {
			return nil, immutable(f, "it is read-only")
		}
		text, ok := w[f][0].(string)
		if !ok {
			return nil, invalid(f.path.String(), "a password is text")
		}
		attr := f.pipes[0].attr
		change := backends.Change{Op: backends.SetPassword, Attr: attr, Values: backends.Values{backends.Secret(text)}}
		if f.by == "replace" {
			change.Op = backends.Replace
			if d != nil {
				d.put(f, attr, change.Values)
				continue
			}
		}
		if d == nil && m.protected[strings.ToLower(attr)] {
			return nil, protected(f, attr)
		}
		out = append(out, change)
	}
	return out, nil
}
