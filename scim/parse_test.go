package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseObject(t *testing.T) {
	o := parse(t, " \n{\"b\":null,\"A\":[1,2.50,-0,92233720368547758070,\"\\ud83d\\ude00\",true,{}],\"a2\":{}} \t")
	if got, want := o.String(), `{"b":null,"A":[1,2.50,0,92233720368547758070,"😀",true,{}],"a2":{}}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	list, _ := o.Get("a")
	if _, ok := list.([]any)[0].(int64); !ok {
		t.Errorf("an integer is a %T", list.([]any)[0])
	}
	if n, ok := list.([]any)[1].(json.Number); !ok || n != "2.50" {
		t.Errorf("a decimal is a %T %v", list.([]any)[1], n)
	}
}

func TestParseObjectRefuses(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, `"m%d":1,`, i)
		}
		return `{` + b.String() + last + `}`
	}
	for claim, c := range map[string]struct{ body, want string }{
		"nothing":                         {"", "The body is empty; a JSON object was expected."},
		"blanks":                          {" \n", "The body is empty; a JSON object was expected."},
		"a list":                          {`[{}]`, "The body is not a JSON object."},
		"null":                            {`null`, "The body is not a JSON object."},
		"a string":                        {`"x"`, "The body is not a JSON object."},
		"something behind the object":     {`{} {}`, "Something follows the JSON object at byte 4 of the body."},
		"a brace too many":                {`{}}`, "Something follows the JSON object at byte 3 of the body."},
		"half an object":                  {`{"a":1`, "The body ends in the middle of the JSON object."},
		"half a string":                   {`{"a":"b`, "The body ends in the middle of the JSON object."},
		"half a list":                     {`{"a":[1,`, "The body ends in the middle of the JSON object."},
		"a name twice":                    {`{"a":1,"a":2}`, `The member "a" stands twice in one JSON object (names have no case in SCIM).`},
		"a name twice in different case":  {`{"userName":"a","USERNAME":"b"}`, `The member "USERNAME" stands twice in one JSON object (names have no case in SCIM).`},
		"a name twice further down":       {`{"a":[{"b":1,"B":2}]}`, `The member "B" stands twice in one JSON object (names have no case in SCIM).`},
		"a name twice among many":         {many(`"M3":1`), `The member "M3" stands twice in one JSON object (names have no case in SCIM).`},
		"a name twice at the end of many": {many(`"x":1,"X":1`), `The member "X" stands twice in one JSON object (names have no case in SCIM).`},
		"a comma too many":                {`{"a":1,}`, "The body is not valid JSON: "},
		"a word":                          {`{"a":yes}`, "The body is not valid JSON: "},
		"single quotes":                   {`{'a':1}`, "The body is not valid JSON: "},
		"bytes that are not UTF-8":        {"{\"a\":\"\xff\"}", "The body is not valid JSON: invalid UTF-8"},
		"half a surrogate pair":           {`{"a":"\ud83d"}`, "The body is not valid JSON: "},
		"leading zeros":                   {`{"a":007}`, "The body is not valid JSON: "},
		"no number":                       {`{"a":NaN}`, "The body is not valid JSON: "},
		"a form":                          {`userName=bjensen`, "The body is not valid JSON: "},
		"XML":                             {`<user/>`, "The body is not valid JSON: "},
		"lists nested 100,000 deep":       {`{"a":` + strings.Repeat("[", 100_000), "The body nests deeper than 32 levels."},
		"objects nested 100,000 deep":     {strings.Repeat(`{"a":`, 100_000), "The body nests deeper than 32 levels."},
		"lists nested one level too deep": {`{"a":` + strings.Repeat("[", MaxJSONDepth) + strings.Repeat("]", MaxJSONDepth) + `}`, "The body nests deeper than 32 levels."},
	} {
		t.Run(claim, func(t *testing.T) {
			o, err := ParseObject([]byte(c.body))
			if e := wantError(t, err, InvalidSyntax); !strings.HasPrefix(e.Detail, c.want) {
				t.Errorf("%s: %s, want %s", o, e.Detail, c.want)
			}
		})
	}
}

func TestParseObjectTakesTheDeepestThatMayBe(t *testing.T) {
	parse(t, `{"a":`+strings.Repeat("[", MaxJSONDepth-1)+strings.Repeat("]", MaxJSONDepth-1)+`}`)
}

// A hostile body costs what its length costs, not its square.
func TestParseObjectOfManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	if o := parse(t, "{"+b.String()[1:]+"}"); o.Len() != 100_000 {
		t.Error(o.Len())
	}
}

func FuzzParseObject(f *testing.F) {
	for _, s := range []string{person, bjensen, badge, `{"a":[1.5e9,null,{"b":"\u00e9"}]}`, `{"a":1,"A":2}`, `{}`, `[`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := ParseObject(body)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Status != 400 || e.Type != InvalidSyntax {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is no JSON, but was read as %s", body, o)
		}
		again, err := ParseObject(o.AppendJSON(nil))
		if err != nil || !Equal(o, again) {
			t.Fatalf("%q prints as %s, which is %s, %v", body, o, again, err)
		}
	})
}

// FuzzBodies sends anything through the road that a body takes; nothing may panic, edit its input, or show what must not be seen.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		person, bjensen, `{"Operations":[{"op":"add","path":"emails[type eq \"x\" and primary eq true].value","value":"y"},{"op":"remove","path":"emails"}]}`,
		`{"Operations":[{"op":"replace","value":{"name.givenName":"x","` + EnterpriseURN + `":{"manager":[{"value":null}]}}}]}`,
		`{"Operations":[{"op":"remove","path":"members[value eq \"a\" or value eq \"b\"]"}]}`, `{"Operations":[{"op":"remove","path":"emails","value":[{"value":null},"x"]}]}`,
	} {
		f.Add(s)
	}
	rt := userType()
	rt.Schema.Attributes = append(rt.Schema.Attributes, GroupSchema().Attributes[1])
	before, err := ParseObject([]byte(person))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o, err := ParseObject([]byte(body))
		if err != nil {
			return
		}
		if res, _, err := rt.Decode(o); err == nil {
			checkProduct(t, rt, res)
			checkProduct(t, rt, rt.Replaced(before, res))
		}
		p, _, err := rt.DecodePatch(o, Profile{})
		if err != nil {
			return
		}
		after, _, err := p.Apply(rt, before, p.Unread([]string{"members"}))
		if before.String() != parse(t, person).String() {
			t.Fatalf("%s edited the resource before", body)
		}
		if err == nil {
			checkProduct(t, rt, after)
		}
	})
}

// checkProduct holds for every resource that the package makes, whatever it is made of: values are of their types, and null is not among them.
func checkProduct(t *testing.T, rt *ResourceType, res *Object) {
	t.Helper()
	var e *Error
	if err := rt.Validate(res, res); errors.As(err, &e) && !strings.Contains(e.Detail, "primary") {
		t.Fatalf("%s: %v", res, err)
	}
	if holdsNil(res) {
		t.Fatalf("null is left in %s", res)
	}
	if out := rt.Project(res, Projection{}); member(out, "password") != nil {
		t.Fatalf("%s shows a password", out)
	}
}

func holdsNil(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsNil)
	case *Object:
		return slices.ContainsFunc(v.members, func(m pair) bool { return holdsNil(m.value) })
	}
	return false
}
