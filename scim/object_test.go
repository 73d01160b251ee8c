package scim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestObjectNamesHaveNoCase(t *testing.T) {
	o := NewObject()
	o.Set("userName", "a")
	o.Set("active", true)
	o.Set("USERNAME", "b")
	if got := o.String(); got != `{"userName":"b","active":true}` {
		t.Error(got)
	}
	if v, ok := o.Get("UserName"); v != "b" || !ok {
		t.Error(v, ok)
	}
	o.Delete("USERNAME")
	o.Delete("unknown")
	if _, ok := o.Get("userName"); ok || o.Len() != 1 {
		t.Error(o)
	}
	// Case is a matter of ASCII here: the Kelvin sign is no k.
	o.Set("k", int64(1))
	if _, ok := o.Get("\u212a"); ok {
		t.Error("a name outside ASCII was folded")
	}
}

func TestNilObjectIsEmpty(t *testing.T) {
	var o *Object
	if _, ok := o.Get("x"); ok || o.Len() != 0 || o.Clone() != nil || o.String() != "null" {
		t.Error("a nil object has something in it")
	}
	for range o.All() {
		t.Error("a nil object has members")
	}
}

func TestAllStopsWhenAsked(t *testing.T) {
	var seen []string
	for name := range parse(t, `{"a":1,"b":2,"c":3}`).All() {
		if seen = append(seen, name); name == "b" {
			break
		}
	}
	if !slices.Equal(seen, []string{"a", "b"}) {
		t.Error(seen)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	o := parse(t, bjensen)
	c := o.Clone()
	scribble(c)
	c.Set("userName", "x")
	if o.String() != parse(t, bjensen).String() {
		t.Error(o)
	}
}

func TestEqual(t *testing.T) {
	for claim, c := range map[string]struct {
		a, b string
		want bool
	}{
		"the order of members does not matter":       {`{"a":1,"b":"x"}`, `{"B":"x","A":1}`, true},
		"letters in values matter":                   {`{"a":"x"}`, `{"a":"X"}`, false},
		"one member more":                            {`{"a":1}`, `{"a":1,"b":2}`, false},
		"another member":                             {`{"a":1}`, `{"b":1}`, false},
		"the order of a list does not matter":        {`{"a":[1,"x",{"value":"y"},true]}`, `{"a":[{"value":"y"},true,1,"x"]}`, true},
		"how often a value stands in a list matters": {`{"a":["x","x","y"]}`, `{"a":["x","y","y"]}`, false},
		"one element more":                           {`{"a":["x"]}`, `{"a":["x","x"]}`, false},
		"elements with one value and other parts":    {`{"a":[{"value":"x","t":1},{"value":"x","t":2}]}`, `{"a":[{"value":"x","t":2},{"value":"x","t":1}]}`, true},
		"numbers by what they are":                   {`{"a":1}`, `{"a":1.0}`, true},
		"large numbers exactly":                      {`{"a":9007199254740993}`, `{"a":9007199254740992}`, false},
		"a string is no number":                      {`{"a":"1"}`, `{"a":1}`, false},
		"a list is no value":                         {`{"a":["x"]}`, `{"a":"x"}`, false},
		"a value is no list":                         {`{"a":"x"}`, `{"a":["x"]}`, false},
		"an object is no value":                      {`{"a":{}}`, `{"a":true}`, false},
	} {
		t.Run(claim, func(t *testing.T) {
			if got := Equal(parse(t, c.a), parse(t, c.b)); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			if got := Equal(parse(t, c.b), parse(t, c.a)); got != c.want {
				t.Errorf("the other way round: %v, want %v", got, c.want)
			}
		})
	}
}

func drawJSON(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return strings.ToValidUTF8(rapid.String().Draw(t, "string"), "?")
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "int")
	case 3:
		return number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,9})?`).Draw(t, "number"))
	case 4:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "length"))
		for i := range list {
			list[i] = drawJSON(t, depth-1)
		}
		return list
	default:
		return drawObject(t, depth-1)
	}
}

func drawObject(t *rapid.T, depth int) *Object {
	o := NewObject()
	for range rapid.IntRange(0, 20).Draw(t, "members") {
		o.Set(strings.ToValidUTF8(rapid.String().Draw(t, "name"), "?"), drawJSON(t, depth))
	}
	return o
}

// The standard library is the judge of what the encoder writes.
func TestObjectsSurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawObject(t, 3)
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := ParseObject(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !Equal(o, back) || !slices.EqualFunc(o.members, back.members, func(m, n pair) bool { return m.name == n.name }) {
			t.Fatalf("%s is read as %s", text, back)
		}
		if c := o.Clone(); !Equal(c, o) {
			t.Fatalf("the clone of %s is %s", o, c)
		}
	})
}

func TestStringsAreEscapedAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(s) // replaces bad bytes too
		var judged string
		if err := json.Unmarshal(want, &judged); err != nil {
			t.Fatal(err)
		}
		if back != judged {
			t.Fatalf("%q is written as %q, want %q", s, back, judged)
		}
	})
}

func TestOddValuesStillMakeJSON(t *testing.T) {
	o := NewObject()
	o.Set("nil", nil)
	o.Set("int", 5)
	o.Set("number", json.Number("1e"))
	o.Set("other", struct{ A int }{1})
	if got := o.String(); got != `{"nil":null,"int":5,"number":null,"other":"{1}"}` {
		t.Error(got)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	o, err := ParseObject([]byte(person))
	if err != nil {
		b.Fatal(err)
	}
	buf := o.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = o.AppendJSON(buf[:0])
	}
}
