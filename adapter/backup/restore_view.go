package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
)

// View is a class of records as a snapshot has them, to be read like the class itself: by a mapping, to show what clients saw, and by who puts records back. What
// there is to know of attributes it asks the class. The records lie in memory as they are stored, compressed; each is read when it is wanted.
type View struct {
	backends.ReadOnly
	class backends.Backend
	// Open gives what a snapshot has of a record with what it has in boxes, where whoever reads it may have that; nil: the boxes stay shut.
	Open func(backends.Key, backends.Attributes) backends.Attributes

	renamed func(name string) string // nil: as it was

	keys    []backends.Key
	gone    []backends.Key
	bodies  map[backends.Key][]byte
	mu      sync.Mutex
	indexes map[string]map[string][]backends.Key // by attribute ("" is the name), and the values as they compare
}

var _ backends.Backend = (*View)(nil)

// NewView is a view of a class that has no records yet.
func NewView(class backends.Backend) *View {
	return &View{class: class, bodies: map[backends.Key][]byte{}, indexes: map[string]map[string][]backends.Key{}}
}

// Fill gives it the records of a snapshot. Nobody reads it meanwhile.
func (v *View) Fill(ctx context.Context, s *Store, one Snapshot) error {
	rows, err := s.pool.Query(ctx, `SELECT e.key, r.body FROM backup.entries e LEFT JOIN backup.records r ON r.digest = e.digest WHERE e.snapshot_id = $1 ORDER BY e.key COLLATE "C"`, one.ID)
	if err != nil {
		return fmt.Errorf("reading a snapshot: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key backends.Key
		var body []byte
		if err := rows.Scan(&key, &body); err != nil {
			return fmt.Errorf("reading a snapshot: %w", err)
		}
		if body == nil { // somebody had a right to have it destroyed
			v.gone = append(v.gone, key)
			continue
		}
		v.keys, v.bodies[key] = append(v.keys, key), body
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading a snapshot: %w", err)
	}
	return nil
}

// Keys are those of all records, in order.
func (v *View) Keys() []backends.Key { return v.keys }

// Gone are the keys of records that were there when the snapshot was made, and whose content was destroyed since: nobody can say what they were, only that they were.
func (v *View) Gone() []backends.Key { return v.gone }

// Beside is what there was of a record beside the directory.
func (v *View) Beside(key backends.Key) (journal.Beside, error) {
	body, ok := v.bodies[key]
	if !ok {
		return journal.Beside{}, nil
	}
	stored, err := decode(body)
	if err != nil || stored.Beside == nil {
		return journal.Beside{}, err
	}
	return *stored.Beside, nil
}

// Known is the key of the record that clients knew under an id which is not its key; "" where there is none.
func (v *View) Known(id backends.Key) (backends.Key, error) {
	for _, key := range v.keys {
		if beside, err := v.Beside(key); err != nil || beside.ID == id && id != "" {
			return key, err
		}
	}
	return "", nil
}

// record reads one record, with these attributes.
func (v *View) record(key backends.Key, attrs []string) (backends.Record, bool, error) {
	body, ok := v.bodies[key]
	if !ok {
		return backends.Record{}, false, nil
	}
	stored, err := decode(body)
	if err != nil {
		return backends.Record{}, false, fmt.Errorf("the record %s of the snapshot: %w", key, err)
	}
	if v.Open != nil {
		stored.Attrs = v.Open(stored.Key, stored.Attrs)
	}
	if v.renamed != nil {
		v.elsewhere(&stored)
	}
	rec := backends.Record{Key: key, Name: stored.Name, Attrs: backends.Attributes{}}
	for _, attr := range attrs {
		if attr == "*" || attr == "+" {
			maps.Copy(rec.Attrs, stored.Attrs)
		} else if values := v.values(stored.Attrs, attr); len(values) > 0 {
			rec.Attrs[attr] = values
		}
	}
	return rec, true, nil
}

// Elsewhere has the records be others with the same content: of other keys, with names of the caller's choice, so that they can stand beside themselves in one
// directory. It is called when the view is filled, and before it is read.
func (v *View) Elsewhere(renamed func(name string) string) {
	v.renamed = renamed
	bodies := make(map[backends.Key][]byte, len(v.bodies))
	for i, key := range v.keys {
		other := backends.Key(uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)).String())
		bodies[other], v.keys[i] = v.bodies[key], other
	}
	slices.Sort(v.keys)
	v.bodies = bodies
}

// elsewhere gives a record, and those that it points at, the names that they have elsewhere. What the directory keeps of the record itself is not another's.
func (v *View) elsewhere(rec *Record) {
	rec.Name = v.renamed(rec.Name)
	for attr, values := range rec.Attrs {
		if v.class.Syntax(attr).ReadOnly {
			delete(rec.Attrs, attr)
			continue
		}
		if !v.class.Syntax(attr).Ref {
			continue
		}
		for i, value := range values {
			values[i] = backends.String(v.renamed(value.Text()))
		}
	}
}

// values are those of an attribute, of a column of rows, or of a place in a document.
func (v *View) values(attrs backends.Attributes, attr string) backends.Values {
	if values := attrs.Get(attr); len(values) > 0 {
		return values
	}
	name, members, ok := backends.SplitPath(attr)
	if !ok || len(members) == 0 {
		return nil
	}
	var found backends.Values
	for _, value := range attrs.Get(name) {
		if value.Kind() == backends.KindRow {
			found = append(found, value.Row()[members[0]]...)
			continue
		}
		var doc any
		d := json.NewDecoder(bytes.NewReader([]byte(value.Text())))
		d.UseNumber()
		if d.Decode(&doc) == nil {
			found = append(found, within(doc, members)...)
		}
	}
	return found
}

// within are the values at a place in a document: those of all elements where an array is, and Rows of objects at the end (backends.Path).
func within(doc any, members []string) backends.Values {
	switch doc := doc.(type) {
	case []any:
		var all backends.Values
		for _, element := range doc {
			all = append(all, within(element, members)...)
		}
		return all
	case map[string]any:
		if len(members) > 0 {
			return within(doc[members[0]], members[1:])
		}
		parts := backends.Attributes{}
		for name, member := range doc {
			for _, value := range within(member, nil) {
				if value.Kind() != backends.KindRow {
					parts[name] = append(parts[name], value)
				}
			}
		}
		return backends.Values{backends.Row(parts)}
	}
	if len(members) > 0 {
		return nil
	}
	switch doc := doc.(type) {
	case string:
		return backends.Strings(doc)
	case bool:
		return backends.Values{backends.Bool(doc)}
	case json.Number:
		if n, err := strconv.ParseInt(doc.String(), 10, 64); err == nil {
			return backends.Values{backends.Int(n)}
		}
		return backends.Values{backends.Decimal(doc.String())}
	}
	return nil
}

// Fetch reads records by their keys.
func (v *View) Fetch(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
	var recs []backends.Record
	for _, key := range keys {
		rec, ok, err := v.record(key, attrs)
		if err != nil || ctx.Err() != nil {
			return nil, firstOf(err, ctx.Err())
		}
		if ok {
			recs = append(recs, rec)
		}
	}
	return recs, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Walk yields the records for which the query holds, in the order of their keys.
func (v *View) Walk(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
	return func(yield func(backends.Record, error) bool) {
		n := 0
		for _, key := range v.keys {
			ok, err := v.matches(key, q.Where)
			var rec backends.Record
			if err == nil && ok {
				rec, _, err = v.record(key, q.Attrs)
			}
			if err = firstOf(err, ctx.Err()); err != nil {
				yield(rec, err)
				return
			}
			if !ok {
				continue
			}
			if n++; !yield(rec, nil) || n == q.Limit {
				return
			}
		}
	}
}

func (v *View) matches(key backends.Key, p backends.Predicate) (bool, error) {
	if p == nil {
		return true, nil
	}
	rec, ok, err := v.record(key, append(tested(p), "*"))
	return ok && backends.Match(p, rec), err
}

// tested are the places in documents that a predicate looks at.
func tested(p backends.Predicate) []string {
	switch p := p.(type) {
	case backends.And:
		return testedIn(p)
	case backends.Or:
		return testedIn(p)
	case backends.Not:
		return tested(p.Term)
	case backends.Eq:
		return []string{p.Attr}
	case backends.Prefix:
		return []string{p.Attr}
	case backends.Suffix:
		return []string{p.Attr}
	case backends.Contains:
		return []string{p.Attr}
	case backends.Order:
		return []string{p.Attr}
	case backends.Present:
		return []string{p.Attr}
	case backends.AllBits:
		return []string{p.Attr}
	case backends.Some:
		return []string{p.Attr}
	}
	return nil
}

func testedIn(terms []backends.Predicate) []string {
	var attrs []string
	for _, term := range terms {
		attrs = append(attrs, tested(term)...)
	}
	return attrs
}

// Count counts.
func (v *View) Count(ctx context.Context, p backends.Predicate, limit int) (n int, exact bool, err error) {
	for _, err := range v.Walk(ctx, backends.Query{Where: p}) {
		if err != nil {
			return n, false, err
		}
		if n++; n == limit {
			return n, false, nil
		}
	}
	return n, true, nil
}

// Has says for each value whether the record's attribute has it.
func (v *View) Has(_ context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
	rec, ok, err := v.record(key, []string{attr})
	if err == nil && !ok {
		err = &backends.Error{Kind: backends.ErrNotFound}
	}
	there := make([]bool, len(values))
	for i, value := range values {
		there[i] = slices.ContainsFunc(rec.Attrs[attr], func(is backends.Value) bool { return v.normal(attr, is.Text()) == v.normal(attr, value.Text()) })
	}
	return there, err
}

// Protected says yes: nothing is written here.
func (v *View) Protected(context.Context, backends.Key) (bool, error) { return true, nil }

// normal is a value, or with "" a name, as it compares.
func (v *View) normal(attr, text string) string {
	switch {
	case attr == "" && v.class.Capabilities().Rename:
		return backends.Normalize(backends.NameRule, text)
	case attr == "":
		return text
	case v.class.Syntax(attr).Ref:
		return backends.Normalize(backends.NameRule, text)
	}
	return backends.Normalize(v.class.Syntax(attr).Equality, text)
}

// index has the records by the values of an attribute, or with "" by their names.
func (v *View) index(attr string) (map[string][]backends.Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := strings.ToLower(attr)
	if known, ok := v.indexes[at]; ok {
		return known, nil
	}
	index := map[string][]backends.Key{}
	for _, key := range v.keys {
		rec, _, err := v.record(key, []string{attr})
		if err != nil {
			return nil, err
		}
		values := rec.Attrs[attr].Texts()
		if attr == "" {
			values = []string{rec.Name}
			if rec.Name == "" {
				values = []string{string(key)}
			}
		}
		for _, text := range values {
			if normal := v.normal(attr, text); !slices.Contains(index[normal], key) {
				index[normal] = append(index[normal], key)
			}
		}
	}
	v.indexes[at] = index
	return index, nil
}

// Holders gives for each name the records whose attribute holds it.
func (v *View) Holders(_ context.Context, attr string, names, attrs []string) (map[string][]backends.Record, error) {
	index, err := v.index(attr)
	if err != nil {
		return nil, err
	}
	held := map[string][]backends.Record{}
	for _, name := range names {
		for _, key := range index[v.normal(attr, name)] {
			rec, _, err := v.record(key, attrs)
			if err != nil {
				return nil, err
			}
			held[name] = append(held[name], rec)
		}
	}
	return held, nil
}

// Find gives the record that each name belongs to.
func (v *View) Find(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
	held, err := v.Holders(ctx, by, names, attrs)
	found := map[string]backends.Record{}
	for name, recs := range held {
		if len(recs) == 1 { // what several have in common names nobody
			found[name] = recs[0]
		}
	}
	return found, err
}

// Names gives what records are called.
func (v *View) Names(_ context.Context, by string, keys []backends.Key) (map[backends.Key]string, error) {
	names := map[backends.Key]string{}
	for _, key := range keys {
		rec, ok, err := v.record(key, []string{by})
		if err != nil {
			return nil, err
		}
		switch values := rec.Attrs[by]; {
		case ok && by == "":
			names[key] = rec.Name
			if rec.Name == "" {
				names[key] = string(key)
			}
		case len(values) > 0:
			names[key] = values[0].Text()
		}
	}
	return names, nil
}

// Capabilities are those of the class, as far as they are about what its records are.
func (v *View) Capabilities() backends.Capabilities {
	can := v.class.Capabilities()
	can.Versioned, can.Seeks = false, false
	return can
}

// Fidelity is exact: what a predicate means is what is looked for.
func (v *View) Fidelity(backends.Predicate) backends.Fidelity { return backends.Exact }

// Sorts says no.
func (v *View) Sorts(backends.Sort) bool { return false }

// SeeksIn says no.
func (v *View) SeeksIn(backends.Sort) bool { return false }

// Syntax is the class's.
func (v *View) Syntax(attr string) backends.Syntax { return v.class.Syntax(attr) }

// Native is the class's.
func (v *View) Native(p backends.Predicate) string { return v.class.Native(p) }

// Script is the class's.
func (v *View) Script(w backends.Write) []string { return v.class.Script(w) }

// Plan tells nothing.
func (v *View) Plan(context.Context, backends.Query) ([]string, error) { return nil, nil }

// Could is the class's.
func (v *View) Could(attr string, value backends.Value) bool { return v.class.Could(attr, value) }

// Foresee says nothing: nothing is written here.
func (v *View) Foresee(context.Context, backends.Write) error { return nil }

// Join joins nothing.
func (v *View) Join(backends.Backend, string, []string) string { return "" }
