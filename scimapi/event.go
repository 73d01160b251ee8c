package scimapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
)

// event is the account of one request: every layer adds what it knows, and one log line is written on the way out.
// It is also the ResponseWriter, so that status and size are known whoever wrote them.
type event struct {
	http.ResponseWriter
	request *http.Request
	vars    map[string]string
	started time.Time
	caller  scim.Caller
	route   string // the route's template; "unmatched" for none
	status  int
	bytes   int
	id      string // the resource's id
	dropped []string
	asked   string // what a search in a body would be in a URL
	found   int    // resources on a page
	isList  bool
	more    []slog.Attr // what the handler has to say for the log
	err     error
}

// statusClientGone is what log and metrics say of a request whose client hung up before the answer: nobody read a 503, and an
// impatient client is no fault of the service. nginx uses the same number.
const statusClientGone = 499

func (h *Handler) begin(w http.ResponseWriter, r *http.Request) *event {
	e := &event{ResponseWriter: w, request: r, started: h.Now(), route: "unmatched"}
	e.caller = scim.Caller{Tenant: "default", Address: h.clientAddress(r), UserAgent: truncate(r.UserAgent(), 512), RequestID: h.requestID(r)}
	w.Header().Set("X-Request-Id", e.caller.RequestID)
	w.Header().Set("Cache-Control", "no-store") // of every answer, a 304 and one without a body too (RFC 9110 §15.4.5)
	h.Metrics.inFlight.Inc()
	return e
}

// requestID takes the id that a proxy gave if it is harmless, else makes one.
func (h *Handler) requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	harmless := id != "" && len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
	if harmless {
		return id
	}
	return h.NewID()
}

func (e *event) authenticated(h *Handler, c scim.Caller) {
	e.caller.Tenant, e.caller.Client, e.caller.Subject, e.caller.Profile = c.Tenant, c.Client, c.Subject, c.Profile
	h.Metrics.seen(c.Tenant+"\x00"+c.Client+"\x00"+c.Subject, e.started)
}

// WriteHeader notes the status.
func (e *event) WriteHeader(status int) {
	if e.status == 0 && status >= 200 {
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write notes the size.
func (e *event) Write(p []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := e.ResponseWriter.Write(p)
	e.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (e *event) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// end catches a panic, counts and logs. It runs deferred, once for each request.
func (h *Handler) end(e *event) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so: it is a sentinel that is never wrapped
			h.Metrics.inFlight.Dec()
			panic(p)
		}
		err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		h.writeError(e, e, err)
	}
	if e.status >= 500 && errors.Is(e.request.Context().Err(), context.Canceled) {
		e.status = statusClientGone
	}
	took := h.Now().Sub(e.started)
	h.Metrics.observe(e.request.Method, e.route, e.status, took)
	h.Metrics.inFlight.Dec()
	h.log(e, took)
	h.audit(e)
}

func (h *Handler) log(e *event, took time.Duration) {
	level := slog.LevelInfo
	if e.status >= 500 && e.status != http.StatusNotImplemented {
		level = slog.LevelError
	} else if !h.AccessLog || isProbe(e.route) {
		level = slog.LevelDebug
	}
	ctx := context.WithoutCancel(e.request.Context())
	if !h.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", e.caller.RequestID), slog.String("tenant", e.caller.Tenant), slog.String("client", e.caller.Client),
		slog.String("method", e.request.Method), slog.String("route", e.route), slog.Int("status", e.status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int("bytes", e.bytes),
		slog.String("address", e.caller.Address), slog.String("user_agent", e.caller.UserAgent),
	}
	if e.id != "" {
		attrs = append(attrs, slog.String("resource_id", e.id))
	}
	if e.isList {
		attrs = append(attrs, slog.Int("resources", e.found))
	}
	if len(e.dropped) > 0 {
		attrs = append(attrs, slog.Any("dropped", e.dropped))
	}
	attrs = append(attrs, e.more...)
	if e.err != nil {
		attrs = append(attrs, slog.String("error", errorText(e.err)))
	}
	h.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// errorText is what the log says of an error: what the client read, and the cause that it did not.
func errorText(err error) string {
	var known *scim.Error
	if errors.As(err, &known) && known.Cause != nil {
		return known.Detail + " (" + known.Cause.Error() + ")"
	}
	return err.Error()
}

func isProbe(route string) bool { return route == "/health" || route == "/ready" }

// clientAddress is the client's IP: the peer's, or what trusted proxies say of it, read from the nearest hop outwards.
func (h *Handler) clientAddress(r *http.Request) string {
	peer := addressOf(r.RemoteAddr)
	if !h.trusted(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if forwarded := parseForwarded(r.Header.Values("Forwarded")); len(forwarded) > 0 {
		hops = hops[:0]
		for _, f := range forwarded {
			hops = append(hops, f["for"])
		}
	}
	for _, hop := range slices.Backward(hops) {
		hop := addressOf(strings.TrimSpace(hop))
		if _, err := netip.ParseAddr(hop); err != nil {
			return peer
		}
		if !h.trusted(hop) {
			return hop
		}
		peer = hop
	}
	return peer
}

// addressOf takes the port and the brackets off.
func addressOf(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		return host
	}
	return strings.Trim(s, "[]")
}

func (h *Handler) trusted(address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, prefix := range h.TrustedProxies {
		if prefix.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// truncate cuts at n bytes, at a rune's edge.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
