package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"rekey/internal/auth"
)

// eventKey is what events are counted by.
type eventKey struct {
	kind auth.EventKind
	door string
}

func (m *Metrics) addEvents() {
	vec := m.counters("rekey_events_total", "What operators and users want to know about, as the log has it.", "event", "door")
	m.events = map[eventKey]prometheus.Counter{}
	for _, kind := range auth.EventKinds() {
		for _, door := range doors() {
			m.events[eventKey{kind, door}] = vec.WithLabelValues(string(kind), door)
		}
	}
}

// Emit counts an event.
func (m *Metrics) Emit(_ context.Context, e auth.Event) {
	counter, known := m.events[eventKey{e.Kind, string(e.Client.Door)}]
	if !known {
		counter, known = m.events[eventKey{e.Kind, other}]
	}
	if known {
		counter.Inc()
	}
}
