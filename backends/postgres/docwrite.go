package postgres

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A document is changed by reading it under the lock of its row, and writing it whole. What is not named in the change stays, numbers to the digit. An object that
// nothing is left in goes away, one that is missing on the way is made.

// jsonNode is a value as it stands in a document: a text, a number, a truth value, and of a Row an object.
func jsonNode(v backends.Value) (any, error) {
	switch v.Kind() {
	case backends.KindString:
		if !storable(v.Text()) {
			return nil, errors.New("a text is UTF-8 without NUL")
		}
		return v.Text(), nil
	case backends.KindBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case backends.KindInt, backends.KindDecimal:
		if n := strings.TrimPrefix(v.Text(), "+"); json.Valid([]byte(n)) && n[0] != '"' {
			return json.Number(n), nil
		}
		return nil, errors.New("this is no number")
	case backends.KindBool:
		return v.Bool(), nil
	case backends.KindTime:
		return v.Time().Format(time.RFC3339Nano), nil
	case backends.KindRow:
		object := map[string]any{}
		for name, values := range v.Row() {
			if secretName(name) {
				return nil, errors.New("a secret is no part of a value")
			}
			part, err := jsonPart(nil, values)
			if err != nil {
				return nil, err
			}
			object[name] = part
		}
		return object, nil
	case backends.KindSecret:
	}
	return nil, errors.New("this is no value of a document")
}

// jsonValue is jsonNode as text.
func jsonValue(v backends.Value) (string, error) {
	node, err := jsonNode(v)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(node)
	return string(text), err
}

// jsonPart is a member of an object with these values: an array if there are several, or if it was one before.
func jsonPart(before any, values backends.Values) (any, error) {
	nodes := make([]any, len(values))
	for i, v := range values {
		node, err := jsonNode(v)
		if err != nil {
			return nil, err
		}
		nodes[i] = node
	}
	if _, many := before.([]any); !many && len(nodes) == 1 {
		return nodes[0], nil
	}
	return nodes, nil
}

// readJSON reads a document, its numbers as they are written.
func readJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var node any
	err := d.Decode(&node)
	return node, err
}

// writeJSON writes a document.
func writeJSON(node any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(node)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// editWhole makes changes to a document as a whole, whose one value is its JSON, or a Row.
func editWhole(attr string, root any, changes []backends.Change) (any, error) {
	for _, ch := range changes {
		if len(ch.Values) > 1 {
			return nil, invalid(attr, "The column of "+attr+" holds one document.")
		}
		var node any
		if len(ch.Values) == 1 {
			var err error
			if v := ch.Values[0]; v.Kind() == backends.KindString {
				node, err = readJSON(v.Text())
			} else {
				node, err = jsonNode(v)
			}
			if err != nil {
				return nil, invalid(attr, "The value of "+attr+" is no JSON.")
			}
		}
		is, err := sameJSON(root, node)
		if err == nil && !is {
			is, err = sameJSON(shownOf(root), node)
		}
		switch {
		case err != nil:
			return nil, err
		case ch.Op == backends.Replace:
			root = keepSecrets(root, node)
		case ch.Op == backends.Add && is, ch.Op == backends.Remove && (root == nil || node != nil && !is):
			return nil, noEffect(attr)
		case ch.Op == backends.Remove:
			root = nil
		case root != nil:
			return nil, invalid(attr, "The column of "+attr+" holds one document.")
		default:
			root = node
		}
	}
	return root, nil
}

func sameJSON(a, b any) (bool, error) {
	one, err := writeJSON(a)
	if err != nil {
		return false, err
	}
	other, err := writeJSON(b)
	return one == other, err
}

// edit changes what stands at a path below node and gives node back as it is then; nil: nothing is left of it.
func edit(attr string, node any, path []string, change func(node any) (any, error)) (any, error) {
	if len(path) == 0 {
		return change(node)
	}
	object, isObject := node.(map[string]any)
	switch {
	case node == nil:
		object = map[string]any{}
	case !isObject:
		return nil, invalid(attr, "The document of the record has no object where "+attr+" would be in one.")
	}
	child, err := edit(attr, object[path[0]], path[1:], change)
	if err != nil {
		return nil, err
	}
	if child == nil {
		delete(object, path[0])
	} else {
		object[path[0]] = child
	}
	if len(object) == 0 {
		return nil, nil
	}
	return object, nil
}

// editValues makes changes to the values that stand at one place of a document.
func editValues(attr string, node any, changes []backends.Change) (any, error) {
	elements, many := node.([]any)
	if !many && node != nil {
		elements = []any{node}
	}
	had := make([]string, len(elements))
	for i, e := range elements {
		had[i] = nodeForm(e)
	}
	form := func(v backends.Value) (string, error) {
		n, err := jsonNode(v)
		if err != nil {
			return "", invalid(attr, "The document cannot hold the value of "+attr+": "+err.Error()+".")
		}
		return nodeForm(n), nil
	}
	d, err := differ(attr, had, changes, form)
	if err != nil {
		return nil, err
	}
	left, err := d.elements(elements, had)
	if err != nil {
		return nil, err
	}
	rows := slices.ContainsFunc(d.added, func(v backends.Value) bool { return v.Kind() == backends.KindRow })
	switch {
	case len(left) == 0:
		return nil, nil
	case many, len(left) > 1, rows && node == nil:
		return left, nil
	}
	return left[0], nil
}

// elements are those of an array as the difference leaves them: in their places, the added ones behind, but that a value of no parts takes the place of the first
// such that goes. Where somebody reads one of several he reads the first, and what he writes instead is what he reads next.
func (d *difference) elements(elements []any, had []string) ([]any, error) {
	gone := map[string]bool{}
	for _, form := range d.removed {
		gone[form] = true
	}
	var old []int // where the removed objects are
	for i, e := range elements {
		if _, object := e.(map[string]any); object && gone[had[i]] {
			old = append(old, i)
		}
	}
	olds, news := make([]map[string]string, len(old)), make([]map[string]string, len(d.added))
	for i, at := range old {
		olds[i] = partForms(elements[at])
	}
	for i, v := range d.added {
		if v.Kind() == backends.KindRow {
			node, err := jsonNode(v)
			if err != nil {
				return nil, err
			}
			news[i] = partForms(node)
		}
	}
	paired := pair(olds, news, "")
	merged, used := map[int]any{}, map[int]bool{}
	for o, n := range paired {
		object, err := merge(elements[old[o]], olds[o], d.added[n])
		if err != nil {
			return nil, err
		}
		merged[old[o]], used[n] = object, true
	}
	var simple, behind []any
	for n, v := range d.added {
		if used[n] {
			continue
		}
		node, err := jsonNode(v)
		if err != nil {
			return nil, err
		}
		if v.Kind() == backends.KindRow {
			behind = append(behind, node)
		} else {
			simple = append(simple, node)
		}
	}
	var left []any
	for i, e := range elements {
		_, object := e.(map[string]any)
		switch {
		case merged[i] != nil:
			left = append(left, merged[i])
		case !gone[had[i]]:
			left = append(left, e)
		case !object && len(simple) > 0:
			left, simple = append(left, simple[0]), simple[1:]
		}
	}
	return slices.Concat(left, simple, behind), nil
}

// merge makes of an object one whose known members are those of a Row. What a Row cannot show stays, and so does the spelling of what is the same.
func merge(element any, before map[string]string, row backends.Value) (any, error) {
	object, _ := element.(map[string]any)
	parts := row.Row()
	for name := range before {
		if _, stays := parts[name]; !stays {
			delete(object, name)
		}
	}
	for name, values := range parts {
		part, err := jsonPart(object[name], values)
		if err != nil {
			return nil, err
		}
		if valuesForm(part) != before[name] {
			object[name] = part
		}
	}
	return object, nil
}

// partForms are the members of an object that a Row shows, in a form that can be compared. A secret is none of them.
func partForms(node any) map[string]string {
	forms := map[string]string{}
	object, _ := node.(map[string]any)
	for name, member := range object {
		if form := valuesForm(member); form != "" && !secretName(name) {
			forms[name] = form
		}
	}
	return forms
}

// valuesForm gives equal texts for members that have the same values, "" for those that have none a Row would show.
func valuesForm(member any) string {
	elements, many := member.([]any)
	if !many {
		elements = []any{member}
	}
	var forms []string
	for _, e := range elements {
		switch e.(type) {
		case string, bool, json.Number:
			forms = append(forms, nodeForm(e))
		}
	}
	slices.Sort(forms)
	return strings.Join(forms, "\x00")
}

// nodeForm gives equal texts for equal values: of a scalar its text, as others compare it too, of an object its parts. No text has a NUL.
func nodeForm(node any) string {
	switch node := node.(type) {
	case string:
		return "=" + node
	case json.Number:
		return "=" + (&column{family: decimal}).sameForm(node.String())
	case bool:
		if node {
			return "=true"
		}
		return "=false"
	case map[string]any:
		forms := partForms(node)
		var b strings.Builder
		b.WriteString("{")
		for _, name := range sortedKeys(forms) {
			b.WriteString("\x00\x00" + name + "\x00" + forms[name])
		}
		return b.String()
	}
	return "" // null and arrays in arrays are no values
}
