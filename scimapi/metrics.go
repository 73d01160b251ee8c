package scimapi

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sessionWindow is how long a caller counts as active after a request.
const sessionWindow = 5 * time.Minute

// Metrics are the API's own figures. Names and labels are fixed in NAMES.md; a test pins them.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	bulk     *prometheus.CounterVec

	mu      sync.Mutex
	callers map[string]time.Time // when each authenticated caller was last seen
	now     func() time.Time
}

// NewMetrics registers the API's figures.
func NewMetrics(reg prometheus.Registerer, now func() time.Time) *Metrics {
	m := &Metrics{callers: map[string]time.Time{}, now: now}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "HTTP requests answered, by method, route template and three-digit status.",
	}, []string{"method", "route", "status"})
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time from a request's first byte to its answer's last, in seconds.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
	}, []string{"method", "route"})
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scim_requests_in_flight", Help: "Requests being answered now.",
	})
	m.bulk = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scim_bulk_operations_total", Help: "Operations of bulk requests that were done, by method and three-digit status.",
	}, []string{"method", "status"})
	for method, status := range map[string]string{http.MethodPost: "201", http.MethodPut: "200", http.MethodPatch: "200", http.MethodDelete: "204"} {
		m.bulk.WithLabelValues(method, status) // so that the first one is an increase
	}
	sessions := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "active_sessions", Help: "Authenticated callers seen in the last five minutes.",
	}, m.sessions)
	reg.MustRegister(m.requests, m.duration, m.inFlight, m.bulk, sessions)
	return m
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

func (m *Metrics) observe(method, route string, status int, took time.Duration) {
	if !slices.Contains(knownMethods, method) {
		method = "OTHER" // a label's values must not be a stranger's choice
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

func (m *Metrics) bulkOperation(method string, status int) {
	if !slices.Contains(knownMethods, method) {
		method = "OTHER"
	}
	m.bulk.WithLabelValues(method, strconv.Itoa(status)).Inc()
}

func (m *Metrics) seen(caller string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.callers[caller] = at
}

// sessions counts who was seen lately and forgets the others.
func (m *Metrics) sessions() float64 {
	oldest := m.now().Add(-sessionWindow)
	m.mu.Lock()
	defer m.mu.Unlock()
	for caller, at := range m.callers {
		if at.Before(oldest) {
			delete(m.callers, caller)
		}
	}
	return float64(len(m.callers))
}
