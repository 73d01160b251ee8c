package adapter

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// sketch is what one request would have changed so far. Nobody else sees it, and it ends with the request.
type sketch struct {
	event journal.ID // of the work whose steps are taken in thought
	drawn map[drawn]*drawing
}

type sketchKey struct{}

// sketchOf is nil where nothing is planned.
func sketchOf(ctx context.Context) *sketch {
	k, _ := ctx.Value(sketchKey{}).(*sketch)
	return k
}

// drawn says which record is meant.
type drawn struct {
	typ string
	key backends.Key
}

// drawing is a record as it would be: the whole of one that the directory does not have, and of others what would be changed of them.
type drawing struct {
	made    *backends.Record // nil of a record that the directory has
	gone    bool
	name    string // the new one; "" when it stays
	was     string // with a new one: what it is called in the directory
	changes []backends.Change
	extras  map[string]map[string]string // by client; one that is missing has what is kept
}

// begin forgets what an attempt before may have drawn.
func (k *sketch) begin(event journal.ID) { k.event, k.drawn = event, nil }

// at is the drawing of a record, nil for none.
func (k *sketch) at(typ string, key backends.Key) *drawing {
	if k == nil {
		return nil
	}
	return k.drawn[drawn{typ, key}]
}

// of is the drawing of a record, which is begun if there is none.
func (k *sketch) of(typ string, key backends.Key) *drawing {
	if k.drawn == nil {
		k.drawn = map[drawn]*drawing{}
	}
	d := k.drawn[drawn{typ, key}]
	if d == nil {
		d = &drawing{}
		k.drawn[drawn{typ, key}] = d
	}
	return d
}

// standing is what the directory has in the place of a name: another, if a record of it was given the name in thought.
func (k *sketch) standing(name string) string {
	if k == nil {
		return name
	}
	for _, d := range k.drawn {
		if d.made == nil && d.name == name && !d.gone {
			return d.was
		}
	}
	return name
}

// change makes changes in the drawing.
func (d *drawing) change(b backends.Backend, changes []backends.Change) {
	if d.made == nil {
		d.changes = append(d.changes, cloneChanges(changes)...)
		return
	}
	for _, change := range changes {
		applied(b, d.made.Attrs, change)
	}
}

// rename gives the drawing another name, and what the name says of attributes.
func (d *drawing) rename(b backends.Backend, was, name string) {
	var changes []backends.Change
	for attr, v := range ownPart(was) {
		changes = append(changes, backends.Change{Op: backends.Remove, Attr: attr, Values: backends.Strings(v)})
	}
	for attr, v := range ownPart(name) {
		changes = append(changes, backends.Change{Op: backends.Add, Attr: attr, Values: backends.Strings(v)})
	}
	d.change(b, changes)
	if d.name == "" {
		d.was = was
	}
	if d.name = name; d.made != nil {
		d.made.Name = name
	}
}

// keep puts down what is kept of the record beside the directory, for one client.
func (d *drawing) keep(client string, attrs map[string]string) {
	if d.extras == nil {
		d.extras = map[string]map[string]string{}
	}
	d.extras[client] = maps.Clone(attrs)
}

// over shows a record of the directory as it would be, as far as attrs were read of it.
func (d *drawing) over(b backends.Backend, rec backends.Record, attrs []string) backends.Record {
	if rec = rec.Clone(); d.name != "" {
		rec.Name = d.name
	}
	if rec.Attrs == nil {
		rec.Attrs = backends.Attributes{}
	}
	for _, change := range d.changes {
		if slices.ContainsFunc(attrs, func(attr string) bool { return attr == "*" || strings.EqualFold(attr, change.Attr) }) {
			applied(b, rec.Attrs, change)
		}
	}
	return rec
}

// applied makes one change in attributes. Secrets are left out: nobody could show them.
func applied(b backends.Backend, attrs backends.Attributes, change backends.Change) {
	name := change.Attr
	for known := range attrs {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	rule := b.Syntax(change.Attr).Equality
	values := attrs[name].Clone()
	without := func(list backends.Values, gone backends.Values) backends.Values {
		return slices.DeleteFunc(list, func(v backends.Value) bool { return holds(rule, gone, v) })
	}
	switch {
	case change.Op == backends.SetPassword:
		return
	case change.Op == backends.Add:
		values = append(without(values, change.Values), change.Values...)
	case change.Op == backends.Remove && len(change.Values) > 0:
		values = without(values, change.Values)
	case change.Op == backends.Remove:
		values = nil
	default:
		values = change.Values.Clone()
	}
	values = slices.DeleteFunc(values, func(v backends.Value) bool { return v.Kind() == backends.KindSecret })
	if attrs[name] = values; len(values) == 0 {
		delete(attrs, name)
	}
}

// holds says that a value is among others, as the attribute compares.
func holds(rule backends.Rule, values backends.Values, v backends.Value) bool {
	return slices.ContainsFunc(values, func(is backends.Value) bool {
		return v.Kind() != backends.KindSecret && backends.Normalize(rule, is.Text()) == backends.Normalize(rule, v.Text())
	})
}

// ownPart are the attributes in the first part of a DN: uid=ann, or cn=Ann+l=Oslo.
func ownPart(dn string) map[string]string {
	parts, attr, isValue := map[string]string{}, "", false
	var b strings.Builder
	end := func() {
		if isValue {
			parts[attr] = b.String()
		}
		attr, isValue = "", false
		b.Reset()
	}
	for i := 0; i < len(dn); i++ {
		switch c := dn[i]; {
		case c == '=' && !isValue:
			attr, isValue = strings.TrimSpace(b.String()), true
			b.Reset()
		case c == '+':
			end()
		case c == ',':
			end()
			return parts
		case c == '\\' && i+2 < len(dn) && isHex(dn[i+1]) && isHex(dn[i+2]):
			b.WriteByte(unhex(dn[i+1])<<4 | unhex(dn[i+2]))
			i += 2
		case c == '\\' && i+1 < len(dn):
			i++
			b.WriteByte(dn[i])
		default:
			b.WriteByte(c)
		}
	}
	end()
	return parts
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
