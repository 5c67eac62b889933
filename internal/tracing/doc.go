// Package tracing tells an OpenTelemetry collector how requests spend their
// time: a span for the transport, one for the use case in it, and one for each of
// its parts (swap, sign, hash). It is an [auth.Observer]; where it is not
// opened nothing of it runs.
//
// Attributes are from fixed sets, but for ids of requests and sessions, which
// stand in the log as well. None is a path, an address, or a token.
package tracing
