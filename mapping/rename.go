package mapping

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

// rename gives the record's new name where a value changes that it is named by. The values of the name are the
// renaming's business: it puts the new one there and takes the old one away, so they are taken out of the changes.
func (d *draft) rename(before, after wishes) (backends.Template, error) {
	if !d.namedByTemplate() {
		return nil, nil
	}
	m := d.m
	was, will := m.slots(before), m.slots(after)
	moved := false
	for i, part := range m.naming {
		if part.field == nil || sameWish(before[part.field], after[part.field]) {
			continue
		}
		old, _ := was(part)
		next, ok := will(part)
		if !ok {
			return nil, invalid(part.field.path.String(), "the record is named by it")
		}
		if old == next {
			continue
		}
		if m.protected[strings.ToLower(part.native)] {
			return nil, protected(part.field, part.native)
		}
		if m.follow {
			moved = true
			d.leaveToRename(part.native, old, next)
		}
		if m.naming.endsFirst(i) {
			break
		}
	}
	if !moved {
		return nil, d.keepName(was)
	}
	name, empty := m.naming.fill(will)
	if empty != "" {
		return nil, invalid(empty, "the record is named by it")
	}
	return m.naming.beside(name, d.rec.Name), nil
}

// namedByTemplate reports that the record is called as `create.name` would call it. One that is not, made by somebody
// else, keeps its name.
func (d *draft) namedByTemplate() bool {
	t := d.m.naming
	if len(t) == 0 || d.rec.Name == "" {
		return false
	}
	head := t[0].text
	return len(d.rec.Name) >= len(head) && strings.EqualFold(d.rec.Name[:len(head)], head)
}

// leaveToRename takes the old and the new value out of what is changed beside the renaming.
func (d *draft) leaveToRename(attr string, old, next backends.Value) {
	after, touched := d.now[attr]
	if attr == "" || !touched {
		return
	}
	rule := d.m.nameRule(attr)
	both := backends.Values{old, next}
	without := func(values backends.Values) (out backends.Values) {
		for _, v := range values {
			if !holdsValue(both, v, rule) {
				out = append(out, v)
			}
		}
		return out
	}
	d.rec.Attrs[attr], d.now[attr] = without(d.rec.Attrs.Get(attr)), without(after)
	d.sets[attr] = true
}

// keepName refuses a change that would take away the value which the record goes on being named by.
func (d *draft) keepName(was func(templatePart) (backends.Value, bool)) error {
	for i, part := range d.m.naming {
		if part.field == nil || part.native == "" {
			continue
		}
		after, touched := d.now[part.native]
		old, ok := was(part)
		rule := d.m.nameRule(part.native)
		if touched && ok && holdsValue(d.rec.Attrs.Get(part.native), old, rule) && !holdsValue(after, old, rule) {
			return scim.BadRequest(scim.NotMutable, "%s: the record is named by its %s, and the configuration keeps names.",
				d.owner[part.native].path, part.native)
		}
		if d.m.naming.endsFirst(i) {
			break
		}
	}
	return nil
}

// beside puts the record's own part of a filled name before the parents that the record has now: a rename does not
// move it. A template without parents, or whose parents have slots, is taken whole.
func (t template) beside(filled backends.Template, now string) backends.Template {
	for i, part := range t {
		head, _, found := strings.Cut(part.text, ",")
		if part.slot != "" || !found {
			continue
		}
		for _, later := range t[i:] {
			if later.slot != "" {
				return filled
			}
		}
		parent := parents(now)
		if parent == "" {
			return filled
		}
		return append(filled[:i:i], backends.Part{Text: head + "," + parent})
	}
	return filled
}

// parents is a name without its first part. A comma that belongs to a value has a backslash before it.
func parents(name string) string {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case ',':
			return strings.TrimLeft(name[i+1:], " ")
		}
	}
	return ""
}

// DeleteTo is where OnDelete().To is said.
func (m *Mapping) DeleteTo() configs.Node {
	if del := m.doc.Get("delete"); del.Kind() == configs.Map {
		return del.Get("to")
	}
	return m.doc.Get("to")
}

// DeleteName is the record's name under OnDelete().To: its own part stays.
func (m *Mapping) DeleteName(rec backends.Record, res *scim.Object) (backends.Template, error) {
	if rec.Name != "" {
		own := strings.TrimRight(strings.TrimSuffix(rec.Name, parents(rec.Name)), ", ")
		return backends.Template{{Text: own + "," + m.del.To}}, nil
	}
	s, err := m.sort(res, nil)
	if err != nil {
		return nil, err
	}
	name, empty := m.naming.fill(m.slots(s.wishes))
	if empty != "" || len(name) == 0 {
		return nil, invalid(empty, "it is needed for the record's name")
	}
	return append(name, backends.Part{Text: "," + m.del.To}), nil
}
