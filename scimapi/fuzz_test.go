package scimapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// FuzzFace sends anything to the HTTP face over a service that does what it is asked: the road from bytes to the service and back. The answer to whatever comes is
// never 500; it is a SCIM error with its status as a text on 4xx and 5xx, and JSON or nothing otherwise (RFC 7644 §3.12). cmd's
// FuzzRequest goes further, into a directory, and is a hundred times slower.
func FuzzFace(f *testing.F) {
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	for _, s := range [][4]string{
		{"GET", "/Users?filter=userName+eq+%22a%22&attributes=userName,emails.value&sortBy=name.familyName&sortOrder=ascending", "", ""},
		{"GET", "/Users?startIndex=-1&count=99999999999999999999&cursor=x&excludedAttributes=" + core + ":name", "Accept: application/json;q=0.1", ""},
		{"GET", "/Users/a%2Fb%00/", "If-None-Match: \"x\", W/\"1\", *", ""},
		{"OPTIONS", "/Groups/../Users", "X-Request-Id: \x7f", ""},
		{"GET", "/Schemas/" + core, "Forwarded: for=\"[::1]\";host=a;proto=https, for=_x", ""},
		{"POST", "/Users", "Content-Type: application/scim+json", `{"schemas":["` + core + `"],"userName":"a"}`},
		{"PUT", "/Users/1", "If-Match: W/\"1\"", `{"userName":"b","name":null}`},
		{"PATCH", "/Users/1", "", `{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]}`},
		{"DELETE", "/Groups/1?", "If-Match: *", ""},
		{"POST", "/Users/.search", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["userName"],"filter":"id pr","startIndex":1,"count":1,"sortBy":"userName","sortOrder":"descending"}`},
		{"POST", "/.search", "", `{"filter":"meta.resourceType eq \"User\"","cursor":"","excludedAttributes":["name"]}`},
		{"POST", "/Bulk", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":2,"Operations":[{"method":"POST","path":"/Users","bulkId":"q","data":{"userName":"a"}},{"method":"patch","path":"/Groups/1","version":"W/\"1\"","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:q"}]}]}},{"method":"DELETE","path":"/Users/bulkId:q"},{"method":"PUT","path":"/Users/2","data":{"userName":"c"}}]}`},
		{"POST", "/Bulk", "", `{"Operations":[{"method":"POST","path":"/Groups","bulkId":"a","data":{"displayName":"x","members":[{"value":"bulkId:a"}]}},{"method":"POST","path":"/Groups","bulkId":"a"}]}`},
		{"GET", "/Me?attributes=id", "", ""},
		{"POST", "/Users", "Transfer-Encoding: chunked", "5\r\n{\"use\r\n0\r\n\r\n"},
	} {
		f.Add(s[0], s[1], s[2], []byte(s[3]))
	}
	me, err := filter.ParsePath("userName")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target, header string, body []byte) {
		head := method + " /scim/v2" + target + " HTTP/1.1\r\nHost: scim.example.org\r\nAuthorization: Bearer good\r\n"
		if !strings.Contains(strings.ToLower(header), "transfer-encoding") {
			head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		if header != "" {
			head += header + "\r\n"
		}
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head+"\r\n"), bytes.NewReader(body))))
		if err != nil {
			return // net/http refuses it before it comes to us
		}
		s := newStage(t, func(o *Options) {
			o.MaxRequestSize, o.Bulk, o.Me = 10_000, Bulk{MaxOperations: 10, MaxPayload: 10_000}, me
		})
		s.service.obey()
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		checkAnswer(t, method, w, s.log.String())
	})
}

// obey makes the service do what it is asked as far as it goes without a directory: a resource is there unless its id says "missing".
func (f *fake) obey() {
	there := func(id string) (*scim.Result, error) {
		if strings.Contains(id, "missing") {
			return nil, &scim.Error{Status: http.StatusNotFound, Detail: "No resource has this id."}
		}
		return someUser(id), nil
	}
	checked := func(r scim.Request, id string, after, before *scim.Object) (*scim.Result, error) {
		if err := r.Type.Validate(after, before); err != nil {
			return nil, err
		}
		return &scim.Result{Resource: r.Type.Project(after, r.Projection), ID: id, Version: `W/"1"`, Location: r.Base + r.Type.Endpoint + "/" + id, Dropped: r.Dropped}, nil
	}
	f.list = func(r scim.Request, q scim.ListQuery) (*scim.List, error) {
		user := someUser("1").Resource
		if q.Filter != nil && !scim.Match(q.Filter, r.Type, user) {
			return &scim.List{StartIndex: 1}, nil
		}
		return &scim.List{TotalResults: 1, StartIndex: 1, Resources: []*scim.Object{r.Type.Project(user, r.Projection)}}, nil
	}
	f.get = func(_ scim.Request, id string) (*scim.Result, error) { return there(id) }
	f.create = func(r scim.Request, o *scim.Object) (*scim.Result, error) { return checked(r, "2", o, nil) }
	f.replace = func(r scim.Request, id string, o *scim.Object) (*scim.Result, error) {
		was, err := there(id)
		if err != nil {
			return nil, err
		}
		return checked(r, id, r.Type.Replaced(was.Resource, o), was.Resource)
	}
	f.patch = func(r scim.Request, id string, p scim.Patch) (*scim.Result, error) {
		was, err := there(id)
		if err != nil {
			return nil, err
		}
		after, _, err := p.Apply(r.Type, was.Resource, nil)
		if err != nil {
			return nil, err
		}
		return checked(r, id, after, was.Resource)
	}
	f.remove = func(_ scim.Request, id string) error {
		_, err := there(id)
		return err
	}
}

// checkAnswer holds an answer to what every answer must be.
func checkAnswer(t *testing.T, method string, w *httptest.ResponseRecorder, log string) {
	t.Helper()
	raw, kind := w.Body.Bytes(), w.Header().Get("Content-Type")
	switch {
	case w.Code == 500 || w.Code < 200 || w.Code > 599 || strings.Contains(log, "panic:"):
		t.Fatalf("%d: %s\n%s", w.Code, raw, log)
	case method == http.MethodHead:
		return // net/http leaves the body out
	case w.Code == http.StatusNoContent || w.Code == http.StatusNotModified:
		if len(raw) > 0 {
			t.Fatalf("%d with a body: %s", w.Code, raw)
		}
		return
	}
	var answer struct {
		Schemas        []string
		Status, Detail string
		Operations     []struct{ Status string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil || !strings.HasPrefix(kind, "application/scim+json") && !strings.HasPrefix(kind, "application/json") {
		t.Fatalf("%d is no answer of type %q: %v: %s", w.Code, kind, err, raw)
	}
	if w.Code >= 400 && (len(answer.Schemas) != 1 || answer.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error" ||
		answer.Status != fmt.Sprint(w.Code) || len(answer.Detail) < 10 || len(raw) > 4096) {
		t.Fatalf("%d is no SCIM error: %s", w.Code, raw)
	}
	for i, op := range answer.Operations {
		if len(op.Status) != 3 {
			t.Fatalf("operation %d has the status %q: %s", i, op.Status, raw)
		}
	}
}
