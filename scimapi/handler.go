package scimapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Options say how the API is served. Service, Authenticate and Metrics are required.
type Options struct {
	Service Service
	// Authenticate finds out who is asking, or gives a 401 *scim.Error.
	Authenticate func(r *http.Request) (scim.Caller, error)
	Metrics      *Metrics
	Logger       *slog.Logger
	// Audit hears of each request when it has been answered; nil: nobody does.
	Audit func(ctx context.Context, a Audited)

	BasePath       string         // where SCIM begins: "/scim/v2"
	PublicURL      string         // the server's URL as clients know it, without BasePath; "": from the request
	TrustedProxies []netip.Prefix // who may set Forwarded and X-Forwarded-*
	MaxRequestSize int64          // bytes of a body
	DefaultCount   int            // resources on a page when the client does not say, for ServiceProviderConfig
	MaxCount       int            // resources on a page, for ServiceProviderConfig
	CursorTTL      time.Duration  // how long a cursor is good for, for ServiceProviderConfig
	DryRun         bool           // a client may ask what a write would do
	Bulk           Bulk           // how large a bulk request may be
	Me             filter.Path    // the attribute of a User that holds a caller's subject; zero: /Me is not served
	ChangePassword bool           // a password is mapped, for ServiceProviderConfig
	Anonymous      bool           // nobody needs a credential, for ServiceProviderConfig
	AccessLog      bool           // one line for each request; without it only those that failed with 5xx
	Health         bool           // serve /health and /ready
	WriteTimeout   time.Duration  // the server's for an answer; a bulk request has it for each operation. 0: none

	Now   func() time.Time
	NewID func() string // request ids
}

// Bulk is how large a bulk request may be (RFC 7644 §3.7). MaxOperations 0: there is no bulk.
type Bulk struct {
	MaxOperations int
	MaxPayload    int64 // bytes
}

// Handler is the whole HTTP face. It is an http.Handler; Drain prepares it for a shutdown.
type Handler struct {
	Options
	router   *mux.Router
	types    []*scim.ResourceType
	draining chan struct{}
}

// New builds the handler and its routes.
func New(o Options) *Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	h := &Handler{Options: o, types: o.Service.ResourceTypes(), draining: make(chan struct{})}
	h.router = mux.NewRouter().SkipClean(true).UseEncodedPath()
	h.routes()
	return h
}

// Drain makes /ready answer 503 from now on, so that no new traffic is sent here, and lets bulk requests come to an end. It may be called once.
func (h *Handler) Drain() { close(h.draining) }

// stopping says whether Drain was called.
func (h *Handler) stopping() bool {
	select {
	case <-h.draining:
		return true
	default:
		return false
	}
}

// handlerFunc is a route's handler for one method. The error it returns is written by the caller.
type handlerFunc func(w http.ResponseWriter, r *http.Request, e *event) error

// methods are a route's handlers by method. HEAD is served by GET's: net/http leaves the body out.
type methods map[string]handlerFunc

func (m methods) allow() string {
	var names []string
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (h *Handler) routes() {
	for _, rt := range h.types { // the router tries one route after the other, and these are the ones that are asked for
		h.closed(rt.Endpoint+"/.search", methods{http.MethodPost: h.byBody(h.findIn(rt))})
		h.closed(rt.Endpoint, methods{http.MethodGet: h.byURL(h.findIn(rt)), http.MethodPost: h.writing(rt, http.MethodPost)})
		h.closed(rt.Endpoint+"/{id}", h.resourceMethods(rt))
	}
	if h.Health {
		h.open("/health", methods{http.MethodGet: h.health})
		h.open("/ready", methods{http.MethodGet: h.ready})
	}
	// Without a token too: it says how to get on with one (RFC 7643 §5).
	h.below("/ServiceProviderConfig", tokenChecked, methods{http.MethodGet: h.serviceProviderConfig})
	h.closed("/ResourceTypes", methods{http.MethodGet: h.listResourceTypes})
	h.closed("/ResourceTypes/{id}", methods{http.MethodGet: h.getResourceType})
	h.closed("/Schemas", methods{http.MethodGet: h.listSchemas})
	h.closed("/Schemas/{id}", methods{http.MethodGet: h.getSchema})
	h.closed("/Bulk", h.bulkMethods())
	h.closed("/Me", h.meMethods())
	h.closed("", methods{http.MethodGet: h.byURL(h.findAll)})
	h.closed("/.search", methods{http.MethodPost: h.byBody(h.findAll)})
}

// resourceMethods are those of one resource.
func (h *Handler) resourceMethods(rt *scim.ResourceType) methods {
	return methods{
		http.MethodGet: h.get(rt), http.MethodPut: h.writing(rt, http.MethodPut),
		http.MethodPatch: h.writing(rt, http.MethodPatch), http.MethodDelete: h.writing(rt, http.MethodDelete),
	}
}

// open adds a route that needs no token, outside BasePath.
func (h *Handler) open(path string, m methods) { h.router.Handle(path, route{path, tokenNone, m}) }

// closed adds a route below BasePath that needs a token.
func (h *Handler) closed(path string, m methods) { h.below(path, tokenRequired, m) }

// below adds a route below BasePath.
func (h *Handler) below(path string, needs token, m methods) {
	template := h.BasePath + path
	if template == "" {
		template = "/" // the root of a server that serves nothing else
	}
	h.router.Handle(template, route{template, needs, m})
}

// token is what a route needs of a request's credential.
type token uint8

const (
	tokenRequired token = iota
	tokenChecked        // it may be missing; one that is there must be good, so that whoever tries a token here learns what it is worth
	tokenNone           // nobody looks at it
)

// route is what the router finds: it is never served by the router itself, see ServeHTTP.
type route struct {
	template string
	needs    token
	methods  methods
}

// ServeHTTP makes route an http.Handler for mux's sake only.
func (route) ServeHTTP(http.ResponseWriter, *http.Request) {}

// ServeHTTP answers every request, matched by a route or not, with its event, its metrics and a SCIM error where something fails.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := h.begin(w, r)
	defer h.end(e)
	if err := h.serve(e, r, e); err != nil {
		h.writeError(e, e, err)
	}
}

// serve finds the route, then who asks, then the method's handler.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, e *event) error {
	found, vars := h.match(r)
	if found != nil {
		e.route = found.template
	}
	if found == nil || found.needs == tokenRequired || found.needs == tokenChecked && r.Header.Get("Authorization") != "" {
		// An unknown URL tells a stranger nothing: without a token it is 401 like any other.
		caller, err := h.Authenticate(r)
		if err != nil {
			return err
		}
		e.authenticated(h, caller)
	}
	if found == nil {
		return &scim.Error{Status: http.StatusNotFound, Detail: "There is nothing at this URL. The endpoints are listed at " + h.BasePath + "/ResourceTypes."}
	}
	e.vars = vars
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle, ok := found.methods[method]
	if !ok {
		w.Header().Set("Allow", found.methods.allow())
		return &scim.Error{Status: http.StatusMethodNotAllowed, Detail: truncate(r.Method, 32) + " is not possible here; allowed are " + found.methods.allow() + "."}
	}
	return handle(w, r, e)
}

// match finds the route of a path; a trailing slash makes no difference (CLIENTS.md, row 2).
func (h *Handler) match(r *http.Request) (*route, map[string]string) {
	req := r
	if escaped := r.URL.EscapedPath(); len(escaped) > 1 && strings.HasSuffix(escaped, "/") {
		req = r.Clone(r.Context())
		req.URL.RawPath = strings.TrimRight(escaped, "/")
		// As many slashes as that, no more: one before them may be an escaped one, and part of an id.
		req.URL.Path = r.URL.Path[:len(r.URL.Path)-(len(escaped)-len(req.URL.RawPath))]
	}
	var m mux.RouteMatch
	if !h.router.Match(req, &m) || m.Handler == nil || m.MatchErr != nil {
		return nil, nil
	}
	found, ok := m.Handler.(route)
	if !ok {
		return nil, nil
	}
	return &found, m.Vars
}

// notImplemented answers 501 to each method of SCIM; any other is 405 there as everywhere.
func notImplemented(detail string) methods {
	f := func(http.ResponseWriter, *http.Request, *event) error {
		return &scim.Error{Status: http.StatusNotImplemented, Detail: detail}
	}
	return methods{http.MethodGet: f, http.MethodPost: f, http.MethodPut: f, http.MethodPatch: f, http.MethodDelete: f}
}
