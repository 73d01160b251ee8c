package scim

import (
	"fmt"
	"strings"
	"testing"
)

// alike are elements that a table holds as rows of their own, though people would call them the same.
const alike = `{"value":"A@x","type":"work"},{"value":"a@x","type":"work"},{"value":"a@x","type":"work","display":"d"},{"value":"a@x","type":"work","primary":true}`

// A directory may hold more than clients would write. Whoever sends back what was shown must not take any of it away.
func TestElementsThatAreAlikeStayWhatTheyAre(t *testing.T) {
	many := alike
	for i := range smallBag {
		many += fmt.Sprintf(`,{"value":"%d@x"}`, i)
	}
	for _, list := range []string{alike, many} {
		before := `{"schemas":["` + UserURN + `"],"userName":"b","emails":[` + list + `]}`
		rt := userType()
		body, _, err := rt.Decode(parse(t, before))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "PUT", rt.Replaced(parse(t, before), body), parse(t, before))
		testPatches(t, rt, before, map[string]patchCase{
			"a replace of all":       {`{"op":"replace","path":"emails","value":[` + list + `]}`, `{}`, ""},
			"an add of all":          {`{"op":"add","path":"emails","value":[` + list + `]}`, `{}`, ""},
			"an add of each":         {`{"op":"add","path":"emails","value":[{"value":"a@x","type":"work"}]},{"op":"add","path":"emails","value":[{"value":"a@x","type":"work","display":"d"}]}`, `{}`, ""},
			"an add in another case": {`{"op":"add","path":"emails","value":[{"value":"A@X","type":"Work"}]}`, `{}`, ""},
			"a replace that changes one": {
				`{"op":"replace","path":"emails","value":[` + strings.Replace(list, `"display":"d"`, `"display":"e"`, 1) + `]}`, `{"emails":[` + strings.Replace(list, `"display":"d"`, `"display":"e"`, 1) + `]}`, "",
			},
			"a part of all, not changed": {`{"op":"replace","path":"emails[type eq \"work\"].type","value":"work"}`, `{}`, ""},
			"a part of all": {
				`{"op":"replace","path":"emails[type eq \"work\"].type","value":"home"}`, `{"emails":[` + strings.ReplaceAll(list, `"work"`, `"home"`) + `]}`, "",
			},
			"until they are the very same": {
				`{"op":"replace","path":"emails[type eq \"work\"].value","value":"b@x"},{"op":"replace","path":"emails[type eq \"work\"].display","value":"d"}`,
				`{"emails":[` + strings.TrimPrefix(strings.Replace(list, alike, `{"value":"b@x","type":"work","display":"d"},{"value":"b@x","type":"work","primary":true,"display":"d"}`, 1), ",") + `]}`, "",
			},
		})
	}
}

func TestSimpleValuesThatDifferInCaseStayWhatTheyAre(t *testing.T) {
	before := strings.Replace(badge, `"tags":["x"]`, `"tags":["V","v"]`, 1)
	testPatches(t, badgeType(), before, map[string]patchCase{
		"a replace": {`{"op":"replace","path":"tags","value":["V","v","V"]}`, `{}`, ""},
		"an add":    {`{"op":"add","path":"tags","value":["v"]}`, `{}`, ""},
	})
}

func TestABodyThatListsOneTwiceMakesOne(t *testing.T) {
	rt := userType()
	body, _, err := rt.Decode(parse(t, `{"userName":"b","emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"},{"value":"A@x","type":"work"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := parse(t, `{"schemas":["`+UserURN+`"],"userName":"b","emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"}]}`)
	same(t, "POST", rt.Created(body), want)
	same(t, "PUT", rt.Replaced(want, body), want)
	same(t, "PUT without", rt.Replaced(parse(t, `{"schemas":["`+UserURN+`"],"userName":"b"}`), body), want)
}
