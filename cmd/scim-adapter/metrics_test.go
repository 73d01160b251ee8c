package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

// pinned are the metrics that dashboards and alerts are built on, with their labels. A change of one breaks somebody's alarm.
var pinned = map[string]string{
	"http_requests_total":            "method,route,status",
	"http_request_duration_seconds":  "method,route",
	"active_sessions":                "",
	"backend_connections_active":     "pool",
	"backend_connections_max":        "pool",
	"scim_requests_in_flight":        "",
	"scim_build_info":                "version",
	"scim_bulk_operations_total":     "method,status",
	"scim_journal_unfinished_total":  "",
	"scim_writes_unknown_total":      "",
	"scim_writes_compensated_total":  "",
	"scim_writes_stranded_total":     "",
	"scim_attribute_problems_total":  "",
	"scim_audit_lost_total":          "",
	"scim_audit_skipped_total":       "",
	"scim_shadow_writes_total":       "",
	"scim_references_dangling_total": "",
	"scim_guard_refused_total":       "kind",
	"scim_journal_reconciled_total":  "verdict",
	"scim_journal_overdue":           "",

	"scim_journal_spooling":               "",
	"scim_journal_spooled_entries":        "",
	"scim_journal_spooled_oldest_seconds": "",
	"scim_journal_spool_rejected":         "",

	"scim_backup_last_success_timestamp_seconds": "type",
	"scim_backup_last_duration_seconds":          "type",
	"scim_backup_snapshots_total":                "result,type",
}

// withBackups makes a world whose metrics are all there: those of snapshots need a schedule.
const withBackups = "database: {url: postgres://nobody@127.0.0.1:1/x}\nbackup: {schedule: 30 2 * * *}\n"

// writeConfig writes a whole configuration over one directory, on free ports; more is added at its end.
func writeConfig(t *testing.T, ldapURL, more string) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "scim.yaml")
	text := fmt.Sprintf(`
server: {listen: "127.0.0.1:0", shutdown_timeout: 10}
clients: {tests: {tokens: [a-token-of-the-tests]}}
logging: {level: warn, format: text}
monitoring: {metrics_port: 0}
journal: {kind: embedded, path: %q}
backends:
  corp: {kind: ldap, url: %q, bind_dn: %q, bind_password: %s}
mappings:
  - mapping: User
    preset: openldap
    at: {backend: corp, base: "ou=people,%s"}
    create: {name: "uid={userName},ou=people,%[5]s"}
  - mapping: Group
    preset: openldap
    at: {backend: corp, base: "ou=groups,%[5]s"}
    create: {name: "cn={displayName},ou=groups,%[5]s"}
`, filepath.Join(dir, "journal"), ldapURL, adminDN, adminPassword, suffix)
	if err := os.WriteFile(path, []byte(text+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadWorld builds the world of a configuration file.
func loadWorld(t *testing.T, path string) *world {
	t.Helper()
	p, err := load(path, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	w, err := build(t.Context(), p)
	if err != nil {
		p.close()
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// ours gathers the metrics but for those of the Go runtime and the process, after one request, without which some have no labels yet.
func ours(t *testing.T, w *world) []*dto.MetricFamily {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/scim/v2/Users?count=1", nil)
	r.Header.Set("Authorization", "Bearer a-token-of-the-tests")
	w.handler.ServeHTTP(httptest.NewRecorder(), r)
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
		return strings.HasPrefix(f.GetName(), "go_") || strings.HasPrefix(f.GetName(), "process_")
	})
}

func labels(f *dto.MetricFamily) string {
	var names []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, l.GetName())
	}
	return strings.Join(names, ",")
}

func TestTheNamesAndLabelsOfMetricsStay(t *testing.T) {
	w := loadWorld(t, writeConfig(t, startEmbedded(t).URL(), withBackups))
	seen := map[string]bool{}
	for _, f := range ours(t, w) {
		seen[f.GetName()] = true
		want, known := pinned[f.GetName()]
		if got := labels(f); !known || got != want {
			t.Errorf("%s{%s}: pinned are the labels %q (known: %t)", f.GetName(), got, want, known)
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no description", f.GetName())
		}
		if f.GetName() == "http_request_duration_seconds" {
			// The alert on latency asks for the share below one second.
			buckets := f.GetMetric()[0].GetHistogram().GetBucket()
			if !slices.ContainsFunc(buckets, func(b *dto.Bucket) bool { return b.GetUpperBound() == 1 }) {
				t.Error("no bound at exactly one second")
			}
		}
	}
	for name := range pinned {
		if !seen[name] {
			t.Errorf("%s is gone", name)
		}
	}
}

func TestMetricsCountWhatIsThere(t *testing.T) {
	w := loadWorld(t, writeConfig(t, startEmbedded(t).URL(), ""))
	values := map[string]float64{}
	for _, f := range ours(t, w) {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += "," + l.GetValue()
			}
			values[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for key, want := range map[string]float64{
		"http_requests_total,GET,/scim/v2/Users,200":       1,
		"http_request_duration_seconds,GET,/scim/v2/Users": 1,
		"active_sessions":               1,
		"scim_requests_in_flight":       0,
		"scim_journal_unfinished_total": 0,
	} {
		if got, ok := values[key]; !ok || got != want {
			t.Errorf("%s is %v (there: %t), want %v", key, got, ok, want)
		}
	}
	if values["backend_connections_max,corp"] < 1 {
		t.Errorf("no connection may be open: %v", values)
	}
}

func TestTheMetricsPageIsWhatTheRegistryHas(t *testing.T) {
	w := loadWorld(t, writeConfig(t, startEmbedded(t).URL(), withBackups))
	var page strings.Builder
	page.WriteString(`# Metrics

<!-- Generated from the registry by "make generate"; a test holds it to what is served. -->

Prometheus reads ` + "`/metrics`" + ` on ` + "`monitoring.metrics_port`" + ` (9090). Beside what stands here there are the usual ` + "`go_…` and `process_…`" + ` of the client library.
` + "`route`" + ` is the template of a path (` + "`/scim/v2/Users/{id}`" + `), never the path itself; ` + "`status`" + ` is the three-digit code; ` + "`pool`" + ` is the name of a backend.

| metric | type | labels | meaning |
|---|---|---|---|
`)
	for _, f := range ours(t, w) {
		var names []string
		for name := range strings.SplitSeq(labels(f), ",") {
			if name != "" {
				names = append(names, "`"+name+"`")
			}
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(names, ", "), f.GetHelp())
	}
	const path = "../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil { //nolint:gosec // a page of the documentation
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != page.String() {
		t.Errorf("docs/metrics.md is not what is served (%v): run make generate", err)
	}
}
