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

// buildName fills a template and holds the name to the class's place.
func (c *class) buildName(t backends.Template) (schema.DN, error) {
	dn, err := fillName(t)
	if err == nil && (!c.holds(dn.String()) || sameDN(dn.String(), c.base)) {
		err = errElsewhere
	}
	return dn, err
}

var errElsewhere = &backends.Error{Kind: backends.ErrRefused, Detail: "The entry's name would be outside the mapping's base."}

// fillName fills a template.
func fillName(t backends.Template) (schema.DN, error) {
	dn, ok := buildDN(t)
	if !ok {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "A value that the entry's name is made of is missing or cannot stand in a name."}
	}
	parsed, err := schema.ParseDN(dn)
	if err != nil || len(parsed) == 0 {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Detail: "A value that the entry's name is made of cannot stand in a name.", Cause: err}
	}
	return parsed, nil
}

// Create adds an entry and reads it back. An entry that would not be one of the class's records is not made: nobody could see it here.
func (c *class) Create(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
	none := backends.Record{}
	dn, err := c.buildName(name)
	if err != nil {
		return none, err
	}
	in, err := c.d.contact(ctx)
	if err != nil {
		return none, err
	}
	all := in.complete(dn, attrs)
	if c.scope.foresee(in, all) == never {
		return none, errOutside
	}
	req := goldap.NewAddRequest(dn.String(), nil)
	for _, attr := range sortedNames(all) {
		req.Attribute(attr, texts(all[attr]))
	}
	_, err = change(ctx, c.d, func(_ context.Context, lc *goldap.Conn) (struct{}, error) { return struct{}{}, lc.Add(req) })
	var open *doubt
	switch {
	case errors.As(err, &open):
		err = c.settle(ctx, operation{name: "add", happened: func(ctx context.Context) (bool, error) {
			r, err := c.readAt(ctx, in, dn.String(), sortedNames(all))
			return err == nil && in.holdsAll(r.Attrs, all), err
		}}, open)
	case errors.Is(err, backends.ErrNotFound):
		err = withCause(&backends.Error{Kind: backends.ErrInvalid, Detail: "The directory has no place where the entry's name puts it."}, err)
	case errors.Is(err, backends.ErrExists):
		err = blameName(err, dn)
	default:
		err = longName(err, dn)
	}
	if err != nil {
		return none, err
	}
	return c.readNew(ctx, in, dn.String(), want)
}

var errOutside = &backends.Error{Kind: backends.ErrInvalid, Detail: "The entry would not be one of the records of the mapping: its filter does not match."}

// blameName: when the name is taken, it is the naming attribute that is to blame.
func blameName(err error, dn schema.DN) error {
	var said *backends.Error
	if !errors.As(err, &said) || said.Attr != "" || len(dn) == 0 || len(dn[0]) == 0 {
		return err
	}
	copied := *said
	copied.Attr = dn[0][0].Type
	return &copied
}

// slapdNameLimit is about how many bytes of a naming value slapd's database can have as a key.
const slapdNameLimit = 200

// longName recognises what slapd answers, 80 without a word, when an entry's name is longer than a key of its database may be. Told as an
// outage it would be tried again for ever.
func longName(err error, dn schema.DN) error {
	var answer *goldap.Error
	wordless := errors.As(err, &answer) && answer.ResultCode == goldap.LDAPResultOther && (answer.Err == nil || answer.Err.Error() == "")
	if !wordless || len(dn) == 0 || len(dn[0].String()) < slapdNameLimit {
		return err
	}
	return blameName(&backends.Error{Kind: backends.ErrInvalid, Detail: "The directory cannot hold an entry with so long a name.", Cause: answer}, dn)
}

// readNew reads an entry that was just added. If the scope does not hold it after all (the filter is about something that only the server
// knows), it is taken away again.
func (c *class) readNew(ctx context.Context, in *info, dn string, want []string) (backends.Record, error) {
	r, err := c.readAt(ctx, in, dn, want, c.scope.filter())
	if err == nil {
		c.names.put(r.Key, r.Name)
		return r, nil
	}
	if errors.Is(err, backends.ErrNotFound) {
		if r, again := c.readAt(ctx, in, dn, nil); again == nil {
			err = c.takeBack(ctx, in, r)
		}
	}
	if errors.Is(err, errOutside) {
		return backends.Record{}, err
	}
	return backends.Record{}, &backends.Error{
		Kind: backends.ErrUnknown, Detail: "The directory made the entry, and then could not show it.", Cause: err,
	}
}

// takeBack deletes what was just added under dn.
func (c *class) takeBack(ctx context.Context, in *info, r backends.Record) error {
	var controls []goldap.Control
	if is, ok := c.keyFilter(in)(r.Key); ok && in.control(oidAssertion) {
		control, err := assert(is)
		if err != nil {
			return translate(err)
		}
		controls = append(controls, control)
	}
	_, err := change(ctx, c.d, func(_ context.Context, lc *goldap.Conn) (struct{}, error) {
		return struct{}{}, lc.Del(goldap.NewDelRequest(r.Name, controls))
	})
	if err != nil {
		return err
	}
	return errOutside
}

// readAt reads the entry of a name.
func (c *class) readAt(ctx context.Context, in *info, dn string, attrs []string, also ...filter) (backends.Record, error) {
	v := c.view(in, attrs)
	req := c.search(and(also...), v.request)
	if and(also...) == filter(constant(true)) {
		req.Filter = "(objectClass=*)"
	}
	req.BaseDN, req.Scope = dn, goldap.ScopeBaseObject
	f, err := read(ctx, c.d, func(ctx context.Context, lc *goldap.Conn) (found, error) { return search(ctx, lc, req) })
	if err != nil {
		return backends.Record{}, err
	}
	for _, e := range f.entries {
		if r, ok := v.record(e); ok {
			return r, nil
		}
	}
	return backends.Record{}, errGone
}

// complete gives the attributes of an entry to be added: without empty values, each value once, and with those that its RDN names, which
// the server wants in the entry too (RFC 4511 §4.7).
func (in *info) complete(dn schema.DN, attrs backends.Attributes) backends.Attributes {
	all := backends.Attributes{}
	for attr, values := range attrs {
		if kept := in.distinct(attr, values); len(kept) > 0 {
			all[attr] = kept
		}
	}
	for _, ava := range dn[0] {
		attr := ava.Type
		for name := range all {
			if strings.EqualFold(in.canonical(name), in.canonical(ava.Type)) {
				attr = name
			}
		}
		all[attr] = in.distinct(attr, append(slices.Clone(all[attr]), backends.String(ava.Value)))
	}
	return all
}

// distinct drops empty values, which LDAP does not hold, and those that are equal to an earlier one, which it refuses.
func (in *info) distinct(attr string, values backends.Values) backends.Values {
	seen := map[string]bool{}
	var kept backends.Values
	for _, v := range values {
		value := valueText(v)
		normal := in.normal(attr, value)
		if value == "" || seen[normal] {
			continue
		}
		seen[normal] = true
		kept = append(kept, v)
	}
	return kept
}

// normal is a value in the form in which the attribute's equality rule compares it.
func (in *info) normal(attr, value string) string {
	if a, ok := in.schema.Attribute(attr); ok && a.Equality != "" {
		if normal, err := in.schema.Normalize(a.Equality, value); err == nil {
			return normal
		}
	}
	return value
}

// holdsAll says whether an entry has all these values. What the server hides or hashes is taken on trust.
func (in *info) holdsAll(entry, wanted backends.Attributes) bool {
	for attr, values := range wanted {
		if in.secret(attr) {
			continue
		}
		for _, v := range values {
			if !in.holds(attr, entry[attr], v) {
				return false
			}
		}
	}
	return true
}

func (in *info) holds(attr string, values backends.Values, v backends.Value) bool {
	wanted := in.normal(attr, valueText(v))
	return slices.ContainsFunc(values, func(held backends.Value) bool { return in.normal(attr, valueText(held)) == wanted })
}

func texts(values backends.Values) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = valueText(v)
	}
	return out
}

func sortedNames(attrs backends.Attributes) []string {
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
