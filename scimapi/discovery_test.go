package scimapi

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
)

func bodyOf(t *testing.T, w *httptest.ResponseRecorder) *scim.Object {
	t.Helper()
	o, err := scim.ParseObject(w.Body.Bytes())
	if err != nil {
		t.Fatalf("%d: %v", w.Code, err)
	}
	return o
}

// part is the value at a path of names with dots.
func part(o *scim.Object, path string) any {
	var v any = o
	for name := range strings.SplitSeq(path, ".") {
		o, _ := v.(*scim.Object)
		v, _ = o.Get(name)
	}
	return v
}

func TestWhatIsServedIsWhatTheOptionsSay(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Bulk, o.DefaultCount, o.MaxCount, o.CursorTTL = Bulk{MaxOperations: 7, MaxPayload: 4096}, 50, 200, 90*time.Second
	})
	o := bodyOf(t, s.do("GET", "/scim/v2/ServiceProviderConfig", ""))
	for path, want := range map[string]any{
		"patch.supported": true, "bulk.supported": true, "bulk.maxOperations": int64(7), "bulk.maxPayloadSize": int64(4096),
		"filter.supported": true, "filter.maxResults": int64(200), "sort.supported": true, "etag.supported": true, "changePassword.supported": false,
		"pagination.cursor": true, "pagination.index": true, "pagination.defaultPaginationMethod": "index",
		"pagination.defaultPageSize": int64(50), "pagination.maxPageSize": int64(200), "pagination.cursorTimeout": int64(90),
	} {
		if got := part(o, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	known := scim.ServiceProviderConfigSchema()
	for name, v := range o.All() {
		a := known.Attribute(name)
		if a == nil && name != "schemas" && name != "meta" {
			t.Errorf("%s is not in the schema", name)
		}
		if parts, ok := v.(*scim.Object); ok && a != nil {
			for sub := range parts.All() {
				if a.Sub(sub) == nil {
					t.Errorf("%s.%s is not in the schema", name, sub)
				}
			}
		}
	}
	off := bodyOf(t, newStage(t).do("GET", "/scim/v2/ServiceProviderConfig", ""))
	if part(off, "bulk.supported") != false || part(off, "bulk.maxOperations") != int64(0) {
		t.Errorf("without bulk: %s", off)
	}
}

// RFC 7644 §4: what a search may say is ignored here, all but a filter.
func TestDiscoveryIgnoresWhatASearchMaySay(t *testing.T) {
	s := newStage(t)
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/" + scim.UserSchema().ID} {
		whole := s.do("GET", "/scim/v2"+path, "").Body.String()
		for _, query := range []string{"attributes=id", "excludedAttributes=id&attributes=name", "startIndex=2&count=1", "count=many", "cursor=x", "sortBy=nothing&sortOrder=up", "count=1&count=2"} {
			if w := s.do("GET", "/scim/v2"+path+"?"+query, ""); w.Code != 200 || w.Body.String() != whole {
				t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
		if w := s.do("GET", "/scim/v2"+path+"?filter=id+pr", ""); w.Code != 403 {
			t.Errorf("%s with a filter: %d", path, w.Code)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if w := s.do(method, "/scim/v2"+path, "{}"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
		if w := s.do("HEAD", "/scim/v2"+path, ""); w.Code != 200 || w.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
}

// RFC 7643 §5: how to authenticate can be learned before; nothing else can.
func TestOnlyTheServiceProviderConfigIsForEverybody(t *testing.T) {
	s := newStage(t)
	whole := s.do("GET", "/scim/v2/ServiceProviderConfig", "").Body.String()
	if w := s.do("GET", "/scim/v2/ServiceProviderConfig", "", "Authorization", ""); w.Code != 200 || w.Body.String() != whole {
		t.Errorf("without a token: %d %s", w.Code, w.Body)
	}
	if w := s.do("GET", "/scim/v2/ServiceProviderConfig", "", "Authorization", "Bearer bad"); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("with a bad token: %d", w.Code)
	}
	for _, path := range []string{"", "/Users", "/Users/1", "/Groups", "/Me", "/.search", "/Users/.search", "/Bulk", "/Schemas", "/ResourceTypes", "/ResourceTypes/User", "/nothing"} {
		for _, method := range []string{"GET", "POST"} {
			if w := s.do(method, "/scim/v2"+path, "{}", "Authorization", ""); w.Code != 401 {
				t.Errorf("%s %s without a token: %d", method, path, w.Code)
			}
		}
	}
}

func TestACredentialIsNamedOnlyWhereOneIsNeeded(t *testing.T) {
	for anonymous, want := range map[bool]string{
		true:  `"authenticationSchemes":[]`,
		false: `"authenticationSchemes":[{"type":"oauthbearertoken"`,
	} {
		s := newStage(t, func(o *Options) { o.Anonymous = anonymous })
		if w := s.do("GET", "/scim/v2/ServiceProviderConfig", ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("anonymous %v: %d %s", anonymous, w.Code, w.Body)
		}
	}
}
