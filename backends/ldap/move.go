package ldap

import (
	"context"
	"errors"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Move renames the record, and moves it where the new name says. The old naming value goes (deleteoldrdn).
func (c *class) Move(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
	dn, err := fillName(name)
	if err != nil {
		return err
	}
	from, leaves, err := c.course(dn, cond.Beyond)
	if err != nil {
		return err
	}
	rdn, parent := dn[0].String(), dn.Parent().String()
	_, err = from.write(ctx, key, cond, operation{
		name: "rename",
		do: func(lc *goldap.Conn, t target) (*goldap.Entry, error) {
			superior := ""
			if old, err := parseDN(t.dn); err == nil && !sameDN(old.Parent().String(), parent) {
				superior = parent
			}
			return nil, lc.ModifyDN(goldap.NewModifyDNWithControlsRequest(t.dn, rdn, true, superior, t.controls))
		},
		happened: func(ctx context.Context) (bool, error) {
			r, err := c.readAt(ctx, c.d.info.Load(), dn.String(), nil)
			return err == nil && r.Key == key, err
		},
	})
	switch {
	case err == nil && !leaves:
		c.names.put(key, dn.String())
	case err == nil || leaves && errors.Is(err, backends.ErrUnknown):
		c.names.drop(key)
	case errors.Is(err, backends.ErrInvalid):
		err = c.placeless(ctx, dn.Parent().String(), err)
	}
	return longName(err, dn)
}

// course says where a record is looked for that is to get a name, and whether it leaves the class for the one place outside that it may go to.
func (c *class) course(dn schema.DN, beyond string) (from *class, leaves bool, err error) {
	if beyond == "" {
		if !c.holds(dn.String()) || sameDN(dn.String(), c.base) {
			return nil, false, errElsewhere
		}
		return c, false, nil
	}
	place, ok := c.at(beyond)
	switch {
	case !ok:
		return nil, false, &backends.Error{Kind: backends.ErrInvalid, Detail: "The place outside the mapping's base is no DN."}
	case place.holds(dn.String()) && !sameDN(dn.String(), beyond):
		return c, true, nil
	case c.holds(dn.String()) && !sameDN(dn.String(), c.base):
		return place, false, nil
	}
	return nil, false, errElsewhere
}

// at is the class as it would be with another base: the same filter, key and protected entries.
func (c *class) at(base string) (*class, bool) {
	under, ok := canonicalDN(base)
	return &class{
		d: c.d, base: base, under: under, depth: goldap.ScopeWholeSubtree, scope: c.scope, protect: c.protect, key: c.key, version: c.version, uuid: c.uuid, guest: true,
		account: c.account, names: newNameCache(2), patience: c.patience,
	}, ok
}

// Beyond reads the records of the class that were moved to below a place outside it.
func (c *class) Beyond(place string) (backends.Reader, bool) { return c.at(place) }

// placeless names the place that a name needs, where the directory has none.
func (c *class) placeless(ctx context.Context, parent string, err error) error {
	if _, missing := c.readAt(ctx, c.d.info.Load(), parent, nil); !errors.Is(missing, backends.ErrNotFound) {
		return err
	}
	return withCause(&backends.Error{Kind: backends.ErrInvalid, Detail: "The directory has no entry " + parent + ", below which the entry would be."}, err)
}
