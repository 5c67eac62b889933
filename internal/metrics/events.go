package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"rekey/internal/auth"
)

// eventKey is what events are counted by.
type eventKey struct {
	kind      auth.EventKind
	transport string
}

func (m *Metrics) addEvents() {
	vec := m.counters("rekey_events_total", "What operators and users want to know about, as the log has it.", "event", "transport")
	m.events = map[eventKey]prometheus.Counter{}
	for _, kind := range auth.EventKinds() {
		for _, transport := range transports() {
			m.events[eventKey{kind, transport}] = vec.WithLabelValues(string(kind), transport)
		}
	}
}

// Emit counts an event.
func (m *Metrics) Emit(_ context.Context, e auth.Event) {
	counter, known := m.events[eventKey{e.Kind, string(e.Client.Transport)}]
	if !known {
		counter, known = m.events[eventKey{e.Kind, other}]
	}
	if known {
		counter.Inc()
	}
}
