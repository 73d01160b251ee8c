package embedded

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// store holds the entries. Reading takes the lock only to look something up or to copy a list of entries; since entries never change, the
// work on them is done without it. Writing holds it from the first check to the last consequence, so an operation happens whole.
type store struct {
	mu       sync.RWMutex
	schema   *schema.Schema
	unsorted bool   // searches are not sorted
	suffix   string // normalised
	byDN     map[string]*entry
	byID     map[uint64]*entry
	order    []uint64 // ids, ascending
	children counter
	indexes  map[*schema.AttributeType]index
	rules    map[string]*classRules // by object classes
	nextID   uint64
	clock    func() time.Time
	lastCSN  time.Time
}

// index finds the entries that hold a value, by its normal form.
type index map[string]map[uint64]struct{}

// indexed are the attributes that people and groups are looked up by.
var indexed = []string{
	"objectClass", "entryUUID", "uid", "cn", "sn", "mail", "employeeNumber", "member", "uniqueMember", "memberUid", "memberOf", "manager",
	"owner", "seeAlso", "secretary", "uidNumber", "gidNumber",
}

func newStore(s *schema.Schema, suffix string, clock func() time.Time) *store {
	st := &store{
		schema: s, suffix: suffix, byDN: map[string]*entry{}, byID: map[uint64]*entry{}, children: counter{n: map[string]int{}},
		indexes: map[*schema.AttributeType]index{}, rules: map[string]*classRules{}, clock: clock,
	}
	for _, name := range indexed {
		// A type with subtypes has no index, since a test of it is a test of theirs too.
		if typ, ok := s.Attribute(name); ok && !hasSubtypes(s, typ) {
			st.indexes[typ] = index{}
		}
	}
	return st
}

func hasSubtypes(s *schema.Schema, typ *schema.AttributeType) bool {
	return slices.ContainsFunc(s.Attributes(), func(a *schema.AttributeType) bool { return a != typ && a.Is(typ) })
}

// insert puts a new entry into the store.
func (s *store) insert(e *entry) {
	s.nextID++
	e.id = s.nextID
	s.byDN[e.ndn], s.byID[e.id] = e, e
	s.order = append(s.order, e.id)
	s.children.add(parentOf(e.ndn), 1)
	s.reindex(nil, e)
}

// replace puts an entry in the place of the one with the same id, which may have had another name.
func (s *store) replace(e *entry) {
	old := s.byID[e.id]
	if old.ndn != e.ndn {
		delete(s.byDN, old.ndn)
		s.children.add(parentOf(old.ndn), -1)
		s.children.add(parentOf(e.ndn), 1)
	}
	s.byDN[e.ndn], s.byID[e.id] = e, e
	s.reindex(old, e)
}

func (s *store) remove(e *entry) {
	delete(s.byDN, e.ndn)
	delete(s.byID, e.id)
	if at, ok := slices.BinarySearch(s.order, e.id); ok {
		s.order = slices.Delete(s.order, at, at+1)
	}
	s.children.add(parentOf(e.ndn), -1)
	s.reindex(e, nil)
}

// reindex moves an entry's values in the indexes from what they were to what they are. Attributes that a write left alone share their
// memory with the old entry and are passed over, so that a group's hundred thousand members cost nothing when its description changes.
func (s *store) reindex(old, now *entry) {
	for _, a := range attrsOf(old) {
		if ix, ok := s.indexes[a.typ]; ok && !sharedWith(now, a) {
			for _, v := range a.normal {
				ix.drop(v, old.id)
			}
		}
	}
	for _, a := range attrsOf(now) {
		if ix, ok := s.indexes[a.typ]; ok && !sharedWith(old, a) {
			for _, v := range a.normal {
				ix.take(v, now.id)
			}
		}
	}
}

func attrsOf(e *entry) []attribute {
	if e == nil {
		return nil
	}
	return e.attrs
}

// sharedWith says whether e holds a as it is. Where the type stands in the entry with other options too, which may hold the same values,
// nothing counts as shared, and all of them are indexed afresh.
func sharedWith(e *entry, a attribute) bool {
	if e == nil || len(a.normal) == 0 {
		return false
	}
	shared, others := false, false
	for _, have := range e.attrs {
		switch {
		case have.typ != a.typ:
		case len(have.options) == 0 && len(a.options) == 0 && len(have.normal) == len(a.normal):
			shared = &have.normal[0] == &a.normal[0]
		default:
			others = true
		}
	}
	return shared && !others
}

func (ix index) take(value string, id uint64) {
	if ix[value] == nil {
		ix[value] = map[uint64]struct{}{}
	}
	ix[value][id] = struct{}{}
}

func (ix index) drop(value string, id uint64) {
	delete(ix[value], id)
	if len(ix[value]) == 0 {
		delete(ix, value)
	}
}

// lookup are the entries that an index finds, in their order; ok is false when the type has none.
func (s *store) lookup(typ *schema.AttributeType, normal string) (found []*entry, ok bool) {
	ix, ok := s.indexes[typ]
	if !ok {
		return nil, false
	}
	for id := range ix[normal] {
		found = append(found, s.byID[id])
	}
	slices.SortFunc(found, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return found, true
}

// all are the entries in their order.
func (s *store) all() []*entry {
	out := make([]*entry, len(s.order))
	for i, id := range s.order {
		out[i] = s.byID[id]
	}
	return out
}

// subtree is the entry and what is below it, in order.
func (s *store) subtree(ndn string) []*entry {
	if s.children.get(ndn) == 0 {
		return []*entry{s.byDN[ndn]}
	}
	return slices.DeleteFunc(s.all(), func(e *entry) bool { return !below(e.ndn, ndn) })
}

// counter counts the children of entries, by DN. It has a lock of its own, since hasSubordinates is asked for by those who hold the store's
// and by those who do not.
type counter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counter) add(ndn string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[ndn] += n; c.n[ndn] == 0 {
		delete(c.n, ndn)
	}
}

func (c *counter) get(ndn string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[ndn]
}

// get is the entry of a normalised DN.
func (s *store) get(ndn string) (*entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.byDN[ndn]
	return e, ok
}

// current is what became of an entry that was seen before.
func (s *store) current(id uint64) (*entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.byID[id]
	return e, ok
}

// stamp is the time of a write and its change number, which no other write has: the clock's microseconds, or one more than the last.
func (s *store) stamp() (timestamp, csn string) {
	now := s.clock().UTC().Truncate(time.Microsecond)
	if !now.After(s.lastCSN) {
		now = s.lastCSN.Add(time.Microsecond)
	}
	s.lastCSN = now
	return now.Format("20060102150405Z"), fmt.Sprintf("%s#000000#000#000000", now.Format("20060102150405.000000Z"))
}

// nearest is the DN of the closest entry above a name that does not exist, for matchedDN.
func (s *store) nearest(ndn string) string {
	for ndn = parentOf(ndn); ndn != ""; ndn = parentOf(ndn) {
		if e, ok := s.byDN[ndn]; ok {
			return e.dn.String()
		}
	}
	return ""
}
