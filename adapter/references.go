package adapter

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// Directories point at records with names (a DN, a uid), SCIM with ids, which are keys. Everything here works on whole pages: one query for
// each type that names may belong to, however many there are.

// target is what a reference points at.
type target struct {
	class *class
	key   backends.Key
	label string // what people call it; "" when that was not asked for, or nothing calls it
}

// called is what those who point at a record of this type call it.
type called struct {
	name  string
	class *class
}

// asked is a batch of one round: all names of one type and one way of naming.
type asked struct {
	typ, by string
}

// keysOf finds what names point at. names holds, for each reference of refs, the names to look up; so does the answer. What is in none of
// the reference's types, or out of their scope, is left out.
func (s *Service) keysOf(ctx context.Context, refs []reference, names [][]string) ([]map[string]target, error) {
	return inRounds(s, refs, names, func(c *class, by string, batch []string) (map[string]target, error) {
		labelled := slices.ContainsFunc(refs, func(r reference) bool { return r.labelled && r.By == by && slices.Contains(r.Types, c.Name()) })
		recs, err := c.Backend().Find(ctx, by, batch, c.labelReads(labelled))
		found := make(map[string]target, len(recs))
		for name, rec := range recs {
			found[name] = s.target(ctx, c, rec, labelled)
		}
		return found, err
	})
}

// labelReads lists what to read of a record for its label, if it is to be shown: nothing else is asked of it.
func (c *class) labelReads(labelled bool) []string {
	if !labelled {
		return nil
	}
	return c.LabelReads()
}

// target is a record that was read with labelReads.
func (s *Service) target(ctx context.Context, c *class, rec backends.Record, labelled bool) target {
	t := target{class: c, key: rec.Key}
	if labelled {
		label, problem := c.Label(rec)
		if problem != nil {
			s.report(ctx, c, rec, *problem)
		}
		t.label = label
	}
	return t
}

// namesOf finds what ids are called by those who point at them. Unknown ids are left out.
func (s *Service) namesOf(ctx context.Context, refs []reference, ids [][]string) ([]map[string]called, error) {
	return inRounds(s, refs, ids, func(c *class, by string, batch []string) (map[string]called, error) {
		keys := make([]backends.Key, len(batch))
		for i, id := range batch {
			keys[i] = backends.Key(id)
		}
		names, err := c.Backend().Names(ctx, by, keys)
		found := make(map[string]called, len(names))
		for key, name := range names {
			found[string(key)] = called{name, c}
		}
		return found, err
	})
}

// inRounds looks words up, those of all references together: first among the records of each reference's first type, then what was not
// found there among those of its second, and so on.
func inRounds[T any](
	s *Service, refs []reference, words [][]string, ask func(c *class, by string, batch []string) (map[string]T, error),
) ([]map[string]T, error) {
	found := make([]map[string]T, len(refs))
	for i := range refs {
		found[i] = map[string]T{}
	}
	for round := 0; ; round++ {
		each := func(do func(i int, a asked, word string)) {
			for i, r := range refs {
				if round >= len(r.Types) {
					continue
				}
				for _, word := range words[i] {
					if _, known := found[i][word]; !known {
						do(i, asked{r.Types[round], r.By}, word)
					}
				}
			}
		}
		batches := map[asked][]string{}
		each(func(_ int, a asked, word string) { batches[a] = append(batches[a], word) })
		if len(batches) == 0 {
			return found, nil
		}
		for a, batch := range batches {
			c, ok := s.byName[a.typ]
			if !ok {
				continue
			}
			slices.Sort(batch)
			answers, err := ask(c, a.by, slices.Compact(batch))
			if err != nil {
				return nil, err
			}
			each(func(i int, b asked, word string) {
				if answer, ok := answers[word]; ok && a == b {
					found[i][word] = answer
				}
			})
		}
	}
}

// values lists what a reference holds in a resource: names before it is resolved, ids after.
func (r reference) values(res *scim.Object) []string {
	var texts []string
	r.each(res, func(text string, _ *scim.Object) { texts = append(texts, text) })
	return texts
}

func (r reference) each(res *scim.Object, visit func(text string, element *scim.Object)) {
	holder := holderOf(res, r.URI, false)
	if holder == nil {
		return
	}
	v, _ := holder.Get(r.Attr)
	list, isList := v.([]any)
	if !isList && v != nil {
		list = []any{v}
	}
	for _, element := range list {
		if text, o, ok := pointer(element); ok {
			visit(text, o)
		}
	}
}

// pointer reads an element of a reference: an object with a `value`, or the value itself.
func pointer(element any) (text string, o *scim.Object, ok bool) {
	if o, ok = element.(*scim.Object); ok {
		v, _ := o.Get("value")
		text, ok = v.(string)
		return text, o, ok
	}
	text, ok = element.(string)
	return text, nil, ok
}

// rewrite replaces what a reference holds in a resource: each element by what swap makes of it, none where it says false. The list is a new
// one; the elements of the old are left alone.
func (r reference) rewrite(res *scim.Object, swap func(text string, element *scim.Object) (any, bool)) {
	holder := holderOf(res, r.URI, false)
	if holder == nil {
		return
	}
	v, there := holder.Get(r.Attr)
	if !there {
		return
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	kept := make([]any, 0, len(list))
	for _, element := range list {
		text, o, ok := pointer(element)
		if !ok {
			continue
		}
		if swapped, ok := swap(text, o); ok {
			kept = append(kept, swapped)
		}
	}
	switch {
	case len(kept) == 0:
		holder.Delete(r.Attr)
		dropEmpty(res, r.URI)
	case isList:
		holder.Set(r.Attr, kept)
	default:
		holder.Set(r.Attr, kept[0])
	}
}

// element is a reference as a client sees it: what the mapping shows of it, and what is known of the record that it points at.
func (r reference) element(base string, t target, from *scim.Object) any {
	id := string(t.key)
	if !r.Complex {
		return id
	}
	o := scim.NewObject()
	if from != nil {
		o = from.Clone()
	}
	o.Set("value", id)
	if r.attr == nil {
		return o
	}
	for _, sub := range r.attr.SubAttributes { // in the schema's order, so that projection need not sort them
		switch {
		case sub.Name == "$ref":
			o.Set("$ref", base+t.class.rt.Endpoint+"/"+url.PathEscape(id))
		case sub.Name == "type":
			if typ := r.typeOf(sub, t); typ != "" {
				o.Set("type", typ)
			}
		case sub.Name == r.Display && t.label != "":
			o.Set(sub.Name, t.label)
		}
	}
	return o
}

// typeOf is the `type` of a reference: how a user belongs to a group (RFC 7643 §4.1.2), or what the record is. Which of nested groups hold
// the user itself is found out by kinds.
func (r reference) typeOf(typ *scim.Attribute, t target) string {
	switch canonical := typ.CanonicalValues; {
	case slices.Contains(canonical, "direct") && r.Nested:
		return ""
	case slices.Contains(canonical, "direct"):
		return "direct"
	case len(r.Types) > 1 || slices.Contains(canonical, t.class.rt.Name):
		return t.class.rt.Name
	}
	return ""
}

func hasSub(a *scim.Attribute, name string) *scim.Attribute {
	if a == nil {
		return nil
	}
	for _, sub := range a.SubAttributes {
		if strings.EqualFold(sub.Name, name) {
			return sub
		}
	}
	return nil
}

// isPlaceholder says that a name only stands in an empty set.
func (r reference) isPlaceholder(name string) bool {
	return r.Placeholder != "" && backends.Normalize(r.rule(), name) == backends.Normalize(r.rule(), r.Placeholder)
}

// rule is how names in the attribute compare: as the directory compares them, where it says so. Names of records are DNs only where records have names;
// elsewhere they are keys, in which a comma or an equals sign means nothing.
func (r reference) rule() backends.Rule {
	named := true
	if r.home != nil {
		b := r.home.Backend()
		if rule := b.Syntax(r.Native).Equality; rule != backends.NoRule {
			return rule
		}
		named = b.Capabilities().Rename
	}
	if r.By == "" && named {
		return backends.NameRule
	}
	return backends.CaseExact
}

// spellsOtherwise says that a table may hold names which are those of records, and yet are not what their own directory calls them: DNs with other blanks
// and letters, in a column of texts. To take one out, the set must be read, since only there it is spelled as it is. Directories with names of their own
// compare them themselves, or by a rule that whoever writes them keeps to.
func (s *Service) spellsOtherwise(r reference) bool {
	if r.home.Backend().Capabilities().Rename {
		return false
	}
	rule := r.rule()
	return slices.ContainsFunc(r.Types, func(typ string) bool {
		c, ok := s.byName[typ]
		switch {
		case !ok:
			return false
		case r.By != "":
			return c.Backend().Syntax(r.By).Equality != rule
		}
		return c.Backend().Capabilities().Rename && rule != backends.NameRule
	})
}

// links are the references of one resource that have been resolved: what each id is called, and the names that stay hidden because they
// point at nothing in scope.
type links struct {
	names  []map[string]string // by reference, id to name
	hidden [][]string
}

// resolve turns the names that references hold into ids, for all resources at once. Names that point at nobody in scope are taken away.
func (s *Service) resolve(ctx context.Context, base string, refs []reference, resources []*scim.Object) ([]links, error) {
	names := make([][]string, len(refs))
	for i, r := range refs {
		for _, res := range resources {
			for _, name := range r.values(res) {
				if !r.isPlaceholder(name) {
					names[i] = append(names[i], name)
				}
			}
		}
	}
	found, err := s.keysOf(ctx, refs, names)
	if err != nil {
		return nil, err
	}
	all := make([]links, len(resources))
	for n, res := range resources {
		l := links{names: make([]map[string]string, len(refs)), hidden: make([][]string, len(refs))}
		for i, r := range refs {
			l.names[i] = map[string]string{}
			r.rewrite(res, func(name string, o *scim.Object) (any, bool) {
				t, ok := found[i][name]
				if !ok || r.isPlaceholder(name) {
					l.hidden[i] = append(l.hidden[i], name)
					return nil, false
				}
				if _, twice := l.names[i][string(t.key)]; twice {
					l.hidden[i] = append(l.hidden[i], name) // two spellings of one name: shown once, both kept
					return nil, false
				}
				l.names[i][string(t.key)] = name
				return r.element(base, t, o), true
			})
		}
		all[n] = l
	}
	return all, nil
}

// split lists the references that are wanted: those that the records themselves hold, and those that are found from the other side.
func (s *Service) split(ctx context.Context, c *class, want func(scim.Ref) bool) (direct, reverse []reference, err error) {
	for _, r := range c.refs {
		if r.attr == nil || !want(r.ref()) {
			continue
		}
		turned, err := s.isReverse(ctx, c, r)
		if err != nil {
			return nil, nil, err
		}
		r.labelled = r.wanted(want, r.Display)
		if turned {
			r.Nested = false // those whose members name the record are the direct ones
			reverse = append(reverse, r)
		} else {
			direct = append(direct, r)
		}
	}
	return direct, reverse, nil
}

// wanted says whether a part of what the reference points at is looked at.
func (r reference) wanted(want func(scim.Ref) bool, part string) bool {
	sub := hasSub(r.attr, part)
	return part != "" && sub != nil && want(scim.Ref{URI: r.URI, Attr: r.attr, Sub: sub})
}
