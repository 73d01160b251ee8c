package main

//go:generate go test . -run TestTheMetricsPage -update

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/backends"
)

// poolFigures are the metrics of a pool. Those of databases have the names that the alert on connections knows.
type poolFigures struct{ active, most *prometheus.Desc }

func pools(name, of string) poolFigures {
	figure := func(which, help string) *prometheus.Desc {
		return prometheus.NewDesc(name+"_connections_"+which, "Connections to "+of+" that "+help+", by pool (the backend's name).", []string{"pool"}, nil)
	}
	return poolFigures{figure("active", "are in use"), figure("max", "may be open")}
}

var directoryPools, databasePools = pools("backend", "a directory"), pools("database", "a database")

// poolCollector reads the pools of the directories and of the journal when it is scraped.
type poolCollector struct{ *world }

// Describe is prometheus.Collector's.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range []poolFigures{directoryPools, databasePools} {
		ch <- f.active
		ch <- f.most
	}
}

// Collect is prometheus.Collector's.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	for name, directory := range c.directories {
		f := directoryPools
		if c.config.Backends[name].Get("kind").Text() == "postgres" {
			f = databasePools
		}
		f.send(ch, directory.Stats(), name)
	}
	if pooled, ok := c.store.(interface{ Stats() backends.Stats }); ok {
		databasePools.send(ch, pooled.Stats(), "journal")
	}
}

func (f poolFigures) send(ch chan<- prometheus.Metric, s backends.Stats, name string) {
	ch <- prometheus.MustNewConstMetric(f.active, prometheus.GaugeValue, float64(s.Active), name)
	ch <- prometheus.MustNewConstMetric(f.most, prometheus.GaugeValue, float64(s.Max), name)
}

// outcomes are the counts of adapter.Stats under the names that operators see.
var outcomes = []struct {
	desc  *prometheus.Desc
	count func(adapter.Stats) int64
}{
	{outcome("scim_journal_unfinished_total", "Writes that were done while the journal could not be told so; their intents are still open in it."), func(s adapter.Stats) int64 { return s.Unfinished }},
	{outcome("scim_writes_unknown_total", "Writes of which nobody could say whether they happened; the journal has them under the event that the client was told."), func(s adapter.Stats) int64 { return s.Unknown }},
	{outcome("scim_writes_compensated_total", "Writes that failed half-way and were taken back."), func(s adapter.Stats) int64 { return s.Compensated }},
	{outcome("scim_writes_stranded_total", "Writes that failed half-way and could not be taken back: somebody must look at the record."), func(s adapter.Stats) int64 { return s.Stranded }},
	{outcome("scim_attribute_problems_total", "Attributes that were left out of an answer because the directory's value does not fit the mapping; the log names them."), func(s adapter.Stats) int64 { return s.Problems }},
	{outcome("scim_shadow_writes_total", "Writes that were planned, journaled and answered as if they were done, because scim.mode is shadow."), func(s adapter.Stats) int64 { return s.Shadowed }},
	{outcome("scim_references_dangling_total", "References to deleted records that could not be removed from the records that hold them."), func(s adapter.Stats) int64 { return s.Dangling }},
}

// guardRefused is what the guard has refused, by kind.
var guardRefused = prometheus.NewDesc("scim_guard_refused_total", "Writes that the guard refused because a limit was reached, by kind (delete, disable, remove_member).", []string{"kind"}, nil)

// reconciled is what came of open intents, by verdict; overdue is how many could not be settled.
var (
	reconciled = prometheus.NewDesc("scim_journal_reconciled_total", "Intents without an outcome that were settled by what stands in the directories, by verdict (done, not_done, unknown).", []string{"verdict"}, nil)
	overdue    = outcome("scim_journal_overdue", "Intents without an outcome that could not be settled the last time it was tried: a directory is away, or no mapping knows them.")
)

func outcome(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// outcomeCollector reads what the service has counted when it is scraped.
type outcomeCollector struct{ stats func() adapter.Stats }

// Describe is prometheus.Collector's.
func (outcomeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, o := range outcomes {
		ch <- o.desc
	}
	ch <- guardRefused
	ch <- reconciled
	ch <- overdue
}

// Collect is prometheus.Collector's.
func (c outcomeCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.stats()
	for _, o := range outcomes {
		ch <- prometheus.MustNewConstMetric(o.desc, prometheus.CounterValue, float64(o.count(stats)))
	}
	for verdict, n := range stats.Reconciled {
		ch <- prometheus.MustNewConstMetric(reconciled, prometheus.CounterValue, float64(n), verdict)
	}
	ch <- prometheus.MustNewConstMetric(overdue, prometheus.GaugeValue, float64(stats.Overdue))
	for kind, n := range stats.Guarded {
		ch <- prometheus.MustNewConstMetric(guardRefused, prometheus.CounterValue, float64(n), kind)
	}
}

func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scim_build_info", Help: "Always 1; the label says which version is running.",
		ConstLabels: prometheus.Labels{"version": buildVersion()},
	})
	g.Set(1)
	return g
}
