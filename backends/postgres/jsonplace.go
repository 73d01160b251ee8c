package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Places in documents are looked at with the path language of Postgres (SQL/JSON). Lax, as it is unless it says strict, it goes through arrays on the way. Its
// operator @? is what an index on the document (gin) serves, as far as equality is asked for.

// objects is the column that the objects of a document would be, if they were rows.
var objects = &column{typ: "jsonb", family: document, notNull: true, readable: true}

// jsonpath is a place below a document: $."name"[*][*]."givenName"[*][*]. [*] leaves what is no array as it is; the second one is for arrays in arrays.
func jsonpath(members []string) string {
	var b strings.Builder
	b.WriteString("$")
	for _, m := range members {
		b.WriteString("." + jsonText(m) + "[*][*]")
	}
	return b.String()
}

// memberPath is a member of an object that is a Row: its values are what it holds, or what its array holds, and nothing below.
func memberPath(name string) string { return "$." + jsonText(name) + "[*]" }

// jsonText quotes a text as JSON does, and the path language with it.
func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// testDocument: the document has a value at the place that passes the test.
func (l lowering) testDocument(at place, p backends.Predicate) (fragment, bool) {
	doc := l.in(at)
	_, present := p.(backends.Present)
	switch {
	case len(at.path) == 0 && present:
		return doc.sql(" IS NOT NULL").certain(), true
	case len(at.path) == 0, at.column.typ != "jsonb": // shown as its JSON; or numbers may be spelled in several ways
		return fragment{}, false
	case at.column == objects && secretName(at.path[0]):
		return constant(false), true // no Row shows it
	case slices.ContainsFunc(at.path, func(m string) bool { return !storable(m) }):
		return constant(false), true // no document can have such a member
	}
	path, last := jsonpath(at.path), at.path[len(at.path)-1]
	if at.column == objects {
		path = memberPath(last)
	}
	switch {
	case present && at.column == objects: // a filter of the path language would look into the arrays in its array
		return code("EXISTS (SELECT FROM jsonb_path_query(").add(doc).sql(", ").arg(path, "jsonpath").
			sql(") AS v(v) WHERE jsonb_typeof(v.v) IN ('string', 'number', 'boolean'))").certain(), true
	case present:
		return doc.sql(" @? ").arg(path+` ? (@ != null && @.type() != "array")`, "jsonpath"), true
	case secretName(last):
		return constant(false), true
	}
	// The type does not say which strings, numbers and truth values there are, and they compare by how they read.
	value := operand{code("(v.v #>> '{}')"), &column{typ: "text", family: text, notNull: true, readable: true, collation: l.s.folding.byDefault()}}
	f, ok := l.s.compare(value, p)
	if !ok || f.fixed == never {
		return f.fragment, ok
	}
	exists := code("EXISTS (SELECT FROM jsonb_path_query(").add(doc).sql(", ").arg(path, "jsonpath").
		sql(") AS v(v) WHERE jsonb_typeof(v.v) IN ('string', 'number', 'boolean') AND ").add(f.fragment).sql(")").certain()
	if eq, ok := p.(backends.Eq); ok && byLetter(eq.Rule) && at.column != objects {
		return conjunction(doc.sql(" @? ").arg(path+" ? ("+jsonEqual("@", eq.Value.Text())+")", "jsonpath"), exists), true
	}
	return exists, true
}

// someObject: some object at the place passes all of the tests.
func (l lowering) someObject(at place, p backends.Some, above bool) (fragment, bool) {
	doc := l.in(at)
	switch {
	case len(at.path) == 0 || slices.ContainsFunc(at.path, func(m string) bool { return !storable(m) }):
		return constant(false), true // shown as its JSON; or no document can have such a member
	case at.column.typ != "jsonb":
		return constant(above), false
	}
	inside := lowering{
		s: l.s, row: true,
		find: func(attr string) (place, bool) { return place{attr: attr, column: objects, path: []string{attr}}, true },
		in:   func(place) fragment { return code("e.e") },
	}
	f, exact := inside.approach(p.Where, above)
	if f.fixed == never {
		return f, exact
	}
	exists := code("EXISTS (SELECT FROM jsonb_path_query(").add(doc).sql(", ").arg(jsonpath(at.path), "jsonpath").
		sql(") AS e(e) WHERE jsonb_typeof(e.e) = 'object' AND ").add(f).sql(")").certain()
	if filter := jsonFilter(p.Where); filter != "" && above {
		return conjunction(doc.sql(" @? ").arg(jsonpath(at.path)+" ? ("+filter+")", "jsonpath"), exists), exact
	}
	return exists, exact
}

// byLetter says that under the rule texts are equal that are the same.
func byLetter(rule backends.Rule) bool {
	return rule == backends.NoRule || rule == backends.CaseExact || rule == backends.OctetRule
}

// jsonFilter is what holds of every object that p holds for, as far as an index on the document can be asked for it: equalities. "" for nothing.
func jsonFilter(p backends.Predicate) string {
	switch p := p.(type) {
	case backends.Eq:
		if byLetter(p.Rule) && storable(p.Attr) {
			return jsonEqual("@."+jsonText(p.Attr)+"[*]", p.Value.Text())
		}
	case backends.And:
		var terms []string
		for _, term := range p {
			if f := jsonFilter(term); f != "" {
				terms = append(terms, f)
			}
		}
		return strings.Join(terms, " && ")
	}
	return ""
}

// jsonNumber is a number as the database prints one of a document.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?$`)

// jsonEqual is a condition of the path language that holds for every value which reads like the text. It may hold for others: 1.0 equals 1 there.
func jsonEqual(what, s string) string {
	equal := what + " == " + jsonText(s)
	if s == "true" || s == "false" || jsonNumber.MatchString(s) {
		return "(" + equal + " || " + what + " == " + s + ")"
	}
	return equal
}
