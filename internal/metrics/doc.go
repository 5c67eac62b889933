// Package metrics counts and times what rekey does, for Prometheus. It owns
// every name under rekey_, and is told by the core's ports: [Metrics] is an
// [auth.Events] and an [auth.Observer], and a limiter goes through
// [Metrics.Limiter]. What is a state is read from [Sources] when it is asked for.
//
// Labels are from fixed sets. None is a path, an address, an id or anything
// else that a client chooses. It knows no transport: who serves the
// [prometheus.Gatherer] is the wiring's business.
package metrics
