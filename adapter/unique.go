package adapter

import (
	"context"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// uniqueValue is a value that no other resource of the type may have.
type uniqueValue struct {
	path  filter.Path
	value string
}

// uniques lists the values of a resource that must be its own: of attributes that the schema calls unique, and of a group's displayName,
// which identity providers find their groups by. Overlay attributes have rules of their own.
func (c *class) uniques(res *scim.Object) []uniqueValue {
	var found []uniqueValue
	look := func(uri string, attrs []*scim.Attribute) {
		holder := holderOf(res, uri, false)
		if holder == nil {
			return
		}
		for _, a := range attrs {
			if !c.mustBeUnique(uri, a) {
				continue
			}
			v, _ := holder.Get(a.Name)
			if text, ok := v.(string); ok && text != "" {
				found = append(found, uniqueValue{filter.Path{URI: uri, Attr: a.Name}, text})
			}
		}
	}
	look("", c.rt.Schema.Attributes)
	look("", c.rt.Common)
	for _, ext := range c.rt.Extensions {
		look(ext.Schema.ID, ext.Schema.Attributes)
	}
	return found
}

func (c *class) mustBeUnique(uri string, a *scim.Attribute) bool {
	if a.MultiValued || a.Mutability == scim.ReadOnly || a.Mutability == scim.WriteOnly {
		return false
	}
	if slices.ContainsFunc(c.extras, func(x overlayAttr) bool { return x.URI == uri && x.Attr.Name == a.Name }) {
		return false
	}
	switch {
	case a.Uniqueness == scim.UniqueServer, a.Uniqueness == scim.UniqueGlobal:
		return true
	case uri != "":
		return false
	}
	return a.Name == "externalId" || c.rt.Name == "Group" && a.Name == "displayName"
}

// lockName is what writers of this value wait for: the same in any case of letters, so that two that differ in case meet.
func (u uniqueValue) lockName(c *class) string {
	return c.Name() + "\x00" + u.path.URI + "\x00" + u.path.Attr + "\x00" + backends.Normalize(backends.CaseIgnoreSpace, u.value)
}

// reserve locks the values within this process and makes sure that no other record has one. The directory may refuse a duplicate itself, by
// a name that exists or a rule of its own; asking first names the attribute, and finds those that it would let pass.
func (s *Service) reserve(ctx context.Context, c *class, req scim.Request, own backends.Key, values []uniqueValue, extras map[string]string) (release func(), err error) {
	var names []string
	for _, u := range values {
		names = append(names, u.lockName(c))
	}
	for _, name := range c.uniqueExtras() {
		if value, ok := extras[name]; ok {
			names = append(names, c.Name()+"\x00overlay\x00"+req.Caller.Tenant+"\x00"+req.Caller.Client+"\x00"+name+"\x00"+value)
		}
	}
	release, err = s.locks.take(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, u := range values {
		if err := s.checkUnique(ctx, c, req, own, u); err != nil {
			release()
			return nil, err
		}
	}
	if err := s.checkExtras(ctx, c, req, own, extras); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// checkUnique searches for another record that shows the value, by the mapping's own reading of `attribute eq value`.
func (s *Service) checkUnique(ctx context.Context, c *class, req scim.Request, own backends.Key, u uniqueValue) error {
	low, err := c.Lower(filter.Compare{Path: u.path, Op: filter.Eq, Value: u.value}, mapping.Known{})
	if err != nil {
		return err
	}
	q := backends.Query{Where: low.Where}
	walk := inBatches{limit: c.Scan(), over: tooMany(nil)}
	if low.Rest != nil {
		q.Attrs = c.Reads(low.Wants)
		if walk.apart, err = s.searchesToLink(ctx, c, low.Wants); err != nil {
			return err
		}
	}
	for batch, err := range walk.of(c.Backend().Walk(ctx, q)) {
		if err != nil {
			return err
		}
		holds, err := s.matchRest(ctx, c, req, low, batch)
		if err != nil {
			return err
		}
		for i, rec := range batch {
			if holds[i] && rec.Key != own {
				path := u.path.Attr
				if u.path.URI != "" {
					path = u.path.URI + ":" + path
				}
				return taken(path, nil)
			}
		}
	}
	return nil
}

// namedBy is the attribute that fills a name, for an error about the name: the one that has a slot's value.
func (c *class) namedBy(res *scim.Object, name backends.Template) string {
	for _, part := range name {
		if !part.Slot {
			continue
		}
		for attr, v := range res.All() {
			if text, ok := v.(string); ok && attr != "id" && strings.EqualFold(text, part.Value.Text()) {
				return attr
			}
		}
	}
	return ""
}
