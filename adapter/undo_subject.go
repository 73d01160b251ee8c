package adapter

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// subject is a record that is being taken back: what is known of it as it is now, and how it shall be. Only what the steps have touched is known.
type subject struct {
	c         *class
	key       backends.Key
	now, then picture
	stands    string          // what it is really called
	kept      map[string]bool // attributes, in lower case, that stay as they are because somebody has changed them
}

// picture is a record as far as it is known.
type picture struct {
	looked, there bool
	full          bool // whole has every attribute that there is
	name, version string
	whole         map[string]attribute         // attributes whose values are all known, by name in lower case
	listed        map[string]map[string]listed // of others: single values, by name in lower case and by the value as it compares
	extras        map[string]map[string]string // what is kept beside the directory, by client
}

type attribute struct {
	name   string
	values backends.Values
}

type listed struct {
	name  string
	value backends.Value
	there bool
}

func newSubject(c *class, key backends.Key) *subject {
	empty := func() picture {
		return picture{whole: map[string]attribute{}, listed: map[string]map[string]listed{}, extras: map[string]map[string]string{}}
	}
	return &subject{c: c, key: key, now: empty(), then: empty(), kept: map[string]bool{}}
}

func (p picture) clone() picture {
	p.whole = maps.Clone(p.whole)
	p.extras = maps.Clone(p.extras)
	all := make(map[string]map[string]listed, len(p.listed))
	for attr, values := range p.listed {
		all[attr] = maps.Clone(values)
	}
	p.listed = all
	return p
}

// settle makes what was to be what is: a dry run goes on from there.
func (b *subject) settle() {
	b.now, b.kept = b.then.clone(), map[string]bool{}
}

// values are all values of an attribute in the picture; known is false where only some of them are.
func (p picture) values(attr string) (values backends.Values, known bool) {
	a, ok := p.whole[strings.ToLower(attr)]
	return a.values, ok || p.full
}

func (p picture) attrs() backends.Attributes {
	attrs := backends.Attributes{}
	for _, a := range p.whole {
		if len(a.values) > 0 {
			attrs[a.name] = a.values
		}
	}
	return attrs
}

// normal is a value as the attribute compares it.
func (c *class) normal(attr string, v backends.Value) string {
	return backends.Normalize(c.Backend().Syntax(attr).Equality, v.Text())
}

// read makes these attributes known; "*" and "+": all that there are.
func (b *subject) read(ctx context.Context, attrs ...string) error {
	all := slices.Contains(attrs, "*")
	missing := slices.DeleteFunc(slices.Clone(attrs), func(attr string) bool { _, known := b.now.values(attr); return known })
	if b.now.looked && (!b.now.there || b.now.full || len(missing) == 0) {
		return nil
	}
	recs, err := b.c.Backend().Fetch(ctx, []backends.Key{b.key}, missing)
	if err != nil {
		return err
	}
	if !b.now.looked {
		b.now.looked, b.then.looked = true, true
		if len(recs) == 0 {
			return nil
		}
		b.now.there, b.now.name, b.now.version, b.stands = true, recs[0].Name, recs[0].Version, recs[0].Name
		b.then.there, b.then.name, b.then.version = true, recs[0].Name, recs[0].Version
	}
	if len(recs) == 0 || recs[0].Version != b.now.version {
		return &backends.Error{Kind: backends.ErrChanged}
	}
	if all {
		missing = nil
		for attr := range recs[0].Attrs {
			if _, known := b.now.values(attr); !known {
				missing = append(missing, attr)
			}
		}
	}
	for _, attr := range missing {
		values := recs[0].Attrs.Get(attr)
		b.now.learn(b.c, attr, values)
		b.then.learn(b.c, attr, values)
	}
	if all {
		b.now.full, b.then.full = true, true
	}
	return nil
}

// learn puts down all values of an attribute, with what is known better of single ones.
func (p *picture) learn(c *class, attr string, values backends.Values) {
	lower := strings.ToLower(attr)
	known := p.listed[lower]
	values = slices.DeleteFunc(values.Clone(), func(v backends.Value) bool {
		l, listed := known[c.normal(attr, v)]
		return listed && !l.there
	})
	for _, normal := range slices.Sorted(maps.Keys(known)) {
		l := known[normal]
		if l.there && !slices.ContainsFunc(values, func(v backends.Value) bool { return c.normal(attr, v) == normal }) {
			values = append(values, l.value)
		}
	}
	delete(p.listed, lower)
	p.whole[lower] = attribute{attr, values}
}

// has says of each value whether the record shall have it, as far as it was taken back by now.
func (b *subject) has(ctx context.Context, attr string, values backends.Values) ([]bool, error) {
	if err := b.read(ctx); err != nil {
		return nil, err
	}
	lower, there := strings.ToLower(attr), make([]bool, len(values))
	whole, known := b.then.values(attr)
	var ask backends.Values
	for i, v := range values {
		normal := b.c.normal(attr, v)
		if known {
			there[i] = slices.ContainsFunc(whole, func(is backends.Value) bool { return b.c.normal(attr, is) == normal })
		} else if l, asked := b.then.listed[lower][normal]; asked {
			there[i] = l.there
		} else if b.then.there {
			ask = append(ask, v)
		}
	}
	if len(ask) == 0 {
		return there, nil
	}
	found, err := b.c.Backend().Has(ctx, b.key, attr, ask)
	if err != nil {
		return nil, err
	}
	for i, v := range ask {
		l := listed{attr, v, found[i]}
		b.now.note(lower, b.c.normal(attr, v), l)
		b.then.note(lower, b.c.normal(attr, v), l)
	}
	return b.has(ctx, attr, values)
}

func (p *picture) note(lower, normal string, l listed) {
	if p.listed[lower] == nil {
		p.listed[lower] = map[string]listed{}
	}
	p.listed[lower][normal] = l
}

// apply makes a change in the picture of what shall be.
func (b *subject) apply(ctx context.Context, change backends.Change) error {
	lower := strings.ToLower(change.Attr)
	if change.Op == backends.Replace || len(change.Values) == 0 {
		b.then.whole[lower] = attribute{change.Attr, change.Values}
		return b.readNow(ctx, change.Attr)
	}
	if _, err := b.has(ctx, change.Attr, change.Values); err != nil {
		return err
	}
	whole, known := b.then.values(change.Attr)
	for _, v := range change.Values {
		normal := b.c.normal(change.Attr, v)
		if !known {
			b.then.note(lower, normal, listed{change.Attr, v, change.Op == backends.Add})
			continue
		}
		whole = slices.DeleteFunc(whole.Clone(), func(is backends.Value) bool { return b.c.normal(change.Attr, is) == normal })
		if change.Op == backends.Add {
			whole = append(whole, v)
		}
		b.then.whole[lower] = attribute{change.Attr, whole}
	}
	return nil
}

// readNow reads an attribute whose wanted values are known already.
func (b *subject) readNow(ctx context.Context, attr string) error {
	want := b.then.whole[strings.ToLower(attr)]
	if err := b.read(ctx, attr); err != nil {
		return err
	}
	delete(b.then.listed, strings.ToLower(attr))
	b.then.whole[strings.ToLower(attr)] = want
	return nil
}

// changes are what makes the one picture the other.
func (b *subject) changes() []backends.Change {
	var all []backends.Change
	for _, lower := range slices.Sorted(maps.Keys(b.then.whole)) {
		want := b.then.whole[lower]
		is, _ := b.now.values(want.name)
		// A value in another spelling is another one: it had the one, and gets it again.
		if !sameValues(backends.NoRule, is, want.values) && !blank(want.values) && !b.c.Backend().Syntax(want.name).ReadOnly {
			all = append(all, backends.Change{Op: backends.Replace, Attr: want.name, Values: want.values})
		}
	}
	for _, lower := range slices.Sorted(maps.Keys(b.then.listed)) {
		var add, remove backends.Values
		name := ""
		for _, normal := range slices.Sorted(maps.Keys(b.then.listed[lower])) {
			want := b.then.listed[lower][normal]
			if is := b.now.listed[lower][normal]; is.there == want.there {
				continue
			}
			if name = want.name; want.there {
				add = append(add, want.value)
			} else {
				remove = append(remove, want.value)
			}
		}
		if len(remove) > 0 {
			all = append(all, backends.Change{Op: backends.Remove, Attr: name, Values: remove})
		}
		if len(add) > 0 {
			all = append(all, backends.Change{Op: backends.Add, Attr: name, Values: add})
		}
	}
	return all
}

// everything is what to read of a record that is to be made anew some day: all that there is, and the parts of its document that are mapped, because changes are told
// by them. more are others of these.
func (c *class) everything(more []string) []string {
	attrs := []string{"*", "+"}
	for _, attr := range slices.Concat(c.Reads(nil), more) {
		if isPart(attr) && !slices.Contains(attrs, attr) {
			attrs = append(attrs, attr)
		}
	}
	return attrs
}

// isPart says that an attribute is a part of a document that is in the picture as a whole: neither a table that has its schema in front, nor the whole rows of one.
func (p picture) isPart(attr string) bool {
	name, members, ok := backends.SplitPath(attr)
	_, whole := p.whole[strings.ToLower(name)]
	return ok && whole && len(members) > 0 && members[0] != "*"
}

// isPart says that an attribute may be a part of a document.
func isPart(attr string) bool {
	_, members, ok := backends.SplitPath(attr)
	return ok && len(members) > 0
}

// record is the record as it is now, as far as it is known.
func (b *subject) record() backends.Record {
	return backends.Record{Key: b.key, Name: b.now.name, Version: b.now.version, Attrs: b.now.attrs()}
}
