package scim

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func readBulk(t *testing.T, text string) BulkRequest {
	t.Helper()
	// One byte at a time, as a network may give them.
	request, err := ReadBulk(iotest.OneByteReader(strings.NewReader(text)), 100)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return request
}

func TestABulkRequestIsRead(t *testing.T) {
	b := readBulk(t, ` {"failonerrors": "2", "x": [1, {"y": null}], "OPERATIONS": [
		{"data": {"userName": "a\u00e9", "n": 1.50, "big": 123456789012345678901, "none": null}, "bulkId": "1", "path": "/Users", "method": "post", "version": null},
		{"method": "PUT", "path": "/Users/7", "version": "W/\"3\"", "data": {}},
		{"method": "PATCH", "path": "/Users/7", "data": [{"op": "remove", "path": "nickName"}]},
		{"method": "Delete", "path": "/Users/7", "data": 5, "version": ""}
	], "schemas": ["urn:ietf:params:scim:api:messages:2.0:BULKREQUEST"]}
	`)
	if b.FailOnErrors != 2 || len(b.Operations) != 4 {
		t.Fatalf("%+v", b)
	}
	want := []string{
		`POST /Users 1 - {"userName":"aé","n":1.50,"big":123456789012345678901,"none":null}`,
		`PUT /Users/7  "W/\"3\"" {}`,
		`PATCH /Users/7  - {"Operations":[{"op":"remove","path":"nickName"}]}`,
		`DELETE /Users/7  "" null`,
	}
	for i := range b.Operations {
		op := &b.Operations[i]
		data, err := op.Data(nil)
		version := "-"
		if op.Version != nil {
			version = strconv.Quote(*op.Version)
		}
		if got := fmt.Sprintf("%s %s %s %s %s", op.Method, op.Path, op.BulkID, version, data); got != want[i] || err != nil || op.Err != nil {
			t.Errorf("operation %d: %v %v\n got %s\nwant %s", i+1, err, op.Err, got, want[i])
		}
	}
}

func TestWhatIsWrongWithAWholeBulkRequest(t *testing.T) {
	one := `{"method":"DELETE","path":"/Users/1"}`
	cases := map[string]struct{ body, typ, says string }{
		"nothing":                    {" ", InvalidSyntax, "empty"},
		"not an object":              {"[]", InvalidSyntax, "not a JSON object"},
		"no operations":              {"{}", InvalidSyntax, "list called Operations"},
		"operations are no list":     {`{"Operations":{}}`, InvalidSyntax, "list called Operations"},
		"operations are null":        {`{"Operations":null}`, InvalidSyntax, "list called Operations"},
		"an empty list":              {`{"Operations":[]}`, InvalidSyntax, "nothing to do"},
		"another schema":             {`{"schemas":["urn:x"],"Operations":[` + one + `]}`, InvalidSyntax, "BulkRequest"},
		"something behind it":        {`{"Operations":[` + one + `]} {}`, InvalidSyntax, "Something follows the JSON object, which ends at byte 54"},
		"rubbish behind it":          {`{"Operations":[` + one + `]}]`, InvalidSyntax, "Something follows"},
		"cut short":                  {`{"Operations":[` + one, InvalidSyntax, "ends in the middle"},
		"a comma too many":           {`{"Operations":[` + one + `,]}`, InvalidSyntax, "not valid JSON"},
		"a name twice":               {`{"Operations":[` + one + `],"operations":[]}`, InvalidSyntax, "twice"},
		"a name twice in data":       {`{"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"a":1,"A":2}}]}`, InvalidSyntax, "twice"},
		"bytes that are not UTF-8":   {"{\"Operations\":[{\"method\":\"\xff\"}]}", InvalidSyntax, "UTF-8"},
		"too deep":                   {`{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `,"Operations":[]}`, InvalidSyntax, "deeper"},
		"failOnErrors of 0":          {`{"failOnErrors":0,"Operations":[` + one + `]}`, InvalidValue, "failOnErrors"},
		"failOnErrors that is half":  {`{"failOnErrors":1.5,"Operations":[` + one + `]}`, InvalidValue, "failOnErrors"},
		"failOnErrors that is words": {`{"failOnErrors":"one","Operations":[` + one + `]}`, InvalidValue, "failOnErrors"},
		"failOnErrors that is true":  {`{"failOnErrors":true,"Operations":[` + one + `]}`, InvalidValue, "failOnErrors"},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			_, err := ReadBulk(strings.NewReader(c.body), 100)
			if e := wantError(t, err, c.typ); !strings.Contains(e.Detail, c.says) {
				t.Errorf("says %q, want %q", e.Detail, c.says)
			}
		})
	}
}

func TestABulkRequestEndsWhereTheConnectionDoes(t *testing.T) {
	cause := errors.New("connection reset")
	for _, text := range []string{"", `{"Operations":[{"method":"DELETE"`, `{"Operations":[{"method":"DELETE","path":"/Users/1"}]}`} {
		_, err := ReadBulk(io.MultiReader(strings.NewReader(text), iotest.ErrReader(cause)), 100)
		if !errors.Is(err, cause) {
			t.Errorf("%q: %v", text, err)
		}
		_ = wantError(t, err, InvalidSyntax)
	}
}

func TestOperationsBeyondTheMostAreNotRead(t *testing.T) {
	one := `{"method":"DELETE","path":"/Users/1"}`
	if b, err := ReadBulk(strings.NewReader(`{"Operations":[`+one+`,`+one+`]}`), 2); err != nil || len(b.Operations) != 2 {
		t.Errorf("at the limit: %v", err)
	}
	rest := strings.NewReader(`{"Operations":[` + one + `,` + one + `,` + one + strings.Repeat(" ", 1<<20) + `]}`)
	_, err := ReadBulk(rest, 2)
	var e *Error
	if !errors.As(err, &e) || e.Status != 413 || !strings.Contains(e.Detail, "more than 2 operations") {
		t.Errorf("one above: %v", err)
	}
	if rest.Len() < 1<<19 {
		t.Errorf("all but %d bytes were read", rest.Len())
	}
}

func TestWhatIsWrongWithOneOperationIsItsOwn(t *testing.T) {
	cases := map[string]struct{ operation, typ, says string }{
		"not an object":         {`5`, InvalidSyntax, "not a JSON object"},
		"no method":             {`{"path":"/Users"}`, InvalidValue, "no method"},
		"GET":                   {`{"method":"GET","path":"/Users/1"}`, InvalidValue, `"GET" is none of`},
		"a method of another":   {`{"method":["POST"],"path":"/Users"}`, InvalidSyntax, "method must be a string"},
		"no path":               {`{"method":"DELETE"}`, InvalidValue, "no path"},
		"a path of another":     {`{"method":"DELETE","path":1}`, InvalidSyntax, "path must be a string"},
		"POST without bulkId":   {`{"method":"POST","path":"/Users","data":{}}`, InvalidValue, "bulkId"},
		"a bulkId of another":   {`{"method":"POST","path":"/Users","bulkId":1,"data":{}}`, InvalidSyntax, "bulkId must be a string"},
		"POST with a version":   {`{"method":"POST","path":"/Users","bulkId":"1","version":"W/\"1\"","data":{}}`, InvalidValue, "version"},
		"POST with no version":  {`{"method":"POST","path":"/Users","bulkId":"1","version":"","data":{}}`, InvalidValue, "version"},
		"a version of another":  {`{"method":"PUT","path":"/Users/1","version":1,"data":{}}`, InvalidSyntax, "version must be a string"},
		"POST without data":     {`{"method":"POST","path":"/Users","bulkId":"1"}`, InvalidValue, "no data"},
		"PUT without data":      {`{"method":"PUT","path":"/Users/1","data":null}`, InvalidValue, "no data"},
		"data that is a string": {`{"method":"PUT","path":"/Users/1","data":"{}"}`, InvalidSyntax, "data must be"},
		"PUT of a list":         {`{"method":"PUT","path":"/Users/1","data":[]}`, InvalidSyntax, "data must be"},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			b := readBulk(t, `{"Operations":[`+c.operation+`,{"method":"DELETE","path":"/Users/2"}]}`)
			if e := wantError(t, b.Operations[0].Err, c.typ); !strings.Contains(e.Detail, c.says) {
				t.Errorf("says %q, want %q", e.Detail, c.says)
			}
			if b.Operations[1].Err != nil {
				t.Errorf("the other has an error too: %v", b.Operations[1].Err)
			}
		})
	}
}

func TestReferencesAreFoundAndReplaced(t *testing.T) {
	ids := map[string]string{"a": "id-a", "b\"": `id "b"`, "c": "id-c"}
	resolve := func(bulkID string) (string, bool) { id, ok := ids[bulkID]; return id, ok }
	cases := map[string]struct{ method, data, refs, want string }{
		"in values of any depth": {
			"POST", `{"members":[{"value":"bulkId:a"},{"value":"bulkId:c"},{"value":"bulkId:a"}],"urn:x":{"manager":{"value":"bulkId:c"}},"plain":["bulkId:zz"]}`, "a c zz",
			`{"members":[{"value":"id-a"},{"value":"id-c"},{"value":"id-a"}],"urn:x":{"manager":{"value":"id-c"}},"plain":["bulkId:zz"]}`,
		},
		"not in what only begins or sounds so": {
			"PUT", `{"a":"bulkId:","b":"BULKID:a","c":"see bulkId:a","bulkId:a":"x"}`, "", `{"a":"bulkId:","b":"BULKID:a","c":"see bulkId:a","bulkId:a":"x"}`,
		},
		"in the values of a PATCH, and the brackets of its paths": {
			"PATCH", `{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\" or value eq \"bulkId:b\\\"\" or value eq \"x\"]"},{"op":"add","path":"members","value":[{"value":"bulkId:c"}]}]}`,
			`a b" c`,
			`{"Operations":[{"op":"remove","path":"members[value eq \"id-a\" or value eq \"id \\\"b\\\"\" or value eq \"x\"]"},{"op":"add","path":"members","value":[{"value":"id-c"}]}]}`,
		},
		"not in a path without brackets, nor in one that is no path": {
			"PATCH", `{"Operations":[{"op":"bulkId:a","path":"bulkId:a"},{"op":"add","path":"x[\"bulkId:a"},{"op":"add","path":"x[\"\\"},"bulkId:c"]}`, "",
			`{"Operations":[{"op":"bulkId:a","path":"bulkId:a"},{"op":"add","path":"x[\"bulkId:a"},{"op":"add","path":"x[\"\\"},"bulkId:c"]}`,
		},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			op := &readBulk(t, `{"Operations":[{"method":"`+c.method+`","path":"/Users/1","bulkId":"1","data":`+c.data+`}]}`).Operations[0]
			data, err := op.Data(resolve)
			if err != nil || op.Err != nil || data.String() != c.want {
				t.Errorf("%v %v\n got %s\nwant %s", err, op.Err, data, c.want)
			}
			if strings.Join(op.References, " ") != c.refs {
				t.Errorf("refers to %q, want %q", op.References, c.refs)
			}
		})
	}
}

func TestWhatRefersToNobodyYetIsLeftOut(t *testing.T) {
	cases := map[string]struct{ body, stays, goes string }{
		"nothing":               {`{"userName":"a"}`, `{"userName":"a"}`, `{}`},
		"elements of a list":    {`{"members":[{"value":"1"},{"value":"bulkId:a"},{"value":"2"}]}`, `{"members":[{"value":"1"},{"value":"2"}]}`, `{"members":[{"value":"bulkId:a"}]}`},
		"a whole list":          {`{"members":["bulkId:a"]}`, `{}`, `{"members":["bulkId:a"]}`},
		"a part of an object":   {`{"manager":{"value":"bulkId:a","displayName":"A"},"title":"T"}`, `{"title":"T"}`, `{"manager":{"value":"bulkId:a","displayName":"A"}}`},
		"a part of a dotted":    {`{"manager.value":"bulkId:a","title":"T"}`, `{"title":"T"}`, `{"manager.value":"bulkId:a"}`},
		"what has no attribute": {`{"shoes":"bulkId:a","title":"T"}`, `{"title":"T"}`, `{"shoes":"bulkId:a"}`},
		"within an extension": {
			`{"title":"T","` + EnterpriseURN + `":{"manager":{"value":"bulkId:a"},"department":"D"}}`,
			`{"title":"T","` + EnterpriseURN + `":{"department":"D"}}`, `{"` + EnterpriseURN + `":{"manager":{"value":"bulkId:a"}}}`,
		},
		"with a URN before it": {`{"` + EnterpriseURN + `:manager":"bulkId:a"}`, `{}`, `{"` + EnterpriseURN + `:manager":"bulkId:a"}`},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			rt := userType()
			rt.Schema = &Schema{ID: UserURN, Attributes: slices.Concat(UserSchema().Attributes, GroupSchema().Attributes)}
			body := parse(t, c.body)
			later, err := rt.LeaveOut(body)
			if err != nil || body.String() != c.stays || later.String() != c.goes {
				t.Errorf("%v\n%s\n%s", err, body, later)
			}
		})
	}
	for _, body := range []string{`{"userName":"bulkId:a"}`, `{"` + UserURN + `":{"userName":["bulkId:a"]}}`} {
		_, err := userType().LeaveOut(parse(t, body))
		var e *Error
		if !errors.As(err, &e) || e.Status != 409 || !strings.Contains(e.Detail, "userName is required") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzReadBulk reads anything: nothing may panic, and what is read can be read again.
func FuzzReadBulk(f *testing.F) {
	f.Add(`{"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"members":["bulkId:1"]}}],"failOnErrors":1}`)
	f.Add(`{"Operations":[{"method":"PATCH","path":"/Users/1","data":[{"op":"remove","path":"members[value eq \"bulkId:1\"]"}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		b, err := ReadBulk(strings.NewReader(body), 10)
		if err != nil {
			return
		}
		for i := range b.Operations {
			op := &b.Operations[i]
			if op.Err != nil || op.data == nil {
				continue
			}
			before := string(op.data)
			o, err := op.Data(func(string) (string, bool) { return "", false })
			if err != nil || o.String() != before {
				t.Errorf("%v\n%s\n%s", err, o, before)
			}
			o, _ = op.Data(func(string) (string, bool) { return "x", true })
			if _, err := userType().LeaveOut(o); op.Method == "POST" && (err != nil || refersTo(o) != "") {
				t.Errorf("%v: %s", err, o)
			}
		}
	})
}
