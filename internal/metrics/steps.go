package metrics

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"rekey/internal/auth"
)

// step is what is kept of one step. What mostly happens is found without
// looking labels up.
type step struct {
	took     prometheus.Observer
	ok       map[string]prometheus.Counter // by transport
	outcomes *prometheus.CounterVec        // of transport and outcome; nil for parts
}

// alarming are outcomes that alerts look for. Their series are there from the
// start, or the first of a kind would be no increase.
func alarming() []string {
	return []string{auth.Outcome(auth.Unavailable(nil)), auth.Outcome(&auth.Error{Code: auth.CodeInternal})}
}

func (m *Metrics) addSteps() {
	outcomes := m.counters("rekey_operations_total", "Use cases that ended, by what they came to: ok, or the reason or code of the error.",
		"operation", "transport", "outcome")
	took := m.histograms("rekey_operation_duration_seconds", "How long use cases and their parts took.", "operation")
	m.steps = map[auth.Step]step{}
	for _, s := range slices.Concat(auth.UseCases(), auth.Parts()) {
		m.steps[s] = step{took: took.WithLabelValues(string(s))}
	}
	for _, s := range auth.UseCases() {
		name := prometheus.Labels{"operation": string(s)}
		kept := m.steps[s]
		kept.outcomes, kept.ok = outcomes.MustCurryWith(name), map[string]prometheus.Counter{}
		for _, transport := range transports() {
			kept.ok[transport] = kept.outcomes.WithLabelValues(transport, auth.OutcomeOK)
			for _, outcome := range alarming() {
				kept.outcomes.WithLabelValues(transport, outcome)
			}
		}
		m.steps[s] = kept
	}
}

// Begin times a step and counts what it comes to.
func (m *Metrics) Begin(ctx context.Context, s auth.Step, c auth.Client) (context.Context, func(error)) {
	kept, known := m.steps[s]
	if !known {
		return ctx, func(error) {}
	}
	begun := m.now()
	return ctx, func(err error) {
		kept.took.Observe(m.now().Sub(begun).Seconds())
		kept.count(string(c.Transport), err)
	}
}

func (s step) count(transport string, err error) {
	if s.outcomes == nil {
		return
	}
	if counter, known := s.ok[transport]; known && err == nil {
		counter.Inc()
		return
	}
	s.outcomes.WithLabelValues(oneOf(transports(), transport), auth.Outcome(err)).Inc()
}
