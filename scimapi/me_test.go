package scimapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// meStage serves /Me for a subject over users of these names; "" is a credential that speaks for nobody.
func meStage(t *testing.T, subject string, names ...string) *stage {
	t.Helper()
	s, m := memoryStage(t, 0, 0, func(o *Options) {
		o.Me = filter.Path{Attr: "userName"}
		o.Authenticate = func(*http.Request) (scim.Caller, error) {
			return scim.Caller{Tenant: "default", Client: "tester", Subject: subject}, nil
		}
	})
	for _, name := range names {
		m.hold(t, "User", `{"id":"id of `+strings.ReplaceAll(name, `"`, `\"`)+`","userName":"`+strings.ReplaceAll(name, `"`, `\"`)+`"}`)
	}
	return s
}

func TestMeIsTheUserWhomTheCredentialSpeaksFor(t *testing.T) {
	s := meStage(t, "Bjensen", "anna", "bjensen")
	var did []string
	note := func(verb string) func(scim.Request, string) (*scim.Result, error) {
		return func(r scim.Request, id string) (*scim.Result, error) {
			did = append(did, verb+" "+r.Type.Name+" "+id+" "+strings.Join(r.IfMatch, "|"))
			res := someUser(id)
			res.Location = r.Base + r.Type.Endpoint + "/id%20of%20bjensen"
			return res, nil
		}
	}
	s.service.get = note("get")
	s.service.replace = func(r scim.Request, id string, _ *scim.Object) (*scim.Result, error) { return note("put")(r, id) }
	s.service.patch = func(r scim.Request, id string, _ scim.Patch) (*scim.Result, error) { return note("patch")(r, id) }
	s.service.remove = func(r scim.Request, id string) error { _, err := note("delete")(r, id); return err }
	const url = "http://example.com/scim/v2/Users/id%20of%20bjensen"
	for _, c := range []struct {
		method, body string
		status       int
		did          string
	}{
		{"GET", "", 200, "get User id of bjensen "},
		{"HEAD", "", 200, "get User id of bjensen "},
		{"PUT", `{"userName":"bjensen"}`, 200, `put User id of bjensen W/"1"`},
		{"PATCH", `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`, 200, `patch User id of bjensen W/"1"`},
		{"DELETE", "", 204, `delete User id of bjensen W/"1"`},
	} {
		did = nil
		var headers []string
		if c.method != "GET" && c.method != "HEAD" {
			headers = []string{"If-Match", `W/"1"`}
		}
		w := s.do(c.method, "/scim/v2/Me?attributes=userName", c.body, headers...)
		if w.Code != c.status || len(did) != 1 || did[0] != c.did {
			t.Errorf("%s: %d, did %q: %s", c.method, w.Code, did, w.Body)
		}
		if w.Header().Get("Content-Location") != url || c.status == 200 && (w.Header().Get("Location") != url || w.Header().Get("ETag") != `W/"1"`) {
			t.Errorf("%s: %v", c.method, w.Header())
		}
	}
	if w := s.do("GET", "/scim/v2/Me", "", "If-None-Match", `W/"1"`); w.Code != 304 {
		t.Errorf("If-None-Match: %d", w.Code)
	}
	if w := s.do("GET", "/scim/v2/Me", "", "If-Match", `W/"2"`); w.Code != 412 || w.Header().Get("Content-Location") != "" {
		t.Errorf("If-Match: %d %v", w.Code, w.Header())
	}
	if w := s.do("POST", "/scim/v2/Me", `{"userName":"x"}`); w.Code != 501 || !strings.Contains(w.Body.String(), "/Users") {
		t.Errorf("POST: %d %s", w.Code, w.Body)
	}
	if w := s.do("BREW", "/scim/v2/Me", ""); w.Code != 405 || w.Header().Get("Allow") != "DELETE, GET, HEAD, PATCH, POST, PUT" {
		t.Errorf("BREW: %d %v", w.Code, w.Header())
	}
}

func TestMeActsOnNobodyItIsNotSureOf(t *testing.T) {
	body := `{"userName":"x"}`
	for claim, c := range map[string]struct {
		stage  *stage
		status int
		word   string
	}{
		"it is not configured":                   {newStage(t), 501, "scim.me"},
		"the credential speaks for nobody":       {meStage(t, "", "anna"), 404, "clients.<name>.subject"},
		"nobody has the subject":                 {meStage(t, "carl", "anna"), 404, "userName"},
		"two have it":                            {meStage(t, "anna", "anna", "Anna"), 409, "More than one"},
		"a subject is a value, and no filter":    {meStage(t, `x" or userName pr or userName eq "x`, "anna"), 404, "userName"},
		"nor is a star in it a pattern of names": {meStage(t, "*", "anna"), 404, "userName"},
	} {
		t.Run(claim, func(t *testing.T) { // the fake panics on any operation but a search
			for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
				w := c.stage.do(method, "/scim/v2/Me", body)
				if w.Code != c.status || !strings.Contains(w.Body.String(), c.word) || part(bodyOf(t, w), "schemas") == nil {
					t.Errorf("%s: %d %s", method, w.Code, w.Body)
				}
			}
		})
	}
	quoted := meStage(t, `a"b\c`, `a"b\\c`)
	quoted.service.get = func(_ scim.Request, id string) (*scim.Result, error) { return someUser(id), nil }
	if w := quoted.do("GET", "/scim/v2/Me", ""); w.Code != 200 {
		t.Errorf("a subject with a quote: %d %s", w.Code, w.Body)
	}
}

// A page may have room for one only, whatever is asked for.
func TestMeIsNobodyWhereTwoHaveTheSubjectAndAPageHasRoomForOne(t *testing.T) {
	s := meStage(t, "anna", "anna", "Anna")
	list := s.service.list
	s.service.list = func(r scim.Request, q scim.ListQuery) (*scim.List, error) {
		q.Count = 1 // as with scim.max_count: 1
		return list(r, q)
	}
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} { // the fake panics on any operation but a search
		if w := s.do(method, "/scim/v2/Me", `{"userName":"x"}`); w.Code != 409 || !strings.Contains(w.Body.String(), "More than one") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}
