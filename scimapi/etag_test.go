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

func TestIfNoneMatchOnAWrite(t *testing.T) {
	var ifMatch []string
	s := newStage(t)
	s.service.get = func(_ scim.Request, id string) (*scim.Result, error) {
		if id == "nobody" {
			return nil, &scim.Error{Status: 404, Detail: "No resource has this id."}
		}
		return someUser(id), nil
	}
	s.service.remove = func(r scim.Request, _ string) error { ifMatch = r.IfMatch; return nil }
	for _, c := range []struct {
		id, tag string
		status  int
	}{{"1", `*`, 412}, {"1", `W/"1"`, 412}, {"1", `W/"2"`, 204}, {"1", `"2`, 400}, {"nobody", `*`, 404}} {
		ifMatch = nil
		w := s.do("DELETE", "/scim/v2/Users/"+c.id, "", "If-None-Match", c.tag)
		if w.Code != c.status || (c.status == 204) != slices.Equal(ifMatch, []string{`W/"1"`}) {
			t.Errorf("%s of %s: %d, If-Match %q: %s", c.tag, c.id, w.Code, ifMatch, w.Body)
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
