package adapter

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// readJSON reads a document whose numbers keep their digits.
func readJSON(text string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc any
	err := d.Decode(&doc)
	return doc, err == nil && !d.More()
}

func writeJSON(doc any) (string, bool) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(doc)
	return strings.TrimSuffix(b.String(), "\n"), err == nil
}

// withoutParts is a document without what stands at these places, and names those at which something stood. ok is false for what is no document.
func withoutParts(text string, parts []string) (rest string, cut []string, ok bool) {
	doc, ok := readJSON(text)
	if !ok {
		return "", nil, false
	}
	for _, part := range parts {
		_, members, isPath := backends.SplitPath(part)
		if !isPath {
			return "", nil, false
		}
		if cutMember(doc, members) {
			cut = append(cut, part)
		}
	}
	if len(cut) == 0 {
		return text, nil, true
	}
	rest, ok = writeJSON(doc)
	return rest, cut, ok
}

// cutMember takes a member out of a document, of all elements where an array stands on the way, whatever the letter case of its name. It says whether there was one.
func cutMember(doc any, members []string) (found bool) {
	switch doc := doc.(type) {
	case []any:
		for _, element := range doc {
			found = cutMember(element, members) || found
		}
	case map[string]any:
		for name, member := range doc {
			switch {
			case !strings.EqualFold(name, members[0]):
			case len(members) == 1:
				delete(doc, name)
				found = true
			default:
				found = cutMember(member, members[1:]) || found
			}
		}
	}
	return found
}

// withParts is a document with what stands at these places in another one, where it has nothing itself. Of arrays the elements are the same that have the same place.
func withParts(text, other string, parts []string) string {
	doc, ok := readJSON(text)
	from, there := readJSON(other)
	if !ok || !there {
		return text
	}
	for _, part := range parts {
		if _, members, isPath := backends.SplitPath(part); isPath {
			putInto(doc, from, members)
		}
	}
	if whole, ok := writeJSON(doc); ok {
		return whole
	}
	return text
}

func putInto(doc, from any, members []string) {
	switch doc := doc.(type) {
	case []any:
		if from, ok := from.([]any); ok {
			for i := range min(len(doc), len(from)) {
				putInto(doc[i], from[i], members)
			}
		}
	case map[string]any:
		from, ok := from.(map[string]any)
		if !ok {
			return
		}
		for name, member := range from {
			mine, has := doc[name]
			switch {
			case !strings.EqualFold(name, members[0]):
			case len(members) == 1 && !has:
				doc[name] = member
			case len(members) > 1 && has:
				putInto(mine, member, members[1:])
			}
		}
	}
}

// asItIs gives what is wanted of a record the parts of documents that were withheld from it as the record has them: nobody knows what they were, and they stay.
func asItIs(want, is backends.Attributes) backends.Attributes {
	parts := map[string][]string{}
	for name, values := range want {
		if isPart(name) && blank(values) {
			column, _, _ := backends.SplitPath(name)
			parts[column] = append(parts[column], name)
		}
	}
	if len(parts) == 0 {
		return want
	}
	want = want.Clone()
	for column, names := range parts {
		if len(want[column]) == 1 && len(is[column]) == 1 && want[column][0].Kind() == backends.KindString {
			want[column] = backends.Strings(withParts(want[column][0].Text(), is[column][0].Text(), names))
		}
	}
	return want
}
