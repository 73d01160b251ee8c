package backendtest

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

// name fills a template as LDAP would: what stands in a slot is quoted. It also says which attribute the first part names.
func name(template backends.Template) (text, attr string, value backends.Value, err error) {
	var b strings.Builder
	if len(template) == 1 && !template[0].Slot { // a name as it was once
		attr, value = ownPart(template[0].Text)
	}
	for i, part := range template {
		if !part.Slot {
			b.WriteString(part.Text)
			continue
		}
		if i == 1 {
			attr, value = strings.TrimSuffix(strings.TrimSpace(template[0].Text), "="), part.Value
		}
		if part.Value.Text() == "" {
			return "", "", value, &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "A name cannot be empty."}
		}
		b.WriteString(backends.EscapeName(part.Value.Text()))
	}
	if _, ok := backends.Canonical(backends.NameRule, b.String()); !ok {
		return "", "", value, &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "This is no distinguished name."}
	}
	return b.String(), attr, value, nil
}

// ownPart is the attribute that a name begins with, and its value.
func ownPart(dn string) (attr string, value backends.Value) {
	attr, rest, ok := strings.Cut(dn, "=")
	if !ok {
		return "", value
	}
	var b []byte
	for i := 0; i < len(rest) && rest[i] != ','; i++ {
		if rest[i] != '\\' || i+1 == len(rest) {
			b = append(b, rest[i])
			continue
		}
		if i++; i+1 < len(rest) {
			if c, err := hex.DecodeString(rest[i : i+2]); err == nil {
				b, i = append(b, c...), i+1
				continue
			}
		}
		b = append(b, rest[i])
	}
	return strings.TrimSpace(attr), backends.String(string(b))
}

func (b *memoryClass) Create(ctx context.Context, template backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	r := &stored{Record: backends.Record{Attrs: attrs.Clone()}}
	if r.Attrs == nil {
		r.Attrs = backends.Attributes{}
	}
	if err := b.m.call(r, template); err != nil {
		return backends.Record{}, err
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if err := b.ready(ctx); err != nil {
		return backends.Record{}, err
	}
	if b.c.ReadOnly {
		return backends.ReadOnly{}.Create(ctx, template, attrs, want)
	}
	b.m.hide(r.Attrs)
	if err := b.m.file(r); err != nil {
		return backends.Record{}, err
	}
	for attr, values := range r.Attrs {
		r.Attrs[attr] = b.m.kept(attr, values)
	}
	if err := b.m.check(r); err != nil {
		return backends.Record{}, err
	}
	r.Key, r.Version = b.m.key(), b.m.version()
	if b.m.Nameless {
		r.Name = string(r.Key)
	}
	b.m.records[r.Key] = r
	return b.show(r, want), nil
}

// call gives a record its name, and the attribute that the name is made of its value.
func (m *Memory) call(r *stored, template backends.Template) error {
	if m.Nameless {
		if len(template) > 0 {
			return &backends.Error{Kind: backends.ErrInvalid, Detail: "Records here have no names."}
		}
		return nil
	}
	text, attr, value, err := name(template)
	if err != nil {
		return err
	}
	r.Name, r.canonical = text, backends.Normalize(backends.NameRule, text)
	if attr == "" {
		return nil
	}
	same := func(v backends.Value) bool { return v == value }
	if r.rdn != "" {
		old := r.rdnValue
		kept := slices.DeleteFunc(r.Attrs.Get(r.rdn).Clone(), func(v backends.Value) bool { return v == old })
		r.set(r.rdn, kept)
	}
	if values := r.Attrs.Get(attr); !slices.ContainsFunc(values, same) {
		r.set(attr, append(values.Clone(), value))
	}
	r.rdn, r.rdnValue = attr, value
	return nil
}

// set replaces an attribute, whatever letter case it is kept under; none: it goes away.
func (r *stored) set(attr string, values backends.Values) {
	for name := range r.Attrs {
		if strings.EqualFold(name, attr) {
			attr = name
		}
	}
	if len(values) == 0 {
		delete(r.Attrs, attr)
		return
	}
	r.Attrs[attr] = values
}

// hide makes what is secret a Secret. The caller holds the lock.
func (m *Memory) hide(attrs backends.Attributes) {
	for attr, values := range attrs {
		if !slices.ContainsFunc(m.Secrets, func(name string) bool { return strings.EqualFold(name, attr) }) {
			continue
		}
		for i, v := range values {
			values[i] = backends.Secret(content(v))
		}
	}
}

// check holds a record that is about to be stored against the schema and the other records. The caller holds the lock.
func (m *Memory) check(r *stored) error {
	for attr, values := range r.Attrs {
		if err := m.checkValues(attr, values); err != nil {
			return err
		}
	}
	for _, attr := range m.Must {
		if len(r.Attrs.Get(attr)) == 0 {
			return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "This attribute is required."}
		}
	}
	for key, other := range m.records {
		if key == r.Key {
			continue
		}
		if other.canonical == r.canonical && !m.Nameless {
			return &backends.Error{Kind: backends.ErrExists, Attr: r.rdn}
		}
		for _, attr := range m.Unique {
			if slices.ContainsFunc(r.Attrs.Get(attr), func(v backends.Value) bool { return m.index(attr, other.Attrs.Get(attr), v) >= 0 }) {
				return &backends.Error{Kind: backends.ErrExists, Attr: attr}
			}
		}
	}
	return nil
}

func (m *Memory) checkValues(attr string, values backends.Values) error {
	invalid := func(why string) error { return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: why} }
	syntax, rows := m.syntax(attr), m.rows(attr)
	switch {
	case !syntax.Known || attr == m.Document || strings.Contains(attr, "."):
		return invalid("There is no such attribute.")
	case syntax.Single && len(values) > 1:
		return invalid("This attribute holds one value.")
	}
	for i, v := range values {
		text := content(v)
		_, legible := backends.Canonical(syntax.Equality, text)
		if rows != nil {
			if bad := m.badRow(rows, v); bad != "" {
				return invalid(bad)
			}
		}
		switch {
		case rows == nil && v.Kind() == backends.KindRow:
			return invalid("A value of this attribute has no parts.")
		case text == "":
			return invalid("A value cannot be empty.")
		case !legible:
			return invalid("This is no value of the attribute's syntax.")
		case v.Kind() == backends.KindString && !utf8.ValidString(text):
			return invalid("A text is UTF-8.")
		case m.index(attr, values[:i], v) >= 0:
			return invalid("The value is there twice.")
		}
	}
	return nil
}

// writable gives a copy of the record to change, once all that must hold for a write does. The caller holds the lock.
func (b *memoryClass) writable(ctx context.Context, key backends.Key, cond backends.Condition) (*stored, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	r, err := b.find(key)
	switch {
	case err != nil:
		return nil, err
	case b.c.ReadOnly:
		return nil, backends.ReadOnly{}.Delete(ctx, key, cond)
	case b.m.match(b.c.Protect, r):
		return nil, &backends.Error{Kind: backends.ErrProtected, Detail: "This record is protected."}
	case cond.Version != "" && cond.Version != r.Version, !b.m.match(cond.Assert, r):
		return nil, &backends.Error{Kind: backends.ErrChanged}
	}
	changed := *r
	changed.Record = r.Clone()
	changed.doc, _ = copied(r.doc).(map[string]any)
	return &changed, nil
}

func (b *memoryClass) Modify(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	r, err := b.writable(ctx, key, cond)
	if err != nil {
		return backends.Record{}, err
	}
	for _, c := range changes {
		if err := b.m.apply(r, c); err != nil {
			return backends.Record{}, err
		}
	}
	if err := b.m.store(r); err != nil {
		return backends.Record{}, err
	}
	return b.show(r, want), nil
}

// store puts a changed copy in the place of the old record; whoever still holds the old one sees no change. The caller holds the lock.
func (m *Memory) store(r *stored) error {
	m.hide(r.Attrs)
	if err := m.check(r); err != nil {
		return err
	}
	r.Version = m.version()
	m.records[r.Key] = r
	return nil
}

func (m *Memory) apply(r *stored, c backends.Change) error {
	noEffect := &backends.Error{Kind: backends.ErrNoEffect, Attr: c.Attr}
	values := m.values(r, c.Attr).Clone()
	_, document := m.place(c.Attr)
	switch c.Op {
	case backends.Replace, backends.SetPassword:
		// An empty string is no value: to write it is to take the attribute away. Documents hold it.
		values = slices.DeleteFunc(c.Values.Clone(), func(v backends.Value) bool { return content(v) == "" && !document })
	case backends.Add:
		for _, v := range c.Values {
			if m.index(c.Attr, values, v) >= 0 {
				return noEffect
			}
			values = append(values, v)
		}
	case backends.Remove:
		if len(values) == 0 {
			return noEffect
		}
		for _, v := range c.Values {
			at := m.index(c.Attr, values, v)
			if at < 0 {
				return noEffect
			}
			values = slices.Delete(values, at, at+1)
		}
		if len(c.Values) == 0 {
			values = nil
		}
	}
	if m.syntax(c.Attr).ReadOnly {
		return &backends.Error{Kind: backends.ErrInvalid, Attr: c.Attr, Detail: "The directory keeps this attribute itself."}
	}
	if document {
		return m.rebury(r, c.Attr, values)
	}
	r.set(c.Attr, m.kept(c.Attr, values))
	return nil
}

func (b *memoryClass) Move(ctx context.Context, key backends.Key, template backends.Template, cond backends.Condition) error {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	from, err := b.course(template, cond.Beyond)
	if err != nil {
		return err
	}
	r, err := from.writable(ctx, key, cond)
	if err != nil {
		return err
	}
	if b.m.Nameless {
		return &backends.Error{Kind: backends.ErrRefused, Detail: "Records here have no names."}
	}
	if err := b.m.call(r, template); err != nil {
		return err
	}
	return b.m.store(r)
}

// course says in which class a record is looked for that is to get a name. Nobody leaves a class but for the one place outside it that he may go to.
func (b *memoryClass) course(template backends.Template, beyond string) (from *memoryClass, err error) {
	text, _, _, err := name(template)
	if err != nil || b.m.Nameless {
		return b, nil // it is said later what is wrong
	}
	canonical := backends.Normalize(backends.NameRule, text)
	place := b.at(beyond)
	switch {
	case beyond != "" && place.within(canonical) && canonical != place.base:
		return b, nil
	case !b.within(canonical):
		return nil, &backends.Error{Kind: backends.ErrRefused, Detail: "The name would be outside the class."}
	case beyond != "":
		return place, nil
	}
	return b, nil
}

// at is the class as it would be with another base.
func (b *memoryClass) at(base string) *memoryClass {
	return &memoryClass{m: b.m, c: b.c, base: backends.Normalize(backends.NameRule, base)}
}

// Beyond reads the records of the class that were moved to below a place outside it.
func (b *memoryClass) Beyond(place string) (backends.Reader, bool) { return b.at(place), true }

func (b *memoryClass) Delete(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if _, err := b.writable(ctx, key, cond); err != nil {
		return err
	}
	before := maps.Clone(b.m.records)
	if err := b.release(ctx, release); err != nil {
		b.m.records = before // what is stored is never changed, only replaced
		return err
	}
	delete(b.m.records, key)
	return nil
}

// release makes other records let go. The caller holds the lock, and takes back what was done before a failure.
func (b *memoryClass) release(ctx context.Context, release []*backends.Release) error {
	effective := make([][]backends.Change, len(release))
	for i, let := range release {
		from, ours := let.From.(*memoryClass)
		if !b.m.Transactional || !ours || from.m != b.m {
			return &backends.Error{Kind: backends.ErrInvalid, Detail: "Only records of the same directory can let go along with a delete, where it can do that at all."}
		}
		r, err := from.writable(ctx, let.Key, backends.Condition{})
		if errors.Is(err, backends.ErrNotFound) {
			continue
		}
		for _, c := range let.Changes {
			if err == nil {
				effective[i], err = b.m.letGo(r, c, effective[i])
			}
		}
		if err == nil && len(effective[i]) > 0 {
			err = b.m.store(r)
		}
		if err != nil {
			return err
		}
	}
	for i, let := range release {
		let.Effective = effective[i]
	}
	return nil
}

// letGo makes a change without the values of which it is true already, and adds it to those that were made.
func (m *Memory) letGo(r *stored, c backends.Change, made []backends.Change) ([]backends.Change, error) {
	c = c.Clone()
	there := m.values(r, c.Attr)
	if c.Op == backends.Add || c.Op == backends.Remove {
		listed := len(c.Values) > 0
		c.Values = slices.DeleteFunc(c.Values, func(v backends.Value) bool { return (m.index(c.Attr, there, v) >= 0) == (c.Op == backends.Add) })
		if listed && len(c.Values) == 0 || !listed && len(there) == 0 {
			return made, nil
		}
	}
	return append(made, c), m.apply(r, c)
}
