// Package auth is the core of rekey: the use cases (sign up, log in, refresh,
// log out, ...), the values they work on, the one error type and the small
// interfaces that the core needs from the outside.
//
// It knows no transport, no SQL, no Redis and no JWT library. Transports translate
// their protocol into calls of [Service]; stores, token codecs and caches are
// handed to it behind interfaces: those of every use case in ports.go, the
// others beside what needs them.
package auth
