package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/backends"
)

var (
	poolActive = prometheus.NewDesc("backend_connections_active", "Connections to a directory that are in use, by pool (the backend's name).", []string{"pool"}, nil)
	poolMax    = prometheus.NewDesc("backend_connections_max", "Connections to a directory that may be open, by pool (the backend's name).", []string{"pool"}, nil)
)

// poolCollector reads the directories' pools when it is scraped.
type poolCollector struct{ directories map[string]backends.Directory }

// Describe is prometheus.Collector's.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- poolActive
	ch <- poolMax
}

// Collect is prometheus.Collector's.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	for name, directory := range c.directories {
		s := directory.Stats()
		ch <- prometheus.MustNewConstMetric(poolActive, prometheus.GaugeValue, float64(s.Active), name)
		ch <- prometheus.MustNewConstMetric(poolMax, prometheus.GaugeValue, float64(s.Max), name)
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
