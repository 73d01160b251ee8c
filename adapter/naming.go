package adapter

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// On the way to the directory ids become names.

// name turns the ids that references of a resource hold into names, in place, and those of deltas into new ones. known are those that were
// read; hidden names come back. An id that names nobody is 400 (RFC 7644 §3.12, invalidValue). said is what was looked up for that.
func (s *Service) name(ctx context.Context, refs []reference, res *scim.Object, deltas []scim.SetDelta, known links) (named []scim.SetDelta, said []mention, err error) {
	ids := make([][]string, len(refs))
	for i, r := range refs {
		ids[i] = r.values(res)
		for _, d := range deltas {
			if r.isDelta(d) {
				ids[i] = slices.Concat(ids[i], d.Add, d.Remove)
			}
		}
		ids[i] = slices.DeleteFunc(ids[i], func(id string) bool { _, ok := known.nameOf(i, id); return ok })
	}
	if err := s.standStill(ctx, refs, ids); err != nil {
		return nil, nil, err
	}
	found, err := s.namesOf(ctx, refs, ids)
	if err != nil {
		return nil, nil, err
	}
	named = slices.Clone(deltas)
	for i, r := range refs {
		nameOf := func(id string, element *scim.Object) (string, error) {
			if name, ok := known.nameOf(i, id); ok {
				return name, nil
			}
			is, ok := found[i][id]
			if !ok {
				return "", r.nobody(id)
			}
			return is.name, s.agrees(r, is.class, id, element)
		}
		for _, id := range r.values(res) {
			said = r.mention(said, found[i], id, false)
		}
		if err := r.nameValues(res, nameOf); err != nil {
			return nil, nil, err
		}
		if known.hidden != nil {
			r.appendNames(res, known.hidden[i])
		}
		for n, d := range named {
			if !r.isDelta(d) {
				continue
			}
			for _, id := range d.Add {
				said = r.mention(said, found[i], id, false)
			}
			for _, id := range d.Remove {
				said = r.mention(said, found[i], id, true)
			}
			if named[n], err = r.nameDelta(d, nameOf); err != nil {
				return nil, nil, err
			}
		}
	}
	return named, said, nil
}

// standStill waits until nothing of what is to be looked up is about to get another name, or to go.
func (s *Service) standStill(ctx context.Context, refs []reference, ids [][]string) error {
	var words []string
	for i, r := range refs {
		for _, typ := range r.Types {
			if c, ok := s.byName[typ]; ok {
				for _, id := range ids[i] {
					words = append(words, fluxKey(c, id))
				}
			}
		}
	}
	_, err := s.flux.wait(ctx, words...)
	return err
}

// mention notes that an id was looked up.
func (r reference) mention(said []mention, found map[string]called, id string, remove bool) []mention {
	is, ok := found[id]
	if !ok {
		return said
	}
	return append(said, mention{ref: r, class: is.class, id: id, name: is.name, remove: remove})
}

func (l links) nameOf(ref int, id string) (string, bool) {
	if l.names == nil {
		return "", false
	}
	name, ok := l.names[ref][id]
	return name, ok
}

func (r reference) isDelta(d scim.SetDelta) bool {
	return strings.EqualFold(d.Attr, r.Attr) || r.attr != nil && strings.EqualFold(d.Attr, r.ref().String())
}

func (r reference) nobody(id string) error {
	return invalidValue("%s: %q is the id of no %s.", r.Attr, id, strings.Join(r.Types, " or "))
}

// agrees refuses an element that says of its record what is not so. Clients send type and $ref as they please, and the id decides; but an
// element that is of one kind by its id and of another by its own words shows that the client means somebody else. Only a list's elements
// are held to it, which come and go as they are: of a single value, a PATCH leaves the parts of the old one that it does not mention.
func (s *Service) agrees(r reference, c *class, id string, element *scim.Object) error {
	if element == nil || !r.Multi {
		return nil
	}
	if typ, ok := element.Get("type"); ok {
		word, _ := typ.(string)
		for _, other := range s.classes {
			if other != c && strings.EqualFold(other.rt.Name, word) {
				return invalidValue("%s: %q is the id of a %s, and the type that is given says %s.", r.Attr, id, c.rt.Name, other.rt.Name)
			}
		}
	}
	link, _ := element.Get("$ref")
	text, _ := link.(string)
	for _, other := range s.classes {
		at := strings.LastIndex(text, other.rt.Endpoint+"/")
		if at < 0 {
			continue
		}
		last, err := url.PathUnescape(text[at+len(other.rt.Endpoint)+1:])
		if err == nil && !strings.ContainsAny(last, "/:") && (last != id || other != c) {
			return invalidValue("%s: the value %q and the $ref %q do not point at the same resource.", r.Attr, id, text)
		}
	}
	return nil
}

func (r reference) nameValues(res *scim.Object, nameOf func(string, *scim.Object) (string, error)) error {
	var failed error
	seen := map[string]bool{}
	r.rewrite(res, func(id string, element *scim.Object) (any, bool) {
		name, err := nameOf(id, element)
		if err != nil && failed == nil {
			failed = err
		}
		if err != nil || seen[name] {
			return nil, false
		}
		seen[name] = true
		return r.named(name), true
	})
	return failed
}

// named is an element as mapping takes it: the name alone. What else an element says of the record ($ref, type, display) is that record's
// own business.
func (r reference) named(name string) any {
	if !r.Complex {
		return name
	}
	o := scim.NewObject()
	o.Set("value", name)
	return o
}

func (r reference) appendNames(res *scim.Object, names []string) {
	if len(names) == 0 || !r.Multi && len(r.values(res)) > 0 {
		return // of a single value, a hidden one makes room for a new one
	}
	if !r.Multi {
		holderOf(res, r.URI, true).Set(r.Attr, r.named(names[0]))
		return
	}
	holder := holderOf(res, r.URI, true)
	v, _ := holder.Get(r.Attr)
	list, _ := v.([]any)
	list = slices.Clip(list)
	for _, name := range names {
		list = append(list, r.named(name))
	}
	holder.Set(r.Attr, list)
}

// nameDelta turns a delta's ids into names. Removing who is unknown is nothing to do; adding them is an error.
func (r reference) nameDelta(d scim.SetDelta, nameOf func(string, *scim.Object) (string, error)) (scim.SetDelta, error) {
	named := scim.SetDelta{Attr: d.Attr}
	for i, id := range d.Add {
		var said *scim.Object
		if i < len(d.Elements) {
			said = d.Elements[i]
		}
		name, err := nameOf(id, said)
		if err != nil {
			return named, err
		}
		if slices.Contains(named.Add, name) {
			continue
		}
		element := scim.NewObject()
		element.Set("value", name)
		named.Add, named.Elements = append(named.Add, name), append(named.Elements, element)
	}
	for _, id := range d.Remove {
		if name, err := nameOf(id, nil); err == nil && !slices.Contains(named.Remove, name) {
			named.Remove = append(named.Remove, name)
		}
	}
	return named, nil
}
