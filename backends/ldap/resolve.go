package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// Find finds the records that names belong to: DNs, or values of the attribute by. The answer has the names as the caller spelled them.
func (c *class) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	if by != "" {
		return c.findBy(ctx, in, by, names, attrs)
	}
	spelled := map[string][]string{} // canonical DN: spellings
	for _, name := range names {
		if dn, ok := canonicalDN(name); ok && within(dn, c.under) && in.schema.Assertable("entryDN", name) == nil {
			spelled[dn] = append(spelled[dn], name)
		}
	}
	dns := make([]string, 0, len(spelled))
	for _, spellings := range spelled {
		dns = append(dns, spellings[0])
	}
	slices.Sort(dns)
	records := map[string]backends.Record{}
	var mu sync.Mutex
	report := func(dn string, r backends.Record) {
		canonical, _ := canonicalDN(dn)
		mu.Lock()
		defer mu.Unlock()
		for _, name := range spelled[canonical] {
			records[name] = r
		}
	}
	look := c.findByBase
	if a, ok := in.schema.Attribute("entryDN"); ok && a.Equality != "" && in.live {
		look = c.findByEntryDN
	}
	v := c.view(in, attrs)
	err = inBatches(ctx, c.d, dns, func(ctx context.Context, dns []string) error { return look(ctx, v, dns, report) })
	if err != nil {
		return nil, err
	}
	return records, nil
}

// findByEntryDN asks for many names in one search. slapd finds an entryDN without reading entries (it looks the name up).
func (c *class) findByEntryDN(ctx context.Context, v *view, dns []string, report func(string, backends.Record)) error {
	tests := make([]filter, len(dns))
	for i, dn := range dns {
		tests[i] = test{"entryDN", "=", dn}
	}
	f, err := c.find(ctx, c.search(c.scoped(or(tests...)), v.request))
	switch {
	case err != nil:
		return err
	case f.limited:
		return errCut
	}
	for _, r := range v.records(f.entries) {
		report(r.Name, r)
	}
	return nil
}

// findByBase reads the entries one by one, for servers that do not know entryDN.
func (c *class) findByBase(ctx context.Context, v *view, dns []string, report func(string, backends.Record)) error {
	for _, dn := range dns {
		req := c.search(c.scoped(), v.request)
		req.BaseDN, req.Scope = dn, goldap.ScopeBaseObject
		f, err := read(ctx, c.d, func(ctx context.Context, lc *goldap.Conn) (found, error) { return search(ctx, lc, req) })
		if errors.Is(err, backends.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range v.records(f.entries) {
			if c.holds(r.Name) {
				report(dn, r)
			}
		}
	}
	return nil
}

// holds says whether a DN is where the class looks.
func (c *class) holds(dn string) bool {
	canonical, ok := canonicalDN(dn)
	if !ok || !within(canonical, c.under) {
		return false
	}
	if c.depth != goldap.ScopeSingleLevel {
		return true
	}
	parent, err := schema.ParseDN(dn)
	return err == nil && sameDN(parent.Parent().String(), c.base)
}

// findBy finds the records that hold one of the names in an attribute. When two do, the lower key answers, always the same.
func (c *class) findBy(ctx context.Context, in *info, by string, names, attrs []string) (map[string]backends.Record, error) {
	a, ok := in.schema.Attribute(by)
	if !ok || a.Equality == "" || !isDescription(by) {
		return nil, &backends.Error{Kind: backends.ErrInvalid, Attr: by, Detail: "The directory cannot look entries up by " + by + "."}
	}
	l, rule := c.lowering(in), in.schema.RuleOf(a.Equality)
	spelled := map[string][]string{} // normalised value: spellings
	var tests []filter
	normal := func(value string) string {
		if n, err := in.schema.Normalize(a.Equality, value); err == nil {
			return n
		}
		return value
	}
	for _, name := range names {
		literal, ok := l.literal(by, rule, backends.String(name))
		if !ok {
			continue
		}
		n := normal(literal)
		if spelled[n] == nil {
			tests = append(tests, test{by, "=", literal})
		}
		spelled[n] = append(spelled[n], name)
	}
	records := map[string]backends.Record{}
	var mu sync.Mutex
	v, called := c.view(in, attrs), c.view(in, []string{by})
	request := c.view(in, append(slices.Clone(attrs), by)).request
	err := inBatches(ctx, c.d, tests, func(ctx context.Context, tests []filter) error {
		f, err := c.find(ctx, c.search(c.scoped(or(tests...)), request))
		switch {
		case err != nil:
			return err
		case f.limited:
			return errCut
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range f.entries {
			r, ok := v.record(e)
			if !ok {
				continue
			}
			c.names.put(r.Key, r.Name)
			names, _ := called.record(e)
			for _, value := range names.Attrs[by] {
				for _, name := range spelled[normal(value.Text())] {
					if other, taken := records[name]; !taken || r.Key < other.Key {
						records[name] = r
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// lookups is how many searches for the holders of names are under way at a time. They share connections, on which a server works at several at once.
const lookups = 8

// Holders finds who has each of the names in an attribute: one search for each, since a search for many would not say who has which without the attribute
// being read, which may be a list of thousands. None waits for a connection that somebody who is walking has.
func (c *class) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	in, err := c.d.contact(ctx)
	if err != nil {
		return nil, err
	}
	held := map[string][]backends.Record{}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var mu sync.Mutex
	v := c.view(in, attrs)
	err = atOnce(ctx, c.d, lookups, slices.Values(names), func(ctx context.Context, name string) error {
		records, err := c.holding(ctx, v, backends.Eq{Attr: attr, Value: backends.String(name), Rule: in.equality(attr, name)}, attrs)
		if err == nil && len(records) > 0 {
			mu.Lock()
			defer mu.Unlock()
			held[name] = records
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// Join gives nothing: a search finds entries of one kind.
func (c *class) Join(backends.Backend, string, []string) string { return "" }

// holding is one search on a shared connection. Who the server does not find truly, or gives only in pages, are walked.
func (c *class) holding(ctx context.Context, v *view, name backends.Eq, attrs []string) ([]backends.Record, error) {
	f, exact := c.lowering(v.in).above(name)
	if f == constant(false) {
		return nil, nil
	}
	if exact {
		found, err := c.find(ctx, c.search(c.scoped(f), v.request))
		if err != nil || !found.limited {
			return v.records(found.entries), err
		}
	}
	var records []backends.Record
	for rec, err := range c.Walk(ctx, backends.Query{Where: name, Attrs: attrs}) {
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

// equality is how an attribute compares with a name. Where the schema does not say so, what reads like a DN is one.
func (in *info) equality(attr, name string) backends.Rule {
	if rule := in.schema.Syntax(attr).Equality; rule != backends.NoRule {
		return rule
	}
	if _, ok := canonicalDN(name); ok {
		return backends.NameRule
	}
	return backends.CaseExact
}

// Names says what the records with these keys are called: their DNs, or a value of the attribute by.
func (c *class) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	var attrs []string
	if by != "" {
		attrs = []string{by}
	}
	records, err := c.Fetch(ctx, keys, attrs)
	if err != nil {
		return nil, err
	}
	names := make(map[backends.Key]string, len(records))
	for _, r := range records {
		if by == "" {
			names[r.Key] = r.Name
		} else if values := r.Attrs[by]; len(values) > 0 {
			names[r.Key] = preferred(r.Name, by, values)
		}
	}
	return names, nil
}

// preferred is the value to be called by: the one in the RDN, else the lowest, so that it is always the same.
func preferred(dn, attr string, values backends.Values) string {
	texts := values.Texts()
	slices.Sort(texts)
	if name, err := schema.ParseDN(dn); err == nil && len(name) > 0 {
		for _, ava := range name[0] {
			if strings.EqualFold(ava.Type, attr) && slices.Contains(texts, ava.Value) {
				return ava.Value
			}
		}
	}
	return texts[0]
}
