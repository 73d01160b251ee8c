package backendtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

// newTables is a Memory that is like tables: keys are numbers, records have no names, values have kinds, and there are sets and a document.
func newTables() *Memory {
	m := NewMemory()
	m.Numbered, m.Nameless, m.Typed, m.Transactional, m.Document = true, true, true, true, "data"
	m.Must, m.Unique = []string{"uid", "sn"}, []string{"uid"}
	m.Sets = []backends.Set{
		{Name: "emails", Columns: []string{"address", "kind", "main"}},
		{Name: "likes", Columns: []string{"thing"}},
	}
	m.Schema["emails.main"] = backends.Syntax{Known: true, Equality: backends.BooleanRule, Single: true}
	m.Schema["emails.address"] = backends.Syntax{Known: true, Equality: backends.CaseIgnoreSpace, Substr: backends.CaseIgnoreSpace, Single: true}
	return m
}

func TestAMemoryLikeTables(t *testing.T) {
	b := newTables().Class(Class{})
	mail := func(address, kind, main string) backends.Value {
		return backends.Row(backends.Attributes{"address": backends.Strings(address), "kind": backends.Strings(kind), "main": backends.Strings(main)})
	}
	want := []string{"emails", "likes", "pwdReset", "uidNumber", "data.name.first", "data.tags", "data.posts"}
	rec, err := b.Create(t.Context(), nil, backends.Attributes{
		"uid": backends.Strings("ann"), "sn": backends.Strings("x"), "pwdReset": backends.Strings("TRUE"), "uidNumber": backends.Strings("007"),
		"emails": {mail("a@x", "work", "TRUE")}, "likes": backends.Strings("tea", "cake"),
		"data.name.first": backends.Strings("Ann"), "data.tags": {backends.Int(1), backends.Bool(false), backends.String("")},
		"data.posts": {backends.Row(backends.Attributes{"at": backends.Strings("here"), "main": {backends.Bool(true)}})},
	}, want)
	if err != nil {
		t.Fatal(err)
	}
	typed := backends.Row(backends.Attributes{"address": backends.Strings("a@x"), "kind": backends.Strings("work"), "main": {backends.Bool(true)}})
	for attr, values := range map[string]backends.Values{
		"emails": {typed}, "likes": backends.Strings("tea", "cake"), "pwdReset": {backends.Bool(true)}, "uidNumber": {backends.Int(7)},
		"data.name.first": backends.Strings("Ann"), "data.tags": {backends.Int(1), backends.Bool(false), backends.String("")},
		"data.posts": {backends.Row(backends.Attributes{"at": backends.Strings("here"), "main": {backends.Bool(true)}})},
	} {
		if !slices.Equal(rec.Attrs[attr], values) {
			t.Errorf("%s is %#v, want %#v", attr, rec.Attrs[attr], values)
		}
	}
	for name, c := range map[string]struct {
		change backends.Change
		want   error
	}{
		"a row that is there":             {backends.Change{Op: backends.Add, Attr: "emails", Values: backends.Values{mail("A@X", "work", "TRUE")}}, backends.ErrNoEffect},
		"a row that is not":               {backends.Change{Op: backends.Remove, Attr: "emails", Values: backends.Values{mail("a@x", "home", "TRUE")}}, backends.ErrNoEffect},
		"a row with a part too many":      {backends.Change{Op: backends.Add, Attr: "emails", Values: backends.Values{backends.Row(backends.Attributes{"x": backends.Strings("y")})}}, backends.ErrInvalid},
		"a row with garbage":              {backends.Change{Op: backends.Add, Attr: "emails", Values: backends.Values{mail("b@x", "work", "perhaps")}}, backends.ErrInvalid},
		"a row with two values in a part": {backends.Change{Op: backends.Add, Attr: "emails", Values: backends.Values{backends.Row(backends.Attributes{"kind": backends.Strings("y", "z")})}}, backends.ErrInvalid},
		"a row without parts":             {backends.Change{Op: backends.Add, Attr: "emails", Values: backends.Values{backends.Row(nil)}}, backends.ErrInvalid},
		"a text for a row":                {change(backends.Add, "emails", "b@x"), backends.ErrInvalid},
		"a row for a text":                {backends.Change{Op: backends.Add, Attr: "likes", Values: backends.Values{mail("b@x", "work", "TRUE")}}, backends.ErrInvalid},
		"a part of a row":                 {change(backends.Add, "emails.kind", "work"), backends.ErrInvalid},
		"a place in what is no object":    {change(backends.Replace, "data.name.first.letter", "A"), backends.ErrInvalid},
		"nothing, in what is no object":   {change(backends.Replace, "data.name.first.letter"), backends.ErrInvalid},
		"a tag that is there":             {change(backends.Add, "data.tags", "1"), backends.ErrNoEffect},
		"nothing where there is nothing":  {change(backends.Replace, "data.nowhere.at.all"), nil},
		"the document itself":             {change(backends.Replace, "data", "{}"), backends.ErrInvalid},
	} {
		if _, err := b.Modify(t.Context(), rec.Key, []backends.Change{c.change}, backends.Condition{}, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = b.Create(t.Context(), uidTemplate("bob", people), backends.Attributes{"uid": backends.Strings("bob"), "sn": backends.Strings("x")}, nil)
	if !errors.Is(err, backends.ErrInvalid) {
		t.Errorf("a name was given: %v", err)
	}
}
