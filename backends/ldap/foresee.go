package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// What a write would be refused for is foreseen only of a slapd that shows its schema: its rules are known to the letter, where others are lax, fill in what is
// missing, or can be told not to look.

// Could says no to what the server refuses as a value of the attribute, whoever writes it. An empty text is never sent, and a value with an option may
// stand for itself in another encoding.
func (c *class) Could(attr string, v backends.Value) bool {
	in, value := c.d.info.Load(), valueText(v)
	return !in.slapd || !in.live || value == "" || strings.Contains(attr, ";") || !in.schema.Refuses(attr, value)
}

// Foresee holds a write against the syntaxes of its attributes, and against the object classes of its entry: they allow all its attributes, and all that they demand
// is there.
func (c *class) Foresee(ctx context.Context, w backends.Write) error {
	in, err := c.d.contact(ctx)
	if err != nil || !in.slapd || !in.live {
		return err
	}
	switch w.Op {
	case "create":
		dn, err := schema.ParseDN(w.Name)
		if err != nil || len(dn) == 0 {
			return nil
		}
		return in.foreseeEntry(in.complete(dn, w.Attrs))
	case "modify":
		return c.foreseeChanges(ctx, in, w.Key, in.effective(w.Changes))
	}
	return nil
}

// foreseeEntry judges a new entry.
func (in *info) foreseeEntry(all backends.Attributes) error {
	names := sortedNames(all)
	var classes []string
	for _, attr := range names {
		if err := in.possible(attr, all[attr]); err != nil {
			return err
		}
		if in.same(attr, "objectClass") {
			classes = texts(all[attr])
		}
	}
	for _, attr := range names {
		if a, ok := in.schema.Attribute(attr); ok && a.Single && len(all[attr]) > 1 && !strings.Contains(attr, ";") {
			detail, kind := constraint("multiple values", "")
			return &backends.Error{Kind: kind, Attr: a.Name(), Detail: detail}
		}
	}
	return in.allowed(classes, names, func(t *schema.AttributeType) bool { return !in.any(names, t) })
}

// foreseeChanges judges changes of an entry that is there.
func (c *class) foreseeChanges(ctx context.Context, in *info, key backends.Key, changes []backends.Change) error {
	var given, emptied []string
	for _, ch := range changes {
		switch {
		case ch.Op == backends.SetPassword:
			continue
		case in.same(ch.Attr, "objectClass"):
			return nil
		case len(ch.Values) == 0:
			emptied = append(emptied, ch.Attr)
		case ch.Op != backends.Remove:
			given = append(given, ch.Attr)
			if err := in.possible(ch.Attr, ch.Values); err != nil {
				return err
			}
		}
	}
	if len(given)+len(emptied) == 0 || in.ruled {
		return nil
	}
	r, err := c.fetchOne(ctx, in, key, []string{"objectClass"})
	if errors.Is(err, backends.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return in.allowed(texts(r.Attrs["objectClass"]), given, func(t *schema.AttributeType) bool { return in.any(emptied, t) && !in.any(given, t) })
}

// possible refuses what no entry can have of an attribute. Names of other entries are not looked at: it is the directory that has given them.
func (in *info) possible(attr string, values backends.Values) error {
	if strings.Contains(attr, ";") || in.schema.Syntax(attr).Ref {
		return nil
	}
	for _, v := range values {
		if v.Kind() != backends.KindSecret && in.schema.Refuses(attr, valueText(v)) {
			detail, kind := meaning(goldap.LDAPResultInvalidAttributeSyntax, "", attr)
			return &backends.Error{Kind: kind, Attr: attr, Detail: detail}
		}
	}
	return nil
}

// same says whether two names are of one attribute.
func (in *info) same(attr, other string) bool {
	return strings.EqualFold(in.canonical(attr), in.canonical(other))
}

// any says whether one of these is the type, or a subtype of it.
func (in *info) any(attrs []string, t *schema.AttributeType) bool {
	return slices.ContainsFunc(attrs, func(attr string) bool {
		a, ok := in.schema.Attribute(attr)
		return ok && a.Is(t)
	})
}

// allowed refuses attributes that none of an entry's classes has, and the lack of one that they demand. Where something of it is not known, it refuses nothing.
func (in *info) allowed(classes, attrs []string, lacks func(*schema.AttributeType) bool) error {
	if len(classes) == 0 || in.ruled {
		return nil
	}
	anything := false
	for _, name := range classes {
		above := in.schema.Superclasses(name)
		for _, c := range above {
			anything = anything || strings.EqualFold(c.Name(), "extensibleObject")
			if slices.ContainsFunc(c.Sup, func(sup string) bool { _, known := in.schema.Class(sup); return !known }) {
				return nil
			}
		}
		if len(above) == 0 {
			return nil
		}
	}
	must := in.types(in.schema.Must(classes...))
	may := append(in.types(in.schema.May(classes...)), must...)
	for _, attr := range attrs {
		a, ok := in.schema.Attribute(attr)
		if !ok || anything || a.Operational() || slices.ContainsFunc(may, a.Is) {
			continue
		}
		return &backends.Error{Kind: backends.ErrInvalid, Attr: a.Name(), Detail: objectClassDetail("not allowed", a.Name())}
	}
	for _, t := range must {
		if !t.Operational() && lacks(t) {
			return &backends.Error{Kind: backends.ErrInvalid, Attr: t.Name(), Detail: objectClassDetail("requires", t.Name())}
		}
	}
	return nil
}

// types are the attribute types of these names that the schema has.
func (in *info) types(names []string) []*schema.AttributeType {
	var found []*schema.AttributeType
	for _, name := range names {
		if a, ok := in.schema.Attribute(name); ok {
			found = append(found, a)
		}
	}
	return found
}
