// Package limit counts requests and says how long the next one must wait. It
// owns the rate limiters behind auth.Limiter: GCRA over a bounded map in
// memory, per process, and GCRA on Redis for all replicas together, with the
// former to fall back to.
//
// It does not know what is limited, by which key, or how a transport words the
// refusal: that is the core's and the transports' business.
package limit
