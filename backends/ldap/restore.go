package ldap

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// An entry that was deleted is added again under its DN, with all that a client may write. Some servers take what they otherwise keep themselves,
// entryUUID above all, from an account with the privilege to manage entries, under the relax control: OpenLDAP does, and does not announce the control.
// No two servers draw the line in the same place, so the entry is sent with ever less of what is not its own content until the server agrees.

// kindOf says what an attribute is to whoever puts an entry back.
type kindOf uint8

const (
	content     kindOf = iota // what anybody may write
	hidden                    // a password's hash, where the record still has it
	operational               // what a client may write although it is operational: pwdReset
	identity                  // what the entry was known by; only with the relax control
	history                   // what the server remembers of it; only with the relax control
	theirs                    // the server's own: not to be put back
)

// relaxedTypes are attribute types that OpenLDAP lets be written under the relax control, and that belong to the entry and not to the write that made it.
// entryCSN and modifyTimestamp are of the new write: replication orders by them.
var relaxedTypes = map[string]kindOf{
	"entryuuid": identity, "createtimestamp": identity, "creatorsname": identity,
	"pwdchangedtime": history, "pwdaccountlockedtime": history, "pwdfailuretime": history, "pwdgraceusetime": history, "pwdlastsuccess": history,
	"pwdaccounttmplockoutend": history, "authtimestamp": history,
}

// restoring are the attempts at putting an entry back: what is sent, and whether under the relax control.
var restoring = []struct {
	upTo  kindOf
	relax bool
}{{history, true}, {identity, true}, {operational, false}, {hidden, false}, {content, false}}

// Restore adds the entry again.
func (c *class) Restore(ctx context.Context, rec backends.Record, want []string) (backends.Record, []string, error) {
	none := backends.Record{}
	in, err := c.d.contact(ctx)
	if err != nil {
		return none, nil, err
	}
	dn, err := c.placeFor(in, rec)
	if err != nil {
		return none, nil, err
	}
	if err := c.keyFree(ctx, in, rec.Key); err != nil {
		return none, nil, err
	}
	parts := in.sorted(rec.Attrs)
	// Under the control slapd's overlays let pass what is not unique, and so the entry is made without it first: what is wrong with it shows then.
	err = c.attempt(ctx, in, dn, rec, parts, false)
	if err == nil && !in.unrelaxed.Load() && slices.ContainsFunc(parts, func(p attributeSent) bool { return p.kind == identity }) {
		err = c.underItsKey(ctx, in, dn, rec, parts)
	}
	switch {
	case errors.Is(err, backends.ErrNotFound):
		err = withCause(&backends.Error{Kind: backends.ErrInvalid, Detail: "The directory no longer has the entry that this one was below: " + dn.Parent().String() + "."}, err)
	case errors.Is(err, backends.ErrExists):
		err = blameName(err, dn)
	}
	if err != nil {
		return none, nil, err
	}
	return c.readRestored(ctx, in, dn, rec, want)
}

// attempt adds the entry with ever less, under the relax control or without, until the server takes it.
func (c *class) attempt(ctx context.Context, in *info, dn schema.DN, rec backends.Record, parts []attributeSent, relax bool) (err error) {
	sent := -1
	for _, a := range restoring {
		req, n := in.addition(dn, parts, a.upTo)
		if a.relax != relax || n == sent {
			continue
		}
		sent = n
		if relax {
			req.Controls = append(req.Controls, control{oid: oidRelax, critical: true})
		}
		err = c.readd(ctx, in, req, rec, relax)
		if relax && goldap.IsErrorWithCode(err, goldap.LDAPResultUnavailableCriticalExtension) {
			in.unrelaxed.Store(true) // no need to ask for each of a thousand entries
		}
		if !errors.Is(err, backends.ErrInvalid) && !errors.Is(err, backends.ErrRefused) {
			break
		}
	}
	return err
}

// underItsKey makes the entry, which is there under a new key, once more under the one that it had; where the server does not let that, as it was.
func (c *class) underItsKey(ctx context.Context, in *info, dn schema.DN, rec backends.Record, parts []attributeSent) error {
	fresh, err := c.readAt(ctx, in, dn.String(), nil)
	if err != nil || !errors.Is(c.takeBack(ctx, in, fresh), errOutside) {
		return nil //nolint:nilerr // it stays under the new one
	}
	err = c.attempt(ctx, in, dn, rec, parts, true)
	if errors.Is(err, backends.ErrInvalid) || errors.Is(err, backends.ErrRefused) {
		return c.attempt(ctx, in, dn, rec, parts, false)
	}
	return err
}

// placeFor gives the name that an entry is to have again, when nothing that can be known before keeps it from being one of the class's.
func (c *class) placeFor(in *info, rec backends.Record) (schema.DN, error) {
	dn, err := schema.ParseDN(rec.Name)
	if err != nil || len(dn) == 0 {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "The record has no name that an entry could have.", Cause: err}
	}
	switch {
	case !c.holds(rec.Name) || sameDN(rec.Name, c.base):
		return nil, &backends.Error{Kind: backends.ErrRefused, Detail: "The entry's name is outside the mapping's base."}
	case c.account != "" && sameDN(rec.Name, c.account):
		return nil, errAccount
	case c.scope.foresee(in, rec.Attrs) == never:
		return nil, errOutside
	}
	for _, p := range c.protect {
		if p.foresee(in, rec.Attrs) == yes {
			return nil, errProtected
		}
	}
	return dn, nil
}

// keyFree says that no entry has the key: no server looks whether an entryUUID that it is given is another's. Between this and the add another could take it; two
// restores of one entry cannot, since they have its name in common.
func (c *class) keyFree(ctx context.Context, in *info, key backends.Key) error {
	name, err := c.holderOf(ctx, in, key)
	if err == nil && name != "" {
		err = &backends.Error{Kind: backends.ErrExists, Attr: c.key, Detail: "The directory has an entry with this key, under the name " + name + "."}
	}
	return err
}

// holderOf is the name of the entry that has a key; "" where none has. It may have been renamed out of the class, and so the whole naming context is searched.
func (c *class) holderOf(ctx context.Context, in *info, key backends.Key) (string, error) {
	is, ok := c.keyFilter(in)(key)
	if !ok {
		return "", nil // no key of ours: the entry gets one
	}
	req := c.search(is, []string{"1.1"})
	if c.uuid {
		req.BaseDN, req.Scope = in.suffixOf(c.base), goldap.ScopeWholeSubtree
	}
	f, err := read(ctx, c.d, func(ctx context.Context, lc *goldap.Conn) (found, error) { return search(ctx, lc, req) })
	switch {
	case errors.Is(err, backends.ErrNotFound) && c.uuid: // the account does not see the context
		req.BaseDN = c.base
		f, err = c.find(ctx, req)
	case err != nil:
		err = c.baseless(err)
	}
	if err != nil || len(f.entries) == 0 {
		return "", err
	}
	return f.entries[0].DN, nil
}

// suffixOf is the naming context that a name belongs to, or the name where the server does not tell.
func (in *info) suffixOf(dn string) string {
	canonical, _ := canonicalDN(dn)
	longest := dn
	found := false
	for _, context := range in.contexts {
		under, ok := canonicalDN(context)
		if ok && within(canonical, under) && (!found || len(context) > len(longest)) {
			longest, found = context, true
		}
	}
	return longest
}

// attributeSent is an attribute of an entry that is put back.
type attributeSent struct {
	name   string
	values []string
	kind   kindOf
}

// sorted says of each attribute what it is, each under one name.
func (in *info) sorted(attrs backends.Attributes) []attributeSent {
	v := view{in: in}
	seen := map[string]bool{}
	var parts []attributeSent
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if canonical := v.canonical(name); seen[canonical] {
			continue
		} else {
			seen[canonical] = true
		}
		p := attributeSent{name: name, kind: in.kindOf(name)}
		for _, value := range attrs[name] {
			if value.Kind() != backends.KindSecret || value.Reveal() != "" {
				p.values = append(p.values, valueText(value))
			}
		}
		if len(p.values) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

func (in *info) kindOf(name string) kindOf {
	a, ok := in.schema.Attribute(name)
	switch {
	case in.secret(name) && (!ok || !a.NoUser):
		return hidden
	case !ok && in.live:
		return theirs // the schema no longer has it
	case !ok:
		return content
	case a.NoUser:
		if kind, listed := relaxedTypes[strings.ToLower(a.Name())]; listed {
			return kind
		}
		return theirs
	case strings.EqualFold(a.Name(), "memberOf") && (a.Operational() || strings.HasPrefix(in.vendor, "389")):
		return theirs // made of the groups: without them it would be a right that nobody gives
	case a.Operational():
		return operational
	}
	return content
}

// addition is a request with the attributes up to a kind, and how many they are.
func (in *info) addition(dn schema.DN, parts []attributeSent, upTo kindOf) (*goldap.AddRequest, int) {
	req := goldap.NewAddRequest(dn.String(), nil)
	for _, p := range parts {
		if p.kind <= upTo {
			req.Attribute(p.name, p.values)
		}
	}
	return req, len(req.Attributes)
}

func (c *class) readd(ctx context.Context, in *info, req *goldap.AddRequest, rec backends.Record, sameKey bool) error {
	_, err := change(ctx, c.d, func(_ context.Context, lc *goldap.Conn) (struct{}, error) { return struct{}{}, lc.Add(req) })
	open, doubtful := errors.AsType[*doubt](err)
	if !doubtful {
		return err
	}
	sent := backends.Attributes{}
	for _, a := range req.Attributes {
		sent[a.Type] = rec.Attrs[a.Type]
	}
	return c.settle(ctx, operation{name: "add", happened: func(ctx context.Context) (bool, error) {
		r, err := c.readAt(ctx, in, req.DN, sortedNames(sent))
		return err == nil && in.holdsAll(r.Attrs, sent) && (!sameKey || r.Key == rec.Key), err
	}}, open)
}

// readRestored reads the entry as it is now, and takes it away again when it turns out not to be one that may be written.
func (c *class) readRestored(ctx context.Context, in *info, dn schema.DN, rec backends.Record, want []string) (backends.Record, []string, error) {
	none := backends.Record{}
	whole, err := c.readNew(ctx, in, dn.String(), append(sortedNames(rec.Attrs), "*", "+"))
	if err != nil {
		return none, nil, err
	}
	switch err := c.checkProtected(ctx, in, whole.Key); {
	case errors.Is(err, errProtected):
		if err := c.takeBack(ctx, in, whole); !errors.Is(err, errOutside) {
			return none, nil, err
		}
		return none, nil, errProtected
	case err != nil:
		return none, nil, &backends.Error{Kind: backends.ErrUnknown, Detail: "The directory made the entry, and then could not show it.", Cause: err}
	}
	lost := slices.DeleteFunc(backends.Lost(rec, whole), func(attr string) bool { // another spelling of a name is no other name
		s := in.schema.Syntax(attr)
		return s.Ref && backends.SameValues(s.Equality, rec.Attrs[attr], whole.Attrs.Get(attr))
	})
	made, err := c.readAt(ctx, in, dn.String(), want)
	if err != nil {
		return none, lost, &backends.Error{Kind: backends.ErrUnknown, Detail: "The directory made the entry, and then could not show it.", Cause: err}
	}
	return made, lost, nil
}
