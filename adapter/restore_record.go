package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// see makes known what was just read of a record: all that there is.
func (b *subject) see(rec backends.Record) {
	whole := make(map[string]attribute, len(rec.Attrs))
	for name, values := range rec.Attrs {
		whole[strings.ToLower(name)] = attribute{name, values}
	}
	b.now = picture{looked: true, there: true, full: true, name: rec.Name, version: rec.Version, whole: whole, listed: map[string]map[string]listed{}, extras: map[string]map[string]string{}}
	b.then, b.stands = b.now.clone(), rec.Name
}

// keptByItself are the attributes of a record that the directory maintains itself, and might have again as they were: not those that every write sets, which nobody expects back.
func (c *class) keptByItself(was backends.Record) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(was.Attrs)) {
		if c.notPut(name) && !c.Backend().Syntax(name).Stamp {
			names = append(names, name)
		}
	}
	return names
}

// notPut says that nobody puts an attribute back into a record that is there: the directory maintains it, or every write does.
func (c *class) notPut(attr string) bool {
	syntax := c.Backend().Syntax(attr)
	lastModified := func(ref scim.Ref) bool {
		return ref.Attr != nil && ref.Attr.Name == "meta" && ref.Sub != nil && ref.Sub.Name == "lastModified"
	}
	if slices.ContainsFunc(c.Reads(lastModified), func(stamp string) bool { return strings.EqualFold(stamp, attr) }) {
		return true
	}
	kept := slices.ContainsFunc(c.refs, func(r reference) bool {
		return (r.ReadOnly || r.OrReverse != "") && r.Native != "" && strings.EqualFold(r.Native, attr)
	})
	return syntax.ReadOnly || syntax.Stamp || kept
}

// KeptByDirectory says of an attribute of a type that the directory keeps it itself, or that every write sets it: that it changes tells nobody anything, and who puts a
// record somewhere leaves it out.
func (s *Service) KeptByDirectory(typ, attr string) bool {
	c, ok := s.byName[typ]
	return ok && c.notPut(attr)
}

// comeBack has a record that is gone come back, with the references that others had to it.
func (p *putting) comeBack(ctx context.Context, r *rewind, was backends.Record) error {
	attrs := was.Attrs.Clone()
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if blank(attrs[name]) && !r.c.notPut(name) {
			r.lose(name)
		}
		there, err := p.follow(ctx, r, name, attrs[name], nil)
		if err != nil {
			return err
		}
		attrs[name] = there
	}
	if err := r.bringBack(ctx, stood{Step: journal.Step{Key: was.Key, Name: was.Name, Before: attrs}}); err != nil {
		return err
	}
	return p.comeIn(ctx, r, was)
}

// comeIn puts a record that is made again into those that pointed at it, as far as these are not put back themselves.
func (p *putting) comeIn(ctx context.Context, r *rewind, was backends.Record) error {
	for _, other := range p.s.classes {
		past := p.o.Past[other.Name()]
		for _, ref := range other.writable() {
			name := was.Name
			if ref.By != "" {
				name = strings.Join(was.Attrs.Get(ref.By)[:min(1, len(was.Attrs.Get(ref.By)))].Texts(), "")
			}
			if past == nil || name == "" || !slices.Contains(ref.Types, r.c.Name()) {
				continue
			}
			held, err := past.Holders(ctx, ref.Native, []string{name}, nil)
			if err != nil {
				return err
			}
			for _, holder := range held[name] {
				id, err := p.idOf(ctx, other, holder.Key)
				if err != nil {
					return err
				}
				if _, own := p.chosen[imageKey{other.Name(), id}]; own {
					continue
				}
				gone := []backends.Change{{Op: backends.Remove, Attr: ref.Native, Values: backends.Strings(name)}}
				if err := r.putIn(ctx, stood{Step: journal.Step{Backend: other.Name(), Op: opModify, Key: id, Changes: gone}, effective: gone}, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// become has a record that is there be as it was.
func (p *putting) become(ctx context.Context, r *rewind, was backends.Record) error {
	b := r.own
	was.Attrs = asItIs(was.Attrs, b.now.attrs())
	moves := r.c.Backend().Capabilities().Rename && backends.Normalize(backends.NameRule, was.Name) != backends.Normalize(backends.NameRule, b.now.name)
	if moves {
		b.then.name = was.Name
	}
	spelled := map[string]string{}
	for _, attrs := range []backends.Attributes{b.now.attrs(), was.Attrs} {
		for name := range attrs {
			spelled[strings.ToLower(name)] = name
		}
	}
	for _, lower := range slices.Sorted(maps.Keys(spelled)) {
		name := spelled[lower]
		if r.c.notPut(name) || moves && (isNamedBy(name, was.Name) || isNamedBy(name, b.now.name)) {
			continue // its name brings them along
		}
		if err := p.attribute(ctx, r, name, was.Attrs.Get(name)); err != nil {
			return err
		}
	}
	return nil
}

// isNamedBy says that an attribute is in the first part of a name.
func isNamedBy(attr, name string) bool {
	first, _ := cutName(backends.Normalize(backends.NameRule, name))
	return slices.ContainsFunc(strings.Split(first, "+"), func(part string) bool { return strings.HasPrefix(part, strings.ToLower(attr)+"=") })
}

// cutName parts a name into its first part and what that is below.
func cutName(name string) (first, rest string) {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case ',':
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}

// attribute has one attribute be as it was. Where records are pointed at, each comes and goes for himself.
func (p *putting) attribute(ctx context.Context, r *rewind, name string, want backends.Values) error {
	b, lower := r.own, strings.ToLower(name)
	is, _ := b.now.values(name)
	same := sameValues(backends.NoRule, is, want)
	ref, points := r.c.pointsWith(name)
	switch {
	case same:
		return nil
	case blank(want) || blank(is): // what it was nobody knows, and what it is stays
		if len(is) == 0 {
			r.lose(name)
		}
		return nil
	case b.now.isPart(name):
		return nil // it is in the document
	case !r.c.Backend().Syntax(name).Known: // rows have columns that nothing maps, or the schema no longer has it
		r.lose(name)
		return nil
	case !points:
		b.then.whole[lower] = attribute{name, want}
		return nil
	}
	there, err := p.follow(ctx, r, name, want, is)
	if err != nil || len(there) == 0 && len(want) > 0 && !ref.Multi {
		return err
	}
	if !ref.Multi {
		b.then.whole[lower] = attribute{name, there}
		return nil
	}
	delete(b.now.whole, lower)
	delete(b.then.whole, lower)
	for _, v := range is {
		b.now.note(lower, r.c.normal(name, v), listed{name, v, true})
		b.then.note(lower, r.c.normal(name, v), listed{name, v, false})
	}
	for _, v := range there {
		b.then.note(lower, r.c.normal(name, v), listed{name, v, true})
	}
	return nil
}

// follow gives the names that records have now in the place of those that they had. Whoever is gone, and does not come back, is left out and told. Of names that no
// snapshot knows those that the record has now stay; of the others somebody must be there. is is what the record has now.
func (p *putting) follow(ctx context.Context, r *rewind, attr string, values, is backends.Values) (backends.Values, error) {
	ref, ok := r.c.pointsWith(attr)
	if !ok || len(values) == 0 {
		return values, nil
	}
	now := map[string]string{}
	dead := map[string]string{} // and who has the name now
	unsure := false
	for _, typ := range ref.Types {
		of := p.s.byName[typ]
		if unsure = unsure || of != nil && p.o.Past[typ] == nil; of == nil || p.o.Past[typ] == nil {
			continue
		}
		if err := p.followIn(ctx, r, of, ref, values, now, dead); err != nil {
			return nil, err
		}
	}
	stays := map[string]bool{}
	for _, v := range is {
		stays[r.c.normal(attr, v)] = true
	}
	var there, ask backends.Values
	for _, v := range values {
		name, found := now[v.Text()]
		who, gone := dead[v.Text()]
		switch {
		case found && r.c.normal(attr, backends.String(name)) != r.c.normal(attr, v):
			there = append(there, backends.String(name))
		case found, ref.isPlaceholder(v.Text()), stays[r.c.normal(attr, v)] && !gone:
			there = append(there, v)
		case gone:
			r.notes = append(r.notes, left(attr, v.Text(), who))
		case (p.o.Anyone || ref.By != "" && !unsure) && r.c.Backend().Capabilities().Rename: // a memberUid may be somebody's whom no directory knows
			there = append(there, v)
		default:
			ask = append(ask, v)
		}
	}
	alive, err := p.alive(ctx, r, attr, ref, ask)
	return append(there, alive...), err
}

// besideScope is a backend that knows of what is out of its scope.
type besideScope interface {
	// Vacant are those of the names that are nobody's. One that belongs to another directory may be somebody's, and is not among them.
	Vacant(ctx context.Context, names []string) ([]string, error)
	// Strays says where the record with a key is that the backend does not have; "": nowhere.
	Strays(ctx context.Context, key backends.Key) (name string, err error)
}

// inTheWay says what is out of the mapping's scope and keeps a record that is not in it from being made again; "" where nothing is known to.
func (p *putting) inTheWay(ctx context.Context, c *class, was backends.Record) (string, error) {
	directory, asks := realBackend(c.Backend()).(besideScope)
	if !asks {
		return "", nil
	}
	where, err := p.strays(ctx, c, was.Key)
	if err != nil || where != "" {
		return fmt.Sprintf("it is there, as %q, and out of the mapping's scope: put it back with the directory's own tools", where), err
	}
	if !p.o.DryRun { // the directory itself will say so
		return "", nil
	}
	vacant, err := directory.Vacant(ctx, []string{was.Name})
	if err != nil || len(vacant) > 0 {
		return "", err
	}
	for _, other := range p.s.classes { // who is in scope may give the name up
		if found, err := other.Backend().Find(ctx, "", []string{was.Name}, nil); err != nil || len(found) > 0 {
			return "", err
		}
	}
	return fmt.Sprintf("something out of the mapping's scope has its name, %q", was.Name), nil
}

// alive leaves names out that are nobody's, and says so. A mapping does not see all that a directory has: where that can be asked, who is out of scope is somebody too.
func (p *putting) alive(ctx context.Context, r *rewind, attr string, ref reference, values backends.Values) (backends.Values, error) {
	directory, asks := realBackend(r.c.Backend()).(besideScope)
	if !asks || ref.By != "" || len(values) == 0 {
		return r.alive(ctx, r.c, attr, values)
	}
	nobody, err := directory.Vacant(ctx, values.Texts())
	if err != nil {
		return nil, err
	}
	made := map[string]bool{}
	for _, b := range r.subjects { // a dry run has made it again, or would have
		if b.then.there {
			made[r.c.normal(attr, backends.String(b.then.name))] = true
		}
	}
	return slices.DeleteFunc(values, func(v backends.Value) bool {
		nobodys := slices.Contains(nobody, v.Text()) && !made[r.c.normal(attr, v)]
		if nobodys {
			r.notes = append(r.notes, left(attr, v.Text(), ""))
		}
		return nobodys
	}), nil
}

// followIn follows names of records of one type.
func (p *putting) followIn(ctx context.Context, r *rewind, of *class, ref reference, values backends.Values, now, dead map[string]string) error {
	found, err := p.o.Past[of.Name()].Find(ctx, ref.By, values.Texts(), nil)
	if err != nil {
		return err
	}
	ids := map[string]backends.Key{}
	for name, rec := range found {
		if ids[name], err = p.idOf(ctx, of, rec.Key); err != nil {
			return err
		}
	}
	names, err := of.Backend().Names(ctx, ref.By, slices.Compact(slices.Sorted(maps.Values(ids))))
	if err != nil {
		return err
	}
	for name, id := range ids {
		if called, there := names[id]; there {
			now[name] = called
			delete(ids, name)
		}
	}
	return p.absent(ctx, r, of, ref.By, ids, now, dead)
}

// Differs names the attributes in which a record that was put back is not as it was, other than secrets that nobody wrote down and what the directory maintains.
func (s *Service) Differs(typ string, was, is backends.Record) []string {
	c, ok := s.byName[typ]
	if !ok {
		return nil
	}
	spelled := map[string]string{}
	for _, attrs := range []backends.Attributes{is.Attrs, was.Attrs} {
		for name := range attrs {
			spelled[strings.ToLower(name)] = name
		}
	}
	var names []string
	for _, lower := range slices.Sorted(maps.Keys(spelled)) {
		name := spelled[lower]
		a, b := was.Attrs.Get(name), is.Attrs.Get(name)
		if c.notPut(name) || blank(a) || blank(b) || sameValues(backends.NoRule, a, b) {
			continue
		}
		if _, points := c.pointsWith(name); points && sameValues(c.Backend().Syntax(name).Equality, a, b) {
			continue
		}
		if len(a) != 1 || len(b) != 1 || !c.sameDocument(name, a[0], b[0]) {
			names = append(names, name)
		}
	}
	return names
}
