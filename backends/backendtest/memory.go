package backendtest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Memory is a directory in memory, for tests: small, right, and in no hurry. Its records have distinguished names, as LDAP's have, unless they
// are to have none, as those of a table. The exported fields are set before the first use.
type Memory struct {
	Schema   map[string]backends.Syntax // by name in lower case; an attribute that is not here cannot be written
	Secrets  []string                   // attributes that come back as Secret whatever was written
	Must     []string                   // attributes that every record needs
	Unique   []string                   // attributes of which no two records may hold the same value
	Bare     bool                       // records have no versions
	Nameless bool                       // records have no names but their keys: Create takes no template, Move is refused, and a class has no base
	Typed    bool                       // booleans, integers and instants come back as such; otherwise every value as it was written
	Sets     []backends.Set             // attributes of Rows, and sets of texts. What is known of a part is in Schema under its path: emails.kind
	Document string                     // the attribute that has places for what has none of its own
	// Transactional: a Delete can make other records of the directory let go.
	Transactional bool
	Numbered      bool // keys are numbers and not UUIDs, and walks go by them: the directory seeks
	Rekeys        bool // what is restored gets a new key

	mu      sync.RWMutex
	records map[backends.Key]*stored
	serial  int
	away    bool
}

// stored is a record at home.
type stored struct {
	backends.Record
	canonical string // the name, normalised
	rdn       string // attribute that the name is made of
	rdnValue  backends.Value
	doc       map[string]any // its document
}

// NewMemory gives a directory without records and with the attributes of inetOrgPerson and groupOfNames that tests like to use.
func NewMemory() *Memory {
	text := backends.Syntax{Known: true, Equality: backends.CaseIgnoreSpace, Substr: backends.CaseIgnoreSpace, Order: backends.CaseIgnoreSpace}
	m := &Memory{
		Schema:  map[string]backends.Syntax{},
		Secrets: []string{"userPassword"},
		records: map[backends.Key]*stored{},
	}
	for _, name := range []string{
		"objectclass", "uid", "cn", "sn", "givenname", "displayname", "mail", "title", "description", "employeenumber", "employeetype", "street", "l", "st",
		"postalcode", "ou", "o", "departmentnumber", "roomnumber", "initials", "preferredlanguage", "labeleduri",
	} {
		m.Schema[name] = text
	}
	name := backends.Syntax{Known: true, Equality: backends.NameRule, Ref: true}
	maps.Copy(m.Schema, map[string]backends.Syntax{
		"member": name, "manager": name, "seealso": name, "owner": name,
		"memberof":             {Known: true, Equality: backends.NameRule, Ref: true, ReadOnly: true},
		"telephonenumber":      {Known: true, Equality: backends.TelRule, Substr: backends.TelRule},
		"mobile":               {Known: true, Equality: backends.TelRule, Substr: backends.TelRule},
		"uidnumber":            {Known: true, Equality: backends.IntegerRule, Order: backends.IntegerRule, Single: true},
		"gecos":                {Known: true, Equality: backends.CaseExactSpace, Substr: backends.CaseExactSpace, Single: true},
		"jpegphoto":            {Known: true, Equality: backends.OctetRule},
		"userpassword":         {Known: true, Equality: backends.OctetRule},
		"pwdreset":             {Known: true, Equality: backends.BooleanRule, Single: true},
		"pwdaccountlockedtime": {Known: true, Equality: backends.TimeRule, Order: backends.TimeRule, Single: true},
	})
	return m
}

// Class says which records of a Memory a backend is confined to.
type Class struct {
	Base     string             // records whose names end in it; "" all
	Where    backends.Predicate // and for which this holds
	Protect  backends.Predicate // records that may be read and never written; nil: none
	ReadOnly bool               // nothing can be written
}

// Class opens a class of records. Several may be open at once, of one or of different classes.
func (m *Memory) Class(c Class) backends.Backend {
	if c.Protect == nil {
		c.Protect = backends.False{}
	}
	return &memoryClass{m: m, c: c, base: backends.Normalize(backends.NameRule, c.Base)}
}

// SetAway takes the directory away, or brings it back.
func (m *Memory) SetAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

type memoryClass struct {
	m    *Memory
	c    Class
	base string
}

var _ backends.Backend = (*memoryClass)(nil)

func (b *memoryClass) Capabilities() backends.Capabilities {
	return backends.Capabilities{
		Kind: "memory", ReadOnly: b.c.ReadOnly, Rename: !b.m.Nameless, Conditional: true, Secrets: true, Versioned: !b.m.Bare, Seeks: b.m.Numbered, Typed: b.m.Typed,
		Transactional: b.m.Transactional,
		Document:      b.m.Document,
	}
}

func (b *memoryClass) Syntax(attr string) backends.Syntax { return b.m.syntax(attr) }

func (b *memoryClass) Native(p backends.Predicate) string {
	return backends.Describe(backends.Simplify(p))
}

// Plan says nothing: there is nothing to choose from.
func (b *memoryClass) Plan(context.Context, backends.Query) ([]string, error) { return nil, nil }

// Could says yes: what does not fit is found out by writing it.
func (b *memoryClass) Could(string, backends.Value) bool { return true }

// Foresee says nothing.
func (b *memoryClass) Foresee(context.Context, backends.Write) error { return nil }

// Fidelity: Match does the work, so all that the schema knows is exact.
func (b *memoryClass) Fidelity(t backends.Predicate) backends.Fidelity {
	for _, attr := range backends.AttrsOf(t) {
		if !b.Syntax(attr).Known {
			return backends.No
		}
	}
	some, ok := t.(backends.Some)
	if !ok {
		return backends.Exact
	}
	set := b.m.rows(some.Attr)
	for _, part := range backends.AttrsOf(some.Where) {
		if set != nil && !slices.Contains(set.Columns, part) {
			return backends.No
		}
	}
	return backends.Exact
}

// Sorts says yes to the attributes that have an order of their own, by that order.
func (b *memoryClass) Sorts(by backends.Sort) bool {
	own := b.Syntax(by.Attr).Order
	return own != backends.NoRule && own == by.Rule
}

// SeeksIn says yes to every order that there is: all are made anew for each walk.
func (b *memoryClass) SeeksIn(by backends.Sort) bool { return b.m.Numbered && b.Sorts(by) }

// ready holds an operation back that nobody waits for, or that finds nobody at home.
func (b *memoryClass) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &backends.Error{Kind: backends.ErrUnavailable, Cause: err}
	}
	if b.m.away {
		return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The directory is away."}
	}
	return nil
}

// holds says whether a stored record is of the class. The caller holds the lock.
func (b *memoryClass) holds(r *stored) bool {
	return (b.within(r.canonical) || b.m.Nameless) && b.m.match(b.c.Where, r)
}

// within says whether a name is where the class's records are.
func (b *memoryClass) within(canonical string) bool {
	return b.base == "" || canonical == b.base || strings.HasSuffix(canonical, ","+b.base)
}

// find gives a record of the class. The caller holds the lock.
func (b *memoryClass) find(key backends.Key) (*stored, error) {
	if r, ok := b.m.records[key]; ok && b.holds(r) {
		return r, nil
	}
	return nil, &backends.Error{Kind: backends.ErrNotFound}
}

// show is what is seen of a stored record when these attributes are asked for.
func (b *memoryClass) show(r *stored, attrs []string) backends.Record {
	seen := backends.Record{Key: r.Key, Name: r.Name, Version: r.Version, Attrs: backends.Attributes{}}
	for _, name := range attrs {
		switch name {
		case "*", "+":
			for stored, values := range r.Attrs {
				if b.Syntax(stored).ReadOnly == (name == "+") {
					seen.Attrs[stored] = values.Clone()
				}
			}
			if text, err := json.Marshal(r.doc); name == "*" && len(r.doc) > 0 && err == nil {
				seen.Attrs[b.m.Document] = backends.Strings(string(text))
			}
		default:
			if values := b.m.values(r, name); len(values) > 0 {
				seen.Attrs[name] = values.Clone()
			}
		}
	}
	return seen
}

func (b *memoryClass) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	var recs []backends.Record
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		if r, err := b.find(key); err == nil {
			recs = append(recs, b.show(r, attrs))
		}
	}
	return recs, nil
}

// Walk takes the list of keys first and then looks at each, as it is when its turn comes.
func (b *memoryClass) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		if err := b.m.seekable(q); err != nil {
			yield(backends.Record{}, err)
			return
		}
		given, skipped := 0, 0
		for _, key := range b.keysFor(q) {
			rec, found, err := b.step(ctx, key, q)
			if err != nil {
				yield(backends.Record{}, err)
				return
			}
			if !found {
				continue
			}
			if skipped++; skipped <= q.Skip {
				continue
			}
			if given++; !yield(rec, nil) || given == q.Limit {
				return
			}
		}
		// A class without records has not looked at the context yet.
		if err := b.Ping(ctx); err != nil && given == 0 {
			yield(backends.Record{}, err)
		}
	}
}

// Ping says whether the directory is there.
func (b *memoryClass) Ping(ctx context.Context) error {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	return b.ready(ctx)
}

func (b *memoryClass) keys() []backends.Key {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	keys := make([]backends.Key, 0, len(b.m.records))
	for key := range b.m.records {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, b.m.compareKeys)
	return keys
}

// keysFor lists the keys that the walk comes to, in the order that is wanted. What is changed while the walk lasts keeps the place that it had.
func (b *memoryClass) keysFor(q backends.Query) []backends.Key {
	keys, by := b.keys(), q.Sort
	if by == nil {
		return b.m.behind(keys, q)
	}
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	place := map[backends.Key]backends.SortKey{}
	for key, r := range b.m.records {
		place[key] = by.Key(b.m.seen(r, []string{by.Attr}))
	}
	compare := b.m.inOrder(*by)
	slices.SortFunc(keys, func(a, c backends.Key) int { return compare(a, c, place[a], place[c]) })
	if q.After == "" {
		return keys
	}
	return slices.DeleteFunc(keys, func(key backends.Key) bool { return compare(key, q.After, place[key], q.At) <= 0 })
}

func (b *memoryClass) step(ctx context.Context, key backends.Key, q backends.Query) (rec backends.Record, found bool, err error) {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return rec, false, err
	}
	r, err := b.find(key)
	if err != nil || !b.m.match(q.Where, r) {
		return rec, false, nil //nolint:nilerr // gone since the walk began, or of another class
	}
	return b.show(r, q.Attrs), true, nil
}

func (b *memoryClass) Count(ctx context.Context, p backends.Predicate, limit int) (n int, exact bool, err error) {
	// One more than the limit tells "that many" from "more than that many".
	q := backends.Query{Where: p}
	for _, err := range b.Walk(ctx, q) {
		if err != nil {
			return 0, false, err
		}
		if n == limit && limit > 0 {
			return n, false, nil
		}
		n++
	}
	return n, true, nil
}

func (b *memoryClass) Has(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	r, err := b.find(key)
	if err != nil {
		return nil, err
	}
	there := make([]bool, len(values))
	for i, v := range values {
		there[i] = b.m.index(attr, b.m.values(r, attr), v) >= 0
	}
	return there, nil
}

// index is where values hold v as the attribute's rule compares, -1 when they do not.
func (m *Memory) index(attr string, values backends.Values, v backends.Value) int {
	want := m.normal(attr, v)
	return slices.IndexFunc(values, func(have backends.Value) bool { return m.normal(attr, have) == want })
}

// content is what a value holds, a Secret too.
func content(v backends.Value) string {
	if v.Kind() == backends.KindSecret {
		return v.Reveal()
	}
	return v.Text()
}

func (b *memoryClass) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	found := map[string]backends.Record{}
	for _, key := range b.keys() {
		b.m.mu.RLock()
		err := b.ready(ctx)
		r, missing := b.find(key)
		var shown backends.Record
		if missing == nil {
			shown = b.show(r, attrs)
		}
		b.m.mu.RUnlock()
		if err != nil {
			return nil, err
		}
		if missing != nil {
			continue
		}
		for _, name := range names {
			if b.isCalled(r, by, name) {
				found[name] = shown
			}
		}
	}
	return found, b.Ping(ctx)
}

func (b *memoryClass) isCalled(r *stored, by, name string) bool {
	if by == "" && b.m.Nameless {
		return name == string(r.Key)
	}
	if by == "" {
		canonical, ok := backends.Canonical(backends.NameRule, name)
		return ok && canonical == r.canonical
	}
	return b.m.index(by, b.m.values(r, by), backends.String(name)) >= 0
}

func (b *memoryClass) Names(ctx context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	recs, err := b.Fetch(ctx, keys, []string{by})
	if err != nil {
		return nil, err
	}
	names := map[backends.Key]string{}
	for _, r := range recs {
		switch values := r.Attrs[by]; {
		case by == "":
			names[r.Key] = r.Name
		case len(values) > 0:
			names[r.Key] = values[0].Text()
		}
	}
	return names, nil
}

func (b *memoryClass) Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	held := map[string][]backends.Record{}
	tests := make(map[string]backends.Predicate, len(names))
	for _, name := range names {
		tests[name] = backends.Eq{Attr: attr, Value: backends.String(name), Rule: b.Syntax(attr).Equality}
	}
	for _, key := range b.keys() {
		b.m.mu.RLock()
		err := b.ready(ctx)
		r, missing := b.find(key)
		for name, holds := range tests {
			if err == nil && missing == nil && b.m.match(holds, r) {
				held[name] = append(held[name], b.show(r, attrs))
			}
		}
		b.m.mu.RUnlock()
		if err != nil {
			return nil, err
		}
	}
	return held, b.Ping(ctx)
}

// Join gives nothing: Holders is asked.
func (b *memoryClass) Join(backends.Backend, string, []string) string { return "" }

// key makes keys that look like entryUUIDs, or numbers, and come in order. The caller holds the lock.
func (m *Memory) key() backends.Key {
	m.serial++
	if m.Numbered {
		return backends.Key(strconv.Itoa(m.serial))
	}
	return backends.Key(fmt.Sprintf("%08x-0000-4000-8000-%012x", m.serial, m.serial))
}

// version is one that no record had before. The caller holds the lock.
func (m *Memory) version() string {
	if m.Bare {
		return ""
	}
	m.serial++
	return strconv.Itoa(m.serial)
}
