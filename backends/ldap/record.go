package ldap

import (
	"slices"
	"strings"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// view is which attributes of an entry are asked for and how the caller spells them.
type view struct {
	c       *class
	in      *info
	request []string            // what to ask the server for
	spelled map[string][]string // canonical name: the caller's spellings
	user    bool                // "*"
	all     bool                // "+" as well
}

// view makes a view of attrs; beside them the key and the version are always read.
func (c *class) view(in *info, attrs []string) *view {
	v := &view{c: c, in: in, spelled: map[string][]string{}}
	v.ask(c.key)
	if c.version != "" {
		v.ask(c.version)
	}
	for _, attr := range attrs {
		switch {
		case attr == "*":
			v.user = true
			v.ask(attr)
		case attr == "+":
			v.all = true
			v.ask(attr)
		case isDescription(attr):
			name := v.canonical(attr)
			if !slices.Contains(v.spelled[name], attr) {
				v.spelled[name] = append(v.spelled[name], attr)
			}
			v.ask(attr)
		}
	}
	return v
}

func (v *view) ask(attr string) {
	name := v.canonical(attr)
	if !slices.ContainsFunc(v.request, func(other string) bool { return v.canonical(other) == name }) {
		v.request = append(v.request, attr)
	}
}

// canonical is the one name of an attribute, options included, in lower case.
func (v *view) canonical(attr string) string {
	base := schema.StripOptions(attr)
	return strings.ToLower(v.in.canonical(base) + attr[len(base):])
}

// record reads an entry; false for one that shows no key, which is nobody's to address. A server may send an attribute in several parts: slapd does where the values
// stood apart in what slapadd -q loaded.
func (v *view) record(e *goldap.Entry) (backends.Record, bool) {
	r := backends.Record{Name: e.DN, Attrs: backends.Attributes{}}
	shown := map[string]string{} // as the first part is called, by canonical names
	for _, a := range e.Attributes {
		if len(a.ByteValues) == 0 {
			continue
		}
		switch {
		case strings.EqualFold(a.Name, v.c.key):
			r.Key = v.c.keyOf(string(a.ByteValues[0]))
		case strings.EqualFold(a.Name, v.c.version):
			r.Version = string(a.ByteValues[0])
		}
		canonical := v.canonical(a.Name)
		spellings := v.spelled[canonical]
		if spellings == nil && v.shows(a.Name) {
			if shown[canonical] == "" {
				shown[canonical] = a.Name
			}
			spellings = []string{shown[canonical]}
		}
		for _, name := range spellings {
			r.Attrs[name] = append(r.Attrs[name], v.in.values(a.Name, a.ByteValues)...)
		}
	}
	return r, r.Key != ""
}

// shows says whether an attribute that was not named is part of "*" or "+".
func (v *view) shows(attr string) bool {
	if !v.user && !v.all {
		return false
	}
	a, ok := v.in.schema.Attribute(attr)
	if !ok || !a.Operational() {
		return v.user
	}
	return v.all
}

// keyOf is a key in its canonical form.
func (c *class) keyOf(raw string) backends.Key {
	if c.uuid {
		return backends.Key(strings.ToLower(raw))
	}
	return backends.Key(raw)
}

// records reads all entries of a search and remembers where they are.
func (v *view) records(entries []*goldap.Entry) []backends.Record {
	records := make([]backends.Record, 0, len(entries))
	for _, e := range entries {
		if r, ok := v.record(e); ok {
			v.c.names.put(r.Key, r.Name)
			records = append(records, r)
		}
	}
	return records
}

// nameCache remembers the DNs of keys. It may be wrong at any time: whatever is sent to a DN carries an assertion that the key is there.
// When it is full the older half goes.
type nameCache struct {
	mu         sync.Mutex
	half       int
	young, old map[backends.Key]string
}

func newNameCache(size int) *nameCache {
	return &nameCache{half: size / 2, young: map[backends.Key]string{}, old: map[backends.Key]string{}}
}

func (n *nameCache) get(key backends.Key) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if dn, ok := n.young[key]; ok {
		return dn, true
	}
	dn, ok := n.old[key]
	return dn, ok
}

func (n *nameCache) put(key backends.Key, dn string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.young) >= n.half {
		n.old, n.young = n.young, make(map[backends.Key]string, n.half)
	}
	delete(n.old, key)
	n.young[key] = dn
}

func (n *nameCache) drop(key backends.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.young, key)
	delete(n.old, key)
}
