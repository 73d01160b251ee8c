package scim

import (
	"errors"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// What PATCH bodies of real clients and of the RFC's examples are made of.
var patchSeeds = []string{
	`{"op":"replace","path":"active","value":false}`,
	`{"op":"Replace","path":"active","value":"False"}`,
	`{"op":"add","value":{"emails":[{"value":"a@x","type":"home"}],"nickname":"Babs"}}`,
	`{"op":"replace","value":{"name.givenName":"B","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"D"}}`,
	`{"op":"add","path":"emails[type eq \"work\"].value","value":"b@x"},{"op":"add","path":"emails[type eq \"work\"].primary","value":true}`,
	`{"op":"replace","path":"addresses[type eq \"work\" and primary eq true].postalCode","value":"0815"}`,
	`{"op":"remove","path":"emails[type eq \"work\" and value ew \"example.org\"]"}`,
	`{"op":"remove","path":"emails","value":[{"value":"bjensen@example.org"}]}`,
	`{"op":"remove","path":"name.familyName"},{"op":"add","path":"name","value":{"familyName":"J"}}`,
	`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"m"}`,
	`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":{"value":""}}}`,
	`{"op":"remove","path":"members[value eq \"a\"]"},{"op":"add","path":"members","value":["b",{"value":"c","$ref":null}]}`,
	`{"op":"replace","path":"members","value":[]}`,
	`{"op":"replace","path":"id","value":"x"},{"op":"replace","path":"meta.version","value":"y"}`,
	`{"op":"add","path":"password","value":"secret"},{"op":"replace","path":"schemas","value":["urn:x"]}`,
}

// FuzzPatch holds PATCH to its laws, whatever the body is, for strict clients and lenient ones: nothing panics, what is refused is
// refused with a *Error that a person can read, the resource before is left alone, the same patch of the same resource comes to the same,
// and a value that is there already is replaced by itself.
func FuzzPatch(f *testing.F) {
	for i, s := range patchSeeds {
		f.Add(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+s+`]}`, byte(i))
	}
	rt := userType()
	rt.Schema.Attributes = append(rt.Schema.Attributes, GroupSchema().Attributes[1])
	befores := []string{person, bjensen, `{"userName":"b"}`, `{"userName":"b","members":[{"value":"a"},{"value":"b"}],"emails":[{"value":"a@x","primary":true}]}`}
	f.Fuzz(func(t *testing.T, text string, choice byte) {
		body, err := ParseObject([]byte(text))
		if err != nil {
			return
		}
		profile := Profile{IgnoreUnknownPaths: choice&4 != 0}
		p, _, err := rt.DecodePatch(body, profile)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		before := parse(t, befores[choice&3])
		was := before.String()
		after, _, err := p.Apply(rt, before, nil)
		again, _, errAgain := p.Apply(rt, before, nil)
		if before.String() != was {
			t.Fatalf("the resource before is now %s, and was %s", before, was)
		}
		if (err == nil) != (errAgain == nil) || err == nil && !Equal(after, again) {
			t.Fatalf("the second time it comes to %s, %v, and the first to %s, %v", again, errAgain, after, err)
		}
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkProduct(t, rt, after)
		if err := rt.Validate(after, before); err != nil {
			checkRefusal(t, err)
			return
		}
		if onlyReplaces(p) {
			twice, _, err := p.Apply(rt, after, nil)
			if err != nil || !Equal(after, twice) {
				t.Fatalf("replaced once it is %s, and twice %s, %v", after, twice, err)
			}
		}
	})
}

// onlyReplaces reports a patch that does nothing but replace one attribute or part, whole.
func onlyReplaces(p Patch) bool {
	return len(p.ops) == 1 && p.ops[0].kind == opReplace && p.ops[0].ref.Filter == nil
}

// checkRefusal holds an error to being an answer: a 4xx with a sentence.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status < 400 || e.Status > 499 || len(e.Detail) < 10 || len(e.Detail) > 1000 || !strings.HasSuffix(e.Detail, ".") {
		t.Fatalf("no refusal that a person can read: %v", err)
	}
}

// FuzzFilter takes a filter as far as the resource: nothing panics, and a filter that is accepted says yes or no, and its opposite says the other.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		`userName eq "bjensen"`, `emails[type eq "work" and not (value co "@x")].primary eq true`, `meta.created gt "2011-05-13T04:42:34Z"`,
		`name.familyName co "O'Malley" or active eq true and not (title pr)`, `emails eq "x"`, `enterprise:manager.value eq null`, `not (emails[value pr])`,
	} {
		f.Add(s)
	}
	rt := userType()
	res := parse(f, person)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := rt.ParseFilter(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if Match(e, rt, res) == Match(filter.Not{Term: e}, rt, res) {
			t.Fatalf("%s and its opposite are the same of %s", text, res)
		}
	})
}
