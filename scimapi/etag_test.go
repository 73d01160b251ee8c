package scimapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

func TestEntityTagsAreReadAsClientsWriteThem(t *testing.T) {
	for header, want := range map[string]string{ // "" cannot be read
		`W/"abc"`:            `W/"abc"`,
		`"abc"`:              `"abc"`,
		`W/abc`:              `W/"abc"`,
		`w/"abc"`:            `W/"abc"`,
		`abc`:                `"abc"`,
		`W/"a", "b" ,W/c, d`: `W/"a" "b" W/"c" "d"`,
		`"a,b", "c"`:         `"a,b" "c"`,
		`,, "a",`:            `"a"`,
		`*`:                  `*`,
		`"*"`:                `"*"`,
		`W/*`:                `W/"*"`,
		`""`:                 `""`,
		`"abc`:               "",
		`abc"`:               "",
		`W/`:                 "",
		`"a" "b"`:            "",
		`a b`:                "",
		`W/\"abc\"`:          "",
		`"a"x, "b"`:          "",
		`"good", "bad`:       "",
	} {
		tags, ok := entityTags([]string{header})
		if got := strings.Join(tags, " "); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v; want %q", header, got, ok, want)
		}
	}
	if tags, ok := entityTags([]string{`"a"`, `W/"b"`}); !ok || !slices.Equal(tags, []string{`"a"`, `W/"b"`}) {
		t.Errorf("two headers: %q", tags)
	}
}

func TestIfMatchReachesTheServiceOrIsRefused(t *testing.T) {
	s := newStage(t)
	var tags []string
	called := false
	s.service.replace = func(r scim.Request, id string, _ *scim.Object) (*scim.Result, error) {
		tags, called = r.IfMatch, true
		return someUser(id), nil
	}
	s.service.patch = func(r scim.Request, id string, _ scim.Patch) (*scim.Result, error) {
		tags, called = r.IfMatch, true
		return someUser(id), nil
	}
	s.service.remove = func(r scim.Request, _ string) error { tags, called = r.IfMatch, true; return nil }
	bodies := map[string]string{"PUT": `{"userName":"x"}`, "PATCH": `{"Operations":[{"op":"remove","path":"title"}]}`, "DELETE": ""}
	for method, body := range bodies {
		for header, want := range map[string][]string{`W/"1"`: {`W/"1"`}, `"1", W/2`: {`"1"`, `W/"2"`}, `*`: {"*"}} {
			if w := s.do(method, "/scim/v2/Users/1", body, "If-Match", header); w.Code >= 300 || !slices.Equal(tags, want) {
				t.Errorf("%s with %s: %d, %q", method, header, w.Code, tags)
			}
		}
		for _, header := range []string{`"1`, `*, "1"`, ` `, `,`, `W/`} {
			called = false
			if w := s.do(method, "/scim/v2/Users/1", body, "If-Match", header); w.Code != 400 || called || !strings.Contains(w.Body.String(), "If-Match") {
				t.Errorf("%s with %q: %d, called %v: %s", method, header, w.Code, called, w.Body)
			}
		}
	}
}

func TestConditionsOfReading(t *testing.T) {
	s := newStage(t)
	s.service.get = func(_ scim.Request, id string) (*scim.Result, error) { return someUser(id), nil }
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"If-Match", `W/"1"`, 200},
		{"If-Match", `*`, 200},
		{"If-Match", `W/"2"`, 412},
		{"If-None-Match", `W/"1"`, 304},
		{"If-None-Match", `W/1`, 304},
		{"If-None-Match", `"1`, 200}, // cannot be read, so the resource is sent
		{"If-None-Match", ` `, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := s.do(method, "/scim/v2/Users/1", "", c.header, c.value)
			if w.Code != c.status || c.status != 412 && w.Header().Get("ETag") != `W/"1"` {
				t.Errorf("%s with %s: %s: %d %v", method, c.header, c.value, w.Code, w.Header())
			}
		}
	}
}

func TestIfNoneMatchOnAWriteReachesTheServiceOrIsRefused(t *testing.T) {
	s := newStage(t)
	var req *scim.Request
	s.service.replace = func(r scim.Request, id string, _ *scim.Object) (*scim.Result, error) {
		req = &r
		return someUser(id), nil
	}
	s.service.patch = func(r scim.Request, id string, _ scim.Patch) (*scim.Result, error) {
		req = &r
		return someUser(id), nil
	}
	s.service.remove = func(r scim.Request, _ string) error { req = &r; return nil }
	for method, body := range map[string]string{"PUT": `{"userName":"x"}`, "PATCH": `{"Operations":[{"op":"remove","path":"title"}]}`, "DELETE": ""} {
		for header, want := range map[string][]string{`*`: {"*"}, `W/"1", 2`: {`W/"1"`, `"2"`}, `"2`: nil, ` `: nil, `,`: nil, `*, "1"`: nil} {
			req = nil
			w := s.do(method, "/scim/v2/Users/1", body, "If-None-Match", header, "If-Match", "W/3")
			switch {
			case want == nil && (w.Code != 400 || req != nil || !strings.Contains(w.Body.String(), "If-None-Match")):
				t.Errorf("%s with %q: %d, reached %v: %s", method, header, w.Code, req, w.Body)
			case want != nil && (w.Code >= 300 || !slices.Equal(req.IfNoneMatch, want) || !slices.Equal(req.IfMatch, []string{`W/"3"`})):
				t.Errorf("%s with %q: %d, %+v: %s", method, header, w.Code, req, w.Body)
			}
		}
	}
}

// A search and a create have no one resource whose version a condition could be about.
func TestIfMatchIsReadOnlyWhereItMeansSomething(t *testing.T) {
	s, _ := memoryStage(t, 1, 1)
	s.service.create = func(r scim.Request, _ *scim.Object) (*scim.Result, error) {
		if r.IfMatch != nil {
			t.Errorf("a create depends on %q", r.IfMatch)
		}
		return someUser("1"), nil
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/Users", ""}, {"POST", "/Users/.search", "{}"}, {"GET", "", ""}, {"POST", "/.search", "{}"}, {"POST", "/Users", `{"userName":"x"}`},
	} {
		for _, header := range []string{`"1`, `,`, `"nobody's"`} {
			if w := s.do(c.method, "/scim/v2"+c.path, c.body, "If-Match", header); w.Code >= 300 {
				t.Errorf("%s %s with %s: %d %s", c.method, c.path, header, w.Code, w.Body)
			}
		}
	}
}

// RFC 9110 §15.4.5: a 304 has the Cache-Control that a 200 would have had. So has every other answer.
func TestNoAnswerIsStored(t *testing.T) {
	s, _ := memoryStage(t, 1, 1)
	s.service.get = func(_ scim.Request, id string) (*scim.Result, error) { return someUser(id), nil }
	s.service.remove = func(scim.Request, string) error { return nil }
	for _, c := range []struct {
		method, path string
		headers      []string
		status       int
	}{
		{"GET", "/scim/v2/Users/1", nil, 200},
		{"GET", "/scim/v2/Users/1", []string{"If-None-Match", `W/"1"`}, 304},
		{"HEAD", "/scim/v2/Users/1", []string{"If-None-Match", `W/"1"`}, 304},
		{"GET", "/scim/v2/Users", nil, 200},
		{"DELETE", "/scim/v2/Users/1", nil, 204},
		{"GET", "/scim/v2/Users/1", []string{"If-Match", `W/"2"`}, 412},
		{"GET", "/scim/v2/Users/1", []string{"Authorization", ""}, 401},
		{"GET", "/scim/v2/nowhere", nil, 404},
		{"BREW", "/scim/v2/Users", nil, 405},
		{"GET", "/scim/v2/ServiceProviderConfig", nil, 200},
		{"GET", "/health", nil, 200},
	} {
		w := s.do(c.method, c.path, "", c.headers...)
		if w.Code != c.status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d, Cache-Control %q", c.method, c.path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}

func TestIfNoneMatchOnACreate(t *testing.T) {
	taken := &scim.Error{Status: 409, Type: scim.NotUnique, Detail: "userName is taken.", Cause: errPlain}
	for _, c := range []struct {
		tag    string
		err    error
		status int
	}{
		{`*`, nil, 201},
		{`*`, taken, 412},
		{`W/"1"`, taken, 409},
		{``, taken, 409},
		{`*`, &scim.Error{Status: 409, Detail: "Another conflict."}, 409},
		{`*`, &scim.Error{Status: 400, Type: scim.InvalidValue, Detail: "No."}, 400},
		{`*`, errPlain, 500},
	} {
		s := newStage(t)
		s.service.create = func(scim.Request, *scim.Object) (*scim.Result, error) { return someUser("1"), c.err }
		w := s.do("POST", "/scim/v2/Users", `{"userName":"x"}`, "If-None-Match", c.tag)
		if w.Code != c.status || c.status == 412 && !strings.Contains(w.Body.String(), "userName is taken") || w.Code == 201 && w.Header().Get("ETag") == "" {
			t.Errorf("%q after %v: %d %s", c.tag, c.err, w.Code, w.Body)
		}
	}
}

// RFC 7644 §3.9: what is shown is the client's choice on every verb.
func TestEveryVerbShowsWhatIsAskedFor(t *testing.T) {
	s := newStage(t)
	var got scim.Projection
	result := func(r scim.Request) (*scim.Result, error) { got = r.Projection; return someUser("1"), nil }
	s.service.get = func(r scim.Request, _ string) (*scim.Result, error) { return result(r) }
	s.service.create = func(r scim.Request, _ *scim.Object) (*scim.Result, error) { return result(r) }
	s.service.replace = func(r scim.Request, _ string, _ *scim.Object) (*scim.Result, error) { return result(r) }
	s.service.patch = func(r scim.Request, _ string, _ scim.Patch) (*scim.Result, error) { return result(r) }
	s.service.list = func(r scim.Request, _ scim.ListQuery) (*scim.List, error) {
		got = r.Projection
		return &scim.List{}, nil
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/Users/1", ""},
		{"POST", "/Users", `{"userName":"x"}`},
		{"PUT", "/Users/1", `{"userName":"x"}`},
		{"PATCH", "/Users/1", `{"Operations":[{"op":"remove","path":"title"}]}`},
		{"GET", "/Users", ""},
		{"POST", "/Users/.search", `{}`},
	} {
		for query, want := range map[string]string{"attributes=title": "+title", "excludedAttributes=title,emails.type": "-title-emails.type", "attributes=nothing": "only"} {
			got = scim.Projection{}
			w := s.do(c.method, "/scim/v2"+c.path+"?"+query, c.body)
			shown := ""
			for _, ref := range got.Only {
				shown += "+" + ref.String()
			}
			for _, ref := range got.Without {
				shown += "-" + ref.String()
			}
			if shown == "" && got.Explicit() {
				shown = "only" // id alone is then left
			}
			if w.Code >= 300 || shown != want {
				t.Errorf("%s %s?%s: %d, shows %s: %s", c.method, c.path, query, w.Code, shown, w.Body)
			}
		}
		if w := s.do(c.method, "/scim/v2"+c.path+"?attributes=title&excludedAttributes=title", c.body); w.Code != 400 {
			t.Errorf("%s %s with both: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}
