package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are states that are read when metrics are asked for. What is nil is
// left out. None may block.
type Sources struct {
	// AccessChecks counts looks at the cache of doubt by their outcome; those
	// under Cleared asked nobody else.
	AccessChecks func() map[string]uint64
	Cleared      string
	// Redis is nil without it.
	Redis *Redis
	// Pools are those of the database.
	Pools func() []Pool
	// Passwords counts those that are being hashed, and those that wait.
	Passwords func() (working, waiting int)
	// ClockSkewed is whether token work is refused for the clock's sake.
	ClockSkewed func() bool
	// Streams counts connections that stay open, and the sessions' streams of events.
	Streams func() (connections, sessions int)
	// Keys are those that sign or derive now.
	Keys func() []Key
	// KeysFailing is whether the key ring cannot be kept up to date.
	KeysFailing func() bool
}

// Redis is what is known of it.
type Redis struct {
	Trusted      func() bool                   // access checks may rely on it
	OpenBreakers func() int                    // nodes that are given a rest
	Connections  func() (open, idle int)       // of this process
	Sharing      func() bool                   // limits are counted on it; nil without limits
	Counts       func() (shared, alone uint64) // requests counted on it, and here; nil without limits
}

// Pool is a pool of connections to the database.
type Pool struct {
	Name             string
	Most, Open, Busy int
	Waits            int64
	Waited           time.Duration
}

// Key is a key in use.
type Key struct {
	Purpose string        // access, refresh, rotation
	Age     time.Duration // since it was made
}

// Watch registers a process's sources.
func (m *Metrics) Watch(s Sources) { m.MustRegister(newState(s)) }

// state collects from sources.
type state struct {
	series []series
	descs  []*prometheus.Desc
}

// series is one metric with what reads it.
type series struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(emit func(value float64, labels ...string))
}

func (s *state) add(kind prometheus.ValueType, name, help string, labels []string, read func(emit func(float64, ...string))) {
	desc := prometheus.NewDesc(name, help, labels, nil)
	s.descs = append(s.descs, desc)
	s.series = append(s.series, series{desc, kind, read})
}

func (s *state) gauge(name, help string, read func() float64) {
	s.add(prometheus.GaugeValue, name, help, nil, func(emit func(float64, ...string)) { emit(read()) })
}

// Describe is prometheus.Collector's.
func (s *state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (s *state) Collect(to chan<- prometheus.Metric) {
	for _, each := range s.series {
		each.read(func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(each.desc, each.kind, value, labels...)
		})
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
