package scimapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/scim"
)

// fake is a Service of function fields; what a test does not set must not be called.
type fake struct {
	types   []*scim.ResourceType
	list    func(scim.Request, scim.ListQuery) (*scim.List, error)
	get     func(scim.Request, string) (*scim.Result, error)
	create  func(scim.Request, *scim.Object) (*scim.Result, error)
	replace func(scim.Request, string, *scim.Object) (*scim.Result, error)
	patch   func(scim.Request, string, scim.Patch) (*scim.Result, error)
	remove  func(scim.Request, string) error
	health  []scim.Health
}

func (f *fake) ResourceTypes() []*scim.ResourceType { return f.types }

func (f *fake) List(_ context.Context, r scim.Request, q scim.ListQuery) (*scim.List, error) {
	return f.list(r, q)
}

func (f *fake) Get(_ context.Context, r scim.Request, id string) (*scim.Result, error) {
	return f.get(r, id)
}

func (f *fake) Create(_ context.Context, r scim.Request, o *scim.Object) (*scim.Result, error) {
	return f.create(r, o)
}

func (f *fake) Replace(_ context.Context, r scim.Request, id string, o *scim.Object) (*scim.Result, error) {
	return f.replace(r, id, o)
}

func (f *fake) Patch(_ context.Context, r scim.Request, id string, p scim.Patch) (*scim.Result, error) {
	return f.patch(r, id, p)
}

func (f *fake) Delete(_ context.Context, r scim.Request, id string) error { return f.remove(r, id) }

func (f *fake) Ready(context.Context) []scim.Health { return f.health }

// stage is a handler over a fake service, with its log and its figures to look at.
type stage struct {
	*Handler
	service  *fake
	log      *bytes.Buffer
	registry *prometheus.Registry
}

func newStage(t testing.TB, change ...func(*Options)) *stage {
	t.Helper()
	s := &stage{service: &fake{types: []*scim.ResourceType{
		{ID: "User", Name: "User", Endpoint: "/Users", Schema: scim.UserSchema(), Extensions: []scim.Extension{{Schema: scim.EnterpriseUserSchema()}}},
		{ID: "Group", Name: "Group", Endpoint: "/Groups", Schema: scim.GroupSchema()},
	}}, log: &bytes.Buffer{}, registry: prometheus.NewRegistry()}
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	ids := 0
	o := Options{
		Service: s.service, Metrics: NewMetrics(s.registry, now), Logger: slog.New(slog.NewJSONHandler(s.log, nil)),
		Authenticate: func(r *http.Request) (scim.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return scim.Caller{}, &scim.Error{Status: 401, Detail: "Who are you?"}
			}
			return scim.Caller{Tenant: "default", Client: "tester", Subject: "tester"}, nil
		},
		BasePath: "/scim/v2", MaxRequestSize: 1000, DefaultCount: 20, MaxCount: 500, CursorTTL: time.Hour, AccessLog: true, Health: true, Now: now,
		NewID: func() string { ids++; return fmt.Sprintf("request-%d", ids) },
	}
	for _, f := range change {
		f(&o)
	}
	s.Handler = New(o)
	return s
}

// do sends a request with the good token; headers are name and value in turn, "" takes one away.
func (s *stage) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func someUser(id string) *scim.Result {
	o := scim.NewObject()
	o.Set("id", id)
	o.Set("userName", "someone")
	return &scim.Result{Resource: o, ID: id, Version: `W/"1"`, Location: "http://example.com/scim/v2/Users/" + id}
}

var errPlain = errors.New("the cause, with ldap://10.0.0.1 in it")

// brokenBody fails in the middle, as a client does that goes away.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
