package postgres

import (
	gobytes "bytes"
	"encoding/json"
	"fmt"

	"github.com/scim-adapter/scim-adapter/backends"
)

// parseJSON reads JSON whose numbers keep their digits.
func parseJSON(raw []byte) (any, error) {
	d := json.NewDecoder(gobytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("what the database gave as JSON: %w", err)
	}
	return v, nil
}

// pick gives the values at a place in a document. Where an array stands on the way or at the end, they are those of all its elements; an object at the end
// is a Row of its members that are no objects themselves.
func pick(v any, path []string, secret bool) backends.Values {
	switch v := v.(type) {
	case []any:
		var values backends.Values
		for _, element := range v {
			values = append(values, pick(element, path, secret)...)
		}
		return values
	case map[string]any:
		if len(path) > 0 {
			return pick(v[path[0]], path[1:], secret)
		}
		return backends.Values{rowOf(v)}
	}
	if len(path) > 0 {
		return nil
	}
	if value, ok := scalar(v); ok {
		if secret {
			value = backends.Secret(value.Text())
		}
		return backends.Values{value}
	}
	return nil
}

// scalar is a JSON value that is neither array, object nor null.
func scalar(v any) (backends.Value, bool) {
	switch v := v.(type) {
	case string:
		return backends.String(v), true
	case bool:
		return backends.Bool(v), true
	case json.Number:
		return number(v.String()), true
	}
	return backends.Value{}, false
}

func rowOf(object map[string]any) backends.Value {
	parts := make(backends.Attributes, len(object))
	for name, member := range object {
		if secretName(name) {
			continue
		}
		elements, several := member.([]any)
		if !several {
			elements = []any{member}
		}
		for _, element := range elements {
			if value, ok := scalar(element); ok {
				parts[name] = append(parts[name], value)
			}
		}
	}
	return backends.Row(parts)
}

// wholeDocument is a document as one text, without the members that are secret.
func wholeDocument(raw []byte, doc any) (backends.Values, error) {
	if !censor(doc) {
		return backends.Strings(string(raw)), nil
	}
	censored, err := json.Marshal(doc)
	return backends.Strings(string(censored)), err
}

// censor takes secrets out of a document, and says whether there were any.
func censor(v any) bool {
	found := false
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			found = censor(element) || found
		}
	case map[string]any:
		for name, member := range v {
			if secretName(name) {
				delete(v, name)
				found = true
				continue
			}
			found = censor(member) || found
		}
	}
	return found
}
