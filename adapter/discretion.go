package adapter

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Discretion knows what is not to be written down of records, neither in the journal nor in snapshots: secrets, the attributes that somebody called sensitive, and
// octet strings that nothing maps, because nobody knows what they are. A blank stands in the place of each value, so that it is known that there was one, and nobody
// takes it for absent. Where there is a vault, a box stands there that only its keys open.
type Discretion struct {
	paths   []string // in order, each once
	unknown []string
	classes map[string]discreet
	vault   *Vault
}

// discreet is what is to be known of a type.
type discreet struct {
	backend backends.Backend
	mapped  map[string]bool // native attributes, in lower case
}

// NewDiscretion makes one. A name is a SCIM attribute of any of the types, which stands for whatever it is made of in the directory, or a native one.
func NewDiscretion(mappings *mapping.Set, names []string, vault *Vault) *Discretion {
	d := &Discretion{classes: map[string]discreet{}, vault: vault}
	for _, m := range mappings.All() {
		c := discreet{m.Backend(), map[string]bool{}}
		for _, native := range m.Natives(func(scim.Ref) bool { return true }) {
			c.mapped[strings.ToLower(native)] = true
		}
		d.classes[m.Name()] = c
	}
	for _, name := range names {
		d.paths = append(d.paths, name)
		known := slices.ContainsFunc(slices.Collect(maps.Values(d.classes)), func(c discreet) bool { return c.knows(name) })
		for _, m := range mappings.All() {
			refs := m.MadeOf(name)
			path, err := filter.ParsePath(name)
			ref, ok := m.ResourceType().Resolve(path)
			switch {
			case err != nil || !ok || ref.Attr == nil:
				refs = append(refs, m.Spelled(name)...)
			case ref.Filter != nil: // whoever names some of the elements means them all
				refs = append(refs, scim.Ref{URI: ref.URI, Attr: ref.Attr})
			default:
				refs = append(refs, ref)
			}
			for _, ref := range refs {
				natives := m.Natives(func(some scim.Ref) bool { return within(some.String(), ref.String()) })
				beside := slices.ContainsFunc(m.Overlays(), func(some scim.Ref) bool { return within(some.String(), ref.String()) })
				known = known || beside || len(natives) > 0
				d.paths = append(append(d.paths, ref.String()), natives...)
			}
		}
		if !known {
			d.unknown = append(d.unknown, name)
		}
	}
	slices.Sort(d.paths)
	d.paths = slices.Compact(d.paths)
	return d
}

// knows says that a type has a native attribute of that name, or its directory does, as far as is known.
func (c discreet) knows(native string) bool {
	lower := strings.ToLower(native)
	mapped := func(name string) bool { return within(name, lower) || within(lower, name) }
	return slices.ContainsFunc(slices.Collect(maps.Keys(c.mapped)), mapped) || c.backend.Syntax(native).Known
}

// Unknown are the names that are no attribute's, of no mapping and as far as is known of no directory.
func (d *Discretion) Unknown() []string { return d.unknown }

// hides says that an attribute is one of those that are called sensitive, a part of one, or has one as a part. An option of it (title;lang-de) counts as the
// attribute, and so does all that lies behind its values.
func (d *Discretion) hides(attr string) bool {
	if d == nil || len(d.paths) == 0 {
		return false
	}
	attr, _, _ = strings.Cut(attr, ";")
	attr = strings.TrimSuffix(attr, backends.Path("", "*"))
	return slices.ContainsFunc(d.paths, func(path string) bool { return within(attr, path) || within(path, attr) })
}

// hiddenParts are the places in an attribute's document that are hidden, where the attribute itself is not.
func (d *Discretion) hiddenParts(attr string) []string {
	var parts []string
	for _, path := range d.paths {
		if within(attr, path) {
			return nil
		}
		if within(path, attr) && isPart(path) {
			parts = append(parts, path)
		}
	}
	return parts
}

// obscure says that an attribute holds octets which nothing maps: nobody knows what they are. What the directory itself keeps is no secret of anybody's.
func (d *Discretion) obscure(typ, attr string) bool {
	if d == nil {
		return false
	}
	c, ok := d.classes[typ]
	if !ok {
		return false
	}
	syntax := c.backend.Syntax(attr)
	if !syntax.Octets || syntax.ReadOnly {
		return false
	}
	plain, _, _ := strings.Cut(strings.ToLower(attr), ";")
	return !c.mapped[plain]
}

// withholds says that nobody is to read what an attribute of a type holds.
func (d *Discretion) withholds(typ, attr string) bool { return d.hides(attr) || d.obscure(typ, attr) }

// keeps says that what is withheld is put into the vault.
func (d *Discretion) keeps() bool { return d.vault != nil && !d.vault.Closed }

// withheld are values as they are written down.
func (d *Discretion) withheld(values backends.Values, about ...string) (backends.Values, error) {
	if !d.keeps() {
		return marks(values), nil
	}
	boxes := make(backends.Values, len(values))
	for i, v := range values {
		if boxes[i] = backends.Secret(""); v.Kind() == backends.KindSecret && v.Reveal() == "" {
			continue // there is nothing to seal
		}
		var err error
		if boxes[i], err = d.vault.sealed(v, about...); err != nil {
			return nil, err
		}
	}
	return boxes, nil
}

// secrets are values of which only those that are secret are withheld.
func (d *Discretion) secrets(values backends.Values, about ...string) (backends.Values, error) {
	isSecret := func(v backends.Value) bool { return v.Kind() == backends.KindSecret }
	if !d.keeps() || !slices.ContainsFunc(values, isSecret) {
		return values, nil // whoever writes a secret down writes a blank
	}
	rest := values.Clone()
	for i, v := range rest {
		if isSecret(v) {
			box, err := d.withheld(backends.Values{v}, about...)
			if err != nil {
				return nil, err
			}
			rest[i] = box[0]
		}
	}
	return rest, nil
}

// image is a whole record as it is written down: attrs is all that there is of it.
func (d *Discretion) image(typ string, attrs backends.Attributes, about ...string) (backends.Attributes, error) {
	if attrs == nil {
		return nil, nil
	}
	rest := make(backends.Attributes, len(attrs))
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		values, place := attrs[name], append(slices.Clone(about), name)
		if _, done := rest[name]; done {
			continue // a part of a document, which went with it
		}
		var err error
		switch parts := d.hiddenParts(name); {
		case len(parts) > 0:
			err = d.document(rest, name, values, parts, about)
		case d.withholds(typ, name):
			rest[name], err = d.withheld(values, place...)
		default:
			rest[name], err = d.secrets(values, place...)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// document puts a document down without its hidden parts, and a blank for each of these under its own path. In the vault lies the document whole, once.
func (d *Discretion) document(rest backends.Attributes, name string, values backends.Values, parts, about []string) error {
	var cut []string
	var shown string
	ok := len(values) == 1 && values[0].Kind() == backends.KindString
	if ok {
		shown, cut, ok = withoutParts(values[0].Text(), parts)
	}
	if !ok { // it is something else, and nobody knows where in it the parts are
		var err error
		rest[name], err = d.withheld(values, append(slices.Clone(about), name)...)
		return err
	}
	rest[name] = backends.Strings(shown)
	for i, part := range cut {
		if rest[part] = marks(backends.Strings("")); i > 0 || !d.keeps() {
			continue
		}
		box, err := d.vault.seal(sealedValue{Document: values[0].Text()}, append(slices.Clone(about), part)...)
		if err != nil {
			return err
		}
		rest[part] = backends.Values{box}
	}
	return nil
}

// opened is what was written down with what lies in boxes that open. What does not open stays as it is: a secret whose text nobody has.
func (d *Discretion) opened(attrs backends.Attributes, about ...string) backends.Attributes {
	if d == nil || d.vault == nil || attrs == nil {
		return attrs
	}
	whole := attrs.Clone()
	for name, values := range attrs {
		for i, v := range values {
			box := v.Box()
			if _, there := whole[name]; box == nil || !there {
				continue
			}
			what, err := d.vault.open(box, append(slices.Clone(about), name)...)
			column, _, _ := backends.SplitPath(name)
			switch {
			case err != nil:
			case what.Document != "":
				whole[column] = backends.Strings(what.Document)
				for part := range attrs {
					if isPart(part) && within(part, column) && d.hides(part) {
						delete(whole, part)
					}
				}
			default:
				whole[name][i] = what.value()
			}
		}
	}
	return whole
}

// InSnapshot are the records of a type as snapshots have them.
func (d *Discretion) InSnapshot(tenant, typ string, from backends.Reader) backends.Reader {
	return &kept{from, func(rec backends.Record) (backends.Record, error) {
		attrs, err := d.image(typ, rec.Attrs, "snapshot", tenant, typ, string(rec.Key))
		rec.Attrs = attrs
		return rec, err
	}}
}

// kept is a reader whose walk gives records as they are written down.
type kept struct {
	backends.Reader
	as func(backends.Record) (backends.Record, error)
}

// Walk is the reader's.
func (k *kept) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		for rec, err := range k.Reader.Walk(ctx, q) {
			if err == nil {
				rec, err = k.as(rec)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// FromSnapshot is what a snapshot has of a record, with what the vault opens of it: for whoever puts it back, and nobody else.
func (d *Discretion) FromSnapshot(tenant, typ string, key backends.Key, attrs backends.Attributes) backends.Attributes {
	return d.opened(attrs, "snapshot", tenant, typ, string(key))
}
