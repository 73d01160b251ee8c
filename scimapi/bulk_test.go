package scimapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scim-adapter/scim-adapter/scim"
)

func TestABulkRequestIsDoneInItsOrder(t *testing.T) {
	s, k := bulkStage(t)
	k.resources["old"], k.types["old"] = scim.NewObject(), s.types[1]
	var requests []scim.Request
	create := s.service.create
	s.service.create = func(r scim.Request, o *scim.Object) (*scim.Result, error) {
		requests = append(requests, r)
		return create(r, o)
	}
	w := s.do("POST", "/scim/v2/Bulk/", bulkBody("",
		postUser("one", "ann", `,"shoes":43`),
		`{"method":"put","path":"Users/id-ann","bulkId":"two","version":"W/\"1\"","data":{"userName":"ann","title":"T"}}`,
		`{"method":"PATCH","path":"/Users/id-ann/","data":[{"op":"replace","path":"title","value":"U"}]}`,
		`{"method":"PATCH","path":"/Groups/old","data":{"Operations":[{"op":"replace","path":"displayName","value":"G"}]}}`,
		`{"method":"DELETE","path":"/Users/id%2Dann","version":"\"1\"","data":null}`,
	), "X-Request-Id", "r-1")
	a := readBulkAnswer(t, w)
	if a.short() != "POST one 201, PUT two 200, PATCH 200, PATCH 204, DELETE 204" {
		t.Error(a.short())
	}
	if calls := strings.Join(k.calls, ", "); calls != "POST /Users ann, PUT /Users/id-ann, PATCH /Users/id-ann, PATCH /Groups/old, DELETE /Users/id-ann" {
		t.Error(calls)
	}
	for i, location := range []string{"/Users/id-ann", "/Users/id-ann", "/Users/id-ann", "/Groups/old", "/Users/id-ann"} {
		if a.Operations[i].Location != "http://example.com/scim/v2"+location {
			t.Errorf("operation %d is at %s", i+1, a.Operations[i].Location)
		}
		if want := map[bool]string{true: "", false: `W/"1"`}[i == 4]; a.Operations[i].Version != want {
			t.Errorf("operation %d has version %q", i+1, a.Operations[i].Version)
		}
	}
	if r := requests[0]; r.Caller.RequestID != "r-1" || r.Caller.Client != "tester" || strings.Join(r.Dropped, " ") != "shoes" || r.Base == "" {
		t.Errorf("%+v", r)
	}
	var line map[string]any
	if err := json.Unmarshal(s.log.Bytes(), &line); err != nil || line["operations"] != 5.0 || line["done"] != 5.0 || line["failed"] != 0.0 || fmt.Sprint(line["dropped"]) != "[shoes]" || line["route"] != "/scim/v2/Bulk" {
		t.Errorf("%v: %s", err, s.log)
	}
}

// A create that refers to others waits for them; what is left is done in the order of the request.
func TestReferencesAreResolvedInAnyOrder(t *testing.T) {
	s, k := bulkStage(t)
	a := s.bulk(t, "",
		postGroup("g", "staff", "bulkId:a", "x", "bulkId:b"),
		postGroup("h", "all", "bulkId:g", "bulkId:g"),
		`{"method":"PATCH","path":"/Groups/bulkId:h","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:g\"]"},{"op":"add","path":"members","value":[{"value":"bulkId:b"}]}]}}`,
		postUser("a", "ann", `,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"bulkId:b"}}`),
		postUser("c", "cid", ""),
		postUser("b", "bob", ""),
		`{"method":"DELETE","path":"/Users/bulkId:c"}`,
	)
	if a.short() != "POST g 201, POST h 201, PATCH 204, POST a 201, POST c 201, POST b 201, DELETE 204" {
		t.Error(a.short())
	}
	want := []string{"POST /Users cid", "POST /Users bob", "POST /Users ann", "POST /Groups staff", "POST /Groups all", "PATCH /Groups/id-all", "DELETE /Users/id-cid"}
	if !slices.Equal(k.calls, want) {
		t.Errorf("%q", k.calls)
	}
	if k.members("id-staff") != "id-ann x id-bob" || k.members("id-all") != "id-bob" || !strings.Contains(k.resources["id-ann"].String(), `"manager":{"value":"id-bob"}`) {
		t.Errorf("%s | %s | %s", k.resources["id-staff"], k.resources["id-all"], k.resources["id-ann"])
	}
	if a.Operations[2].Location != "http://example.com/scim/v2/Groups/id-all" {
		t.Errorf("the location of a PATCH by bulkId is %s", a.Operations[2].Location)
	}
}

func TestCirclesAreClosedByASecondStep(t *testing.T) {
	t.Run("of two, a third waiting for them", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "", postGroup("z", "last", "bulkId:b"), postGroup("a", "A", "x", "bulkId:b"), postGroup("b", "B", "bulkId:a"))
		if a.short() != "POST z 201, POST a 201, POST b 201" || k.members("id-A") != "x id-B" || k.members("id-B") != "id-A" || k.members("id-last") != "id-B" {
			t.Errorf("%s, %s, %s", a.short(), k.members("id-A"), k.members("id-B"))
		}
		if calls := strings.Join(k.calls, ", "); calls != "POST /Groups A, POST /Groups B, POST /Groups last, PATCH /Groups/id-A" && calls != "POST /Groups A, POST /Groups B, PATCH /Groups/id-A, POST /Groups last" {
			t.Error(calls)
		}
	})
	t.Run("of three, each referring to all", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "", postGroup("a", "A", "bulkId:b", "bulkId:c"), postGroup("b", "B", "bulkId:c", "bulkId:a"), postGroup("c", "C", "bulkId:a", "bulkId:b"))
		if a.short() != "POST a 201, POST b 201, POST c 201" || k.members("id-A") != "id-B id-C" || k.members("id-B") != "id-A id-C" || k.members("id-C") != "id-A id-B" {
			t.Errorf("%s: %s, %s, %s", a.short(), k.members("id-A"), k.members("id-B"), k.members("id-C"))
		}
	})
	t.Run("many, each waiting for the next, and all for each other", func(t *testing.T) {
		s, k := bulkStage(t, func(o *Options) { o.Bulk = Bulk{MaxOperations: 1000, MaxPayload: 1_000_000} })
		var ops []string
		want := map[string]int{}
		for i := range 400 { // 0 and 1, 2 and 3, … are circles; 1 waits for 2 as well, 3 for 4, …
			members := []string{fmt.Sprintf("bulkId:%d", i^1)}
			if i%2 == 1 && i < 399 {
				members = append(members, fmt.Sprintf("bulkId:%d", i+1))
			}
			ops, want[fmt.Sprintf("id-g%d", i)] = append(ops, postGroup(fmt.Sprint(i), fmt.Sprintf("g%d", i), members...)), len(members)
		}
		for i := range 30 {
			var members []string
			for j := range 30 {
				members = append(members, fmt.Sprintf("bulkId:all-%d", j))
			}
			ops, want[fmt.Sprintf("id-h%d", i)] = append(ops, postGroup(fmt.Sprintf("all-%d", i), fmt.Sprintf("h%d", i), members...)), 30
		}
		for i, op := range s.bulk(t, "", ops...).Operations {
			if op.Status != "201" {
				t.Fatalf("operation %d: %+v", i, op)
			}
		}
		for id, n := range want {
			if members := k.members(id); len(strings.Fields(members)) != n || strings.Contains(members, "bulkId") {
				t.Errorf("%s has %s", id, members)
			}
		}
	})
	t.Run("and what is about one of them sees it complete", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "",
			`{"method":"PATCH","path":"/Groups/bulkId:a","data":[{"op":"remove","path":"members[value eq \"bulkId:b\"]"}]}`,
			postGroup("a", "A", "bulkId:b", "x"), postGroup("b", "B", "bulkId:a", "bulkId:c"),
			postGroup("c", "C", "bulkId:d"), postGroup("d", "D", "bulkId:c"),
			postUser("s", "self", `,"manager":"bulkId:s"`),
			`{"method":"DELETE","path":"/Users/bulkId:s"}`,
			`{"method":"DELETE","path":"/Groups/bulkId:b"}`,
		)
		if a.short() != "PATCH 204, POST a 201, POST b 201, POST c 201, POST d 201, POST s 201, DELETE 204, DELETE 204" || k.members("id-A") != "x" || k.members("id-C") != "id-D" || k.resources["id-B"] != nil || k.resources["id-self"] != nil {
			t.Errorf("%s: %s, %q", a.short(), k.members("id-A"), k.calls)
		}
	})
	t.Run("of one", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "", postUser("a", "ann", `,"manager":"bulkId:a"`), postUser("b", "bob", ""))
		if a.short() != "POST a 201, POST b 201" || !strings.Contains(k.resources["id-ann"].String(), `"manager":{"value":"id-ann"}`) {
			t.Errorf("%s: %s", a.short(), k.resources["id-ann"])
		}
		if calls := strings.Join(k.calls, ", "); calls != "POST /Users ann, PATCH /Users/id-ann, POST /Users bob" {
			t.Error(calls)
		}
	})
	t.Run("of a required attribute with one that is not", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "", postGroup("a", "bulkId:b"), postGroup("b", "B", "bulkId:a"))
		if a.short() != "POST a 201, POST b 201" || k.members("id-B") != "id-id-B" || !strings.HasPrefix(k.calls[0], "POST /Groups B") {
			t.Errorf("%s: %q", a.short(), k.calls)
		}
	})
	t.Run("of required attributes, which nobody can close", func(t *testing.T) {
		s, k := bulkStage(t)
		a := s.bulk(t, "", postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a"), postGroup("c", "bulkId:c"), postGroup("d", "D"))
		if a.short() != "POST a 409, POST b 409, POST c 409, POST d 201" || len(k.resources) != 1 {
			t.Errorf("%s: %q", a.short(), k.calls)
		}
		if !strings.Contains(a.detail(0), "displayName is required") || !strings.Contains(a.detail(1), `bulkId "a"`) {
			t.Errorf("%q, %q", a.detail(0), a.detail(1))
		}
	})
}

func TestASecondStepThatFailsSaysWhatIsThere(t *testing.T) {
	s, k := bulkStage(t)
	k.refuse = func(call string) error {
		if strings.HasPrefix(call, "PATCH") {
			return scim.BadRequest(scim.InvalidValue, "No such member.")
		}
		return nil
	}
	a := s.bulk(t, "", postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"))
	if a.short() != "POST a 400, POST b 201" || a.Operations[0].Location == "" || a.Operations[0].Version == "" || a.detail(0) != "The resource was created, but without its references to other resources of this request: No such member." {
		t.Errorf("%s: %s", a.short(), a.detail(0))
	}
	t.Run("since what it refers to was not created", func(t *testing.T) {
		s, k := bulkStage(t)
		k.refuse = func(call string) error {
			if call == "POST /Groups B" {
				return scim.Errorf(409, scim.NotUnique, "B is taken.")
			}
			return nil
		}
		a := s.bulk(t, "", postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"), postGroup("c", "C", "bulkId:a"))
		if a.short() != "POST a 409, POST b 409, POST c 201" || !strings.Contains(a.detail(0), "was created, but without") || !strings.Contains(a.detail(0), `"b"`) || k.members("id-C") != "id-A" {
			t.Errorf("%s: %s", a.short(), a.detail(0))
		}
	})
	t.Run("since enough had failed", func(t *testing.T) {
		s, k := bulkStage(t)
		k.refuse = func(call string) error {
			if call == "POST /Groups B" {
				return scim.Errorf(409, scim.NotUnique, "B is taken.")
			}
			return nil
		}
		a := s.bulk(t, `"failOnErrors":1,`, postGroup("a", "A", "bulkId:b"), postGroup("b", "B", "bulkId:a"), postGroup("c", "C", "bulkId:a"))
		if a.short() != "POST a 409, POST b 409" || !strings.Contains(a.detail(0), "failOnErrors") || a.Operations[0].Location == "" {
			t.Errorf("%s: %s", a.short(), a.detail(0))
		}
	})
}

func TestReferencesThatCannotBeResolved(t *testing.T) {
	s, k := bulkStage(t)
	a := s.bulk(t, "",
		postGroup("g", "staff", "bulkId:nobody"),
		postGroup("h", "all", "bulkId:put"),
		`{"method":"PUT","path":"/Users/1","bulkId":"put","data":{"userName":"x"}}`,
		postGroup("i", "some", "bulkId:g"),
		`{"method":"DELETE","path":"/Groups/bulkId:g"}`,
		`{"method":"DELETE","path":"/Groups/bulkId:nobody"}`,
		postUser("twice", "ann", ""), postUser("twice", "bob", ""),
		postGroup("j", "J", "bulkId:twice"),
	)
	if a.short() != "POST g 400, POST h 400, PUT put 404, POST i 409, DELETE 409, DELETE 400, POST twice 400, POST twice 400, POST j 409" {
		t.Error(a.short())
	}
	for i, says := range []string{`"nobody" is referred to, but no POST`, `"put"`, "", `"g" is referred to, but the operation that was to create it failed`, `"g"`, `"nobody"`, `"twice" is given to more than one POST`, `"twice"`, `"twice"`} {
		if !strings.Contains(a.detail(i), says) {
			t.Errorf("operation %d says %q, want %q", i+1, a.detail(i), says)
		}
	}
	if len(k.calls) != 1 {
		t.Errorf("%q", k.calls)
	}
}

func TestEnoughErrorsEndABulkRequest(t *testing.T) {
	bad := `{"method":"GET","path":"/Users/1"}`
	for _, c := range []struct{ envelope, want string }{
		{``, "GET 400, POST a 201, GET 400, POST b 201"},
		{`"failOnErrors":1,`, "GET 400"},
		{`"failOnErrors":"2",`, "GET 400, POST a 201, GET 400"},
		{`"failOnErrors":3,`, "GET 400, POST a 201, GET 400, POST b 201"},
	} {
		s, _ := bulkStage(t)
		if a := s.bulk(t, c.envelope, bad, postUser("a", "ann", ""), bad, postUser("b", "bob", "")); a.short() != c.want {
			t.Errorf("%s: %s, want %s", c.envelope, a.short(), c.want)
		}
	}
}

func TestWhatIsWrongWithOneOperation(t *testing.T) {
	cases := map[string]struct{ operation, status, typ, says string }{
		"an unknown type":           {`{"method":"DELETE","path":"/Shoes/1"}`, "404", "", `"/Shoes/1"`},
		"a type's name's beginning": {`{"method":"DELETE","path":"/User/1"}`, "404", "", `"/User/1"`},
		"more than a type's name":   {`{"method":"DELETE","path":"/Users2/1"}`, "404", "", `"/Users2/1"`},
		"the root":                  {`{"method":"POST","path":"/","bulkId":"1","data":{}}`, "404", "", "ResourceTypes"},
		"a bulk request within":     {`{"method":"POST","path":"/Bulk","bulkId":"1","data":{}}`, "404", "", `"/Bulk"`},
		"a search within":           {`{"method":"POST","path":"/Users/.search","bulkId":"1","data":{}}`, "404", "", "/.search"},
		"oneself":                   {`{"method":"DELETE","path":"/Me"}`, "404", "", `"/Me"`},
		"a path below a resource":   {`{"method":"DELETE","path":"/Users/1/2"}`, "404", "", "/Users/1/2"},
		"percent signs alone":       {`{"method":"DELETE","path":"/Users/%zz"}`, "404", "", "%zz"},
		"a URL":                     {`{"method":"DELETE","path":"http://example.com/scim/v2/Users/1"}`, "400", "invalidPath", "root"},
		"the base path":             {`{"method":"DELETE","path":"/scim/v2/Users/1"}`, "400", "invalidPath", "root"},
		"two slashes":               {`{"method":"DELETE","path":"//Users/1"}`, "400", "invalidPath", "root"},
		"a query":                   {`{"method":"PUT","path":"/Users/1?attributes=id","data":{}}`, "400", "invalidPath", "query"},
		"POST to a resource":        {`{"method":"POST","path":"/Users/1","bulkId":"1","data":{}}`, "405", "", "/Users, without an id"},
		"DELETE of a type":          {`{"method":"DELETE","path":"/Users"}`, "405", "", "/Users/{id}"},
		"another version":           {`{"method":"DELETE","path":"/Users/id-ann","version":"W/\"9\""}`, "412", "", "changed"},
		"no version":                {`{"method":"DELETE","path":"/Users/id-ann","version":"W/\"9"}`, "400", "invalidValue", "version"},
		"an empty version":          {`{"method":"DELETE","path":"/Users/id-ann","version":""}`, "400", "invalidValue", "version"},
		"a version of blanks":       {`{"method":"DELETE","path":"/Users/id-ann","version":" "}`, "400", "invalidValue", "version"},
		"a version of commas":       {`{"method":"DELETE","path":"/Users/id-ann","version":", ,"}`, "400", "invalidValue", "version"},
		"a version, or any":         {`{"method":"DELETE","path":"/Users/id-ann","version":"W/\"9\", *"}`, "400", "invalidValue", "version"},
		"a value of another type":   {`{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":{}}}`, "400", "invalidValue", "userName"},
		"a PATCH of nothing":        {`{"method":"PATCH","path":"/Users/id-ann","data":[]}`, "400", "invalidSyntax", "nothing to do"},
		"a PATCH of a PATCH":        {`{"method":"PATCH","path":"/Users/id-ann","data":[{"op":"add","path":"shoes","value":1}]}`, "400", "invalidPath", "shoes"},
		"no object":                 {`[]`, "400", "invalidSyntax", "not a JSON object"},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			s, k := bulkStage(t)
			a := s.bulk(t, "", postUser("ann", "ann", ""), c.operation, postUser("bob", "bob", ""))
			if len(a.Operations) != 3 || a.Operations[0].Status != "201" || a.Operations[2].Status != "201" || k.resources["id-ann"] == nil {
				t.Fatalf("the others are not done: %s", a.short())
			}
			if got := a.Operations[1].Response; got == nil || got.Status != c.status || got.SCIMType != c.typ || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestLimitsOfABulkRequest(t *testing.T) {
	one := `{"method":"DELETE","path":"/Users/1"}`
	body := bulkBody("", one)
	cases := map[string]struct {
		body   string
		status int
		says   string
	}{
		"as many operations as may be": {bulkBody("", slices.Repeat([]string{one}, 10)...), 200, ""},
		"one more":                     {bulkBody("", slices.Repeat([]string{one}, 11)...), 413, "more than 10 operations"},
		"one more, before its end":     {strings.TrimSuffix(bulkBody("", slices.Repeat([]string{one}, 11)...), "]}"), 413, "more than 10 operations"},
		"as large as may be":           {body + strings.Repeat(" ", 4000-len(body)), 200, ""},
		"a byte more":                  {body + strings.Repeat(" ", 4001-len(body)), 413, "larger than 4 kB"},
		"garbage of 10,000 bytes":      {`{"x":"` + strings.Repeat("{", 10_000), 413, "larger than 4 kB, the most that this service takes in one bulk request (maxPayloadSize is 4000); send it in parts."},
		"larger than other requests":   {bulkBody("", postUser("a", "ann", `,"title":"`+strings.Repeat("x", 2000)+`"`)), 200, ""},
	}
	for claim, c := range cases {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, its length told: %t", claim, known), func(t *testing.T) {
				s, k := bulkStage(t)
				r := httptest.NewRequest("POST", "/scim/v2/Bulk", strings.NewReader(c.body))
				r.Header.Set("Authorization", "Bearer good")
				if !known {
					r.ContentLength = -1
				}
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, r); w.Code != c.status || w.Code == 413 && !strings.Contains(w.Body.String(), c.says) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if w.Code == 413 && (w.Header().Get("Connection") != "close" || len(k.calls) > 0) {
					t.Errorf("%v %q", w.Header(), k.calls)
				}
			})
		}
	}
}

func TestNothingIsDoneOfABulkRequestThatIsMalformed(t *testing.T) {
	good := bulkBody("", postUser("a", "ann", ""))
	for claim, c := range map[string]struct {
		body, header, value string
		status              int
	}{
		"cut short":           {good[:len(good)-1], "", "", 400},
		"rubbish behind it":   {good + "x", "", "", 400},
		"a name twice":        {good[:len(good)-1] + `,"operations":[]}`, "", "", 400},
		"a bad end":           {good[:len(good)-1] + `,"failOnErrors":0}`, "", "", 400},
		"empty":               {"", "", "", 400},
		"another type":        {good, "Content-Type", "text/plain", 415},
		"without a token":     {good, "Authorization", "", 401},
		"a query with faults": {good, "", "", 400},
	} {
		t.Run(claim, func(t *testing.T) {
			s, k := bulkStage(t)
			target := "/scim/v2/Bulk"
			if claim == "a query with faults" {
				target += "?%zz"
			}
			var headers []string
			if c.header != "" {
				headers = []string{c.header, c.value}
			}
			if w := s.do("POST", target, c.body, headers...); w.Code != c.status || len(k.calls) > 0 {
				t.Errorf("%d %s, %q", w.Code, w.Body, k.calls)
			}
		})
	}
	s, k := bulkStage(t)
	r := httptest.NewRequest("POST", "/scim/v2/Bulk", brokenBody{strings.NewReader(good)})
	r.Header.Set("Authorization", "Bearer good")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 400 || len(k.calls) > 0 {
		t.Errorf("a body that breaks off: %d %s, %q", w.Code, w.Body, k.calls)
	}
}

func TestWithoutBulkTheRouteSaysSo(t *testing.T) {
	s := newStage(t)
	if w := s.do("POST", "/scim/v2/Bulk", "{}"); w.Code != 501 || !strings.Contains(w.Body.String(), "scim.bulk_max_operations") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s, _ = bulkStage(t)
	if w := s.do("GET", "/scim/v2/Bulk", ""); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestFaultsInTheMiddle(t *testing.T) {
	s, k := bulkStage(t)
	k.refuse = func(call string) error {
		switch call {
		case "POST /Users bob":
			return &scim.Error{Status: 503, Detail: "The directory is away.", RetryAfter: 7, Cause: errPlain}
		case "POST /Users cid":
			return errPlain
		case "POST /Users dan":
			panic("oh no")
		}
		return nil
	}
	w := s.do("POST", "/scim/v2/Bulk", bulkBody("", postUser("a", "ann", ""), postUser("b", "bob", ""), postUser("c", "cid", ""), postUser("d", "dan", ""), postUser("e", "eve", ""), `[]`))
	a := readBulkAnswer(t, w)
	if a.short() != "POST a 201, POST b 503, POST c 500, POST d 500, POST e 201, 400" || w.Header().Get("Retry-After") != "7" {
		t.Errorf("%s %v", a.short(), w.Header())
	}
	if a.detail(2) != fixedSentence || a.detail(3) != fixedSentence || strings.Contains(w.Body.String(), "10.0.0.1") {
		t.Errorf("the client reads the cause: %s", w.Body)
	}
	if log := s.log.String(); strings.Count(log, "10.0.0.1") != 2 || strings.Count(log, "oh no") < 1 || !strings.Contains(log, `"operation":3`) || !strings.Contains(log, `"failed":4`) {
		t.Errorf("the log does not have the causes: %s", log)
	}
	for labels, want := range map[[2]string]float64{{"POST", "201"}: 2, {"POST", "503"}: 1, {"POST", "500"}: 2, {"OTHER", "400"}: 1, {"DELETE", "204"}: 0} {
		if n := testutil.ToFloat64(s.Metrics.bulk.WithLabelValues(labels[0], labels[1])); n != want {
			t.Errorf("counted %v of %v, want %v", n, labels, want)
		}
	}
}

func TestABulkRequestEndsWithItsClient(t *testing.T) {
	s, k := bulkStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	k.refuse = func(string) error { cancel(); return nil }
	r := httptest.NewRequestWithContext(ctx, "POST", "/scim/v2/Bulk", strings.NewReader(bulkBody("", postUser("a", "ann", ""), postUser("b", "bob", ""))))
	r.Header.Set("Authorization", "Bearer good")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if len(k.calls) != 1 || !strings.Contains(s.log.String(), `"status":499`) || !strings.Contains(s.log.String(), `"done":1`) {
		t.Errorf("%q\n%s", k.calls, s.log)
	}
}

// A bulk request takes longer than a request may: each of its operations has the server's time for an answer, and the time for reading ends with the body.
func TestABulkRequestOutlivesTheServersDeadlines(t *testing.T) {
	const step = 60 * time.Millisecond
	for _, extend := range []bool{true, false} {
		s, k := bulkStage(t, func(o *Options) {
			if extend {
				o.WriteTimeout = 4 * step
			}
		})
		k.refuse = func(string) error { time.Sleep(step); return nil }
		server := httptest.NewUnstartedServer(s)
		server.Config.ReadTimeout, server.Config.WriteTimeout = 4*step, 4*step
		server.Start()
		ops := []string{}
		for i := range 10 {
			ops = append(ops, postUser(fmt.Sprint(i), fmt.Sprintf("user%d", i), ""))
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/scim/v2/Bulk", strings.NewReader(bulkBody("", ops...)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer good")
		resp, err := server.Client().Do(req)
		if (err == nil) != extend {
			t.Errorf("with its deadlines moved (%t): %v", extend, err)
		}
		if err == nil {
			if resp.StatusCode != 200 || len(k.calls) != 10 {
				t.Errorf("%d, %d calls", resp.StatusCode, len(k.calls))
			}
			resp.Body.Close()
		}
		server.Close()
	}
}
