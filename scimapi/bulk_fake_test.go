package scimapi

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

// store keeps resources for the tests of bulk requests and writes down what was asked of it, in order.
type store struct {
	resources map[string]*scim.Object // by id
	types     map[string]*scim.ResourceType
	calls     []string
	refuse    func(call string) error // what to answer instead; nil: do it
	made      int
}

// bulkStage is a stage over a store. A bulk request may have ten operations and 4,000 bytes.
func bulkStage(t testing.TB, change ...func(*Options)) (*stage, *store) {
	t.Helper()
	s := newStage(t, append([]func(*Options){func(o *Options) { o.Bulk = Bulk{MaxOperations: 10, MaxPayload: 4000} }}, change...)...)
	return s, keep(s.service)
}

// keep makes a fake keep resources. Ids are named for the display or user name, so that tests can be read.
func keep(f *fake) *store {
	k := &store{resources: map[string]*scim.Object{}, types: map[string]*scim.ResourceType{}}
	f.create = func(r scim.Request, o *scim.Object) (*scim.Result, error) {
		name, _ := o.Get("displayName")
		if r.Type.Name == "User" {
			name, _ = o.Get("userName")
		}
		if err := k.called("POST %s %v", r.Type.Endpoint, name); err != nil {
			return nil, err
		}
		if err := r.Type.Validate(o, nil); err != nil {
			return nil, err
		}
		k.made++
		id := fmt.Sprintf("id-%v", name)
		if k.resources[id] != nil {
			return nil, scim.Errorf(409, scim.NotUnique, "The name %v is taken.", name)
		}
		k.resources[id], k.types[id] = o, r.Type
		return k.result(r, id), nil
	}
	f.replace = func(r scim.Request, id string, o *scim.Object) (*scim.Result, error) {
		if err := k.ask(r, "PUT", id); err != nil {
			return nil, err
		}
		k.resources[id] = o
		return k.result(r, id), nil
	}
	f.patch = func(r scim.Request, id string, p scim.Patch) (*scim.Result, error) {
		if err := k.ask(r, "PATCH", id); err != nil {
			return nil, err
		}
		after, _, err := p.Apply(r.Type, k.resources[id], nil)
		if err != nil {
			return nil, err
		}
		k.resources[id] = after
		return k.result(r, id), nil
	}
	f.remove = func(r scim.Request, id string) error {
		if err := k.ask(r, "DELETE", id); err != nil {
			return err
		}
		delete(k.resources, id)
		return nil
	}
	return k
}

func (k *store) called(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	k.calls = append(k.calls, call)
	if k.refuse == nil {
		return nil
	}
	return k.refuse(call)
}

func (k *store) ask(r scim.Request, method, id string) error {
	if err := k.called("%s %s/%s", method, r.Type.Endpoint, id); err != nil {
		return err
	}
	switch {
	case k.resources[id] == nil || k.types[id] != r.Type:
		return scim.Errorf(404, "", "No resource has the id %q.", id)
	case len(r.IfMatch) > 0 && !scim.MatchesVersion(r.IfMatch, `W/"1"`):
		return scim.Errorf(412, "", "It has changed.")
	}
	return nil
}

func (k *store) result(r scim.Request, id string) *scim.Result {
	o := scim.NewObject()
	o.Set("id", id)
	return &scim.Result{Resource: o, ID: id, Version: `W/"1"`, Location: r.Base + r.Type.Endpoint + "/" + id}
}

// bulkAnswer is what is to be seen in an answer.
type bulkAnswer struct {
	Schemas    []string
	Operations []struct {
		Method, BulkID, Version, Location, Status string
		Response                                  *struct{ Status, SCIMType, Detail string }
	}
}

// short is the answer in a line: each operation's method, bulkId and status.
func (a bulkAnswer) short() string {
	var all []string
	for _, op := range a.Operations {
		all = append(all, strings.Join(strings.Fields(op.Method+" "+op.BulkID+" "+op.Status), " "))
	}
	return strings.Join(all, ", ")
}

// detail is the sentence of an operation's error.
func (a bulkAnswer) detail(i int) string {
	if i >= len(a.Operations) || a.Operations[i].Response == nil {
		return ""
	}
	return a.Operations[i].Response.Detail
}

// bulk sends operations, written as JSON, with what else the envelope has, and wants 200.
func (s *stage) bulk(t testing.TB, envelope string, operations ...string) bulkAnswer {
	t.Helper()
	w := s.do("POST", "/scim/v2/Bulk", bulkBody(envelope, operations...))
	return readBulkAnswer(t, w)
}

func bulkBody(envelope string, operations ...string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],` + envelope + `"Operations":[` + strings.Join(operations, ",") + `]}`
}

func readBulkAnswer(t testing.TB, w *httptest.ResponseRecorder) bulkAnswer {
	t.Helper()
	var a bulkAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
	}
	if len(a.Schemas) != 1 || a.Schemas[0] != scim.BulkResponseURN || a.Operations == nil {
		t.Errorf("the envelope is wrong: %s", w.Body)
	}
	for i, op := range a.Operations {
		failed := op.Status >= "300"
		if len(op.Status) != 3 || failed != (op.Response != nil) || failed && (op.Response.Status != op.Status || len(op.Response.Detail) < 10) {
			t.Errorf("operation %d is answered wrongly: %s", i+1, w.Body)
		}
		if !failed && op.Location == "" {
			t.Errorf("operation %d has no location: %s", i+1, w.Body)
		}
	}
	return a
}

func postUser(bulkID, userName, more string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":%q,"data":{"userName":%q%s}}`, bulkID, userName, more)
}

// postGroup makes a group of members, which are ids or references.
func postGroup(bulkID, name string, members ...string) string {
	values := []string{}
	for _, m := range members {
		values = append(values, fmt.Sprintf(`{"value":%q}`, m))
	}
	return fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":%q,"data":{"displayName":%q,"members":[%s]}}`, bulkID, name, strings.Join(values, ","))
}

// members lists the values of a stored group's members.
func (k *store) members(id string) string {
	var all []string
	list, _ := k.resources[id].Get("members")
	values, _ := list.([]any)
	for _, v := range values {
		value, _ := v.(*scim.Object).Get("value")
		all = append(all, fmt.Sprint(value))
	}
	return strings.Join(all, " ")
}
