package postgres

import (
	gobytes "bytes"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scim-adapter/scim-adapter/backends"
)

// parseJSON reads JSON whose numbers keep their digits, as maps, lists, texts, json.Number, bool and nil. Of a name that stands twice, as it may in a json
// column, the last counts, as for the database.
func parseJSON(raw []byte) (any, error) {
	d := jsontext.NewDecoder(gobytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	v, err := nextJSON(d)
	if err != nil {
		return nil, fmt.Errorf("what the database gave as JSON: %w", err)
	}
	return v, nil
}

func nextJSON(d *jsontext.Decoder) (any, error) {
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindString:
		return tok.String(), nil
	case jsontext.KindNumber:
		return json.Number(tok.String()), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return tok.Bool(), nil
	case jsontext.KindBeginArray:
		return readList(d)
	case jsontext.KindBeginObject:
		return readMembers(d)
	default:
		return nil, nil //nolint:nilnil // null
	}
}

func readList(d *jsontext.Decoder) (any, error) {
	list := []any{}
	for d.PeekKind() != jsontext.KindEndArray {
		v, err := nextJSON(d)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.ReadToken()
	return list, err
}

func readMembers(d *jsontext.Decoder) (any, error) {
	members := map[string]any{}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		text := name.String() // the token is gone with the next one
		if members[text], err = nextJSON(d); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return members, err
}

// tables reads the JSON of rows of texts, some of which are null: lists of lists.
func tables(raw []byte) ([][]*string, error) {
	parsed, err := parseJSON(raw)
	if err != nil {
		return nil, err
	}
	list, _ := parsed.([]any)
	rows := make([][]*string, len(list))
	for i, row := range list {
		cells, _ := row.([]any)
		rows[i] = make([]*string, len(cells))
		for n, cell := range cells {
			if text, ok := cell.(string); ok {
				rows[i][n] = &text
			}
		}
	}
	return rows, nil
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
