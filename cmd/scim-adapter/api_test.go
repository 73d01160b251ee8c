package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestDiscoveryTellsTheTruth(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		config := h.do("GET", "/ServiceProviderConfig", nil).want(t, 200)
		for path, want := range map[string]string{
			"patch.supported": "true", "bulk.supported": "true", "bulk.maxOperations": "1000", "bulk.maxPayloadSize": "1e+06",
			"filter.supported": "true", "filter.maxResults": "1000", "etag.supported": "true", "sort.supported": "true",
			"changePassword.supported": fmt.Sprint(h.passwords()), "meta.resourceType": "ServiceProviderConfig", "pagination.cursor": "true", "pagination.index": "true",
			"pagination.defaultPaginationMethod": "index", "pagination.defaultPageSize": "100", "pagination.maxPageSize": "1000", "pagination.cursorTimeout": "3600",
		} {
			if got := config.text(path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		types, total := h.list("/ResourceTypes", "")
		if total != 2 || len(types) != 2 {
			t.Errorf("resource types: %v", types)
		}
		for _, rt := range types {
			h.do("GET", "/ResourceTypes/"+rt["id"].(string), nil).want(t, 200)
			h.do("GET", "/Schemas/"+rt["schema"].(string), nil).want(t, 200)
		}
		user := h.do("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", nil).want(t, 200)
		if !strings.Contains(user.raw, `"userName"`) || strings.Contains(user.raw, `"x509Certificates"`) != (h.tables != nil && h.tables.kind.everything) {
			t.Errorf("the schema shows what is not mapped, or hides what is: %s", user.raw)
		}
		h.do("GET", "/Schemas/urn:nothing", nil).wantError(t, 404, "")
		h.do("GET", "/Schemas?filter="+url.QueryEscape(`id pr`), nil).wantError(t, 403, "")
		h.do("GET", "/ResourceTypes?Filter="+url.QueryEscape(`id pr`), nil).wantError(t, 403, "")
	})
}

// TestEveryRefusalIsASCIMError runs on the embedded directory only: no directory is asked.
func TestEveryRefusalIsASCIMError(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	user := h.user("somebody")
	large := `{"userName":"` + strings.Repeat("x", 1_100_000) + `"}`
	cases := []struct {
		claim, method, path string
		body                any
		headers             []string
		status              int
		scimType            string
	}{
		{"no token", "GET", "/Users", nil, []string{"Authorization", ""}, 401, ""},
		{"a wrong token", "GET", "/Users", nil, []string{"Authorization", "Bearer wrong"}, 401, ""},
		{"another scheme", "GET", "/Users", nil, []string{"Authorization", "Basic YTpi"}, 401, ""},
		{"an unknown URL", "GET", "/Nothing", nil, nil, 404, ""},
		{"an unknown URL without a token", "GET", "/Nothing", nil, []string{"Authorization", ""}, 401, ""},
		{"a method that is not there", "PUT", "/Users", `{}`, nil, 405, ""},
		{"a method nobody knows", "BREW", "/Users", nil, nil, 405, ""},
		{"bulk without operations", "POST", "/Bulk", `{}`, nil, 400, "invalidSyntax"},
		{"/Me, which is not configured", "POST", "/Me", `{}`, nil, 501, ""},
		{"another message than a search", "POST", "/.search", patch(op("remove", "title", nil)), nil, 400, "invalidSyntax"},
		{"a search whose count is a list", "POST", "/Users/.search", `{"count":[]}`, nil, 400, "invalidValue"},
		{"a cursor that is none of ours", "GET", "/Users?cursor=abc", nil, nil, 400, "invalidCursor"},
		{"a count that is no number of a page by cursor", "GET", "/Users?cursor&count=many", nil, nil, 400, "invalidCount"},
		{"a page by both methods", "GET", "/Users?cursor&startIndex=1", nil, nil, 400, "invalidValue"},
		{"an order by an unknown attribute", "GET", "/Users?sortBy=shoeSize", nil, nil, 400, "invalidPath"},
		{"a filter that no type answers", "GET", "?filter=" + url.QueryEscape(`shoeSize eq "44"`), nil, nil, 400, "invalidFilter"},
		{"a version that cannot be read", "DELETE", "/Users/" + user.id(), nil, []string{"If-Match", `W/"x`}, 400, "invalidSyntax"},
		{"another version", "DELETE", "/Users/" + user.id(), nil, []string{"If-Match", `W/"x"`}, 412, ""},
		{"text instead of JSON", "POST", "/Users", `hello`, nil, 400, "invalidSyntax"},
		{"an array", "POST", "/Users", `[]`, nil, 400, "invalidSyntax"},
		{"nothing", "POST", "/Users", ``, nil, 400, "invalidSyntax"},
		{"half a body", "POST", "/Users", `{"userName":"x`, nil, 400, "invalidSyntax"},
		{"a name twice", "POST", "/Users", `{"userName":"x","userName":"y"}`, nil, 400, "invalidSyntax"},
		{"deep nesting", "POST", "/Users", strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000), nil, 400, "invalidSyntax"},
		{"XML", "POST", "/Users", `<a/>`, []string{"Content-Type", "application/xml"}, 415, ""},
		{"a body too large", "POST", "/Users", large, nil, 413, ""},
		{"no userName", "POST", "/Users", `{"name":{"familyName":"x"}}`, nil, 400, "invalidValue"},
		{"an empty userName", "POST", "/Users", `{"userName":""}`, nil, 400, "invalidValue"},
		{"a number for text", "POST", "/Users", `{"userName":5}`, nil, 400, "invalidValue"},
		{"text for a boolean", "POST", "/Users", `{"userName":"x","active":"maybe"}`, nil, 400, "invalidValue"},
		{"a filter with bad syntax", "GET", "/Users?filter=" + url.QueryEscape(`userName eq`), nil, nil, 400, "invalidFilter"},
		{"a filter on an unknown attribute", "GET", "/Users?filter=" + url.QueryEscape(`shoeSize eq "44"`), nil, nil, 400, "invalidFilter"},
		{"a filter on the password", "GET", "/Users?filter=" + url.QueryEscape(`password eq "x"`), nil, nil, 400, "invalidFilter"},
		{"an order of booleans", "GET", "/Users?filter=" + url.QueryEscape(`active gt true`), nil, nil, 400, "invalidFilter"},
		{"a count that is no number", "GET", "/Users?count=many", nil, nil, 400, "invalidValue"},
		{"both projections", "GET", "/Users?attributes=userName&excludedAttributes=title", nil, nil, 400, "invalidValue"},
		{"a PATCH without operations", "PATCH", "/Users/" + user.id(), `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, nil, 400, "invalidSyntax"},
		{"a PATCH of the id", "PATCH", "/Users/" + user.id(), patch(op("replace", "id", "x")), nil, 400, "mutability"},
		{"a PATCH of an unknown path", "PATCH", "/Users/" + user.id(), patch(op("replace", "shoeSize", "44")), nil, 400, "invalidPath"},
		{"a PATCH removing a required attribute", "PATCH", "/Users/" + user.id(), patch(op("remove", "userName", nil)), nil, 400, ""},
		{"a PATCH remove without path", "PATCH", "/Users/" + user.id(), patch(op("remove", "", nil)), nil, 400, "noTarget"},
	}
	for _, c := range cases {
		t.Run(c.claim, func(t *testing.T) {
			h := scimClient{t: t, base: h.scimClient.base, token: h.token}
			a := h.do(c.method, c.path, c.body, c.headers...).want(t, c.status)
			if c.scimType != "" {
				a.wantError(t, c.status, c.scimType)
			}
			if a.text("status") != fmt.Sprint(c.status) || a.text("schemas.0") != "urn:ietf:params:scim:api:messages:2.0:Error" || a.text("detail") == "" {
				t.Errorf("not a SCIM error: %s", a.raw)
			}
			if !strings.HasPrefix(a.header.Get("Content-Type"), "application/scim+json") {
				t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
			}
			if c.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
			}
			if c.status == 405 && !strings.Contains(a.header.Get("Allow"), "GET") {
				t.Errorf("Allow %q", a.header.Get("Allow"))
			}
		})
	}
	if got := h.do("GET", "/Users/"+user.id(), nil).raw; got != user.raw {
		t.Errorf("a refused request changed the user: %s", got)
	}
}

func TestHTTPDetails(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	user := h.user("somebody")
	t.Run("HEAD answers as GET without a body", func(t *testing.T) {
		get := h.do("GET", "/Users/"+user.id(), nil).want(t, 200)
		head := h.do("HEAD", "/Users/"+user.id(), nil).want(t, 200)
		if head.raw != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") || head.header.Get("ETag") != get.header.Get("ETag") {
			t.Errorf("%v", head.header)
		}
	})
	t.Run("a trailing slash and unknown parameters make no difference", func(t *testing.T) {
		h.do("GET", "/Users/?aadOptscim062020&", nil).want(t, 200)
		h.do("GET", "/Users?", nil).want(t, 200)
	})
	t.Run("only application/json is answered so", func(t *testing.T) {
		a := h.do("GET", "/Users", nil, "Accept", "application/json")
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("%q", got)
		}
	})
	t.Run("plain JSON is taken, with a charset", func(t *testing.T) {
		h.do("POST", "/Users", `{"userName":"charset"}`, "Content-Type", "application/json; charset=UTF-8").want(t, 201)
	})
	t.Run("a blank may be written as plus", func(t *testing.T) {
		a := h.do("GET", `/Users?filter=userName+eq+%22somebody%22`, nil).want(t, 200)
		if a.text("totalResults") != "1" {
			t.Errorf("%s", a.raw)
		}
	})
	t.Run("half a request is dropped without harm", func(t *testing.T) {
		u, err := url.Parse(h.scimClient.base)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.DialTimeout("tcp", u.Host, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{\"userName\":\"half", h.token)
		conn.Close()
		if _, total := h.list("/Users", `userName eq "half"`); total != 0 {
			t.Error("half a request made a user")
		}
	})
	t.Run("health needs no token", func(t *testing.T) {
		root := strings.TrimSuffix(h.scimClient.base, "/scim/v2")
		for _, path := range []string{"/health", "/ready"} {
			resp, err := http.Get(root + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	})
}
