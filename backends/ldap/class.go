package ldap

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// at are the keys that a mapping's `at` may have for this kind of backend.
type at struct {
	Backend string `config:"backend"`
	Base    string `config:"base"`
	Filter  string `config:"filter"`
	Scope   string `config:"scope"`   // sub, or one: children of base only
	Key     string `config:"key"`     // attribute that never changes and names the entry: entryUUID
	Version string `config:"version"` // attribute that changes with every write: entryCSN; empty: there is none
}

// class is one class of records: the entries under base that a filter holds for.
type class struct {
	d       *Directory
	base    string
	under   string // base in canonical form
	depth   int
	scope   native // filter; empty when all under base belong
	protect []native
	key     string
	version string
	uuid    bool   // keys are UUIDs in lower case
	guest   bool   // the place is another's, and may not be there
	account string // canonical DN of the bind account, which is never written; "" when the bind is anonymous
	names   *nameCache

	patience time.Duration // for how long a directory is asked again that is too busy to sort

	self atomic.Pointer[selfKnowledge]
}

var _ backends.Backend = (*class)(nil)

// Open makes a class of records. It does no I/O.
func (d *Directory) Open(o backends.Open) (backends.Backend, error) {
	w := at{Scope: "sub", Key: "entryUUID", Version: "entryCSN"}
	faults := o.At.Decode(&w)
	if len(faults) > 0 {
		return nil, faults
	}
	c := &class{d: d, base: w.Base, key: w.Key, version: w.Version, names: newNameCache(4096), patience: patience}
	faults = append(faults, c.place(o.At, w)...)
	faults = append(faults, c.attributes(o.At, w)...)
	for _, node := range o.Protect {
		f, err := compileNative(node.Text())
		if err != nil {
			faults = append(faults, node.Fault("write an LDAP filter such as (memberOf=cn=admins,ou=groups,dc=example,dc=org)", "is not an LDAP filter: %s", err))
			continue
		}
		c.protect = append(c.protect, f)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	c.account, _ = canonicalDN(d.cfg.BindDN)
	d.mu.Lock()
	d.classes = append(d.classes, c)
	if d.met.Load() {
		d.reviewClass(d.info.Load(), c)
	}
	d.mu.Unlock()
	return c, nil
}

// place reads base, scope and filter.
func (c *class) place(node configs.Node, w at) configs.Faults {
	var faults configs.Faults
	var ok bool
	if c.under, ok = canonicalDN(w.Base); !ok {
		faults = append(faults, node.Get("base").Fault("write the DN below which the records are, such as ou=people,dc=example,dc=org", "is no DN"))
	}
	switch w.Scope {
	case "sub":
		c.depth = goldap.ScopeWholeSubtree
	case "one":
		c.depth = goldap.ScopeSingleLevel
	default:
		faults = append(faults, node.Get("scope").Fault("write sub (everything below base) or one (its children)", "%q is no scope", w.Scope))
	}
	if w.Filter != "" {
		var err error
		if c.scope, err = compileNative(w.Filter); err != nil {
			faults = append(faults, node.Get("filter").Fault("write an LDAP filter such as (objectClass=inetOrgPerson)", "is not an LDAP filter: %s", err))
		}
	}
	return faults
}

// attributes reads key and version.
func (c *class) attributes(node configs.Node, w at) configs.Faults {
	var faults configs.Faults
	if !isDescription(w.Key) || strings.Contains(w.Key, ";") {
		faults = append(faults, node.Get("key").Fault("name the attribute that identifies an entry for good, such as entryUUID", "%q is no attribute", w.Key))
	}
	if w.Version != "" && !isDescription(w.Version) {
		faults = append(faults, node.Get("version").Fault("name an attribute that changes with every write, such as entryCSN, or leave it empty", "%q is no attribute", w.Version))
	}
	c.uuid = strings.EqualFold(w.Key, "entryUUID")
	return faults
}

// mentions are the attributes that the class's own configuration names.
func (c *class) mentions() []string {
	names := []string{c.key}
	if c.version != "" {
		names = append(names, c.version)
	}
	names = append(names, c.scope.attrs()...)
	for _, p := range c.protect {
		names = append(names, p.attrs()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Capabilities of LDAP. Conditional: every write carries an assertion; see Directory.review for servers that know none. Versioned is what the
// configuration says; an entry may lack the attribute all the same, where the server came to keep it later or the account may not read it.
func (c *class) Capabilities() backends.Capabilities {
	return backends.Capabilities{Kind: "ldap", Rename: true, Conditional: true, Secrets: true, Versioned: c.version != ""}
}

// keyFilter is the test for one key. What cannot be a key is refused without asking: only the canonical spelling is the key.
func (c *class) keyFilter(in *info) func(backends.Key) (filter, bool) {
	return func(key backends.Key) (filter, bool) {
		switch {
		case c.uuid && !isUUID(string(key)):
			return nil, false
		case key == "" || len(key) > 1024:
			return nil, false
		case !c.uuid && in.schema.Assertable(c.key, string(key)) != nil:
			return nil, false
		}
		return test{c.key, "=", string(key)}, true
	}
}

// isUUID checks RFC 4122 §3: hexadecimal digits in lower case and four hyphens.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
				return false
			}
		}
	}
	return true
}

func (c *class) lowering(in *info) lowering { return lowering{info: in, key: c.keyFilter(in)} }

// scoped joins filters with the class's own.
func (c *class) scoped(terms ...filter) filter { return and(append(terms, c.scope.filter())...) }

// Fidelity says how truly the directory answers t.
func (c *class) Fidelity(t backends.Predicate) backends.Fidelity {
	return c.lowering(c.d.info.Load()).fidelityOf(t)
}

// Syntax says what the directory's schema knows of attr.
func (c *class) Syntax(attr string) backends.Syntax {
	s := c.d.info.Load().schema.Syntax(attr)
	if s.ReadOnly {
		_, relaxed := relaxedTypes[strings.ToLower(attr)]
		s.Stamp = !relaxed
	}
	return s
}

// Native is the filter that Walk sends for p. Where p cannot be sent whole, it is one that finds more.
func (c *class) Native(p backends.Predicate) string {
	f, _ := c.lowering(c.d.info.Load()).above(p)
	return text(c.scoped(f))
}

// Plan says nothing: LDAP has no way to ask how a search would be answered.
func (c *class) Plan(context.Context, backends.Query) ([]string, error) { return nil, nil }

// search is a request for entries of the class.
func (c *class) search(f filter, attrs []string, controls ...goldap.Control) *goldap.SearchRequest {
	return goldap.NewSearchRequest(c.base, c.depth, goldap.NeverDerefAliases, 0, 0, false, text(f), attrs, controls)
}
