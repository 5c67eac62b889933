package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rekey/internal/auth"
)

var (
	_ auth.Events   = (*Metrics)(nil)
	_ auth.Observer = (*Metrics)(nil)
)

// other stands for a label's value that is not in its set.
const other = "other"

// transports are the values of the label: what no request asked for is by another.
func transports() []string {
	transports := []string{other}
	for _, d := range auth.ServedTransports() {
		transports = append(transports, string(d))
	}
	return transports
}

// buckets are in seconds: an access check takes a fraction of a millisecond, a
// refresh a few, a password some ten; 8 s is the longest that the database is
// waited for.
func buckets() []float64 {
	return []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 8}
}

// Options are what New needs.
type Options struct {
	// Now is the clock that durations are taken with.
	Now func() time.Time
	// Version and Commit are those of the build; Commit may be empty.
	Version, Commit string
	// Routes are the paths that have a label of their own; of all other
	// requests the label is "other".
	Routes []string
}

// Metrics are the metrics of one process. It is safe for concurrent use.
type Metrics struct {
	*prometheus.Registry
	now     func() time.Time
	routes  map[string]route
	steps   map[auth.Step]step
	events  map[eventKey]prometheus.Counter
	limited *prometheus.CounterVec
}

// New makes the metrics, with those of the Go runtime and the process.
func New(o Options) *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry(), now: o.Now}
	m.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.addBuild(o)
	m.addSteps()
	m.addEvents()
	m.addRoutes(o.Routes)
	m.addLimits()
	return m
}

// addBuild tells which build runs. Go's own go_build_info knows no commit.
func (m *Metrics) addBuild(o Options) {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rekey_build_info", Help: "1; which build this is."}, []string{"version", "commit"})
	m.MustRegister(vec)
	vec.WithLabelValues(o.Version, o.Commit).Set(1)
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.MustRegister(vec)
	return vec
}

func (m *Metrics) histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets()}, labels)
	m.MustRegister(vec)
	return vec
}

func (m *Metrics) addLimits() {
	m.limited = m.counters("rekey_rate_limited_total", "Requests refused by a rate limit.", "limit")
	for _, l := range auth.Limits() {
		m.limited.WithLabelValues(l.Name)
	}
}

// Limiter counts what a limiter refuses.
func (m *Metrics) Limiter(next auth.Limiter) auth.Limiter { return limiter{next, m.limited} }

type limiter struct {
	auth.Limiter
	refused *prometheus.CounterVec
}

// Allow implements [auth.Limiter].
func (l limiter) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	refusal := l.Limiter.Allow(ctx, checks...)
	if refusal.Wait > 0 {
		l.refused.WithLabelValues(refusal.Limit.Name).Inc()
	}
	return refusal
}

// oneOf keeps a label to its set.
func oneOf(set []string, value string) string {
	if slices.Contains(set, value) {
		return value
	}
	return other
}
