// Package observe exports what rekey does, as metrics for Prometheus and as
// traces for OpenTelemetry. The core calls it through its interfaces: [Metrics]
// is an [auth.Events] and an [auth.Observer] and wraps a limiter, and [Tracer]
// is an [auth.Observer]. A process that does not create one runs nothing of it.
//
// Labels and attributes have fixed sets of values, except the ids of requests
// and sessions in spans, which the log contains too. No value is a path, an
// address, a token or anything else that a client chooses.
package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rekey/internal/auth"
)

// MetricsOptions configure Metrics.
type MetricsOptions struct {
	// Now is the clock that measures durations.
	Now func() time.Time
	// Version and Commit describe the build; Commit may be empty.
	Version, Commit string
	// Routes are the paths that have a label value of their own. All other
	// paths are counted as "other".
	Routes []string
}

// Metrics holds the metrics of one process. It is safe for concurrent use.
type Metrics struct {
	*prometheus.Registry
	now     func() time.Time
	routes  map[string]route
	steps   map[auth.Step]step
	events  map[eventKey]prometheus.Counter
	limited *prometheus.CounterVec
	graphql map[auth.Code]prometheus.Counter // errors in answers
	ignored prometheus.Counter
}

// NewMetrics returns the metrics, which include those of the Go runtime and the
// process. Series that alerts refer to exist from the start, because Prometheus
// sees no increase in the first sample of a new series.
func NewMetrics(o MetricsOptions) *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry(), now: o.Now}
	m.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rekey_build_info", Help: "1; the labels describe the build."}, []string{"version", "commit"})
	m.MustRegister(build) // Go's own go_build_info has no commit
	build.WithLabelValues(o.Version, o.Commit).Set(1)
	m.addSteps()
	m.addEvents()
	m.addRoutes(o.Routes)
	m.addLimits()
	m.addGraphQLErrors()
	return m
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.MustRegister(vec)
	return vec
}

// histograms have buckets in seconds. An access check takes a fraction of a
// millisecond, a refresh a few milliseconds, and hashing a password tens of
// milliseconds. rekey waits for the database for at most 8 seconds.
func (m *Metrics) histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	buckets := []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 8}
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.MustRegister(vec)
	return vec
}

// Read passes the current samples of a metric to emit, each with the values of
// the metric's labels. It must not block.
type Read func(emit func(value float64, labels ...string))

// Gauge registers a metric whose value is read at each scrape.
func (m *Metrics) Gauge(name, help string, read func() int) {
	m.Gauges(name, help, nil, func(emit func(float64, ...string)) { emit(float64(read())) })
}

// Flag registers a metric that is 1 while holds returns true, and 0 otherwise.
func (m *Metrics) Flag(name, help string, holds func() bool) {
	m.Gauge(name, help, func() int {
		if holds() {
			return 1
		}
		return 0
	})
}

// Gauges registers a metric with labels whose samples are read at each scrape.
func (m *Metrics) Gauges(name, help string, labels []string, read Read) {
	m.MustRegister(&state{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, read})
}

// Counters is like Gauges, for values that only grow.
func (m *Metrics) Counters(name, help string, labels []string, read Read) {
	m.MustRegister(&state{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, read})
}

// state is a metric that is read from the rest of the program at each scrape.
type state struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read Read
}

// Describe implements [prometheus.Collector].
func (s *state) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect implements [prometheus.Collector].
func (s *state) Collect(to chan<- prometheus.Metric) {
	s.read(func(value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, value, labels...)
	})
}
