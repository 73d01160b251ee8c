package backendtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/scim-adapter/scim-adapter/backends"
)

// place says where in a document an attribute lies; false for one that does not.
func (m *Memory) place(attr string) (members []string, ok bool) {
	name, members, ok := backends.SplitPath(attr)
	return members, ok && m.Document != "" && name == m.Document && len(members) > 0
}

// dig gives the values at a place of what encoding/json made of a document. Those of all elements of an array count, on the way and at the end.
func dig(v any, members []string) backends.Values {
	switch v := v.(type) {
	case []any:
		var all backends.Values
		for _, element := range v {
			all = append(all, dig(element, members)...)
		}
		return all
	case map[string]any:
		if len(members) > 0 {
			return dig(v[members[0]], members[1:])
		}
		parts := backends.Attributes{}
		for name, part := range v {
			parts[name] = dig(part, nil) // Row leaves objects in objects out
		}
		return backends.Values{backends.Row(parts)}
	}
	if len(members) > 0 {
		return nil
	}
	return scalar(v)
}

func scalar(v any) backends.Values {
	switch v := v.(type) {
	case string:
		return backends.Strings(v)
	case bool:
		return backends.Values{backends.Bool(v)}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return backends.Values{backends.Int(n)}
		}
		return backends.Values{backends.Decimal(v.String())}
	}
	return nil
}

// element is what a value is in a document.
func element(v backends.Value) any {
	switch v.Kind() {
	case backends.KindBool:
		return v.Bool()
	case backends.KindInt, backends.KindDecimal:
		return json.Number(v.Text())
	case backends.KindRow:
		object := map[string]any{}
		for name, values := range v.Row() {
			object[name] = elements(values)
		}
		return object
	case backends.KindString, backends.KindBytes, backends.KindTime, backends.KindSecret:
	}
	return v.Text()
}

// elements is one value by itself, and several, or Rows, in an array.
func elements(values backends.Values) any {
	if len(values) == 1 && values[0].Kind() != backends.KindRow {
		return element(values[0])
	}
	array := make([]any, len(values))
	for i, v := range values {
		array[i] = element(v)
	}
	return array
}

// bury puts an element at a place of a document, whose other members it leaves alone; nil takes away what is there.
func bury(document map[string]any, members []string, v any) bool {
	for len(members) > 1 {
		next, there := document[members[0]]
		if !there && v == nil {
			return true
		}
		if !there {
			next = map[string]any{}
			document[members[0]] = next
		}
		object, ok := next.(map[string]any)
		if !ok {
			return false
		}
		document, members = object, members[1:]
	}
	if v == nil {
		delete(document, members[0])
		return true
	}
	document[members[0]] = v
	return true
}

// copied shares nothing with v.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for name, part := range v {
			c[name] = copied(part)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, part := range v {
			c[i] = copied(part)
		}
		return c
	}
	return v
}

// at is what lies at a place, no array on the way.
func at(document map[string]any, members []string) (v any, there bool) {
	v = document
	for _, member := range members {
		object, ok := v.(map[string]any)
		if v, there = object[member]; !ok || !there {
			return nil, false
		}
	}
	return v, true
}

// rebury makes the values those of a place. Elements that stay, stay as they are: they may have more to them than a Row shows; and so does an array.
func (m *Memory) rebury(r *stored, attr string, values backends.Values) error {
	members, _ := m.place(attr)
	before, _ := at(r.doc, members)
	array, wasArray := before.([]any)
	if len(values) == 0 {
		if !bury(r.doc, members, nil) {
			return notAnObject(attr)
		}
		return nil
	}
	after := elements(values)
	if kept, ok := after.([]any); ok || wasArray {
		if !ok {
			kept = []any{after}
		}
		for i, v := range values {
			same := func(e any) bool { return slices.Equal(dig(e, nil), backends.Values{v}) }
			if j := slices.IndexFunc(array, same); j >= 0 {
				kept[i] = array[j]
			}
		}
		after = kept
	}
	if !bury(r.doc, members, after) {
		return notAnObject(attr)
	}
	return nil
}

// file moves the attributes of a new record that lie in its document there.
func (m *Memory) file(r *stored) error {
	r.doc = map[string]any{}
	for _, attr := range slices.Sorted(maps.Keys(r.Attrs)) {
		members, ok := m.place(attr)
		if !ok {
			continue
		}
		if values := r.Attrs[attr]; len(values) > 0 && !bury(r.doc, members, elements(values)) {
			return notAnObject(attr)
		}
		delete(r.Attrs, attr)
	}
	return nil
}

func notAnObject(attr string) error {
	return &backends.Error{Kind: backends.ErrInvalid, Attr: attr, Detail: "What the place lies in is no object."}
}

// seen is the record with what these attributes have in its document.
func (m *Memory) seen(r *stored, attrs []string) backends.Record {
	if m.Document == "" {
		return r.Record
	}
	rec := backends.Record{Key: r.Key, Name: r.Name, Version: r.Version, Attrs: maps.Clone(r.Attrs)}
	for _, attr := range attrs {
		if members, ok := m.place(attr); ok {
			rec.Attrs[attr] = dig(r.doc, members)
		}
	}
	return rec
}

// values are those of one attribute, wherever it lies.
func (m *Memory) values(r *stored, attr string) backends.Values {
	if members, ok := m.place(attr); ok {
		return dig(r.doc, members)
	}
	return r.Attrs.Get(attr)
}

// match is Match over the whole record.
func (m *Memory) match(p backends.Predicate, r *stored) bool {
	return backends.Match(p, m.seen(r, backends.AttrsOf(p)))
}

// Plant puts JSON at a place of a record's document, past what a backend can write.
func (m *Memory) Plant(key backends.Key, place, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, there := m.records[key]
	members, ok := m.place(place)
	if !there || !ok {
		return fmt.Errorf("no place %s of %q", place, key)
	}
	decoder := json.NewDecoder(bytes.NewBufferString(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	if !bury(r.doc, members, v) {
		return notAnObject(place)
	}
	return nil
}

// Dig gives the JSON at a place of a record's document, "" where there is nothing.
func (m *Memory) Dig(key backends.Key, place string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, there := m.records[key]
	members, ok := m.place(place)
	if !there || !ok {
		return "", fmt.Errorf("no place %s of %q", place, key)
	}
	found, there := at(r.doc, members)
	if !there {
		return "", nil
	}
	text, err := json.Marshal(found)
	return string(text), err
}
