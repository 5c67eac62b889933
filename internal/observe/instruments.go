package observe

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rekey/internal/auth"
)

var (
	_ auth.Events   = (*Metrics)(nil)
	_ auth.Observer = (*Metrics)(nil)
)

// other replaces a label value that is not in its fixed set.
const other = "other"

// oneOf returns value if it is in the set, and "other" if not.
func oneOf(set []string, value string) string {
	if slices.Contains(set, value) {
		return value
	}
	return other
}

// transports returns the values of the label. "other" counts use cases that no
// request started.
func transports() []string {
	names := []string{other}
	for _, t := range auth.ServedTransports() {
		names = append(names, string(t))
	}
	return names
}

// step holds the series of one step. The frequent ones need no lookup by label.
type step struct {
	took     prometheus.Observer
	ok       map[string]prometheus.Counter // by transport
	outcomes *prometheus.CounterVec        // of transport and outcome; nil for parts
}

func (m *Metrics) addSteps() {
	outcomes := m.counters("rekey_operations_total", "Finished use cases, by outcome: ok, or the reason or code of the error.",
		"operation", "transport", "outcome")
	took := m.histograms("rekey_operation_duration_seconds", "Duration of use cases and their parts.", "operation")
	m.steps = map[auth.Step]step{}
	for _, part := range auth.Parts() {
		m.steps[part] = step{took: took.WithLabelValues(string(part))}
	}
	// Alerts refer to the outcomes of these errors.
	alarming := []error{auth.Unavailable(nil), &auth.Error{Code: auth.CodeInternal}}
	for _, useCase := range auth.UseCases() {
		s := step{
			took: took.WithLabelValues(string(useCase)), ok: map[string]prometheus.Counter{},
			outcomes: outcomes.MustCurryWith(prometheus.Labels{"operation": string(useCase)}),
		}
		for _, transport := range transports() {
			s.ok[transport] = s.outcomes.WithLabelValues(transport, auth.OutcomeOK)
			for _, err := range alarming {
				s.outcomes.WithLabelValues(transport, auth.Outcome(err))
			}
		}
		m.steps[useCase] = s
	}
}

// Begin measures a step. The returned function counts its outcome.
func (m *Metrics) Begin(ctx context.Context, s auth.Step, c auth.Client) (context.Context, func(error)) {
	series, known := m.steps[s]
	if !known {
		return ctx, func(error) {}
	}
	begun, transport := m.now(), string(c.Transport)
	return ctx, func(err error) {
		series.took.Observe(m.now().Sub(begun).Seconds())
		if series.outcomes == nil {
			return
		}
		if counter, known := series.ok[transport]; known && err == nil {
			counter.Inc()
			return
		}
		series.outcomes.WithLabelValues(oneOf(transports(), transport), auth.Outcome(err)).Inc()
	}
}

// eventKey identifies a series of events.
type eventKey struct {
	kind      auth.EventKind
	transport string
}

func (m *Metrics) addEvents() {
	vec := m.counters("rekey_events_total", "Security events and rotations, by the name that they have in the log.", "event", "transport")
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

// route holds the series of the requests to one path.
type route struct {
	answers *prometheus.CounterVec // of method and code
	took    prometheus.Observer
}

func (m *Metrics) addRoutes(paths []string) {
	answers := m.counters("rekey_http_requests_total", "Answered HTTP requests; code 0 is an answer that was cut off.", "route", "method", "code")
	took := m.histograms("rekey_http_request_duration_seconds", "Duration of HTTP requests, without streams.", "route")
	m.ignored = m.counters("rekey_forwarded_ignored_total", "Requests that name their client in a header that is not read, because the peer is not in TRUSTED_PROXIES or sends another header.").WithLabelValues()
	m.routes = map[string]route{}
	for _, path := range append([]string{other}, paths...) {
		m.routes[path] = route{answers.MustCurryWith(prometheus.Labels{"route": path}), took.WithLabelValues(path)}
	}
}

// methods returns the HTTP methods that metrics and traces distinguish.
func methods() []string { return []string{"GET", "HEAD", "POST", "OPTIONS"} }

// Answered counts a request by path, method and status, and measures it unless
// it was a stream.
func (m *Metrics) Answered(path, method string, status int, took time.Duration, stream bool) {
	r, known := m.routes[path]
	if !known {
		r = m.routes[other]
	}
	r.answers.WithLabelValues(oneOf(methods(), method), strconv.Itoa(status)).Inc()
	if !stream {
		r.took.Observe(took.Seconds())
	}
}

// ForwardedIgnored counts a request whose header about its client is not read.
func (m *Metrics) ForwardedIgnored() { m.ignored.Inc() }

func (m *Metrics) addGraphQLErrors() {
	vec := m.counters("rekey_graphql_errors_total", "Errors that GraphQL clients got, by extensions.code. The HTTP status may be 200.", "code")
	m.graphql = map[auth.Code]prometheus.Counter{}
	for _, code := range auth.Codes() {
		m.graphql[code] = vec.WithLabelValues(string(code))
	}
}

// GraphQLError counts an error that a GraphQL client got.
func (m *Metrics) GraphQLError(code auth.Code) {
	if counter, known := m.graphql[code]; known {
		counter.Inc()
	}
}

func (m *Metrics) addLimits() {
	m.limited = m.counters("rekey_rate_limited_total", "Requests that a rate limit refused.", "limit")
	for _, l := range auth.DefaultLimits() {
		m.limited.WithLabelValues(l.Name)
	}
}

// Limiter returns a limiter that counts what next refuses.
func (m *Metrics) Limiter(next auth.Limiter) auth.Limiter { return limiter{next, m.limited} }

type limiter struct {
	next    auth.Limiter
	refused *prometheus.CounterVec
}

// Allow implements [auth.Limiter].
func (l limiter) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	refusal := l.next.Allow(ctx, checks...)
	if refusal.Wait > 0 {
		l.refused.WithLabelValues(refusal.Limit.Name).Inc()
	}
	return refusal
}
