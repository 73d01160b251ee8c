package adapter

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/scim"
)

// difference is what a write changes of a resource as clients see it, for people who read the journal. Of a list it names the elements that go and those that come, so
// that one member of many thousands is one line. An attribute that clients never read, a password, is named without its values. before is nil of a
// resource that is made; of one that is deleted the journal has the record itself.
func (c *class) difference(before, after *scim.Object, deltas []scim.SetDelta) []journal.Change {
	d := &differ{hidden: map[string]bool{}}
	common := c.rt.Common
	if common == nil {
		common = scim.CommonAttributes()
	}
	d.attributes("", common, before, after)
	d.attributes("", c.rt.Schema.Attributes, before, after)
	for _, ext := range c.rt.Extensions {
		was, _ := objectAt(before, ext.Schema.ID)
		is, _ := objectAt(after, ext.Schema.ID)
		d.attributes(ext.Schema.ID+":", ext.Schema.Attributes, was, is)
	}
	for _, delta := range deltas {
		d.changes = append(d.changes, journal.Change{Path: delta.Attr, Before: textOf(elementsOf(delta.Remove)), After: textOf(elementsOf(delta.Add))})
	}
	return slices.DeleteFunc(d.changes, func(c journal.Change) bool { return c.Before == nil && c.After == nil && !d.hidden[c.Path] })
}

type differ struct {
	changes []journal.Change
	hidden  map[string]bool // paths whose values nobody may see
}

func (d *differ) attributes(prefix string, list []*scim.Attribute, before, after *scim.Object) {
	for _, attr := range list {
		was, had := before.Get(attr.Name)
		is, has := after.Get(attr.Name)
		if attr.Mutability == scim.ReadOnly || attr.Name == "schemas" || !had && !has || scim.Equal(was, is) {
			continue
		}
		path := prefix + attr.Name
		wasObject, nested := was.(*scim.Object)
		isObject, alsoNested := is.(*scim.Object)
		if len(attr.SubAttributes) > 0 && !attr.MultiValued && (nested || !had) && (alsoNested || !has) {
			d.attributes(path+".", attr.SubAttributes, wasObject, isObject)
			continue
		}
		if attr.Mutability == scim.WriteOnly || attr.Returned == scim.ReturnedNever {
			d.hidden[path] = true
			d.changes = append(d.changes, journal.Change{Path: path})
			continue
		}
		gone, come := []any(nil), []any(nil)
		if attr.MultiValued {
			gone, come = apart(was, is)
			d.changes = append(d.changes, journal.Change{Path: path, Before: textOf(gone), After: textOf(come)})
			continue
		}
		if had {
			gone = []any{was}
		}
		if has {
			come = []any{is}
		}
		d.changes = append(d.changes, journal.Change{Path: path, Before: single(gone), After: single(come)})
	}
}

// apart gives the elements that are in one list only.
func apart(was, is any) (gone, come []any) {
	before, _ := was.([]any)
	after, _ := is.([]any)
	count := map[string]int{}
	for _, e := range after {
		count[elementText(e)]++
	}
	for _, e := range before {
		if text := elementText(e); count[text] > 0 {
			count[text]--
		} else {
			gone = append(gone, e)
		}
	}
	for _, e := range slices.Backward(after) {
		if text := elementText(e); count[text] > 0 {
			count[text]--
			come = append(come, e)
		}
	}
	slices.Reverse(come)
	return gone, come
}

// elementText tells elements apart: by all their members, whatever their order.
func elementText(e any) string {
	o, ok := e.(*scim.Object)
	if !ok {
		return string(textOf([]any{e}))
	}
	parts := make([]string, 0, o.Len())
	for name, v := range o.All() {
		if name != "$ref" { // it is made of the value, and of the address that was asked
			parts = append(parts, name+string(textOf([]any{v})))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x00")
}

func elementsOf(ids []string) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		member := scim.NewObject()
		member.Set("value", id)
		list[i] = member
	}
	return list
}

// textOf is a list as JSON; nil for none.
func textOf(list []any) json.RawMessage {
	if len(list) == 0 {
		return nil
	}
	holder := scim.NewObject()
	holder.Set("v", list)
	text := holder.AppendJSON(nil)
	return text[len(`{"v":`) : len(text)-1]
}

// single is the only element of a list as JSON; nil for none.
func single(list []any) json.RawMessage {
	text := textOf(list)
	if text == nil {
		return nil
	}
	return text[1 : len(text)-1]
}
