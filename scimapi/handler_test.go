package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scim-adapter/scim-adapter/scim"
)

func TestARequestReachesTheService(t *testing.T) {
	s := newStage(t)
	var got scim.Request
	var gotID string
	s.service.get = func(r scim.Request, id string) (*scim.Result, error) {
		got, gotID = r, id
		return someUser(id), nil
	}
	w := s.do("GET", "/scim/v2/Users/a%2Fb%20c?attributes=userName", "", "If-Match", `W/"1", "2"`, "X-Request-Id", "from-the-proxy")
	if w.Code != 200 || gotID != "a/b c" {
		t.Fatalf("%d, id %q: %s", w.Code, gotID, w.Body)
	}
	if got.Type.Name != "User" || got.Caller.Client != "tester" || got.Caller.RequestID != "from-the-proxy" || got.Base != "http://example.com/scim/v2" || len(got.IfMatch) != 2 || !got.Projection.Explicit() {
		t.Errorf("%+v", got)
	}
	if w.Header().Get("ETag") != `W/"1"` || w.Header().Get("Location") == "" || w.Header().Get("Content-Location") != w.Header().Get("Location") || w.Header().Get("X-Request-Id") != "from-the-proxy" {
		t.Errorf("%v", w.Header())
	}
}

func TestErrorsBecomeAnswersInOnePlace(t *testing.T) {
	cases := map[string]struct {
		err    error
		status int
		retry  string
		detail string
	}{
		"a SCIM error":             {&scim.Error{Status: 409, Type: "uniqueness", Detail: "taken"}, 409, "", "taken"},
		"a directory that is away": {&scim.Error{Status: 503, Detail: "away", RetryAfter: 7, Cause: errPlain}, 503, "7", "away"},
		"anything else":            {errPlain, 500, "", fixedSentence},
		"a context that was cut":   {http.ErrHandlerTimeout, 500, "", fixedSentence},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			s := newStage(t)
			s.service.get = func(scim.Request, string) (*scim.Result, error) { return nil, c.err }
			w := s.do("GET", "/scim/v2/Users/1", "")
			var body map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || body["detail"] != c.detail || w.Header().Get("Retry-After") != c.retry {
				t.Errorf("%d %v %v", w.Code, body, w.Header())
			}
			if strings.Contains(w.Body.String(), "10.0.0.1") {
				t.Error("the client reads the cause")
			}
			if c.status >= 500 && errors.Is(c.err, errPlain) && !strings.Contains(s.log.String(), "10.0.0.1") {
				t.Errorf("the log does not have the cause: %s", s.log)
			}
		})
	}
}

func TestAPanicIsA500AndIsCounted(t *testing.T) {
	s := newStage(t)
	s.service.get = func(scim.Request, string) (*scim.Result, error) { panic("oh no") }
	w := s.do("GET", "/scim/v2/Users/1", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "oh no") || !strings.Contains(s.log.String(), "oh no") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, s.log)
	}
	if n := testutil.ToFloat64(s.Metrics.requests.WithLabelValues("GET", "/scim/v2/Users/{id}", "500")); n != 1 {
		t.Errorf("counted %v", n)
	}
	if n := testutil.ToFloat64(s.Metrics.inFlight); n != 0 {
		t.Errorf("%v requests are still in flight", n)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	s := newStage(t)
	s.service.list = func(scim.Request, scim.ListQuery) (*scim.List, error) { return &scim.List{StartIndex: 1}, nil }
	cases := []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/scim/v2/Users", 200, ""},
		{"GET", "/scim/v2/Users/", 200, ""},
		{"HEAD", "/scim/v2/Users", 200, ""},
		{"PUT", "/scim/v2/Users", 405, "GET, HEAD, POST"},
		{"POST", "/scim/v2/Users/1", 405, "DELETE, GET, HEAD, PATCH, PUT"},
		{"POST", "/scim/v2/Schemas", 405, "GET, HEAD"},
		{"OPTIONS", "/scim/v2/Users", 405, "GET, HEAD, POST"},
		{"GET", "/scim/v2", 200, ""},
		{"GET", "/scim/v2/", 200, ""},
		{"HEAD", "/scim/v2", 200, ""},
		{"POST", "/scim/v2", 405, "GET, HEAD"},
		{"GET", "/", 404, ""},
		{"GET", "/scim/v2/users", 404, ""},
		{"GET", "/scim/v2/Users/1/more", 404, ""},
		{"GET", "/scim/v2//Users", 404, ""},
		{"GET", "/scim/v2/Me", 501, ""},
		{"GET", "/scim/v2/.search", 405, "POST"},
		{"GET", "/scim/v2/Users/.search", 405, "POST"},
		{"DELETE", "/scim/v2/Groups/.search/", 405, "POST"},
		{"PUT", "/scim/v2/ServiceProviderConfig", 405, "GET, HEAD"},
		{"DELETE", "/scim/v2/ResourceTypes/User", 405, "GET, HEAD"},
		{"HEAD", "/scim/v2/ServiceProviderConfig", 200, ""},
	}
	for _, c := range cases {
		w := s.do(c.method, c.target, "")
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", c.method, c.target, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}

func TestBodiesAreBoundedAndWhole(t *testing.T) {
	s := newStage(t)
	if w := s.do("POST", "/scim/v2/Users", strings.Repeat("x", 1001)); w.Code != 413 || w.Header().Get("Connection") != "close" {
		t.Errorf("announced too large: %d %v", w.Code, w.Header())
	}
	r := httptest.NewRequest("POST", "/scim/v2/Users", brokenBody{strings.NewReader(strings.Repeat(" ", 2000))})
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer good")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 413 || w.Header().Get("Connection") != "close" || !strings.Contains(w.Body.String(), "larger than 1 kB, the most that this service takes.") {
		t.Errorf("chunked too large: %d %v %s", w.Code, w.Header(), w.Body)
	}
	r = httptest.NewRequest("POST", "/scim/v2/Users", brokenBody{strings.NewReader(`{"userName":`)})
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer good")
	w = httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 400 || !strings.Contains(w.Body.String(), "invalidSyntax") {
		t.Errorf("half a body: %d %s", w.Code, w.Body)
	}
}

func TestWhatIsDroppedIsNamedInTheLog(t *testing.T) {
	s := newStage(t)
	var dropped []string
	s.service.create = func(r scim.Request, _ *scim.Object) (*scim.Result, error) {
		dropped = r.Dropped
		return someUser("1"), nil
	}
	w := s.do("POST", "/scim/v2/Users", `{"userName":"x","shoeSize":44}`)
	if w.Code != 201 || len(dropped) != 1 || !strings.Contains(s.log.String(), `"dropped":["shoeSize"]`) {
		t.Errorf("%d %v %s", w.Code, dropped, s.log)
	}
}

func TestAGroupsPatchAnswersWithoutABodyUnlessAsked(t *testing.T) {
	s := newStage(t)
	s.service.patch = func(scim.Request, string, scim.Patch) (*scim.Result, error) { return someUser("1"), nil }
	body := `{"Operations":[{"op":"replace","path":"displayName","value":"x"}]}`
	for target, status := range map[string]int{"/scim/v2/Groups/1": 204, "/scim/v2/Groups/1?attributes=displayName": 200, "/scim/v2/Users/1": 200} {
		if w := s.do("PATCH", target, body); w.Code != status || w.Header().Get("ETag") == "" || (status == 204) != (w.Body.Len() == 0) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestIfNoneMatch(t *testing.T) {
	s := newStage(t)
	s.service.get = func(_ scim.Request, id string) (*scim.Result, error) { return someUser(id), nil }
	for tag, status := range map[string]int{`W/"1"`: 304, `"1"`: 304, `W/"2"`: 200, `W/"2", W/"1"`: 304, `*`: 304} {
		if w := s.do("GET", "/scim/v2/Users/1", "", "If-None-Match", tag); w.Code != status || (status == 304) != (w.Body.Len() == 0) {
			t.Errorf("%s: %d", tag, w.Code)
		}
	}
}

func TestTheBaseURLIsWhatTheClientSees(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's peer is 192.0.2.1
	cases := map[string]struct {
		public  string
		trusted []netip.Prefix
		headers []string
		want    string
	}{
		"from Host":                       {"", nil, nil, "http://example.com/scim/v2"},
		"a stranger's headers do nothing": {"", nil, []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https"}, "http://example.com/scim/v2"},
		"X-Forwarded from a proxy":        {"", proxy, []string{"X-Forwarded-Host", "scim.example.org, inner", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/hr/"}, "https://scim.example.org/hr/scim/v2"},
		"Forwarded from a proxy":          {"", proxy, []string{"Forwarded", `for=198.51.100.7;proto=https;host="scim.example.org:8443"`}, "https://scim.example.org:8443/scim/v2"},
		"public_url wins":                 {"https://public.example/", proxy, []string{"X-Forwarded-Host", "x"}, "https://public.example/scim/v2"},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			s := newStage(t, func(o *Options) { o.PublicURL, o.TrustedProxies = c.public, c.trusted })
			s.service.get = func(r scim.Request, id string) (*scim.Result, error) {
				if r.Base != c.want {
					t.Errorf("%q, want %q", r.Base, c.want)
				}
				return someUser(id), nil
			}
			s.do("GET", "/scim/v2/Users/1", "", c.headers...)
		})
	}
}

func TestTheClientsAddressIsWhatTrustedProxiesSay(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for header, want := range map[string]string{
		"":                               "192.0.2.1",
		"203.0.113.9":                    "203.0.113.9",
		"1.2.3.4, 203.0.113.9, 10.1.1.1": "203.0.113.9",
		"garbage":                        "192.0.2.1",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-For", header)
		if got := s.clientAddress(r); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestReadiness(t *testing.T) {
	up, down := scim.Health{Name: "corp", Kind: "ldap", OK: true}, scim.Health{Name: "corp", Kind: "ldap", Error: "unavailable"}
	journalDown := scim.Health{Name: "journal", Kind: "journal", Error: "unavailable"}
	for claim, c := range map[string]struct {
		health []scim.Health
		status int
		word   string
	}{
		"all is well":                    {[]scim.Health{up, {Name: "journal", Kind: "journal", OK: true}}, 200, "ready"},
		"the only directory is away":     {[]scim.Health{down, {Name: "journal", Kind: "journal", OK: true}}, 503, "unavailable"},
		"one of two directories is away": {[]scim.Health{down, up}, 200, "ready"},
		"the journal is away":            {[]scim.Health{up, journalDown}, 200, "partly"},
		"a spool takes what is written":  {[]scim.Health{up, {Name: "journal", Kind: "journal", OK: true, Spooled: true}}, 200, "ready"},
		"everything is away":             {[]scim.Health{down, journalDown}, 503, "unavailable"},
	} {
		t.Run(claim, func(t *testing.T) {
			s := newStage(t)
			s.service.health = c.health
			if w := s.do("GET", "/ready", "", "Authorization", ""); w.Code != c.status || !strings.Contains(w.Body.String(), `"status":"`+c.word+`"`) || !strings.Contains(w.Body.String(), `"checks":[`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	t.Run("draining", func(t *testing.T) {
		s := newStage(t)
		s.service.health = []scim.Health{up}
		s.Drain()
		if w := s.do("GET", "/ready", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "draining") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// The names and labels are what dashboards and alerts are built on (NAMES.md).
func TestMetricNames(t *testing.T) {
	s := newStage(t)
	s.do("GET", "/scim/v2/Users/1", "", "Authorization", "")
	s.do("MADEUP", "/nowhere", "")
	s.do("GET", "/health", "")
	want := `
# HELP http_requests_total HTTP requests answered, by method, route template and three-digit status.
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/health",status="200"} 1
http_requests_total{method="GET",route="/scim/v2/Users/{id}",status="401"} 1
http_requests_total{method="OTHER",route="unmatched",status="404"} 1
`
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(want), "http_requests_total"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"http_request_duration_seconds", "active_sessions", "scim_requests_in_flight"} {
		if n, err := testutil.GatherAndCount(s.registry, name); err != nil || n == 0 {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
	if n := s.Metrics.sessions(); n != 1 {
		t.Errorf("%v sessions", n)
	}
}

func TestAClientThatHangsUpIsNoFaultOfTheService(t *testing.T) {
	s := newStage(t)
	ctx, hangUp := context.WithCancel(t.Context())
	s.service.get = func(scim.Request, string) (*scim.Result, error) {
		hangUp()
		return nil, &scim.Error{Status: 503, Detail: "not in time", Cause: context.Canceled}
	}
	r := httptest.NewRequestWithContext(ctx, "GET", "/scim/v2/Users/1", nil)
	r.Header.Set("Authorization", "Bearer good")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if n := testutil.ToFloat64(s.Metrics.requests.WithLabelValues("GET", "/scim/v2/Users/{id}", "499")); n != 1 || strings.Contains(s.log.String(), "ERROR") {
		t.Errorf("counted %v: %s", n, s.log)
	}
}

func TestAnEscapedSlashAtTheEndIsPartOfTheID(t *testing.T) {
	s := newStage(t)
	s.service.get = func(_ scim.Request, id string) (*scim.Result, error) { return someUser(id), nil }
	for target, id := range map[string]string{"/scim/v2/Users/a%2F/": "a/", "/scim/v2/Users/a%2F": "a/", "/scim/v2/Users/a//": "a"} {
		if w := s.do("GET", target, ""); !strings.Contains(w.Body.String(), `"id":"`+id+`"`) {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}
