package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// route is what is kept of the requests of one path.
type route struct {
	answers *prometheus.CounterVec // of method and code
	took    prometheus.Observer
}

func methods() []string { return []string{"GET", "HEAD", "POST", "OPTIONS"} }

func (m *Metrics) addRoutes(paths []string) {
	answers := m.counters("rekey_http_requests_total", "HTTP requests that were answered; code 0 is an answer that was cut off.", "route", "method", "code")
	took := m.histograms("rekey_http_request_duration_seconds", "How long HTTP requests took, without those that stay open for events.", "route")
	m.routes = map[string]route{}
	for _, path := range append([]string{other}, paths...) {
		m.routes[path] = route{answers.MustCurryWith(prometheus.Labels{"route": path}), took.WithLabelValues(path)}
	}
}

// Answered counts a request by its path and method, of which unknown ones
// are "other", and by its status. One that stays open for events is not timed.
func (m *Metrics) Answered(path, method string, status int, took time.Duration, staysOpen bool) {
	r, known := m.routes[path]
	if !known {
		r = m.routes[other]
	}
	r.answers.WithLabelValues(oneOf(methods(), method), strconv.Itoa(status)).Inc()
	if !staysOpen {
		r.took.Observe(took.Seconds())
	}
}
